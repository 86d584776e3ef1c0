//! What the memory of a store is spent on, as the store itself counts it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::store::Store;

/// A part of the memory of a hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryPart {
    /// What it is: an encoding of columns, or one of `ids`, `index`, `dictionaries` and `paths`.
    pub name: String,
    /// The bytes on the heap, without what the allocator adds.
    pub bytes: usize,
}

impl Store {
    /// What the memory is spent on. A column that several paths share counts once.
    ///
    /// Cost: a look at each column of each segment, and at each distinct value.
    #[must_use]
    pub fn memory(&self) -> Vec<MemoryPart> {
        let mut encodings: BTreeMap<&'static str, usize> = BTreeMap::new();
        let mut ids = 0;
        let mut shared = HashSet::new();
        self.each_segment(|segment| {
            ids += segment.ids().heap_bytes();
            for column in segment.read().columns.values() {
                if Arc::strong_count(column) == 1 || shared.insert(Arc::as_ptr(column)) {
                    *encodings.entry(column.encoding()).or_default() += column.heap_bytes();
                }
            }
        });
        let part = |name: &str, bytes| MemoryPart { name: name.to_owned(), bytes };
        let mut parts: Vec<MemoryPart> =
            encodings.into_iter().map(|(name, bytes)| part(name, bytes)).collect();
        parts.push(part("ids", ids));
        parts.push(part("index", self.index_bytes()));
        parts.push(part("dictionaries", self.dictionary_bytes()));
        parts.push(part("paths", self.paths().heap_bytes()));
        parts
    }
}
