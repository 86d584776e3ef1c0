//! Finding the rows for which a plan is true.

mod explain;
mod kernel;
mod linear;
mod mask;
mod scan;
mod selection;
mod targets;

pub use explain::{DeviceExplanation, DeviceStep, Explanation, Step, explain, explain_device};
pub use scan::{select, select_with};
pub use selection::Selection;
pub use targets::Targets;

pub(crate) use scan::{slot_of, value_at};
