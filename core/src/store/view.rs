//! Columns of one moment, to be read without a lock.

use std::hint::black_box;
use std::sync::Arc;

use super::bitmap::Bitmap;
use super::column::Column;
use super::ids::Ids;
use super::row::{ColumnKey, Row};
use crate::twin::is_same;

/// Some columns of all segments, all of one moment.
///
/// Taking one costs a few pointers a segment. Writers go on meanwhile: they copy a column before
/// they change it if a view holds it.
#[derive(Debug, Clone)]
pub struct View {
    pub(super) keys: Arc<[ColumnKey]>,
    pub(super) segments: Vec<SegmentView>,
}

/// The columns of one segment in a [`View`].
#[derive(Debug, Clone)]
pub struct SegmentView {
    /// The ids by offset; as many as the segment has rows.
    pub ids: Arc<Ids>,
    /// The rows whose device exists.
    pub live: Arc<Bitmap>,
    /// How many they are.
    pub living: usize,
    /// The columns in the order in which they were asked for; `None` where no row has a value.
    pub columns: Vec<Option<Arc<Column>>>,
}

impl View {
    /// The segments, by number.
    #[must_use]
    pub fn segments(&self) -> &[SegmentView] {
        &self.segments
    }

    /// The columns that were asked for.
    #[must_use]
    pub fn keys(&self) -> &[ColumnKey] {
        &self.keys
    }

    /// How many devices exist.
    #[must_use]
    pub fn living(&self) -> usize {
        self.segments.iter().map(|segment| segment.living).sum()
    }

    /// Calls `each` with those of `candidates`, pairs of the place of an id in `ids` and a row, that
    /// are right: the device at the row exists, and has this id.
    ///
    /// Reading an id waits for memory; a few wait together.
    pub fn known(
        &self,
        ids: &[&str],
        candidates: &[(usize, Row)],
        mut each: impl FnMut(usize, Row),
    ) {
        const TOGETHER: usize = 32;
        let mut found = Vec::with_capacity(TOGETHER);
        for some in candidates.chunks(TOGETHER) {
            found.clear();
            for (place, row) in some {
                let segment = self.segments.get(row.segment());
                if let Some(segment) = segment.filter(|it| it.live.contains(row.offset())) {
                    found.push((*place, *row, segment.ids.get(row.offset())));
                }
            }
            black_box(found.iter().fold(0, |sum, (_, _, id)| sum ^ first_byte(id)));
            for (place, row, id) in &found {
                if is_same(id.as_bytes(), ids[*place].as_bytes()) {
                    each(*place, *row);
                }
            }
        }
    }

    /// The id of the device at `row`.
    ///
    /// # Panics
    ///
    /// If the view has no such row.
    #[must_use]
    pub fn id(&self, row: Row) -> &str {
        self.segments[row.segment()].ids.get(row.offset())
    }
}

fn first_byte(id: &str) -> u8 {
    id.as_bytes().first().copied().unwrap_or(0)
}
