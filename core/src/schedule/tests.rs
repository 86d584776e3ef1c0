//! One scene for each rule of `docs/job-states.md`.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::error::{ErrorKind, Result};
use crate::job::{
    CallResult, DeviceJobStatus, Failure, JobId, JobKind, JobRecord, JobRequest, JobStatistics,
    JobStatus, MethodCall, Reply,
};
use crate::{Clock, ManualClock, Timestamp};

/// A scheduler with a clock, and what it last asked for in short.
struct Scene {
    scheduler: Scheduler,
    clock: ManualClock,
}

impl Scene {
    fn new() -> Self {
        Self::with(SchedulerLimits {
            batch_max: 10,
            job_in_flight_max: 1 << 17,
            in_flight_max: 1 << 18,
            ..SchedulerLimits::default()
        })
    }

    fn with(limits: SchedulerLimits) -> Self {
        let clock = ManualClock::at(Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
        Self { scheduler: Scheduler::new(limits), clock }
    }

    fn try_step(&mut self, input: Input) -> Result<Vec<String>> {
        let mut outputs = Vec::new();
        let result = self.scheduler.step(input, self.clock.now(), &mut outputs);
        let shown = outputs.iter().map(|output| match output {
            Output::Select(job) => format!("select {job}"),
            Output::Patch { job, range } => format!("patch {job} {range:?}"),
            Output::Send { job, range } => format!("send {job} {range:?}"),
            Output::Revoke(job) => format!("revoke {job}"),
            Output::Finished(job) => format!("finished {job}"),
            Output::Purged(job) => format!("purged {job}"),
        });
        result.map(|()| shown.collect())
    }

    #[track_caller]
    fn step(&mut self, input: Input) -> Vec<String> {
        self.try_step(input).unwrap()
    }

    #[track_caller]
    fn create(&mut self, name: &str, change: impl FnOnce(&mut JobRequest)) {
        let call = MethodCall::new("reboot", None).unwrap();
        let mut request = JobRequest::new(JobKind::InvokeMethod(call), "*");
        change(&mut request);
        self.step(Input::Create(id(name), request));
    }

    /// A method job over `count` devices, as far as its first calls.
    #[track_caller]
    fn call(&mut self, name: &str, count: u32) -> Vec<String> {
        self.create(name, |_| {});
        assert_eq!(self.step(Input::Tick), [format!("select {name}")]);
        self.targets(name, count, &[])
    }

    /// A twin job over the chunks that end there, as far as its first chunk.
    #[track_caller]
    fn patch(&mut self, name: &str, ends: &[u32]) -> Vec<String> {
        self.create(name, twin);
        assert_eq!(self.step(Input::Tick), [format!("select {name}")]);
        self.targets(name, ends.last().copied().unwrap_or(0), ends)
    }

    #[track_caller]
    fn targets(&mut self, name: &str, count: u32, ends: &[u32]) -> Vec<String> {
        self.step(Input::Targets { job: id(name), count, chunk_ends: ends.to_vec() })
    }

    #[track_caller]
    fn patched(&mut self, name: &str, range: std::ops::Range<u32>) -> Vec<String> {
        self.step(Input::Patched { job: id(name), range, failures: vec![] })
    }

    #[track_caller]
    fn reply(&mut self, name: &str, positions: std::ops::Range<u32>) -> Vec<String> {
        let result = CallResult::Answered { status: 200, payload: None };
        let replies = positions.map(|position| Reply::one(position, result.clone()));
        self.step(Input::Replies { job: id(name), replies: replies.collect() })
    }

    #[track_caller]
    fn not_sent(&mut self, name: &str, range: std::ops::Range<u32>) -> Vec<String> {
        let ranges = std::iter::once(range).collect();
        self.step(Input::NotSent { job: id(name), ranges })
    }

    #[track_caller]
    fn cancel(&mut self, name: &str) -> Vec<String> {
        self.step(Input::Cancel(id(name)))
    }

    fn status(&self, name: &str) -> JobStatus {
        self.scheduler.job(&id(name)).unwrap().status()
    }

    /// Succeeded, failed, running, pending.
    fn counts(&self, name: &str) -> (u32, u32, u32, u32) {
        let JobStatistics {
            device_count,
            failed_count,
            succeeded_count,
            running_count,
            pending_count,
        } = self.scheduler.job(&id(name)).unwrap().statistics();
        assert_eq!(device_count, failed_count + succeeded_count + running_count + pending_count);
        (succeeded_count, failed_count, running_count, pending_count)
    }

    fn pass(&mut self, duration: Duration) -> Vec<String> {
        self.clock.advance(duration);
        self.step(Input::Tick)
    }
}

fn id(name: &str) -> JobId {
    JobId::new(name).unwrap()
}

fn twin(request: &mut JobRequest) {
    request.kind = JobKind::UpdateTwin { body: json!({"tags": {}}) };
}

fn starting(time: &str) -> impl FnOnce(&mut JobRequest) {
    let time = Timestamp::parse(time).unwrap();
    move |request| request.start_time = Some(time)
}

const NONE: [&str; 0] = [];
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

#[test]
fn a_job_is_queued_until_the_step_after_its_creation() {
    let mut scene = Scene::new();
    scene.create("a", |_| {});
    assert_eq!(scene.status("a"), JobStatus::Queued);
    assert!(scene.scheduler.next_due().unwrap().is_over(scene.clock.now()));
    assert_eq!(scene.step(Input::Tick), ["select a"]);
    assert_eq!(scene.status("a"), JobStatus::Running);
    assert!(!scene.scheduler.next_due().unwrap().is_over(scene.clock.now()));
}

#[test]
fn a_future_job_waits_for_the_wall_clock() {
    let mut scene = Scene::new();
    scene.create("a", starting("2026-01-01T00:01:00Z"));
    assert_eq!(scene.step(Input::Tick), NONE);
    assert_eq!(scene.status("a"), JobStatus::Scheduled);
    let due = scene.scheduler.next_due().unwrap();
    assert_eq!(due.wall, Some(Timestamp::parse("2026-01-01T00:01:00Z").unwrap()));
    assert_eq!((due.monotonic, due.retention), (None, None));
    assert_eq!(scene.pass(Duration::from_millis(59_999)), NONE);
    assert_eq!(scene.pass(Duration::from_millis(1)), ["select a"]);
}

#[test]
fn a_job_due_at_creation_starts_even_if_the_clock_goes_back() {
    let mut scene = Scene::new();
    scene.create("a", starting("2026-01-01T00:00:00Z"));
    scene.clock.set_wall(Timestamp::parse("2016-01-01T00:00:00Z").unwrap());
    assert_eq!(scene.step(Input::Tick), ["select a"]);
}

#[test]
fn a_condition_that_matches_nothing_completes() {
    let mut scene = Scene::new();
    assert_eq!(scene.call("a", 0), ["finished a"]);
    assert_eq!(scene.patch("b", &[]), ["finished b"]);
    assert_eq!(scene.status("a"), JobStatus::Completed);
    assert_eq!(scene.scheduler.next_due().unwrap().wall, None);
    assert!(scene.scheduler.next_due().unwrap().retention.is_some());
    assert_eq!(scene.scheduler.next_due().unwrap().monotonic, None);
}

#[test]
fn a_job_whose_devices_cannot_be_found_fails() {
    let mut scene = Scene::new();
    scene.create("a", |_| {});
    scene.step(Input::Tick);
    let failure = Failure::new(500_001, "the store is gone");
    let input = Input::TargetsFailed { job: id("a"), failure: failure.clone() };
    assert_eq!(scene.step(input.clone()), ["finished a"]);
    assert_eq!(scene.status("a"), JobStatus::Failed);
    assert_eq!(scene.scheduler.job(&id("a")).unwrap().failure(), Some(&failure));
    assert_eq!(scene.step(input), NONE);
    assert_eq!(scene.targets("a", 5, &[]), NONE);
    let error = scene.try_step(Input::Cancel(id("a"))).unwrap_err();
    assert_eq!(error.message(), "Job cannot be cancelled in 'Failed' status.");
}

#[test]
fn an_id_in_use_is_refused() {
    let mut scene = Scene::new();
    scene.call("a", 0);
    let kind = JobKind::UpdateTwin { body: json!({}) };
    let request = JobRequest::new(kind, "tags.x = 1");
    let error = scene.try_step(Input::Create(id("a"), request.clone())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobExists);
    assert_eq!(scene.scheduler.job(&id("a")).unwrap().request().condition, "*");
    // Ids are case-sensitive.
    scene.step(Input::Create(id("A"), request));
}

#[test]
fn chunks_of_twin_jobs_take_turns() {
    let mut scene = Scene::with(SchedulerLimits { patches_max: 1, ..SchedulerLimits::default() });
    assert_eq!(scene.patch("a", &[10, 20, 30]), ["patch a 0..10"]);
    assert_eq!(scene.patch("b", &[5]), NONE);
    assert_eq!(scene.patched("a", 0..10), ["patch b 0..5"]);
    assert_eq!(scene.counts("a"), (10, 0, 0, 20));
    assert_eq!(scene.patched("b", 0..5), ["finished b", "patch a 10..20"]);
    // An answer that does not fit, and one that comes twice.
    assert_eq!(scene.patched("a", 10..30), NONE);
    assert_eq!(scene.patched("b", 0..5), NONE);
    assert_eq!(scene.patched("a", 10..20), ["patch a 20..30"]);
    assert_eq!(scene.patched("a", 10..20), NONE);
    let failures = vec![(29, Failure::new(404_001, "gone")), (29, Failure::new(404_001, "twice"))];
    let input = Input::Patched { job: id("a"), range: 20..30, failures };
    assert_eq!(scene.step(input), ["finished a"]);
    assert_eq!(scene.status("a"), JobStatus::Completed);
    assert_eq!(scene.counts("a"), (29, 1, 0, 0));
}

#[test]
fn the_first_chunk_of_a_twin_job_goes_first() {
    let mut scene = Scene::with(SchedulerLimits { patches_max: 1, ..SchedulerLimits::default() });
    assert_eq!(scene.patch("a", &[10, 20, 30]), ["patch a 0..10"]);
    assert_eq!(scene.patch("b", &[10, 20]), NONE);
    assert_eq!(scene.patched("a", 0..10), ["patch b 0..10"]);
    // `a` was here first, but `c` and `d` had nothing yet.
    assert_eq!(scene.patch("c", &[1]), NONE);
    assert_eq!(scene.patch("d", &[1, 2]), NONE);
    assert_eq!(scene.patched("b", 0..10), ["patch c 0..1"]);
    assert_eq!(scene.patched("c", 0..1), ["finished c", "patch d 0..1"]);
    assert_eq!(scene.patched("d", 0..1), ["patch a 10..20"]);
    assert_eq!(scene.patched("a", 10..20), ["patch b 10..20"]);
    assert_eq!(scene.patched("b", 10..20), ["finished b", "patch d 1..2"]);
}

#[test]
fn a_stream_of_small_twin_jobs_does_not_hold_back_a_big_one() {
    let mut scene = Scene::with(SchedulerLimits { patches_max: 1, ..SchedulerLimits::default() });
    scene.patch("big", &[10, 20, 30]);
    for n in 0..20 {
        scene.patch(&format!("small{n:02}"), &[1]);
    }
    let mut order = scene.patched("big", 0..10);
    for n in 0..20 {
        order.extend(scene.patched(&format!("small{n:02}"), 0..1));
        scene.patched("big", 10..20).into_iter().for_each(|output| order.push(output));
        scene.patched("big", 20..30).into_iter().for_each(|output| order.push(output));
    }
    let place = |output: &str| {
        let mut chunks = order.iter().filter(|output| output.starts_with("patch"));
        chunks.position(|other| other == output).unwrap()
    };
    // The first chunk of the big job was the first in the row.
    assert_eq!(place("patch big 10..20"), 7);
    assert_eq!(place("patch big 20..30"), 16);
    assert_eq!(place("patch small19 0..1"), 21);
}

#[test]
fn calls_are_bounded_for_a_job_and_for_the_hub() {
    let mut scene = Scene::with(SchedulerLimits {
        batch_max: 10,
        job_in_flight_max: 25,
        in_flight_max: 32,
        ..SchedulerLimits::default()
    });
    assert_eq!(scene.call("a", 100), ["send a 0..10", "send a 10..20", "send a 20..25"]);
    // Four slots are kept for jobs with nothing in flight; three are open.
    assert_eq!(scene.call("b", 100), ["send b 0..3"]);
    // A sixteenth of four slots is one.
    assert_eq!(scene.call("c", 1), ["send c 0..1"]);
    assert_eq!(scene.call("d", 100), ["send d 0..1"]);
    assert_eq!(scene.reply("c", 0..1), ["finished c"]);
    assert_eq!(scene.reply("a", 0..10), ["send b 3..12"]);
    assert_eq!(scene.counts("a"), (10, 0, 15, 75));
}

#[test]
fn a_small_job_gets_its_turn_at_once_beside_dead_devices() {
    let mut scene = Scene::new();
    let sent = scene.call("big", 1_000_000);
    assert_eq!(sent.len(), (1_usize << 17).div_ceil(10));
    scene.call("big2", 1_000_000);
    for n in 0..100 {
        let name = format!("small{n}");
        assert_eq!(scene.call(&name, 1), [format!("send {name} 0..1")]);
    }
}

#[test]
fn a_call_that_was_not_made_is_made_again() {
    let mut scene = Scene::new();
    assert_eq!(scene.call("a", 10), ["send a 0..10"]);
    assert_eq!(scene.reply("a", 0..2), NONE);
    assert_eq!(scene.not_sent("a", 1..5), ["send a 2..5"]);
    assert_eq!(scene.reply("a", 0..10), ["finished a"]);
    assert_eq!(scene.counts("a"), (10, 0, 0, 0));
    assert_eq!(scene.not_sent("a", 0..10), NONE);
    assert_eq!(scene.counts("a"), (10, 0, 0, 0));
}

#[test]
fn a_queued_or_scheduled_job_is_cancelled_at_once() {
    let mut scene = Scene::new();
    scene.create("a", |_| {});
    assert_eq!(scene.cancel("a"), ["finished a"]);
    scene.create("b", starting("2026-01-01T00:01:00Z"));
    scene.step(Input::Tick);
    assert_eq!(scene.cancel("b"), ["finished b"]);
    assert_eq!(scene.cancel("b"), NONE);
    assert_eq!(scene.pass(HOUR), NONE);
    assert_eq!(scene.status("a"), JobStatus::Cancelled);
    assert_eq!(scene.status("b"), JobStatus::Cancelled);
}

#[test]
fn a_job_cancelled_while_its_devices_are_selected_has_none() {
    let mut scene = Scene::new();
    scene.create("a", twin);
    scene.step(Input::Tick);
    assert_eq!(scene.cancel("a"), ["finished a"]);
    assert_eq!(scene.targets("a", 10, &[10]), NONE);
    assert_eq!(scene.counts("a"), (0, 0, 0, 0));
}

#[test]
fn a_cancelled_method_job_waits_for_calls_that_were_made() {
    let mut scene = Scene::with(SchedulerLimits {
        batch_max: 10,
        job_in_flight_max: 20,
        ..SchedulerLimits::default()
    });
    scene.call("a", 100);
    assert_eq!(scene.reply("a", 0..5), ["send a 20..25"]);
    assert_eq!(scene.cancel("a"), ["revoke a"]);
    assert_eq!(scene.cancel("a"), NONE);
    assert_eq!(scene.not_sent("a", 10..25), NONE);
    assert_eq!(scene.status("a"), JobStatus::Running);
    assert_eq!(scene.counts("a"), (5, 0, 5, 90));
    assert_eq!(scene.reply("a", 5..9), NONE);
    assert_eq!(scene.reply("a", 9..10), ["finished a"]);
    assert_eq!(scene.status("a"), JobStatus::Cancelled);
    assert_eq!(scene.counts("a"), (10, 0, 0, 90));
    let job = scene.scheduler.job(&id("a")).unwrap();
    assert_eq!(job.device_row(9).unwrap().status, DeviceJobStatus::Completed);
    assert_eq!(job.device_row(10).unwrap().status, DeviceJobStatus::Cancelled);
    // Its slots are free again.
    assert_eq!(scene.call("b", 10), ["send b 0..10"]);
}

#[test]
fn a_cancelled_twin_job_waits_for_its_chunk() {
    let mut scene = Scene::new();
    assert_eq!(scene.patch("a", &[10, 20]), ["patch a 0..10"]);
    assert_eq!(scene.cancel("a"), NONE);
    assert_eq!(scene.status("a"), JobStatus::Running);
    assert_eq!(scene.patched("a", 0..10), ["finished a"]);
    assert_eq!(scene.status("a"), JobStatus::Cancelled);
    assert_eq!(scene.counts("a"), (10, 0, 0, 10));
}

#[test]
fn a_finished_or_unknown_job_cannot_be_cancelled() {
    let mut scene = Scene::new();
    scene.call("a", 0);
    let error = scene.try_step(Input::Cancel(id("a"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAllowed);
    assert_eq!(error.message(), "Job cannot be cancelled in 'Completed' status.");
    let error = scene.try_step(Input::Cancel(id("b"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobNotFound);
}

#[test]
fn a_strict_hub_does_not_cancel_running_jobs() {
    let mut scene =
        Scene::with(SchedulerLimits { strict_cancel: true, ..SchedulerLimits::default() });
    scene.call("a", 1);
    let error = scene.try_step(Input::Cancel(id("a"))).unwrap_err();
    assert_eq!(error.message(), "Job cannot be cancelled in 'Running' status.");
    scene.create("b", |_| {});
    assert_eq!(scene.cancel("b"), ["finished b"]);
}

#[test]
fn a_method_job_out_of_time_fails_the_rest() {
    let mut scene = Scene::with(SchedulerLimits {
        batch_max: 10,
        job_in_flight_max: 10,
        in_flight_max: 10,
        ..SchedulerLimits::default()
    });
    // One slot is kept for jobs with nothing in flight.
    assert_eq!(scene.call("a", 30), ["send a 0..9"]);
    // A jump of the wall clock does not count.
    scene.clock.set_wall(Timestamp::parse("2036-01-01T00:00:00Z").unwrap());
    assert_eq!(scene.reply("a", 0..5), ["send a 9..14"]);
    assert_eq!(scene.pass(HOUR - Duration::from_millis(1)), NONE);
    assert_eq!(scene.pass(Duration::from_millis(1)), ["revoke a", "finished a"]);
    assert_eq!(scene.status("a"), JobStatus::Completed);
    assert_eq!(scene.counts("a"), (5, 25, 0, 0));
    assert_eq!(scene.reply("a", 5..14), NONE);
    assert_eq!(scene.not_sent("a", 5..14), NONE);
    assert_eq!(scene.counts("a"), (5, 25, 0, 0));
    assert_eq!(scene.call("b", 5), ["send b 0..5"]);
}

#[test]
fn a_twin_job_out_of_time_waits_for_its_chunk_only() {
    let mut scene = Scene::new();
    scene.patch("a", &[10, 20]);
    assert_eq!(scene.pass(HOUR), NONE);
    assert_eq!(scene.patched("a", 0..10), ["finished a"]);
    assert_eq!(scene.status("a"), JobStatus::Completed);
    assert_eq!(scene.counts("a"), (10, 10, 0, 0));
}

#[test]
fn a_late_reply_meets_the_deadline_even_without_a_tick() {
    let mut scene = Scene::new();
    scene.call("a", 1);
    scene.clock.advance(HOUR);
    assert_eq!(scene.reply("a", 0..1), ["revoke a", "finished a"]);
    assert_eq!(scene.counts("a"), (0, 1, 0, 0));
}

#[test]
fn a_job_out_of_time_before_its_devices_are_known_fails() {
    let mut scene = Scene::new();
    scene.create("a", |_| {});
    scene.step(Input::Tick);
    assert_eq!(scene.pass(HOUR), ["finished a"]);
    assert_eq!(scene.status("a"), JobStatus::Failed);
    assert!(scene.scheduler.job(&id("a")).unwrap().failure().is_some());
}

#[test]
fn a_cancelled_job_out_of_time_is_cancelled() {
    let mut scene = Scene::new();
    scene.call("a", 200_000);
    assert_eq!(scene.cancel("a"), ["revoke a"]);
    assert_eq!(scene.pass(HOUR), ["revoke a", "finished a"]);
    assert_eq!(scene.status("a"), JobStatus::Cancelled);
    assert_eq!(scene.counts("a"), (0, 1 << 17, 0, 200_000 - (1 << 17)));
}

#[test]
fn finished_jobs_are_purged_after_their_retention() {
    let mut scene = Scene::new();
    scene.call("a", 0);
    assert_eq!(scene.pass(DAY * 30 - Duration::from_millis(1)), NONE);
    assert_eq!(scene.pass(Duration::from_millis(1)), ["purged a"]);
    assert!(scene.scheduler.job(&id("a")).is_none());
    assert_eq!(scene.scheduler.jobs().count(), 0);
    assert_eq!(scene.scheduler.next_due(), None);
    scene.clock.set_wall(Timestamp::parse("2016-01-01T00:00:00Z").unwrap());
    assert_eq!(scene.step(Input::Tick), NONE);
    // The id can be taken again.
    assert_eq!(scene.call("a", 0), ["finished a"]);
}

#[test]
fn unfinished_jobs_are_never_purged() {
    let mut scene = Scene::new();
    scene.call("a", 1);
    scene.create("b", starting("2099-01-01T00:00:00Z"));
    scene.clock.set_wall(Timestamp::parse("2098-01-01T00:00:00Z").unwrap());
    assert_eq!(scene.step(Input::Tick), NONE);
    for name in ["a", "b"] {
        let error = scene.try_step(Input::Purge(id(name))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotAllowed);
    }
}

#[test]
fn a_finished_job_is_purged_when_a_caller_says_so() {
    let mut scene = Scene::new();
    scene.call("a", 0);
    assert_eq!(scene.step(Input::Purge(id("a"))), ["purged a"]);
    let purged = scene.scheduler.take_purged();
    assert_eq!(purged.iter().map(JobRecord::id).collect::<Vec<_>>(), [&id("a")]);
    assert!(scene.scheduler.take_purged().is_empty(), "each is given once");
    let error = scene.try_step(Input::Purge(id("a"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobNotFound);
    assert_eq!(scene.scheduler.next_due(), None);
}

#[test]
fn without_retention_a_job_can_be_read_for_one_step() {
    let mut scene =
        Scene::with(SchedulerLimits { retention: Duration::ZERO, ..SchedulerLimits::default() });
    assert_eq!(scene.call("a", 0), ["finished a"]);
    assert_eq!(scene.status("a"), JobStatus::Completed);
    assert_eq!(scene.step(Input::Tick), ["purged a"]);
    assert_eq!(scene.step(Input::Tick), NONE);
}

#[test]
fn too_many_active_jobs_are_refused() {
    let mut scene =
        Scene::with(SchedulerLimits { active_jobs_max: 2, ..SchedulerLimits::default() });
    scene.create("future1", starting("2027-01-01T00:00:00Z"));
    scene.create("future2", starting("2027-01-01T00:00:00Z"));
    scene.step(Input::Tick);
    scene.call("a", 1);
    scene.call("b", 1);
    let call = MethodCall::new("reboot", None).unwrap();
    let request = JobRequest::new(JobKind::InvokeMethod(call), "*");
    let error = scene.try_step(Input::Create(id("c"), request)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    scene.cancel("future1");
    scene.reply("a", 0..1);
    scene.create("c", |_| {});
}

#[test]
fn a_job_for_later_is_taken_in_by_a_full_hub() {
    let mut scene =
        Scene::with(SchedulerLimits { active_jobs_max: 2, ..SchedulerLimits::default() });
    let refused = |scene: &mut Scene, start| {
        let call = MethodCall::new("reboot", None).unwrap();
        let mut request = JobRequest::new(JobKind::InvokeMethod(call), "*");
        request.start_time = start;
        let result = scene.try_step(Input::Create(id("refused"), request));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Busy);
    };
    scene.call("a", 1);
    scene.create("later", starting("2026-01-01T00:01:00Z"));
    // The one for later takes no place, not even while it is queued.
    scene.create("b", |_| {});
    scene.create("latest", starting("2026-01-01T00:02:00Z"));
    scene.create("never", starting("2026-01-01T00:02:00Z"));
    assert_eq!(scene.cancel("never"), ["finished never"]);
    refused(&mut scene, None);
    let now = scene.clock.now().wall;
    refused(&mut scene, Some(now));
    scene.targets("b", 1, &[]);
    // Due jobs pass the limit, and count from then on.
    assert_eq!(scene.pass(Duration::from_secs(60)), ["select later"]);
    assert_eq!(scene.targets("later", 1, &[]), ["send later 0..1"]);
    assert_eq!(scene.reply("a", 0..1), ["finished a"]);
    refused(&mut scene, None);
    assert_eq!(scene.reply("b", 0..1), ["finished b"]);
    scene.create("c", |_| {});
    refused(&mut scene, None);
}

#[test]
fn jobs_are_listed_newest_first_then_by_id() {
    let mut scene = Scene::new();
    scene.create("old", |_| {});
    scene.clock.advance(HOUR);
    scene.create("b", |_| {});
    scene.create("a", |_| {});
    let ids: Vec<_> = scene.scheduler.jobs().map(|job| job.id().as_str()).collect();
    assert_eq!(ids, ["a", "b", "old"]);
}

#[test]
fn answers_for_unknown_jobs_change_nothing() {
    let mut scene = Scene::new();
    assert_eq!(scene.targets("x", 1, &[]), NONE);
    assert_eq!(scene.patched("x", 0..1), NONE);
    assert_eq!(scene.reply("x", 0..1), NONE);
    assert_eq!(scene.not_sent("x", 0..1), NONE);
    assert_eq!(scene.scheduler.next_due(), None);
}

#[test]
fn limits_of_zero_stop_nothing() {
    let mut scene = Scene::with(SchedulerLimits {
        in_flight_max: 0,
        job_in_flight_max: 0,
        batch_max: 0,
        patches_max: 0,
        active_jobs_max: 0,
        ..SchedulerLimits::default()
    });
    assert_eq!(scene.call("a", 2), ["send a 0..1"]);
    assert_eq!(scene.reply("a", 0..1), ["send a 1..2"]);
    assert_eq!(scene.reply("a", 1..2), ["finished a"]);
    assert_eq!(scene.patch("b", &[1]), ["patch b 0..1"]);
}
