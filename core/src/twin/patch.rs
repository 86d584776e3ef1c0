//! Patches: what a service, a job or a device asks to change, as steps on cells.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::document::{check_nesting, to_text};
use super::path::{PathId, PathTable, Section};
use super::places::{Numbers, numbered};
use super::rules;
use super::scalar::Scalar;
use super::size::SectionSizes;
use super::walk::{Manner, Walk};
use crate::error::{Error, Result};

/// Who asks for a change, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchKind {
    /// A service's `PATCH`, or the `updateTwin` of a job: keys are merged, null removes.
    Merge,
    /// A service's `PUT`: the sections that it names are replaced whole, others are left alone.
    Replace,
    /// A device's report: the bare object of its reported properties, merged.
    Report,
}

/// One step of a patch.
#[derive(Debug, Clone, PartialEq)]
pub enum PatchStep {
    /// The place becomes an object, empty if it was none; members that it has stay.
    Merge(PathId),
    /// The place becomes this value; whatever was below it is gone.
    Set(PathId, Scalar<'static>),
    /// The place and all below it are gone.
    Remove(PathId),
    /// All keys of a user in this section are gone; the section itself is there, empty.
    Clear(PathId),
}

/// A checked change of a twin, the same for however many twins it is applied to.
#[derive(Debug, Clone)]
pub struct TwinPatch {
    kind: PatchKind,
    body: Value,
    steps: Vec<PatchStep>,
    touched: [bool; 4],
    added: SectionSizes,
    /// Whether a key that it removes had no number when it was parsed.
    removes_unknown: bool,
}

impl TwinPatch {
    /// Checks `body` by the rules of IoT Hub and turns it into steps.
    ///
    /// For [`PatchKind::Merge`] and [`PatchKind::Replace`] the body is
    /// `{"tags": {..}, "properties": {"desired": {..}}}` with either part left out or null. Fields
    /// that only the hub or the device writes are ignored, since clients send back what they
    /// read; but reported properties that were not read, so that they have no `$version`, are
    /// refused. For [`PatchKind::Report`] it is the object of reported properties itself; keys
    /// that start with `$` are ignored.
    ///
    /// New keys get a number in `paths`; a body that is refused gives none, and neither does the
    /// removal of a key that no twin has had: it is no step, see [`TwinPatch::current`].
    ///
    /// # Errors
    ///
    /// The body is not an object, names neither section, or has a member that no twin has; a rule
    /// for keys, values, depth or sizes is broken. The message names the place and the limit.
    ///
    /// # Examples
    ///
    /// ```
    /// use serde_json::json;
    /// use twincast::twin::{PatchKind, PatchStep, PathId, PathTable, Section, TwinPatch};
    ///
    /// let paths = PathTable::new();
    /// let site = paths.intern(PathId::TAGS, "site")?;
    /// let body = json!({"tags": {"site": null}});
    /// let patch = TwinPatch::parse(&paths, PatchKind::Merge, &body)?;
    /// assert_eq!(patch.steps(), [PatchStep::Merge(PathId::TAGS), PatchStep::Remove(site)]);
    /// assert!(patch.touches(Section::Tags) && !patch.touches(Section::Desired));
    ///
    /// let wrong = json!({"desired": {"interval": 60}});
    /// let error = TwinPatch::parse(&paths, PatchKind::Merge, &wrong).unwrap_err();
    /// assert_eq!(error.hint(), Some("write properties.desired"));
    /// # Ok::<(), twincast::Error>(())
    /// ```
    pub fn parse(paths: &PathTable, kind: PatchKind, body: &Value) -> Result<Self> {
        let Value::Object(members) = body else {
            return Err(Error::invalid("a patch must be an object"));
        };
        check_nesting(body)?;
        numbered(paths, |numbers| {
            let mut patch = Self {
                kind,
                body: body.clone(),
                steps: Vec::new(),
                touched: [false; 4],
                added: SectionSizes::default(),
                removes_unknown: false,
            };
            if kind == PatchKind::Report {
                patch.section(numbers, PathId::REPORTED, Section::Reported, body)?;
            } else {
                patch.members(numbers, members)?;
            }
            Ok(patch)
        })
    }

    /// The patch for the twins of now.
    ///
    /// A key that no twin had when the patch was parsed has nothing to remove. Where a patch is
    /// kept, as that of a job is, twins may get the key before the patch is applied: the patch
    /// that is given here removes it.
    ///
    /// Cost: none for a patch whose keys were all known; others are parsed again.
    ///
    /// # Examples
    ///
    /// ```
    /// use serde_json::json;
    /// use twincast::twin::{PatchKind, PatchStep, PathId, PathTable, TwinPatch};
    ///
    /// let paths = PathTable::new();
    /// let body = json!({"tags": {"site": null}});
    /// let patch = TwinPatch::parse(&paths, PatchKind::Merge, &body)?;
    /// assert_eq!(patch.steps(), [PatchStep::Merge(PathId::TAGS)]);
    /// let site = paths.intern(PathId::TAGS, "site")?;
    /// assert_eq!(patch.current(&paths).steps()[1], PatchStep::Remove(site));
    /// # Ok::<(), twincast::Error>(())
    /// ```
    #[must_use]
    pub fn current(&self, paths: &PathTable) -> Cow<'_, Self> {
        if !self.removes_unknown {
            return Cow::Borrowed(self);
        }
        // What was accepted once is accepted again: all keys but removed ones have their numbers.
        Self::parse(paths, self.kind, &self.body).map_or(Cow::Borrowed(self), Cow::Owned)
    }

    /// The steps, an object before its members.
    #[must_use]
    pub fn steps(&self) -> &[PatchStep] {
        &self.steps
    }

    /// Whether the patch names `section`, be it with nothing in it.
    #[must_use]
    pub fn touches(&self, section: Section) -> bool {
        self.touched[section as usize]
    }

    /// The most that the patch can add to the size of `section`, as
    /// [`cell_size`](super::cell_size) counts: all of its keys and values.
    #[must_use]
    pub fn added_size(&self, section: Section) -> u64 {
        self.added.of(section)
    }

    /// The body as it was given.
    #[must_use]
    pub fn body(&self) -> &Value {
        &self.body
    }

    fn members(&mut self, numbers: &Numbers<'_>, members: &Map<String, Value>) -> Result<()> {
        for (key, value) in members {
            match key.as_str() {
                "tags" => self.section(numbers, PathId::TAGS, Section::Tags, value)?,
                "properties" => self.properties(numbers, value)?,
                _ if READ_ONLY.contains(&key.as_str()) => {}
                _ => return Err(unknown_member(key)),
            }
        }
        if self.touched == [false; 4] {
            return Err(Error::invalid("the patch has neither `tags` nor `properties.desired`")
                .with_hint("to remove keys, give each of them as null"));
        }
        Ok(())
    }

    fn properties(&mut self, numbers: &Numbers<'_>, value: &Value) -> Result<()> {
        let members = match value {
            Value::Object(members) => members,
            Value::Null => return Ok(()),
            _ => return Err(Error::invalid("`properties` must be an object")),
        };
        for (key, value) in members {
            match key.as_str() {
                "desired" => self.section(numbers, PathId::DESIRED, Section::Desired, value)?,
                "reported" if is_read_back(value) => {}
                "reported" => {
                    let message = "`properties.reported` is written by the device, not by a patch";
                    return Err(Error::invalid(message).with_hint(REPORT));
                }
                _ => {
                    let key = rules::shown(key);
                    return Err(Error::invalid(format!(
                        "`properties.{key}` is not a part of a patch"
                    ))
                    .with_hint(format!("write properties.desired.{key}")));
                }
            }
        }
        Ok(())
    }

    fn section(
        &mut self,
        numbers: &Numbers<'_>,
        root: PathId,
        section: Section,
        value: &Value,
    ) -> Result<()> {
        if value.is_null() {
            return Ok(());
        }
        self.touched[section as usize] = true;
        let text = to_text(value)?;
        let kind = self.kind;
        let manner = if kind == PatchKind::Report { Manner::Report } else { Manner::Patch };
        let mut walk = Walk::new(numbers, &text, manner);
        self.added.set(section, walk.section(root, section)?);
        // A section that starts empty has nothing to remove.
        self.removes_unknown |= walk.removes_unknown && kind != PatchKind::Replace;
        let steps = walk.cells.into_iter().map(|(path, scalar)| match scalar {
            Scalar::Object if path == root && kind == PatchKind::Replace => PatchStep::Clear(path),
            Scalar::Object => PatchStep::Merge(path),
            Scalar::Null => PatchStep::Remove(path),
            scalar => PatchStep::Set(path, scalar.into_owned()),
        });
        let needed =
            |step: &PatchStep| kind != PatchKind::Replace || !matches!(step, PatchStep::Remove(_));
        self.steps.extend(steps.filter(needed));
        Ok(())
    }
}

/// How reported properties are written.
const REPORT: &str = "write what a device reports with report_properties; a twin that was read \
                      may be sent back whole, its reported properties are ignored";

/// Whether clients that mean no change send this as `properties.reported`: nothing, or what they
/// read from a hub, which has its version.
fn is_read_back(reported: &Value) -> bool {
    match reported {
        Value::Null => true,
        Value::Object(members) => members.is_empty() || members.contains_key("$version"),
        _ => false,
    }
}

/// Root members that clients send back with a patch, and that a patch cannot change.
const READ_ONLY: &[&str] = &[
    "deviceId",
    "moduleId",
    "etag",
    "deviceEtag",
    "status",
    "statusReason",
    "statusUpdateTime",
    "connectionState",
    "lastActivityTime",
    "cloudToDeviceMessageCount",
    "authenticationType",
    "x509Thumbprint",
    "modelId",
    "version",
    "capabilities",
    "deviceScope",
    "parentScopes",
    "configurations",
];

#[cold]
fn unknown_member(key: &str) -> Error {
    let hint = match key {
        "desired" => "write properties.desired",
        "reported" => REPORT,
        _ => "a patch has tags and properties.desired",
    };
    Error::invalid(format!("`{}` is not a part of a patch", rules::shown(key))).with_hint(hint)
}
