//! A set of rows of one segment: one bit a row.

use super::row::SEGMENT_ROWS;
use crate::kernel;

const WORDS: usize = SEGMENT_ROWS / 64;

/// A set of offsets below 65,536, one bit each: 8 KiB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bitmap {
    words: Box<[u64; WORDS]>,
}

impl Bitmap {
    /// The empty set.
    #[must_use]
    pub fn zeros() -> Self {
        Self { words: Box::new([0; WORDS]) }
    }

    /// The offsets below `rows`.
    #[must_use]
    pub fn ones(rows: usize) -> Self {
        let mut bitmap = Self::zeros();
        bitmap.words[..rows / 64].fill(u64::MAX);
        if !rows.is_multiple_of(64) {
            bitmap.words[rows / 64] = (1 << (rows % 64)) - 1;
        }
        bitmap
    }

    /// The offsets from `rows` on.
    #[must_use]
    pub fn ones_from(rows: usize) -> Self {
        let mut bitmap = Self::ones(rows);
        bitmap.words.iter_mut().for_each(|word| *word = !*word);
        bitmap
    }

    /// The words, 64 offsets each, the lowest offset in the lowest bit.
    #[must_use]
    pub fn words(&self) -> &[u64; WORDS] {
        &self.words
    }

    /// The words, to be written.
    pub fn words_mut(&mut self) -> &mut [u64; WORDS] {
        &mut self.words
    }

    /// Whether `offset` is in the set.
    #[must_use]
    pub fn contains(&self, offset: usize) -> bool {
        self.words[offset / 64] >> (offset % 64) & 1 == 1
    }

    /// Puts `offset` into the set.
    pub fn insert(&mut self, offset: usize) {
        self.words[offset / 64] |= 1 << (offset % 64);
    }

    /// Takes `offset` out of the set.
    pub fn remove(&mut self, offset: usize) {
        self.words[offset / 64] &= !(1 << (offset % 64));
    }

    /// How many offsets are in the set.
    #[must_use]
    pub fn count(&self) -> usize {
        kernel::count(&*self.words)
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Keeps what is also in `other`.
    pub fn and(&mut self, other: &Self) {
        self.words.iter_mut().zip(other.words.iter()).for_each(|(word, other)| *word &= other);
    }

    /// Adds what is in `other`.
    pub fn or(&mut self, other: &Self) {
        self.words.iter_mut().zip(other.words.iter()).for_each(|(word, other)| *word |= other);
    }

    /// Drops what is in `other`.
    pub fn and_not(&mut self, other: &Self) {
        self.words.iter_mut().zip(other.words.iter()).for_each(|(word, other)| *word &= !other);
    }

    /// The offsets, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words
            .iter()
            .enumerate()
            .flat_map(|(index, word)| Bits(*word).map(move |bit| index * 64 + bit))
    }
}

/// The positions of the set bits of a word, ascending.
#[derive(Debug)]
pub struct Bits(pub u64);

impl Iterator for Bits {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(bit)
    }
}
