//! The three values of a condition.

use std::cmp::Ordering;

use crate::query::ast::{Comparison, Literal};
use crate::twin::Scalar;

/// True, false, or undefined; undefined selects nothing, also under NOT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Truth {
    /// Neither: a value was missing or of the wrong type.
    Undefined = 0,
    /// True.
    True = 1,
    /// False.
    False = 2,
}

impl Truth {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Undefined => "undefined",
            Self::True => "true",
            Self::False => "false",
        }
    }

    /// NOT.
    #[must_use]
    pub fn negate(self) -> Self {
        match self {
            Self::Undefined => Self::Undefined,
            Self::True => Self::False,
            Self::False => Self::True,
        }
    }

    /// AND.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, Self::True) => Self::True,
            _ => Self::Undefined,
        }
    }

    /// OR.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.negate().and(other.negate()).negate()
    }

    /// What a value is as a condition: only Booleans are true or false.
    #[must_use]
    pub fn of(value: Option<&Scalar<'_>>) -> Self {
        match value {
            Some(Scalar::Bool(value)) => Self::from(*value),
            _ => Self::Undefined,
        }
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

/// Compares two values: undefined unless both are primitives of one type; null has no order.
pub(crate) fn compare(
    how: Comparison,
    left: Option<&Scalar<'_>>,
    right: Option<&Scalar<'_>>,
) -> Truth {
    let (Some(left), Some(right)) = (left, right) else { return Truth::Undefined };
    let order = match (left, right) {
        (Scalar::Null, Scalar::Null) => {
            return match how {
                Comparison::Equal => Truth::True,
                Comparison::NotEqual => Truth::False,
                _ => Truth::Undefined,
            };
        }
        (Scalar::Bool(left), Scalar::Bool(right)) => left.cmp(right),
        // UTF-8 orders as its code points do.
        (Scalar::Str(left), Scalar::Str(right)) => left.as_bytes().cmp(right.as_bytes()),
        _ => match (left.as_number(), right.as_number()) {
            (Some(left), Some(right)) => match left.partial_cmp(&right) {
                Some(order) => order,
                None => return Truth::Undefined,
            },
            _ => return Truth::Undefined,
        },
    };
    Truth::from(holds(how, order))
}

/// Whether values in this `order` compare so.
pub(crate) fn holds(how: Comparison, order: Ordering) -> bool {
    match how {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}

/// A constant as a value; `None` for `undefined`.
pub(crate) fn scalar_of(literal: &Literal) -> Option<Scalar<'_>> {
    match literal {
        Literal::Undefined => None,
        Literal::Null => Some(Scalar::Null),
        Literal::Bool(value) => Some(Scalar::Bool(*value)),
        Literal::Number(value) => Some(Scalar::Float(*value)),
        Literal::Str(text) => Some(Scalar::Str(std::borrow::Cow::Borrowed(text))),
    }
}
