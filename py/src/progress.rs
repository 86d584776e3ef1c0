//! Progress of long calls: drawn by `twincast/_progress.py` where somebody can see it, or told to
//! a function of the caller.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString};
use twincast::{Clock, SystemClock};

use crate::argument::{self, Argument, must_be};

/// Calls that end sooner than this show nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// The time between two drawings: smooth to the eye, and nothing beside the work.
const REDRAW: Duration = Duration::from_millis(200);

/// What a caller wants to see: the argument `progress`.
#[derive(Default)]
pub(crate) enum Wish {
    /// A bar, if somebody can see it.
    #[default]
    Bar,
    /// The same with a title of the caller.
    Titled(String),
    /// Nothing.
    Hidden,
    /// To be called with what is done and the total, as far as it is known.
    Told(Py<PyAny>),
}

impl Argument for Wish {
    fn read(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Self> {
        if object.is_none() {
            return Ok(Self::Bar);
        }
        if let Ok(shown) = object.cast::<PyBool>() {
            return Ok(if shown.is_true() { Self::Bar } else { Self::Hidden });
        }
        if object.is_instance_of::<PyString>() {
            return String::read(object, name).map(Self::Titled);
        }
        if object.is_callable() {
            return Ok(Self::Told(object.clone().unbind()));
        }
        Err(must_be(name, "True, False, a title or a function of (done, total)", object))
    }
}

/// What is wished by an argument that may be left out.
pub(crate) fn wish_of(progress: Option<argument::Progress>) -> Wish {
    progress.map(|progress| progress.0).unwrap_or_default()
}

/// A bar that appears once a call has lasted for a second, or a function that is told.
pub(crate) struct Progress {
    title: String,
    clock: SystemClock,
    /// When to draw next; `None` for never.
    next: Option<Duration>,
    shown: Shown,
}

enum Shown {
    /// The bar, once it has appeared.
    Bar(Option<Py<PyAny>>),
    Told(Py<PyAny>),
}

/// What is done, the total if it is known, and a note of a few words.
type State = (u64, Option<u64>, String);

impl Progress {
    /// A bar named `title` unless the caller wishes otherwise.
    pub(crate) fn new(title: impl Into<String>, wish: Wish) -> Self {
        let (title, next, shown) = match wish {
            Wish::Bar => (title.into(), Some(PATIENCE), Shown::Bar(None)),
            Wish::Titled(title) => (title, Some(PATIENCE), Shown::Bar(None)),
            Wish::Hidden => (title.into(), None, Shown::Bar(None)),
            Wish::Told(function) => (title.into(), Some(Duration::ZERO), Shown::Told(function)),
        };
        Self { title, clock: SystemClock::new(), next, shown }
    }

    /// Draws the state if it is time to; it is asked for only then.
    pub(crate) fn draw(
        &mut self,
        py: Python<'_>,
        look: impl FnOnce() -> PyResult<State>,
    ) -> PyResult<()> {
        let now = self.clock.now().monotonic.0;
        if self.next.is_none_or(|next| now < next) {
            return Ok(());
        }
        self.next = Some(now + REDRAW);
        if let Shown::Bar(bar @ None) = &mut self.shown {
            let opened =
                py.import("twincast._progress")?.call_method1("open_bar", (&self.title,))?;
            if opened.is_none() {
                self.next = None; // neither a terminal nor a notebook
                return Ok(());
            }
            *bar = Some(opened.unbind());
        }
        self.show(py, look()?)
    }

    /// Draws the last state, if the bar ever appeared, and ends its line.
    pub(crate) fn finish(
        self,
        py: Python<'_>,
        look: impl FnOnce() -> PyResult<State>,
    ) -> PyResult<()> {
        if matches!(self.shown, Shown::Bar(None)) {
            return Ok(());
        }
        self.show(py, look()?)?;
        if let Shown::Bar(Some(bar)) = &self.shown {
            bar.call_method0(py, "close")?;
        }
        Ok(())
    }

    fn show(&self, py: Python<'_>, (done, total, note): State) -> PyResult<()> {
        match &self.shown {
            Shown::Bar(None) => {}
            Shown::Bar(Some(bar)) => drop(bar.call_method1(py, "update", (done, total, note))?),
            Shown::Told(function) => drop(function.call1(py, (done, total))?),
        }
        Ok(())
    }
}
