//! Arrow rows as lines of NDJSON, so that tables are imported like files.
//!
//! Null means "not there": a null member of a struct is left out, as twins have no nulls. Text in
//! a column that must hold an object is taken as JSON. Times become ISO 8601 text in UTC.

use std::fmt;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch, StructArray};
use arrow_schema::{DataType, TimeUnit};
use serde_json::Value;
use twincast::Timestamp;

/// The fields of a twin whose text columns hold JSON.
const OBJECTS: &[&str] =
    &["tags", "properties", "capabilities", "x509Thumbprint", "configurations", "parentScopes"];

/// Why a row could not be written: the column and the reason.
pub(crate) struct Unwritable {
    path: String,
    reason: String,
}

/// Whether every column of this type can be written; else the reason.
pub(crate) fn check_type(name: &str, kind: &DataType) -> Result<(), Unwritable> {
    match kind {
        DataType::Struct(fields) => fields.iter().try_for_each(|field| {
            check_type(&format!("{name}.{}", field.name()), field.data_type())
        }),
        DataType::List(field) | DataType::LargeList(field) => {
            check_type(&format!("{name}[]"), field.data_type())
        }
        DataType::Dictionary(_, values) => check_type(name, values),
        DataType::Null
        | DataType::Boolean
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Timestamp(..)
        | DataType::Date32 => Ok(()),
        kind if kind.is_integer() || kind.is_floating() => Ok(()),
        other => Err(Unwritable {
            path: name.to_owned(),
            reason: format!("a column of type {other} has no counterpart in a twin"),
        }),
    }
}

/// Appends row `row` of `batch` to `line` as one JSON object and a line feed.
///
/// On an error `line` ends with a blank line instead, so that line numbers stay right.
pub(crate) fn write_row(
    batch: &RecordBatch,
    row: usize,
    line: &mut Vec<u8>,
) -> Result<(), Unwritable> {
    let start = line.len();
    let schema = batch.schema_ref();
    let columns = schema.fields().iter().map(|field| field.name().as_str()).zip(batch.columns());
    let written = write_members(columns, row, line, true);
    if written.is_err() {
        line.truncate(start);
    }
    line.push(b'\n');
    written
}

fn write_members<'a>(
    columns: impl Iterator<Item = (&'a str, &'a ArrayRef)>,
    row: usize,
    out: &mut Vec<u8>,
    is_root: bool,
) -> Result<(), Unwritable> {
    out.push(b'{');
    let mut first = true;
    for (name, column) in columns {
        if is_absent(column.as_ref(), row) {
            continue;
        }
        if !first {
            out.push(b',');
        }
        first = false;
        write_text(name, out);
        out.push(b':');
        let is_json = is_root && OBJECTS.contains(&name);
        write_value(column.as_ref(), row, is_json, out).map_err(|error| error.below(name))?;
    }
    out.push(b'}');
    Ok(())
}

/// Also true for a dictionary whose code leads to a null.
fn is_absent(column: &dyn Array, row: usize) -> bool {
    match column.as_any_dictionary_opt() {
        Some(dictionary) if !column.is_null(row) => {
            dictionary.values().is_null(dictionary.normalized_keys()[row])
        }
        _ => column.is_null(row) || *column.data_type() == DataType::Null,
    }
}

fn write_value(
    column: &dyn Array,
    row: usize,
    is_json: bool,
    out: &mut Vec<u8>,
) -> Result<(), Unwritable> {
    match column.data_type() {
        DataType::Boolean if column.as_boolean().value(row) => out.extend_from_slice(b"true"),
        DataType::Boolean => out.extend_from_slice(b"false"),
        DataType::Utf8 => write_string(column.as_string::<i32>().value(row), is_json, out)?,
        DataType::LargeUtf8 => write_string(column.as_string::<i64>().value(row), is_json, out)?,
        DataType::Utf8View => write_string(column.as_string_view().value(row), is_json, out)?,
        DataType::Int8 => write_integer::<Int8Type>(column, row, out),
        DataType::Int16 => write_integer::<Int16Type>(column, row, out),
        DataType::Int32 => write_integer::<Int32Type>(column, row, out),
        DataType::Int64 => write_integer::<Int64Type>(column, row, out),
        DataType::UInt8 => write_integer::<UInt8Type>(column, row, out),
        DataType::UInt16 => write_integer::<UInt16Type>(column, row, out),
        DataType::UInt32 => write_integer::<UInt32Type>(column, row, out),
        DataType::UInt64 => write_integer::<UInt64Type>(column, row, out),
        DataType::Float16 => {
            write_float(column.as_primitive::<Float16Type>().value(row).to_f64(), out)?;
        }
        DataType::Float32 => {
            write_float(f64::from(column.as_primitive::<Float32Type>().value(row)), out)?;
        }
        DataType::Float64 => write_float(column.as_primitive::<Float64Type>().value(row), out)?,
        DataType::Date32 => {
            let days = i64::from(column.as_primitive::<Date32Type>().value(row));
            let midnight = moment(days.saturating_mul(86_400), 1).format(0);
            write_text(&midnight[..10], out);
        }
        DataType::Timestamp(unit, _) => write_time(column, row, *unit, out),
        DataType::Struct(_) => {
            let members: &StructArray = column.as_struct();
            let names = members.column_names();
            write_members(names.into_iter().zip(members.columns()), row, out, false)?;
        }
        DataType::List(_) => write_items(&column.as_list::<i32>().value(row), out)?,
        DataType::LargeList(_) => write_items(&column.as_list::<i64>().value(row), out)?,
        DataType::Dictionary(..) => {
            let dictionary = column.as_any_dictionary();
            let code = dictionary.normalized_keys()[row];
            write_value(dictionary.values().as_ref(), code, is_json, out)?;
        }
        other => return Err(unwritable(format!("the type {other} has no counterpart in a twin"))),
    }
    Ok(())
}

fn write_items(items: &ArrayRef, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    out.push(b'[');
    for index in 0..items.len() {
        if index > 0 {
            out.push(b',');
        }
        if is_absent(items.as_ref(), index) {
            out.extend_from_slice(b"null");
        } else {
            write_value(items.as_ref(), index, false, out)
                .map_err(|error| error.below(&format!("[{index}]")))?;
        }
    }
    out.push(b']');
    Ok(())
}

fn write_string(text: &str, is_json: bool, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    if !is_json {
        write_text(text, out);
        return Ok(());
    }
    // Read and written again, so that line feeds inside cannot split the line.
    let value: Value = serde_json::from_str(text)
        .map_err(|error| unwritable(format!("the text is not JSON: {error}")))?;
    serde_json::to_writer(out, &value).map_err(|error| unwritable(error.to_string()))
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("writing a str to memory cannot fail");
}

fn write_integer<T: ArrowPrimitiveType<Native: std::fmt::Display>>(
    column: &dyn Array,
    row: usize,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(column.as_primitive::<T>().value(row).to_string().as_bytes());
}

fn write_float(value: f64, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    if !value.is_finite() {
        return Err(unwritable(format!("{value} is not a JSON number")));
    }
    serde_json::to_writer(out, &value).map_err(|error| unwritable(error.to_string()))
}

fn write_time(column: &dyn Array, row: usize, unit: TimeUnit, out: &mut Vec<u8>) {
    let time = match unit {
        TimeUnit::Second => moment(column.as_primitive::<TimestampSecondType>().value(row), 1),
        TimeUnit::Millisecond => {
            moment(column.as_primitive::<TimestampMillisecondType>().value(row), 1_000)
        }
        TimeUnit::Microsecond => {
            moment(column.as_primitive::<TimestampMicrosecondType>().value(row), 1_000_000)
        }
        TimeUnit::Nanosecond => {
            moment(column.as_primitive::<TimestampNanosecondType>().value(row), 1_000_000_000)
        }
    };
    write_text(&time.to_string(), out);
}

/// The moment `count` parts of a second after 1970, kept within the years 1 to 9999.
fn moment(count: i64, per_second: i64) -> Timestamp {
    let epoch = Timestamp::from_unix(std::time::Duration::ZERO).ticks();
    let ticks = i128::from(count) * 10_000_000 / i128::from(per_second) + i128::from(epoch);
    Timestamp::from_ticks(i64::try_from(ticks.clamp(0, i64::MAX.into())).unwrap_or(i64::MAX))
}

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.reason)
    }
}

fn unwritable(reason: String) -> Unwritable {
    Unwritable { path: String::new(), reason }
}

impl Unwritable {
    /// The same error, with `name` in front of its path.
    fn below(mut self, name: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{name}{dot}{}", self.path);
        self
    }
}
