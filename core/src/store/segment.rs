//! 65,536 consecutive rows: their ids, which of them live, and their columns.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::bitmap::Bitmap;
use super::column::{Column, blend, fill, increment, set};
use super::dictionary::Dictionary;
use super::ids::Ids;
use super::layout::Layout;
use super::row::{ColumnKey, SEGMENT_ROWS};
use crate::twin::{PathId, PathTable, Scalar, SectionSizes};

type Columns = HashMap<ColumnKey, Arc<Column>, foldhash::fast::FixedState>;

/// 65,536 consecutive rows behind one short lock.
#[derive(Debug, Default)]
pub struct Segment {
    data: RwLock<SegmentData>,
    /// Apart from the rest: the index reads it while others change the columns.
    ids: RwLock<Arc<Ids>>,
}

impl Segment {
    pub(super) fn read(&self) -> RwLockReadGuard<'_, SegmentData> {
        self.data.read()
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, SegmentData> {
        self.data.write()
    }

    /// The ids of its devices. Those of a segment that is being imported are here already.
    pub(super) fn ids(&self) -> Arc<Ids> {
        Arc::clone(&self.ids.read())
    }

    pub(super) fn set_ids(&self, ids: Arc<Ids>) {
        *self.ids.write() = ids;
    }

    /// Gives `id` the next row of `data`, which is the data of this segment.
    pub(super) fn add_id(&self, data: &mut SegmentData, id: &str) -> usize {
        Arc::make_mut(&mut self.ids.write()).push(id);
        data.rows += 1;
        data.rows - 1
    }

    /// What `look` finds in the id at `offset`.
    pub(super) fn with_id<T>(&self, offset: usize, look: impl FnOnce(&str) -> T) -> T {
        look(self.ids.read().get(offset))
    }
}

/// What a segment holds.
#[derive(Debug)]
pub(super) struct SegmentData {
    pub(super) live: Arc<Bitmap>,
    pub(super) living: usize,
    /// The rows given so far, dead ones included.
    pub(super) rows: usize,
    pub(super) columns: Columns,
    /// No twin of the segment has larger sections than these.
    pub(super) bounds: SectionSizes,
    /// The keys of the columns, ascending, and what documents are made of them; made anew after a
    /// column came or went.
    pub(super) layout: OnceLock<(Vec<ColumnKey>, Layout)>,
}

impl Default for SegmentData {
    fn default() -> Self {
        Self {
            live: Arc::new(Bitmap::zeros()),
            living: 0,
            rows: 0,
            columns: Columns::default(),
            bounds: SectionSizes::default(),
            layout: OnceLock::new(),
        }
    }
}

/// Which rows of a segment an edit is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rows<'a> {
    One(usize),
    /// The rows of a mask; `whole` if it has every living row.
    Many {
        mask: &'a Bitmap,
        whole: bool,
    },
}

impl SegmentData {
    pub(super) fn is_full(&self) -> bool {
        self.rows == SEGMENT_ROWS
    }

    /// The keys of the columns, and a layout of whole twins that names them by their places.
    pub(super) fn layout(&self, paths: &PathTable) -> &(Vec<ColumnKey>, Layout) {
        self.layout.get_or_init(|| {
            let mut keys: Vec<ColumnKey> = self.columns.keys().copied().collect();
            keys.sort_unstable();
            let layout = Layout::new(&paths.read(), PathId::ROOT, &keys, 0..keys.len());
            (keys, layout)
        })
    }

    /// Asks for the memory of all values of a row. They lie in as many places as there are columns,
    /// and one after the other they would take longer than all that is done with them.
    pub(super) fn prefetch(&self, offset: usize) {
        self.columns.values().for_each(|column| column.prefetch(offset));
    }

    /// Forgets all columns: no row is alive.
    pub(super) fn clear(&mut self) {
        self.columns.clear();
        self.layout.take();
    }

    pub(super) fn get(&self, key: ColumnKey, offset: usize) -> Option<Scalar<'_>> {
        self.columns.get(&key)?.get(offset)
    }

    pub(super) fn integer(&self, key: ColumnKey, offset: usize) -> Option<i64> {
        match self.get(key, offset) {
            Some(Scalar::Int(value)) => Some(value),
            _ => None,
        }
    }

    /// Writes `value` to `rows` of a column, or takes it away.
    pub(super) fn put(
        &mut self,
        key: ColumnKey,
        rows: Rows<'_>,
        value: Option<&Scalar<'_>>,
        dictionary: &Arc<Dictionary>,
    ) {
        if value.is_none() && !self.columns.contains_key(&key) {
            return;
        }
        let count = self.rows;
        self.edit(key, |slot| match rows {
            Rows::One(offset) => set(slot, offset, value, dictionary),
            Rows::Many { mask, whole } => fill(slot, mask, count, whole, value, dictionary),
        });
    }

    /// Adds one to an integer column and gives the new value of a single row.
    pub(super) fn increment(
        &mut self,
        key: ColumnKey,
        rows: Rows<'_>,
        dictionary: &Arc<Dictionary>,
    ) {
        let count = self.rows;
        match rows {
            Rows::One(offset) => {
                let value = self.integer(key, offset).unwrap_or(0).saturating_add(1);
                self.put(key, rows, Some(&Scalar::Int(value)), dictionary);
            }
            Rows::Many { mask, whole } => {
                self.edit(key, |slot| increment(slot, mask, count, whole, dictionary));
            }
        }
    }

    /// Copies `rows` of the integer column `from` to the column `to`.
    pub(super) fn copy(
        &mut self,
        from: ColumnKey,
        to: ColumnKey,
        rows: Rows<'_>,
        dictionary: &Arc<Dictionary>,
    ) {
        let count = self.rows;
        match rows {
            Rows::One(offset) => {
                let value = self.integer(from, offset).map(Scalar::Int);
                self.put(to, rows, value.as_ref(), dictionary);
            }
            Rows::Many { mask, whole } => {
                let source = self.columns.get(&from).cloned();
                self.edit(to, |slot| blend(slot, mask, count, whole, &source, dictionary));
            }
        }
    }

    fn edit(&mut self, key: ColumnKey, change: impl FnOnce(&mut Option<Arc<Column>>)) {
        let mut slot = self.columns.remove(&key);
        let was_there = slot.is_some();
        change(&mut slot);
        let slot = slot.filter(|column| !column.is_empty());
        if slot.is_some() != was_there {
            self.layout.take();
        }
        self.columns.extend(slot.map(|column| (key, column)));
    }
}
