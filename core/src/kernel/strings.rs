//! Some strings of an Arrow array, copied side by side into another.
//!
//! INVARIANT (strings): an Arrow array has one offset more than strings; they are not negative,
//! do not descend and end within its text; what lies between two neighbours is UTF-8. So is what
//! [`Strings`] keeps, since it is made of whole strings of such arrays.
#![expect(unsafe_code, reason = "3 times faster than the plain loop: `./x bench kernel/strings`")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m128i, _mm_loadu_si128, _mm_storeu_si128, _mm512_cmpgt_epi32_mask, _mm512_loadu_si512,
    _mm512_maskz_compress_epi32, _mm512_set1_epi32, _mm512_storeu_si512, _mm512_sub_epi32,
};

use arrow_array::StringArray;
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};

use super::{BLOCK, Level, prefetch};

/// Strings up to this length are copied as so many bytes, which is one load and one store; the
/// next one overwrites what was too much.
const SHORT: usize = 16;

/// Blocks with at most so many strings to copy are not worth a vector.
const FEW: u32 = 8;

/// Few strings of a block lie far apart in memory, so it is asked for them this many such blocks
/// before they are copied.
#[cfg(target_arch = "x86_64")]
const AHEAD: usize = 12;

/// Strings, one after the other.
#[derive(Debug)]
pub struct Strings {
    text: Vec<u8>,
    /// Where each string starts, and where the last one ends.
    offsets: Vec<i32>,
    /// Kept for its memory: the blocks of an array that have a string to copy.
    blocks: Vec<usize>,
}

impl Strings {
    /// Room for `strings` strings of average length.
    #[must_use]
    pub fn with_capacity(strings: usize) -> Self {
        // Vectors are stored whole, so the last of them reaches further.
        let mut offsets = Vec::with_capacity(strings + 1 + BLOCK);
        offsets.push(0);
        Self { text: Vec::with_capacity((strings + 1) * SHORT), offsets, blocks: Vec::new() }
    }

    /// Adds a string.
    ///
    /// # Panics
    ///
    /// If the text had more than 2 GiB then, as in the other methods.
    pub fn push(&mut self, string: &str) {
        self.text.extend_from_slice(string.as_bytes());
        self.offsets.push(end_of(self.text.len()));
    }

    /// Adds the strings of `array` whose bit is set in `words`. Bits beyond its end mean nothing.
    pub fn add(&mut self, array: &StringArray, words: &[u64]) {
        self.add_at(Level::best(), array, words);
    }

    /// [`Strings::add`] at a level.
    pub fn add_at(&mut self, level: Level, array: &StringArray, words: &[u64]) {
        let (values, offsets) = (array.value_data(), array.value_offsets());
        let blocks = std::mem::take(&mut self.blocks);
        let blocks = with_bits(words, blocks);
        for (at, &number) in blocks.iter().enumerate() {
            let word = words[number];
            #[cfg(target_arch = "x86_64")]
            if let Some(&later) = blocks.get(at + AHEAD) {
                bring_near(values, offsets, later, words[later]);
            }
            // The offsets of 64 strings, and where the last of them ends.
            let offsets = offsets.get(number * BLOCK..).unwrap_or_default();
            let Some(block) = offsets.first_chunk() else {
                let strings = offsets.len().saturating_sub(1);
                let known = (1_u64 << strings) - 1;
                self.add_each(values, offsets, word & known);
                continue;
            };
            if word == u64::MAX {
                self.add_all(values, block);
            } else if !self.add_short(level, values, block, word) {
                self.add_each(values, block, word);
            }
        }
        self.blocks = blocks;
    }

    /// All strings of a block.
    fn add_all(&mut self, values: &[u8], offsets: &[i32; BLOCK + 1]) {
        let (first, last) = (offsets[0], offsets[BLOCK]);
        let moved = end_of(self.text.len()) - first;
        self.text.extend_from_slice(&values[index(first)..index(last)]);
        end_of(self.text.len()); // so that the sums below do not overflow
        self.offsets.extend(offsets[1..].iter().map(|offset| offset + moved));
    }

    /// One string after the other, of any length.
    fn add_each(&mut self, values: &[u8], offsets: &[i32], mut word: u64) {
        while word != 0 {
            let place = word.trailing_zeros() as usize;
            word &= word - 1;
            let string = &values[index(offsets[place])..index(offsets[place + 1])];
            self.text.extend_from_slice(string);
            self.offsets.push(end_of(self.text.len()));
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn add_short(&mut self, _: Level, _: &[u8], _: &[i32; BLOCK + 1], _: u64) -> bool {
        false
    }

    /// The strings of a block, if they are short; else does nothing and says false.
    #[cfg(target_arch = "x86_64")]
    fn add_short(
        &mut self,
        level: Level,
        values: &[u8],
        offsets: &[i32; BLOCK + 1],
        word: u64,
    ) -> bool {
        // What is loaded beyond the last string must exist.
        let is_few = word.count_ones() <= FEW;
        let is_vector = level >= Level::Avx512 && !is_few;
        if !(is_few || is_vector) || index(offsets[BLOCK]) + SHORT > values.len() {
            return false;
        }
        if i32::try_from(self.text.len() + BLOCK * SHORT).is_err() {
            return false; // the sums below could overflow, though the strings may still fit
        }
        self.text.reserve((BLOCK + 1) * SHORT);
        self.offsets.reserve(BLOCK);
        // SAFETY: the processor has the instructions of the level. With the invariant, each of the
        // block's strings starts where `SHORT` more bytes of `values` follow, and at most `BLOCK`
        // strings of at most `SHORT` bytes are added, for which there is room.
        unsafe {
            if is_few {
                self.add_few(values, offsets, word)
            } else {
                self.add_short_avx512(values, offsets, word)
            }
        }
    }

    /// # Safety
    ///
    /// `SHORT` bytes of `values` follow each of `offsets`; `text` has room for `BLOCK + 1` times
    /// `SHORT` bytes more, and `offsets` for `BLOCK` numbers.
    #[cfg(target_arch = "x86_64")]
    unsafe fn add_few(&mut self, values: &[u8], offsets: &[i32; BLOCK + 1], mut word: u64) -> bool {
        let known = self.offsets.len();
        let (mut end, mut count, mut longest) = (self.text.len(), 0, 0);
        // SAFETY: the caller's promise, and `end` grows by at most `SHORT` for each bit; so as many
        // bytes and offsets are written as there is room for. They count as written only if no
        // string was longer.
        unsafe {
            let text = self.text.as_mut_ptr();
            let ends = self.offsets.as_mut_ptr().add(known);
            while word != 0 {
                let place = word.trailing_zeros() as usize;
                word &= word - 1;
                let start = offsets[place] as usize;
                let length = offsets[place + 1] as usize - start;
                let source = values.as_ptr().add(start).cast::<__m128i>();
                _mm_storeu_si128(text.add(end).cast(), _mm_loadu_si128(source));
                end += length.min(SHORT);
                longest = longest.max(length);
                ends.add(count).write(end as i32);
                count += 1;
            }
            if longest > SHORT {
                return false;
            }
            self.text.set_len(end);
            self.offsets.set_len(known + count);
        }
        true
    }

    /// # Safety
    ///
    /// The processor has AVX-512 F; `SHORT` bytes of `values` follow each of `offsets`; `text` has
    /// room for `BLOCK + 1` times `SHORT` bytes more, and `offsets` for `BLOCK` numbers.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f")]
    unsafe fn add_short_avx512(
        &mut self,
        values: &[u8],
        offsets: &[i32; BLOCK + 1],
        word: u64,
    ) -> bool {
        const LANES: usize = 16;
        // One vector more, since each is stored whole where the one before it ended.
        let mut starts = [0_i32; BLOCK + LANES];
        let mut lengths = [0_i32; BLOCK + LANES];
        let mut count = 0;
        for part in 0..BLOCK / LANES {
            let mask = (word >> (part * LANES)) as u16;
            // SAFETY: 16 numbers from `part * 16` on, and from the next on, are among the 65; the
            // vectors that are stored begin at `count`, which is at most 48 here.
            unsafe {
                let from = _mm512_loadu_si512(offsets.as_ptr().add(part * LANES).cast());
                let to = _mm512_loadu_si512(offsets.as_ptr().add(part * LANES + 1).cast());
                let length = _mm512_sub_epi32(to, from);
                if _mm512_cmpgt_epi32_mask(length, _mm512_set1_epi32(SHORT as i32)) & mask != 0 {
                    return false;
                }
                let from = _mm512_maskz_compress_epi32(mask, from);
                let length = _mm512_maskz_compress_epi32(mask, length);
                _mm512_storeu_si512(starts.as_mut_ptr().add(count).cast(), from);
                _mm512_storeu_si512(lengths.as_mut_ptr().add(count).cast(), length);
            }
            count += mask.count_ones() as usize;
        }
        let (before, known) = (self.text.len(), self.offsets.len());
        let mut end = before;
        // SAFETY: the caller's promise, and lengths are at most `SHORT`: so `end` grows by at most
        // `BLOCK * SHORT`, and as many bytes and offsets are written as there is room for.
        unsafe {
            let text = self.text.as_mut_ptr();
            let ends = self.offsets.as_mut_ptr().add(known);
            for place in 0..count {
                let source = values.as_ptr().add(starts[place] as usize).cast::<__m128i>();
                _mm_storeu_si128(text.add(end).cast(), _mm_loadu_si128(source));
                end += lengths[place] as usize;
                ends.add(place).write(end as i32);
            }
            self.text.set_len(end);
            self.offsets.set_len(known + count);
        }
        true
    }

    /// The strings as an Arrow array.
    #[must_use]
    pub fn finish(self) -> StringArray {
        let text = Buffer::from_vec(self.text);
        // SAFETY: the invariant.
        unsafe {
            let offsets = OffsetBuffer::new_unchecked(ScalarBuffer::from(self.offsets));
            StringArray::new_unchecked(offsets, text, None)
        }
    }
}

/// The places of the words that have a bit. Most have none where little is selected, so it looks at
/// several at once.
fn with_bits(words: &[u64], mut places: Vec<usize>) -> Vec<usize> {
    const GROUP: usize = 8;
    places.clear();
    for (number, group) in words.chunks(GROUP).enumerate() {
        if group.iter().fold(0, |all, word| all | word) != 0 {
            let first = number * GROUP;
            places.extend((first..).zip(group).filter(|(_, word)| **word != 0).map(|(at, _)| at));
        }
    }
    places
}

/// Asks for the memory of the strings of block `number`, if they are few.
#[cfg(target_arch = "x86_64")]
fn bring_near(values: &[u8], offsets: &[i32], number: usize, mut word: u64) {
    if word.count_ones() > FEW {
        return;
    }
    while word != 0 {
        let place = number * BLOCK + word.trailing_zeros() as usize;
        word &= word - 1;
        prefetch(values, offsets.get(place).map_or(0, |start| index(*start)));
    }
}

fn end_of(length: usize) -> i32 {
    i32::try_from(length).expect("the strings of an array fit 2 GiB")
}

fn index(offset: i32) -> usize {
    usize::try_from(offset).expect("Arrow's offsets are not negative")
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use proptest::prelude::*;

    use super::*;

    /// Short strings, long ones, empty ones, and characters of several bytes.
    fn strings() -> impl Strategy<Value = Vec<String>> {
        let string = prop_oneof![
            8 => "[a-z]{0,16}",
            1 => "[a-zé]{0,20}",
            1 => "[a-z]{17,130}",
            1 => Just("é\u{1F600}".to_owned()),
        ];
        let all_short = "[a-z]{12}";
        prop_oneof![
            proptest::collection::vec(string, 0..400),
            proptest::collection::vec(all_short, 0..400)
        ]
    }

    /// Zeros that nobody touches take no memory here.
    #[cfg(target_os = "linux")]
    #[test]
    fn strings_are_added_until_their_text_has_2_gib() {
        let array = StringArray::from(vec!["12345678"; 200]);
        for level in Level::all() {
            for (word, count) in [(0b1011, 3), (u64::MAX >> 1, 63), (u64::MAX, 64)] {
                let full = i32::MAX as usize - 8 * count;
                let mut strings =
                    Strings { text: vec![0; full], offsets: vec![0], blocks: Vec::new() };
                strings.add_at(level, &array, &[word]);
                assert_eq!(strings.offsets.last(), Some(&i32::MAX), "{level:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_strings_of_the_set_bits_follow_what_was_there(
            first in strings(),
            second in strings(),
            words in proptest::collection::vec(
                prop_oneof![Just(0), Just(u64::MAX), any::<u64>(), any::<u64>().prop_map(|word| word & word >> 7)],
                0..8,
            ),
            cut in 0..60_usize,
        ) {
            // A slice of an array keeps the text of the whole.
            let arrays = [first, second].map(StringArray::from);
            let arrays = arrays.map(|array| array.slice(cut.min(array.len()), array.len() - cut.min(array.len())));
            let is_set = |row: usize| {
                words.get(row / 64).is_some_and(|word: &u64| word >> (row % 64) & 1 == 1)
            };
            let mut expected = vec!["before"];
            for array in &arrays {
                expected.extend((0..array.len()).filter(|row| is_set(*row)).map(|row| array.value(row)));
            }
            for level in Level::all() {
                let mut strings = Strings::with_capacity(0);
                strings.push("before");
                arrays.iter().for_each(|array| strings.add_at(level, array, &words));
                let gathered = strings.finish();
                gathered.to_data().validate_full().expect("it is a valid array");
                let gathered: Vec<&str> = gathered.iter().flatten().collect();
                prop_assert_eq!(&gathered, &expected, "{:?}", level);
            }
        }
    }
}
