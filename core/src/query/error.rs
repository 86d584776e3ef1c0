//! Why a text was refused, and how that is shown.

use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::ast::Span;
use crate::error::{Error, ErrorKind};

/// Columns of the line at fault that are shown.
const SHOWN_COLUMNS: usize = 76;
/// Columns shown before the fault if the line is too long to be shown whole.
const SHOWN_BEFORE: usize = 28;
const ELLIPSIS: &str = "...";

/// Why a condition or query was refused, and where.
///
/// [`Display`](fmt::Display) prints the message, the line at fault with carets below it, and a
/// hint if there is one:
///
/// ```
/// let error = twincast::query::parse_condition("deviceId == 'a'").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "\
/// `==` is not an operator
///   |
/// 1 | deviceId == 'a'
///   |          ^^
/// hint: write `=`"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError {
    fault: Box<Fault>,
    snippet: String,
}

impl QueryError {
    /// What is wrong, in one line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.fault.message
    }

    /// What to write instead, if that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.fault.hint.as_deref()
    }

    /// The bytes of the text at fault; empty at the end if something is missing there.
    #[must_use]
    pub fn span(&self) -> Span {
        self.fault.span
    }

    /// The line at fault, cut to the width of a terminal, and carets below it.
    #[must_use]
    pub fn snippet(&self) -> &str {
        &self.snippet
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.fault.message, self.snippet)?;
        if let Some(hint) = &self.fault.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for QueryError {}

impl From<QueryError> for Error {
    fn from(error: QueryError) -> Self {
        let Fault { span, message, hint } = *error.fault;
        let outer = Self::new(ErrorKind::InvalidCondition, message)
            .with_span((span.start, span.end), error.snippet);
        match hint {
            Some(hint) => outer.with_hint(hint),
            None => outer,
        }
    }
}

/// The result of reading a part of a text. The fault is boxed to keep the good case small.
pub(super) type Outcome<T> = Result<T, Box<Fault>>;

/// A [`QueryError`] before the text around it is attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    span: Span,
    message: String,
    hint: Option<String>,
}

impl Fault {
    pub(super) fn new(span: Span, message: impl Into<String>) -> Box<Self> {
        Box::new(Self { span, message: message.into(), hint: None })
    }

    /// The same fault with advice.
    #[must_use]
    pub(super) fn hint(mut self: Box<Self>, hint: impl Into<String>) -> Box<Self> {
        self.hint = Some(hint.into());
        self
    }

    /// The same fault with advice, if there is any.
    #[must_use]
    pub(super) fn maybe_hint(mut self: Box<Self>, hint: Option<String>) -> Box<Self> {
        self.hint = hint.or(self.hint);
        self
    }

    /// The error that the caller gets: this fault in `text`.
    pub(super) fn in_text(mut self: Box<Self>, text: &str) -> QueryError {
        // What the user wrote may hold line breaks; message and hint are one line each.
        for line in [Some(&mut self.message), self.hint.as_mut()].into_iter().flatten() {
            *line = line.replace(char::is_control, " ");
        }
        let snippet = snippet(text, self.span);
        QueryError { fault: self, snippet }
    }
}

/// Shows `span` in its line. Cost: one pass over the text before it to count lines; the rest does
/// not depend on how long the text or the line is.
fn snippet(text: &str, span: Span) -> String {
    let line_number = 1 + memchr::memchr_iter(b'\n', &text.as_bytes()[..span.start]).count();
    let before = &text[..span.start];
    let after = &text[span.start..];
    let columns_before = before.chars().rev().take(SHOWN_COLUMNS).take_while(|c| *c != '\n');
    let columns_before = columns_before.count();
    let columns_after = after.chars().take(SHOWN_COLUMNS).take_while(|c| *c != '\n').count();
    let (keep_before, keep_after) = if columns_before + columns_after < SHOWN_COLUMNS {
        (columns_before, columns_after)
    } else {
        let most_before = SHOWN_BEFORE.max(SHOWN_COLUMNS.saturating_sub(columns_after));
        let keep_before = columns_before.min(most_before);
        (keep_before, columns_after.min(SHOWN_COLUMNS - keep_before))
    };
    let start = span.start - bytes(before.chars().rev().take(keep_before));
    let end = span.start + bytes(after.chars().take(keep_after));
    let cut_before = if keep_before < columns_before { ELLIPSIS } else { "" };
    let cut_after = if keep_after < columns_after { ELLIPSIS } else { "" };
    let excerpt = format!("{cut_before}{}{cut_after}", text[start..end].trim_end_matches('\r'));
    let shift = cut_before.len();
    let first = span.start - start + shift;
    let last = (span.end.min(end) - start + shift).max(first).min(excerpt.len());
    let shown = Snippet::source(excerpt.as_str())
        .line_start(line_number)
        .annotation(AnnotationKind::Primary.span(first.min(last)..last));
    let report = [Group::with_level(Level::ERROR).element(shown)];
    Renderer::plain().render(&report).trim_end().to_owned()
}

fn bytes(characters: impl Iterator<Item = char>) -> usize {
    characters.map(char::len_utf8).sum()
}
