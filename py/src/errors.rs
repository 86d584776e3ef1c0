//! The one way from the errors of the engine to the exceptions of `twincast`.
//!
//! The classes are written in Python (`twincast/_errors.py`), where their attributes and
//! documentation read best; here each kind of error finds its class.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use twincast::{Error, ErrorKind};

/// The exception for `error`: its class tells the kind, its text is the whole message.
pub(crate) fn to_py(py: Python<'_>, error: &Error) -> PyErr {
    let class = match error.kind() {
        ErrorKind::InvalidCondition => "ConditionError",
        ErrorKind::Invalid => "ValidationError",
        ErrorKind::DeviceNotFound => "DeviceNotFoundError",
        ErrorKind::DeviceExists => "DeviceExistsError",
        ErrorKind::JobNotFound => "JobNotFoundError",
        ErrorKind::JobExists => "JobExistsError",
        ErrorKind::PreconditionFailed => "PreconditionFailedError",
        ErrorKind::NotAllowed => "NotAllowedError",
        ErrorKind::Busy => "BusyError",
        ErrorKind::Closed => "ClosedError",
        ErrorKind::Io => "StorageError",
        // A worker panicked, or a newer engine has a kind that this package does not know.
        _ => "EngineError",
    };
    raise(py, class, &error.to_string(), error.kind().hub_code(), error.hint(), error.span())
}

/// A `ValidationError` about a value that did not reach the engine.
pub(crate) fn invalid(py: Python<'_>, message: &str, hint: Option<&str>) -> PyErr {
    to_py(py, &with_hint(Error::invalid(message), hint))
}

/// A `ClosedError`: the hub was closed from Python.
pub(crate) fn closed(py: Python<'_>) -> PyErr {
    let error = Error::new(ErrorKind::Closed, "the hub is closed");
    to_py(py, &error.with_hint("open a new one with twincast.Hub()"))
}

/// An `EngineError`: a panic was caught, or the engine is used where it cannot work.
pub(crate) fn engine(py: Python<'_>, message: &str, hint: Option<&str>) -> PyErr {
    to_py(py, &with_hint(Error::new(ErrorKind::Poisoned, message), hint))
}

fn with_hint(error: Error, hint: Option<&str>) -> Error {
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

fn raise(
    py: Python<'_>,
    class: &str,
    text: &str,
    code: u32,
    hint: Option<&str>,
    span: Option<(usize, usize)>,
) -> PyErr {
    let build = || -> PyResult<Bound<'_, PyAny>> {
        let attributes = PyDict::new(py);
        attributes.set_item("code", code)?;
        attributes.set_item("hint", hint)?;
        if class == "ConditionError" {
            attributes.set_item("span", span)?;
        }
        py.import("twincast._errors")?.getattr(class)?.call((text,), Some(&attributes))
    };
    match build() {
        Ok(exception) => PyErr::from_value(exception),
        // Only while the interpreter goes down, when modules cannot be imported any more.
        Err(_) => PyRuntimeError::new_err(text.to_owned()),
    }
}
