//! A job among others.

use super::turn::Turn;
use super::work::Work;
use crate::Monotonic;
use crate::job::JobRecord;

/// A job and what the scheduler alone knows of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) record: JobRecord,
    pub(super) work: Work,
    /// When the job's time is up, while it runs.
    pub(super) deadline: Option<Monotonic>,
    pub(super) turn: Option<Turn>,
    /// Whether it counts as active: it runs, or is about to.
    pub(super) active: bool,
    /// Set once the job is to end as soon as nothing is in flight.
    pub(super) stopping: Option<Stop>,
}

/// Why a job ends before all its devices have had a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    Cancelled,
    TimeIsUp,
}

impl Entry {
    pub(super) fn new(record: JobRecord, active: bool) -> Self {
        Self { record, work: Work::None, deadline: None, turn: None, active, stopping: None }
    }
}
