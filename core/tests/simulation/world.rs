//! A hub, its clients and its clocks, all from one seed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::time::Duration;

use serde_json::json;
use twincast::job::{CallResult, Failure, JobId, JobKind, JobRequest, MethodCall, Reply};
use twincast::schedule::{Input, Output, Scheduler, SchedulerLimits};
use twincast::{Monotonic, Now, Timestamp};

use crate::draw::Draw;
use crate::model::Model;

/// Ids that clients choose from; few, so that they clash.
const IDS: u64 = 12;
/// Steps of an ordinary life; then everything is answered and time passes until no job is left.
const STEPS: usize = 150;
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

pub(crate) struct World {
    scheduler: Scheduler,
    model: Model,
    draw: Draw,
    now: Now,
    /// What the hub was asked for and has not answered.
    selects: Vec<JobId>,
    patches: Vec<(JobId, Range<u32>)>,
    calls: BTreeMap<JobId, Vec<u32>>,
    revoked: Vec<JobId>,
    devices_max: u32,
    steps: Option<Vec<String>>,
}

impl World {
    pub(crate) fn new(seed: u64, trace: bool) -> Self {
        let mut draw = Draw::new(seed);
        let seconds = Duration::from_secs;
        // Once in a while jobs span more than one page of outcomes.
        let large = draw.once_in(1_000);
        let mut limits = SchedulerLimits {
            retention: *draw.of(&[
                Duration::ZERO,
                seconds(60),
                seconds(30 * 86_400),
                Duration::MAX,
            ]),
            in_flight_max: *draw.of(&[0, 1, 7, 8, 40, 100, 1_000]),
            job_in_flight_max: *draw.of(&[1, 5, 20, 1_000]),
            batch_max: *draw.of(&[1, 4, 16, 1_024]),
            patches_max: *draw.of(&[1, 2, 8]),
            active_jobs_max: *draw.of(&[3, usize::MAX, usize::MAX]),
            strict_cancel: draw.once_in(8),
        };
        if large {
            (limits.batch_max, limits.job_in_flight_max) = (20_000, 50_000);
            limits.in_flight_max = 100_000;
        }
        let start = Timestamp::parse("2026-01-01T00:00:00Z").expect("a time");
        Self {
            scheduler: Scheduler::new(limits.clone()),
            model: Model::new(limits),
            now: Now { wall: start, monotonic: Monotonic::default() },
            selects: Vec::new(),
            patches: Vec::new(),
            calls: BTreeMap::new(),
            revoked: Vec::new(),
            devices_max: if large { 70_000 } else { 60 },
            steps: trace.then(Vec::new),
            draw,
        }
    }

    pub(crate) fn last_steps(&self) -> String {
        let steps = self.steps.as_deref().unwrap_or_default();
        steps[steps.len().saturating_sub(40)..].join("\n")
    }

    pub(crate) fn run(&mut self) {
        let steps = if self.devices_max > 1_000 { STEPS / 4 } else { STEPS };
        for _ in 0..steps {
            self.act();
        }
        self.wind_down();
    }

    fn act(&mut self) {
        match self.draw.within(0..100) {
            0..12 => self.create(),
            12..18 => self.client(Input::Cancel),
            18..20 => self.client(Input::Purge),
            20..35 => self.answer_select(),
            35..50 => self.answer_patch(),
            50..72 => self.answer_calls(),
            72..75 => self.give_back(),
            75..82 => self.answer_revoke(),
            82..86 => self.talk_nonsense(),
            _ => self.let_time_pass(),
        }
    }

    fn any_id(&mut self) -> JobId {
        JobId::new(&format!("job{}", self.draw.within(0..IDS))).expect("an id")
    }

    fn create(&mut self) {
        let id = self.any_id();
        let kind = if self.draw.once_in(2) {
            JobKind::UpdateTwin { body: json!({"tags": {}}) }
        } else {
            JobKind::InvokeMethod(MethodCall::new("reboot", None).expect("a method"))
        };
        let mut request = JobRequest::new(kind, "*");
        let seconds = Duration::from_secs(self.draw.within(0..100));
        request.start_time = match self.draw.within(0..6) {
            0 => Some(self.now.wall.saturating_add(seconds)),
            1 => Some(Timestamp::from_ticks(self.now.wall.ticks() - 600_000_000)),
            2 if self.draw.once_in(4) => Some(self.now.wall.saturating_add(YEAR * 5)),
            _ => None,
        };
        let limits = [Duration::ZERO, Duration::from_millis(1), Duration::from_secs(20), YEAR * 20];
        request.max_execution = *self.draw.of(&limits);
        self.step(Input::Create(id, request));
    }

    fn client(&mut self, input: impl FnOnce(JobId) -> Input) {
        let id = self.any_id();
        self.step(input(id));
    }

    fn answer_select(&mut self) {
        let Some(index) = self.draw.index(self.selects.len()) else { return };
        let job = self.selects.swap_remove(index);
        if self.draw.once_in(10) {
            let failure = Failure::new(400_004, "no such property");
            return self.step(Input::TargetsFailed { job, failure });
        }
        let count = if self.draw.once_in(4) {
            self.draw.small(0..2)
        } else {
            self.draw.small(0..self.devices_max)
        };
        let mut chunk_ends = Vec::new();
        while chunk_ends.last().copied().unwrap_or(0) < count {
            let last = chunk_ends.last().copied().unwrap_or(0);
            chunk_ends.push(last + self.draw.small(1..count - last + 1));
        }
        self.step(Input::Targets { job, count, chunk_ends });
    }

    fn answer_patch(&mut self) {
        let Some(index) = self.draw.index(self.patches.len()) else { return };
        let (job, range) = self.patches.swap_remove(index);
        let gone = Failure::new(404_001, "gone");
        let mut failures = Vec::new();
        while self.draw.once_in(3) {
            failures.push((self.draw.small(range.start..range.end), gone.clone()));
        }
        self.step(Input::Patched { job, range, failures });
    }

    fn answer_calls(&mut self) {
        let ids: Vec<JobId> = self.calls.keys().cloned().collect();
        let Some(index) = self.draw.index(ids.len()) else { return };
        let job = ids[index].clone();
        let mut positions = self.some_calls(&job);
        if self.draw.once_in(3) {
            // Devices answer in an order of their own.
            for last in (1..positions.len()).rev() {
                let other = self.draw.index(last + 1).expect("there is one");
                positions.swap(last, other);
            }
        }
        let mut replies: Vec<Reply> = Vec::with_capacity(positions.len());
        for position in positions {
            match replies.last_mut() {
                // Neighbours often end alike, and may come as one.
                Some(last) if last.positions.end == position && self.draw.once_in(2) => {
                    last.positions.end += 1;
                }
                _ => replies.push(Reply::one(position, self.result(position))),
            }
        }
        if self.draw.once_in(10)
            && let Some(twice) = replies.first().cloned()
        {
            replies.push(twice);
        }
        self.step(Input::Replies { job, replies });
    }

    fn result(&mut self, position: u32) -> CallResult {
        match self.draw.within(0..10) {
            0 => CallResult::Failed(Failure::new(504_101, "no reply")),
            1 => CallResult::Answered { status: 200, payload: Some(position.to_string().into()) },
            2 => CallResult::Answered { status: 500, payload: None },
            _ => CallResult::Answered { status: 200, payload: None },
        }
    }

    /// Takes all or the first few calls of `job` from those in flight.
    fn some_calls(&mut self, job: &JobId) -> Vec<u32> {
        let Some(mut positions) = self.calls.remove(job) else { return Vec::new() };
        if self.draw.once_in(2)
            && let Some(kept) = self.draw.index(positions.len())
        {
            let rest = positions.split_off(kept + 1);
            if !rest.is_empty() {
                self.calls.insert(job.clone(), rest);
            }
        }
        positions
    }

    fn give_back(&mut self) {
        let ids: Vec<JobId> = self.calls.keys().cloned().collect();
        let Some(index) = self.draw.index(ids.len()) else { return };
        let job = ids[index].clone();
        let ranges = ranges(&self.some_calls(&job));
        self.step(Input::NotSent { job, ranges });
    }

    fn answer_revoke(&mut self) {
        let Some(index) = self.draw.index(self.revoked.len()) else { return };
        let job = self.revoked.swap_remove(index);
        let ranges = ranges(&self.some_calls(&job));
        self.step(Input::NotSent { job, ranges });
    }

    /// Answers that no well-behaved hub gives; they must change nothing that they should not.
    fn talk_nonsense(&mut self) {
        let job = self.any_id();
        let position = *self.draw.of(&[0, 1, 59, 70_000, u32::MAX]);
        let input = match self.draw.within(0..4) {
            0 => Input::Replies { job, replies: vec![Reply::one(position, self.result(0))] },
            1 => Input::Patched { job, range: 0..u32::MAX, failures: vec![] },
            2 => Input::NotSent { job, ranges: vec![Range { start: position, end: 0 }] },
            _ => Input::Tick,
        };
        self.step(input);
    }

    fn let_time_pass(&mut self) {
        let (millis, seconds) = (self.draw.within(0..5_000), self.draw.within(0..40 * 86_400));
        match self.draw.within(0..12) {
            0..5 => self.advance(Duration::from_millis(millis)),
            5..9 => self.advance_to_due(),
            9 => self.advance(Duration::from_secs(seconds)),
            10 => self.now.wall = self.now.wall.saturating_add(YEAR * 10),
            _ => {
                let decade = i64::try_from((YEAR * 10).as_nanos() / 100).expect("ten years");
                self.now.wall = Timestamp::from_ticks(self.now.wall.ticks() - decade);
            }
        }
        self.step(Input::Tick);
    }

    fn advance(&mut self, duration: Duration) {
        self.now.wall = self.now.wall.saturating_add(duration);
        self.now.monotonic = self.now.monotonic.after(duration);
    }

    /// Sleeps as a hub does: until the first thing is due.
    fn advance_to_due(&mut self) {
        let Some(due) = self.scheduler.next_due() else { return };
        let wall = [due.wall, due.retention].into_iter().flatten().min();
        let wall = wall.map(|wall| wall.since(self.now.wall));
        let monotonic = due.monotonic.map(|due| due.0.saturating_sub(self.now.monotonic.0));
        if let Some(duration) = [wall, monotonic].into_iter().flatten().min() {
            // What is kept for ever is due at the end of time, which no hub lives to see.
            self.advance(duration.min(YEAR * 30));
        }
    }

    fn step(&mut self, input: Input) {
        let (now, is_tick) = (self.now, matches!(input, Input::Tick));
        if let Some(steps) = &mut self.steps {
            steps.push(format!("{} {:?} {input:?}", now.wall, now.monotonic.0));
        }
        let error = self.model.step(&input, now);
        let mut outputs = Vec::new();
        let result = self.scheduler.step(input, now, &mut outputs);
        if let Some(line) = self.steps.as_mut().and_then(|steps| steps.last_mut()) {
            write!(line, "\n    {outputs:?}").expect("a string takes all");
        }
        assert_eq!(result.err().map(|error| error.kind()), error);
        self.model.follow(&outputs, now);
        for record in self.scheduler.jobs() {
            self.model.check_record(record);
        }
        let listed: Vec<JobId> = self.scheduler.jobs().map(|job| job.id().clone()).collect();
        assert_eq!(listed, self.model.listed());
        let due = self.scheduler.next_due();
        self.model.check_due(due);
        if is_tick {
            self.model.check_no_busy_loop(due, now);
        }
        self.take_orders(outputs);
    }

    fn take_orders(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Select(job) => self.selects.push(job),
                Output::Patch { job, range } => self.patches.push((job, range)),
                Output::Send { job, range } => self.calls.entry(job).or_default().extend(range),
                Output::Revoke(job) => self.revoked.push(job),
                Output::Finished(_) => {}
                // Answers that come later are dropped, as a hub must: the id can be used again.
                Output::Purged(job) => {
                    self.selects.retain(|other| *other != job);
                    self.patches.retain(|(other, _)| *other != job);
                    self.revoked.retain(|other| *other != job);
                    self.calls.remove(&job);
                }
            }
        }
    }

    /// Nothing hangs: once the hub answers everything and time passes, every job ends and goes.
    fn wind_down(&mut self) {
        let open =
            |world: &Self| world.model.jobs.values().filter(|job| !job.status.is_final()).count();
        for _ in 0..20_000 {
            if open(self) == 0 {
                break;
            }
            let waiting = self.selects.len() + self.patches.len() + self.calls.len();
            if waiting == 0 {
                self.advance_to_due();
                self.step(Input::Tick);
            }
            self.answer_select();
            self.answer_patch();
            self.answer_calls();
        }
        assert_eq!(open(self), 0, "a job hangs");
        if self.scheduler.limits().retention < Duration::MAX {
            self.now.wall = Timestamp::MAX;
            self.step(Input::Tick);
            self.step(Input::Tick);
            assert_eq!(self.scheduler.jobs().count(), 0, "a job is never purged");
            assert_eq!(self.scheduler.next_due(), None);
        }
    }
}

/// Positions as ranges, neighbours together.
fn ranges(positions: &[u32]) -> Vec<Range<u32>> {
    let neighbours = positions.chunk_by(|position, next| position + 1 == *next);
    neighbours.map(|run| run[0]..run[0] + u32::try_from(run.len()).expect("few devices")).collect()
}
