//! Calls into the engine: the interpreter is released, Ctrl-C is noticed, panics and errors
//! become exceptions.
//!
//! Every call goes through one of the functions here, also those that look instant: the lock
//! that such a call needs may be held by a thread that waits for the interpreter.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, bounded};
use parking_lot::Mutex;
use pyo3::prelude::*;
use twincast::{Clock, Result, SystemClock};

use crate::errors;

/// How often a waiting call looks whether Ctrl-C was pressed.
const POLL: Duration = Duration::from_millis(20);

/// How long a stopped call may take to end before its caller goes on without it.
const GRACE: Duration = Duration::from_millis(100);

/// Calls that take less cannot keep Ctrl-C waiting for long enough to matter.
pub(crate) const NOTICED: Duration = Duration::from_millis(100);

/// Hubs with fewer devices are scanned on the calling thread: no condition takes long enough for
/// Ctrl-C to matter, and starting a thread would be much of the cost.
const LONG_SCAN_DEVICES: usize = 100_000;

/// Whether a look at so many devices may take long.
pub(crate) fn is_long(devices: usize) -> bool {
    devices >= LONG_SCAN_DEVICES
}

/// Makes a call that ends soon by itself.
pub(crate) fn run<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    py.detach(|| guarded(work)).map_err(|fault| fault.into_py(py))
}

/// The same for a call that cannot fail.
pub(crate) fn get<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> PyResult<T> {
    run(py, || Ok(work()))
}

/// Makes a call that only reads, over `devices` devices.
pub(crate) fn scan<T: Send + 'static>(
    py: Python<'_>,
    devices: usize,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> PyResult<T> {
    if is_long(devices) { scan_aside(py, work) } else { run(py, work) }
}

/// Makes a call that only reads, and may take long, on a thread of its own; after Ctrl-C that is
/// left to end by itself and its answer is dropped.
pub(crate) fn scan_aside<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> PyResult<T> {
    let (answer, answers) = bounded(1);
    let spawned = thread::Builder::new().name("twincast-scan".into()).spawn(move || {
        let _ = answer.send(guarded(work)); // nobody listens after Ctrl-C
    });
    spawned.map_err(|error| errors::to_py(py, &error.into()))?;
    loop {
        match py.detach(|| answers.recv_timeout(POLL)) {
            Ok(outcome) => return outcome.map_err(|fault| fault.into_py(py)),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => return Err(Fault::lost().into_py(py)),
        }
    }
}

/// Makes a call that changes the hub for long: `work` runs on a thread of its own and ends early
/// once the flag that it is given is set. Meanwhile `feed` runs here, on the caller's thread, and
/// after it `tick`, again and again.
///
/// When `feed`, `tick` or Ctrl-C raises, the flag is set and the exception raised. Work that does
/// not end at once, since it has much to give back, is left to itself and listed in `leftovers`.
pub(crate) fn watch<'py, T: Send + 'static>(
    py: Python<'py>,
    leftovers: &Leftovers,
    work: impl FnOnce(&Arc<AtomicBool>) -> Result<T> + Send + 'static,
    feed: impl FnOnce(Python<'py>, Tick<'_>) -> PyResult<()>,
    tick: Tick<'_>,
) -> PyResult<T> {
    let stop = Arc::new(AtomicBool::new(false));
    let (answer, answers) = bounded(1);
    let (alive, ended) = bounded(0);
    let flag = Arc::clone(&stop);
    let spawned = thread::Builder::new().name("twincast-work".into()).spawn(move || {
        let outcome = guarded(|| work(&flag));
        drop(alive); // before the answer, so that a caller who has it finds nothing left over
        let _ = answer.send(outcome); // nobody listens after Ctrl-C
    });
    spawned.map_err(|error| errors::to_py(py, &error.into()))?;
    let mut raised = feed(py, tick).err();
    while raised.is_none() {
        match py.detach(|| answers.recv_timeout(POLL)) {
            Ok(outcome) => return outcome.map_err(|fault| fault.into_py(py)),
            Err(RecvTimeoutError::Timeout) => {
                raised = py.check_signals().and_then(|()| tick(py)).err();
            }
            Err(RecvTimeoutError::Disconnected) => return Err(Fault::lost().into_py(py)),
        }
    }
    stop.store(true, Ordering::Relaxed);
    if matches!(py.detach(|| answers.recv_timeout(GRACE)), Err(RecvTimeoutError::Timeout)) {
        leftovers.0.lock().push(ended);
    }
    Err(raised.expect("the loop ends only with an exception"))
}

/// Calls that were stopped and have not ended yet.
#[derive(Default)]
pub(crate) struct Leftovers(Mutex<Vec<Receiver<()>>>);

impl Leftovers {
    /// Waits until all have ended.
    pub(crate) fn settle(&self, py: Python<'_>) -> PyResult<()> {
        loop {
            let Some(ended) = self.0.lock().last().cloned() else { return Ok(()) };
            while py.detach(|| ended.recv_timeout(POLL)) == Err(RecvTimeoutError::Timeout) {
                py.check_signals()?;
            }
            self.0.lock().retain(|other| !other.same_channel(&ended));
        }
    }
}

/// What runs on the caller's thread between two looks: it draws progress.
pub(crate) type Tick<'a> = &'a mut dyn FnMut(Python<'_>) -> PyResult<()>;

/// Waits until `look` answers true or `timeout` has passed; `look` gets the time it may block.
///
/// `tick` runs between two looks. Answers whether `look` did.
pub(crate) fn until(
    py: Python<'_>,
    timeout: Option<Duration>,
    mut look: impl FnMut(Duration) -> Result<bool> + Send,
    tick: Tick<'_>,
) -> PyResult<bool> {
    let clock = SystemClock::new();
    loop {
        let left = timeout.map(|timeout| timeout.saturating_sub(clock.now().monotonic.0));
        let patience = left.map_or(POLL, |left| left.min(POLL));
        if run(py, || look(patience))? {
            return Ok(true);
        }
        py.check_signals()?;
        tick(py)?;
        if left.is_some_and(|left| left <= patience) {
            return Ok(false);
        }
    }
}

/// Sends `value` to a thread that may be slow to take it; false if that thread has ended.
pub(crate) fn send<T: Send>(
    py: Python<'_>,
    lane: &Sender<T>,
    value: T,
    tick: Tick<'_>,
) -> PyResult<bool> {
    let mut value = value;
    loop {
        match py.detach(|| lane.send_timeout(value, POLL)) {
            Ok(()) => return Ok(true),
            Err(SendTimeoutError::Disconnected(_)) => return Ok(false),
            Err(SendTimeoutError::Timeout(back)) => value = back,
        }
        py.check_signals().and_then(|()| tick(py))?;
    }
}

/// Why a call gave no answer.
enum Fault {
    Refused(twincast::Error),
    Panicked(String),
}

impl Fault {
    fn lost() -> Self {
        Self::Panicked("the thread ended without an answer".to_owned())
    }

    fn into_py(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Refused(error) => errors::to_py(py, &error),
            Self::Panicked(text) => errors::engine(
                py,
                &format!("the engine panicked: {text}"),
                Some("this is a bug of twincast; close the hub and open a new one"),
            ),
        }
    }
}

/// Runs `work` and catches its panic.
///
/// Sound to go on after: the engine keeps its own state consistent, and poisons itself where a
/// panic could have broken it; what the closure borrowed from Python is only read.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T, Fault> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcome) => outcome.map_err(Fault::Refused),
        Err(payload) => Err(Fault::Panicked(panic_text(payload.as_ref()))),
    }
}

/// What a panic said.
pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
