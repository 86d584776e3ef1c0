//! Lines read after others: what they have in common must change nothing but the time it takes.

use proptest::prelude::*;
use serde_json::{Value, json};
use twincast::fleet::{FleetOptions, write};
use twincast::twin::{LineReader, PathTable};
use twincast_tests_support::fuzz::same_in_company;

use crate::fleets::members;

/// What a byte is replaced by: whatever means something in JSON, and what does not.
const BYTES: &[u8] = b"\"\\{}[],:-+.0eEtfn $\x00\x1f\xc3";

fn lines(devices: u64) -> Vec<Vec<u8>> {
    let mut text = Vec::new();
    write(&mut text, &FleetOptions { devices, ..FleetOptions::default() }, |_| ())
        .expect("memory does not refuse");
    text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

/// A twin with metadata, in white space, with a field of each kind.
fn written_by_hand() -> Vec<u8> {
    let stamp = json!({"$lastUpdated": "2026-01-02T03:04:05.6789Z", "$lastUpdatedVersion": 3});
    let metadata = json!({"a": {"b": stamp, "$lastUpdated": "0001-01-01T00:00:00Z"}});
    let twin = json!({
        "deviceId": "d1", "moduleId": null, "statusReason": "x", "parentScopes": ["a", "b"],
        "tags": {"a": [1, {"k": null}], "b": true, "c": {}},
        "properties": {
            "desired": {"a": {"b": 1.5}, "$metadata": metadata, "$version": 4},
            "reported": {"z": "\u{e9}"},
        },
        "configurations": {"any key": {"status": null, "n": -0.0}},
    });
    let mut line = serde_json::to_string_pretty(&twin).expect("it is JSON").replace('\n', "\t");
    line.push('\r');
    line.into_bytes()
}

/// Strings, words and numbers, and each other byte.
fn tokens(line: &[u8]) -> Vec<Vec<u8>> {
    let mut tokens: Vec<Vec<u8>> = vec![Vec::new()];
    let mut in_string = false;
    for byte in line {
        let is_quote = *byte == b'"';
        let goes_on = in_string || byte.is_ascii_alphanumeric() || b".-".contains(byte);
        match tokens.last_mut() {
            Some(token) if goes_on => token.push(*byte),
            _ => tokens.push(vec![*byte]),
        }
        if is_quote && in_string {
            tokens.push(Vec::new());
        }
        in_string ^= is_quote;
    }
    tokens
}

#[test]
fn the_lines_of_a_fleet_read_the_same_together_as_alone() {
    let paths = PathTable::new();
    let lines = lines(500);
    let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
    same_in_company(&mut LineReader::new(&paths), &lines);
}

/// Each byte in turn, left out, doubled, or one of a few others.
#[test]
fn a_line_with_one_wrong_byte_reads_the_same_after_the_right_one() {
    for line in [lines(1).swap_remove(0), written_by_hand()] {
        let paths = PathTable::new();
        let mut reader = LineReader::new(&paths);
        same_in_company(&mut reader, &[&line, &line]);
        for at in 0..line.len() {
            let (head, tail) = line.split_at(at);
            same_in_company(&mut reader, &[head, &[head, &tail[1..]].concat()]);
            same_in_company(&mut reader, &[&[head, &tail[..1], tail].concat()]);
            for byte in BYTES.iter().skip(at % 3).step_by(3) {
                same_in_company(&mut reader, &[&[head, &[*byte], &tail[1..]].concat()]);
            }
        }
        same_in_company(&mut reader, &[&line]);
    }
}

/// Parts of a document: whatever can stand where another one stands, and what cannot.
const PARTS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    " ",
    "\t",
    "\r",
    "null",
    "true",
    "1",
    "-0",
    "1e400",
    "01",
    "\"a\"",
    "\"\\u0061\"",
    "\"$version\"",
    "\"$metadata\"",
    "\"$lastUpdated\"",
    "\"$lastUpdatedVersion\"",
    "\"2026-01-02T03:04:05Z\"",
    "\"deviceId\"",
    "\"tags\"",
    "\"status\"",
    "\"é\"",
    "\"\u{85}\"",
    ",\"a\":1",
    ",\"a\":{}",
    "{\"a\":1}",
    "4503599627370496",
    "9223372036854775808",
];

/// The careful reader takes the stamps of a place in any order.
#[test]
fn stamps_in_any_order_and_number_read_the_same_after_each_other() {
    let paths = PathTable::new();
    let mut reader = LineReader::new(&paths);
    let time = r#""$lastUpdated":"2026-01-02T03:04:05Z""#;
    let (version, null) = (r#""$lastUpdatedVersion":3"#, r#""$lastUpdatedVersion":null"#);
    let members = ["", time, version, null, r#""a":{}"#, r#""a":{"$lastUpdatedVersion":7}"#];
    for first in members {
        for second in members {
            for third in members {
                let stamps: Vec<&str> =
                    [first, second, third].into_iter().filter(|part| !part.is_empty()).collect();
                let line = format!(
                    r#"{{"deviceId":"d","properties":{{"desired":{{"a":1,"$metadata":{{{}}}}}}}}}"#,
                    stamps.join(",")
                );
                same_in_company(&mut reader, &[line.as_bytes(), line.as_bytes()]);
            }
        }
    }
}

/// More shapes than are kept, and sections at their limits.
#[test]
fn odd_fleets_read_the_same_together_as_alone() {
    let paths = PathTable::new();
    let mut reader = LineReader::new(&paths);
    for number in 0..3000_usize {
        let keys: serde_json::Map<String, Value> = (0..12)
            .filter(|key| number >> key & 1 == 0)
            .map(|key| (format!("k{key}"), json!("x".repeat(number % 700 + key))))
            .collect();
        let line = json!({"deviceId": format!("d{number}"), "tags": keys}).to_string();
        same_in_company(&mut reader, &[line.as_bytes(), line.as_bytes()]);
    }
}

/// A section that fits as it was learned, and does not with a longer value.
#[test]
fn a_section_that_grew_too_large_is_refused_by_its_shape_too() {
    let paths = PathTable::new();
    let mut reader = LineReader::new(&paths);
    let lines: Vec<String> = (0..12)
        .map(|length| {
            let tags = json!({"a": "x".repeat(4090), "b": "x".repeat(4085 + length), "c": 1});
            json!({"deviceId": "d", "tags": tags}).to_string()
        })
        .collect();
    let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
    same_in_company(&mut reader, &lines);
    assert!(reader.read(lines[0], &mut Default::default()).is_ok());
    assert!(reader.read(lines[11], &mut Default::default()).is_err());
}

/// A line is longer than all that is kept of shapes, and has more keys.
#[test]
fn lines_with_more_than_is_kept_read_the_same_together_as_alone() {
    let paths = PathTable::new();
    let mut reader = LineReader::new(&paths);
    let array = format!("[{}]", vec!["1"; 12_000].join(" , "));
    let blanks = " ".repeat(300_000);
    let nulls: Vec<String> = (0..6000).map(|key| format!("\"{key}\":null,\"v{key}\":1")).collect();
    let nulls = nulls.join(",");
    for number in 0..6 {
        let id = format!("\"deviceId\":\"d{number}\"");
        for line in [
            format!(r#"{{{id},{blanks}"version":{number}}}"#),
            format!(r#"{{{id},"tags":{{"a":{array}}}}}"#),
            format!(r#"{{{id},"configurations":{{{nulls}}}}}"#),
            format!(r#"{{{id}}}"#),
        ] {
            same_in_company(&mut reader, &[line.as_bytes(), line.as_bytes()]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// A few tokens of a line that is known are others, any number of times.
    #[test]
    fn lines_with_other_tokens_read_the_same_after_the_known_ones(
        changes in prop::collection::vec(
            prop::collection::vec((any::<prop::sample::Index>(), 0..3_usize, 0..PARTS.len()), 1..4),
            1..40,
        ),
    ) {
        let paths = PathTable::new();
        let mut reader = LineReader::new(&paths);
        let line = written_by_hand();
        same_in_company(&mut reader, &[&line]);
        let mut last = tokens(&line);
        for change in changes {
            let mut tokens = if change.len() > 1 { tokens(&line) } else { last.clone() };
            for (place, taken, part) in change {
                let start = place.index(tokens.len());
                let end = (start + taken).min(tokens.len());
                tokens.splice(start..end, [PARTS[part].as_bytes().to_vec()]);
            }
            let changed = tokens.concat();
            same_in_company(&mut reader, &[&changed, &line, &changed]);
            last = tokens;
        }
    }

    #[test]
    fn random_fleets_read_the_same_together_as_alone(
        twins in prop::collection::vec((members(), members(), members()), 1..12),
    ) {
        let paths = PathTable::new();
        let mut reader = LineReader::new(&paths);
        for _ in 0..2 {
            for (number, (tags, desired, reported)) in twins.iter().enumerate() {
                let properties = json!({"desired": desired, "reported": reported});
                let id = format!("d{number}");
                let twin = json!({"deviceId": id, "tags": tags, "properties": properties});
                same_in_company(&mut reader, &[twin.to_string().as_bytes()]);
            }
        }
    }
}
