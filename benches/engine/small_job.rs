//! How long a job of one device takes to reach it while a job of the whole fleet runs.
//!
//! Not the mean is measured but the median and the 99th percentile: what criterion reports as the
//! time of `p99` is that of one job in a hundred, over each sample of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use criterion::Criterion;
use crossbeam::channel::{Receiver, bounded};
use serde_json::json;
use twincast::Hub;
use twincast::dispatch::{MethodResponse, fn_transport};
use twincast::job::{JobKind, JobRequest, MethodCall};

use crate::fleet::{fresh, rows, time};

/// Small jobs in a sample: enough for one in a hundred to be five of them.
const JOBS: u64 = 500;
/// The pause between two, so that they meet a large job at any of its moments.
const PAUSE: Duration = Duration::from_micros(700);

/// From `schedule` to the device's call or to its patched twin.
pub(crate) fn latency(criterion: &mut Criterion) {
    let hub = fresh();
    let (sender, called) = bounded(16);
    let note = move |_: &str, _: Option<&serde_json::Value>| {
        let _ = sender.send(time());
        MethodResponse::status(200)
    };
    hub.on_method("note", Arc::new(fn_transport(note))).expect("the name is valid");
    let quick = fn_transport(|_, _| MethodResponse::status(200));
    hub.on_method("quick", Arc::new(quick)).expect("the name is valid");

    let mut group = criterion.benchmark_group("small_job");
    for beside in ["nothing", "twin_job", "method_job"] {
        for small in ["twin", "method"] {
            for (what, share) in [("p50", 0.5), ("p99", 0.99)] {
                group.bench_function(format!("{small}/beside={beside}/{what}"), |bencher| {
                    bencher.iter_custom(|times| {
                        let busy = Busy::new(&hub, beside);
                        let took = percentile(share, || one(&hub, small, &called));
                        drop(busy);
                        took.mul_f64(times as f64)
                    });
                });
            }
        }
    }
    group.finish();
}

fn percentile(share: f64, mut one: impl FnMut() -> Duration) -> Duration {
    let jobs = if cfg!(debug_assertions) { 3 } else { JOBS };
    let mut times: Vec<Duration> = (0..jobs)
        .map(|_| {
            std::thread::sleep(PAUSE);
            one()
        })
        .collect();
    times.sort_unstable();
    times[((jobs as f64 * share) as usize).min(times.len() - 1)]
}

/// A job on one device, found by its id.
fn one(hub: &Hub, small: &str, called: &Receiver<Duration>) -> Duration {
    let kind = match small {
        "twin" => JobKind::UpdateTwin { body: json!({"tags": {"mark": "x"}}) },
        _ => JobKind::InvokeMethod(MethodCall::new("note", None).expect("the name is valid")),
    };
    let start = time();
    let job = hub.schedule(JobRequest::new(kind, "deviceId = 'dev-0000042'"));
    let job = job.expect("it is valid");
    let reached = if small == "twin" {
        assert!(job.wait(None).expect("nobody interrupts"), "it waits for the end");
        time()
    } else {
        let reached = called.recv().expect("the hub keeps the handler");
        assert!(job.wait(None).expect("nobody interrupts"), "it waits for the end");
        reached
    };
    hub.purge_job(job.id().as_str()).expect("it is finished");
    reached - start
}

/// Jobs over the whole fleet, one after the other, until this is dropped.
struct Busy {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Busy {
    fn new(hub: &Hub, with: &'static str) -> Self {
        let (hub, stop) = (hub.clone(), Arc::new(AtomicBool::new(with == "nothing")));
        let stopped = Arc::clone(&stop);
        let body = move || {
            let mut value = 0;
            while !stopped.load(Ordering::Relaxed) {
                value += 1;
                let kind = match with {
                    "twin_job" => JobKind::UpdateTwin {
                        body: json!({"properties": {"desired": {"telemetryInterval": value}}}),
                    },
                    _ => JobKind::InvokeMethod(
                        MethodCall::new("quick", None).expect("the name is valid"),
                    ),
                };
                let job = hub.schedule(JobRequest::new(kind, "*")).expect("it is valid");
                assert!(job.wait(None).expect("nobody interrupts"), "it waits for the end");
                let done = job.statistics().expect("the hub is open").succeeded_count;
                assert_eq!(u64::from(done), rows());
                hub.purge_job(job.id().as_str()).expect("it is finished");
            }
        };
        Self { stop, thread: Some(std::thread::spawn(body)) }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("no job failed");
        }
    }
}
