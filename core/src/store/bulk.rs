//! One change for one twin or for a million: what a patch does to columns.
//!
//! A patch is turned once into writes of whole columns; a single twin and a selection run the same
//! writes over other rows, so that both mean the same.

use std::collections::BTreeSet;

use super::bitmap::Bitmap;
use super::rejection::Rejection;
use super::row::{ColumnKey, Row};
use super::segment::{Rows, SegmentData};
use super::sizes::{self, SECTIONS, is_below};
use super::store::Store;
use crate::clock::Timestamp;
use crate::twin::{PatchStep, PathId, Scalar, Section, TwinPatch};

/// A patch as writes of columns.
pub(super) struct Change<'a> {
    patch: &'a TwinPatch,
    writes: Vec<Write>,
    /// The places whose `$lastUpdated` becomes `now`.
    stamped: BTreeSet<PathId>,
    now: Scalar<'static>,
}

/// One write; those of a change happen in their order.
pub(super) enum Write {
    /// A value, or none, in one column.
    Put(ColumnKey, Option<Scalar<'static>>),
    /// Nothing in all columns of the places below one, but in the version of a section.
    ClearBelow(PathId),
}

impl<'a> Change<'a> {
    pub(super) fn new(store: &Store, patch: &'a TwinPatch, now: Timestamp) -> Self {
        let mut change = Self {
            patch,
            writes: Vec::new(),
            stamped: BTreeSet::new(),
            // Whole milliseconds keep the column of stamps narrow; the wire has no finer meaning.
            now: Scalar::Str(now.whole_millis().format(7).into()),
        };
        for step in patch.steps() {
            change.add(store, step);
        }
        change
    }

    fn add(&mut self, store: &Store, step: &PatchStep) {
        let paths = store.paths();
        let (path, value) = match step {
            PatchStep::Merge(path) => (*path, Some(Scalar::Object)),
            PatchStep::Set(path, value) => {
                self.clear_below(store, *path);
                (*path, Some(value.clone()))
            }
            PatchStep::Remove(path) => {
                self.clear_below(store, *path);
                self.writes.push(Write::Put(ColumnKey::updated(*path), None));
                self.writes.push(Write::Put(ColumnKey::updated_version(*path), None));
                self.stamped.remove(path);
                (*path, None)
            }
            PatchStep::Clear(root) => {
                self.clear_below(store, *root);
                (*root, Some(Scalar::Object))
            }
        };
        let present = value.is_some();
        self.writes.push(Write::Put(ColumnKey::value(path), value));
        if matches!(paths.section(path), Section::Desired | Section::Reported) {
            let chain = paths.ancestors(path);
            let inside = chain.into_iter().take_while(|place| *place != PathId::PROPERTIES);
            self.stamped.extend(inside.skip(usize::from(!present)));
        }
    }

    /// Which columns there are below a place differs from segment to segment, and the hub may
    /// know a million paths, so they are looked up where the change is made.
    fn clear_below(&mut self, store: &Store, path: PathId) {
        if !store.paths().read().children(path).is_empty() {
            self.writes.push(Write::ClearBelow(path));
        }
    }

    pub(super) fn writes(&self) -> &[Write] {
        &self.writes
    }

    pub(super) fn touches(&self, section: Section) -> bool {
        self.patch.touches(section)
    }

    /// Makes the change in `rows`, with versions, etag and metadata.
    pub(super) fn apply(&self, store: &Store, data: &mut SegmentData, rows: Rows<'_>) {
        for write in &self.writes {
            match write {
                Write::Put(key, value) => {
                    if value.is_some() || data.columns.contains_key(key) {
                        data.put(*key, rows, value.as_ref(), &store.dictionary(key.path));
                    }
                }
                Write::ClearBelow(root) => {
                    let below: Vec<ColumnKey> = {
                        let paths = store.paths().read();
                        let keys = data.columns.keys().copied();
                        keys.filter(|key| is_below(&paths, key.path, *root)).collect()
                    };
                    for key in below {
                        data.put(key, rows, None, &store.dictionary(key.path));
                    }
                }
            }
        }
        let mut bump = |path| {
            data.increment(ColumnKey::value(path), rows, &store.dictionary(path));
        };
        if self.patch.touches(Section::Desired) {
            bump(PathId::DESIRED_VERSION);
        }
        if self.patch.touches(Section::Reported) {
            bump(PathId::REPORTED_VERSION);
        }
        if self.patch.touches(Section::Tags) || self.patch.touches(Section::Desired) {
            bump(PathId::VERSION);
            // The etag is the version's again, whatever was imported.
            data.put(ColumnKey::value(PathId::ETAG), rows, None, &store.dictionary(PathId::ETAG));
        }
        for path in &self.stamped {
            let dictionary = store.dictionary(*path);
            data.put(ColumnKey::updated(*path), rows, Some(&self.now), &dictionary);
            if store.paths().section(*path) == Section::Desired {
                data.copy(
                    ColumnKey::value(PathId::DESIRED_VERSION),
                    ColumnKey::updated_version(*path),
                    rows,
                    &dictionary,
                );
            }
        }
    }

    /// Makes the change in the rows of `mask` that can take it; gives back the others.
    pub(super) fn apply_all(
        &self,
        store: &Store,
        data: &mut SegmentData,
        number: usize,
        mask: &Bitmap,
    ) -> Vec<(Row, Rejection)> {
        let mut mask = mask.clone();
        let mut refused = Vec::new();
        let mut gone = mask.clone();
        gone.and_not(&data.live);
        refused.extend(gone.iter().map(|offset| (Row::new(number, offset), Rejection::NotFound)));
        mask.and(&data.live);

        if self.fits_everywhere(data) {
            for section in SECTIONS {
                let bound = data.bounds.of(section) + self.patch.added_size(section);
                data.bounds.set(section, bound);
            }
        } else {
            let too_large = sizes::of_rows(store, data, &mut mask, self);
            let row = |offset| Row::new(number, offset);
            refused.extend(too_large.into_iter().map(|(offset, why)| (row(offset), why)));
        }
        if mask.is_empty() {
            return refused;
        }
        let whole = mask == *data.live;
        self.apply(store, data, Rows::Many { mask: &mask, whole });
        refused
    }

    /// Whether no twin of the segment can grow beyond a limit, by the bounds alone.
    fn fits_everywhere(&self, data: &SegmentData) -> bool {
        SECTIONS.iter().all(|section| {
            !self.patch.touches(*section)
                || data.bounds.of(*section) + self.patch.added_size(*section)
                    <= section.size_limit()
        })
    }
}
