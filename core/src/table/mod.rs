//! Answers as tables: projections, aggregates, and the outcomes of jobs.

mod arrow;
mod cells;
mod devices;
mod documents;
mod group;
mod reader;
#[expect(clippy::module_inception, reason = "the table is the idea of this room")]
mod table;
mod text;
mod value;

pub use cells::Cells;
pub use devices::query_devices;
pub use documents::{Document, query_documents};
pub use table::{Table, TableColumn};
