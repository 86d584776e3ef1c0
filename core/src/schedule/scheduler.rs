//! The state machine over all jobs.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::ops::Range;

use super::SchedulerLimits;
use super::calendar::{Calendar, Due, take_due};
use super::message::{Input, Output};
use super::turn::{Lane, Turn, Turns};
use super::work::{Calling, Patching, Work};
use crate::error::{Error, ErrorKind, Result};
use crate::job::{Failure, JobId, JobKind, JobRecord, JobRequest, JobStatus, Reply};
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
    limits: SchedulerLimits,
    jobs: BTreeMap<JobId, Entry>,
    by_age: BTreeSet<(Reverse<Timestamp>, JobId)>,
    /// Queued jobs, in the order of their creation.
    fresh: Vec<JobId>,
    calendar: Calendar,
    turns: Turns,
    /// Jobs that are queued or running.
    active: usize,
    calls_in_flight: u32,
    patches_in_flight: u32,
}

/// A job and what the scheduler alone knows of it.
#[derive(Debug)]
struct Entry {
    record: JobRecord,
    work: Work,
    /// When the job's time is up, while it runs.
    deadline: Option<Monotonic>,
    turn: Option<Turn>,
    /// Set once the job is to end as soon as nothing is in flight.
    stopping: Option<Stop>,
}

/// Why a job ends before all its devices have had a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Cancelled,
    TimeIsUp,
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
    ///   [`active_jobs_max`](SchedulerLimits::active_jobs_max); what
    ///   [`JobRequest::check`] refuses.
    /// - `Cancel`: [`ErrorKind::JobNotFound`]; [`ErrorKind::NotAllowed`] if the job is completed or
    ///   failed. Cancelling a cancelled job is fine and changes nothing.
    /// - `Purge`: [`ErrorKind::JobNotFound`]; [`ErrorKind::NotAllowed`] if the job is not finished.
    pub fn step(&mut self, input: Input, now: Now, outputs: &mut Vec<Output>) -> Result<()> {
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
        let wall = due.and_then(|due| due.wall);
        Some(Due { wall, monotonic: Some(Monotonic::default()) })
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
            Input::Replies { job, replies } => self.replies(&job, &replies, now, outputs),
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
        if self.active >= self.limits.active_jobs_max {
            let message = format!("{} jobs are queued or running, no more may be", self.active);
            return Err(Error::new(ErrorKind::Busy, message).with_hint("wait until one finished"));
        }
        let record = JobRecord::new(id.clone(), request, now);
        self.by_age.insert((Reverse(record.created_time()), id.clone()));
        self.active += 1;
        self.fresh.push(id.clone());
        let entry = Entry { record, work: Work::None, deadline: None, turn: None, stopping: None };
        self.jobs.insert(id, entry);
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

/// What the hub answers.
impl Scheduler {
    fn targets(
        &mut self,
        id: &JobId,
        count: u32,
        chunk_ends: Vec<u32>,
        now: Now,
        outputs: &mut Vec<Output>,
    ) {
        let Some(entry) = self.selecting(id) else { return };
        entry.record.set_targets(count);
        entry.work = match entry.record.request().kind {
            JobKind::UpdateTwin { .. } => Work::Patching(Patching::new(count, chunk_ends)),
            JobKind::InvokeMethod(_) => Work::Calling(Calling::new(count)),
        };
        self.settle(id, now, outputs);
    }

    fn targets_failed(
        &mut self,
        id: &JobId,
        failure: Failure,
        now: Now,
        outputs: &mut Vec<Output>,
    ) {
        if let Some(entry) = self.selecting(id) {
            entry.record.set_failure(failure);
            self.finish(id, JobStatus::Failed, now, outputs);
        }
    }

    /// The job, if it waits for its devices.
    fn selecting(&mut self, id: &JobId) -> Option<&mut Entry> {
        self.jobs.get_mut(id).filter(|entry| {
            entry.record.status() == JobStatus::Running && matches!(entry.work, Work::None)
        })
    }

    fn patched(
        &mut self,
        id: &JobId,
        range: &Range<u32>,
        failures: Vec<(u32, Failure)>,
        now: Now,
        outputs: &mut Vec<Output>,
    ) {
        let Some(entry) = self.jobs.get_mut(id) else { return };
        let Work::Patching(patching) = &mut entry.work else { return };
        if patching.in_flight.as_ref() != Some(range) {
            return;
        }
        patching.in_flight = None;
        entry.record.patched(range.clone(), failures, now);
        self.patches_in_flight -= 1;
        self.settle(id, now, outputs);
    }

    fn replies(&mut self, id: &JobId, replies: &[Reply], now: Now, outputs: &mut Vec<Output>) {
        let Some(entry) = self.jobs.get_mut(id) else { return };
        let Work::Calling(calling) = &mut entry.work else { return };
        let ended = entry.record.record(replies, now);
        calling.in_flight -= ended;
        self.calls_in_flight -= ended;
        self.settle(id, now, outputs);
    }

    fn not_sent(
        &mut self,
        id: &JobId,
        ranges: Vec<Range<u32>>,
        now: Now,
        outputs: &mut Vec<Output>,
    ) {
        let Some(entry) = self.jobs.get_mut(id) else { return };
        let Work::Calling(calling) = &mut entry.work else { return };
        for range in ranges {
            for part in entry.record.give_back(range, now) {
                self.calls_in_flight -= part.end - part.start;
                calling.give_back(part);
            }
        }
        self.settle(id, now, outputs);
    }
}

/// What time brings.
impl Scheduler {
    fn pass_time(&mut self, now: Now, outputs: &mut Vec<Output>) {
        // Retention first: a job stays readable for a step after it finished, whatever the limit.
        while let Some(id) = take_due(&mut self.calendar.retentions, now.wall) {
            self.forget(&id, outputs);
        }
        while let Some(id) = take_due(&mut self.calendar.deadlines, now.monotonic) {
            self.time_is_up(&id, now, outputs);
        }
        while let Some(id) = take_due(&mut self.calendar.starts, now.wall) {
            self.active += 1;
            self.start(&id, now, outputs);
        }
    }

    /// Starts or schedules the first `known` jobs that are queued.
    fn start_fresh(&mut self, known: usize, now: Now, outputs: &mut Vec<Output>) {
        for id in self.fresh.drain(..known).collect::<Vec<_>>() {
            let Some(entry) = self.jobs.get_mut(&id) else { continue };
            let record = &mut entry.record;
            if record.status() != JobStatus::Queued {
                continue;
            }
            let start = record.start_time();
            // A job that was due when it was created starts even if the clock went back since.
            if start <= record.created_time().max(now.wall) {
                self.start(&id, now, outputs);
            } else {
                record.wait_for_start();
                self.active -= 1;
                self.calendar.starts.insert((start, id));
            }
        }
    }

    fn start(&mut self, id: &JobId, now: Now, outputs: &mut Vec<Output>) {
        let Some(entry) = self.jobs.get_mut(id) else { return };
        entry.record.start(now);
        let deadline = now.monotonic.after(entry.record.request().execution_limit());
        entry.deadline = Some(deadline);
        self.calendar.deadlines.insert((deadline, id.clone()));
        outputs.push(Output::Select(id.clone()));
    }

    fn time_is_up(&mut self, id: &JobId, now: Now, outputs: &mut Vec<Output>) {
        let Some(entry) = self.jobs.get_mut(id) else { return };
        entry.deadline = None;
        entry.stopping.get_or_insert(Stop::TimeIsUp);
        match &mut entry.work {
            Work::None => {
                entry.record.fail_unselected();
                self.finish(id, JobStatus::Failed, now, outputs);
                return;
            }
            // The chunk in flight takes milliseconds and its twins will be patched: its outcome is
            // waited for, since `failed` would be untrue.
            Work::Patching(_) => {}
            Work::Calling(calling) => {
                let abandoned = mem::take(&mut calling.in_flight);
                if abandoned > 0 {
                    self.calls_in_flight -= abandoned;
                    entry.record.fail_running(now);
                    outputs.push(Output::Revoke(id.clone()));
                }
            }
        }
        self.settle(id, now, outputs);
    }

    fn forget(&mut self, id: &JobId, outputs: &mut Vec<Output>) {
        let Some(entry) = self.jobs.remove(id) else { return };
        self.by_age.remove(&(Reverse(entry.record.created_time()), id.clone()));
        if let Some(ended) = entry.record.end_time() {
            let until = ended.saturating_add(self.limits.retention);
            self.calendar.retentions.remove(&(until, id.clone()));
        }
        outputs.push(Output::Purged(id.clone()));
    }
}

/// Whose turn it is.
impl Scheduler {
    /// Puts a job into the lane that fits its state now, or finishes it if nothing is left.
    fn settle(&mut self, id: &JobId, now: Now, outputs: &mut Vec<Output>) {
        let Some(entry) = self.jobs.get_mut(id) else { return };
        if entry.record.status().is_final() {
            return;
        }
        let in_flight = entry.work.is_in_flight();
        let lane = match (&entry.work, entry.stopping) {
            (_, Some(_)) | (Work::None, None) => None,
            (Work::Patching(patching), None) => {
                (patching.has_next() && !in_flight).then_some(Lane::Patch)
            }
            (Work::Calling(calling), None) => {
                let room = calling.in_flight < self.limits.job_in_flight_max;
                let lane = if in_flight { Lane::Busy } else { Lane::Idle };
                (calling.has_next() && room).then_some(lane)
            }
        };
        if entry.turn.map(|turn| turn.lane) != lane {
            if let Some(turn) = entry.turn.take() {
                self.turns.leave(turn);
            }
            entry.turn = lane.map(|lane| self.turns.join(lane, id.clone()));
        }
        if in_flight || lane.is_some() {
            return;
        }
        match entry.stopping {
            Some(Stop::Cancelled) => self.finish(id, JobStatus::Cancelled, now, outputs),
            Some(Stop::TimeIsUp) => {
                entry.record.fail_pending(now);
                self.finish(id, JobStatus::Completed, now, outputs);
            }
            None => self.finish(id, JobStatus::Completed, now, outputs),
        }
    }

    fn finish(&mut self, id: &JobId, status: JobStatus, now: Now, outputs: &mut Vec<Output>) {
        let Some(entry) = self.jobs.get_mut(id) else { return };
        if entry.record.status() == JobStatus::Scheduled {
            self.calendar.starts.remove(&(entry.record.start_time(), id.clone()));
        } else {
            self.active -= 1;
        }
        if let Some(deadline) = entry.deadline.take() {
            self.calendar.deadlines.remove(&(deadline, id.clone()));
        }
        entry.work = Work::None;
        entry.record.finish(status, now);
        let until = now.wall.saturating_add(self.limits.retention);
        self.calendar.retentions.insert((until, id.clone()));
        outputs.push(Output::Finished(id.clone()));
    }

    /// Hands out patches and calls, in turn, as far as the limits allow.
    fn hand_out(&mut self, now: Now, outputs: &mut Vec<Output>) {
        while self.patches_in_flight < self.limits.patches_max
            && let Some(id) = self.turns.first(Lane::Patch)
        {
            self.hand_out_patch(&id, now, outputs);
        }
        loop {
            let free = self.limits.in_flight_max - self.calls_in_flight;
            let idle = self.turns.first(Lane::Idle);
            let allowance = self.limits.allowance(free, idle.is_some());
            let Some(id) = idle.or_else(|| self.turns.first(Lane::Busy)) else { return };
            if allowance == 0 {
                return;
            }
            self.hand_out_calls(&id, allowance, now, outputs);
        }
    }

    fn hand_out_patch(&mut self, id: &JobId, now: Now, outputs: &mut Vec<Output>) {
        let Some(entry) = self.leave_lane(id) else { return };
        let Work::Patching(patching) = &mut entry.work else { return };
        let Some(range) = patching.take() else { return };
        entry.record.begin(range.clone(), now);
        self.patches_in_flight += 1;
        outputs.push(Output::Patch { job: id.clone(), range });
    }

    fn hand_out_calls(&mut self, id: &JobId, limit: u32, now: Now, outputs: &mut Vec<Output>) {
        let job_max = self.limits.job_in_flight_max;
        let Some(entry) = self.leave_lane(id) else { return };
        let Work::Calling(calling) = &mut entry.work else { return };
        let Some(range) = calling.take(limit.min(job_max - calling.in_flight)) else { return };
        entry.record.begin(range.clone(), now);
        self.calls_in_flight += range.end - range.start;
        outputs.push(Output::Send { job: id.clone(), range });
        self.settle(id, now, outputs);
    }

    /// Takes a job out of its lane, so that it queues behind the others for its next turn.
    fn leave_lane(&mut self, id: &JobId) -> Option<&mut Entry> {
        let entry = self.jobs.get_mut(id)?;
        if let Some(turn) = entry.turn.take() {
            self.turns.leave(turn);
        }
        Some(entry)
    }
}
