//! Where a value stands: the row of its device and the column of its path.

use crate::twin::PathId;

/// Rows of one segment: the unit of parallel work, of locking and of encodings.
pub const SEGMENT_ROWS: usize = 1 << 16;

/// Segments of a hub over its whole life: their numbers and offsets make 32 bits.
pub(super) const SEGMENTS_MAX: usize = 1 << 16;

/// The number of a device inside a hub, stable for the device's life and never given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row(u32);

impl Row {
    /// The row at `offset` of segment number `segment`.
    #[must_use]
    pub fn new(segment: usize, offset: usize) -> Self {
        let segment = u16::try_from(segment).expect("a hub has at most SEGMENTS_MAX segments");
        let offset = u16::try_from(offset).expect("a segment has SEGMENT_ROWS rows");
        Self(u32::from(segment) << 16 | u32::from(offset))
    }

    /// The row with this number, as [`Row::number`] gives it.
    pub(super) fn numbered(number: u32) -> Self {
        Self(number)
    }

    /// Segment and offset as one number.
    pub(super) fn number(self) -> u32 {
        self.0
    }

    /// The number of its segment.
    #[must_use]
    pub fn segment(self) -> usize {
        (self.0 >> 16) as usize
    }

    /// Its place in the segment.
    #[must_use]
    pub fn offset(self) -> usize {
        (self.0 & 0xFFFF) as usize
    }
}

/// Which of the facts about a path a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Facet {
    /// The value itself.
    Value,
    /// `$lastUpdated` of the path, as its ISO 8601 text.
    Updated,
    /// `$lastUpdatedVersion` of the path.
    UpdatedVersion,
}

/// The name of a column: a path and which fact about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnKey {
    /// The place in the twin.
    pub path: PathId,
    /// The fact about it.
    pub facet: Facet,
}

impl ColumnKey {
    /// The values of `path`.
    #[must_use]
    pub fn value(path: PathId) -> Self {
        Self { path, facet: Facet::Value }
    }

    /// When `path` was last updated.
    #[must_use]
    pub fn updated(path: PathId) -> Self {
        Self { path, facet: Facet::Updated }
    }

    /// With which `$version` the `path` was last updated.
    #[must_use]
    pub fn updated_version(path: PathId) -> Self {
        Self { path, facet: Facet::UpdatedVersion }
    }
}
