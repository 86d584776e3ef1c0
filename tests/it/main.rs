//! What is tested across rooms, in one binary, so that it links once.

use std::path::Path;

mod columns;
mod conditions;
mod fleets;
mod fuzz;
mod golden;
mod house;
mod ids;
mod imports;
mod jobs;
mod lines;
mod metadata;
mod patches;
mod queries;

/// The folder that holds the workspace.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
