//! Engine objects tied to the process that made them.

use std::sync::OnceLock;

use pyo3::prelude::*;

use crate::errors;

/// An engine object and the process that it works in.
///
/// After `fork` the child has a copy of the memory but none of the engine's threads, so a call
/// that waits for one of them would wait for ever. A child is therefore told at once, and never
/// runs the object's destructor.
#[derive(Debug)]
pub(crate) struct Owned<T: Send> {
    value: Option<T>,
    process: u32,
}

impl<T: Send> Owned<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: Some(value), process: std::process::id() }
    }

    /// The object, for the process that made it.
    pub(crate) fn get(&self, py: Python<'_>) -> PyResult<&T> {
        if self.is_foreign() {
            return Err(forked(py, self.process));
        }
        Ok(self.inner())
    }

    /// The object without a look at the process: only for what touches memory alone.
    pub(crate) fn inner(&self) -> &T {
        self.value.as_ref().expect("the value is taken only when it is dropped")
    }

    pub(crate) fn is_foreign(&self) -> bool {
        std::process::id() != self.process
    }
}

impl<T: Send> Drop for Owned<T> {
    fn drop(&mut self) {
        let value = self.value.take();
        if self.is_foreign() {
            std::mem::forget(value);
            return;
        }
        // The last handle of a hub waits for its workers, and a worker may wait for the
        // interpreter: it must not be held here.
        let mut value = Some(value);
        if Python::try_attach(|py| drop_detached(py, value.take())).is_none() {
            drop(value);
        }
    }
}

fn drop_detached<T: Send>(py: Python<'_>, value: T) {
    py.detach(move || drop(value));
}

/// Refuses to start the engine in a child of a process that runs it.
///
/// The child's copy of the thread pool has no threads, so the first parallel step would hang.
pub(crate) fn check_process(py: Python<'_>) -> PyResult<()> {
    static FIRST_USE: OnceLock<u32> = OnceLock::new();
    let process = *FIRST_USE.get_or_init(std::process::id);
    if process == std::process::id() { Ok(()) } else { Err(forked(py, process)) }
}

fn forked(py: Python<'_>, process: u32) -> PyErr {
    let message = format!(
        "the engine runs in process {process} and cannot be used in its forked child {}",
        std::process::id()
    );
    errors::engine(
        py,
        &message,
        Some("start the child with multiprocessing.get_context(\"spawn\") and open a hub there"),
    )
}
