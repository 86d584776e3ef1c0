//! Devices by id.

mod table;

use std::hash::BuildHasher;
use std::hint::black_box;

use crossbeam::utils::CachePadded;
use parking_lot::RwLock;

use self::table::{Hash, Table};
use super::ids::Ids;
use super::rejection::Rejection;
use super::row::Row;

/// More shards than cores by far, so that two writers seldom want the same.
const SHARDS: usize = 128;

/// Where each device stands, by its id.
///
/// It keeps no ids, only hashes: the ids stand in the segments already, and are read there through
/// [`Names`] when hashes agree. A device costs it 10 to 13 bytes.
///
/// Never holds a shard while it asks for another lock than that of the names; callers may lock
/// segments inside [`Index::insert_with`].
#[derive(Debug)]
pub(super) struct Index {
    shards: Box<[CachePadded<RwLock<Table>>]>,
    hasher: foldhash::fast::RandomState,
}

/// Who knows the ids of rows.
pub(super) trait Names {
    /// Whether the device at `row`, which has an id, has this one.
    fn is(&self, row: Row, id: &str) -> bool;
}

/// Where an id is looked for.
struct Key {
    /// The number of the shard, from bits of which the hash has none.
    shard: usize,
    hash: Hash,
}

impl Default for Index {
    fn default() -> Self {
        let shards = std::iter::repeat_with(CachePadded::default).take(SHARDS).collect();
        Self { shards, hasher: foldhash::fast::RandomState::default() }
    }
}

impl Index {
    pub(super) fn get(&self, names: &impl Names, id: &str) -> Option<Row> {
        let key = self.key(id);
        find(&self.shards[key.shard].read(), names, key.hash, id)
    }

    /// Rows of `ids`, each with the place of its id: of an id that has a row that one, and some
    /// others now and then, since only hashes are compared. In no order.
    ///
    /// A question of the index waits for memory, and those of one shard wait together: all are
    /// begun before the first is answered.
    pub(super) fn candidates(&self, ids: &[&str]) -> Vec<(usize, Row)> {
        let groups = self.by_shard(ids.iter().copied());
        let mut found = Vec::with_capacity(ids.len());
        for (shard, keys) in self.shards.iter().zip(groups.iter()) {
            if keys.is_empty() {
                continue;
            }
            let shard = shard.read();
            black_box(keys.iter().fold(0, |sum, (_, hash)| sum ^ shard.touch(*hash)));
            for (place, hash) in keys {
                found.extend(shard.rows(*hash).map(|row| (*place as usize, row)));
            }
        }
        found
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }

    /// Gives `id` the row that `make` makes, unless it has one. The row must have its name then.
    pub(super) fn insert_with(
        &self,
        names: &impl Names,
        id: &str,
        make: impl FnOnce() -> Result<Row, Rejection>,
    ) -> Result<(), Rejection> {
        let key = self.key(id);
        let mut shard = self.shards[key.shard].write();
        if find(&shard, names, key.hash, id).is_some() {
            return Err(Rejection::Exists);
        }
        shard.insert(key.hash, make()?);
        Ok(())
    }

    /// Gives the `ids` the rows of segment number `segment`, whose names they must be already;
    /// the offsets of those that have a row are given back, ascending.
    ///
    /// One shard after the other, so that each is locked once and stays near the core.
    pub(super) fn insert_all(&self, names: &impl Names, ids: &Ids, segment: usize) -> Vec<usize> {
        let groups = self.by_shard((0..ids.len()).map(|offset| ids.get(offset)));
        let mut known = Vec::new();
        for (shard, keys) in self.shards.iter().zip(groups.iter()) {
            let mut shard = shard.write();
            for (offset, hash) in keys {
                let offset = *offset as usize;
                if find(&shard, names, *hash, ids.get(offset)).is_some() {
                    known.push(offset);
                } else {
                    shard.insert(*hash, Row::new(segment, offset));
                }
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
        let key = self.key(id);
        let mut shard = self.shards[key.shard].write();
        let row = find(&shard, names, key.hash, id).ok_or(Rejection::NotFound)?;
        end(row)?;
        shard.remove(key.hash, row);
        Ok(())
    }

    /// Forgets `id` if it has this `row`.
    pub(super) fn remove(&self, id: &str, row: Row) {
        let key = self.key(id);
        self.shards[key.shard].write().remove(key.hash, row);
    }

    /// The bytes of the tables.
    pub(super) fn heap_bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().heap_bytes()).sum()
    }

    fn key(&self, id: &str) -> Key {
        let hash = self.hasher.hash_one(id);
        Key { shard: hash as usize % SHARDS, hash: Hash::new(hash) }
    }

    /// The places and hashes of `ids`, shard by shard, in their order.
    fn by_shard<'i>(&self, ids: impl ExactSizeIterator<Item = &'i str>) -> Groups {
        let keys: Vec<Key> = ids.map(|id| self.key(id)).collect();
        let mut ends = [0; SHARDS];
        keys.iter().for_each(|key| ends[key.shard] += 1);
        let mut sum = 0;
        for end in &mut ends {
            // First where the group starts; that moves to its end as the group is filled.
            sum += std::mem::replace(end, sum);
        }
        let mut entries = vec![(0, Hash::default()); keys.len()];
        for (place, key) in (0..).zip(keys) {
            entries[ends[key.shard]] = (place, key.hash);
            ends[key.shard] += 1;
        }
        Groups { entries, ends }
    }
}

/// Places and hashes of ids, by shard.
struct Groups {
    entries: Vec<(u32, Hash)>,
    ends: [usize; SHARDS],
}

impl Groups {
    fn iter(&self) -> impl Iterator<Item = &[(u32, Hash)]> {
        let mut start = 0;
        self.ends.iter().map(move |end| &self.entries[std::mem::replace(&mut start, *end)..*end])
    }
}

fn find(table: &Table, names: &impl Names, hash: Hash, id: &str) -> Option<Row> {
    table.rows(hash).find(|row| names.is(*row, id))
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

        let mut found = index.candidates(&["d5", "none", "d29999", "d5"]);
        found
            .retain(|(place, row)| ids.get(row.offset()) == ["d5", "none", "d29999", "d5"][*place]);
        found.sort_unstable();
        let (first, last) = (Row::new(0, 5), Row::new(0, 29_999));
        assert_eq!(found, [(0, first), (2, last), (3, first)]);

        let bytes = index.heap_bytes();
        assert!(bytes < 30_000 * 15, "{bytes} bytes");

        index.remove("d7", Row::new(0, 30_007));
        assert_eq!(index.get(&names, "d7"), Some(Row::new(0, 7)), "another row has it");
        index.remove("d7", Row::new(0, 7));
        assert_eq!(index.get(&names, "d7"), None);
        assert!(index.insert_with(&names, "d7", || Ok(Row::new(0, 7))).is_ok());
        let again = index.insert_with(&names, "d7", || Ok(Row::new(0, 7)));
        assert_eq!(again, Err(Rejection::Exists));
    }
}
