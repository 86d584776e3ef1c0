//! The inner loops: a number for each row, a bit for each answer.
//!
//! Rows come in blocks of 64, which share a word of bits, the first row in the lowest bit. Every
//! loop stands here twice: in `portable`, plain, and in `simd`, in the vector instructions that
//! x86-64 processors may have. Which one runs is decided where the program runs; the tests hold
//! all of them against one another.

mod portable;
mod prefetch;
#[cfg(target_arch = "x86_64")]
mod simd;
mod strings;

#[cfg(test)]
mod tests;

pub use prefetch::prefetch;
pub use strings::Strings;

/// Ranges of one call of [`in_ranges`]: as many as stay in registers.
pub const RANGES_MAX: usize = 8;

/// Rows that share a word of bits.
const BLOCK: usize = 64;

/// Which loops run. Each level has what those before it have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Those that every processor runs.
    Portable,
    /// 32 bytes at once, and `popcnt`.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 64 bytes at once, with byte permutations (VBMI) and counts of bits.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// All that this processor has, the slowest first.
    pub fn all() -> impl Iterator<Item = Self> {
        let levels = [
            Self::Portable,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512,
        ];
        levels.into_iter().filter(|level| *level <= Self::best())
    }

    /// The best that this processor has. The answer is kept by the standard library.
    #[cfg(target_arch = "x86_64")]
    #[must_use]
    pub fn best() -> Self {
        use std::arch::is_x86_feature_detected as has;
        if has!("avx512f") && has!("avx512bw") && has!("avx512vbmi") && has!("avx512vpopcntdq") {
            Self::Avx512
        } else if has!("avx2") && has!("popcnt") {
            Self::Avx2
        } else {
            Self::Portable
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    #[must_use]
    pub fn best() -> Self {
        Self::Portable
    }
}

/// An unsigned number that stands for a value: a code, or a distance on a grid.
pub trait Number: Copy + Ord + Into<u64> + Loops {
    /// This number if it fits.
    fn narrowed(number: u64) -> Option<Self>;
    /// The greatest number.
    fn greatest() -> Self;
    /// The distance to a lower `base`, modulo the width of the type.
    fn above(self, base: Self) -> Self;
    /// The next number, modulo the width of the type.
    fn next(self) -> Self;
}

/// The loops of one width, at the level given; each takes whole blocks, one for each word.
#[allow(missing_docs, reason = "the functions of the same names say what they do")]
pub trait Loops: Sized {
    fn in_ranges(level: Level, blocks: &[[Self; BLOCK]], ranges: &[(Self, Self)], out: &mut [u64]);
    fn in_table(level: Level, blocks: &[[Self; BLOCK]], table: &[u64], out: &mut [u64]);
    fn fill(level: Level, blocks: &mut [[Self; BLOCK]], mask: &[u64], value: Self);
    fn blend(level: Level, blocks: &mut [[Self; BLOCK]], mask: &[u64], from: &[[Self; BLOCK]]);
    fn increment(level: Level, blocks: &mut [[Self; BLOCK]], mask: &[u64]);
}

/// Sets the bit of each row whose number lies in one of `ranges`, both ends included, and clears
/// those of the others. Rows that `numbers` does not have get no bit.
///
/// # Panics
///
/// If `words` are too few for `numbers`, or there are more than [`RANGES_MAX`] ranges.
pub fn in_ranges<T: Number>(numbers: &[T], ranges: &[(T, T)], words: &mut [u64]) {
    in_ranges_at(Level::best(), numbers, ranges, words);
}

/// [`in_ranges`] at a level.
pub fn in_ranges_at<T: Number>(level: Level, numbers: &[T], ranges: &[(T, T)], words: &mut [u64]) {
    assert!(ranges.len() <= RANGES_MAX, "there are {} ranges", ranges.len());
    if ranges.is_empty() {
        return words.fill(0);
    }
    let (blocks, rest) = numbers.as_chunks();
    let (whole, after) = words.split_at_mut(blocks.len());
    T::in_ranges(level, blocks, ranges, whole);
    end(rest, after, |number| portable::is_in(number, ranges));
}

/// Sets the bit of each row whose number has its bit set in `table`, clears those of the others.
/// Numbers beyond the table have no bit.
pub fn in_table<T: Number>(numbers: &[T], table: &[u64], words: &mut [u64]) {
    in_table_at(Level::best(), numbers, table, words);
}

/// [`in_table`] at a level.
pub fn in_table_at<T: Number>(level: Level, numbers: &[T], table: &[u64], words: &mut [u64]) {
    let (blocks, rest) = numbers.as_chunks();
    let (whole, after) = words.split_at_mut(blocks.len());
    T::in_table(level, blocks, table, whole);
    end(rest, after, |number| portable::has_bit(table, number));
}

/// Compares two columns of codes whose dictionaries differ: `table` has, for each code of the left
/// one, the code on the right of the same value, or 0. A row where a code is 0 is neither equal
/// nor different.
///
/// # Panics
///
/// If the columns are not of one length.
pub fn compare_codes(
    left: &[u8],
    right: &[u8],
    table: &[u8; 256],
    equal: &mut [u64],
    different: &mut [u64],
) {
    compare_codes_at(Level::best(), left, right, table, equal, different);
}

/// [`compare_codes`] at a level.
pub fn compare_codes_at(
    level: Level,
    left: &[u8],
    right: &[u8],
    table: &[u8; 256],
    equal: &mut [u64],
    different: &mut [u64],
) {
    assert_eq!(left.len(), right.len(), "the columns differ in length");
    let (left, left_rest) = left.as_chunks();
    let (right, right_rest) = right.as_chunks();
    let (whole, equal_after) = equal.split_at_mut(left.len());
    let (unequal, different_after) = different.split_at_mut(left.len());
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => simd::compare_codes(left, right, table, whole, unequal),
        _ => portable::compare_codes(left, right, table, whole, unequal),
    }
    let rows = || left_rest.iter().zip(right_rest);
    let known = |left: u8, right: u8| left != 0 && right != 0;
    let bit = |(at, holds): (usize, bool)| u64::from(holds) << at;
    let is_equal = rows().map(|(l, r)| known(*l, *r) && table[usize::from(*l)] == *r);
    let is_different = rows().map(|(l, r)| known(*l, *r) && table[usize::from(*l)] != *r);
    let (equal, different) =
        (is_equal.enumerate().map(bit).sum(), is_different.enumerate().map(bit).sum());
    for (words, last) in [(equal_after, equal), (different_after, different)] {
        words.fill(0);
        if let Some(word) = words.first_mut() {
            *word = last;
        }
    }
}

/// How many bits are set.
pub fn count(words: &[u64]) -> usize {
    count_at(Level::best(), words)
}

/// [`count`] at a level.
pub fn count_at(level: Level, words: &[u64]) -> usize {
    match level {
        Level::Portable => portable::count(words),
        #[cfg(target_arch = "x86_64")]
        _ => simd::count(level, words),
    }
}

/// Writes `value` to the rows whose bit is set in `mask`. Bits beyond the rows mean nothing.
pub fn fill<T: Number>(numbers: &mut [T], mask: &[u64], value: T) {
    fill_at(Level::best(), numbers, mask, value);
}

/// [`fill`] at a level.
pub fn fill_at<T: Number>(level: Level, numbers: &mut [T], mask: &[u64], value: T) {
    let (blocks, rest) = numbers.as_chunks_mut();
    let (whole, after) = mask.split_at(blocks.len());
    T::fill(level, blocks, whole, value);
    each_of_rest(rest, after, |_, number| *number = value);
}

/// Copies the rows whose bit is set in `mask` from `from`.
///
/// # Panics
///
/// If the columns are not of one length.
pub fn blend<T: Number>(numbers: &mut [T], mask: &[u64], from: &[T]) {
    blend_at(Level::best(), numbers, mask, from);
}

/// [`blend`] at a level.
pub fn blend_at<T: Number>(level: Level, numbers: &mut [T], mask: &[u64], from: &[T]) {
    assert_eq!(numbers.len(), from.len(), "the columns differ in length");
    let (blocks, rest) = numbers.as_chunks_mut();
    let (from, from_rest) = from.as_chunks();
    let (whole, after) = mask.split_at(blocks.len());
    T::blend(level, blocks, whole, from);
    each_of_rest(rest, after, |at, number| *number = from_rest[at]);
}

/// Adds one to the rows whose bit is set in `mask`, modulo the width of the type.
pub fn increment<T: Number>(numbers: &mut [T], mask: &[u64]) {
    increment_at(Level::best(), numbers, mask);
}

/// [`increment`] at a level.
pub fn increment_at<T: Number>(level: Level, numbers: &mut [T], mask: &[u64]) {
    let (blocks, rest) = numbers.as_chunks_mut();
    let (whole, after) = mask.split_at(blocks.len());
    T::increment(level, blocks, whole);
    each_of_rest(rest, after, |_, number| *number = number.next());
}

/// How many rows have each number, among those whose bit is set in `mask`.
pub fn histogram_u8(numbers: &[u8], mask: &[u64]) -> [usize; 256] {
    portable::histogram_u8(numbers, mask)
}

/// [`histogram_u8`] for two bytes; as long as it must be.
pub fn histogram_u16(numbers: &[u16], mask: &[u64]) -> Vec<usize> {
    portable::histogram_u16(numbers, mask)
}

/// Answers for the rows after the last whole block, and clears what follows.
fn end<T: Copy>(rest: &[T], words: &mut [u64], test: impl Fn(T) -> bool) {
    let last = rest.iter().enumerate().map(|(bit, number)| u64::from(test(*number)) << bit).sum();
    words.fill(0);
    match words.first_mut() {
        Some(word) => *word = last,
        None => assert!(rest.is_empty(), "there is a word for each block"),
    }
}

/// Calls `change` for the rows after the last whole block whose bit is set.
fn each_of_rest<T>(rest: &mut [T], mask: &[u64], mut change: impl FnMut(usize, &mut T)) {
    let word = mask.first().copied().unwrap_or(0);
    for (bit, number) in rest.iter_mut().enumerate() {
        if word >> bit & 1 == 1 {
            change(bit, number);
        }
    }
}

macro_rules! numbers {
    ($($type:ident)*) => {$(
        impl Number for $type {
            fn narrowed(number: u64) -> Option<Self> {
                Self::try_from(number).ok()
            }
            fn greatest() -> Self {
                Self::MAX
            }
            fn above(self, base: Self) -> Self {
                self.wrapping_sub(base)
            }
            fn next(self) -> Self {
                self.wrapping_add(1)
            }
        }

        impl Loops for $type {
            fn in_ranges(
                level: Level,
                blocks: &[[Self; BLOCK]],
                ranges: &[(Self, Self)],
                out: &mut [u64],
            ) {
                match level {
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => simd::$type::in_ranges(blocks, ranges, out),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => simd::$type::in_ranges_avx2(blocks, ranges, out),
                    Level::Portable => portable::in_ranges(blocks, ranges, out),
                }
            }

            fn in_table(level: Level, blocks: &[[Self; BLOCK]], table: &[u64], out: &mut [u64]) {
                match level {
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 | Level::Avx512 => simd::$type::in_table(level, blocks, table, out),
                    Level::Portable => portable::in_table(blocks, table, out),
                }
            }

            fn fill(level: Level, blocks: &mut [[Self; BLOCK]], mask: &[u64], value: Self) {
                match level {
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => simd::$type::fill(blocks, mask, value),
                    _ => portable::fill(blocks, mask, value),
                }
            }

            fn blend(
                level: Level,
                blocks: &mut [[Self; BLOCK]],
                mask: &[u64],
                from: &[[Self; BLOCK]],
            ) {
                match level {
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => simd::$type::blend(blocks, mask, from),
                    _ => portable::blend(blocks, mask, from),
                }
            }

            fn increment(level: Level, blocks: &mut [[Self; BLOCK]], mask: &[u64]) {
                match level {
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => simd::$type::increment(blocks, mask),
                    _ => portable::increment(blocks, mask),
                }
            }
        }
    )*};
}
numbers!(u8 u16 u32 u64);
