//! The watcher: one thread that looks around every few milliseconds while calls are in flight.
//!
//! It fails the calls whose time is up, takes the rest of a batch away from a worker that is stuck
//! in one call, starts workers in place of stuck ones, and passes on answers that waited for
//! company. It never waits for anything but its next look.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use super::batch::Batch;
use super::board::{Board, LaneState};
use super::shared::Shared;
use crate::clock::Monotonic;

/// A worker's progress as the watcher last saw it change.
pub(super) struct Seen {
    next: u32,
    real: Duration,
    hub: Monotonic,
    /// Its time is up and its calls were failed.
    timed_out: bool,
}

/// What one look found to do without the board's lock.
#[derive(Default)]
struct Found {
    /// Claimed calls without an answer in time.
    late: Vec<Arc<Batch>>,
    /// Batches that nobody claimed or answered in time.
    lost: Vec<Arc<Batch>>,
    /// Batches that are done with; kept so that their drop happens without the lock.
    done: Vec<Arc<Batch>>,
}

/// The life of the watcher. Asleep without a time-out while nothing is in flight.
pub(super) fn watch(shared: &Arc<Shared>) {
    loop {
        let mut board = shared.board.lock();
        if board.stopped {
            return;
        }
        // `flush` is called for every lane: no `all`, which stops at the first.
        let unsent = board.lanes.values().filter(|state| !state.lane.flush()).count();
        if board.live == 0 && unsent == 0 {
            board.watcher_sleeps = true;
            shared.watch.wait(&mut board);
            board.watcher_sleeps = false;
            continue;
        }
        shared.watch.wait_for(&mut board, shared.clock.nap(shared.limits.slice));
        if board.stopped {
            return;
        }
        let found = look(shared, &mut board);
        drop(board);
        for batch in &found.late {
            batch.fail_claimed(&shared.failures.timed_out);
        }
        for batch in &found.lost {
            batch.fail_all(&shared.failures.timed_out);
        }
    }
}

fn look(shared: &Arc<Shared>, board: &mut Board) -> Found {
    let mut found = Found::default();
    let now = shared.clock.now().monotonic;
    for state in board.lanes.values_mut() {
        expire(state, now, &mut found);
    }
    let stuck = look_at_workers(shared, board, now, &mut found);
    // As many workers as there are cores should make progress, as long as there is work for them.
    let moving = board.workers.saturating_sub(stuck);
    let wanted = shared.limits.workers.saturating_sub(moving);
    let room = shared.limits.workers_max.saturating_sub(board.workers);
    if wanted.min(room) > 0 && board.idle == 0 && board.wants_worker(shared) {
        shared.spawn_workers(board, wanted.min(room));
    }
    found
}

/// Finds the deferred batches whose deadline has passed.
fn expire(state: &mut LaneState, now: Monotonic, found: &mut Found) {
    while let Some((deadline, serial)) = state.deadlines.front() {
        match state.live.get(serial) {
            Some(batch) if *deadline <= now => found.lost.push(Arc::clone(batch)),
            Some(_) => break,
            None => {}
        }
        state.deadlines.pop_front();
    }
    // Behind one batch that waits for its deadline many may have finished.
    if state.deadlines.len() > 2 * state.live.len() + 64 {
        state.deadlines.retain(|(_, serial)| state.live.contains_key(serial));
    }
}

/// Looks at each worker's batch; returns how many workers have been in one call for a slice.
fn look_at_workers(shared: &Shared, board: &mut Board, now: Monotonic, found: &mut Found) -> usize {
    let real = shared.real_time();
    let mut stuck = 0;
    let mut rests = Vec::new();
    for turn in board.turns.values_mut() {
        let batch = &turn.batch;
        batch.flush();
        let next = batch.next();
        match &turn.seen {
            Some(seen) if seen.next == next => {}
            _ => {
                // Where the claim was not timed, the call counts from now: late by a look at most,
                // but never failed before its time.
                let hub = batch.claimed_at().map_or(now, |at| at.min(now));
                turn.seen = Some(Seen { next, real, hub, timed_out: false });
            }
        }
        let Some(seen) = &mut turn.seen else { continue };
        let late = now >= seen.hub.after(batch.lane().patience);
        if real.saturating_sub(seen.real) < shared.limits.slice && !late {
            continue;
        }
        stuck += 1;
        if batch.lane().deferred() {
            continue; // It has a deadline of its own.
        }
        if late && !mem::replace(&mut seen.timed_out, true) {
            if batch.untouched() {
                found.lost.push(Arc::clone(batch));
            } else {
                found.late.push(Arc::clone(batch));
            }
        }
        if !batch.untouched() {
            let (rest, finished) = batch.take_rest();
            if !rest.is_empty() {
                rests.push((batch.lane().job, rest));
            }
            if finished {
                found.done.push(Arc::clone(batch));
            }
        }
    }
    for batch in &found.done {
        board.remove(batch);
    }
    for (job, rest) in rests {
        // A job that was closed meanwhile has no use for the rest.
        let _ = board.add(job, rest, true);
    }
    if board.idle > 0 && board.wants_worker(shared) {
        shared.work.notify_one();
    }
    stuck
}
