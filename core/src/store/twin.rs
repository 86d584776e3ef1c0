//! Rebuilding the JSON document of a twin from its cells.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::column::Column;
use super::row::{ColumnKey, Facet, Row};
use super::segment::SegmentData;
use super::view::View;
use crate::twin::{PathId, PathReader, Scalar};

/// The etag of a twin of `version`: base64 of an 8-byte counter, as IoT Hub writes it.
///
/// The counter is one below the version, since a new twin has version 2 and etag `AAAAAAAAAAE=`.
#[must_use]
pub fn etag_of(version: i64) -> String {
    STANDARD.encode(version.saturating_sub(1).to_be_bytes())
}

/// Whether an `If-Match` value accepts the `current` etag: `*` does, quotes and a weak mark are
/// as good as none.
///
/// # Examples
///
/// ```
/// assert!(twincast::matches_etag("W/\"AAAAAAAAAAE=\"", "AAAAAAAAAAE="));
/// assert!(twincast::matches_etag("\"*\"", "AAAAAAAAAAE="));
/// assert!(!twincast::matches_etag("AAAAAAAAAAI=", "AAAAAAAAAAE="));
/// ```
#[must_use]
pub fn matches_etag(wanted: &str, current: &str) -> bool {
    let wanted = wanted.trim();
    let wanted = wanted.strip_prefix("W/").unwrap_or(wanted);
    let wanted = wanted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(wanted);
    wanted == "*" || wanted == current
}

impl SegmentData {
    /// The etag of the row: one that was imported, until the first change, else the version's.
    pub(super) fn etag(&self, offset: usize) -> String {
        match self.get(ColumnKey::value(PathId::ETAG), offset) {
            Some(Scalar::Str(etag)) => etag.into_owned(),
            _ => etag_of(self.integer(ColumnKey::value(PathId::VERSION), offset).unwrap_or(1)),
        }
    }

    /// The whole twin, in the order in which its places were first seen in the hub.
    pub(super) fn twin(&self, paths: &PathReader<'_>, id: &str, offset: usize) -> Value {
        let columns = self.columns.iter().map(|(key, column)| (*key, &**column));
        whole(CellTree::new(columns, paths, offset), id)
    }
}

impl View {
    /// What the twin at `row` has at `path` and below; `places` are those of the columns, among
    /// [`View::keys`], that belong to it.
    #[must_use]
    pub fn subtree(
        &self,
        paths: &PathReader<'_>,
        row: Row,
        path: PathId,
        places: &[usize],
    ) -> Option<Value> {
        let columns = &self.segments[row.segment()].columns;
        let columns = places
            .iter()
            .filter_map(|place| Some((self.keys[*place], columns[*place].as_deref()?)));
        CellTree::new(columns, paths, row.offset()).take(path)
    }
}

/// A twin with the two fields that are no columns of their own.
fn whole(mut tree: CellTree<'_>, id: &str) -> Value {
    if !tree.values.contains_key(&PathId::ETAG) {
        let version = match tree.values.get(&PathId::VERSION) {
            Some(Scalar::Int(version)) => *version,
            _ => 1,
        };
        tree.insert(PathId::ETAG, Scalar::Str(etag_of(version).into()));
    }
    tree.insert(PathId::DEVICE_ID, Scalar::Str(id.to_owned().into()));
    Value::Object(tree.members(PathId::ROOT))
}

/// The cells of one row as a tree.
struct CellTree<'a> {
    paths: &'a PathReader<'a>,
    values: HashMap<PathId, Scalar<'a>, foldhash::fast::FixedState>,
    stamps: HashMap<PathId, (Option<Scalar<'a>>, Option<Scalar<'a>>), foldhash::fast::FixedState>,
    /// Parent and child, sorted, so that the children of a place stand together in order.
    edges: Vec<(PathId, PathId)>,
}

impl<'a> CellTree<'a> {
    fn new(
        columns: impl Iterator<Item = (ColumnKey, &'a Column)>,
        paths: &'a PathReader<'a>,
        offset: usize,
    ) -> Self {
        let mut tree = Self {
            paths,
            values: HashMap::default(),
            stamps: HashMap::default(),
            edges: Vec::new(),
        };
        for (key, column) in columns {
            let Some(value) = column.get(offset) else { continue };
            match key.facet {
                Facet::Value => tree.insert(key.path, value),
                Facet::Updated => tree.stamps.entry(key.path).or_default().0 = Some(value),
                Facet::UpdatedVersion => tree.stamps.entry(key.path).or_default().1 = Some(value),
            }
        }
        tree
    }

    fn insert(&mut self, path: PathId, value: Scalar<'a>) {
        if self.values.insert(path, value).is_none() {
            let edge = (self.paths.parent(path), path);
            let place = self.edges.binary_search(&edge).unwrap_or_else(|place| place);
            self.edges.insert(place, edge);
        }
    }

    fn children(&self, path: PathId) -> Vec<PathId> {
        let start = self.edges.partition_point(|(parent, _)| *parent < path);
        let children = self.edges[start..].iter().take_while(|(parent, _)| *parent == path);
        children.map(|(_, child)| *child).collect()
    }

    /// The members of the object at `path`. Depth is bounded by the limits of twins.
    fn members(&mut self, path: PathId) -> Map<String, Value> {
        let mut members = Map::new();
        for child in self.children(path) {
            if child != PathId::DESIRED_VERSION
                && child != PathId::REPORTED_VERSION
                && let Some(value) = self.take(child)
            {
                members.insert(self.paths.key(child).to_owned(), value);
            }
        }
        let version = match path {
            PathId::DESIRED => PathId::DESIRED_VERSION,
            PathId::REPORTED => PathId::REPORTED_VERSION,
            _ => return members,
        };
        if let Some(metadata) = self.metadata(path) {
            members.insert("$metadata".to_owned(), metadata);
        }
        if let Some(value) = self.values.remove(&version) {
            members.insert("$version".to_owned(), value.to_json());
        }
        members
    }

    fn take(&mut self, path: PathId) -> Option<Value> {
        match self.values.get(&path)? {
            Scalar::Object => Some(Value::Object(self.members(path))),
            value => Some(value.to_json()),
        }
    }

    fn metadata(&self, path: PathId) -> Option<Value> {
        let (updated, version) = self.stamps.get(&path)?;
        let mut members = Map::new();
        if let Some(updated) = updated {
            members.insert("$lastUpdated".to_owned(), updated.to_json());
        }
        if let Some(version) = version {
            members.insert("$lastUpdatedVersion".to_owned(), version.to_json());
        }
        for child in self.children(path) {
            if let Some(metadata) = self.metadata(child) {
                members.insert(self.paths.key(child).to_owned(), metadata);
            }
        }
        Some(Value::Object(members))
    }
}
