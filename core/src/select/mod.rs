//! Finding the rows for which a plan is true.

mod advice;
mod codes;
mod explain;
mod explain_device;
mod kinds;
mod linear;
mod look_up;
mod mask;
mod numbers;
mod scan;
mod selection;
mod targets;
mod test;

pub use explain::{Explanation, Step, explain};
pub use explain_device::{DeviceExplanation, DeviceStep, explain_device};
pub use scan::{select, select_with};
pub use selection::Selection;
pub use targets::Targets;

pub(crate) use scan::slot_of;
pub(crate) use test::value_at;
