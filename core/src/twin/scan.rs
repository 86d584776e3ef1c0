//! A pull scanner for JSON text (RFC 8259) that borrows what it can.
//!
//! Twins are imported by the gigabyte, so this reads straight from the bytes of a line: a string
//! without escapes is a slice of the line, and a number is read exactly as it is written. The
//! parser of `serde_json` gives neither: it rounds long decimals and tells `1e22` from a long
//! integer no more. Strings with escapes, which are rare, are left to it.

use std::borrow::Cow;

use super::text::starts_with;
use super::written::Written;
use crate::error::Error;

/// Where and why a text is not JSON.
#[derive(Debug)]
pub(super) struct ScanError(Box<(Cow<'static, str>, usize)>);

impl From<ScanError> for Error {
    fn from(error: ScanError) -> Self {
        let (what, at) = *error.0;
        Self::invalid(format!("not valid JSON at byte {at}: {what}"))
    }
}

/// A number as it was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number<'a> {
    /// Without fraction and exponent.
    Int(i64),
    /// With a fraction or an exponent; finite.
    Float(f64),
    /// An integer that no `i64` holds.
    LongInt(&'a str),
    /// A number beyond the greatest `f64`.
    Infinite(&'a str),
}

#[derive(Debug)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The next byte after white space, not taken. NUL stands for the end: no token starts with it.
    #[inline]
    pub(super) fn peek(&mut self) -> u8 {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.at += 1,
                Some(byte) => return *byte,
                None => return 0,
            }
        }
    }

    /// Takes the next byte if it is `byte`.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte;
        self.at += usize::from(found);
        found
    }

    /// Takes a key and its colon.
    #[inline]
    pub(super) fn key(&mut self) -> Result<Cow<'a, str>, ScanError> {
        if self.peek() != b'"' {
            return Err(self.error("expected a key in double quotes"));
        }
        let key = self.string()?;
        if self.take(b':') { Ok(key) } else { Err(self.error("expected `:` after a key")) }
    }

    /// Takes a key and its colon if they are `written` here.
    #[inline]
    pub(super) fn take_written(&mut self, written: &Written) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let length = written.begins(rest);
        self.at += length.unwrap_or(0);
        length.is_some()
    }

    /// After a member or an item: takes a comma, or `close` and says that nothing follows.
    #[inline]
    pub(super) fn more(&mut self, close: u8) -> Result<bool, ScanError> {
        match self.peek() {
            b',' => {
                self.at += 1;
                Ok(true)
            }
            byte if byte == close => {
                self.at += 1;
                Ok(false)
            }
            _ if close == b'}' => Err(self.error("expected `,` or `}`")),
            _ => Err(self.error("expected `,` or `]`")),
        }
    }

    /// Takes a string; the next byte is its opening quote.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, ScanError> {
        let start = self.at + 1;
        let end = plain_end(self.text.as_bytes(), start);
        if self.text.as_bytes().get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok(Cow::Borrowed(&self.text[start..end]));
        }
        self.escaped_string(end).map(Cow::Owned)
    }

    #[cold]
    fn escaped_string(&mut self, mut end: usize) -> Result<String, ScanError> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                // What follows a backslash is never the end; that it is right is checked below.
                Some(b'\\') => end = plain_end(bytes, (end + 2).min(bytes.len())),
                Some(_) => {
                    self.at = end;
                    return Err(self.error("a control character in a string must be escaped"));
                }
                None => {
                    self.at = end;
                    return Err(self.error("the string does not end"));
                }
            }
        }
        let quoted = self.text.get(self.at..=end);
        let unescaped = quoted.and_then(|quoted| serde_json::from_str(quoted).ok());
        let Some(unescaped) = unescaped else {
            return Err(self.error("a string holds an escape that means no character"));
        };
        self.at = end + 1;
        Ok(unescaped)
    }

    /// Takes a number; the next byte is a minus sign or a digit.
    pub(super) fn number(&mut self) -> Result<Number<'a>, ScanError> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let negative = bytes.get(start) == Some(&b'-');
        let first = start + usize::from(negative);
        let mut digits = Digits::default();
        let mut at = digits.run(bytes, first);
        let whole = at - first;
        if whole == 0 || (whole > 1 && bytes[first] == b'0') {
            return Err(self.error("not a number"));
        }
        let mut places = 0;
        let mut exact = true;
        let mut integer = true;
        if bytes.get(at) == Some(&b'.') {
            integer = false;
            let end = digits.run(bytes, at + 1);
            places = end - at - 1;
            if places == 0 {
                return Err(self.error("a digit must follow the decimal point"));
            }
            at = end;
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            (integer, exact) = (false, false);
            let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            let end = Digits::default().run(bytes, at + 1 + sign);
            if end == at + 1 + sign {
                return Err(self.error("a digit must follow the exponent sign"));
            }
            at = end;
        }
        self.at = at;
        let text = &self.text[start..at];
        if integer && !(negative && digits.value == 0) {
            if digits.count <= 18 {
                return Ok(Number::Int(if negative { -digits.value } else { digits.value }));
            }
            return Ok(text.parse().map_or(Number::LongInt(text), Number::Int));
        }
        // Both operands are exact below 2^53 and 10^22, so one division rounds once (Clinger 1990).
        if exact && digits.count <= 15 {
            #[expect(clippy::cast_precision_loss, reason = "fifteen digits are exact")]
            let value = digits.value as f64 / POWERS_OF_TEN[places];
            return Ok(Number::Float(if negative { -value } else { value }));
        }
        let value: f64 = text.parse().map_err(|_| self.error("not a number"))?;
        Ok(if value.is_finite() { Number::Float(value) } else { Number::Infinite(text) })
    }

    /// Takes `word`, one of `true`, `false` and `null`.
    pub(super) fn word(&mut self, word: &'static str) -> Result<(), ScanError> {
        let found = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        if !found {
            return Err(self.error("expected a value"));
        }
        self.at += word.len();
        Ok(())
    }

    /// Passes over one value of a text that is known to be JSON.
    pub(super) fn skip(&mut self) -> Result<(), ScanError> {
        let mut open = 0_usize;
        loop {
            match self.peek() {
                b'"' => drop(self.string()?),
                b'{' | b'[' => {
                    self.at += 1;
                    open += 1;
                    continue;
                }
                b'}' | b']' if open > 0 => {
                    self.at += 1;
                    open -= 1;
                }
                b',' | b':' if open > 0 => {
                    self.at += 1;
                    continue;
                }
                b't' => self.word("true")?,
                b'f' => self.word("false")?,
                b'n' => self.word("null")?,
                _ => drop(self.number()?),
            }
            if open == 0 {
                return Ok(());
            }
        }
    }

    /// Makes sure that only white space is left.
    pub(super) fn end(&mut self) -> Result<(), ScanError> {
        self.peek();
        if self.at == self.text.len() { Ok(()) } else { Err(self.error("text after the value")) }
    }

    /// The byte that the next token starts at, if white space was passed by [`Scanner::peek`].
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// All bytes that were not taken.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Takes `written`, a string in its quotes and without escapes, if it stands here.
    #[inline]
    pub(super) fn same_string(&mut self, written: &[u8]) -> Option<&'a str> {
        if written.is_empty() || !starts_with(self.rest(), written) {
            return None;
        }
        let start = self.at;
        self.at += written.len();
        Some(&self.text[start + 1..self.at - 1])
    }

    /// Takes bytes that the caller knows to be whole tokens.
    pub(super) fn pass(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// The text from `start` to here.
    pub(super) fn since(&self, start: usize) -> &'a str {
        &self.text[start..self.at]
    }

    #[cold]
    pub(super) fn error(&self, what: &'static str) -> ScanError {
        let what = if self.at >= self.text.len() && what.starts_with("expected") {
            Cow::Owned(format!("{what}, found the end"))
        } else {
            Cow::Borrowed(what)
        };
        ScanError(Box::new((what, self.at)))
    }
}

/// A run of digits as a number, as long as it is short enough to be exact.
#[derive(Default)]
struct Digits {
    value: i64,
    count: usize,
}

impl Digits {
    #[inline]
    fn run(&mut self, bytes: &[u8], mut at: usize) -> usize {
        while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
            self.count += 1;
            if self.count <= 18 {
                self.value = self.value * 10 + i64::from(digit - b'0');
            }
            at += 1;
        }
        at
    }
}

const POWERS_OF_TEN: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// The first byte at or after `at` that is a quote, a backslash or a control character.
///
/// Eight bytes at a time: see "Determine if a word has a byte less than n" in Sean Anderson's
/// "Bit Twiddling Hacks". A borrow can only set bits above the first true one.
#[inline]
fn plain_end(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * u64::from(b'"'));
        let backslash = word ^ (ONES * u64::from(b'\\'));
        let found = (quote.wrapping_sub(ONES) & !quote
            | backslash.wrapping_sub(ONES) & !backslash
            | word.wrapping_sub(ONES * 0x20) & !word)
            & HIGHS;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)) {
        at += 1;
    }
    at
}
