//! Twins as JSON users know them, and as the rest of the engine takes them: flat cells.
//!
//! A [`PathTable`] numbers the places of a twin. Reading a document checks every rule of IoT Hub
//! and gives one cell for each place ([`FlatTwin`]); reading a patch gives the steps that change
//! those cells ([`TwinPatch`]). Nothing here knows how cells are stored.
//!
//! # Rules
//!
//! Those that IoT Hub documents ("Understand and use device twins", read in 2026), with their
//! numbers in [`limits`](crate::limits). Where that page is silent:
//!
//! - Arrays are one value, replaced as a whole, and kept as compact text; null is allowed inside
//!   them, and counts as the text that it is. Arrays count as levels of nesting.
//! - A null in a user section of a whole twin is refused: null means "remove".
//! - A key given twice in one object is refused; other readers would keep one or the other.
//! - The keys of a user hold no white space and no `#`, which IoT Hub refuses though the page does
//!   not say so. Below `configurations`, which names configurations, keys hold any character.
//! - The range of integers holds for numbers without fraction and exponent; `1e22` is a float.

mod array;
mod document;
mod fixed;
mod metadata;
mod patch;
mod path;
mod places;
mod rules;
mod scalar;
mod scan;
mod shape;
mod size;
mod strict;
mod text;
mod walk;
mod written;

#[cfg(test)]
mod tests;

pub use document::{FlatTwin, LineReader, Stamp, flatten_line, flatten_value, new_device};
pub use patch::{PatchKind, PatchStep, TwinPatch};
pub use path::{PathId, PathReader, PathTable, Section};
pub use rules::check_device_id;
pub use scalar::Scalar;
pub use size::{SectionSizes, cell_size};
pub use strict::strict_ascii;
pub(crate) use text::is_same;
