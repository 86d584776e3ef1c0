//! Random fleets and conditions, small vocabularies on purpose: values meet, types mix.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Values that a property may have.
pub(crate) fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (-3_i64..4).prop_map(Value::from),
        1 => prop::sample::select(vec![4_503_599_627_370_495_i64, -4_503_599_627_370_496, 65_536])
            .prop_map(Value::from),
        3 => prop::sample::select(vec![0.5, -2.25, 3.0, 1e-7, 1e300, 21.37, 22.0, 0.1 + 0.2])
            .prop_map(Value::from),
        4 => prop::sample::select(vec![
            "", "a", "b", "3", "eco", "Eco", "x AND y", "O'Neil", "é", "\u{1F600}z",
            "2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z", "2027-01-02T03:04:05Z",
        ])
        .prop_map(Value::from),
        2 => any::<bool>().prop_map(Value::from),
        1 => prop::sample::select(vec![
            json!([]), json!([1, "a", null]), json!([{"k": 1}, [2.5]]), json!(["a"]),
        ]),
    ]
}

/// Members of a section: a few keys with values of any type, a little nesting, empty objects; and
/// three keys with values of one type each, which columns of their own kind hold.
pub(crate) fn members() -> impl Strategy<Value = Value> {
    let object = prop::collection::btree_map(key(), leaf(), 0..3)
        .prop_map(|map| Value::Object(map.into_iter().collect()));
    let deeper = prop::collection::btree_map(key(), prop_oneof![2 => leaf(), 1 => object], 0..3)
        .prop_map(|map| Value::Object(map.into_iter().collect()));
    let any = prop::collection::btree_map(key(), prop_oneof![3 => leaf(), 1 => deeper], 0..5);
    (any, prop::option::weighted(0.9, typed())).prop_map(|(any, typed)| {
        let mut members: Map<String, Value> = any.into_iter().collect();
        members.extend(typed.into_iter().flatten());
        Value::Object(members)
    })
}

fn typed() -> impl Strategy<Value = Vec<(String, Value)>> {
    let digits = 0_u32..3;
    (whole_number(), -300_i32..900, digits, 0_u32..60).prop_map(
        |(whole, tenths, digits, second)| {
            let temp = f64::from(tenths) / 10_f64.powi(digits.cast_signed());
            vec![
                ("floor".to_owned(), json!(whole)),
                ("temp".to_owned(), if digits == 0 { json!(tenths) } else { json!(temp) }),
                ("when".to_owned(), json!(format!("2026-01-02T03:04:{second:02}Z"))),
            ]
        },
    )
}

fn whole_number() -> impl Strategy<Value = i64> {
    prop_oneof![8 => -3_i64..60, 1 => -70_000_i64..70_000]
}

/// Like members, with nulls that remove.
pub(crate) fn changes() -> impl Strategy<Value = Value> {
    let inner =
        prop::collection::btree_map(key(), prop_oneof![3 => leaf(), 1 => Just(Value::Null)], 0..3)
            .prop_map(|map| Value::Object(map.into_iter().collect()));
    prop::collection::btree_map(
        key(),
        prop_oneof![3 => leaf(), 1 => Just(Value::Null), 2 => inner],
        0..4,
    )
    .prop_map(|map| Value::Object(map.into_iter().collect()))
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "my-key", "select"]).prop_map(str::to_owned)
}

/// The body of a new device.
pub(crate) fn body() -> impl Strategy<Value = Value> {
    (
        prop::option::of(members()),
        prop::option::of(members()),
        prop::option::of(members()),
        any::<bool>(),
    )
        .prop_map(|(tags, desired, reported, enabled)| {
            let mut properties = Map::new();
            properties.extend(desired.map(|desired| ("desired".to_owned(), desired)));
            properties.extend(reported.map(|reported| ("reported".to_owned(), reported)));
            let mut body = Map::new();
            body.extend(tags.map(|tags| ("tags".to_owned(), tags)));
            body.insert("properties".to_owned(), Value::Object(properties));
            body.insert("status".to_owned(), json!(if enabled { "enabled" } else { "disabled" }));
            Value::Object(body)
        })
}

fn path() -> impl Strategy<Value = String> {
    let root =
        prop::sample::select(vec!["tags", "tags", "properties.desired", "properties.reported"]);
    let keys = prop::sample::select(vec!["a", "b", "c", "floor", "[[my-key]]", "select", "none"]);
    prop_oneof![
        8 => (root, prop::collection::vec(keys, 1..4))
            .prop_map(|(root, keys)| format!("{root}.{}", keys.join("."))),
        2 => typed_path(),
        1 => prop::sample::select(vec![
            "deviceId", "status", "version", "etag", "properties.desired.$version", "tags",
            "properties.reported.$version", "tags.a[0]", "tags.b[1].k", "tags.c['a']",
            "capabilities.iotEdge", "x509Thumbprint.primaryThumbprint", "lastActivityTime",
            "statusReason", "properties.desired.$metadata.a.$lastUpdatedVersion",
        ])
        .prop_map(str::to_owned),
    ]
}

fn constant() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "0",
        "1",
        "-2",
        "3",
        "3.0",
        "0.5",
        "0x2",
        "21.37",
        "65536",
        "4503599627370495",
        "1e300",
        "'a'",
        "'b'",
        "''",
        "'3'",
        "'eco'",
        "'Eco'",
        "\"O'Neil\"",
        "'é'",
        "'d01'",
        "'d02'",
        "'enabled'",
        "'2026-01-02T03:04:05Z'",
        "'2026'",
        "'AAAAAAAAAAE='",
        "true",
        "false",
        "null",
        "undefined",
    ])
    .prop_map(str::to_owned)
}

fn typed_path() -> impl Strategy<Value = String> {
    let root = prop::sample::select(vec!["tags", "properties.desired", "properties.reported"]);
    let key = prop::sample::select(vec!["floor", "temp", "when", "serial"]);
    (root, key).prop_map(|(root, key)| format!("{root}.{key}"))
}

fn typed_constant() -> impl Strategy<Value = String> {
    prop_oneof![
        whole_number().prop_map(|number| number.to_string()),
        (-300_i32..900).prop_map(|tenths| (f64::from(tenths) / 10.0).to_string()),
        (0_u32..60).prop_map(|second| format!("'2026-01-02T03:04:{second:02}Z'")),
        (0_u32..60).prop_map(|second| format!("'2026-01-02T03:04:{second:02}'")),
        (0_u32..5000).prop_map(|number| format!("'s{number}'")),
    ]
}

fn operand() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![3 => path(), 2 => constant()].boxed();
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["+", "-", "*", "/", "%"]), inner.clone())
                .prop_map(|(left, operator, right)| format!("({left} {operator} {right})")),
            inner.clone().prop_map(|inner| format!("(-{inner})")),
            inner.clone().prop_map(|inner| format!("LOWER({inner})")),
            inner.clone().prop_map(|inner| format!("LENGTH({inner})")),
            inner.clone().prop_map(|inner| format!("AS_NUMBER({inner})")),
            inner.clone().prop_map(|inner| format!("FLOOR({inner})")),
            inner.clone().prop_map(|inner| format!("SUBSTRING({inner}, 1)")),
            (inner.clone(), inner).prop_map(|(left, right)| format!("CONCAT({left}, {right})")),
        ]
    })
}

fn test() -> impl Strategy<Value = String> {
    let compare = prop::sample::select(vec!["=", "!=", "<>", "<", "<=", ">", ">="]);
    let list = prop::collection::vec(constant(), 1..5).prop_map(|list| list.join(", "));
    let member = prop::sample::select(vec!["IN", "NIN"]);
    prop_oneof![
        3 => (typed_path(), compare.clone(), typed_constant())
            .prop_map(|(path, compare, constant)| format!("{path} {compare} {constant}")),
        1 => (typed_path(), prop::sample::select(vec!["'2026'", "'2026-01-02T03:04:1'", "'x'", "''"]))
            .prop_map(|(path, prefix)| format!("STARTS_WITH({path}, {prefix})")),
        4 => (path(), compare.clone(), constant())
            .prop_map(|(path, compare, constant)| format!("{path} {compare} {constant}")),
        2 => (operand(), compare, operand())
            .prop_map(|(left, compare, right)| format!("{left} {compare} {right}")),
        2 => (path(), member, list).prop_map(|(path, word, list)| format!("{path} {word} [{list}]")),
        1 => path().prop_map(|path| format!("IS_DEFINED({path})")),
        1 => (prop::sample::select(vec![
                "IS_STRING", "IS_NUMBER", "IS_OBJECT", "IS_ARRAY", "IS_NULL", "IS_PRIMITIVE", "IS_BOOL",
            ]), path())
            .prop_map(|(function, path)| format!("{function}({path})")),
        1 => (path(), constant()).prop_map(|(path, it)| format!("STARTS_WITH({path}, {it})")),
        1 => (path(), constant()).prop_map(|(path, it)| format!("ARRAY_CONTAINS({path}, {it})")),
        1 => path(),
    ]
}

/// Any condition.
pub(crate) fn condition() -> impl Strategy<Value = String> {
    test().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| format!("NOT ({inner})")),
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|parts| format!("({})", parts.join(" AND "))),
            prop::collection::vec(inner, 2..4)
                .prop_map(|parts| format!("({})", parts.join(" OR "))),
        ]
    })
}

/// A query with projections, or with aggregates.
pub(crate) fn query() -> impl Strategy<Value = String> {
    let aggregate = prop_oneof![
        Just("COUNT()".to_owned()),
        (prop::sample::select(vec!["AVG", "SUM", "MIN", "MAX"]), path())
            .prop_map(|(function, path)| format!("{function}({path})")),
    ];
    let filter = prop::option::of(condition())
        .prop_map(|condition| condition.map_or(String::new(), |it| format!(" WHERE {it}")))
        .boxed();
    let top = prop::option::of(0_u64..6)
        .prop_map(|top| top.map_or(String::new(), |top| format!("TOP {top} ")))
        .boxed();
    let named = |items: Vec<String>| {
        let items = items.iter().enumerate().map(|(n, item)| format!("{item} AS n{n}"));
        items.collect::<Vec<_>>().join(", ")
    };
    prop_oneof![
        (top.clone(), prop::collection::vec(path(), 1..4), filter.clone()).prop_map(
            move |(top, paths, filter)| format!(
                "SELECT {top}{} FROM devices{filter}",
                named(paths)
            )
        ),
        (top, prop::collection::vec(path(), 0..3), prop::collection::vec(aggregate, 1..3), filter)
            .prop_map(move |(top, mut paths, aggregates, filter)| {
                paths.dedup();
                let group = match &*paths {
                    [] => String::new(),
                    paths => format!(" GROUP BY {}", paths.join(", ")),
                };
                let items = paths.into_iter().chain(aggregates).collect();
                format!("SELECT {top}{} FROM devices{filter}{group}", named(items))
            }),
    ]
}
