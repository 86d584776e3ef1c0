//! Builds expressions by operator precedence (Pratt, "Top Down Operator Precedence", 1973).

use std::sync::Arc;

use super::ast::{
    Comparison, Condition, Expr, ExprKind, Function, Literal, Operator, Source, Span,
};
use super::cursor::Parser;
use super::error::{Fault, Outcome, QueryError};
use super::hint;
use super::name;
use super::operand::named_constant;
use super::token::{Symbol, Token};
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
/// let condition = parse_condition("Tags.site = 'oslo' and version>2")?;
/// assert_eq!(condition.to_string(), "tags.site = 'oslo' AND version > 2");
/// # Ok::<(), twincast::Error>(())
/// ```
pub fn parse_condition(text: &str) -> Result<Condition, QueryError> {
    let whole = Arc::from(text);
    let filter = condition(&whole).map_err(|fault| fault.in_text(text))?;
    Ok(Condition { text: whole, source: Source::Devices, filter })
}

fn condition(text: &Arc<str>) -> Outcome<Option<Expr>> {
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

/// Words that are no names at the start of a path. After a dot any word is a key.
#[rustfmt::skip]
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

impl<'a> Parser<'a> {
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
        let function = Function::named(name).ok_or_else(|| name::unknown_function(name, span))?;
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
