//! Twins as JSON users know them, and as the rest of the engine takes them: flat cells.
//!
//! A [`PathTable`] numbers the places of a twin. Reading a document checks every rule of IoT Hub
//! and gives one cell for each place ([`FlatTwin`]); reading a patch gives the steps that change
//! those cells ([`TwinPatch`]). Nothing here knows how cells are stored.

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
mod size;
mod strict;
mod walk;

#[cfg(test)]
mod tests;

pub use document::{FlatTwin, Stamp, flatten_line, flatten_value, new_device};
pub use patch::{PatchKind, PatchStep, TwinPatch};
pub use path::{PathId, PathReader, PathTable, Section};
pub use rules::check_device_id;
pub use scalar::Scalar;
pub use size::{SectionSizes, cell_size};
pub use strict::strict_ascii;
