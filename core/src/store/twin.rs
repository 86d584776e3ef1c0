//! Rebuilding the JSON document of a twin from its cells.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::layout::{Layout, Node};
use super::row::{ColumnKey, Row};
use super::segment::SegmentData;
use super::view::View;
use crate::twin::{PathId, PathTable, Scalar};

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
    pub(super) fn twin(&self, paths: &PathTable, id: &str, offset: usize) -> Value {
        self.prefetch(offset);
        let (keys, layout) = self.layout(paths);
        let cells = keys.iter().map(|key| self.columns.get(key)?.get(offset)).collect();
        let version = self.integer(ColumnKey::value(PathId::VERSION), offset).unwrap_or(1);
        Tree { layout, cells, id, version }.take(0).unwrap_or_default()
    }
}

impl View {
    /// What the twin at `row` has at the place of `layout` and below. The layout is of
    /// [`View::keys`].
    #[must_use]
    pub fn subtree(&self, layout: &Layout, row: Row) -> Option<Value> {
        let columns = &self.segments[row.segment()].columns;
        let mut cells = vec![None; columns.len()];
        for node in layout.nodes() {
            for place in [node.value, node.updated, node.updated_version].into_iter().flatten() {
                cells[place] =
                    columns[place].as_deref().and_then(|column| column.get(row.offset()));
            }
        }
        Tree { layout, cells, id: self.id(row), version: 1 }.take(0)
    }
}

/// The cells of one row, on their way into a document.
struct Tree<'a> {
    layout: &'a Layout,
    /// By the place of the column.
    cells: Vec<Option<Scalar<'a>>>,
    id: &'a str,
    /// Of the twin, which gives its etag unless it has one of its own.
    version: i64,
}

impl<'a> Tree<'a> {
    /// The value of a node, whose cell is used up but for the marker of an object.
    fn take(&mut self, number: usize) -> Option<Value> {
        let layout: &'a Layout = self.layout;
        let node = &layout.nodes()[number];
        match node.path {
            PathId::ROOT => return Some(Value::Object(self.members(node, number))),
            PathId::DEVICE_ID => return Some(self.id.into()),
            _ => {}
        }
        match node.value.and_then(|place| self.cells[place].as_mut()) {
            Some(Scalar::Object) => Some(Value::Object(self.members(node, number))),
            Some(value) => Some(std::mem::replace(value, Scalar::Null).into_json()),
            None if node.path == PathId::ETAG => Some(etag_of(self.version).into()),
            None => None,
        }
    }

    /// The members of an object. Depth is bounded by the limits of twins.
    fn members(&mut self, node: &Node, number: usize) -> Map<String, Value> {
        // Its metadata and version may come to it.
        let mut members = Map::with_capacity(node.children.len() + 2);
        for child in &node.children {
            if let Some(value) = self.take(*child) {
                members.insert(self.layout.nodes()[*child].name.clone(), value);
            }
        }
        let Some(version) = node.section else { return members };
        if let Some(metadata) = self.metadata(number) {
            members.insert("$metadata".to_owned(), metadata);
        }
        if let Some(value) = version.and_then(|version| self.take(version)) {
            members.insert("$version".to_owned(), value);
        }
        members
    }

    fn metadata(&mut self, number: usize) -> Option<Value> {
        let layout: &'a Layout = self.layout;
        let node = &layout.nodes()[number];
        let mut members = Map::with_capacity(node.children.len() + 2);
        let stamps =
            [("$lastUpdated", node.updated), ("$lastUpdatedVersion", node.updated_version)];
        for (name, place) in stamps {
            if let Some(stamp) = place.and_then(|place| self.cells[place].take()) {
                members.insert(name.to_owned(), stamp.into_json());
            }
        }
        if members.is_empty() {
            return None;
        }
        for child in &node.children {
            let child_node = &self.layout.nodes()[*child];
            if child_node.value.is_some_and(|place| self.cells[place].is_some())
                && let Some(metadata) = self.metadata(*child)
            {
                members.insert(child_node.name.clone(), metadata);
            }
        }
        Some(Value::Object(members))
    }
}
