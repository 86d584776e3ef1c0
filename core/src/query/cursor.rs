//! The place of a parser in its text: the token at hand, and the way to the next one.

use std::sync::Arc;

use super::ast::{Source, Span};
use super::error::{Fault, Outcome};
use super::hint;
use super::token::{Lexer, Symbol, Token};
use crate::limits;

/// The token at hand, and what was seen so far.
pub(super) struct Parser<'a> {
    pub(super) text: &'a Arc<str>,
    /// The token at hand.
    pub(super) token: Token<'a>,
    /// Where the token at hand stands.
    pub(super) span: Span,
    /// The documents that paths are about.
    pub(super) source: Source,
    pub(super) lexer: Lexer<'a>,
    /// What the token before this one was, if it was a symbol.
    pub(super) previous: Option<Symbol>,
    /// One past the last byte of the token before this one.
    pub(super) previous_end: usize,
    /// The last operand that was read whole, for advice.
    pub(super) operand: Span,
    /// Parentheses, signs, NOTs and calls around the token at hand.
    pub(super) nesting: usize,
    /// Levels of the tree above the token at hand.
    pub(super) depth: usize,
    /// Operands read so far.
    pub(super) operands: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a Arc<str>, source: Source) -> Outcome<Self> {
        if text.len() > limits::QUERY_BYTES {
            let start = text.floor_char_boundary(limits::QUERY_BYTES);
            return Err(Fault::new(
                Span { start, end: text.len() },
                format!("the text has {} bytes, more than {}", text.len(), limits::QUERY_BYTES),
            ));
        }
        Self::at(text, 0, source)
    }

    /// A parser that begins in the middle of a text.
    pub(super) fn at(text: &'a Arc<str>, position: usize, source: Source) -> Outcome<Self> {
        let mut lexer = Lexer::at(text, position);
        let (token, span) = lexer.token()?;
        Ok(Self {
            text,
            token,
            span,
            source,
            lexer,
            previous: None,
            previous_end: 0,
            operand: Span::default(),
            nesting: 0,
            depth: 0,
            operands: 0,
        })
    }

    /// Goes to the next token and gives the one that was at hand.
    pub(super) fn advance(&mut self) -> Outcome<Token<'a>> {
        self.previous = match self.token {
            Token::Symbol(symbol) => Some(symbol),
            _ => None,
        };
        self.previous_end = self.span.end;
        let (token, span) = self.lexer.token()?;
        self.span = span;
        Ok(std::mem::replace(&mut self.token, token))
    }

    /// Whether the token at hand is the keyword `word`.
    pub(super) fn at_word(&self, word: &str) -> bool {
        matches!(self.token, Token::Word(found) if found.eq_ignore_ascii_case(word))
    }

    /// Takes the keyword `word` if it is at hand.
    pub(super) fn take_word(&mut self, word: &str) -> Outcome<bool> {
        let found = self.at_word(word);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    /// Takes `symbol` if it is at hand.
    pub(super) fn take(&mut self, symbol: Symbol) -> Outcome<bool> {
        let found = self.token == Token::Symbol(symbol);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    /// Goes past the token at hand without asking what it means; keys after dots are no keywords.
    pub(super) fn skip(&mut self) -> Outcome<()> {
        if self.token == Token::Symbol(Symbol::Dot) {
            self.lexer.segment()?;
        }
        self.load()
    }

    /// Whether the token after the one at hand is `(`.
    pub(super) fn before_open(&self) -> bool {
        let mut ahead = self.lexer.clone();
        matches!(ahead.token_in_path(), Ok((Token::Symbol(Symbol::Open), _)))
    }

    /// The span from `start` to the end of the last token taken.
    pub(super) fn since(&self, start: usize) -> Span {
        Span { start, end: self.previous_end }
    }

    /// The fault that the token at hand is not `expected`, with the advice that fits it.
    pub(super) fn unexpected(&self, expected: &str) -> Box<Fault> {
        if let Token::Word(word) = self.token
            && let Some(fault) = hint::foreign_word(self.text, word, self.span, self.operand)
        {
            return fault;
        }
        let found = match self.token {
            Token::End => "the end of the text".to_owned(),
            _ => format!("`{}`", hint::clip(&self.text[self.span.start..self.span.end])),
        };
        Fault::new(self.span, format!("expected {expected}, found {found}"))
            .maybe_hint(hint::misplaced(expected, &self.token, self.touched()))
    }

    /// The character right before the token at hand, unless a blank stands between.
    fn touched(&self) -> Option<char> {
        let before = self.text[..self.span.start].chars().next_back();
        before.filter(|_| self.previous_end == self.span.start)
    }

    /// Advances past a word of a path. A dot that follows it begins a key, so `.5` is no number.
    pub(super) fn advance_in_path(&mut self) -> Outcome<()> {
        self.previous = None;
        self.previous_end = self.span.end;
        self.load()
    }

    /// Puts the next token at hand inside a path.
    pub(super) fn load(&mut self) -> Outcome<()> {
        self.previous = None;
        (self.token, self.span) = self.lexer.token_in_path()?;
        Ok(())
    }
}
