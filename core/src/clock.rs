//! Time as a parameter: the [`Clock`] that everything asks, and [`Timestamp`], what it answers.
//!
//! Schedules use the wall clock, durations the monotonic one, so that a clock set forward or back
//! neither fires a time-out early nor hangs it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use crate::error::{Error, Result};

mod timestamp;
pub use timestamp::Timestamp;

/// A point on the monotonic clock: the time since an arbitrary start, never going back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Monotonic(pub Duration);

impl Monotonic {
    /// The point `duration` later; stays at the end of time instead of overflowing.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

/// Both clocks read at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The wall clock, for schedules and for what users see.
    pub wall: Timestamp,
    /// The monotonic clock, for durations.
    pub monotonic: Monotonic,
}

/// What the engine asks for the time.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// Reads both clocks.
    fn now(&self) -> Now;

    /// How long a thread may really sleep when nothing is due before `duration` has passed.
    ///
    /// The system clock answers `duration`. A manual clock answers a short time, since someone may
    /// move it at any moment.
    fn nap(&self, duration: Duration) -> Duration {
        duration
    }
}

/// The clocks of the operating system.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose monotonic side starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
    fn now(&self) -> Now {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            wall: Timestamp::from_unix(since_epoch),
            monotonic: Monotonic(self.started.elapsed()),
        }
    }
}

/// A clock that stands still until it is moved: for tests, simulations and replays.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use twincast::{Clock, ManualClock, Timestamp};
///
/// let clock = ManualClock::at(Timestamp::parse("2026-01-01T00:00:00Z")?);
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(clock.now().wall.to_string(), "2026-01-01T00:01:30.0000000Z");
/// # Ok::<(), twincast::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock {
    now: Arc<Mutex<Now>>,
}

impl ManualClock {
    /// A clock that shows `wall`; clones of it show and move the same time.
    #[must_use]
    pub fn at(wall: Timestamp) -> Self {
        Self { now: Arc::new(Mutex::new(Now { wall, monotonic: Monotonic::default() })) }
    }

    /// Moves both sides forward.
    pub fn advance(&self, duration: Duration) {
        let mut now = self.now.lock();
        now.wall = now.wall.saturating_add(duration);
        now.monotonic = now.monotonic.after(duration);
    }

    /// Sets the wall clock alone, forward or back, as an operator or a time server would.
    pub fn set_wall(&self, wall: Timestamp) {
        self.now.lock().wall = wall;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        *self.now.lock()
    }

    fn nap(&self, duration: Duration) -> Duration {
        duration.min(Duration::from_millis(1))
    }
}

/// Refuses a time that a twin or a job cannot carry.
fn out_of_range(text: &str) -> Error {
    Error::invalid(format!("`{text}` is not a time between the years 1 and 9999"))
}

/// The result of reading a time.
type TimeResult = Result<Timestamp>;
