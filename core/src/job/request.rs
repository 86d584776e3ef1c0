//! What a caller asks for: a kind of work, a condition, and when.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{JobId, MethodCall};
use crate::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::{EXECUTION_SECONDS_DEFAULT, QUERY_BYTES};

/// What a job does to each device.
#[derive(Debug, Clone, PartialEq)]
pub enum JobKind {
    /// Merges a patch into the twin.
    UpdateTwin {
        /// The patch as given: `tags` and `properties.desired`, null removes. Opaque here; the
        /// hub checks it before the job is taken.
        body: Value,
    },
    /// Calls a direct method.
    InvokeMethod(MethodCall),
}

impl JobKind {
    /// The kind without its details.
    #[must_use]
    pub fn job_type(&self) -> JobType {
        match self {
            Self::UpdateTwin { .. } => JobType::UpdateTwin,
            Self::InvokeMethod(_) => JobType::InvokeMethod,
        }
    }
}

/// A kind of job, as callers filter by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobType {
    /// Patches twins.
    UpdateTwin,
    /// Calls methods.
    InvokeMethod,
}

impl JobType {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UpdateTwin => "scheduleUpdateTwin",
            Self::InvokeMethod => "scheduleDeviceMethod",
        }
    }

    /// Reads the word of the wire in any letter case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::UpdateTwin, Self::InvokeMethod]
            .into_iter()
            .find(|kind| text.eq_ignore_ascii_case(kind.as_str()))
    }
}

/// A job as it is asked for.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use twincast::job::{JobKind, JobRequest};
///
/// let request = JobRequest::from_json(&json!({
///     "jobId": "job01",
///     "type": "scheduleUpdateTwin",
///     "updateTwin": {"etag": "*", "tags": {"floor": 3}},
///     "queryCondition": "tags.building = '43'",
///     "startTime": "2026-01-02T03:04:05Z",
///     "maxExecutionTimeInSeconds": 60,
/// }))?;
/// assert_eq!(request.condition, "tags.building = '43'");
/// assert!(matches!(request.kind, JobKind::UpdateTwin { .. }));
/// # Ok::<(), twincast::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct JobRequest {
    /// The id, or none: the hub makes one up.
    pub id: Option<JobId>,
    /// What to do to each device.
    pub kind: JobKind,
    /// Which devices: a condition, or `*` for all.
    pub condition: String,
    /// When to start; none or a past time means at once.
    pub start_time: Option<Timestamp>,
    /// How long the job may run; zero means the default, an hour.
    pub max_execution: Duration,
}

impl JobRequest {
    /// A request to do `kind` to the devices that satisfy `condition`: at once, for an hour at
    /// most, under an id to be made up.
    #[must_use]
    pub fn new(kind: JobKind, condition: impl Into<String>) -> Self {
        Self {
            id: None,
            kind,
            condition: condition.into(),
            start_time: None,
            max_execution: Duration::from_secs(EXECUTION_SECONDS_DEFAULT),
        }
    }

    /// How long the job may run: [`max_execution`](Self::max_execution), or the default for zero.
    #[must_use]
    pub fn execution_limit(&self) -> Duration {
        if self.max_execution.is_zero() {
            Duration::from_secs(EXECUTION_SECONDS_DEFAULT)
        } else {
            self.max_execution
        }
    }

    /// Checks all that can be checked without a fleet: the method, the shape of the patch, the
    /// length of the condition.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] that names the member as the REST interface does.
    pub fn check(&self) -> Result<()> {
        match &self.kind {
            JobKind::UpdateTwin { body } if !body.is_object() => {
                return Err(Error::invalid("`updateTwin` is not an object"));
            }
            JobKind::UpdateTwin { .. } => {}
            JobKind::InvokeMethod(call) => call.check()?,
        }
        let length = self.condition.len();
        if length > QUERY_BYTES {
            let message = format!("`queryCondition` has {length} bytes, more than {QUERY_BYTES}");
            return Err(Error::invalid(message));
        }
        Ok(())
    }

    /// Reads the body of `PUT /jobs/v2/{id}`. Members that are not listed there are ignored.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if a member is missing, of another type or out of its range;
    /// [`ErrorKind::PreconditionFailed`] if the patch of a twin job lacks `"etag": "*"`.
    pub fn from_json(request: &Value) -> Result<Self> {
        let Value::Object(request) = request else {
            return Err(Error::invalid("a job request is not an object"));
        };
        let id = text(request, "jobId")?.map(JobId::new).transpose()?;
        let kind = kind(request)?;
        let condition = text(request, "queryCondition")?.ok_or_else(|| {
            Error::invalid("`queryCondition` is missing").with_hint("write `*` for all devices")
        })?;
        let start_time = text(request, "startTime")?
            .map(|time| Timestamp::parse(time).map_err(|error| error.context("`startTime`")))
            .transpose()?;
        let request = Self {
            id,
            start_time,
            max_execution: max_execution(request)?,
            ..Self::new(kind, condition)
        };
        request.check()?;
        Ok(request)
    }

    /// The members that say what the job does, as they stand in a job on the wire: one of
    /// `updateTwin` and `cloudToDeviceMethod`.
    pub(super) fn kind_json(&self) -> (&'static str, Value) {
        match &self.kind {
            JobKind::UpdateTwin { body } => {
                let mut echo = Map::new();
                echo.insert("deviceId".into(), Value::Null);
                echo.insert("etag".into(), "*".into());
                if let Some(tags) = body.get("tags") {
                    echo.insert("tags".into(), tags.clone());
                }
                if let Some(desired) = body.get("properties").and_then(|all| all.get("desired")) {
                    echo.insert("properties".into(), json!({ "desired": desired }));
                }
                ("updateTwin", echo.into())
            }
            JobKind::InvokeMethod(call) => ("cloudToDeviceMethod", call.to_json()),
        }
    }
}

fn kind(request: &Map<String, Value>) -> Result<JobKind> {
    const HINT: &str = "write `scheduleUpdateTwin` or `scheduleDeviceMethod`";
    let word = text(request, "type")?
        .ok_or_else(|| Error::invalid("`type` is missing").with_hint(HINT))?;
    // Requests name the type exactly; only filters come in any letter case.
    match JobType::parse(word).filter(|kind| kind.as_str() == word) {
        Some(JobType::UpdateTwin) => {
            let body = object(request, "updateTwin")?;
            if body.get("etag") != Some(&Value::from("*")) {
                let message = "the etag in `updateTwin` does not match that of the existing \
                               resource, as RFC 7232 asks";
                return Err(Error::new(ErrorKind::PreconditionFailed, message)
                    .with_hint("write \"etag\": \"*\": a job updates twins whatever their etag"));
            }
            Ok(JobKind::UpdateTwin { body: body.clone().into() })
        }
        Some(JobType::InvokeMethod) => {
            MethodCall::from_json(object(request, "cloudToDeviceMethod")?)
                .map(JobKind::InvokeMethod)
        }
        None => {
            let shown: String = word.chars().take(64).collect();
            Err(Error::invalid(format!("`{shown}` is not a type of job")).with_hint(HINT))
        }
    }
}

fn max_execution(request: &Map<String, Value>) -> Result<Duration> {
    const MEMBER: &str = "maxExecutionTimeInSeconds";
    let seconds = match request.get(MEMBER) {
        None | Some(Value::Null) => 0,
        Some(value) => {
            value.as_i64().and_then(|seconds| u64::try_from(seconds).ok()).ok_or_else(|| {
                Error::invalid(format!("`{MEMBER}` is not a whole number of 0 or more"))
                    .with_hint("0 means the default of an hour")
            })?
        }
    };
    Ok(Duration::from_secs(if seconds == 0 { EXECUTION_SECONDS_DEFAULT } else { seconds }))
}

/// A string member; absent and null are `None`.
fn text<'a>(request: &'a Map<String, Value>, member: &str) -> Result<Option<&'a str>> {
    match request.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::invalid(format!("`{member}` is not a string"))),
    }
}

fn object<'a>(request: &'a Map<String, Value>, member: &str) -> Result<&'a Map<String, Value>> {
    match request.get(member) {
        None | Some(Value::Null) => Err(Error::invalid(format!("`{member}` is missing"))),
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err(Error::invalid(format!("`{member}` is not an object"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(request: &Value) -> String {
        JobRequest::from_json(request).unwrap_err().message().to_owned()
    }

    /// A good request with other values for some members; null takes a member away.
    fn twin_job(change: Value) -> Value {
        let mut request = json!({
            "jobId": "job01",
            "type": "scheduleUpdateTwin",
            "updateTwin": {"etag": "*", "tags": {"floor": 3}},
            "queryCondition": "*",
        });
        let members = request.as_object_mut().unwrap();
        let Value::Object(change) = change else { panic!("members are an object") };
        members.extend(change);
        members.retain(|_, value| !value.is_null());
        request
    }

    #[test]
    fn the_body_of_each_client_is_read() {
        // Members as the C# client writes them all.
        let request = JobRequest::from_json(&json!({
            "jobId": "job01",
            "type": "scheduleUpdateTwin",
            "cloudToDeviceMethod": null,
            "updateTwin": {
                "deviceId": null, "etag": "*", "version": null, "tags": {"floor": 3},
                "properties": {"desired": {"a": null}, "reported": {}},
            },
            "queryCondition": "tags.a = 1",
            "startTime": "2026-01-02T03:04:05.1234567Z",
            "maxExecutionTimeInSeconds": 60,
        }))
        .unwrap();
        assert_eq!(request.id, Some(JobId::new("job01").unwrap()));
        assert_eq!(request.start_time.unwrap().to_string(), "2026-01-02T03:04:05.1234567Z");
        assert_eq!(request.execution_limit(), Duration::from_secs(60));
        let echo = json!({
            "deviceId": null, "etag": "*", "tags": {"floor": 3},
            "properties": {"desired": {"a": null}},
        });
        assert_eq!(request.kind_json(), ("updateTwin", echo));

        // As the Node client writes a method job.
        let request = JobRequest::from_json(&json!({
            "jobId": "job02",
            "type": "scheduleDeviceMethod",
            "cloudToDeviceMethod": {
                "methodName": "reboot", "payload": null, "responseTimeoutInSeconds": 30,
            },
            "queryCondition": "*",
            "startTime": null,
        }))
        .unwrap();
        assert_eq!(request.start_time, None);
        assert_eq!(request.execution_limit(), Duration::from_secs(3600));
        let echo = json!({
            "methodName": "reboot", "payload": null, "responseTimeoutInSeconds": 30,
            "connectTimeoutInSeconds": 0,
        });
        assert_eq!(request.kind_json(), ("cloudToDeviceMethod", echo));
    }

    #[test]
    fn zero_and_no_limit_mean_an_hour() {
        for limit in [json!(0), json!(null)] {
            let request = twin_job(json!({ "maxExecutionTimeInSeconds": limit }));
            let request = JobRequest::from_json(&request).unwrap();
            assert_eq!(request.max_execution, Duration::from_secs(3600));
        }
        let body = json!({});
        let request = JobRequest::new(JobKind::UpdateTwin { body }, "*");
        let request = JobRequest { max_execution: Duration::ZERO, ..request };
        assert_eq!(request.execution_limit(), Duration::from_secs(3600));
    }

    #[test]
    fn a_patch_without_the_star_is_a_failed_precondition() {
        for patch in [json!({"tags": {}}), json!({"etag": null}), json!({"etag": "AAAAAAAAAAE="})] {
            let error =
                JobRequest::from_json(&twin_job(json!({ "updateTwin": patch }))).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PreconditionFailed);
        }
    }

    #[test]
    fn every_refusal_names_its_member() {
        let method = |change: Value| {
            let mut method = json!({"methodName": "reboot"});
            let Value::Object(change) = change else { panic!("members are an object") };
            method.as_object_mut().unwrap().extend(change);
            let kind = "scheduleDeviceMethod";
            twin_job(json!({ "type": kind, "cloudToDeviceMethod": method }))
        };
        const RESPONSE: &str = "responseTimeoutInSeconds must be within [5; 300]";
        const CONNECT: &str = "connectTimeoutInSeconds must be within [0; 300]";
        const LIMIT: &str = "`maxExecutionTimeInSeconds` is not a whole number of 0 or more";
        for (request, message) in [
            (json!([]), "a job request is not an object"),
            (twin_job(json!({"jobId": 7})), "`jobId` is not a string"),
            (twin_job(json!({"jobId": "a b"})), "job id `a b` holds ' '"),
            (twin_job(json!({"type": null})), "`type` is missing"),
            (twin_job(json!({"type": 1})), "`type` is not a string"),
            (
                twin_job(json!({"type": "scheduleTwinUpdate"})),
                "`scheduleTwinUpdate` is not a type of job",
            ),
            (twin_job(json!({"type": "export"})), "`export` is not a type of job"),
            (twin_job(json!({"updateTwin": null})), "`updateTwin` is missing"),
            (twin_job(json!({"updateTwin": "*"})), "`updateTwin` is not an object"),
            (twin_job(json!({"queryCondition": null})), "`queryCondition` is missing"),
            (twin_job(json!({"queryCondition": 5})), "`queryCondition` is not a string"),
            (twin_job(json!({"startTime": 5})), "`startTime` is not a string"),
            (twin_job(json!({"startTime": "soon"})), "`startTime`: `soon` is not an ISO 8601 time"),
            (twin_job(json!({"maxExecutionTimeInSeconds": -1})), LIMIT),
            (twin_job(json!({"maxExecutionTimeInSeconds": 1.5})), LIMIT),
            (twin_job(json!({"maxExecutionTimeInSeconds": "60"})), LIMIT),
            (twin_job(json!({"maxExecutionTimeInSeconds": u64::MAX})), LIMIT),
            (twin_job(json!({"type": "scheduleDeviceMethod"})), "`cloudToDeviceMethod` is missing"),
            (method(json!({"methodName": null})), "`cloudToDeviceMethod.methodName` is missing"),
            (method(json!({"methodName": 1})), "`cloudToDeviceMethod.methodName` is not a string"),
            (method(json!({"methodName": "a.b"})), "method name `a.b` holds '.'"),
            (method(json!({"responseTimeoutInSeconds": 4})), RESPONSE),
            (method(json!({"responseTimeoutInSeconds": "30"})), RESPONSE),
            (method(json!({"connectTimeoutInSeconds": 301})), CONNECT),
            (method(json!({"connectTimeoutInSeconds": -1})), CONNECT),
        ] {
            assert_eq!(refused(&request), message);
        }
    }

    #[test]
    fn types_are_filtered_by_in_any_case() {
        assert_eq!(JobType::parse("ScheduleUpdateTwin"), Some(JobType::UpdateTwin));
        assert_eq!(JobType::parse("scheduledevicemethod"), Some(JobType::InvokeMethod));
        assert_eq!(JobType::parse("export"), None);
    }
}
