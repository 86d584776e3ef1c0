//! The threads of a hub: one that keeps time and collects answers, and some for long work.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::{Receiver, bounded, select};
use parking_lot::Mutex;

use super::desk::{ChoreKind, Desk, Work};
use super::operation::PatchTargets;
use super::state::State;
use crate::clock::Clock;
use crate::dispatch::{Completion, DispatchLimits, Dispatcher};
use crate::plan::bind;
use crate::schedule::{Due, Input, Scheduler, SchedulerLimits};
use crate::select::select as select_devices;

/// Batches of answers that wait to be recorded; more stay with the dispatcher.
const COMPLETIONS: usize = 1024;
/// Threads that find devices: so many conditions that take long must come together before a quick
/// one waits for them. Each may use all cores.
const SEARCH_THREADS: usize = 16;
/// Someone may set the wall clock at any time, so nobody sleeps longer than this before a job's
/// start.
const NAP_MAX: Duration = Duration::from_millis(250);
/// Nor longer than this if no job waits for its start.
const IDLE: Duration = Duration::from_secs(60);
/// How long a closing hub waits for handlers that are still running.
const PATIENCE: Duration = Duration::from_millis(300);

/// The threads of a hub, with the state that they share with its handles.
pub(super) struct Engine {
    pub(super) state: Arc<State>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Engine {
    pub(super) fn start(
        clock: Arc<dyn Clock>,
        strict: bool,
        limits: SchedulerLimits,
        dispatch: DispatchLimits,
    ) -> std::io::Result<Self> {
        let (completions, ended) = bounded(COMPLETIONS);
        let (wake, woken) = bounded(1);
        let dispatcher = Dispatcher::start(dispatch, Arc::clone(&clock), completions);
        let patch_threads = limits.patches_max.max(1);
        let scheduler = Scheduler::new(limits);
        let state = Arc::new(State::new(clock, strict, scheduler, dispatcher, wake));
        let engine = Self { state, threads: Mutex::new(Vec::new()) };
        engine.spawn("twincast-time", move |state| keep_time(state, &ended, &woken))?;
        for number in 0..SEARCH_THREADS {
            engine.spawn(&format!("twincast-find-{number}"), find_devices)?;
        }
        // As many as the scheduler lets patch at once, so that none waits with its time running.
        for number in 0..patch_threads {
            engine.spawn(&format!("twincast-patch-{number}"), patch_twins)?;
        }
        Ok(engine)
    }

    fn spawn(&self, name: &str, work: impl Fn(&State) + Send + 'static) -> std::io::Result<()> {
        let state = Arc::clone(&self.state);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Sound: after a panic the state is marked, and nobody trusts it any more.
            if catch_unwind(AssertUnwindSafe(|| work(&state))).is_err() {
                tracing::error!("a thread of the hub panicked; the hub refuses further work");
                state.mark_poisoned();
            }
        })?;
        self.threads.lock().push(thread);
        Ok(())
    }

    /// Stops all threads. Idempotent; may be called from a handler.
    pub(super) fn close(&self) {
        if !self.state.mark_closed() {
            return;
        }
        self.state.dispatcher.shutdown(PATIENCE);
        let handlers = std::mem::take(&mut *self.state.methods.write());
        // Handlers may hold handles of this hub, so they are dropped without the lock.
        drop(handlers);
        let me = std::thread::current().id();
        for thread in std::mem::take(&mut *self.threads.lock()) {
            if thread.thread().id() != me {
                drop(thread.join());
            }
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close();
    }
}

fn keep_time(state: &State, ended: &Receiver<Completion>, woken: &Receiver<()>) {
    while state.check_open().is_ok() {
        let due = {
            let mut desk = state.desk();
            desk.known_due = desk.scheduler.next_due();
            desk.known_due
        };
        if due.is_some_and(|due| due.is_over(state.clock.now())) {
            // A tick is never refused.
            drop(state.step(Input::Tick));
            continue;
        }
        select! {
            recv(ended) -> completion => {
                let Ok(Completion { job, replies }) = completion else { return };
                if let Err(error) = state.calls_ended(job, replies) {
                    tracing::warn!(%error, "answers of devices were not recorded");
                }
            }
            recv(woken) -> _ => {}
            default(nap(state, due)) => {}
        }
    }
}

/// How long nothing is due.
fn nap(state: &State, due: Option<Due>) -> Duration {
    let now = state.clock.now();
    let due = due.unwrap_or_default();
    let start = due.wall.map(|wall| wall.since(now.wall).min(NAP_MAX));
    let purge = due.retention.map(|wall| wall.since(now.wall).min(IDLE));
    let end = due.monotonic.map(|end| end.0.saturating_sub(now.monotonic.0));
    let next = [start, purge, end].into_iter().flatten().min().unwrap_or(IDLE);
    state.clock.nap(next)
}

fn find_devices(state: &State) {
    while let Some(chore) = state.next_chore(Desk::searches, &state.search_added) {
        let deletions = state.store.deletions();
        let plan = bind(&chore.task.condition, state.store.paths());
        let targets = Arc::new(select_devices(&state.store, &plan).targets());
        tracing::debug!(job = %chore.job, devices = targets.len(), "the job found its devices");
        if let Err(error) = state.targets_found(&chore, targets, deletions) {
            tracing::warn!(job = %chore.job, %error, "the job's devices were not recorded");
        }
    }
}

fn patch_twins(state: &State) {
    while let Some(chore) = state.next_chore(Desk::patches, &state.patch_added) {
        let (Work::Patch(patch), ChoreKind::Patch { targets, range }) =
            (&chore.task.work, &chore.kind)
        else {
            continue;
        };
        let piece = PatchTargets { chore: &chore, targets, range: range.clone(), patch };
        if let Err(error) = state.commit(piece) {
            tracing::warn!(job = %chore.job, %error, "a piece of a job was not patched");
        }
    }
}
