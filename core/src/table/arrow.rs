//! Tables as Arrow record batches.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, LargeStringArray, NullArray, RecordBatch,
    RecordBatchOptions,
};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, Schema};

use super::cells::{Texts, Values};
use super::table::Table;

impl Table {
    /// The table as an Arrow record batch: booleans, 64-bit integers and floats, and large UTF-8
    /// strings. A column of JSON texts carries the field metadata `ARROW:extension:name` =
    /// `arrow.json`. A missing value and JSON's `null` are both null.
    ///
    /// # Errors
    ///
    /// Arrow refuses the columns; that would be a fault of this crate.
    pub fn to_record_batch(&self) -> Result<RecordBatch, ArrowError> {
        let mut fields = Vec::new();
        let mut arrays = Vec::new();
        for column in self.columns() {
            let (array, is_json) = array(column.cells.values());
            let mut field = Field::new(&column.name, array.data_type().clone(), true);
            if is_json {
                field = field.with_metadata(HashMap::from([
                    ("ARROW:extension:name".to_owned(), "arrow.json".to_owned()),
                    ("ARROW:extension:metadata".to_owned(), String::new()),
                ]));
            }
            fields.push(field);
            arrays.push(array);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.num_rows()));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
    }
}

fn array(values: &Values) -> (ArrayRef, bool) {
    let array: ArrayRef = match values {
        Values::Missing(rows) => Arc::new(NullArray::new(*rows)),
        Values::Bool(values) => Arc::new(BooleanArray::from(values.clone())),
        Values::Int(values) => Arc::new(Int64Array::from(values.clone())),
        Values::Float(values) => Arc::new(Float64Array::from(values.clone())),
        Values::Text(texts) | Values::Json(texts) => Arc::new(strings(texts)),
    };
    debug_assert!(!matches!(array.data_type(), DataType::Utf8));
    (array, matches!(values, Values::Json(_)))
}

fn strings(texts: &Texts) -> LargeStringArray {
    let ends = texts.ends.iter().map(|end| i64::try_from(*end).unwrap_or(i64::MAX));
    let offsets: ScalarBuffer<i64> = std::iter::once(0).chain(ends).collect();
    let nulls = texts.present.contains(&false).then(|| NullBuffer::from(texts.present.clone()));
    LargeStringArray::new(OffsetBuffer::new(offsets), Buffer::from(texts.text.as_bytes()), nulls)
}
