//! Changing columns: one row, all rows of a mask, counters.
//!
//! Each function first tries to write in place; a value that the encoding cannot hold makes the
//! column be encoded anew, with room for more of its kind.

use std::sync::Arc;

use super::deltas::{Deltas, with_deltas};
use super::encode::encode;
use super::linear::{Linear, LinearKind};
use super::{Codes, Column};
use crate::kernel;
use crate::store::bitmap::Bitmap;
use crate::store::dictionary::Dictionary;
use crate::twin::Scalar;

/// A sparse column with more values than this becomes a dense one.
const SPARSE_MAX: usize = 4096;

/// Where a column of a segment stands; empty if no row has a value.
pub(in crate::store) type Slot = Option<Arc<Column>>;

/// Writes the value of one row, or takes it away.
pub(in crate::store) fn set(
    slot: &mut Slot,
    offset: usize,
    value: Option<&Scalar<'_>>,
    dictionary: &Arc<Dictionary>,
) {
    let Some(column) = slot else {
        if let Some(value) = value {
            *slot = Some(Arc::new(first_value(offset, value)));
        }
        return;
    };
    if value.is_none() && offset >= column.len() {
        return;
    }
    if !set_in_place(Arc::make_mut(column), offset, value, dictionary) {
        if let Some(wider) = value.and_then(|value| on_wider_grid(column, offset, value)) {
            *slot = Some(Arc::new(wider));
            return;
        }
        let place = u16::try_from(offset).expect("a segment has 65,536 rows");
        let mut cells = column.cells();
        match cells.binary_search_by_key(&place, |(offset, _)| *offset) {
            Ok(found) => match value {
                Some(value) => cells[found].1 = value.borrowed(),
                None => drop(cells.remove(found)),
            },
            Err(gap) => {
                if let Some(value) = value {
                    cells.insert(gap, (place, value.borrowed()));
                }
            }
        }
        let rows = column.len().max(offset + 1);
        *slot = encode(&cells, rows, dictionary, true).map(Arc::new);
    }
}

fn first_value(offset: usize, value: &Scalar<'_>) -> Column {
    let value = value.clone().into_owned();
    match u16::try_from(offset).expect("a segment has 65,536 rows") {
        0 => Column::Constant { value, len: 1 },
        offset => Column::Sparse { offsets: vec![offset], values: vec![value] },
    }
}

/// A column of numbers on a grid that also has `value`, which the row at `offset` gets.
fn on_wider_grid(column: &Column, offset: usize, value: &Scalar<'_>) -> Option<Column> {
    match column {
        Column::Linear(linear) => linear.with(offset, value).map(Column::Linear),
        _ => None,
    }
}

/// Writes if the encoding can hold the value; false if it cannot.
fn set_in_place(
    column: &mut Column,
    offset: usize,
    value: Option<&Scalar<'_>>,
    dictionary: &Dictionary,
) -> bool {
    match column {
        Column::Constant { value: constant, len } => {
            let same = value.is_some_and(|value| value.is_same(constant));
            if same && offset == *len as usize {
                *len += 1;
            }
            same && offset < *len as usize
        }
        Column::Sparse { offsets, values } => {
            let place = u16::try_from(offset).expect("a segment has 65,536 rows");
            match (offsets.binary_search(&place), value) {
                (Ok(found), Some(value)) => values[found] = value.clone().into_owned(),
                (Ok(found), None) => {
                    offsets.remove(found);
                    values.remove(found);
                }
                (Err(_), Some(_)) if offsets.len() >= SPARSE_MAX => return false,
                (Err(gap), Some(value)) => {
                    offsets.insert(gap, place);
                    values.insert(gap, value.clone().into_owned());
                }
                (Err(_), None) => {}
            }
            true
        }
        Column::Codes { codes, .. } => match value.map(|value| dictionary.intern(value)) {
            Some(Some(code)) => {
                codes.set(offset, code);
                true
            }
            Some(None) => false,
            None => {
                codes.set(offset, 0);
                true
            }
        },
        Column::Linear(linear) => {
            let delta = value.map(|value| linear.delta(value));
            if delta == Some(None) {
                return false;
            }
            linear.deltas.set(offset, delta.flatten());
            linear.mark(offset, value);
            true
        }
        Column::Plain(plain) => plain.set(offset, value),
    }
}

/// Writes `value` to all rows of `mask`, or takes it away. `rows` are the rows of the segment,
/// and `whole` says that `mask` has every living row of it.
pub(in crate::store) fn fill(
    slot: &mut Slot,
    mask: &Bitmap,
    rows: usize,
    whole: bool,
    value: Option<&Scalar<'_>>,
    dictionary: &Arc<Dictionary>,
) {
    if whole {
        // Rows of deleted devices get the value too: nobody reads them.
        let len = u32::try_from(rows).expect("a segment has 65,536 rows");
        *slot = value
            .map(|value| Arc::new(Column::Constant { value: value.clone().into_owned(), len }));
        return;
    }
    if let (Some(column), Some(value)) = (slot.as_deref(), value)
        && let Column::Constant { value: constant, len } = column
        && *len as usize == rows
        && constant.is_same(value)
    {
        return;
    }
    if let Some(value) = value
        && let Some(dense) = two_valued(slot.as_deref(), value, mask, rows, dictionary)
    {
        *slot = Some(Arc::new(dense));
    }
    let done = match slot {
        None => value.is_none(),
        Some(column) => fill_in_place(Arc::make_mut(column), mask, rows, value, dictionary),
    };
    let done = done || fill_on_wider_grid(slot, mask, rows, value, dictionary);
    if done && value.is_none() && slot.as_ref().is_some_and(|column| column.has_no_value()) {
        *slot = None;
    }
    if !done {
        let old = slot.take();
        let old = old.as_deref();
        *slot = rebuild(rows, dictionary, |offset| {
            if mask.contains(offset) {
                value.map(Scalar::borrowed)
            } else {
                old.and_then(|column| column.get(offset))
            }
        });
    }
}

/// Writes all rows of `mask` of a column of numbers whose grid did not have the value.
fn fill_on_wider_grid(
    slot: &mut Slot,
    mask: &Bitmap,
    rows: usize,
    value: Option<&Scalar<'_>>,
    dictionary: &Dictionary,
) -> bool {
    let (Some(column), Some(value), Some(first)) = (&*slot, value, mask.iter().next()) else {
        return false;
    };
    let Some(mut wider) = on_wider_grid(column, first, value) else { return false };
    let done = fill_in_place(&mut wider, mask, rows, Some(value), dictionary);
    *slot = Some(Arc::new(wider));
    done
}

/// A column of one value, or of none, as a dense one that can also hold `value`; `None` for other
/// columns, and where few rows would get a value.
///
/// This is what the first job over a part of the fleet meets: it must not cost a look at each row.
fn two_valued(
    column: Option<&Column>,
    value: &Scalar<'_>,
    mask: &Bitmap,
    rows: usize,
    dictionary: &Arc<Dictionary>,
) -> Option<Column> {
    let old = match column {
        None if mask.count() * 16 > rows => None,
        Some(Column::Constant { value, len }) if *len as usize == rows => Some(value),
        _ => return None,
    };
    if let Some(linear) = Linear::of_two(old, value, rows) {
        return Some(Column::Linear(linear));
    }
    let code = match old {
        None => 0,
        Some(old) => dictionary.intern(old)?,
    };
    let widest = dictionary.intern(value)?.max(code);
    Some(Column::Codes {
        dictionary: Arc::clone(dictionary),
        codes: Codes::filled(code, widest, rows),
    })
}

/// Encodes anew what `value` gives for each of `rows` rows.
fn rebuild<'v>(
    rows: usize,
    dictionary: &Arc<Dictionary>,
    value: impl Fn(usize) -> Option<Scalar<'v>>,
) -> Slot {
    let cells: Vec<(u16, Scalar<'v>)> = (0..rows)
        .filter_map(|offset| Some((u16::try_from(offset).ok()?, value(offset)?)))
        .collect();
    encode(&cells, rows, dictionary, true).map(Arc::new)
}

/// Writes all rows of `mask` if the encoding can hold the value; false if it cannot.
fn fill_in_place(
    column: &mut Column,
    mask: &Bitmap,
    rows: usize,
    value: Option<&Scalar<'_>>,
    dictionary: &Dictionary,
) -> bool {
    match column {
        Column::Constant { .. } | Column::Sparse { .. } | Column::Plain(_) => false,
        Column::Codes { codes, .. } => {
            let code = match value.map(|value| dictionary.intern(value)) {
                None => 0,
                Some(Some(code)) => code,
                Some(None) => return false,
            };
            codes.reserve(code, rows);
            match codes {
                Codes::U8(codes) => {
                    kernel::fill(
                        codes,
                        mask.words(),
                        u8::try_from(code).expect("room was made above"),
                    );
                }
                Codes::U16(codes) => kernel::fill(codes, mask.words(), code),
            }
            true
        }
        Column::Linear(linear) => {
            let delta = value.map(|value| linear.delta(value));
            if delta == Some(None) {
                return false;
            }
            if rows > linear.len() {
                linear.deltas.set(rows - 1, None);
            }
            if linear.integers.is_some() || matches!(value, Some(Scalar::Int(_))) {
                mask.iter().for_each(|offset| linear.mark(offset, value));
            }
            #[expect(clippy::cast_possible_truncation, reason = "Linear::delta checks the width")]
            match (&mut linear.deltas, delta.flatten()) {
                (Deltas::U8(values), delta) => {
                    kernel::fill(values, mask.words(), delta.map_or(u8::MAX, |delta| delta as u8));
                }
                (Deltas::U16(values), delta) => {
                    kernel::fill(
                        values,
                        mask.words(),
                        delta.map_or(u16::MAX, |delta| delta as u16),
                    );
                }
                (Deltas::U32(values), delta) => {
                    kernel::fill(
                        values,
                        mask.words(),
                        delta.map_or(u32::MAX, |delta| delta as u32),
                    );
                }
                (Deltas::U64(values), delta) => {
                    kernel::fill(values, mask.words(), delta.unwrap_or(u64::MAX));
                }
            }
            true
        }
    }
}

/// Adds one to the integers of all rows of `mask`; a row without one gets 1.
pub(in crate::store) fn increment(
    slot: &mut Slot,
    mask: &Bitmap,
    rows: usize,
    whole: bool,
    dictionary: &Arc<Dictionary>,
) {
    let done = match slot.as_mut().map(Arc::make_mut) {
        Some(Column::Constant { value: Scalar::Int(value), len })
            if whole && *len as usize == rows =>
        {
            *value = value.saturating_add(1);
            true
        }
        Some(Column::Constant { value: Scalar::Int(value), len }) if *len as usize == rows => {
            let next = Scalar::Int(value.saturating_add(1));
            fill(slot, mask, rows, whole, Some(&next), dictionary);
            true
        }
        Some(Column::Linear(linear)) => increment_in_place(linear, mask),
        _ => false,
    };
    if !done {
        let old = slot.take();
        *slot = rebuild(rows, dictionary, |offset| {
            let value = old.as_ref().and_then(|column| column.get(offset));
            match value {
                Some(Scalar::Int(value)) if mask.contains(offset) => {
                    Some(Scalar::Int(value.saturating_add(1)))
                }
                None if mask.contains(offset) => Some(Scalar::Int(1)),
                other => other,
            }
        });
    }
}

/// Adds one step to the rows of `mask`; false, with nothing changed, if one does not fit.
fn increment_in_place(linear: &mut Linear, mask: &Bitmap) -> bool {
    if linear.kind != LinearKind::Int || linear.unit != 1 {
        return false;
    }
    // The last number before "absent" has no successor, and "absent" itself has none.
    let mut stuck = Bitmap::zeros();
    with_deltas!(&mut linear.deltas, |values, absent| {
        kernel::in_ranges(values, &[(absent - 1, absent)], stuck.words_mut());
        stuck.or(&Bitmap::ones_from(values.len()));
        stuck.and(mask);
        let fits = stuck.is_empty();
        if fits {
            kernel::increment(values, mask.words());
        }
        fits
    })
}

/// Copies the rows of `mask` from `source`, which holds integers.
pub(in crate::store) fn blend(
    slot: &mut Slot,
    mask: &Bitmap,
    rows: usize,
    whole: bool,
    source: &Slot,
    dictionary: &Arc<Dictionary>,
) {
    if whole {
        slot.clone_from(source);
        return;
    }
    if blend_in_place(slot, source, mask) {
        return;
    }
    if let Some(blended) = blend_integers(slot.as_deref(), source.as_deref(), mask, rows) {
        *slot = Some(Arc::new(Column::Linear(blended)));
        return;
    }
    let old = slot.take();
    *slot = rebuild(rows, dictionary, |offset| {
        let from = if mask.contains(offset) { source } else { &old };
        from.as_ref().and_then(|column| column.get(offset))
    });
}

/// The usual case of [`blend`]: both columns are on one grid.
fn blend_in_place(slot: &mut Slot, source: &Slot, mask: &Bitmap) -> bool {
    let (Some(slot), Some(source)) = (slot, source.as_deref()) else { return false };
    let (Column::Linear(old), Column::Linear(new)) = (&**slot, source) else { return false };
    let is_one_grid = (old.kind, old.base, old.unit) == (new.kind, new.base, new.unit);
    if !is_one_grid || old.kind != LinearKind::Int || old.len() != new.len() {
        return false;
    }
    let Column::Linear(old) = Arc::make_mut(slot) else { return false };
    match (&mut old.deltas, &new.deltas) {
        (Deltas::U8(old), Deltas::U8(new)) => kernel::blend(old, mask.words(), new),
        (Deltas::U16(old), Deltas::U16(new)) => kernel::blend(old, mask.words(), new),
        (Deltas::U32(old), Deltas::U32(new)) => kernel::blend(old, mask.words(), new),
        (Deltas::U64(old), Deltas::U64(new)) => kernel::blend(old, mask.words(), new),
        _ => return false,
    }
    true
}

/// The first time of [`blend`]: both columns hold integers, but on grids of their own. The result
/// is on that of `source` if it can be, so that the next time is the usual case.
fn blend_integers(
    old: Option<&Column>,
    source: Option<&Column>,
    mask: &Bitmap,
    rows: usize,
) -> Option<Linear> {
    let mut blended = Linear::integers(old?, rows)?;
    let integers = Linear::integers(source?, rows)?;
    for ((block, source), word) in blended.chunks_mut(64).zip(integers.chunks(64)).zip(mask.words())
    {
        for (bit, (slot, source)) in block.iter_mut().zip(source).enumerate() {
            *slot = if word >> bit & 1 == 1 { *source } else { *slot };
        }
    }
    let like = match source {
        Some(Column::Linear(linear)) => Some(linear),
        _ => None,
    };
    Linear::of_integers(&blended, like)
}
