//! How much of a section's limit a cell takes.
//!
//! Counted as IoT Hub documents it ("Understand and use device twins", read in 2026): keys and
//! strings by their characters without control characters, numbers 8, Booleans 4, objects by
//! their content. Arrays are not mentioned there; they count the characters of their compact
//! text, so that no array, whatever it is full of, is free.

use super::path::Section;
use super::scalar::Scalar;
use crate::limits;

impl Section {
    /// The limit of the section's size; fixed fields have none of their own.
    pub(crate) fn size_limit(self) -> u64 {
        match self {
            Self::Tags => limits::TAGS_BYTES,
            Self::Desired => limits::DESIRED_BYTES,
            Self::Reported => limits::REPORTED_BYTES,
            Self::Fixed => u64::MAX,
        }
    }
}

/// The sizes of the three sections of a twin, counted by [`cell_size`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SectionSizes {
    /// Size of `tags`, at most [`TAGS_BYTES`](crate::limits::TAGS_BYTES).
    pub tags: u64,
    /// Size of `properties.desired`, at most [`DESIRED_BYTES`](crate::limits::DESIRED_BYTES).
    pub desired: u64,
    /// Size of `properties.reported`, at most [`REPORTED_BYTES`](crate::limits::REPORTED_BYTES).
    pub reported: u64,
}

impl SectionSizes {
    /// The size of one section; fixed fields are not counted.
    #[must_use]
    pub fn of(&self, section: Section) -> u64 {
        match section {
            Section::Tags => self.tags,
            Section::Desired => self.desired,
            Section::Reported => self.reported,
            Section::Fixed => 0,
        }
    }

    /// The larger size of each section.
    #[must_use]
    pub fn largest(self, other: Self) -> Self {
        Self {
            tags: self.tags.max(other.tags),
            desired: self.desired.max(other.desired),
            reported: self.reported.max(other.reported),
        }
    }

    /// The sizes of both together.
    pub(super) fn sum(self, other: Self) -> Self {
        Self {
            tags: self.tags + other.tags,
            desired: self.desired + other.desired,
            reported: self.reported + other.reported,
        }
    }

    /// Whether no section is larger than its limit.
    pub(super) fn within_limits(self) -> bool {
        [Section::Tags, Section::Desired, Section::Reported]
            .iter()
            .all(|section| self.of(*section) <= section.size_limit())
    }

    /// Sets the size of one section; fixed fields are not counted.
    pub fn set(&mut self, section: Section, size: u64) {
        match section {
            Section::Tags => self.tags = size,
            Section::Desired => self.desired = size,
            Section::Reported => self.reported = size,
            Section::Fixed => {}
        }
    }
}

/// What one member adds to the size of its section: its key and its value.
///
/// The marker of an object counts only its key, since its members count for themselves.
///
/// # Examples
///
/// ```
/// use twincast::twin::{Scalar, cell_size};
///
/// assert_eq!(cell_size("floor", &Scalar::Int(43)), 5 + 8);
/// assert_eq!(cell_size("site", &Scalar::Str("oslo".into())), 4 + 4);
/// assert_eq!(cell_size("codes", &Scalar::Array("[1,2]".into())), 5 + 5);
/// ```
#[must_use]
pub fn cell_size(key: &str, value: &Scalar<'_>) -> u64 {
    let value = match value {
        Scalar::Null | Scalar::Object => 0,
        Scalar::Bool(_) => BOOL_SIZE,
        Scalar::Int(_) | Scalar::Float(_) => NUMBER_SIZE,
        Scalar::Str(text) | Scalar::Array(text) => text_size(text),
    };
    text_size(key) + value
}

pub(super) const BOOL_SIZE: u64 = 4;
pub(super) const NUMBER_SIZE: u64 = 8;

/// The characters of `text` other than the control characters C0 and C1.
pub(super) fn text_size(text: &str) -> u64 {
    if text.is_ascii() {
        return text.bytes().filter(|byte| *byte >= 0x20).count() as u64;
    }
    let counts = |character: &char| !matches!(character, '\0'..='\x1f' | '\u{80}'..='\u{9f}');
    text.chars().filter(counts).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_count() {
        assert_eq!(text_size("a\n\u{85}é"), 2);
        assert_eq!(text_size("a\tb\u{7f}"), 3);
    }

    #[test]
    fn markers_and_nulls_count_their_key_only() {
        assert_eq!(cell_size("größe", &Scalar::Object), 5);
        assert_eq!(cell_size("gone", &Scalar::Null), 4);
        assert_eq!(cell_size("on", &Scalar::Bool(true)), 6);
    }
}
