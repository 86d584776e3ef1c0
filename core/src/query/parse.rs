//! Builds expressions by operator precedence (Pratt, "Top Down Operator Precedence", 1973).

use std::sync::Arc;

use super::ast::{
    Comparison, Condition, Expr, ExprKind, Function, Literal, Operator, Path, Segment, Source, Span,
};
use super::check;
use super::error::{Fault, Outcome, QueryError};
use super::hint;
use super::token::{Lexer, Symbol, Token};
use crate::limits;

/// Reads a condition: what may stand after WHERE, or a lone `*` for every device.
///
/// Cost: one pass; a list of a million ids takes a fraction of a second.
///
/// # Errors
///
/// The text is not a condition or passes a limit of [`limits`]; the error says where and, if
/// it can, what to write instead.
///
/// # Examples
///
/// ```
/// use twincast::query::parse_condition;
///
/// let condition = parse_condition("Tags.site = 'oslo' and version>2").unwrap();
/// assert_eq!(condition.to_string(), "tags.site = 'oslo' AND version > 2");
/// ```
pub fn parse_condition(text: &str) -> Result<Condition, QueryError> {
    let filter = condition(text).map_err(|fault| fault.in_text(text))?;
    Ok(Condition { text: Arc::from(text), source: Source::Devices, filter })
}

fn condition(text: &str) -> Outcome<Option<Expr>> {
    let mut parser = Parser::new(text, Source::Devices)?;
    match parser.token {
        Token::End => {
            return Err(Fault::new(parser.span, "the condition is empty")
                .hint("`*` stands for every device"));
        }
        Token::Word(word) => {
            if let Some(fault) = hint::statement_in_condition(text, word, parser.span) {
                return Err(fault);
            }
        }
        Token::Symbol(Symbol::Star) => {
            let star = parser.span;
            parser.advance()?;
            return match parser.token {
                Token::End => Ok(None),
                _ => Err(hint::star_with_more(star)),
            };
        }
        _ => {}
    }
    let filter = parser.filter()?;
    match parser.token {
        Token::End => Ok(Some(filter)),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

/// How tightly operators bind; each level takes operands of the next one.
mod power {
    pub(super) const OR: u8 = 1;
    pub(super) const AND: u8 = 2;
    pub(super) const NOT: u8 = 3;
    pub(super) const COMPARE: u8 = 4;
    pub(super) const SUM: u8 = 5;
    pub(super) const PRODUCT: u8 = 6;
    pub(super) const UNARY: u8 = 7;
}

/// Levels of the tree. A pair of parentheses can hold operators of several precedences, so this
/// is more than the nesting that [`limits::QUERY_DEPTH`] allows; it also bounds `1 + 1 + 1 + ...`.
const TREE_DEPTH: usize = 3 * (limits::QUERY_DEPTH + 2);
/// Keys of one path. No twin is that deep.
const PATH_KEYS: usize = limits::QUERY_DEPTH;

/// Words that are no names at the start of a path. After a dot any word is a key.
const KEYWORDS: &[&str] = &[
    "AND", "OR", "NOT", "IN", "NIN", "SELECT", "TOP", "FROM", "WHERE", "GROUP", "BY", "AS",
    "ORDER", "LIKE", "BETWEEN", "IS", "JOIN", "HAVING", "LIMIT", "EXISTS", "CASE",
];

#[derive(Debug, Clone, Copy)]
enum Infix {
    Or,
    And,
    Compare(Comparison),
    In { negated: bool },
    Arithmetic(Operator),
}

impl Infix {
    fn power(self) -> u8 {
        match self {
            Self::Or => power::OR,
            Self::And => power::AND,
            Self::Compare(_) | Self::In { .. } => power::COMPARE,
            Self::Arithmetic(Operator::Add | Operator::Subtract) => power::SUM,
            Self::Arithmetic(_) => power::PRODUCT,
        }
    }
}

/// An expression and the levels of its tree.
struct Node {
    expr: Expr,
    depth: usize,
}

/// The token at hand, and what was seen so far.
pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) token: Token<'a>,
    pub(super) span: Span,
    pub(super) source: Source,
    lexer: Lexer<'a>,
    /// What the token before this one was, if it was a symbol.
    previous: Option<Symbol>,
    /// One past the last byte of the token before this one.
    previous_end: usize,
    /// The last operand that was read whole, for advice.
    operand: Span,
    nesting: usize,
    depth: usize,
    operands: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, source: Source) -> Outcome<Self> {
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
    pub(super) fn at(text: &'a str, position: usize, source: Source) -> Outcome<Self> {
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

    /// A whole expression of any precedence.
    pub(super) fn filter(&mut self) -> Outcome<Expr> {
        Ok(self.expression(power::OR)?.expr)
    }

    fn expression(&mut self, least: u8) -> Outcome<Node> {
        self.depth += 1;
        self.check_tree(self.depth, self.span)?;
        let mut left = self.prefix(least)?;
        let mut compared = false;
        while let Some(infix) = self.infix() {
            if infix.power() < least {
                break;
            }
            if infix.power() == power::COMPARE && compared {
                return Err(Fault::new(self.span, "comparisons cannot be chained")
                    .hint("compare twice, e.g. `1 < tags.x AND tags.x < 3`"));
            }
            compared = infix.power() == power::COMPARE;
            self.advance()?;
            left = self.join(left, infix)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn infix(&self) -> Option<Infix> {
        let infix = match &self.token {
            Token::Symbol(Symbol::Compare(comparison)) => Infix::Compare(*comparison),
            Token::Symbol(Symbol::Plus) => Infix::Arithmetic(Operator::Add),
            Token::Symbol(Symbol::Minus) => Infix::Arithmetic(Operator::Subtract),
            Token::Symbol(Symbol::Star) => Infix::Arithmetic(Operator::Multiply),
            Token::Symbol(Symbol::Slash) => Infix::Arithmetic(Operator::Divide),
            Token::Symbol(Symbol::Percent) => Infix::Arithmetic(Operator::Remainder),
            Token::Word(_) if self.at_word("AND") => Infix::And,
            Token::Word(_) if self.at_word("OR") => Infix::Or,
            Token::Word(_) if self.at_word("IN") => Infix::In { negated: false },
            Token::Word(_) if self.at_word("NIN") => Infix::In { negated: true },
            _ => return None,
        };
        Some(infix)
    }

    /// Reads what stands right of `infix` and joins both sides.
    fn join(&mut self, left: Node, infix: Infix) -> Outcome<Node> {
        let start = left.expr.span.start;
        if let Infix::In { negated } = infix {
            let list = self.list()?;
            let value = Box::new(left.expr);
            let kind = ExprKind::In { negated, value, list };
            return self.node(kind, self.since(start), left.depth);
        }
        let right = self.expression(infix.power() + 1)?;
        let span = Span { start, end: right.expr.span.end.max(self.previous_end) };
        let depth = left.depth.max(right.depth);
        match infix {
            Infix::And => self.chain(left, right, span, true),
            Infix::Or => self.chain(left, right, span, false),
            Infix::Compare(comparison) => {
                let sides = (Box::new(left.expr), Box::new(right.expr));
                self.node(ExprKind::Compare(comparison, sides.0, sides.1), span, depth)
            }
            Infix::Arithmetic(operator) => {
                self.operand = span;
                let sides = (Box::new(left.expr), Box::new(right.expr));
                self.node(ExprKind::Arithmetic(operator, sides.0, sides.1), span, depth)
            }
            Infix::In { .. } => unreachable!("a list was read above"),
        }
    }

    /// Joins two sides of AND or OR into one flat list, whatever parentheses stood around them:
    /// the grouping of equal connectives means nothing.
    fn chain(&self, left: Node, right: Node, span: Span, and: bool) -> Outcome<Node> {
        let mut depth = 0;
        let mut all = Vec::new();
        for side in [left, right] {
            match side.expr.kind {
                ExprKind::And(parts) if and => {
                    depth = depth.max(side.depth - 1);
                    extend(&mut all, parts);
                }
                ExprKind::Or(parts) if !and => {
                    depth = depth.max(side.depth - 1);
                    extend(&mut all, parts);
                }
                _ => {
                    depth = depth.max(side.depth);
                    all.push(side.expr);
                }
            }
        }
        self.node(if and { ExprKind::And(all) } else { ExprKind::Or(all) }, span, depth)
    }

    /// A node whose deepest child has `below` levels.
    fn node(&self, kind: ExprKind, span: Span, below: usize) -> Outcome<Node> {
        self.check_tree(below + 1, span)?;
        Ok(Node { expr: Expr { kind, span }, depth: below + 1 })
    }

    fn check_tree(&self, depth: usize, span: Span) -> Outcome<()> {
        if depth <= TREE_DEPTH {
            return Ok(());
        }
        Err(Fault::new(
            span,
            format!("the condition has more than {TREE_DEPTH} levels of operators"),
        )
        .hint("split it, or compute the constant part beforehand"))
    }

    fn prefix(&mut self, least: u8) -> Outcome<Node> {
        let start = self.span.start;
        let node = match self.token {
            Token::Symbol(Symbol::Open) => {
                self.nest()?;
                let mut inner = self.expression(power::OR)?;
                if !self.take(Symbol::Close)? {
                    return Err(self.unclosed(start));
                }
                inner.expr.span = self.since(start);
                self.nesting -= 1;
                inner
            }
            Token::Symbol(Symbol::Minus | Symbol::Plus) => self.signed()?,
            Token::Word(_) if self.at_word("NOT") => {
                if least > power::NOT {
                    return Err(Fault::new(self.span, "NOT cannot stand here without parentheses")
                        .hint("write `(NOT ...)`, or put NOT before the whole comparison"));
                }
                self.nest()?;
                let inner = self.expression(power::NOT)?;
                self.nesting -= 1;
                let kind = ExprKind::Not(Box::new(inner.expr));
                self.node(kind, self.since(start), inner.depth)?
            }
            Token::Word(word) => self.named(word)?,
            Token::Number(_) | Token::Str(_) => {
                let literal = self.constant("a value")?;
                self.leaf(ExprKind::Literal(literal), start)?
            }
            _ => return Err(self.unexpected("a value")),
        };
        self.operand = self.since(start);
        Ok(node)
    }

    /// Takes the token that opens a level of nesting.
    fn nest(&mut self) -> Outcome<()> {
        self.nesting += 1;
        if self.nesting > limits::QUERY_DEPTH {
            return Err(Fault::new(
                self.span,
                format!("the condition is nested more than {} levels deep", limits::QUERY_DEPTH),
            )
            .hint("parentheses, NOT, signs and calls are levels; AND and OR are not"));
        }
        self.advance()?;
        Ok(())
    }

    fn unclosed(&self, open: usize) -> Box<Fault> {
        if self.token == Token::End {
            let span = Span { start: open, end: open + 1 };
            return Fault::new(span, "this parenthesis is not closed");
        }
        self.unexpected("an operator or `)`")
    }

    fn signed(&mut self) -> Outcome<Node> {
        let start = self.span.start;
        let minus = self.token == Token::Symbol(Symbol::Minus);
        self.nest()?;
        self.nesting -= 1;
        // A sign is a part of the number that follows it, so that a constant is one literal.
        if let Token::Number(value) = self.token {
            self.advance()?;
            let value = if minus { -value } else { value };
            return self.leaf(ExprKind::Literal(Literal::Number(value)), start);
        }
        self.nesting += 1;
        let inner = self.expression(power::UNARY)?;
        self.nesting -= 1;
        let operand = Box::new(inner.expr);
        let kind = if minus {
            ExprKind::Negate(operand)
        } else {
            let zero = Expr {
                kind: ExprKind::Literal(Literal::Number(0.0)),
                span: Span { start, end: start + 1 },
            };
            ExprKind::Arithmetic(Operator::Add, Box::new(zero), operand)
        };
        self.node(kind, self.since(start), inner.depth)
    }

    /// An operand without operands of its own, from `start` to the last token taken.
    fn leaf(&mut self, kind: ExprKind, start: usize) -> Outcome<Node> {
        let span = self.since(start);
        self.operands += 1;
        if self.operands > limits::QUERY_TERMS {
            return Err(Fault::new(
                span,
                format!("the condition has more than {} operands", limits::QUERY_TERMS),
            )
            .hint("compare one path with many constants by IN: `deviceId IN ['a', 'b']`"));
        }
        self.node(kind, span, 0)
    }

    /// What begins with a word: a constant, a call or a path.
    fn named(&mut self, word: &'a str) -> Outcome<Node> {
        let start = self.span.start;
        if KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(word)) {
            return Err(self.unexpected("a value"));
        }
        if let Some(literal) = named_constant(word) {
            self.advance()?;
            return self.leaf(ExprKind::Literal(literal), start);
        }
        if self.before_open() {
            return self.call(word);
        }
        let path = self.path()?;
        self.leaf(ExprKind::Path(path), start)
    }

    fn call(&mut self, name: &str) -> Outcome<Node> {
        let span = self.span;
        let function = Function::named(name).ok_or_else(|| hint::unknown_function(name, span))?;
        self.advance()?;
        self.nest()?;
        let mut arguments = Vec::new();
        let mut depth = 0;
        if self.token != Token::Symbol(Symbol::Close) {
            loop {
                let argument = self.expression(power::OR)?;
                depth = depth.max(argument.depth);
                arguments.push(argument.expr);
                if !self.take(Symbol::Comma)? {
                    break;
                }
            }
        }
        if !self.take(Symbol::Close)? {
            if self.token == Token::End {
                return Err(
                    Fault::new(span, format!("the call of {name} is not closed")).hint("add `)`")
                );
            }
            return Err(self.unexpected("`,` or `)`"));
        }
        self.nesting -= 1;
        let whole = self.since(span.start);
        if !function.takes(arguments.len()) {
            let count = arguments.len();
            let name = function.name();
            let message = match count {
                0 => format!("{name} cannot be called without arguments"),
                1 => format!("{name} cannot be called with 1 argument"),
                _ => format!("{name} cannot be called with {count} arguments"),
            };
            return Err(Fault::new(whole, message).hint(format!("write `{}`", function.usage())));
        }
        if function == Function::IsDefined && !matches!(arguments[0].kind, ExprKind::Path(_)) {
            return Err(Fault::new(arguments[0].span, "IS_DEFINED takes a path")
                .hint("write e.g. `IS_DEFINED(tags.site)`"));
        }
        self.operands += 1;
        self.node(ExprKind::Call(function, arguments), whole, depth)
    }

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

    /// Advances past a word of a path. A dot that follows it begins a key, so `.5` is no number.
    fn advance_in_path(&mut self) -> Outcome<()> {
        self.previous = None;
        self.previous_end = self.span.end;
        self.load()
    }

    /// Puts the next token at hand inside a path.
    fn load(&mut self) -> Outcome<()> {
        self.previous = None;
        (self.token, self.span) = self.lexer.token_in_path()?;
        Ok(())
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
    fn list(&mut self) -> Outcome<Arc<[Literal]>> {
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
    fn constant(&mut self, expected: &str) -> Outcome<Literal> {
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
        Ok(match self.advance()? {
            Token::Number(value) => Literal::Number(value),
            Token::Str(text) => Literal::Str(Arc::from(text)),
            _ => unreachable!("other tokens were refused above"),
        })
    }
}

/// Appends `parts`, or takes them whole if nothing is there yet, so that a long chain costs no
/// more than its length.
fn extend(all: &mut Vec<Expr>, mut parts: Vec<Expr>) {
    if all.is_empty() {
        *all = parts;
    } else {
        all.append(&mut parts);
    }
}

fn named_constant(word: &str) -> Option<Literal> {
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
