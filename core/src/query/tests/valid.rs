//! What parses, and what it prints as.

use crate::query::{parse_condition, parse_query};

#[track_caller]
fn check(text: &str, printed: &str) {
    match parse_condition(text) {
        Ok(condition) => assert_eq!(condition.to_string(), printed, "{text}"),
        Err(error) => panic!("{text}\n{error}"),
    }
}

#[test]
fn conditions_print_as_canonical_text() {
    check("*", "*");
    check("  *\n", "*");
    check("DeviceId='a'", "deviceId = 'a'");
}

#[test]
fn queries_print_as_canonical_text() {
    assert_eq!(parse_query("select * from devices").unwrap().to_string(), "SELECT * FROM devices");
}
