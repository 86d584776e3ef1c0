//! Values as JSON text, appended to a string without a detour.

use std::fmt::Write;

use serde_json::Number;

use crate::twin::Scalar;

/// Appends a value as JSON; nothing for the marker of an object, whose members the caller knows.
pub(super) fn push_scalar(value: &Scalar<'_>, out: &mut String) {
    match value {
        Scalar::Null => out.push_str("null"),
        Scalar::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Scalar::Int(value) => push_number(&Number::from(*value), out),
        Scalar::Float(value) => match Number::from_f64(*value) {
            Some(number) => push_number(&number, out),
            None => out.push_str("null"),
        },
        Scalar::Str(text) => push_text(text, out),
        // Kept as JSON already.
        Scalar::Array(text) => out.push_str(text),
        Scalar::Object => {}
    }
}

fn push_number(number: &Number, out: &mut String) {
    write!(out, "{number}").expect("a string takes whatever is written");
}

/// Appends a string as JSON.
pub(super) fn push_text(text: &str, out: &mut String) {
    let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}
