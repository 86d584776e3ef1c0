//! What all threads of a dispatcher share, and what the hub's thread does with it.
//!
//! Lock order: board, then a batch's ledger, then a lane's outbox. None of them is held while
//! anything of the outside runs: not a transport, not its drop. Sending to the channel of
//! completions never waits.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam::channel::Sender;
use parking_lot::{Condvar, Mutex};

use super::batch::Batch;
use super::board::Board;
use super::leftovers::Leftovers;
use super::{Completion, DispatchLimits};
use crate::clock::{Clock, SystemClock};
use crate::job::Failure;

/// What all threads of a dispatcher share.
pub(super) struct Shared {
    pub(super) limits: DispatchLimits,
    pub(super) clock: Arc<dyn Clock>,
    /// Somebody moves the clock by hand, so real time says nothing about it.
    pub(super) clock_is_moved: bool,
    pub(super) failures: Failures,
    pub(super) board: Mutex<Board>,
    /// Wakes workers, the watcher, and those who wait for threads to end.
    pub(super) work: Condvar,
    pub(super) watch: Condvar,
    pub(super) gone: Condvar,
    /// Threads of workers, those written off included, and those alone.
    pub(super) workers: AtomicUsize,
    pub(super) lost: AtomicUsize,
    pub(super) completions: Sender<Completion>,
    real: SystemClock,
}

/// The failures that the engine itself reports, their texts allocated once.
pub(super) struct Failures {
    pub(super) timed_out: Failure,
    pub(super) unanswered: Failure,
    pub(super) abandoned: Failure,
    pub(super) untaken: Failure,
    pub(super) hopeless: Failure,
}

impl Shared {
    pub(super) fn new(
        limits: DispatchLimits,
        clock: Arc<dyn Clock>,
        completions: Sender<Completion>,
    ) -> Self {
        let workers = limits.workers.max(1);
        let limits = DispatchLimits {
            workers,
            workers_max: limits.workers_max.max(2 * workers),
            batch_max: limits.batch_max.max(1),
            lost_max: limits.lost_max.max(1),
            ..limits
        };
        let hour = Duration::from_secs(3600);
        Self {
            clock_is_moved: clock.nap(hour) < hour,
            failures: Failures::new(limits.lost_max),
            limits,
            clock,
            board: Mutex::default(),
            work: Condvar::new(),
            watch: Condvar::new(),
            gone: Condvar::new(),
            workers: AtomicUsize::new(0),
            lost: AtomicUsize::new(0),
            completions,
            real: SystemClock::new(),
        }
    }

    /// Time that passes for threads, for what has nothing to do with the hub's clock.
    pub(super) fn real_time(&self) -> Duration {
        self.real.now().monotonic.0
    }

    pub(super) fn send(self: &Arc<Self>, job: u64, range: Range<u32>) {
        let mut board = self.board.lock();
        if board.stopped || range.is_empty() {
            return;
        }
        let batches = range.len().div_ceil(self.limits.batch_max as usize);
        assert!(board.add(job, range, false), "job {job} is not open");
        self.wake(board, batches);
    }

    pub(super) fn revoke(&self, job: u64) -> (Vec<Range<u32>>, Leftovers) {
        let (ranges, leftovers) = self.board.lock().revoke(job);
        (merge(ranges), leftovers)
    }

    /// Shows how many workers there are to those who ask without the lock.
    pub(super) fn publish(&self, board: &Board) {
        let lost = board.roster.lost();
        self.workers.store(board.workers + lost, Ordering::Relaxed);
        self.lost.store(lost, Ordering::Relaxed);
    }

    /// Takes a batch whose calls all have their answer out of its lane, and finds a worker for
    /// calls that waited for others to be answered.
    pub(super) fn answered(&self, batch: &Batch, finished: bool) {
        let mut board = self.board.lock();
        let removed = if finished { board.remove(batch) } else { None };
        if board.idle > 0 && board.wants_worker(self) {
            self.work.notify_one();
        }
        drop(board);
        drop(removed);
    }

    pub(super) fn shutdown(&self, patience: Duration) {
        let mut board = self.board.lock();
        board.stopped = true;
        for state in board.lanes.values() {
            for batch in state.live.values() {
                let _ = batch.take_rest();
            }
        }
        self.work.notify_all();
        self.watch.notify_all();
        // Those written off do not count as threads, so nobody waits for them.
        let ours = super::worker::number_at(self).is_some_and(|me| !board.roster.is_lost(me));
        board.leaving += usize::from(ours);
        self.gone.notify_all();
        let until = self.real_time().saturating_add(patience);
        while board.threads > board.leaving {
            let left = until.saturating_sub(self.real_time());
            if left.is_zero() {
                break;
            }
            self.gone.wait_for(&mut board, left);
        }
        board.leaving -= usize::from(ours);
        let lanes = board.clear();
        drop(board);
        for state in lanes.into_values() {
            state.lane.flush();
            state.lane.close();
            drop(Leftovers::from(state));
        }
    }
}

impl Failures {
    fn new(lost_max: usize) -> Self {
        let hopeless = format!(
            "{lost_max} calls of this handler never returned; it is called again when some have."
        );
        let failure = |code, description: &str| Failure { code, description: description.into() };
        Self {
            timed_out: failure(504_101, "Timed out waiting for the response from device."),
            unanswered: failure(500_001, "The handler returned without an answer for this device."),
            abandoned: failure(500_001, "The transport dropped this call without an answer."),
            untaken: failure(500_001, "The handler returned without taking this call."),
            hopeless: failure(500_001, &hopeless),
        }
    }
}

/// Sorts ranges and joins those that touch.
fn merge(mut ranges: Vec<Range<u32>>) -> Vec<Range<u32>> {
    ranges.sort_unstable_by_key(|range| range.start);
    ranges.dedup_by(|next, last| {
        let touch = next.start == last.end;
        if touch {
            last.end = next.end;
        }
        touch
    });
    ranges
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let board = self.board.lock();
        f.debug_struct("Shared")
            .field("jobs", &board.lanes.len())
            .field("batches", &board.live)
            .field("workers", &board.workers)
            .field("lost", &board.roster.lost())
            .field("stopped", &board.stopped)
            .finish_non_exhaustive()
    }
}
