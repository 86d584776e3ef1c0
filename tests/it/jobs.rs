//! Jobs from the outside: schedules, handlers that misbehave, cancelling, fairness, threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crossbeam::channel::{bounded, unbounded};
use serde_json::{Value, json};
use twincast::dispatch::{Latency, MethodResponse, SimulatedFleet, fn_transport};
use twincast::job::{JobKind, JobRequest, JobStatus, JobType, MethodCall};
use twincast::{Clock, ErrorKind, Hub, ImportOptions, Job, ManualClock, Timestamp};

/// Longer than anything here takes; reached only if something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

fn hub_of(devices: usize) -> Hub {
    fill(Hub::new().expect("threads can be started"), devices)
}

fn fill(hub: Hub, devices: usize) -> Hub {
    let lines: String =
        (0..devices).map(|number| format!("{{\"deviceId\": \"d{number}\"}}\n")).collect();
    hub.import_ndjson(lines.as_bytes(), ImportOptions::default()).expect("the twins are good");
    hub
}

fn method(name: &str, condition: &str) -> JobRequest {
    let call = MethodCall::new(name, Some(json!({"n": 1}))).expect("the name is good");
    JobRequest::new(JobKind::InvokeMethod(call), condition)
}

fn update(body: Value, condition: &str) -> JobRequest {
    JobRequest::new(JobKind::UpdateTwin { body }, condition)
}

fn finish(job: &Job) {
    assert!(job.wait(Some(PATIENCE)).expect("the hub is open"), "{job:?} does not end");
    let statistics = job.statistics().expect("the job is there");
    let sum = statistics.succeeded_count
        + statistics.failed_count
        + statistics.running_count
        + statistics.pending_count;
    assert_eq!(sum, statistics.device_count);
}

/// The `column` of the results, by device.
fn results(job: &Job, column: &str) -> Vec<(String, Value)> {
    let rows = job.results().expect("the job is there").rows_json();
    rows.iter()
        .map(|row| (row["deviceId"].as_str().expect("an id").to_owned(), row[column].clone()))
        .collect()
}

#[test]
fn a_bad_device_fails_alone() {
    let hub = hub_of(2000);
    let handler = fn_transport(|device, payload| match device {
        "d7" => panic!("seven is out of order"),
        "d8" => MethodResponse::text(200, "this is no JSON"),
        "d9" => MethodResponse::text(200, format!("\"{}\"", "x".repeat(200_000))),
        "d10" => MethodResponse::json(503, &json!({"busy": true})),
        _ => MethodResponse::json(200, &json!({"got": payload.cloned()})),
    });
    hub.on_method("blink", Arc::new(handler)).expect("the name is good");
    let job = hub.schedule(method("blink", "*")).expect("the request is good");
    finish(&job);
    assert_eq!(job.status().expect("it is there"), JobStatus::Completed);
    let statistics = job.statistics().expect("it is there");
    assert_eq!((statistics.succeeded_count, statistics.failed_count), (1997, 3));
    let errors = results(&job, "errorDescription");
    assert!(errors[7].1.as_str().is_some_and(|text| text.contains("seven is out of order")));
    let statuses = results(&job, "responseStatus");
    assert_eq!((&statuses[10].1, &statuses[11].1), (&json!(503), &json!(200)));
    let payloads = results(&job, "responsePayload");
    assert_eq!(payloads[11].1, json!({"got": {"n": 1}}));

    // The same rows through the query language.
    let query = format!(
        "SELECT * FROM devices.jobs WHERE devices.jobs.jobId = '{}' AND devices.jobs.status = 'failed'",
        job.id()
    );
    let rows = hub.query(&query).expect("the query is good").rows_json();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0]["deviceId"], json!("d7"));
    assert_eq!(rows[0]["error"]["code"], json!("500001"));
    let groups = hub
        .query("SELECT status, COUNT() AS n FROM devices.jobs GROUP BY status")
        .expect("the query is good")
        .rows_json();
    assert_eq!(
        groups,
        [json!({"status": "completed", "n": 1997}), json!({"status": "failed", "n": 3})]
    );
}

#[test]
fn a_handler_may_call_back_into_the_hub() {
    let hub = hub_of(300);
    let inner = hub.clone();
    let handler = fn_transport(move |device, _| {
        let report = json!({"seen": true});
        inner.report_properties(device, &report).expect("the device exists");
        inner.select("properties.reported.seen = true").expect("it is a condition");
        if device == "d5" {
            let job = inner.schedule(update(json!({"tags": {"from": device}}), "deviceId = 'd5'"));
            finish(&job.expect("the request is good"));
        }
        200.into()
    });
    hub.on_method("report", Arc::new(handler)).expect("the name is good");
    let job = hub.schedule(method("report", "*")).expect("the request is good");
    finish(&job);
    assert_eq!(job.statistics().expect("it is there").succeeded_count, 300);
    assert_eq!(
        hub.select("properties.reported.seen = true").expect("it is a condition").len(),
        300
    );
    assert_eq!(hub.twin("d5").expect("it exists")["tags"]["from"], json!("d5"));
    hub.close();
}

#[test]
fn a_handler_may_close_the_hub() {
    let hub = hub_of(50);
    let inner = hub.clone();
    let (closed, told) = bounded(50);
    let handler = fn_transport(move |_, _| {
        inner.close();
        let _ = closed.send(());
        200.into()
    });
    hub.on_method("close", Arc::new(handler)).expect("the name is good");
    let job = hub.schedule(method("close", "*")).expect("the request is good");
    told.recv_timeout(PATIENCE).expect("close returns inside a handler");
    assert_eq!(job.status().expect_err("the hub is closed").kind(), ErrorKind::Closed);
    assert_eq!(hub.twin("d1").expect_err("the hub is closed").kind(), ErrorKind::Closed);
    assert_eq!(hub.select("*").expect_err("the hub is closed").kind(), ErrorKind::Closed);
    hub.close();
}

#[test]
fn without_a_handler_no_device_is_there() {
    let hub = hub_of(3);
    let job = hub.schedule(method("nobody", "*")).expect("the request is good");
    finish(&job);
    assert_eq!(job.statistics().expect("it is there").failed_count, 3);
    assert_eq!(results(&job, "errorCode")[0].1, json!("404103"));
    let nothing = hub.schedule(method("nobody", "deviceId = 'gone'")).expect("the request is good");
    finish(&nothing);
    assert_eq!(nothing.status().expect("it is there"), JobStatus::Completed);
    assert_eq!(nothing.statistics().expect("it is there").device_count, 0);
}

#[test]
fn a_simulated_fleet_repeats_itself() {
    let outcome = || {
        let hub = hub_of(20_000);
        let fleet = SimulatedFleet {
            seed: 11,
            latency: Latency::Fixed(Duration::from_millis(20)),
            offline_share: 0.1,
            failure_share: 0.05,
            no_reply_share: 0.0,
        };
        hub.simulate_devices(fleet).expect("the shares are good");
        let job = hub.schedule(method("reboot", "*")).expect("the request is good");
        finish(&job);
        let failed = job.statistics().expect("it is there").failed_count;
        assert!((1500..2500).contains(&failed), "{failed} of 20,000 are offline");
        results(&job, "responseStatus")
    };
    let first = outcome();
    let refused = first.iter().filter(|(_, status)| *status == json!(500)).count();
    assert!((700..1100).contains(&refused), "{refused} of 18,000 answer 500");
    assert_eq!(first, outcome());
}

#[test]
fn a_job_waits_for_its_time_and_not_longer() {
    let clock = ManualClock::at(Timestamp::parse("2026-03-01T00:00:00Z").expect("a time"));
    let hub =
        Hub::builder().clock(Arc::new(clock.clone())).build().expect("threads can be started");
    let hub = fill(hub, 10);
    let mut request = update(json!({"tags": {"night": true}}), "*");
    request.start_time = Some(Timestamp::parse("2026-03-01T02:00:00Z").expect("a time"));
    let job = hub.schedule(request).expect("the request is good");
    let is = |wanted: JobStatus| {
        // Threads move the job; the clock stands still, so this ends or hangs.
        while job.status().expect("it is there") != wanted {
            std::thread::yield_now();
        }
    };
    is(JobStatus::Scheduled);
    clock.advance(Duration::from_secs(7199));
    assert!(!job.wait(Some(Duration::ZERO)).expect("the hub is open"));
    assert_eq!(job.status().expect("it is there"), JobStatus::Scheduled);
    assert_eq!(hub.select("tags.night = true").expect("it is a condition").len(), 0);
    // A device that comes before the start is part of the job, one that comes later is not.
    hub.create_device("late", &json!({})).expect("the id is new");
    clock.advance(Duration::from_secs(1));
    is(JobStatus::Completed);
    hub.create_device("later", &json!({})).expect("the id is new");
    assert_eq!(hub.select("tags.night = true").expect("it is a condition").len(), 11);
    let record = job.record().expect("it is there");
    assert_eq!(record.end_time().map(|time| time.format(0)), Some("2026-03-01T02:00:00Z".into()));
    assert!(clock.now().wall >= record.start_time());
    // Thirty days later it is forgotten.
    clock.advance(Duration::from_secs(31 * 86_400));
    while job.status().is_ok() {
        std::thread::yield_now();
    }
    assert_eq!(job.status().expect_err("it is purged").kind(), ErrorKind::JobNotFound);
}

#[test]
fn a_hanging_device_times_out_and_its_job_ends() {
    let clock = ManualClock::at(Timestamp::parse("2026-03-01T00:00:00Z").expect("a time"));
    let hub =
        Hub::builder().clock(Arc::new(clock.clone())).build().expect("threads can be started");
    let hub = fill(hub, 200);
    let (hang, release) = bounded::<()>(0);
    let (stuck, is_stuck) = bounded(1);
    let handler = fn_transport(move |device, _| {
        if device == "d3" {
            let _ = stuck.send(());
            let _ = release.recv();
        }
        200.into()
    });
    hub.on_method("wait", Arc::new(handler)).expect("the name is good");
    let job = hub.schedule(method("wait", "*")).expect("the request is good");
    is_stuck.recv_timeout(PATIENCE).expect("the device is called");
    while job.statistics().expect("it is there").succeeded_count < 199 {
        std::thread::yield_now();
    }
    clock.advance(Duration::from_secs(31));
    finish(&job);
    let errors = results(&job, "errorCode");
    assert_eq!(errors[3].1, json!("504101"));
    assert_eq!(job.statistics().expect("it is there").failed_count, 1);
    drop(hang);
}

#[test]
fn nothing_is_called_after_a_cancel() {
    let calls = Arc::new(AtomicU32::new(0));
    let cancelled = Arc::new(AtomicBool::new(false));
    let late = Arc::new(AtomicU32::new(0));
    let hub = hub_of(50_000);
    let (count, is_cancelled, too_late) =
        (Arc::clone(&calls), Arc::clone(&cancelled), Arc::clone(&late));
    let handler = fn_transport(move |_, _| {
        count.fetch_add(1, Ordering::SeqCst);
        if is_cancelled.load(Ordering::SeqCst) {
            too_late.fetch_add(1, Ordering::SeqCst);
        }
        std::thread::yield_now();
        200.into()
    });
    hub.on_method("slow", Arc::new(handler)).expect("the name is good");
    let job = hub.schedule(method("slow", "*")).expect("the request is good");
    while calls.load(Ordering::SeqCst) < 100 {
        std::thread::yield_now();
    }
    job.cancel().expect("it runs");
    cancelled.store(true, Ordering::SeqCst);
    finish(&job);
    let statistics = job.statistics().expect("it is there");
    assert_eq!(job.status().expect("it is there"), JobStatus::Cancelled);
    assert_eq!(statistics.succeeded_count, calls.load(Ordering::SeqCst));
    assert!(statistics.pending_count > 0, "{statistics:?}");
    // A call that was claimed when the cancel came may still enter the handler, one a worker.
    assert!(late.load(Ordering::SeqCst) <= 16, "{late:?} calls came after the cancel");
    job.cancel().expect("twice is fine");
    let canceled =
        results(&job, "status").iter().filter(|(_, status)| *status == json!("canceled")).count();
    assert_eq!(canceled as u32, statistics.pending_count);

    let done = hub.schedule(update(json!({"tags": {"a": 1}}), "deviceId = 'd1'")).expect("good");
    finish(&done);
    let error = done.cancel().expect_err("it is completed");
    assert_eq!(error.kind(), ErrorKind::NotAllowed);
    assert!(error.message().contains("'Completed'"), "{error}");
}

#[test]
fn a_small_job_is_not_held_back_by_a_large_one() {
    let hub = hub_of(100_000);
    let (hold, held) = bounded::<()>(0);
    let stopped = Arc::new(AtomicBool::new(false));
    let is_stopped = Arc::clone(&stopped);
    let slow = fn_transport(move |_, _| {
        if !is_stopped.load(Ordering::Relaxed) {
            // Every call blocks until the test is over.
            let _ = held.recv_timeout(PATIENCE);
        }
        200.into()
    });
    hub.on_method("slow", Arc::new(slow)).expect("the name is good");
    hub.on_method("quick", Arc::new(fn_transport(|_, _| 200.into()))).expect("the name is good");
    let large = hub.schedule(method("slow", "*")).expect("the request is good");
    while large.statistics().expect("it is there").running_count == 0 {
        std::thread::yield_now();
    }
    for _ in 0..20 {
        let small = hub.schedule(method("quick", "deviceId = 'd1'")).expect("the request is good");
        finish(&small);
        assert_eq!(small.statistics().expect("it is there").succeeded_count, 1);
        let small =
            hub.schedule(update(json!({"tags": {"x": 1}}), "deviceId = 'd2'")).expect("good");
        finish(&small);
    }
    assert!(!large.status().expect("it is there").is_final());
    stopped.store(true, Ordering::Relaxed);
    drop(hold);
    finish(&large);
    assert_eq!(large.statistics().expect("it is there").succeeded_count, 100_000);
}

#[test]
fn ids_types_and_statuses_are_found_again() {
    let hub = hub_of(2);
    let mut request = update(json!({"tags": {"a": 1}}), "*");
    request.id = Some(twincast::job::JobId::new("job-1").expect("the id is good"));
    let job = hub.schedule(request.clone()).expect("the id is new");
    assert_eq!(hub.schedule(request).expect_err("the id is taken").kind(), ErrorKind::JobExists);
    finish(&job);
    let other = hub.schedule(method("none", "*")).expect("an id is made up");
    finish(&other);
    assert_ne!(other.id().as_str(), "");
    let ids = |of, status| -> Vec<String> {
        let jobs = hub.jobs(of, status).expect("the hub is open");
        jobs.iter().map(|job| job.id().to_string()).collect()
    };
    assert_eq!(ids(Some(JobType::UpdateTwin), None), ["job-1"]);
    assert_eq!(ids(None, Some(JobStatus::Completed)).len(), 2);
    assert_eq!(ids(None, Some(JobStatus::Running)).len(), 0);
    assert_eq!(hub.job("job-1").expect("it is there").id().as_str(), "job-1");
    assert_eq!(hub.job("job-2").expect_err("no such job").kind(), ErrorKind::JobNotFound);
    hub.purge_job("job-1").expect("it is finished");
    assert_eq!(hub.job("job-1").expect_err("it is purged").kind(), ErrorKind::JobNotFound);
    let error =
        hub.schedule(update(json!({"tags": {}}), "tags.x == 1")).expect_err("it is no condition");
    assert_eq!(error.kind(), ErrorKind::InvalidCondition);
    let error = hub.schedule(update(json!({"desired": {}}), "*")).expect_err("a misspelt root");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(ids(None, None).len(), 1);
}

/// Versions of a twin rise by one with each change, whoever makes it, and never go back.
#[test]
fn threads_and_jobs_agree_on_one_order() {
    const WRITES: i64 = 300;
    const WRITERS: i64 = 4;
    const JOBS: i64 = 20;
    let hub = hub_of(5000);
    let (versions, seen) = unbounded_for_test();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (hub, versions) = (&hub, versions.clone());
            scope.spawn(move || {
                for write in 0..WRITES {
                    let patch = json!({"properties": {"desired": {"w": writer * WRITES + write}}});
                    let twin = hub.update_twin("d17", &patch, None).expect("it exists");
                    let version = &twin["properties"]["desired"]["$version"];
                    let _ = versions.send(version.as_i64().expect("a number"));
                }
            });
        }
        let reader = &hub;
        scope.spawn(move || {
            let mut last = 0;
            for _ in 0..2000 {
                let twin = reader.twin("d17").expect("it exists");
                let version = twin["properties"]["desired"]["$version"].as_i64().expect("a number");
                assert!(version >= last, "{version} after {last}");
                last = version;
                let every = reader.select("*").expect("it is a condition").len();
                assert_eq!(every, 5000);
            }
        });
        for number in 0..JOBS {
            let body = json!({"properties": {"desired": {"job": number}}});
            finish(&hub.schedule(update(body, "*")).expect("the request is good"));
        }
    });
    drop(versions);
    let mut versions: Vec<i64> = seen.iter().collect();
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len() as i64, WRITES * WRITERS, "no two writes share a version");
    let version =
        |id: &str| hub.twin(id).expect("it exists")["properties"]["desired"]["$version"].as_i64();
    assert_eq!(version("d17"), Some(1 + WRITES * WRITERS + JOBS));
    assert_eq!(version("d18"), Some(1 + JOBS));
}

/// A test may collect without bound; its senders end by themselves.
#[expect(clippy::disallowed_methods, reason = "the number of messages is fixed above")]
fn unbounded_for_test() -> (crossbeam::channel::Sender<i64>, crossbeam::channel::Receiver<i64>) {
    unbounded()
}

/// What a job found late must not answer for the next job of that id.
#[test]
fn an_id_that_is_used_again_starts_afresh() {
    let hub = hub_of(20_000);
    let slow: Vec<String> = (0..20).map(|n| format!("CONTAINS(deviceId, 'zz{n}')")).collect();
    let slow = slow.join(" OR ");
    for round in 0..10 {
        for of_method in [false, true] {
            let request = |device: &str| {
                let condition = format!("({slow}) OR deviceId = '{device}'");
                let mut request = if of_method {
                    method("blink", &condition)
                } else {
                    update(json!({"tags": {"round": round, "by": device}}), &condition)
                };
                request.id = Some(twincast::job::JobId::new("again").expect("the id is good"));
                request
            };
            let first = hub.schedule(request("d1")).expect("the id is free");
            while first.status().expect("it is there") == JobStatus::Queued {
                std::thread::yield_now();
            }
            // It may have been quick; either way the id is free after a purge.
            drop(first.cancel());
            finish(&first);
            hub.purge_job("again").expect("it is over");
            let second = hub.schedule(request("d9")).expect("the id is free again");
            finish(&second);
            let devices: Vec<String> =
                results(&second, "status").into_iter().map(|(device, _)| device).collect();
            assert_eq!(devices, ["d9"]);
            hub.purge_job("again").expect("it is over");
        }
    }
}

/// A transport may ask the hub even while it is dropped.
#[test]
fn dropping_a_transport_may_ask_the_hub() {
    struct Curious(twincast::WeakHub, crossbeam::channel::Sender<usize>);
    impl twincast::dispatch::Transport for Curious {
        fn invoke(&self, calls: twincast::dispatch::Calls) {
            while let Some(call) = calls.claim_next() {
                let position = call.position;
                calls.answer(position, MethodResponse::status(200).into());
            }
        }
    }
    impl Drop for Curious {
        fn drop(&mut self) {
            let jobs =
                self.0.upgrade().map_or(0, |hub| hub.jobs(None, None).map_or(0, |it| it.len()));
            let _ = self.1.send(jobs);
        }
    }
    let hub = hub_of(2000);
    let (gone, dropped) = bounded(1);
    hub.on_method("ask", Arc::new(Curious(hub.downgrade(), gone))).expect("the name is good");
    let job = hub.schedule(method("ask", "*")).expect("the request is good");
    hub.remove_method("ask");
    finish(&job);
    assert_eq!(job.statistics().expect("it is there").device_count, 2000);
    dropped.recv_timeout(PATIENCE).expect("it is dropped when its job is done");
}

#[test]
fn a_device_that_is_deleted_is_not_called() {
    // One call at a time, so that the deletions come before the last devices are called.
    let hub = Hub::builder().job_in_flight_max(1).build().expect("threads can be started");
    let hub = fill(hub, 3000);
    let (weak, first) = (hub.downgrade(), AtomicBool::new(true));
    let handler = fn_transport(move |_, _| {
        if first.swap(false, Ordering::SeqCst) {
            let hub = weak.upgrade().expect("the hub is open");
            for number in 2500..3000 {
                hub.delete_device(&format!("d{number}"), None).expect("it exists");
            }
        }
        200.into()
    });
    hub.on_method("m", Arc::new(handler)).expect("the name is good");
    let job = hub.schedule(method("m", "*")).expect("the request is good");
    finish(&job);
    let statistics = job.statistics().expect("it is there");
    assert_eq!((statistics.succeeded_count, statistics.failed_count), (2500, 500));
    assert_eq!(results(&job, "errorCode")[2999].1, json!("404001"));
}

/// A job that removes a key removes it also from devices that came after it was scheduled.
#[test]
fn a_key_that_comes_later_is_removed_all_the_same() {
    let clock = ManualClock::at(Timestamp::parse("2026-03-01T00:00:00Z").expect("a time"));
    let hub =
        Hub::builder().clock(Arc::new(clock.clone())).build().expect("threads can be started");
    let mut request = update(json!({"tags": {"unseen": null, "kept": 1}}), "*");
    request.start_time = Some(Timestamp::parse("2026-03-01T01:00:00Z").expect("a time"));
    let job = hub.schedule(request).expect("the request is good");
    hub.create_device("d1", &json!({"tags": {"unseen": 5}})).expect("the id is new");
    clock.advance(Duration::from_secs(3600));
    finish(&job);
    assert_eq!(hub.twin("d1").expect("it exists")["tags"], json!({"kept": 1}));
}
