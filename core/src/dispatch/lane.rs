//! One lane per job, and the board on which the lanes take turns.
//!
//! Lock order: board, then a batch's ledger, then a lane's outbox. None of them is held while
//! anything of the outside runs: not a transport, not its drop. Sending to the channel of
//! completions never waits.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::mem;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam::channel::{Sender, TrySendError};
use parking_lot::{Condvar, Mutex};

use super::batch::Batch;
use super::transport::{DeviceIds, Style, Transport};
use super::{Completion, DispatchLimits};
use crate::clock::{Clock, Monotonic, SystemClock};
use crate::job::{Failure, MethodCall, Reply};

/// What the calls of one job have in common, and where their answers gather.
pub(super) struct Lane {
    pub(super) job: u64,
    pub(super) method: Arc<MethodCall>,
    pub(super) ids: Arc<dyn DeviceIds>,
    pub(super) style: Style,
    /// How long a call may take: to connect, then to answer.
    pub(super) patience: Duration,
    pub(super) shared: Arc<Shared>,
    workers_max: usize,
    closed: AtomicBool,
    outbox: Mutex<Vec<Reply>>,
}

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
    pub(super) workers: AtomicUsize,
    completions: Sender<Completion>,
    real: SystemClock,
}

/// The failures that the engine itself reports, their texts allocated once.
pub(super) struct Failures {
    pub(super) timed_out: Failure,
    pub(super) unanswered: Failure,
    pub(super) abandoned: Failure,
    pub(super) untaken: Failure,
}

/// Which lane has work, who works for it, and what is in flight.
#[derive(Default)]
pub(super) struct Board {
    pub(super) lanes: BTreeMap<u64, LaneState>,
    pub(super) turns: BTreeMap<u64, Turn>,
    /// Jobs that have waiting batches, in the order of their turns.
    ring: VecDeque<u64>,
    /// Batches in flight, waiting ones included.
    pub(super) live: usize,
    pub(super) idle: usize,
    /// Threads: the workers, and all of them with the watcher.
    pub(super) workers: usize,
    pub(super) threads: usize,
    /// Threads of ours that wait for the others in a shutdown.
    pub(super) leaving: usize,
    pub(super) watcher_runs: bool,
    pub(super) watcher_sleeps: bool,
    pub(super) stopped: bool,
    serial: u64,
}

/// The part of a lane that changes.
pub(super) struct LaneState {
    pub(super) lane: Arc<Lane>,
    /// Here and not in the lane, which lives as long as somebody may answer: a transport that keeps
    /// the calls it has to answer would keep itself.
    transport: Arc<dyn Transport>,
    pub(super) live: BTreeMap<u64, Arc<Batch>>,
    /// Deadlines of deferred batches. A plain queue, and no wheel or heap: the time-out is the same
    /// for all calls of a job and clocks do not go back, so they come in order.
    pub(super) deadlines: VecDeque<(Monotonic, u64)>,
    waiting: VecDeque<Arc<Batch>>,
    busy: usize,
    in_ring: bool,
}

/// One worker at one batch.
pub(super) struct Turn {
    pub(super) batch: Arc<Batch>,
    /// What the watcher saw when it last saw progress.
    pub(super) seen: Option<super::watch::Seen>,
}

/// What a worker is to do next.
pub(super) struct Picked {
    pub(super) batch: Arc<Batch>,
    pub(super) transport: Arc<dyn Transport>,
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
            ..limits
        };
        let hour = Duration::from_secs(3600);
        Self {
            clock_is_moved: clock.nap(hour) < hour,
            limits,
            clock,
            failures: Failures::new(),
            board: Mutex::default(),
            work: Condvar::new(),
            watch: Condvar::new(),
            gone: Condvar::new(),
            workers: AtomicUsize::new(0),
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
        let mut batches = 0;
        let mut start = range.start;
        while start < range.end {
            let end = range.end.min(start.saturating_add(self.limits.batch_max));
            assert!(board.add(job, start..end, false), "job {job} is not open");
            batches += 1;
            start = end;
        }
        self.wake(board, batches);
    }

    pub(super) fn revoke(&self, job: u64) -> Vec<Range<u32>> {
        let mut gone = Vec::new();
        let mut ranges = Vec::new();
        let mut board = self.board.lock();
        let board = &mut *board;
        let Some(state) = board.lanes.get_mut(&job) else { return ranges };
        gone.extend(state.waiting.drain(..));
        for batch in state.live.values() {
            let (rest, finished) = batch.take_rest();
            if !rest.is_empty() {
                ranges.push(rest);
            }
            if finished {
                gone.push(Arc::clone(batch));
                board.live -= 1;
            }
        }
        for batch in &gone {
            state.live.remove(&batch.serial());
        }
        merge(ranges)
    }

    /// Takes a batch whose calls all have their answer out of its lane.
    pub(super) fn retire(&self, batch: &Batch) {
        let removed = self.board.lock().remove(batch);
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
        let ours = super::worker::is_worker_of(self);
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
        let lanes = mem::take(&mut board.lanes);
        board.ring.clear();
        board.live = 0;
        drop(board);
        for state in lanes.values() {
            state.lane.flush();
            state.lane.closed.store(true, Ordering::Release);
        }
    }
}

impl Board {
    pub(super) fn open(&mut self, lane: Arc<Lane>, transport: Arc<dyn Transport>) {
        self.lanes.insert(lane.job, LaneState::new(lane, transport));
    }

    pub(super) fn close(&mut self, job: u64) -> Option<LaneState> {
        let state = self.lanes.remove(&job)?;
        state.lane.closed.store(true, Ordering::Release);
        for batch in state.live.values() {
            let _ = batch.take_rest();
        }
        self.live -= state.live.len();
        Some(state)
    }

    /// Puts a new batch in line; false if the job is not open.
    pub(super) fn add(&mut self, job: u64, range: Range<u32>, in_front: bool) -> bool {
        let Some(state) = self.lanes.get_mut(&job) else { return false };
        self.serial += 1;
        let batch = Arc::new(Batch::new(Arc::clone(&state.lane), self.serial, range));
        state.live.insert(self.serial, Arc::clone(&batch));
        self.live += 1;
        self.queue(batch, in_front);
        true
    }

    /// Takes a batch out of its lane. It is returned to be dropped without the lock.
    pub(super) fn remove(&mut self, batch: &Batch) -> Option<Arc<Batch>> {
        let removed = self.lanes.get_mut(&batch.lane().job)?.live.remove(&batch.serial())?;
        self.live -= 1;
        Some(removed)
    }

    /// Puts a batch in line for a worker, if its job is still open.
    fn queue(&mut self, batch: Arc<Batch>, in_front: bool) {
        let job = batch.lane().job;
        let Some(state) = self.lanes.get_mut(&job) else { return };
        if in_front {
            state.waiting.push_front(batch);
        } else {
            state.waiting.push_back(batch);
        }
        if !mem::replace(&mut state.in_ring, true) {
            self.ring.push_back(job);
        }
    }

    /// The next turn for `worker`, of the first lane in the ring that may have one more worker.
    pub(super) fn pick(&mut self, worker: u64, shared: &Shared) -> Option<Picked> {
        for _ in 0..self.ring.len() {
            let job = self.ring.pop_front()?;
            let may_work = self.may_work(job, shared);
            let Some(state) = self.lanes.get_mut(&job) else { continue };
            if may_work && let Some(batch) = state.waiting.pop_front() {
                state.busy += 1;
                state.in_ring = !state.waiting.is_empty();
                if state.lane.deferred() {
                    let deadline = shared.clock.now().monotonic.after(state.lane.patience);
                    state.deadlines.push_back((deadline, batch.serial()));
                }
                if state.in_ring {
                    self.ring.push_back(job);
                }
                // Whatever was claimed in an earlier turn says nothing about this one.
                batch.unstamp();
                let turn = Turn { batch: Arc::clone(&batch), seen: None };
                self.turns.insert(worker, turn);
                return Some(Picked { batch, transport: Arc::clone(&state.transport) });
            }
            state.in_ring = !state.waiting.is_empty();
            if state.in_ring {
                self.ring.push_back(job);
            }
        }
        None
    }

    /// Whether some lane could use one more worker now.
    pub(super) fn wants_worker(&self, shared: &Shared) -> bool {
        self.ring.iter().any(|job| self.may_work(*job, shared))
    }

    /// A lane may have as many workers as are still free for others. So whatever a lane does to its
    /// workers, half of them stay; two such lanes leave a third, and so on. (The dynamic threshold
    /// of Choudhury and Hahne, "Dynamic queue length thresholds", 1998.)
    fn may_work(&self, job: u64, shared: &Shared) -> bool {
        let free = shared.limits.workers_max.saturating_sub(self.turns.len());
        self.lanes.get(&job).is_some_and(|state| state.busy < free.min(state.lane.workers_max))
    }

    /// Ends a worker's turn and puts what it left back in line. The turn is returned to be dropped
    /// without the lock.
    pub(super) fn end_turn(&mut self, worker: u64) -> Option<Turn> {
        let turn = self.turns.remove(&worker)?;
        let lane = turn.batch.lane();
        if let Some(state) = self.lanes.get_mut(&lane.job) {
            state.busy -= 1;
        }
        if !lane.deferred() && turn.batch.has_unclaimed() {
            self.queue(Arc::clone(&turn.batch), true);
        }
        Some(turn)
    }
}

impl LaneState {
    fn new(lane: Arc<Lane>, transport: Arc<dyn Transport>) -> Self {
        Self {
            lane,
            transport,
            live: BTreeMap::new(),
            deadlines: VecDeque::new(),
            waiting: VecDeque::new(),
            busy: 0,
            in_ring: false,
        }
    }
}

impl Failures {
    fn new() -> Self {
        let failure = |code, description: &str| Failure { code, description: description.into() };
        Self {
            timed_out: failure(504_101, "Timed out waiting for the response from device."),
            unanswered: failure(500_001, "The handler returned without an answer for this device."),
            abandoned: failure(500_001, "The transport dropped this call without an answer."),
            untaken: failure(500_001, "The handler returned without taking this call."),
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
            .field("stopped", &board.stopped)
            .finish_non_exhaustive()
    }
}
