//! `Table`: what a query or a job gives back.

use pyo3::exceptions::{PyIndexError, PyKeyError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyInt, PyList, PyString};
use serde_json::Value;
use twincast::Table as Engine;

use crate::owned::Owned;
use crate::selection::library;
use crate::{argument, arrow, json, wait};

/// Rows that `Rows` turns to Python objects at a time.
const PAGE: usize = 1024;

/// The rows that a query or a job gave, in columns.
///
/// ``len`` counts the rows; ``table[0]`` is a row as a dict, ``table["floor"]`` a column as a
/// list; iterating gives the rows. A value that a row does not have is left out of its dict, and
/// is None in a column. pyarrow, polars, pandas, DuckDB and others read a table directly, since
/// it has the Arrow method ``__arrow_c_stream__``.
///
/// Examples:
///     >>> table = hub.query("SELECT deviceId, tags.floor AS floor FROM devices")
///     >>> len(table), table.columns
///     (3, ['deviceId', 'floor'])
///     >>> table[0]
///     {'deviceId': 'd1', 'floor': 1}
///     >>> table["floor"]
///     [1, 2, 7]
#[pyclass(frozen, module = "twincast")]
pub(crate) struct Table {
    inner: Owned<Engine>,
}

impl Table {
    pub(crate) fn new(inner: Engine) -> Self {
        Self { inner: Owned::new(inner) }
    }
}

#[pymethods]
impl Table {
    fn __len__(&self) -> usize {
        self.inner.inner().num_rows()
    }

    /// The names of the columns.
    #[getter]
    fn columns(&self) -> Vec<String> {
        self.inner.inner().column_names().iter().map(ToString::to_string).collect()
    }

    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(name) = key.cast::<PyString>() {
            let name = name.to_string_lossy();
            let column = self.inner.get(py)?.columns().iter().find(|column| column.name == name);
            let column = column.ok_or_else(|| {
                let names = self.columns().join("', '");
                PyKeyError::new_err(format!("no column '{name}'; there are '{names}'"))
            })?;
            let list = PyList::empty(py);
            for row in 0..column.values.len() {
                list.append(json::from_value(py, &column.values.get(row).unwrap_or(Value::Null))?)?;
            }
            return Ok(list.into_any());
        }
        if !key.is_instance_of::<PyInt>() {
            let found = argument::kind(key);
            let text = format!("a table takes a column's name or a row's number, not {found}");
            return Err(PyTypeError::new_err(text));
        }
        let rows = self.__len__();
        // Beyond what fits there is no row, either.
        let index = key.extract::<isize>().unwrap_or(isize::MAX);
        let index = if index < 0 { index.checked_add_unsigned(rows) } else { Some(index) };
        let row = index
            .and_then(|index| usize::try_from(index).ok())
            .filter(|index| *index < rows)
            .ok_or_else(|| {
                PyIndexError::new_err(format!("row {} of {rows}", argument::shown(key)))
            })?;
        self.page(py, row..row + 1)?.get_item(0)
    }

    fn __iter__(slf: Bound<'_, Self>) -> Rows {
        Rows { table: slf.unbind(), place: parking_lot::Mutex::default() }
    }

    /// All rows as a list of dicts.
    ///
    /// Examples:
    ///     >>> hub.query("SELECT COUNT() AS n FROM devices").to_pylist()
    ///     [{'n': 3}]
    fn to_pylist<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.page(py, 0..self.__len__())
    }

    /// The rows as a ``pyarrow.Table``.
    ///
    /// Raises:
    ///     ImportError: pyarrow is not installed.
    ///
    /// Examples:
    ///     >>> hub.query("SELECT tags.floor AS floor FROM devices").to_arrow().num_rows
    ///     3
    fn to_arrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        library(slf.py(), "pyarrow", "to_arrow")?.call_method1("table", (slf,))
    }

    /// The rows as a ``pandas.DataFrame``.
    ///
    /// Raises:
    ///     ImportError: pandas 3 is not installed, nor an older one together with pyarrow.
    ///
    /// Examples:
    ///     >>> hub.query("SELECT tags.floor AS floor FROM devices").to_pandas()["floor"].sum()
    ///     np.int64(10)
    fn to_pandas<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let frame = library(slf.py(), "pandas", "to_pandas")?.getattr("DataFrame")?;
        if frame.hasattr("from_arrow")? {
            return frame.call_method1("from_arrow", (slf,));
        }
        Self::to_arrow(slf)?.call_method0("to_pandas")
    }

    /// The rows as a ``polars.DataFrame``.
    ///
    /// Raises:
    ///     ImportError: polars is not installed.
    ///
    /// Examples:
    ///     >>> hub.query("SELECT tags.floor AS floor FROM devices").to_polars()["floor"].to_list()
    ///     [1, 2, 7]
    fn to_polars<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        library(slf.py(), "polars", "to_polars")?.call_method1("DataFrame", (slf,))
    }

    /// The rows as an Arrow stream, for libraries.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // The protocol lets a producer that cannot convert give its own schema.
        drop(requested_schema);
        let inner = self.inner.get(py)?;
        let batch = wait::get(py, || inner.to_record_batch())?;
        arrow::stream_capsule(py, batch.map_err(|error| arrow::failed(py, &error))?)
    }

    /// The Arrow schema of the rows, for libraries.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let inner = self.inner.get(py)?;
        let batch = wait::get(py, || inner.to_record_batch())?;
        let batch = batch.map_err(|error| arrow::failed(py, &error))?;
        arrow::schema_capsule(py, batch.schema_ref())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let inner = self.inner.get(py)?;
        wait::get(py, || inner.to_string())
    }

    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let inner = self.inner.get(py)?;
        wait::get(py, || inner.to_html())
    }
}

impl Table {
    fn page<'py>(
        &self,
        py: Python<'py>,
        rows: std::ops::Range<usize>,
    ) -> PyResult<Bound<'py, PyList>> {
        let inner = self.inner.get(py)?;
        let list = PyList::empty(py);
        let mut start = rows.start;
        while start < rows.end {
            let end = rows.end.min(start + PAGE);
            for row in start..end {
                list.append(json::from_value(py, &inner.row_json(row))?)?;
            }
            py.check_signals()?;
            start = end;
        }
        Ok(list)
    }
}

/// Iterates over the rows of a table, a page at a time.
#[pyclass(frozen, module = "twincast")]
pub(crate) struct Rows {
    table: Py<Table>,
    place: parking_lot::Mutex<Place>,
}

#[derive(Default)]
struct Place {
    next: usize,
    /// The page read last, and the number of its first row.
    page: Option<(usize, Py<PyList>)>,
}

#[pymethods]
impl Rows {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let table = self.table.get();
        let rows = table.__len__();
        // Threads may share an iterator: each row is taken once, and the lock is not held while
        // the interpreter is let go.
        let (row, known) = {
            let mut place = self.place.lock();
            if place.next >= rows {
                return Ok(None);
            }
            let row = place.next;
            place.next += 1;
            let page = place.page.as_ref().filter(|(start, _)| *start == row - row % PAGE);
            (row, page.map(|(_, page)| page.clone_ref(py)))
        };
        let start = row - row % PAGE;
        let page = if let Some(page) = known {
            page.into_bound(py)
        } else {
            let page = table.page(py, start..rows.min(start + PAGE))?;
            let old = self.place.lock().page.replace((start, page.clone().unbind()));
            drop(old); // without the lock, since it may run Python code
            page
        };
        page.get_item(row - start).map(Some)
    }
}
