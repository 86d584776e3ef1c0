//! One pass over the user sections of a document: cells out, every rule checked on the way.

use std::borrow::Cow;

use super::array::{self, Keys};
use super::document::Stamp;
use super::path::{PathId, Section};
use super::places::{Found, Numbers, Places, Seen};
use super::rules::{self, Violation};
use super::scalar::Scalar;
use super::scan::{Number, Scanner};
use super::shape::{Note, Step};
use super::size::{BOOL_SIZE, NUMBER_SIZE, text_size};
use crate::error::{Error, Result};
use crate::limits;

/// What kind of document is read: they differ in what null and `$` keys mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// A whole twin: nulls are refused, `$version` and `$metadata` are read.
    Twin,
    /// A section of a service's patch: nulls remove, `$version` and `$metadata` are ignored.
    Patch,
    /// The reported properties of a device: nulls remove, all `$` keys are ignored.
    Report,
}

/// Fixed places have numbers below this.
const METADATA_BITS: usize = 32;

/// A document on its way to cells.
#[derive(Debug)]
pub(super) struct Walk<'p, 'a> {
    pub(super) scan: Scanner<'a>,
    pub(super) places: Places<'p>,
    pub(super) cells: Vec<(PathId, Scalar<'a>)>,
    pub(super) stamps: Vec<Stamp>,
    /// The steps made, if somebody wants to know them.
    pub(super) notes: Option<Vec<Note>>,
    seen: Seen,
    /// Whether each byte of the document is a character.
    ascii: bool,
    /// One bit for each fixed place met, by its number, then one for its `$metadata`.
    marks: u64,
    manner: Manner,
    section: Section,
    root: PathId,
    size: u64,
    /// The keys that a patch removes: no more than a section can hold.
    removed: u64,
    /// Whether a patch removes a key that has no number: there is nothing to remove yet.
    pub(super) removes_unknown: bool,
    pub(super) size_limit: u64,
}

impl<'p, 'a> Walk<'p, 'a> {
    pub(super) fn new(numbers: &'p Numbers<'p>, text: &'a str, manner: Manner) -> Self {
        Self {
            scan: Scanner::new(text),
            places: Places::new(numbers),
            cells: Vec::new(),
            ascii: text.is_ascii(),
            stamps: Vec::new(),
            notes: None,
            seen: Seen::default(),
            marks: 0,
            manner,
            section: Section::Fixed,
            root: PathId::ROOT,
            size: 0,
            removed: 0,
            removes_unknown: false,
            size_limit: u64::MAX,
        }
    }

    /// Reads the object of a whole section, and gives its size.
    pub(super) fn section(&mut self, root: PathId, section: Section) -> Result<u64> {
        if self.scan.peek() != b'{' {
            return Err(self.expected(root, "an object"));
        }
        self.root = root;
        self.section = section;
        self.size = 0;
        self.removed = 0;
        self.size_limit = section.size_limit();
        self.cells.push((root, Scalar::Object));
        self.object(root, 1)?;
        Ok(self.size)
    }

    /// Reads the members of an object; `level` is that of their values below the section.
    fn object(&mut self, parent: PathId, level: usize) -> Result<()> {
        self.scan.take(b'{');
        if self.scan.take(b'}') {
            return Ok(());
        }
        let mut cursor = 0;
        loop {
            match self.places.expected(&mut self.scan, parent, &mut cursor) {
                Some((found, key_size)) => self.known_member(parent, found, key_size, level)?,
                None => self.other_member(parent, level, &mut cursor)?,
            }
            if !self.scan.more(b'}')? {
                return Ok(());
            }
        }
    }

    /// Reads the value of a member whose key was taken.
    #[inline]
    fn known_member(
        &mut self,
        parent: PathId,
        found: Found,
        key_size: u64,
        level: usize,
    ) -> Result<()> {
        if self.seen.again(found, self.cells.iter().map(|(path, _)| *path)) {
            return Err(self.violated(Violation::Duplicate, found.path));
        }
        let size = self.value(found.path, level)?;
        if self.add_size(key_size, size) {
            return Ok(());
        }
        let key = self.places.key(found.path);
        Err(self.oversized(parent, &key))
    }

    /// Reads a member whose key is not the one to be expected.
    fn other_member(&mut self, parent: PathId, level: usize, cursor: &mut usize) -> Result<()> {
        let key = self.scan.key()?;
        if key.starts_with('$') && self.section != Section::Fixed {
            return self.dollar(parent, &key);
        }
        let size = match self.member(parent, &key, cursor)? {
            Some(found) => self.value(found.path, level)?,
            None => None,
        };
        let key_size = self.text_size(&key);
        if self.add_size(key_size, size) { Ok(()) } else { Err(self.oversized(parent, &key)) }
    }

    /// Counts a member; nothing is the size of a value that removes. False if it is too much.
    #[inline]
    fn add_size(&mut self, key_size: u64, value_size: Option<u64>) -> bool {
        match value_size {
            Some(value_size) => self.size += key_size + value_size,
            None => self.removed += key_size,
        }
        self.size.max(self.removed) <= self.size_limit
    }

    /// The place of a member; nothing if it is a new key that a patch removes, which needs none.
    #[inline]
    fn member(&mut self, parent: PathId, key: &str, cursor: &mut usize) -> Result<Option<Found>> {
        // A key that has a number was checked when it got it.
        let found = match self.places.find(parent, key, cursor) {
            Some(found) => found,
            None if self.manner != Manner::Twin && self.scan.peek() == b'n' => {
                self.check_key(parent, key)?;
                self.scan.word("null")?;
                self.removes_unknown = true;
                return Ok(None);
            }
            None => self.new_member(parent, key)?,
        };
        if self.seen.again(found, self.cells.iter().map(|(path, _)| *path)) {
            return Err(self.violated(Violation::Duplicate, found.path));
        }
        Ok(Some(found))
    }

    #[cold]
    pub(super) fn new_member(&mut self, parent: PathId, key: &str) -> Result<Found> {
        self.check_key(parent, key)?;
        self.places.intern(parent, key)
    }

    #[cold]
    fn check_key(&mut self, parent: PathId, key: &str) -> Result<()> {
        let checked = match self.section {
            Section::Fixed => rules::check_key_length(key),
            _ => rules::check_key(key),
        };
        checked.map_err(|violation| violation.at(&self.places.display_member(parent, key)))
    }

    /// Reads a value into the cell of `path` and the cells below it. Gives what it adds to the
    /// size of the section beyond its members, nothing for a value that removes.
    #[inline]
    fn value(&mut self, path: PathId, level: usize) -> Result<Option<u64>> {
        let next = self.scan.peek();
        let start = self.scan.position();
        let (scalar, size) = match next {
            b'"' => {
                let text = self.scan.string()?;
                rules::check_string(&text).map_err(|broken| self.violated(broken, path))?;
                let size = self.text_size(&text);
                (Scalar::Str(text), size)
            }
            b'{' if level > limits::TWIN_DEPTH => {
                return Err(self.violated(Violation::Depth, path));
            }
            b'{' => {
                self.cells.push((path, Scalar::Object));
                self.object(path, level + 1)?;
                return Ok(Some(0));
            }
            b'-' | b'0'..=b'9' => (self.number(path)?, NUMBER_SIZE),
            b't' => {
                self.scan.word("true")?;
                (Scalar::Bool(true), BOOL_SIZE)
            }
            b'f' => {
                self.scan.word("false")?;
                (Scalar::Bool(false), BOOL_SIZE)
            }
            b'n' => {
                self.scan.word("null")?;
                if self.manner == Manner::Twin && self.section != Section::Fixed {
                    return Err(self.violated(Violation::Null, path));
                }
                self.cells.push((path, Scalar::Null));
                return Ok(None);
            }
            b'[' => {
                let keys = if self.section == Section::Fixed { Keys::Any } else { Keys::User };
                let text = array::array(&mut self.scan, level, keys);
                let text = text.map_err(|fault| fault.at(&self.places.display(path)))?;
                let size = self.text_size(&text);
                (Scalar::Array(text), size)
            }
            _ => return Err(self.scan.error("expected a value").into()),
        };
        self.cells.push((path, scalar));
        self.note(Step::Value(path, level, self.section), start, 1, size);
        Ok(Some(size))
    }

    /// Reads a value of `section` that is no object.
    pub(super) fn value_in(
        &mut self,
        section: Section,
        path: PathId,
        level: usize,
    ) -> Result<Option<u64>> {
        self.section = section;
        self.value(path, level)
    }

    /// Notes a step that began at `start` and gave so many cells.
    #[inline]
    pub(super) fn note(&mut self, step: Step, start: usize, cells: usize, size: u64) {
        if let Some(notes) = &mut self.notes {
            let cells_after = self.cells.len();
            let cells_before = cells_after - cells;
            let end = self.scan.position();
            notes.push(Note { step, start, end, cells_before, cells_after, size });
        }
    }

    /// Like the function of this name; a text without escapes holds no control character of C0.
    #[inline]
    #[expect(clippy::ptr_arg, reason = "only a borrowed text is one without escapes")]
    fn text_size(&self, text: &Cow<'_, str>) -> u64 {
        match text {
            Cow::Borrowed(text) if self.ascii => text.len() as u64,
            _ => text_size(text),
        }
    }

    #[inline]
    fn number(&mut self, path: PathId) -> Result<Scalar<'a>> {
        match self.scan.number()? {
            Number::Int(value) => {
                rules::check_integer(value).map_err(|broken| self.violated(broken, path))?;
                Ok(Scalar::Int(value))
            }
            Number::Float(value) => Ok(Scalar::Float(value)),
            Number::LongInt(text) => Err(self.violated(Violation::Integer(text.to_owned()), path)),
            Number::Infinite(text) => Err(self.violated(Violation::Number(text.to_owned()), path)),
        }
    }

    /// Reads a member whose key starts with `$`.
    fn dollar(&mut self, parent: PathId, key: &str) -> Result<()> {
        let versioned = matches!(parent, PathId::DESIRED | PathId::REPORTED);
        let own = matches!(key, "$version" | "$metadata");
        match self.manner {
            Manner::Twin if key == "$version" && versioned => self.section_version(parent),
            Manner::Twin if key == "$metadata" && versioned => self.metadata(parent),
            Manner::Report => Ok(self.scan.skip()?),
            Manner::Patch if own && parent == self.root => Ok(self.scan.skip()?),
            _ => {
                let place = self.places.display_member(parent, key);
                Err(Violation::KeyCharacter('$').at(&place))
            }
        }
    }

    pub(super) fn section_version(&mut self, parent: PathId) -> Result<()> {
        let path = if parent == PathId::DESIRED {
            PathId::DESIRED_VERSION
        } else {
            PathId::REPORTED_VERSION
        };
        self.once(path)?;
        self.scan.peek();
        let start = self.scan.position();
        let version = self.integer_from(path, 1)?;
        self.cells.push((path, Scalar::Int(version)));
        self.note(Step::Version(parent), start, 1, 0);
        Ok(())
    }

    /// Makes sure that a fixed field is met only once.
    pub(super) fn once(&mut self, path: PathId) -> Result<()> {
        if self.mark(path.index()) {
            Ok(())
        } else {
            Err(self.violated(Violation::Duplicate, path))
        }
    }

    /// Makes sure that the `$metadata` of a section is met only once.
    pub(super) fn metadata_once(&mut self, root: PathId) -> Result<()> {
        if self.mark(METADATA_BITS + root.index()) {
            return Ok(());
        }
        let root = self.places.display(root);
        Err(Error::invalid(format!("`$metadata` of `{root}` is given twice")))
    }

    fn mark(&mut self, bit: usize) -> bool {
        let fresh = self.marks & (1 << bit) == 0;
        self.marks |= 1 << bit;
        fresh
    }

    /// Reads an integer of a fixed field, at least `least`. The greatest is that of all integers
    /// of a twin, so that what counts up from it has room for ever.
    pub(super) fn integer_from(&mut self, path: PathId, least: i64) -> Result<i64> {
        let number = match self.scan.peek() {
            b'-' | b'0'..=b'9' => Some(self.scan.number()?),
            _ => None,
        };
        match number {
            Some(Number::Int(value)) if (least..=limits::INTEGER_MAX).contains(&value) => Ok(value),
            _ => {
                let range = format!("an integer from {least} to {}", limits::INTEGER_MAX);
                Err(self.expected(path, &range))
            }
        }
    }

    /// The error for a value of the wrong kind at `path`.
    #[cold]
    pub(super) fn expected(&mut self, path: PathId, what: &str) -> Error {
        Error::invalid(format!("`{}` must be {what}", self.places.display(path)))
    }

    #[cold]
    pub(super) fn violated(&mut self, violation: Violation, path: PathId) -> Error {
        violation.at(&self.places.display(path))
    }

    #[cold]
    fn oversized(&mut self, parent: PathId, key: &str) -> Error {
        let root = self.places.display(self.root);
        rules::oversized(&root, self.size_limit, &self.places.display_member(parent, key))
    }
}
