//! A slow or dead handler holds back nobody else.

use std::time::Duration;

use crossbeam::channel::bounded;

use super::{Bench, LONG, position_of, until};
use crate::clock::SystemClock;
use crate::dispatch::{DispatchLimits, fn_transport};

#[test]
fn a_job_on_one_device_overtakes_slow_and_hanging_ones() {
    let mut bench = Bench::new();
    let (release, released) = bounded::<()>(0);
    // Job 1 hangs in every call, job 2 takes 20 ms for each, job 3 is quick but huge.
    bench.run(
        1,
        5_000,
        fn_transport(move |_, _| {
            let _ = released.recv();
            200.into()
        }),
    );
    bench.run(
        2,
        5_000,
        fn_transport(|_, _| {
            std::thread::sleep(Duration::from_millis(20));
            200.into()
        }),
    );
    bench.run(3, 400_000, fn_transport(|_, _| 200.into()));
    for job in 10..30 {
        bench.run(job, 1, fn_transport(|_, _| 201.into()));
        until("the small job is done", || {
            while let Ok(completion) = bench.completions.try_recv() {
                bench.take(completion);
            }
            bench.replies.contains_key(&(job, 0))
        });
    }
    assert!(bench.codes(2).values().sum::<usize>() < 5_000, "the slow job was not waited for");
    let _ = (bench.dispatcher.revoke(1), bench.dispatcher.revoke(2));
    drop(release);
}

#[test]
fn the_rest_of_a_batch_goes_on_elsewhere() {
    let mut bench = Bench::new();
    let (release, released) = bounded::<()>(0);
    bench.run(
        1,
        100,
        fn_transport(move |id, _| {
            if position_of(id).is_multiple_of(10) {
                let _ = released.recv();
            }
            200.into()
        }),
    );
    bench.wait(90);
    assert!(bench.replies.keys().all(|key| key.1 % 10 != 0));
    assert!(bench.dispatcher.workers() >= 10);
    drop(release);
    bench.wait(100);
}

#[test]
fn hanging_jobs_never_get_all_workers_and_extra_workers_leave() {
    let limits = DispatchLimits {
        workers: 2,
        workers_max: 16,
        idle_max: Duration::from_millis(20),
        ..Default::default()
    };
    let mut bench = Bench::with(limits, SystemClock::new());
    let (release, released) = bounded::<()>(0);
    for job in 1..=3 {
        let released = released.clone();
        bench.run(
            job,
            1_000,
            fn_transport(move |_, _| {
                let _ = released.recv();
                200.into()
            }),
        );
    }
    drop(released);
    until("the hanging jobs have what they can get", || bench.dispatcher.workers() >= 10);
    bench.run(4, 1_000, fn_transport(|_, _| 201.into()));
    bench.wait(1_000);
    assert_eq!(bench.codes(4), [(201, 1_000)].into());
    assert!(bench.dispatcher.workers() <= 16);
    drop(release);
    bench.wait(4_000);
    until("the extra workers have left", || bench.dispatcher.workers() <= 2);
}

#[test]
fn a_transport_limits_its_workers() {
    let mut bench = Bench::new();
    let inside = std::sync::atomic::AtomicUsize::new(0);
    let transport = fn_transport(move |_, _| {
        use std::sync::atomic::Ordering::SeqCst;
        assert_eq!(inside.fetch_add(1, SeqCst), 0, "two at once");
        std::thread::sleep(Duration::from_millis(1));
        inside.fetch_sub(1, SeqCst);
        200.into()
    });
    bench.run(1, 100, transport.at_most(1));
    bench.wait(100);
    assert_eq!(bench.codes(1), [(200, 100)].into());
}

#[test]
fn a_quick_answer_does_not_wait_behind_a_hanging_one() {
    let mut bench = Bench::new();
    let (release, released) = bounded::<()>(0);
    bench.run(
        1,
        2,
        fn_transport(move |id, _| {
            if position_of(id) == 1 {
                let _ = released.recv_timeout(LONG);
            }
            200.into()
        }),
    );
    bench.wait(1);
    assert!(bench.replies.contains_key(&(1, 0)));
    drop(release);
    bench.wait(2);
}
