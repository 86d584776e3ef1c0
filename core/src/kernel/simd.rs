//! The loops in the vector instructions of x86-64.
//!
//! Functions come in pairs: a safe one that may be called at the level that it names, and inside
//! the same loop with the instructions switched on. What is unsafe about them is said once:
//!
//! - INVARIANT (processor): `Level::Avx2` and `Level::Avx512` are only made by `Level::best`, when
//!   the processor has these instructions, and by tests that ask it.
//! - INVARIANT (memory): loads and stores go through references to arrays of 64 numbers, at
//!   offsets that the loops keep within them; no alignment is asked for.
#![expect(unsafe_code, reason = "2 to 8 times faster than the portable loops: `./x bench kernel`")]
#![allow(clippy::useless_conversion, reason = "one of the widths of a mask is the wide one")]

use std::arch::x86_64::{
    __m256i, __m512i, _mm256_and_si256, _mm256_blendv_epi8, _mm256_cmpeq_epi8, _mm256_cmpeq_epi16,
    _mm256_cmpeq_epi32, _mm256_loadu_si256, _mm256_min_epu8, _mm256_min_epu16, _mm256_min_epu32,
    _mm256_movemask_epi8, _mm256_or_si256, _mm256_packs_epi16, _mm256_packs_epi32,
    _mm256_permute4x64_epi64, _mm256_permutevar8x32_epi32, _mm256_set1_epi8, _mm256_set1_epi16,
    _mm256_set1_epi32, _mm256_setr_epi32, _mm256_setzero_si256, _mm256_shuffle_epi8,
    _mm256_srli_epi16, _mm256_sub_epi8, _mm256_sub_epi16, _mm256_sub_epi32, _mm512_add_epi64,
    _mm512_and_si512, _mm512_cmpeq_epi8_mask, _mm512_cmple_epu8_mask, _mm512_cmple_epu16_mask,
    _mm512_cmple_epu32_mask, _mm512_cmple_epu64_mask, _mm512_loadu_si512, _mm512_mask_add_epi8,
    _mm512_mask_add_epi16, _mm512_mask_add_epi32, _mm512_mask_add_epi64, _mm512_mask_blend_epi8,
    _mm512_mask_mov_epi8, _mm512_mask_mov_epi16, _mm512_mask_mov_epi32, _mm512_mask_mov_epi64,
    _mm512_movepi8_mask, _mm512_permutex2var_epi8, _mm512_permutexvar_epi8, _mm512_popcnt_epi64,
    _mm512_reduce_add_epi64, _mm512_set1_epi8, _mm512_set1_epi16, _mm512_set1_epi32,
    _mm512_set1_epi64, _mm512_setzero_si512, _mm512_srli_epi16, _mm512_storeu_si512,
    _mm512_sub_epi8, _mm512_sub_epi16, _mm512_sub_epi32, _mm512_sub_epi64, _mm512_test_epi8_mask,
};

use super::{BLOCK, Level, Number, RANGES_MAX, portable};

/// Fills up `ranges` to `N` by repeating the last one.
fn padded<T: Copy, const N: usize>(ranges: &[(T, T)]) -> [(T, T); N] {
    std::array::from_fn(|at| ranges[at.min(ranges.len() - 1)])
}

macro_rules! width {
    (
        $type:ident, $signed:ty, $mask:ty, $set1:ident, $sub:ident, $le:ident, $mov:ident,
        $add:ident, $ranges_avx2:path, $in_table:path
    ) => {
        pub(super) mod $type {
            use super::*;

            const LANES: usize = 64 / size_of::<$type>();
            const PARTS: usize = BLOCK / LANES;

            /// At `Level::Avx512`.
            pub(crate) fn in_ranges(
                blocks: &[[$type; BLOCK]],
                ranges: &[($type, $type)],
                out: &mut [u64],
            ) {
                // SAFETY: INVARIANT (processor).
                unsafe {
                    match ranges.len() {
                        1 => ranges_of::<1>(blocks, padded(ranges), out),
                        2 => ranges_of::<2>(blocks, padded(ranges), out),
                        3..=4 => ranges_of::<4>(blocks, padded(ranges), out),
                        _ => ranges_of::<RANGES_MAX>(blocks, padded(ranges), out),
                    }
                }
            }

            #[target_feature(enable = "avx512f,avx512bw")]
            fn ranges_of<const N: usize>(
                blocks: &[[$type; BLOCK]],
                ranges: [($type, $type); N],
                out: &mut [u64],
            ) {
                let (mut lows, mut widths) = ([$set1(0); N], [$set1(0); N]);
                for (at, (from, to)) in ranges.into_iter().enumerate() {
                    lows[at] = $set1(from as $signed);
                    widths[at] = $set1(to.wrapping_sub(from) as $signed);
                }
                for (block, word) in blocks.iter().zip(out) {
                    let mut found = 0;
                    for part in 0..PARTS {
                        let numbers = load(block, part);
                        let mut hits: $mask = 0;
                        for at in 0..N {
                            hits |= $le($sub(numbers, lows[at]), widths[at]);
                        }
                        found |= u64::from(hits) << (part * LANES % 64);
                    }
                    *word = found;
                }
            }

            /// At `Level::Avx2`.
            pub(crate) fn in_ranges_avx2(
                blocks: &[[$type; BLOCK]],
                ranges: &[($type, $type)],
                out: &mut [u64],
            ) {
                $ranges_avx2(blocks, ranges, out);
            }

            /// At `Level::Avx2` and above.
            pub(crate) fn in_table(
                level: Level,
                blocks: &[[$type; BLOCK]],
                table: &[u64],
                out: &mut [u64],
            ) {
                $in_table(level, blocks, table, out);
            }

            /// At `Level::Avx512`.
            pub(crate) fn fill(blocks: &mut [[$type; BLOCK]], mask: &[u64], value: $type) {
                #[target_feature(enable = "avx512f,avx512bw")]
                fn run(blocks: &mut [[$type; BLOCK]], mask: &[u64], value: $type) {
                    let value = $set1(value as $signed);
                    change(blocks, mask, |_, numbers, hits| $mov(numbers, hits, value));
                }
                // SAFETY: INVARIANT (processor).
                unsafe { run(blocks, mask, value) }
            }

            /// At `Level::Avx512`.
            pub(crate) fn blend(
                blocks: &mut [[$type; BLOCK]],
                mask: &[u64],
                from: &[[$type; BLOCK]],
            ) {
                #[target_feature(enable = "avx512f,avx512bw")]
                fn run(blocks: &mut [[$type; BLOCK]], mask: &[u64], from: &[[$type; BLOCK]]) {
                    change(blocks, mask, |(block, part), numbers, hits| {
                        $mov(numbers, hits, load(&from[block], part))
                    });
                }
                // SAFETY: INVARIANT (processor).
                unsafe { run(blocks, mask, from) }
            }

            /// At `Level::Avx512`.
            pub(crate) fn increment(blocks: &mut [[$type; BLOCK]], mask: &[u64]) {
                #[target_feature(enable = "avx512f,avx512bw")]
                fn run(blocks: &mut [[$type; BLOCK]], mask: &[u64]) {
                    let one = $set1(1);
                    change(blocks, mask, |_, numbers, hits| $add(numbers, hits, numbers, one));
                }
                // SAFETY: INVARIANT (processor).
                unsafe { run(blocks, mask) }
            }

            /// Rewrites the vectors in which a bit of `mask` is set. `changed` gets the place of
            /// one, what it holds, and the bits.
            #[inline]
            #[target_feature(enable = "avx512f,avx512bw")]
            fn change(
                blocks: &mut [[$type; BLOCK]],
                mask: &[u64],
                changed: impl Fn((usize, usize), __m512i, $mask) -> __m512i,
            ) {
                for (at, (block, word)) in blocks.iter_mut().zip(mask).enumerate() {
                    for part in 0..PARTS {
                        let hits = (word >> (part * LANES % 64)) as $mask;
                        if hits != 0 {
                            let numbers = changed((at, part), load(block, part), hits);
                            let place = block[part * LANES..].as_mut_ptr();
                            // SAFETY: INVARIANT (memory); LANES numbers follow the place.
                            unsafe { _mm512_storeu_si512(place.cast(), numbers) };
                        }
                    }
                }
            }

            #[inline]
            #[target_feature(enable = "avx512f,avx512bw")]
            fn load(block: &[$type; BLOCK], part: usize) -> __m512i {
                let place = block[part * LANES..].as_ptr();
                // SAFETY: INVARIANT (memory); LANES numbers follow the place.
                unsafe { _mm512_loadu_si512(place.cast()) }
            }
        }
    };
}

width!(
    u8,
    i8,
    u64,
    _mm512_set1_epi8,
    _mm512_sub_epi8,
    _mm512_cmple_epu8_mask,
    _mm512_mask_mov_epi8,
    _mm512_mask_add_epi8,
    super::ranges_u8,
    super::in_table_u8
);
width!(
    u16,
    i16,
    u32,
    _mm512_set1_epi16,
    _mm512_sub_epi16,
    _mm512_cmple_epu16_mask,
    _mm512_mask_mov_epi16,
    _mm512_mask_add_epi16,
    super::ranges_u16,
    super::in_table_wide
);
width!(
    u32,
    i32,
    u16,
    _mm512_set1_epi32,
    _mm512_sub_epi32,
    _mm512_cmple_epu32_mask,
    _mm512_mask_mov_epi32,
    _mm512_mask_add_epi32,
    super::ranges_u32,
    super::in_table_wide
);
width!(
    u64,
    i64,
    u8,
    _mm512_set1_epi64,
    _mm512_sub_epi64,
    _mm512_cmple_epu64_mask,
    _mm512_mask_mov_epi64,
    _mm512_mask_add_epi64,
    portable::in_ranges,
    super::in_table_wide
);

/// The loop over ranges with 32 bytes at once. AVX2 has no unsigned comparison: a number is at
/// most `width` if it is the lesser of both.
macro_rules! avx2_ranges {
    ($name:ident, $type:ty, $signed:ty, $set1:ident, $sub:ident, $min:ident, $equal:ident, $pack:ident) => {
        fn $name(blocks: &[[$type; BLOCK]], ranges: &[($type, $type)], out: &mut [u64]) {
            #[target_feature(enable = "avx2")]
            fn run(blocks: &[[$type; BLOCK]], ranges: &[($type, $type)], out: &mut [u64]) {
                const LANES: usize = 32 / size_of::<$type>();
                const PARTS: usize = BLOCK / LANES;
                let (mut lows, mut widths) = ([$set1(0); RANGES_MAX], [$set1(0); RANGES_MAX]);
                for (at, (from, to)) in ranges.iter().enumerate() {
                    lows[at] = $set1(*from as $signed);
                    widths[at] = $set1(to.wrapping_sub(*from) as $signed);
                }
                for (block, word) in blocks.iter().zip(out) {
                    let mut parts = [_mm256_setzero_si256(); PARTS];
                    for (part, hits) in parts.iter_mut().enumerate() {
                        let place = block[part * LANES..].as_ptr();
                        // SAFETY: INVARIANT (memory); LANES numbers follow the place.
                        let numbers = unsafe { _mm256_loadu_si256(place.cast()) };
                        for at in 0..ranges.len() {
                            let above = $sub(numbers, lows[at]);
                            let within = $equal($min(above, widths[at]), above);
                            *hits = _mm256_or_si256(*hits, within);
                        }
                    }
                    *word = $pack(parts);
                }
            }
            // SAFETY: INVARIANT (processor).
            unsafe { run(blocks, ranges, out) }
        }
    };
}

avx2_ranges!(
    ranges_u8,
    u8,
    i8,
    _mm256_set1_epi8,
    _mm256_sub_epi8,
    _mm256_min_epu8,
    _mm256_cmpeq_epi8,
    bits_of_2
);
avx2_ranges!(
    ranges_u16,
    u16,
    i16,
    _mm256_set1_epi16,
    _mm256_sub_epi16,
    _mm256_min_epu16,
    _mm256_cmpeq_epi16,
    bits_of_4
);
avx2_ranges!(
    ranges_u32,
    u32,
    i32,
    _mm256_set1_epi32,
    _mm256_sub_epi32,
    _mm256_min_epu32,
    _mm256_cmpeq_epi32,
    bits_of_8
);

/// A bit for each byte, which is all ones or zero.
#[inline]
#[target_feature(enable = "avx2")]
fn bits_of_2(parts: [__m256i; 2]) -> u64 {
    let [low, high] = parts.map(|part| u64::from(_mm256_movemask_epi8(part).cast_unsigned()));
    low | high << 32
}

/// A bit for each two bytes.
#[inline]
#[target_feature(enable = "avx2")]
fn bits_of_4(parts: [__m256i; 4]) -> u64 {
    // Packing works within halves of 16 bytes; the permutation puts the quarters in order.
    let pack = |low, high| _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi16(low, high));
    bits_of_2([pack(parts[0], parts[1]), pack(parts[2], parts[3])])
}

/// A bit for each four bytes.
#[inline]
#[target_feature(enable = "avx2")]
fn bits_of_8(parts: [__m256i; 8]) -> u64 {
    let order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    let pack = |four: [__m256i; 4]| {
        let pairs = [_mm256_packs_epi32(four[0], four[1]), _mm256_packs_epi32(four[2], four[3])];
        _mm256_permutevar8x32_epi32(_mm256_packs_epi16(pairs[0], pairs[1]), order)
    };
    let [a, b, c, d, e, f, g, h] = parts;
    bits_of_2([pack([a, b, c, d]), pack([e, f, g, h])])
}

/// For each bit of a byte, by number.
const BITS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];

/// Tables for wider numbers do not fit into registers, and gathering words from memory is no
/// faster in vectors than one by one.
fn in_table_wide<T: Number>(_level: Level, blocks: &[[T; BLOCK]], table: &[u64], out: &mut [u64]) {
    portable::in_table(blocks, table, out);
}

fn in_table_u8(level: Level, blocks: &[[u8; BLOCK]], table: &[u64], out: &mut [u64]) {
    let table: [u64; 4] = std::array::from_fn(|at| table.get(at).copied().unwrap_or(0));
    let table = &table;
    // SAFETY: INVARIANT (processor).
    unsafe {
        match level {
            Level::Avx512 => in_table_avx512(blocks, table, out),
            _ => in_table_avx2(blocks, table, out),
        }
    }
}

/// The byte of the table in which a number has its bit is found by its upper five bits, the bit
/// by its lower three.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn in_table_avx512(blocks: &[[u8; BLOCK]], table: &[u64; 4], out: &mut [u64]) {
    let (mut bytes, mut bits) = ([0_u8; 64], [0_u8; 64]);
    for (eight, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(table) {
        *eight = word.to_le_bytes();
    }
    bits.as_chunks_mut::<16>().0.fill(BITS);
    let (bytes, bits) = (load_64(&bytes), load_64(&bits));
    let (lower_five, lower_three) = (_mm512_set1_epi8(31), _mm512_set1_epi8(7));
    for (block, word) in blocks.iter().zip(out) {
        let numbers = load_64(block);
        let place = _mm512_and_si512(_mm512_srli_epi16::<3>(numbers), lower_five);
        let byte = _mm512_permutexvar_epi8(place, bytes);
        let bit = _mm512_permutexvar_epi8(_mm512_and_si512(numbers, lower_three), bits);
        *word = _mm512_test_epi8_mask(byte, bit);
    }
}

#[target_feature(enable = "avx2")]
fn in_table_avx2(blocks: &[[u8; BLOCK]], table: &[u64; 4], out: &mut [u64]) {
    let half = |words: [u64; 2]| {
        let mut bytes = [0_u8; 32];
        for (at, eight) in bytes.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            *eight = words[at % 2].to_le_bytes();
        }
        load_32(&bytes)
    };
    let mut bits = [0_u8; 32];
    bits.as_chunks_mut::<16>().0.fill(BITS);
    let (low, high, bits) =
        (half([table[0], table[1]]), half([table[2], table[3]]), load_32(&bits));
    let (lower_four, lower_three) = (_mm256_set1_epi8(15), _mm256_set1_epi8(7));
    for (block, word) in blocks.iter().zip(out) {
        let (halves, _) = block.as_chunks::<32>();
        let hits = |numbers: __m256i| {
            let place = _mm256_and_si256(_mm256_srli_epi16::<3>(numbers), lower_four);
            // The highest bit of a number says in which half of the table its byte is.
            let byte = _mm256_blendv_epi8(
                _mm256_shuffle_epi8(low, place),
                _mm256_shuffle_epi8(high, place),
                numbers,
            );
            let bit = _mm256_shuffle_epi8(bits, _mm256_and_si256(numbers, lower_three));
            _mm256_cmpeq_epi8(_mm256_and_si256(byte, bit), bit)
        };
        *word = bits_of_2([hits(load_32(&halves[0])), hits(load_32(&halves[1]))]);
    }
}

/// At `Level::Avx512`.
pub(super) fn compare_codes(
    left: &[[u8; BLOCK]],
    right: &[[u8; BLOCK]],
    table: &[u8; 256],
    equal: &mut [u64],
    different: &mut [u64],
) {
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn run(
        left: &[[u8; BLOCK]],
        right: &[[u8; BLOCK]],
        table: &[u8; 256],
        equal: &mut [u64],
        different: &mut [u64],
    ) {
        let (quarters, _) = table.as_chunks::<64>();
        let [a, b, c, d] = [0, 1, 2, 3].map(|at: usize| load_64(&quarters[at]));
        let out = equal.iter_mut().zip(different);
        for ((left, right), (equal, different)) in left.iter().zip(right).zip(out) {
            let (left, right) = (load_64(left), load_64(right));
            // A permutation of two vectors takes the lower seven bits of a code.
            let lower = _mm512_permutex2var_epi8(a, left, b);
            let upper = _mm512_permutex2var_epi8(c, left, d);
            let translated = _mm512_mask_blend_epi8(_mm512_movepi8_mask(left), lower, upper);
            let both = _mm512_test_epi8_mask(left, left) & _mm512_test_epi8_mask(right, right);
            let same = _mm512_cmpeq_epi8_mask(translated, right);
            *equal = both & same;
            *different = both & !same;
        }
    }
    // SAFETY: INVARIANT (processor).
    unsafe { run(left, right, table, equal, different) }
}

/// At `Level::Avx2` and above.
pub(super) fn count(level: Level, words: &[u64]) -> usize {
    #[target_feature(enable = "popcnt")]
    fn by_word(words: &[u64]) -> usize {
        words.iter().map(|word| word.count_ones() as usize).sum()
    }
    #[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt")]
    fn by_eight(words: &[u64]) -> usize {
        let (eights, rest) = words.as_chunks::<8>();
        let mut sums = _mm512_setzero_si512();
        for eight in eights {
            // SAFETY: INVARIANT (memory); eight words are 64 bytes.
            let bits = unsafe { _mm512_loadu_si512(eight.as_ptr().cast()) };
            sums = _mm512_add_epi64(sums, _mm512_popcnt_epi64(bits));
        }
        let counted = _mm512_reduce_add_epi64(sums).cast_unsigned();
        usize::try_from(counted).unwrap_or(usize::MAX) + by_word(rest)
    }
    // SAFETY: INVARIANT (processor).
    unsafe {
        match level {
            Level::Avx512 => by_eight(words),
            _ => by_word(words),
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_64(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: INVARIANT (memory).
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_32(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: INVARIANT (memory).
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}
