//! The values of one path in one segment, in the cheapest encoding that holds them.
//!
//! | encoding | for | cost a row |
//! | --- | --- | --- |
//! | [`Column::Constant`] | one value in every row | nothing |
//! | [`Column::Sparse`] | values in few rows | 34 bytes for a row that has one |
//! | [`Column::Codes`] | anything with few distinct values | 1 or 2 bytes |
//! | [`Column::Linear`] | numbers, and times as ISO 8601 text | 1, 2, 4 or 8 bytes |
//! | [`Column::Plain`] | everything else | 4 bytes and the value |
//!
//! A column is as long as the last row that was written; rows beyond have no value.

mod deltas;
mod edit;
mod encode;
mod grid;
mod lane;
mod linear;
mod plain;
mod words;

use std::sync::Arc;

pub use deltas::Deltas;
pub use linear::{Linear, LinearKind};
pub use plain::Plain;

pub(super) use edit::{blend, fill, increment, set};
pub(super) use encode::encode_lanes;
pub(super) use lane::Lane;

use super::dictionary::Dictionary;
use crate::kernel::prefetch;
use crate::twin::Scalar;

/// The values of one path in one segment.
#[derive(Debug, Clone)]
pub enum Column {
    /// Every row below `len` has `value`.
    Constant {
        /// The value.
        value: Scalar<'static>,
        /// The rows that have it.
        len: u32,
    },
    /// Few rows have a value: their offsets, ascending, and their values.
    Sparse {
        /// The rows that have a value, ascending.
        offsets: Vec<u16>,
        /// Their values, in the same order.
        values: Vec<Scalar<'static>>,
    },
    /// Codes of the path's dictionary; 0 where there is no value.
    Codes {
        /// What the codes mean.
        dictionary: Arc<Dictionary>,
        /// One code a row.
        codes: Codes,
    },
    /// Numbers on a grid.
    Linear(Linear),
    /// Values in place.
    Plain(Plain),
}

/// Codes in one byte each, as long as they fit, else in two.
#[derive(Debug, Clone)]
pub enum Codes {
    /// All codes are below 256.
    U8(Vec<u8>),
    /// Any code.
    U16(Vec<u16>),
}

impl Codes {
    /// The code at `offset`, 0 if there is none.
    #[must_use]
    pub fn get(&self, offset: usize) -> u16 {
        match self {
            Self::U8(codes) => codes.get(offset).copied().map_or(0, u16::from),
            Self::U16(codes) => codes.get(offset).copied().unwrap_or(0),
        }
    }

    /// The rows that may have a code.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::U8(codes) => codes.len(),
            Self::U16(codes) => codes.len(),
        }
    }

    /// Whether no row has a code.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `code` in every row, in a width that also holds `widest`.
    fn filled(code: u16, widest: u16, rows: usize) -> Self {
        match (u8::try_from(code), u8::try_from(widest)) {
            (Ok(code), Ok(_)) => Self::U8(vec![code; rows]),
            _ => Self::U16(vec![code; rows]),
        }
    }

    /// Makes room for `code` in the width and for `rows` rows.
    fn reserve(&mut self, code: u16, rows: usize) {
        if let Self::U8(narrow) = self
            && code > 0xFF
        {
            *self = Self::U16(narrow.iter().copied().map(u16::from).collect());
        }
        match self {
            Self::U8(codes) if codes.len() < rows => codes.resize(rows, 0),
            Self::U16(codes) if codes.len() < rows => codes.resize(rows, 0),
            _ => {}
        }
    }

    fn set(&mut self, offset: usize, code: u16) {
        self.reserve(code, offset + 1);
        match self {
            Self::U8(codes) => codes[offset] = u8::try_from(code).expect("room was made above"),
            Self::U16(codes) => codes[offset] = code,
        }
    }
}

impl Column {
    /// The value at `offset`, if there is one.
    #[must_use]
    pub fn get(&self, offset: usize) -> Option<Scalar<'_>> {
        match self {
            Self::Constant { value, len } => (offset < *len as usize).then(|| value.borrowed()),
            Self::Sparse { offsets, values } => {
                let place = offsets.binary_search(&u16::try_from(offset).ok()?).ok()?;
                Some(values[place].borrowed())
            }
            Self::Codes { dictionary, codes } => match codes.get(offset) {
                0 => None,
                code => Some(dictionary.value(code)),
            },
            Self::Linear(linear) => linear.get(offset),
            Self::Plain(plain) => plain.get(offset),
        }
    }

    /// Asks for the memory of the value at `offset`, which is to be read soon.
    pub(super) fn prefetch(&self, offset: usize) {
        match self {
            Self::Constant { .. } | Self::Sparse { .. } => {}
            Self::Codes { codes: Codes::U8(codes), .. } => prefetch(codes, offset),
            Self::Codes { codes: Codes::U16(codes), .. } => prefetch(codes, offset),
            Self::Linear(linear) => linear.deltas.prefetch(offset),
            Self::Plain(plain) => plain.prefetch(offset),
        }
    }

    /// The rows that may have a value.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Constant { len, .. } => *len as usize,
            Self::Sparse { offsets, .. } => offsets.last().map_or(0, |last| usize::from(*last) + 1),
            Self::Codes { codes, .. } => codes.len(),
            Self::Linear(linear) => linear.len(),
            Self::Plain(plain) => plain.len(),
        }
    }

    /// Whether no row has a value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether no row has a value, although some may have had one.
    fn has_no_value(&self) -> bool {
        match self {
            Self::Constant { len, .. } => *len == 0,
            Self::Sparse { offsets, .. } => offsets.is_empty(),
            Self::Codes { codes: Codes::U8(codes), .. } => codes.iter().all(|code| *code == 0),
            Self::Codes { codes: Codes::U16(codes), .. } => codes.iter().all(|code| *code == 0),
            Self::Linear(linear) => (0..linear.len()).all(|offset| !linear.has(offset)),
            Self::Plain(plain) => (0..plain.len()).all(|offset| plain.get(offset).is_none()),
        }
    }

    /// The name of the encoding, for explanations.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::Constant { .. } => "constant",
            Self::Sparse { .. } => "sparse",
            Self::Codes { codes: Codes::U8(_), .. } => "codes, 1 byte",
            Self::Codes { codes: Codes::U16(_), .. } => "codes, 2 bytes",
            Self::Linear(linear) => linear.encoding(),
            Self::Plain(_) => "plain",
        }
    }

    /// The heap bytes that the column holds, its dictionary left out.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::Constant { .. } => 0,
            Self::Sparse { offsets, values } => {
                offsets.capacity() * 2 + values.capacity() * size_of::<Scalar<'_>>()
            }
            Self::Codes { codes: Codes::U8(codes), .. } => codes.capacity(),
            Self::Codes { codes: Codes::U16(codes), .. } => codes.capacity() * 2,
            Self::Linear(linear) => linear.heap_bytes(),
            Self::Plain(plain) => plain.heap_bytes(),
        }
    }

    /// All values with their offsets, ascending.
    fn cells(&self) -> Vec<(u16, Scalar<'_>)> {
        (0..self.len())
            .filter_map(|offset| Some((u16::try_from(offset).ok()?, self.get(offset)?)))
            .collect()
    }
}
