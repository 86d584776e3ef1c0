//! What a call brought back, or why it did not.

use std::ops::Range;
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
        self.agrees(other, same_text)
    }

    /// Whether two results are the same as far as can be seen without reading any text.
    pub(crate) fn is_shared(&self, other: &Self) -> bool {
        self.agrees(other, Arc::ptr_eq)
    }

    fn agrees(&self, other: &Self, same_text: fn(&Arc<str>, &Arc<str>) -> bool) -> bool {
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

/// The end of one device's call, or of those of neighbours that ended alike.
///
/// A million calls that all bring back the same are a few replies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The devices' positions in the job's target list.
    pub positions: Range<u32>,
    /// How the call of each of them ended.
    pub result: CallResult,
}

impl Reply {
    /// The end of the call at `position`.
    #[must_use]
    pub fn one(position: u32, result: CallResult) -> Self {
        Self { positions: position..position.saturating_add(1), result }
    }

    /// The ends of the calls from `start` on, in their order; neighbours that visibly ended alike
    /// are one reply.
    pub fn in_order(start: u32, results: impl IntoIterator<Item = CallResult>) -> Vec<Self> {
        let mut replies: Vec<Self> = Vec::new();
        for (position, result) in (start..).zip(results) {
            match replies.last_mut() {
                Some(last) if last.result.is_shared(&result) => last.positions.end += 1,
                _ => replies.push(Self::one(position, result)),
            }
        }
        replies
    }
}
