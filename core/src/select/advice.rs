//! What to tell about a test that is not true: a path that no twin has, a type that never fits.

use std::collections::{BTreeSet, HashSet};

use super::kinds::{Kind, Whose, kinds, mismatch};
use super::test::value_at;
use crate::plan::{Leaf, Node, Read, nearest};
use crate::query::ast::Path;
use crate::store::{ColumnKey, SegmentView, Store, View};

/// Advice on the tests of one condition, by what the twins have now.
pub(super) struct Advice<'a> {
    store: &'a Store,
    view: &'a View,
    /// The columns that any segment has, once they are asked for.
    present: Option<HashSet<ColumnKey, foldhash::fast::FixedState>>,
}

impl<'a> Advice<'a> {
    pub(super) fn new(store: &'a Store, view: &'a View) -> Self {
        Self { store, view, present: None }
    }

    /// On a test that is true for no device.
    pub(super) fn on_fleet(&mut self, leaf: &Leaf<'_>) -> Vec<String> {
        let mut hints = Vec::new();
        for read in &leaf.reads {
            let kinds = kinds(self.view, read.slot);
            if kinds.is_empty() {
                hints.push(self.missing(read.path));
            } else {
                hints.extend(reason(leaf, read, &kinds, Whose::Fleet));
            }
        }
        if matches!(leaf.node, Node::Ids(..)) {
            hints.push("no device has such an id".to_owned());
        }
        hints
    }

    /// On a test that is not true for the device at `offset` of `segment`.
    pub(super) fn on_device(
        &mut self,
        leaf: &Leaf<'_>,
        segment: &SegmentView,
        offset: usize,
    ) -> Vec<String> {
        let mut hints = Vec::new();
        for read in &leaf.reads {
            match value_at(segment, read.slot, offset) {
                Some(value) => {
                    let kinds = BTreeSet::from([Kind::of(&value)]);
                    hints.extend(reason(leaf, read, &kinds, Whose::Device));
                }
                None if kinds(self.view, read.slot).is_empty() => {
                    hints.push(self.missing(read.path));
                }
                None => {}
            }
        }
        hints
    }

    fn missing(&mut self, path: &Path) -> String {
        let store = self.store;
        let present = self.present.get_or_insert_with(|| store.keys().into_iter().collect());
        let mut exists = |place| present.contains(&ColumnKey::value(place));
        match nearest(path, store.paths(), &mut exists) {
            Some(meant) => format!("no twin has {path}; did you mean {meant}?"),
            None => format!("no twin has {path}"),
        }
    }
}

fn reason(
    leaf: &Leaf<'_>,
    read: &Read<'_>,
    kinds: &BTreeSet<Kind>,
    whose: Whose,
) -> Option<String> {
    let Node::Test(test) = &leaf.node else { return None };
    mismatch(&read.path.to_string(), &test.predicate, kinds, whose)
}
