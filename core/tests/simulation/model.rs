//! What must be true: jobs as plain lists of devices, every rule written out, nothing fast.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use twincast::job::{
    DeviceJobStatus, JobId, JobRecord, JobRequest, JobStatistics, JobStatus, JobType,
};
use twincast::schedule::{Due, Input, Output, SchedulerLimits};
use twincast::{ErrorKind, Monotonic, Now, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Device {
    Pending,
    Running,
    Succeeded,
    Failed,
}

#[derive(Debug)]
pub(crate) struct Job {
    kind: JobType,
    created: Timestamp,
    start: Timestamp,
    limit: Duration,
    pub(crate) status: JobStatus,
    deadline: Option<Monotonic>,
    ended: Option<Timestamp>,
    /// None until selected.
    devices: Option<Vec<Device>>,
    chunk_ends: Vec<u32>,
    patch: Option<Range<u32>>,
    cancelled: bool,
    time_is_up: bool,
    /// Created or ended by the step that is being checked.
    just_now: bool,
    /// Jobs that had a turn since this one waits for one.
    overtaken_by: Option<BTreeSet<JobId>>,
}

impl Job {
    fn count(&self, device: Device) -> u32 {
        let same = self.devices.iter().flatten().filter(|other| **other == device).count();
        u32::try_from(same).expect("few devices")
    }

    fn in_flight(&self) -> u32 {
        self.count(Device::Running)
    }

    /// Whether none of its devices had a turn.
    fn is_fresh(&self) -> bool {
        self.devices.as_ref().is_some_and(|all| all.len() == self.count(Device::Pending) as usize)
    }

    /// Whether the job could use a turn.
    fn is_waiting(&self, limits: &SchedulerLimits) -> bool {
        let room = match self.kind {
            JobType::UpdateTwin => self.patch.is_none(),
            JobType::InvokeMethod => self.in_flight() < limits.job_in_flight_max.max(1),
        };
        let stopping = self.cancelled || self.time_is_up;
        room && !stopping && self.status == JobStatus::Running && self.count(Device::Pending) > 0
    }

    fn statistics(&self) -> JobStatistics {
        let device_count = self.devices.as_ref().map_or(0, Vec::len);
        JobStatistics {
            device_count: u32::try_from(device_count).expect("few devices"),
            failed_count: self.count(Device::Failed),
            succeeded_count: self.count(Device::Succeeded),
            running_count: self.count(Device::Running),
            pending_count: self.count(Device::Pending),
        }
    }

    fn turn_all(&mut self, from: Device, to: Device) {
        self.devices.iter_mut().flatten().filter(|device| **device == from).for_each(|d| *d = to);
    }
}

/// The part of an output that the model foretells: everything but whose turn it is.
type Foretold = BTreeSet<(&'static str, JobId)>;

pub(crate) struct Model {
    limits: SchedulerLimits,
    pub(crate) jobs: BTreeMap<JobId, Job>,
    foretold: Foretold,
    /// First chunks of twin jobs handed out in a row.
    firsts: u32,
}

/// First chunks that may go before a later one that waits.
const FIRSTS_MAX: u32 = 8;

impl Model {
    pub(crate) fn new(limits: SchedulerLimits) -> Self {
        Self { limits, jobs: BTreeMap::new(), foretold: Foretold::new(), firsts: 0 }
    }

    /// Takes a step; gives the kind of error that the caller must get.
    pub(crate) fn step(&mut self, input: &Input, now: Now) -> Option<ErrorKind> {
        self.foretold.clear();
        self.jobs.values_mut().for_each(|job| job.just_now = false);
        self.pass_time(now);
        let error = self.take(input, now);
        for (id, job) in &mut self.jobs {
            if job.status == JobStatus::Queued && !job.just_now {
                if job.start <= job.created.max(now.wall) {
                    start(id, job, now, &mut self.foretold);
                } else {
                    job.status = JobStatus::Scheduled;
                }
            }
        }
        error
    }

    fn pass_time(&mut self, now: Now) {
        let retention = self.limits.retention;
        let over = |job: &Job| job.ended.is_some_and(|e| e.saturating_add(retention) <= now.wall);
        for id in self.ids(over) {
            self.jobs.remove(&id);
            self.foretold.insert(("purged", id));
        }
        for id in self.ids(|job| job.deadline.is_some_and(|deadline| deadline <= now.monotonic)) {
            let job = self.jobs.get_mut(&id).expect("it was found");
            job.deadline = None;
            job.time_is_up = true;
            if job.kind == JobType::InvokeMethod && job.in_flight() > 0 {
                job.turn_all(Device::Running, Device::Failed);
                self.foretold.insert(("revoke", id.clone()));
            }
            self.end_if_done(&id, now);
        }
        let due = |job: &Job| job.status == JobStatus::Scheduled && job.start <= now.wall;
        for id in self.ids(due) {
            let job = self.jobs.get_mut(&id).expect("it was found");
            start(&id, job, now, &mut self.foretold);
        }
    }

    fn ids(&self, which: impl Fn(&Job) -> bool) -> Vec<JobId> {
        self.jobs.iter().filter(|(_, job)| which(job)).map(|(id, _)| id.clone()).collect()
    }

    fn take(&mut self, input: &Input, now: Now) -> Option<ErrorKind> {
        match input {
            Input::Create(id, request) => return self.create(id, request, now),
            Input::Cancel(id) => return self.cancel(id, now),
            Input::Purge(id) => match self.jobs.get(id).map(|job| job.status.is_final()) {
                None => return Some(ErrorKind::JobNotFound),
                Some(false) => return Some(ErrorKind::NotAllowed),
                Some(true) => {
                    self.jobs.remove(id);
                    self.foretold.insert(("purged", id.clone()));
                }
            },
            Input::Tick => {}
            Input::Targets { job: id, count, chunk_ends } => {
                let selecting =
                    |job: &&mut Job| job.status == JobStatus::Running && job.devices.is_none();
                if let Some(job) = self.jobs.get_mut(id).filter(selecting) {
                    job.devices = Some(vec![Device::Pending; *count as usize]);
                    job.chunk_ends.clone_from(chunk_ends);
                    self.end_if_done(id, now);
                }
            }
            Input::TargetsFailed { job: id, .. } => {
                let selecting = self
                    .jobs
                    .get(id)
                    .is_some_and(|job| job.status == JobStatus::Running && job.devices.is_none());
                if selecting {
                    self.end(id, JobStatus::Failed, now);
                }
            }
            Input::Patched { job: id, range, failures } => {
                if let Some(job) = self.jobs.get_mut(id)
                    && job.patch.as_ref() == Some(range)
                {
                    job.patch = None;
                    let devices = job.devices.as_mut().expect("a patched job has devices");
                    for position in range.clone() {
                        let failed = failures.iter().any(|(other, _)| *other == position);
                        let end = if failed { Device::Failed } else { Device::Succeeded };
                        devices[position as usize] = end;
                    }
                    self.end_if_done(id, now);
                }
            }
            Input::Replies { job: id, replies } => {
                for reply in replies {
                    let answered =
                        matches!(reply.result, twincast::job::CallResult::Answered { .. });
                    let end = if answered { Device::Succeeded } else { Device::Failed };
                    for position in reply.positions.clone() {
                        self.turn_running(id, position, end);
                    }
                }
                self.end_if_done(id, now);
            }
            Input::NotSent { job: id, ranges } => {
                for position in ranges.iter().cloned().flatten() {
                    self.turn_running(id, position, Device::Pending);
                }
                self.end_if_done(id, now);
            }
        }
        None
    }

    fn create(&mut self, id: &JobId, request: &JobRequest, now: Now) -> Option<ErrorKind> {
        if self.jobs.contains_key(id) {
            return Some(ErrorKind::JobExists);
        }
        let active = |job: &Job| match job.status {
            JobStatus::Queued => job.start <= job.created,
            status => status == JobStatus::Running,
        };
        let later = request.start_time.is_some_and(|start| start > now.wall);
        if !later && self.ids(active).len() >= self.limits.active_jobs_max {
            return Some(ErrorKind::Busy);
        }
        let job = Job {
            kind: request.kind.job_type(),
            created: now.wall,
            start: request.start_time.unwrap_or(now.wall),
            limit: request.execution_limit(),
            status: JobStatus::Queued,
            deadline: None,
            ended: None,
            devices: None,
            chunk_ends: Vec::new(),
            patch: None,
            cancelled: false,
            time_is_up: false,
            just_now: true,
            overtaken_by: None,
        };
        self.jobs.insert(id.clone(), job);
        None
    }

    fn cancel(&mut self, id: &JobId, now: Now) -> Option<ErrorKind> {
        let Some(job) = self.jobs.get_mut(id) else { return Some(ErrorKind::JobNotFound) };
        match job.status {
            JobStatus::Cancelled => {}
            JobStatus::Completed | JobStatus::Failed => return Some(ErrorKind::NotAllowed),
            JobStatus::Running if self.limits.strict_cancel => return Some(ErrorKind::NotAllowed),
            _ if job.cancelled => {}
            _ => {
                job.cancelled = true;
                if job.kind == JobType::InvokeMethod && job.in_flight() > 0 {
                    self.foretold.insert(("revoke", id.clone()));
                }
                self.end_if_done(id, now);
            }
        }
        None
    }

    fn turn_running(&mut self, id: &JobId, position: u32, to: Device) {
        if let Some(job) = self.jobs.get_mut(id)
            && job.kind == JobType::InvokeMethod
            && let Some(devices) = &mut job.devices
            && let Some(device) = devices.get_mut(position as usize)
            && *device == Device::Running
        {
            *device = to;
        }
    }

    fn end_if_done(&mut self, id: &JobId, now: Now) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        if job.status.is_final() || job.in_flight() > 0 {
            return;
        }
        let stopping = job.cancelled || job.time_is_up;
        if !stopping && (job.devices.is_none() || job.count(Device::Pending) > 0) {
            return;
        }
        let status = match (job.cancelled, &job.devices) {
            (true, _) => JobStatus::Cancelled,
            (false, None) => JobStatus::Failed,
            (false, Some(_)) => {
                job.turn_all(Device::Pending, Device::Failed);
                JobStatus::Completed
            }
        };
        self.end(id, status, now);
    }

    fn end(&mut self, id: &JobId, status: JobStatus, now: Now) {
        let job = self.jobs.get_mut(id).expect("only a job that is there ends");
        job.status = status;
        job.deadline = None;
        job.ended = Some(now.wall);
        job.just_now = true;
        self.foretold.insert(("finished", id.clone()));
    }

    /// Checks and follows what the scheduler asked for.
    pub(crate) fn follow(&mut self, outputs: &[Output], now: Now) {
        let mut others = Foretold::new();
        for job in self.jobs.values_mut() {
            if !job.is_waiting(&self.limits) {
                job.overtaken_by = None;
            }
        }
        for output in outputs {
            let (word, id) = match output {
                Output::Select(id) => ("select", id),
                Output::Revoke(id) => ("revoke", id),
                Output::Finished(id) => ("finished", id),
                Output::Purged(id) => ("purged", id),
                Output::Patch { job, range } => {
                    self.follow_patch(job, range, now);
                    continue;
                }
                Output::Send { job, range } => {
                    self.follow_send(job, range, now);
                    continue;
                }
            };
            assert!(others.insert((word, id.clone())), "{word} {id} twice in a step");
        }
        assert_eq!(others, self.foretold, "what was asked for, what had to be");
        self.check_nothing_waits();
    }

    fn follow_patch(&mut self, id: &JobId, range: &Range<u32>, now: Now) {
        let first = self.jobs[id].is_fresh();
        let other = self.jobs.iter().find(|(_, other)| {
            other.kind == JobType::UpdateTwin
                && other.is_waiting(&self.limits)
                && other.is_fresh() != first
        });
        if first {
            assert!(self.firsts < FIRSTS_MAX || other.is_none(), "{other:?} waits for ever");
            self.firsts += 1;
        } else {
            assert!(self.firsts >= FIRSTS_MAX || other.is_none(), "{other:?} had no chunk yet");
            self.firsts = 0;
        }
        let job = self.hand_out(id, range, now, first);
        assert_eq!(job.kind, JobType::UpdateTwin);
        assert_eq!(job.patch.replace(range.clone()), None, "one chunk at a time");
        assert!(job.chunk_ends.contains(&range.end), "a chunk ends where it was told");
        assert!(range.start == 0 || job.chunk_ends.contains(&range.start));
        let inside = |end: &u32| range.start < *end && *end < range.end;
        assert!(!job.chunk_ends.iter().any(inside), "one chunk, not two");
        let patches = self.jobs.values().filter(|job| job.patch.is_some()).count();
        assert!(patches <= self.limits.patches_max.max(1) as usize);
    }

    fn follow_send(&mut self, id: &JobId, range: &Range<u32>, now: Now) {
        let idle = self.jobs[id].in_flight() == 0;
        let (job_max, batch_max) = (self.limits.job_in_flight_max, self.limits.batch_max);
        let job = self.hand_out(id, range, now, idle);
        assert_eq!(job.kind, JobType::InvokeMethod);
        assert!(range.end - range.start <= batch_max.max(1), "a batch is bounded");
        assert!(job.in_flight() <= job_max.max(1), "the calls of a job are bounded");
        let hub_max = self.limits.in_flight_max.max(1);
        assert!(self.calls() <= hub_max, "the calls of a hub are bounded");
        let share = if idle { 0 } else { hub_max / 8 };
        assert!(self.calls() <= hub_max - share, "a share is kept for idle jobs");
        if !idle {
            let other = self.jobs.iter().find(|(_, other)| self.is_idle(other));
            assert!(other.is_none(), "{id} went before {other:?}, which has nothing in flight");
        }
    }

    fn is_idle(&self, job: &Job) -> bool {
        job.kind == JobType::InvokeMethod && job.in_flight() == 0 && job.is_waiting(&self.limits)
    }

    fn calls(&self) -> u32 {
        let methods = self.jobs.values().filter(|job| job.kind == JobType::InvokeMethod);
        methods.map(Job::in_flight).sum()
    }

    /// Promises J1, J2, J7, J8: each device once, none after a cancel or the deadline. J14: no job
    /// has two turns while another that could use one has none; a first turn is no overtaking, and
    /// who waits for a first chunk is overtaken as often as `FIRSTS_MAX` says.
    fn hand_out(&mut self, id: &JobId, range: &Range<u32>, now: Now, first: bool) -> &mut Job {
        let kind = self.jobs[id].kind;
        for (other_id, other) in &mut self.jobs {
            if other_id != id
                && other.kind == kind
                && !first
                && !(kind == JobType::UpdateTwin && other.is_fresh())
                && let Some(overtaken_by) = &mut other.overtaken_by
            {
                assert!(overtaken_by.insert(id.clone()), "{id} overtook {other_id} twice");
            }
        }
        let job = self.jobs.get_mut(id).expect("only known jobs have a turn");
        assert_eq!(job.status, JobStatus::Running);
        assert!(!job.cancelled && !job.time_is_up, "a stopped job has no turn");
        assert!(job.deadline.is_some_and(|deadline| now.monotonic < deadline));
        job.overtaken_by = None;
        assert!(!range.is_empty());
        let devices = job.devices.as_mut().expect("devices are known before they have a turn");
        for device in &mut devices[range.start as usize..range.end as usize] {
            assert_eq!(*device, Device::Pending, "a device has its turn once");
            *device = Device::Running;
        }
        job
    }

    /// No slot stays empty while a job could use it.
    fn check_nothing_waits(&mut self) {
        let limits = &self.limits;
        let patches = self.jobs.values().filter(|job| job.patch.is_some()).count();
        let patch_free = patches < limits.patches_max.max(1) as usize;
        let hub_max = limits.in_flight_max.max(1);
        let free = hub_max - self.calls();
        for (id, job) in &mut self.jobs {
            if !job.is_waiting(limits) {
                continue;
            }
            let could = match (job.kind, job.in_flight()) {
                (JobType::UpdateTwin, _) => patch_free,
                (JobType::InvokeMethod, 0) => free > 0,
                (JobType::InvokeMethod, _) => free > hub_max / 8,
            };
            assert!(!could, "{id} waits beside a free slot");
            job.overtaken_by.get_or_insert_default();
        }
    }

    /// Checks a job against its record: J4, J9, J10.
    pub(crate) fn check_record(&self, record: &JobRecord) {
        let job = &self.jobs[record.id()];
        let id = record.id();
        assert_eq!(record.status(), job.status, "{id}");
        assert_eq!(record.statistics(), job.statistics(), "{id}");
        assert_eq!(record.end_time(), job.ended, "{id}");
        assert_eq!(record.start_time(), job.start, "{id}");
        if !job.just_now {
            return;
        }
        for (position, device) in job.devices.iter().flatten().enumerate() {
            let position = u32::try_from(position).expect("few devices");
            let status = record.device_row(position).map(|row| row.status);
            let expected = match device {
                Device::Pending if job.status == JobStatus::Cancelled => DeviceJobStatus::Cancelled,
                Device::Pending => DeviceJobStatus::Pending,
                Device::Running => DeviceJobStatus::Running,
                Device::Succeeded => DeviceJobStatus::Completed,
                Device::Failed => DeviceJobStatus::Failed,
            };
            assert_eq!(status, Some(expected), "{id} at {position}");
        }
    }

    /// J8, J11, J13, C1: the next moment is exactly the first one at which something is to be done.
    pub(crate) fn check_due(&self, due: Option<Due>) {
        let starts = self.jobs.values().filter(|job| job.status == JobStatus::Scheduled);
        let starts = starts.map(|job| job.start);
        let retention = self.limits.retention;
        let ends = self.jobs.values().filter_map(|job| job.ended);
        let ends = ends.map(|ended| ended.saturating_add(retention));
        let queued = self.jobs.values().any(|job| job.status == JobStatus::Queued);
        let deadlines = self.jobs.values().filter_map(|job| job.deadline);
        let expected = Due {
            wall: starts.min(),
            retention: ends.min(),
            monotonic: if queued { Some(Monotonic::default()) } else { deadlines.min() },
        };
        assert_eq!(due, (expected != Due::default()).then_some(expected));
    }

    /// Whether the clock alone gives the next step work, with which a caller could spin for ever.
    pub(crate) fn check_no_busy_loop(&self, due: Option<Due>, now: Now) {
        let settled = !self.jobs.values().any(|job| job.just_now);
        assert!(!(settled && due.is_some_and(|due| due.is_over(now))), "due again at once");
    }

    /// The ids as a list shows them.
    pub(crate) fn listed(&self) -> Vec<JobId> {
        let mut ids = self.ids(|_| true);
        ids.sort_by_key(|id| std::cmp::Reverse(self.jobs[id].created));
        ids
    }
}

fn start(id: &JobId, job: &mut Job, now: Now, foretold: &mut Foretold) {
    job.status = JobStatus::Running;
    job.deadline = Some(now.monotonic.after(job.limit));
    foretold.insert(("select", id.clone()));
}
