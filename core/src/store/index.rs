//! Devices by id.

use compact_str::CompactString;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use super::rejection::Rejection;
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

    /// Gives `id` the row that `make` makes, unless it has one.
    pub(super) fn insert_with(
        &self,
        id: &str,
        make: impl FnOnce() -> Result<Row, Rejection>,
    ) -> Result<(), Rejection> {
        match self.rows.entry(CompactString::from(id)) {
            Entry::Occupied(_) => Err(Rejection::Exists),
            Entry::Vacant(vacant) => {
                vacant.insert(make()?);
                Ok(())
            }
        }
    }

    /// Forgets `id` if `end` ends its row.
    pub(super) fn remove_with(
        &self,
        id: &str,
        end: impl FnOnce(Row) -> Result<(), Rejection>,
    ) -> Result<(), Rejection> {
        match self.rows.entry(CompactString::from(id)) {
            Entry::Vacant(_) => Err(Rejection::NotFound),
            Entry::Occupied(known) => {
                end(*known.get())?;
                known.remove();
                Ok(())
            }
        }
    }

    /// Forgets `id` if it has this `row`.
    pub(super) fn remove(&self, id: &str, row: Row) {
        self.rows.remove_if(id, |_, known| *known == row);
    }
}
