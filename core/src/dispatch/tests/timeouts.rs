//! Time-outs: on the monotonic clock, never early, for each style.

use std::time::Duration;

use crossbeam::channel::{Receiver, bounded};

use super::{Bench, LONG, position_of};
use crate::clock::Timestamp;
use crate::dispatch::{Calls, Style, Transport, batch_transport, fn_transport};

const SECOND: Duration = Duration::from_secs(1);

/// Nothing more comes for a good while of real time.
fn quiet(bench: &Bench) {
    let surprise = bench.completions.recv_timeout(Duration::from_millis(60));
    assert!(surprise.is_err(), "{surprise:?}");
}

#[test]
fn a_hanging_call_fails_at_its_time_out_and_its_late_answer_is_dropped() {
    let (mut bench, clock) = Bench::manual();
    let (release, released) = bounded::<()>(0);
    let (started, has_started) = bounded(1);
    bench.run(
        1,
        2_000,
        fn_transport(move |id, _| {
            if position_of(id) == 300 {
                started.send(()).unwrap();
                let _ = released.recv();
            }
            200.into()
        }),
    );
    has_started.recv_timeout(LONG).unwrap();
    bench.wait(1_999);
    clock.advance(29 * SECOND);
    clock.set_wall(Timestamp::parse("2036-01-01T00:00:00Z").unwrap());
    quiet(&bench);
    clock.set_wall(Timestamp::parse("2016-01-01T00:00:00Z").unwrap());
    clock.advance(SECOND);
    bench.wait(2_000);
    assert_eq!(bench.code(1, 300), 504_101);
    assert_eq!(bench.text(1, 300), "Timed out waiting for the response from device.");
    drop(release);
    quiet(&bench);
}

#[test]
fn a_hanging_batch_fails_as_one() {
    let (mut bench, clock) = Bench::manual();
    let (release, released) = bounded::<()>(0);
    let (started, has_started) = bounded(4);
    bench.run(
        1,
        1_500,
        batch_transport(move |batch| {
            if batch.len() == 1_024 {
                started.send(()).unwrap();
                let _ = released.recv();
            }
            vec![200.into(); batch.len()]
        }),
    );
    has_started.recv_timeout(LONG).unwrap();
    bench.wait(476);
    clock.advance(30 * SECOND);
    bench.wait(1_500);
    assert_eq!(bench.codes(1), [(200, 476), (504_101, 1_024)].into());
    drop(release);
}

/// Claims nothing and hangs.
struct Lazy(Receiver<()>);

impl Transport for Lazy {
    fn invoke(&self, _calls: Calls) {
        let _ = self.0.recv();
    }
}

#[test]
fn a_transport_that_hangs_without_a_claim_fails_its_batch() {
    let (mut bench, clock) = Bench::manual();
    let (release, released) = bounded::<()>(0);
    bench.run(1, 10, Lazy(released));
    super::until("time runs out", || {
        clock.advance(SECOND);
        !bench.completions.is_empty()
    });
    bench.wait(10);
    assert_eq!(bench.codes(1), [(504_101, 10)].into());
    drop(release);
}

/// Keeps all calls and answers none.
struct Silent;

impl Transport for Silent {
    fn invoke(&self, calls: Calls) {
        if position_of(calls.device_id(calls.claim_all().start)) == 0 {
            calls.leave_to_time_out();
        } else {
            std::mem::forget(calls);
        }
    }

    fn style(&self) -> Style {
        Style::Deferred
    }
}

#[test]
fn deferred_calls_fail_at_their_deadline() {
    let (mut bench, clock) = Bench::manual();
    bench.run(1, 1_500, Silent);
    super::until("all is invoked", || {
        let board = bench.dispatcher.shared.board.lock();
        board.lanes[&1].deadlines.len() == 2
    });
    clock.advance(29 * SECOND);
    quiet(&bench);
    clock.advance(SECOND);
    bench.wait(1_500);
    assert_eq!(bench.codes(1), [(504_101, 1_500)].into());
}

#[test]
fn a_closed_job_reports_nothing_more() {
    let (bench, clock) = Bench::manual();
    bench.run(1, 1_500, Silent);
    drop(bench.dispatcher.close(1));
    clock.advance(31 * SECOND);
    quiet(&bench);
}
