//! Conditions and queries against an evaluator that is slow and obvious.

use std::fs;

use proptest::prelude::*;
use serde_json::{Value, json};
use twincast::query::{parse_condition, parse_query};
use twincast::{Hub, ImportOptions};
use twincast_tests_support::oracle;

use super::fleets;
use crate::root;

fn hub_of(bodies: &[Value], by_import: bool) -> Hub {
    let hub = Hub::new().expect("threads can be started");
    let id = |number: usize| format!("d{number:02}");
    if by_import {
        // Many twins of one kind make dense columns, which a few alone would not.
        let copies = 4100 / bodies.len() + 1;
        let mut lines = String::new();
        for copy in 0..copies {
            for (number, body) in bodies.iter().enumerate() {
                let mut twin = body.clone();
                let suffix = if copy == 0 { String::new() } else { format!("-{copy}") };
                twin["deviceId"] = json!(format!("{}{suffix}", id(number)));
                twin["capabilities"] = json!({"iotEdge": false});
                if twin["tags"].is_object() {
                    twin["tags"]["serial"] = json!(format!("s{}", copy * bodies.len() + number));
                }
                lines.push_str(&twin.to_string());
                lines.push('\n');
            }
        }
        let report = hub.import_ndjson(lines.as_bytes(), ImportOptions::default());
        assert_eq!(report.expect("the twins are good").imported as usize, copies * bodies.len());
    } else {
        for (number, body) in bodies.iter().enumerate() {
            hub.create_device(&id(number), body).expect("the body is good");
        }
    }
    hub
}

fn twins_of(hub: &Hub) -> Vec<Value> {
    let all = hub.select("*").expect("a star selects all");
    let twins = all.ids().map(|id| hub.twin(id).expect("it was listed"));
    twins.collect()
}

fn check_condition(hub: &Hub, twins: &[Value], text: &str) -> Result<(), TestCaseError> {
    let parsed = match parse_condition(text) {
        Ok(parsed) => parsed,
        // Some random paths are refused; that is the parser's business.
        Err(_) => return Ok(()),
    };
    let expected: Vec<String> = twins
        .iter()
        .filter(|twin| oracle::matches(&parsed, twin))
        .filter_map(|twin| twin["deviceId"].as_str().map(str::to_owned))
        .collect();
    let found = hub.select(text).expect("the text parsed").device_ids();
    prop_assert_eq!(found, expected, "{}", text);
    Ok(())
}

fn check_query(hub: &Hub, twins: &[Value], text: &str) -> Result<(), TestCaseError> {
    let Ok(query) = parse_query(text) else { return Ok(()) };
    let expected = oracle::query(&query, twins);
    let answered = hub.query(text).expect("the text parsed").rows_json();
    prop_assert_eq!(answered.len(), expected.len(), "{}", text);
    for (answered, expected) in answered.iter().zip(&expected) {
        prop_assert!(same(answered, expected), "{text}\n{answered}\n{expected}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn conditions_select_what_the_oracle_selects(
        bodies in prop::collection::vec(fleets::body(), 1..12),
        conditions in prop::collection::vec(fleets::condition(), 30),
    ) {
        let hub = hub_of(&bodies, false);
        let twins = twins_of(&hub);
        for condition in &conditions {
            check_condition(&hub, &twins, condition)?;
        }
    }

    #[test]
    fn queries_answer_what_the_oracle_answers(
        bodies in prop::collection::vec(fleets::body(), 1..12),
        queries in prop::collection::vec(fleets::query(), 20),
    ) {
        let hub = hub_of(&bodies, false);
        let twins = twins_of(&hub);
        for text in &queries {
            check_query(&hub, &twins, text)?;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// More than four thousand twins make the columns that few twins do not.
    #[test]
    fn dense_columns_mean_the_same(
        bodies in prop::collection::vec(fleets::body(), 2..40),
        conditions in prop::collection::vec(fleets::condition(), 12),
        queries in prop::collection::vec(fleets::query(), 4),
    ) {
        let hub = hub_of(&bodies, true);
        let twins = twins_of(&hub);
        for condition in &conditions {
            check_condition(&hub, &twins, condition)?;
        }
        for text in &queries {
            check_query(&hub, &twins, text)?;
        }
    }
}

/// Equal, numbers by value, and sums of fractions up to the order in which they were added.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            let (left, right) = (left.as_f64().unwrap_or(0.0), right.as_f64().unwrap_or(0.0));
            (left - right).abs() <= left.abs().max(right.abs()) * 1e-9
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, left)| right.get(key).is_some_and(|it| same(left, it)))
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        _ => left == right,
    }
}

/// The conditions of the contract, each with its small fleet.
#[test]
fn the_contract_holds() {
    let text = fs::read_to_string(root().join("tests/golden/query-cases.json"))
        .expect("the cases are there");
    let cases: Vec<Value> = serde_json::from_str(&text).expect("the cases are JSON");
    assert!(cases.len() >= 119, "{} cases", cases.len());
    for case in &cases {
        let condition = case["condition"].as_str().expect("a case has a condition");
        let hub = Hub::new().expect("threads can be started");
        let twins = case["twins"].as_array().expect("a case has twins");
        let lines: Vec<String> = twins.iter().map(Value::to_string).collect();
        hub.import_ndjson(lines.join("\n").as_bytes(), ImportOptions::default())
            .unwrap_or_else(|error| panic!("{condition}: {error}"));
        match hub.select(condition) {
            Err(error) => assert_eq!(case["error"], json!(true), "{condition}: {error}"),
            Ok(found) => assert_eq!(json!(found.device_ids()), case["matches"], "{condition}"),
        }
    }
}

#[test]
fn a_list_of_a_hundred_thousand_ids_is_looked_up() {
    let hub = Hub::new().expect("threads can be started");
    for number in 0..100 {
        hub.create_device(&format!("d{number}"), &json!({})).expect("the id is new");
    }
    let ids: Vec<String> = (0..100_000).map(|number| format!("'d{}'", number * 2)).collect();
    let condition = format!("deviceId IN [{}]", ids.join(","));
    assert_eq!(hub.select(&condition).expect("it is a condition").len(), 50);
    let negated = format!("NOT ({condition})");
    assert_eq!(hub.select(&negated).expect("it is a condition").len(), 50);
    let nested = format!("tags.x IN [{}]", ids.join(","));
    assert_eq!(hub.select(&nested).expect("it is a condition").len(), 0);
}

#[test]
fn selections_combine_as_sets_within_one_hub() {
    let hub = Hub::new().expect("threads can be started");
    for number in 0..6 {
        let body = json!({"tags": {"two": number % 2 == 0, "three": number % 3 == 0}});
        hub.create_device(&format!("d{number}"), &body).expect("the id is new");
    }
    let select = |hub: &Hub, text: &str| hub.select(text).expect("it is a condition");
    let (two, three) = (select(&hub, "tags.two"), select(&hub, "tags.three"));
    let ids = |selection: twincast::Result<twincast::Selection>| {
        selection.expect("both are of one hub").device_ids()
    };
    assert_eq!(ids(two.and(&three)), ["d0"]);
    assert_eq!(ids(two.or(&three)), ["d0", "d2", "d3", "d4"]);
    assert_eq!(ids(two.minus(&three)), ["d2", "d4"]);
    hub.create_device("late", &json!({"tags": {"two": true}})).expect("the id is new");
    assert_eq!(ids(select(&hub, "tags.two").minus(&two)), ["late"]);

    let other = Hub::new().expect("threads can be started");
    let foreign = select(&other, "*");
    assert!(two.and(&foreign).is_err() && foreign.or(&two).is_err());
    assert!(other.sample(&two, 1).is_err());
    assert_eq!(hub.sample(&two, 2).expect("it is of this hub").len(), 2);
}
