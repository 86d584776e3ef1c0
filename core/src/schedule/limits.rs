//! What the jobs of a hub may take at once.

use std::time::Duration;

use crate::limits::RETENTION_DAYS_DEFAULT;

/// Bounds on work in progress. Zero counts as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchedulerLimits {
    /// How long a finished job is kept, by the wall clock.
    pub retention: Duration,
    /// Method calls of all jobs handed over and not answered. An eighth of it is kept for jobs
    /// that have none in flight.
    pub in_flight_max: u32,
    /// Method calls of one job handed over and not answered.
    pub job_in_flight_max: u32,
    /// Method calls in one [`Output::Send`](super::Output::Send).
    pub batch_max: u32,
    /// Patches of all jobs handed over and not answered; a job has at most one.
    pub patches_max: u32,
    /// Jobs that are queued or running; one more is refused as busy. Jobs whose start time is
    /// ahead are not refused and do not count until they start, and they start in any case: there
    /// may be more active jobs than this once many are due.
    pub active_jobs_max: usize,
    /// Whether a running job refuses to be cancelled, as it does in IoT Hub.
    pub strict_cancel: bool,
}

impl Default for SchedulerLimits {
    /// 30 days, two million calls in flight, half of that for one job, 1,024 calls in a batch, two
    /// patches, any number of jobs, and every job can be cancelled.
    fn default() -> Self {
        Self {
            retention: Duration::from_secs(RETENTION_DAYS_DEFAULT * 24 * 3600),
            in_flight_max: 1 << 21,
            job_in_flight_max: 1 << 20,
            batch_max: 1_024,
            patches_max: 2,
            active_jobs_max: usize::MAX,
            strict_cancel: false,
        }
    }
}

impl SchedulerLimits {
    /// The same limits with one for every zero, since a zero would stop all jobs for ever.
    pub(super) fn at_least_one(mut self) -> Self {
        for limit in [
            &mut self.in_flight_max,
            &mut self.job_in_flight_max,
            &mut self.batch_max,
            &mut self.patches_max,
        ] {
            *limit = (*limit).max(1);
        }
        self.active_jobs_max = self.active_jobs_max.max(1);
        self
    }

    /// The calls that a job may send now, `free` being the slots of the hub that nobody holds and
    /// `idle` whether the job has nothing in flight.
    ///
    /// The last eighth of the slots is for idle jobs, so that a small job gets its turn while big
    /// ones wait for slow devices. An idle job takes at most a sixteenth of what is left of it:
    /// the share lasts for over a hundred such jobs.
    pub(super) fn allowance(&self, free: u32, idle: bool) -> u32 {
        let reserved = self.in_flight_max / 8;
        let open = free.saturating_sub(reserved);
        let allowed = match (open, idle) {
            (0, true) => free.div_ceil(16),
            (open, _) => open,
        };
        allowed.min(self.batch_max)
    }
}
