//! Jobs as data: what is asked of devices and what became of it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

/// One direct method, the same for every device of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodCall {
    /// The name of the method.
    pub name: String,
    /// The argument, any JSON, or none.
    pub payload: Option<Value>,
    /// How long a connected device may take to answer.
    pub response_timeout: Duration,
    /// How long a device may take to connect before that.
    pub connect_timeout: Duration,
}

/// Why a call or a patch failed on one device.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Failure {
    /// The six-digit code of IoT Hub; its first three digits are the HTTP status.
    pub code: u32,
    /// The text for people.
    pub description: Arc<str>,
}

/// What became of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallResult {
    /// The device answered, with whatever status it chose.
    Answered {
        /// The status that the device gave.
        status: i32,
        /// The JSON text that came with it.
        payload: Option<Arc<str>>,
    },
    /// No answer of the device.
    Failed(Failure),
}

/// The result of the call on the device at one position of a job's target list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The position in the target list.
    pub position: u32,
    /// What became of the call.
    pub result: CallResult,
}
