//! Which encoding holds given values most cheaply.

use std::hash::BuildHasher;
use std::sync::Arc;

use super::linear::{Linear, LinearKind, common_kind, point_of};
use super::plain::Plain;
use super::{Codes, Column};
use crate::store::bitmap::Bitmap;
use crate::store::dictionary::Dictionary;
use crate::twin::Scalar;

/// At most one row in this many has a value: keep only those rows.
const SPARSE: usize = 16;
/// How many values are looked at to guess whether most are distinct.
const SAMPLE: usize = 1024;

/// Encodes `cells` (offsets ascending, below `rows`); `None` if there are none.
///
/// `roomy` asks for an encoding that expects more writes.
pub(in crate::store) fn encode(
    cells: &[(u16, Scalar<'_>)],
    rows: usize,
    dictionary: &Arc<Dictionary>,
    roomy: bool,
) -> Option<Column> {
    let (_, first) = cells.first()?;
    if cells.len() == rows && cells.iter().all(|(_, value)| value.is_same(first)) {
        let len = u32::try_from(rows).expect("a segment has 65,536 rows");
        return Some(Column::Constant { value: first.clone().into_owned(), len });
    }
    if cells.len() * SPARSE <= rows {
        let offsets = cells.iter().map(|(offset, _)| *offset).collect();
        let values = cells.iter().map(|(_, value)| value.clone().into_owned()).collect();
        return Some(Column::Sparse { offsets, values });
    }
    if let Some(linear) = linear(cells, rows, roomy) {
        return Some(Column::Linear(linear));
    }
    if !mostly_distinct(cells)
        && let Some(column) = codes(cells, rows, dictionary)
    {
        return Some(column);
    }
    match Plain::build(cells, rows) {
        Some(plain) => Some(Column::Plain(plain)),
        // 4 GiB of arrays in one segment: keep each value on its own.
        None => Some(Column::Sparse {
            offsets: cells.iter().map(|(offset, _)| *offset).collect(),
            values: cells.iter().map(|(_, value)| value.clone().into_owned()).collect(),
        }),
    }
}

fn linear(cells: &[(u16, Scalar<'_>)], rows: usize, roomy: bool) -> Option<Linear> {
    let kind = common_kind(cells.iter().map(|(_, value)| value))?;
    // Time stamps repeat for long, and reading a text as a time costs more than a comparison.
    let mut last: Option<(&Scalar<'_>, i64)> = None;
    let mut points = Vec::with_capacity(cells.len());
    for (offset, value) in cells {
        let point = match last {
            Some((known, point)) if known.is_same(value) => point,
            _ => point_of(kind, value)?,
        };
        last = Some((value, point));
        points.push((*offset, point));
    }
    let mut linear = Linear::build(kind, &points, rows, roomy)?;
    if matches!(kind, LinearKind::Decimal { .. }) {
        let mut integers = Bitmap::zeros();
        cells
            .iter()
            .filter(|(_, value)| matches!(value, Scalar::Int(_)))
            .for_each(|(offset, _)| integers.insert(usize::from(*offset)));
        linear.integers = (!integers.is_empty()).then_some(integers);
    }
    Some(linear)
}

fn codes(cells: &[(u16, Scalar<'_>)], rows: usize, dictionary: &Arc<Dictionary>) -> Option<Column> {
    let mut codes = Codes::U8(vec![0; rows]);
    let mut offsets = cells.iter().map(|(offset, _)| usize::from(*offset));
    let all = dictionary.intern_each(cells.iter().map(|(_, value)| value), |code| {
        codes.set(offsets.next().expect("there is an offset for each value"), code);
    });
    all.then(|| Column::Codes { dictionary: Arc::clone(dictionary), codes })
}

/// Whether nearly all of the first values differ, as serial numbers do: such values would fill
/// the dictionary and leave no room for those that repeat.
fn mostly_distinct(cells: &[(u16, Scalar<'_>)]) -> bool {
    if cells.len() < SAMPLE {
        return false;
    }
    let hasher = foldhash::fast::FixedState::default();
    let mut seen: Vec<u64> = cells[..SAMPLE]
        .iter()
        .map(|(_, value)| match value {
            Scalar::Str(text) | Scalar::Array(text) => hasher.hash_one(&**text),
            Scalar::Int(value) => hasher.hash_one(value),
            Scalar::Float(value) => hasher.hash_one(value.to_bits()),
            Scalar::Null | Scalar::Bool(_) | Scalar::Object => 0,
        })
        .collect();
    seen.sort_unstable();
    seen.dedup();
    seen.len() > SAMPLE - SAMPLE / 16
}
