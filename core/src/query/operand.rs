//! Reads paths, lists and constants: operands without operands of their own.

use std::borrow::Cow;
use std::sync::Arc;

use super::ast::{Literal, Path, Segment, Span};
use super::check;
use super::cursor::Parser;
use super::error::{Fault, Outcome};
use super::hint;
use super::text::Text;
use super::token::{Symbol, Token};
use crate::limits;

/// Keys of one path. No twin is that deep.
const PATH_KEYS: usize = limits::QUERY_DEPTH;

impl Parser<'_> {
    /// A path, checked; the word that begins it is at hand.
    pub(super) fn path(&mut self) -> Outcome<Path> {
        let start = self.span.start;
        let minus_before = self.previous == Some(Symbol::Minus) && self.previous_end == start;
        let after_operand = minus_before && self.operand.end + 1 == start;
        let compared = matches!(self.previous, Some(Symbol::Compare(_)));
        let first_span = self.span;
        let Token::Word(word) = self.token else {
            return Err(self.unexpected("a path such as `tags.site`"));
        };
        self.advance_in_path()?;
        let mut raw = vec![(Segment::Key(word.to_owned()), first_span)];
        loop {
            let segment = match self.token {
                Token::Symbol(Symbol::Dot) => {
                    let (key, span) = self.lexer.segment()?;
                    self.previous_end = span.end;
                    self.load()?;
                    (Segment::Key(key.to_owned()), span)
                }
                Token::Symbol(Symbol::BracketOpen) => self.index()?,
                _ => break,
            };
            if raw.len() == PATH_KEYS {
                let message = format!("a path has at most {PATH_KEYS} keys");
                return Err(Fault::new(segment.1, message));
            }
            raw.push(segment);
        }
        let span = self.since(start);
        let alone = raw.len() == 1;
        check::resolve(self.source, self.text, raw, span).map_err(|fault| {
            let operand = &self.text[self.operand.start..self.operand.end];
            fault.maybe_hint(if after_operand {
                hint::hyphen(operand, word)
            } else if compared && alone {
                Some(format!("if `{}` is meant as text, write `'{0}'`", hint::clip(word)))
            } else {
                None
            })
        })
    }

    /// `['key']` or `[0]`; the bracket is at hand.
    fn index(&mut self) -> Outcome<(Segment, Span)> {
        let start = self.span.start;
        let bracket = self.span;
        self.advance()?;
        let inner = self.span;
        let segment = match self.advance()? {
            Token::Str(key) => Segment::Key(key.into_owned()),
            Token::Number(value) => Segment::Index(array_index(value, inner)?),
            Token::Symbol(Symbol::BracketOpen) => {
                return Err(Fault::new(
                    Span { start: bracket.start, end: inner.end },
                    "a key in double brackets follows a dot",
                )
                .hint("write `.[[key]]`"));
            }
            _ => {
                return Err(Fault::new(inner, "expected a key in quotes or an index from zero")
                    .hint("write `['key']`, or `[0]` for the first element of an array"));
            }
        };
        if self.token != Token::Symbol(Symbol::BracketClose) {
            return Err(self.unexpected("`]`"));
        }
        self.previous_end = self.span.end;
        self.load()?;
        Ok((segment, self.since(start)))
    }

    /// `[constant, constant, ...]` after IN.
    pub(super) fn list(&mut self) -> Outcome<Arc<[Literal]>> {
        let open = self.span;
        if !self.take(Symbol::BracketOpen)? {
            return Err(self.no_list());
        }
        if self.token == Token::Symbol(Symbol::BracketClose) {
            let span = Span { start: open.start, end: self.span.end };
            return Err(Fault::new(span, "a list has at least one item")
                .hint("write `false` for a condition that nothing satisfies"));
        }
        let mut items = Vec::new();
        loop {
            if items.len() == limits::IN_ITEMS {
                let message = format!("a list has at most {} items", limits::IN_ITEMS);
                return Err(Fault::new(self.span, message)
                    .hint("split it: `deviceId IN [...] OR deviceId IN [...]`"));
            }
            if let Some(item) = self.plain_item() {
                items.push(Literal::Str(item));
                continue;
            }
            items.push(self.constant("a constant")?);
            if self.take(Symbol::Comma)? {
                continue;
            }
            if self.take(Symbol::BracketClose)? {
                return Ok(items.into());
            }
            if self.token == Token::End {
                return Err(Fault::new(open, "this list is not closed").hint("add `]`"));
            }
            return Err(self.unexpected("`,` or `]`"));
        }
    }

    /// The string at hand, if one more string without escapes follows it in a list, which is at
    /// hand then. Long lists hold nothing else.
    #[inline]
    fn plain_item(&mut self) -> Option<Text> {
        let Token::Str(Cow::Borrowed(_)) = self.token else { return None };
        let at_hand = self.span;
        (self.token, self.span) = self.lexer.next_string_of_list()?;
        Some(Text::part(self.text, at_hand.start + 1..at_hand.end - 1))
    }

    fn no_list(&self) -> Box<Fault> {
        let advice = match &self.token {
            Token::Symbol(Symbol::Open) => "write square brackets: `IN ['a', 'b']`".to_owned(),
            Token::Str(_) | Token::Number(_) => {
                let item = hint::clip(&self.text[self.span.start..self.span.end]);
                format!("write `IN [{item}]`")
            }
            _ => "write e.g. `IN ['a', 'b']`".to_owned(),
        };
        Fault::new(self.span, "IN needs a list of constants in square brackets").hint(advice)
    }

    /// A constant with an optional sign; called for each item of a list.
    pub(super) fn constant(&mut self, expected: &str) -> Outcome<Literal> {
        let sign = match self.token {
            Token::Symbol(Symbol::Minus) => Some(-1.0),
            Token::Symbol(Symbol::Plus) => Some(1.0),
            _ => None,
        };
        if let Some(sign) = sign {
            self.advance()?;
            let Token::Number(value) = self.token else {
                return Err(self.unexpected("a number"));
            };
            self.advance()?;
            return Ok(Literal::Number(sign * value));
        }
        if let Token::Word(word) = self.token {
            let Some(literal) = named_constant(word) else {
                let span = self.span;
                return Err(Fault::new(span, format!("`{}` is not a constant", hint::clip(word)))
                    .hint(format!("if it is meant as text, write `'{}'`", hint::clip(word))));
            };
            self.advance()?;
            return Ok(literal);
        }
        if !matches!(self.token, Token::Number(_) | Token::Str(_)) {
            return Err(self.unexpected(expected));
        }
        let Span { start, end } = self.span;
        Ok(match self.advance()? {
            Token::Number(value) => Literal::Number(value),
            // Between its quotes.
            Token::Str(Cow::Borrowed(_)) => Literal::Str(Text::part(self.text, start + 1..end - 1)),
            Token::Str(Cow::Owned(text)) => Literal::Str(text.into()),
            _ => unreachable!("other tokens were refused above"),
        })
    }
}

/// The constant that is written as `word`, in any letter case.
pub(super) fn named_constant(word: &str) -> Option<Literal> {
    let constants = [
        ("true", Literal::Bool(true)),
        ("false", Literal::Bool(false)),
        ("null", Literal::Null),
        ("undefined", Literal::Undefined),
    ];
    let mut named = constants.into_iter();
    named.find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, literal)| literal)
}

fn array_index(value: f64, span: Span) -> Outcome<u32> {
    if value.fract() == 0.0 && value <= f64::from(u32::MAX) {
        #[expect(clippy::cast_possible_truncation, reason = "checked just above")]
        #[expect(clippy::cast_sign_loss, reason = "a number token has no sign")]
        return Ok(value as u32);
    }
    Err(Fault::new(span, "an index is a whole number from zero")
        .hint("write `[0]` for the first element of an array"))
}
