//! Jobs and their rows as they are written on the wire, and counts that add up.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::job::{JobKind, MethodCall};
use crate::{Clock, ManualClock};

fn clock() -> ManualClock {
    ManualClock::at(Timestamp::parse("2026-01-02T03:04:05.1234567Z").unwrap())
}

fn record(kind: JobKind, clock: &ManualClock) -> JobRecord {
    let request = JobRequest {
        max_execution: Duration::from_millis(59_001),
        ..JobRequest::new(kind, "tags.a = 1")
    };
    JobRecord::new(JobId::new("job01").unwrap(), request, clock.now())
}

fn method() -> JobKind {
    JobKind::InvokeMethod(MethodCall::new("reboot", Some(json!([1]))).unwrap())
}

#[test]
fn a_method_job_is_written_member_by_member() {
    let clock = clock();
    let mut job = record(method(), &clock);
    assert_eq!(
        job.to_json(),
        json!({
            "jobId": "job01",
            "queryCondition": "tags.a = 1",
            "createdTime": "2026-01-02T03:04:05.1234567Z",
            "startTime": "2026-01-02T03:04:05.1234567Z",
            "maxExecutionTimeInSeconds": 60,
            "type": "scheduleDeviceMethod",
            "cloudToDeviceMethod": {
                "methodName": "reboot", "payload": [1], "responseTimeoutInSeconds": 30,
                "connectTimeoutInSeconds": 0,
            },
            "status": "queued",
            "deviceJobStatistics": {
                "deviceCount": 0, "failedCount": 0, "succeededCount": 0, "runningCount": 0,
                "pendingCount": 0,
            },
        })
    );
    assert!(job.device_row(0).is_none());
    assert_eq!(job.device_rows().count(), 0);

    clock.advance(Duration::from_secs(1));
    job.start(clock.now());
    job.set_targets(5);
    job.begin(0..4, clock.now());
    clock.advance(Duration::from_millis(250));
    let answered = |payload: Option<&str>| CallResult::Answered {
        status: 404,
        payload: payload.map(Into::into),
    };
    let offline = Failure::new(404_103, "Timed out waiting for device to connect.");
    let replies = [answered(Some("{\"a\": 1.0}")), answered(None), CallResult::Failed(offline)];
    let replies: Vec<_> =
        (0..).zip(replies).map(|(position, result)| Reply::one(position, result)).collect();
    assert_eq!(job.record(replies, clock.now()), 3);

    let started = "2026-01-02T03:04:06.1234567";
    let row = |device: u32, status: &str, updated: &str, rest: Value| {
        let mut row = json!({
            "deviceId": format!("d{device}"),
            "jobId": "job01",
            "jobType": "scheduleDeviceMethod",
            "status": status,
            "startTimeUtc": started,
            "endTimeUtc": "2026-01-02T03:05:05.1244567",
            "createdDateTimeUtc": "2026-01-02T03:04:05.1234567Z",
            "lastUpdatedDateTimeUtc": updated,
        });
        row.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        row
    };
    let (start, later) = ("2026-01-02T03:04:06.1234567Z", "2026-01-02T03:04:06.3734567Z");
    let response = |payload: Value| json!({"outcome": {"deviceMethodResponse": {"status": 404, "payload": payload}}});
    let error = json!({
        "error": {"code": "404103", "description": "Timed out waiting for device to connect."},
    });
    for (device, expected) in (0..).zip([
        row(0, "completed", later, response(json!({"a": 1.0}))),
        row(1, "completed", later, response(json!(null))),
        row(2, "failed", later, error),
        row(3, "running", start, json!({})),
        row(4, "pending", start, json!({})),
    ]) {
        let id = format!("d{device}");
        assert_eq!(job.device_row(device).unwrap().to_json(&id), expected);
    }

    clock.advance(Duration::from_secs(1));
    job.fail_running(clock.now());
    job.finish(JobStatus::Cancelled, clock.now());
    let whole = job.to_json();
    assert_eq!(whole["status"], "cancelled");
    assert_eq!(whole["endTime"], "2026-01-02T03:04:07.3734567Z");
    let counts = json!({
        "deviceCount": 5, "failedCount": 2, "succeededCount": 2, "runningCount": 0,
        "pendingCount": 1,
    });
    assert_eq!(whole["deviceJobStatistics"], counts);
    let rows: Vec<_> = job.device_rows().map(|(range, row)| (range, row.status.as_str())).collect();
    assert_eq!(
        rows,
        [
            (0..1, "completed"),
            (1..2, "completed"),
            (2..3, "failed"),
            (3..4, "failed"),
            (4..5, "canceled")
        ]
    );
}

#[test]
fn a_twin_job_is_written_member_by_member() {
    let clock = clock();
    let body = json!({"etag": "x", "tags": {"b": null}, "properties": {"reported": {}}});
    let mut job = record(JobKind::UpdateTwin { body }, &clock);
    job.start(clock.now());
    job.set_targets(3);
    job.begin(0..3, clock.now());
    let gone = Failure::new(404_001, "device `d1` was deleted");
    // A position outside the chunk does not count.
    job.patched(0..2, vec![(1, gone.clone()), (2, gone)], clock.now());
    let whole = job.to_json();
    assert_eq!(whole["type"], "scheduleUpdateTwin");
    assert_eq!(whole["updateTwin"], json!({"deviceId": null, "etag": "*", "tags": {"b": null}}));
    assert!(whole.get("cloudToDeviceMethod").is_none());
    assert_eq!(
        job.device_row(0).unwrap().to_json("d0")["outcome"],
        json!({"deviceMethodResponse": null})
    );
    assert_eq!(job.device_row(1).unwrap().to_json("d1")["error"]["code"], "404001");
    assert_eq!(job.device_row(2).unwrap().status, Running);
}

#[test]
fn a_failed_job_says_why() {
    let clock = clock();
    let mut job = record(method(), &clock);
    job.set_failure(Failure::new(400_004, "the condition is wrong"));
    job.finish(JobStatus::Failed, clock.now());
    let whole = job.to_json();
    assert_eq!(
        (&whole["status"], &whole["failureReason"]),
        (&json!("failed"), &json!("the condition is wrong"))
    );
    assert!(whole.get("statusMessage").is_none());
}

#[test]
fn what_ran_out_of_time_says_so() {
    let clock = clock();
    let mut job = record(method(), &clock);
    job.start(clock.now());
    job.set_targets(200_000);
    job.begin(0..1_000, clock.now());
    clock.advance(Duration::from_secs(60));
    job.fail_running(clock.now());
    job.fail_pending(clock.now());
    job.finish(JobStatus::Completed, clock.now());
    assert_eq!(job.statistics().failed_count, 200_000);
    assert_eq!(job.to_json()["statusMessage"], TIME_IS_UP);
    assert_eq!(job.device_row(199_999).unwrap().error().unwrap().code, GENERIC_TIMEOUT);
    assert!(job.device_rows().count() <= 4, "devices that fail alike stay one run a page");
}

#[test]
fn what_is_given_back_is_pending_again() {
    let clock = clock();
    let mut job = record(method(), &clock);
    job.start(clock.now());
    job.set_targets(100);
    job.begin(0..50, clock.now());
    let reply = Reply::one(10, CallResult::Answered { status: 200, payload: None });
    job.record(vec![reply], clock.now());
    assert_eq!(job.give_back(5..60, clock.now()), [5..10, 11..50]);
    assert_eq!(job.give_back(5..60, clock.now()), []);
    let counts = job.statistics();
    assert_eq!((counts.running_count, counts.pending_count, counts.succeeded_count), (5, 94, 1));
}
