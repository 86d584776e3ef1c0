//! Values in place, for what no other encoding holds: many distinct strings, odd floats, mixtures.

use std::borrow::Cow;

use crate::kernel::prefetch;
use crate::twin::Scalar;

const ABSENT: u32 = u32::MAX;
/// The bytes of a segment's values must have offsets below [`ABSENT`]: 65,536 arrays of 32 KiB do.
const BYTES_MAX: usize = ABSENT as usize;

/// Values one after the other in one buffer, found by the offset of each.
///
/// A value is a tag byte, then for texts their length (4 bytes, little endian) and bytes, for
/// numbers 8 bytes. Overwritten values leave holes; the buffer is rewritten when half is holes.
#[derive(Debug, Clone, Default)]
pub struct Plain {
    starts: Vec<u32>,
    bytes: Vec<u8>,
    used: usize,
}

impl Plain {
    /// Puts `cells` into one buffer; `None` if they do not fit.
    pub(super) fn build<'v>(
        cells: impl Iterator<Item = (usize, Scalar<'v>)>,
        rows: usize,
    ) -> Option<Self> {
        let mut plain = Self { starts: vec![ABSENT; rows], bytes: Vec::new(), used: 0 };
        for (offset, value) in cells {
            if !plain.set(offset, Some(&value)) {
                return None;
            }
        }
        plain.bytes.shrink_to_fit();
        Some(plain)
    }

    /// Asks for where the value at `offset` starts.
    pub(super) fn prefetch(&self, offset: usize) {
        prefetch(&self.starts, offset);
    }

    /// The rows that may have a value.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether no row has a value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The value at `offset`, if there is one.
    #[must_use]
    pub fn get(&self, offset: usize) -> Option<Scalar<'_>> {
        let start = *self.starts.get(offset)?;
        if start == ABSENT {
            return None;
        }
        let (tag, rest) = self.bytes[start as usize..].split_first()?;
        Some(match tag {
            0 => Scalar::Null,
            1 => Scalar::Bool(false),
            2 => Scalar::Bool(true),
            3 => Scalar::Int(i64::from_le_bytes(*rest.first_chunk()?)),
            4 => Scalar::Float(f64::from_le_bytes(*rest.first_chunk()?)),
            5 => Scalar::Str(text(rest)?),
            6 => Scalar::Array(text(rest)?),
            _ => Scalar::Object,
        })
    }

    /// Writes `value`, or none; false if the buffer is full, and then nothing is changed.
    pub(super) fn set(&mut self, offset: usize, value: Option<&Scalar<'_>>) -> bool {
        if self.starts.len() <= offset {
            self.starts.resize(offset + 1, ABSENT);
        }
        let freed = self.starts[offset].checked_add(1).map_or(0, |_| self.size_at(offset));
        let Some(value) = value else {
            self.starts[offset] = ABSENT;
            self.used -= freed;
            return true;
        };
        let start = self.bytes.len();
        push(&mut self.bytes, value);
        if self.bytes.len() >= BYTES_MAX {
            self.bytes.truncate(start);
            return false;
        }
        self.starts[offset] = u32::try_from(start).expect("the buffer is bounded above");
        self.used = self.used - freed + (self.bytes.len() - start);
        if self.bytes.len() > 4096 && self.bytes.len() / 2 > self.used {
            self.rewrite();
        }
        true
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.starts.capacity() * 4 + self.bytes.capacity()
    }

    /// Drops the holes.
    fn rewrite(&mut self) {
        let mut bytes = Vec::with_capacity(self.used + self.used / 8);
        for offset in 0..self.starts.len() {
            if self.starts[offset] != ABSENT {
                let from = self.starts[offset] as usize;
                let size = self.size_at(offset);
                self.starts[offset] = u32::try_from(bytes.len()).expect("it was longer before");
                bytes.extend_from_slice(&self.bytes[from..from + size]);
            }
        }
        self.bytes = bytes;
    }

    fn size_at(&self, offset: usize) -> usize {
        let start = self.starts[offset] as usize;
        match self.bytes[start] {
            3 | 4 => 9,
            5 | 6 => {
                let length: [u8; 4] =
                    *self.bytes[start + 1..].first_chunk().expect("a text has its length");
                5 + u32::from_le_bytes(length) as usize
            }
            _ => 1,
        }
    }
}

fn push(bytes: &mut Vec<u8>, value: &Scalar<'_>) {
    match value {
        Scalar::Null => bytes.push(0),
        Scalar::Bool(value) => bytes.push(1 + u8::from(*value)),
        Scalar::Int(value) => {
            bytes.push(3);
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        Scalar::Float(value) => {
            bytes.push(4);
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        Scalar::Str(text) => push_text(bytes, 5, text),
        Scalar::Array(text) => push_text(bytes, 6, text),
        Scalar::Object => bytes.push(7),
    }
}

fn push_text(bytes: &mut Vec<u8>, tag: u8, text: &str) {
    bytes.push(tag);
    let length = u32::try_from(text.len()).expect("sections of a twin are at most 32 KiB");
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

fn text(rest: &[u8]) -> Option<Cow<'_, str>> {
    let (length, rest) = rest.split_first_chunk()?;
    let bytes = rest.get(..u32::from_le_bytes(*length) as usize)?;
    // Checked again on every read: cheap beside what reads a single value, and no `unsafe`.
    std::str::from_utf8(bytes).ok().map(Cow::Borrowed)
}
