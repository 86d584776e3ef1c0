//! What the handles of a hub and its threads share.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam::channel::{Sender, TrySendError};
use parking_lot::{Condvar, Mutex, MutexGuard, RwLock};

use super::desk::{Chore, ChoreKind, Desk, JobLeftovers, Run, Work};
use crate::clock::Clock;
use crate::dispatch::{Calls, DeviceIds, Dispatcher, IdColumn, Style, Transport};
use crate::error::{Error, ErrorKind, Result};
use crate::job::{CallResult, Failure, JobId, Reply};
use crate::schedule::{Input, Output, Scheduler};
use crate::select::Targets;
use crate::store::Store;

/// All of a hub but its threads.
pub(super) struct State {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    /// Whether the strict rules for names and values of a job's patch hold.
    pub(super) strict: bool,
    pub(super) dispatcher: Dispatcher,
    pub(super) methods: RwLock<Methods>,
    desk: Mutex<Desk>,
    /// Tells those who wait for jobs that one finished.
    changed: Condvar,
    /// Tell the threads for long work, one at a time, that there is some.
    pub(super) search_added: Condvar,
    pub(super) patch_added: Condvar,
    /// Tells the thread that keeps time to look at the calendar again.
    wake: Sender<()>,
    closed: AtomicBool,
    poisoned: AtomicBool,
}

/// Who answers methods.
#[derive(Default)]
pub(super) struct Methods {
    pub(super) by_name: BTreeMap<String, Arc<dyn Transport>>,
    pub(super) others: Option<Arc<dyn Transport>>,
}

impl State {
    pub(super) fn new(
        clock: Arc<dyn Clock>,
        strict: bool,
        scheduler: Scheduler,
        dispatcher: Dispatcher,
        wake: Sender<()>,
    ) -> Self {
        Self {
            store: Store::new(),
            clock,
            strict,
            dispatcher,
            methods: RwLock::default(),
            desk: Mutex::new(Desk::new(scheduler)),
            changed: Condvar::new(),
            search_added: Condvar::new(),
            patch_added: Condvar::new(),
            wake,
            closed: AtomicBool::new(false),
            poisoned: AtomicBool::new(false),
        }
    }

    pub(super) fn check_open(&self) -> Result<()> {
        if self.poisoned.load(Ordering::Acquire) {
            let message = "a thread of the hub panicked, so its state may be incomplete";
            return Err(Error::new(ErrorKind::Poisoned, message).with_hint("open a new hub"));
        }
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Closed, "the hub is closed"));
        }
        Ok(())
    }

    /// Marks the hub as closed; false if it was.
    pub(super) fn mark_closed(&self) -> bool {
        let first = !self.closed.swap(true, Ordering::AcqRel);
        self.wake_all();
        first
    }

    /// Marks the hub as broken: a panic left work undone.
    pub(super) fn mark_poisoned(&self) {
        self.poisoned.store(true, Ordering::Release);
        self.wake_all();
    }

    fn wake_all(&self) {
        // Under the lock, or a waiter that just looked would sleep through it.
        let _desk = self.desk.lock();
        self.changed.notify_all();
        self.search_added.notify_all();
        self.patch_added.notify_all();
        self.wake_timekeeper();
    }

    fn wake_timekeeper(&self) {
        match self.wake.try_send(()) {
            // Full: it is about to look anyway. Disconnected: the hub is closing.
            Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
        }
    }

    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock()
    }

    /// Waits until a job finishes or the hub closes, or at most for `duration`.
    pub(super) fn wait_for_change(
        &self,
        desk: &mut MutexGuard<'_, Desk>,
        duration: std::time::Duration,
    ) {
        self.changed.wait_for(desk, self.clock.nap(duration));
    }

    /// Tells the scheduler something, and does what it asks for.
    pub(super) fn step(&self, input: Input) -> Result<()> {
        self.with_desk(|desk, leftovers| self.step_at(desk, input, leftovers))
    }

    /// Does `work` at the desk. What is left over of jobs is dropped when the desk is free again.
    pub(super) fn with_desk<T>(&self, work: impl FnOnce(&mut Desk, &mut JobLeftovers) -> T) -> T {
        let mut leftovers = JobLeftovers::default();
        let done = work(&mut self.desk.lock(), &mut leftovers);
        drop(leftovers);
        done
    }

    /// Outputs are executed before the desk is free again: a call sent by one thread must not
    /// overtake the revocation that another thread was told of.
    pub(super) fn step_at(
        &self,
        desk: &mut Desk,
        input: Input,
        leftovers: &mut JobLeftovers,
    ) -> Result<()> {
        let mut outputs = Vec::new();
        let result = desk.scheduler.step(input, self.clock.now(), &mut outputs);
        leftovers.records.append(&mut desk.scheduler.take_purged());
        let mut answers = self.execute(desk, outputs, leftovers);
        while let Some(answer) = answers.pop() {
            let mut outputs = Vec::new();
            desk.scheduler.step(answer, self.clock.now(), &mut outputs)?;
            leftovers.records.append(&mut desk.scheduler.take_purged());
            answers.extend(self.execute(desk, outputs, leftovers));
        }
        if desk.scheduler.next_due() != desk.known_due {
            self.wake_timekeeper();
        }
        result
    }

    fn execute(
        &self,
        desk: &mut Desk,
        outputs: Vec<Output>,
        leftovers: &mut JobLeftovers,
    ) -> Vec<Input> {
        let mut answers = Vec::new();
        let mut outputs = outputs.into_iter().peekable();
        while let Some(output) = outputs.next() {
            match output {
                Output::Select(job) => {
                    let search = desk.chore(&job, |_| Some(ChoreKind::Select));
                    desk.searches.extend(search);
                    self.search_added.notify_one();
                }
                Output::Patch { job, range } => {
                    let patch = desk.chore(&job, |run| {
                        let targets = Arc::clone(run.targets.as_ref()?);
                        Some(ChoreKind::Patch { targets, range })
                    });
                    desk.patches.extend(patch);
                    self.patch_added.notify_one();
                }
                Output::Send { job, mut range } => {
                    // What follows each other is handed over in one piece: each takes the lock
                    // that workers take for their turns.
                    let follows = |next: &Output, end| {
                        matches!(next, Output::Send { job: other, range }
                            if *other == job && range.start == end)
                    };
                    while let Some(Output::Send { range: next, .. }) =
                        outputs.next_if(|next| follows(next, range.end))
                    {
                        range.end = next.end;
                    }
                    if let Some(run) = desk.runs.get(&job) {
                        answers.extend(self.send(&job, run, range));
                    }
                }
                Output::Revoke(job) => {
                    if let Some(run) = desk.runs.get(&job) {
                        let (ranges, leftover) = self.dispatcher.revoke(run.number);
                        leftovers.lanes.push(leftover);
                        answers.push(Input::NotSent { job, ranges });
                    }
                }
                Output::Finished(job) => {
                    if let Some(run) = desk.runs.get_mut(&job) {
                        leftovers.lanes.push(self.dispatcher.close(run.number));
                        run.task = None;
                        let number = run.number;
                        desk.searches.retain(|chore| chore.number != number);
                        desk.patches.retain(|chore| chore.number != number);
                    }
                    self.changed.notify_all();
                }
                Output::Purged(job) => {
                    if let Some(run) = desk.runs.remove(&job) {
                        desk.by_number.remove(&run.number);
                        leftovers.runs.push(run);
                    }
                    self.changed.notify_all();
                }
            }
        }
        answers
    }

    /// Hands calls over, but for devices that were deleted since the job found them.
    fn send(&self, job: &JobId, run: &Run, range: Range<u32>) -> Option<Input> {
        let targets = run.targets.as_ref()?;
        if self.store.deletions() == run.deletions {
            self.dispatcher.send(run.number, range);
            return None;
        }
        let mut replies = Vec::new();
        let mut start = range.start;
        for position in range.clone() {
            if self.store.is_alive(targets.row(position)) {
                continue;
            }
            if start < position {
                self.dispatcher.send(run.number, start..position);
            }
            start = position + 1;
            let text = format!("there is no device `{}`", targets.id(position));
            let result = CallResult::Failed(Failure::new(404_001, text));
            replies.push(Reply::one(position, result));
        }
        if start < range.end {
            self.dispatcher.send(run.number, start..range.end);
        }
        (!replies.is_empty()).then(|| Input::Replies { job: job.clone(), replies })
    }

    /// Waits for long work; `None` once the hub is closed.
    pub(super) fn next_chore(
        &self,
        of: fn(&mut Desk) -> &mut VecDeque<Chore>,
        added: &Condvar,
    ) -> Option<Chore> {
        let mut desk = self.desk.lock();
        loop {
            self.check_open().ok()?;
            if let Some(chore) = of(&mut desk).pop_front() {
                return Some(chore);
            }
            added.wait(&mut desk);
        }
    }

    /// Tells the scheduler which devices a job works on, and opens the way to them.
    pub(super) fn targets_found(
        &self,
        chore: &Chore,
        targets: Arc<Targets>,
        deletions: u64,
    ) -> Result<()> {
        let count = u32::try_from(targets.len()).expect("rows are numbered in 32 bits");
        let chunk_ends = targets.chunk_ends(rayon::current_num_threads().max(2));
        self.with_desk(|desk, leftovers| {
            let job = chore.job.clone();
            // The job may be over by now, and its id may be another's.
            let Some(run) = desk.runs.get_mut(&job).filter(|run| {
                run.number == chore.number && run.task.is_some() && run.targets.is_none()
            }) else {
                return Ok(());
            };
            run.targets = Some(Arc::clone(&targets));
            run.deletions = deletions;
            if let Work::Call(method) = &chore.task.work {
                let ids: Arc<dyn DeviceIds> = Arc::new(TargetIds(targets));
                let transport = self.transport(&method.name);
                let method = Arc::clone(method);
                leftovers.lanes.push(self.dispatcher.open(run.number, method, ids, transport));
            }
            self.step_at(desk, Input::Targets { job, count, chunk_ends }, leftovers)
        })
    }

    /// Tells the scheduler that a piece of a twin job is done.
    pub(super) fn patched(
        &self,
        chore: &Chore,
        range: Range<u32>,
        failures: Vec<(u32, Failure)>,
    ) -> Result<()> {
        self.with_desk(|desk, leftovers| {
            if desk.by_number.get(&chore.number) != Some(&chore.job) {
                return Ok(());
            }
            let job = chore.job.clone();
            self.step_at(desk, Input::Patched { job, range, failures }, leftovers)
        })
    }

    fn transport(&self, method: &str) -> Arc<dyn Transport> {
        let methods = self.methods.read();
        match (methods.by_name.get(method), &methods.others) {
            (Some(handler), _) => Arc::clone(handler),
            (None, Some(devices)) => Arc::clone(devices),
            (None, None) => Arc::new(Nobody),
        }
    }

    /// Tells the scheduler how calls ended.
    pub(super) fn calls_ended(&self, number: u64, replies: Vec<Reply>) -> Result<()> {
        self.with_desk(|desk, leftovers| match desk.by_number.get(&number).cloned() {
            Some(job) => self.step_at(desk, Input::Replies { job, replies }, leftovers),
            None => Ok(()),
        })
    }
}

/// The ids of a job's devices, for those who call them.
struct TargetIds(Arc<Targets>);

impl DeviceIds for TargetIds {
    fn id(&self, position: u32) -> &str {
        self.0.id(position)
    }

    fn gather(&self, positions: Range<u32>, column: &mut IdColumn) {
        self.0.gather_ids(positions, &mut column.text, &mut column.offsets);
    }
}

/// What answers when no handler is registered for a method: no device is there.
struct Nobody;

impl Transport for Nobody {
    fn invoke(&self, calls: Calls) {
        let text = format!("no handler is registered for the method `{}`", calls.method().name);
        let failure = Failure::new(404_103, text);
        let positions = calls.claim_all();
        calls.answer_many(vec![Reply { positions, result: CallResult::Failed(failure) }]);
    }

    fn style(&self) -> Style {
        Style::Blocking
    }
}
