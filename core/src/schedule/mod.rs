//! All jobs of a hub as one state machine: [`Scheduler::step`] takes what happened and says what to
//! do next.
//!
//! The machine is pure. It has no threads, channels or clocks, and its order does not depend on
//! hashing, so the same inputs at the same times give the same outputs; a seeded simulation drives
//! the same code as the hub does. `docs/job-states.md` draws the states.

mod calendar;
mod entry;
mod feedback;
mod hand_out;
mod life;
mod limits;
mod message;
mod scheduler;
#[cfg(test)]
mod tests;
mod turn;
mod work;

pub use calendar::Due;
pub use limits::SchedulerLimits;
pub use message::{Input, Output};
pub use scheduler::Scheduler;
