//! What is left of a job is dropped by the caller, and never inside a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam::channel::{Receiver, Sender, bounded};

use super::{Bench, LONG, count, method, until};
use crate::dispatch::{Answers, Calls, DeviceIds, Leftovers, Style, Transport};

/// Counts its drops, and panics in each.
struct Bomb(Arc<AtomicUsize>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("planted in a drop");
    }
}

/// Hands every batch over without a claim.
struct Aside {
    batches: Sender<(Answers, Calls)>,
    _bomb: Bomb,
}

impl Transport for Aside {
    fn invoke(&self, calls: Calls) {
        let _ = self.batches.send((calls.answers(), calls));
    }

    fn style(&self) -> Style {
        Style::Deferred
    }
}

/// The ids of a job go with it as well.
struct Ids(#[expect(dead_code, reason = "it is there to be dropped")] Bomb);

impl DeviceIds for Ids {
    fn id(&self, _position: u32) -> &'static str {
        "device"
    }
}

struct Scene {
    bench: Bench,
    batches: Receiver<(Answers, Calls)>,
    transports: Arc<AtomicUsize>,
    ids: Arc<AtomicUsize>,
}

/// A job over two batches, both handed over.
fn scene() -> Scene {
    let bench = Bench::new();
    let (transports, ids) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let (sender, batches) = bounded(8);
    let transport = Aside { batches: sender, _bomb: Bomb(Arc::clone(&transports)) };
    let devices = Arc::new(Ids(Bomb(Arc::clone(&ids))));
    drop(bench.dispatcher.open(1, method(), devices, Arc::new(transport)));
    bench.dispatcher.send(1, 0..2_000);
    until("both batches are there", || batches.len() == 2);
    until("the workers are done with them", || {
        bench.dispatcher.shared.board.lock().turns.is_empty()
    });
    // They may still hold what they worked on.
    let workers = bench.dispatcher.workers();
    until("the workers are asleep", || bench.dispatcher.shared.board.lock().idle == workers);
    Scene { bench, batches, transports, ids }
}

#[test]
fn close_drops_nothing_itself_and_a_panic_in_the_drop_stays_there() {
    let Scene { bench, batches, transports, ids } = scene();
    drop(batches.try_iter().collect::<Vec<_>>());
    let left: Leftovers = bench.dispatcher.close(1);
    assert_eq!((transports.load(Ordering::SeqCst), ids.load(Ordering::SeqCst)), (0, 0));
    drop(left);
    assert_eq!((transports.load(Ordering::SeqCst), ids.load(Ordering::SeqCst)), (1, 1));
    drop(bench.dispatcher.close(1));
    drop(bench.dispatcher.close(2));
}

#[test]
fn revoke_hands_back_the_batches_that_it_ended() {
    let Scene { bench, batches, transports, ids } = scene();
    let (ranges, left) = bench.dispatcher.revoke(1);
    assert_eq!(count(&ranges), 2_000);
    drop(bench.dispatcher.close(1));
    // Both batches are still held, by the test and in what is left.
    assert_eq!((transports.load(Ordering::SeqCst), ids.load(Ordering::SeqCst)), (1, 0));
    drop(batches.try_iter().collect::<Vec<_>>());
    assert_eq!(ids.load(Ordering::SeqCst), 0);
    drop(left);
    assert_eq!(ids.load(Ordering::SeqCst), 1);
    assert_eq!(bench.dispatcher.revoke(1).0, []);
}

#[test]
fn a_panic_in_the_drop_of_a_transport_ends_no_worker_and_no_shutdown() {
    let bench = Bench::new();
    let dropped = Arc::<AtomicUsize>::default();
    for job in 1..=20 {
        let (sender, batches) = bounded(8);
        let transport = Aside { batches: sender, _bomb: Bomb(Arc::clone(&dropped)) };
        bench.run(job, 1, transport);
        if job % 2 == 0 {
            drop(batches.recv_timeout(LONG).unwrap());
            drop(bench.dispatcher.close(job));
        }
    }
    bench.dispatcher.shutdown(LONG);
    assert_eq!(bench.dispatcher.workers(), 0);
    assert_eq!(dropped.load(Ordering::SeqCst), 20);
}
