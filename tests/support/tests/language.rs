//! The oracle against the cases of the contract and against every example of the language page.

use std::fmt::Write;

use serde_json::Value;
use twincast::query::{parse_condition, parse_query};
use twincast_tests_support::oracle;

const CASES: &str = include_str!("../../golden/query-cases.json");
const PAGE: &str = include_str!("../../../docs/query-language.md");

/// The ids of the twins that `condition` selects.
fn selected(condition: &str, twins: &[Value]) -> Result<Vec<String>, String> {
    let condition = parse_condition(condition).map_err(|error| error.to_string())?;
    let matching = twins.iter().filter(|twin| oracle::matches(&condition, twin));
    Ok(matching.map(|twin| twin["deviceId"].as_str().unwrap_or("?").to_owned()).collect())
}

#[test]
fn the_cases_of_the_contract_hold() {
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    assert_eq!(cases.len(), 119);
    for case in cases {
        let condition = case["condition"].as_str().unwrap();
        let found = selected(condition, case["twins"].as_array().unwrap());
        match (found, case.get("error").is_some()) {
            (Ok(ids), false) => assert_eq!(Value::from(ids), case["matches"], "{condition}"),
            (Err(_), true) => {}
            (found, _) => panic!("{condition}: {found:?}"),
        }
    }
}

/// What the page should say where it says something after `line`.
fn answer(line: &str, twins: &[Value]) -> Option<Vec<String>> {
    let (verb, text) = line.split_once(' ')?;
    let none = |rows: Vec<String>| if rows.is_empty() { vec!["nothing".to_owned()] } else { rows };
    match verb {
        "select" => Some(none(selected(text, twins).unwrap_or_else(|error| panic!("{error}")))),
        "value" => {
            let condition = parse_condition(text).unwrap_or_else(|error| panic!("{error}"));
            let twin = twins.first().unwrap_or(&Value::Null);
            let value = oracle::value(&condition.filter.expect("a value is no star"), twin);
            Some(vec![value.map_or("undefined".to_owned(), |value| value.to_string())])
        }
        "query" => {
            let query = parse_query(text).unwrap_or_else(|error| panic!("{error}"));
            let rows = oracle::query(&query, twins);
            Some(none(rows.iter().map(Value::to_string).collect()))
        }
        "refused" => {
            let refusal = if text.starts_with("SELECT") {
                parse_query(text).expect_err("the page says so")
            } else {
                parse_condition(text).expect_err("the page says so")
            };
            Some(vec![refusal.message().to_owned()])
        }
        _ => panic!("`{verb}` begins no example"),
    }
}

/// Runs the blocks of the page marked `twincast`. With `UPDATE=1` the answers are written anew.
#[test]
fn the_examples_of_the_page_are_true() {
    let mut found = String::new();
    let mut twins: Option<Vec<Value>> = None;
    for line in PAGE.lines() {
        match &mut twins {
            None => {
                if line == "```twincast" {
                    twins = Some(Vec::new());
                }
            }
            Some(_) if line == "```" => twins = None,
            Some(_) if line.starts_with("  ") => continue,
            Some(known) => {
                if let Some(twin) = line.strip_prefix("twin ") {
                    known.push(serde_json::from_str(twin).unwrap());
                } else {
                    writeln!(found, "{line}").unwrap();
                    for answer in answer(line, known).into_iter().flatten() {
                        writeln!(found, "  {answer}").unwrap();
                    }
                    continue;
                }
            }
        }
        writeln!(found, "{line}").unwrap();
    }
    if std::env::var_os("UPDATE").is_some() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/query-language.md");
        return std::fs::write(page, found).unwrap();
    }
    for (found, page) in found.lines().zip(PAGE.lines()) {
        assert_eq!(found, page);
    }
}
