//! Tables as Arrow record batches.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, Field, Schema};

use super::table::Table;

impl Table {
    /// The table as an Arrow record batch: booleans, 64-bit integers and floats, and large UTF-8
    /// strings. A column of JSON texts carries the field metadata `ARROW:extension:name` =
    /// `arrow.json`. A missing value and JSON's `null` are both null.
    ///
    /// Cost: none worth a word, since the batch shares the values of the table.
    ///
    /// # Errors
    ///
    /// Arrow refuses the columns; that would be a fault of this crate.
    pub fn to_record_batch(&self) -> Result<RecordBatch, ArrowError> {
        let mut fields = Vec::new();
        let mut arrays = Vec::new();
        for column in self.columns() {
            let array = column.values.array();
            let mut field = Field::new(&column.name, array.data_type().clone(), true);
            if column.values.is_json() {
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
