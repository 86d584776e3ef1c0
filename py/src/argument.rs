//! The arguments of public calls, each a type of its own, so that what is wrong with one is said
//! together with its name.

use std::path::PathBuf;
use std::time::Duration;

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyUnicodeEncodeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString};
use twincast::Timestamp;

use crate::errors;
use crate::progress::Wish;

/// What an argument is read as.
pub(crate) trait Argument: Sized {
    /// Reads the argument `name`.
    fn read(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Self>;
}

macro_rules! arguments {
    ($($type:ident $name:literal: $read_as:ty;)*) => {$(
        #[doc = concat!("The argument `", $name, "`.")]
        pub(crate) struct $type(pub(crate) $read_as);

        impl<'a, 'py> FromPyObject<'a, 'py> for $type {
            type Error = PyErr;

            fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
                Argument::read(&object, $name).map(Self)
            }
        }
    )*};
}

arguments! {
    Concurrency "concurrency": usize;
    Condition "condition": String;
    ConnectTimeout "connect_timeout": Duration;
    DeviceId "device_id": String;
    Devices "devices": u64;
    Etag "etag": String;
    Failures "failures": f64;
    InFlightMax "in_flight_max": u32;
    JobId "job_id": String;
    JobInFlightMax "job_in_flight_max": u32;
    Latency "latency": Duration;
    LatencyP99 "latency_p99": Duration;
    MaxExecutionTime "max_execution_time": Duration;
    Method "method": String;
    N "n": usize;
    Name "name": String;
    NoReply "no_reply": f64;
    Offline "offline": f64;
    OnError "on_error": String;
    Path "path": PathBuf;
    Progress "progress": Wish;
    Query "query": String;
    ResponseTimeout "response_timeout": Duration;
    Retention "retention": Duration;
    Seed "seed": u64;
    StartTime "start_time": Timestamp;
    Status "status": String;
    Strict "strict": bool;
    Timeout "timeout": Duration;
    Type "type": String;
}

impl Argument for String {
    fn read(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Self> {
        let text = object.cast::<PyString>().map_err(|_| must_be(name, "a str", object))?;
        text.to_str().map(str::to_owned).map_err(|_| {
            let message = format!("{name} holds a lone surrogate, which UTF-8 cannot");
            let hint = "it was probably decoded with surrogateescape";
            errors::invalid(object.py(), &message, Some(hint))
        })
    }
}

impl Argument for bool {
    fn read(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Self> {
        let flag = object.cast::<PyBool>();
        flag.map(PyBoolMethods::is_true).map_err(|_| must_be(name, "True or False", object))
    }
}

impl Argument for f64 {
    fn read(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Self> {
        let py = object.py();
        object.extract::<Self>().map_err(|error| {
            if error.is_instance_of::<PyTypeError>(py) {
                must_be(name, "a number", object)
            } else if error.is_instance_of::<PyOverflowError>(py) {
                errors::invalid(py, &format!("{name} is too large a number"), None)
            } else {
                error // raised by the object itself
            }
        })
    }
}

impl Argument for PathBuf {
    fn read(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Self> {
        object.extract::<Self>().map_err(|error| {
            let py = object.py();
            if error.is_instance_of::<PyTypeError>(py) {
                must_be(name, "a str or a path", object)
            } else if error.is_instance_of::<PyUnicodeEncodeError>(py) {
                errors::invalid(py, &format!("{name} cannot be the name of a file: {error}"), None)
            } else {
                error // raised by the object itself
            }
        })
    }
}

macro_rules! whole_numbers {
    ($($number:ty),*) => {$(
        impl Argument for $number {
            fn read(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Self> {
                let py = object.py();
                if !object.hasattr("__index__")? {
                    return Err(must_be(name, "an int", object));
                }
                let number = py.import("operator")?.call_method1("index", (object,))?;
                number.extract::<Self>().map_err(|_| {
                    let shown = shown(&number);
                    let hint = format!("use an int from 0 to {}", Self::MAX);
                    errors::invalid(py, &format!("{name} is {shown}"), Some(&hint))
                })
            }
        }
    )*};
}

whole_numbers!(u32, u64, usize);

/// A number as an error shows it; Python itself refuses to write very long ones.
pub(crate) fn shown(number: &Bound<'_, PyAny>) -> String {
    const DIGITS: usize = 40;
    match number.str() {
        Ok(text) if text.len().is_ok_and(|length| length <= DIGITS) => text.to_string(),
        _ => "a number too long to show".to_owned(),
    }
}

/// The exception for an argument of another type.
pub(crate) fn must_be(name: &str, wanted: &str, object: &Bound<'_, PyAny>) -> PyErr {
    PyTypeError::new_err(format!("{name} must be {wanted}, not {}", kind(object)))
}

/// The name of the type of `object`.
pub(crate) fn kind(object: &Bound<'_, PyAny>) -> String {
    if object.is_none() {
        return "None".to_owned();
    }
    object.get_type().qualname().map_or_else(|_| "?".to_owned(), |name| name.to_string())
}
