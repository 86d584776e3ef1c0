//! Every kind of column, every comparison, constants on both sides of every edge.

use serde_json::{Value, json};
use twincast::query::parse_condition;
use twincast::{Hub, ImportOptions};
use twincast_tests_support::oracle;

/// Enough twins that mostly distinct strings are seen as such.
const TWINS: usize = 1100;

/// A key for each kind of column, with the value of each twin and the constants to compare with.
struct Kind {
    key: &'static str,
    value: fn(usize) -> Option<Value>,
    constants: &'static [&'static str],
}

const KINDS: &[Kind] = &[
    Kind {
        key: "byte",
        value: |n| Some(json!(n % 7)),
        constants: &["-1", "0", "3", "3.0", "3.5", "6", "7", "1e300", "'3'"],
    },
    Kind {
        key: "word",
        value: |n| (!n.is_multiple_of(5)).then(|| json!(n as i64 * 31 - 9000)),
        constants: &["-9001", "-9000", "-8969", "0", "25069", "25070"],
    },
    Kind {
        key: "wide",
        value: |n| Some(json!(n as i64 * 1_000_003 - 4_000_000)),
        constants: &["-4000000", "0", "1000012", "1000013", "4503599627370495"],
    },
    Kind {
        key: "huge",
        value: |n| Some(json!((n as i64 - 550) * 8_000_000_000_000)),
        constants: &["-4400000000000000", "0", "7999999999999", "8000000000000"],
    },
    Kind {
        key: "decimal",
        value: |n| Some(if n % 50 == 0 { json!(n / 50) } else { json!(n as f64 / 100.0) }),
        constants: &["0", "0.005", "0.01", "0.015", "5", "5.0", "10.99", "11"],
    },
    Kind {
        key: "odd",
        value: |n| Some(json!((n as f64).sqrt())),
        constants: &["0", "1", "1.4142135623730951", "1.41", "33.2"],
    },
    Kind {
        key: "when",
        value: |n| {
            (n % 9 != 4).then(|| json!(format!("2026-01-{:02}T00:00:{:02}Z", n % 28 + 1, n % 60)))
        },
        constants: &[
            "'2026'",
            "'2026-01-07'",
            "'2026-01-07T00:00:06Z'",
            "'2026-01-07T00:00:06'",
            "'2027'",
            "''",
            "'2026-01-07T00:00:06ZZ'",
            "7",
        ],
    },
    Kind {
        key: "mode",
        value: |n| (n % 11 != 3).then(|| json!(["auto", "eco", "off", "é"][n % 4])),
        constants: &["'auto'", "'eco'", "'é'", "'zzz'", "''", "null"],
    },
    Kind {
        key: "mode2",
        value: |n| (n % 7 != 3).then(|| json!(["eco", "off", "auto"][n % 3])),
        constants: &["'off'"],
    },
    Kind {
        key: "serial",
        value: |n| Some(json!(format!("s{n:04}"))),
        constants: &["'s0007'", "'s01'", "'t'"],
    },
    Kind {
        key: "mixed",
        value: |n| match n % 6 {
            0 => Some(json!(3)),
            1 => Some(json!("3")),
            2 => Some(json!(true)),
            3 => Some(json!(3.0)),
            4 => Some(json!([1, "3", null])),
            _ => None,
        },
        constants: &["3", "'3'", "true", "false", "null", "undefined"],
    },
    Kind {
        key: "rare",
        value: |n| (n % 100 == 17).then(|| json!(n)),
        constants: &["17", "500", "1017"],
    },
    Kind { key: "same", value: |_| Some(json!("all")), constants: &["'all'", "'none'"] },
    Kind {
        key: "flag",
        value: |n| (n % 5 != 2).then(|| json!(n % 2 == 0)),
        constants: &["true", "false"],
    },
    Kind { key: "none", value: |_| None, constants: &["1"] },
];

const COMPARISONS: &[&str] = &["=", "!=", "<", "<=", ">", ">="];

struct Fleet {
    hub: Hub,
    twins: Vec<Value>,
}

impl Fleet {
    fn new() -> Self {
        let hub = Hub::new().expect("threads can be started");
        let lines: Vec<String> = (0..TWINS)
            .map(|n| {
                let values = KINDS.iter().filter_map(|kind| Some((kind.key, (kind.value)(n)?)));
                let tags: serde_json::Map<String, Value> =
                    values.map(|(key, value)| (key.to_owned(), value)).collect();
                json!({"deviceId": format!("d{n:04}"), "tags": tags}).to_string()
            })
            .collect();
        let lines = lines.join("\n");
        // Few twins would be added one by one; more of them are imported as a segment.
        let filler: String =
            (0..4096).map(|n| format!("\n{}", json!({"deviceId": format!("filler{n}")}))).collect();
        let all = format!("{lines}{filler}");
        hub.import_ndjson(all.as_bytes(), ImportOptions::default()).expect("the twins are good");
        let stale = hub.select("STARTS_WITH(deviceId, 'filler')").expect("it is a condition");
        for id in stale.ids() {
            hub.delete_device(id, None).expect("it was listed");
        }
        let twins = (0..TWINS).map(|n| hub.twin(&format!("d{n:04}")).expect("it is there"));
        let twins = twins.collect();
        Self { hub, twins }
    }

    fn check(&self, text: &str) {
        let parsed = parse_condition(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let found = self.hub.select(text).expect("it parsed").device_ids();
        let mut found = found.iter().map(String::as_str).peekable();
        for twin in &self.twins {
            let id = twin["deviceId"].as_str().expect("a twin has an id");
            let is_found = found.next_if_eq(&id).is_some();
            assert_eq!(is_found, oracle::matches(&parsed, twin), "{text} for {twin}");
        }
        assert_eq!(found.next(), None, "{text} selects more");
    }
}

#[test]
fn every_comparison_on_every_kind_of_column() {
    let fleet = Fleet::new();
    for kind in KINDS {
        let key = kind.key;
        for constant in kind.constants {
            for comparison in COMPARISONS {
                fleet.check(&format!("tags.{key} {comparison} {constant}"));
                fleet.check(&format!("NOT ({constant} {comparison} tags.{key})"));
            }
        }
        let list = kind.constants.join(", ");
        fleet.check(&format!("tags.{key} IN [{list}]"));
        fleet.check(&format!("tags.{key} NIN [{list}]"));
        fleet.check(&format!("tags.{key} IN [{}]", kind.constants[0]));
        fleet.check(&format!("IS_DEFINED(tags.{key})"));
        fleet.check(&format!("NOT IS_DEFINED(tags.{key})"));
        for prefix in ["''", "'2026-01-0'", "'2026-01-07T00:00:06Z'", "'s00'", "'e'", "'3'"] {
            fleet.check(&format!("STARTS_WITH(tags.{key}, {prefix})"));
            fleet.check(&format!("NOT STARTS_WITH(tags.{key}, {prefix})"));
        }
        fleet.check(&format!("tags.{key} * 2 + 1 > 7"));
        fleet.check(&format!("NOT (LENGTH(tags.{key}) = 3)"));
        fleet.check(&format!("ARRAY_CONTAINS(tags.{key}, '3')"));
        fleet.check(&format!("tags.{key}[1] = '3'"));
        fleet.check(&format!("tags.{key}"));
        fleet.check(&format!("NOT tags.{key}"));
    }
}

#[test]
fn every_pair_of_columns_compares() {
    let fleet = Fleet::new();
    for left in KINDS {
        for right in KINDS {
            for comparison in ["=", "!=", "<"] {
                fleet.check(&format!("tags.{} {comparison} tags.{}", left.key, right.key));
            }
        }
        fleet.check(&format!("NOT (tags.{} != tags.mode)", left.key));
        fleet.check(&format!("deviceId > tags.{}", left.key));
    }
}

#[test]
fn every_pair_of_tests_combines() {
    let tests = [
        "tags.byte < 3",
        "tags.word >= 0",
        "tags.decimal = 5",
        "tags.when > '2026-01-07'",
        "tags.mode = 'eco'",
        "tags.mode != tags.mode2",
        "tags.serial > 's05'",
        "tags.mixed = 3",
        "tags.rare > 500",
        "tags.same = 'all'",
        "tags.flag",
        "tags.none = 1",
        "tags.byte + tags.word > 0",
        "deviceId IN ['d0001', 'd0004', 'd0008', 'gone']",
        "undefined",
    ];
    let fleet = Fleet::new();
    for left in tests {
        for right in tests {
            fleet.check(&format!("{left} AND {right}"));
            fleet.check(&format!("{left} OR {right}"));
            fleet.check(&format!("NOT ({left} AND {right})"));
            fleet.check(&format!("NOT ({left} OR {right})"));
            fleet.check(&format!("NOT ({left}) AND NOT ({right} AND {left})"));
        }
    }
}

#[test]
fn values_of_one_column_joined_by_or_are_one_test() {
    let fleet = Fleet::new();
    for kind in KINDS {
        let path = format!("tags.{}", kind.key);
        for (place, constant) in kind.constants.iter().enumerate() {
            let next = kind.constants[(place + 1) % kind.constants.len()];
            let ors = [
                format!("{path} = {constant} OR {path} = {next}"),
                format!("{path} = {constant} OR {path} IN [{next}, 3, 'eco', null]"),
                format!("{path} = {constant} OR tags.mode = 'off' OR {path} = {next}"),
                format!("{path} = {constant} OR {path} != {next} OR {path} = 'x'"),
                format!("{path} = {constant} OR NOT ({path} = {next}) OR {path} = undefined"),
            ];
            for or in ors {
                fleet.check(&or);
                fleet.check(&format!("NOT ({or})"));
                fleet.check(&format!("({or}) AND NOT ({path} = {next} OR tags.mode = 'eco')"));
            }
        }
    }
}
