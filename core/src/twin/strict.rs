//! The strict reading of what names and values of a job's patch may hold.

use serde_json::Value;

use super::document::check_nesting;
use super::path::quoted;
use super::rules::shown;
use crate::error::{Error, Result};

/// Checks that every name and every string value of `patch` holds only printable US-ASCII
/// characters, and none of `$ ( ) < > @ , ; : \ " / [ ] ? = { }` and space.
///
/// IoT Hub documents this for the patch of a job ("Schedule jobs on multiple devices", read in
/// 2026), yet does not enforce it for values; so it is asked for by name.
///
/// # Errors
///
/// A name or value holds another character: the message names the place and the character.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use twincast::twin::strict_ascii;
///
/// assert!(strict_ascii(&json!({"tags": {"site": "oslo-1"}})).is_ok());
/// let error = strict_ascii(&json!({"tags": {"site": "Oslo, NO"}})).unwrap_err();
/// assert_eq!(error.message(), "`tags.site` holds ','");
/// ```
pub fn strict_ascii(patch: &Value) -> Result<()> {
    check_nesting(patch)?;
    check(patch, &mut Vec::new())
}

enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

fn check<'a>(value: &'a Value, place: &mut Vec<Step<'a>>) -> Result<()> {
    match value {
        Value::String(text) => check_text(text, place)?,
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                place.push(Step::Index(index));
                check(item, place)?;
                place.pop();
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                place.push(Step::Key(key));
                check_text(key, place)?;
                check(member, place)?;
                place.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(())
}

fn check_text(text: &str, place: &[Step<'_>]) -> Result<()> {
    let allowed = |character: char| {
        character.is_ascii_graphic() && !r#"$()<>@,;:\"/[]?={}"#.contains(character)
    };
    let Some(odd) = text.chars().find(|character| !allowed(*character)) else { return Ok(()) };
    let mut shown_place = String::new();
    for step in place {
        match step {
            Step::Key(key) if shown_place.is_empty() => shown_place = quoted(&shown(key)),
            Step::Key(key) => shown_place.extend([".", &quoted(&shown(key))]),
            Step::Index(index) => shown_place.push_str(&format!("[{index}]")),
        }
    }
    if place.is_empty() {
        shown_place.push_str("the value");
    }
    Err(Error::invalid(format!("`{shown_place}` holds {odd:?}"))
        .with_hint(r#"strict mode allows printable US-ASCII without space and $()<>@,;:\"/[]?={}"#))
}
