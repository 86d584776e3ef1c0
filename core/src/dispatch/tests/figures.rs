//! Figures, for a release build:
//! `cargo test --release -p twincast --lib dispatch::tests::figures -- --ignored --nocapture`

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::bounded;

use super::{Devices, LONG, method};
use crate::clock::{Clock, SystemClock};
use crate::dispatch::{
    Completion, DispatchLimits, Dispatcher, Latency, MethodResponse, SimulatedFleet, Transport,
    batch_transport, fn_transport,
};

const MILLION: u32 = 1_000_000;

#[test]
#[ignore = "prints figures"]
fn calls_per_second() {
    let shared: Arc<str> = r#"{"uptime":12}"#.into();
    let (one, two) = (Arc::clone(&shared), shared);
    measure("fn, status only", 30, fn_transport(|_, _| 200.into()));
    measure("batch, status only", 30, batch_transport(|batch| vec![200.into(); batch.len()]));
    let text = fn_transport(move |_, _| MethodResponse::text(200, Arc::clone(&one)));
    measure("fn, shared payload", 10, text);
    let copied = fn_transport(move |_, _| MethodResponse::text(200, &*two));
    measure("fn, payload of its own", 10, copied);
    let none = SimulatedFleet { latency: Latency::Fixed(Duration::ZERO), ..Default::default() };
    let none = none.into_transport(Arc::new(SystemClock::new())).unwrap();
    measure("simulated, no latency", 10, none);
}

#[expect(clippy::print_stdout, reason = "this is what it is for")]
fn measure(name: &str, rounds: u32, transport: impl Transport) {
    let (sender, completions) = bounded::<Completion>(64);
    let clock = Arc::new(SystemClock::new());
    let dispatcher = Dispatcher::start(DispatchLimits::default(), clock.clone(), sender);
    let (devices, transport) = (Devices::new(MILLION), Arc::new(transport));
    let start = clock.now().monotonic.0;
    for job in 0..u64::from(rounds) {
        drop(dispatcher.open(job, method(), devices.clone(), transport.clone()));
        dispatcher.send(job, 0..MILLION);
        let mut left = MILLION as usize;
        while left > 0 {
            left -= completions.recv_timeout(LONG).unwrap().replies.len();
        }
        drop(dispatcher.close(job));
    }
    let seconds = (clock.now().monotonic.0 - start).as_secs_f64();
    println!("{name:28} {:8.2} M calls/s", f64::from(rounds) / seconds);
}

#[test]
#[ignore = "prints figures"]
#[expect(clippy::print_stdout, reason = "this is what it is for")]
fn one_call_at_a_time() {
    let (sender, completions) = bounded::<Completion>(64);
    let clock = Arc::new(SystemClock::new());
    let dispatcher = Dispatcher::start(DispatchLimits::default(), clock.clone(), sender);
    let transport = Arc::new(fn_transport(|_, _| 200.into()));
    drop(dispatcher.open(1, method(), Devices::new(1), transport));
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..10_000 {
        let start = clock.now().monotonic.0;
        dispatcher.send(1, 0..1);
        assert_eq!(completions.recv_timeout(LONG).unwrap().replies.len(), 1);
        times.push(clock.now().monotonic.0 - start);
    }
    times.sort_unstable();
    println!("one call, sent to reported: p50 {:?}, p99 {:?}", times[5_000], times[9_900]);
}

#[test]
#[ignore = "prints figures"]
#[expect(clippy::print_stdout, reason = "this is what it is for")]
fn a_million_calls_in_flight() {
    let (sender, completions) = bounded::<Completion>(64);
    let clock = Arc::new(SystemClock::new());
    let dispatcher = Dispatcher::start(DispatchLimits::default(), clock.clone(), sender);
    let latency = Latency::Fixed(Duration::from_secs(2));
    let fleet = SimulatedFleet { latency, ..Default::default() }.into_transport(clock.clone());
    let devices = Devices::new(MILLION);
    let before = resident_bytes();
    let start = clock.now().monotonic.0;
    drop(dispatcher.open(1, method(), devices, Arc::new(fleet.unwrap())));
    dispatcher.send(1, 0..MILLION);
    super::until("all are invoked", || {
        let board = dispatcher.shared.board.lock();
        board.turns.is_empty() && board.lanes[&1].deadlines.len() == 977
    });
    let invoked = clock.now().monotonic.0 - start;
    let bytes = resident_bytes().saturating_sub(before);
    let mut left = MILLION as usize;
    while left > 0 {
        left -= completions.recv_timeout(LONG).unwrap().replies.len();
    }
    let all = clock.now().monotonic.0 - start;
    println!("1 M calls: in flight after {invoked:?}, answered after {all:?} at 2 s of latency");
    println!("{:.1} bytes a call while in flight", bytes as f64 / f64::from(MILLION));
}

fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or_default() * 4096
}
