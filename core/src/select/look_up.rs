//! Device ids of a condition, found in the index instead of by a scan.

use rayon::prelude::*;

use crate::plan::Node;
use crate::query::ast::Literal;
use crate::store::{Bitmap, Row, Store, View};

/// Ids that one thread looks up at a time. Longer lists are looked up on all threads, since a
/// look-up waits for memory.
const AT_A_TIME: usize = 2048;

/// The lists of ids of a plan, with the rows that they may have had before the view was taken.
///
/// A device may be deleted and made again under another row between the look-up and the view, so
/// ids are looked up before the view is taken, and again after it where no such row is in it.
pub(super) struct Early<'p> {
    lists: Vec<EarlyList<'p>>,
}

struct EarlyList<'p> {
    list: &'p [Literal],
    parts: Vec<Part<'p>>,
}

/// Some ids of a list, and their candidates.
struct Part<'p> {
    ids: Vec<&'p str>,
    candidates: Vec<(usize, Row)>,
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
                let find = |some: &'p [Literal]| Part::new(store, some);
                let parts = if list.len() <= AT_A_TIME {
                    vec![find(list)]
                } else {
                    list.par_chunks(AT_A_TIME).map(find).collect()
                };
                self.lists.push(EarlyList { list, parts });
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
        let by_segment = |EarlyList { list, parts }: EarlyList<'p>| {
            let find = |part: &Part<'p>| part.seen_in(store, view);
            let found: Vec<Vec<Row>> = match &*parts {
                [part] => vec![find(part)],
                parts => parts.par_iter().map(find).collect(),
            };
            let mut rows: Vec<Option<Bitmap>> = vec![None; view.segments().len()];
            for row in found.into_iter().flatten() {
                rows[row.segment()].get_or_insert_with(Bitmap::zeros).insert(row.offset());
            }
            (list, rows)
        };
        Found { lists: self.lists.into_iter().map(by_segment).collect() }
    }
}

impl<'p> Part<'p> {
    fn new(store: &Store, list: &'p [Literal]) -> Self {
        let text = |literal: &'p Literal| match literal {
            Literal::Str(id) => Some(&**id),
            _ => None,
        };
        let ids: Vec<&str> = list.iter().filter_map(text).collect();
        let candidates = store.candidates(&ids);
        Self { ids, candidates }
    }

    fn seen_in(&self, store: &Store, view: &View) -> Vec<Row> {
        let mut rows = Vec::with_capacity(self.ids.len());
        let mut is_missing = vec![true; self.ids.len()];
        view.known(&self.ids, &self.candidates, |place, row| {
            is_missing[place] = false;
            rows.push(row);
        });
        let missing: Vec<&str> =
            self.ids.iter().zip(&is_missing).filter_map(|(id, is)| is.then_some(*id)).collect();
        if !missing.is_empty() {
            view.known(&missing, &store.candidates(&missing), |_, row| rows.push(row));
        }
        rows
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
