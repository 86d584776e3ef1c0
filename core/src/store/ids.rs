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
        let end = chunk.starts.get(place + 1).map_or(chunk.text.len(), |end| usize::from(*end));
        &chunk.text[usize::from(chunk.starts[place])..end]
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
        let ends = &chunk.ends[first..chunk.ends.len().min(first + count)];
        let start = if first == 0 { 0 } else { chunk.ends[first - 1] };
        let end = ends.last().copied().unwrap_or(start);
        (&chunk.text[start as usize..end as usize], ends.iter().map(move |end| end - start))
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
