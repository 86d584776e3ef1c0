//! Python callables as a transport: what answers direct methods inside the process.
//!
//! Whatever a callable does, only its own devices are concerned: an exception, an answer that is
//! none, or a hang fails them, and the others go on.

use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyList, PyString, PyTuple};
use serde_json::Value;
use twincast::dispatch::{Calls, Style, Transport};
use twincast::job::{CallResult, Failure, Reply};
use twincast::limits::METHOD_PAYLOAD_BYTES;

use crate::argument::kind;
use crate::columnar::{self, DeviceIds};
use crate::exit::Inside;
use crate::json;

/// The codes of IoT Hub for what can go wrong here: our own fault, an unusable answer, too large.
const RAISED: u32 = 500_001;
const UNUSABLE: u32 = 502_000;
const TOO_LARGE: u32 = 413_001;

/// Threads that may be inside one callable: enough to wait for several devices at once, few enough
/// that the program's own threads still get their turn with the interpreter when all compute.
const WORKERS: usize = 16;

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

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // A lock that is taken just now means that the callable is in use, so not garbage.
        match self.callable.try_lock() {
            Some(callable) => visit.call(&*callable),
            None => Ok(()),
        }
    }

    /// Lets go of the callable; calls that come later fail.
    pub(crate) fn clear(&self) {
        let callable = self.callable.lock().take();
        drop(callable); // without the lock, since it may run Python code
    }

    fn callable<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>, Failure> {
        let callable = self.callable.lock().as_ref().map(|callable| callable.clone_ref(py));
        callable.map(|callable| callable.into_bound(py)).ok_or_else(gone)
    }

    fn call_device(&self, device_id: &str, payload: Option<&Value>) -> CallResult {
        let answer = Python::try_attach(|py| {
            let _inside = Inside::enter(py).ok_or_else(gone)?;
            let handler = self.callable(py)?;
            let answer = payload_to_py(py, payload)
                .and_then(|payload| handler.call1((device_id, payload)))
                .map_err(|error| raised(py, &error))?;
            answer_of(&answer)
        });
        answer.unwrap_or_else(|| Err(gone())).unwrap_or_else(CallResult::Failed)
    }

    fn call_batch(&self, device_ids: &[&str], payload: Option<&Value>) -> Vec<CallResult> {
        let answers = Python::try_attach(|py| -> Result<Vec<CallResult>, Failure> {
            let _inside = Inside::enter(py).ok_or_else(gone)?;
            let handler = self.callable(py)?;
            let answers = PyList::new(py, device_ids)
                .and_then(|ids| handler.call1((ids, payload_to_py(py, payload)?)))
                .map_err(|error| raised(py, &error))?;
            let is_list = answers.is_instance_of::<PyList>() || answers.is_instance_of::<PyTuple>();
            if !is_list {
                let text = format!("expected a list of answers, not {}", kind(&answers));
                return Err(unusable(&text));
            }
            let mut results = Vec::with_capacity(device_ids.len());
            for answer in answers.try_iter().map_err(|error| raised(py, &error))? {
                let answer = answer.map_err(|error| raised(py, &error))?;
                results.push(answer_of(&answer).unwrap_or_else(CallResult::Failed));
            }
            right_count(results, device_ids.len())
        });
        spread(answers.unwrap_or_else(|| Err(gone())), device_ids.len())
    }

    fn call_arrow(&self, device_ids: &[&str], payload: Option<&Value>) -> Vec<CallResult> {
        let ids = DeviceIds::new(device_ids);
        let answers = Python::try_attach(|py| -> Result<Vec<CallResult>, Failure> {
            let _inside = Inside::enter(py).ok_or_else(gone)?;
            let handler = self.callable(py)?;
            let answer = Bound::new(py, ids)
                .and_then(|ids| handler.call1((ids, payload_to_py(py, payload)?)))
                .map_err(|error| raised(py, &error))?;
            let results = columnar::answers_of(&answer, device_ids.len())
                .map_err(|error| unusable(&error.value(py).to_string()))?;
            right_count(results, device_ids.len())
        });
        spread(answers.unwrap_or_else(|| Err(gone())), device_ids.len())
    }
}

impl Transport for Handler {
    fn invoke(&self, calls: Calls) {
        let method = Arc::clone(calls.method());
        let payload = method.payload.as_ref();
        if self.form == Form::Device {
            // Each call is claimed, made and answered by itself: one that hangs holds up no
            // answer, and other workers go on with the rest.
            while let Some(call) = calls.claim_next() {
                let result = self.call_device(call.device_id, payload);
                calls.answer(call.position, result);
            }
            return;
        }
        let claimed = calls.claim_all();
        if claimed.is_empty() {
            return;
        }
        let device_ids: Vec<&str> =
            claimed.clone().map(|position| calls.device_id(position)).collect();
        let results = match self.form {
            Form::Arrow => self.call_arrow(&device_ids, payload),
            Form::Device | Form::Batch => self.call_batch(&device_ids, payload),
        };
        calls.answer_many(Reply::in_order(claimed.start, results));
    }

    fn style(&self) -> Style {
        Style::Blocking
    }

    fn workers_max(&self) -> usize {
        WORKERS
    }
}

/// `(status, payload)`, or a payload alone, which stands for status 200.
fn answer_of(answer: &Bound<'_, PyAny>) -> Result<CallResult, Failure> {
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

fn payload_to_py<'py>(py: Python<'py>, payload: Option<&Value>) -> PyResult<Bound<'py, PyAny>> {
    payload.map_or_else(|| Ok(py.None().into_bound(py)), |payload| json::from_value(py, payload))
}

fn right_count(results: Vec<CallResult>, devices: usize) -> Result<Vec<CallResult>, Failure> {
    if results.len() == devices {
        return Ok(results);
    }
    Err(unusable(&format!("{} answers came for {devices} devices", results.len())))
}

/// The results of a batch; one failure fails each of its devices.
fn spread(results: Result<Vec<CallResult>, Failure>, devices: usize) -> Vec<CallResult> {
    results.unwrap_or_else(|failure| vec![CallResult::Failed(failure); devices])
}

/// An answer that cannot be taken for one.
pub(crate) fn unusable(text: &str) -> Failure {
    Failure::new(UNUSABLE, format!("the handler's answer is unusable: {text}"))
}

fn gone() -> Failure {
    Failure::new(RAISED, "the handler is gone: its hub was collected or Python is ending")
}

/// The exception in a line, with the place where it was raised.
fn raised(py: Python<'_>, error: &PyErr) -> Failure {
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
