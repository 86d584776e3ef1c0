//! The functions of the language, on values.
//!
//! They mean what the functions of the same names mean in IoT Hub's message routing queries
//! (Microsoft, "IoT Hub message routing query syntax", read in 2026); a missing or wrongly typed
//! argument gives undefined.

use std::borrow::Cow;

use serde_json::Value;

use super::term::{number, scalar_from};
use super::truth::{Truth, compare};
use crate::limits;
use crate::query::ast::{Comparison, Function};
use crate::twin::Scalar;

/// The value of a call; `None` is undefined.
pub(super) fn call<'a>(function: Function, values: &[Option<Scalar<'a>>]) -> Option<Scalar<'a>> {
    if let Some(known) = type_test(function, values.first()?.as_ref()) {
        return Some(Scalar::Bool(known));
    }
    let values: Vec<&Scalar<'a>> = values.iter().map(Option::as_ref).collect::<Option<_>>()?;
    match function {
        Function::Concat => concat(&values),
        Function::ArrayContains => array_contains(values[0], values[1]),
        Function::AsNumber => as_number(values[0]),
        Function::Length
        | Function::Lower
        | Function::Upper
        | Function::Substring
        | Function::IndexOf
        | Function::StartsWith
        | Function::EndsWith
        | Function::Contains => on_text(function, &values),
        _ => on_numbers(function, &values),
    }
}

/// The tests that have an answer for every value, and for none.
fn type_test(function: Function, value: Option<&Scalar<'_>>) -> Option<bool> {
    let is = |test: fn(&Scalar<'_>) -> bool| Some(value.is_some_and(test));
    match function {
        Function::IsDefined => Some(value.is_some()),
        Function::IsArray => is(|value| matches!(value, Scalar::Array(_))),
        Function::IsBool => is(|value| matches!(value, Scalar::Bool(_))),
        Function::IsNull => is(|value| matches!(value, Scalar::Null)),
        Function::IsNumber => is(|value| matches!(value, Scalar::Int(_) | Scalar::Float(_))),
        Function::IsObject => is(|value| matches!(value, Scalar::Object)),
        Function::IsPrimitive => is(|value| !matches!(value, Scalar::Array(_) | Scalar::Object)),
        Function::IsString => is(|value| matches!(value, Scalar::Str(_))),
        _ => None,
    }
}

fn on_numbers(function: Function, values: &[&Scalar<'_>]) -> Option<Scalar<'static>> {
    let value = values[0].as_number()?;
    number(match function {
        Function::Abs => value.abs(),
        Function::Exp => value.exp(),
        Function::Power => value.powf(values[1].as_number()?),
        Function::Square => value * value,
        Function::Ceiling => value.ceil(),
        Function::Floor => value.floor(),
        Function::Sign if value == 0.0 => 0.0,
        Function::Sign => value.signum(),
        Function::Sqrt => value.sqrt(),
        _ => return None,
    })
}

fn on_text<'a>(function: Function, values: &[&Scalar<'a>]) -> Option<Scalar<'a>> {
    let text = text(values[0])?;
    let other = || self::text(values[1]);
    Some(match function {
        Function::Length => count(text.chars().count()),
        Function::Lower => Scalar::Str(Cow::Owned(text.to_lowercase())),
        Function::Upper => Scalar::Str(Cow::Owned(text.to_uppercase())),
        Function::StartsWith => Scalar::Bool(text.starts_with(other()?)),
        Function::EndsWith => Scalar::Bool(text.ends_with(other()?)),
        Function::Contains => Scalar::Bool(text.contains(other()?)),
        Function::IndexOf => match text.find(other()?) {
            Some(byte) => count(text[..byte].chars().count()),
            None => Scalar::Float(-1.0),
        },
        Function::Substring => {
            let start = whole(values[1])?;
            let length = match values.get(2) {
                Some(length) => whole(length)?,
                None => usize::MAX,
            };
            Scalar::Str(Cow::Owned(text.chars().skip(start).take(length).collect()))
        }
        _ => return None,
    })
}

fn text<'v>(value: &'v Scalar<'_>) -> Option<&'v str> {
    match value {
        Scalar::Str(text) => Some(text),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "texts of twins are short")]
fn count(characters: usize) -> Scalar<'static> {
    Scalar::Float(characters as f64)
}

/// A number that counts characters: not negative, without a fraction.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is checked to be a small whole number"
)]
fn whole(value: &Scalar<'_>) -> Option<usize> {
    let value = value.as_number()?;
    (value >= 0.0 && value.fract() == 0.0).then(|| value.min(1e9) as usize)
}

fn concat(values: &[&Scalar<'_>]) -> Option<Scalar<'static>> {
    let mut joined = String::new();
    for value in values {
        joined.push_str(text(value)?);
        if joined.len() > limits::CONCAT_BYTES {
            return None;
        }
    }
    Some(Scalar::Str(Cow::Owned(joined)))
}

fn as_number(value: &Scalar<'_>) -> Option<Scalar<'static>> {
    match value {
        // Rust would also read `inf`, `nan` and `infinity`.
        Scalar::Str(text) if text.bytes().all(|byte| b"0123456789+-.eE".contains(&byte)) => {
            number(text.parse().ok()?)
        }
        other => number(other.as_number()?),
    }
}

fn array_contains(array: &Scalar<'_>, wanted: &Scalar<'_>) -> Option<Scalar<'static>> {
    let Scalar::Array(text) = array else { return None };
    if matches!(wanted, Scalar::Array(_) | Scalar::Object) {
        return None;
    }
    let elements: Vec<Value> = serde_json::from_str(text).ok()?;
    let found = elements.iter().any(|element| {
        let element = scalar_from(element);
        compare(Comparison::Equal, Some(&element), Some(wanted)) == Truth::True
    });
    Some(Scalar::Bool(found))
}
