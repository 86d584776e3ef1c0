//! The threads that run transports: taking turns, slices, panics, and how they come and go.

use std::any::Any;
use std::cell::Cell;
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use parking_lot::MutexGuard;

use super::board::{Board, Picked, Role};
use super::leftovers::Leftovers;
use super::pace::Pace;
use super::shared::Shared;
use super::transport::Calls;
use crate::job::Failure;

thread_local! {
    /// The dispatcher that this thread works for, by its address, and its number there.
    static WORKS_FOR: Cell<(usize, u64)> = const { Cell::new((0, 0)) };
}

/// The current thread's number if it is one of `shared`'s workers, that is, if a handler is asking.
pub(super) fn number_at(shared: &Shared) -> Option<u64> {
    let (address_of_mine, number) = WORKS_FOR.get();
    (address_of_mine == address(shared)).then_some(number)
}

impl Shared {
    /// Finds workers for `batches` new batches, asleep or new, and wakes the watcher.
    pub(super) fn wake(self: &Arc<Self>, mut board: MutexGuard<'_, Board>, batches: usize) {
        for _ in 0..batches.min(board.idle) {
            self.work.notify_one();
        }
        let wanted = batches.saturating_sub(board.idle);
        let spare = self.limits.workers.saturating_sub(board.workers);
        self.spawn_workers(&mut board, wanted.min(spare));
        if board.watcher_sleeps {
            self.watch.notify_one();
        }
        if !board.watcher_runs {
            self.spawn(&mut board, Role::Watcher);
        }
    }

    pub(super) fn spawn_workers(self: &Arc<Self>, board: &mut Board, count: usize) {
        for _ in 0..count {
            self.spawn(board, Role::Worker);
        }
    }

    /// Starts a thread. Where the system refuses, the next batch, or the watcher at its next look,
    /// tries again.
    fn spawn(self: &Arc<Self>, board: &mut Board, role: Role) {
        let shared = Arc::clone(self);
        let name = if role == Role::Watcher { "twincast-watch" } else { "twincast-worker" };
        board.enter(role);
        let body = move || {
            let place = Place { shared, role: Cell::new(role) };
            match role {
                Role::Watcher => super::watch::watch(&place.shared),
                Role::Worker | Role::WrittenOff => work(&place),
            }
        };
        let started: io::Result<_> = thread::Builder::new().name(name.into()).spawn(body);
        if let Err(error) = started {
            tracing::warn!(%error, name, "cannot start a thread");
            board.leave(role);
        }
        self.publish(board);
    }
}

/// The place of a thread among the others, which it leaves when it ends, however it ends.
struct Place {
    shared: Arc<Shared>,
    role: Cell<Role>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut board = self.shared.board.lock();
        board.leave(self.role.get());
        self.shared.publish(&board);
        drop(board);
        self.shared.gone.notify_all();
    }
}

/// The life of a worker: turn after turn, until it was idle too long or all is over.
fn work(place: &Place) {
    let shared = &place.shared;
    let worker = thread_number();
    WORKS_FOR.set((address(shared), worker));
    let mut yielded = shared.real_time();
    let mut board = shared.board.lock();
    while !board.stopped {
        if let Some(picked) = board.pick(worker, shared) {
            drop(board);
            run(shared, &picked);
            board = shared.board.lock();
            let turn = board.end_turn(worker);
            if turn.is_none() {
                // Another has this one's place, so it goes.
                place.role.set(Role::WrittenOff);
                WORKS_FOR.set((0, 0));
                shared.publish(&board);
            }
            // Workers asleep may be allowed to do what this one held, or what it put back.
            if board.idle > 0 && board.wants_worker(shared) {
                shared.work.notify_one();
            }
            drop(board);
            // Without the lock: this may be the last owner of the transport, whose drop may do
            // anything.
            let batches = turn.map(|turn| turn.batch).into_iter().chain([picked.batch]);
            drop(Leftovers::of_turn(picked.transport, batches.collect()));
            if place.role.get() == Role::WrittenOff {
                return;
            }
            if shared.real_time().saturating_sub(yielded) >= shared.limits.yield_every {
                thread::yield_now();
                yielded = shared.real_time();
            }
            board = shared.board.lock();
            continue;
        }
        board.idle += 1;
        let waited = shared.work.wait_for(&mut board, shared.limits.idle_max);
        board.idle -= 1;
        if waited.timed_out()
            && board.workers > shared.limits.workers
            && !board.wants_worker(shared)
        {
            break;
        }
    }
}

/// One turn: offers the batch to its transport, and fails what that left undone.
fn run(shared: &Arc<Shared>, picked: &Picked) {
    let batch = &picked.batch;
    let lane = batch.lane();
    let before = batch.next();
    let begun = shared.real_time();
    let calls = if lane.deferred() {
        Calls::deferred(Arc::clone(batch))
    } else {
        Calls::blocking(Arc::clone(batch), Pace::new(Arc::clone(shared)))
    };
    // Unwind safe: what a panic can leave half done is the transport's own. Our state changes in
    // steps that run no foreign code: a claim is one atomic operation, and an answer is recorded
    // under a lock in code that does not panic.
    let caught = catch_unwind(AssertUnwindSafe(|| picked.transport.invoke(calls)));
    let took_none = batch.next() == before && batch.has_unclaimed();
    match caught {
        Ok(()) if lane.deferred() => {}
        Ok(()) if took_none => batch.fail_all(&shared.failures.untaken),
        Ok(()) => batch.fail_claimed(&shared.failures.unanswered),
        Err(payload) => {
            let failure = panicked(payload);
            // A blocking transport gets the rest in a later turn, unless it would panic for ever.
            if lane.deferred() || took_none {
                batch.fail_all(&failure);
            } else {
                batch.fail_claimed(&failure);
            }
        }
    }
    lane.took(&(before..batch.next()), shared.real_time().saturating_sub(begun));
    batch.flush();
}

/// The failure of a call whose handler panicked.
pub(super) fn panicked(payload: Box<dyn Any + Send>) -> Failure {
    let text = match payload.downcast::<&'static str>() {
        Ok(text) => (*text).to_owned(),
        Err(payload) => match payload.downcast::<String>() {
            Ok(text) => *text,
            Err(payload) => {
                // Leaked: a payload of an unknown type may panic once more in its drop.
                mem::forget(payload);
                "no text".to_owned()
            }
        },
    };
    Failure { code: 500_001, description: format!("The handler panicked: {text}").into() }
}

fn address(shared: &Shared) -> usize {
    std::ptr::from_ref(shared).addr()
}

/// A number that no other thread of the process has.
fn thread_number() -> u64 {
    use std::sync::atomic::AtomicU64;
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
