//! Millions of device twins in memory, conditions compiled to predicates over columns, and jobs
//! over every device that matches.

pub mod clock;
pub mod dispatch;
pub mod error;
pub mod job;
pub mod limits;
pub mod query;

pub use clock::{Clock, ManualClock, Monotonic, Now, SystemClock, Timestamp};
pub use error::{Error, ErrorKind, Result};
