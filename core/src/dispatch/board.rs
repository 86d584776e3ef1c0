//! The board on which the lanes take turns: which has work, and who works for it.
//!
//! Only data and rules; all of it is behind one lock, taken a few times per batch.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::ops::Range;
use std::sync::Arc;

use super::batch::Batch;
use super::lane::Lane;
use super::leftovers::Leftovers;
use super::roster::{Key, Roster};
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
    /// Batches in flight: picked at least once, and not done.
    pub(super) live: usize,
    pub(super) idle: usize,
    /// Who works for which transport, and who was written off.
    pub(super) roster: Roster,
    /// Threads: the workers, and all of them with the watcher; without those written off.
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
    key: Key,
    pub(super) live: BTreeMap<u64, Arc<Batch>>,
    /// Deadlines of deferred batches. A plain queue, and no wheel or heap: the time-out is the same
    /// for all calls of a job and clocks do not go back, so they come in order.
    pub(super) deadlines: VecDeque<(Monotonic, u64)>,
    waiting: VecDeque<Waiting>,
    busy: usize,
    in_ring: bool,
}

/// What waits in a lane for a worker.
enum Waiting {
    /// Calls that nobody has seen yet.
    Fresh(Range<u32>),
    /// The rest of a batch that had a worker before.
    Rest(Arc<Batch>),
}

/// One worker at one batch.
pub(super) struct Turn {
    pub(super) batch: Arc<Batch>,
    key: Key,
    /// What the watcher saw when it last saw progress.
    pub(super) seen: Option<Seen>,
}

/// What a thread of the dispatcher is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Worker,
    /// Was a worker until its call timed out, and counts no more.
    WrittenOff,
    Watcher,
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

    pub(super) fn close(&mut self, job: u64) -> Leftovers {
        let Some(state) = self.lanes.remove(&job) else { return Leftovers::default() };
        self.ring.retain(|other| *other != job);
        state.lane.close();
        for batch in state.live.values() {
            let _ = batch.take_rest();
        }
        self.live -= state.live.len();
        state.into()
    }

    /// Cuts off what nobody claimed; also returns batches that are done with, to be dropped without
    /// the lock.
    pub(super) fn revoke(&mut self, job: u64) -> (Vec<Range<u32>>, Leftovers) {
        let (mut ranges, mut done) = (Vec::new(), Vec::new());
        let Some(state) = self.lanes.get_mut(&job) else { return (ranges, Leftovers::default()) };
        for waiting in state.waiting.drain(..) {
            if let Waiting::Fresh(range) = waiting {
                ranges.push(range);
            }
        }
        state.in_ring = false;
        self.ring.retain(|other| *other != job);
        for batch in state.live.values() {
            let (rest, finished) = batch.take_rest();
            if !rest.is_empty() {
                let _ = state.lane.answered(rest.end - rest.start);
                ranges.push(rest);
            }
            if finished {
                done.push(Arc::clone(batch));
            }
        }
        for batch in &done {
            let _ = self.remove(batch);
        }
        (ranges, Leftovers::of_batches(done))
    }

    /// Forgets all jobs.
    pub(super) fn clear(&mut self) -> BTreeMap<u64, LaneState> {
        self.ring.clear();
        self.live = 0;
        mem::take(&mut self.lanes)
    }

    /// Whether there is anything to look after: calls that wait or are not answered, or workers.
    pub(super) fn is_busy(&self) -> bool {
        self.live > 0 || !self.ring.is_empty() || !self.turns.is_empty()
    }

    /// Puts calls in line; false if the job is not open.
    pub(super) fn add(&mut self, job: u64, range: Range<u32>, in_front: bool) -> bool {
        let Some(state) = self.lanes.get_mut(&job) else { return false };
        match state.waiting.back_mut() {
            Some(Waiting::Fresh(last)) if !in_front && last.end == range.start => {
                last.end = range.end;
            }
            _ => self.queue(job, Waiting::Fresh(range), in_front),
        }
        true
    }

    /// Takes a batch out of its lane. It is returned to be dropped without the lock.
    pub(super) fn remove(&mut self, batch: &Batch) -> Option<Arc<Batch>> {
        let removed = self.lanes.get_mut(&batch.lane().job)?.live.remove(&batch.serial())?;
        self.live -= 1;
        Some(removed)
    }

    /// Puts something in line for a worker, if its job is still open.
    fn queue(&mut self, job: u64, waiting: Waiting, in_front: bool) {
        let Some(state) = self.lanes.get_mut(&job) else { return };
        if in_front {
            state.waiting.push_front(waiting);
        } else {
            state.waiting.push_back(waiting);
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
            let known = state.live.len();
            if may_work && let Some(batch) = state.next_batch(&mut self.serial, state.lane.room()) {
                self.live += state.live.len() - known;
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
                let turn = Turn { batch: Arc::clone(&batch), key: state.key, seen: None };
                self.roster.begin(state.key);
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
    ///
    /// The lanes of one transport leave an eighth to other transports, and the last worker in any
    /// case; and a transport that lost too many workers gets no more.
    fn may_work(&self, job: u64, shared: &Shared) -> bool {
        let free = shared.limits.workers_max.saturating_sub(self.turns.len());
        self.lanes.get(&job).is_some_and(|state| {
            let all = self.roster.of(state.key);
            state.busy < free.min(state.lane.workers_max)
                && state.lane.room() > 0
                && (all.busy == 0 || free > 1 && all.busy / 7 < free)
                && all.lost < shared.limits.lost_max
        })
    }

    /// Takes the waiting batches of transports that lost too many workers out of line: nobody will
    /// come for them.
    pub(super) fn take_hopeless(&mut self, shared: &Shared) -> Vec<Arc<Batch>> {
        let mut hopeless = Vec::new();
        if self.roster.lost() >= shared.limits.lost_max {
            for state in self.lanes.values_mut() {
                if self.roster.of(state.key).lost >= shared.limits.lost_max {
                    let known = state.live.len();
                    let next = || state.next_batch(&mut self.serial, u32::MAX);
                    hopeless.extend(std::iter::from_fn(next));
                    self.live += state.live.len() - known;
                }
            }
        }
        hopeless
    }

    /// Writes off a worker that hangs in its turn. The turn is returned to be dropped without the
    /// lock, with the number of workers that its transport lost.
    pub(super) fn write_off(&mut self, worker: u64) -> Option<(Turn, usize)> {
        let turn = self.turns.remove(&worker)?;
        if let Some(state) = self.lanes.get_mut(&turn.batch.lane().job) {
            state.busy -= 1;
        }
        self.roster.write_off(worker, turn.key);
        self.leave(Role::Worker);
        let lost = self.roster.of(turn.key).lost;
        Some((turn, lost))
    }

    /// Counts a thread in.
    pub(super) fn enter(&mut self, role: Role) {
        match role {
            Role::Worker => self.workers += 1,
            Role::Watcher => self.watcher_runs = true,
            Role::WrittenOff => return,
        }
        self.threads += 1;
    }

    /// Counts a thread out.
    pub(super) fn leave(&mut self, role: Role) {
        match role {
            Role::Worker => self.workers -= 1,
            Role::Watcher => self.watcher_runs = false,
            Role::WrittenOff => return,
        }
        self.threads -= 1;
    }

    /// Ends a worker's turn and puts what it left back in line. The turn is returned to be dropped
    /// without the lock; none if the worker was written off.
    pub(super) fn end_turn(&mut self, worker: u64) -> Option<Turn> {
        let Some(turn) = self.turns.remove(&worker) else {
            self.roster.come_back(worker);
            return None;
        };
        self.roster.end(turn.key);
        let lane = turn.batch.lane();
        if let Some(state) = self.lanes.get_mut(&lane.job) {
            state.busy -= 1;
        }
        if !lane.deferred() && turn.batch.has_unclaimed() {
            self.queue(lane.job, Waiting::Rest(Arc::clone(&turn.batch)), true);
        }
        Some(turn)
    }
}

impl LaneState {
    pub(super) fn new(lane: Arc<Lane>, transport: Arc<dyn Transport>) -> Self {
        Self {
            lane,
            key: Key::of(&transport),
            transport,
            live: BTreeMap::new(),
            deadlines: VecDeque::new(),
            waiting: VecDeque::new(),
            busy: 0,
            in_ring: false,
        }
    }

    /// The batch that is next in line; a new one has at most `calls_max` calls.
    fn next_batch(&mut self, serial: &mut u64, calls_max: u32) -> Option<Arc<Batch>> {
        let batch = match self.waiting.pop_front()? {
            Waiting::Rest(batch) => batch,
            Waiting::Fresh(all) => {
                let end = all.end.min(all.start.saturating_add(calls_max));
                if end < all.end {
                    self.waiting.push_front(Waiting::Fresh(end..all.end));
                }
                *serial += 1;
                let range = all.start..end;
                self.lane.opened(&range);
                Arc::new(Batch::new(Arc::clone(&self.lane), *serial, &range))
            }
        };
        self.live.insert(batch.serial(), Arc::clone(&batch));
        Some(batch)
    }

    /// All that may run foreign code when it is dropped.
    pub(super) fn into_parts(
        self,
    ) -> (Arc<Lane>, Arc<dyn Transport>, impl Iterator<Item = Arc<Batch>>) {
        let rests = self.waiting.into_iter().filter_map(|waiting| match waiting {
            Waiting::Rest(batch) => Some(batch),
            Waiting::Fresh(_) => None,
        });
        (self.lane, self.transport, self.live.into_values().chain(rests))
    }
}
