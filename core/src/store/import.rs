//! Whole segments built from batches of twins, beside the fleet, and then made visible at once.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::batch::Batch;
use super::bitmap::Bitmap;
use super::column::{Lane, encode_lanes};
use super::ids::Ids;
use super::rejection::Rejection;
use super::row::{ColumnKey, Facet};
use super::segment::SegmentData;
use super::store::Store;
use crate::clock::Timestamp;
use crate::twin::{FlatTwin, PathId, PathReader, Scalar, Section, SectionSizes};

/// Twins of one segment to be, whose ids are taken.
#[derive(Debug)]
pub struct ClaimedSegment {
    number: usize,
    batches: Vec<Batch>,
    ids: Arc<Ids>,
    /// The places of the twins whose device exists already.
    known: Vec<usize>,
}

/// A segment that nobody sees yet.
#[derive(Debug)]
pub struct BuiltSegment {
    number: usize,
    data: SegmentData,
}

impl Store {
    /// Takes the ids of `batches`, at most 65,536 twins together, and a segment for them. Nobody
    /// sees the devices until [`Store::publish_segments`].
    ///
    /// # Errors
    ///
    /// [`Rejection::Full`].
    pub fn claim(&self, batches: Vec<Batch>) -> Result<ClaimedSegment, Rejection> {
        let ids = Arc::new(Ids::of(batches.iter().flat_map(Batch::ids)));
        let (number, known) = self.claim_ids(&ids)?;
        Ok(ClaimedSegment { number, batches, ids, known })
    }

    /// Makes `built` segments visible, all in one moment.
    pub fn publish_segments(&self, built: Vec<BuiltSegment>) {
        self.publish(built.into_iter().map(|built| (built.number, built.data)).collect());
    }
}

impl ClaimedSegment {
    /// The number of the segment.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// The places and ids of the twins whose device exists already, ascending. Their rows stay
    /// empty for ever.
    pub fn known(&self) -> impl Iterator<Item = (usize, &str)> {
        self.known.iter().map(|offset| (*offset, self.ids.get(*offset)))
    }

    /// How many twins will become visible.
    #[must_use]
    pub fn living(&self) -> usize {
        self.rows() - self.known.len()
    }

    fn rows(&self) -> usize {
        self.ids.len()
    }

    /// Encodes the columns for `store`. Properties without metadata of their own get `now`.
    #[must_use]
    pub fn build(self, store: &Store, now: Timestamp) -> BuiltSegment {
        let mut live = Bitmap::ones(self.rows());
        self.known.iter().for_each(|offset| live.remove(*offset));
        let bounds = self.batches.iter().map(Batch::bounds);
        let mut data = SegmentData {
            live: Arc::new(live),
            living: self.living(),
            rows: self.rows(),
            bounds: bounds.fold(SectionSizes::default(), SectionSizes::largest),
            ..SegmentData::default()
        };
        let keys: BTreeSet<ColumnKey> = self.batches.iter().flat_map(Batch::keys).collect();
        let keys = keys.iter().filter(|key| key.facet == Facet::Value);
        // The table of paths is asked beforehand: others must not wait for a whole segment.
        let sections: Vec<(PathId, Option<Section>)> = {
            let paths = store.paths().read();
            let section = |path| is_stamped(&paths, path).then(|| paths.section(path));
            keys.map(|key| (key.path, section(key.path))).collect()
        };
        for (path, _) in &sections {
            let key = ColumnKey::value(*path);
            self.put(store, &mut data, key, |batch| batch.get(key).map(Cow::Borrowed));
        }
        let now = Scalar::Str(now.whole_millis().format(7).into());
        for (path, section) in &sections {
            if section.is_some() {
                let key = ColumnKey::updated(*path);
                self.put(store, &mut data, key, |batch| {
                    let values = batch.get(ColumnKey::value(*path))?;
                    Some(stamps(values, batch.get(key), Cow::Owned(values.same(&now))))
                });
            }
            if *section == Some(Section::Desired) {
                self.put_versions(store, &mut data, *path);
            }
        }
        BuiltSegment { number: self.number, data }
    }

    /// Encodes one column from what `lane` gives for each batch.
    fn put<'l>(
        &'l self,
        store: &Store,
        data: &mut SegmentData,
        key: ColumnKey,
        lane: impl Fn(&'l Batch) -> Option<Cow<'l, Lane>>,
    ) {
        let mut first = 0;
        let mut lanes = Vec::with_capacity(self.batches.len());
        for batch in &self.batches {
            lanes.extend(lane(batch).map(|lane| (first, lane)));
            first += batch.len();
        }
        let lanes: Vec<(usize, &Lane)> =
            lanes.iter().map(|(first, lane)| (*first, &**lane)).collect();
        let column = encode_lanes(&lanes, self.rows(), &store.dictionary(key.path), false);
        data.columns.extend(column.map(|column| (key, Arc::new(column))));
    }

    /// `$lastUpdatedVersion` of a desired property: the version of its twin unless given. All
    /// properties that every twin has share one column until they are changed.
    fn put_versions(&self, store: &Store, data: &mut SegmentData, path: PathId) {
        let key = ColumnKey::updated_version(path);
        let value = ColumnKey::value(path);
        let version = ColumnKey::value(PathId::DESIRED_VERSION);
        let is_usual = |batch: &Batch| match (batch.get(value), batch.get(version)) {
            (Some(values), Some(versions)) => {
                batch.get(key).is_none() && values.has_rows_of(versions)
            }
            _ => false,
        };
        if self.batches.iter().all(is_usual) {
            let shared = data.columns.get(&version).cloned();
            data.columns.extend(shared.map(|column| (key, column)));
            return;
        }
        self.put(store, data, key, |batch| {
            let usual = batch.get(version).map_or_else(Cow::default, Cow::Borrowed);
            Some(stamps(batch.get(value)?, batch.get(key), usual))
        });
    }
}

/// One stamp for each of `values`: the one given for its row, else the usual one.
fn stamps<'l>(values: &Lane, given: Option<&'l Lane>, usual: Cow<'l, Lane>) -> Cow<'l, Lane> {
    match given {
        None if usual.has_rows_of(values) => return usual,
        Some(given) if given.has_rows_of(values) => return Cow::Borrowed(given),
        _ => {}
    }
    let mut stamps = Lane::default();
    let (mut given, mut usual) = (given.map(Lane::cursor), usual.cursor());
    for place in 0..values.len() {
        let row = values.row(place);
        let stamp = given.as_mut().and_then(|given| given.at(row)).or_else(|| usual.at(row));
        if let Some(stamp) = stamp {
            stamps.push(row, &stamp);
        }
    }
    Cow::Owned(stamps)
}

fn is_stamped(paths: &PathReader<'_>, path: PathId) -> bool {
    matches!(paths.section(path), Section::Desired | Section::Reported)
        && path != PathId::DESIRED_VERSION
        && path != PathId::REPORTED_VERSION
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
