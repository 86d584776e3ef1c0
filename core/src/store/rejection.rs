//! Why a change was refused.

use crate::twin::Section;

/// Why the store did not make a change. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// The device does not exist (any more).
    NotFound,
    /// A device with this id exists.
    Exists,
    /// The etag is another one.
    Precondition {
        /// The etag of the twin.
        current: String,
    },
    /// The hub has no row left to give.
    Full,
    /// The section would grow beyond its limit.
    TooLarge {
        /// Which section.
        section: Section,
        /// Its size after the change.
        size: u64,
        /// The limit.
        limit: u64,
    },
}
