//! Handlers that never return: their jobs end, other jobs notice nothing, and threads are bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam::channel::{Receiver, bounded};

use super::{Bench, Devices, LONG, method, position_of, until};
use crate::clock::{Clock, ManualClock, Now, Timestamp};
use crate::dispatch::{Calls, DispatchLimits, Style, Transport, fn_transport};

const SECOND: Duration = Duration::from_secs(1);

fn few_workers(lost_max: usize) -> (Bench, ManualClock) {
    let clock = ManualClock::at(Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
    let limits = DispatchLimits { workers: 2, workers_max: 16, lost_max, ..Default::default() };
    (Bench::with(limits, clock.clone()), clock)
}

/// Hangs until the other end of the channel is dropped.
fn hanging(released: &Receiver<()>) -> Arc<dyn Transport> {
    let released = released.clone();
    Arc::new(fn_transport(move |_, _| {
        let _ = released.recv();
        200.into()
    }))
}

impl Bench {
    fn take_what_came(&mut self) -> usize {
        while let Ok(completion) = self.completions.try_recv() {
            self.take(completion);
        }
        self.replies.len()
    }

    /// A job of a healthy handler ends without the clock being moved.
    fn healthy(&mut self, job: u64) {
        self.run(job, 1, fn_transport(|_, _| 201.into()));
        until("the healthy job is done", || {
            self.take_what_came();
            self.replies.contains_key(&(job, 0))
        });
        assert_eq!(self.code(job, 0), 201);
    }
}

#[test]
fn devices_that_hang_for_ever_fail_alone() {
    let (mut bench, clock) = few_workers(128);
    let (release, released) = bounded::<()>(0);
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    bench.run(
        1,
        1_000,
        fn_transport(move |id, _| {
            counter.fetch_add(1, Ordering::Relaxed);
            if position_of(id) % 10 == 7 {
                let _ = released.recv();
            }
            200.into()
        }),
    );
    until("all calls ended", || {
        clock.advance(SECOND);
        bench.take_what_came() == 1_000
    });
    assert_eq!(bench.codes(1), [(200, 900), (504_101, 100)].into());
    assert!((0..1_000).all(|device| (bench.code(1, device) == 200) == (device % 10 != 7)));
    assert_eq!(calls.load(Ordering::Relaxed), 1_000);
    until("all are written off", || bench.dispatcher.lost_workers() == 100);
    drop(release);
    until("they went when they were back", || {
        bench.dispatcher.lost_workers() == 0 && bench.dispatcher.workers() <= 16
    });
    assert!(bench.completions.recv_timeout(Duration::from_millis(30)).is_err(), "late answers");
    bench.healthy(2);
}

#[test]
fn job_after_job_that_hangs_stops_no_other() {
    let (mut bench, clock) = few_workers(64);
    let (release, released) = bounded::<()>(0);
    let transport = hanging(&released);
    for round in 0..30 {
        let job = 2 * round;
        bench.open_with(job, 50, Arc::clone(&transport));
        bench.dispatcher.send(job, 0..50);
        bench.healthy(job + 1);
        until("the hanging job ended", || {
            clock.advance(SECOND);
            bench.take_what_came();
            bench.codes(job).values().sum::<usize>() == 50
        });
        bench.healthy(100_000 + job);
    }
    let last = bench.text(58, 49);
    assert!(last.starts_with("64 calls of this handler never returned"), "{last}");
    assert_eq!(bench.codes(58), [(500_001, 50)].into());
    assert!((64..64 + 16).contains(&bench.dispatcher.lost_workers()));
    // Once they are back the handler is called again.
    drop(release);
    until("all are back", || bench.dispatcher.lost_workers() == 0);
    bench.open_with(1_000, 50, transport);
    bench.dispatcher.send(1_000, 0..50);
    let all = bench.replies.len() + 50;
    bench.wait(all);
    assert_eq!(bench.codes(1_000), [(200, 50)].into());
}

#[test]
fn a_handler_hanging_in_many_jobs_leaves_room_before_any_time_is_up() {
    let (mut bench, clock) = few_workers(64);
    let (release, released) = bounded::<()>(0);
    let transport = hanging(&released);
    for job in 0..40 {
        bench.open_with(job, 50, Arc::clone(&transport));
        bench.dispatcher.send(job, 0..50);
        bench.healthy(1_000 + job);
        // Over before its calls time out, as when the job's own time is up.
        if job % 2 == 0 {
            drop(bench.dispatcher.close(job));
        }
    }
    assert_eq!(bench.dispatcher.lost_workers(), 0);
    // Those inside for jobs that are over are written off as well, also if there are no others.
    (0..40).for_each(|job| drop(bench.dispatcher.close(job)));
    clock.advance(31 * SECOND);
    until("none holds a worker", || bench.dispatcher.shared.board.lock().turns.is_empty());
    assert!(bench.dispatcher.lost_workers() >= 10);
    bench.healthy(2_000);
    drop(release);
}

/// Takes the calls and never comes back.
struct Sink(Receiver<()>);

impl Transport for Sink {
    fn invoke(&self, calls: Calls) {
        let _ = calls.claim_all();
        let _ = self.0.recv();
    }

    fn style(&self) -> Style {
        Style::Deferred
    }
}

#[test]
fn a_deferred_transport_that_hangs_is_written_off() {
    let (mut bench, clock) = few_workers(4);
    let (release, released) = bounded::<()>(0);
    let transport: Arc<dyn Transport> = Arc::new(Sink(released));
    for job in 0..20 {
        bench.open_with(job, 1, Arc::clone(&transport));
        bench.dispatcher.send(job, 0..1);
    }
    until("all ended", || {
        clock.advance(SECOND);
        bench.take_what_came() == 20
    });
    assert_eq!(bench.code(0, 0), 504_101);
    assert!((0..20).any(|job| bench.text(job, 0).starts_with("4 calls of this handler")));
    bench.healthy(100);
    drop(release);
    until("all are back", || bench.dispatcher.lost_workers() == 0);
}

#[test]
fn nobody_waits_for_lost_workers_in_a_shutdown() {
    let (mut bench, clock) = few_workers(64);
    let (release, released) = bounded::<()>(0);
    bench.open_with(1, 4, hanging(&released));
    bench.dispatcher.send(1, 0..4);
    until("time runs out", || {
        clock.advance(SECOND);
        bench.take_what_came() == 4
    });
    until("all are written off", || bench.dispatcher.lost_workers() == 4);
    let (done, is_done) = bounded(1);
    let dispatcher = Arc::clone(&bench.dispatcher);
    std::thread::spawn(move || {
        dispatcher.shutdown(LONG * 10);
        done.send(()).unwrap();
    });
    is_done.recv_timeout(LONG).unwrap();
    assert_eq!(bench.dispatcher.workers(), 4);
    drop(release);
    until("they went", || bench.dispatcher.workers() == 0);
}

#[test]
fn a_lost_handler_may_shut_everything_down_when_it_returns() {
    let (mut bench, clock) = few_workers(64);
    let (release, released) = bounded::<()>(0);
    let (done, is_done) = bounded(1);
    let cell = Arc::new(std::sync::OnceLock::new());
    cell.set(Arc::downgrade(&bench.dispatcher)).unwrap();
    bench.run(
        1,
        1,
        fn_transport(move |_, _| {
            let _ = released.recv();
            cell.get().and_then(std::sync::Weak::upgrade).unwrap().shutdown(LONG * 10);
            done.send(()).unwrap();
            200.into()
        }),
    );
    until("time runs out", || {
        clock.advance(SECOND);
        bench.take_what_came() == 1
    });
    drop(release);
    is_done.recv_timeout(LONG).unwrap();
    until("all went", || bench.dispatcher.workers() == 0);
}

/// Panics when the watcher reads it, as often as it is told.
#[derive(Debug)]
struct Moody {
    clock: ManualClock,
    panics: Arc<AtomicUsize>,
    panicked: Arc<AtomicBool>,
}

impl Clock for Moody {
    fn now(&self) -> Now {
        let watcher = std::thread::current().name() == Some("twincast-watch");
        let take = |left: usize| left.checked_sub(1);
        let relaxed = Ordering::Relaxed;
        if watcher && self.panics.fetch_update(relaxed, relaxed, take).is_ok() {
            self.panicked.store(true, Ordering::Relaxed);
            panic!("what time is it?");
        }
        self.clock.now()
    }

    fn nap(&self, duration: Duration) -> Duration {
        self.clock.nap(duration)
    }
}

#[test]
fn calls_time_out_although_the_watcher_panicked() {
    let clock = ManualClock::at(Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
    let (panics, panicked) = (Arc::new(AtomicUsize::new(3)), Arc::new(AtomicBool::new(false)));
    let moody =
        Moody { clock: clock.clone(), panics: Arc::clone(&panics), panicked: panicked.clone() };
    let limits = DispatchLimits { workers: 2, ..Default::default() };
    let mut bench = Bench::with(limits, moody);
    let (release, released) = bounded::<()>(0);
    bench.open_with(1, 2, hanging(&released));
    bench.dispatcher.send(1, 0..2);
    until("the watcher panicked", || panics.load(Ordering::Relaxed) == 0);
    assert!(panicked.load(Ordering::Relaxed));
    until("time runs out", || {
        clock.advance(SECOND);
        bench.take_what_came() == 2
    });
    assert_eq!(bench.codes(1), [(504_101, 2)].into());
    drop(release);
}

#[test]
fn a_job_opened_after_a_shutdown_is_handed_back() {
    let bench = Bench::new();
    bench.dispatcher.shutdown(LONG);
    let transport: Arc<dyn Transport> = Arc::new(fn_transport(|_, _| 200.into()));
    let left = bench.dispatcher.open(1, method(), Devices::new(1), Arc::clone(&transport));
    assert_eq!(Arc::strong_count(&transport), 2);
    drop(left);
    assert_eq!(Arc::strong_count(&transport), 1);
}
