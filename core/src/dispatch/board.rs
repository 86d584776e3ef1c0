//! The board on which the lanes take turns: which has work, and who works for it.
//!
//! Only data and rules; all of it is behind one lock, taken a few times per batch.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::ops::Range;
use std::sync::Arc;

use super::batch::Batch;
use super::lane::Lane;
use super::shared::Shared;
use super::transport::Transport;
use super::watch::Seen;
use crate::clock::Monotonic;

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
    pub(super) seen: Option<Seen>,
}

/// What a worker is to do next.
pub(super) struct Picked {
    pub(super) batch: Arc<Batch>,
    pub(super) transport: Arc<dyn Transport>,
}

impl Board {
    pub(super) fn open(&mut self, lane: Arc<Lane>, transport: Arc<dyn Transport>) {
        self.lanes.insert(lane.job, LaneState::new(lane, transport));
    }

    pub(super) fn close(&mut self, job: u64) -> Option<LaneState> {
        let state = self.lanes.remove(&job)?;
        state.lane.close();
        for batch in state.live.values() {
            let _ = batch.take_rest();
        }
        self.live -= state.live.len();
        Some(state)
    }

    /// Cuts off what nobody claimed; also returns batches that are done with, to be dropped without
    /// the lock.
    pub(super) fn revoke(&mut self, job: u64) -> (Vec<Range<u32>>, Vec<Arc<Batch>>) {
        let (mut ranges, mut done) = (Vec::new(), Vec::new());
        let Some(state) = self.lanes.get_mut(&job) else { return (ranges, done) };
        state.waiting.clear();
        for batch in state.live.values() {
            let (rest, finished) = batch.take_rest();
            if !rest.is_empty() {
                ranges.push(rest);
            }
            if finished {
                done.push(Arc::clone(batch));
            }
        }
        for batch in &done {
            let _ = self.remove(batch);
        }
        (ranges, done)
    }

    /// Forgets all jobs.
    pub(super) fn clear(&mut self) -> BTreeMap<u64, LaneState> {
        self.ring.clear();
        self.live = 0;
        mem::take(&mut self.lanes)
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
