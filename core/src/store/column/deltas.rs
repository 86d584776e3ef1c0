//! One narrow unsigned number a row, with one of them set aside for "no value".

use crate::kernel::prefetch;

/// One unsigned number a row; the greatest of its width stands for "no value".
#[derive(Debug, Clone)]
pub enum Deltas {
    /// One byte.
    U8(Vec<u8>),
    /// Two bytes.
    U16(Vec<u16>),
    /// Four bytes.
    U32(Vec<u32>),
    /// Eight bytes.
    U64(Vec<u64>),
}

/// Evaluates `$body` with `$values` bound to the vector of whatever width, and `$absent` to the
/// number that stands for "no value" there.
macro_rules! with_deltas {
    ($deltas:expr, |$values:ident, $absent:ident| $body:expr) => {
        match $deltas {
            $crate::store::Deltas::U8($values) => {
                let $absent = u8::MAX;
                $body
            }
            $crate::store::Deltas::U16($values) => {
                let $absent = u16::MAX;
                $body
            }
            $crate::store::Deltas::U32($values) => {
                let $absent = u32::MAX;
                $body
            }
            $crate::store::Deltas::U64($values) => {
                let $absent = u64::MAX;
                $body
            }
        }
    };
}
pub(crate) use with_deltas;

impl Deltas {
    /// Asks for the memory of the number at `offset`.
    pub(super) fn prefetch(&self, offset: usize) {
        match self {
            Self::U8(values) => prefetch(values, offset),
            Self::U16(values) => prefetch(values, offset),
            Self::U32(values) => prefetch(values, offset),
            Self::U64(values) => prefetch(values, offset),
        }
    }

    /// All rows below `rows` without a value, in the narrowest width that holds `greatest`.
    pub(super) fn absent(greatest: u64, rows: usize) -> Self {
        match greatest {
            ..=0xFE => Self::U8(vec![u8::MAX; rows]),
            0xFF..=0xFFFE => Self::U16(vec![u16::MAX; rows]),
            0xFFFF..=0xFFFF_FFFE => Self::U32(vec![u32::MAX; rows]),
            _ => Self::U64(vec![u64::MAX; rows]),
        }
    }

    /// The greatest delta that the width holds.
    #[must_use]
    pub fn greatest(&self) -> u64 {
        match self {
            Self::U8(_) => 0xFE,
            Self::U16(_) => 0xFFFE,
            Self::U32(_) => 0xFFFF_FFFE,
            Self::U64(_) => u64::MAX - 1,
        }
    }

    /// `delta`, which must fit, or "no value", in all of `rows` rows.
    #[expect(clippy::cast_possible_truncation, reason = "the caller checked that it fits")]
    pub(super) fn fill(&mut self, delta: Option<u64>, rows: usize) {
        match self {
            Self::U8(values) => *values = vec![delta.map_or(u8::MAX, |delta| delta as u8); rows],
            Self::U16(values) => *values = vec![delta.map_or(u16::MAX, |delta| delta as u16); rows],
            Self::U32(values) => *values = vec![delta.map_or(u32::MAX, |delta| delta as u32); rows],
            Self::U64(values) => *values = vec![delta.unwrap_or(u64::MAX); rows],
        }
    }

    #[allow(clippy::useless_conversion, reason = "one of the four widths is the wide one")]
    pub(super) fn get(&self, offset: usize) -> Option<u64> {
        with_deltas!(self, |values, absent| {
            values.get(offset).filter(|value| **value != absent).map(|value| (*value).into())
        })
    }

    /// Writes deltas, which must fit, to rows that there are.
    #[expect(clippy::cast_possible_truncation, reason = "the caller checked that they fit")]
    pub(super) fn put(&mut self, deltas: impl Iterator<Item = (usize, u64)>) {
        match self {
            Self::U8(values) => deltas.for_each(|(offset, delta)| values[offset] = delta as u8),
            Self::U16(values) => deltas.for_each(|(offset, delta)| values[offset] = delta as u16),
            Self::U32(values) => deltas.for_each(|(offset, delta)| values[offset] = delta as u32),
            Self::U64(values) => deltas.for_each(|(offset, delta)| values[offset] = delta),
        }
    }

    /// Writes `delta`, which must fit, or "no value".
    pub(super) fn set(&mut self, offset: usize, delta: Option<u64>) {
        fn write<T: Copy>(values: &mut Vec<T>, offset: usize, delta: T, absent: T) {
            if values.len() <= offset {
                values.resize(offset + 1, absent);
            }
            values[offset] = delta;
        }
        debug_assert!(delta.is_none_or(|delta| delta <= self.greatest()));
        #[expect(clippy::cast_possible_truncation, reason = "the caller checked that it fits")]
        match self {
            Self::U8(values) => write(values, offset, delta.map_or(u8::MAX, |d| d as u8), u8::MAX),
            Self::U16(values) => {
                write(values, offset, delta.map_or(u16::MAX, |d| d as u16), u16::MAX);
            }
            Self::U32(values) => {
                write(values, offset, delta.map_or(u32::MAX, |d| d as u32), u32::MAX);
            }
            Self::U64(values) => write(values, offset, delta.unwrap_or(u64::MAX), u64::MAX),
        }
    }
}
