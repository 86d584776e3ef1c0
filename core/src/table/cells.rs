//! The values of one column of a table.

use serde_json::Value;

use crate::twin::Scalar;

/// The values of one column of a table, in the narrowest type that holds all of them.
///
/// A column starts without a type and takes that of its first value. A value of another type
/// turns it into JSON text; integers among numbers with fractions become such numbers.
#[derive(Debug, Clone)]
pub struct Cells {
    values: Values,
    /// The rows that hold JSON's `null`, ascending; rows without any value are not among them.
    nulls: Vec<usize>,
}

#[derive(Debug, Clone)]
pub(super) enum Values {
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
#[derive(Debug, Clone, Default)]
pub(super) struct Texts {
    pub(super) text: String,
    pub(super) ends: Vec<usize>,
    pub(super) present: Vec<bool>,
}

impl Texts {
    fn push(&mut self, text: Option<&str>) {
        self.text.push_str(text.unwrap_or_default());
        self.ends.push(self.text.len());
        self.present.push(text.is_some());
    }

    fn get(&self, row: usize) -> Option<&str> {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        self.present[row].then(|| &self.text[start..self.ends[row]])
    }
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
        Self { values: Values::Missing(0), nulls: Vec::new() }
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.values {
            Values::Missing(rows) => *rows,
            Values::Bool(values) => values.len(),
            Values::Int(values) => values.len(),
            Values::Float(values) => values.len(),
            Values::Text(texts) | Values::Json(texts) => texts.ends.len(),
        }
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn values(&self) -> &Values {
        &self.values
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
            Some(Scalar::Null) if !matches!(self.values, Values::Json(_)) => {
                self.nulls.push(self.len());
                None
            }
            other => other,
        };
        if let (Values::Missing(rows), Some(value)) = (&self.values, value) {
            self.values = Values::for_type_of(value, *rows);
        }
        match (&mut self.values, value) {
            (Values::Missing(rows), _) => *rows += 1,
            (Values::Bool(values), None) => values.push(None),
            (Values::Int(values), None) => values.push(None),
            (Values::Float(values), None) => values.push(None),
            (Values::Text(texts) | Values::Json(texts), None) => texts.push(None),
            (Values::Bool(values), Some(Scalar::Bool(value))) => values.push(Some(*value)),
            (Values::Int(values), Some(Scalar::Int(value))) => values.push(Some(*value)),
            (Values::Int(values), Some(Scalar::Float(value))) => {
                let mut floats: Vec<_> =
                    values.iter().map(|value| value.map(|value| value as f64)).collect();
                floats.push(Some(*value));
                self.values = Values::Float(floats);
            }
            (Values::Float(values), Some(Scalar::Float(value))) => values.push(Some(*value)),
            (Values::Float(values), Some(Scalar::Int(value))) => values.push(Some(*value as f64)),
            (Values::Text(texts), Some(Scalar::Str(text))) => texts.push(Some(text)),
            (Values::Json(texts), Some(value)) => texts.push(Some(&json_text(value))),
            (_, Some(value)) => {
                self.make_json();
                self.push(Some(value));
            }
        }
    }

    /// Adds a row with any JSON value, or without one.
    pub fn push_json(&mut self, value: Option<&Value>) {
        match value {
            Some(Value::Object(_)) => {
                self.make_json();
                if let (Values::Json(texts), Some(value)) = (&mut self.values, value) {
                    texts.push(Some(&value.to_string()));
                }
            }
            Some(value) => self.push(Some(&crate::plan::scalar_from(value))),
            None => self.push(None),
        }
    }

    /// Turns all values into JSON texts.
    fn make_json(&mut self) {
        if matches!(self.values, Values::Json(_)) {
            return;
        }
        let mut texts = Texts::default();
        for row in 0..self.len() {
            texts.push(self.get(row).map(|value| value.to_string()).as_deref());
        }
        self.nulls.clear();
        self.values = Values::Json(texts);
    }

    /// The value of a row; `None` if it has none.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<Value> {
        let value = match &self.values {
            Values::Missing(_) => None,
            Values::Bool(values) => values[row].map(Value::from),
            Values::Int(values) => values[row].map(Value::from),
            Values::Float(values) => values[row].map(Value::from),
            Values::Text(texts) => texts.get(row).map(Value::from),
            Values::Json(texts) => {
                texts.get(row).map(|text| serde_json::from_str(text).unwrap_or(Value::Null))
            }
        };
        let is_null = || self.nulls.binary_search(&row).is_ok();
        value.or_else(|| is_null().then_some(Value::Null))
    }
}

impl Values {
    fn for_type_of(value: &Scalar<'_>, rows: usize) -> Self {
        let texts =
            || Texts { text: String::new(), ends: vec![0; rows], present: vec![false; rows] };
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
