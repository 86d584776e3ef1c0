//! Progress of long calls, drawn by `twincast/_progress.py` where somebody can see it.

use std::time::Duration;

use pyo3::prelude::*;
use twincast::{Clock, SystemClock};

/// Calls that end sooner than this show nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// The time between two drawings: smooth to the eye, and nothing beside the work.
const REDRAW: Duration = Duration::from_millis(200);

/// A bar that appears once a call has lasted for a second.
pub(crate) struct Progress {
    title: String,
    clock: SystemClock,
    next: Option<Duration>,
    bar: Option<Py<PyAny>>,
}

impl Progress {
    /// A bar named `title`, or one that never appears.
    pub(crate) fn new(title: impl Into<String>, shown: bool) -> Self {
        let next = shown.then_some(PATIENCE);
        Self { title: title.into(), clock: SystemClock::new(), next, bar: None }
    }

    /// Draws `done` of `total` and a note, if it is time to; they are asked for only then.
    pub(crate) fn draw(
        &mut self,
        py: Python<'_>,
        look: impl FnOnce() -> PyResult<(u64, Option<u64>, String)>,
    ) -> PyResult<()> {
        let now = self.clock.now().monotonic.0;
        if self.next.is_none_or(|next| now < next) {
            return Ok(());
        }
        self.next = Some(now + REDRAW);
        if self.bar.is_none() {
            let bar = py.import("twincast._progress")?.call_method1("open_bar", (&self.title,))?;
            if bar.is_none() {
                self.next = None; // neither a terminal nor a notebook
                return Ok(());
            }
            self.bar = Some(bar.unbind());
        }
        if let Some(bar) = &self.bar {
            let (done, total, note) = look()?;
            bar.call_method1(py, "update", (done, total, note))?;
        }
        Ok(())
    }

    /// Draws the last state, if the bar ever appeared, and ends its line.
    pub(crate) fn finish(
        self,
        py: Python<'_>,
        look: impl FnOnce() -> PyResult<(u64, Option<u64>, String)>,
    ) -> PyResult<()> {
        if let Some(bar) = self.bar {
            let (done, total, note) = look()?;
            bar.call_method1(py, "update", (done, total, note))?;
            bar.call_method0(py, "close")?;
        }
        Ok(())
    }
}
