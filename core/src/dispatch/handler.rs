//! Closures as transports: one device at a time, or a batch at a time.

use std::fmt;
use std::sync::Arc;

use serde::de::IgnoredAny;
use serde_json::Value;

use super::transport::{Calls, Transport};
use crate::job::{CallResult, Failure, MethodCall, Reply};
use crate::limits::METHOD_PAYLOAD_BYTES;

/// Levels of arrays and objects in an answer: what every JSON reader can read back.
const PAYLOAD_DEPTH: usize = 100;

/// What a handler says about one device.
///
/// Building and passing on a bare status allocates nothing.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use twincast::dispatch::MethodResponse;
///
/// let bare = MethodResponse::from(200);
/// let with_payload = MethodResponse::json(200, &json!({"uptime": 12}));
/// assert_eq!(with_payload, MethodResponse::text(200, r#"{"uptime":12}"#));
/// assert_ne!(bare, with_payload);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct MethodResponse {
    result: CallResult,
}

impl MethodResponse {
    /// The device answered with `status`, a number of its own choice, and no payload.
    #[must_use]
    pub fn status(status: i32) -> Self {
        Self { result: CallResult::Answered { status, payload: None } }
    }

    /// The device answered with `status` and `payload`.
    #[must_use]
    pub fn json(status: i32, payload: &Value) -> Self {
        Self::text(status, payload.to_string())
    }

    /// The device answered with `status` and a payload given as JSON text.
    ///
    /// Text that is no JSON, or longer than [`METHOD_PAYLOAD_BYTES`], fails the device when the
    /// response is handed in. Clones of one `Arc` cost no copy.
    #[must_use]
    pub fn text(status: i32, payload: impl Into<Arc<str>>) -> Self {
        Self { result: CallResult::Answered { status, payload: Some(payload.into()) } }
    }

    /// The device could not be called, or gave no answer worth the name.
    #[must_use]
    pub fn failed(failure: Failure) -> Self {
        Self { result: CallResult::Failed(failure) }
    }
}

impl From<i32> for MethodResponse {
    fn from(status: i32) -> Self {
        Self::status(status)
    }
}

impl From<MethodResponse> for CallResult {
    /// Checks the payload; a bad one becomes a failure that says what is wrong with it.
    fn from(response: MethodResponse) -> Self {
        if let CallResult::Answered { payload: Some(payload), .. } = &response.result
            && let Some(failure) = payload_fault(payload)
        {
            return Self::Failed(failure);
        }
        response.result
    }
}

/// A transport that asks `handler` about one device after the other.
///
/// `handler` gets the device's id and the payload of the call. It runs on several threads at once;
/// if it panics, that device fails; if it hangs, that device fails at its time-out; others go on.
///
/// # Examples
///
/// ```
/// use twincast::dispatch::{MethodResponse, fn_transport};
///
/// let reboot = fn_transport(|device_id, _payload| match device_id {
///     "door-17" => MethodResponse::text(423, r#"{"reason":"door is open"}"#),
///     _ => 200.into(),
/// });
/// ```
pub fn fn_transport<F>(handler: F) -> FnTransport<F>
where
    F: Fn(&str, Option<&Value>) -> MethodResponse + Send + Sync + 'static,
{
    FnTransport { handler, workers_max: usize::MAX }
}

/// A transport that gives `handler` a whole batch at a time.
///
/// The answers are taken in the order of the batch's devices. Any other number of answers than
/// devices fails them all, as it is unknown which is whose; so does a panic, or taking longer for
/// the batch than the time-outs of the call.
///
/// # Examples
///
/// ```
/// use twincast::dispatch::{MethodResponse, batch_transport};
///
/// let blink = batch_transport(|batch| {
///     batch.device_ids().map(|id| MethodResponse::status(id.len() as i32)).collect()
/// });
/// ```
pub fn batch_transport<F>(handler: F) -> BatchTransport<F>
where
    F: Fn(&BatchCall<'_>) -> Vec<MethodResponse> + Send + Sync + 'static,
{
    BatchTransport { handler, workers_max: usize::MAX }
}

/// What [`fn_transport`] makes.
pub struct FnTransport<F> {
    handler: F,
    workers_max: usize,
}

/// What [`batch_transport`] makes.
pub struct BatchTransport<F> {
    handler: F,
    workers_max: usize,
}

impl<F> FnTransport<F> {
    /// The same with at most `workers` threads of one job inside the handler, at least 1.
    #[must_use]
    pub fn at_most(mut self, workers: usize) -> Self {
        self.workers_max = workers;
        self
    }
}

impl<F> BatchTransport<F> {
    /// The same with at most `workers` threads of one job inside the handler, at least 1.
    #[must_use]
    pub fn at_most(mut self, workers: usize) -> Self {
        self.workers_max = workers;
        self
    }
}

impl<F> Transport for FnTransport<F>
where
    F: Fn(&str, Option<&Value>) -> MethodResponse + Send + Sync + 'static,
{
    fn invoke(&self, calls: Calls) {
        let method = Arc::clone(calls.method());
        let payload = method.payload.as_ref();
        calls.for_each(|call| (self.handler)(call.device_id, payload).into());
    }

    fn workers_max(&self) -> usize {
        self.workers_max
    }
}

/// The devices of one batch, and what to call on them.
#[derive(Debug)]
pub struct BatchCall<'a> {
    calls: &'a Calls,
    first: u32,
    end: u32,
}

impl BatchCall<'_> {
    /// What to call.
    #[must_use]
    pub fn method(&self) -> &MethodCall {
        self.calls.method()
    }

    /// Number of devices, at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a batch is never empty")]
    pub fn len(&self) -> usize {
        (self.end - self.first) as usize
    }

    /// The devices, in the order in which the answers are taken.
    pub fn device_ids(&self) -> impl ExactSizeIterator<Item = &str> {
        // Offsets and not positions: on all systems a range of `usize` knows its length.
        (0..self.len()).map(|offset| self.calls.device_id(self.first + offset as u32))
    }
}

impl<F> Transport for BatchTransport<F>
where
    F: Fn(&BatchCall<'_>) -> Vec<MethodResponse> + Send + Sync + 'static,
{
    fn invoke(&self, calls: Calls) {
        let claimed = calls.claim_all();
        if claimed.is_empty() {
            return;
        }
        let batch = BatchCall { calls: &calls, first: claimed.start, end: claimed.end };
        let responses = (self.handler)(&batch);
        let replies = if responses.len() == batch.len() {
            Reply::in_order(claimed.start, responses.into_iter().map(CallResult::from))
        } else {
            let failure = miscounted(responses.len(), batch.len());
            vec![Reply { positions: claimed, result: CallResult::Failed(failure) }]
        };
        calls.answer_many(replies);
    }

    fn workers_max(&self) -> usize {
        self.workers_max
    }
}

fn miscounted(answers: usize, devices: usize) -> Failure {
    let description =
        format!("The handler gave {answers} answers for a batch of {devices} devices.");
    Failure { code: 500_001, description: description.into() }
}

/// What is wrong with the payload of an answer, if anything.
fn payload_fault(payload: &str) -> Option<Failure> {
    let failure = |code, text: String| Some(Failure { code, description: text.into() });
    if payload.len() > METHOD_PAYLOAD_BYTES {
        let bytes = payload.len();
        return failure(
            413_001,
            format!(
                "The payload of the answer has {bytes} bytes, more than {METHOD_PAYLOAD_BYTES}."
            ),
        );
    }
    if let Err(error) = serde_json::from_str::<IgnoredAny>(payload) {
        return failure(500_001, format!("The payload of the answer is not JSON: {error}."));
    }
    // A level takes two bytes, so most answers need no counting.
    (payload.len() > 2 * PAYLOAD_DEPTH && depth(payload) > PAYLOAD_DEPTH).then(|| Failure {
        code: 500_001,
        description: format!("The payload of the answer nests deeper than {PAYLOAD_DEPTH} levels.")
            .into(),
    })
}

/// Levels of arrays and objects in a valid JSON text.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth -= 1,
            _ => {}
        }
    }
    deepest
}

impl<F> fmt::Debug for FnTransport<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnTransport")
            .field("workers_max", &self.workers_max)
            .finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for BatchTransport<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchTransport")
            .field("workers_max", &self.workers_max)
            .finish_non_exhaustive()
    }
}
