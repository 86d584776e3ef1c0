//! A job's own state, and the steps that move it.

use std::ops::Range;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::DeviceJobStatus::{Completed, Pending, Running};
use super::{
    CallResult, DeviceJobStatus, DeviceRow, Failure, JobId, JobRequest, JobStatistics, JobStatus,
    JobType, Outcome, Outcomes, Reply,
};
use crate::{Now, Timestamp};

/// The code of IoT Hub for a time limit that passed inside the service.
const GENERIC_TIMEOUT: u32 = 500_008;
/// Why a device failed whose turn did not come, or did not end, before the job's time was up.
const TIME_IS_UP: &str = "the job's maximum execution time passed";

/// A job: what was asked for, how far it is, and what it did on each device.
///
/// Cloning is cheap, O(devices / 65,536), and gives a reader a state that stays as it is.
#[derive(Debug, Clone)]
pub struct JobRecord {
    id: JobId,
    request: Arc<JobRequest>,
    created: Timestamp,
    status: JobStatus,
    started: Option<Now>,
    ended: Option<Timestamp>,
    failure: Option<Failure>,
    message: Option<&'static str>,
    statistics: JobStatistics,
    outcomes: Outcomes,
}

impl JobRecord {
    /// The job's id.
    #[must_use]
    pub fn id(&self) -> &JobId {
        &self.id
    }

    /// What was asked for.
    #[must_use]
    pub fn request(&self) -> &Arc<JobRequest> {
        &self.request
    }

    /// The kind of the job.
    #[must_use]
    pub fn job_type(&self) -> JobType {
        self.request.kind.job_type()
    }

    /// How far the job is.
    #[must_use]
    pub fn status(&self) -> JobStatus {
        self.status
    }

    /// How many devices stand where; the counts add up at any moment.
    #[must_use]
    pub fn statistics(&self) -> JobStatistics {
        self.statistics
    }

    /// When the job was created.
    #[must_use]
    pub fn created_time(&self) -> Timestamp {
        self.created
    }

    /// When the job was asked to start: the time of creation if no time was given.
    #[must_use]
    pub fn start_time(&self) -> Timestamp {
        self.request.start_time.unwrap_or(self.created)
    }

    /// When the job really started, once it has.
    #[must_use]
    pub fn started_time(&self) -> Option<Timestamp> {
        self.started.map(|started| started.wall)
    }

    /// When the job reached its final status, by the wall clock of that moment.
    #[must_use]
    pub fn end_time(&self) -> Option<Timestamp> {
        self.ended
    }

    /// Why the job itself failed; devices have failures of their own.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// What happened on each device. Empty until the devices are known.
    #[must_use]
    pub fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }

    /// What the job did on the device at `position`; `None` if there is no such position, or the
    /// devices are not known yet.
    #[must_use]
    pub fn device_row(&self, position: u32) -> Option<DeviceRow<'_>> {
        let outcome = self.outcomes.get(position)?;
        Some(self.row(&outcome, self.started?))
    }

    /// All devices in order, as ranges of positions whose rows are equal but for the device's id.
    ///
    /// Cost: O(runs), at worst O(devices); see [`Outcomes::runs`].
    pub fn device_rows(&self) -> impl Iterator<Item = (Range<u32>, DeviceRow<'_>)> {
        self.started.into_iter().flat_map(move |started| {
            self.outcomes.runs().map(move |(range, outcome)| (range, self.row(&outcome, started)))
        })
    }

    fn row<'a>(&'a self, outcome: &Outcome<'a>, started: Now) -> DeviceRow<'a> {
        let status = match outcome.status {
            Pending if self.status == JobStatus::Cancelled => DeviceJobStatus::Cancelled,
            status => status,
        };
        let after = std::time::Duration::from_millis(outcome.at_millis.into());
        DeviceRow {
            job_id: &self.id,
            job_type: self.job_type(),
            status,
            start_time: started.wall,
            end_time: started.wall.saturating_add(self.request.execution_limit()),
            created_time: self.created,
            last_updated_time: started.wall.saturating_add(after),
            result: outcome.result,
        }
    }

    /// The job as `GET /jobs/v2/{id}` answers it. Members without a value are left out, never null.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut job = Map::new();
        let mut put = |member: &str, value: Value| job.insert(member.to_owned(), value);
        put("jobId", self.id.as_str().into());
        put("queryCondition", self.request.condition.clone().into());
        put("createdTime", self.created.to_string().into());
        put("startTime", self.start_time().to_string().into());
        if let Some(ended) = self.ended {
            put("endTime", ended.to_string().into());
        }
        let limit = self.request.execution_limit();
        // A fraction of a second, which only a program can ask for, counts as a whole one.
        let seconds = limit.as_secs().saturating_add(u64::from(limit.subsec_nanos() > 0));
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        put("maxExecutionTimeInSeconds", seconds.into());
        put("type", self.job_type().as_str().into());
        let (member, kind) = self.request.kind_json();
        put(member, kind);
        put("status", self.status.as_str().into());
        if let Some(failure) = &self.failure {
            put("failureReason", (*failure.description).into());
        }
        if let Some(message) = self.message {
            put("statusMessage", message.into());
        }
        put("deviceJobStatistics", self.statistics.to_json());
        job.into()
    }
}

/// The steps. Each asserts nothing about turns and limits, which are the scheduler's, but keeps
/// the counts and the outcomes in step.
impl JobRecord {
    pub(crate) fn new(id: JobId, request: JobRequest, now: Now) -> Self {
        Self {
            id,
            request: Arc::new(request),
            created: now.wall,
            status: JobStatus::Queued,
            started: None,
            ended: None,
            failure: None,
            message: None,
            statistics: JobStatistics::default(),
            outcomes: Outcomes::default(),
        }
    }

    /// `Queued -> Scheduled`.
    pub(crate) fn wait_for_start(&mut self) {
        self.status = JobStatus::Scheduled;
    }

    /// `Queued | Scheduled -> Running`.
    pub(crate) fn start(&mut self, now: Now) {
        self.status = JobStatus::Running;
        self.started = Some(now);
    }

    /// Freezes the target list: `count` devices, all pending.
    pub(crate) fn set_targets(&mut self, count: u32) {
        self.outcomes = Outcomes::pending(count);
        self.statistics =
            JobStatistics { device_count: count, pending_count: count, ..JobStatistics::default() };
    }

    /// The operations on the pending devices of `range` begin.
    pub(crate) fn begin(&mut self, range: Range<u32>, now: Now) {
        let begun = self.outcomes.set(range, Pending, Running, self.elapsed(now));
        self.statistics.pending_count -= begun;
        self.statistics.running_count += begun;
    }

    /// Operations came to an end; says how many of them were running.
    pub(crate) fn record(&mut self, replies: Vec<Reply>, now: Now) -> u32 {
        let tally = self.outcomes.record(replies, self.elapsed(now));
        self.statistics.succeeded_count += tally.succeeded;
        self.statistics.failed_count += tally.failed;
        let ended = tally.succeeded + tally.failed;
        self.statistics.running_count -= ended;
        ended
    }

    /// The twins of `range` are patched but for those in `failures`.
    pub(crate) fn patched(&mut self, range: Range<u32>, failures: Vec<(u32, Failure)>, now: Now) {
        let refused: Vec<Reply> = failures
            .into_iter()
            .filter(|(position, _)| range.contains(position))
            .map(|(position, failure)| Reply::one(position, CallResult::Failed(failure)))
            .collect();
        self.record(refused, now);
        let patched = self.outcomes.set(range, Running, Completed, self.elapsed(now));
        self.statistics.running_count -= patched;
        self.statistics.succeeded_count += patched;
    }

    /// The running devices of `range` were never reached: they are pending again. Gives the parts
    /// that were running.
    pub(crate) fn give_back(&mut self, range: Range<u32>, now: Now) -> Vec<Range<u32>> {
        let parts = self.outcomes.running_within(range);
        for part in &parts {
            let back = self.outcomes.set(part.clone(), Running, Pending, self.elapsed(now));
            self.statistics.running_count -= back;
            self.statistics.pending_count += back;
        }
        parts
    }

    /// The job's time is up: what is running fails.
    pub(crate) fn fail_running(&mut self, now: Now) {
        let failed = self.fail(Running, now);
        self.statistics.running_count -= failed;
        self.statistics.failed_count += failed;
    }

    /// The job's time is up: what is pending fails too.
    pub(crate) fn fail_pending(&mut self, now: Now) {
        let failed = self.fail(Pending, now);
        self.statistics.pending_count -= failed;
        self.statistics.failed_count += failed;
        self.message = Some(TIME_IS_UP);
    }

    fn fail(&mut self, from: DeviceJobStatus, now: Now) -> u32 {
        let result = CallResult::Failed(Failure::new(GENERIC_TIMEOUT, TIME_IS_UP));
        let at = self.elapsed(now);
        self.outcomes.fail(0..self.outcomes.count(), from, &result, at)
    }

    /// The job's time was up before its devices were known.
    pub(crate) fn fail_unselected(&mut self) {
        let reason = "the job's maximum execution time passed before its devices were selected";
        self.failure = Some(Failure::new(GENERIC_TIMEOUT, reason));
    }

    /// Keeps why the job itself cannot run.
    pub(crate) fn set_failure(&mut self, failure: Failure) {
        self.failure = Some(failure);
    }

    /// `-> Completed | Failed | Cancelled`.
    pub(crate) fn finish(&mut self, status: JobStatus, now: Now) {
        self.status = status;
        self.ended = Some(now.wall);
    }

    /// Milliseconds since the job started, by the monotonic clock.
    fn elapsed(&self, now: Now) -> u32 {
        let started = self.started.map_or(now.monotonic, |started| started.monotonic);
        let elapsed = now.monotonic.0.saturating_sub(started.0);
        u32::try_from(elapsed.as_millis()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
