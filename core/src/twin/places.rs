//! Finding the numbers of places while a document is read, mostly without hashing.

use std::cell::Cell;
use std::sync::Arc;

use hashbrown::HashSet;

use super::path::{PathId, PathReader, PathTable, quoted};
use super::rules;
use super::scan::Scanner;
use crate::error::{Error, Result};

/// Siblings that are compared before the key is hashed.
const GUESSES: usize = 2;
/// Siblings that are passed over to keep the place after a key that was hashed.
const REACH: usize = 32;

/// Where the numbers of places come from while a document is read.
#[derive(Debug)]
pub(super) struct Numbers<'p> {
    paths: &'p PathTable,
    /// Whether new keys get a number; else reading ends at the first one, and `met_new` is set.
    gives: bool,
    met_new: Cell<bool>,
}

impl<'p> Numbers<'p> {
    /// The numbers that keys have already.
    pub(super) fn known(paths: &'p PathTable) -> Self {
        Self { paths, gives: false, met_new: Cell::new(false) }
    }
}

/// Reads a document, so that its new keys get numbers only if all of it is good.
///
/// Numbers are never taken back and there is a limit to them, so what is refused may take none.
/// Documents without new keys, which nearly all are, are read once; others first on trial, with
/// numbers that are thrown away.
pub(super) fn numbered<T>(
    paths: &PathTable,
    mut read: impl FnMut(&Numbers<'_>) -> Result<T>,
) -> Result<T> {
    let known = Numbers::known(paths);
    let result = read(&known);
    if !known.met_new.get() {
        return result;
    }
    read(&Numbers { paths: &PathTable::new(), gives: true, met_new: Cell::new(false) })?;
    read(&Numbers { paths, gives: true, met_new: Cell::new(false) })
}

/// The path table, read under one lock for as long as no new key is met.
#[derive(Debug)]
pub(super) struct Places<'p> {
    numbers: &'p Numbers<'p>,
    // INVARIANT: `None` whenever the table itself is asked; a thread that waits for the write lock
    // would otherwise block the second read lock of this one.
    reader: Option<PathReader<'p>>,
}

/// A place that was found for a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) path: PathId,
    /// Whether it stands behind all siblings found before with the same cursor. If so, it cannot
    /// be one of them.
    pub(super) in_order: bool,
}

impl<'p> Places<'p> {
    pub(super) fn new(numbers: &'p Numbers<'p>) -> Self {
        Self { numbers, reader: None }
    }

    /// Takes the next key of the text of `scan` and its colon, if it is the one to be expected.
    ///
    /// Twins of a fleet have the same keys in the same order, and the table keeps siblings in the
    /// order in which they were first seen. So the next key is nearly always the next sibling:
    /// `cursor` says which that is, zero for the first key of an object. Then its bytes need only
    /// be compared. Gives what the key adds to the size of its section, too.
    #[inline]
    pub(super) fn expected(
        &mut self,
        scan: &mut Scanner<'_>,
        parent: PathId,
        cursor: &mut usize,
    ) -> Option<(Found, u64)> {
        scan.peek();
        let reader = self.reader.get_or_insert_with(|| self.numbers.paths.read());
        let siblings = reader.children(parent).get(*cursor..).unwrap_or_default();
        for (ahead, path) in siblings.iter().take(GUESSES).enumerate() {
            if scan.take_written(reader.written(*path)) {
                *cursor += ahead + 1;
                return Some((Found { path: *path, in_order: true }, reader.key_size(*path)));
            }
        }
        None
    }

    /// The place of `key` in `parent`, if it has a number. For the cursor see
    /// [`Places::expected`].
    pub(super) fn find(&mut self, parent: PathId, key: &str, cursor: &mut usize) -> Option<Found> {
        let reader = self.reader.get_or_insert_with(|| self.numbers.paths.read());
        let siblings = reader.children(parent).get(*cursor..).unwrap_or_default();
        let path = reader.child(parent, key)?;
        let ahead = siblings.iter().take(REACH).position(|sibling| *sibling == path);
        *cursor += ahead.map_or(0, |ahead| ahead + 1);
        Some(Found { path, in_order: ahead.is_some() })
    }

    /// The place of `key` in `parent`, numbered now if numbers are given.
    #[cold]
    pub(super) fn intern(&mut self, parent: PathId, key: &str) -> Result<Found> {
        self.reader = None;
        if !self.numbers.gives {
            self.numbers.met_new.set(true);
            return Err(Error::invalid("a new key"));
        }
        Ok(Found { path: self.numbers.paths.intern(parent, key)?, in_order: false })
    }

    /// The last key of `path`.
    #[cold]
    pub(super) fn key(&mut self, path: PathId) -> Arc<str> {
        self.reader = None;
        self.numbers.paths.key(path)
    }

    /// `path` as errors show it.
    #[cold]
    pub(super) fn display(&mut self, path: PathId) -> String {
        self.reader = None;
        self.numbers.paths.display(path)
    }

    /// `key` in `parent` as errors show it, whether it has a number or not.
    #[cold]
    pub(super) fn display_member(&mut self, parent: PathId, key: &str) -> String {
        let key = quoted(&rules::shown(key));
        if parent == PathId::ROOT { key } else { format!("{}.{key}", self.display(parent)) }
    }
}

/// The places met in one document, kept only if its keys are not in the order of the table.
#[derive(Debug, Default)]
pub(super) struct Seen(Option<HashSet<PathId, foldhash::fast::RandomState>>);

impl Seen {
    /// Whether the place was met before; `earlier` are all places met until now.
    #[inline]
    pub(super) fn again(&mut self, found: Found, earlier: impl Iterator<Item = PathId>) -> bool {
        if found.in_order && self.0.is_none() {
            return false;
        }
        !self.0.get_or_insert_with(|| earlier.collect()).insert(found.path)
    }
}
