//! Which columns a query reads, and what it makes of them.

use std::collections::HashSet;
use std::sync::Arc;

use crate::plan::{Columns, Place, Slot, resolve};
use crate::query::ast::{Path, Segment, SelectItem, SelectValue};
use crate::select::slot_of;
use crate::store::{ColumnKey, Facet, Layout, Store};
use crate::twin::PathId;

/// One column of the answer.
pub(super) struct Item {
    pub(super) name: String,
    pub(super) shown: Shown,
}

pub(super) enum Shown {
    Source(Source),
    Measure(Option<Source>),
}

/// Where a value comes from.
pub(super) struct Source {
    /// Where nothing is, there is no value.
    pub(super) slot: Slot,
    pub(super) shape: Shape,
}

/// What is made of the value of a slot.
pub(super) enum Shape {
    /// The value itself.
    Value,
    /// An element of the array that it is.
    Element(Vec<Segment>),
    /// The object at the place, if it is one, from these columns; else the value itself.
    Object(PathId, Vec<usize>),
    /// The object of `$metadata` of a section to which the keys lead.
    Metadata(Layout, Vec<Arc<str>>),
}

/// Collects the columns that a query reads.
pub(super) struct Reader<'a> {
    store: &'a Store,
    columns: Columns,
    /// The columns that any segment has, once they are asked for.
    present: Option<HashSet<ColumnKey, foldhash::fast::FixedState>>,
}

impl<'a> Reader<'a> {
    /// Reads the columns `keys`, and then more.
    pub(super) fn new(store: &'a Store, keys: Vec<ColumnKey>) -> Self {
        Self { store, columns: Columns::new(keys), present: None }
    }

    pub(super) fn keys(&self) -> &[ColumnKey] {
        self.columns.keys()
    }

    /// Whether no column has come that an object which is read should have been made of.
    pub(super) fn is_complete(&self) -> bool {
        let Some(present) = &self.present else { return true };
        self.store.keys().iter().all(|key| present.contains(key))
    }

    pub(super) fn item(&mut self, item: &SelectItem) -> Item {
        let shown = match &item.value {
            SelectValue::Path(path) => Shown::Source(self.source(path)),
            SelectValue::Aggregate(_, path) => {
                Shown::Measure(path.as_ref().map(|path| self.source(path)))
            }
        };
        Item { name: item.name.clone(), shown }
    }

    /// The fields of a twin, for `SELECT *`.
    pub(super) fn root_items(&mut self) -> Vec<Item> {
        let fields: Vec<(PathId, String)> = {
            let paths = self.store.paths().read();
            let fields = paths.children(PathId::ROOT).iter();
            fields.map(|path| (*path, paths.key(*path).to_owned())).collect()
        };
        let mut items = Vec::new();
        for (path, name) in fields {
            let is_virtual = path == PathId::DEVICE_ID || path == PathId::ETAG;
            if is_virtual || self.is_present(ColumnKey::value(path)) {
                items.push(Item { name, shown: Shown::Source(self.whole(path)) });
            }
        }
        items
    }

    pub(super) fn source(&mut self, path: &Path) -> Source {
        match resolve(&path.segments, self.store.paths()) {
            None => Source { slot: Slot::Absent, shape: Shape::Value },
            Some(Place::Metadata(key)) => self.metadata(key),
            Some(Place::Value(key, tail)) if !tail.is_empty() => {
                Source { slot: self.slot(key), shape: Shape::Element(tail) }
            }
            Some(Place::Value(key, _)) if key.facet == Facet::Value => self.whole(key.path),
            Some(Place::Value(key, _)) => Source { slot: self.slot(key), shape: Shape::Value },
        }
    }

    /// The value of a place, with all that is below it.
    fn whole(&mut self, path: PathId) -> Source {
        let key = ColumnKey::value(path);
        let slot = self.slot(key);
        let below = self.store.paths().descendants(path);
        if below.is_empty() {
            return Source { slot, shape: Shape::Value };
        }
        let mut places = Vec::new();
        self.add_facets(path, &mut places);
        let own = places.len();
        for path in below {
            self.add_facets(path, &mut places);
        }
        // Other twins may have had members here that none has now.
        let shape = if places.len() > own { Shape::Object(path, places) } else { Shape::Value };
        Source { slot, shape }
    }

    /// An object of `$metadata`: the `key` is that of its `$lastUpdated`.
    fn metadata(&mut self, key: ColumnKey) -> Source {
        let paths = self.store.paths();
        let chain: Vec<PathId> = paths
            .ancestors(key.path)
            .into_iter()
            .take_while(|path| *path != PathId::PROPERTIES)
            .collect();
        let mut places = Vec::new();
        for path in chain.iter().copied().chain(paths.descendants(key.path)) {
            self.add_facets(path, &mut places);
        }
        let section = chain.last().copied().unwrap_or(key.path);
        let keys = chain.iter().rev().skip(1).map(|path| paths.key(*path)).collect();
        let layout = Layout::new(&paths.read(), section, self.keys(), places);
        Source { slot: self.slot(key), shape: Shape::Metadata(layout, keys) }
    }

    /// Adds the columns that there are of `path`.
    fn add_facets(&mut self, path: PathId, places: &mut Vec<usize>) {
        for facet in [Facet::Value, Facet::Updated, Facet::UpdatedVersion] {
            let key = ColumnKey { path, facet };
            if self.is_present(key) {
                places.push(self.columns.place(key));
            }
        }
    }

    fn slot(&mut self, key: ColumnKey) -> Slot {
        slot_of(key, |key| self.columns.place(key))
    }

    fn is_present(&mut self, key: ColumnKey) -> bool {
        let store = self.store;
        let present = || store.keys().into_iter().collect();
        self.present.get_or_insert_with(present).contains(&key)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Timestamp;
    use crate::query::ast::Select;
    use crate::query::parse_query;
    use crate::twin::new_device;

    fn create(store: &Store, id: &str, body: &Value) {
        let now = Timestamp::parse("2026-01-02T03:04:05Z").unwrap();
        store.create(&new_device(store.paths(), id, body).unwrap(), now).unwrap();
    }

    #[test]
    fn an_object_is_read_from_the_columns_that_there_are() {
        let store = Store::new();
        create(&store, "a", &json!({"tags": {"site": "oslo", "plain": 1}}));
        for number in 0..1000 {
            store.paths().intern(PathId::TAGS, &format!("k{number}")).unwrap();
        }
        let plain = store.paths().child(PathId::TAGS, "plain").unwrap();
        store.paths().intern(plain, "nothing").unwrap();

        let query = parse_query("SELECT tags, tags.plain, tags.site FROM devices").unwrap();
        let Select::Items(items) = &query.select else { panic!("it has a list") };
        let mut reader = Reader::new(&store, Vec::new());
        let items: Vec<Item> = items.iter().map(|item| reader.item(item)).collect();
        assert_eq!(reader.keys().len(), 3);
        let shape = |item: &Item| match &item.shown {
            Shown::Source(source) => matches!(source.shape, Shape::Value),
            Shown::Measure(_) => panic!("it measures nothing"),
        };
        assert_eq!(items.iter().map(shape).collect::<Vec<_>>(), [false, true, true]);

        assert!(reader.is_complete());
        create(&store, "b", &json!({"tags": {"k7": true}}));
        assert!(!reader.is_complete());
    }
}
