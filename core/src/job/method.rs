//! The direct method that a job calls on every device.

use std::io;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::limits::{
    CONNECT_TIMEOUT_SECONDS, METHOD_NAME_CHARS, METHOD_PAYLOAD_BYTES, RESPONSE_TIMEOUT_SECONDS,
};

/// Seconds that a device may take to answer unless the call says otherwise.
const RESPONSE_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
/// Levels of nesting of a payload, so that nothing that walks one can run out of stack. As deep as
/// `serde_json` reads.
const PAYLOAD_DEPTH: usize = 127;

/// A call of a direct method: which one, with what, and for how long.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use twincast::job::MethodCall;
///
/// let call = MethodCall::new("reboot", Some(json!({"delay": 5})))?;
/// assert_eq!(call.response_timeout.as_secs(), 30);
/// # Ok::<(), twincast::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct MethodCall {
    /// The method: 1 to 128 characters without `$`, `.` and space.
    pub name: String,
    /// What the device gets: any JSON, or nothing at all, which is not the same as `null`.
    pub payload: Option<Value>,
    /// How long a connected device may take to answer: 5 s to 300 s.
    pub response_timeout: Duration,
    /// How long a device may take to connect before that: 0 s, it must be online, to 300 s.
    pub connect_timeout: Duration,
}

impl MethodCall {
    /// A call of `name` with `payload`, 30 s to answer, on devices that are online.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn new(name: impl Into<String>, payload: Option<Value>) -> Result<Self> {
        let call = Self {
            name: name.into(),
            payload,
            response_timeout: RESPONSE_TIMEOUT_DEFAULT,
            connect_timeout: Duration::ZERO,
        };
        call.check()?;
        Ok(call)
    }

    /// Checks the name, the size and depth of the payload, and the time-outs.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) that names the member as the REST
    /// interface does, and the limit.
    pub fn check(&self) -> Result<()> {
        check_name(&self.name)?;
        if let Some(payload) = &self.payload {
            check_payload(payload)?;
        }
        check_timeout("responseTimeoutInSeconds", self.response_timeout, RESPONSE_TIMEOUT_SECONDS)?;
        check_timeout("connectTimeoutInSeconds", self.connect_timeout, CONNECT_TIMEOUT_SECONDS)
    }

    /// Reads `cloudToDeviceMethod` of a job request.
    pub(super) fn from_json(method: &Map<String, Value>) -> Result<Self> {
        let name = match method.get("methodName") {
            Some(Value::String(name)) => name.clone(),
            None | Some(Value::Null) => {
                return Err(Error::invalid("`cloudToDeviceMethod.methodName` is missing"));
            }
            Some(_) => {
                return Err(Error::invalid("`cloudToDeviceMethod.methodName` is not a string"));
            }
        };
        let response = seconds(method, "responseTimeoutInSeconds", RESPONSE_TIMEOUT_SECONDS)?;
        let connect = seconds(method, "connectTimeoutInSeconds", CONNECT_TIMEOUT_SECONDS)?;
        let call = Self {
            name,
            payload: method.get("payload").cloned(),
            response_timeout: response.unwrap_or(RESPONSE_TIMEOUT_DEFAULT),
            connect_timeout: connect.unwrap_or(Duration::ZERO),
        };
        call.check()?;
        Ok(call)
    }

    /// Writes `cloudToDeviceMethod` of a job.
    pub(super) fn to_json(&self) -> Value {
        let mut method = Map::new();
        method.insert("methodName".into(), self.name.clone().into());
        if let Some(payload) = &self.payload {
            method.insert("payload".into(), payload.clone());
        }
        let response = self.response_timeout.as_secs();
        method.insert("responseTimeoutInSeconds".into(), response.into());
        method.insert("connectTimeoutInSeconds".into(), self.connect_timeout.as_secs().into());
        method.into()
    }
}

fn check_name(name: &str) -> Result<()> {
    let length = name.chars().count();
    if !(1..=METHOD_NAME_CHARS).contains(&length) {
        let message =
            format!("a method name has {length} characters, not 1 to {METHOD_NAME_CHARS}");
        return Err(Error::invalid(message));
    }
    match name.chars().find(|odd| matches!(odd, '$' | '.' | ' ')) {
        Some(odd) => Err(Error::invalid(format!("method name `{name}` holds {odd:?}"))
            .with_hint("a method name holds no `$`, no `.` and no space")),
        None => Ok(()),
    }
}

fn check_payload(payload: &Value) -> Result<()> {
    if !is_shallow(payload) {
        let message = format!("the method's payload is nested deeper than {PAYLOAD_DEPTH} levels");
        return Err(Error::invalid(message));
    }
    let mut room = Room(METHOD_PAYLOAD_BYTES);
    serde_json::to_writer(&mut room, payload).map_err(|_| {
        Error::invalid(format!("the method's payload takes more than {METHOD_PAYLOAD_BYTES} bytes"))
    })
}

/// Whether `value` nests at most [`PAYLOAD_DEPTH`] levels, found without recursion.
fn is_shallow(value: &Value) -> bool {
    let mut rest = vec![(value, 0)];
    while let Some((value, depth)) = rest.pop() {
        match value {
            Value::Array(_) | Value::Object(_) if depth == PAYLOAD_DEPTH => return false,
            Value::Array(items) => rest.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(members) => rest.extend(members.values().map(|item| (item, depth + 1))),
            _ => {}
        }
    }
    true
}

/// A writer that keeps nothing and fails once more bytes came than it has room for.
struct Room(usize);

impl io::Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn check_timeout(member: &str, timeout: Duration, (least, greatest): (u64, u64)) -> Result<()> {
    let range = Duration::from_secs(least)..=Duration::from_secs(greatest);
    if range.contains(&timeout) {
        return Ok(());
    }
    Err(Error::invalid(format!("{member} must be within [{least}; {greatest}]"))
        .with_hint(format!("it is {} s", timeout.as_secs_f64())))
}

/// Reads a whole number of seconds; absent and null are `None`.
fn seconds(
    method: &Map<String, Value>,
    member: &str,
    (least, greatest): (u64, u64),
) -> Result<Option<Duration>> {
    match method.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let whole = value.as_u64().ok_or_else(|| {
                Error::invalid(format!("{member} must be within [{least}; {greatest}]"))
                    .with_hint("write a whole number of seconds")
            })?;
            Ok(Some(Duration::from_secs(whole)))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_follow_the_documented_rule() {
        assert!(MethodCall::new("x".repeat(128), None).is_ok());
        assert!(MethodCall::new("lüften", None).is_ok());
        for bad in ["", "a.b", "a b", "$a", &"x".repeat(129)] {
            assert!(MethodCall::new(bad, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn time_outs_at_their_limits_are_taken() {
        let call = MethodCall::new("reboot", None).unwrap();
        for (response, connect, taken) in
            [(5, 0, true), (300, 300, true), (4, 0, false), (301, 0, false), (5, 301, false)]
        {
            let call = MethodCall {
                response_timeout: Duration::from_secs(response),
                connect_timeout: Duration::from_secs(connect),
                ..call.clone()
            };
            assert_eq!(call.check().is_ok(), taken, "{response} {connect}");
        }
        let short = MethodCall { response_timeout: Duration::from_millis(4_999), ..call };
        let error = short.check().unwrap_err();
        assert_eq!(error.message(), "responseTimeoutInSeconds must be within [5; 300]");
    }

    #[test]
    fn payloads_are_bounded_in_bytes_and_depth() {
        let fits = "x".repeat(METHOD_PAYLOAD_BYTES - 2);
        assert!(MethodCall::new("m", Some(json!(fits))).is_ok());
        assert!(MethodCall::new("m", Some(json!(format!("{fits}x")))).is_err());

        let mut nested = json!(1);
        for _ in 0..PAYLOAD_DEPTH {
            nested = json!([nested]);
        }
        assert!(MethodCall::new("m", Some(nested.clone())).is_ok());
        assert!(MethodCall::new("m", Some(json!([nested]))).is_err());
    }

    #[test]
    fn a_missing_payload_and_null_are_two_things() {
        let read = |text: Value| MethodCall::from_json(text.as_object().unwrap()).unwrap();
        assert_eq!(read(json!({"methodName": "m"})).payload, None);
        let null = read(json!({"methodName": "m", "payload": null}));
        assert_eq!(null.payload, Some(Value::Null));
        assert_eq!(read(null.to_json()), null);
    }
}
