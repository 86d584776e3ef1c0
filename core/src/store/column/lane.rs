//! The values of one column for some rows in turn, kept by type while they come in.

use super::words::Words;
use crate::clock::Timestamp;
use crate::twin::Scalar;

/// Integers up to here are exact as doubles.
const EXACT: u64 = 1 << 53;

/// Values on their way into a column, with the rows that have them, ascending.
///
/// A lane takes some bytes a value, while a list of values takes forty; and what the values have
/// in common, which decides their encoding, is known when the last one is in.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Lane {
    /// The rows that have a value, unless they are the first ones.
    offsets: Option<Vec<u16>>,
    len: usize,
    values: Values,
}

/// The values of a [`Lane`].
#[derive(Debug, Clone)]
pub(super) enum Values {
    /// One value, again and again.
    Same {
        value: Scalar<'static>,
        count: usize,
    },
    Ints(Vec<i64>),
    /// Numbers, some of them written without a point: those at `integers`, ascending.
    Numbers {
        numbers: Vec<f64>,
        integers: Vec<u16>,
    },
    /// Times, in ticks, as canonical text with `digits` fraction digits.
    Times {
        digits: u8,
        ticks: Vec<i64>,
    },
    /// Anything.
    Words(Words),
}

impl Default for Values {
    fn default() -> Self {
        Self::Same { value: Scalar::Null, count: 0 }
    }
}

impl Lane {
    /// `cells` as a lane; their offsets ascend.
    pub(super) fn of(cells: &[(u16, Scalar<'_>)]) -> Self {
        let mut lane = Self::default();
        cells.iter().for_each(|(offset, value)| lane.push(usize::from(*offset), value));
        lane
    }

    /// `value` in each row of this lane.
    pub(in crate::store) fn same(&self, value: &Scalar<'static>) -> Self {
        let values = Values::Same { value: value.clone(), count: self.len() };
        Self { offsets: self.offsets.clone(), len: self.len, values }
    }

    /// Adds the value of a row behind all rows before.
    #[inline]
    pub(in crate::store) fn push(&mut self, row: usize, value: &Scalar<'_>) {
        self.place(row);
        self.values.push(value);
    }

    /// Adds a time that is written with seven fraction digits.
    pub(in crate::store) fn push_time(&mut self, row: usize, time: Timestamp) {
        self.place(row);
        match &mut self.values {
            Values::Times { digits: 7, ticks } => ticks.push(time.ticks()),
            values if values.len() == 0 => {
                *values = Values::Times { digits: 7, ticks: vec![time.ticks()] };
            }
            values => values.push(&Scalar::Str(time.format(7).into())),
        }
    }

    #[inline]
    fn place(&mut self, row: usize) {
        if row != self.len || self.offsets.is_some() {
            self.add_offset(row);
        }
        self.len += 1;
    }

    fn add_offset(&mut self, row: usize) {
        let row = u16::try_from(row).expect("a segment has 65,536 rows");
        let before = self.len;
        self.offsets.get_or_insert_with(|| (0..=u16::MAX).take(before).collect()).push(row);
    }

    /// How many rows have a value.
    pub(in crate::store) fn len(&self) -> usize {
        self.len
    }

    pub(in crate::store) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn values(&self) -> &Values {
        &self.values
    }

    /// The row of the value at `place`.
    #[inline]
    pub(in crate::store) fn row(&self, place: usize) -> usize {
        self.offsets.as_ref().map_or(place, |offsets| usize::from(offsets[place]))
    }

    /// The value at `place`.
    pub(super) fn get(&self, place: usize) -> Scalar<'_> {
        self.values.get(place)
    }

    /// Finds the values of ascending rows.
    pub(in crate::store) fn cursor(&self) -> Cursor<'_> {
        Cursor { lane: self, place: 0 }
    }

    /// The value of all its rows, if there is only one.
    pub(super) fn only(&self) -> Option<Scalar<'_>> {
        let only = match &self.values {
            Values::Same { count, .. } => *count > 0,
            Values::Ints(ints) => ints.iter().all(|int| *int == ints[0]),
            Values::Times { ticks, .. } => ticks.iter().all(|tick| *tick == ticks[0]),
            // They became so by a second value.
            Values::Numbers { .. } | Values::Words(_) => false,
        };
        (only && !self.is_empty()).then(|| self.get(0))
    }

    /// Whether the values are those of the same rows as in `other`.
    pub(in crate::store) fn has_rows_of(&self, other: &Self) -> bool {
        self.len() == other.len() && self.offsets == other.offsets
    }
}

/// Goes through a [`Lane`] once.
#[derive(Debug)]
pub(in crate::store) struct Cursor<'l> {
    lane: &'l Lane,
    place: usize,
}

impl<'l> Cursor<'l> {
    /// The value of `row`, which is behind all rows asked for before.
    pub(in crate::store) fn at(&mut self, row: usize) -> Option<Scalar<'l>> {
        while self.place < self.lane.len() && self.lane.row(self.place) < row {
            self.place += 1;
        }
        let found = self.place < self.lane.len() && self.lane.row(self.place) == row;
        found.then(|| self.lane.get(self.place))
    }
}

impl Values {
    #[inline]
    fn push(&mut self, value: &Scalar<'_>) {
        match (&mut *self, value) {
            (Self::Same { value: known, count }, value) if known.is_same(value) => *count += 1,
            (Self::Words(words), value) => words.push(value),
            (Self::Ints(ints), Scalar::Int(value)) => ints.push(*value),
            (Self::Numbers { numbers, .. }, Scalar::Float(value)) => numbers.push(*value),
            (_, value) => self.push_other(value),
        }
    }

    /// Apart, so that what is inlined for each value is small.
    #[inline(never)]
    fn push_other(&mut self, value: &Scalar<'_>) {
        match (&mut *self, value) {
            #[expect(clippy::cast_precision_loss, reason = "it is exact")]
            (Self::Numbers { numbers, integers }, Scalar::Int(value)) if is_exact(*value) => {
                integers.push(u16::try_from(numbers.len()).expect("a segment has 65,536 rows"));
                return numbers.push(*value as f64);
            }
            (Self::Times { digits, ticks }, Scalar::Str(text)) => {
                match Timestamp::parse_canonical(text) {
                    Some((time, written)) if written == *digits => return ticks.push(time.ticks()),
                    _ => {}
                }
            }
            _ => {}
        }
        self.widen(value);
        self.push(value);
    }

    /// Becomes a kind that holds `value`, too.
    #[cold]
    fn widen(&mut self, value: &Scalar<'_>) {
        let old = std::mem::take(self);
        *self = match (old, value) {
            (Self::Same { count: 0, .. }, value) => {
                Self::Same { value: value.clone().into_owned(), count: 0 }
            }
            (Self::Same { value: Scalar::Int(known), count }, Scalar::Int(_)) => {
                Self::Ints(vec![known; count])
            }
            (Self::Same { value: Scalar::Float(known), count }, Scalar::Float(_)) => {
                Self::Numbers { numbers: vec![known; count], integers: Vec::new() }
            }
            (Self::Same { value: Scalar::Float(known), count }, Scalar::Int(value))
                if is_exact(*value) =>
            {
                Self::Numbers { numbers: vec![known; count], integers: Vec::new() }
            }
            (Self::Same { value: Scalar::Int(known), count }, Scalar::Float(_))
                if is_exact(known) =>
            {
                numbers(&vec![known; count])
            }
            (Self::Ints(ints), Scalar::Float(_)) if ints.iter().copied().all(is_exact) => {
                numbers(&ints)
            }
            (Self::Same { value: Scalar::Str(known), count }, Scalar::Str(text)) => {
                match (Timestamp::parse_canonical(&known), Timestamp::parse_canonical(text)) {
                    (Some((time, digits)), Some((_, written))) if digits == written => {
                        Self::Times { digits, ticks: vec![time.ticks(); count] }
                    }
                    _ => Self::Same { value: Scalar::Str(known), count }.into_words(),
                }
            }
            (old, _) => old.into_words(),
        };
    }

    fn into_words(self) -> Self {
        Self::Words(self.to_words())
    }

    /// The same values by their distinct ones.
    pub(super) fn to_words(&self) -> Words {
        let mut words = Words::default();
        (0..self.len()).for_each(|place| words.push(&self.get(place)));
        words
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Same { count, .. } => *count,
            Self::Ints(ints) => ints.len(),
            Self::Numbers { numbers, .. } => numbers.len(),
            Self::Times { ticks, .. } => ticks.len(),
            Self::Words(words) => words.len(),
        }
    }

    pub(super) fn get(&self, place: usize) -> Scalar<'_> {
        match self {
            Self::Same { value, .. } => value.borrowed(),
            Self::Ints(ints) => Scalar::Int(ints[place]),
            Self::Numbers { numbers, integers } => {
                let is_integer =
                    u16::try_from(place).is_ok_and(|place| integers.binary_search(&place).is_ok());
                #[expect(clippy::cast_possible_truncation, reason = "it was an exact integer")]
                if is_integer {
                    Scalar::Int(numbers[place] as i64)
                } else {
                    Scalar::Float(numbers[place])
                }
            }
            Self::Times { digits, ticks } => {
                Scalar::Str(Timestamp::from_ticks(ticks[place]).format(*digits).into())
            }
            Self::Words(words) => words.get(place),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "they were checked to be exact")]
fn numbers(ints: &[i64]) -> Values {
    Values::Numbers {
        numbers: ints.iter().map(|int| *int as f64).collect(),
        integers: (0..=u16::MAX).take(ints.len()).collect(),
    }
}

fn is_exact(int: i64) -> bool {
    int.unsigned_abs() <= EXACT
}
