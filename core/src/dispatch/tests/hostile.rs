//! Handlers that panic, hang, count wrongly, or call back.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use crossbeam::channel::bounded;

use super::{Bench, Devices, LONG, count, method, position_of, until};
use crate::dispatch::{
    Calls, Dispatcher, MethodResponse, Style, Transport, batch_transport, fn_transport,
};

#[test]
fn a_panic_fails_its_device_alone() {
    let mut bench = Bench::new();
    bench.run(
        1,
        3_000,
        fn_transport(|id, _| match position_of(id) {
            1_500 => panic!("no such valve: {id}"),
            1_501 => std::panic::panic_any(17),
            _ => 200.into(),
        }),
    );
    bench.wait(3_000);
    assert_eq!(bench.codes(1), [(200, 2_998), (500_001, 2)].into());
    assert_eq!(bench.text(1, 1_500), "The handler panicked: no such valve: device-001500");
    assert_eq!(bench.text(1, 1_501), "The handler panicked: no text");
}

#[test]
fn a_batch_that_panics_fails_alone() {
    let mut bench = Bench::new();
    bench.run(
        1,
        3_000,
        batch_transport(|batch| {
            assert!(batch.device_ids().next() != Some("device-001024"), "planted");
            vec![200.into(); batch.len()]
        }),
    );
    bench.wait(3_000);
    assert_eq!(bench.codes(1), [(200, 3_000 - 1_024), (500_001, 1_024)].into());
}

#[test]
fn wrong_numbers_of_answers_fail_the_batch_with_a_clear_text() {
    let mut bench = Bench::new();
    bench.run(
        1,
        3_000,
        batch_transport(|batch| match batch.device_ids().next() {
            Some("device-000000") => Vec::new(),
            Some("device-001024") => vec![200.into(); batch.len() + 1],
            _ => vec![200.into(); batch.len()],
        }),
    );
    bench.wait(3_000);
    assert_eq!(bench.text(1, 0), "The handler gave 0 answers for a batch of 1024 devices.");
    assert_eq!(bench.text(1, 2_047), "The handler gave 1025 answers for a batch of 1024 devices.");
    assert_eq!(bench.code(1, 2_048), 200);
}

/// Behaves as badly as its function.
struct Bad(Style, Act);

impl Transport for Bad {
    fn invoke(&self, calls: Calls) {
        (self.1)(&calls);
    }

    fn style(&self) -> Style {
        self.0
    }
}

type Act = fn(&Calls);

#[test]
fn transports_that_do_not_do_their_work_fail_their_calls() {
    let cases: [(Style, Act, &str); 6] = [
        (Style::Blocking, |_| {}, "The handler returned without taking this call."),
        (Style::Deferred, |_| {}, "The transport dropped this call without an answer."),
        (
            Style::Blocking,
            |calls| assert!(calls.claim_next().is_some()),
            "The handler returned without an answer for this device.",
        ),
        (
            Style::Deferred,
            |calls| assert!(!calls.claim_all().is_empty()),
            "The transport dropped this call without an answer.",
        ),
        (Style::Blocking, |_| panic!("early"), "The handler panicked: early"),
        (
            Style::Blocking,
            |calls| {
                let _ = calls.claim_all();
                panic!("late")
            },
            "The handler panicked: late",
        ),
    ];
    let mut bench = Bench::new();
    for (job, (style, act, text)) in (0..).zip(cases) {
        bench.run(job, 2_500, Bad(style, act));
        bench.wait(2_500 * (job as usize + 1));
        assert_eq!(bench.text(job, 0), text);
        assert_eq!(bench.codes(job), [(500_001, 2_500)].into());
    }
}

/// A dispatcher that its own handlers can reach.
type Reach = Arc<OnceLock<Weak<Dispatcher>>>;

fn reach(bench: &Bench, cell: &Reach) {
    cell.set(Arc::downgrade(&bench.dispatcher)).unwrap();
}

#[test]
fn a_handler_may_revoke_and_close_and_open_jobs() {
    let mut bench = Bench::new();
    let cell = Reach::default();
    reach(&bench, &cell);
    let (revoked, how_many) = bounded(1);
    let (inner, outer) = (Arc::clone(&cell), Arc::clone(&cell));
    bench.run(
        1,
        50_000,
        fn_transport(move |id, _| {
            if position_of(id) == 10 {
                let dispatcher = inner.get().unwrap().upgrade().unwrap();
                revoked.send(count(&dispatcher.revoke(1).0)).unwrap();
            }
            200.into()
        }),
    );
    let revoked = how_many.recv_timeout(LONG).unwrap();
    bench.wait(50_000 - revoked);
    bench.run(
        2,
        10,
        fn_transport(move |id, _| {
            if position_of(id) == 9 {
                let dispatcher = outer.get().unwrap().upgrade().unwrap();
                drop(dispatcher.close(2));
                let transport = Arc::new(fn_transport(|_, _| 201.into()));
                drop(dispatcher.open(3, method(), Devices::new(5), transport));
                dispatcher.send(3, 0..5);
            }
            200.into()
        }),
    );
    until("job 3 is done", || {
        while let Ok(completion) = bench.completions.try_recv() {
            bench.take(completion);
        }
        bench.codes(3) == [(201, 5)].into()
    });
}

#[test]
fn a_handler_may_shut_everything_down() {
    let bench = Bench::new();
    let cell = Reach::default();
    reach(&bench, &cell);
    let (done, is_done) = bounded(8);
    bench.run(
        1,
        5_000,
        fn_transport(move |_, _| {
            let dispatcher = cell.get().unwrap().upgrade().unwrap();
            dispatcher.shutdown(LONG);
            done.try_send(()).unwrap();
            200.into()
        }),
    );
    is_done.recv_timeout(LONG / 2).unwrap();
    until("the workers have gone", || bench.dispatcher.workers() == 0);
    bench.dispatcher.send(1, 0..1);
    bench.dispatcher.shutdown(LONG);
}

#[test]
fn shutdown_leaves_a_hanging_handler_behind() {
    let bench = Bench::new();
    let (started, has_started) = bounded(1);
    let (release, released) = bounded::<()>(0);
    bench.run(
        1,
        1,
        fn_transport(move |_, _| {
            started.send(()).unwrap();
            let _ = released.recv();
            200.into()
        }),
    );
    has_started.recv_timeout(LONG).unwrap();
    bench.dispatcher.shutdown(Duration::from_millis(20));
    assert_eq!(bench.dispatcher.workers(), 1);
    drop(release);
    until("the worker has gone", || bench.dispatcher.workers() == 0);
    assert!(bench.completions.try_recv().is_err(), "its answer is dropped");
}

#[test]
fn shutdown_waits_for_answers_within_its_patience() {
    let mut bench = Bench::new();
    let (started, has_started) = bounded(1);
    bench.run(
        1,
        2,
        fn_transport(move |_, _| {
            started.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(30));
            202.into()
        }),
    );
    has_started.recv_timeout(LONG).unwrap();
    bench.dispatcher.shutdown(LONG);
    assert_eq!(bench.dispatcher.workers(), 0);
    bench.wait(1);
    assert_eq!(bench.code(1, 0), 202);
}

/// Asks its dispatcher about itself when it is dropped, which takes the dispatcher's locks.
struct Clingy(Reach);

impl Transport for Clingy {
    fn invoke(&self, calls: Calls) {
        while let Some(call) = calls.claim_next() {
            calls.answer(call.position, MethodResponse::status(200).into());
        }
    }
}

impl Drop for Clingy {
    fn drop(&mut self) {
        if let Some(dispatcher) = self.0.get().and_then(Weak::upgrade) {
            assert!(dispatcher.revoke(1).0.is_empty());
            drop(dispatcher.close(1));
        }
    }
}

#[test]
fn transports_are_dropped_without_a_lock() {
    let mut bench = Bench::new();
    let cell = Reach::default();
    reach(&bench, &cell);
    for job in 1..200 {
        bench.run(job, 3_000, Clingy(Arc::clone(&cell)));
        if job % 3 == 0 {
            let _ = bench.dispatcher.revoke(job);
        }
        drop(bench.dispatcher.close(job));
        while let Ok(completion) = bench.completions.try_recv() {
            bench.take(completion);
        }
    }
    until("all workers are asleep", || Arc::strong_count(&cell) == 1);
}
