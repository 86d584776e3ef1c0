//! Every call comes back exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam::channel::{Sender, bounded};

use super::{Bench, LONG, count, position_of};
use crate::dispatch::{
    Answers, Calls, MethodResponse, Style, Transport, batch_transport, fn_transport,
};
use crate::job::{CallResult, Reply};

fn ok(position: u32) -> Reply {
    Reply::one(position, CallResult::Answered { status: 200, payload: None })
}

#[test]
fn each_device_is_called_once_and_answers_for_itself() {
    let mut bench = Bench::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    bench.run(
        1,
        10_000,
        fn_transport(move |id, _| {
            counter.fetch_add(1, Ordering::Relaxed);
            i32::try_from(position_of(id)).unwrap().into()
        }),
    );
    bench.run(
        2,
        10_000,
        batch_transport(|batch| {
            batch.device_ids().map(|id| i32::try_from(position_of(id)).unwrap().into()).collect()
        }),
    );
    bench.wait(20_000);
    for position in 0..10_000 {
        assert_eq!(bench.code(1, position), i64::from(position));
        assert_eq!(bench.code(2, position), i64::from(position));
    }
    assert_eq!(calls.load(Ordering::Relaxed), 10_000);
}

#[test]
fn answers_that_are_alike_are_still_those_of_each_device() {
    let mut bench = Bench::new();
    let (release, held) = bounded::<()>(0);
    let answer = |position: u32| match position {
        _ if position % 997 == 5 => None,
        _ if position % 700 < 500 => Some(200),
        _ => Some(404),
    };
    bench.run(
        1,
        3_000,
        fn_transport(move |id, _| {
            let position = position_of(id);
            if position == 1_500 {
                held.recv().unwrap();
            }
            let status = answer(position).expect("this device answers");
            if position.is_multiple_of(300) {
                MethodResponse::text(status, "1")
            } else {
                status.into()
            }
        }),
    );
    // One device hangs: those before it in its batch have their answers, those after it as well.
    bench.wait(2_999);
    assert!(!bench.replies.contains_key(&(1, 1_500)));
    release.send(()).unwrap();
    bench.wait(3_000);
    for position in 0..3_000 {
        assert_eq!(bench.code(1, position), answer(position).map_or(500_001, i64::from));
    }
}

#[test]
fn a_device_that_times_out_takes_no_other_along_and_answers_in_vain() {
    let (mut bench, clock) = Bench::manual();
    let (begun, hangs) = bounded(1);
    let (release, held) = bounded::<()>(0);
    bench.run(
        1,
        1_000,
        fn_transport(move |id, _| {
            if position_of(id) == 400 {
                begun.send(()).unwrap();
                held.recv().unwrap();
            }
            200.into()
        }),
    );
    hangs.recv_timeout(LONG).unwrap();
    bench.wait(999);
    clock.advance(Duration::from_secs(31));
    bench.wait(1_000);
    assert_eq!(bench.codes(1), [(200, 999), (504_101, 1)].into());
    release.send(()).unwrap();
    super::until("the thread comes back", || bench.dispatcher.lost_workers() == 0);
    assert!(bench.completions.is_empty());
}

#[test]
fn no_more_calls_are_open_than_a_transport_takes() {
    struct Few(Sender<(std::ops::Range<u32>, Answers)>);
    impl Transport for Few {
        fn invoke(&self, calls: Calls) {
            self.0.send((calls.claim_all(), calls.answers())).unwrap();
        }
        fn style(&self) -> Style {
            Style::Deferred
        }
        fn calls_max(&self) -> usize {
            100
        }
    }
    let mut bench = Bench::new();
    let (sender, batches) = bounded(64);
    bench.run(1, 1_000, Few(sender));
    let (mut open, mut seen) = (std::collections::VecDeque::new(), 0);
    let mut answers_of = Vec::new();
    while seen < 1_000 {
        let (range, answers) = batches.recv_timeout(LONG).unwrap();
        seen += range.len();
        answers_of.push(answers.clone());
        open.extend(range.map(|position| (position, answers.clone())));
        assert!(open.len() <= 100, "{} calls are open", open.len());
        // Answers come in an order of their own; a batch follows when an eighth is free.
        while open.len() > 87 || seen == 1_000 {
            let Some((position, answers)) = open.pop_back() else { break };
            assert!(answers.answer(position, ok(position).result));
        }
    }
    drop(answers_of);
    bench.wait(1_000);
    assert_eq!(bench.codes(1), [(200, 1_000)].into());
}

/// Hands every batch to a channel, to be answered by the test.
struct HandOver(Sender<(std::ops::Range<u32>, Answers)>);

impl Transport for HandOver {
    fn invoke(&self, calls: Calls) {
        self.0.send((calls.claim_all(), calls.answers())).unwrap();
    }

    fn style(&self) -> Style {
        Style::Deferred
    }
}

#[test]
fn many_threads_answering_the_same_calls_count_once() {
    let mut bench = Bench::new();
    let (sender, batches) = bounded(64);
    bench.run(1, 20_000, HandOver(sender));
    let counted = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..20 {
            let (range, answers) = batches.recv_timeout(LONG).unwrap();
            for thread in 0..4 {
                let (answers, range, counted) = (answers.clone(), range.clone(), &counted);
                scope.spawn(move || {
                    let mut replies: Vec<Reply> = range.clone().map(ok).collect();
                    if thread % 2 == 0 {
                        counted.fetch_add(answers.answer_many(replies), Ordering::Relaxed);
                    } else {
                        replies.rotate_left(range.len() / 2);
                        for reply in replies {
                            let fresh = answers.answer(reply.positions.start, reply.result);
                            counted.fetch_add(usize::from(fresh), Ordering::Relaxed);
                        }
                    }
                });
            }
            bench.take_all_there_is();
        }
    });
    bench.wait(20_000);
    assert_eq!(counted.into_inner(), 20_000);
    assert!(bench.completions.recv_timeout(Duration::from_millis(50)).is_err());
}

impl Bench {
    fn take_all_there_is(&mut self) {
        while let Ok(completion) = self.completions.try_recv() {
            self.take(completion);
        }
    }
}

#[test]
fn answers_to_what_was_not_asked_are_refused() {
    let mut bench = Bench::new();
    let (sender, batches) = bounded(64);
    bench.run(1, 10, HandOver(sender));
    let (range, answers) = batches.recv_timeout(LONG).unwrap();
    assert_eq!(range, 0..10);
    let strange = [10, 11, u32::MAX].map(ok).into();
    assert_eq!(answers.answer_many(strange), 0);
    assert_eq!(answers.answer_many(vec![ok(3), ok(3), ok(4)]), 2);
    assert!(!answers.answer(3, ok(3).result));
    assert_eq!(answers.answer_many((0..10).map(ok).collect()), 8);
    bench.wait(10);
}

#[test]
fn dropped_answers_fail_at_once_unless_left_to_time_out() {
    let mut bench = Bench::new();
    let (sender, batches) = bounded(64);
    bench.run(1, 10, HandOver(sender));
    let (_, answers) = batches.recv_timeout(LONG).unwrap();
    let other = answers.clone();
    drop(answers);
    other.answer(7, ok(7).result);
    drop(other);
    bench.wait(10);
    assert_eq!(bench.codes(1), [(200, 1), (500_001, 9)].into());
}

#[test]
fn revoked_calls_are_never_made() {
    let devices = super::Devices::new(100_000);
    for round in 0..300 {
        let mut bench = Bench::new();
        let (started, has_started) = bounded(1);
        let made = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&made);
        let transport = Arc::new(fn_transport(move |_, _| {
            if counter.fetch_add(1, Ordering::SeqCst) == round * 10 {
                let _ = started.try_send(());
            }
            200.into()
        }));
        drop(bench.dispatcher.open(1, super::method(), devices.clone(), transport));
        bench.dispatcher.send(1, 0..100_000);
        has_started.recv_timeout(LONG).unwrap();
        let revoked = count(&bench.dispatcher.revoke(1).0);
        assert!(bench.dispatcher.revoke(1).0.is_empty());
        bench.wait(100_000 - revoked);
        assert_eq!(made.load(Ordering::SeqCst), 100_000 - revoked);
    }
}

#[test]
fn revoked_ranges_are_joined_and_ascending() {
    let bench = Bench::new();
    let (sender, batches) = bounded::<(std::ops::Range<u32>, Answers)>(0);
    bench.open(1, 10_000, HandOver(sender));
    bench.dispatcher.send(1, 0..5_000);
    bench.dispatcher.send(1, 5_000..10_000);
    // Both workers wait in `invoke` with a batch each, which they claimed.
    let first = batches.recv_timeout(LONG).unwrap();
    super::until("two more batches are claimed", || bench.dispatcher.workers() >= 2);
    let (revoked, _) = bench.dispatcher.revoke(1);
    assert!(revoked.len() <= 2, "{revoked:?}");
    assert_eq!(revoked.last().unwrap().end, 10_000);
    assert!(!revoked.iter().any(|range| range.contains(&first.0.start)));
}

#[test]
fn a_full_channel_blocks_nobody_and_loses_nothing() {
    let (sender, completions) = bounded(1);
    let limits = crate::dispatch::DispatchLimits { workers: 2, ..Default::default() };
    let clock = Arc::new(crate::clock::SystemClock::new());
    let dispatcher = Arc::new(crate::dispatch::Dispatcher::start(limits, clock, sender));
    let mut bench = Bench { dispatcher, completions, replies: Default::default() };
    let made = Arc::new(AtomicUsize::new(0));
    for job in 1..=4 {
        let counter = Arc::clone(&made);
        bench.run(
            job,
            50_000,
            fn_transport(move |_, _| {
                counter.fetch_add(1, Ordering::Relaxed);
                200.into()
            }),
        );
    }
    super::until("all is done unheard", || made.load(Ordering::Relaxed) == 200_000);
    bench.wait(200_000);
}

#[test]
fn sends_revokes_and_closes_at_random_add_up() {
    let mut random = 1_u64;
    let mut next = move |limit: u64| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % limit
    };
    let mut bench = Bench::new();
    let mut expected = 0;
    for job in 0..400 {
        let devices = 1 + next(5_000) as u32;
        bench.open(
            job,
            devices,
            fn_transport(|id, _| match position_of(id) % 501 {
                500 => panic!("planted"),
                status => i32::try_from(status).unwrap().into(),
            }),
        );
        let mut sent = 0;
        while sent < devices {
            let end = devices.min(sent + 1 + next(2_000) as u32);
            bench.dispatcher.send(job, sent..end);
            sent = end;
            bench.take_all_there_is();
        }
        let revoked = if next(2) == 0 { count(&bench.dispatcher.revoke(job).0) } else { 0 };
        expected += devices as usize - revoked;
    }
    bench.wait(expected);
    for job in 0..400 {
        drop(bench.dispatcher.close(job));
    }
    assert_eq!(bench.replies.len(), expected);
}
