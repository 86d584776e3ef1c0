//! `Selection`: the devices that a condition matched.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::DataType;
use pyo3::exceptions::PyImportError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyIterator, PyList, PyTuple};
use serde_json::Value;
use twincast::Selection as Engine;

use crate::hub::Hub;
use crate::owned::Owned;
use crate::{argument, arrow, html, json, wait};

/// The devices whose twins satisfied a condition when it was asked.
///
/// A selection is a set: ``a & b``, ``a | b`` and ``a - b`` are selections again. It keeps a bit
/// for each device of the hub, not their ids, and does not change when twins do. Iterating gives
/// the ids. Libraries that speak Arrow read it as ids: ``polars.Series(selection)``,
/// ``pyarrow.array(selection)``.
///
/// Examples:
///     >>> oslo = hub.select("tags.site = 'oslo'")
///     >>> oslo
///     Selection(2 of 3 devices)
///     >>> old = hub.select("properties.reported.firmware = '1.0'")
///     >>> (oslo & old).device_ids(), (oslo - old).device_ids()
///     (['d1'], ['d2'])
#[pyclass(frozen, module = "twincast")]
pub(crate) struct Selection {
    inner: Owned<Engine>,
    /// Where the twins are; selections of two hubs do not mix.
    hub: Py<Hub>,
}

impl Selection {
    pub(crate) fn new(inner: Engine, hub: Py<Hub>) -> Self {
        Self { inner: Owned::new(inner), hub }
    }
}

#[pymethods]
impl Selection {
    fn __len__(&self) -> usize {
        self.inner.inner().len()
    }

    /// The devices that the hub had when the condition was asked.
    #[getter]
    fn total(&self) -> usize {
        self.inner.inner().total()
    }

    /// The ids of the devices, in the order in which the hub met them.
    ///
    /// Examples:
    ///     >>> hub.select("tags.floor > 1").device_ids()
    ///     ['d2', 'd3']
    fn device_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let inner = self.inner.get(py)?;
        PyList::new(py, wait::get(py, || inner.device_ids())?)
    }

    /// The ids of the devices as a ``pyarrow.ChunkedArray``, without a Python object for each.
    ///
    /// Where a condition matched 65,536 neighbours, it shares their ids with the hub.
    ///
    /// Raises:
    ///     ImportError: pyarrow is not installed.
    ///
    /// Examples:
    ///     >>> hub.select("*").to_arrow().to_pylist()
    ///     ['d1', 'd2', 'd3']
    fn to_arrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        library(slf.py(), "pyarrow", "to_arrow")?.call_method1("chunked_array", (slf,))
    }

    /// A few twins of the selection, as they are now, spread evenly over it.
    ///
    /// Args:
    ///     n: How many at most. Devices deleted meanwhile are left out.
    ///
    /// Examples:
    ///     >>> [twin["deviceId"] for twin in hub.select("tags.site = 'bergen'").sample(5)]
    ///     ['d3']
    #[pyo3(signature = (n=argument::N(5)), text_signature = "($self, n=5)")]
    fn sample<'py>(&self, py: Python<'py>, n: argument::N) -> PyResult<Bound<'py, PyList>> {
        let twins = self.twins(py, n.0)?;
        let list = PyList::empty(py);
        for twin in &twins {
            list.append(json::from_value(py, twin)?)?;
        }
        Ok(list)
    }

    fn __and__(&self, py: Python<'_>, other: &Self) -> PyResult<Self> {
        self.combine(py, other, Engine::and)
    }

    fn __or__(&self, py: Python<'_>, other: &Self) -> PyResult<Self> {
        self.combine(py, other, Engine::or)
    }

    fn __sub__(&self, py: Python<'_>, other: &Self) -> PyResult<Self> {
        self.combine(py, other, Engine::minus)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.device_ids(py)?.try_iter()
    }

    /// The ids as Arrow data, for libraries.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        // The protocol lets a producer that cannot convert give its own type.
        drop(requested_schema);
        let inner = self.inner.get(py)?;
        let ids = wait::run(py, || inner.to_arrow())?;
        arrow::array_capsules(py, &ids)
    }

    /// The ids as a stream of Arrow arrays, for libraries.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        drop(requested_schema);
        let inner = self.inner.get(py)?;
        let chunks = wait::get(py, || inner.id_chunks())?;
        let chunks = chunks.into_iter().map(|ids| Arc::new(ids) as ArrayRef);
        arrow::chunks_capsule(py, &DataType::Utf8, chunks.collect())
    }

    /// The Arrow type of the ids, for libraries.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        arrow::type_capsule(py, &DataType::Utf8)
    }

    fn __repr__(&self) -> String {
        let (count, total) = self.counts();
        format!("Selection({count} of {total} devices)")
    }

    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let (count, total) = self.counts();
        let twins = self.twins(py, 5)?;
        let rows = twins.iter().map(|twin| {
            let tags = twin.get("tags").map(ToString::to_string).unwrap_or_default();
            [twin["deviceId"].as_str().unwrap_or_default().to_owned(), tags]
        });
        let head = format!("<b>Selection</b>: {count} of {total} devices");
        if twins.is_empty() {
            return Ok(head);
        }
        Ok(format!("{head}, for example{}", html::table(&["deviceId", "tags"], rows)))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.hub)
    }
}

impl Selection {
    fn combine(
        &self,
        py: Python<'_>,
        other: &Self,
        combine: fn(&Engine, &Engine) -> twincast::Result<Engine>,
    ) -> PyResult<Self> {
        let (left, right) = (self.inner.get(py)?, other.inner.get(py)?);
        Ok(Self::new(wait::run(py, || combine(left, right))?, self.hub.clone_ref(py)))
    }

    fn twins(&self, py: Python<'_>, count: usize) -> PyResult<Vec<Value>> {
        let inner = self.inner.get(py)?;
        let hub = self.hub.get().engine(py)?;
        wait::run(py, || hub.sample(inner, count))
    }

    fn counts(&self) -> (String, String) {
        let inner = self.inner.inner();
        (html::count(inner.len() as u64), html::count(inner.total() as u64))
    }
}

/// An optional library, or an error that says what to install.
pub(crate) fn library<'py>(
    py: Python<'py>,
    name: &str,
    method: &str,
) -> PyResult<Bound<'py, PyModule>> {
    py.import(name).map_err(|error| {
        if !error.is_instance_of::<PyImportError>(py) {
            return error;
        }
        let text = format!("{method}() needs {name}: pip install {name}");
        let wanted = PyImportError::new_err(text);
        wanted.set_cause(py, Some(error));
        wanted
    })
}
