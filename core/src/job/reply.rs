//! What a call brought back, or why it did not.

use std::sync::Arc;

/// Why an operation failed: a code of IoT Hub and a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Failure {
    /// Six digits; the first three are the HTTP status, e.g. 404103 for a device not online.
    pub code: u32,
    /// The reason in words, shared by all devices that failed for it.
    pub description: Arc<str>,
}

impl Failure {
    /// A failure with `code` and `description`.
    pub fn new(code: u32, description: impl Into<Arc<str>>) -> Self {
        Self { code, description: description.into() }
    }
}

/// How a call of a method ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CallResult {
    /// The device answered; a status of 400 or more is still an answer.
    Answered {
        /// The device's own status.
        status: i32,
        /// JSON text, or nothing.
        payload: Option<Arc<str>>,
    },
    /// There was no answer.
    Failed(Failure),
}

impl CallResult {
    /// Whether two results are the same; cheap when they share their text.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Answered { status, payload },
                Self::Answered { status: other_status, payload: other_payload },
            ) => {
                status == other_status
                    && match (payload, other_payload) {
                        (None, None) => true,
                        (Some(text), Some(other)) => same_text(text, other),
                        _ => false,
                    }
            }
            (Self::Failed(failure), Self::Failed(other)) => {
                failure.code == other.code && same_text(&failure.description, &other.description)
            }
            _ => false,
        }
    }
}

fn same_text(text: &Arc<str>, other: &Arc<str>) -> bool {
    Arc::ptr_eq(text, other) || text == other
}

/// The end of one device's call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The device's position in the job's target list.
    pub position: u32,
    /// How its call ended.
    pub result: CallResult,
}
