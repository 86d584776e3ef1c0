//! Direct methods on many devices at once: calls go out in batches, each is answered exactly once.
//!
//! ```text
//! send --> lane of the job --> worker --> Transport --> answers --> Completion
//!             ^   ring: lanes take turns      |             ^
//!             +------- rest of the batch -----+    watcher: time-outs, stuck workers
//! ```
//!
//! A job has a `lane`; workers rotate over the lanes on the `board` in short slices, so that no job
//! holds back another. `batch` decides who may claim a call and whose answer counts, `worker` runs the
//! transports, `watch` looks after what takes too long, and `roster` counts whom that cost. [`handler`] turns closures into
//! transports, [`simulate`] stands in for a fleet.
//!
//! Rejected: a queue entry per call. A claim is one step of a batch's cursor and an answer one bit,
//! which is what makes tens of millions of calls per second possible.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam::channel::Sender;

use crate::clock::Clock;
use crate::job::{MethodCall, Reply};

mod batch;
mod board;
pub mod handler;
mod lane;
mod ledger;
mod leftovers;
mod pace;
mod roster;
mod shared;
pub mod simulate;
mod transport;
mod watch;
mod worker;

#[cfg(test)]
mod tests;

pub use handler::{
    BatchCall, BatchTransport, FnTransport, MethodResponse, batch_transport, fn_transport,
};
pub use leftovers::Leftovers;
pub use simulate::{Latency, SimulatedDevices, SimulatedFleet};
pub use transport::{Answers, Call, Calls, DeviceIds, IdColumn, Style, Transport};

use lane::Lane;
use shared::Shared;

/// How many threads work, and how long at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DispatchLimits {
    /// Workers while handlers are quick: one for each core. At least 1.
    pub workers: usize,
    /// Workers at most, when handlers block: enough to wait for many devices at once, few enough
    /// that their stacks cost little. Taken as twice `workers` if it is less.
    pub workers_max: usize,
    /// Calls of a batch at most: enough to make the cost of a batch vanish in that of its calls.
    pub batch_max: u32,
    /// How long a worker stays with one job before the next job has its turn, and how often the
    /// watcher looks around.
    pub slice: Duration,
    /// How long a worker works at least before it lets others have its processor, between two
    /// batches. Handlers that compute fill all processors, and who wakes up then, to record answers
    /// or to start a small job, would wait for the end of the system's own time slice of some
    /// milliseconds. Shorter costs the quickest handlers a good part of their speed.
    pub yield_every: Duration,
    /// How long a worker above `workers` waits for work before it goes.
    pub idle_max: Duration,
    /// Threads that one transport may lose in calls that timed out and never returned, about; with
    /// that many lost, its calls fail at once until some return. At least 1.
    ///
    /// A lost thread does not count among `workers_max`. Since it is only lost when its time is up,
    /// there may be as many more as were inside the handler at that moment.
    pub lost_max: usize,
}

impl Default for DispatchLimits {
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(2, usize::from),
            workers_max: 256,
            batch_max: 1024,
            slice: Duration::from_millis(5),
            yield_every: Duration::from_micros(250),
            idle_max: Duration::from_secs(2),
            lost_max: 128,
        }
    }
}

/// Answers of one job, as many as came together.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// The number under which the job was opened.
    pub job: u64,
    /// One reply per call, in no particular order; never two for one position.
    pub replies: Vec<Reply>,
}

/// Carries the calls of all method jobs of a hub to their transports, and the answers back.
///
/// Every call that was [sent](Self::send) comes back exactly once: in a [`Completion`], or in what
/// [`revoke`](Self::revoke) returns. Three things end that: [`close`](Self::close) and
/// [`shutdown`](Self::shutdown) drop what is still open, and a receiver of completions that was
/// dropped hears nothing.
///
/// Nothing here blocks, [`shutdown`](Self::shutdown) apart, and no lock is held while a transport
/// runs or is dropped; so a handler may call whatever it likes, also these methods. Completions
/// that find the channel full wait in memory, which the number of calls in flight bounds.
///
/// No method but `shutdown` drops a transport either: what is left of a job is handed back as
/// [`Leftovers`], so that a caller with locks of its own can drop it when they are free.
///
/// A call that times out fails, and its thread is written off: another takes its place, and when
/// the handler returns after all, the thread ends. So handlers that hang for ever hold back neither
/// their own job nor others; see [`lost_max`](DispatchLimits::lost_max) for where that ends.
///
/// Threads start with the first call and none runs for an idle hub but the workers, asleep.
#[derive(Debug)]
pub struct Dispatcher {
    shared: Arc<Shared>,
}

impl Dispatcher {
    /// A dispatcher that reports to `completions`, the sending end of a bounded channel.
    ///
    /// Time-outs run on the monotonic side of `clock`.
    #[must_use]
    pub fn start(
        limits: DispatchLimits,
        clock: Arc<dyn Clock>,
        completions: Sender<Completion>,
    ) -> Self {
        Self { shared: Arc::new(Shared::new(limits, clock, completions)) }
    }

    /// Opens the lane of a job: `method` on the devices that `ids` names, through `transport`.
    ///
    /// After a shutdown nothing happens, and everything is handed back.
    ///
    /// # Panics
    ///
    /// If `job` is open. Numbers of jobs must never be used twice.
    pub fn open(
        &self,
        job: u64,
        method: Arc<MethodCall>,
        ids: Arc<dyn DeviceIds>,
        transport: Arc<dyn Transport>,
    ) -> Leftovers {
        let lane = Lane::new(job, method, ids, &*transport, &self.shared);
        let mut board = self.shared.board.lock();
        assert!(!board.lanes.contains_key(&job), "job {job} is opened twice");
        if board.stopped {
            return board::LaneState::new(lane, transport).into();
        }
        board.open(lane, transport);
        Leftovers::default()
    }

    /// Hands over the calls at these positions; returns at once.
    ///
    /// The caller keeps the number of calls in flight within its limits: that is what bounds the
    /// memory of the lane. After a shutdown nothing happens.
    ///
    /// # Panics
    ///
    /// If `job` is not open.
    pub fn send(&self, job: u64, range: Range<u32>) {
        self.shared.send(job, range);
    }

    /// Takes back the calls that no transport has claimed yet, as ascending ranges.
    ///
    /// After it returns no further call of the job is claimed; claimed ones may still be answered.
    /// An unknown job has nothing to take back.
    #[must_use = "these calls will get no reply"]
    pub fn revoke(&self, job: u64) -> (Vec<Range<u32>>, Leftovers) {
        self.shared.revoke(job)
    }

    /// Forgets a job: no further call is claimed and answers that still come are dropped.
    pub fn close(&self, job: u64) -> Leftovers {
        self.shared.board.lock().close(job)
    }

    /// Stops: no further call is claimed, then waits at most `patience`, in real time, for the
    /// handlers that run. Those that still hang are left behind; their answers are dropped. Calls
    /// that timed out before are not waited for. Transports are dropped here; a panic in that is
    /// logged and goes no further.
    ///
    /// Answers that arrive within `patience` are still reported. May be called more than once, and
    /// from inside a handler, which is then not waited for.
    pub fn shutdown(&self, patience: Duration) {
        self.shared.shutdown(patience);
    }

    /// Worker threads at this moment, those stuck in handlers included.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.shared.workers.load(Ordering::Relaxed)
    }

    /// Worker threads that are lost at this moment: their calls timed out and have not returned.
    #[must_use]
    pub fn lost_workers(&self) -> usize {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.shutdown(Duration::ZERO);
    }
}
