//! Ids copied side by side, as Arrow keeps strings.

use arrow_array::{Array, StringArray};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};

use crate::store::{Bitmap, Bits, Ids};

/// Ids up to this length are copied as so many bytes, which is one load and one store; the next id
/// overwrites what was too much.
const BLOCK: usize = 16;

/// Ids, one after the other.
#[derive(Debug)]
pub(super) struct IdText {
    text: Vec<u8>,
    /// Where each id starts, and where the last one ends.
    offsets: Vec<i32>,
}

impl IdText {
    /// Room for `ids` ids.
    pub(super) fn with_capacity(ids: usize) -> Self {
        let mut offsets = Vec::with_capacity(ids + 1);
        offsets.push(0);
        Self { text: Vec::with_capacity((ids + 1) * BLOCK), offsets }
    }

    /// Adds the ids of `rows`.
    ///
    /// # Panics
    ///
    /// If the text had more than 2 GiB then.
    pub(super) fn add(&mut self, ids: &Ids, rows: &Bitmap) {
        let whole = ids.whole();
        let shared = whole.map_or(0, StringArray::len);
        for (index, &word) in rows.words().iter().enumerate().filter(|(_, word)| **word != 0) {
            let first = index * 64;
            match whole {
                Some(whole) if first + 64 <= shared && word == u64::MAX => {
                    self.add_side_by_side(whole, first);
                }
                Some(whole) if first + 64 <= shared => self.add_some(whole, first, word),
                _ => Bits(word).for_each(|bit| self.push(ids.get(first + bit).as_bytes())),
            }
        }
    }

    /// 64 ids from `first` on.
    fn add_side_by_side(&mut self, whole: &StringArray, first: usize) {
        let starts = &whole.value_offsets()[first..=first + 64];
        let (start, end) = (starts[0], starts[64]);
        let moved = end_of(&self.text) - start;
        self.text.extend_from_slice(&whole.value_data()[index(start)..index(end)]);
        end_of(&self.text); // checks it
        self.offsets.extend(starts[1..].iter().map(|start| start + moved));
    }

    /// The ids from `first` on whose bit is set.
    fn add_some(&mut self, whole: &StringArray, first: usize, word: u64) {
        let starts = &whole.value_offsets()[first..=first + 64];
        let values = whole.value_data();
        let mut end = self.text.len();
        self.text.resize(end + (word.count_ones() as usize + 1) * BLOCK, 0);
        for bit in Bits(word) {
            let (from, to) = (index(starts[bit]), index(starts[bit + 1]));
            let length = to - from;
            let source = values[from..].first_chunk::<BLOCK>();
            match (source, self.text[end..].first_chunk_mut::<BLOCK>()) {
                (Some(source), Some(target)) if length <= BLOCK => *target = *source,
                _ => {
                    // As much as this id is longer than those for which there is room.
                    let room = self.text.len() + length.saturating_sub(BLOCK);
                    self.text.resize(room, 0);
                    self.text[end..end + length].copy_from_slice(&values[from..to]);
                }
            }
            end += length;
            self.offsets.push(i32::try_from(end).expect(TOO_LONG));
        }
        self.text.truncate(end);
    }

    fn push(&mut self, id: &[u8]) {
        self.text.extend_from_slice(id);
        self.offsets.push(end_of(&self.text));
    }

    /// The ids as an Arrow array.
    pub(super) fn finish(self) -> StringArray {
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        StringArray::new(offsets, Buffer::from_vec(self.text), None)
    }
}

const TOO_LONG: &str = "the ids fit 2 GiB";

fn end_of(text: &[u8]) -> i32 {
    i32::try_from(text.len()).expect(TOO_LONG)
}

fn index(offset: i32) -> usize {
    usize::try_from(offset).expect("Arrow's offsets are not negative")
}
