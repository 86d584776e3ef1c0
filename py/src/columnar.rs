//! The columnar form of a method handler: device ids go out as one Arrow array, statuses and
//! payloads come back as arrays.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, StringArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::DataType;
use pyo3::buffer::{Element, PyUntypedBuffer};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyInt, PyIterator, PyList, PyString, PyTuple};
use serde_json::value::RawValue;
use twincast::dispatch::IdColumn;
use twincast::job::{CallResult, Failure, Reply};

use crate::argument::kind;
use crate::handler::{check_size, right_count, status_of, unusable};
use crate::{arrow, html};

/// The ids of a batch of devices, as an Arrow array of strings.
///
/// What a handler of the form ``batch="arrow"`` is called with. ``pyarrow.array(ids)`` and other
/// libraries read it without copying; it is also a sequence of str.
#[pyclass(frozen, module = "twincast")]
pub(crate) struct DeviceIds {
    ids: StringArray,
}

impl DeviceIds {
    pub(crate) fn new(column: IdColumn) -> Self {
        let offsets = OffsetBuffer::new(column.offsets.into());
        Self { ids: StringArray::new(offsets, column.text.into_bytes().into(), None) }
    }
}

#[pymethods]
impl DeviceIds {
    fn __len__(&self) -> usize {
        self.ids.len()
    }

    fn __getitem__(&self, index: isize) -> PyResult<&str> {
        let index =
            if index < 0 { index.checked_add_unsigned(self.ids.len()) } else { Some(index) };
        index
            .and_then(|index| usize::try_from(index).ok())
            .filter(|index| *index < self.ids.len())
            .map(|index| self.ids.value(index))
            .ok_or_else(|| PyIndexError::new_err("index out of range"))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.to_pylist(py)?.try_iter()
    }

    /// The ids as a list of str.
    fn to_pylist<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let ids: Vec<&str> = (0..self.ids.len()).map(|index| self.ids.value(index)).collect();
        PyList::new(py, ids)
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
        arrow::array_capsules(py, &self.ids)
    }

    /// The Arrow type of the ids, for libraries.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        arrow::type_capsule(py, &DataType::Utf8)
    }

    fn __repr__(&self) -> String {
        format!("DeviceIds({} devices)", html::count(self.ids.len() as u64))
    }
}

/// What a columnar handler answered, read while the interpreter is there.
pub(crate) struct Answers {
    statuses: Column<i32>,
    payloads: Column<Payload>,
}

/// One value for all devices, or one for each.
enum Column<T> {
    All(T),
    Each(Vec<T>),
}

impl<T> Column<T> {
    fn count(&self) -> Option<usize> {
        match self {
            Self::All(_) => None,
            Self::Each(values) => Some(values.len()),
        }
    }
}

impl Answers {
    /// Reads `(statuses, payloads)`, or statuses alone.
    ///
    /// Statuses are one int for all, a buffer or an Arrow array of integers, or a sequence.
    /// Payloads are None, one str for all, or an Arrow array or a sequence of str; each is JSON
    /// text.
    pub(crate) fn read(answer: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (statuses, payloads) = match answer.cast::<PyTuple>() {
            Ok(pair) if pair.len() == 2 => (pair.get_item(0)?, Some(pair.get_item(1)?)),
            Ok(other) => {
                let text = format!("expected (statuses, payloads), not a tuple of {}", other.len());
                return Err(PyValueError::new_err(text));
            }
            Err(_) => (answer.clone(), None),
        };
        let statuses = statuses_of(&statuses)?;
        let payloads = match payloads.filter(|payloads| !payloads.is_none()) {
            None => Column::All(None),
            Some(payloads) => payloads_of(&payloads)?,
        };
        if let (Some(statuses), Some(payloads)) = (statuses.count(), payloads.count())
            && statuses != payloads
        {
            let text = format!("{payloads} payloads for {statuses} statuses");
            return Err(PyValueError::new_err(text));
        }
        Ok(Self { statuses, payloads })
    }

    /// Whether there is one for each of so many devices, or why not.
    pub(crate) fn check(&self, devices: usize) -> Result<(), Failure> {
        right_count(self.statuses.count().unwrap_or(devices), devices)?;
        match self.payloads.count() {
            Some(count) if count != devices => {
                Err(unusable(&format!("{count} payloads for {devices} statuses")))
            }
            _ => Ok(()),
        }
    }

    /// The answers of the devices at `positions`, of which there are as many as answers.
    pub(crate) fn into_replies(self, positions: &Range<u32>) -> Vec<Reply> {
        let start = positions.start;
        match (self.statuses, self.payloads) {
            (Column::All(status), Column::All(payload)) => {
                vec![Reply { positions: positions.clone(), result: result(status, payload) }]
            }
            (Column::All(status), Column::Each(payloads)) => {
                let results = payloads.into_iter().map(|payload| result(status, payload));
                Reply::in_order(start, results)
            }
            (Column::Each(statuses), Column::All(payload)) => {
                let results = statuses.into_iter().map(|status| result(status, payload.clone()));
                Reply::in_order(start, results)
            }
            (Column::Each(statuses), Column::Each(payloads)) => {
                let both = statuses.into_iter().zip(payloads);
                Reply::in_order(start, both.map(|(status, payload)| result(status, payload)))
            }
        }
    }
}

fn result(status: i32, payload: Payload) -> CallResult {
    match payload {
        None => CallResult::Answered { status, payload: None },
        Some(Ok(text)) => CallResult::Answered { status, payload: Some(text) },
        Some(Err(failed)) => failed,
    }
}

fn statuses_of(statuses: &Bound<'_, PyAny>) -> PyResult<Column<i32>> {
    if statuses.is_instance_of::<PyInt>() {
        let status = status_of(statuses).map_err(PyValueError::new_err)?;
        return Ok(Column::All(status));
    }
    if let Ok(buffer) = PyUntypedBuffer::get(statuses) {
        return integers_of_buffer(statuses.py(), &buffer).map(Column::Each);
    }
    if let Some(array) = arrow::array(statuses)? {
        return integers_of_array(array.as_ref()).map(Column::Each);
    }
    let items = statuses
        .try_iter()
        .map_err(|_| PyValueError::new_err(format!("expected statuses, not {}", kind(statuses))))?;
    let items = items.map(|status| status_of(&status?).map_err(PyValueError::new_err));
    items.collect::<PyResult<_>>().map(Column::Each)
}

fn integers_of_buffer(py: Python<'_>, buffer: &PyUntypedBuffer) -> PyResult<Vec<i32>> {
    if buffer.dimensions() != 1 {
        let text = format!("the statuses have {} dimensions, not 1", buffer.dimensions());
        return Err(PyValueError::new_err(text));
    }
    macro_rules! try_types {
        ($($kind:ty),*) => {$(
            if let Ok(typed) = buffer.as_typed::<$kind>() {
                return narrow(typed.to_vec(py)?);
            }
        )*};
    }
    try_types!(i64, i32, i16, u16, u32, u8, i8, u64);
    let format = buffer.format().to_string_lossy().into_owned();
    Err(PyValueError::new_err(format!("the statuses are a buffer of {format:?}, not of integers")))
}

fn narrow<T: Element + TryInto<i32> + std::fmt::Display + Copy>(
    statuses: Vec<T>,
) -> PyResult<Vec<i32>> {
    let narrow = |status: T| {
        status
            .try_into()
            .map_err(|_| PyValueError::new_err(format!("the status {status} does not fit 32 bits")))
    };
    statuses.into_iter().map(narrow).collect()
}

fn integers_of_array(array: &dyn Array) -> PyResult<Vec<i32>> {
    fn values<T: ArrowPrimitiveType<Native: Element + TryInto<i32> + std::fmt::Display>>(
        array: &dyn Array,
    ) -> PyResult<Vec<i32>> {
        narrow(array.as_primitive::<T>().values().to_vec())
    }
    if array.null_count() > 0 {
        return Err(PyValueError::new_err("a status is null"));
    }
    match array.data_type() {
        DataType::Int64 => values::<Int64Type>(array),
        DataType::Int32 => values::<Int32Type>(array),
        DataType::Int16 => values::<Int16Type>(array),
        DataType::Int8 => values::<Int8Type>(array),
        DataType::UInt64 => values::<UInt64Type>(array),
        DataType::UInt32 => values::<UInt32Type>(array),
        DataType::UInt16 => values::<UInt16Type>(array),
        DataType::UInt8 => values::<UInt8Type>(array),
        other => Err(PyValueError::new_err(format!("the statuses are of type {other}"))),
    }
}

/// JSON text, or the failure of a device whose text is none.
type Payload = Option<Result<Arc<str>, CallResult>>;

fn payloads_of(payloads: &Bound<'_, PyAny>) -> PyResult<Column<Payload>> {
    let mut texts = Texts::default();
    if let Ok(text) = payloads.cast::<PyString>() {
        return Ok(Column::All(texts.read(text.to_str()?)));
    }
    if let Some(array) = arrow::array(payloads)? {
        let value = text_at(array.as_ref())?;
        let rows = 0..array.len();
        let read = |row| if array.is_null(row) { None } else { texts.read(value(row)) };
        return Ok(Column::Each(rows.map(read).collect()));
    }
    let items = payloads
        .try_iter()
        .map_err(|_| PyValueError::new_err(format!("expected payloads, not {}", kind(payloads))))?;
    let read = |item: PyResult<Bound<'_, PyAny>>| {
        let item = item?;
        if item.is_none() {
            return Ok(None);
        }
        let text = item.cast::<PyString>().map_err(|_| {
            let found = kind(&item);
            PyValueError::new_err(format!("a payload is {found}, not a str of JSON text"))
        })?;
        Ok(texts.read(text.to_str()?))
    };
    items.map(read).collect::<PyResult<_>>().map(Column::Each)
}

/// Reads the text at a row of an array of strings, in whichever layout it has.
fn text_at<'a>(array: &'a dyn Array) -> PyResult<Box<dyn Fn(usize) -> &'a str + 'a>> {
    Ok(match array.data_type() {
        DataType::Utf8 => Box::new(|row| array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Box::new(|row| array.as_string::<i64>().value(row)),
        DataType::Utf8View => Box::new(|row| array.as_string_view().value(row)),
        other => {
            let text = format!("the payloads are of type {other}, not JSON text");
            return Err(PyValueError::new_err(text));
        }
    })
}

/// Checks texts; runs of equal ones, which are the rule, are checked and stored once.
#[derive(Default)]
struct Texts {
    last: Option<(Arc<str>, Payload)>,
}

impl Texts {
    fn read(&mut self, text: &str) -> Payload {
        if let Some((last, payload)) = &self.last
            && **last == *text
        {
            return payload.clone();
        }
        let shared: Arc<str> = text.into();
        let payload = Some(checked(&shared).map_err(CallResult::Failed));
        self.last = Some((shared, payload.clone()));
        payload
    }
}

fn checked(text: &Arc<str>) -> Result<Arc<str>, Failure> {
    check_size(text)?;
    match serde_json::from_str::<&RawValue>(text) {
        Ok(_) => Ok(Arc::clone(text)),
        Err(error) => Err(unusable(&format!("a payload is not JSON: {error}"))),
    }
}
