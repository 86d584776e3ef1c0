//! Which encoding holds given values most cheaply.

use std::borrow::Cow;
use std::sync::Arc;

use super::grid::grid;
use super::lane::{Lane, Values};
use super::plain::Plain;
use super::words::Words;
use super::{Codes, Column};
use crate::store::dictionary::Dictionary;
use crate::twin::Scalar;

/// At most one row in this many has a value: keep only those rows.
const SPARSE: usize = 16;
/// Fewer values than this say nothing about whether most are distinct.
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
    encode_lanes(&[(0, &Lane::of(cells))], rows, dictionary, roomy)
}

/// Encodes the values of `lanes`, each with the row at which it begins, ascending; `None` if there
/// are none.
pub(in crate::store) fn encode_lanes(
    lanes: &[(usize, &Lane)],
    rows: usize,
    dictionary: &Arc<Dictionary>,
    roomy: bool,
) -> Option<Column> {
    let count: usize = lanes.iter().map(|(_, lane)| lane.len()).sum();
    if count == 0 {
        return None;
    }
    if count == rows
        && let Some(value) = only_value(lanes)
    {
        let len = u32::try_from(rows).expect("a segment has 65,536 rows");
        return Some(Column::Constant { value: value.into_owned(), len });
    }
    if count * SPARSE <= rows {
        return Some(sparse(lanes));
    }
    if let Some(linear) = grid(lanes, rows, roomy) {
        return Some(Column::Linear(linear));
    }
    let parts = parts(lanes);
    if !mostly_distinct(&parts, count)
        && let Some(codes) = codes(&parts, rows, dictionary)
    {
        return Some(Column::Codes { dictionary: Arc::clone(dictionary), codes });
    }
    let cells = lanes.iter().flat_map(|(first, lane)| {
        (0..lane.len()).map(move |place| (first + lane.row(place), lane.get(place)))
    });
    // 4 GiB of arrays in one segment: keep each value on its own.
    Some(Plain::build(cells, rows).map_or_else(|| sparse(lanes), Column::Plain))
}

/// The value of all rows, if there is only one.
fn only_value<'l>(lanes: &[(usize, &'l Lane)]) -> Option<Scalar<'l>> {
    let mut only: Option<Scalar<'l>> = None;
    for (_, lane) in lanes.iter().filter(|(_, lane)| !lane.is_empty()) {
        let value = lane.only()?;
        if only.as_ref().is_some_and(|only| !only.is_same(&value)) {
            return None;
        }
        only = Some(value);
    }
    only
}

fn sparse(lanes: &[(usize, &Lane)]) -> Column {
    let count = lanes.iter().map(|(_, lane)| lane.len()).sum();
    let (mut offsets, mut values) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for (first, lane) in lanes {
        for place in 0..lane.len() {
            let offset = u16::try_from(first + lane.row(place));
            offsets.push(offset.expect("a segment has 65,536 rows"));
            values.push(lane.get(place).into_owned());
        }
    }
    Column::Sparse { offsets, values }
}

/// The values of a lane by their distinct ones.
struct Part<'l> {
    first: usize,
    lane: &'l Lane,
    words: Cow<'l, Words>,
}

fn parts<'l>(lanes: &[(usize, &'l Lane)]) -> Vec<Part<'l>> {
    let part = |(first, lane): &(usize, &'l Lane)| {
        let words = match lane.values() {
            Values::Words(words) => Cow::Borrowed(words),
            other => Cow::Owned(other.to_words()),
        };
        Part { first: *first, lane, words }
    };
    lanes.iter().map(part).collect()
}

/// Whether nearly all values differ, as serial numbers do: such values would fill the dictionary
/// and leave no room for those that repeat.
fn mostly_distinct(parts: &[Part<'_>], count: usize) -> bool {
    let distinct: usize = parts.iter().map(|part| part.words.distinct().len()).sum();
    count >= SAMPLE && distinct > count - count / 16
}

fn codes(parts: &[Part<'_>], rows: usize, dictionary: &Dictionary) -> Option<Codes> {
    let mut coded = Vec::with_capacity(parts.len());
    let mut widest = 0;
    for part in parts {
        let distinct: Vec<Scalar<'_>> = part.words.distinct().collect();
        let mut code_of = Vec::with_capacity(distinct.len());
        if !dictionary.intern_each(distinct.iter(), |code| code_of.push(code)) {
            return None;
        }
        widest = code_of.iter().copied().max().unwrap_or(0).max(widest);
        coded.push(code_of);
    }
    let mut codes = Codes::filled(0, widest, rows);
    for (part, code_of) in parts.iter().zip(&coded) {
        let values = part.words.codes().iter().enumerate();
        let rows = values
            .map(|(place, word)| (part.first + part.lane.row(place), code_of[usize::from(*word)]));
        match &mut codes {
            Codes::U8(codes) => rows.for_each(|(row, code)| {
                codes[row] = u8::try_from(code).expect("it is not above the widest");
            }),
            Codes::U16(codes) => rows.for_each(|(row, code)| codes[row] = code),
        }
    }
    Some(codes)
}
