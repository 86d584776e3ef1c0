//! Whole segments built from whole twins, beside the fleet, and then made visible at once.

use std::collections::HashMap;
use std::sync::Arc;

use super::bitmap::Bitmap;
use super::column::{Column, encode};
use super::ids::Ids;
use super::rejection::Rejection;
use super::row::{ColumnKey, SEGMENT_ROWS};
use super::segment::SegmentData;
use super::store::Store;
use crate::clock::Timestamp;
use crate::twin::{FlatTwin, PathId, PathReader, Scalar, Section, SectionSizes};

type Cells<'a> = Vec<(u16, Scalar<'a>)>;

/// Collects the cells of up to 65,536 twins, column by column.
#[derive(Debug, Default)]
pub struct SegmentBuilder<'a> {
    ids: Ids,
    /// The values of each path, by its number.
    values: Vec<Cells<'a>>,
    /// Metadata that the twins brought along.
    stamps: HashMap<ColumnKey, Cells<'a>, foldhash::fast::FixedState>,
    bounds: SectionSizes,
}

/// A segment that nobody sees yet.
#[derive(Debug)]
pub struct BuiltSegment {
    /// Its number, once its ids were claimed.
    number: Option<usize>,
    data: SegmentData,
}

impl<'a> SegmentBuilder<'a> {
    /// How many twins it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Adds a twin as the next row.
    ///
    /// # Panics
    ///
    /// If it has 65,536 twins already.
    pub fn push(&mut self, twin: FlatTwin<'a>) {
        assert!(self.len() < SEGMENT_ROWS, "a segment has 65,536 rows");
        let offset = u16::try_from(self.len()).expect("the length was checked above");
        self.ids.push(&twin.id);
        for (path, value) in twin.cells {
            if self.values.len() <= path.index() {
                self.values.resize_with(path.index() + 1, Vec::new);
            }
            self.values[path.index()].push((offset, value));
        }
        for stamp in twin.stamps {
            let updated = Scalar::Str(stamp.updated.format(7).into());
            self.stamps.entry(ColumnKey::updated(stamp.path)).or_default().push((offset, updated));
            if let Some(version) = stamp.version {
                let key = ColumnKey::updated_version(stamp.path);
                self.stamps.entry(key).or_default().push((offset, Scalar::Int(version)));
            }
        }
        self.bounds = SectionSizes {
            tags: self.bounds.tags.max(twin.sizes.tags),
            desired: self.bounds.desired.max(twin.sizes.desired),
            reported: self.bounds.reported.max(twin.sizes.reported),
        };
    }

    /// Encodes the columns for `store`. Properties without metadata of their own get `now`.
    #[must_use]
    pub fn finish(mut self, store: &Store, now: Timestamp) -> BuiltSegment {
        let rows = self.len();
        let mut ids = std::mem::take(&mut self.ids);
        ids.shrink();
        let mut data = SegmentData {
            live: Arc::new(Bitmap::ones(rows)),
            living: rows,
            ids: Arc::new(ids),
            bounds: self.bounds,
            ..SegmentData::default()
        };
        let stamp = Scalar::Str(now.whole_millis().format(7).into());
        let mut put = |key: ColumnKey, cells: &Cells<'_>| {
            if let Some(column) = encode(cells, rows, &store.dictionary(key.path), false) {
                data.columns.insert(key, Arc::new(column));
            }
        };
        // The table of paths is asked beforehand: others must not wait for a whole segment.
        let paths = self.paths(&store.paths().read());
        for (path, section) in &paths {
            let cells = &self.values[path.index()];
            put(ColumnKey::value(*path), cells);
            if matches!(section, Some(Section::Desired | Section::Reported)) {
                let given = self.stamps.get(&ColumnKey::updated(*path));
                let stamps = stamps(cells, given, |_| Some(stamp.borrowed()));
                put(ColumnKey::updated(*path), &stamps);
            }
        }
        let shared = data.columns.get(&ColumnKey::value(PathId::DESIRED_VERSION)).cloned();
        let desired = paths.iter().filter(|(_, section)| *section == Some(Section::Desired));
        for (path, _) in desired {
            self.stamp_versions(store, *path, shared.as_ref(), rows, &mut data);
        }
        BuiltSegment { number: None, data }
    }

    /// The paths that have values, with their section if they keep metadata.
    fn paths(&self, paths: &PathReader<'_>) -> Vec<(PathId, Option<Section>)> {
        let used = self.values.iter().enumerate().filter(|(_, cells)| !cells.is_empty());
        let numbered = used.filter_map(|(index, _)| u32::try_from(index).ok());
        numbered
            .map(PathId::from_index)
            .map(|path| (path, is_stamped(paths, path).then(|| paths.section(path))))
            .collect()
    }

    /// `$lastUpdatedVersion` of a desired property: the version of its twin unless given. All
    /// properties that every twin has share one column until they are changed.
    fn stamp_versions(
        &self,
        store: &Store,
        path: PathId,
        shared: Option<&Arc<Column>>,
        rows: usize,
        data: &mut SegmentData,
    ) {
        let key = ColumnKey::updated_version(path);
        let cells = &self.values[path.index()];
        let empty = Cells::new();
        let versions = self.values.get(PathId::DESIRED_VERSION.index()).unwrap_or(&empty);
        let given = self.stamps.get(&key);
        if given.is_none() && cells.len() == rows && versions.len() == rows {
            data.columns.extend(shared.map(|column| (key, Arc::clone(column))));
            return;
        }
        let version_of = |offset: u16| {
            let place = versions.binary_search_by_key(&offset, |(offset, _)| *offset).ok()?;
            Some(versions[place].1.borrowed())
        };
        let stamps = stamps(cells, given, version_of);
        if let Some(column) = encode(&stamps, rows, &store.dictionary(path), false) {
            data.columns.insert(key, Arc::new(column));
        }
    }
}

/// One stamp for each of `cells`: the one given for its row, else the usual one.
fn stamps<'s>(
    cells: &Cells<'_>,
    given: Option<&'s Cells<'_>>,
    usual: impl Fn(u16) -> Option<Scalar<'s>>,
) -> Cells<'s> {
    let mut given = given.map(|cells| cells.iter().peekable());
    cells
        .iter()
        .filter_map(|(offset, _)| {
            if let Some(given) = &mut given {
                while given.next_if(|(other, _)| other < offset).is_some() {}
                if let Some((_, value)) = given.next_if(|(other, _)| other == offset) {
                    return Some((*offset, value.borrowed()));
                }
            }
            Some((*offset, usual(*offset)?))
        })
        .collect()
}

fn is_stamped(paths: &PathReader<'_>, path: PathId) -> bool {
    matches!(paths.section(path), Section::Desired | Section::Reported)
        && path != PathId::DESIRED_VERSION
        && path != PathId::REPORTED_VERSION
}

impl BuiltSegment {
    /// Gives the ids their rows; the offsets of those that exist already are given back.
    ///
    /// # Errors
    ///
    /// [`Rejection::Full`].
    pub fn claim(&mut self, store: &Store) -> Result<Vec<usize>, Rejection> {
        let ids = &self.data.ids;
        let (number, known) = store.claim((0..self.data.rows()).map(|offset| ids.get(offset)))?;
        self.number = Some(number);
        Ok(known)
    }

    /// Takes back what [`BuiltSegment::claim`] gave.
    pub fn disclaim(&self, store: &Store) {
        if let Some(number) = self.number {
            let ids = &self.data.ids;
            store.disclaim(number, (0..self.data.rows()).map(|offset| ids.get(offset)));
        }
    }

    /// The id at `offset`.
    #[must_use]
    pub fn id(&self, offset: usize) -> &str {
        self.data.ids.get(offset)
    }

    /// Leaves out the twin at `offset`; its row stays empty for ever.
    pub fn leave_out(&mut self, offset: usize) {
        Arc::make_mut(&mut self.data.live).remove(offset);
        self.data.living -= 1;
    }

    /// How many twins will become visible.
    #[must_use]
    pub fn living(&self) -> usize {
        self.data.living
    }
}

impl Store {
    /// Makes `built` segments visible, all in one moment. Their ids must have been claimed.
    pub fn publish_segments(&self, built: Vec<BuiltSegment>) {
        let claimed = built.into_iter().filter_map(|built| Some((built.number?, built.data)));
        self.publish(claimed.collect());
    }
}

/// All cells of a twin, with the metadata of its properties.
pub(super) fn cells_with_stamps(
    paths: &PathReader<'_>,
    twin: &FlatTwin<'_>,
    now: Timestamp,
    mut put: impl FnMut(ColumnKey, Scalar<'_>),
) {
    let usual = now.whole_millis();
    let given: HashMap<PathId, _> = twin.stamps.iter().map(|stamp| (stamp.path, stamp)).collect();
    let version = twin.cells.iter().find(|(path, _)| *path == PathId::DESIRED_VERSION);
    for (path, value) in &twin.cells {
        put(ColumnKey::value(*path), value.borrowed());
        if !is_stamped(paths, *path) {
            continue;
        }
        let stamp = given.get(path);
        let updated = stamp.map_or(usual, |stamp| stamp.updated);
        put(ColumnKey::updated(*path), Scalar::Str(updated.format(7).into()));
        if paths.section(*path) == Section::Desired {
            let given = stamp.and_then(|stamp| stamp.version).map(Scalar::Int);
            if let Some(version) = given.or_else(|| version.map(|(_, value)| value.borrowed())) {
                put(ColumnKey::updated_version(*path), version);
            }
        }
    }
}
