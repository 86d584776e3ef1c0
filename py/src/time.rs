//! Times and durations from Python.

use std::time::Duration;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDateTime, PyDelta, PyString, PyTzInfo, PyTzInfoAccess};
use twincast::Timestamp;

use crate::errors;

/// A datetime (naive means UTC), or text such as `2026-01-02T03:04:05Z`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl<'a, 'py> FromPyObject<'a, 'py> for Moment {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let py = object.py();
        let text = if let Ok(time) = object.cast::<PyDateTime>() {
            let time = match time.get_tzinfo() {
                Some(_) => time.call_method1("astimezone", (PyTzInfo::utc(py)?,))?,
                None => time.to_owned().into_any(),
            };
            time.call_method0("isoformat")?
        } else if object.is_instance_of::<PyString>() {
            object.to_owned()
        } else {
            return Err(PyTypeError::new_err("expected a datetime or ISO 8601 text"));
        };
        let text = text.extract::<String>()?;
        Timestamp::parse(&text).map(Self).map_err(|error| errors::to_py(py, &error))
    }
}

/// A timedelta, or a number of seconds; never negative.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seconds(pub(crate) Duration);

impl<'a, 'py> FromPyObject<'a, 'py> for Seconds {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let seconds = if object.is_instance_of::<PyDelta>() {
            object.call_method0("total_seconds")?.extract::<f64>()?
        } else if object.is_instance_of::<PyBool>() {
            return Err(PyTypeError::new_err("expected seconds or a timedelta, not a bool"));
        } else {
            object
                .extract::<f64>()
                .map_err(|_| PyTypeError::new_err("expected seconds or a timedelta"))?
        };
        Duration::try_from_secs_f64(seconds).map(Self).map_err(|_| {
            let message = format!("{seconds} seconds is not a duration");
            errors::invalid(object.py(), &message, Some("use zero or more seconds"))
        })
    }
}
