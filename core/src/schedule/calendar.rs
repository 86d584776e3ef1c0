//! What is due when: starts and retention by the wall clock, time limits by the monotonic one.

use std::collections::BTreeSet;

use crate::job::JobId;
use crate::{Monotonic, Now, Timestamp};

/// When the scheduler next wants a step, even if nothing else happens. Whichever comes first.
///
/// Whoever sleeps until then must keep in mind that a wall clock may be set: look often for `wall`,
/// where being late is seen, and rarely for `retention`, where it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Due {
    /// The next start time, by the wall clock.
    pub wall: Option<Timestamp>,
    /// The next end of a retention, by the wall clock.
    pub retention: Option<Timestamp>,
    /// The next time limit, by the monotonic clock; zero if a step is due at once.
    pub monotonic: Option<Monotonic>,
}

impl Due {
    /// Whether the step is due at `now`.
    #[must_use]
    pub fn is_over(&self, now: Now) -> bool {
        self.wall.is_some_and(|wall| wall <= now.wall)
            || self.retention.is_some_and(|retention| retention <= now.wall)
            || self.monotonic.is_some_and(|monotonic| monotonic <= now.monotonic)
    }
}

/// Jobs by the moment at which something is to be done about them.
#[derive(Debug, Default)]
pub(super) struct Calendar {
    /// Scheduled jobs, by their start time.
    pub(super) starts: BTreeSet<(Timestamp, JobId)>,
    /// Running jobs, by the moment at which their time is up.
    pub(super) deadlines: BTreeSet<(Monotonic, JobId)>,
    /// Finished jobs, by the end of their retention.
    pub(super) retentions: BTreeSet<(Timestamp, JobId)>,
}

impl Calendar {
    pub(super) fn next_due(&self) -> Option<Due> {
        let due = Due {
            wall: self.starts.first().map(|(time, _)| *time),
            retention: self.retentions.first().map(|(time, _)| *time),
            monotonic: self.deadlines.first().map(|(time, _)| *time),
        };
        (due != Due::default()).then_some(due)
    }
}

/// Takes the first job out of `dates` if its moment has come by `now`.
pub(super) fn take_due<T: Ord + Copy>(dates: &mut BTreeSet<(T, JobId)>, now: T) -> Option<JobId> {
    if dates.first()?.0 > now {
        return None;
    }
    dates.pop_first().map(|(_, job)| job)
}
