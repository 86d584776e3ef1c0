//! Devices by id.

use std::hash::BuildHasher;

use dashmap::{DashMap, SharedValue};

use super::rejection::Rejection;
use super::row::Row;

/// More shards than cores by far, so that two writers seldom want the same.
const SHARDS: usize = 128;

/// Where each device stands, by its id.
///
/// It keeps rows only: their ids stand in the segments already, and are read there through
/// [`Names`] whenever a row is compared or moved. So a device costs it 5 to 11 bytes.
///
/// Never holds a shard while it asks for another lock than that of the names; callers may lock
/// segments inside [`Index::insert_with`].
#[derive(Debug)]
pub(super) struct Index {
    rows: DashMap<Row, (), foldhash::fast::RandomState>,
}

/// Who knows the ids of rows.
pub(super) trait Names {
    /// What `look` finds in the id of the device at `row`, which has one.
    fn with_name<T>(&self, row: Row, look: impl FnOnce(&str) -> T) -> T;
}

impl Default for Index {
    fn default() -> Self {
        let hasher = foldhash::fast::RandomState::default();
        Self { rows: DashMap::with_capacity_and_hasher_and_shard_amount(0, hasher, SHARDS) }
    }
}

impl Index {
    pub(super) fn get(&self, names: &impl Names, id: &str) -> Option<Row> {
        let hash = self.hash(id);
        let shard = self.rows.shards()[self.rows.determine_shard(hash as usize)].read();
        shard.get(hash, |(row, _)| is(names, *row, id)).map(|(row, _)| *row)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Gives `id` the row that `make` makes, unless it has one. The id of the row must be among
    /// the names then.
    pub(super) fn insert_with(
        &self,
        names: &impl Names,
        id: &str,
        make: impl FnOnce() -> Result<Row, Rejection>,
    ) -> Result<(), Rejection> {
        let hash = self.hash(id);
        let mut shard = self.rows.shards()[self.rows.determine_shard(hash as usize)].write();
        if shard.get(hash, |(row, _)| is(names, *row, id)).is_some() {
            return Err(Rejection::Exists);
        }
        let entry = (make()?, SharedValue::new(()));
        shard.insert(hash, entry, |(row, _)| names.with_name(*row, |id| self.hash(id)));
        Ok(())
    }

    /// Forgets `id` if `end` ends its row.
    pub(super) fn remove_with(
        &self,
        names: &impl Names,
        id: &str,
        end: impl FnOnce(Row) -> Result<(), Rejection>,
    ) -> Result<(), Rejection> {
        let hash = self.hash(id);
        let mut shard = self.rows.shards()[self.rows.determine_shard(hash as usize)].write();
        let row = match shard.get(hash, |(row, _)| is(names, *row, id)) {
            Some((row, _)) => *row,
            None => return Err(Rejection::NotFound),
        };
        end(row)?;
        shard.remove_entry(hash, |(known, _)| *known == row);
        Ok(())
    }

    /// Forgets `id` if it has this `row`.
    pub(super) fn remove(&self, id: &str, row: Row) {
        let hash = self.hash(id);
        let mut shard = self.rows.shards()[self.rows.determine_shard(hash as usize)].write();
        shard.remove_entry(hash, |(known, _)| *known == row);
    }

    /// The bytes of the tables: a row and a byte of control for each place.
    pub(super) fn heap_bytes(&self) -> usize {
        let places = |shard: usize| self.rows.shards()[shard].read().buckets();
        (0..self.rows.shards().len()).map(places).sum::<usize>() * (size_of::<Row>() + 1)
    }

    fn hash(&self, id: &str) -> u64 {
        self.rows.hasher().hash_one(id)
    }
}

fn is(names: &impl Names, row: Row, id: &str) -> bool {
    names.with_name(row, |name| name == id)
}
