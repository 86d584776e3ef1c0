//! The simulated fleet: reproducible, in its shares, in the time of its clock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Bench, Devices, until};
use crate::clock::{ManualClock, SystemClock};
use crate::dispatch::{Latency, SimulatedFleet};
use crate::job::CallResult;

const MS: Duration = Duration::from_millis(1);

fn fleet() -> SimulatedFleet {
    SimulatedFleet {
        seed: 42,
        latency: Latency::LogNormal { median: 5 * MS, p99: 50 * MS },
        offline_share: 0.1,
        failure_share: 0.2,
        no_reply_share: 0.05,
    }
}

fn outcomes(fleet: SimulatedFleet, batch_max: u32) -> BTreeMap<(u64, u32), CallResult> {
    let (mut bench, clock) = Bench::manual();
    let limits = crate::dispatch::DispatchLimits { batch_max, ..Default::default() };
    let _ = std::mem::replace(&mut bench, Bench::with(limits, clock.clone()));
    let transport = fleet.into_transport(Arc::new(clock.clone())).unwrap();
    bench.run(1, 20_000, transport);
    until("all have answered", || {
        clock.advance(SECOND);
        while let Ok(completion) = bench.completions.try_recv() {
            bench.take(completion);
        }
        bench.replies.len() == 20_000
    });
    bench.replies
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_same_seed_gives_the_same_outcomes() {
    let first = outcomes(fleet(), 1_024);
    assert_eq!(first, outcomes(fleet(), 100));
    assert_ne!(first, outcomes(SimulatedFleet { seed: 43, ..fleet() }, 1_024));
    let share = |code: u32| {
        let has = |result: &&CallResult| match result {
            CallResult::Answered { status, .. } => *status == code as i32,
            CallResult::Failed(failure) => failure.code == code,
        };
        first.values().filter(has).count() as f64 / 20_000.0
    };
    assert!((share(404_103) - 0.1).abs() < 0.01);
    assert!((share(504_101) - 0.9 * 0.05).abs() < 0.01);
    assert!((share(500) - 0.9 * 0.2).abs() < 0.01);
    assert!((share(200) - 0.9 * 0.75).abs() < 0.01);
}

fn run_with(latency: Latency, connect_timeout: Duration) -> (Bench, ManualClock) {
    let (bench, clock) = Bench::manual();
    let fleet = SimulatedFleet { latency, offline_share: 0.5, ..fleet() };
    let transport = Arc::new(fleet.into_transport(Arc::new(clock.clone())).unwrap());
    let method = crate::job::MethodCall { connect_timeout, ..(*super::method()).clone() };
    drop(bench.dispatcher.open(1, Arc::new(method), Devices::new(1_000), transport));
    bench.dispatcher.send(1, 0..1_000);
    (bench, clock)
}

#[test]
fn offline_devices_fail_after_the_connect_time_out() {
    let (mut bench, _clock) = run_with(Latency::Fixed(SECOND), Duration::ZERO);
    let completion = bench.completions.recv_timeout(super::LONG).unwrap();
    bench.take(completion);
    let codes = bench.codes(1);
    assert_eq!(codes.keys().copied().collect::<Vec<_>>(), [404_103]);
    assert!((400..600).contains(&codes[&404_103]), "{codes:?}");

    let (mut bench, clock) = run_with(Latency::Fixed(Duration::ZERO), 10 * SECOND);
    let completion = bench.completions.recv_timeout(super::LONG).unwrap();
    bench.take(completion);
    assert!(!bench.codes(1).contains_key(&404_103));
    let before = bench.replies.len();
    clock.advance(10 * SECOND);
    until("the offline devices have failed", || {
        while let Ok(completion) = bench.completions.try_recv() {
            bench.take(completion);
        }
        bench.codes(1).contains_key(&404_103)
    });
    assert!(bench.replies.len() > before + 400);
}

#[test]
fn stopping_in_the_middle_leaves_nothing_behind() {
    let clock = Arc::new(SystemClock::new());
    let bench = Bench::new();
    let slow = SimulatedFleet { latency: Latency::Fixed(20 * SECOND), ..fleet() };
    let transport = Arc::new(slow.into_transport(clock).unwrap());
    let weak = Arc::downgrade(&transport);
    drop(bench.dispatcher.open(1, super::method(), Devices::new(50_000), transport));
    bench.dispatcher.send(1, 0..50_000);
    bench.completions.recv_timeout(super::LONG).unwrap();
    drop(bench.dispatcher.close(1));
    until("the transport is dropped", || weak.strong_count() == 0);
}
