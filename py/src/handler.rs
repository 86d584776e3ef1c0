//! Python callables as a transport: what answers direct methods inside the process.
//!
//! Whatever a callable does, only its own devices are concerned: an exception, an answer that is
//! none, or a hang fails them, and the others go on.

use std::ops::Range;
use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyList, PyString, PyTuple};
use serde_json::Value;
use twincast::dispatch::{Calls, Style, Transport};
use twincast::job::{CallResult, Failure, Reply};
use twincast::limits::METHOD_PAYLOAD_BYTES;

use crate::argument::kind;
use crate::columnar::{Answers, DeviceIds};
use crate::exit::{self, Inside};
use crate::json;

/// The codes of IoT Hub for what can go wrong here: our own fault, an unusable answer, too large.
const RAISED: u32 = 500_001;
const UNUSABLE: u32 = 502_000;
const TOO_LARGE: u32 = 413_001;

/// Threads that may be inside one callable: enough to wait for several devices at once, few enough
/// that the program's own threads still get their turn with the interpreter when all compute.
const WORKERS: usize = 16;

/// Devices in a list at most, and in an Arrow array, for handlers that are quick: enough to make
/// the way into the interpreter and back vanish, few enough that a hang takes few along.
const LIST_MAX: u32 = 1 << 12;
const ARROW_MAX: u32 = 1 << 14;

/// How a callable wants its devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `handler(device_id, payload)`, once for each device.
    Device,
    /// `handler(device_ids, payload)` with a list of ids, answered by a list.
    Batch,
    /// `handler(device_ids, payload)` with an Arrow array of ids, answered by columns.
    Arrow,
}

/// A transport that holds Python objects.
pub(crate) trait Callable: Transport {
    /// Shows them to the garbage collector.
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError>;

    /// Lets go of them; calls that come later fail.
    fn clear(&self);
}

/// A Python callable that answers one method.
pub(crate) struct Handler {
    /// Taken out when the garbage collector breaks a cycle that goes through the hub.
    callable: Mutex<Option<Py<PyAny>>>,
    form: Form,
}

impl Handler {
    pub(crate) fn new(callable: Py<PyAny>, form: Form) -> Self {
        Self { callable: Mutex::new(Some(callable)), form }
    }

    fn callable<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>, Failure> {
        let callable = self.callable.lock().as_ref().map(|callable| callable.clone_ref(py));
        callable.map(|callable| callable.into_bound(py)).ok_or_else(gone)
    }

    /// Calls the handler for one device after the other, in one stay inside the interpreter:
    /// others who want it get it as they do from any Python code, after its switch interval.
    fn call_devices(&self, calls: Calls) {
        let method = Arc::clone(calls.method());
        let mut calls = Some(calls);
        let called = Python::try_attach(|py| {
            let _inside = Inside::enter(py).ok_or_else(gone)?;
            let handler = self.callable(py)?;
            let Some(calls) = calls.take() else { return Ok(()) };
            // Each call is claimed, made and answered by itself: one that hangs holds up no
            // answer, and other workers go on with the rest.
            calls.for_each(|call| {
                if exit::is_ending() {
                    return CallResult::Failed(gone());
                }
                payload_to_py(py, method.payload.as_ref())
                    .and_then(|payload| handler.call1((call.device_id, payload)))
                    .map_err(|error| raised(py, &error))
                    .and_then(|answer| answer_of(&answer))
                    .unwrap_or_else(CallResult::Failed)
            });
            Ok(())
        });
        if let (Some(calls), Err(failure)) = (calls, called.unwrap_or_else(|| Err(gone()))) {
            refuse(&calls, failure);
        }
    }

    fn call_batch(&self, calls: &Calls, claimed: &Range<u32>) -> Result<Vec<Reply>, Failure> {
        let replies = Python::try_attach(|py| -> Result<Vec<Reply>, Failure> {
            let _inside = Inside::enter(py).ok_or_else(gone)?;
            let handler = self.callable(py)?;
            // Offsets and not positions: on all systems a range of `usize` knows its length.
            let id = |offset| calls.device_id(claimed.start + offset as u32);
            let answers = PyList::new(py, (0..claimed.len()).map(id))
                .and_then(|ids| {
                    handler.call1((ids, payload_to_py(py, calls.method().payload.as_ref())?))
                })
                .map_err(|error| raised(py, &error))?;
            // A tuple would be taken for the status and payload of one device, or be meant as that.
            let answers = match answers.cast_into::<PyList>() {
                Ok(list) => list.to_tuple(), // which the handler cannot change any more
                Err(other) => {
                    let kind = kind(&other.into_inner());
                    return Err(unusable(&format!("expected a list of answers, not {kind}")));
                }
            };
            right_count(answers.len(), claimed.len())?;
            // The same object, often a constant, is read once.
            let mut last: Option<(Bound<'_, PyAny>, CallResult)> = None;
            let results = answers.iter().map(|answer| {
                if let Some((before, result)) = &last
                    && before.is(&answer)
                {
                    return result.clone();
                }
                let result = answer_of(&answer).unwrap_or_else(CallResult::Failed);
                last = Some((answer, result.clone()));
                result
            });
            Ok(Reply::in_order(claimed.start, results))
        });
        replies.unwrap_or_else(|| Err(gone()))
    }

    fn call_arrow(&self, calls: &Calls, claimed: &Range<u32>) -> Result<Vec<Reply>, Failure> {
        let ids = DeviceIds::new(calls.id_column(claimed.clone()));
        let answers = Python::try_attach(|py| -> Result<Answers, Failure> {
            let _inside = Inside::enter(py).ok_or_else(gone)?;
            let handler = self.callable(py)?;
            let answer = Bound::new(py, ids)
                .and_then(|ids| {
                    handler.call1((ids, payload_to_py(py, calls.method().payload.as_ref())?))
                })
                .map_err(|error| raised(py, &error))?;
            Answers::read(&answer).map_err(|error| unusable(&error.value(py).to_string()))
        });
        let answers = answers.unwrap_or_else(|| Err(gone()))?;
        answers.check(claimed.len())?;
        Ok(answers.into_replies(claimed))
    }
}

impl Callable for Handler {
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // A lock that is taken just now means that the callable is in use, so not garbage.
        match self.callable.try_lock() {
            Some(callable) => visit.call(&*callable),
            None => Ok(()),
        }
    }

    fn clear(&self) {
        let callable = self.callable.lock().take();
        drop(callable); // without the lock, since it may run Python code
    }
}

impl Transport for Handler {
    fn invoke(&self, calls: Calls) {
        if self.form == Form::Device {
            return self.call_devices(calls);
        }
        let claimed = calls.claim_all();
        if claimed.is_empty() {
            return;
        }
        let replies = match self.form {
            Form::Arrow => self.call_arrow(&calls, &claimed),
            Form::Device | Form::Batch => self.call_batch(&calls, &claimed),
        };
        calls.answer_many(replies.unwrap_or_else(|failure| {
            vec![Reply { positions: claimed, result: CallResult::Failed(failure) }]
        }));
    }

    fn style(&self) -> Style {
        Style::Blocking
    }

    fn workers_max(&self) -> usize {
        WORKERS
    }

    fn batch_max(&self) -> u32 {
        match self.form {
            Form::Device => 0,
            Form::Batch => LIST_MAX,
            Form::Arrow => ARROW_MAX,
        }
    }
}

/// `(status, payload)`, or a payload alone, which stands for status 200.
pub(crate) fn answer_of(answer: &Bound<'_, PyAny>) -> Result<CallResult, Failure> {
    let Ok(pair) = answer.cast::<PyTuple>() else {
        return Ok(CallResult::Answered { status: 200, payload: payload_text(answer)? });
    };
    let wanted = "expected (status, payload) or a payload";
    if pair.len() != 2 {
        return Err(unusable(&format!("{wanted}, not a tuple of {}", pair.len())));
    }
    let part = |index| pair.get_item(index).map_err(|_| unusable(wanted));
    let status = status_of(&part(0)?).map_err(|text| unusable(&text))?;
    Ok(CallResult::Answered { status, payload: payload_text(&part(1)?)? })
}

/// A status: an int of 32 bits, but no bool.
pub(crate) fn status_of(status: &Bound<'_, PyAny>) -> Result<i32, String> {
    if let Ok(number) = status.cast_exact::<PyInt>() {
        let number = number.extract();
        return number.map_err(|_| "the status is int, not an int of 32 bits".to_owned());
    }
    if status.is_instance_of::<PyBool>() || status.is_instance_of::<PyString>() {
        return Err(format!("the status is {}, not an int", kind(status)));
    }
    status.extract().map_err(|_| format!("the status is {}, not an int of 32 bits", kind(status)))
}

fn payload_text(payload: &Bound<'_, PyAny>) -> Result<Option<Arc<str>>, Failure> {
    if payload.is_none() {
        return Ok(None);
    }
    let value = json::to_value(payload, "payload")
        .map_err(|error| unusable(&error.value(payload.py()).to_string()))?;
    let text = value.to_string();
    check_size(&text)?;
    Ok(Some(text.into()))
}

/// Refuses an answer larger than IoT Hub carries.
pub(crate) fn check_size(text: &str) -> Result<(), Failure> {
    if text.len() <= METHOD_PAYLOAD_BYTES {
        return Ok(());
    }
    let bytes = text.len();
    let description =
        format!("the answer's payload has {bytes} bytes, more than {METHOD_PAYLOAD_BYTES}");
    Err(Failure::new(TOO_LARGE, description))
}

pub(crate) fn payload_to_py<'py>(
    py: Python<'py>,
    payload: Option<&Value>,
) -> PyResult<Bound<'py, PyAny>> {
    payload.map_or_else(|| Ok(py.None().into_bound(py)), |payload| json::from_value(py, payload))
}

pub(crate) fn right_count(answers: usize, devices: usize) -> Result<(), Failure> {
    if answers == devices {
        return Ok(());
    }
    Err(unusable(&format!("{answers} answers came for {devices} devices")))
}

/// An answer that cannot be taken for one.
pub(crate) fn unusable(text: &str) -> Failure {
    Failure::new(UNUSABLE, format!("the handler's answer is unusable: {text}"))
}

/// Calls that were not made.
pub(crate) fn refused(reason: &str) -> Failure {
    Failure::new(RAISED, reason)
}

/// Fails the calls that were not made.
pub(crate) fn refuse(calls: &Calls, failure: Failure) {
    let positions = calls.claim_all();
    calls.answer_many(vec![Reply { positions, result: CallResult::Failed(failure) }]);
}

pub(crate) fn gone() -> Failure {
    Failure::new(RAISED, "the handler is gone: its hub was collected or Python is ending")
}

/// The exception in a line, with the place where it was raised.
pub(crate) fn raised(py: Python<'_>, error: &PyErr) -> Failure {
    let place = error.traceback(py).and_then(|mut traceback| {
        while let Ok(next) = traceback.getattr("tb_next").and_then(|next| Ok(next.cast_into()?)) {
            traceback = next;
        }
        let line = traceback.getattr("tb_lineno").ok()?.extract::<u32>().ok()?;
        let code = traceback.getattr("tb_frame").ok()?.getattr("f_code").ok()?;
        let file = code.getattr("co_filename").ok()?.extract::<String>().ok()?;
        let file = file.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        Some(format!(" ({file}, line {line})"))
    });
    let kind = kind(error.value(py));
    // Not every exception can be turned to text.
    let text = error.value(py).str().map_or_else(|_| String::new(), |text| text.to_string());
    let colon = if text.is_empty() { "" } else { ": " };
    let place = place.unwrap_or_default();
    Failure::new(RAISED, format!("the handler raised {kind}{colon}{text}{place}"))
}
