//! One change for one twin or for a million: what a patch does to columns.
//!
//! A patch is turned once into writes of whole columns; a single twin and a selection run the same
//! writes over other rows, so that both mean the same.

use std::collections::{BTreeSet, HashMap};

use super::bitmap::Bitmap;
use super::row::{ColumnKey, Facet, Row};
use super::segment::{Rows, SegmentData};
use super::store::{Rejection, Store};
use crate::clock::Timestamp;
use crate::limits;
use crate::twin::{
    PatchStep, PathId, PathReader, Scalar, Section, SectionSizes, TwinPatch, cell_size,
};

const SECTIONS: [Section; 3] = [Section::Tags, Section::Desired, Section::Reported];

/// A patch as writes of columns.
pub(super) struct Change<'a> {
    patch: &'a TwinPatch,
    writes: Vec<(ColumnKey, Option<Scalar<'static>>)>,
    /// The places whose `$lastUpdated` becomes `now`.
    stamped: BTreeSet<PathId>,
    now: Scalar<'static>,
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
                self.writes.push((ColumnKey::updated(*path), None));
                self.writes.push((ColumnKey::updated_version(*path), None));
                self.stamped.remove(path);
                (*path, None)
            }
            PatchStep::Clear(root) => {
                self.clear_below(store, *root);
                (*root, Some(Scalar::Object))
            }
        };
        let present = value.is_some();
        self.writes.push((ColumnKey::value(path), value));
        if matches!(paths.section(path), Section::Desired | Section::Reported) {
            let chain = paths.ancestors(path);
            let inside = chain.into_iter().take_while(|place| *place != PathId::PROPERTIES);
            self.stamped.extend(inside.skip(usize::from(!present)));
        }
    }

    /// Takes away everything below `path` but the version of a section.
    fn clear_below(&mut self, store: &Store, path: PathId) {
        for below in store.paths().descendants(path) {
            if below != PathId::DESIRED_VERSION && below != PathId::REPORTED_VERSION {
                for facet in [Facet::Value, Facet::Updated, Facet::UpdatedVersion] {
                    self.writes.push((ColumnKey { path: below, facet }, None));
                }
            }
        }
    }

    /// Makes the change in `rows`, with versions, etag and metadata.
    pub(super) fn apply(&self, store: &Store, data: &mut SegmentData, rows: Rows<'_>) {
        for (key, value) in &self.writes {
            if value.is_some() || data.columns.contains_key(key) {
                data.put(*key, rows, value.as_ref(), &store.dictionary(key.path));
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

        if !self.fits_everywhere(data) {
            data.bounds = self.exact_bounds(store, data);
            if !self.fits_everywhere(data) {
                for offset in mask.clone().iter() {
                    if let Err(rejection) = self.size_after(store, data, offset) {
                        refused.push((Row::new(number, offset), rejection));
                        mask.remove(offset);
                    }
                }
            }
        }
        if mask.is_empty() {
            return refused;
        }
        data.bounds = self.bounds_after(data.bounds);
        let whole = mask == *data.live;
        self.apply(store, data, Rows::Many { mask: &mask, whole });
        refused
    }

    fn bounds_after(&self, bounds: SectionSizes) -> SectionSizes {
        // A twin near its limit may still take a change that makes it smaller, so the sum is only
        // a bound.
        SectionSizes {
            tags: (bounds.tags + self.patch.added_size(Section::Tags)).min(limits::TAGS_BYTES),
            desired: (bounds.desired + self.patch.added_size(Section::Desired))
                .min(limits::DESIRED_BYTES),
            reported: (bounds.reported + self.patch.added_size(Section::Reported))
                .min(limits::REPORTED_BYTES),
        }
    }

    /// Whether no twin of the segment can grow beyond a limit, by the bounds alone.
    fn fits_everywhere(&self, data: &SegmentData) -> bool {
        SECTIONS.iter().all(|section| {
            !self.patch.touches(*section)
                || size_in(&data.bounds, *section) + self.patch.added_size(*section)
                    <= limit_of(*section)
        })
    }

    fn exact_bounds(&self, store: &Store, data: &SegmentData) -> SectionSizes {
        let paths = store.paths().read();
        let mut sizes = [vec![0_u64; data.rows()], vec![0; data.rows()], vec![0; data.rows()]];
        for (key, column) in &data.columns {
            let Some(place) = counted(&paths, *key) else { continue };
            let name = paths.key(key.path);
            for (offset, size) in sizes[place].iter_mut().enumerate() {
                *size += column.get(offset).map_or(0, |value| cell_size(name, &value));
            }
        }
        let greatest =
            |place: usize| data.live.iter().map(|offset| sizes[place][offset]).max().unwrap_or(0);
        SectionSizes { tags: greatest(0), desired: greatest(1), reported: greatest(2) }
    }

    /// The sizes of the sections of one twin after the change.
    ///
    /// # Errors
    ///
    /// [`Rejection::TooLarge`] if one grows beyond its limit.
    pub(super) fn size_after(
        &self,
        store: &Store,
        data: &SegmentData,
        offset: usize,
    ) -> Result<SectionSizes, Rejection> {
        let paths = store.paths().read();
        let mut before = SectionSizes::default();
        let mut after = SectionSizes::default();
        for (key, column) in &data.columns {
            let Some(place) = counted(&paths, *key) else { continue };
            if let Some(value) = column.get(offset) {
                let size = cell_size(paths.key(key.path), &value);
                *size_of_mut(&mut before, place) += size;
                *size_of_mut(&mut after, place) += size;
            }
        }
        // The last write to a place counts; each replaces what stood there.
        let mut last = HashMap::new();
        for (key, value) in &self.writes {
            if counted(&paths, *key).is_some() {
                last.insert(key.path, value);
            }
        }
        for (path, value) in last {
            let key = ColumnKey::value(path);
            let Some(place) = counted(&paths, key) else { continue };
            let name = paths.key(path);
            let old = data.get(key, offset).map_or(0, |value| cell_size(name, &value));
            let new = value.as_ref().map_or(0, |value| cell_size(name, value));
            let total = size_of_mut(&mut after, place);
            *total = *total - old + new;
        }
        for section in SECTIONS {
            let (size, limit) = (size_in(&after, section), limit_of(section));
            if size > limit && size > size_in(&before, section) {
                return Err(Rejection::TooLarge { section, size, limit });
            }
        }
        Ok(after)
    }
}

/// The section, as a number, whose size the column counts towards.
fn counted(paths: &PathReader<'_>, key: ColumnKey) -> Option<usize> {
    const UNCOUNTED: [PathId; 5] = [
        PathId::TAGS,
        PathId::DESIRED,
        PathId::REPORTED,
        PathId::DESIRED_VERSION,
        PathId::REPORTED_VERSION,
    ];
    if key.facet != Facet::Value || UNCOUNTED.contains(&key.path) {
        return None;
    }
    SECTIONS.iter().position(|section| *section == paths.section(key.path))
}

fn size_of_mut(sizes: &mut SectionSizes, place: usize) -> &mut u64 {
    match place {
        0 => &mut sizes.tags,
        1 => &mut sizes.desired,
        _ => &mut sizes.reported,
    }
}

fn size_in(sizes: &SectionSizes, section: Section) -> u64 {
    match section {
        Section::Tags => sizes.tags,
        Section::Desired => sizes.desired,
        Section::Reported => sizes.reported,
        Section::Fixed => 0,
    }
}

fn limit_of(section: Section) -> u64 {
    match section {
        Section::Tags => limits::TAGS_BYTES,
        Section::Desired => limits::DESIRED_BYTES,
        Section::Reported => limits::REPORTED_BYTES,
        Section::Fixed => u64::MAX,
    }
}
