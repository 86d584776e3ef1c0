//! Queries `FROM devices`: projections of columns, and aggregates over them.

use super::cells::Cells;
use super::group::{Grouping, Rows};
use super::table::{Table, TableColumn};
use super::value::Value;
use crate::plan::{Slot, bind, element_at, resolve};
use crate::query::ast::{Condition, Path, Query, Segment, Select, SelectItem, SelectValue};
use crate::select::{select_with, slot_of, value_at};
use crate::store::{Column, ColumnKey, Facet, Row, SegmentView, Store, View};
use crate::twin::{PathId, Scalar};

/// Answers a query `FROM devices`. Rows come in the order of the devices' rows, groups in the
/// order in which they are first met. All values are of one moment.
///
/// Cost: a projection reads each named column once for each selected device; an object is rebuilt
/// from the columns below it.
#[must_use]
pub fn query_devices(store: &Store, query: &Query) -> Table {
    let condition =
        Condition { text: query.text.clone(), source: query.source, filter: query.filter.clone() };
    let plan = bind(&condition, store.paths());
    let mut reader = Reader { store, keys: plan.keys.clone() };
    let items = match &query.select {
        Select::All => reader.root_items(),
        Select::Items(items) => items.iter().map(|item| reader.item(item)).collect(),
    };
    let groups: Vec<Source> = query.group_by.iter().map(|path| reader.source(path)).collect();
    let (selection, view) = select_with(store, &plan, &reader.keys[plan.keys.len()..]);
    let limit = query.top.map_or(usize::MAX, |top| usize::try_from(top).unwrap_or(usize::MAX));

    if query.is_aggregate() {
        let mut grouping = Grouping::new(query);
        for number in 0..view.segments().len() {
            let rows = SegmentRows { store, view: &view, number, groups: &groups, items: &items };
            grouping.add(selection.offsets(number), &rows);
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

/// One column of the answer.
struct Item {
    name: String,
    shown: Shown,
}

enum Shown {
    Source(Source),
    Measure(Option<Source>),
}

/// Where a value comes from.
struct Source {
    slot: Slot,
    tail: Vec<Segment>,
    /// If the place may be an object: the place, and the columns below it.
    below: Option<(PathId, Vec<usize>)>,
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
        if !self.tail.is_empty() {
            return element_json(&value, &self.tail);
        }
        match &self.below {
            Some((path, places)) if value == Scalar::Object => {
                view.subtree(&store.paths().read(), row, *path, places).map(Value::Json)
            }
            _ => Some(Value::Scalar(value)),
        }
    }

    /// The column itself, if the value is just what stands in it.
    fn column<'v>(&self, segment: &'v SegmentView) -> Option<&'v Column> {
        match self.slot {
            Slot::Column(place) if self.tail.is_empty() && self.below.is_none() => {
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

/// Collects the columns that a query reads.
struct Reader<'a> {
    store: &'a Store,
    keys: Vec<ColumnKey>,
}

impl Reader<'_> {
    fn item(&mut self, item: &SelectItem) -> Item {
        let shown = match &item.value {
            SelectValue::Path(path) => Shown::Source(self.source(path)),
            SelectValue::Aggregate(_, path) => {
                Shown::Measure(path.as_ref().map(|path| self.source(path)))
            }
        };
        Item { name: item.name.clone(), shown }
    }

    /// The fields of a twin, for `SELECT *`.
    fn root_items(&mut self) -> Vec<Item> {
        let fields: Vec<(PathId, String)> = {
            let paths = self.store.paths().read();
            let fields = paths.children(PathId::ROOT).iter();
            fields.map(|path| (*path, paths.key(*path).to_owned())).collect()
        };
        let present = self.store.keys();
        let is_present = |path: PathId| {
            path == PathId::DEVICE_ID
                || path == PathId::ETAG
                || present.iter().any(|key| key.path == path)
        };
        let fields: Vec<_> = fields.into_iter().filter(|(path, _)| is_present(*path)).collect();
        fields
            .into_iter()
            .map(|(path, name)| {
                let shown = Shown::Source(self.source_at(ColumnKey::value(path), Vec::new()));
                Item { name, shown }
            })
            .collect()
    }

    fn source(&mut self, path: &Path) -> Source {
        match resolve(&path.segments, self.store.paths()) {
            None => Source { slot: Slot::Absent, tail: Vec::new(), below: None },
            Some((key, tail)) => self.source_at(key, tail),
        }
    }

    fn source_at(&mut self, key: ColumnKey, tail: Vec<Segment>) -> Source {
        let slot = slot_of(key, |key| self.place(key));
        let inside = self.store.paths().descendants(key.path);
        if key.facet != Facet::Value || !tail.is_empty() || inside.is_empty() {
            return Source { slot, tail, below: None };
        }
        let mut places = Vec::new();
        for path in std::iter::once(key.path).chain(inside) {
            for facet in [Facet::Value, Facet::Updated, Facet::UpdatedVersion] {
                places.push(self.place(ColumnKey { path, facet }));
            }
        }
        Source { slot, tail, below: Some((key.path, places)) }
    }

    fn place(&mut self, key: ColumnKey) -> usize {
        self.keys.iter().position(|known| *known == key).unwrap_or_else(|| {
            self.keys.push(key);
            self.keys.len() - 1
        })
    }
}
