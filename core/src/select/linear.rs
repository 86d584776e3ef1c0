//! Tests of columns of numbers on a grid: comparisons become ranges, lists become points.

use std::cmp::Ordering;

use super::mask::{Found, Mask, Want};
use super::numbers::{Numbers, Sides};
use crate::plan::{LiteralSet, Predicate, Test, Truth};
use crate::query::ast::{Comparison, Literal};
use crate::store::{Bitmap, Deltas, Linear, LinearKind};
use crate::twin::Scalar;

/// Where a grid of some kind splits for a test: the first point that is not below what is looked
/// for, and the first that is above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    below: i64,
    through: i64,
}

impl Bounds {
    /// Those of a comparison or a prefix on grids of `kind`; `None` for other tests, and where
    /// values of the kind do not compare with the constant.
    ///
    /// They hold for all segments whose column is of this kind, so they are found once.
    pub(super) fn new(test: &Test, kind: LinearKind) -> Option<Self> {
        match &test.predicate {
            Predicate::Compare(_, literal) if is_comparable(kind, literal) => Some(Self {
                below: first(kind, |value| order(value, literal).is_lt()),
                through: first(kind, |value| order(value, literal).is_le()),
            }),
            Predicate::Prefix(prefix) if matches!(kind, LinearKind::Time { .. }) => {
                let prefix = prefix.as_bytes();
                let text = |value: &Scalar<'_>| match value {
                    Scalar::Str(text) => text.as_bytes().to_vec(),
                    _ => Vec::new(),
                };
                Some(Self {
                    below: first(kind, |value| text(value).as_slice() < prefix),
                    through: first(kind, |value| {
                        let text = text(value);
                        text.as_slice() < prefix || text.starts_with(prefix)
                    }),
                })
            }
            _ => None,
        }
    }
}

/// The deltas for which `test` is true and false; `None` if only the values can tell. `bounds` are
/// those of the test for the kind of the column.
pub(super) fn sides(
    test: &Test,
    column: &Linear,
    bounds: Option<Bounds>,
    want: Want,
) -> Option<Sides> {
    let end = column.deltas().greatest() + 1;
    match &test.predicate {
        Predicate::Defined => {
            let no = Numbers::Ranges(vec![(end, end)]);
            Some(Sides { yes: Numbers::between(0, end), no })
        }
        Predicate::Compare(how, _) => {
            let Some(bounds) = bounds else { return Some(Sides::UNDEFINED) };
            let (from, to) = (column.delta_from(bounds.below), column.delta_from(bounds.through));
            let (split, negated) = match how {
                Comparison::Equal => (Split { from, to }, false),
                Comparison::NotEqual => (Split { from, to }, true),
                Comparison::Less => (Split { from: 0, to: from }, false),
                Comparison::GreaterOrEqual => (Split { from: 0, to: from }, true),
                Comparison::LessOrEqual => (Split { from: 0, to }, false),
                Comparison::Greater => (Split { from: 0, to }, true),
            };
            Some(split.sides(end).negated_if(negated))
        }
        Predicate::Prefix(_) => {
            let bounds = bounds?;
            let (from, to) = (column.delta_from(bounds.below), column.delta_from(bounds.through));
            Some(Split { from, to }.sides(end))
        }
        Predicate::In(negated, list) => {
            let want = if *negated { want.not() } else { want };
            points(list, column, want).map(|sides| sides.negated_if(*negated))
        }
        Predicate::Term(_) => None,
    }
}

/// The rows for which any other test of one slot is true and false.
pub(super) fn general(test: &Test, column: &Linear) -> Found {
    let truth = |delta: u64| test.truth(Some(&column.value(delta, false)));
    let absent = test.truth(None);
    match column.deltas() {
        Deltas::U8(deltas) => {
            let mut known = [absent; 256];
            for (delta, entry) in (0..).zip(&mut known[..255]) {
                *entry = truth(delta);
            }
            row_by_row(deltas.iter().map(|delta| known[usize::from(*delta)]))
        }
        Deltas::U16(deltas) => {
            row_by_row(
                deltas.iter().map(|delta| {
                    if *delta == u16::MAX { absent } else { truth(u64::from(*delta)) }
                }),
            )
        }
        Deltas::U32(deltas) => {
            row_by_row(
                deltas.iter().map(|delta| {
                    if *delta == u32::MAX { absent } else { truth(u64::from(*delta)) }
                }),
            )
        }
        Deltas::U64(deltas) => row_by_row(
            deltas.iter().map(|delta| if *delta == u64::MAX { absent } else { truth(*delta) }),
        ),
    }
}

/// Collects answers given one by one, the first for row 0.
pub(super) fn row_by_row(truths: impl Iterator<Item = Truth>) -> Found {
    let (mut yes, mut no) = (Bitmap::zeros(), Bitmap::zeros());
    for (offset, truth) in truths.enumerate() {
        match truth {
            Truth::True => yes.insert(offset),
            Truth::False => no.insert(offset),
            Truth::Undefined => {}
        }
    }
    Found { yes: Mask::Some(yes), no: Mask::Some(no) }
}

/// The deltas `from..to`, as against all others of rows that have a value.
struct Split {
    from: u64,
    to: u64,
}

impl Split {
    fn sides(&self, end: u64) -> Sides {
        let outside = [(0, self.from), (self.to.max(self.from), end)];
        let outside = outside.into_iter().filter(|(from, to)| from < to);
        Sides {
            yes: Numbers::between(self.from, self.to),
            no: Numbers::Ranges(outside.map(|(from, to)| (from, to - 1)).collect()),
        }
    }
}

/// The deltas of the constants of a list; `None` if they are too many for a set of numbers.
fn points(list: &LiteralSet, column: &Linear, want: Want) -> Option<Sides> {
    let mut deltas = Vec::new();
    let mut all_comparable = true;
    for literal in list.list() {
        if !is_comparable(column.kind(), literal) {
            all_comparable = false;
            continue;
        }
        let delta = match literal {
            Literal::Str(text) => column.delta(&Scalar::Str((&**text).into())),
            #[expect(clippy::cast_possible_truncation, reason = "a whole number of this size fits")]
            Literal::Number(value) if value.fract() == 0.0 && value.abs() < 9e15 => {
                column.delta(&Scalar::Int(*value as i64))
            }
            // Large integers share doubles: leave those to the values.
            Literal::Number(value) if value.fract() == 0.0 => return None,
            Literal::Number(value) => column.delta(&Scalar::Float(*value)),
            _ => None,
        };
        deltas.extend(delta);
    }
    let yes = Numbers::of(deltas)?;
    let no = match &yes {
        // One constant of another type makes one of the comparisons undefined, and so the OR.
        _ if !all_comparable || !want.no() => Numbers::NONE,
        Numbers::Ranges(ranges) if ranges.len() < crate::kernel::RANGES_MAX => {
            let (mut no, mut next) = (Vec::new(), 0);
            for (from, to) in ranges {
                if next < *from {
                    no.push((next, from - 1));
                }
                next = to + 1;
            }
            let end = column.deltas().greatest() + 1;
            if next < end {
                no.push((next, end - 1));
            }
            Numbers::Ranges(no)
        }
        _ => return None,
    };
    Some(Sides { yes, no })
}

fn is_comparable(kind: LinearKind, literal: &Literal) -> bool {
    match kind {
        LinearKind::Int | LinearKind::Decimal { .. } => matches!(literal, Literal::Number(_)),
        LinearKind::Time { .. } => matches!(literal, Literal::Str(_)),
    }
}

/// How a value of the column compares with a constant of its type.
fn order(value: &Scalar<'_>, literal: &Literal) -> Ordering {
    match (value, literal) {
        (Scalar::Str(text), Literal::Str(other)) => text.as_bytes().cmp(other.as_bytes()),
        (value, Literal::Number(other)) => value
            .as_number()
            .and_then(|value| value.partial_cmp(other))
            .expect("both are numbers, and neither is NaN"),
        _ => unreachable!("the types were compared before"),
    }
}

/// The first point whose value is not `before` the one sought, or one past the last.
fn first(kind: LinearKind, before: impl Fn(&Scalar<'_>) -> bool) -> i64 {
    let (points, unit) = kind.points();
    let (mut low, mut high) = (points.start() / unit, points.end() / unit + 1);
    while low < high {
        // The middle, rounded down, without overflow on the way.
        let middle = (low & high) + ((low ^ high) >> 1);
        if before(&kind.value(middle * unit)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low.saturating_mul(unit)
}
