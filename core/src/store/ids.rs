//! The device ids of one segment, by offset.

use std::sync::Arc;

/// Ids that are copied together when a new one comes while a reader holds the old ones.
const CHUNK_ROWS: usize = 4096;

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
    ends: Vec<u32>,
    text: String,
}

impl Ids {
    /// Adds the id of the next row.
    pub fn push(&mut self, id: &str) {
        if self.chunks.last().is_none_or(|chunk| chunk.ends.len() == CHUNK_ROWS) {
            self.chunks.push(Arc::default());
        }
        let chunk = Arc::make_mut(self.chunks.last_mut().expect("one was just added"));
        chunk.text.push_str(id);
        chunk.ends.push(u32::try_from(chunk.text.len()).expect("4,096 ids of 128 bytes fit"));
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
        let start = if place == 0 { 0 } else { chunk.ends[place - 1] };
        &chunk.text[start as usize..chunk.ends[place] as usize]
    }

    /// How many rows have an id.
    #[must_use]
    pub fn len(&self) -> usize {
        let last = self.chunks.last().map_or(0, |chunk| chunk.ends.len());
        self.chunks.len().saturating_sub(1) * CHUNK_ROWS + last
    }

    /// Whether no row has an id.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Gives back memory that growth reserved.
    pub fn shrink(&mut self) {
        for chunk in &mut self.chunks {
            let chunk = Arc::make_mut(chunk);
            chunk.ends.shrink_to_fit();
            chunk.text.shrink_to_fit();
        }
    }
}
