//! Which member of a twin stands where, and which columns it is made of.

use std::collections::{BTreeMap, HashMap};

use super::row::{ColumnKey, Facet};
use crate::twin::{PathId, PathReader};

/// An object of a twin and what is below it, as far as there are columns.
#[derive(Debug)]
pub struct Layout {
    nodes: Vec<Node>,
}

/// A place of a [`Layout`]. Columns are named by their places among the keys that it was made of,
/// other nodes by their numbers.
#[derive(Debug)]
pub struct Node {
    /// The place in the twin.
    pub path: PathId,
    /// Its name in the object that it is in.
    pub name: String,
    /// The column of its value.
    pub value: Option<usize>,
    /// The column of when that was written.
    pub updated: Option<usize>,
    /// The column of the version that wrote it.
    pub updated_version: Option<usize>,
    /// Of desired and reported properties, which end with their metadata and version: the node
    /// of the version, if there is any.
    pub section: Option<Option<usize>>,
    /// What is below, in the order in which the hub has first seen it.
    pub children: Vec<usize>,
}

impl Layout {
    /// The object at `root`, of the columns at `places` of `keys`.
    #[must_use]
    pub fn new(
        paths: &PathReader<'_>,
        root: PathId,
        keys: &[ColumnKey],
        places: impl IntoIterator<Item = usize>,
    ) -> Self {
        // In the order of the paths, so that a place comes after what it is in.
        let mut columns: BTreeMap<PathId, [Option<usize>; 3]> = BTreeMap::from([(root, [None; 3])]);
        if root == PathId::ROOT {
            // These two may have no column: one stands with the row, the other follows a version.
            columns.extend([PathId::DEVICE_ID, PathId::ETAG].map(|path| (path, [None; 3])));
        }
        for place in places {
            let key = keys[place];
            let facet = match key.facet {
                Facet::Value => 0,
                Facet::Updated => 1,
                Facet::UpdatedVersion => 2,
            };
            columns.entry(key.path).or_default()[facet] = Some(place);
        }
        let mut nodes: Vec<Node> = Vec::with_capacity(columns.len());
        let mut numbers: HashMap<PathId, usize> = HashMap::new();
        for (path, [value, updated, updated_version]) in columns {
            let number = nodes.len();
            nodes.push(Node {
                path,
                name: paths.key(path).to_owned(),
                value,
                updated,
                updated_version,
                section: matches!(path, PathId::DESIRED | PathId::REPORTED).then_some(None),
                children: Vec::new(),
            });
            numbers.insert(path, number);
            let Some(parent) = numbers.get(&paths.parent(path)).filter(|_| path != root) else {
                continue;
            };
            if path == PathId::DESIRED_VERSION || path == PathId::REPORTED_VERSION {
                nodes[*parent].section = Some(Some(number));
            } else {
                nodes[*parent].children.push(number);
            }
        }
        Self { nodes }
    }

    /// The places, the object itself first.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }
}
