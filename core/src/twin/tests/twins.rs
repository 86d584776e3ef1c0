//! Whole twins: flattened, rebuilt, refused.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::*;
use super::rebuild;
use crate::Timestamp;

const FULL: &str = r#"{"deviceId":"dev-1","etag":"AAAAAAAAAAE=","deviceEtag":null,"status":"enabled","statusReason":null,"statusUpdateTime":"0001-01-01T00:00:00","connectionState":"Connected","lastActivityTime":"2026-01-02T03:04:05.1234567Z","cloudToDeviceMessageCount":0,"authenticationType":"sas","x509Thumbprint":{"primaryThumbprint":null,"secondaryThumbprint":null},"modelId":"","version":7,"tags":{"site":{"city":"Malm\u00f6","empty":{}},"floor":-3,"ok":true},"properties":{"desired":{"a":{"b":1.50},"list":[1,[null,{"k":"v"}],1.10],"$metadata":{"$lastUpdated":"2026-01-01T00:00:00Z","$lastUpdatedVersion":4,"a":{"$lastUpdated":"2026-01-01T00:00:01Z","$lastUpdatedVersion":3,"b":{"$lastUpdated":"2026-01-01T00:00:02Z"}}},"$version":4},"reported":{"$version":1}},"capabilities":{"iotEdge":false},"deviceScope":"s","parentScopes":["p"],"configurations":{"a b.c":{"status":"Targeted","none":null}}}"#;

fn read(line: &str) -> (PathTable, FlatTwin<'_>) {
    let paths = PathTable::new();
    let twin = flatten_line(&paths, line.as_bytes()).unwrap();
    (paths, twin)
}

#[test]
fn a_full_twin_keeps_every_field() {
    let (paths, twin) = read(FULL);
    let mut expected: Value = serde_json::from_str(FULL).unwrap();
    expected["properties"]["desired"].as_object_mut().unwrap().shift_remove("$metadata");
    assert_eq!(rebuild(&paths, &twin).to_string(), expected.to_string());

    let list = paths.child(PathId::DESIRED, "list").unwrap();
    let kept = twin.cells.iter().find(|(path, _)| *path == list).unwrap();
    assert_eq!(kept.1, Scalar::Array(r#"[1,[null,{"k":"v"}],1.10]"#.into()));

    let second = |second| Timestamp::parse(&format!("2026-01-01T00:00:0{second}Z")).unwrap();
    let a = paths.child(PathId::DESIRED, "a").unwrap();
    let b = paths.child(a, "b").unwrap();
    let stamps = [(PathId::DESIRED, 0, Some(4)), (a, 1, Some(3)), (b, 2, None)];
    let stamp = |(path, time, version)| Stamp { path, updated: second(time), version };
    assert_eq!(twin.stamps, stamps.map(stamp));
}

#[test]
fn metadata_is_read_in_any_order_and_may_have_gaps() {
    let (paths, twin) = read(
        r#"{"deviceId":"d","properties":{"desired":{"$metadata":{"b":{"c":{"$lastUpdatedVersion":3,"$lastUpdated":"2026-01-01T00:00:03Z"}},"a":{"$lastUpdated":"2026-01-01T00:00:01Z"},"$lastUpdatedVersion":null,"$lastUpdated":"2026-01-01T00:00:09Z"},"a":1,"b":{"c":2}}}}"#,
    );
    let stamps: Vec<_> = twin
        .stamps
        .iter()
        .map(|stamp| (paths.display(stamp.path), stamp.updated.format(0), stamp.version))
        .collect();
    let stamp = |path: &str, second: u8, version| {
        (path.to_owned(), format!("2026-01-01T00:00:0{second}Z"), version)
    };
    assert_eq!(
        stamps,
        [
            stamp("properties.desired", 9, None),
            stamp("properties.desired.b.c", 3, Some(3)),
            stamp("properties.desired.a", 1, None),
        ]
    );
}

#[test]
fn sizes_count_keys_and_values_without_dollar_keys() {
    let (_, twin) = read(FULL);
    // site, city, Malmö, empty; floor, 8; ok, 4
    assert_eq!(twin.sizes.tags, 4 + 4 + 5 + 5 + 5 + 8 + 2 + 4);
    // a, b, 8; list and its text
    assert_eq!(twin.sizes.desired, 1 + 1 + 8 + 4 + 25);
    assert_eq!(twin.sizes.reported, 0);
}

#[test]
fn sizes_are_the_sum_of_the_cells() {
    let (paths, twin) = read(FULL);
    let cells = twin.cells.iter().filter(|(path, _)| {
        paths.section(*path) == Section::Desired
            && ![PathId::DESIRED, PathId::DESIRED_VERSION].contains(path)
    });
    let total: u64 = cells.map(|(path, scalar)| cell_size(&paths.key(*path), scalar)).sum();
    assert_eq!(total, twin.sizes.desired);
}

#[test]
fn values_and_lines_are_read_alike() {
    let paths = PathTable::new();
    let value: Value = serde_json::from_str(FULL).unwrap();
    let from_value = flatten_value(&paths, &value).unwrap();
    let text = value.to_string();
    assert_eq!(from_value, flatten_line(&paths, text.as_bytes()).unwrap());
}

#[test]
fn numbers_are_kept_as_they_were_written() {
    for (text, expected) in [
        ("0", Scalar::Int(0)),
        ("-0", Scalar::Float(-0.0)),
        ("3.0", Scalar::Float(3.0)),
        ("1e22", Scalar::Float(1e22)),
        ("-1.5E-3", Scalar::Float(-0.0015)),
        ("0.1", Scalar::Float(0.1)),
        ("123456789.123456789", Scalar::Float(123_456_789.123_456_79)),
        ("0.30000000000000004", Scalar::Float(0.300_000_000_000_000_04)),
        ("1e-400", Scalar::Float(0.0)),
        ("4503599627370495", Scalar::Int(4_503_599_627_370_495)),
        ("-4503599627370496", Scalar::Int(-4_503_599_627_370_496)),
    ] {
        let line = format!(r#"{{"deviceId":"d","tags":{{"n":{text}}}}}"#);
        let (_, twin) = read(&line);
        assert_eq!(twin.cells[1].1, expected, "{text}");
        if let (Scalar::Float(read), Scalar::Float(expected)) = (&twin.cells[1].1, &expected) {
            assert_eq!(read.to_bits(), expected.to_bits(), "{text}");
        }
    }
}

#[test]
fn strings_and_arrays_are_unescaped_and_compacted() {
    for (text, expected) in [
        (r#""plain""#, Scalar::Str("plain".into())),
        (r#""eight ch""#, Scalar::Str("eight ch".into())),
        (r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#, Scalar::Str("\"\\/\u{8}\u{c}\n\r\té😀".into())),
        ("\"\u{7f}é😀\"", Scalar::Str("\u{7f}é😀".into())),
        ("[ 1 , \"a b\" , { \"k\" : [ ] } ]", Scalar::Array(r#"[1,"a b",{"k":[]}]"#.into())),
        (r#"["\u0061\/\n","\\"]"#, Scalar::Array(r#"["a/\n","\\"]"#.into())),
        ("[1.10,1e5,-0]", Scalar::Array("[1.10,1e5,-0]".into())),
    ] {
        let line = format!(r#" {{ "deviceId" : "d", "tags" : {{ "v" : {text} }} }} "#);
        let (_, twin) = read(&line);
        assert_eq!(twin.cells[1].1, expected, "{text}");
    }
}

#[test]
fn ten_levels_are_legal() {
    let (_, twin) = read(
        r#"{"deviceId":"d","tags":{"one":{"two":{"three":{"four":{"five":{"six":{"seven":{"eight":{"nine":{"ten":{"property":"value"}}}}}}}}}}}}"#,
    );
    assert_eq!(twin.cells.len(), 12);
}

#[test]
fn keys_in_any_order_are_found_and_duplicates_refused() {
    let paths = PathTable::new();
    let first = br#"{"deviceId":"d","tags":{"a":1,"b":2,"c":3,"d":{"a":4}}}"#;
    flatten_line(&paths, first).unwrap();
    let turned = br#"{"tags":{"d":{"z":0,"a":4},"c":3,"e":5,"b":2,"a":1},"deviceId":"d"}"#;
    let twin = flatten_line(&paths, turned).unwrap();
    let values: Vec<_> = twin.cells.iter().filter_map(|(_, scalar)| scalar.as_number()).collect();
    assert_eq!(values, [0.0, 4.0, 3.0, 5.0, 2.0, 1.0]);
    for members in [
        "\"a\":1,\"a\":1",
        "\"b\":1,\"a\":2,\"b\":3",
        "\"n\":1,\"n\":2",
        "\"c\":1,\"d\":{},\"c\":2",
    ] {
        let line = format!(r#"{{"deviceId":"d","tags":{{{members}}}}}"#);
        let error = flatten_line(&paths, line.as_bytes()).unwrap_err();
        assert!(error.message().ends_with("is given twice"), "{error}");
    }
}

/// Lines that are refused, each with its message.
#[test]
fn refusals_name_the_place_and_the_limit() {
    let long_key = "k".repeat(1025);
    let long_text = "x".repeat(4097);
    let tags = |members: &str| format!(r#"{{"deviceId":"d","tags":{{{members}}}}}"#);
    let root = |members: &str| format!(r#"{{"deviceId":"d",{members}}}"#);
    let eleven = r#""a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}}}}}"#;
    let deep_array = r#""a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":[[[1]]]}}}}}}}}"#;
    let full = (0..2).map(|n| format!("\"k{n}\":\"{}\",", "x".repeat(4090))).collect::<String>();
    let check = |line: &str, message: &str| {
        let error = flatten_line(&PathTable::new(), line.as_bytes()).unwrap_err();
        assert_eq!(error.message(), message, "{line}");
    };
    for (members, message) in [
        (r#""a.b":1"#, "the key `tags.[[a.b]]` holds '.', which no key of a twin may"),
        (r#""a":{"b c":1}"#, "the key `tags.a.[[b c]]` holds ' ', which no key of a twin may"),
        (r##""#":1"##, "the key `tags.[[#]]` holds '#', which no key of a twin may"),
        (r#""$version":1"#, "the key `tags.$version` holds '$', which no key of a twin may"),
        (
            r#""a\u0085":1"#,
            "the key `tags.[[a\u{85}]]` holds '\\u{85}', which no key of a twin may",
        ),
        (r#""a":null"#, "`tags.a` is null"),
        (
            r#""a":{"b":[{"c d":1}]}"#,
            "the key `tags.a.b[0].[[c d]]` holds ' ', which no key of a twin may",
        ),
        (r#""a":[0,{"c":1,"c":2}]"#, "`tags.a[1].c` is given twice"),
        (
            r#""a":4503599627370496"#,
            "`tags.a` is 4503599627370496, outside the integers of a twin, -4503599627370496 to 4503599627370495",
        ),
        (
            r#""a":[-4503599627370497]"#,
            "`tags.a[0]` is -4503599627370497, outside the integers of a twin, -4503599627370496 to 4503599627370495",
        ),
        (
            r#""a":99999999999999999999"#,
            "`tags.a` is 99999999999999999999, outside the integers of a twin, -4503599627370496 to 4503599627370495",
        ),
        (r#""a":1e999"#, "`tags.a` is 1e999, beyond the greatest number, 1.7976931348623157e308"),
        (eleven, "`tags.a.a.a.a.a.a.a.a.a.a.a` is nested deeper than the 10 levels allowed"),
        (deep_array, "`tags.a.a.a.a.a.a.a.a.a[0][0]` is nested deeper than the 10 levels allowed"),
    ] {
        check(&tags(members), message);
    }
    check(
        &tags(&format!("\"a\":\"{long_text}\"")),
        "`tags.a` is a string of 4097 bytes, more than the 4096 allowed",
    );
    check(
        &tags(&format!("\"a\":[\"{long_text}\"]")),
        "`tags.a[0]` is a string of 4097 bytes, more than the 4096 allowed",
    );
    let message = format!(
        "the key `tags.[[{}...]]` has 1025 bytes, more than the 1024 allowed",
        "k".repeat(80)
    );
    check(&tags(&format!("\"{long_key}\":1")), &message);
    check(
        &tags(&format!("{full}\"y\":1")),
        "`tags` is larger than the 8192 bytes allowed, at `tags.y`",
    );
    for (members, message) in [
        (r#""tag":{}"#, "`tag` is not a part of a twin"),
        (r#""desired":{}"#, "`desired` is not a part of a twin"),
        (r#""properties":{"wanted":{}}"#, "`properties.wanted` is not a part of a twin"),
        (r#""tags":null"#, "`tags` must be an object"),
        (r#""tags":[]"#, "`tags` must be an object"),
        (r#""properties":[]"#, "`properties` must be an object"),
        (r#""status":"on""#, "`status` is `on`"),
        (r#""status":null"#, "`status` must be a string"),
        (r#""connectionState":"connected""#, "`connectionState` is `connected`"),
        (r#""version":-1"#, "`version` must be an integer from 0 to 4503599627370495"),
        (
            r#""version":4503599627370496"#,
            "`version` must be an integer from 0 to 4503599627370495",
        ),
        (
            r#""version":99999999999999999999"#,
            "`version` must be an integer from 0 to 4503599627370495",
        ),
        (
            r#""properties":{"reported":{"$version":9223372036854775807}}"#,
            "`properties.reported.$version` must be an integer from 1 to 4503599627370495",
        ),
        (r#""version":1.5"#, "`version` must be an integer from 0 to 4503599627370495"),
        (
            r#""properties":{"desired":{"$version":0}}"#,
            "`properties.desired.$version` must be an integer from 1 to 4503599627370495",
        ),
        (
            r#""properties":{"desired":{"$version":1,"$version":2}}"#,
            "`properties.desired.$version` is given twice",
        ),
        (
            r#""properties":{"desired":{"$x":1}}"#,
            "the key `properties.desired.$x` holds '$', which no key of a twin may",
        ),
        (
            r#""properties":{"reported":{"$metadata":{"a":1}}}"#,
            "`$metadata`: `properties.reported.a` must be an object",
        ),
        (
            r#""properties":{"desired":{"$metadata":{"$lastUpdated":"x"}}}"#,
            "`$lastUpdated` of `properties.desired`: `x` is not an ISO 8601 time",
        ),
        (
            r#""properties":{"desired":{"$metadata":{"a":{},"a":{}}}}"#,
            "`$metadata`: `properties.desired.a` is given twice",
        ),
        (
            r#""properties":{"desired":{"$metadata":{"$lastUpdatedVersion":-1}}}"#,
            "`$lastUpdatedVersion` in `$metadata`: `properties.desired` must be an integer from 0 to 4503599627370495",
        ),
        (
            r#""properties":{"desired":{"$metadata":{"$lastUpdatedVersion":3,"$lastUpdatedVersion":null}}}"#,
            "`$metadata`: `properties.desired` has two `$lastUpdatedVersion`",
        ),
        (
            r#""properties":{"desired":{"$metadata":{"$lastUpdated":"2026-01-01T00:00:00Z","$lastUpdated":"2026-01-01T00:00:00Z"}}}"#,
            "`$metadata`: `properties.desired` has two `$lastUpdated`",
        ),
        (
            r#""properties":{"desired":{"$metadata":{},"$metadata":{}}}"#,
            "`$metadata` of `properties.desired` is given twice",
        ),
        (r#""lastActivityTime":"soon""#, "`lastActivityTime`: `soon` is not an ISO 8601 time"),
        (r#""capabilities":{"iotEdge":1}"#, "`capabilities.iotEdge` must be true or false"),
        (r#""parentScopes":[1]"#, "`parentScopes` must be an array of strings"),
        (r#""moduleId":"m""#, "`moduleId` must be null"),
        (r#""deviceId":"d""#, "`deviceId` is given twice"),
        (r#""tags":{},"tags":{}"#, "`tags` is given twice"),
    ] {
        check(&root(members), message);
    }
    for (line, message) in [
        ("", "a twin must be a JSON object"),
        ("[]", "a twin must be a JSON object"),
        ("{}", "the twin has no `deviceId`"),
        (r#"{"deviceId":7}"#, "`deviceId` must be a string"),
        (r#"{"deviceId":"a b"}"#, "the device id `a b` holds ' '"),
        (r#"{"deviceId":""}"#, "the device id is empty"),
        (r#"{"deviceId":"d"} x"#, "not valid JSON at byte 17: text after the value"),
        (
            r#"{"deviceId":"d","#,
            "not valid JSON at byte 16: expected a key in double quotes, found the end",
        ),
        (r#"{"deviceId":"d" "tags":{}}"#, "not valid JSON at byte 16: expected `,` or `}`"),
        (r#"{"deviceId":"d","tags":{"a":01}}"#, "not valid JSON at byte 28: not a number"),
        (r#"{"deviceId":"d","tags":{"a":nul}}"#, "not valid JSON at byte 28: expected a value"),
        (
            r#"{"deviceId":"d","tags":{"a":"\ud800"}}"#,
            "not valid JSON at byte 28: a string holds an escape that means no character",
        ),
        (
            "{\"deviceId\":\"d\",\"tags\":{\"a\":\"\t\"}}",
            "not valid JSON at byte 29: a control character in a string must be escaped",
        ),
    ] {
        check(line, message);
    }
}

#[test]
fn the_greatest_versions_have_room_to_grow() {
    let greatest = crate::limits::INTEGER_MAX;
    let body = json!({"version": greatest, "properties": {"desired": {"$version": greatest}}});
    let paths = PathTable::new();
    let twin = new_device(&paths, "d", &body).unwrap();
    assert!(twin.cells.contains(&(PathId::VERSION, Scalar::Int(greatest))));
    for body in [
        json!({"version": greatest + 1}),
        json!({"properties": {"desired": {"$version": greatest + 1}}}),
        json!({"properties": {"reported": {"$version": i64::MAX}}}),
    ] {
        let error = new_device(&paths, "d", &body).unwrap_err();
        assert!(error.message().ends_with(&format!("to {greatest}")), "{error}");
    }
}

#[test]
fn device_ids_follow_the_documented_rule() {
    for id in ["a", "dev-0000001", "A-:.+%_#*?!(),=@;$'9", &"x".repeat(128)] {
        check_device_id(id).unwrap();
    }
    for id in ["", " ", "a/b", "ä", "a\"b", &"x".repeat(129), "a\0"] {
        assert!(check_device_id(id).is_err(), "{id}");
    }
}

#[test]
fn defaults_fill_what_is_absent_and_only_once() {
    let (paths, mut twin) = read(r#"{"deviceId":"d","properties":{"reported":{"a":1}},"tags":{}}"#);
    twin.fill_defaults();
    let once = twin.clone();
    twin.fill_defaults();
    assert_eq!(twin, once);
    assert_eq!(
        rebuild(&paths, &twin),
        json!({
            "deviceId": "d", "status": "enabled", "statusUpdateTime": "0001-01-01T00:00:00Z",
            "connectionState": "Disconnected", "lastActivityTime": "0001-01-01T00:00:00Z",
            "cloudToDeviceMessageCount": 0, "authenticationType": "sas",
            "x509Thumbprint": {"primaryThumbprint": null, "secondaryThumbprint": null},
            "version": 2, "tags": {},
            "properties": {"desired": {"$version": 1}, "reported": {"$version": 1, "a": 1}},
        })
    );
    let (_, mut full) = read(FULL);
    let before = full.clone();
    full.fill_defaults();
    assert_eq!(full, before);
}

#[test]
fn a_new_device_starts_as_iot_hub_starts_it() {
    let paths = PathTable::new();
    let twin = new_device(&paths, "d", &Value::Null).unwrap();
    let written = rebuild(&paths, &twin);
    assert_eq!(written["capabilities"], json!({"iotEdge": false}));
    assert_eq!(written["version"], 2);
    let body = json!({"status": "disabled", "capabilities": {"iotEdge": true}, "tags": {"a": 1}});
    let written = rebuild(&paths, &new_device(&paths, "d", &body).unwrap());
    assert_eq!(written["status"], "disabled");
    assert_eq!(written["capabilities"], json!({"iotEdge": true}));
    assert!(new_device(&paths, "d", &json!({"deviceId": "e"})).is_err());
    assert!(new_device(&paths, "d", &json!([])).is_err());
    assert!(new_device(&paths, "no id", &Value::Null).is_err());
}

/// Any value of a user section: keys of all lengths and scripts, at most five levels.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (-4_503_599_627_370_496..4_503_599_627_370_496_i64).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let float = any::<f64>().prop_filter("finite", |number| number.is_finite());
    // Arrays stay text, so their numbers need not be any odd ones.
    let short_float = (-1_000_000..1_000_000).prop_map(|hundredths| f64::from(hundredths) / 100.0);
    let item = prop_oneof![leaf.clone(), Just(Value::Null), short_float.prop_map(Value::from)];
    let array = prop::collection::vec(item, 0..4).prop_map(Value::from);
    prop_oneof![leaf, float.prop_map(Value::from), array].prop_recursive(4, 24, 5, any_object)
}

fn any_object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::vec(("[a-dé\"\\\\😀-]{0,3}", inner), 0..5)
        .prop_map(|members| Value::Object(members.into_iter().collect()))
}

proptest! {
    #[test]
    fn what_is_flattened_can_be_rebuilt(
        twins in prop::collection::vec((any_object(any_value()), any_object(any_value())), 1..4)
    ) {
        let paths = PathTable::new();
        for (tags, reported) in twins {
            let twin = json!({"deviceId": "d", "tags": tags, "properties": {"reported": reported}});
            let text = twin.to_string();
            let flat = flatten_line(&paths, text.as_bytes()).unwrap();
            prop_assert_eq!(rebuild(&paths, &flat).to_string(), &*text);
            let pretty = serde_json::to_string_pretty(&twin).unwrap();
            prop_assert_eq!(&flatten_line(&paths, pretty.as_bytes()).unwrap(), &flat);
            prop_assert_eq!(&flatten_value(&paths, &twin).unwrap(), &flat);
        }
    }

    #[test]
    fn numbers_are_those_of_the_standard_library(text in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?") {
        let line = format!(r#"{{"deviceId":"d","tags":{{"n":{text}}}}}"#);
        let paths = PathTable::new();
        match (flatten_line(&paths, line.as_bytes()), text.parse::<i64>()) {
            (Ok(twin), parsed) => match &twin.cells[1].1 {
                Scalar::Int(value) => prop_assert_eq!(Ok(*value), parsed),
                Scalar::Float(value) => {
                    prop_assert_eq!(value.to_bits(), text.parse::<f64>().unwrap().to_bits());
                }
                other => prop_assert!(false, "{:?}", other),
            },
            (Err(_), Ok(value)) => prop_assert!(value.abs() >= 4_503_599_627_370_496),
            (Err(_), Err(_)) => {
                let integer = !text.contains(['.', 'e', 'E']);
                prop_assert!(integer || text.parse::<f64>().unwrap().is_infinite());
            }
        }
    }
}
