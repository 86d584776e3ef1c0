//! Calling a direct method on every device that matches, answered in this process.

use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use twincast::dispatch::{
    Latency, MethodResponse, SimulatedFleet, Transport, batch_transport, fn_transport,
};
use twincast::job::{JobKind, JobRequest, MethodCall};
use twincast::{Hub, SystemClock};

use crate::fleet::{fresh, name, succeeded, time};

/// A job from its submission to its end, through each transport; outcomes are kept until the end,
/// and forgotten where no clock runs.
pub(crate) fn jobs(criterion: &mut Criterion) {
    let hub = fresh();
    for (method, transport) in transports() {
        hub.on_method(method, transport).expect("the name is valid");
    }
    let mut group = criterion.benchmark_group("method");
    for (what, method, condition) in [
        ("match_all", "status", "*"),
        ("range_1pct", "status", "properties.reported.battery < 10"),
        ("payload", "payload", "*"),
        ("batch", "batch", "*"),
        ("simulated", "simulated", "*"),
    ] {
        let hits = hub.select(condition).expect("it is a condition").len();
        group.throughput(Throughput::Elements(hits as u64));
        group.bench_function(name(what, hits), |bencher| {
            bencher
                .iter_custom(|times| (0..times).map(|_| job(&hub, method, condition, hits)).sum());
        });
    }
    group.finish();
}

/// What answers: a status alone, a payload of its own for each device, a status by its own choice
/// for a batch at a time, and devices that take a millisecond.
fn transports() -> [(&'static str, Arc<dyn Transport>); 4] {
    let payload = |id: &str| MethodResponse::text(200, format!("{{\"id\":\"{id}\"}}"));
    let status = |id: &str| MethodResponse::status(200 + i32::from(id.ends_with('7')));
    let fleet = SimulatedFleet {
        latency: Latency::Fixed(Duration::from_millis(1)),
        ..SimulatedFleet::default()
    };
    let devices = fleet.into_transport(Arc::new(SystemClock::new())).expect("it makes sense");
    [
        ("status", Arc::new(fn_transport(|_, _| MethodResponse::status(200)))),
        ("payload", Arc::new(fn_transport(move |id, _| payload(id)))),
        ("batch", Arc::new(batch_transport(move |batch| batch.device_ids().map(status).collect()))),
        ("simulated", Arc::new(devices)),
    ]
}

fn job(hub: &Hub, method: &str, condition: &str, hits: usize) -> Duration {
    let call = MethodCall::new(method, None).expect("the name is valid");
    let request = JobRequest::new(JobKind::InvokeMethod(call), condition);
    let start = time();
    let job = hub.schedule(request).expect("it is valid");
    assert!(job.wait(None).expect("nobody interrupts"), "it waits for the end");
    let took = time() - start;
    assert_eq!(succeeded(&job), hits);
    hub.purge_job(job.id().as_str()).expect("it is finished");
    took
}
