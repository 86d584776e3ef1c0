//! `Explanation` and `DeviceExplanation`: how a condition is answered, and why a device matches.

use pyo3::prelude::*;
use twincast::{DeviceExplanation as DeviceEngine, Explanation as Engine};

use crate::{html, json};

/// How the hub answers a condition.
///
/// It holds the tests as they were written, in the order in which they run, with what each was
/// expected to match and what it did, and the columns that are read. A test that matches nothing
/// has hints where the twins show why. ``str(explanation)`` is all of that as text,
/// ``to_dict()`` the same as data.
///
/// Examples:
///     >>> explanation = hub.explain("tags.site = 'oslo' AND tags.floor > 1")
///     >>> len(explanation.steps) >= 2
///     True
#[pyclass(frozen, module = "twincast")]
pub(crate) struct Explanation {
    inner: Engine,
}

impl Explanation {
    pub(crate) fn new(inner: Engine) -> Self {
        Self { inner }
    }
}

#[pymethods]
impl Explanation {
    /// The tests and what combines them, a step before its parts, each as a dict.
    #[getter]
    fn steps<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let all = self.inner.to_json();
        json::from_value(py, all.get("steps").unwrap_or(&serde_json::Value::Array(Vec::new())))
    }

    /// The whole explanation as a dict.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::from_value(py, &self.inner.to_json())
    }

    fn __str__(&self) -> String {
        self.inner.to_string()
    }

    fn __repr__(&self) -> String {
        self.inner.to_string()
    }

    fn _repr_html_(&self) -> String {
        html::preformatted(&self.inner.to_string())
    }
}

/// Why one device matches a condition, or does not: each part with its value for that device.
///
/// Parts that are not true have hints at paths that no twin has and at types that never fit.
///
/// Examples:
///     >>> why = hub.explain_device("tags.site = 'bergen'", "d1")
///     >>> why.matches
///     False
#[pyclass(frozen, module = "twincast")]
pub(crate) struct DeviceExplanation {
    inner: DeviceEngine,
}

impl DeviceExplanation {
    pub(crate) fn new(inner: DeviceEngine) -> Self {
        Self { inner }
    }
}

#[pymethods]
impl DeviceExplanation {
    /// Whether the device satisfies the condition.
    #[getter]
    fn matches(&self) -> bool {
        self.inner.matches
    }

    /// The whole explanation as a dict.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::from_value(py, &self.inner.to_json())
    }

    fn __str__(&self) -> String {
        self.inner.to_string()
    }

    fn __repr__(&self) -> String {
        self.inner.to_string()
    }

    fn _repr_html_(&self) -> String {
        html::preformatted(&self.inner.to_string())
    }
}
