//! Prints trees as canonical text, which parses to the same tree.

use std::fmt;

use super::ast::{
    Comparison, Condition, Expr, ExprKind, Literal, Operator, Path, Query, Segment, Select,
    SelectItem, SelectValue, Source,
};
use super::token::{is_name, is_name_start};

/// Precedence, from the loosest; what binds looser than its place asks for gets parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Or,
    And,
    Not,
    Compare,
    Sum,
    Product,
    Unary,
    Operand,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.filter {
            None => f.write_str("*"),
            Some(filter) => filter.fmt(f),
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SELECT ")?;
        if let Some(top) = self.top {
            write!(f, "TOP {top} ")?;
        }
        match &self.select {
            Select::All => f.write_str("*")?,
            Select::Items(items) => {
                for (index, item) in items.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", " })?;
                    print_item(f, item, index + 1)?;
                }
            }
        }
        let source = match self.source {
            Source::Devices => "devices",
            Source::Jobs => "devices.jobs",
        };
        write!(f, " FROM {source}")?;
        if let Some(filter) = &self.filter {
            write!(f, " WHERE {filter}")?;
        }
        for (index, path) in self.group_by.iter().enumerate() {
            write!(f, "{}{path}", if index == 0 { " GROUP BY " } else { ", " })?;
        }
        Ok(())
    }
}

fn print_item(f: &mut fmt::Formatter<'_>, item: &SelectItem, position: usize) -> fmt::Result {
    match &item.value {
        SelectValue::Path(path) => write!(f, "{path}")?,
        SelectValue::Aggregate(aggregate, None) => write!(f, "{}()", aggregate.name())?,
        SelectValue::Aggregate(aggregate, Some(path)) => {
            write!(f, "{}({path})", aggregate.name())?;
        }
    }
    if item.name == item.value.default_name(position) {
        return Ok(());
    }
    write!(f, " AS {}", item.name)
}

impl SelectValue {
    /// The name of the column that shows this value at `position`, counted from 1, without AS.
    pub(super) fn default_name(&self, position: usize) -> String {
        match self {
            Self::Path(Path { segments, .. }) => match segments.last() {
                Some(Segment::Key(key)) => key.clone(),
                _ => format!("${position}"),
            },
            Self::Aggregate(..) => format!("${position}"),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Index(element) => write!(f, "[{element}]")?,
                Segment::Key(key) if is_plain(key) => {
                    write!(f, "{}{key}", if index == 0 { "" } else { "." })?;
                }
                Segment::Key(key) if fits_brackets(key) => write!(f, ".[[{key}]]")?,
                Segment::Key(key) => {
                    f.write_str("[")?;
                    print_string(f, key)?;
                    f.write_str("]")?;
                }
            }
        }
        Ok(())
    }
}

fn is_plain(key: &str) -> bool {
    let mut bytes = key.bytes();
    bytes.next().is_some_and(is_name_start) && bytes.all(is_name)
}

fn fits_brackets(key: &str) -> bool {
    !key.contains("]]") && !key.ends_with(']') && !key.contains(char::is_control)
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undefined => f.write_str("undefined"),
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            // Plain digits up to where doubles are exact, then with an exponent.
            Self::Number(value) if (1e-5..1e16).contains(&value.abs()) || *value == 0.0 => {
                write!(f, "{value}")
            }
            Self::Number(value) => write!(f, "{value:e}"),
            Self::Str(text) => print_string(f, text),
        }
    }
}

fn print_string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("'")?;
    let special = |c: char| c == '\'' || c == '\\' || c.is_control();
    let mut rest = text;
    while let Some(at) = rest.find(special) {
        f.write_str(&rest[..at])?;
        let mut after = rest[at..].chars();
        match after.next() {
            Some(plain @ ('\'' | '\\')) => write!(f, "\\{plain}")?,
            Some(control) => write!(f, "\\u{:04x}", u32::from(control))?,
            None => {}
        }
        rest = after.as_str();
    }
    write!(f, "{rest}'")
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        })
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        })
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Literal(literal) => literal.fmt(f),
            ExprKind::Path(path) => path.fmt(f),
            ExprKind::Not(inner) => {
                f.write_str("NOT ")?;
                operand(f, inner, Level::Not)
            }
            ExprKind::And(parts) => chain(f, parts, " AND ", Level::Not),
            ExprKind::Or(parts) => chain(f, parts, " OR ", Level::And),
            ExprKind::Compare(comparison, left, right) => {
                operand(f, left, Level::Sum)?;
                write!(f, " {comparison} ")?;
                operand(f, right, Level::Sum)
            }
            ExprKind::In { negated, value, list } => {
                operand(f, value, Level::Sum)?;
                f.write_str(if *negated { " NIN [" } else { " IN [" })?;
                for (index, item) in list.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            ExprKind::Negate(inner) => {
                f.write_str("-")?;
                // A sign before a number would become a part of it.
                let least = match inner.kind {
                    ExprKind::Literal(Literal::Number(_)) => None,
                    _ => Some(Level::Operand),
                };
                parenthesized_below(f, inner, least)
            }
            ExprKind::Arithmetic(operator, left, right) => {
                // Equal precedence groups from the left.
                let (first, second) = match operator {
                    Operator::Add | Operator::Subtract => (Level::Sum, Level::Product),
                    _ => (Level::Product, Level::Unary),
                };
                operand(f, left, first)?;
                write!(f, " {operator} ")?;
                operand(f, right, second)
            }
            ExprKind::Call(function, arguments) => {
                write!(f, "{}(", function.name())?;
                chain(f, arguments, ", ", Level::Or)?;
                f.write_str(")")
            }
        }
    }
}

fn chain(f: &mut fmt::Formatter<'_>, parts: &[Expr], between: &str, least: Level) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { between })?;
        operand(f, part, least)?;
    }
    Ok(())
}

fn operand(f: &mut fmt::Formatter<'_>, expr: &Expr, least: Level) -> fmt::Result {
    parenthesized_below(f, expr, Some(least))
}

/// Prints `expr`, in parentheses if it binds looser than `least` or if nothing binds enough.
fn parenthesized_below(
    f: &mut fmt::Formatter<'_>,
    expr: &Expr,
    least: Option<Level>,
) -> fmt::Result {
    if least.is_some_and(|least| level(expr) >= least) {
        return write!(f, "{expr}");
    }
    write!(f, "({expr})")
}

fn level(expr: &Expr) -> Level {
    match &expr.kind {
        ExprKind::Or(_) => Level::Or,
        ExprKind::And(_) => Level::And,
        ExprKind::Not(_) => Level::Not,
        ExprKind::Compare(..) | ExprKind::In { .. } => Level::Compare,
        ExprKind::Arithmetic(Operator::Add | Operator::Subtract, ..) => Level::Sum,
        ExprKind::Arithmetic(..) => Level::Product,
        ExprKind::Negate(_) => Level::Unary,
        ExprKind::Literal(Literal::Number(value)) if value.is_sign_negative() => Level::Unary,
        ExprKind::Literal(_) | ExprKind::Path(_) | ExprKind::Call(..) => Level::Operand,
    }
}
