//! Expressions computed for one row: the general way, for what no column kernel knows.

use std::borrow::Cow;

use serde_json::Value;

use super::function;
use super::truth::{Truth, compare, scalar_of};
use crate::query::ast::{Comparison, Expr, ExprKind, Function, Literal, Operator, Segment};
use crate::twin::Scalar;

use super::predicate::LiteralSet;

/// An expression whose paths are numbered slots.
#[derive(Debug, Clone)]
pub enum Term {
    /// A constant; `None` is `undefined`.
    Constant(Option<Scalar<'static>>),
    /// The value of a slot, and where in it: empty, or steps into an array.
    Slot(usize, Vec<Segment>),
    /// An object, wherever the slot has a value.
    Marker(usize),
    /// NOT.
    Not(Box<Term>),
    /// AND.
    And(Vec<Term>),
    /// OR.
    Or(Vec<Term>),
    /// A comparison.
    Compare(Comparison, Box<Term>, Box<Term>),
    /// IN, or NIN if the flag is set.
    In(bool, Box<Term>, LiteralSet),
    /// A changed sign.
    Negate(Box<Term>),
    /// Arithmetic.
    Arithmetic(Operator, Box<Term>, Box<Term>),
    /// A call.
    Call(Function, Vec<Term>),
}

impl Term {
    /// Turns `expr` into a term; `slot` gives those of its paths.
    pub(super) fn bind(expr: &Expr, slot: &mut impl FnMut(&[Segment]) -> Self) -> Self {
        let mut bind = |expr: &Expr| Box::new(Self::bind(expr, slot));
        match &expr.kind {
            ExprKind::Literal(literal) => {
                Self::Constant(scalar_of(literal).map(Scalar::into_owned))
            }
            ExprKind::Not(inner) => Self::Not(bind(inner)),
            ExprKind::Compare(how, left, right) => Self::Compare(*how, bind(left), bind(right)),
            ExprKind::In { negated, value, list } => {
                Self::In(*negated, bind(value), LiteralSet::new(list))
            }
            ExprKind::Negate(inner) => Self::Negate(bind(inner)),
            ExprKind::Arithmetic(how, left, right) => {
                Self::Arithmetic(*how, bind(left), bind(right))
            }
            ExprKind::Path(path) => slot(&path.segments),
            ExprKind::And(parts) => {
                Self::And(parts.iter().map(|part| Self::bind(part, slot)).collect())
            }
            ExprKind::Or(parts) => {
                Self::Or(parts.iter().map(|part| Self::bind(part, slot)).collect())
            }
            ExprKind::Call(function, arguments) => Self::Call(
                *function,
                arguments.iter().map(|argument| Self::bind(argument, slot)).collect(),
            ),
        }
    }
}

impl Term {
    /// Whether it is `=` or `!=` between two slots, which codes may answer.
    #[must_use]
    pub fn is_equality_of_slots(&self) -> bool {
        let is_slot = |term: &Self| matches!(term, Self::Slot(_, tail) if tail.is_empty());
        matches!(
            self,
            Self::Compare(Comparison::Equal | Comparison::NotEqual, left, right)
                if is_slot(left) && is_slot(right)
        )
    }
}

/// Binds `expr` to documents instead of columns: gives the term, and the path of each slot.
#[must_use]
pub fn bind_documents(expr: &Expr) -> (Term, Vec<Vec<Segment>>) {
    let mut paths: Vec<Vec<Segment>> = Vec::new();
    let term = Term::bind(expr, &mut |segments| {
        paths.push(segments.to_vec());
        Term::Slot(paths.len() - 1, Vec::new())
    });
    (term, paths)
}

/// Computes `term` with the values of `slots`; `None` is undefined.
///
/// The depth of a term is the depth of its text, which is limited.
pub fn evaluate<'a>(
    term: &'a Term,
    slots: &(impl Fn(usize) -> Option<Scalar<'a>> + ?Sized),
) -> Option<Scalar<'a>> {
    let truth = |term: &'a Term| Truth::of(evaluate(term, slots).as_ref());
    let boolean = |truth: Truth| match truth {
        Truth::True => Some(Scalar::Bool(true)),
        Truth::False => Some(Scalar::Bool(false)),
        Truth::Undefined => None,
    };
    match term {
        Term::Constant(value) => value.as_ref().map(Scalar::borrowed),
        Term::Slot(slot, tail) if tail.is_empty() => slots(*slot),
        Term::Slot(slot, tail) => element_at(&slots(*slot)?, tail),
        Term::Marker(slot) => slots(*slot).map(|_| Scalar::Object),
        Term::Not(inner) => boolean(truth(inner).negate()),
        Term::And(parts) => {
            boolean(parts.iter().fold(Truth::True, |all, part| all.and(truth(part))))
        }
        Term::Or(parts) => {
            boolean(parts.iter().fold(Truth::False, |any, part| any.or(truth(part))))
        }
        Term::Compare(how, left, right) => {
            let (left, right) = (evaluate(left, slots), evaluate(right, slots));
            boolean(compare(*how, left.as_ref(), right.as_ref()))
        }
        Term::In(negated, value, list) => {
            let found = list.truth(evaluate(value, slots).as_ref());
            boolean(if *negated { found.negate() } else { found })
        }
        Term::Negate(inner) => number(-evaluate(inner, slots)?.as_number()?),
        Term::Arithmetic(how, left, right) => {
            let left = evaluate(left, slots)?.as_number()?;
            arithmetic(*how, left, evaluate(right, slots)?.as_number()?)
        }
        Term::Call(function, arguments) => {
            let values: Vec<_> =
                arguments.iter().map(|argument| evaluate(argument, slots)).collect();
            function::call(*function, &values)
        }
    }
}

/// A number as a value; what is no finite number is undefined.
pub(super) fn number(value: f64) -> Option<Scalar<'static>> {
    value.is_finite().then_some(Scalar::Float(value))
}

fn arithmetic(how: Operator, left: f64, right: f64) -> Option<Scalar<'static>> {
    number(match how {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        // Division by zero gives an infinity or no number: undefined either way.
        Operator::Divide => left / right,
        Operator::Remainder => left % right,
    })
}

/// The value inside an array that `tail` leads to.
#[must_use]
pub fn element_at<'a>(value: &Scalar<'_>, tail: &[Segment]) -> Option<Scalar<'a>> {
    let Scalar::Array(text) = value else { return None };
    let array: Value = serde_json::from_str(text).ok()?;
    let mut place = &array;
    for segment in tail {
        place = match segment {
            Segment::Index(index) => place.as_array()?.get(*index as usize)?,
            Segment::Key(key) => place.as_object()?.get(key)?,
        };
    }
    Some(scalar_from(place))
}

/// A JSON value as a scalar; an object becomes its marker.
pub(crate) fn scalar_from(value: &Value) -> Scalar<'static> {
    match value {
        Value::Null => Scalar::Null,
        Value::Bool(value) => Scalar::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(value) => Scalar::Int(value),
            None => Scalar::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Scalar::Str(Cow::Owned(text.clone())),
        Value::Array(_) => Scalar::Array(Cow::Owned(value.to_string())),
        Value::Object(_) => Scalar::Object,
    }
}

/// Whether `literal` is of a type that `=` compares with strings only, numbers only, and so on.
pub(super) fn same_type(literal: &Literal, value: &Scalar<'_>) -> bool {
    match literal {
        Literal::Undefined => false,
        Literal::Null => matches!(value, Scalar::Null),
        Literal::Bool(_) => matches!(value, Scalar::Bool(_)),
        Literal::Number(_) => matches!(value, Scalar::Int(_) | Scalar::Float(_)),
        Literal::Str(_) => matches!(value, Scalar::Str(_)),
    }
}
