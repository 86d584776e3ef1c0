//! The frozen list of devices that a job works on.

use std::ops::Range;
use std::sync::Arc;

use crate::store::{Bitmap, Ids, Row};

/// The devices of a job by position, from 0, in the order of their rows.
///
/// Ids are shared with the store and stay readable after a device is deleted.
#[derive(Debug)]
pub struct Targets {
    rows: Vec<Row>,
    ids: Vec<Arc<Ids>>,
}

impl Targets {
    pub(super) fn new(rows: Vec<Row>, ids: Vec<Arc<Ids>>) -> Self {
        Self { rows, ids }
    }

    /// How many devices.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The id of the device at `position`.
    ///
    /// # Panics
    ///
    /// If there are fewer devices.
    #[must_use]
    pub fn id(&self, position: u32) -> &str {
        let row = self.rows[position as usize];
        self.ids[row.segment()].get(row.offset())
    }

    /// Adds the ids at `positions` to `text`, and after each where it ends there to `ends`.
    ///
    /// # Panics
    ///
    /// If there are fewer devices.
    pub fn gather_ids(&self, positions: Range<u32>, text: &mut String, ends: &mut Vec<i32>) {
        for row in &self.rows[positions.start as usize..positions.end as usize] {
            text.push_str(self.ids[row.segment()].get(row.offset()));
            ends.push(i32::try_from(text.len()).expect("the ids of 2^24 devices fit 31 bits"));
        }
    }

    /// The row of the device at `position`.
    ///
    /// # Panics
    ///
    /// If there are fewer devices.
    #[must_use]
    pub fn row(&self, position: u32) -> Row {
        self.rows[position as usize]
    }

    /// The position of a row, if the job works on it.
    #[must_use]
    pub fn position(&self, row: Row) -> Option<u32> {
        self.rows.binary_search(&row).ok().and_then(|place| u32::try_from(place).ok())
    }

    /// The rows of some positions as bitmaps with the numbers of their segments.
    #[must_use]
    pub fn bitmaps(&self, positions: Range<u32>) -> Vec<(usize, Bitmap)> {
        let mut bitmaps: Vec<(usize, Bitmap)> = Vec::new();
        for row in &self.rows[positions.start as usize..positions.end as usize] {
            match bitmaps.last_mut() {
                Some((number, bitmap)) if *number == row.segment() => bitmap.insert(row.offset()),
                _ => {
                    let mut bitmap = Bitmap::zeros();
                    bitmap.insert(row.offset());
                    bitmaps.push((row.segment(), bitmap));
                }
            }
        }
        bitmaps
    }

    /// Ends of pieces of at most `segments` segments each, the last being the length.
    #[must_use]
    pub fn chunk_ends(&self, segments: usize) -> Vec<u32> {
        let mut ends = Vec::new();
        let mut start = 0;
        while let Some(first) = self.rows.get(start) {
            let beyond = first.segment() + segments;
            start += self.rows[start..].partition_point(|row| row.segment() < beyond);
            ends.push(u32::try_from(start).expect("rows are numbered in 32 bits"));
        }
        ends
    }
}
