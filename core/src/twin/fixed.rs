//! The root of a whole twin and the fields that the hub itself writes: each has a type of its own.

use std::borrow::Cow;

use super::array::{self, Keys};
use super::document::FlatTwin;
use super::path::{PathId, Section};
use super::rules::{self, check_device_id};
use super::scalar::Scalar;
use super::shape::Step;
use super::size::SectionSizes;
use super::walk::Walk;
use crate::clock::Timestamp;
use crate::error::{Error, Result};

/// What the root of a twin gives besides cells and stamps.
#[derive(Default)]
pub(super) struct Head<'a> {
    id: Option<Cow<'a, str>>,
    pub(super) sizes: SectionSizes,
}

impl<'a> Walk<'_, 'a> {
    /// Reads a whole twin into the memory of another.
    pub(super) fn twin(&mut self, twin: &mut FlatTwin<'a>) -> Result<()> {
        self.reuse(twin);
        if self.scan.peek() != b'{' {
            return Err(Error::invalid("a twin must be a JSON object"));
        }
        let mut head = Head::default();
        self.fixed_object(PathId::ROOT, &mut head)?;
        self.scan.end()?;
        self.finish(head, twin)
    }

    /// Takes the memory of a twin.
    pub(super) fn reuse(&mut self, twin: &mut FlatTwin<'a>) {
        self.cells = std::mem::take(&mut twin.cells);
        self.cells.clear();
        self.stamps = std::mem::take(&mut twin.stamps);
        self.stamps.clear();
    }

    /// Gives it back for the next.
    pub(super) fn give_back(&mut self, twin: &mut FlatTwin<'a>) {
        twin.cells = std::mem::take(&mut self.cells);
        twin.stamps = std::mem::take(&mut self.stamps);
    }

    /// What was read, as a twin.
    pub(super) fn finish(&mut self, head: Head<'a>, twin: &mut FlatTwin<'a>) -> Result<()> {
        let Some(id) = head.id else {
            return Err(Error::invalid("the twin has no `deviceId`")
                .with_hint("each line is one whole twin, as a query of all devices writes them"));
        };
        (twin.id, twin.sizes) = (id, head.sizes);
        self.give_back(twin);
        Ok(())
    }

    fn fixed_object(&mut self, parent: PathId, head: &mut Head<'a>) -> Result<()> {
        self.scan.take(b'{');
        if self.scan.take(b'}') {
            return Ok(());
        }
        let mut cursor = 0;
        loop {
            let path = match self.places.expected(&mut self.scan, parent, &mut cursor) {
                Some((found, _)) => found.path,
                None => self.other_field(parent, &mut cursor)?,
            };
            self.once(path)?;
            self.field(path, head)?;
            if !self.scan.more(b'}')? {
                return Ok(());
            }
        }
    }

    /// Takes a key that is not the one to be expected.
    fn other_field(&mut self, parent: PathId, cursor: &mut usize) -> Result<PathId> {
        let key = self.scan.key()?;
        match self.places.find(parent, &key, cursor) {
            Some(found) if found.path <= PathId::CONFIGURATIONS => Ok(found.path),
            _ => Err(self.unknown(parent, &key)),
        }
    }

    /// Reads the value of a fixed field.
    pub(super) fn field(&mut self, path: PathId, head: &mut Head<'a>) -> Result<()> {
        let next = self.scan.peek();
        let start = self.scan.position();
        let scalar = match path {
            PathId::DEVICE_ID => {
                let id = self.text(path)?;
                check_device_id(&id)?;
                head.id = Some(id);
                self.note(Step::Field(path), start, 0, 0);
                return Ok(());
            }
            PathId::MODULE_ID => {
                if next != b'n' {
                    return Err(self
                        .expected(path, "null")
                        .with_hint("twins of modules are not kept; leave these lines out"));
                }
                return Ok(self.scan.word("null")?);
            }
            PathId::TAGS => {
                head.sizes.tags = self.section(path, Section::Tags)?;
                return Ok(());
            }
            PathId::DESIRED => {
                head.sizes.desired = self.section(path, Section::Desired)?;
                return Ok(());
            }
            PathId::REPORTED => {
                head.sizes.reported = self.section(path, Section::Reported)?;
                return Ok(());
            }
            _ if next == b'n' && nullable(path) => {
                self.scan.word("null")?;
                Scalar::Null
            }
            PathId::CONFIGURATIONS => {
                self.section(path, Section::Fixed)?;
                return Ok(());
            }
            PathId::PROPERTIES | PathId::X509_THUMBPRINT | PathId::CAPABILITIES => {
                if next != b'{' {
                    return Err(self.expected(path, "an object"));
                }
                self.cells.push((path, Scalar::Object));
                return self.fixed_object(path, head);
            }
            PathId::STATUS => self.one_of(path, &["enabled", "disabled"])?,
            PathId::CONNECTION_STATE => self.one_of(path, &["Connected", "Disconnected"])?,
            PathId::STATUS_UPDATE_TIME | PathId::LAST_ACTIVITY_TIME => self.time(path)?,
            PathId::CLOUD_TO_DEVICE_MESSAGE_COUNT | PathId::VERSION => {
                Scalar::Int(self.integer_from(path, 0)?)
            }
            PathId::IOT_EDGE => self.boolean(path)?,
            PathId::PARENT_SCOPES => self.texts(path)?,
            _ => Scalar::Str(self.text(path)?),
        };
        let is_null = scalar == Scalar::Null;
        self.cells.push((path, scalar));
        if !is_null {
            self.note(Step::Field(path), start, 1, 0);
        }
        Ok(())
    }

    fn text(&mut self, path: PathId) -> Result<Cow<'a, str>> {
        if self.scan.peek() != b'"' {
            return Err(self.expected(path, "a string"));
        }
        let text = self.scan.string()?;
        rules::check_string(&text).map_err(|broken| self.violated(broken, path))?;
        Ok(text)
    }

    fn one_of(&mut self, path: PathId, words: &[&str]) -> Result<Scalar<'a>> {
        let text = self.text(path)?;
        if words.contains(&&*text) {
            return Ok(Scalar::Str(text));
        }
        let message = format!("`{}` is `{}`", self.places.display(path), rules::shown(&text));
        Err(Error::invalid(message).with_hint(format!("it is one of {}", words.join(", "))))
    }

    fn time(&mut self, path: PathId) -> Result<Scalar<'a>> {
        let text = self.text(path)?;
        let parsed = Timestamp::parse(&text);
        parsed.map_err(|error| error.context(format!("`{}`", self.places.display(path))))?;
        Ok(Scalar::Str(text))
    }

    fn boolean(&mut self, path: PathId) -> Result<Scalar<'a>> {
        match self.scan.peek() {
            b't' => self.scan.word("true").map(|()| Scalar::Bool(true)),
            b'f' => self.scan.word("false").map(|()| Scalar::Bool(false)),
            _ => return Err(self.expected(path, "true or false")),
        }
        .map_err(Error::from)
    }

    /// Reads an array of strings.
    fn texts(&mut self, path: PathId) -> Result<Scalar<'a>> {
        if self.scan.peek() != b'[' {
            return Err(self.expected(path, "an array of strings"));
        }
        let text = array::array(&mut self.scan, 1, Keys::User)
            .map_err(|fault| fault.at(&self.places.display(path)))?;
        if serde_json::from_str::<Vec<String>>(&text).is_err() {
            return Err(self.expected(path, "an array of strings"));
        }
        Ok(Scalar::Array(text))
    }

    #[cold]
    fn unknown(&mut self, parent: PathId, key: &str) -> Error {
        let place = self.places.display_member(parent, key);
        let hint = match (parent, key) {
            (PathId::ROOT, "desired" | "reported") => format!("write properties.{key}"),
            (PathId::PROPERTIES, _) => "properties has desired and reported only".to_owned(),
            (PathId::ROOT, _) => {
                "keys of your own belong below tags, properties.desired or properties.reported"
                    .to_owned()
            }
            _ => "leave it out".to_owned(),
        };
        Error::invalid(format!("`{place}` is not a part of a twin")).with_hint(hint)
    }
}

/// Fields that IoT Hub writes as null while they are unset.
fn nullable(path: PathId) -> bool {
    matches!(
        path,
        PathId::DEVICE_ETAG
            | PathId::STATUS_REASON
            | PathId::AUTHENTICATION_TYPE
            | PathId::X509_THUMBPRINT
            | PathId::PRIMARY_THUMBPRINT
            | PathId::SECONDARY_THUMBPRINT
            | PathId::MODEL_ID
            | PathId::CAPABILITIES
            | PathId::DEVICE_SCOPE
            | PathId::PARENT_SCOPES
            | PathId::CONFIGURATIONS
    )
}
