//! Coroutine functions as a transport: calls wait for each other on an event loop, not on threads.
//!
//! Workers of the engine put calls into an [`Inbox`] and ring its bell, a socket that the loop
//! watches; they never wait for the interpreter. The loop itself is `twincast/_loop.py`.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyString;
use twincast::dispatch::{Answers, Calls, Style, Transport};
use twincast::job::{CallResult, Reply};

use crate::handler::{self, Callable, payload_to_py};
use crate::owned::Owned;

/// A coroutine function that answers one method, on a loop of its own.
pub(crate) struct Coroutines {
    /// The loop, which holds the function.
    driver: Mutex<Option<Py<PyAny>>>,
    inbox: Arc<Mailbox>,
    calls_max: usize,
}

impl Coroutines {
    /// Starts the loop of `function`, for at most `calls_max` calls of a job at once.
    pub(crate) fn start(function: &Bound<'_, PyAny>, calls_max: usize) -> PyResult<Self> {
        let py = function.py();
        let (bell, end) = bell()?;
        let mailbox = Arc::new(Mailbox { bell, end, calls: Mutex::default() });
        let inbox = Inbox { mailbox: Arc::clone(&mailbox) };
        let arguments = (function, Bound::new(py, inbox)?, calls_max);
        let driver = py.import("twincast._loop")?.getattr("Loop")?.call1(arguments)?;
        Ok(Self { driver: Mutex::new(Some(driver.unbind())), inbox: mailbox, calls_max })
    }
}

impl Callable for Coroutines {
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.driver.try_lock() {
            Some(driver) => visit.call(&*driver),
            None => Ok(()), // in use, so not garbage
        }
    }

    fn clear(&self) {
        self.inbox.close();
        let driver = self.driver.lock().take();
        // Without an interpreter its thread is gone as well.
        Python::try_attach(|py| {
            if let Some(driver) = driver {
                let closed = driver.call_method0(py, "close");
                drop(closed); // a loop that is closed already has nothing to say
            }
        });
    }
}

impl Transport for Coroutines {
    fn invoke(&self, calls: Calls) {
        self.inbox.put(calls);
    }

    fn style(&self) -> Style {
        Style::Deferred
    }

    fn calls_max(&self) -> usize {
        self.calls_max
    }
}

impl Drop for Coroutines {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(unix)]
type Bell = std::os::unix::net::UnixStream;
#[cfg(windows)]
type Bell = std::net::TcpStream;

/// Two ends of a stream; neither blocks.
#[cfg(unix)]
fn bell() -> io::Result<(Bell, Bell)> {
    let (here, there) = Bell::pair()?;
    here.set_nonblocking(true)?;
    Ok((here, there))
}

#[cfg(windows)]
fn bell() -> io::Result<(Bell, Bell)> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let there = Bell::connect(listener.local_addr()?)?;
    let (here, peer) = listener.accept()?;
    if peer != there.local_addr()? {
        return Err(io::Error::other("another program connected to the event loop's bell"));
    }
    here.set_nonblocking(true)?;
    Ok((here, there))
}

/// Calls on their way to the loop.
struct Mailbox {
    bell: Bell,
    /// The loop watches a duplicate of it. This one is kept so that to ring is no error, and no
    /// `SIGPIPE`, when the loop is gone.
    end: Bell,
    calls: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    calls: VecDeque<Calls>,
    is_closed: bool,
}

impl Mailbox {
    fn put(&self, calls: Calls) {
        let mut waiting = self.calls.lock();
        if waiting.is_closed {
            drop(waiting);
            return handler::refuse(&calls, handler::gone());
        }
        let is_first = waiting.calls.is_empty();
        waiting.calls.push_back(calls);
        drop(waiting);
        if is_first {
            // The only fault is that it is full of rings, and then it is heard anyway.
            let _ = (&self.bell).write(&[1]);
        }
    }

    /// Fails what waits and what will come.
    fn close(&self) {
        let mut waiting = self.calls.lock();
        waiting.is_closed = true;
        let calls = std::mem::take(&mut waiting.calls);
        drop(waiting);
        calls.iter().for_each(|calls| handler::refuse(calls, handler::gone()));
    }
}

/// The loop's side of the mailbox.
#[pyclass(frozen, module = "twincast._twincast")]
pub(crate) struct Inbox {
    mailbox: Arc<Mailbox>,
}

#[pymethods]
impl Inbox {
    /// The number of a socket that becomes readable when there are calls; it is the caller's.
    fn bell(&self) -> PyResult<i64> {
        let end = self.mailbox.end.try_clone()?;
        #[cfg(unix)]
        return Ok(std::os::fd::IntoRawFd::into_raw_fd(end).into());
        #[cfg(windows)]
        return Ok(std::os::windows::io::IntoRawSocket::into_raw_socket(end) as i64);
    }

    fn take(&self) -> Option<Batch> {
        let calls = self.mailbox.calls.lock().calls.pop_front()?;
        let answers = calls.answers();
        let open = Open { calls: Mutex::new(calls), answers, ready: Mutex::default() };
        Some(Batch(Owned::new(open)))
    }

    /// Nobody takes calls any more.
    fn close(&self) {
        self.mailbox.close();
    }
}

/// The position of a call, the device, the payload.
type Claimed<'py> = (u32, Bound<'py, PyAny>, Bound<'py, PyAny>);

/// Calls that are the loop's to make. Whatever is not answered when this is gone has failed.
#[pyclass(frozen, module = "twincast._twincast")]
pub(crate) struct Batch(Owned<Open>);

struct Open {
    calls: Mutex<Calls>,
    answers: Answers,
    /// Answers that wait for those of the same turn of the loop.
    ready: Mutex<Vec<Reply>>,
}

#[pymethods]
impl Batch {
    /// Seconds that a call may take.
    #[getter]
    fn timeout(&self) -> f64 {
        let calls = self.0.inner().calls.lock();
        let method = calls.method();
        method.connect_timeout.saturating_add(method.response_timeout).as_secs_f64()
    }

    fn __len__(&self) -> usize {
        self.0.inner().calls.lock().unclaimed().len()
    }

    /// The next call to make: its position, the device, the payload.
    fn claim<'py>(&self, py: Python<'py>) -> Option<Claimed<'py>> {
        let open = self.0.inner();
        let calls = open.calls.lock();
        loop {
            let call = calls.claim_next()?;
            let id = PyString::new(py, call.device_id).into_any();
            match payload_to_py(py, call.method.payload.as_ref()) {
                Ok(payload) => return Some((call.position, id, payload)),
                Err(error) => {
                    let failed = CallResult::Failed(handler::raised(py, &error));
                    open.answers.answer(call.position, failed);
                }
            }
        }
    }

    /// Keeps an answer for the next `flush`; whether it is the first.
    fn answer(&self, position: u32, answer: &Bound<'_, PyAny>) -> bool {
        let result = handler::answer_of(answer).unwrap_or_else(CallResult::Failed);
        self.keep(position, result)
    }

    /// Keeps an exception in place of an answer.
    fn fail(&self, py: Python<'_>, position: u32, error: &Bound<'_, PyAny>) -> bool {
        let error = PyErr::from_value(error.clone());
        self.keep(position, CallResult::Failed(handler::raised(py, &error)))
    }

    /// Fails the calls that were not made.
    fn refuse(&self, reason: &str) {
        handler::refuse(&self.0.inner().calls.lock(), handler::refused(reason));
    }

    /// Leaves calls without an answer to their time-out.
    fn leave(&self) {
        self.0.inner().calls.lock().leave_to_time_out();
    }

    /// Hands in the answers that were kept.
    fn flush(&self) {
        let open = self.0.inner();
        let ready = std::mem::take(&mut *open.ready.lock());
        if !ready.is_empty() {
            open.answers.answer_many(ready);
        }
    }
}

impl Batch {
    fn keep(&self, position: u32, result: CallResult) -> bool {
        let mut ready = self.0.inner().ready.lock();
        ready.push(Reply::one(position, result));
        ready.len() == 1
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // In a forked child the engine's locks may be held by threads that it does not have.
        if !self.0.is_foreign() {
            self.flush();
        }
    }
}
