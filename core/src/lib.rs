//! Millions of device twins in memory, conditions compiled to predicates over columns, and jobs
//! over every device that matches.

pub mod clock;
pub mod dispatch;
pub mod error;
pub mod fleet;
pub mod hub;
pub mod job;
#[doc(hidden)] // for the benchmarks only
pub mod kernel;
pub mod limits;
pub mod plan;
pub mod query;
pub mod schedule;
pub mod select;
pub mod store;
pub mod table;
pub mod twin;

pub use clock::{Clock, ManualClock, Monotonic, Now, SystemClock, Timestamp};
pub use error::{Error, ErrorKind, Result};
pub use hub::{
    Hub, HubBuilder, ImportOptions, ImportProgress, ImportReport, Job, LineError, OnError,
    Prepared, WeakHub,
};
pub use select::{DeviceExplanation, Explanation, Selection};
pub use store::matches_etag;
pub use table::Table;
