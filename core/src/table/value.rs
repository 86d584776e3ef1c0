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

    pub(super) fn push(value: Option<&Self>, cells: &mut Cells) {
        match value {
            None => cells.push(None),
            Some(Self::Scalar(value)) => cells.push(Some(value)),
            Some(Self::Json(value)) => cells.push_json(Some(value)),
        }
    }
}
