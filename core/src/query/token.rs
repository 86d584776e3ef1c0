//! Cuts a text into tokens, one at a time and without looking back.

use std::borrow::Cow;

use super::ast::{Comparison, Span};
use super::error::{Fault, Outcome};
use super::hint;

/// A piece of text that the grammar knows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'a> {
    /// A name, keyword or constant such as `true`.
    Word(&'a str),
    /// A number without a sign.
    Number(f64),
    /// A string, unescaped.
    Str(Cow<'a, str>),
    /// Punctuation or an operator.
    Symbol(Symbol),
    /// The end of the text.
    End,
}

/// Punctuation and operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symbol {
    Open,
    Close,
    BracketOpen,
    BracketClose,
    Comma,
    Dot,
    Star,
    Plus,
    Minus,
    Slash,
    Percent,
    Compare(Comparison),
}

/// Reads tokens from a text.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Lexer<'a> {
    /// Reads `text` from the byte `position`, which is between two characters.
    pub(super) fn at(text: &'a str, position: usize) -> Self {
        Self { text, position }
    }

    /// The next token and where it stands; at the end, [`Token::End`] again and again.
    pub(super) fn token(&mut self) -> Outcome<(Token<'a>, Span)> {
        self.skip_blanks();
        let start = self.position;
        if self.peek(0) == Some(b'.') && self.peek(1).is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(Fault::new(self.to(start + 2), "a number cannot begin with a dot")
                .hint("write a digit first, e.g. `0.5`"));
        }
        self.token_in_path()
    }

    /// The same inside a path, where a dot begins a key, never a number.
    pub(super) fn token_in_path(&mut self) -> Outcome<(Token<'a>, Span)> {
        self.skip_blanks();
        let start = self.position;
        let Some(&first) = self.text.as_bytes().get(start) else {
            return Ok((Token::End, Span { start, end: start }));
        };
        let token = match first {
            b'\'' | b'"' => Token::Str(self.string(first)?),
            b'0'..=b'9' => Token::Number(self.number()?),
            _ if is_name_start(first) => Token::Word(self.word()?),
            _ => Token::Symbol(self.symbol(first)?),
        };
        Ok((token, Span { start, end: self.position }))
    }

    /// The next token but one, if that is a string without escapes and the next one a comma; else
    /// nothing is read.
    #[inline]
    pub(super) fn next_string_of_list(&mut self) -> Option<(Token<'a>, Span)> {
        let bytes = self.text.as_bytes();
        let after_blanks = |mut at: usize| {
            while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
                at += 1;
            }
            at
        };
        let comma = after_blanks(self.position);
        if bytes.get(comma) != Some(&b',') {
            return None;
        }
        let start = after_blanks(comma + 1);
        let quote = *bytes.get(start).filter(|byte| matches!(byte, b'\'' | b'"'))?;
        let length = memchr::memchr2(quote, b'\\', &bytes[start + 1..])?;
        let end = start + 1 + length;
        if bytes[end] != quote {
            return None;
        }
        self.position = end + 1;
        let text = Cow::Borrowed(&self.text[start + 1..end]);
        Some((Token::Str(text), Span { start, end: end + 1 }))
    }

    /// The key that follows a dot: any word, or any text between `[[` and `]]`.
    pub(super) fn segment(&mut self) -> Outcome<(&'a str, Span)> {
        self.skip_blanks();
        let start = self.position;
        let rest = &self.text[start..];
        if let Some(quoted) = rest.strip_prefix("[[") {
            let Some(length) = memchr::memmem::find(quoted.as_bytes(), b"]]") else {
                return Err(Fault::new(self.to(self.text.len()), "a key in `[[` has no `]]`"));
            };
            self.position += length + 4;
            return Ok((&quoted[..length], self.to_here(start)));
        }
        if rest.bytes().next().is_some_and(is_name_start) {
            let word = self.word()?;
            return Ok((word, self.to_here(start)));
        }
        let odd = hint::key_at(rest);
        if odd.is_empty() {
            let end = start + rest.chars().next().map_or(0, char::len_utf8);
            return Err(Fault::new(self.to(end), "a dot must be followed by a key"));
        }
        Err(Fault::new(self.to(start + odd.len()), "this key needs double brackets")
            .hint(format!("write `.[[{odd}]]`")))
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.position + ahead).copied()
    }

    /// The span from here to `end`.
    fn to(&self, end: usize) -> Span {
        Span { start: self.position, end }
    }

    fn to_here(&self, start: usize) -> Span {
        Span { start, end: self.position }
    }

    fn skip_blanks(&mut self) {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.position) {
            if byte.is_ascii_whitespace() {
                self.position += 1;
            } else if byte.is_ascii() {
                break;
            } else {
                // Text pasted from a document may hold no-break spaces.
                match self.text[self.position..].chars().next() {
                    Some(blank) if blank.is_whitespace() => self.position += blank.len_utf8(),
                    _ => break,
                }
            }
        }
    }

    fn word(&mut self) -> Outcome<&'a str> {
        let rest = &self.text[self.position..];
        let length = rest.bytes().position(|byte| !is_name(byte)).unwrap_or(rest.len());
        if rest[length..].chars().next().is_some_and(char::is_alphanumeric) {
            let odd = hint::key_at(rest);
            return Err(Fault::new(
                self.to(self.position + odd.len()),
                "a name is made of the letters A to Z, digits, `_` and `$`",
            )
            .hint(format!("any other key is written in double brackets: `tags.[[{odd}]]`")));
        }
        self.position += length;
        Ok(&rest[..length])
    }

    /// Digits with an optional fraction and exponent, or `0x` and hexadecimal digits.
    fn number(&mut self) -> Outcome<f64> {
        let bytes = self.text.as_bytes();
        let start = self.position;
        let digits = |mut at: usize| {
            while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            at
        };
        let is_hex = bytes[start] == b'0' && matches!(bytes.get(start + 1), Some(b'x' | b'X'));
        let mut end;
        if is_hex {
            end = start + 2;
            while bytes.get(end).is_some_and(u8::is_ascii_hexdigit) {
                end += 1;
            }
        } else {
            end = digits(start);
            if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
                end = digits(end + 1);
            }
            if matches!(bytes.get(end), Some(b'e' | b'E')) {
                let signed = matches!(bytes.get(end + 1), Some(b'+' | b'-'));
                let exponent = end + 1 + usize::from(signed);
                end = digits(exponent).max(end);
            }
        }
        // What touches a number without a blank belongs to it, and makes it wrong.
        let tail = self.text[end..]
            .find(|next: char| !(next.is_alphanumeric() || next == '_' || next == '.'))
            .unwrap_or(self.text.len() - end);
        let span = Span { start, end: end + tail };
        let value = if tail > 0 {
            None
        } else if is_hex {
            u64::from_str_radix(&self.text[start + 2..end], 16).ok().map(to_double)
        } else {
            self.text[start..end].parse().ok()
        };
        self.position = end;
        match value {
            Some(value) if value.is_finite() => Ok(value),
            Some(_) => Err(Fault::new(span, "this number is greater than any double")),
            None => Err(Fault::new(span, "this is not a number")
                .hint("numbers look like `3`, `20.5`, `1e6` or `0x1F`; text stands in quotes")),
        }
    }

    fn string(&mut self, quote: u8) -> Outcome<Cow<'a, str>> {
        let start = self.position;
        let bytes = self.text.as_bytes();
        let mut from = start + 1;
        let mut unescaped: Option<String> = None;
        loop {
            let Some(length) = memchr::memchr2(quote, b'\\', &bytes[from..]) else {
                return Err(Fault::new(self.to(self.text.len()), "this string has no end")
                    .hint(format!("close it with `{}`", char::from(quote))));
            };
            let piece = &self.text[from..from + length];
            from += length;
            if bytes[from] == quote {
                self.position = from + 1;
                return Ok(match unescaped {
                    None => Cow::Borrowed(piece),
                    Some(text) => Cow::Owned(text + piece),
                });
            }
            let text = unescaped.get_or_insert_default();
            text.push_str(piece);
            let (escaped, length) = self.escape(from)?;
            text.push(escaped);
            from += length;
        }
    }

    /// The character that the escape at `at` stands for, and the bytes it takes.
    fn escape(&self, at: usize) -> Outcome<(char, usize)> {
        let unit = |at: usize| {
            let digits = self.text.get(at..at + 6)?.strip_prefix("\\u")?;
            // A sign would be taken for a digit.
            if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return None;
            }
            u16::from_str_radix(digits, 16).ok()
        };
        match self.text.as_bytes().get(at + 1) {
            Some(&plain @ (b'\'' | b'"' | b'\\')) => Ok((char::from(plain), 2)),
            Some(b'u') => {
                let Some(first) = unit(at) else {
                    let span = self.clipped(at, 6);
                    return Err(Fault::new(span, "`\\u` needs four hexadecimal digits"));
                };
                if let Some(single) = char::from_u32(u32::from(first)) {
                    return Ok((single, 6));
                }
                let pair = [first, unit(at + 6).unwrap_or(0)];
                match char::decode_utf16(pair).next() {
                    Some(Ok(joined)) => Ok((joined, 12)),
                    _ => Err(Fault::new(Span { start: at, end: at + 6 }, "half a surrogate pair")
                        .hint("write the character itself, or both halves as `\\uXXXX\\uXXXX`")),
                }
            }
            _ => Err(Fault::new(self.clipped(at, 2), "unknown escape").hint(
                "known are `\\'`, `\\\"`, `\\\\` and `\\uXXXX`; write a backslash itself as `\\\\`",
            )),
        }
    }

    /// At most `length` characters from `at`, as a span.
    fn clipped(&self, at: usize, length: usize) -> Span {
        let taken: usize = self.text[at..].chars().take(length).map(char::len_utf8).sum();
        Span { start: at, end: at + taken }
    }

    fn symbol(&mut self, first: u8) -> Outcome<Symbol> {
        if let Some(fault) = hint::foreign_symbol(self.text, self.position) {
            return Err(fault);
        }
        let next = self.peek(1);
        let (symbol, length) = match (first, next) {
            (b'(', _) => (Symbol::Open, 1),
            (b')', _) => (Symbol::Close, 1),
            (b'[', _) => (Symbol::BracketOpen, 1),
            (b']', _) => (Symbol::BracketClose, 1),
            (b',', _) => (Symbol::Comma, 1),
            (b'.', _) => (Symbol::Dot, 1),
            (b'*', _) => (Symbol::Star, 1),
            (b'+', _) => (Symbol::Plus, 1),
            (b'-', _) => (Symbol::Minus, 1),
            (b'/', _) => (Symbol::Slash, 1),
            (b'%', _) => (Symbol::Percent, 1),
            (b'=', _) => (Symbol::Compare(Comparison::Equal), 1),
            (b'!', Some(b'=')) | (b'<', Some(b'>')) => (Symbol::Compare(Comparison::NotEqual), 2),
            (b'<', Some(b'=')) => (Symbol::Compare(Comparison::LessOrEqual), 2),
            (b'>', Some(b'=')) => (Symbol::Compare(Comparison::GreaterOrEqual), 2),
            (b'<', _) => (Symbol::Compare(Comparison::Less), 1),
            (b'>', _) => (Symbol::Compare(Comparison::Greater), 1),
            _ => {
                let span = self.clipped(self.position, 1);
                let odd = self.text[span.start..span.end].escape_debug();
                return Err(Fault::new(span, format!("`{odd}` has no meaning here")));
            }
        };
        self.position += length;
        Ok(symbol)
    }
}

/// Whether a name may begin with `byte`.
pub(super) fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte == b'$'
}

/// Whether a name may go on with `byte`.
pub(super) fn is_name(byte: u8) -> bool {
    is_name_start(byte) || byte.is_ascii_digit()
}

#[expect(clippy::cast_precision_loss, reason = "numbers of the language are doubles")]
fn to_double(value: u64) -> f64 {
    value as f64
}
