//! The devices that a condition matched.

use std::fmt;
use std::sync::Arc;

use arrow_array::{Array, StringArray};

use super::targets::Targets;
use crate::error::{Error, Result};
use crate::kernel::Strings;
use crate::limits::DEVICE_ID_CHARS;
use crate::store::{Bitmap, Ids, Row, StoreId, on_all_threads};

/// Ids of several segments are copied into one array until it has so many; those of a segment are
/// an array of their own, and shared, if they are so many.
const CHUNK_IDS: usize = 16_384;

/// Fewer ids are copied sooner than a second thread awakes.
const PARALLEL_IDS: usize = 2 * CHUNK_IDS;

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

    /// The ids of the selected devices as Arrow arrays, one after the other, in the order of their
    /// rows.
    ///
    /// Shape: at most two arrays for each 16,384 ids and one more, and never more than segments.
    /// Where all of a segment with so many ids is selected, the array is the store's own: nothing
    /// is copied.
    #[must_use]
    pub fn id_chunks(&self) -> Vec<StringArray> {
        let pieces = self.pieces();
        let copied = pieces.iter().map(|piece| match piece {
            Piece::Shared(_) => 0,
            Piece::Copied(_, count) => *count,
        });
        if copied.sum::<usize>() < PARALLEL_IDS {
            return pieces.iter().map(Piece::array).collect();
        }
        on_all_threads(pieces.len(), |number| pieces[number].array())
    }

    /// The ids of the selected devices as one Arrow array.
    ///
    /// Cost: a copy; [`id_chunks`](Self::id_chunks) does without for whole segments.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if they are more than 2 GiB of text.
    pub fn to_arrow(&self) -> Result<StringArray> {
        const MAX: usize = i32::MAX as usize;
        if self.len > MAX / DEVICE_ID_CHARS && self.ids().map(str::len).sum::<usize>() > MAX {
            let message = "the ids are more than 2 GiB of text, which one array cannot hold";
            return Err(Error::invalid(message).with_hint("take them in chunks"));
        }
        Ok(Piece::Copied(self.selected().collect(), self.len).array())
    }

    fn selected(&self) -> impl Iterator<Item = (&Ids, &Bitmap)> {
        self.segments.iter().filter_map(|(ids, selected)| Some((&**ids, selected.rows()?)))
    }

    /// The arrays that the ids become.
    fn pieces(&self) -> Vec<Piece<'_>> {
        let mut pieces = Vec::new();
        let mut some = Vec::new();
        let mut count = 0;
        for (ids, selected) in self.segments.iter() {
            let Some(rows) = selected.rows() else { continue };
            let is_all = selected.len() == ids.len();
            // Those of small imports are copied together: an array costs its reader more than ids.
            let is_long = selected.len() >= CHUNK_IDS;
            let whole =
                ids.whole().filter(|whole| is_all && is_long && whole.len() == selected.len());
            if whole.is_none() {
                some.push((&**ids, rows));
                count += selected.len();
            }
            if !some.is_empty() && (whole.is_some() || count >= CHUNK_IDS) {
                pieces.push(Piece::Copied(std::mem::take(&mut some), std::mem::take(&mut count)));
            }
            pieces.extend(whole.map(Piece::Shared));
        }
        if !some.is_empty() {
            pieces.push(Piece::Copied(some, count));
        }
        pieces
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
        let segments = self.segments.iter().enumerate();
        Targets::new(segments.filter_map(|(number, (ids, selected))| match selected {
            Selected::None => None,
            Selected::All(rows, _) | Selected::Some(rows, _) => {
                Some((number, Arc::clone(ids), Arc::clone(rows)))
            }
        }))
    }
}

/// One of the arrays of ids of a selection.
enum Piece<'s> {
    /// All ids of a segment, as they are stored.
    Shared(&'s StringArray),
    /// Some ids of some segments, and how many they are.
    Copied(Vec<(&'s Ids, &'s Bitmap)>, usize),
}

impl Piece<'_> {
    fn array(&self) -> StringArray {
        match self {
            Self::Shared(whole) => (*whole).clone(),
            Self::Copied(segments, count) => {
                let mut copied = Strings::with_capacity(*count);
                segments.iter().for_each(|(ids, rows)| ids.copy(rows, &mut copied));
                copied.finish()
            }
        }
    }
}

impl fmt::Debug for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Selection({} of {} devices)", self.len, self.total)
    }
}
