//! Jobs as pure data: what was asked ([`JobRequest`]), how far it is ([`JobRecord`]), and what
//! happened on each device ([`Outcomes`]).
//!
//! Devices are positions `0..count` of the job's frozen target list; who stands at a position is
//! the hub's business. Nothing here asks a clock, starts a thread or sends anything: the room
//! `schedule` decides who has a turn and moves the records.

mod answer;
mod id;
mod method;
mod outcome;
mod page;
mod record;
mod reply;
mod request;
mod row;
mod statistics;
mod status;

pub use id::JobId;
pub use method::MethodCall;
pub use outcome::{Outcome, Outcomes};
pub use record::JobRecord;
pub use reply::{CallResult, Failure, Reply};
pub use request::{JobKind, JobRequest, JobType};
pub use row::DeviceRow;
pub use statistics::JobStatistics;
pub use status::{DeviceJobStatus, JobStatus};
