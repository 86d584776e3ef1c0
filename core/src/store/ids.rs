//! The device ids of one segment, by offset.

use std::sync::Arc;

/// Ids that stand together, and are copied together when a new one comes while a reader holds the
/// old ones. Where the last of them starts fits into two bytes: ids have at most 128.
const CHUNK_ROWS: usize = 512;

/// The ids of the devices of one segment in the order of their rows. It only grows: a row keeps
/// its id after the device is deleted, so that finished jobs can still name it.
///
/// Clones share all but what is added later.
#[derive(Debug, Clone, Default)]
pub struct Ids {
    chunks: Vec<Arc<Chunk>>,
}

#[derive(Debug, Clone, Default)]
struct Chunk {
    starts: Vec<u16>,
    text: String,
}

impl Chunk {
    /// Where the id at `place` ends in the text.
    fn end(&self, place: usize) -> usize {
        self.starts.get(place + 1).map_or(self.text.len(), |start| usize::from(*start))
    }
}

impl Ids {
    /// Adds the id of the next row.
    pub fn push(&mut self, id: &str) {
        if self.chunks.last().is_none_or(|chunk| chunk.starts.len() == CHUNK_ROWS) {
            self.chunks.push(Arc::default());
        }
        let chunk = Arc::make_mut(self.chunks.last_mut().expect("one was just added"));
        chunk.starts.push(u16::try_from(chunk.text.len()).expect("511 ids of 128 bytes fit"));
        chunk.text.push_str(id);
    }

    /// The id at `offset`.
    ///
    /// # Panics
    ///
    /// If the segment has no such row.
    #[must_use]
    pub fn get(&self, offset: usize) -> &str {
        let chunk = &self.chunks[offset / CHUNK_ROWS];
        let place = offset % CHUNK_ROWS;
        &chunk.text[usize::from(chunk.starts[place])..chunk.end(place)]
    }

    /// The text of up to `count` ids from `offset` on, as far as they are stored side by side; with
    /// where each of them ends in it.
    ///
    /// # Panics
    ///
    /// If the segment has no such row.
    pub fn run(&self, offset: usize, count: usize) -> (&str, impl ExactSizeIterator<Item = u32>) {
        let chunk = &self.chunks[offset / CHUNK_ROWS];
        let first = offset % CHUNK_ROWS;
        let last = chunk.starts.len().min(first + count);
        let start = usize::from(chunk.starts[first]);
        let end = (first..last).next_back().map_or(start, |place| chunk.end(place));
        let end_of =
            move |place| u32::try_from(chunk.end(place) - start).expect("a chunk is short");
        (&chunk.text[start..end], (first..last).map(end_of))
    }

    /// How many rows have an id.
    #[must_use]
    pub fn len(&self) -> usize {
        let last = self.chunks.last().map_or(0, |chunk| chunk.starts.len());
        self.chunks.len().saturating_sub(1) * CHUNK_ROWS + last
    }

    /// Whether no row has an id.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let chunk = |chunk: &Arc<Chunk>| chunk.starts.capacity() * 2 + chunk.text.capacity();
        self.chunks.iter().map(chunk).sum::<usize>()
            + self.chunks.capacity() * size_of::<Arc<Chunk>>()
            + self.chunks.len() * size_of::<Chunk>()
    }

    /// Gives back memory that growth reserved.
    pub fn shrink(&mut self) {
        for chunk in &mut self.chunks {
            let chunk = Arc::make_mut(chunk);
            chunk.starts.shrink_to_fit();
            chunk.text.shrink_to_fit();
        }
    }
}
