//! What a handler may answer.

use serde_json::json;

use super::Bench;
use crate::dispatch::{MethodResponse, fn_transport};
use crate::job::{CallResult, Failure};
use crate::limits::METHOD_PAYLOAD_BYTES;

fn check(payload: &str, expected: Result<(), &str>) {
    let result = CallResult::from(MethodResponse::text(200, payload));
    match expected {
        Ok(()) => {
            assert_eq!(result, CallResult::Answered { status: 200, payload: Some(payload.into()) });
        }
        Err(text) => match result {
            CallResult::Failed(failure) => {
                assert!(failure.description.contains(text), "{}", failure.description);
            }
            CallResult::Answered { .. } => panic!("accepted {payload}"),
        },
    }
}

#[test]
fn payloads_are_json_within_the_limits() {
    let string = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    check("null", Ok(()));
    check(r#"{"a": [1.50, "\"[[[", {}]}"#, Ok(()));
    check(&string(METHOD_PAYLOAD_BYTES), Ok(()));
    check(&string(METHOD_PAYLOAD_BYTES + 1), Err("has 131073 bytes, more than 131072"));
    check(&nested(100), Ok(()));
    check(&nested(101), Err("deeper than 100 levels"));
    check(&nested(60_000), Err("deeper than 100 levels"));
    check(&"[".repeat(60_000), Err("is not JSON"));
    check("", Err("is not JSON"));
    check("{} {}", Err("is not JSON"));
    check("ok", Err("is not JSON"));
}

#[test]
fn a_handler_sees_the_payload_and_may_fail() {
    let mut bench = Bench::new();
    let mut method = (*super::method()).clone();
    method.payload = Some(json!({"delay": 3}));
    let transport = fn_transport(|id, payload| match id {
        "device-000000" => MethodResponse::json(200, payload.unwrap()),
        _ => MethodResponse::failed(Failure { code: 404_103, description: "gone".into() }),
    });
    let devices = super::Devices::new(2);
    drop(bench.dispatcher.open(1, method.into(), devices, std::sync::Arc::new(transport)));
    bench.dispatcher.send(1, 0..2);
    bench.wait(2);
    assert_eq!(bench.text(1, 0), r#"{"delay":3}"#);
    assert_eq!((bench.code(1, 1), bench.text(1, 1)), (404_103, "gone"));
}
