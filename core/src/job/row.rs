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

    /// The fields of a row of `devices.jobs`, in their order.
    pub const FIELDS: [&'static str; 10] = [
        "deviceId",
        "jobId",
        "jobType",
        "status",
        "startTimeUtc",
        "endTimeUtc",
        "createdDateTimeUtc",
        "lastUpdatedDateTimeUtc",
        "outcome",
        "error",
    ];

    /// One field of the row as `SELECT * FROM devices.jobs` gives it, if the row has it.
    ///
    /// `startTimeUtc` and `endTimeUtc` have no trailing `Z`, as on the wire of IoT Hub. `outcome`
    /// and `error` are left out where there is none, never null.
    #[must_use]
    pub fn field(&self, name: &str, device_id: &str) -> Option<Value> {
        match name {
            "deviceId" => Some(device_id.into()),
            "jobId" => Some(self.job_id.as_str().into()),
            "jobType" => Some(self.job_type.as_str().into()),
            "status" => Some(self.status.as_str().into()),
            "startTimeUtc" => Some(without_zone(self.start_time).into()),
            "endTimeUtc" => Some(without_zone(self.end_time).into()),
            "createdDateTimeUtc" => Some(self.created_time.to_string().into()),
            "lastUpdatedDateTimeUtc" => Some(self.last_updated_time.to_string().into()),
            "outcome" => self.outcome_json(),
            "error" => self.error().map(|error| {
                let code = format!("{:06}", error.code);
                json!({ "code": code, "description": &*error.description })
            }),
            _ => None,
        }
    }

    /// The whole row.
    #[must_use]
    pub fn to_json(&self, device_id: &str) -> Value {
        let fields = Self::FIELDS.iter();
        let present =
            fields.filter_map(|name| Some(((*name).to_owned(), self.field(name, device_id)?)));
        Value::Object(present.collect::<Map<_, _>>())
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
