//! The one error that leaves the crate: what kind, what message, and what to do about it.
//!
//! Rooms have small enums of their own where a caller inside the crate wants to tell cases
//! apart; at the front door everything is an [`Error`] with a coarse [`ErrorKind`] that says what
//! the caller can do next.

use std::fmt;

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text of a condition or query is wrong: fix the text. [`Error::span`] says where.
    InvalidCondition,
    /// A value, name, id or limit is wrong: fix the value.
    Invalid,
    /// No device has this id.
    DeviceNotFound,
    /// A device with this id exists.
    DeviceExists,
    /// No job has this id.
    JobNotFound,
    /// A job with this id exists.
    JobExists,
    /// The etag given is not the current one: read the twin again and retry.
    PreconditionFailed,
    /// The operation makes no sense in the present state, e.g. cancelling a finished job.
    NotAllowed,
    /// A limit on work in progress is reached: wait and retry.
    Busy,
    /// The hub was closed: open it again.
    Closed,
    /// A worker panicked; the hub refuses further changes: open it again.
    Poisoned,
    /// The caller stopped it. Nothing was changed.
    Interrupted,
    /// A file could not be read or written.
    Io,
}

impl ErrorKind {
    /// The error code of IoT Hub for this kind; its first three digits are the HTTP status.
    #[must_use]
    pub fn hub_code(self) -> u32 {
        match self {
            Self::InvalidCondition | Self::Invalid => 400_004,
            Self::DeviceNotFound => 404_001,
            Self::DeviceExists => 409_001,
            Self::JobNotFound => 404_002,
            Self::JobExists => 409_104,
            Self::PreconditionFailed => 412_001,
            Self::NotAllowed => 405_102,
            Self::Busy => 429_001,
            Self::Closed | Self::Poisoned => 503_001,
            Self::Interrupted | Self::Io => 500_001,
        }
    }
}

/// Why an operation was refused. Nothing was changed.
///
/// [`Display`](fmt::Display) prints the message, then for a bad condition the text with a caret
/// line, then a `hint:` line, each only if there is one.
#[derive(Debug, Clone)]
pub struct Error(Box<Details>);

// In a box: what succeeds should not carry room for what went wrong through every call.
#[derive(Debug, Clone)]
struct Details {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    span: Option<(usize, usize)>,
    rendered: Option<String>,
}

impl Error {
    /// An error of `kind`; `message` is lower case, without a full stop, and names the value.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Details { kind, message, hint: None, span: None, rendered: None }))
    }

    /// [`ErrorKind::Invalid`] with `message`.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// The same error with advice on how to mend it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same error with the byte range of the text at fault, and that text with a caret line.
    #[must_use]
    pub fn with_span(mut self, span: (usize, usize), rendered: impl Into<String>) -> Self {
        self.0.span = Some(span);
        self.0.rendered = Some(rendered.into());
        self
    }

    /// The same error with `context` and a colon before its message, e.g. a line number.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.0.message = format!("{context}: {}", self.0.message);
        self
    }

    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What is wrong, in one line, without the hint.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// How to mend it, if there is advice.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The byte range (start, end) of the condition or query text at fault.
    #[must_use]
    pub fn span(&self) -> Option<(usize, usize)> {
        self.0.span
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if let Some(rendered) = &self.0.rendered {
            write!(f, "\n{rendered}")?;
        }
        if let Some(hint) = &self.0.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::new(ErrorKind::Io, error.to_string())
    }
}
