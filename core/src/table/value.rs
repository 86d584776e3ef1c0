//! A value on its way into a table: a scalar, or an object.

use super::cells::Cells;
use crate::twin::Scalar;

/// A value of a column, or an object rebuilt.
#[derive(Debug, Clone)]
pub(super) enum Value<'a> {
    Scalar(Scalar<'a>),
    Json(serde_json::Value),
}

impl<'a> Value<'a> {
    /// The value as an operand; an object is only its marker then.
    pub(super) fn into_scalar(self) -> Scalar<'a> {
        match self {
            Self::Scalar(value) => value,
            Self::Json(_) => Scalar::Object,
        }
    }

    pub(super) fn into_owned(self) -> Value<'static> {
        match self {
            Self::Scalar(value) => Value::Scalar(value.into_owned()),
            Self::Json(value) => Value::Json(value),
        }
    }

    /// A text that two values share if and only if they are of one group: numbers by value.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Json(value) => format!("j{value}"),
            Self::Scalar(Scalar::Str(text)) => format!("s{text}"),
            Self::Scalar(value) => match value.as_number() {
                Some(0.0) => "n0".to_owned(),
                Some(number) => format!("n{number}"),
                None => format!("j{}", value.to_json()),
            },
        }
    }

    pub(super) fn push(value: Option<&Self>, cells: &mut Cells) {
        match value {
            None => cells.push(None),
            Some(Self::Scalar(value)) => cells.push(Some(value)),
            Some(Self::Json(value)) => cells.push_json(Some(value)),
        }
    }
}
