//! Queries `FROM devices`: projections of columns, and aggregates over them.

use std::ops::ControlFlow;

use rayon::prelude::*;

use super::cells::Cells;
use super::group::{Grouping, Rows};
use super::reader::{Item, Reader, Shape, Shown, Source};
use super::render::{SegmentColumns, Texts, Writer};
use super::table::{Table, TableColumn};
use super::value::Value;
use crate::plan::{Slot, bind, element_at};
use crate::query::ast::{Condition, Query, Segment, Select};
use crate::select::{Selection, select_with, value_at};
use crate::store::{Bitmap, Column, Row, SegmentView, Store, View, on_all_threads};
use crate::twin::Scalar;

/// A query begins again if columns came while it was prepared; so often at most.
const BEGINNINGS: usize = 4;
/// Rows that one thread projects at a time: enough to be worth it, and few enough that the memory
/// of a block of whole twins is soon used for another.
const BLOCK_ROWS: usize = 1024;
/// Blocks for each thread before all are joined.
const BLOCKS_A_THREAD: usize = 4;

/// How far a query is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryProgress {
    /// Rows read so far.
    pub rows: u64,
    /// Rows to be read.
    pub total: u64,
}

/// Who is told how far a query is; [`ControlFlow::Break`] ends it.
pub type Watch<'a> = &'a mut dyn FnMut(QueryProgress) -> ControlFlow<()>;

/// Answers a query `FROM devices`. Rows come in the order of the devices' rows, groups in the
/// order of their values: see `docs/query-language.md`. All values are of one moment. `watch` is
/// called every few thousand rows of a projection and after each segment of an aggregate; if it
/// breaks, so does the query.
///
/// Cost: a projection reads each named column once for each selected device; an object is written
/// as JSON text from the columns below it. Large answers are made on the rayon pool.
pub fn query_devices(store: &Store, query: &Query, watch: Watch<'_>) -> ControlFlow<(), Table> {
    let condition =
        Condition { text: query.text.clone(), source: query.source, filter: query.filter.clone() };
    let mut beginning = 1;
    let (items, groups, selection, view) = loop {
        let plan = bind(&condition, store.paths());
        let mut reader = Reader::new(store, plan.keys.clone());
        let items = match &query.select {
            Select::All => reader.root_items(),
            Select::Items(items) => items.iter().map(|item| reader.item(item)).collect(),
        };
        let groups: Vec<Source> = query.group_by.iter().map(|path| reader.source(path)).collect();
        let (selection, view) = select_with(store, &plan, &reader.keys()[plan.keys.len()..]);
        if reader.is_complete() || beginning == BEGINNINGS {
            break (items, groups, selection, view);
        }
        beginning += 1;
    };
    let limit = query.top.map_or(usize::MAX, |top| usize::try_from(top).unwrap_or(usize::MAX));
    if !query.is_aggregate() {
        return Projection::new(store, &view, items).run(&selection, limit, watch);
    }
    let mut grouping = Grouping::new(query);
    let (mut rows, total) = (0, selection.len() as u64);
    let selected: Vec<(usize, &Bitmap)> = (0..view.segments().len())
        .filter_map(|number| Some((number, selection.rows_of(number)?)))
        .collect();
    let segment = |number| SegmentRows { view: &view, number, groups: &groups, items: &items };
    for some in selected.chunks(COUNTED_TOGETHER) {
        let count = |place: usize| {
            let (number, selected) = some[place];
            grouping.counts(selected, &segment(number))
        };
        let counts = if some.len() < PARALLEL_SEGMENTS {
            (0..some.len()).map(count).collect()
        } else {
            on_all_threads(some.len(), count)
        };
        for ((number, selected), counts) in some.iter().zip(counts) {
            match counts {
                Some(counts) => grouping.add_counts(counts),
                None => grouping.add(selected.iter(), &segment(*number)),
            }
            rows += selected.count() as u64;
            watch(QueryProgress { rows, total })?;
        }
    }
    ControlFlow::Continue(grouping.finish(query, limit))
}

/// Segments of which only counts are kept until they are added to the groups.
const COUNTED_TOGETHER: usize = 256;

/// Below this many segments, all are counted before a second thread is awake.
const PARALLEL_SEGMENTS: usize = 8;

/// Items that are read for one device after the other.
struct Projection<'a> {
    view: &'a View,
    items: Vec<Item>,
    /// For each item that is an object, how it is written.
    writers: Vec<Option<Writer>>,
}

impl<'a> Projection<'a> {
    fn new(store: &Store, view: &'a View, items: Vec<Item>) -> Self {
        let writer = |item: &Item| match &item.shown {
            Shown::Source(Source { shape: Shape::Object(path, places), .. }) => {
                Some(Writer::new(store.paths(), *path, view.keys(), places))
            }
            _ => None,
        };
        let writers = items.iter().map(writer).collect();
        Self { view, items, writers }
    }

    fn run(self, selection: &Selection, limit: usize, watch: Watch<'_>) -> ControlFlow<(), Table> {
        let total = selection.len().min(limit);
        let wave = BLOCK_ROWS * BLOCKS_A_THREAD * rayon::current_num_threads();
        let mut texts = Texts::default();
        let mut cells = vec![Cells::new(); self.items.len()];
        let mut rows = 0;
        for number in 0..self.view.segments().len() {
            let offsets: Vec<usize> = selection.offsets(number).take(total - rows).collect();
            if offsets.is_empty() {
                continue;
            }
            let segment = &self.view.segments()[number];
            let columns = SegmentColumns::new(segment, offsets.len(), &mut texts);
            let block = |offsets: &[usize]| self.block(number, offsets, &columns);
            for offsets in offsets.chunks(wave) {
                let blocks: Vec<Vec<Cells>> = if offsets.len() > BLOCK_ROWS {
                    offsets.par_chunks(BLOCK_ROWS).map(block).collect()
                } else {
                    vec![block(offsets)]
                };
                for block in blocks {
                    for (cells, more) in cells.iter_mut().zip(block) {
                        cells.append(&more);
                    }
                }
                if rows == 0 {
                    cells.iter_mut().for_each(|cells| cells.reserve(total));
                }
                rows += offsets.len();
                watch(QueryProgress { rows: rows as u64, total: total as u64 })?;
            }
        }
        let columns = self.items.into_iter().zip(cells);
        let columns = columns.map(|(item, cells)| TableColumn::new(item.name, cells));
        ControlFlow::Continue(Table::new(columns.collect()))
    }

    /// The items of some rows of a segment.
    fn block(&self, number: usize, offsets: &[usize], columns: &SegmentColumns<'_>) -> Vec<Cells> {
        let mut text = String::new();
        let column = |(item, writer): (&Item, &Option<Writer>)| {
            let mut cells = Cells::new();
            let Shown::Source(source) = &item.shown else { return cells };
            for offset in offsets {
                let value = source.value(self.view, Row::new(number, *offset));
                match (&value, writer) {
                    (Some(Value::Scalar(Scalar::Object)), Some(writer)) => {
                        text.clear();
                        writer.write(columns, *offset, &mut text);
                        cells.push_object(&text);
                    }
                    _ => Value::push(value.as_ref(), &mut cells),
                }
            }
            cells
        };
        self.items.iter().zip(&self.writers).map(column).collect()
    }
}

/// The rows of one segment, as groups ask for them.
struct SegmentRows<'a> {
    view: &'a View,
    number: usize,
    groups: &'a [Source],
    items: &'a [Item],
}

impl Rows for SegmentRows<'_> {
    fn group_value(&self, path: usize, row: usize) -> Option<Scalar<'_>> {
        let value = self.groups[path].value(self.view, Row::new(self.number, row))?;
        Some(value.into_scalar())
    }

    fn group_column(&self, path: usize) -> Option<&Column> {
        self.groups[path].column(&self.view.segments()[self.number])
    }

    fn argument(&self, aggregate: usize, row: usize) -> Option<Scalar<'_>> {
        let mut measures = self.items.iter().filter_map(|item| match &item.shown {
            Shown::Measure(source) => Some(source.as_ref()),
            Shown::Source(_) => None,
        });
        let source = measures.nth(aggregate)??;
        let value = source.value(self.view, Row::new(self.number, row))?;
        Some(value.into_scalar())
    }
}

impl Source {
    /// The value; of an object that has a writer only the marker.
    fn value<'v>(&self, view: &'v View, row: Row) -> Option<Value<'v>> {
        let segment = &view.segments()[row.segment()];
        let value = value_at(segment, self.slot, row.offset())?;
        match &self.shape {
            Shape::Element(tail) => element_json(&value, tail),
            Shape::Metadata(layout, keys) => {
                let mut section = view.subtree(layout, row)?;
                let metadata = section.get_mut("$metadata")?;
                let place = keys.iter().try_fold(metadata, |place, key| place.get_mut(&**key))?;
                Some(Value::Json(place.take()))
            }
            Shape::Value | Shape::Object(..) => Some(Value::Scalar(value)),
        }
    }

    /// The column itself, if the value is just what stands in it.
    fn column<'v>(&self, segment: &'v SegmentView) -> Option<&'v Column> {
        match self.slot {
            Slot::Column(place) if matches!(self.shape, Shape::Value) => {
                segment.columns[place].as_deref()
            }
            _ => None,
        }
    }
}

/// The element of an array; objects inside of arrays are shown whole.
fn element_json<'v>(array: &Scalar<'_>, tail: &[Segment]) -> Option<Value<'v>> {
    match element_at(array, tail)? {
        Scalar::Object => {
            let Scalar::Array(text) = array else { return None };
            let mut place: &serde_json::Value = &serde_json::from_str(text).ok()?;
            for segment in tail {
                place = match segment {
                    Segment::Index(index) => place.get(*index as usize)?,
                    Segment::Key(key) => place.get(key)?,
                };
            }
            Some(Value::Json(place.clone()))
        }
        value => Some(Value::Scalar(value)),
    }
}
