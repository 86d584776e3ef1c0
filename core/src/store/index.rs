//! Devices by id.

use compact_str::CompactString;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use super::row::Row;

/// More shards than cores by far, so that two writers seldom want the same.
const SHARDS: usize = 128;

/// Where each device stands, by its id. Never holds a shard while it asks for another lock of
/// its own; callers may lock segments inside [`Index::insert_with`].
#[derive(Debug)]
pub(super) struct Index {
    rows: DashMap<CompactString, Row, foldhash::fast::RandomState>,
}

impl Default for Index {
    fn default() -> Self {
        let hasher = foldhash::fast::RandomState::default();
        Self { rows: DashMap::with_capacity_and_hasher_and_shard_amount(0, hasher, SHARDS) }
    }
}

impl Index {
    pub(super) fn get(&self, id: &str) -> Option<Row> {
        self.rows.get(id).map(|entry| *entry)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Gives `id` the row that `make` makes, unless it has one; `None` then.
    pub(super) fn insert_with(&self, id: &str, make: impl FnOnce() -> Row) -> Option<Row> {
        match self.rows.entry(CompactString::from(id)) {
            Entry::Occupied(_) => None,
            Entry::Vacant(vacant) => Some(*vacant.insert(make())),
        }
    }

    pub(super) fn remove(&self, id: &str, row: Row) {
        self.rows.remove_if(id, |_, known| *known == row);
    }
}
