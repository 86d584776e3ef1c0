//! Answers as tables: projections, aggregates, and the outcomes of jobs.

mod arrow;
mod cells;
mod devices;
mod documents;
mod group;
mod json;
mod reader;
mod render;
#[expect(clippy::module_inception, reason = "the table is the idea of this room")]
mod table;
mod text;
mod value;
mod values;

pub use cells::Cells;
pub use devices::{QueryProgress, Watch, query_devices};
pub use documents::{Document, query_documents};
pub use table::{Table, TableColumn};
pub use values::Values;
