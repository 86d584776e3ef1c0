//! `$metadata` in conditions and queries: its objects and facts are keys like others.

use serde_json::{Value, json};
use twincast::query::{parse_condition, parse_query};
use twincast::{Hub, ImportOptions};
use twincast_tests_support::oracle;

/// Some twins, each with another shape of metadata, and many of the last kind.
fn hub(many: usize) -> Hub {
    let hub = Hub::new().expect("threads can be started");
    let stamp = |time: &str| json!({"$lastUpdated": time, "$lastUpdatedVersion": 3});
    let given = json!({"deviceId": "given", "properties": {
        "desired": {"x": 1, "o": {"p": [1]}, "$version": 4, "$metadata": {
            "$lastUpdated": "2023-01-01T00:00:00.0000000Z",
            "x": stamp("2023-05-01T10:00:00.0000000Z"), "gone": stamp("2022-05-01T10:00:00Z"),
        }},
        "reported": {"x": {}, "$metadata": {"x": {"$lastUpdated": "2024-01-01T00:00:00Z"}}},
    }});
    let mut lines = format!("{given}\n{}\n", json!({"deviceId": "bare", "tags": {"x": 1}}));
    for number in 0..many {
        let desired = json!({"x": {"y": number % 3}, "o": "text"});
        let twin =
            json!({"deviceId": format!("many-{number}"), "properties": {"desired": desired}});
        lines.push_str(&format!("{twin}\n"));
    }
    hub.import_ndjson(lines.as_bytes(), ImportOptions::default()).expect("the twins are good");
    hub.create_device("made", &json!({"properties": {"desired": {"x": {"y": {"z": 1}}}}}))
        .expect("the id is new");
    let change = json!({"properties": {"desired": {"x": {"y": null}, "o": {"p": true}}}});
    hub.update_twin("made", &change, None).expect("the patch is good");
    hub.report_properties("made", &json!({"x": 2})).expect("the report is good");
    hub
}

fn check(hub: &Hub) {
    let all = hub.select("*").expect("a star selects all");
    let twins: Vec<Value> = all.ids().map(|id| hub.twin(id).expect("it was listed")).collect();
    let paths = [
        "properties.desired.$metadata",
        "properties.desired.$metadata.x",
        "properties.desired.$metadata.x.y",
        "properties.desired.$metadata.o",
        "properties.desired.$metadata.o.p",
        "properties.desired.$metadata.gone",
        "properties.desired.$metadata.none",
        "properties.desired.$metadata.$version",
        "properties.desired.$metadata.$metadata",
        "properties.desired.$metadata[0]",
        "properties.desired.$metadata.x.$lastUpdated",
        "properties.desired.$metadata.x.$lastUpdated.z",
        "properties.desired.x.$metadata",
        "properties.reported.$metadata",
        "properties.reported.$metadata.x",
        "properties.reported.$metadata.x.$lastUpdatedVersion",
    ];
    let conditions = [
        "IS_DEFINED(@)",
        "NOT IS_DEFINED(@)",
        "IS_OBJECT(@)",
        "NOT IS_OBJECT(@)",
        "IS_PRIMITIVE(@)",
        "IS_NULL(@)",
        "IS_STRING(@)",
        "@ = @",
        "@ != 'x'",
        "@ > '2000'",
        "@ IN ['a', 1]",
        "NOT (@ IN ['a'])",
        "STARTS_WITH(@, '2')",
        "IS_OBJECT(@) = IS_STRING(@.$lastUpdated)",
        "IS_OBJECT(@) AND @.$lastUpdated > '2023-03' AND version > 0",
        "(IS_OBJECT(@) OR IS_NUMBER(properties.desired.x)) = true",
    ];
    for path in paths {
        for condition in conditions {
            let text = condition.replace('@', path);
            let parsed = parse_condition(&text).expect("it is a condition");
            let expected: Vec<&str> = twins
                .iter()
                .filter(|twin| oracle::matches(&parsed, twin))
                .filter_map(|twin| twin["deviceId"].as_str())
                .collect();
            assert_eq!(hub.select(&text).expect("it parsed").device_ids(), expected, "{text}");
        }
        for query in [
            "SELECT deviceId, @ AS it FROM devices",
            "SELECT @ AS it, properties.desired AS desired FROM devices WHERE IS_OBJECT(@)",
            "SELECT @ AS it, COUNT() AS n, MIN(@) AS low FROM devices GROUP BY @",
        ] {
            let text = query.replace('@', path);
            let query = parse_query(&text).expect("it is a query");
            let expected = oracle::query(&query, &twins);
            let rows = hub.query(&text).expect("it parsed").rows_json();
            assert_eq!(rows.len(), expected.len(), "{text}");
            for (row, expected) in rows.iter().zip(expected) {
                assert_eq!(*row, expected, "{text}");
            }
        }
    }
}

#[test]
fn a_few_twins_answer_as_their_documents_say() {
    check(&hub(3));
}

#[test]
fn many_twins_answer_as_their_documents_say() {
    check(&hub(4200));
}
