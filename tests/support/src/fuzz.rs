//! The bodies of the fuzz targets: any bytes are answered or refused, and answers agree.
//!
//! `fuzz/fuzz_targets` calls them under libFuzzer, `tests/it/fuzz.rs` with random changes of
//! known inputs, so that plain `cargo test` fuzzes a little without another tool.

use serde_json::Value;
use twincast::Error;
use twincast::query::parse_condition as parse;
use twincast::twin::{PatchKind, PathTable, TwinPatch, flatten_line, flatten_value};

/// A condition parses, or is refused with a span inside it; what it prints parses to the same.
pub fn parse_condition(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match parse(text) {
        Ok(condition) => {
            let printed = condition.to_string();
            let again = parse(&printed).expect("what a condition prints is a condition");
            assert_eq!(again.to_string(), printed, "printing must settle at once");
        }
        Err(error) => {
            let error = Error::from(error);
            if let Some((start, end)) = error.span() {
                assert!(start <= end, "span {start}..{end} runs backwards");
                assert!(text.get(start..end).is_some(), "span {start}..{end} is not in the text");
            }
            assert!(!error.to_string().is_empty());
        }
    }
}

/// A patch parses in each of its kinds, or is refused.
pub fn patch(bytes: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(bytes) else { return };
    let paths = PathTable::new();
    for kind in [PatchKind::Merge, PatchKind::Replace, PatchKind::Report] {
        match TwinPatch::parse(&paths, kind, &body) {
            Ok(patch) => assert_eq!(patch.body(), &body, "a patch echoes what was given"),
            Err(error) => assert!(!error.message().is_empty()),
        }
    }
}

/// A line that is read as a twin is JSON, and reads the same by way of a document.
pub fn ndjson_line(bytes: &[u8]) {
    let paths = PathTable::new();
    let Ok(streamed) = flatten_line(&paths, bytes) else { return };
    let document: Value = serde_json::from_slice(bytes).expect("a twin that was read is JSON");
    let built = flatten_value(&paths, &document).expect("a twin read as text is one as a document");
    assert_eq!(streamed.id, built.id);
    assert_eq!(streamed.cells, built.cells);
}
