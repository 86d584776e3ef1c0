//! What the hub keeps about its jobs: the scheduler, what each needs to run, and long work to do.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use crate::dispatch::Leftovers;
use crate::job::{JobId, JobRecord, JobStatus, MethodCall};
use crate::query::ast::Condition;
use crate::schedule::{Due, Scheduler};
use crate::select::Targets;
use crate::twin::TwinPatch;

/// The scheduler and what the hub knows about its jobs besides.
pub(super) struct Desk {
    pub(super) scheduler: Scheduler,
    pub(super) runs: BTreeMap<JobId, Run>,
    /// Devices to be found, and pieces to be patched: at most one of either for each job that is
    /// not finished, since what a finished one left here is dropped.
    pub(super) searches: VecDeque<Chore>,
    pub(super) patches: VecDeque<Chore>,
    pub(super) by_number: BTreeMap<u64, JobId>,
    /// When the next step is due, as far as the thread that keeps time knows.
    pub(super) known_due: Option<Due>,
    next_number: u64,
}

/// What is left of jobs, to be dropped when the desk is free: dropping a transport may do anything,
/// also ask this hub, and the outcomes of a million devices take a while.
#[derive(Default)]
pub(super) struct JobLeftovers {
    pub(super) lanes: Vec<Leftovers>,
    pub(super) runs: Vec<Run>,
    pub(super) records: Vec<JobRecord>,
}

/// What the hub knows about a job besides its record.
pub(super) struct Run {
    /// Never used twice, unlike the id of a job.
    pub(super) number: u64,
    /// What it needs to run; nothing once it is finished.
    pub(super) task: Option<Task>,
    /// The devices, once they are known.
    pub(super) targets: Option<Arc<Targets>>,
    /// Deletions of devices before the devices were known: while there are no more, none of them
    /// is gone.
    pub(super) deletions: u64,
}

/// What a job needs to run.
#[derive(Clone)]
pub(super) struct Task {
    pub(super) condition: Arc<Condition>,
    pub(super) work: Work,
}

/// What a job does.
#[derive(Clone)]
pub(super) enum Work {
    Patch(Arc<TwinPatch>),
    Call(Arc<MethodCall>),
}

/// What takes longer than the scheduler may wait. The numbers are those of runs: an id may belong
/// to another job by the time that a chore is done.
pub(super) struct Chore {
    pub(super) number: u64,
    pub(super) job: JobId,
    pub(super) task: Task,
    pub(super) kind: ChoreKind,
}

/// What a [`Chore`] is about.
pub(super) enum ChoreKind {
    /// Find the devices.
    Select,
    /// Patch some of them.
    Patch { targets: Arc<Targets>, range: Range<u32> },
}

impl Desk {
    pub(super) fn new(scheduler: Scheduler) -> Self {
        Self {
            scheduler,
            runs: BTreeMap::new(),
            searches: VecDeque::new(),
            patches: VecDeque::new(),
            by_number: BTreeMap::new(),
            known_due: None,
            next_number: 0,
        }
    }

    /// Keeps what a job that was just created needs to run.
    pub(super) fn admit(&mut self, job: JobId, task: Task) {
        let number = self.next_number;
        self.next_number += 1;
        self.by_number.insert(number, job.clone());
        self.runs.insert(job, Run { number, task: Some(task), targets: None, deletions: 0 });
    }

    /// A chore of a job, if there is anything to do.
    pub(super) fn chore(
        &self,
        job: &JobId,
        kind: impl FnOnce(&Run) -> Option<ChoreKind>,
    ) -> Option<Chore> {
        let run = self.runs.get(job)?;
        let task = run.task.clone()?;
        Some(Chore { number: run.number, job: job.clone(), task, kind: kind(run)? })
    }

    pub(super) fn searches(&mut self) -> &mut VecDeque<Chore> {
        &mut self.searches
    }

    pub(super) fn patches(&mut self) -> &mut VecDeque<Chore> {
        &mut self.patches
    }

    /// Whether a piece of a twin job that is being cancelled is still patched.
    pub(super) fn is_patching(&self, job: &JobId) -> bool {
        let is_patch = |task: &Task| matches!(task.work, Work::Patch(_));
        self.runs.get(job).is_some_and(|run| run.task.as_ref().is_some_and(is_patch))
            && self.scheduler.job(job).is_some_and(|job| job.status() == JobStatus::Running)
    }
}
