//! One thread that hands in the answers of all batches when they are due.
//!
//! The answers of a batch are sorted once, eight bytes each, and the heap has one entry per batch
//! and not per call: a million calls are a thousand entries.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::{Answers, Outcome};
use crate::clock::{Clock, Monotonic};
use crate::job::Failure;

/// The answer to come of one device: milliseconds, outcome and position in one word, which sorts
/// by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Answer(u64);

/// The answers to come of one batch.
pub(super) struct Run {
    began: Monotonic,
    due: Monotonic,
    /// In the order of time; those before `next` are handed in.
    answers: Box<[Answer]>,
    next: usize,
    to: Answers,
    offline: Failure,
}

/// All batches whose answers are to come.
pub(super) struct Timer {
    clock: Arc<dyn Clock>,
    runs: Mutex<Runs>,
    changed: Condvar,
}

#[derive(Default)]
struct Runs {
    heap: BinaryHeap<Run>,
    has_thread: bool,
    stopped: bool,
}

impl Answer {
    /// `after` counts in full milliseconds, rounded up.
    pub(super) fn new(after: Duration, outcome: Outcome, position: u32) -> Self {
        let milliseconds = after.as_nanos().div_ceil(1_000_000).min(1 << 29) as u64;
        Self(milliseconds << 34 | (outcome as u64) << 32 | u64::from(position))
    }

    pub(super) fn outcome(self) -> Outcome {
        match (self.0 >> 32) & 3 {
            0 => Outcome::Ok,
            1 => Outcome::Fault,
            _ => Outcome::Offline,
        }
    }

    pub(super) fn position(self) -> u32 {
        self.0 as u32
    }

    fn after(self) -> Duration {
        Duration::from_millis(self.0 >> 34)
    }
}

impl Run {
    pub(super) fn new(
        began: Monotonic,
        mut answers: Vec<Answer>,
        to: Answers,
        offline: Failure,
    ) -> Self {
        answers.sort_unstable();
        Self { began, due: began, answers: answers.into(), next: 0, to, offline }
    }

    /// Hands in what is due; false when nothing more is to come.
    fn advance(&mut self, now: Monotonic) -> bool {
        let left = &self.answers[self.next..];
        let due = left.partition_point(|answer| self.began.after(answer.after()) <= now);
        if due > 0 {
            super::answer(&self.to, &left[..due], &self.offline);
            self.next += due;
        }
        let Some(next) = self.answers.get(self.next) else { return false };
        self.due = self.began.after(next.after());
        true
    }
}

impl Timer {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock, runs: Mutex::default(), changed: Condvar::new() })
    }

    pub(super) fn now(&self) -> Monotonic {
        self.clock.now().monotonic
    }

    /// Hands in what is due at once, and keeps the rest.
    pub(super) fn start(timer: &Arc<Self>, mut run: Run) {
        if !run.advance(run.began) {
            return;
        }
        let mut runs = timer.runs.lock();
        if runs.stopped {
            drop(runs);
            return drop(run);
        }
        if !runs.has_thread {
            let shared = Arc::clone(timer);
            let body = move || shared.run();
            match thread::Builder::new().name("twincast-fleet".into()).spawn(body) {
                Ok(_) => runs.has_thread = true,
                Err(error) => {
                    drop(runs);
                    tracing::warn!(%error, "cannot start the thread of the simulated fleet");
                    return drop(run);
                }
            }
        }
        let first = runs.heap.peek().is_none_or(|first| run.due < first.due);
        runs.heap.push(run);
        drop(runs);
        if first {
            timer.changed.notify_one();
        }
    }

    /// Ends the thread. Nobody answers the calls that are still waiting, and so they fail.
    pub(super) fn stop(&self) {
        self.runs.lock().stopped = true;
        self.changed.notify_one();
    }

    fn run(&self) {
        let mut runs = self.runs.lock();
        while !runs.stopped {
            let now = self.now();
            match runs.heap.peek() {
                None => self.changed.wait(&mut runs),
                Some(run) if run.due > now => {
                    let pause = run.due.0.saturating_sub(now.0);
                    self.changed.wait_for(&mut runs, self.clock.nap(pause));
                }
                Some(_) => {
                    let Some(mut run) = runs.heap.pop() else { continue };
                    drop(runs);
                    // Dropped without the lock: with the last answers may go the last owner of a
                    // transport, perhaps of this one.
                    let rest = if run.advance(now) {
                        Some(run)
                    } else {
                        drop(run);
                        None
                    };
                    runs = self.runs.lock();
                    runs.heap.extend(rest);
                }
            }
        }
        let left = mem::take(&mut runs.heap);
        drop(runs);
        drop(left);
    }
}

// A heap has its greatest on top: the run that is due first.
impl Ord for Run {
    fn cmp(&self, other: &Self) -> Ordering {
        other.due.cmp(&self.due)
    }
}

impl PartialOrd for Run {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Run {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Run {}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.runs.lock();
        f.debug_struct("Timer").field("batches", &runs.heap.len()).finish_non_exhaustive()
    }
}
