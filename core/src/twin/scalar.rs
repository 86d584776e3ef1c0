//! The value of one cell.

use std::borrow::Cow;

use serde_json::Value;

use super::text::is_same_text;

/// What a twin holds at one path.
///
/// An object is only a marker here: its members are cells of their own, so an empty object is a
/// marker without any. An array is one value, kept as its JSON text, because patches replace
/// arrays as a whole. Whether a number was written as an integer is kept: `3` and `3.0` are equal
/// in conditions, and each is written again as it was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar<'a> {
    /// `null`: possible only in the fixed fields, since in user sections null means "remove".
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number written without fraction and exponent.
    Int(i64),
    /// Any other number; always finite.
    Float(f64),
    /// A string, unescaped.
    Str(Cow<'a, str>),
    /// An array, as compact JSON text.
    Array(Cow<'a, str>),
    /// The marker of an object.
    Object,
}

impl Scalar<'_> {
    /// The same value, owning its text.
    #[must_use]
    pub fn into_owned(self) -> Scalar<'static> {
        match self {
            Self::Null => Scalar::Null,
            Self::Bool(value) => Scalar::Bool(value),
            Self::Int(value) => Scalar::Int(value),
            Self::Float(value) => Scalar::Float(value),
            Self::Str(text) => Scalar::Str(Cow::Owned(text.into_owned())),
            Self::Array(text) => Scalar::Array(Cow::Owned(text.into_owned())),
            Self::Object => Scalar::Object,
        }
    }

    /// The same value, borrowing the text of this one.
    #[must_use]
    pub fn borrowed(&self) -> Scalar<'_> {
        match self {
            Self::Null => Scalar::Null,
            Self::Bool(value) => Scalar::Bool(*value),
            Self::Int(value) => Scalar::Int(*value),
            Self::Float(value) => Scalar::Float(*value),
            Self::Str(text) => Scalar::Str(Cow::Borrowed(text)),
            Self::Array(text) => Scalar::Array(Cow::Borrowed(text)),
            Self::Object => Scalar::Object,
        }
    }

    /// Whether both are written the same: `3`, `3.0` and `'3'` are three values, and so are `0.0`
    /// and `-0.0`.
    #[must_use]
    #[inline]
    pub fn is_same(&self, other: &Scalar<'_>) -> bool {
        match (self, other) {
            (Self::Str(left), Scalar::Str(right)) => is_same_text(left, right),
            (Self::Float(left), Scalar::Float(right)) => left.to_bits() == right.to_bits(),
            _ => self == other,
        }
    }

    /// The number, if it is one.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "numbers of twins are exact to 2^53")]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// This value as JSON; the marker of an object becomes an empty object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.borrowed().into_json()
    }

    /// This value as JSON, without a copy of text that it owns.
    #[must_use]
    pub fn into_json(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::from(value),
            Self::Float(value) => Value::from(value),
            Self::Str(text) => Value::String(text.into_owned()),
            Self::Array(text) => serde_json::from_str(&text).unwrap_or(Value::Null),
            Self::Object => Value::Object(serde_json::Map::new()),
        }
    }
}
