//! A column of a table while it grows.

use serde_json::Value;

use super::values::Values;
use crate::twin::Scalar;

/// A growing column of a table, in the narrowest type that holds all of its values.
///
/// A column starts without a type and takes that of its first value. A value of another type
/// turns it into JSON text; integers among numbers with fractions become such numbers.
#[derive(Debug, Clone)]
pub struct Cells {
    grown: Grown,
    /// The rows that hold JSON's `null`, ascending; rows without any value are not among them.
    nulls: Vec<usize>,
}

#[derive(Debug, Clone)]
pub(super) enum Grown {
    /// So many rows without a value.
    Missing(usize),
    Bool(Vec<Option<bool>>),
    Int(Vec<Option<i64>>),
    Float(Vec<Option<f64>>),
    Text(Texts),
    /// JSON texts.
    Json(Texts),
}

/// Strings one after the other, as Arrow keeps them.
#[derive(Debug, Clone)]
pub(super) struct Texts {
    pub(super) text: String,
    /// Where each string begins, and where the last one ends.
    pub(super) offsets: Vec<i64>,
    pub(super) present: Vec<bool>,
}

impl Texts {
    /// So many rows without a string.
    fn missing(rows: usize) -> Self {
        Self { text: String::new(), offsets: vec![0; rows + 1], present: vec![false; rows] }
    }

    fn push(&mut self, text: Option<&str>) {
        self.text.push_str(text.unwrap_or_default());
        self.offsets.push(position(self.text.len()));
        self.present.push(text.is_some());
    }

    fn append(&mut self, other: &Self) {
        let start = position(self.text.len());
        self.text.push_str(&other.text);
        self.offsets.extend(other.offsets[1..].iter().map(|offset| start + offset));
        self.present.extend_from_slice(&other.present);
    }

    fn get(&self, row: usize) -> Option<&str> {
        let at = |place: usize| usize::try_from(self.offsets[place]).unwrap_or_default();
        self.present[row].then(|| &self.text[at(row)..at(row + 1)])
    }
}

fn position(bytes: usize) -> i64 {
    i64::try_from(bytes).expect("memory has fewer bytes than 2^63")
}

impl Default for Cells {
    fn default() -> Self {
        Self::new()
    }
}

impl Cells {
    /// A column without rows.
    #[must_use]
    pub fn new() -> Self {
        Self { grown: Grown::Missing(0), nulls: Vec::new() }
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.grown {
            Grown::Missing(rows) => *rows,
            Grown::Bool(values) => values.len(),
            Grown::Int(values) => values.len(),
            Grown::Float(values) => values.len(),
            Grown::Text(texts) | Grown::Json(texts) => texts.present.len(),
        }
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The column as it is kept.
    #[must_use]
    pub fn finish(self) -> Values {
        Values::new(self.grown, self.nulls)
    }

    /// Makes room for `rows` rows in all, which are expected to be as large as those so far.
    pub(super) fn reserve(&mut self, rows: usize) {
        let (known, more) = (self.len(), rows.saturating_sub(self.len()));
        match &mut self.grown {
            Grown::Missing(_) => {}
            Grown::Bool(values) => values.reserve(more),
            Grown::Int(values) => values.reserve(more),
            Grown::Float(values) => values.reserve(more),
            Grown::Text(texts) | Grown::Json(texts) => {
                texts.offsets.reserve(more);
                texts.present.reserve(more);
                // A little more than the mean: growing would hold all texts twice for a moment.
                let each = texts.text.len().checked_div(known).unwrap_or(0) + 1;
                texts.text.reserve(more.saturating_mul(each + each / 64));
            }
        }
    }

    /// Adds the rows of `other`.
    pub(super) fn append(&mut self, other: &Self) {
        let rows = self.len();
        if let Grown::Missing(rows) = self.grown {
            self.grown = other.grown.same_type(rows);
        }
        match (&mut self.grown, &other.grown) {
            (Grown::Missing(rows), Grown::Missing(more)) => *rows += more,
            (Grown::Bool(values), Grown::Bool(more)) => values.extend_from_slice(more),
            (Grown::Int(values), Grown::Int(more)) => values.extend_from_slice(more),
            (Grown::Float(values), Grown::Float(more)) => values.extend_from_slice(more),
            (Grown::Text(texts), Grown::Text(more)) | (Grown::Json(texts), Grown::Json(more)) => {
                texts.append(more);
            }
            _ => {
                for row in 0..other.len() {
                    self.push_json(other.get(row).as_ref());
                }
                return;
            }
        }
        self.nulls.extend(other.nulls.iter().map(|null| rows + null));
    }

    /// Adds a row with a string.
    pub fn push_text(&mut self, text: &str) {
        self.push(Some(&Scalar::Str(text.into())));
    }

    /// Adds a row with `value`, or without one.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a column of both kinds of numbers is a float's"
    )]
    pub fn push(&mut self, value: Option<&Scalar<'_>>) {
        let value = match value {
            Some(Scalar::Null) => {
                self.nulls.push(self.len());
                None
            }
            other => other,
        };
        if let (Grown::Missing(rows), Some(value)) = (&self.grown, value) {
            self.grown = Grown::for_type_of(value, *rows);
        }
        match (&mut self.grown, value) {
            (Grown::Missing(rows), _) => *rows += 1,
            (Grown::Bool(values), None) => values.push(None),
            (Grown::Int(values), None) => values.push(None),
            (Grown::Float(values), None) => values.push(None),
            (Grown::Text(texts) | Grown::Json(texts), None) => texts.push(None),
            (Grown::Bool(values), Some(Scalar::Bool(value))) => values.push(Some(*value)),
            (Grown::Int(values), Some(Scalar::Int(value))) => values.push(Some(*value)),
            (Grown::Int(values), Some(Scalar::Float(value))) => {
                let mut floats: Vec<_> =
                    values.iter().map(|value| value.map(|value| value as f64)).collect();
                floats.push(Some(*value));
                self.grown = Grown::Float(floats);
            }
            (Grown::Float(values), Some(Scalar::Float(value))) => values.push(Some(*value)),
            (Grown::Float(values), Some(Scalar::Int(value))) => values.push(Some(*value as f64)),
            (Grown::Text(texts), Some(Scalar::Str(text))) => texts.push(Some(text)),
            (Grown::Json(texts), Some(value)) => texts.push(Some(&json_text(value))),
            (_, Some(value)) => {
                self.make_json();
                self.push(Some(value));
            }
        }
    }

    /// Adds a row with an object, given as JSON text.
    pub(super) fn push_object(&mut self, text: &str) {
        self.make_json();
        if let Grown::Json(texts) = &mut self.grown {
            texts.push(Some(text));
        }
    }

    /// Adds a row with any JSON value, or without one.
    pub fn push_json(&mut self, value: Option<&Value>) {
        match value {
            Some(value @ Value::Object(_)) => self.push_object(&value.to_string()),
            Some(value) => self.push(Some(&crate::plan::scalar_from(value))),
            None => self.push(None),
        }
    }

    /// Turns all values into JSON texts.
    fn make_json(&mut self) {
        if matches!(self.grown, Grown::Json(_)) {
            return;
        }
        let mut texts = Texts::missing(0);
        for row in 0..self.len() {
            let value = self.get(row).filter(|value| !value.is_null());
            texts.push(value.map(|value| value.to_string()).as_deref());
        }
        self.grown = Grown::Json(texts);
    }

    /// The value of a row; `None` if it has none.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<Value> {
        let value = match &self.grown {
            Grown::Missing(_) => None,
            Grown::Bool(values) => values[row].map(Value::from),
            Grown::Int(values) => values[row].map(Value::from),
            Grown::Float(values) => values[row].map(Value::from),
            Grown::Text(texts) => texts.get(row).map(Value::from),
            Grown::Json(texts) => {
                texts.get(row).map(|text| serde_json::from_str(text).unwrap_or(Value::Null))
            }
        };
        let is_null = || self.nulls.binary_search(&row).is_ok();
        value.or_else(|| is_null().then_some(Value::Null))
    }
}

impl Grown {
    /// So many rows without a value, in a column of the type of this one.
    fn same_type(&self, rows: usize) -> Self {
        match self {
            Self::Missing(_) => Self::Missing(rows),
            Self::Bool(_) => Self::Bool(vec![None; rows]),
            Self::Int(_) => Self::Int(vec![None; rows]),
            Self::Float(_) => Self::Float(vec![None; rows]),
            Self::Text(_) => Self::Text(Texts::missing(rows)),
            Self::Json(_) => Self::Json(Texts::missing(rows)),
        }
    }

    fn for_type_of(value: &Scalar<'_>, rows: usize) -> Self {
        let texts = || Texts::missing(rows);
        match value {
            Scalar::Bool(_) => Self::Bool(vec![None; rows]),
            Scalar::Int(_) => Self::Int(vec![None; rows]),
            Scalar::Float(_) => Self::Float(vec![None; rows]),
            Scalar::Str(_) => Self::Text(texts()),
            Scalar::Null | Scalar::Array(_) | Scalar::Object => Self::Json(texts()),
        }
    }
}

fn json_text(value: &Scalar<'_>) -> String {
    match value {
        Scalar::Array(text) => text.clone().into_owned(),
        value => value.to_json().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Columns are made in parts, in parallel; nobody may see where one ended.
    #[test]
    fn joined_parts_are_as_one_column() {
        let kinds = [
            vec![],
            vec![None],
            vec![None, Some(json!(null))],
            vec![Some(json!(true)), None],
            vec![Some(json!(1)), Some(json!(null))],
            vec![Some(json!(1.5))],
            vec![Some(json!("a")), Some(json!(""))],
            vec![Some(json!({"k": [1]})), None, Some(json!(null))],
            vec![Some(json!([2]))],
        ];
        for first in &kinds {
            for second in &kinds {
                for third in &kinds {
                    let parts = [first, second, third];
                    let (mut whole, mut joined) = (Cells::new(), Cells::new());
                    for part in parts {
                        let mut cells = Cells::new();
                        for value in part {
                            cells.push_json(value.as_ref());
                            whole.push_json(value.as_ref());
                        }
                        joined.append(&cells);
                        joined.reserve(100);
                    }
                    let (whole, joined) = (whole.finish(), joined.finish());
                    assert_eq!(whole.is_json(), joined.is_json(), "{parts:?}");
                    assert_eq!(&whole.array(), &joined.array(), "{parts:?}");
                    let values = |column: &Values| -> Vec<Option<Value>> {
                        (0..column.len()).map(|row| column.get(row)).collect()
                    };
                    assert_eq!(values(&whole), values(&joined), "{parts:?}");
                }
            }
        }
    }
}
