//! What the calls of one job have in common, and where their answers gather.

use std::mem;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crossbeam::channel::TrySendError;
use parking_lot::Mutex;

use super::Completion;
use super::shared::Shared;
use super::transport::{DeviceIds, Style, Transport};
use crate::job::{MethodCall, Reply};

/// The part of a lane's limit on open calls that must be free for the next batch.
const ROOM_SHARE: u32 = 8;
/// A batch that took less may be followed by a larger one, if its transport gains by that.
const QUICK: Duration = Duration::from_micros(500);
/// A batch that took longer is followed by a smaller one.
const SLOW: Duration = Duration::from_millis(4);

/// A lane, the part that does not change; the board keeps the rest.
pub(super) struct Lane {
    pub(super) job: u64,
    pub(super) method: Arc<MethodCall>,
    pub(super) ids: Arc<dyn DeviceIds>,
    pub(super) style: Style,
    /// How long a call may take: to connect, then to answer.
    pub(super) patience: Duration,
    pub(super) shared: Arc<Shared>,
    pub(super) workers_max: usize,
    /// Calls that may be handed over and not answered, and those that are, counted only if the
    /// former is a limit at all.
    calls_max: u32,
    open_calls: AtomicU32,
    batch: BatchSize,
    closed: AtomicBool,
    outbox: Mutex<Vec<Reply>>,
}

impl Lane {
    pub(super) fn new(
        job: u64,
        method: Arc<MethodCall>,
        ids: Arc<dyn DeviceIds>,
        transport: &dyn Transport,
        shared: &Arc<Shared>,
    ) -> Arc<Self> {
        Arc::new(Self {
            job,
            patience: method.connect_timeout.saturating_add(method.response_timeout),
            method,
            ids,
            style: transport.style(),
            workers_max: transport.workers_max().max(1),
            calls_max: u32::try_from(transport.calls_max()).unwrap_or(u32::MAX).max(1),
            open_calls: AtomicU32::new(0),
            batch: BatchSize::new(shared.limits.batch_max, transport.batch_max()),
            shared: Arc::clone(shared),
            closed: AtomicBool::new(false),
            outbox: Mutex::default(),
        })
    }

    pub(super) fn deferred(&self) -> bool {
        self.style == Style::Deferred
    }

    /// How many calls the next batch may have at most; 0 while too many are open.
    ///
    /// Not every answer makes room: where answers come one by one, so would batches.
    pub(super) fn room(&self) -> u32 {
        if self.calls_max == u32::MAX {
            return self.batch.now();
        }
        let room = self.calls_max.saturating_sub(self.open_calls.load(Ordering::Acquire));
        if room < self.calls_max.div_ceil(ROOM_SHARE) { 0 } else { room.min(self.batch.now()) }
    }

    /// Counts calls that are handed over.
    pub(super) fn opened(&self, calls: &Range<u32>) {
        if self.calls_max < u32::MAX {
            self.open_calls.fetch_add(calls.end - calls.start, Ordering::AcqRel);
        }
    }

    /// Counts calls that are handed over no more; says whether there is room again for others.
    pub(super) fn answered(&self, calls: u32) -> bool {
        if self.calls_max == u32::MAX || calls == 0 {
            return false;
        }
        let least = self.calls_max.div_ceil(ROOM_SHARE);
        let before = self.open_calls.fetch_sub(calls, Ordering::AcqRel);
        let room = |open| self.calls_max.saturating_sub(open);
        room(before) < least && room(before - calls) >= least
    }

    /// Notes how long a batch of the lane took.
    pub(super) fn took(&self, calls: &Range<u32>, time: Duration) {
        self.batch.learn(calls.end - calls.start, time);
    }

    /// Reports replies, leaving `replies` empty: at once if the hub has nothing else to do or they
    /// are many, else together with those that come until it has.
    pub(super) fn deliver(&self, replies: &mut Vec<Reply>) {
        if self.closed.load(Ordering::Acquire) {
            return replies.clear();
        }
        let mut outbox = self.outbox.lock();
        if outbox.is_empty() {
            mem::swap(&mut *outbox, replies);
        } else {
            outbox.append(replies);
        }
        // What a worker gathered in its slice is worth a message, a deferred answer is not.
        let many = !self.deferred() || outbox.len() >= self.shared.limits.batch_max as usize;
        if many || self.shared.completions.is_empty() {
            self.send(&mut outbox);
        }
    }

    /// Tries to report what is left; says whether nothing is.
    pub(super) fn flush(&self) -> bool {
        let mut outbox = self.outbox.lock();
        self.send(&mut outbox);
        outbox.is_empty()
    }

    /// Drops every answer from now on.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    fn send(&self, outbox: &mut Vec<Reply>) {
        if outbox.is_empty() || self.closed.load(Ordering::Acquire) {
            return outbox.clear();
        }
        let completion = Completion { job: self.job, replies: mem::take(outbox) };
        match self.shared.completions.try_send(completion) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            // Kept, not waited for: the watcher tries again, and meanwhile more join them.
            Err(TrySendError::Full(completion)) => *outbox = completion.replies,
        }
    }
}

/// How many calls a batch of one lane has: more while they are quick.
struct BatchSize {
    least: u32,
    most: u32,
    now: AtomicU32,
}

impl BatchSize {
    fn new(least: u32, most: u32) -> Self {
        Self { least, most: most.max(least), now: AtomicU32::new(least) }
    }

    fn now(&self) -> u32 {
        self.now.load(Ordering::Relaxed)
    }

    fn learn(&self, calls: u32, time: Duration) {
        let now = self.now();
        if time > SLOW {
            self.now.store((now / 2).max(self.least), Ordering::Relaxed);
        } else if time < QUICK && calls >= now {
            self.now.store(now.saturating_mul(2).min(self.most), Ordering::Relaxed);
        }
    }
}
