//! The end of the interpreter: handlers are stopped, and hubs that are still open are closed.
//!
//! A thread that asks for an interpreter which is going down is ended by Python on the spot, in
//! the middle of our own frames, and takes the process with it. So before that point no thread of
//! the engine may be on its way into Python.
#![expect(unsafe_code, reason = "only the C interface raises exceptions in other threads")]

use std::ffi::{c_long, c_ulong};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::exceptions::PySystemExit;
use pyo3::ffi;
use pyo3::prelude::*;
use twincast::Hub as Engine;

use crate::owned::{self, Owned};
use crate::wait;

/// Rounds in which handlers are asked to stop, and the time between two.
const ROUNDS: u32 = 20;
const ROUND: Duration = Duration::from_millis(10);

static ENDING: AtomicBool = AtomicBool::new(false);
/// The hubs that may be open.
static OPEN: Mutex<Vec<Weak<Owned<Engine>>>> = Mutex::new(Vec::new());
/// The threads that are inside a Python handler, by Python's own number.
static INSIDE: Mutex<Vec<c_ulong>> = Mutex::new(Vec::new());

/// Remembers a hub, to be closed at the end.
pub(crate) fn remember(hub: &Arc<Owned<Engine>>) {
    let mut open = OPEN.lock();
    open.retain(|hub| hub.strong_count() > 0);
    open.push(Arc::downgrade(hub));
}

/// The presence of this thread inside a Python handler.
pub(crate) struct Inside(c_ulong);

impl Inside {
    /// Enters, unless the interpreter is about to end.
    pub(crate) fn enter(_py: Python<'_>) -> Option<Self> {
        // SAFETY: it has no requirement but an interpreter, which `_py` proves.
        let thread = unsafe { ffi::PyThread_get_thread_ident() };
        INSIDE.lock().push(thread);
        let inside = Self(thread);
        (!ENDING.load(Ordering::SeqCst)).then_some(inside)
    }
}

/// Whether handlers are to be called no more.
pub(crate) fn is_ending() -> bool {
    ENDING.load(Ordering::Relaxed)
}

impl Drop for Inside {
    fn drop(&mut self) {
        let mut inside = INSIDE.lock();
        if let Some(place) = inside.iter().rposition(|thread| *thread == self.0) {
            inside.swap_remove(place);
        }
    }
}

/// Stops handlers and closes what is open; registered with `atexit`.
#[pyfunction]
pub(crate) fn _close_all(py: Python<'_>) -> PyResult<()> {
    if owned::check_process(py).is_err() {
        return Ok(()); // a forked child has none of these threads
    }
    ENDING.store(true, Ordering::SeqCst);
    for _ in 0..ROUNDS {
        let inside = INSIDE.lock().clone();
        if inside.is_empty() {
            break;
        }
        for thread in inside {
            raise_in(py, thread);
        }
        // One that waits in a system call stays there, and does not ask for the interpreter.
        py.detach(|| thread::sleep(ROUND));
    }
    let open = std::mem::take(&mut *OPEN.lock());
    for hub in open.iter().filter_map(Weak::upgrade) {
        wait::get(py, || hub.inner().close())?;
    }
    Ok(())
}

/// Raises `SystemExit` in the Python code that `thread` runs; nothing happens if it has ended.
fn raise_in(py: Python<'_>, thread: c_ulong) {
    let exception = py.get_type::<PySystemExit>();
    // SAFETY: the interpreter is attached, as `py` proves, and the class is a valid exception.
    unsafe {
        ffi::PyThreadState_SetAsyncExc(thread as c_long, exception.as_ptr());
    }
}
