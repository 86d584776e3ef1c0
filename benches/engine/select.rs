//! Finding the devices that match: the conditions of the fleet, and a floor to compare with.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use serde_json::Value;

use crate::compile::ids;
use crate::fleet::{lines, name, rows, shared};

/// From all to none, by the kinds of columns that they read.
const CONDITIONS: &[(&str, &str)] = &[
    ("match_all", "*"),
    ("match_none", "tags.region = 'antarctica'"),
    ("eq_low_card", "tags.env = 'prod'"),
    ("eq_high_card", "tags.customer = 'cust-2139'"),
    ("and_eq", "tags.building = '43' AND tags.floor = 3"),
    ("or_not", "(tags.env = 'test' OR tags.env = 'dev') AND NOT (tags.region = 'latam')"),
    ("range_1pct", "properties.reported.battery < 10"),
    ("range_50pct", "properties.reported.temperature >= 22"),
    ("not_defined", "NOT is_defined(properties.reported.battery)"),
    ("nested_and", "tags.location.city = 'Oslo' AND properties.desired.config.mode = 'eco'"),
    ("startswith", "startswith(properties.reported.lastBoot, '2026-03-1')"),
    ("mixed_type", "tags.floor = '3'"),
    (
        "cross_property",
        "properties.desired.firmware.version != properties.reported.firmware.version AND \
         connectionState = 'Connected'",
    ),
];

/// `hub.select`: from text to the selection, compiling included.
pub(crate) fn conditions(criterion: &mut Criterion) {
    let hub = shared();
    let in_10k = ids(10_000);
    let mut group = criterion.benchmark_group("select");
    group.throughput(Throughput::Elements(rows()));
    for (what, condition) in CONDITIONS.iter().copied().chain([("in_10k", in_10k.as_str())]) {
        let hits = hub.select(condition).expect("it is a condition").len();
        group.bench_function(name(what, hits), |bencher| {
            bencher.iter(|| hub.select(black_box(condition)).expect("it is a condition"));
        });
    }
    group.finish();
}

/// The floor: the same question asked of parsed JSON, one document after the other.
pub(crate) fn floor(criterion: &mut Criterion) {
    // A tenth of the fleet: as documents, all of it would not fit beside the hub.
    let devices = rows() / 10;
    let twins: Vec<Value> = lines(devices)
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).expect("generated twins are JSON"))
        .collect();
    let mut group = criterion.benchmark_group("select_floor");
    group.throughput(Throughput::Elements(devices));
    group.bench_function("and_eq/parsed_json", |bencher| {
        bencher.iter(|| {
            let matches = |twin: &&Value| {
                twin["tags"]["building"] == "43" && twin["tags"]["floor"].as_f64() == Some(3.0)
            };
            black_box(&twins).iter().filter(matches).count()
        });
    });
    group.finish();
}

/// `hub.query` with groups.
pub(crate) fn query(criterion: &mut Criterion) {
    const QUERY: &str = "SELECT properties.reported.firmware.version AS version, COUNT() AS n \
                         FROM devices GROUP BY properties.reported.firmware.version";
    let hub = shared();
    let mut group = criterion.benchmark_group("query");
    group.throughput(Throughput::Elements(rows()));
    let hits = usize::try_from(rows()).expect("it fits into memory");
    group.bench_function(name("group_count", hits), |bencher| {
        bencher.iter(|| hub.query(black_box(QUERY)).expect("it is a query"));
    });
    group.finish();
}
