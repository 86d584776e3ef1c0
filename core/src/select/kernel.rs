//! The inner loops: one comparison for each row, one bit for each answer.
//!
//! A loop first writes 64 answers as bytes, which compilers turn into vector instructions, and
//! then packs them into a word with one multiplication for every eight.

use crate::store::Bitmap;

/// The rows whose number lies in `from..=to`.
pub(super) fn in_range<T>(numbers: &[T], from: T, to: T) -> Bitmap
where
    T: Copy + PartialOrd + WrappingSub,
{
    let width = to.wrapping_sub(from);
    pack(numbers, |number| u8::from(number.wrapping_sub(from) <= width))
}

/// The rows whose number is `wanted`.
pub(super) fn equal<T: Copy + PartialEq>(numbers: &[T], wanted: T) -> Bitmap {
    pack(numbers, |number| u8::from(number == wanted))
}

/// The rows whose code has `bit` set in `table`, which is as long as the codes are many.
pub(super) fn in_table<T: Copy + Into<usize>>(codes: &[T], table: &[u8], bit: u8) -> Bitmap {
    pack(codes, |code| (table[code.into()] >> bit) & 1)
}

/// One bit for each number: what `test` (0 or 1) says of it.
pub(super) fn pack<T: Copy>(numbers: &[T], test: impl Fn(T) -> u8) -> Bitmap {
    let mut bitmap = Bitmap::zeros();
    let words = bitmap.words_mut();
    let (blocks, rest) = numbers.as_chunks::<64>();
    for (block, word) in blocks.iter().zip(words.iter_mut()) {
        *word = pack_block(block, &test);
    }
    if let Some(word) = words.get_mut(blocks.len()) {
        *word = rest
            .iter()
            .enumerate()
            .fold(0, |word, (bit, number)| word | u64::from(test(*number)) << bit);
    }
    bitmap
}

#[inline]
fn pack_block<T: Copy>(block: &[T; 64], test: &impl Fn(T) -> u8) -> u64 {
    let mut answers = [0_u8; 64];
    for (answer, number) in answers.iter_mut().zip(block) {
        *answer = test(*number);
    }
    let (eights, _) = answers.as_chunks::<8>();
    eights.iter().enumerate().fold(0, |word, (index, eight)| {
        // Eight bytes of 0 or 1, each moved to its own bit of the highest byte.
        let packed = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word | packed << (index * 8)
    })
}

/// Subtraction modulo the width of the type.
pub(super) trait WrappingSub {
    fn wrapping_sub(self, other: Self) -> Self;
}

macro_rules! wrapping_sub {
    ($($type:ty)*) => {$(
        impl WrappingSub for $type {
            fn wrapping_sub(self, other: Self) -> Self {
                <$type>::wrapping_sub(self, other)
            }
        }
    )*};
}
wrapping_sub!(u8 u16 u32 u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_stands_at_its_row() {
        for rows in [0, 1, 63, 64, 65, 1000, 65_536] {
            let numbers: Vec<u16> = (0..rows).map(|row: u32| (row * 7919 % 1000) as u16).collect();
            let found = in_range(&numbers, 100, 299);
            for (row, number) in numbers.iter().enumerate() {
                assert_eq!(found.contains(row), (100..=299).contains(number), "{row} of {rows}");
            }
            let one = equal(&numbers, 7);
            assert_eq!(one.count(), numbers.iter().filter(|number| **number == 7).count());
        }
    }
}
