//! Comparisons with a constant on a linear column: ranges of deltas, found by binary search.

use std::cmp::Ordering;

use super::kernel;
use super::mask::{Found, Mask, Want};
use crate::plan::{Predicate, Test, Truth};
use crate::query::ast::{Comparison, Literal};
use crate::store::{Bitmap, Deltas, Linear, LinearKind};
use crate::twin::Scalar;

/// The deltas `from..to` of a column; empty if `from` is not below `to`.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: u64,
    to: u64,
}

/// The rows for which `test` is true and false, if it is a comparison that ranges can answer.
pub(super) fn compare(test: &Test, column: &Linear, want: Want) -> Option<Found> {
    let every = Span { from: 0, to: end(column) };
    match &test.predicate {
        Predicate::Defined => {
            let yes = rows_in(column, every);
            let no = if want.no() { complement(&yes) } else { Mask::None };
            Some(Found { yes, no })
        }
        Predicate::Compare(how, literal) => {
            if !is_comparable(column.kind(), literal) {
                return Some(Found { yes: Mask::None, no: Mask::None });
            }
            let below = first(column, |value| order(value, literal).is_lt());
            let through = first(column, |value| order(value, literal).is_le());
            let (equal, less) = (Span { from: below, to: through }, Span { from: 0, to: below });
            let (inside, negated) = match how {
                Comparison::Equal => (equal, false),
                Comparison::NotEqual => (equal, true),
                Comparison::Less => (less, false),
                Comparison::GreaterOrEqual => (Span { from: below, to: every.to }, false),
                Comparison::LessOrEqual => (Span { from: 0, to: through }, false),
                Comparison::Greater => (Span { from: through, to: every.to }, false),
            };
            Some(among_present(column, inside, negated, want))
        }
        Predicate::Prefix(prefix) if matches!(column.kind(), LinearKind::Time { .. }) => {
            let text = |value: &Scalar<'_>| match value {
                Scalar::Str(text) => text.as_bytes().to_vec(),
                _ => Vec::new(),
            };
            let from = first(column, |value| text(value).as_slice() < prefix.as_bytes());
            let to = first(column, |value| {
                let text = text(value);
                text.as_slice() < prefix.as_bytes() || text.starts_with(prefix.as_bytes())
            });
            Some(among_present(column, Span { from, to }, false, want))
        }
        _ => None,
    }
}

/// The rows for which any other test of one slot is true and false.
pub(super) fn general(test: &Test, column: &Linear) -> Found {
    let truth = |delta: u64| test.truth(Some(&column.value(delta, false)));
    let absent = test.truth(None);
    match column.deltas() {
        Deltas::U8(deltas) => {
            let mut table = vec![Truth::Undefined as u8; 256];
            for (delta, entry) in (0_u64..).zip(&mut table[..255]) {
                *entry = truth(delta) as u8;
            }
            table[255] = absent as u8;
            Found {
                yes: Mask::Some(kernel::in_table(deltas, &table, 0)),
                no: Mask::Some(kernel::in_table(deltas, &table, 1)),
            }
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

/// The first delta whose value is not `before` the one sought; values ascend with their deltas.
fn first(column: &Linear, before: impl Fn(&Scalar<'_>) -> bool) -> u64 {
    let (mut low, mut high) = (0, end(column));
    while low < high {
        let middle = low + (high - low) / 2;
        if before(&column.value(middle, false)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// One past the greatest delta: the number that stands for "no value".
fn end(column: &Linear) -> u64 {
    column.deltas().greatest() + 1
}

#[expect(clippy::cast_possible_truncation, reason = "a span lies within the width of its column")]
fn rows_in(column: &Linear, span: Span) -> Mask {
    if span.from >= span.to {
        return Mask::None;
    }
    let (from, to) = (span.from, span.to - 1);
    Mask::Some(match column.deltas() {
        Deltas::U8(deltas) => kernel::in_range(deltas, from as u8, to as u8),
        Deltas::U16(deltas) => kernel::in_range(deltas, from as u16, to as u16),
        Deltas::U32(deltas) => kernel::in_range(deltas, from as u32, to as u32),
        Deltas::U64(deltas) => kernel::in_range(deltas, from, to),
    })
}

fn complement(mask: &Mask) -> Mask {
    match mask {
        Mask::None => Mask::All,
        Mask::All => Mask::None,
        Mask::Some(rows) => {
            let mut others = Bitmap::ones(crate::store::SEGMENT_ROWS);
            others.and_not(rows);
            Mask::Some(others)
        }
    }
}

/// The rows with a delta in `inside` are true and those with one outside are false; the other
/// way round if `negated`.
fn among_present(column: &Linear, inside: Span, negated: bool, want: Want) -> Found {
    let wants_outside = if negated { want.yes() } else { want.no() };
    let inside = rows_in(column, inside);
    let outside = if wants_outside {
        rows_in(column, Span { from: 0, to: end(column) }).and(complement(&inside))
    } else {
        Mask::None
    };
    if negated { Found { yes: outside, no: inside } } else { Found { yes: inside, no: outside } }
}
