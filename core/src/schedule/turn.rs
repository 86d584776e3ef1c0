//! Queues of jobs that take turns.

use std::collections::BTreeMap;

use crate::job::JobId;

/// What a job queues for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// Its next chunk of twins.
    Patch,
    /// Its first calls, or the next ones when none are in flight.
    Idle,
    /// More calls besides those in flight.
    Busy,
}

/// A place in a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) lane: Lane,
    number: u64,
}

/// A queue for each lane, first come, first served. A job stands in one of them at most, and
/// leaves in O(log jobs) from anywhere.
#[derive(Debug, Default)]
pub(super) struct Turns {
    next: u64,
    patch: BTreeMap<u64, JobId>,
    idle: BTreeMap<u64, JobId>,
    busy: BTreeMap<u64, JobId>,
}

impl Turns {
    pub(super) fn join(&mut self, lane: Lane, job: JobId) -> Turn {
        let number = self.next;
        self.next += 1;
        self.lane(lane).insert(number, job);
        Turn { lane, number }
    }

    pub(super) fn leave(&mut self, turn: Turn) {
        self.lane(turn.lane).remove(&turn.number);
    }

    /// The job at the head of `lane`, which keeps its place.
    pub(super) fn first(&mut self, lane: Lane) -> Option<JobId> {
        self.lane(lane).first_key_value().map(|(_, job)| job.clone())
    }

    fn lane(&mut self, lane: Lane) -> &mut BTreeMap<u64, JobId> {
        match lane {
            Lane::Patch => &mut self.patch,
            Lane::Idle => &mut self.idle,
            Lane::Busy => &mut self.busy,
        }
    }
}
