//! The state machine over all jobs.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use super::SchedulerLimits;
use super::calendar::{Calendar, Due};
use super::entry::{Entry, Stop};
use super::message::{Input, Output};
use super::turn::Turns;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{JobId, JobRecord, JobRequest, JobStatus};
use crate::{Monotonic, Now, Timestamp};

/// All jobs of a hub, and whose turn it is.
///
/// The caller feeds inputs one at a time, with the time, and executes the outputs in their order.
/// Cost: a step takes time in the size of its input and outputs, and O(log jobs), never O(jobs).
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use twincast::job::{JobId, JobKind, JobRequest, JobStatus};
/// use twincast::schedule::{Input, Output, Scheduler, SchedulerLimits};
/// use twincast::{Clock, ManualClock, Timestamp};
///
/// let now = ManualClock::at(Timestamp::parse("2026-01-01T00:00:00Z")?).now();
/// let mut scheduler = Scheduler::new(SchedulerLimits::default());
/// let mut outputs = Vec::new();
///
/// let id = JobId::new("job01")?;
/// let body = json!({"tags": {"floor": 3}});
/// let request = JobRequest::new(JobKind::UpdateTwin { body }, "*");
/// scheduler.step(Input::Create(id.clone(), request), now, &mut outputs)?;
/// scheduler.step(Input::Tick, now, &mut outputs)?;
/// assert_eq!(outputs, [Output::Select(id.clone())]);
///
/// let targets = Input::Targets { job: id.clone(), count: 2, chunk_ends: vec![2] };
/// scheduler.step(targets, now, &mut outputs)?;
/// assert_eq!(outputs[1], Output::Patch { job: id.clone(), range: 0..2 });
///
/// let patched = Input::Patched { job: id.clone(), range: 0..2, failures: vec![] };
/// scheduler.step(patched, now, &mut outputs)?;
/// assert_eq!(outputs[2], Output::Finished(id.clone()));
/// assert_eq!(scheduler.job(&id).map(|job| job.status()), Some(JobStatus::Completed));
/// # Ok::<(), twincast::Error>(())
/// ```
#[derive(Debug)]
pub struct Scheduler {
    pub(super) limits: SchedulerLimits,
    pub(super) jobs: BTreeMap<JobId, Entry>,
    pub(super) by_age: BTreeSet<(Reverse<Timestamp>, JobId)>,
    /// Queued jobs, in the order of their creation.
    pub(super) fresh: Vec<JobId>,
    pub(super) calendar: Calendar,
    pub(super) turns: Turns,
    /// Jobs that run or are about to, without those whose start time was ahead when they came.
    pub(super) active: usize,
    pub(super) calls_in_flight: u32,
    pub(super) patches_in_flight: u32,
    /// What the latest step purged.
    pub(super) purged: Vec<JobRecord>,
}

impl Scheduler {
    /// A scheduler without jobs.
    #[must_use]
    pub fn new(limits: SchedulerLimits) -> Self {
        Self {
            limits: limits.at_least_one(),
            jobs: BTreeMap::new(),
            by_age: BTreeSet::new(),
            fresh: Vec::new(),
            calendar: Calendar::default(),
            turns: Turns::default(),
            active: 0,
            calls_in_flight: 0,
            patches_in_flight: 0,
            purged: Vec::new(),
        }
    }

    /// Takes one input at `now` and adds what is to be done to `outputs`.
    ///
    /// Whatever became due by `now` happens first. The monotonic side of `now` must not go back.
    ///
    /// # Errors
    ///
    /// Only what a caller asked for is refused, and then it changed nothing; `outputs` may still
    /// have grown, since time passes in any case.
    ///
    /// - `Create`: [`ErrorKind::JobExists`]; [`ErrorKind::Busy`] at
    ///   [`active_jobs_max`](SchedulerLimits::active_jobs_max), unless the start time is ahead;
    ///   what [`JobRequest::check`] refuses.
    /// - `Cancel`: [`ErrorKind::JobNotFound`]; [`ErrorKind::NotAllowed`] if the job is completed or
    ///   failed. Cancelling a cancelled job is fine and changes nothing.
    /// - `Purge`: [`ErrorKind::JobNotFound`]; [`ErrorKind::NotAllowed`] if the job is not finished.
    pub fn step(&mut self, input: Input, now: Now, outputs: &mut Vec<Output>) -> Result<()> {
        self.purged.clear();
        self.pass_time(now, outputs);
        // Jobs created by this very step stay queued until the next one.
        let known = self.fresh.len();
        let result = self.take(input, now, outputs);
        self.start_fresh(known, now, outputs);
        self.hand_out(now, outputs);
        result
    }

    /// When the next step is due even if nothing happens; `None` if no job waits for time.
    #[must_use]
    pub fn next_due(&self) -> Option<Due> {
        let due = self.calendar.next_due();
        if self.fresh.is_empty() {
            return due;
        }
        Some(Due { monotonic: Some(Monotonic::default()), ..due.unwrap_or_default() })
    }

    /// The job of that id, until it is purged.
    #[must_use]
    pub fn job(&self, id: &JobId) -> Option<&JobRecord> {
        self.jobs.get(id).map(|entry| &entry.record)
    }

    /// All jobs: the newest first by the time of creation, then by id.
    pub fn jobs(&self) -> impl Iterator<Item = &JobRecord> {
        self.by_age.iter().filter_map(|(_, id)| self.job(id))
    }

    /// The jobs that the latest step purged: a caller may drop them, which takes time in the number
    /// of their devices, where nobody waits for it.
    pub fn take_purged(&mut self) -> Vec<JobRecord> {
        mem::take(&mut self.purged)
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> &SchedulerLimits {
        &self.limits
    }

    fn take(&mut self, input: Input, now: Now, outputs: &mut Vec<Output>) -> Result<()> {
        match input {
            Input::Create(id, request) => return self.create(id, request, now),
            Input::Cancel(id) => return self.cancel(&id, now, outputs),
            Input::Purge(id) => return self.purge(&id, outputs),
            Input::Tick => {}
            Input::Targets { job, count, chunk_ends } => {
                self.targets(&job, count, chunk_ends, now, outputs);
            }
            Input::TargetsFailed { job, failure } => {
                self.targets_failed(&job, failure, now, outputs);
            }
            Input::Patched { job, range, failures } => {
                self.patched(&job, &range, failures, now, outputs);
            }
            Input::Replies { job, replies } => self.replies(&job, replies, now, outputs),
            Input::NotSent { job, ranges } => self.not_sent(&job, ranges, now, outputs),
        }
        Ok(())
    }
}

/// What callers ask for.
impl Scheduler {
    fn create(&mut self, id: JobId, request: JobRequest, now: Now) -> Result<()> {
        if self.jobs.contains_key(&id) {
            return Err(Error::new(ErrorKind::JobExists, format!("job `{id}` exists")));
        }
        request.check()?;
        // A job for later takes nothing yet.
        let active = request.start_time.is_none_or(|start| start <= now.wall);
        if active && self.active >= self.limits.active_jobs_max {
            let message = format!("{} jobs are queued or running, no more may be", self.active);
            return Err(Error::new(ErrorKind::Busy, message).with_hint("wait until one finished"));
        }
        let record = JobRecord::new(id.clone(), request, now);
        self.by_age.insert((Reverse(record.created_time()), id.clone()));
        self.active += usize::from(active);
        self.fresh.push(id.clone());
        self.jobs.insert(id, Entry::new(record, active));
        Ok(())
    }

    fn cancel(&mut self, id: &JobId, now: Now, outputs: &mut Vec<Output>) -> Result<()> {
        let strict = self.limits.strict_cancel;
        let entry = self.jobs.get_mut(id).ok_or_else(|| not_found(id))?;
        match entry.record.status() {
            JobStatus::Cancelled => return Ok(()),
            JobStatus::Completed | JobStatus::Failed => return Err(not_cancellable(entry)),
            JobStatus::Running if strict => return Err(not_cancellable(entry)),
            JobStatus::Queued | JobStatus::Scheduled | JobStatus::Running => {}
        }
        if entry.stopping != Some(Stop::Cancelled) {
            entry.stopping = Some(Stop::Cancelled);
            if entry.work.calls_in_flight() > 0 {
                outputs.push(Output::Revoke(id.clone()));
            }
            self.settle(id, now, outputs);
        }
        Ok(())
    }

    fn purge(&mut self, id: &JobId, outputs: &mut Vec<Output>) -> Result<()> {
        let entry = self.jobs.get(id).ok_or_else(|| not_found(id))?;
        if !entry.record.status().is_final() {
            let message = format!("job `{id}` is {}, not finished", entry.record.status());
            return Err(Error::new(ErrorKind::NotAllowed, message).with_hint("cancel it first"));
        }
        self.forget(id, outputs);
        Ok(())
    }
}

fn not_found(id: &JobId) -> Error {
    Error::new(ErrorKind::JobNotFound, format!("there is no job `{id}`"))
}

/// The text is that of IoT Hub, which clients show as it is.
fn not_cancellable(entry: &Entry) -> Error {
    let status = format!("{:?}", entry.record.status());
    Error::new(ErrorKind::NotAllowed, format!("Job cannot be cancelled in '{status}' status."))
}
