//! The device ids of one segment, by offset.

/// The ids of the devices of one segment in the order of their rows. It only grows: a row keeps
/// its id after the device is deleted, so that finished jobs can still name it.
#[derive(Debug, Clone, Default)]
pub struct Ids {
    ends: Vec<u32>,
    text: String,
}

impl Ids {
    /// Adds the id of the next row.
    pub fn push(&mut self, id: &str) {
        self.text.push_str(id);
        self.ends.push(u32::try_from(self.text.len()).expect("65,536 ids of 128 bytes fit"));
    }

    /// The id at `offset`.
    ///
    /// # Panics
    ///
    /// If the segment has no such row.
    #[must_use]
    pub fn get(&self, offset: usize) -> &str {
        let start = if offset == 0 { 0 } else { self.ends[offset - 1] as usize };
        &self.text[start..self.ends[offset] as usize]
    }

    /// How many rows have an id.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether no row has an id.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Gives back memory that growth reserved.
    pub fn shrink(&mut self) {
        self.ends.shrink_to_fit();
        self.text.shrink_to_fit();
    }
}
