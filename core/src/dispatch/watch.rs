//! The watcher: one thread that looks around every few milliseconds while calls are in flight.
//!
//! It fails the calls whose time is up and writes off the workers that hang in them, takes the rest
//! of a batch away from a worker that is stuck in one call, starts workers in place of stuck ones,
//! and passes on answers that waited for company. It never waits for anything but its next look.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::batch::Batch;
use super::board::{Board, LaneState, Turn};
use super::leftovers::Leftovers;
use super::shared::Shared;
use super::worker::panicked;
use crate::clock::Monotonic;

/// A worker's progress as the watcher last saw it change.
pub(super) struct Seen {
    next: u32,
    real: Duration,
    hub: Monotonic,
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
    /// Batches for which no worker will come.
    hopeless: Vec<Arc<Batch>>,
    /// Turns of workers that were written off, with the number that their transports lost by then.
    written_off: Vec<(Turn, usize)>,
}

/// The life of the watcher: look after look until all is over.
pub(super) fn watch(shared: &Arc<Shared>) {
    let mut panics: u64 = 0;
    // Unwind safe: everything that a look changes is in order between any two of its steps, and
    // without a watcher no call would time out any more.
    loop {
        match catch_unwind(AssertUnwindSafe(|| watch_once(shared))) {
            Ok(true) => {}
            Ok(false) => return,
            Err(payload) => {
                panics += 1;
                // A look comes every few milliseconds: not each of them is worth a line.
                if panics.is_power_of_two() {
                    let text = panicked(payload).description;
                    tracing::error!(panics, text = &*text, "the watcher of calls panicked");
                }
                // No clock is asked for this pause: it may be what panicked.
                shared.watch.wait_for(&mut shared.board.lock(), shared.limits.slice);
            }
        }
    }
}

/// Waits, then looks around; false when all is over. Sleeps without a time-out while nothing is in
/// flight.
fn watch_once(shared: &Arc<Shared>) -> bool {
    let mut board = shared.board.lock();
    if board.stopped {
        return false;
    }
    // `flush` is called for every lane: no `all`, which stops at the first.
    let unsent = board.lanes.values().filter(|state| !state.lane.flush()).count();
    // A worker may also be inside for a job that is over: it is written off all the same.
    if !board.is_busy() && unsent == 0 {
        board.watcher_sleeps = true;
        shared.watch.wait(&mut board);
        board.watcher_sleeps = false;
        return true;
    }
    shared.watch.wait_for(&mut board, shared.clock.nap(shared.limits.slice));
    if board.stopped {
        return false;
    }
    let found = look(shared, &mut board);
    shared.publish(&board);
    drop(board);
    let failures = &shared.failures;
    found.late.iter().for_each(|batch| batch.fail_claimed(&failures.timed_out));
    found.lost.iter().for_each(|batch| batch.fail_all(&failures.timed_out));
    found.hopeless.iter().for_each(|batch| batch.fail_all(&failures.hopeless));
    for (turn, lost) in &found.written_off {
        let method = &turn.batch.lane().method.name;
        tracing::debug!(method = &**method, lost, "a call timed out and its thread is written off");
        if *lost == shared.limits.lost_max {
            tracing::warn!(
                method = &**method,
                lost,
                "calls of this handler never returned; it gets no more until some do"
            );
        }
    }
    let hanging = found.written_off.into_iter().map(|(turn, _)| turn.batch);
    let batches = found.late.into_iter().chain(found.lost).chain(found.hopeless);
    drop(Leftovers::of_batches(batches.chain(found.done).chain(hanging).collect()));
    true
}

fn look(shared: &Arc<Shared>, board: &mut Board) -> Found {
    let mut found = Found::default();
    let now = shared.clock.now().monotonic;
    for state in board.lanes.values_mut() {
        expire(state, now, &mut found);
    }
    let stuck = look_at_workers(shared, board, now, &mut found);
    found.hopeless = board.take_hopeless(shared);
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

/// Looks at each worker's batch; returns how many workers have been in one call for a slice, without
/// those that were written off.
fn look_at_workers(shared: &Shared, board: &mut Board, now: Monotonic, found: &mut Found) -> usize {
    let real = shared.real_time();
    let mut stuck = 0;
    let (mut rests, mut hanging) = (Vec::new(), Vec::new());
    for (worker, turn) in &mut board.turns {
        let batch = &turn.batch;
        batch.flush();
        let next = batch.next();
        match &turn.seen {
            Some(seen) if seen.next == next => {}
            _ => {
                // Where the claim was not timed, the call counts from now: late by a look at most,
                // but never failed before its time.
                let hub = batch.claimed_at().map_or(now, |at| at.min(now));
                turn.seen = Some(Seen { next, real, hub });
            }
        }
        let Some(seen) = &turn.seen else { continue };
        let late = now >= seen.hub.after(batch.lane().patience);
        if real.saturating_sub(seen.real) < shared.limits.slice && !late {
            continue;
        }
        stuck += 1;
        if batch.lane().deferred() {
            // Its calls have a deadline of their own.
            if late {
                hanging.push(*worker);
            }
            continue;
        }
        if batch.untouched() {
            if late {
                found.lost.push(Arc::clone(batch));
                hanging.push(*worker);
            }
            continue;
        }
        let (rest, finished) = batch.take_rest();
        if !rest.is_empty() {
            rests.push((batch.lane().job, rest));
        }
        if finished {
            found.done.push(Arc::clone(batch));
        }
        // Only now that nothing more is claimed: else it might just have begun another call.
        if late && batch.next() == next {
            found.late.push(Arc::clone(batch));
            hanging.push(*worker);
        }
    }
    stuck -= hanging.len();
    found.written_off.extend(hanging.into_iter().filter_map(|worker| board.write_off(worker)));
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
