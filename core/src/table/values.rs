//! A finished column of a table, as Arrow keeps it.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, LargeStringArray, NullArray,
};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use serde_json::Value;

use super::cells::{Grown, Texts};

/// The values of a finished column; clones share them.
#[derive(Debug, Clone)]
pub struct Values {
    kept: Kept,
    /// The rows that hold JSON's `null`, ascending; rows without any value are not among them.
    nulls: Arc<[usize]>,
}

#[derive(Debug, Clone)]
enum Kept {
    /// So many rows without a value.
    Missing(usize),
    Bool(BooleanArray),
    Int(Int64Array),
    Float(Float64Array),
    Text(LargeStringArray),
    /// JSON texts.
    Json(LargeStringArray),
}

impl Values {
    pub(super) fn new(grown: Grown, nulls: Vec<usize>) -> Self {
        let kept = match grown {
            Grown::Missing(rows) => Kept::Missing(rows),
            Grown::Bool(values) => Kept::Bool(values.into()),
            Grown::Int(values) => Kept::Int(values.into()),
            Grown::Float(values) => Kept::Float(values.into()),
            Grown::Text(texts) => Kept::Text(strings(texts)),
            Grown::Json(texts) => Kept::Json(strings(texts)),
        };
        Self { kept, nulls: nulls.into() }
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.kept {
            Kept::Missing(rows) => *rows,
            Kept::Bool(values) => values.len(),
            Kept::Int(values) => values.len(),
            Kept::Float(values) => values.len(),
            Kept::Text(texts) | Kept::Json(texts) => texts.len(),
        }
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a row; `None` if it has none.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<Value> {
        fn at(array: &impl Array, row: usize) -> Option<usize> {
            array.is_valid(row).then_some(row)
        }
        let value = match &self.kept {
            Kept::Missing(_) => None,
            Kept::Bool(values) => at(values, row).map(|row| values.value(row).into()),
            Kept::Int(values) => at(values, row).map(|row| values.value(row).into()),
            Kept::Float(values) => at(values, row).map(|row| values.value(row).into()),
            Kept::Text(texts) => at(texts, row).map(|row| texts.value(row).into()),
            Kept::Json(texts) => at(texts, row)
                .map(|row| serde_json::from_str(texts.value(row)).unwrap_or(Value::Null)),
        };
        let is_null = || self.nulls.binary_search(&row).is_ok();
        value.or_else(|| is_null().then_some(Value::Null))
    }

    /// The Arrow array, which shares the values.
    pub(super) fn array(&self) -> ArrayRef {
        match &self.kept {
            Kept::Missing(rows) => Arc::new(NullArray::new(*rows)),
            Kept::Bool(values) => Arc::new(values.clone()),
            Kept::Int(values) => Arc::new(values.clone()),
            Kept::Float(values) => Arc::new(values.clone()),
            Kept::Text(texts) | Kept::Json(texts) => Arc::new(texts.clone()),
        }
    }

    /// Whether the values are JSON texts.
    pub(super) fn is_json(&self) -> bool {
        matches!(self.kept, Kept::Json(_))
    }
}

/// The texts without a copy.
fn strings(texts: Texts) -> LargeStringArray {
    let nulls = texts.present.contains(&false).then(|| NullBuffer::from(texts.present));
    let offsets = OffsetBuffer::new(ScalarBuffer::from(texts.offsets));
    LargeStringArray::new(offsets, Buffer::from_vec(texts.text.into_bytes()), nulls)
}
