//! Calling a direct method on every device that matches, answered in this process.

use std::sync::Arc;

use criterion::{Criterion, Throughput};
use twincast::dispatch::{MethodResponse, fn_transport};
use twincast::job::{JobKind, JobRequest, MethodCall};

use crate::fleet::{fresh, name, succeeded};

/// A job from its submission to its end; the handler answers a status, nothing else.
pub(crate) fn jobs(criterion: &mut Criterion) {
    let hub = fresh();
    hub.on_method("ping", Arc::new(fn_transport(|_, _| MethodResponse::status(200))))
        .expect("the name is valid");
    let mut group = criterion.benchmark_group("method");
    for (what, condition) in
        [("match_all", "*"), ("range_1pct", "properties.reported.battery < 10")]
    {
        let hits = hub.select(condition).expect("it is a condition").len();
        group.throughput(Throughput::Elements(hits as u64));
        group.bench_function(name(what, hits), |bencher| {
            bencher.iter(|| {
                let call = MethodCall::new("ping", None).expect("the name is valid");
                let request = JobRequest::new(JobKind::InvokeMethod(call), condition);
                let job = hub.schedule(request).expect("it is valid");
                assert!(job.wait(None).expect("nobody interrupts"), "it waits for the end");
                assert_eq!(succeeded(&job), hits);
            });
        });
    }
    group.finish();
}
