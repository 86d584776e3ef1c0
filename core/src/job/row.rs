//! One row of `devices.jobs`: what a job did, or will do, on one device.

use serde_json::{Map, Value, json};

use super::{CallResult, DeviceJobStatus, Failure, JobId, JobType};
use crate::Timestamp;

/// What a job did on one device, without the device's id, which the job does not know.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeviceRow<'a> {
    /// The job.
    pub job_id: &'a JobId,
    /// The kind of the job.
    pub job_type: JobType,
    /// How far the job is on this device.
    pub status: DeviceJobStatus,
    /// When the job started.
    pub start_time: Timestamp,
    /// When the job's time is up: start and maximum execution time. Not the finish of the device,
    /// which is [`last_updated_time`](Self::last_updated_time).
    pub end_time: Timestamp,
    /// When the job was created.
    pub created_time: Timestamp,
    /// When the status was set: the job's start and the time since then on the monotonic clock, so
    /// these never go back while a job runs.
    pub last_updated_time: Timestamp,
    /// What the device answered or why it failed, if either.
    pub result: Option<&'a CallResult>,
}

impl DeviceRow<'_> {
    /// The device's status and its payload as JSON text, if it answered a method.
    #[must_use]
    pub fn response(&self) -> Option<(i32, Option<&str>)> {
        match self.result {
            Some(CallResult::Answered { status, payload }) => Some((*status, payload.as_deref())),
            _ => None,
        }
    }

    /// Why the device failed, if it did.
    #[must_use]
    pub fn error(&self) -> Option<&Failure> {
        match self.result {
            Some(CallResult::Failed(failure)) => Some(failure),
            _ => None,
        }
    }

    /// The row as `SELECT * FROM devices.jobs` gives it.
    ///
    /// `startTimeUtc` and `endTimeUtc` have no trailing `Z`, as on the wire of IoT Hub. `outcome`
    /// and `error` are left out where there is none, never null.
    #[must_use]
    pub fn to_json(&self, device_id: &str) -> Value {
        let mut row = Map::new();
        let mut put = |member: &str, value: Value| row.insert(member.to_owned(), value);
        put("deviceId", device_id.into());
        put("jobId", self.job_id.as_str().into());
        put("jobType", self.job_type.as_str().into());
        put("status", self.status.as_str().into());
        put("startTimeUtc", without_zone(self.start_time).into());
        put("endTimeUtc", without_zone(self.end_time).into());
        put("createdDateTimeUtc", self.created_time.to_string().into());
        put("lastUpdatedDateTimeUtc", self.last_updated_time.to_string().into());
        if let Some(outcome) = self.outcome_json() {
            put("outcome", outcome);
        }
        if let Some(error) = self.error() {
            let code = format!("{:06}", error.code);
            put("error", json!({ "code": code, "description": &*error.description }));
        }
        row.into()
    }

    fn outcome_json(&self) -> Option<Value> {
        match (self.job_type, self.response()) {
            (JobType::UpdateTwin, _) => Some(json!({ "deviceMethodResponse": null })),
            (JobType::InvokeMethod, Some((status, payload))) => {
                // Text that is not JSON is shown as it is rather than dropped.
                let read = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| text.into());
                let payload: Value = payload.map_or(Value::Null, read);
                Some(json!({ "deviceMethodResponse": { "status": status, "payload": payload } }))
            }
            (JobType::InvokeMethod, None) => None,
        }
    }
}

fn without_zone(time: Timestamp) -> String {
    let mut text = time.to_string();
    text.pop();
    text
}
