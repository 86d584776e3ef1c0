//! The one place through which every change of a hub's state goes.
//!
//! A change is an [`Operation`]: a value that says what is to change. [`State::commit`] takes it,
//! reads the clock once, and applies it. Whatever must happen to every change, such as being
//! logged before it is visible, has its place there.

use std::ops::Range;

use serde_json::Value;

use super::desk::Chore;
use super::state::State;
use crate::clock::Now;
use crate::error::{Error, ErrorKind, Result};
use crate::job::Failure;
use crate::select::Targets;
use crate::store::{BuiltSegment, Rejection};
use crate::twin::{FlatTwin, Section, TwinPatch};

/// One logical change of a hub.
pub(super) trait Operation {
    /// What it gives back.
    type Effect;

    /// Makes the change, all of it or none.
    fn apply(self, state: &State, now: Now) -> Result<Self::Effect>;
}

impl State {
    /// Makes one change.
    pub(super) fn commit<O: Operation>(&self, operation: O) -> Result<O::Effect> {
        self.check_open()?;
        operation.apply(self, self.clock.now())
    }
}

/// A new device; gives its twin.
pub(super) struct CreateDevice<'a>(pub(super) &'a FlatTwin<'a>);

impl Operation for CreateDevice<'_> {
    type Effect = Value;

    fn apply(self, state: &State, now: Now) -> Result<Value> {
        let result = state.store.create(self.0, now.wall);
        result.map_err(|rejection| error_of(&self.0.id, &rejection))
    }
}

/// Few new devices, all at one moment; gives the places of those that exist already.
pub(super) struct CreateFew<'a> {
    pub(super) twins: &'a [FlatTwin<'a>],
    /// Whether one that exists keeps the others out.
    pub(super) all_or_none: bool,
}

impl Operation for CreateFew<'_> {
    type Effect = Vec<usize>;

    fn apply(self, state: &State, now: Now) -> Result<Vec<usize>> {
        let result = state.store.create_few(self.twins, self.all_or_none, now.wall);
        result.map_err(|rejection| error_of("", &rejection))
    }
}

/// The end of a device.
pub(super) struct DeleteDevice<'a> {
    pub(super) id: &'a str,
    pub(super) etag: Option<&'a str>,
}

impl Operation for DeleteDevice<'_> {
    type Effect = ();

    fn apply(self, state: &State, _now: Now) -> Result<()> {
        state.store.delete(self.id, self.etag).map_err(|rejection| error_of(self.id, &rejection))
    }
}

/// A change of one twin; gives the twin as it is then.
pub(super) struct PatchTwin<'a> {
    pub(super) id: &'a str,
    pub(super) patch: &'a TwinPatch,
    pub(super) etag: Option<&'a str>,
}

impl Operation for PatchTwin<'_> {
    type Effect = Value;

    fn apply(self, state: &State, now: Now) -> Result<Value> {
        let result = state.store.patch(self.id, self.patch, self.etag, now.wall);
        result.map_err(|rejection| error_of(self.id, &rejection))
    }
}

/// What a device reports; gives the new version of its reported properties.
pub(super) struct ReportProperties<'a> {
    pub(super) id: &'a str,
    pub(super) patch: &'a TwinPatch,
}

impl Operation for ReportProperties<'_> {
    type Effect = i64;

    fn apply(self, state: &State, now: Now) -> Result<i64> {
        let result = state.store.report(self.id, self.patch, now.wall);
        result.map_err(|rejection| error_of(self.id, &rejection))
    }
}

/// Imported twins, all of them at once. Their ids must have been claimed.
pub(super) struct PublishTwins<'a>(pub(super) &'a mut Vec<BuiltSegment>);

impl Operation for PublishTwins<'_> {
    type Effect = ();

    fn apply(self, state: &State, _now: Now) -> Result<()> {
        state.store.publish_segments(std::mem::take(self.0));
        Ok(())
    }
}

/// A piece of a twin job: one patch for many twins, and with it their outcomes.
pub(super) struct PatchTargets<'a> {
    pub(super) chore: &'a Chore,
    pub(super) targets: &'a Targets,
    pub(super) range: Range<u32>,
    pub(super) patch: &'a TwinPatch,
}

impl Operation for PatchTargets<'_> {
    type Effect = ();

    fn apply(self, state: &State, now: Now) -> Result<()> {
        let rows = self.targets.bitmaps(self.range.clone());
        let refused = state.store.patch_all(&rows, self.patch, now.wall);
        let failures = refused.into_iter().filter_map(|(row, rejection)| {
            let position = self.targets.position(row)?;
            let error = error_of(self.targets.id(position), &rejection);
            Some((position, Failure::new(error.kind().hub_code(), error.message())))
        });
        state.patched(self.chore, self.range, failures.collect())
    }
}

/// What the caller is told about a change that the store refused.
pub(super) fn error_of(id: &str, rejection: &Rejection) -> Error {
    match rejection {
        Rejection::NotFound => {
            Error::new(ErrorKind::DeviceNotFound, format!("there is no device `{id}`"))
        }
        Rejection::Exists => {
            Error::new(ErrorKind::DeviceExists, format!("there is a device `{id}` already"))
        }
        Rejection::Full => Error::new(ErrorKind::Busy, "the hub has no row left for a new device")
            .with_hint(
                "import the fleet into a new hub: rows of deleted devices are not used again",
            ),
        Rejection::Precondition { current } => Error::new(
            ErrorKind::PreconditionFailed,
            format!("the etag of device `{id}` is `{current}`, not the one given"),
        )
        .with_hint("read the twin again and retry with its etag"),
        Rejection::TooLarge { section, size, limit } => {
            let section = match section {
                Section::Tags => "tags",
                Section::Desired => "properties.desired",
                Section::Reported => "properties.reported",
                Section::Fixed => "the fixed fields",
            };
            Error::invalid(format!(
                "`{section}` of device `{id}` would have {size} bytes, more than {limit}"
            ))
            .with_hint("remove properties by setting them to null")
        }
    }
}
