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

    /// Adds the ids at `positions`, all of them sent, to `column`.
    fn gather(&self, positions: Range<u32>, column: &mut IdColumn) {
        for position in positions {
            column.push(self.id(position));
        }
    }
}

/// Ids side by side in one text, as Arrow keeps strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdColumn {
    /// The ids, one after the other.
    pub text: String,
    /// Where each id ends in the text, after a zero.
    pub offsets: Vec<i32>,
}

impl IdColumn {
    fn with_capacity(ids: usize) -> Self {
        let mut offsets = Vec::with_capacity(ids + 1);
        offsets.push(0);
        Self { text: String::new(), offsets }
    }

    /// Adds an id.
    ///
    /// # Panics
    ///
    /// If the text had more than 2 GiB then, which is more than a batch of ids can have.
    pub fn push(&mut self, id: &str) {
        self.text.push_str(id);
        let end = i32::try_from(self.text.len());
        self.offsets.push(end.expect("the ids of a batch fit 31 bits"));
    }
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

    /// Calls of one batch at most, where more than [`DispatchLimits::batch_max`] are welcome: a
    /// lane whose batches are quick gets larger ones, up to this. Asked once for each job.
    ///
    /// [`DispatchLimits::batch_max`]: super::DispatchLimits::batch_max
    fn batch_max(&self) -> u32 {
        0
    }

    /// Calls of one job that may be handed over and not answered, at least 1. Asked once for each
    /// job. Calls that timed out do not count.
    ///
    /// For a [deferred](Style::Deferred) transport whose devices can only be called so many at a
    /// time: the time-outs of the others do not run while they wait here.
    fn calls_max(&self) -> usize {
        usize::MAX
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

    /// The calls that nobody has claimed yet, at this moment.
    #[must_use]
    pub fn unclaimed(&self) -> Range<u32> {
        self.batch.unclaimed()
    }

    /// The ids of some devices in one piece; any positions that were claimed.
    #[must_use]
    pub fn id_column(&self, positions: Range<u32>) -> IdColumn {
        let mut column = IdColumn::with_capacity(positions.len());
        self.batch.lane().ids.gather(positions, &mut column);
        column
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

    /// Makes every call that [`claim_next`](Self::claim_next) gives, and answers it.
    ///
    /// The quickest way to make calls one by one. Each is claimed when it is made and answered by
    /// itself: one that hangs or panics concerns no other.
    pub fn for_each(self, mut call: impl FnMut(Call<'_>) -> CallResult) {
        while let Some(next) = self.claim_next() {
            let result = call(next);
            self.batch.answer_latest(next.position, result);
        }
        self.batch.answered_latest();
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
