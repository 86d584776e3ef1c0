//! Times and durations from Python.

use std::time::Duration;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDateTime, PyDelta, PyString, PyTzInfo, PyTzInfoAccess};
use twincast::Timestamp;

use crate::argument::{Argument, must_be};
use crate::errors;

/// A datetime (naive means UTC), or text such as `2026-01-02T03:04:05Z`.
impl Argument for Timestamp {
    fn read(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Self> {
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
            return Err(must_be(name, "a datetime or ISO 8601 text", object));
        };
        let text = String::read(&text, name)?;
        Self::parse(&text).map_err(|error| errors::to_py(py, &error.context(name)))
    }
}

/// A timedelta, or a number of seconds; never negative.
impl Argument for Duration {
    fn read(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Self> {
        const WANTED: &str = "seconds or a timedelta";
        let py = object.py();
        let seconds = if object.is_instance_of::<PyDelta>() {
            object.call_method0("total_seconds")?.extract::<f64>()?
        } else if object.is_instance_of::<PyBool>() {
            return Err(must_be(name, WANTED, object));
        } else {
            f64::read(object, name).map_err(|error| {
                if error.is_instance_of::<PyTypeError>(py) {
                    must_be(name, WANTED, object)
                } else {
                    error
                }
            })?
        };
        Self::try_from_secs_f64(seconds).map_err(|_| {
            // As Python writes it.
            let seconds = if seconds.is_nan() { "nan".to_owned() } else { seconds.to_string() };
            let message = format!("{name} is {seconds} seconds, which is no duration");
            errors::invalid(py, &message, Some("use zero or more seconds, below 1e19"))
        })
    }
}
