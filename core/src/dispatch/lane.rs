//! What the calls of one job have in common, and where their answers gather.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam::channel::TrySendError;
use parking_lot::Mutex;

use super::Completion;
use super::shared::Shared;
use super::transport::{DeviceIds, Style, Transport};
use crate::job::{MethodCall, Reply};

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
            shared: Arc::clone(shared),
            closed: AtomicBool::new(false),
            outbox: Mutex::default(),
        })
    }

    pub(super) fn deferred(&self) -> bool {
        self.style == Style::Deferred
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
        let many = outbox.len() >= self.shared.limits.batch_max as usize;
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
