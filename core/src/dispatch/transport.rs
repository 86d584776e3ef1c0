//! The seam to whatever reaches devices: [`Transport`], and the [`Calls`] that it answers.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::batch::Batch;
use super::pace::Pace;
use crate::job::{CallResult, MethodCall, Reply};

/// The devices of a job, by their position in its target list.
pub trait DeviceIds: Send + Sync {
    /// The id of the device at `position`; asked only for positions that were sent.
    fn id(&self, position: u32) -> &str;
}

/// What carries direct methods to devices: a closure, a broker, a simulation.
pub trait Transport: Send + Sync + 'static {
    /// Makes some or all of `calls` and answers them, in the way that [`style`](Self::style) says.
    ///
    /// Runs on a worker thread, for several batches at once. If it panics, the calls that it had
    /// claimed and not answered fail, and the others go on. If it does not return within the
    /// time-outs of its latest call, the others go on without it on another thread; but a transport
    /// that keeps [too many threads](super::DispatchLimits::lost_max) that way gets no more calls
    /// until some have returned: they fail at once.
    fn invoke(&self, calls: Calls);

    /// Whether answers come before or after `invoke` returns. Asked once for each job.
    fn style(&self) -> Style {
        Style::Blocking
    }

    /// Workers of one job that may be inside `invoke` at once, at least 1. Asked once for each job.
    ///
    /// Lower it where more threads only get into each other's way. Those whose call timed out do
    /// not count.
    fn workers_max(&self) -> usize {
        usize::MAX
    }
}

/// When a [`Transport`] answers.
///
/// In both styles a call that got no answer within the connect and response time-outs of its
/// method, one after the other, fails with code 504101; an answer that comes later is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// While `invoke` runs. Calls that were claimed and not answered when it returns fail at once;
    /// the unclaimed are offered again. Time-outs run from the latest claim.
    Blocking,
    /// At any time, from any thread, through [`Answers`]. Time-outs run from the start of `invoke`
    /// for the whole batch, whether claimed or not.
    Deferred,
}

/// A batch of calls of one method, for one [`Transport::invoke`].
///
/// A call must be claimed before it is made: what is not claimed may be taken back at any moment,
/// by a cancelled job or for another worker.
pub struct Calls {
    batch: Arc<Batch>,
    /// Ends a worker's slice; none when the transport may take its time.
    pace: Option<Pace>,
    hold: Option<Arc<Hold>>,
}

/// One claimed call.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The position of the device in the job's target list, to answer with.
    pub position: u32,
    /// The device.
    pub device_id: &'a str,
    /// What to call on it.
    pub method: &'a MethodCall,
}

/// Answers calls of one batch from any thread.
///
/// When the [`Calls`] and every clone of their `Answers` are gone, deferred calls without an answer
/// fail at once rather than at their time-out, unless [`Calls::leave_to_time_out`] was called.
#[derive(Clone)]
pub struct Answers {
    batch: Arc<Batch>,
    _hold: Option<Arc<Hold>>,
}

impl Calls {
    pub(super) fn blocking(batch: Arc<Batch>, pace: Pace) -> Self {
        Self { batch, pace: Some(pace), hold: None }
    }

    pub(super) fn deferred(batch: Arc<Batch>) -> Self {
        let hold =
            Some(Arc::new(Hold { batch: Arc::clone(&batch), patient: AtomicBool::new(false) }));
        Self { batch, pace: None, hold }
    }

    /// The number of the job.
    #[must_use]
    pub fn job(&self) -> u64 {
        self.batch.lane().job
    }

    /// What to call on each device.
    #[must_use]
    pub fn method(&self) -> &Arc<MethodCall> {
        &self.batch.lane().method
    }

    /// The device at a position of the job's target list; any position that was claimed.
    #[must_use]
    pub fn device_id(&self, position: u32) -> &str {
        self.batch.lane().ids.id(position)
    }

    /// Claims the next call. None when there is no more to do in this `invoke`: all were claimed
    /// or taken back, or it is another job's turn.
    #[must_use]
    pub fn claim_next(&self) -> Option<Call<'_>> {
        if let Some(pace) = &self.pace
            && !pace.go_on(&self.batch)
        {
            return None;
        }
        let position = self.batch.claim(1).next()?;
        let lane = self.batch.lane();
        Some(Call { position, device_id: lane.ids.id(position), method: &lane.method })
    }

    /// Claims every call that is left, as one range of positions; empty if there is none.
    #[must_use]
    pub fn claim_all(&self) -> Range<u32> {
        if let Some(pace) = &self.pace {
            pace.stamp(&self.batch);
        }
        self.batch.claim(u32::MAX)
    }

    /// Answers a claimed call. False if the answer came too late, or the call is not of this batch.
    pub fn answer(&self, position: u32, result: CallResult) -> bool {
        self.batch.answer(position, result)
    }

    /// Answers many calls at once; returns how many of the answers counted.
    pub fn answer_many(&self, replies: Vec<Reply>) -> usize {
        self.batch.answer_many(replies)
    }

    /// Lets deferred calls wait for their time-out even when nobody is left who could answer them.
    pub fn leave_to_time_out(&self) {
        if let Some(hold) = &self.hold {
            hold.patient.store(true, Ordering::Release);
        }
    }

    /// A handle to answer with, from any thread.
    #[must_use]
    pub fn answers(&self) -> Answers {
        Answers { batch: Arc::clone(&self.batch), _hold: self.hold.clone() }
    }
}

impl Answers {
    /// Answers a claimed call. False if the answer came too late, or the call is not of this batch.
    pub fn answer(&self, position: u32, result: CallResult) -> bool {
        self.batch.answer(position, result)
    }

    /// Answers many calls at once; returns how many of the answers counted.
    pub fn answer_many(&self, replies: Vec<Reply>) -> usize {
        self.batch.answer_many(replies)
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Calls").field(&self.batch).finish()
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Answers").field(&self.batch).finish()
    }
}

/// Kept by whoever can still answer a deferred batch.
struct Hold {
    batch: Arc<Batch>,
    /// Calls that nobody answers wait for their time-out.
    patient: AtomicBool,
}

impl Drop for Hold {
    fn drop(&mut self) {
        if !*self.patient.get_mut() {
            self.batch.abandon();
        }
    }
}
