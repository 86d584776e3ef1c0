//! Patches of single twins from several threads, alone and beside scans.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use serde_json::json;
use twincast::Hub;

use crate::fleet::{fresh, rows, time};

/// Threads that patch.
const THREADS: u64 = 4;
/// What the scans read; the reports below change that very column.
const CONDITION: &str = "properties.reported.temperature >= 22";
/// Patches a second beside which a scan is measured.
const PACE: u64 = 100_000;

/// Throughput in patches a second, then in scanned rows a second.
pub(crate) fn patches(criterion: &mut Criterion) {
    let hub = fresh();
    let mut group = criterion.benchmark_group("point");
    group.throughput(Throughput::Elements(1));
    for kind in ["update_twin", "report_properties"] {
        for scans in [false, true] {
            let beside = if scans { "scans" } else { "nothing" };
            group.bench_function(format!("{kind}/threads={THREADS}/beside={beside}"), |bencher| {
                bencher.iter_custom(|times| {
                    let done = AtomicBool::new(!scans);
                    thread::scope(|scope| {
                        scope.spawn(|| {
                            while !done.load(Ordering::Relaxed) {
                                hub.select(CONDITION).expect("it is a condition");
                            }
                        });
                        let start = time();
                        patch(&hub, kind, times);
                        let took = time() - start;
                        done.store(true, Ordering::Relaxed);
                        took
                    })
                });
            });
        }
    }
    group.throughput(Throughput::Elements(rows()));
    for kind in ["nothing", "update_twin", "report_properties"] {
        group.bench_function(format!("select/beside={kind}_100k_per_s"), |bencher| {
            bencher.iter_custom(|times| {
                let done = AtomicBool::new(kind == "nothing");
                thread::scope(|scope| {
                    for _ in 0..THREADS {
                        scope.spawn(|| paced(&hub, kind, &done));
                    }
                    let start = time();
                    for _ in 0..times {
                        hub.select(CONDITION).expect("it is a condition");
                    }
                    let took = time() - start;
                    done.store(true, Ordering::Relaxed);
                    took
                })
            });
        });
    }
    group.finish();
}

/// `times` patches from all threads.
fn patch(hub: &Hub, kind: &str, times: u64) {
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let share = times / THREADS + u64::from(thread < times % THREADS);
            scope.spawn(move || (0..share).for_each(|_| one(hub, kind)));
        }
    });
}

/// Patches at this thread's part of the pace, until `done`.
fn paced(hub: &Hub, kind: &str, done: &AtomicBool) {
    let (start, mut patched) = (time(), 0);
    while !done.load(Ordering::Relaxed) {
        let due =
            ((time() - start).as_nanos() as u64).saturating_mul(PACE / THREADS) / 1_000_000_000;
        if patched < due {
            one(hub, kind);
            patched += 1;
        } else {
            thread::sleep(Duration::from_micros(200));
        }
    }
}

/// A patch of some device with a value of its own.
fn one(hub: &Hub, kind: &str) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    // All over the fleet, by the golden ratio.
    let id = format!("dev-{:07}", 1 + number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % rows());
    match kind {
        "update_twin" => {
            let body = json!({"properties": {"desired": {"telemetryInterval": 10 + number % 300}}});
            black_box(hub.update_twin(&id, &body, None).expect("it is there"));
        }
        _ => {
            let body = json!({"temperature": (number % 400) as f64 / 10.0});
            black_box(hub.report_properties(&id, &body).expect("it is there"));
        }
    }
}
