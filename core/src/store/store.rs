//! The fleet: finding devices, and changing one twin.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};
use serde_json::Value;

use super::bitmap::Bitmap;
use super::bulk::Change;
use super::dictionary::Dictionary;
use super::ids::Ids;
use super::index::{Index, Names};
use super::rejection::Rejection;
use super::row::{ColumnKey, Row, SEGMENTS_MAX};
use super::segment::{Rows, Segment, SegmentData};
use super::sizes;
use super::threads::on_all_threads;
use super::twin::matches_etag;
use super::view::{SegmentView, View};
use crate::clock::Timestamp;
use crate::twin::{FlatTwin, PathId, PathTable, TwinPatch};

/// All twins of a hub, in columns.
///
/// Lock order: the gate, then a shard of the index, then the open segment, then a segment, then its
/// ids, a dictionary or the path table.
#[derive(Debug, Default)]
pub struct Store {
    id: StoreId,
    paths: PathTable,
    dictionaries: RwLock<Vec<Option<Arc<Dictionary>>>>,
    segments: Segments,
    index: Index,
    living: AtomicUsize,
    /// The number of the segment that takes new rows.
    open: Mutex<Option<usize>>,
    /// Segments that were reserved for an import that came to nothing. Nobody has seen their rows.
    unused: Mutex<Vec<usize>>,
    /// How many devices were deleted so far.
    deletions: AtomicU64,
    /// Every change holds it shared; a view takes it alone for the moment in which it collects
    /// its columns, so that a view is a cut through the order of all changes.
    gate: RwLock<()>,
}

#[derive(Debug, Default)]
struct Segments(RwLock<Vec<Arc<Segment>>>);

impl Names for Segments {
    fn is(&self, row: Row, id: &str) -> bool {
        let segment = Arc::clone(&self.0.read()[row.segment()]);
        segment.with_id(row.offset(), |name| name == id)
    }
}

/// Tells the stores of a process apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreId(u64);

impl Default for StoreId {
    /// Another one each time.
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl Store {
    /// An empty fleet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What tells this store from others.
    #[must_use]
    pub fn id(&self) -> StoreId {
        self.id
    }

    /// The places that its twins have.
    #[must_use]
    pub fn paths(&self) -> &PathTable {
        &self.paths
    }

    /// How many devices exist.
    #[must_use]
    pub fn len(&self) -> usize {
        self.living.load(Ordering::Relaxed)
    }

    /// Whether there is no device.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row of a device.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Row> {
        self.index.get(&self.segments, id).filter(|row| self.is_alive(*row))
    }

    /// Rows that `ids` may have had at some moment of this call, whether or not their devices are
    /// gone by now: pairs of the place of an id and a row, which may be that of another device. In
    /// no order. A view knows which are right: [`View::known`].
    #[must_use]
    pub fn candidates(&self, ids: &[&str]) -> Vec<(usize, Row)> {
        self.index.candidates(ids)
    }

    /// The dictionary of `path`.
    #[must_use]
    pub fn dictionary(&self, path: PathId) -> Arc<Dictionary> {
        if let Some(Some(known)) = self.dictionaries.read().get(path.index()) {
            return Arc::clone(known);
        }
        let mut dictionaries = self.dictionaries.write();
        if dictionaries.len() <= path.index() {
            dictionaries.resize(path.index() + 1, None);
        }
        Arc::clone(dictionaries[path.index()].get_or_insert_default())
    }

    /// The columns `keys` of all segments, all of one moment.
    #[must_use]
    pub fn view(&self, keys: &[ColumnKey]) -> View {
        let _alone = self.gate.write();
        let segments = self.segments.0.read();
        let segments = segments.iter().map(|segment| {
            let data = segment.read();
            SegmentView {
                // A segment that is being imported has ids, and no rows yet.
                ids: if data.rows == 0 { Arc::default() } else { segment.ids() },
                live: Arc::clone(&data.live),
                living: data.living,
                columns: keys.iter().map(|key| data.columns.get(key).cloned()).collect(),
            }
        });
        View { keys: keys.into(), segments: segments.collect() }
    }

    /// The twin at `row`.
    #[must_use]
    pub fn twin(&self, row: Row) -> Option<Value> {
        let segment = self.segment(row)?;
        let data = segment.read();
        data.live.contains(row.offset()).then(|| self.document(&segment, &data, row))
    }

    /// All columns that any segment has.
    #[must_use]
    pub fn keys(&self) -> Vec<ColumnKey> {
        let segments = self.segments.0.read();
        let mut keys = std::collections::BTreeSet::new();
        for segment in segments.iter() {
            keys.extend(segment.read().columns.keys().copied());
        }
        keys.into_iter().collect()
    }

    /// Adds a device and gives its twin.
    ///
    /// # Errors
    ///
    /// [`Rejection::Exists`], [`Rejection::Full`].
    pub fn create(&self, twin: &FlatTwin<'_>, now: Timestamp) -> Result<Value, Rejection> {
        let _shared = self.gate.read();
        let mut made = Value::Null;
        self.insert(twin, now, |data, offset| {
            made = data.twin(&self.paths, &twin.id, offset);
        })?;
        Ok(made)
    }

    /// Adds devices, which all become visible in one moment; gives the places of those that exist
    /// already. If `all_or_none`, one of those makes the others stay out, too.
    ///
    /// Everybody else waits meanwhile, so this is for few devices.
    ///
    /// # Errors
    ///
    /// [`Rejection::Full`]; some devices may have been added then.
    pub fn create_few(
        &self,
        twins: &[FlatTwin<'_>],
        all_or_none: bool,
        now: Timestamp,
    ) -> Result<Vec<usize>, Rejection> {
        let _alone = self.gate.write();
        let mut ids = HashSet::new();
        let is_known = |twin: &FlatTwin<'_>| self.index.get(&self.segments, &twin.id).is_some();
        let known: Vec<usize> = (0..twins.len())
            .filter(|place| is_known(&twins[*place]) || !ids.insert(&*twins[*place].id))
            .collect();
        if known.is_empty() || !all_or_none {
            for (place, twin) in twins.iter().enumerate() {
                if known.binary_search(&place).is_err() {
                    self.insert(twin, now, |_, _| {})?;
                }
            }
        }
        Ok(known)
    }

    /// Adds a device; `look` sees its row before anybody else can change it.
    fn insert(
        &self,
        twin: &FlatTwin<'_>,
        now: Timestamp,
        look: impl FnOnce(&SegmentData, usize),
    ) -> Result<(), Rejection> {
        self.index.insert_with(&self.segments, &twin.id, || {
            let mut open = self.open.lock();
            let number = match *open {
                Some(number) if !self.numbered(number).read().is_full() => number,
                _ => self.reserve_segment().ok_or(Rejection::Full)?,
            };
            *open = Some(number);
            let segment = self.numbered(number);
            let mut data = segment.write();
            let offset = segment.add_id(&mut data, &twin.id);
            self.write_row(&mut data, offset, twin, now);
            look(&data, offset);
            Ok(Row::new(number, offset))
        })?;
        self.living.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn write_row(
        &self,
        data: &mut SegmentData,
        offset: usize,
        twin: &FlatTwin<'_>,
        now: Timestamp,
    ) {
        super::import::cells_with_stamps(&self.paths.read(), twin, now, |key, value| {
            let dictionary = self.dictionary(key.path);
            data.put(key, Rows::One(offset), Some(&value), &dictionary);
        });
        Arc::make_mut(&mut data.live).insert(offset);
        data.living += 1;
        data.bounds = data.bounds.largest(twin.sizes);
    }

    /// Removes a device. Its row is never given again.
    ///
    /// # Errors
    ///
    /// [`Rejection::NotFound`], [`Rejection::Precondition`].
    pub fn delete(&self, id: &str, etag: Option<&str>) -> Result<(), Rejection> {
        let _shared = self.gate.read();
        // The shard of the id stays locked until the row is dead, or a new device of this id could
        // be refused for one that is gone.
        self.index.remove_with(&self.segments, id, |row| {
            let segment = self.segment(row).ok_or(Rejection::NotFound)?;
            let mut data = segment.write();
            check(&data, row, etag)?;
            Arc::make_mut(&mut data.live).remove(row.offset());
            data.living -= 1;
            // A thread that holds the lock of the open segment may wait for this one: only try.
            let is_closed =
                || self.open.try_lock().is_some_and(|open| *open != Some(row.segment()));
            if data.living == 0 && (data.is_full() || is_closed()) {
                data.clear();
            }
            Ok(())
        })?;
        self.living.fetch_sub(1, Ordering::Relaxed);
        self.deletions.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// How many devices were deleted so far: while it stays the same, every row that was alive is.
    #[must_use]
    pub fn deletions(&self) -> u64 {
        self.deletions.load(Ordering::Acquire)
    }

    /// Whether the device at `row` exists.
    #[must_use]
    pub fn is_alive(&self, row: Row) -> bool {
        self.segment(row).is_some_and(|segment| segment.read().live.contains(row.offset()))
    }

    /// Changes one twin and gives it back as it is then.
    ///
    /// # Errors
    ///
    /// [`Rejection::NotFound`], [`Rejection::Precondition`], [`Rejection::TooLarge`].
    pub fn patch(
        &self,
        id: &str,
        patch: &TwinPatch,
        etag: Option<&str>,
        now: Timestamp,
    ) -> Result<Value, Rejection> {
        self.change(id, patch, etag, now, |segment, data, row| self.document(segment, data, row))
    }

    /// Changes the reported properties of one twin and gives their new version.
    ///
    /// # Errors
    ///
    /// [`Rejection::NotFound`], [`Rejection::TooLarge`].
    pub fn report(&self, id: &str, patch: &TwinPatch, now: Timestamp) -> Result<i64, Rejection> {
        let version = ColumnKey::value(PathId::REPORTED_VERSION);
        self.change(id, patch, None, now, |_, data, row| {
            data.integer(version, row.offset()).unwrap_or_default()
        })
    }

    /// Changes one twin; `look` sees it before anybody else can change it.
    fn change<T>(
        &self,
        id: &str,
        patch: &TwinPatch,
        etag: Option<&str>,
        now: Timestamp,
        look: impl FnOnce(&Segment, &SegmentData, Row) -> T,
    ) -> Result<T, Rejection> {
        let patch = &*patch.current(&self.paths);
        let change = Change::new(self, patch, now);
        let _shared = self.gate.read();
        let row = self.index.get(&self.segments, id).ok_or(Rejection::NotFound)?;
        let segment = self.segment(row).ok_or(Rejection::NotFound)?;
        let mut data = segment.write();
        check(&data, row, etag)?;
        let sizes = sizes::of_row(self, &data, row.offset(), &change)?;
        data.bounds = data.bounds.largest(sizes);
        change.apply(self, &mut data, Rows::One(row.offset()));
        Ok(look(&segment, &data, row))
    }

    /// Applies `patch` to the rows of `selected`, given by segment, in parallel; gives the rows
    /// that were refused.
    ///
    /// The patch of one segment is one step for readers; segments follow one another.
    #[must_use]
    pub fn patch_all(
        &self,
        selected: &[(usize, Arc<Bitmap>)],
        patch: &TwinPatch,
        now: Timestamp,
    ) -> Vec<(Row, Rejection)> {
        let patch = &*patch.current(&self.paths);
        let change = Change::new(self, patch, now);
        let refused = on_all_threads(selected.len(), |place| {
            let (number, mask) = &selected[place];
            let segment = self.numbered(*number);
            let shared = self.gate.read();
            let refused = change.apply_all(self, &mut segment.write(), *number, mask);
            drop(shared);
            // This fills all processors: who wakes up, for a small job perhaps, would wait for the
            // end of the system's time slice.
            std::thread::yield_now();
            refused
        });
        refused.into_iter().flatten().collect()
    }

    pub(super) fn segment(&self, row: Row) -> Option<Arc<Segment>> {
        self.segments.0.read().get(row.segment()).map(Arc::clone)
    }

    /// The twin at `row`, which is in `data`, the data of `segment`.
    fn document(&self, segment: &Segment, data: &SegmentData, row: Row) -> Value {
        segment.with_id(row.offset(), |id| data.twin(&self.paths, id, row.offset()))
    }

    fn numbered(&self, number: usize) -> Arc<Segment> {
        Arc::clone(&self.segments.0.read()[number])
    }

    /// Gives the number of an empty segment; `None` if all numbers are taken.
    fn reserve_segment(&self) -> Option<usize> {
        if let Some(number) = self.unused.lock().pop() {
            return Some(number);
        }
        let mut segments = self.segments.0.write();
        if segments.len() == SEGMENTS_MAX {
            return None;
        }
        segments.push(Arc::default());
        Some(segments.len() - 1)
    }

    /// Gives `ids` rows in an empty segment: its number, and the offsets of those that exist
    /// already. Nobody sees the devices until [`Store::publish`].
    pub(super) fn claim_ids(&self, ids: &Arc<Ids>) -> Result<(usize, Vec<usize>), Rejection> {
        let number = self.reserve_segment().ok_or(Rejection::Full)?;
        self.numbered(number).set_ids(Arc::clone(ids));
        Ok((number, self.index.insert_all(&self.segments, ids, number)))
    }

    /// Takes back the ids of a segment that was not published.
    pub fn disclaim(&self, number: usize) {
        let segment = self.numbered(number);
        let ids = segment.ids();
        for offset in 0..ids.len() {
            self.index.remove(ids.get(offset), Row::new(number, offset));
        }
        segment.set_ids(Arc::default());
        self.unused.lock().push(number);
    }

    /// Makes built segments visible, all in one moment.
    pub(super) fn publish(&self, built: Vec<(usize, SegmentData)>) {
        let _alone = self.gate.write();
        for (number, data) in built {
            self.living.fetch_add(data.living, Ordering::Relaxed);
            *self.numbered(number).write() = data;
        }
    }

    pub(super) fn each_segment(&self, mut each: impl FnMut(&Segment)) {
        self.segments.0.read().iter().for_each(|segment| each(segment));
    }

    pub(super) fn index_bytes(&self) -> usize {
        self.index.heap_bytes()
    }

    pub(super) fn dictionary_bytes(&self) -> usize {
        let dictionaries = self.dictionaries.read();
        dictionaries.iter().flatten().map(|dictionary| dictionary.heap_bytes()).sum()
    }

    /// How many ids the index holds, those being imported included.
    #[must_use]
    pub fn indexed(&self) -> usize {
        self.index.len()
    }
}

/// Whether the device at `row` exists and has this etag.
fn check(data: &SegmentData, row: Row, etag: Option<&str>) -> Result<(), Rejection> {
    if row.offset() >= data.rows || !data.live.contains(row.offset()) {
        return Err(Rejection::NotFound);
    }
    if let Some(wanted) = etag {
        let current = data.etag(row.offset());
        if !matches_etag(wanted, &current) {
            return Err(Rejection::Precondition { current });
        }
    }
    Ok(())
}
