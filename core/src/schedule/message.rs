//! What the scheduler is told, and what it asks for.

use std::ops::Range;

use crate::job::{Failure, JobId, JobRequest, Reply};

/// What happened.
///
/// Answers to outputs (`Targets` and below) for a job that is finished or unknown, or for devices
/// that are not running, change nothing, so the caller need not keep track. One thing it must do:
/// once a job is [`Purged`](Output::Purged), drop late answers for it, since its id may be in use
/// again.
#[derive(Debug, Clone)]
pub enum Input {
    /// A caller wants a job under this id; the id inside the request does not count. The job stays
    /// queued until the next step, which is due at once.
    Create(JobId, JobRequest),
    /// A caller wants a job to stop.
    Cancel(JobId),
    /// A caller wants a finished job forgotten before its retention is over.
    Purge(JobId),
    /// Nothing but time; send it when [`Scheduler::next_due`](super::Scheduler::next_due) says so.
    Tick,
    /// The devices that an [`Output::Select`] found.
    Targets {
        /// The job.
        job: JobId,
        /// How many they are. Everything later speaks of positions `0..count`.
        count: u32,
        /// Where the chunks of a twin job end: ascending positions, the last being `count`. Ends
        /// out of order are skipped and a missing last one is added. Method jobs ignore them.
        chunk_ends: Vec<u32>,
    },
    /// The devices of an [`Output::Select`] could not be found: the job fails.
    TargetsFailed {
        /// The job.
        job: JobId,
        /// Why.
        failure: Failure,
    },
    /// An [`Output::Patch`] is done.
    Patched {
        /// The job.
        job: JobId,
        /// The range of that output.
        range: Range<u32>,
        /// The positions that were not patched, each once, and why.
        failures: Vec<(u32, Failure)>,
    },
    /// Calls of [`Output::Send`] ended.
    Replies {
        /// The job.
        job: JobId,
        /// One for each call that ended, in any order; neighbours cost less side by side.
        replies: Vec<Reply>,
    },
    /// Calls of [`Output::Send`] that were never made, and never will be unless they are sent
    /// again: after an [`Output::Revoke`], or because there was no room for them.
    NotSent {
        /// The job.
        job: JobId,
        /// Their positions.
        ranges: Vec<Range<u32>>,
    },
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// The job started: find its devices, once, and answer with [`Input::Targets`] or
    /// [`Input::TargetsFailed`].
    Select(JobId),
    /// Patch the twins of these positions, all in one chunk, and answer with [`Input::Patched`].
    Patch {
        /// The job.
        job: JobId,
        /// Positions.
        range: Range<u32>,
    },
    /// Call the method on these positions and answer each with [`Input::Replies`].
    Send {
        /// The job.
        job: JobId,
        /// Positions, at most [`batch_max`](super::SchedulerLimits::batch_max).
        range: Range<u32>,
    },
    /// Make no further call of this job; answer with [`Input::NotSent`] for those that were not
    /// made. Comes when a job is cancelled or its time is up while calls are in flight.
    Revoke(JobId),
    /// The job reached its final status; nothing more is asked for it.
    Finished(JobId),
    /// The job is forgotten: its retention is over, or a caller wanted it gone.
    Purged(JobId),
}
