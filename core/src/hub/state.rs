//! What the handles of a hub and its threads share.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam::channel::{Sender, TrySendError};
use parking_lot::{Condvar, Mutex, MutexGuard, RwLock};

use crate::clock::Clock;
use crate::dispatch::{Calls, DeviceIds, Dispatcher, Style, Transport};
use crate::error::{Error, ErrorKind, Result};
use crate::job::{CallResult, Failure, JobId, JobStatus, MethodCall, Reply};
use crate::query::ast::Condition;
use crate::schedule::{Input, Output, Scheduler};
use crate::select::Targets;
use crate::store::Store;
use crate::twin::TwinPatch;

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
    /// Tells the threads for long work that there is some.
    chore_added: Condvar,
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

/// The scheduler and what the hub knows about its jobs besides.
pub(super) struct Desk {
    pub(super) scheduler: Scheduler,
    pub(super) runs: BTreeMap<JobId, Run>,
    /// Long work to do: at most one piece for each job, so the number of jobs bounds it.
    chores: VecDeque<Chore>,
    by_number: BTreeMap<u64, JobId>,
    next_number: u64,
}

/// What a job needs to run.
#[derive(Clone)]
pub(super) struct Run {
    /// Never used twice, unlike the id of a job.
    number: u64,
    pub(super) condition: Arc<Condition>,
    pub(super) work: Work,
    /// The devices, once they are known.
    pub(super) targets: Option<Arc<Targets>>,
}

/// What a job does.
#[derive(Clone)]
pub(super) enum Work {
    Patch(Arc<TwinPatch>),
    Call(Arc<MethodCall>),
}

/// What takes longer than the scheduler may wait.
pub(super) enum Chore {
    Select(JobId),
    Patch { job: JobId, range: std::ops::Range<u32> },
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
            desk: Mutex::new(Desk {
                scheduler,
                runs: BTreeMap::new(),
                chores: VecDeque::new(),
                by_number: BTreeMap::new(),
                next_number: 0,
            }),
            changed: Condvar::new(),
            chore_added: Condvar::new(),
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
        self.chore_added.notify_all();
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
        self.step_at(&mut self.desk.lock(), input)
    }

    /// Outputs are executed before the desk is free again: a call sent by one thread must not
    /// overtake the revocation that another thread was told of.
    pub(super) fn step_at(&self, desk: &mut Desk, input: Input) -> Result<()> {
        let mut outputs = Vec::new();
        let result = desk.scheduler.step(input, self.clock.now(), &mut outputs);
        let mut answers = self.execute(desk, outputs);
        while let Some(answer) = answers.pop() {
            let mut outputs = Vec::new();
            desk.scheduler.step(answer, self.clock.now(), &mut outputs)?;
            answers.extend(self.execute(desk, outputs));
        }
        self.wake_timekeeper();
        result
    }

    fn execute(&self, desk: &mut Desk, outputs: Vec<Output>) -> Vec<Input> {
        let mut answers = Vec::new();
        for output in outputs {
            match output {
                Output::Select(job) => self.add_chore(desk, Chore::Select(job)),
                Output::Patch { job, range } => {
                    self.add_chore(desk, Chore::Patch { job, range });
                }
                Output::Send { job, range } => {
                    if let Some(run) = desk.runs.get(&job) {
                        self.dispatcher.send(run.number, range);
                    }
                }
                Output::Revoke(job) => {
                    if let Some(run) = desk.runs.get(&job) {
                        let ranges = self.dispatcher.revoke(run.number);
                        answers.push(Input::NotSent { job, ranges });
                    }
                }
                Output::Finished(job) => {
                    if let Some(Run { number, work: Work::Call(_), .. }) = desk.runs.get(&job) {
                        self.dispatcher.close(*number);
                    }
                    self.changed.notify_all();
                }
                Output::Purged(job) => {
                    if let Some(run) = desk.runs.remove(&job) {
                        desk.by_number.remove(&run.number);
                    }
                    self.changed.notify_all();
                }
            }
        }
        answers
    }

    fn add_chore(&self, desk: &mut Desk, chore: Chore) {
        desk.chores.push_back(chore);
        self.chore_added.notify_one();
    }

    /// Waits for long work; `None` once the hub is closed.
    pub(super) fn next_chore(&self) -> Option<Chore> {
        let mut desk = self.desk.lock();
        loop {
            self.check_open().ok()?;
            if let Some(chore) = desk.chores.pop_front() {
                return Some(chore);
            }
            self.chore_added.wait(&mut desk);
        }
    }

    /// Tells the scheduler which devices a job works on, and opens the way to them.
    pub(super) fn targets_found(&self, job: &JobId, targets: Arc<Targets>) -> Result<()> {
        let mut desk = self.desk.lock();
        let count = u32::try_from(targets.len()).expect("rows are numbered in 32 bits");
        let chunk_ends = targets.chunk_ends(PATCH_SEGMENTS);
        let running = desk.scheduler.job(job).is_some_and(|record| !record.status().is_final());
        let Some(run) = desk.runs.get_mut(job).filter(|_| running) else { return Ok(()) };
        run.targets = Some(Arc::clone(&targets));
        if let Work::Call(method) = &run.work {
            let ids: Arc<dyn DeviceIds> = Arc::new(TargetIds(targets));
            let transport = self.transport(&method.name);
            self.dispatcher.open(run.number, Arc::clone(method), ids, transport);
        }
        self.step_at(&mut desk, Input::Targets { job: job.clone(), count, chunk_ends })
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
        let mut desk = self.desk.lock();
        match desk.by_number.get(&number).cloned() {
            Some(job) => self.step_at(&mut desk, Input::Replies { job, replies }),
            None => Ok(()),
        }
    }
}

/// Segments of one piece of a twin job: a million devices. Between pieces other jobs have a turn.
const PATCH_SEGMENTS: usize = 16;

impl Desk {
    /// Keeps what a job that was just created needs to run.
    pub(super) fn admit(&mut self, job: JobId, condition: Arc<Condition>, work: Work) {
        let number = self.next_number;
        self.next_number += 1;
        self.by_number.insert(number, job.clone());
        self.runs.insert(job, Run { number, condition, work, targets: None });
    }

    /// Whether a piece of a twin job that is being cancelled is still patched.
    pub(super) fn is_patching(&self, job: &JobId) -> bool {
        self.runs.get(job).is_some_and(|run| matches!(run.work, Work::Patch(_)))
            && self.scheduler.job(job).is_some_and(|job| job.status() == JobStatus::Running)
    }
}

/// The ids of a job's devices, for those who call them.
struct TargetIds(Arc<Targets>);

impl DeviceIds for TargetIds {
    fn id(&self, position: u32) -> &str {
        self.0.id(position)
    }
}

/// What answers when no handler is registered for a method: no device is there.
struct Nobody;

impl Transport for Nobody {
    fn invoke(&self, calls: Calls) {
        let text = format!("no handler is registered for the method `{}`", calls.method().name);
        let failure = Failure::new(404_103, text);
        let result = CallResult::Failed(failure);
        let replies = calls.claim_all().map(|position| Reply { position, result: result.clone() });
        calls.answer_many(replies.collect());
    }

    fn style(&self) -> Style {
        Style::Blocking
    }
}
