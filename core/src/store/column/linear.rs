//! Numbers on a grid: `base + delta * unit`, with narrow deltas.
//!
//! Integers, decimals with few digits and times become small unsigned deltas, whose order is the
//! order of the values. So every comparison with a literal is a range of deltas, found by binary
//! search, and the scan is one subtraction and one comparison a row. Decimals follow the idea of
//! "ALP: Adaptive Lossless floating-Point Compression" (Afroozeh, Kuffó, Boncz, SIGMOD 2023): a
//! double that is the nearest to `m / 10^s` is kept as the integer `m`.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use super::Column;
use super::deltas::{Deltas, with_deltas};
use crate::clock::Timestamp;
use crate::store::bitmap::Bitmap;
use crate::twin::Scalar;

/// Doubles are exact integers up to here.
const EXACT: i64 = 1 << 53;
/// More decimal places than this leave no room for digits before the point.
const SCALE_MAX: u8 = 15;

/// Fraction digits of a second that a time stamp resolves.
const TICK_DIGITS: u8 = 7;

/// Stands for a row without an integer; versions and twins never hold it.
const NO_INTEGER: i64 = i64::MIN;

/// What the points of the grid are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinearKind {
    /// Integers.
    Int,
    /// Numbers with at most `scale` decimal places.
    Decimal {
        /// The decimal places.
        scale: u8,
    },
    /// Times as canonical ISO 8601 text ending in `Z`, with `digits` fraction digits.
    Time {
        /// The fraction digits, 0 to 7.
        digits: u8,
    },
}

impl LinearKind {
    /// The value at a point: values ascend with their points.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "decimals are kept only while exact")]
    pub fn value(self, point: i64) -> Scalar<'static> {
        match self {
            Self::Int => Scalar::Int(point),
            Self::Decimal { scale } => Scalar::Float(point as f64 / power_of_ten(scale) as f64),
            Self::Time { digits } => {
                Scalar::Str(Cow::Owned(Timestamp::from_ticks(point).format(digits)))
            }
        }
    }

    /// The points that values can have, and the distance between two of them.
    #[must_use]
    pub fn points(self) -> (RangeInclusive<i64>, i64) {
        match self {
            // A point one past the last must be a number, too.
            Self::Int => (i64::MIN..=i64::MAX - 1, 1),
            Self::Decimal { .. } => (-EXACT..=EXACT, 1),
            Self::Time { digits } => {
                let unit = power_of_ten(TICK_DIGITS.saturating_sub(digits));
                (0..=Timestamp::MAX.ticks() / unit * unit, unit)
            }
        }
    }
}

/// Values on a grid. See the head of this file.
#[derive(Debug, Clone)]
pub struct Linear {
    pub(super) kind: LinearKind,
    pub(super) base: i64,
    pub(super) unit: i64,
    pub(super) deltas: Deltas,
    /// Among decimals, the rows whose number was written without a point.
    pub(super) integers: Option<Bitmap>,
}

impl Linear {
    /// Puts `points` on a grid of `kind`; `None` if they are none.
    ///
    /// `roomy` leaves room on both sides, for columns that are being written to.
    pub(super) fn build(
        kind: LinearKind,
        points: &[(u16, i64)],
        rows: usize,
        roomy: bool,
    ) -> Option<Self> {
        let least = points.iter().map(|(_, point)| *point).min()?;
        let greatest = points.iter().map(|(_, point)| *point).max()?;
        let unit = match kind {
            LinearKind::Time { .. } => common_unit(points, least),
            _ => 1,
        };
        let steps = greatest.abs_diff(least) / unit.unsigned_abs();
        let wanted = if roomy { steps.saturating_mul(2).saturating_add(64) } else { steps };
        let mut deltas = Deltas::absent(wanted, rows);
        let slack = if roomy { (deltas.greatest() - steps).min(1 << 40) / 2 } else { 0 };
        let base = i64::try_from(slack)
            .ok()
            .and_then(|slack| slack.checked_mul(unit))
            .and_then(|below| least.checked_sub(below))
            .unwrap_or(least);
        deltas.put(points.iter().map(|(offset, point)| {
            let distance = point.abs_diff(base);
            // Nearly all grids are whole numbers, and a division takes longer than all the rest.
            let delta = if unit == 1 { distance } else { distance / unit.unsigned_abs() };
            (usize::from(*offset), delta)
        }));
        Some(Self { kind, base, unit, deltas, integers: None })
    }

    /// `old` in every row, or nothing, on a grid that also holds `other`; `None` if no grid does.
    pub(super) fn of_two(
        old: Option<&Scalar<'_>>,
        other: &Scalar<'_>,
        rows: usize,
    ) -> Option<Self> {
        let kind = common_kind([old, Some(other)].into_iter().flatten())?;
        let mut points = vec![(0, point_of(kind, other)?)];
        if let Some(old) = old {
            points.push((0, point_of(kind, old)?));
        }
        let mut linear = Self::build(kind, &points, 1, true)?;
        let delta = old.and_then(|old| linear.delta(old));
        linear.deltas.fill(delta, rows);
        if matches!((kind, old), (LinearKind::Decimal { .. }, Some(Scalar::Int(_)))) {
            linear.integers = Some(Bitmap::ones(rows));
        }
        Some(linear)
    }

    /// The same values on a grid that also has `value`, which the row at `offset` gets; `None` if it
    /// is of another kind.
    ///
    /// Points move as numbers: nothing is written as text and read again.
    pub(super) fn with(&self, offset: usize, value: &Scalar<'_>) -> Option<Self> {
        let point = point_of(self.kind, value)?;
        let rows = self.len().max(offset + 1);
        let known = (0..self.len()).filter_map(|row| {
            let delta = self.deltas.get(row)?;
            Some((u16::try_from(row).ok()?, self.point(delta)))
        });
        let mut points: Vec<(u16, i64)> = known.collect();
        // Comes last, so it takes the place of what the row had.
        points.push((u16::try_from(offset).ok()?, point));
        let mut wider = Self::build(self.kind, &points, rows, true)?;
        wider.integers.clone_from(&self.integers);
        wider.mark(offset, Some(value));
        Some(wider)
    }

    /// The integers of a column by row, [`NO_INTEGER`] where there is none; `None` if it may hold
    /// anything else.
    pub(super) fn integers(column: &Column, rows: usize) -> Option<Vec<i64>> {
        match column {
            Column::Constant { value: Scalar::Int(value), len } => {
                let mut integers = vec![*value; rows.min(*len as usize)];
                integers.resize(rows, NO_INTEGER);
                Some(integers)
            }
            #[allow(clippy::useless_conversion, reason = "one of the four widths is the wide one")]
            Column::Linear(linear) if linear.kind == LinearKind::Int => {
                let mut integers: Vec<i64> = with_deltas!(&linear.deltas, |deltas, absent| {
                    let value = |delta: u64| linear.base.wrapping_add_unsigned(delta);
                    let known = deltas.iter().map(|delta| {
                        if *delta == absent { NO_INTEGER } else { value((*delta).into()) }
                    });
                    known.collect()
                });
                integers.resize(rows, NO_INTEGER);
                Some(integers)
            }
            _ => None,
        }
    }

    /// A column of integers, by row; `None` if there are none. It is on the grid of `like` if that
    /// holds them.
    pub(super) fn of_integers(integers: &[i64], like: Option<&Self>) -> Option<Self> {
        let present = || integers.iter().copied().filter(|integer| *integer != NO_INTEGER);
        let (least, greatest) = (present().min()?, present().max()?);
        let holds = |like: &&Self| {
            let ends = [least, greatest].map(Scalar::Int);
            like.kind == LinearKind::Int && ends.iter().all(|end| like.delta(end).is_some())
        };
        let mut linear = match like.filter(holds) {
            Some(like) => {
                let deltas = Deltas::absent(like.deltas.greatest(), 0);
                Self { deltas, integers: None, ..*like }
            }
            None => Self::build(LinearKind::Int, &[(0, least), (0, greatest)], 1, true)?,
        };
        #[expect(clippy::cast_possible_truncation, reason = "the width was chosen for the range")]
        {
            let base = linear.base;
            let delta = |integer: &i64| integer.wrapping_sub(base).cast_unsigned();
            let known = |integer: &i64| *integer != NO_INTEGER;
            macro_rules! narrow {
                ($values:ident, $type:ty) => {{
                    let narrow = |it| if known(it) { delta(it) as $type } else { <$type>::MAX };
                    *$values = integers.iter().map(narrow).collect();
                }};
            }
            match &mut linear.deltas {
                Deltas::U8(values) => narrow!(values, u8),
                Deltas::U16(values) => narrow!(values, u16),
                Deltas::U32(values) => narrow!(values, u32),
                Deltas::U64(values) => narrow!(values, u64),
            }
        }
        Some(linear)
    }

    /// What the values are.
    #[must_use]
    pub fn kind(&self) -> LinearKind {
        self.kind
    }

    /// One unsigned number a row, in the order of the values.
    #[must_use]
    pub fn deltas(&self) -> &Deltas {
        &self.deltas
    }

    /// The rows that may have a value.
    #[must_use]
    pub fn len(&self) -> usize {
        with_deltas!(&self.deltas, |values, _absent| values.len())
    }

    /// Whether no row has a value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is a value at `offset`.
    #[must_use]
    pub fn has(&self, offset: usize) -> bool {
        self.deltas.get(offset).is_some()
    }

    /// The value at `offset`, if there is one.
    #[must_use]
    pub fn get(&self, offset: usize) -> Option<Scalar<'static>> {
        let delta = self.deltas.get(offset)?;
        let integer = self.integers.as_ref().is_some_and(|rows| rows.contains(offset));
        Some(self.value(delta, integer))
    }

    /// The value that `delta` stands for, as the text or number of a condition.
    #[must_use]
    pub fn value(&self, delta: u64, integer: bool) -> Scalar<'static> {
        let point = self.point(delta);
        match self.kind {
            LinearKind::Decimal { scale } if integer => Scalar::Int(point / power_of_ten(scale)),
            kind => kind.value(point),
        }
    }

    /// The first delta whose point is not below `point`, or that of "no value".
    #[must_use]
    pub fn delta_from(&self, point: i64) -> u64 {
        let above = i128::from(point) - i128::from(self.base);
        let unit = i128::from(self.unit);
        let delta = (above + unit - 1).div_euclid(unit).max(0);
        u64::try_from(delta).map_or(u64::MAX, |delta| delta.min(self.deltas.greatest() + 1))
    }

    /// The point of the grid that `delta` stands for; stays at the end for deltas never given.
    pub(super) fn point(&self, delta: u64) -> i64 {
        let point = i128::from(self.base) + i128::from(delta) * i128::from(self.unit);
        i64::try_from(point).unwrap_or(i64::MAX)
    }

    /// The delta of `value`, if the grid has it.
    #[must_use]
    pub fn delta(&self, value: &Scalar<'_>) -> Option<u64> {
        let point = point_of(self.kind, value)?;
        let above = u64::try_from(i128::from(point) - i128::from(self.base)).ok()?;
        let unit = self.unit.unsigned_abs();
        (above.is_multiple_of(unit) && above / unit <= self.deltas.greatest())
            .then_some(above / unit)
    }

    /// Notes whether the number at `offset` was written as an integer.
    pub(super) fn mark(&mut self, offset: usize, value: Option<&Scalar<'_>>) {
        if !matches!(self.kind, LinearKind::Decimal { .. }) {
            return;
        }
        match value {
            Some(Scalar::Int(_)) => self.integers.get_or_insert_with(Bitmap::zeros).insert(offset),
            _ => {
                if let Some(rows) = &mut self.integers {
                    rows.remove(offset);
                }
            }
        }
    }

    pub(super) fn encoding(&self) -> &'static str {
        match &self.deltas {
            Deltas::U8(_) => "linear, 1 byte",
            Deltas::U16(_) => "linear, 2 bytes",
            Deltas::U32(_) => "linear, 4 bytes",
            Deltas::U64(_) => "linear, 8 bytes",
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let deltas = match &self.deltas {
            Deltas::U8(values) => values.capacity(),
            Deltas::U16(values) => values.capacity() * 2,
            Deltas::U32(values) => values.capacity() * 4,
            Deltas::U64(values) => values.capacity() * 8,
        };
        deltas + if self.integers.is_some() { 8192 } else { 0 }
    }
}

/// The point of a grid of `kind` that stands for exactly `value`.
pub(super) fn point_of(kind: LinearKind, value: &Scalar<'_>) -> Option<i64> {
    match (kind, value) {
        (LinearKind::Int, Scalar::Int(value)) => Some(*value),
        (LinearKind::Decimal { scale }, Scalar::Int(value)) => {
            value.checked_mul(power_of_ten(scale)).filter(|point| point.abs() <= EXACT)
        }
        (LinearKind::Decimal { scale }, Scalar::Float(value)) => decimal_point(*value, scale),
        (LinearKind::Time { digits }, Scalar::Str(text)) => {
            let (time, written) = Timestamp::parse_canonical(text)?;
            (written == digits).then(|| time.ticks())
        }
        _ => None,
    }
}

/// The kind of grid that could hold all `values`.
pub(super) fn common_kind<'v>(
    values: impl IntoIterator<Item = &'v Scalar<'v>>,
) -> Option<LinearKind> {
    let mut values = values.into_iter();
    let first = values.next()?;
    let mut scale = match first {
        Scalar::Str(text) => {
            let (_, digits) = Timestamp::parse_canonical(text)?;
            return Some(LinearKind::Time { digits });
        }
        Scalar::Float(value) => Some(scale_of(*value)?),
        Scalar::Int(_) => None,
        _ => return None,
    };
    for value in values {
        match value {
            Scalar::Int(_) => {}
            Scalar::Float(value) => scale = scale.max(Some(scale_of(*value)?)),
            _ => return None,
        }
    }
    Some(scale.map_or(LinearKind::Int, |scale| LinearKind::Decimal { scale }))
}

/// The fewest decimal places that hold `value` exactly.
pub(super) fn scale_of(value: f64) -> Option<u8> {
    (0..=SCALE_MAX).find(|scale| decimal_point(value, *scale).is_some())
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "the point is checked to be exact, and to give the very same double back"
)]
pub(super) fn decimal_point(value: f64, scale: u8) -> Option<i64> {
    let power = power_of_ten(scale) as f64;
    let scaled = (value * power).round();
    if scaled.abs() > EXACT as f64 {
        return None;
    }
    let back = scaled / power;
    // An integer has no negative zero.
    let is_negative_zero = scaled == 0.0 && value.is_sign_negative();
    (back == value && !is_negative_zero).then_some(scaled as i64)
}

fn power_of_ten(scale: u8) -> i64 {
    10_i64.pow(u32::from(scale))
}

/// The greatest power of ten that divides the distance of every point from `least`.
fn common_unit(points: &[(u16, i64)], least: i64) -> i64 {
    let mut unit = 10_000_000_u64;
    for (_, point) in points {
        let distance = point.abs_diff(least);
        while !distance.is_multiple_of(unit) {
            unit /= 10;
        }
    }
    i64::try_from(unit).expect("it starts small and shrinks")
}
