//! What is refused, and every word of the refusal.
//!
//! `errors.txt` holds blocks of a text, marked `> `, and the error that it gives. Run the tests
//! with `UPDATE=1` to write the file anew, and read the difference.

use std::fmt::Write;
use std::{env, fs};

use crate::ErrorKind;
use crate::query::{parse_condition, parse_query};

const GOLDEN: &str = include_str!("errors.txt");

/// What parsing `text` prints; a text that begins with `query: ` is a whole query.
fn refusal(text: &str) -> String {
    let error = match text.strip_prefix("query: ") {
        Some(query) => parse_query(query).map(|query| query.to_string()),
        None => parse_condition(text).map(|condition| condition.to_string()),
    };
    match error {
        Ok(printed) => format!("NOT REFUSED: {printed}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn refusals_say_where_and_what_to_write_instead() {
    let texts = GOLDEN.lines().filter_map(|line| line.strip_prefix("> "));
    let mut found = String::new();
    let mut heading = None;
    for line in GOLDEN.lines() {
        if let Some(title) = line.strip_prefix("# ") {
            heading = Some(title);
        } else if let Some(text) = line.strip_prefix("> ") {
            if let Some(title) = heading.take() {
                writeln!(found, "# {title}\n").unwrap();
            }
            // `|` marks where the text ends, so that blanks at the end can be seen.
            let text = text.strip_suffix('|').unwrap_or(text);
            writeln!(found, "{}\n{}\n", line, refusal(&text.replace("\\n", "\n"))).unwrap();
        }
    }
    assert!(!found.contains("NOT REFUSED"), "{found}");
    assert!(texts.count() > 100);
    if env::var_os("UPDATE").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/query/tests/errors.txt");
        return fs::write(path, found).unwrap();
    }
    for (found, golden) in found.split("\n> ").zip(GOLDEN.split("\n> ")) {
        assert_eq!(found, golden);
    }
    assert_eq!(found, GOLDEN);
}

#[test]
fn the_outer_error_carries_span_and_hint() {
    let error = crate::Error::from(parse_condition("tag.x = 1").unwrap_err());
    assert_eq!(error.kind(), ErrorKind::InvalidCondition);
    assert_eq!(error.span(), Some((0, 3)));
    assert_eq!(error.hint(), Some("did you mean `tags.x`?"));
    assert_eq!(error.to_string(), parse_condition("tag.x = 1").unwrap_err().to_string());
}

#[test]
fn a_long_line_is_cut_around_the_fault() {
    let many: String = (0..100_000).map(|n| format!("'d{n}', ")).collect();
    let text = format!("deviceId IN [{many} oops, {many} 'z']");
    let error = parse_condition(&text).unwrap_err().to_string();
    assert!(error.contains("oops"), "{error}");
    assert!(error.lines().all(|line| line.chars().count() <= 90), "{error}");

    let error = parse_condition(&format!("deviceId = '{}", "x".repeat(1 << 20))).unwrap_err();
    assert!(error.to_string().len() < 400, "{error}");
    let error = parse_condition(&format!("'{}' 1", "ü".repeat(1 << 20))).unwrap_err();
    assert!(error.to_string().lines().all(|line| line.chars().count() <= 90), "{error}");
}
