//! Arrays: checked like the rest of a twin, kept as compact JSON text.

use std::borrow::Cow;

use hashbrown::HashSet;

use super::path::quoted;
use super::rules::{self, Violation};
use super::scan::{Number, ScanError, Scanner};
use crate::error::Error;
use crate::limits;

/// Which keys the objects inside an array may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// Those of tags, desired and reported.
    User,
    /// Any, as in `configurations`.
    Any,
}

/// Why an array was refused.
#[derive(Debug)]
pub(super) enum Fault {
    Syntax(ScanError),
    /// A rule is broken at a place inside the array, e.g. `[2].code`.
    Rule(Violation, String),
}

impl Fault {
    /// The error for the document that has the array at `place`.
    #[cold]
    pub(super) fn at(self, place: &str) -> Error {
        match self {
            Self::Syntax(error) => error.into(),
            Self::Rule(violation, inside) => violation.at(&format!("{place}{inside}")),
        }
    }

    #[cold]
    fn inside(self, step: &str) -> Self {
        match self {
            Self::Rule(violation, inside) => Self::Rule(violation, format!("{step}{inside}")),
            syntax @ Self::Syntax(_) => syntax,
        }
    }
}

impl From<ScanError> for Fault {
    fn from(error: ScanError) -> Self {
        Self::Syntax(error)
    }
}

impl From<Violation> for Fault {
    fn from(violation: Violation) -> Self {
        Self::Rule(violation, String::new())
    }
}

/// Takes an array at `level` below its section; the next byte is its opening bracket.
///
/// The text keeps the order of keys and each number as it was written. It is compact, and no
/// string of it has an escape that it does not need, so equal arrays of strings have equal texts.
pub(super) fn array<'a>(
    scan: &mut Scanner<'a>,
    level: usize,
    keys: Keys,
) -> Result<Cow<'a, str>, Fault> {
    let start = scan.position();
    value(scan, level, keys)?;
    let text = scan.since(start);
    let plain = |byte: u8| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\\');
    if text.bytes().all(plain) {
        return Ok(Cow::Borrowed(text));
    }
    Ok(Cow::Owned(compact(text)?))
}

fn value(scan: &mut Scanner<'_>, level: usize, keys: Keys) -> Result<(), Fault> {
    match scan.peek() {
        b'"' => rules::check_string(&scan.string()?)?,
        b'[' | b'{' if level > limits::TWIN_DEPTH => return Err(Violation::Depth.into()),
        b'[' => items(scan, level, keys)?,
        b'{' => members(scan, level, keys)?,
        b't' => scan.word("true")?,
        b'f' => scan.word("false")?,
        b'n' => scan.word("null")?,
        b'-' | b'0'..=b'9' => match scan.number()? {
            Number::Int(value) => rules::check_integer(value)?,
            Number::Float(_) => {}
            Number::LongInt(text) => return Err(Violation::Integer(text.to_owned()).into()),
            Number::Infinite(text) => return Err(Violation::Number(text.to_owned()).into()),
        },
        _ => return Err(scan.error("expected a value").into()),
    }
    Ok(())
}

fn items(scan: &mut Scanner<'_>, level: usize, keys: Keys) -> Result<(), Fault> {
    scan.take(b'[');
    if scan.take(b']') {
        return Ok(());
    }
    let mut index = 0;
    loop {
        value(scan, level + 1, keys).map_err(|fault| fault.inside(&format!("[{index}]")))?;
        if !scan.more(b']')? {
            return Ok(());
        }
        index += 1;
    }
}

fn members(scan: &mut Scanner<'_>, level: usize, keys: Keys) -> Result<(), Fault> {
    scan.take(b'{');
    if scan.take(b'}') {
        return Ok(());
    }
    let mut seen: HashSet<Cow<'_, str>, foldhash::fast::RandomState> = HashSet::default();
    loop {
        let key = scan.key()?;
        member(scan, &key, level, keys)
            .and_then(
                |()| if seen.contains(&key) { Err(Violation::Duplicate.into()) } else { Ok(()) },
            )
            .map_err(|fault| fault.inside(&format!(".{}", quoted(&rules::shown(&key)))))?;
        seen.insert(key);
        if !scan.more(b'}')? {
            return Ok(());
        }
    }
}

fn member(scan: &mut Scanner<'_>, key: &str, level: usize, keys: Keys) -> Result<(), Fault> {
    match keys {
        Keys::User => rules::check_key(key)?,
        Keys::Any => rules::check_key_length(key)?,
    }
    value(scan, level + 1, keys)
}

/// A checked array without white space and needless escapes.
fn compact(text: &str) -> Result<String, ScanError> {
    let mut scan = Scanner::new(text);
    let mut written = String::with_capacity(text.len());
    loop {
        match scan.peek() {
            0 => return Ok(written),
            b'"' => written.push_str(&serde_json::Value::from(scan.string()?).to_string()),
            byte => {
                scan.take(byte);
                written.push(char::from(byte));
            }
        }
    }
}
