//! Twins as JSON users know them, and as the rest of the engine takes them: flat cells.
//!
//! A [`PathTable`] numbers the places of a twin. Reading a document checks every rule of IoT Hub
//! and gives one cell for each place ([`FlatTwin`]); reading a patch gives the steps that change
//! those cells ([`TwinPatch`]). Nothing here knows how cells are stored.

mod document;
mod path;
mod patch;
mod scalar;
mod size;

pub use document::{FlatTwin, Stamp, check_device_id, flatten_line, flatten_value};
pub use patch::{PatchKind, PatchStep, TwinPatch};
pub use path::{PathId, PathTable, Section};
pub use scalar::Scalar;
pub use size::{SectionSizes, cell_size};
