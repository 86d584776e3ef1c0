//! Whole segments built from whole twins, beside the fleet, and then made visible at once.

use std::collections::HashMap;
use std::sync::Arc;

use super::bitmap::Bitmap;
use super::column::{Column, encode};
use super::ids::Ids;
use super::row::{ColumnKey, Facet, SEGMENT_ROWS};
use super::segment::SegmentData;
use super::store::Store;
use crate::clock::Timestamp;
use crate::twin::{FlatTwin, PathId, PathReader, Scalar, Section, SectionSizes};

type Cells<'a> = Vec<(u16, Scalar<'a>)>;

/// Collects the cells of up to 65,536 twins, column by column.
#[derive(Debug, Default)]
pub struct SegmentBuilder<'a> {
    ids: Ids,
    columns: HashMap<ColumnKey, Cells<'a>, foldhash::fast::FixedState>,
    bounds: SectionSizes,
}

/// A segment that nobody sees yet.
#[derive(Debug)]
pub struct BuiltSegment {
    number: usize,
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
            self.columns.entry(ColumnKey::value(path)).or_default().push((offset, value));
        }
        for stamp in twin.stamps {
            let updated = Scalar::Str(stamp.updated.format(7).into());
            self.columns.entry(ColumnKey::updated(stamp.path)).or_default().push((offset, updated));
            if let Some(version) = stamp.version {
                let key = ColumnKey::updated_version(stamp.path);
                self.columns.entry(key).or_default().push((offset, Scalar::Int(version)));
            }
        }
        self.bounds = SectionSizes {
            tags: self.bounds.tags.max(twin.sizes.tags),
            desired: self.bounds.desired.max(twin.sizes.desired),
            reported: self.bounds.reported.max(twin.sizes.reported),
        };
    }

    /// Encodes the columns for `store`, as the reserved segment `number`. Properties without metadata of their own get `now`.
    #[must_use]
    pub fn finish(mut self, store: &Store, number: usize, now: Timestamp) -> BuiltSegment {
        let rows = self.len();
        let mut ids = std::mem::take(&mut self.ids);
        ids.shrink();
        let paths = store.paths().read();
        let mut data = SegmentData {
            live: Arc::new(Bitmap::ones(rows)),
            living: rows,
            ids: Arc::new(ids),
            bounds: self.bounds,
            ..SegmentData::default()
        };
        let stamp = Scalar::Str(now.whole_millis().format(7).into());
        let versions = self.columns.get(&ColumnKey::value(PathId::DESIRED_VERSION)).cloned();
        let versions = versions.unwrap_or_default();
        for (key, cells) in &self.columns {
            let dictionary = store.dictionary(key.path);
            match key.facet {
                Facet::Value => {
                    if let Some(column) = encode(cells, rows, &dictionary, false) {
                        data.columns.insert(*key, Arc::new(column));
                    }
                    if !is_stamped(&paths, key.path) {
                        continue;
                    }
                    let given = self.columns.get(&ColumnKey::updated(key.path));
                    let stamps = stamps(cells, given, |_| Some(stamp.borrowed()));
                    if let Some(column) = encode(&stamps, rows, &dictionary, false) {
                        data.columns.insert(ColumnKey::updated(key.path), Arc::new(column));
                    }
                }
                Facet::Updated | Facet::UpdatedVersion => {}
            }
        }
        self.stamp_versions(store, &paths, &versions, rows, &mut data);
        drop(paths);
        BuiltSegment { number, data }
    }

    /// `$lastUpdatedVersion` of every desired property: the version of its twin unless given. All
    /// properties that every twin has share one column until they are changed.
    fn stamp_versions(
        &self,
        store: &Store,
        paths: &PathReader<'_>,
        versions: &Cells<'a>,
        rows: usize,
        data: &mut SegmentData,
    ) {
        let shared: Option<Arc<Column>> =
            data.columns.get(&ColumnKey::value(PathId::DESIRED_VERSION)).cloned();
        for (key, cells) in &self.columns {
            if key.facet != Facet::Value
                || !is_stamped(paths, key.path)
                || paths.section(key.path) != Section::Desired
            {
                continue;
            }
            let stamped = ColumnKey::updated_version(key.path);
            let given = self.columns.get(&stamped);
            if given.is_none() && cells.len() == rows && versions.len() == rows {
                data.columns.extend(shared.clone().map(|column| (stamped, column)));
                continue;
            }
            let version_of = |offset: u16| {
                let place = versions.binary_search_by_key(&offset, |(offset, _)| *offset).ok()?;
                Some(versions[place].1.borrowed())
            };
            let stamps = stamps(cells, given, version_of);
            let dictionary = store.dictionary(key.path);
            if let Some(column) = encode(&stamps, rows, &dictionary, false) {
                data.columns.insert(stamped, Arc::new(column));
            }
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
    #[must_use]
    pub fn claim(&self, store: &Store) -> Vec<usize> {
        store.claim(self.number, (0..self.data.rows()).map(|offset| self.data.ids.get(offset)))
    }

    /// Takes back what [`BuiltSegment::claim`] gave.
    pub fn disclaim(&self, store: &Store) {
        store.disclaim(self.number, (0..self.data.rows()).map(|offset| self.data.ids.get(offset)));
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
        self.publish(built.into_iter().map(|built| (built.number, built.data)).collect());
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
