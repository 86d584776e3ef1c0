//! Changing twins: a job over all that match, and one twin.

use std::sync::atomic::{AtomicU64, Ordering};

use criterion::{Criterion, Throughput};
use serde_json::{Value, json};
use twincast::job::{JobKind, JobRequest};

use crate::conditions;
use crate::fleet::{fresh, name, succeeded};

/// A job from its submission to its end: values that change each time, `$version` and metadata.
pub(crate) fn jobs(criterion: &mut Criterion) {
    let hub = fresh();
    let mut group = criterion.benchmark_group("patch");
    for asked in conditions::updated() {
        let condition = asked.text.as_str();
        let hits = hub.select(condition).expect("it is a condition").len();
        group.throughput(Throughput::Elements(hits as u64));
        for (values, body) in [("", body as fn() -> Value), ("/values=5", five_values)] {
            group.bench_function(name(&asked.name, hits) + values, |bencher| {
                bencher.iter(|| {
                    let kind = JobKind::UpdateTwin { body: body() };
                    let job = hub.schedule(JobRequest::new(kind, condition)).expect("it is valid");
                    assert!(job.wait(None).expect("nobody interrupts"), "it waits for the end");
                    assert_eq!(succeeded(&job), hits);
                });
            });
        }
    }
    group.finish();
}

/// `hub.update_twin`: a patch of one twin, which gives the whole twin back.
pub(crate) fn single(criterion: &mut Criterion) {
    let hub = fresh();
    let mut group = criterion.benchmark_group("update_twin");
    group.throughput(Throughput::Elements(1));
    group.bench_function(name("one_value", 1), |bencher| {
        bencher.iter(|| hub.update_twin("dev-0000042", &body(), None).expect("it is there"));
    });
    group.finish();
}

/// A patch that no twin has seen.
fn body() -> Value {
    static VALUE: AtomicU64 = AtomicU64::new(1_000);
    let value = VALUE.fetch_add(1, Ordering::Relaxed);
    json!({"etag": "*", "properties": {"desired": {"telemetryInterval": value}}})
}

/// The same with five values: a number, texts, and two places that no twin has before.
fn five_values() -> Value {
    let mut body = body();
    let desired = &mut body["properties"]["desired"];
    let value = desired["telemetryInterval"].clone();
    desired["mode"] = "eco".into();
    desired["window"] = json!({"from": value, "until": "2026-12-01T00:00:00Z"});
    desired["wave"] = format!("wave {value}").into();
    body
}
