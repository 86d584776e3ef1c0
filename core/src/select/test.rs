//! One test in one segment: the cheapest way that its columns allow.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use super::codes::{self, equality_of_two, translation};
use super::linear::{self, Bounds};
use super::mask::{Found, Mask, Want};
use super::numbers::Sides;
use crate::kernel;
use crate::plan::{Predicate, Slot, Test, Truth};
use crate::store::{Bitmap, Codes, Column, Linear, LinearKind, SEGMENT_ROWS, SegmentView, View};
use crate::twin::Scalar;

/// A test, and what is worked out once for all segments.
pub(super) struct PreparedTest<'p> {
    test: Cow<'p, Test>,
    want: Want,
    /// What each code means to the test; all columns of a path share a dictionary.
    codes: OnceLock<Sides>,
    /// Where grids of this kind split; nearly all columns of a path are of one kind.
    bounds: OnceLock<(LinearKind, Option<Bounds>)>,
    /// The codes of one column as those of the other, if a test of two can be put to codes.
    translation: OnceLock<Option<Box<[u8; 256]>>>,
}

impl<'p> PreparedTest<'p> {
    /// Of what the test finds, somebody will look at the sides in `want`.
    pub(super) fn new(test: Cow<'p, Test>, want: Want) -> Self {
        Self {
            test,
            want,
            codes: OnceLock::new(),
            bounds: OnceLock::new(),
            translation: OnceLock::new(),
        }
    }

    /// Whether values have to be looked at row by row, judged by the first segment.
    pub(super) fn is_slow(&self, view: &View) -> bool {
        let Some(segment) = view.segments().first() else { return false };
        let is_plain = |slot: &Slot| match slot {
            Slot::Column(place) => {
                matches!(segment.columns[*place].as_deref(), Some(Column::Plain(_)))
            }
            Slot::DeviceId | Slot::Etag(..) => true,
            Slot::Absent => false,
        };
        let is_term = matches!(self.test.predicate, Predicate::Term(_));
        (is_term && equality_of_two(&self.test).is_none()) || self.test.slots.iter().any(is_plain)
    }

    /// The rows for which the test is true, and those for which it is false. Rows outside of
    /// `among` do not matter.
    pub(super) fn found(&self, segment: &SegmentView, among: &Mask) -> Found {
        let column = |place: usize| segment.columns[place].as_deref();
        match *self.test.slots {
            [Slot::Column(place)] => match column(place) {
                None => everywhere(self.test.truth(None)),
                Some(column) => self.of_column(column, segment.ids.len(), among),
            },
            [Slot::Column(left), Slot::Column(right)] => column(left)
                .zip(column(right))
                .and_then(|(left, right)| {
                    self.of_two(left, right).or_else(|| pairs(&self.test, left, right))
                })
                .unwrap_or_else(|| general(&self.test, segment, among)),
            _ => general(&self.test, segment, among),
        }
    }

    fn of_column(&self, column: &Column, rows: usize, among: &Mask) -> Found {
        let test = &*self.test;
        let found = match column {
            Column::Constant { value, .. } => everywhere(test.truth(Some(value))),
            Column::Sparse { offsets, values } => return sparse(test, offsets, values),
            Column::Codes { dictionary, codes } => {
                let sides = self.codes.get_or_init(|| codes::sides(test, dictionary, self.want));
                sides.of_codes(codes, self.want, among)
            }
            Column::Linear(column) => {
                match linear::sides(test, column, self.bounds_for(column), self.want) {
                    Some(sides) => sides.of_deltas(column.deltas(), self.want, among),
                    None => linear::general(test, column),
                }
            }
            Column::Plain(column) => linear::row_by_row(
                (0..column.len()).map(|offset| test.truth(column.get(offset).as_ref())),
            ),
        };
        beyond(found, column.len(), rows, test.truth(None))
    }

    fn bounds_for(&self, column: &Linear) -> Option<Bounds> {
        let new = || (column.kind(), Bounds::new(&self.test, column.kind()));
        let (kind, bounds) = self.bounds.get_or_init(new);
        if *kind == column.kind() { *bounds } else { new().1 }
    }

    /// An equality of two columns of codes of one byte, if their values are all texts.
    fn of_two(&self, left: &Column, right: &Column) -> Option<Found> {
        let negated = equality_of_two(&self.test)?;
        let (
            Column::Codes { dictionary: a, codes: Codes::U8(left) },
            Column::Codes { dictionary: b, codes: Codes::U8(right) },
        ) = (left, right)
        else {
            return None;
        };
        let table = self.translation.get_or_init(|| translation(a, b)).as_deref()?;
        // Rows that only one of them has are missing a value: neither equal nor different.
        let rows = left.len().min(right.len());
        let (mut equal, mut different) = (Bitmap::zeros(), Bitmap::zeros());
        kernel::compare_codes(
            &left[..rows],
            &right[..rows],
            table,
            equal.words_mut(),
            different.words_mut(),
        );
        let found = Found { yes: Mask::Some(equal), no: Mask::Some(different) };
        Some(if negated { found.not() } else { found })
    }
}

pub(super) fn everywhere(truth: Truth) -> Found {
    match truth {
        Truth::Undefined => Found { yes: Mask::None, no: Mask::None },
        Truth::True => Found { yes: Mask::All, no: Mask::None },
        Truth::False => Found { yes: Mask::None, no: Mask::All },
    }
}

/// Rows from `len` to `rows` have no value: they get what the test says of that.
fn beyond(found: Found, len: usize, rows: usize, absent: Truth) -> Found {
    if len >= rows {
        return found;
    }
    let mut within = Bitmap::ones(len);
    let inside = Mask::Some(within.clone());
    let Found { yes, no } = found;
    let mut found = Found { yes: yes.and(inside.clone()), no: no.and(inside) };
    let mut outside = Bitmap::ones(rows);
    outside.and_not(&within);
    within = outside;
    match absent {
        Truth::Undefined => {}
        Truth::True => found.yes = found.yes.or(Mask::Some(within)),
        Truth::False => found.no = found.no.or(Mask::Some(within)),
    }
    found
}

fn sparse(test: &Test, offsets: &[u16], values: &[Scalar<'static>]) -> Found {
    let absent = test.truth(None);
    let full = || Bitmap::ones(SEGMENT_ROWS);
    let mut yes = if absent == Truth::True { full() } else { Bitmap::zeros() };
    let mut no = if absent == Truth::False { full() } else { Bitmap::zeros() };
    for (offset, value) in offsets.iter().zip(values) {
        let offset = usize::from(*offset);
        yes.remove(offset);
        no.remove(offset);
        match test.truth(Some(value)) {
            Truth::True => yes.insert(offset),
            Truth::False => no.insert(offset),
            Truth::Undefined => {}
        }
    }
    Found { yes: Mask::Some(yes), no: Mask::Some(no) }
}

/// A test of two dictionary columns: each pair of codes is tested once.
fn pairs(test: &Test, left: &Column, right: &Column) -> Option<Found> {
    const PAIRS_MAX: usize = 1 << 16;
    const UNKNOWN: u8 = 0xFF;
    let (
        Column::Codes { dictionary: a, codes: left },
        Column::Codes { dictionary: b, codes: right },
    ) = (left, right)
    else {
        return None;
    };
    let (a, b) =
        if Arc::ptr_eq(a, b) { (a.values(), None) } else { (a.values(), Some(b.values())) };
    let b_values = b.as_deref().unwrap_or(&a);
    let width = b_values.len();
    if a.len().checked_mul(width)? > PAIRS_MAX {
        return None;
    }
    let mut known = vec![UNKNOWN; a.len() * width];
    let value =
        |values: &'_ [Scalar<'static>], code: usize| (code != 0).then(|| values[code].clone());
    let (mut yes, mut no) = (Bitmap::zeros(), Bitmap::zeros());
    for offset in 0..left.len().max(right.len()) {
        let (first, second) = (usize::from(left.get(offset)), usize::from(right.get(offset)));
        let entry = &mut known[first * width + second];
        if *entry == UNKNOWN {
            let slots = |slot| match slot {
                0 => value(&a, first),
                _ => value(b_values, second),
            };
            *entry = test.truth_of(&slots) as u8;
        }
        match *entry {
            1 => yes.insert(offset),
            2 => no.insert(offset),
            _ => {}
        }
    }
    // Two missing values are tested like any others; rows beyond both columns have none either.
    let found = Found { yes: Mask::Some(yes), no: Mask::Some(no) };
    let absent = test.truth_of(&|_| None);
    Some(beyond(found, left.len().max(right.len()), SEGMENT_ROWS, absent))
}

/// Any test, row by row.
fn general(test: &Test, segment: &SegmentView, among: &Mask) -> Found {
    linear::row_by_row((0..segment.ids.len()).map(|offset| {
        if among.contains(offset) && segment.live.contains(offset) {
            test.truth_of(&|slot| value_at(segment, test.slots[slot], offset))
        } else {
            Truth::Undefined
        }
    }))
}

/// What a slot holds in one row of a view.
pub(crate) fn value_at(segment: &SegmentView, slot: Slot, offset: usize) -> Option<Scalar<'_>> {
    let column =
        |place: usize| segment.columns[place].as_ref().and_then(|column| column.get(offset));
    match slot {
        Slot::Column(place) => column(place),
        Slot::DeviceId => Some(Scalar::Str(segment.ids.get(offset).into())),
        Slot::Etag(etag, version) => column(etag).or_else(|| match column(version) {
            Some(Scalar::Int(version)) => Some(Scalar::Str(crate::store::etag_of(version).into())),
            _ => None,
        }),
        Slot::Absent => None,
    }
}
