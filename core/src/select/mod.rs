//! Finding the rows for which a plan is true.

mod advice;
mod explain;
mod explain_device;
mod kernel;
mod kinds;
mod linear;
mod mask;
mod scan;
mod selection;
mod targets;

pub use explain::{Explanation, Step, explain};
pub use explain_device::{DeviceExplanation, DeviceStep, explain_device};
pub use scan::{select, select_with};
pub use selection::Selection;
pub use targets::Targets;

pub(crate) use scan::{slot_of, value_at};
