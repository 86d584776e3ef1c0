//! Some thousand twins that follow one another, as values by column: what a core makes of its
//! lines before they have rows.

use std::collections::HashMap;

use super::column::Lane;
use super::row::{ColumnKey, SEGMENT_ROWS};
use crate::twin::{FlatTwin, Scalar, SectionSizes};

/// Twins in columns of their own, which have no rows in a store yet.
///
/// It holds none of the lines that it was read from.
#[derive(Debug, Default)]
pub struct Batch {
    /// The ids, one after the other, and where each ends.
    ids: String,
    ends: Vec<usize>,
    lanes: Vec<(ColumnKey, Lane)>,
    places: HashMap<ColumnKey, usize, foldhash::fast::FixedState>,
    bounds: SectionSizes,
}

impl Batch {
    /// How many twins it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Adds a twin.
    ///
    /// # Panics
    ///
    /// If it has 65,536 twins already.
    pub fn push(&mut self, twin: &FlatTwin<'_>) {
        assert!(self.len() < SEGMENT_ROWS, "a segment has 65,536 rows");
        let row = self.len();
        self.ids.push_str(&twin.id);
        self.ends.push(self.ids.len());
        let mut next = 0;
        for (path, value) in &twin.cells {
            self.lane(ColumnKey::value(*path), &mut next).push(row, value);
        }
        for stamp in &twin.stamps {
            let updated = self.lane(ColumnKey::updated(stamp.path), &mut next);
            updated.push_time(row, stamp.updated);
            if let Some(version) = stamp.version {
                let versions = self.lane(ColumnKey::updated_version(stamp.path), &mut next);
                versions.push(row, &Scalar::Int(version));
            }
        }
        self.bounds = self.bounds.largest(twin.sizes);
    }

    /// The lane of `key`. Twins of a fleet have the same columns in the same order, so it is
    /// nearly always the one at `next`.
    #[inline(always)]
    fn lane(&mut self, key: ColumnKey, next: &mut usize) -> &mut Lane {
        let place = match self.lanes.get(*next) {
            Some((known, _)) if *known == key => *next,
            _ => self.place(key),
        };
        *next = place + 1;
        &mut self.lanes[place].1
    }

    #[cold]
    fn place(&mut self, key: ColumnKey) -> usize {
        let lanes = &mut self.lanes;
        *self.places.entry(key).or_insert_with(|| {
            lanes.push((key, Lane::default()));
            lanes.len() - 1
        })
    }

    /// The ids, in the order of the twins.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> + Clone {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts.zip(&self.ends).map(|(start, end)| &self.ids[*start..*end])
    }

    /// The columns that a twin of it has.
    pub(super) fn keys(&self) -> impl Iterator<Item = ColumnKey> {
        self.lanes.iter().map(|(key, _)| *key)
    }

    /// The values of a column.
    pub(super) fn get(&self, key: ColumnKey) -> Option<&Lane> {
        self.places.get(&key).map(|place| &self.lanes[*place].1)
    }

    /// No twin of it has larger sections than these.
    pub(super) fn bounds(&self) -> SectionSizes {
        self.bounds
    }
}
