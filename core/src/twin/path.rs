//! Places in a twin, numbered once for the whole hub.

use std::sync::Arc;

use hashbrown::HashTable;
use parking_lot::{RwLock, RwLockReadGuard};

use super::size::text_size;
use super::written::Written;
use crate::error::{Error, ErrorKind, Result};
use crate::limits;

/// The number of a place in a twin, the same for every twin of a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(u32);

impl PathId {
    /// The number itself, dense from zero.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The part of a twin that a place belongs to; each has rules of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Section {
    /// Identity and status fields, which the hub itself writes.
    Fixed,
    /// `tags`: written by services, invisible to the device.
    Tags,
    /// `properties.desired`: written by services, read by the device.
    Desired,
    /// `properties.reported`: written by the device.
    Reported,
}

macro_rules! fixed_paths {
    ($($name:ident = $number:literal, $parent:ident, $key:literal, $section:ident;)*) => {
        #[allow(missing_docs, reason = "each is the place that its key names")]
        impl PathId { $(pub const $name: Self = Self($number);)* }
        const FIXED: &[(PathId, &str, Section)] =
            &[$((PathId::$parent, $key, Section::$section),)*];
    };
}

// The order is the order in which a twin is written.
fixed_paths! {
    ROOT = 0, ROOT, "", Fixed;
    DEVICE_ID = 1, ROOT, "deviceId", Fixed;
    MODULE_ID = 2, ROOT, "moduleId", Fixed;
    ETAG = 3, ROOT, "etag", Fixed;
    DEVICE_ETAG = 4, ROOT, "deviceEtag", Fixed;
    STATUS = 5, ROOT, "status", Fixed;
    STATUS_REASON = 6, ROOT, "statusReason", Fixed;
    STATUS_UPDATE_TIME = 7, ROOT, "statusUpdateTime", Fixed;
    CONNECTION_STATE = 8, ROOT, "connectionState", Fixed;
    LAST_ACTIVITY_TIME = 9, ROOT, "lastActivityTime", Fixed;
    CLOUD_TO_DEVICE_MESSAGE_COUNT = 10, ROOT, "cloudToDeviceMessageCount", Fixed;
    AUTHENTICATION_TYPE = 11, ROOT, "authenticationType", Fixed;
    X509_THUMBPRINT = 12, ROOT, "x509Thumbprint", Fixed;
    PRIMARY_THUMBPRINT = 13, X509_THUMBPRINT, "primaryThumbprint", Fixed;
    SECONDARY_THUMBPRINT = 14, X509_THUMBPRINT, "secondaryThumbprint", Fixed;
    MODEL_ID = 15, ROOT, "modelId", Fixed;
    VERSION = 16, ROOT, "version", Fixed;
    TAGS = 17, ROOT, "tags", Tags;
    PROPERTIES = 18, ROOT, "properties", Fixed;
    DESIRED = 19, PROPERTIES, "desired", Desired;
    REPORTED = 20, PROPERTIES, "reported", Reported;
    CAPABILITIES = 21, ROOT, "capabilities", Fixed;
    IOT_EDGE = 22, CAPABILITIES, "iotEdge", Fixed;
    DEVICE_SCOPE = 23, ROOT, "deviceScope", Fixed;
    PARENT_SCOPES = 24, ROOT, "parentScopes", Fixed;
    CONFIGURATIONS = 25, ROOT, "configurations", Fixed;
    DESIRED_VERSION = 26, DESIRED, "$version", Desired;
    REPORTED_VERSION = 27, REPORTED, "$version", Reported;
}

impl PathId {
    /// The path with this number, as [`PathId::index`] gave it.
    #[must_use]
    pub fn from_index(index: u32) -> Self {
        Self(index)
    }
}

#[derive(Debug, Clone)]
struct Node {
    parent: PathId,
    key: Arc<str>,
    /// The key as it stands in documents; nothing for one that has a meaning of its own there.
    written: Written,
    /// What the key adds to the size of its section.
    size: u32,
    section: Section,
    children: Vec<PathId>,
}

#[derive(Debug)]
struct Tree {
    nodes: Vec<Node>,
    by_key: HashTable<PathId>,
}

/// All places that the twins of a hub have had, as a tree that only grows.
///
/// Children keep the order in which they were first seen; twins are written in that order.
#[derive(Debug)]
pub struct PathTable {
    tree: RwLock<Tree>,
    hasher: foldhash::fast::RandomState,
}

impl Default for PathTable {
    fn default() -> Self {
        Self::new()
    }
}

impl PathTable {
    /// A table with the fixed fields of a twin.
    #[must_use]
    pub fn new() -> Self {
        let hasher = foldhash::fast::RandomState::default();
        let mut tree = Tree { nodes: Vec::new(), by_key: HashTable::new() };
        tree.nodes.push(Node::new(PathId::ROOT, "", Section::Fixed));
        for (parent, key, section) in &FIXED[1..] {
            tree.push(&hasher, *parent, key, *section);
        }
        Self { tree: RwLock::new(tree), hasher }
    }

    /// Reads many places under one lock.
    #[must_use]
    pub fn read(&self) -> PathReader<'_> {
        PathReader { tree: self.tree.read(), hasher: &self.hasher }
    }

    /// The place of `key` in `parent`, if any twin has had it.
    #[must_use]
    pub fn child(&self, parent: PathId, key: &str) -> Option<PathId> {
        self.tree.read().find(&self.hasher, parent, key)
    }

    /// The place of `key` in `parent`, numbered now if it is new.
    ///
    /// # Errors
    ///
    /// The hub holds [`limits::PATHS`] paths already.
    pub fn intern(&self, parent: PathId, key: &str) -> Result<PathId> {
        if let Some(known) = self.child(parent, key) {
            return Ok(known);
        }
        let mut tree = self.tree.write();
        if let Some(known) = tree.find(&self.hasher, parent, key) {
            return Ok(known);
        }
        if tree.nodes.len() >= limits::PATHS {
            return Err(Error::new(
                ErrorKind::Busy,
                format!("the hub holds {} distinct paths already", limits::PATHS),
            )
            .with_hint("use values, not keys, for what differs from device to device"));
        }
        let section = tree.nodes[parent.index()].section;
        Ok(tree.push(&self.hasher, parent, key, section))
    }

    /// The bytes of the tree and of its keys.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let tree = self.tree.read();
        let node = |node: &Node| {
            node.key.len()
                + 2 * size_of::<usize>()
                + node.written.heap_bytes()
                + node.children.capacity() * size_of::<PathId>()
        };
        tree.nodes.capacity() * size_of::<Node>()
            + tree.nodes.iter().map(node).sum::<usize>()
            + tree.by_key.allocation_size()
    }

    /// The section that `path` belongs to.
    #[must_use]
    pub fn section(&self, path: PathId) -> Section {
        self.tree.read().nodes[path.index()].section
    }

    /// The last key of `path`.
    #[must_use]
    pub fn key(&self, path: PathId) -> Arc<str> {
        Arc::clone(&self.tree.read().nodes[path.index()].key)
    }

    /// All places below `path`, parents before their children, `path` itself left out.
    #[must_use]
    pub fn descendants(&self, path: PathId) -> Vec<PathId> {
        let tree = self.tree.read();
        let mut found = tree.nodes[path.index()].children.clone();
        let mut next = 0;
        while let Some(place) = found.get(next) {
            let children = &tree.nodes[place.index()].children;
            found.extend_from_slice(children);
            next += 1;
        }
        found
    }

    /// `path` and all places above it, from itself to the root of the twin.
    #[must_use]
    pub fn ancestors(&self, path: PathId) -> Vec<PathId> {
        let tree = self.tree.read();
        let mut chain = vec![path];
        let mut place = path;
        while place != PathId::ROOT {
            place = tree.nodes[place.index()].parent;
            chain.push(place);
        }
        chain
    }

    /// The path in the form of a condition, e.g. `tags.location.building` or `tags.[[my-key]]`.
    #[must_use]
    pub fn display(&self, path: PathId) -> String {
        let tree = self.tree.read();
        let mut keys = Vec::new();
        let mut place = path;
        while place != PathId::ROOT {
            let node = &tree.nodes[place.index()];
            keys.push(Arc::clone(&node.key));
            place = node.parent;
        }
        let parts: Vec<String> = keys.iter().rev().map(|key| quoted(key)).collect();
        parts.join(".")
    }
}

/// A key as a condition writes it.
pub(super) fn quoted(key: &str) -> String {
    let mut bytes = key.bytes();
    let plain =
        bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || b"_$".contains(&byte))
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_$".contains(&byte));
    if plain { key.to_owned() } else { format!("[[{key}]]") }
}

/// A view of the whole table under one read lock. Do not hold it across [`PathTable::intern`].
#[derive(Debug)]
pub struct PathReader<'a> {
    tree: RwLockReadGuard<'a, Tree>,
    hasher: &'a foldhash::fast::RandomState,
}

impl PathReader<'_> {
    /// The place of `key` in `parent`, if any twin has had it.
    #[must_use]
    pub fn child(&self, parent: PathId, key: &str) -> Option<PathId> {
        self.tree.find(self.hasher, parent, key)
    }

    /// The places directly below `path`, in the order in which they were first seen.
    #[must_use]
    pub fn children(&self, path: PathId) -> &[PathId] {
        &self.tree.nodes[path.index()].children
    }

    /// The last key of `path`.
    #[must_use]
    pub fn key(&self, path: PathId) -> &str {
        &self.tree.nodes[path.index()].key
    }

    /// How documents write the last key of `path`.
    #[inline]
    pub(super) fn written(&self, path: PathId) -> &Written {
        &self.tree.nodes[path.index()].written
    }

    /// What the last key of `path` adds to the size of its section.
    pub(super) fn key_size(&self, path: PathId) -> u64 {
        u64::from(self.tree.nodes[path.index()].size)
    }

    /// The place above `path`; the root is above itself.
    #[must_use]
    pub fn parent(&self, path: PathId) -> PathId {
        self.tree.nodes[path.index()].parent
    }

    /// The section that `path` belongs to.
    #[must_use]
    pub fn section(&self, path: PathId) -> Section {
        self.tree.nodes[path.index()].section
    }
}

impl Node {
    fn new(parent: PathId, key: &str, section: Section) -> Self {
        let written = if key.starts_with('$') { Written::default() } else { Written::new(key) };
        Self {
            parent,
            key: Arc::from(key),
            written,
            size: u32::try_from(text_size(key)).expect("keys are short"),
            section,
            children: Vec::new(),
        }
    }
}

impl Tree {
    fn find(
        &self,
        hasher: &foldhash::fast::RandomState,
        parent: PathId,
        key: &str,
    ) -> Option<PathId> {
        let same = |id: &PathId| {
            let node = &self.nodes[id.index()];
            node.parent == parent && *node.key == *key
        };
        self.by_key.find(hash(hasher, parent, key), same).copied()
    }

    fn push(
        &mut self,
        hasher: &foldhash::fast::RandomState,
        parent: PathId,
        key: &str,
        section: Section,
    ) -> PathId {
        let id = PathId(u32::try_from(self.nodes.len()).expect("the number of paths is limited"));
        self.nodes.push(Node::new(parent, key, section));
        self.nodes[parent.index()].children.push(id);
        let nodes = &self.nodes;
        self.by_key.insert_unique(hash(hasher, parent, key), id, |id| {
            let node = &nodes[id.index()];
            hash(hasher, node.parent, &node.key)
        });
        id
    }
}

fn hash(hasher: &foldhash::fast::RandomState, parent: PathId, key: &str) -> u64 {
    use std::hash::BuildHasher;
    hasher.hash_one((parent, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_paths_have_the_numbers_that_their_names_say() {
        let table = PathTable::new();
        assert_eq!(
            table.display(PathId::SECONDARY_THUMBPRINT),
            "x509Thumbprint.secondaryThumbprint"
        );
        assert_eq!(table.display(PathId::REPORTED_VERSION), "properties.reported.$version");
        assert_eq!(table.child(PathId::ROOT, "tags"), Some(PathId::TAGS));
    }

    #[test]
    fn a_place_keeps_its_number_and_its_section() {
        let table = PathTable::new();
        let site = table.intern(PathId::TAGS, "my-site").unwrap();
        assert_eq!(table.intern(PathId::TAGS, "my-site").unwrap(), site);
        assert_eq!(table.section(site), Section::Tags);
        assert_eq!(table.display(site), "tags.[[my-site]]");
        assert_eq!(table.descendants(PathId::TAGS), [site]);
    }
}
