//! The loops that every processor runs, and that the others are held against.

use super::{BLOCK, Number};

pub(super) fn is_in<T: Number>(number: T, ranges: &[(T, T)]) -> bool {
    ranges.iter().any(|(from, to)| number.above(*from) <= to.above(*from))
}

pub(super) fn in_ranges<T: Number>(blocks: &[[T; BLOCK]], ranges: &[(T, T)], out: &mut [u64]) {
    if let [(from, to)] = *ranges {
        // One comparison a row, without a branch, is what compilers vectorise.
        let width = to.above(from);
        for (block, word) in blocks.iter().zip(out) {
            *word = pack(block, |number| number.above(from) <= width);
        }
    } else {
        for (block, word) in blocks.iter().zip(out) {
            *word = pack(block, |number| is_in(number, ranges));
        }
    }
}

pub(super) fn has_bit<T: Into<u64>>(table: &[u64], number: T) -> bool {
    let number: u64 = number.into();
    let word = usize::try_from(number / 64).ok().and_then(|word| table.get(word));
    word.is_some_and(|word| word >> (number % 64) & 1 == 1)
}

pub(super) fn in_table<T: Number>(blocks: &[[T; BLOCK]], table: &[u64], out: &mut [u64]) {
    for (block, word) in blocks.iter().zip(out) {
        *word = pack(block, |number| has_bit(table, number));
    }
}

pub(super) fn compare_codes(
    left: &[[u8; BLOCK]],
    right: &[[u8; BLOCK]],
    table: &[u8; 256],
    equal: &mut [u64],
    different: &mut [u64],
) {
    let out = equal.iter_mut().zip(different);
    for ((left, right), (equal, different)) in left.iter().zip(right).zip(out) {
        let translated = left.map(|code| table[usize::from(code)]);
        let both = pack(left, |code| code != 0) & pack(right, |code| code != 0);
        let same: [bool; BLOCK] = std::array::from_fn(|row| translated[row] == right[row]);
        let same = pack(&same, |same| same);
        *equal = both & same;
        *different = both & !same;
    }
}

pub(super) fn count(words: &[u64]) -> usize {
    words.iter().map(|word| word.count_ones() as usize).sum()
}

pub(super) fn fill<T: Number>(blocks: &mut [[T; BLOCK]], mask: &[u64], value: T) {
    each_block(blocks, mask, |_, number| *number = value);
}

pub(super) fn blend<T: Number>(blocks: &mut [[T; BLOCK]], mask: &[u64], from: &[[T; BLOCK]]) {
    for ((block, from), word) in blocks.iter_mut().zip(from).zip(mask) {
        for (bit, (number, other)) in block.iter_mut().zip(from).enumerate() {
            // Both sides are written, so the loop has no branch.
            *number = if word >> bit & 1 == 1 { *other } else { *number };
        }
    }
}

pub(super) fn increment<T: Number>(blocks: &mut [[T; BLOCK]], mask: &[u64]) {
    each_block(blocks, mask, |_, number| *number = number.next());
}

fn each_block<T: Copy>(blocks: &mut [[T; BLOCK]], mask: &[u64], change: impl Fn(usize, &mut T)) {
    for (block, word) in blocks.iter_mut().zip(mask) {
        if *word == 0 {
            continue;
        }
        for (bit, number) in block.iter_mut().enumerate() {
            let mut changed = *number;
            change(bit, &mut changed);
            *number = if word >> bit & 1 == 1 { changed } else { *number };
        }
    }
}

/// Four tables side by side: a row that repeats the number of the last one need not wait until
/// that count is written.
pub(super) fn histogram_u8(numbers: &[u8], mask: &[u64]) -> [usize; 256] {
    // Neighbours are often alike, and one table would wait for each of its own stores.
    let mut tables = [[0_u32; 256]; 8];
    for (block, word) in numbers.chunks(BLOCK).zip(mask) {
        if *word == u64::MAX && block.len() == BLOCK {
            let (eights, _) = block.as_chunks::<8>();
            for eight in eights {
                for (table, number) in tables.iter_mut().zip(eight) {
                    table[usize::from(*number)] += 1;
                }
            }
        } else {
            each_bit(*word, |bit| {
                if let Some(number) = block.get(bit) {
                    tables[bit % 8][usize::from(*number)] += 1;
                }
            });
        }
    }
    std::array::from_fn(|number| tables.iter().map(|table| table[number] as usize).sum())
}

pub(super) fn histogram_u16(numbers: &[u16], mask: &[u64]) -> Vec<usize> {
    let greatest = numbers.iter().copied().max().unwrap_or(0);
    let mut counts = vec![0; usize::from(greatest) + 1];
    for (block, word) in numbers.chunks(BLOCK).zip(mask) {
        each_bit(*word, |bit| {
            if let Some(number) = block.get(bit) {
                counts[usize::from(*number)] += 1;
            }
        });
    }
    counts
}

fn each_bit(mut word: u64, mut each: impl FnMut(usize)) {
    while word != 0 {
        each(word.trailing_zeros() as usize);
        word &= word - 1;
    }
}

/// One bit for each row of a block: first 64 answers as bytes, which become vector instructions,
/// then one multiplication for every eight of them.
#[inline]
fn pack<T: Copy>(block: &[T; BLOCK], test: impl Fn(T) -> bool) -> u64 {
    let mut answers = [0_u8; BLOCK];
    for (answer, number) in answers.iter_mut().zip(block) {
        *answer = u8::from(test(*number));
    }
    let (eights, _) = answers.as_chunks::<8>();
    eights.iter().enumerate().fold(0, |word, (index, eight)| {
        // Eight bytes of 0 or 1, each moved to its own bit of the highest byte.
        let packed = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word | packed << (index * 8)
    })
}
