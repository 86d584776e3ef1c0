//! The rules of IoT Hub for keys and values of a twin, and the texts of their errors.

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::limits;

/// What a document does that a twin may not; the place is known to the caller.
#[derive(Debug)]
pub(super) enum Violation {
    LongKey(usize),
    KeyCharacter(char),
    LongString(usize),
    Integer(String),
    Number(String),
    Depth,
    Null,
    Duplicate,
}

impl Violation {
    /// The error for the document, which breaks the rule at `place`, e.g. `tags.location`.
    #[cold]
    pub(super) fn at(self, place: &str) -> Error {
        match self {
            Self::LongKey(bytes) => Error::invalid(format!(
                "the key `{place}` has {bytes} bytes, more than the {} allowed",
                limits::KEY_BYTES
            ))
            .with_hint("keep what differs from device to device in values"),
            Self::KeyCharacter(character) => Error::invalid(format!(
                "the key `{place}` holds {character:?}, which no key of a twin may"
            ))
            .with_hint("keys hold no control characters, white space, `.`, `$` or `#`"),
            Self::LongString(bytes) => Error::invalid(format!(
                "`{place}` is a string of {bytes} bytes, more than the {} allowed",
                limits::STRING_BYTES
            ))
            .with_hint("split it over several keys, or store a link to it"),
            Self::Integer(text) => Error::invalid(format!(
                "`{place}` is {}, outside the integers of a twin, {} to {}",
                shown(&text),
                limits::INTEGER_MIN,
                limits::INTEGER_MAX
            ))
            .with_hint("write it as a string"),
            Self::Number(text) => Error::invalid(format!(
                "`{place}` is {}, beyond the greatest number, {:e}",
                shown(&text),
                f64::MAX
            ))
            .with_hint("write it as a string"),
            Self::Depth => Error::invalid(format!(
                "`{place}` is nested deeper than the {} levels allowed",
                limits::TWIN_DEPTH
            ))
            .with_hint("join the keys of some levels; arrays count as levels too"),
            Self::Null => Error::invalid(format!("`{place}` is null"))
                .with_hint("null removes a key in a patch; leave the key out of a whole twin"),
            Self::Duplicate => {
                Error::invalid(format!("`{place}` is given twice")).with_hint("keep one of the two")
            }
        }
    }
}

/// Checks a key of a user section.
pub(super) fn check_key(key: &str) -> Result<(), Violation> {
    check_key_length(key)?;
    let odd = |character: &char| {
        matches!(character, '.' | '$' | '#') || character.is_whitespace() || character.is_control()
    };
    key.chars().find(odd).map_or(Ok(()), |character| Err(Violation::KeyCharacter(character)))
}

/// Checks a key where any character is allowed.
pub(super) fn check_key_length(key: &str) -> Result<(), Violation> {
    if key.len() > limits::KEY_BYTES { Err(Violation::LongKey(key.len())) } else { Ok(()) }
}

/// Checks the length of a string value.
#[inline]
pub(super) fn check_string(text: &str) -> Result<(), Violation> {
    if text.len() > limits::STRING_BYTES {
        return Err(Violation::LongString(text.len()));
    }
    Ok(())
}

/// Checks the range of an integer value.
#[inline]
pub(super) fn check_integer(value: i64) -> Result<(), Violation> {
    if (limits::INTEGER_MIN..=limits::INTEGER_MAX).contains(&value) {
        return Ok(());
    }
    Err(Violation::Integer(value.to_string()))
}

/// Checks the id of a device.
///
/// # Errors
///
/// The id is empty, longer than [`limits::DEVICE_ID_CHARS`], or holds a character other than the
/// ASCII letters, digits and `-:.+%_#*?!(),=@;$'`.
///
/// # Examples
///
/// ```
/// use twincast::twin::check_device_id;
///
/// assert!(check_device_id("dev-0000042").is_ok());
/// assert!(check_device_id("pump room").is_err());
/// ```
pub fn check_device_id(id: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-:.+%_#*?!(),=@;$'".contains(&byte);
    if !id.is_empty() && id.len() <= limits::DEVICE_ID_CHARS && id.bytes().all(allowed) {
        return Ok(());
    }
    let allowed = |character: &char| u8::try_from(*character).is_ok_and(allowed);
    let message = if id.is_empty() {
        "the device id is empty".to_owned()
    } else if let Some(odd) = id.chars().find(|character| !allowed(character)) {
        format!("the device id `{}` holds {odd:?}", shown(id))
    } else {
        format!("the device id `{}` has {} characters", shown(id), id.len())
    };
    Err(Error::invalid(message).with_hint(format!(
        "a device id is 1 to {} characters, ASCII letters, digits and -:.+%_#*?!(),=@;$'",
        limits::DEVICE_ID_CHARS
    )))
}

/// The error for a section that passes its limit.
#[cold]
pub(super) fn oversized(section: &str, limit: u64, at: &str) -> Error {
    Error::invalid(format!("`{section}` is larger than the {limit} bytes allowed, at `{at}`"))
        .with_hint(
            "keys and strings count their characters, numbers 8, booleans 4, arrays their text",
        )
}

/// A text of the user as an error shows it: not longer than a line.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    const CHARS: usize = 80;
    match text.char_indices().nth(CHARS) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}...", &text[..end])),
    }
}
