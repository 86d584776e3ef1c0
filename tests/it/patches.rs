//! Patches against a plain JSON model: one by one and as jobs over many twins.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use twincast::job::{JobKind, JobRequest};
use twincast::query::parse_condition;
use twincast::{ErrorKind, Hub, ImportOptions};
use twincast_tests_support::oracle;

use super::fleets;

/// What the model knows of a twin.
#[derive(Debug, Clone)]
struct Model {
    tags: Option<Value>,
    desired: Value,
    reported: Value,
    version: i64,
    desired_version: i64,
    reported_version: i64,
}

#[derive(Debug, Clone)]
enum Step {
    Update { device: usize, tags: Option<Value>, desired: Option<Value> },
    Replace { device: usize, tags: Option<Value>, desired: Option<Value> },
    Report { device: usize, reported: Value },
    Job { condition: String, tags: Option<Value>, desired: Option<Value> },
    Recreate { device: usize, body: Value },
}

fn step() -> impl Strategy<Value = Step> {
    let device = 0_usize..6;
    let change = || prop::option::weighted(0.7, fleets::changes());
    let whole = || prop::option::weighted(0.7, fleets::members());
    prop_oneof![
        3 => (device.clone(), change(), change())
            .prop_map(|(device, tags, desired)| Step::Update { device, tags, desired }),
        1 => (device.clone(), whole(), whole())
            .prop_map(|(device, tags, desired)| Step::Replace { device, tags, desired }),
        2 => (device.clone(), fleets::changes())
            .prop_map(|(device, reported)| Step::Report { device, reported }),
        3 => (fleets::condition(), change(), change())
            .prop_map(|(condition, tags, desired)| Step::Job { condition, tags, desired }),
        1 => (device, fleets::body()).prop_map(|(device, body)| Step::Recreate { device, body }),
    ]
}

/// Merge as RFC 7396 says.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let members = target.as_object_mut().expect("it was made one");
    for (key, change) in patch {
        if change.is_null() {
            members.remove(key);
        } else {
            merge(members.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

fn body_of(tags: Option<&Value>, desired: Option<&Value>) -> Option<Value> {
    let mut body = Map::new();
    body.extend(tags.map(|tags| ("tags".to_owned(), tags.clone())));
    body.extend(desired.map(|desired| ("properties".to_owned(), json!({"desired": desired}))));
    (!body.is_empty()).then_some(Value::Object(body))
}

impl Model {
    fn new(body: &Value) -> Self {
        let section = |pointer| body.pointer(pointer).cloned();
        Self {
            tags: section("/tags"),
            desired: section("/properties/desired").unwrap_or(json!({})),
            reported: section("/properties/reported").unwrap_or(json!({})),
            version: 2,
            desired_version: 1,
            reported_version: 1,
        }
    }

    fn update(&mut self, tags: Option<&Value>, desired: Option<&Value>) {
        if let Some(tags) = tags {
            merge(self.tags.get_or_insert(json!({})), tags);
        }
        if let Some(desired) = desired {
            merge(&mut self.desired, desired);
            self.desired_version += 1;
        }
        self.version += 1;
    }

    fn replace(&mut self, tags: Option<&Value>, desired: Option<&Value>) {
        if let Some(tags) = tags {
            self.tags = Some(tags.clone());
        }
        if let Some(desired) = desired {
            self.desired = desired.clone();
            self.desired_version += 1;
        }
        self.version += 1;
    }
}

fn without_dollars(section: &Value) -> Value {
    let members = section.as_object().expect("a section is an object");
    let kept = members.iter().filter(|(key, _)| !key.starts_with('$'));
    Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// Metadata mirrors the tree of objects and leaves, and nothing else.
fn check_metadata(metadata: &Value, section: &Value, versioned: bool) -> Result<(), TestCaseError> {
    let members = metadata.as_object().expect("metadata is an object");
    prop_assert!(members["$lastUpdated"].as_str().is_some_and(|time| time.ends_with('Z')));
    prop_assert_eq!(members.contains_key("$lastUpdatedVersion"), versioned);
    let empty = Map::new();
    let values = section.as_object().unwrap_or(&empty);
    let keys = members.keys().filter(|key| !key.starts_with('$'));
    let mut keys: Vec<&String> = keys.collect();
    let mut expected: Vec<&String> = values.keys().collect();
    keys.sort();
    expected.sort();
    prop_assert_eq!(keys, expected);
    for (key, value) in values {
        check_metadata(&members[key], value, versioned)?;
    }
    Ok(())
}

fn check_twin(twin: &Value, model: &Model) -> Result<(), TestCaseError> {
    prop_assert_eq!(twin.get("tags"), model.tags.as_ref());
    let (desired, reported) = (&twin["properties"]["desired"], &twin["properties"]["reported"]);
    prop_assert_eq!(&without_dollars(desired), &model.desired);
    prop_assert_eq!(&without_dollars(reported), &model.reported);
    prop_assert_eq!(&twin["version"], &json!(model.version));
    prop_assert_eq!(&desired["$version"], &json!(model.desired_version));
    prop_assert_eq!(&reported["$version"], &json!(model.reported_version));
    check_metadata(&desired["$metadata"], &model.desired, true)?;
    check_metadata(&reported["$metadata"], &model.reported, false)
}

fn run(hub: &Hub, models: &mut [Model], steps: &[Step]) -> Result<(), TestCaseError> {
    let id = |device: usize| format!("d{device}");
    for step in steps {
        match step {
            Step::Update { device, tags, desired } => {
                let Some(body) = body_of(tags.as_ref(), desired.as_ref()) else { continue };
                let etag = hub.twin(&id(*device)).expect("it exists")["etag"].clone();
                let stale = hub.update_twin(&id(*device), &body, Some("c3RhbGU="));
                prop_assert_eq!(
                    stale.map_err(|error| error.kind()),
                    Err(ErrorKind::PreconditionFailed)
                );
                let twin = hub.update_twin(&id(*device), &body, etag.as_str());
                let twin = twin.expect("the patch is good");
                prop_assert_ne!(&twin["etag"], &etag);
                models[*device].update(tags.as_ref(), desired.as_ref());
                check_twin(&twin, &models[*device])?;
            }
            Step::Replace { device, tags, desired } => {
                let Some(body) = body_of(tags.as_ref(), desired.as_ref()) else { continue };
                hub.replace_twin(&id(*device), &body, None).expect("the body is good");
                models[*device].replace(tags.as_ref(), desired.as_ref());
            }
            Step::Report { device, reported } => {
                let version = hub.report_properties(&id(*device), reported);
                merge(&mut models[*device].reported, reported);
                models[*device].reported_version += 1;
                let expected = models[*device].reported_version;
                assert_eq!(version.expect("the report is good"), expected);
            }
            Step::Job { condition, tags, desired } => {
                let Some(body) = body_of(tags.as_ref(), desired.as_ref()) else { continue };
                let Ok(parsed) = parse_condition(condition) else { continue };
                let matches: Vec<usize> = (0..models.len())
                    .filter(|device| {
                        oracle::matches(&parsed, &hub.twin(&id(*device)).expect("it exists"))
                    })
                    .collect();
                let before: Vec<Value> = (0..models.len())
                    .map(|device| hub.twin(&id(device)).expect("it exists"))
                    .collect();
                let request = JobRequest::new(JobKind::UpdateTwin { body }, condition.as_str());
                let job = hub.schedule(request).expect("the request is good");
                prop_assert!(job.wait(None).expect("the hub is open"));
                let statistics = job.statistics().expect("the job is there");
                prop_assert_eq!(statistics.failed_count, 0);
                for (device, before) in before.into_iter().enumerate() {
                    let twin = hub.twin(&id(device)).expect("it exists");
                    if !matches.contains(&device) {
                        prop_assert_eq!(twin, before);
                        continue;
                    }
                    models[device].update(tags.as_ref(), desired.as_ref());
                    if desired.is_some() {
                        let desired = &twin["properties"]["desired"];
                        let stamp = &desired["$metadata"]["$lastUpdatedVersion"];
                        prop_assert_eq!(stamp, &desired["$version"]);
                    }
                }
            }
            Step::Recreate { device, body } => {
                hub.delete_device(&id(*device), None).expect("it exists");
                prop_assert!(!hub.contains(&id(*device)));
                hub.create_device(&id(*device), body).expect("the body is good");
                models[*device] = Model::new(body);
            }
        }
        for (device, model) in models.iter().enumerate() {
            check_twin(&hub.twin(&id(device)).expect("it exists"), model)?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn twins_follow_the_model(
        bodies in prop::collection::vec(fleets::body(), 6),
        steps in prop::collection::vec(step(), 1..25),
    ) {
        let hub = Hub::new().expect("threads can be started");
        let mut models: Vec<Model> = bodies.iter().map(Model::new).collect();
        for (device, body) in bodies.iter().enumerate() {
            let twin = hub.create_device(&format!("d{device}"), body).expect("the body is good");
            check_twin(&twin, &models[device])?;
        }
        run(&hub, &mut models, &steps)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    /// The same beside five thousand twins more, so that columns are dense and jobs patch masks.
    #[test]
    fn twins_in_dense_columns_follow_the_model(
        bodies in prop::collection::vec(fleets::body(), 6),
        steps in prop::collection::vec(step(), 1..12),
    ) {
        let hub = Hub::new().expect("threads can be started");
        let mut models: Vec<Model> = bodies.iter().map(Model::new).collect();
        let mut lines = String::new();
        for number in 0..5000 {
            let mut twin = bodies[number % 6].clone();
            let suffix = if number < 6 { String::new() } else { format!("-{number}") };
            twin["deviceId"] = json!(format!("d{}{suffix}", number % 6));
            lines.push_str(&format!("{twin}\n"));
        }
        hub.import_ndjson(lines.as_bytes(), ImportOptions::default()).expect("the twins are good");
        run(&hub, &mut models, &steps)?;
    }
}

#[test]
fn sections_cannot_outgrow_their_limits() {
    let hub = Hub::new().expect("threads can be started");
    for device in ["full", "small"] {
        hub.create_device(device, &json!({})).expect("the id is new");
    }
    // Two strings of 4,000 bytes leave less than 200 bytes of the 8 KiB of tags.
    let nearly = json!({"tags": {"a": "x".repeat(4000), "b": "x".repeat(4000)}});
    hub.update_twin("full", &nearly, None).expect("8,002 bytes fit");
    let more = json!({"tags": {"c": "x".repeat(300)}});
    let error = hub.update_twin("full", &more, None).expect_err("8,303 bytes do not");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("tags") && error.message().contains("8192"), "{error}");

    let before = hub.twin("full").expect("it exists");
    let job = hub
        .schedule(JobRequest::new(JobKind::UpdateTwin { body: more }, "*"))
        .expect("the request is good");
    assert!(job.wait(None).expect("the hub is open"));
    let statistics = job.statistics().expect("the job is there");
    assert_eq!((statistics.succeeded_count, statistics.failed_count), (1, 1));
    assert_eq!(hub.twin("full").expect("it exists"), before);
    let rows = job.results().expect("the job is there").rows_json();
    assert_eq!(rows[0]["status"], json!("failed"));
    assert_eq!(rows[0]["errorCode"], json!("400004"));
    assert_eq!(rows[1]["status"], json!("completed"));

    // What makes a section smaller is taken, also when it is full.
    let less = json!({"tags": {"a": null, "c": "x".repeat(300)}});
    hub.update_twin("full", &less, None).expect("4,303 bytes fit");
}

#[test]
fn an_imported_fleet_is_given_back_as_it_came() {
    let mut data = Vec::new();
    let options = twincast::fleet::FleetOptions { devices: 5000, ..Default::default() };
    twincast::fleet::write(&mut data, &options, |_| {}).expect("a Vec takes all");
    let hub = Hub::new().expect("threads can be started");
    hub.import_ndjson(data.as_slice(), ImportOptions::default()).expect("the fleet is good");
    for line in data.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let given: Value = serde_json::from_slice(line).expect("a line is JSON");
        let mut twin = hub.twin(given["deviceId"].as_str().expect("an id")).expect("it is there");
        for section in ["desired", "reported"] {
            let section = twin["properties"][section].as_object_mut().expect("an object");
            section.shift_remove("$metadata").expect("metadata was made up");
        }
        assert_eq!(twin, given);
    }
}

/// A job leaves every trace of the twins that it does not match as it was.
#[test]
fn a_job_changes_its_own_twins_only() {
    let hub = Hub::new().expect("threads can be started");
    let lines: String = (0..5000)
        .map(|number| {
            let desired = json!({"a": number % 7, "b": {"c": number}});
            let twin =
                json!({"deviceId": format!("d{number}"), "properties": {"desired": desired}});
            format!("{twin}\n")
        })
        .collect();
    hub.import_ndjson(lines.as_bytes(), ImportOptions::default()).expect("the twins are good");
    let run = |condition: &str, desired: Value| {
        let body = json!({"properties": {"desired": desired}});
        let request = JobRequest::new(JobKind::UpdateTwin { body }, condition);
        let job = hub.schedule(request).expect("the request is good");
        assert!(job.wait(None).expect("the hub is open"));
        job.statistics().expect("the job is there").succeeded_count
    };
    let twin = |id: &str| hub.twin(id).expect("it exists");
    // First some twins get a second version by `b`, so that their stamps of `a` lag behind.
    assert_eq!(run("properties.desired.a < 4", json!({"b": {"c": 1, "d": "x"}})), 2858);
    let (lagging, untouched) = (twin("d0"), twin("d6"));
    assert_eq!(run("properties.desired.a = 4", json!({"a": 40, "b": null})), 714);
    assert_eq!((twin("d0"), twin("d6")), (lagging, untouched));
    let changed = &twin("d4")["properties"]["desired"];
    assert_eq!((&changed["a"], changed.get("b")), (&json!(40), None));
    assert_eq!(changed["$metadata"]["a"]["$lastUpdatedVersion"], json!(2));
    assert_eq!(changed["$version"], json!(2));
}

/// A job refuses exactly the twins that a single patch refuses, however full each one is.
#[test]
fn a_job_and_a_patch_draw_the_same_limit() {
    let hub = Hub::new().expect("threads can be started");
    let text = |length: usize| "x".repeat(length);
    let lines: String = (0..5000)
        .map(|number| {
            let mut tags = json!({"a": text(4000), "old": {"k": text(number % 97)}, "n": number});
            if number % 3 == 0 {
                tags["b"] = json!(text(4000));
            }
            format!("{}\n", json!({"deviceId": format!("d{number}"), "tags": tags}))
        })
        .collect();
    hub.import_ndjson(lines.as_bytes(), ImportOptions::default()).expect("the twins are good");
    for tags in [
        json!({"b": text(4096), "c": text(30)}),
        json!({"old": text(60), "c": null}),
        json!({"old": {"k": null, "m": text(150)}}),
        json!({"a": null, "old": null, "d": text(4096)}),
    ] {
        let body = json!({"tags": tags});
        let expected: Vec<bool> = (0..400)
            .map(|number| {
                // What a lone patch does is tried on a copy.
                let twin = hub.twin(&format!("d{number}")).expect("it exists");
                let copy = json!({"tags": twin["tags"]});
                hub.create_device("copy", &copy).expect("the id is free");
                let is_taken = hub.update_twin("copy", &body, None).is_ok();
                hub.delete_device("copy", None).expect("it exists");
                is_taken
            })
            .collect();
        let request = JobRequest::new(JobKind::UpdateTwin { body }, "*");
        let job = hub.schedule(request).expect("the request is good");
        assert!(job.wait(None).expect("the hub is open"));
        let rows = job.results().expect("the job is there").rows_json();
        let taken: Vec<bool> =
            rows[..400].iter().map(|row| row["status"] == json!("completed")).collect();
        assert_eq!(taken, expected, "{tags}");
    }
}

#[test]
fn a_negative_zero_stays_one() {
    let hub = Hub::new().expect("threads can be started");
    let values = [json!(0.0), json!(-0.0), json!(0), json!(1.5), json!(-0.0)];
    for (number, value) in values.iter().enumerate() {
        let body = json!({"tags": {"n": value}});
        hub.create_device(&format!("d{number}"), &body).expect("the id is new");
    }
    for (number, value) in values.iter().enumerate() {
        let twin = hub.twin(&format!("d{number}")).expect("it exists");
        assert_eq!(twin["tags"]["n"].to_string(), value.to_string());
    }
    assert_eq!(hub.select("tags.n = 0").expect("it is a condition").len(), 4);
}
