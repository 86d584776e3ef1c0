//! Queues of jobs that take turns.

use std::collections::BTreeMap;

use crate::job::JobId;

/// First chunks in a row after which another chunk has a turn.
const FIRSTS_MAX: u32 = 8;

/// What a job queues for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// Its first chunk of twins.
    First,
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
    /// First chunks in a row.
    firsts: u32,
    first: BTreeMap<u64, JobId>,
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

    /// The twin job that is next, which keeps its place: one that had no chunk yet, so that a small
    /// job ends at once beside big ones; but after some of those one of the others, so that no
    /// stream of small jobs holds a big one back for ever.
    pub(super) fn first_patch(&mut self) -> Option<JobId> {
        let lanes = if self.firsts < FIRSTS_MAX {
            [Lane::First, Lane::Patch]
        } else {
            [Lane::Patch, Lane::First]
        };
        lanes.into_iter().find_map(|lane| self.first(lane))
    }

    /// Notes that the next chunk of a job was handed out, or its first.
    pub(super) fn patched(&mut self, lane: Lane) {
        self.firsts = if lane == Lane::First { self.firsts.saturating_add(1) } else { 0 };
    }

    fn lane(&mut self, lane: Lane) -> &mut BTreeMap<u64, JobId> {
        match lane {
            Lane::First => &mut self.first,
            Lane::Patch => &mut self.patch,
            Lane::Idle => &mut self.idle,
            Lane::Busy => &mut self.busy,
        }
    }
}
