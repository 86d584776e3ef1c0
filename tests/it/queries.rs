//! Queries: whole twins as text, and large answers that are watched.

use std::ops::ControlFlow;

use serde_json::{Value, json};
use twincast::fleet::{self, FleetOptions};
use twincast::job::{JobKind, JobRequest};
use twincast::{ErrorKind, Hub, ImportOptions};

fn fleet_of(devices: u64) -> Hub {
    let hub = Hub::new().expect("threads can be started");
    let mut lines = Vec::new();
    let options = FleetOptions { devices, ..FleetOptions::default() };
    fleet::write(&mut lines, &options, |_| ()).expect("memory does not refuse");
    hub.import_ndjson(lines.as_slice(), ImportOptions::default())
        .expect("a generated fleet is valid");
    hub
}

/// `SELECT *` writes its texts straight from the columns, twins are built as trees: both show the
/// same, whatever the twins went through.
#[test]
fn whole_twins_of_a_query_are_those_of_the_hub() {
    let hub = fleet_of(9000);
    hub.create_device(
        "odd",
        &json!({
            "tags": {"quo\"ted": "a\\b\n\"c\"", "empty": {}, "deep": {"a": {"b": {"c": [1, {"d": null}]}}}},
            "properties": {"desired": {"höhe": 1.5e300}, "reported": {"on": false, "list": []}},
        }),
    )
    .expect("a generated fleet is valid");
    hub.create_device("bare", &json!({})).expect("a generated fleet is valid");
    let patch = json!({"tags": {"floor": {"was": null, "is": 3}, "building": null},
        "properties": {"desired": {"mode": {"a": 1}, "telemetryInterval": null}}});
    hub.update_twin("dev-0000007", &patch, None).expect("a generated fleet is valid");
    hub.report_properties("dev-0000008", &json!({"battery": null, "new": {"x": {}}}))
        .expect("a generated fleet is valid");
    hub.delete_device("dev-0000009", None).expect("a generated fleet is valid");
    let body = json!({"properties": {"desired": {"job": {"n": 1}}}});
    let request = JobRequest::new(JobKind::UpdateTwin { body }, "tags.floor > 3");
    assert!(hub.schedule(request).expect("a generated fleet is valid").wait(None).unwrap());

    for condition in ["", " WHERE deviceId IN ['bare', 'dev-0000007']", " WHERE tags.floor = 3"] {
        let table = hub
            .query(&format!("SELECT * FROM devices{condition}"))
            .expect("a generated fleet is valid");
        assert!(table.num_rows() > 1);
        for row in table.rows_json() {
            let id = row["deviceId"].as_str().expect("a generated fleet is valid");
            assert_eq!(
                row.to_string(),
                hub.twin(id).expect("a generated fleet is valid").to_string(),
                "{id}"
            );
        }
    }
    let parts = "SELECT deviceId, tags, tags.deep AS deep, properties.desired AS desired, \
                 properties.reported AS reported FROM devices";
    for row in hub.query(parts).expect("a generated fleet is valid").rows_json() {
        let twin = hub.twin(row["deviceId"].as_str().expect("a generated fleet is valid")).unwrap();
        let text = |value: Option<&Value>| value.map(Value::to_string);
        assert_eq!(text(row.get("tags")), text(twin.get("tags")));
        assert_eq!(text(row.get("deep")), text(twin.pointer("/tags/deep")));
        assert_eq!(text(row.get("desired")), text(twin.pointer("/properties/desired")));
        assert_eq!(text(row.get("reported")), text(twin.pointer("/properties/reported")));
    }
}

#[test]
fn a_watched_query_counts_its_rows_and_can_be_stopped() {
    let hub = fleet_of(70_000);
    for (query, total) in [
        ("SELECT deviceId, tags.floor FROM devices", 70_000),
        ("SELECT TOP 5 deviceId FROM devices", 5),
        ("SELECT COUNT() AS n FROM devices", 70_000),
    ] {
        let mut seen = Vec::new();
        let table = hub.query_watched(query, &mut |progress| {
            assert_eq!(progress.total, total, "{query}");
            seen.push(progress.rows);
            ControlFlow::Continue(())
        });
        assert!(table.expect("a generated fleet is valid").num_rows() > 0);
        assert!(seen.is_sorted(), "{seen:?}");
        assert_eq!(seen.last(), Some(&total), "{query}");
        let stopped = hub.query_watched(query, &mut |_| ControlFlow::Break(()));
        assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Interrupted);
    }
    assert_eq!(
        hub.query("SELECT TOP 0 deviceId FROM devices")
            .expect("a generated fleet is valid")
            .num_rows(),
        0
    );
}
