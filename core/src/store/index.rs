//! Devices by id.

use std::hash::BuildHasher;

use dashmap::{DashMap, SharedValue};

use super::ids::Ids;
use super::rejection::Rejection;
use super::row::Row;

/// More shards than cores by far, so that two writers seldom want the same.
const SHARDS: usize = 128;

/// Where each device stands, by its id.
///
/// It keeps no ids: they stand in the segments already, and are read there through [`Names`] when
/// hashes agree. A device costs it 10 to 21 bytes. It could do without the hashes, but then a
/// table that grows would read all ids again, in random order: an eighth of the time of an import.
///
/// Never holds a shard while it asks for another lock than that of the names; callers may lock
/// segments inside [`Index::insert_with`].
#[derive(Debug)]
pub(super) struct Index {
    devices: DashMap<Device, (), foldhash::fast::RandomState>,
}

/// A row, and the hash of its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Device {
    row: Row,
    hash: u32,
}

/// Who knows the ids of rows.
pub(super) trait Names {
    /// Whether the device at `row`, which has an id, has this one.
    fn is(&self, row: Row, id: &str) -> bool;
}

impl Default for Index {
    fn default() -> Self {
        let hasher = foldhash::fast::RandomState::default();
        Self { devices: DashMap::with_capacity_and_hasher_and_shard_amount(0, hasher, SHARDS) }
    }
}

impl Index {
    pub(super) fn get(&self, names: &impl Names, id: &str) -> Option<Row> {
        let (hash, place) = self.place(id);
        let shard = self.devices.shards()[self.shard(place)].read();
        shard.get(place, |(device, _)| is(names, *device, hash, id)).map(|(device, _)| device.row)
    }

    pub(super) fn len(&self) -> usize {
        self.devices.len()
    }

    /// Gives `id` the row that `make` makes, unless it has one. The row must have its name then.
    pub(super) fn insert_with(
        &self,
        names: &impl Names,
        id: &str,
        make: impl FnOnce() -> Result<Row, Rejection>,
    ) -> Result<(), Rejection> {
        let (hash, place) = self.place(id);
        let mut shard = self.devices.shards()[self.shard(place)].write();
        if shard.get(place, |(device, _)| is(names, *device, hash, id)).is_some() {
            return Err(Rejection::Exists);
        }
        let device = Device { row: make()?, hash };
        shard.insert(place, (device, SharedValue::new(())), |(device, _)| self.spread(device.hash));
        Ok(())
    }

    /// Gives the `ids` the rows of segment number `segment`, whose names they must be already;
    /// the offsets of those that have a row are given back, ascending.
    ///
    /// One shard after the other, so that each is locked once and stays near the core.
    pub(super) fn insert_all(&self, names: &impl Names, ids: &Ids, segment: usize) -> Vec<usize> {
        let mut by_shard: Vec<Vec<(usize, u32, u64)>> = vec![Vec::new(); SHARDS];
        for offset in 0..ids.len() {
            let (hash, place) = self.place(ids.get(offset));
            by_shard[self.shard(place)].push((offset, hash, place));
        }
        let mut known = Vec::new();
        for (shard, entries) in self.devices.shards().iter().zip(by_shard) {
            let mut shard = shard.write();
            for (offset, hash, place) in entries {
                let id = ids.get(offset);
                if shard.get(place, |(device, _)| is(names, *device, hash, id)).is_some() {
                    known.push(offset);
                    continue;
                }
                let device = Device { row: Row::new(segment, offset), hash };
                let entry = (device, SharedValue::new(()));
                shard.insert(place, entry, |(device, _)| self.spread(device.hash));
            }
        }
        known.sort_unstable();
        known
    }

    /// Forgets `id` if `end` ends its row.
    pub(super) fn remove_with(
        &self,
        names: &impl Names,
        id: &str,
        end: impl FnOnce(Row) -> Result<(), Rejection>,
    ) -> Result<(), Rejection> {
        let (hash, place) = self.place(id);
        let mut shard = self.devices.shards()[self.shard(place)].write();
        let found = shard.get(place, |(device, _)| is(names, *device, hash, id));
        let row = found.map(|(device, _)| device.row).ok_or(Rejection::NotFound)?;
        end(row)?;
        shard.remove_entry(place, |(device, _)| device.row == row);
        Ok(())
    }

    /// Forgets `id` if it has this `row`.
    pub(super) fn remove(&self, id: &str, row: Row) {
        let (_, place) = self.place(id);
        let mut shard = self.devices.shards()[self.shard(place)].write();
        shard.remove_entry(place, |(device, _)| device.row == row);
    }

    /// The bytes of the tables: a device and a byte of control for each place.
    pub(super) fn heap_bytes(&self) -> usize {
        let places: usize = self.devices.shards().iter().map(|shard| shard.read().buckets()).sum();
        places * (size_of::<Device>() + 1)
    }

    /// What is kept of the hash of `id`, and where the tables put what has it.
    fn place(&self, id: &str) -> (u32, u64) {
        let hash = self.devices.hasher().hash_one(id);
        let kept = (hash >> 32) as u32;
        (kept, self.spread(kept))
    }

    fn spread(&self, hash: u32) -> u64 {
        self.devices.hasher().hash_one(hash)
    }

    fn shard(&self, place: u64) -> usize {
        self.devices.determine_shard(place as usize)
    }
}

fn is(names: &impl Names, device: Device, hash: u32, id: &str) -> bool {
    device.hash == hash && names.is(device.row, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of which every hash is followed up, whether they are right or not.
    struct Listed<'a>(&'a Ids);

    impl Names for Listed<'_> {
        fn is(&self, row: Row, id: &str) -> bool {
            self.0.get(row.offset()) == id
        }
    }

    #[test]
    fn all_ids_are_found_however_much_the_tables_grew() {
        let mut ids = Ids::default();
        (0..40_000).for_each(|number| ids.push(&format!("d{}", number % 30_000)));
        let (index, names) = (Index::default(), Listed(&ids));
        let known = index.insert_all(&names, &ids, 0);
        assert_eq!(known, (30_000..40_000).collect::<Vec<_>>(), "the first of two has the id");
        assert_eq!(index.len(), 30_000);
        for number in 0..30_000 {
            assert_eq!(index.get(&names, &format!("d{number}")), Some(Row::new(0, number)));
        }
        assert_eq!(index.get(&names, "d30000"), None);

        index.remove("d7", Row::new(0, 30_007));
        assert_eq!(index.get(&names, "d7"), Some(Row::new(0, 7)), "another row has it");
        index.remove("d7", Row::new(0, 7));
        assert_eq!(index.get(&names, "d7"), None);
        assert!(index.insert_with(&names, "d7", || Ok(Row::new(0, 7))).is_ok());
        let again = index.insert_with(&names, "d7", || Ok(Row::new(0, 7)));
        assert_eq!(again, Err(Rejection::Exists));
    }
}
