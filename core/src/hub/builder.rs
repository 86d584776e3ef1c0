//! Configuring a hub.

use std::sync::Arc;
use std::time::Duration;

use super::Hub;
use super::engine::Engine;
use crate::clock::{Clock, SystemClock};
use crate::dispatch::DispatchLimits;
use crate::error::Result;
use crate::schedule::SchedulerLimits;

/// Jobs that may be queued or running at once unless configured.
const ACTIVE_JOBS: usize = 10_000;

/// Settings of a [`Hub`], each with a default.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use twincast::Hub;
///
/// let hub = Hub::builder().retention(Duration::from_secs(3600)).strict(true).build()?;
/// # Ok::<(), twincast::Error>(())
/// ```
#[derive(Debug)]
pub struct HubBuilder {
    clock: Arc<dyn Clock>,
    strict: bool,
    scheduler: SchedulerLimits,
    dispatch: DispatchLimits,
}

impl Default for HubBuilder {
    fn default() -> Self {
        let scheduler =
            SchedulerLimits { active_jobs_max: ACTIVE_JOBS, ..SchedulerLimits::default() };
        Self {
            clock: Arc::new(SystemClock::new()),
            strict: false,
            scheduler,
            dispatch: DispatchLimits::default(),
        }
    }
}

impl HubBuilder {
    /// Takes the time from `clock` instead of the system.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Keeps finished jobs for this long instead of 30 days.
    #[must_use]
    pub fn retention(mut self, retention: Duration) -> Self {
        self.scheduler.retention = retention;
        self
    }

    /// Method calls of all jobs together that may be in flight.
    #[must_use]
    pub fn in_flight_max(mut self, calls: u32) -> Self {
        self.scheduler.in_flight_max = calls;
        self
    }

    /// Method calls of one job that may be in flight.
    #[must_use]
    pub fn job_in_flight_max(mut self, calls: u32) -> Self {
        self.scheduler.job_in_flight_max = calls;
        self
    }

    /// Jobs that may be queued or running; one more is refused as busy.
    #[must_use]
    pub fn active_jobs_max(mut self, jobs: usize) -> Self {
        self.scheduler.active_jobs_max = jobs;
        self
    }

    /// Threads that may run blocking handlers at once.
    #[must_use]
    pub fn workers_max(mut self, workers: usize) -> Self {
        self.dispatch.workers_max = workers;
        self
    }

    /// Refuses what IoT Hub refuses although this engine could do it: names and values of a job's
    /// patch outside of printable ASCII without marks, and cancelling a running job.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self.scheduler.strict_cancel = strict;
        self
    }

    /// Starts the hub.
    ///
    /// # Errors
    ///
    /// The system refuses a thread.
    pub fn build(self) -> Result<Hub> {
        let engine = Engine::start(self.clock, self.strict, self.scheduler, self.dispatch)?;
        Ok(Hub { engine: Arc::new(engine) })
    }
}
