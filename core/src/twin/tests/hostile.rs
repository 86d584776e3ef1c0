//! Documents that mean harm: deep, huge, torn.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::*;
use crate::limits;

/// Runs `body` where a stack overflow comes early.
fn on_small_stack(body: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let small = std::thread::Builder::new().stack_size(256 * 1024);
        small.spawn_scoped(scope, body).unwrap().join().unwrap();
    });
}

#[test]
fn depth_bombs_are_errors() {
    on_small_stack(|| {
        let paths = PathTable::new();
        for opening in ["[", "{\"a\":", "[{\"a\":[", "{\"\\u0061\":["] {
            let bomb = opening.repeat(200_000);
            for (before, after) in [
                ("", ""),
                ("{\"deviceId\":\"d\",\"tags\":", ""),
                ("{\"deviceId\":\"d\",\"tags\":{\"a\":", "}}"),
                ("{\"deviceId\":\"d\",\"configurations\":{\"a\":", "}}"),
                ("{\"deviceId\":\"d\",\"parentScopes\":", "}"),
                ("{\"deviceId\":\"d\",\"properties\":{\"desired\":{\"$metadata\":", "}}}"),
                ("{\"deviceId\":", "}"),
            ] {
                let line = format!("{before}{bomb}{after}");
                flatten_line(&paths, line.as_bytes()).unwrap_err();
            }
        }
    });
}

#[test]
fn deep_values_are_errors() {
    let nest = |key: &str, value: Value| Value::Object(Map::from_iter([(key.to_owned(), value)]));
    let deep = (0..400).fold(json!(1), |deep, _| Value::Array(vec![nest("a", deep)]));
    let patch = nest("tags", deep.clone());
    let twin = nest("tags", deep.clone());
    let report = nest("$x", deep);
    on_small_stack(|| {
        let paths = PathTable::new();
        flatten_value(&paths, &twin).unwrap_err();
        TwinPatch::parse(&paths, PatchKind::Merge, &patch).unwrap_err();
        TwinPatch::parse(&paths, PatchKind::Report, &report).unwrap_err();
        strict_ascii(&patch).unwrap_err();
        new_device(&paths, "d", &patch).unwrap_err();
    });
}

#[test]
fn long_lines_and_bad_bytes_are_errors() {
    let paths = PathTable::new();
    flatten_line(&paths, &vec![b' '; limits::LINE_BYTES + 1]).unwrap_err();
    let number = "9".repeat(1_000_000);
    for value in
        [number.clone(), format!("-{number}"), format!("1e{number}"), format!("[{number}]")]
    {
        let line = format!(r#"{{"deviceId":"d","tags":{{"a":{value}}}}}"#);
        let error = flatten_line(&paths, line.as_bytes()).unwrap_err();
        assert!(error.to_string().len() < 500, "errors are short");
    }
    let tiny = format!(r#"{{"deviceId":"d","tags":{{"a":0.{number}}}}}"#);
    flatten_line(&paths, tiny.as_bytes()).unwrap();
    for line in [
        &b"{\"deviceId\":\"\xff\"}"[..],
        b"{\"deviceId\":\"d\",\"tags\":{\"a\":\"\xc0\xaf\"}}",
        b"{\"deviceId\":\"d\",\"tags\":{\"a\":\"\xed\xa0\x80\"}}",
        b"{\"deviceId\":\"d\",\"tags\":{\"a\":\"\\udc00\"}}",
        b"{\"deviceId\":\"d\",\"tags\":{\"a\":\"\\ud83dx\"}}",
        b"{\"deviceId\":\"d\",\"tags\":{\"a\":\"\\u12\"}}",
        b"{\"deviceId\":\"d\",\"tags\":{\"a\":\"\\x\"}}",
        b"{\"deviceId\":\"d\",\"tags\":{\"a\":\"\\",
        b"{\"deviceId\":\"d\",\"tags\":{\"a\":\"\\\xc3\xa9\"}}",
        b"\xef\xbb\xbf{\"deviceId\":\"d\"}",
        b"\0",
    ] {
        flatten_line(&paths, line).unwrap_err();
    }
}

#[test]
fn a_line_full_of_keys_in_the_wrong_order_is_read_in_linear_time() {
    let keys = 100_000;
    let members = |order: &mut dyn Iterator<Item = u32>| {
        let members: Vec<String> = order.map(|key| format!("\"{key}\":1")).collect();
        format!(r#"{{"deviceId":"d","configurations":{{{}}}}}"#, members.join(","))
    };
    let paths = PathTable::new();
    for line in [members(&mut (0..keys)), members(&mut (0..keys).rev())] {
        assert_eq!(flatten_line(&paths, line.as_bytes()).unwrap().cells.len(), keys as usize + 1);
    }
}

#[test]
fn sections_of_too_many_keys_are_refused() {
    let members = |value: &str| {
        let members: Vec<String> = (0..200_000).map(|key| format!("\"k{key}\":{value}")).collect();
        members.join(",")
    };
    let paths = PathTable::new();
    for line in [
        format!(r#"{{"deviceId":"d","tags":{{{}}}}}"#, members("1")),
        format!(
            r#"{{"deviceId":"d","properties":{{"desired":{{"$metadata":{{{}}}}}}}}}"#,
            members("{}")
        ),
    ] {
        flatten_line(&paths, line.as_bytes()).unwrap_err();
    }
    let nulls: Value = serde_json::from_str(&format!("{{{}}}", members("null"))).unwrap();
    TwinPatch::parse(&paths, PatchKind::Report, &nulls).unwrap_err();
    assert_eq!(
        paths.descendants(PathId::ROOT).len(),
        PathTable::new().descendants(PathId::ROOT).len()
    );
}

#[test]
fn threads_that_meet_new_keys_at_once_agree_on_their_numbers() {
    let paths = PathTable::new();
    let read = &|turn: u32| {
        for twin in 0..300_u32 {
            let keys = (0..8).map(|key| (twin + key * turn) % 300);
            let unique: std::collections::BTreeSet<_> = keys.collect();
            let members: Vec<_> = unique.iter().map(|key| format!("\"k{key}\":{key}")).collect();
            let line = format!(r#"{{"deviceId":"d","tags":{{{}}}}}"#, members.join(","));
            let flat = flatten_line(&paths, line.as_bytes()).unwrap();
            for (path, scalar) in &flat.cells[1..] {
                let number = scalar.to_json();
                assert_eq!(*paths.key(*path), format!("k{number}"));
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = [1, 7, 31, 101].map(|turn| scope.spawn(move || read(turn))).into();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    assert_eq!(paths.descendants(PathId::TAGS).len(), 300);
}

proptest! {
    #[test]
    fn any_damage_to_a_line_is_a_twin_or_an_error(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut line = br#"{"deviceId":"d","version":3,"tags":{"a":{"b":[1,"\n",{}]},"c":-1.5e3},"properties":{"desired":{"x":"y","$version":2,"$metadata":{"$lastUpdated":"2026-01-01T00:00:00Z"}}}}"#.to_vec();
        for (at, byte) in changes {
            let at = at.index(line.len());
            line[at] = byte;
        }
        let paths = PathTable::new();
        let whole = flatten_line(&paths, &line);
        // What is read as a twin is JSON for others as well.
        if whole.is_ok() {
            prop_assert!(serde_json::from_slice::<Value>(&line).is_ok());
        }
        let _ = flatten_line(&paths, &line[..cut.index(line.len())]);
    }
}
