//! Scheduling jobs, and the handle of a job.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::desk::{Task, Work};
use super::engine::Engine;
use super::state::State;
use super::{Hub, outcomes};
use crate::error::{Error, ErrorKind, Result};
use crate::job::{JobId, JobKind, JobRecord, JobRequest, JobStatistics, JobStatus, JobType};
use crate::query::parse_condition;
use crate::schedule::Input;
use crate::table::Table;
use crate::twin::{PatchKind, TwinPatch, strict_ascii};

/// How long a waiter sleeps at most before it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl Hub {
    /// Takes a job in; it starts at once, or at its start time.
    ///
    /// Its devices are found once, when it starts.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidCondition`] and [`ErrorKind::Invalid`] if the request is wrong;
    /// [`ErrorKind::JobExists`]; [`ErrorKind::Busy`] if too many jobs are active. Nothing is
    /// changed then.
    pub fn schedule(&self, mut request: JobRequest) -> Result<Job> {
        let state = self.state();
        state.check_open()?;
        request.check()?;
        let condition = Arc::new(parse_condition(&request.condition)?);
        let work = match &request.kind {
            JobKind::UpdateTwin { body } => {
                if state.strict {
                    strict_ascii(body)?;
                }
                let patch = TwinPatch::parse(state.store.paths(), PatchKind::Merge, body)?;
                Work::Patch(Arc::new(patch))
            }
            JobKind::InvokeMethod(call) => Work::Call(Arc::new(call.clone())),
        };
        let id = request.id.take().unwrap_or_else(|| JobId::generate(random()));
        request.id = Some(id.clone());
        state.with_desk(|desk, leftovers| {
            state.step_at(desk, Input::Create(id.clone(), request), leftovers)?;
            desk.admit(id.clone(), Task { condition, work });
            // At once, and not when the thread that keeps time comes to it: where all processors
            // are busy, each thread that a job has to pass costs it milliseconds.
            // The job exists by now, whatever comes of it.
            drop(state.step_at(desk, Input::Tick, leftovers));
            Ok::<(), Error>(())
        })?;
        Ok(Job { engine: Arc::clone(&self.engine), id })
    }

    /// The handle of a job.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::JobNotFound`].
    pub fn job(&self, id: &str) -> Result<Job> {
        let job = Job { engine: Arc::clone(&self.engine), id: JobId::new(id)? };
        job.record().map(|_| job)
    }

    /// The jobs of a type and a status, the newest first.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`].
    pub fn jobs(&self, of: Option<JobType>, status: Option<JobStatus>) -> Result<Vec<Job>> {
        self.state().check_open()?;
        let desk = self.state().desk();
        let wanted = desk.scheduler.jobs().filter(|record| {
            of.is_none_or(|of| record.job_type() == of)
                && status.is_none_or(|status| record.status() == status)
        });
        let handle =
            |record: &JobRecord| Job { engine: Arc::clone(&self.engine), id: record.id().clone() };
        Ok(wanted.map(handle).collect())
    }

    /// Forgets a finished job and the outcomes of its devices.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::JobNotFound`]; [`ErrorKind::NotAllowed`] if the job is not finished.
    pub fn purge_job(&self, id: &str) -> Result<()> {
        self.state().check_open()?;
        self.state().step(Input::Purge(JobId::new(id)?))
    }
}

/// The handle of a job: what it is, how far it is, and its end.
#[derive(Clone)]
pub struct Job {
    engine: Arc<Engine>,
    id: JobId,
}

impl Job {
    fn state(&self) -> &State {
        &self.engine.state
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &JobId {
        &self.id
    }

    /// The job as it is now: a copy that stays so.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::JobNotFound`] after its retention; [`ErrorKind::Closed`].
    pub fn record(&self) -> Result<JobRecord> {
        self.look(JobRecord::clone)
    }

    /// How far the job is.
    ///
    /// # Errors
    ///
    /// As [`Job::record`].
    pub fn status(&self) -> Result<JobStatus> {
        self.look(JobRecord::status)
    }

    /// How many devices are in which state; they always add up.
    ///
    /// # Errors
    ///
    /// As [`Job::record`].
    pub fn statistics(&self) -> Result<JobStatistics> {
        self.look(JobRecord::statistics)
    }

    /// The job as the REST interface writes it.
    ///
    /// # Errors
    ///
    /// As [`Job::record`].
    pub fn to_json(&self) -> Result<Value> {
        self.look(JobRecord::to_json)
    }

    fn look<T>(&self, what: impl FnOnce(&JobRecord) -> T) -> Result<T> {
        self.state().check_open()?;
        let desk = self.state().desk();
        desk.scheduler.job(&self.id).map(what).ok_or_else(|| self.not_found())
    }

    fn not_found(&self) -> Error {
        Error::new(ErrorKind::JobNotFound, format!("there is no job `{}`", self.id))
    }

    /// Waits until the job is finished, or for `timeout`; whether it is finished.
    ///
    /// # Errors
    ///
    /// As [`Job::record`]; a hub that is closed meanwhile ends the wait.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool> {
        let state = self.state();
        let deadline = timeout.map(|timeout| state.clock.now().monotonic.after(timeout));
        let mut desk = state.desk();
        loop {
            state.check_open()?;
            let record = desk.scheduler.job(&self.id).ok_or_else(|| self.not_found())?;
            if record.status().is_final() {
                return Ok(true);
            }
            let left = match deadline {
                None => LOOK_AGAIN,
                Some(deadline) => {
                    let left = deadline.0.saturating_sub(state.clock.now().monotonic.0);
                    if left.is_zero() {
                        return Ok(false);
                    }
                    left.min(LOOK_AGAIN)
                }
            };
            state.wait_for_change(&mut desk, left);
        }
    }

    /// Stops the job: when this returns, no twin is patched and no method is called for it any
    /// more. Calls in flight may still end, and are counted. Cancelling twice is fine.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotAllowed`] if the job is completed or failed; as [`Job::record`].
    pub fn cancel(&self) -> Result<()> {
        let state = self.state();
        state.check_open()?;
        state.step(Input::Cancel(self.id.clone()))?;
        let mut desk = state.desk();
        // A twin job may be in the middle of a patch; it is cancelled when that is done.
        while state.check_open().is_ok() && desk.is_patching(&self.id) {
            state.wait_for_change(&mut desk, LOOK_AGAIN);
        }
        Ok(())
    }

    /// What the job did on each of its devices, a row a device.
    ///
    /// # Errors
    ///
    /// As [`Job::record`].
    pub fn results(&self) -> Result<Table> {
        let (record, targets) = {
            self.state().check_open()?;
            let desk = self.state().desk();
            let record = desk.scheduler.job(&self.id).cloned();
            let run = desk.runs.get(&self.id);
            (record.ok_or_else(|| self.not_found())?, run.and_then(|run| run.targets.clone()))
        };
        Ok(outcomes::of_job(&record, targets.as_deref()))
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.record() {
            Ok(record) => {
                write!(f, "Job({}, {}, {})", self.id, record.job_type().as_str(), record.status())
            }
            Err(error) => write!(f, "Job({}, {error})", self.id),
        }
    }
}

/// 128 bits that differ from call to call: the keys that the standard library draws for hashing.
fn random() -> u128 {
    let half = || u128::from(RandomState::new().hash_one(0_u8));
    half() << 64 | half()
}
