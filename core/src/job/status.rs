//! How far a job is, and how far it is on one device.

use std::fmt;

/// State of a job.
///
/// `Queued -> Scheduled -> Running -> Completed | Failed | Cancelled`, where any step may be left
/// out but none is taken back; see `docs/job-states.md`. The scheduler alone moves it. Nothing of
/// a job outlives the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobStatus {
    /// Taken in; the scheduler has not looked at its start time yet.
    Queued,
    /// Waits for its start time.
    Scheduled,
    /// Its devices are being selected or worked on, or its last operations are coming to an end
    /// after a cancel.
    Running,
    /// Every device has an outcome, also if all of them are failures, or the time was up.
    Completed,
    /// The job itself could not run, e.g. its condition could not be evaluated.
    Failed,
    /// A caller stopped it; devices that it never reached stay in `pending_count`.
    Cancelled,
}

impl JobStatus {
    /// Whether the status never changes again.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// The word on the wire, e.g. `cancelled`, with two l.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads a status that a caller filters by, in any letter case and every spelling in use.
    ///
    /// # Examples
    ///
    /// ```
    /// use twincast::job::JobStatus;
    ///
    /// assert_eq!(JobStatus::parse("Canceled"), Some(JobStatus::Cancelled));
    /// assert_eq!(JobStatus::parse("enqueued"), Some(JobStatus::Queued));
    /// assert_eq!(JobStatus::parse("gone"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "queued" | "enqueued" => Some(Self::Queued),
            // Documented for a job that waits for its time, though the wire says `scheduled`.
            "scheduled" | "pending" => Some(Self::Scheduled),
            "running" => Some(Self::Running),
            "completed" => Some(Self::Completed),
            "failed" => Some(Self::Failed),
            "cancelled" | "canceled" => Some(Self::Cancelled),
            _ => None,
        }
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// State of one device inside a job.
///
/// `Pending -> Running -> Completed | Failed`; a call that never left goes back from `Running` to
/// `Pending`; what is still `Pending` when the job is cancelled is reported as `Cancelled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DeviceJobStatus {
    /// In the target list, nothing done yet.
    Pending,
    /// Known on the wire; this engine goes straight from `Pending` to `Running`.
    Scheduled,
    /// Its patch is being applied, or its call was handed over and not answered yet.
    Running,
    /// Patched, or the device answered, whatever status it answered with.
    Completed,
    /// Not patched, not reached, or not answered in time.
    Failed,
    /// The job was cancelled before this device's turn.
    Cancelled,
}

impl DeviceJobStatus {
    /// The word on the wire, e.g. `canceled`, with one l, unlike that of a job.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "canceled",
        }
    }
}

impl fmt::Display for DeviceJobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_words_are_read_again() {
        use JobStatus::*;
        for status in [Queued, Scheduled, Running, Completed, Failed, Cancelled] {
            assert_eq!(JobStatus::parse(status.as_str()), Some(status));
            assert_eq!(JobStatus::parse(&status.as_str().to_uppercase()), Some(status));
        }
    }

    #[test]
    fn a_job_is_cancelled_and_a_device_canceled() {
        assert_eq!(JobStatus::Cancelled.to_string(), "cancelled");
        assert_eq!(DeviceJobStatus::Cancelled.to_string(), "canceled");
    }
}
