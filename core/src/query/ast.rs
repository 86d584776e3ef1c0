//! What a text means once it is parsed and checked.

use std::sync::Arc;

use super::text::Text;

/// A range of bytes of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A checked condition: what may stand after WHERE, or a lone `*`.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The text as given.
    pub text: Arc<str>,
    /// Which documents the condition is about. A condition is about devices unless a query says
    /// otherwise.
    pub source: Source,
    /// What must be true; `None` for `*`.
    pub filter: Option<Expr>,
}

/// A checked query.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The text as given.
    pub text: Arc<str>,
    /// `TOP n`.
    pub top: Option<u64>,
    /// What is selected.
    pub select: Select,
    /// FROM.
    pub source: Source,
    /// WHERE; `None` if absent.
    pub filter: Option<Expr>,
    /// GROUP BY; empty if absent.
    pub group_by: Vec<Path>,
}

/// The documents that a query is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// `devices`: one twin a device.
    Devices,
    /// `devices.jobs`: one row for each device of each job.
    Jobs,
}

/// The list after SELECT.
#[derive(Debug, Clone, PartialEq)]
pub enum Select {
    /// `*`.
    All,
    /// Paths and aggregates.
    Items(Vec<SelectItem>),
}

/// One element of a SELECT list.
#[derive(Debug, Clone, PartialEq)]
pub struct SelectItem {
    /// What is shown.
    pub value: SelectValue,
    /// The name of the column: the alias, or the last segment of a path, or `$1`, `$2`, ... by
    /// position for an aggregate.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// What one element of a SELECT list shows.
#[derive(Debug, Clone, PartialEq)]
pub enum SelectValue {
    /// The value at a path.
    Path(Path),
    /// An aggregate; the path is absent only for COUNT.
    Aggregate(Aggregate, Option<Path>),
}

/// An aggregate function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aggregate {
    /// The number of documents.
    Count,
    /// The mean of the numbers.
    Avg,
    /// The sum of the numbers.
    Sum,
    /// The least value, numbers before strings.
    Min,
    /// The greatest value, numbers before strings.
    Max,
}

/// A place in a document. The first segment is the canonical name of a root field.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// Keys and array indexes, at least one.
    pub segments: Vec<Segment>,
    /// Where it stands.
    pub span: Span,
}

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    /// A member of an object.
    Key(String),
    /// An element of an array, from zero.
    Index(u32),
}

/// A constant.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `undefined`.
    Undefined,
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Any number, as the IEEE double that the language computes with.
    Number(f64),
    /// A string, unescaped.
    Str(Text),
}

/// An expression with its place in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// What an expression is. Its depth is limited, so a recursive walk is safe.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// A constant.
    Literal(Literal),
    /// The value at a path.
    Path(Path),
    /// `NOT x`.
    Not(Box<Expr>),
    /// `a AND b AND ...`, at least two, flattened.
    And(Vec<Expr>),
    /// `a OR b OR ...`, at least two, flattened.
    Or(Vec<Expr>),
    /// A comparison.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// `x IN [..]`, or `x NIN [..]` if negated.
    In {
        /// True for NIN.
        negated: bool,
        /// The left side.
        value: Box<Expr>,
        /// The constants, at least one.
        list: Arc<[Literal]>,
    },
    /// `- x`. Unary plus, `+x`, is `0 + x`.
    Negate(Box<Expr>),
    /// Arithmetic.
    Arithmetic(Operator, Box<Expr>, Box<Expr>),
    /// A call; the number of arguments is right, and IS_DEFINED has a path.
    Call(Function, Vec<Expr>),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=` or `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// An arithmetic operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
}

/// A function of the language. STARTSWITH, ENDSWITH are other spellings of STARTS_WITH, ENDS_WITH.
#[allow(missing_docs, reason = "the names are those of the language")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    Abs,
    Exp,
    Power,
    Square,
    Ceiling,
    Floor,
    Sign,
    Sqrt,
    AsNumber,
    IsArray,
    IsBool,
    IsDefined,
    IsNull,
    IsNumber,
    IsObject,
    IsPrimitive,
    IsString,
    Concat,
    Length,
    Lower,
    Upper,
    Substring,
    IndexOf,
    StartsWith,
    EndsWith,
    Contains,
    ArrayContains,
}

impl Query {
    /// Whether it answers groups instead of documents.
    #[must_use]
    pub fn is_aggregate(&self) -> bool {
        let has_aggregate = match &self.select {
            Select::All => false,
            Select::Items(items) => {
                items.iter().any(|item| matches!(item.value, SelectValue::Aggregate(..)))
            }
        };
        has_aggregate || !self.group_by.is_empty()
    }
}
