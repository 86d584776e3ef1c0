//! The Arrow C data interface as Python speaks it: capsules that pyarrow, polars, pandas and
//! others read without copying.
//!
//! Format: <https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html>.
#![expect(unsafe_code, reason = "the interface is raw C structs inside capsules")]

mod chunks;

use std::ffi::CStr;

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi, to_ffi};
use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchIterator, StructArray, make_array};
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

use crate::errors;

const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";
const STREAM: &CStr = c"arrow_array_stream";

/// `__arrow_c_stream__` of a table of one batch.
pub(crate) fn stream_capsule<'py>(
    py: Python<'py>,
    batch: RecordBatch,
) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = batch.schema();
    let reader = RecordBatchIterator::new([Ok(batch)], schema);
    PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(reader)), STREAM)
}

/// `__arrow_c_schema__` of a table.
pub(crate) fn schema_capsule<'py>(
    py: Python<'py>,
    schema: &Schema,
) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(schema).map_err(|error| failed(py, &error))?;
    PyCapsule::new_with_value(py, schema, SCHEMA)
}

/// `__arrow_c_schema__` of an array of `kind`.
pub(crate) fn type_capsule<'py>(
    py: Python<'py>,
    kind: &DataType,
) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(kind).map_err(|error| failed(py, &error))?;
    PyCapsule::new_with_value(py, schema, SCHEMA)
}

/// `__arrow_c_array__` of one array: its schema and its data.
pub(crate) fn array_capsules<'py>(
    py: Python<'py>,
    array: &dyn Array,
) -> PyResult<Bound<'py, PyTuple>> {
    let (data, schema) = to_ffi(&array.to_data()).map_err(|error| failed(py, &error))?;
    let schema = PyCapsule::new_with_value(py, schema, SCHEMA)?;
    let data = PyCapsule::new_with_value(py, data, ARRAY)?;
    PyTuple::new(py, [schema, data])
}

/// `__arrow_c_stream__` of a column that comes in several arrays of `kind`.
pub(crate) fn chunks_capsule<'py>(
    py: Python<'py>,
    kind: &DataType,
    chunks: Vec<ArrayRef>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let stream = chunks::stream(kind, chunks).map_err(|error| failed(py, &error))?;
    PyCapsule::new_with_value(py, stream, STREAM)
}

/// The batches of an object with `__arrow_c_stream__`, or with `__arrow_c_array__` of structs;
/// `None` if it has neither.
pub(crate) fn batches(object: &Bound<'_, PyAny>) -> PyResult<Option<Batches>> {
    let py = object.py();
    if object.hasattr("__arrow_c_stream__")? {
        let capsule = object.call_method0("__arrow_c_stream__")?;
        let pointer = capsule.cast::<PyCapsule>()?.pointer_checked(Some(STREAM))?;
        // SAFETY: a capsule of this name holds a valid FFI_ArrowArrayStream, says the protocol.
        // Its content is moved out and marked as released, so it is released once, by the reader.
        let reader = unsafe { RecordBatchStreamReader::from_raw(pointer.as_ptr().cast()) };
        return Ok(Some(Batches::Stream(reader.map_err(|error| failed(py, &error))?)));
    }
    let Some(array) = array(object)? else { return Ok(None) };
    let table = array.as_any().downcast_ref::<StructArray>().ok_or_else(|| {
        errors::invalid(
            py,
            "the Arrow array has no columns",
            Some("give a table or a struct array"),
        )
    })?;
    Ok(Some(Batches::One(Some(RecordBatch::from(table)))))
}

/// The array of an object with `__arrow_c_array__`; `None` if it has no such method.
pub(crate) fn array(object: &Bound<'_, PyAny>) -> PyResult<Option<ArrayRef>> {
    if !object.hasattr("__arrow_c_array__")? {
        return Ok(None);
    }
    let py = object.py();
    let pair = object.call_method0("__arrow_c_array__")?;
    let (schema, data): (Bound<'_, PyCapsule>, Bound<'_, PyCapsule>) = pair.extract()?;
    let schema = schema.pointer_checked(Some(SCHEMA))?.cast::<FFI_ArrowSchema>();
    let data = data.pointer_checked(Some(ARRAY))?.cast::<FFI_ArrowArray>();
    // SAFETY: capsules of these names hold valid structs of these types, says the protocol, and
    // `pair` keeps both alive. The data is moved out and marked as released, so it is released
    // once, by the array; the schema is only read and stays with its capsule.
    let array = unsafe {
        let data = FFI_ArrowArray::from_raw(data.as_ptr());
        from_ffi(data, schema.as_ref())
    };
    Ok(Some(make_array(array.map_err(|error| failed(py, &error))?)))
}

/// Record batches that come from Python.
pub(crate) enum Batches {
    Stream(RecordBatchStreamReader),
    One(Option<RecordBatch>),
}

impl Batches {
    /// The names and types of the columns.
    pub(crate) fn schema(&self) -> Option<SchemaRef> {
        use arrow_array::RecordBatchReader;
        match self {
            Self::Stream(reader) => Some(reader.schema()),
            Self::One(batch) => batch.as_ref().map(RecordBatch::schema),
        }
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Stream(reader) => reader.next(),
            Self::One(batch) => batch.take().map(Ok),
        }
    }
}

/// What an Arrow library complained about.
pub(crate) fn failed(py: Python<'_>, error: &ArrowError) -> PyErr {
    errors::invalid(py, &format!("the Arrow data cannot be read: {error}"), None)
}
