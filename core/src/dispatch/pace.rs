//! When a worker's slice is over, found without asking for the time at every call.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use super::batch::Batch;
use super::shared::Shared;

/// Calls between two looks at the clock, at most: about 10 us of the quickest handlers.
const STRIDE_MAX: u32 = 256;
/// Calls between two looks should take about this long.
const LOOK_EVERY: Duration = Duration::from_micros(50);

/// The pace of one worker in one slice.
///
/// Reading the time costs as much as a quick call. So the number of calls between two looks doubles
/// while calls are quick, and drops to one as soon as they are slow.
pub(super) struct Pace {
    shared: Arc<Shared>,
    /// In real time, as all of this: a slice shares the processor, whatever the hub's clock says.
    until: Duration,
    looked: Cell<Duration>,
    stride: Cell<u32>,
    until_look: Cell<u32>,
    begun: Cell<bool>,
}

impl Pace {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let now = shared.real_time();
        Self {
            until: now + shared.limits.slice,
            looked: Cell::new(now),
            stride: Cell::new(1),
            until_look: Cell::new(0),
            begun: Cell::new(false),
            shared,
        }
    }

    /// Whether the slice has room for one more call, which is about to be claimed.
    pub(super) fn go_on(&self, batch: &Batch) -> bool {
        match self.until_look.get() {
            0 => self.look(batch),
            left => {
                self.until_look.set(left - 1);
                if left == self.stride.get() - 1 {
                    batch.unstamp();
                }
                true
            }
        }
    }

    /// Notes when the calls that are claimed next begin.
    pub(super) fn stamp(&self, batch: &Batch) {
        batch.stamp(self.shared.clock.now().monotonic);
    }

    fn look(&self, batch: &Batch) -> bool {
        let now = self.shared.real_time();
        // The first call of a slice is always made: a batch never goes round without progress.
        if self.begun.replace(true) && now >= self.until {
            return false;
        }
        let quick = now.saturating_sub(self.looked.get()) < LOOK_EVERY;
        let stride = match self.stride.get() {
            // Somebody moves this clock by hand, perhaps right now: time every call exactly.
            _ if self.shared.clock_is_moved => 1,
            stride if quick => (stride * 2).min(STRIDE_MAX),
            _ => 1,
        };
        self.looked.set(now);
        self.stride.set(stride);
        self.until_look.set(stride - 1);
        self.stamp(batch);
        true
    }
}
