//! The device ids of one segment, by offset.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{Array, StringArray};

use super::bitmap::{Bitmap, Bits};
use super::row::SEGMENT_ROWS;
use crate::kernel::Strings;

/// New ids that stand together, and are copied together when another comes while a reader holds
/// them. Where the last of them starts fits into two bytes: ids have at most 128.
const CHUNK_ROWS: usize = 512;

/// The ids of the devices of one segment in the order of their rows. It only grows: a row keeps
/// its id after the device is deleted, so that finished jobs can still name it.
///
/// The ids of a whole segment, or of an import, are one Arrow array, which readers get as it is.
/// Those that come later, one by one, stand in chunks until the segment is full.
///
/// Clones share all but what is added later.
#[derive(Debug, Clone, Default)]
pub struct Ids {
    whole: Option<StringArray>,
    chunks: Vec<Arc<Chunk>>,
}

#[derive(Debug, Clone, Default)]
struct Chunk {
    starts: Vec<u16>,
    text: String,
}

impl Chunk {
    fn get(&self, place: usize) -> &str {
        let end = self.starts.get(place + 1).map_or(self.text.len(), |start| usize::from(*start));
        &self.text[usize::from(self.starts[place])..end]
    }
}

impl Ids {
    /// The ids of a segment at once.
    pub(super) fn of<'a>(ids: impl Iterator<Item = &'a str> + Clone) -> Self {
        let (count, bytes) =
            ids.clone().fold((0, 0), |(count, bytes), id| (count + 1, bytes + id.len()));
        let mut whole = StringBuilder::with_capacity(count, bytes);
        ids.for_each(|id| whole.append_value(id));
        Self { whole: Some(whole.finish()), chunks: Vec::new() }
    }

    /// Adds the id of the next row.
    pub(super) fn push(&mut self, id: &str) {
        if self.chunks.last().is_none_or(|chunk| chunk.starts.len() == CHUNK_ROWS) {
            self.chunks.push(Arc::default());
        }
        let chunk = Arc::make_mut(self.chunks.last_mut().expect("one was just added"));
        chunk.starts.push(u16::try_from(chunk.text.len()).expect("511 ids of 128 bytes fit"));
        chunk.text.push_str(id);
        if self.len() == SEGMENT_ROWS {
            *self = Self::of((0..SEGMENT_ROWS).map(|offset| self.get(offset)));
        }
    }

    /// The id at `offset`.
    ///
    /// # Panics
    ///
    /// If the segment has no such row.
    #[must_use]
    pub fn get(&self, offset: usize) -> &str {
        match &self.whole {
            Some(whole) if offset < whole.len() => whole.value(offset),
            whole => {
                let later = offset - whole.as_ref().map_or(0, StringArray::len);
                self.chunks[later / CHUNK_ROWS].get(later % CHUNK_ROWS)
            }
        }
    }

    /// The first rows, often all of them, as an Arrow array that is shared.
    #[must_use]
    pub fn whole(&self) -> Option<&StringArray> {
        self.whole.as_ref()
    }

    /// The text of the ids of some rows and where each of them starts in the text of all, if they
    /// stand side by side; and at last where they end.
    #[must_use]
    pub fn side_by_side(&self, offsets: Range<usize>) -> Option<(&str, &[i32])> {
        let whole = self.whole.as_ref()?;
        let starts = whole.value_offsets().get(offsets.start..=offsets.end)?;
        let within = |end: &i32| usize::try_from(*end).expect("Arrow's offsets are not negative");
        let text = &whole.value_data()[within(starts.first()?)..within(starts.last()?)];
        Some((std::str::from_utf8(text).expect("Arrow's strings are UTF-8"), starts))
    }

    /// Adds the ids of `rows` to `strings`.
    ///
    /// # Panics
    ///
    /// If they were more than 2 GiB of text then, or the segment has no such row.
    pub fn copy(&self, rows: &Bitmap, strings: &mut Strings) {
        let words = rows.words();
        let mut copied = 0;
        if let Some(whole) = &self.whole {
            copied = if self.chunks.is_empty() { words.len() } else { whole.len() / 64 };
            strings.add(whole, &words[..copied]);
        }
        for (number, word) in words.iter().enumerate().skip(copied) {
            Bits(*word).for_each(|bit| strings.push(self.get(number * 64 + bit)));
        }
    }

    /// How many rows have an id.
    #[must_use]
    pub fn len(&self) -> usize {
        let whole = self.whole.as_ref().map_or(0, StringArray::len);
        let last = self.chunks.last().map_or(0, |chunk| chunk.starts.len());
        whole + self.chunks.len().saturating_sub(1) * CHUNK_ROWS + last
    }

    /// Whether no row has an id.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those of an import, and then others, one by one.
    #[cfg(test)]
    pub(crate) fn for_tests(imported: &[String], created: &[String]) -> Self {
        let mut ids = Self::of(imported.iter().map(String::as_str));
        created.iter().for_each(|id| ids.push(id));
        ids
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let chunk = |chunk: &Arc<Chunk>| chunk.starts.capacity() * 2 + chunk.text.capacity();
        self.whole.as_ref().map_or(0, StringArray::get_buffer_memory_size)
            + self.chunks.iter().map(chunk).sum::<usize>()
            + self.chunks.capacity() * size_of::<Arc<Chunk>>()
            + self.chunks.len() * size_of::<Chunk>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(row: usize) -> String {
        // Lengths of 1 to 128.
        format!("{row:0>width$}", width = row * 7 % 128 + 1)
    }

    #[test]
    fn ids_of_an_import_and_later_ones_keep_their_rows() {
        for imported in [0, 1, 511, 512, 513, 40_000, SEGMENT_ROWS] {
            let first: Vec<String> = (0..imported).map(id).collect();
            let mut ids = Ids::of(first.iter().map(String::as_str));
            for row in imported..SEGMENT_ROWS {
                assert_eq!(ids.len(), row);
                ids.push(&id(row));
                assert_eq!(ids.get(row), id(row));
            }
            assert!((0..SEGMENT_ROWS).all(|row| ids.get(row) == id(row)), "{imported}");
            assert_eq!(ids.whole().map(StringArray::len), Some(SEGMENT_ROWS), "full: one array");
        }
    }

    #[test]
    fn a_clone_does_not_see_what_comes_later() {
        let mut ids = Ids::of(["a", "b"].into_iter());
        ids.push("c");
        let before = ids.clone();
        ids.push("d");
        assert_eq!((before.len(), ids.len()), (3, 4));
        assert_eq!((before.get(2), ids.get(2), ids.get(3)), ("c", "c", "d"));
        assert_eq!(before.whole(), ids.whole());
    }
}
