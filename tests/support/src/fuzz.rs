//! The bodies of the fuzz targets: any bytes are answered or refused, and answers agree.
//!
//! `fuzz/fuzz_targets` calls them under libFuzzer, `tests/it/fuzz.rs` with random changes of
//! known inputs, so that plain `cargo test` fuzzes a little without another tool.

use serde_json::Value;
use twincast::Error;
use twincast::query::parse_condition as parse;
use twincast::twin::{
    FlatTwin, LineReader, PatchKind, PathTable, TwinPatch, flatten_line, flatten_value,
};

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

/// A line that is read as a twin is JSON, and reads the same by way of a document, and among other
/// lines that it may be like.
pub fn ndjson_line(bytes: &[u8]) {
    let paths = PathTable::new();
    let mut reader = LineReader::new(&paths);
    same_in_company(&mut reader, &[bytes, KNOWN[0], KNOWN[1], KNOWN[2], bytes, KNOWN[0]]);

    let Ok(streamed) = flatten_line(&paths, bytes) else { return };
    let document: Value = serde_json::from_slice(bytes).expect("a twin that was read is JSON");
    let built = flatten_value(&paths, &document).expect("a twin read as text is one as a document");
    assert_eq!(streamed.id, built.id);
    assert_eq!(streamed.cells, built.cells);
}

/// Twins of each kind, which most inputs are changes of.
const KNOWN: [&[u8]; 3] = [
    include_bytes!("../../../fuzz/seeds/ndjson_line/full"),
    include_bytes!("../../../fuzz/seeds/ndjson_line/metadata"),
    include_bytes!("../../../fuzz/seeds/ndjson_line/least"),
];

/// Reads lines one after the other: each must give the twin, or the error, that it gives alone.
///
/// # Panics
///
/// If one does not.
pub fn same_in_company(reader: &mut LineReader<'_>, lines: &[&[u8]]) {
    for line in lines {
        let mut twin = FlatTwin::default();
        let together = reader.read(line, &mut twin).map(|()| twin);
        match (together, flatten_line(reader.paths(), line)) {
            (Ok(together), Ok(alone)) => assert_eq!(together, alone),
            (Err(together), Err(alone)) => assert_eq!(together.to_string(), alone.to_string()),
            (together, alone) => panic!("{together:?} in company, {alone:?} alone"),
        }
    }
}
