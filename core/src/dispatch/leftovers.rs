//! What is left of a job, to be dropped where nothing is locked.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::batch::Batch;
use super::board::LaneState;
use super::lane::Lane;
use super::transport::Transport;
use super::worker::panicked;

/// What is left of a job whose lane was closed or whose calls were taken back.
///
/// This may hold the last handle of a [`Transport`] or of the job's devices, and those may do
/// anything when they are dropped: call back, wait, panic. So keep it until no lock is held, then
/// drop it. A panic in there is logged and goes no further.
#[must_use = "drop it where no lock is held: it may run foreign code"]
#[derive(Default)]
pub struct Leftovers {
    transport: Option<Arc<dyn Transport>>,
    lane: Option<Arc<Lane>>,
    batches: Vec<Arc<Batch>>,
}

impl Leftovers {
    pub(super) fn of_turn(transport: Arc<dyn Transport>, batches: Vec<Arc<Batch>>) -> Self {
        Self { transport: Some(transport), lane: None, batches }
    }

    pub(super) fn of_batches(batches: Vec<Arc<Batch>>) -> Self {
        Self { transport: None, lane: None, batches }
    }
}

impl From<LaneState> for Leftovers {
    fn from(state: LaneState) -> Self {
        let (lane, transport, batches) = state.into_parts();
        Self { transport: Some(transport), lane: Some(lane), batches: batches.collect() }
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        // One by one: a second panic while the first unwinds would end the process.
        if let Some(transport) = self.transport.take() {
            contain(|| drop(transport));
        }
        for batch in self.batches.drain(..) {
            contain(|| drop(batch));
        }
        if let Some(lane) = self.lane.take() {
            contain(|| drop(lane));
        }
    }
}

/// Runs foreign code whose panic concerns nobody else.
fn contain(drop: impl FnOnce()) {
    // Unwind safe: what is dropped is out of reach for everybody else.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(drop)) {
        let failure = panicked(payload);
        tracing::error!(
            failure = &*failure.description,
            "a transport panicked when it was dropped"
        );
    }
}

impl fmt::Debug for Leftovers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leftovers")
            .field("transport", &self.transport.is_some())
            .field("batches", &self.batches.len())
            .finish()
    }
}
