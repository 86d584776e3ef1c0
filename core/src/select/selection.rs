//! The devices that a condition matched.

use std::fmt;
use std::sync::Arc;

use arrow_array::StringArray;
use arrow_array::builder::StringBuilder;

use super::targets::Targets;
use crate::error::{Error, Result};
use crate::store::{Bitmap, Ids, Row, StoreId};

/// What is selected of one segment.
#[derive(Debug, Clone)]
pub(super) enum Selected {
    None,
    /// All rows whose device existed: the bitmap is shared with the store.
    All(Arc<Bitmap>, usize),
    Some(Arc<Bitmap>, usize),
}

impl From<Bitmap> for Selected {
    fn from(rows: Bitmap) -> Self {
        match rows.count() {
            0 => Self::None,
            count => Self::Some(Arc::new(rows), count),
        }
    }
}

impl Selected {
    fn rows(&self) -> Option<&Bitmap> {
        match self {
            Self::None => None,
            Self::All(rows, _) | Self::Some(rows, _) => Some(rows),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::All(_, count) | Self::Some(_, count) => *count,
        }
    }
}

/// The devices that a condition matched, as they were at that moment.
///
/// A selection is a bitmap a segment, shared and never changed: cloning costs nothing. Ids are
/// only written out when they are asked for.
#[derive(Clone)]
pub struct Selection {
    store: StoreId,
    segments: Arc<[(Arc<Ids>, Selected)]>,
    len: usize,
    total: usize,
}

impl Selection {
    pub(super) fn new(store: StoreId, segments: Vec<(Arc<Ids>, Selected)>, total: usize) -> Self {
        // A selection must not hold on to ids that it does not name.
        let keep = |(ids, selected)| match selected {
            Selected::None => (Arc::default(), Selected::None),
            selected => (ids, selected),
        };
        let segments: Vec<_> = segments.into_iter().map(keep).collect();
        let len = segments.iter().map(|(_, selected)| selected.len()).sum();
        Self { store, segments: segments.into(), len, total }
    }

    /// How many devices are selected.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no device is selected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many devices the hub had when the selection was made.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    /// The selected rows, ascending.
    pub fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        self.segments.iter().enumerate().flat_map(|(number, (_, selected))| {
            let offsets = selected.rows().into_iter().flat_map(Bitmap::iter);
            offsets.map(move |offset| Row::new(number, offset))
        })
    }

    /// The ids of the selected devices, in the order of their rows.
    pub fn ids(&self) -> impl Iterator<Item = &str> + '_ {
        self.segments.iter().flat_map(|(ids, selected)| {
            let offsets = selected.rows().into_iter().flat_map(Bitmap::iter);
            offsets.map(|offset| ids.get(offset))
        })
    }

    /// The ids of the selected devices as owned strings.
    #[must_use]
    pub fn device_ids(&self) -> Vec<String> {
        self.ids().map(str::to_owned).collect()
    }

    /// The ids of the selected devices as an Arrow array.
    #[must_use]
    pub fn to_arrow(&self) -> StringArray {
        let mut builder = StringBuilder::with_capacity(self.len, self.len * 12);
        self.ids().for_each(|id| builder.append_value(id));
        builder.finish()
    }

    /// The devices that are in both.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if they are of two hubs.
    pub fn and(&self, other: &Self) -> Result<Self> {
        self.combine(other, |mut left, right| {
            left.and(right);
            left
        })
    }

    /// The devices that are in one of both, or in both.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if they are of two hubs.
    pub fn or(&self, other: &Self) -> Result<Self> {
        self.combine(other, |mut left, right| {
            left.or(right);
            left
        })
    }

    /// The devices that are in this one and not in the other.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if they are of two hubs.
    pub fn minus(&self, other: &Self) -> Result<Self> {
        self.combine(other, |mut left, right| {
            left.and_not(right);
            left
        })
    }

    /// What tells the hub of the selection from others.
    #[must_use]
    pub fn store(&self) -> StoreId {
        self.store
    }

    fn combine(&self, other: &Self, rule: impl Fn(Bitmap, &Bitmap) -> Bitmap) -> Result<Self> {
        if self.store != other.store {
            return Err(Error::invalid("the selections are of two different hubs"));
        }
        let empty = Bitmap::zeros();
        // A selection made later may have more segments, and more rows in the last one.
        let count = self.segments.len().max(other.segments.len());
        let segments = (0..count).map(|number| {
            let (left, right) = (self.segments.get(number), other.segments.get(number));
            let rows = |side: Option<&(Arc<Ids>, Selected)>| {
                side.and_then(|(_, selected)| selected.rows().cloned())
            };
            let right_rows = rows(right);
            let combined = rule(
                rows(left).unwrap_or_else(|| empty.clone()),
                right_rows.as_ref().unwrap_or(&empty),
            );
            let longer = [left, right].into_iter().flatten().max_by_key(|(ids, _)| ids.len());
            let (ids, _) = longer.expect("one side has the segment");
            (Arc::clone(ids), Selected::from(combined))
        });
        Ok(Self::new(self.store, segments.collect(), self.total.max(other.total)))
    }

    /// The rows as bitmaps with the numbers of their segments, empty ones left out.
    #[must_use]
    pub fn bitmaps(&self) -> Vec<(usize, Bitmap)> {
        let rows = self.segments.iter().enumerate();
        rows.filter_map(|(number, (_, selected))| Some((number, selected.rows()?.clone())))
            .collect()
    }

    /// The selected rows of a segment; `None` if there are none.
    #[must_use]
    pub fn rows_of(&self, number: usize) -> Option<&Bitmap> {
        self.segments.get(number).and_then(|(_, selected)| selected.rows())
    }

    /// The selected offsets of a segment, ascending.
    pub fn offsets(&self, number: usize) -> impl Iterator<Item = usize> + '_ {
        self.rows_of(number).into_iter().flat_map(Bitmap::iter)
    }

    /// The list of devices that a job works on.
    #[must_use]
    pub fn targets(&self) -> Targets {
        let ids = self.segments.iter().map(|(ids, _)| Arc::clone(ids)).collect();
        Targets::new(self.rows().collect(), ids)
    }
}

impl fmt::Debug for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Selection({} of {} devices)", self.len, self.total)
    }
}
