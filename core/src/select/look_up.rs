//! Device ids of a condition, found in the index instead of by a scan.

use rayon::prelude::*;

use crate::plan::Node;
use crate::query::ast::Literal;
use crate::store::{Bitmap, Row, Store, View};

/// Lists at least this long are looked up on all threads: a look-up waits for memory.
const MANY: usize = 2048;

/// The lists of ids of a plan, with the rows that they had before the view was taken.
///
/// A device may be deleted and made again under another row between the look-up and the view, so
/// ids are looked up before the view is taken, and again after it where that row is not in it.
pub(super) struct Early<'p> {
    lists: Vec<(&'p [Literal], Vec<Option<Row>>)>,
}

/// The rows that lists of ids have in a view.
pub(super) struct Found<'p> {
    /// By list, then by segment; a segment without a row has no bitmap.
    lists: Vec<(&'p [Literal], Vec<Option<Bitmap>>)>,
}

impl<'p> Early<'p> {
    pub(super) fn new(store: &Store, root: &'p Node) -> Self {
        let mut early = Self { lists: Vec::new() };
        early.add(store, root);
        early
    }

    fn add(&mut self, store: &Store, node: &'p Node) {
        match node {
            Node::Ids(list, _) => {
                let find = |literal: &Literal| match literal {
                    Literal::Str(id) => store.row(id),
                    _ => None,
                };
                let rows = if list.len() < MANY {
                    list.iter().map(find).collect()
                } else {
                    list.par_iter().with_min_len(MANY / 4).map(find).collect()
                };
                self.lists.push((&**list, rows));
            }
            Node::Not(inner) => self.add(store, inner),
            Node::And(parts) | Node::Or(parts) => {
                parts.iter().for_each(|part| self.add(store, part));
            }
            Node::Constant(_) | Node::Test(_) => {}
        }
    }

    /// The rows of the devices that are in `view`.
    pub(super) fn seen_in(self, store: &Store, view: &View) -> Found<'p> {
        let is_seen = |row: &Row| {
            let segment = view.segments().get(row.segment());
            segment.is_some_and(|segment| segment.live.contains(row.offset()))
        };
        let by_segment = |(list, early): (&'p [Literal], Vec<Option<Row>>)| {
            let mut rows: Vec<Option<Bitmap>> = vec![None; view.segments().len()];
            for (literal, early) in list.iter().zip(early) {
                let Literal::Str(id) = literal else { continue };
                let again = || store.row(id).filter(&is_seen);
                if let Some(row) = early.filter(&is_seen).or_else(again) {
                    rows[row.segment()].get_or_insert_with(Bitmap::zeros).insert(row.offset());
                }
            }
            (list, rows)
        };
        Found { lists: self.lists.into_iter().map(by_segment).collect() }
    }
}

impl Found<'_> {
    /// The rows of a list in a segment, if there are any.
    pub(super) fn rows(&self, list: &[Literal], segment: usize) -> Option<&Bitmap> {
        // A list is known by its place in memory: two equal ones may both be there.
        let is_it = |known: &&(&[Literal], Vec<Option<Bitmap>>)| std::ptr::eq(known.0, list);
        self.lists.iter().find(is_it)?.1.get(segment)?.as_ref()
    }
}
