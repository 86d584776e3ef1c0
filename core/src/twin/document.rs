//! Whole twins: JSON in, flat cells out.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::path::{PathId, PathTable};
use super::places::{Numbers, numbered};
use super::scalar::Scalar;
use super::shape::Shapes;
use super::size::SectionSizes;
use super::walk::{Manner, Walk};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::limits;

/// When a place was last written, from `$metadata`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The place: a value, an object, or a whole section.
    pub path: PathId,
    /// `$lastUpdated`.
    pub updated: Timestamp,
    /// `$lastUpdatedVersion`, which only `desired` has.
    pub version: Option<i64>,
}

/// One twin as cells, each a place and its value.
///
/// Cells are in the order of the document, an object before its members: its cell is the marker
/// [`Scalar::Object`]. The device id is not a cell. Every rule of IoT Hub for keys, values, depth
/// and sizes was checked, so whoever stores the cells need not check again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FlatTwin<'a> {
    /// The device id, checked.
    pub id: Cow<'a, str>,
    /// The cells; no place has two.
    pub cells: Vec<(PathId, Scalar<'a>)>,
    /// The stamps of desired and reported, parents before their members.
    pub stamps: Vec<Stamp>,
    /// How much of each section's limit is used.
    pub sizes: SectionSizes,
}

/// Reads one line of NDJSON, a whole twin as IoT Hub writes it. Texts are borrowed from the line.
///
/// Only `deviceId` is required. Fields that are absent stay absent: see
/// [`FlatTwin::fill_defaults`]. New keys get a number in `paths`; a line that is refused gives
/// none.
///
/// Cost: one pass over the bytes; the cells and the list of them are the only allocation for a
/// twin without escapes whose arrays are compact. A line with new keys takes up to three passes.
///
/// # Errors
///
/// The line is not UTF-8, not JSON or longer than [`limits::LINE_BYTES`]; a field is unknown or of
/// the wrong type; a rule for keys, values, depth or sizes is broken. The message names the place,
/// e.g. `tags.location.room`, and the limit.
///
/// # Examples
///
/// ```
/// use twincast::twin::{PathId, PathTable, Scalar, flatten_line};
///
/// let paths = PathTable::new();
/// let twin = flatten_line(&paths, br#"{"deviceId":"dev-1","tags":{"floor":43}}"#)?;
/// assert_eq!(twin.id, "dev-1");
/// let floor = paths.child(PathId::TAGS, "floor").expect("the twin has it");
/// assert_eq!(twin.cells, [(PathId::TAGS, Scalar::Object), (floor, Scalar::Int(43))]);
///
/// let error = flatten_line(&paths, br#"{"deviceId":"dev-1","tags":{"my key":1}}"#).unwrap_err();
/// assert_eq!(error.message(), "the key `tags.[[my key]]` holds ' ', which no key of a twin may");
/// # Ok::<(), twincast::Error>(())
/// ```
pub fn flatten_line<'a>(paths: &PathTable, line: &'a [u8]) -> Result<FlatTwin<'a>> {
    let text = text_of(line)?;
    let mut twin = FlatTwin::default();
    numbered(paths, |numbers| Walk::new(numbers, text, Manner::Twin).twin(&mut twin))?;
    Ok(twin)
}

/// Reads many lines, each as [`flatten_line`] does, but faster: it keeps what lines have in common.
#[derive(Debug)]
pub struct LineReader<'p> {
    paths: &'p PathTable,
    shapes: Shapes,
}

impl<'p> LineReader<'p> {
    /// A reader that has read nothing yet. New keys get a number in `paths`.
    #[must_use]
    pub fn new(paths: &'p PathTable) -> Self {
        Self { paths, shapes: Shapes::default() }
    }

    /// Where new keys get their numbers.
    #[must_use]
    pub fn paths(&self) -> &'p PathTable {
        self.paths
    }

    /// Makes `twin` that of `line`, in the memory of the twin that it was before.
    ///
    /// # Errors
    ///
    /// Those of [`flatten_line`]; `twin` is of no use then.
    ///
    /// # Examples
    ///
    /// ```
    /// use twincast::twin::{FlatTwin, LineReader, PathTable};
    ///
    /// let paths = PathTable::new();
    /// let mut reader = LineReader::new(&paths);
    /// let mut twin = FlatTwin::default();
    /// for line in [r#"{"deviceId":"d1","tags":{"n":1}}"#, r#"{"deviceId":"d2","tags":{"n":2}}"#] {
    ///     reader.read(line.as_bytes(), &mut twin)?;
    /// }
    /// assert_eq!(twin.id, "d2");
    /// # Ok::<(), twincast::Error>(())
    /// ```
    pub fn read<'a>(&mut self, line: &'a [u8], twin: &mut FlatTwin<'a>) -> Result<()> {
        let text = text_of(line)?;
        if self.shapes.are_of_use() {
            let known = Numbers::known(self.paths);
            if Walk::new(&known, text, Manner::Twin).twin_by(&mut self.shapes, twin) {
                return Ok(());
            }
        }
        let mut notes = self.shapes.wants_more().then(Vec::new);
        numbered(self.paths, |numbers| {
            let mut walk = Walk::new(numbers, text, Manner::Twin);
            walk.notes = notes.as_ref().map(|_| Vec::new());
            walk.twin(twin)?;
            notes = walk.notes;
            Ok(())
        })?;
        if let Some(notes) = notes {
            self.shapes.learn(line, &notes, twin);
        }
        Ok(())
    }
}

fn text_of(line: &[u8]) -> Result<&str> {
    if line.len() > limits::LINE_BYTES {
        return Err(Error::invalid(format!(
            "the line has {} bytes, more than the {} allowed",
            line.len(),
            limits::LINE_BYTES
        ))
        .with_hint("write one twin on each line"));
    }
    str::from_utf8(line)
        .map_err(|error| Error::invalid(format!("not valid UTF-8 at byte {}", error.valid_up_to())))
}

/// Reads a whole twin that is parsed already; like [`flatten_line`] in all else.
///
/// # Errors
///
/// Those of [`flatten_line`] for fields and rules.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use twincast::twin::{PathTable, flatten_value};
///
/// let twin = flatten_value(&PathTable::new(), &json!({"deviceId": "dev-1", "version": 7}))?;
/// assert_eq!(twin.cells.len(), 1);
/// # Ok::<(), twincast::Error>(())
/// ```
pub fn flatten_value(paths: &PathTable, twin: &Value) -> Result<FlatTwin<'static>> {
    let line = to_text(twin)?;
    flatten_line(paths, line.as_bytes()).map(FlatTwin::into_owned)
}

/// A new device's twin: `body` as the user gives it, everything else as IoT Hub starts with.
///
/// `body` has any of `tags`, `properties` and the fixed fields; null stands for none of them. A
/// `deviceId` in it must be `id`.
///
/// # Errors
///
/// Those of [`flatten_value`]; the body names another device.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use twincast::twin::{PathId, PathTable, Scalar, new_device};
///
/// let twin = new_device(&PathTable::new(), "dev-1", &json!({"tags": {"site": "oslo"}}))?;
/// assert!(twin.cells.contains(&(PathId::STATUS, Scalar::Str("enabled".into()))));
/// assert!(twin.cells.contains(&(PathId::IOT_EDGE, Scalar::Bool(false))));
/// # Ok::<(), twincast::Error>(())
/// ```
pub fn new_device(paths: &PathTable, id: &str, body: &Value) -> Result<FlatTwin<'static>> {
    check_nesting(body)?;
    let fields = match body {
        Value::Null => Map::new(),
        Value::Object(fields) => fields.clone(),
        _ => return Err(Error::invalid("the body of a new device must be an object")),
    };
    if fields.get("deviceId").is_some_and(|given| given.as_str() != Some(id)) {
        return Err(Error::invalid(format!("the body's `deviceId` is not `{id}`"))
            .with_hint("leave it out"));
    }
    let mut twin = Map::new();
    twin.insert("deviceId".to_owned(), Value::from(id));
    twin.extend(fields);
    let mut twin = flatten_value(paths, &Value::Object(twin))?;
    twin.fill_defaults();
    if !twin.cells.iter().any(|(path, _)| *path == PathId::CAPABILITIES) {
        twin.cells.push((PathId::CAPABILITIES, Scalar::Object));
        twin.cells.push((PathId::IOT_EDGE, Scalar::Bool(false)));
    }
    Ok(twin)
}

impl FlatTwin<'_> {
    /// The same twin, owning its texts.
    #[must_use]
    pub fn into_owned(self) -> FlatTwin<'static> {
        let owned = |(path, scalar): (PathId, Scalar<'_>)| (path, scalar.into_owned());
        FlatTwin {
            id: Cow::Owned(self.id.into_owned()),
            cells: self.cells.into_iter().map(owned).collect(),
            stamps: self.stamps,
            sizes: self.sizes,
        }
    }

    /// Adds the fields that every twin has and this one does not, as a new twin of IoT Hub has
    /// them: enabled, disconnected, never seen, version 2, both sections with `$version` 1.
    ///
    /// `tags`, `capabilities` and `etag` stay absent. Doing it twice changes nothing more.
    pub fn fill_defaults(&mut self) {
        let mut has = Fixed::default();
        for (path, _) in &self.cells {
            has.add(*path);
        }
        if !DEFAULTS.iter().all(|(path, _)| has.has(*path)) {
            self.add_missing(has);
        }
    }

    #[cold]
    fn add_missing(&mut self, mut has: Fixed) {
        for (path, value) in DEFAULTS {
            if has.has(*path) {
                continue;
            }
            let parent = match *path {
                PathId::PRIMARY_THUMBPRINT | PathId::SECONDARY_THUMBPRINT => {
                    PathId::X509_THUMBPRINT
                }
                PathId::DESIRED | PathId::REPORTED => PathId::PROPERTIES,
                PathId::DESIRED_VERSION => PathId::DESIRED,
                PathId::REPORTED_VERSION => PathId::REPORTED,
                _ => PathId::ROOT,
            };
            let value = value.borrowed();
            match self.cells.iter().position(|(path, _)| *path == parent) {
                None => self.cells.push((*path, value)),
                Some(at) if self.cells[at].1 == Scalar::Object => {
                    self.cells.insert(at + 1, (*path, value));
                }
                // The thumbprints as a whole are null.
                Some(_) => {}
            }
            has.add(*path);
        }
    }
}

/// The fields of a new twin, parents before their members.
static DEFAULTS: &[(PathId, Scalar<'static>)] = &[
    (PathId::STATUS, Scalar::Str(Cow::Borrowed("enabled"))),
    (PathId::STATUS_UPDATE_TIME, Scalar::Str(Cow::Borrowed(NEVER))),
    (PathId::CONNECTION_STATE, Scalar::Str(Cow::Borrowed("Disconnected"))),
    (PathId::LAST_ACTIVITY_TIME, Scalar::Str(Cow::Borrowed(NEVER))),
    (PathId::CLOUD_TO_DEVICE_MESSAGE_COUNT, Scalar::Int(0)),
    (PathId::AUTHENTICATION_TYPE, Scalar::Str(Cow::Borrowed("sas"))),
    (PathId::X509_THUMBPRINT, Scalar::Object),
    (PathId::SECONDARY_THUMBPRINT, Scalar::Null),
    (PathId::PRIMARY_THUMBPRINT, Scalar::Null),
    (PathId::VERSION, Scalar::Int(2)),
    (PathId::PROPERTIES, Scalar::Object),
    (PathId::REPORTED, Scalar::Object),
    (PathId::REPORTED_VERSION, Scalar::Int(1)),
    (PathId::DESIRED, Scalar::Object),
    (PathId::DESIRED_VERSION, Scalar::Int(1)),
];

/// How IoT Hub writes a time that never was.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// A set of fixed places.
#[derive(Default)]
struct Fixed(u64);

impl Fixed {
    fn add(&mut self, path: PathId) {
        self.0 |=
            u32::try_from(path.index()).ok().and_then(|bit| 1_u64.checked_shl(bit)).unwrap_or(0);
    }

    fn has(&self, path: PathId) -> bool {
        self.0 & (1 << path.index()) != 0
    }
}

/// The text of a JSON value, so that values and lines are read by the same code.
pub(super) fn to_text(value: &Value) -> Result<String> {
    check_nesting(value)?;
    serde_json::to_string(value).map_err(|error| Error::invalid(format!("not JSON: {error}")))
}

/// Refuses values so deep that walking them by recursion would need an unusual stack.
pub(super) fn check_nesting(value: &Value) -> Result<()> {
    const LEVELS: usize = 64;
    let mut open = vec![(value, 0)];
    while let Some((value, level)) = open.pop() {
        if level > LEVELS {
            return Err(Error::invalid(format!("nested deeper than {LEVELS} levels"))
                .with_hint(format!("a twin may have {} levels of objects", limits::TWIN_DEPTH)));
        }
        match value {
            Value::Array(items) => open.extend(items.iter().map(|item| (item, level + 1))),
            Value::Object(members) => open.extend(members.values().map(|item| (item, level + 1))),
            _ => {}
        }
    }
    Ok(())
}
