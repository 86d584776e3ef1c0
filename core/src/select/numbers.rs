//! Tests of a column as sets of the numbers that stand for its values.
//!
//! A column of codes or of distances on a grid is a list of numbers. What a test says of a row
//! depends on its number only; so a test is worked out once for the numbers that there are, and
//! the scan asks for each row whether its number is in a set.

use super::mask::{Found, Mask, Want};
use crate::kernel::{self, Number, RANGES_MAX};
use crate::store::{Bitmap, Bits, Codes, Deltas};

/// Numbers below this may stand in a table.
const TABLE_NUMBERS: usize = 1 << 16;
/// If at most one row in this many is still of interest, those are looked at one by one.
const FEW: usize = 256;

/// A set of numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Numbers {
    /// Those in some ranges, both ends included: at most [`RANGES_MAX`], ascending and apart.
    Ranges(Vec<(u64, u64)>),
    /// Those below 65,536 whose bit is set.
    Table(Box<[u64]>),
}

impl Numbers {
    pub(super) const NONE: Self = Self::Ranges(Vec::new());

    /// The numbers `from..to`.
    pub(super) fn between(from: u64, to: u64) -> Self {
        Self::Ranges(if from < to { vec![(from, to - 1)] } else { Vec::new() })
    }

    /// The numbers of a list; `None` if one is too large for a table, and they are many.
    pub(super) fn of(mut list: Vec<u64>) -> Option<Self> {
        list.sort_unstable();
        list.dedup();
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for number in &list {
            match ranges.last_mut() {
                Some((_, to)) if *to + 1 == *number => *to = *number,
                _ => ranges.push((*number, *number)),
            }
        }
        if ranges.len() <= RANGES_MAX {
            return Some(Self::Ranges(ranges));
        }
        let mut table = vec![0; TABLE_NUMBERS / 64];
        for number in list {
            let number = usize::try_from(number).ok().filter(|number| *number < TABLE_NUMBERS)?;
            table[number / 64] |= 1 << (number % 64);
        }
        Some(Self::Table(table.into()))
    }

    /// The numbers from 1 to 65,535 that are not in this set.
    pub(super) fn others(&self) -> Self {
        let Self::Ranges(ranges) = self else {
            let others = (1..TABLE_NUMBERS as u64).filter(|number| !self.contains(*number));
            return Self::of(others.collect()).unwrap_or(Self::NONE);
        };
        let mut others = Vec::new();
        let mut next = 1;
        for (from, to) in ranges {
            if next < *from {
                others.push((next, from - 1));
            }
            next = next.max(to + 1);
        }
        let last = TABLE_NUMBERS as u64 - 1;
        if next <= last {
            others.push((next, last));
        }
        Self::Ranges(others)
    }

    fn contains(&self, number: u64) -> bool {
        match self {
            Self::Ranges(ranges) => ranges.iter().any(|(from, to)| (*from..=*to).contains(&number)),
            Self::Table(table) => usize::try_from(number / 64)
                .ok()
                .and_then(|word| table.get(word))
                .is_some_and(|word| word >> (number % 64) & 1 == 1),
        }
    }

    /// The rows whose number is in the set. Rows outside of `among` do not matter.
    fn rows<T: Number>(&self, numbers: &[T], among: &Mask) -> Mask {
        if let Mask::Some(few) = among
            && few.count() * FEW <= numbers.len()
        {
            let mut found = Bitmap::zeros();
            let words = few.words().iter().zip(found.words_mut()).enumerate();
            for (at, (word, found)) in words.filter(|(_, (word, _))| **word != 0) {
                for bit in Bits(*word) {
                    let number = numbers.get(at * 64 + bit);
                    let is_in = number.is_some_and(|number| self.contains((*number).into()));
                    *found |= u64::from(is_in) << bit;
                }
            }
            return Mask::Some(found);
        }
        match self {
            Self::Table(table) => {
                let mut found = Bitmap::zeros();
                kernel::in_table(numbers, table, found.words_mut());
                Mask::Some(found)
            }
            Self::Ranges(ranges) => {
                // What is beyond the width of the column, no row has.
                let widest = T::greatest();
                let clipped = |(from, to): &(u64, u64)| {
                    Some((T::narrowed(*from)?, T::narrowed(*to).unwrap_or(widest)))
                };
                let clipped: Vec<(T, T)> = ranges.iter().filter_map(clipped).collect();
                if clipped.is_empty() {
                    return Mask::None;
                }
                let mut found = Bitmap::zeros();
                kernel::in_ranges(numbers, &clipped, found.words_mut());
                Mask::Some(found)
            }
        }
    }
}

/// The numbers for which a test is true, and those for which it is false.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sides {
    pub(super) yes: Numbers,
    pub(super) no: Numbers,
}

impl Sides {
    pub(super) const UNDEFINED: Self = Self { yes: Numbers::NONE, no: Numbers::NONE };

    pub(super) fn negated_if(self, negated: bool) -> Self {
        if negated { Self { yes: self.no, no: self.yes } } else { self }
    }

    pub(super) fn of_codes(&self, codes: &Codes, want: Want, among: &Mask) -> Found {
        match codes {
            Codes::U8(codes) => self.of(codes, want, among),
            Codes::U16(codes) => self.of(codes, want, among),
        }
    }

    pub(super) fn of_deltas(&self, deltas: &Deltas, want: Want, among: &Mask) -> Found {
        match deltas {
            Deltas::U8(deltas) => self.of(deltas, want, among),
            Deltas::U16(deltas) => self.of(deltas, want, among),
            Deltas::U32(deltas) => self.of(deltas, want, among),
            Deltas::U64(deltas) => self.of(deltas, want, among),
        }
    }

    fn of<T: Number>(&self, numbers: &[T], want: Want, among: &Mask) -> Found {
        let side = |wanted: bool, set: &Numbers| {
            if wanted { set.rows(numbers, among) } else { Mask::None }
        };
        Found { yes: side(want.yes(), &self.yes), no: side(want.no(), &self.no) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_become_ranges_and_many_of_them_a_table() {
        assert_eq!(Numbers::of(vec![]), Some(Numbers::NONE));
        let two = Numbers::of(vec![7, 3, 5, 4, 3]).expect("two ranges");
        assert_eq!(two, Numbers::Ranges(vec![(3, 5), (7, 7)]));
        assert_eq!(two.others(), Numbers::Ranges(vec![(1, 2), (6, 6), (8, 65_535)]));
        assert_eq!(Numbers::NONE.others(), Numbers::Ranges(vec![(1, 65_535)]));

        let even: Vec<u64> = (0..100).map(|number| number * 2).collect();
        let table = Numbers::of(even.clone()).expect("all fit");
        assert!(matches!(table, Numbers::Table(_)));
        let odd = table.others();
        for number in 0..70_000 {
            assert_eq!(table.contains(number), even.contains(&number), "{number}");
            let wanted = (1..65_536).contains(&number) && !even.contains(&number);
            assert_eq!(odd.contains(number), wanted, "{number}");
        }
        let far = even.iter().map(|number| number << 20).collect();
        assert_eq!(Numbers::of(far), None, "no table is that long");
    }

    #[test]
    fn rows_are_the_same_among_all_and_among_few() {
        let numbers: Vec<u8> = (0..1000_u32).map(|row| (row * 7919 % 251) as u8).collect();
        let mut few = Bitmap::zeros();
        [3, 500, 999, 2000].into_iter().for_each(|row| few.insert(row));
        let every_third = Numbers::of((0..300).step_by(3).collect()).expect("all fit");
        let beyond = Numbers::Ranges(vec![(10, 20), (200, 70_000), (80_000, 90_000)]);
        for set in [every_third, beyond, Numbers::NONE] {
            let all = set.rows(&numbers, &Mask::All);
            let among = set.rows(&numbers, &Mask::Some(few.clone()));
            for (row, number) in numbers.iter().enumerate() {
                assert_eq!(all.contains(row), set.contains((*number).into()), "{row}");
                if few.contains(row) {
                    assert_eq!(among.contains(row), all.contains(row), "{row}");
                }
            }
        }
    }
}
