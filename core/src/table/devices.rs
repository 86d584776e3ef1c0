//! Queries `FROM devices`: projections of columns, and aggregates over them.

use super::cells::Cells;
use super::group::{Grouping, Rows};
use super::reader::{Item, Reader, Shape, Shown, Source};
use super::table::{Table, TableColumn};
use super::value::Value;
use crate::plan::{Slot, bind, element_at};
use crate::query::ast::{Condition, Query, Segment, Select};
use crate::select::{select_with, value_at};
use crate::store::{Column, Row, SegmentView, Store, View};
use crate::twin::Scalar;

/// A query begins again if columns came while it was prepared; so often at most.
const BEGINNINGS: usize = 4;

/// Answers a query `FROM devices`. Rows come in the order of the devices' rows, groups in the
/// order of their values: see `docs/query-language.md`. All values are of one moment.
///
/// Cost: a projection reads each named column once for each selected device; an object is rebuilt
/// from the columns below it.
#[must_use]
pub fn query_devices(store: &Store, query: &Query) -> Table {
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

    if query.is_aggregate() {
        let mut grouping = Grouping::new(query);
        for number in 0..view.segments().len() {
            let rows = SegmentRows { store, view: &view, number, groups: &groups, items: &items };
            let Some(selected) = selection.rows_of(number) else { continue };
            if !grouping.count_codes(selected, &rows) {
                grouping.add(selected.iter(), &rows);
            }
        }
        return grouping.finish(query, limit);
    }

    let mut cells = vec![Cells::new(); items.len()];
    let mut rows = 0;
    'all: for number in 0..view.segments().len() {
        for offset in selection.offsets(number) {
            if rows == limit {
                break 'all;
            }
            rows += 1;
            for (item, cells) in items.iter().zip(&mut cells) {
                let Shown::Source(source) = &item.shown else { continue };
                let value = source.value(store, &view, Row::new(number, offset));
                Value::push(value.as_ref(), cells);
            }
        }
    }
    let columns = items.into_iter().zip(cells);
    Table::new(columns.map(|(item, cells)| TableColumn { name: item.name, cells }).collect())
}

/// The rows of one segment, as groups ask for them.
struct SegmentRows<'a> {
    store: &'a Store,
    view: &'a View,
    number: usize,
    groups: &'a [Source],
    items: &'a [Item],
}

impl Rows for SegmentRows<'_> {
    fn group_value(&self, path: usize, row: usize) -> Option<Scalar<'_>> {
        let value = self.groups[path].value(self.store, self.view, Row::new(self.number, row))?;
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
        let value = source.value(self.store, self.view, Row::new(self.number, row))?;
        Some(value.into_scalar())
    }
}

impl Source {
    fn value<'v>(&self, store: &Store, view: &'v View, row: Row) -> Option<Value<'v>> {
        let segment = &view.segments()[row.segment()];
        let value = value_at(segment, self.slot, row.offset())?;
        let tree = |path, places| view.subtree(&store.paths().read(), row, path, places);
        match &self.shape {
            Shape::Element(tail) => element_json(&value, tail),
            Shape::Object(path, places) if value == Scalar::Object => {
                tree(*path, places).map(Value::Json)
            }
            Shape::Metadata { section, keys, places } => {
                let mut section = tree(*section, places)?;
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
