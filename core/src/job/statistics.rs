//! The counts of a job, which always add up.

use serde_json::{Value, json};

/// How many devices of a job stand where.
///
/// `device_count = failed_count + succeeded_count + running_count + pending_count`, in every
/// answer. `failed_count` and `succeeded_count` never decrease; in a completed job the other two
/// are zero. Before the devices are known all are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobStatistics {
    /// Devices in the job's target list.
    pub device_count: u32,
    /// Devices that failed, see [`DeviceJobStatus::Failed`](super::DeviceJobStatus::Failed).
    pub failed_count: u32,
    /// Devices that were patched or that answered.
    pub succeeded_count: u32,
    /// Devices being patched or called.
    pub running_count: u32,
    /// Devices whose turn has not come, or in a cancelled job never came.
    pub pending_count: u32,
}

impl JobStatistics {
    /// The object `deviceJobStatistics` of a job on the wire.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "deviceCount": self.device_count,
            "failedCount": self.failed_count,
            "succeededCount": self.succeeded_count,
            "runningCount": self.running_count,
            "pendingCount": self.pending_count,
        })
    }
}
