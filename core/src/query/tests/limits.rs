//! Every limit from both sides, and what hostile texts cost.

use std::thread;

use crate::limits;
use crate::query::ast::ExprKind;
use crate::query::{parse_condition, parse_query};

#[track_caller]
fn accepted(text: &str) {
    if let Err(error) = parse_condition(text) {
        panic!("{error}");
    }
}

#[track_caller]
fn refused(text: &str, message: &str) {
    let error = parse_condition(text).unwrap_err();
    assert_eq!(error.message(), message);
    assert!(error.to_string().len() < 1000, "the error is short, whatever the text");
}

fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn nesting_is_limited() {
    let deep = limits::QUERY_DEPTH;
    for (open, inner, close) in [
        ("(", "deviceId = 'a'", ")"),
        ("NOT ", "tags.x = 1", ""),
        ("-", "tags.x", ""),
        ("- ", "tags.x", ""),
        ("+", "tags.x", ""),
        ("LOWER(", "tags.x", ")"),
        ("(true AND ", "false", ")"),
        ("(tags.a = 1 OR tags.b = 2 AND ", "true", ")"),
    ] {
        accepted(&nested(open, inner, close, deep));
        let message = format!("the condition is nested more than {deep} levels deep");
        refused(&nested(open, inner, close, deep + 1), &message);
        refused(&nested(open, inner, close, 100_000), &message);
    }
    refused(
        &nested("NOT (", "true", ")", deep),
        "the condition is nested more than 100 levels deep",
    );
}

#[test]
fn trees_stay_shallow_enough_to_be_walked() {
    accepted(&format!("tags.x {} = 1", "+ 1 ".repeat(298)));
    let message = "the condition has more than 306 levels of operators";
    refused(&format!("tags.x {} = 1", "+ 1 ".repeat(306)), message);
    refused(&format!("tags.x {} = 1", "% 2 ".repeat(9_000)), message);
    refused(&nested("(1 = 2 OR 3 = 4 AND 1 < 1 + 2 * ", "1", ")", 100), message);
}

#[test]
fn operands_are_limited() {
    let pairs = limits::QUERY_TERMS / 2;
    for word in [" AND ", " OR "] {
        let text = vec!["deviceId = 'a'"; pairs].join(word);
        accepted(&text);
        let message = format!("the condition has more than {} operands", limits::QUERY_TERMS);
        refused(&format!("{text}{word}true"), &message);
    }
    let flat = parse_condition(&vec!["tags.x"; pairs].join(" AND ")).unwrap().filter.unwrap();
    assert!(matches!(flat.kind, ExprKind::And(parts) if parts.len() == pairs));
}

#[test]
fn lists_are_limited() {
    let items: Vec<String> = (0..limits::IN_ITEMS).map(|n| format!("'d{n:07}'")).collect();
    let mut text = format!("deviceId IN [{}]", items.join(","));
    let filter = parse_condition(&text).unwrap().filter.unwrap();
    assert!(matches!(filter.kind, ExprKind::In { list, .. } if list.len() == limits::IN_ITEMS));
    text.insert_str("deviceId IN [".len(), "1,");
    refused(&text, "a list has at most 1000000 items");
}

#[test]
fn texts_are_limited() {
    let message = format!(
        "the text has {} bytes, more than {}",
        limits::QUERY_BYTES + 1,
        limits::QUERY_BYTES
    );
    let blanks = limits::QUERY_BYTES - "deviceId = 'ü'".len();
    accepted(&format!("{}deviceId = 'ü'", " ".repeat(blanks)));
    refused(&format!("{}deviceId = 'ü'", " ".repeat(blanks + 1)), &message);
}

#[test]
fn paths_and_select_lists_are_limited() {
    accepted(&format!("tags{} = 1", ".x".repeat(99)));
    refused(&format!("tags{} = 1", ".x".repeat(100)), "a path has at most 100 keys");
    refused(&format!("tags{} = 1", "['x']".repeat(100_000)), "a path has at most 100 keys");
    let items = |count| {
        let items: Vec<_> = (0..count).map(|n| format!("tags.x AS c{n}")).collect();
        parse_query(&format!("SELECT {} FROM devices", items.join(", ")))
    };
    assert!(items(limits::SELECT_ITEMS).is_ok());
    let error = items(limits::SELECT_ITEMS + 1).unwrap_err();
    assert_eq!(error.message(), "a SELECT list has at most 256 items");
    let paths = vec!["tags.x"; limits::SELECT_ITEMS + 1].join(", ");
    let error = parse_query(&format!("SELECT COUNT() FROM devices GROUP BY {paths}")).unwrap_err();
    assert_eq!(error.message(), "GROUP BY takes at most 256 paths");
}

/// Texts as long as they may be, each the worst for one part of the parser.
#[test]
fn hostile_texts_are_refused_in_linear_time() {
    let long = 1 << 20;
    for (piece, tail) in [
        ("(", ""),
        ("NOT ", ""),
        ("[", ""),
        ("a", ""),
        ("a ", ""),
        ("tags.", ""),
        ("tags.[[", ""),
        ("é", ""),
        ("'", ""),
        ("\\", ""),
        ("'\\u00e9", ""),
        ("1", ""),
        ("0x", ""),
        ("- ", ""),
        ("\n", "x"),
        ("devices.", ""),
        ("LIKE ", ""),
        ("*", ""),
        (",", ""),
        ("\u{a0}", ""),
    ] {
        for start in
            ["", "deviceId = ", "deviceId IN [", "deviceId LIKE ", "SELECT ", "SELECT * FROM "]
        {
            let text = format!("{start}{}{tail}", piece.repeat(long / piece.len()));
            let one = parse_condition(&text).unwrap_err().to_string();
            let other = parse_query(&text).unwrap_err().to_string();
            assert!(one.len() < 1200 && other.len() < 1200, "{one}\n{other}");
        }
    }
}

#[test]
fn the_deepest_texts_fit_a_small_stack() {
    // A thread of 256 KiB is promised. Frames that are not optimized are two to three times as large.
    let kib = if cfg!(debug_assertions) { 1024 } else { 256 };
    let small = thread::Builder::new().stack_size(kib * 1024);
    let checked = small.spawn(|| {
        for (open, inner, close) in [
            ("(", "true", ")"),
            ("NOT ", "true", ""),
            ("LOWER(", "tags.x", ")"),
            ("(tags.a = 1 OR tags.b = 2 AND ", "true", ")"),
            ("(1 = 2 OR 3 = 4 AND 1 < 1 + 2 * ", "1", ")"),
        ] {
            for depth in [60, 80, 100, 200] {
                if let Ok(condition) = parse_condition(&nested(open, inner, close, depth)) {
                    assert_eq!(condition, condition.clone());
                    assert!(!condition.to_string().is_empty());
                }
            }
        }
    });
    checked.unwrap().join().unwrap();
}
