//! From text to a checked condition: a short one, and a list of ids as long as programs write it.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use twincast::query::parse_condition;

const SHORT: &str = "tags.building = '43' AND tags.floor = 3";

/// Parses and checks conditions.
pub(crate) fn conditions(criterion: &mut Criterion) {
    let ids = ids(10_000);
    let mut group = criterion.benchmark_group("compile");
    for (name, text) in [("and_eq", SHORT), ("in/items=10k", ids.as_str())] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| parse_condition(black_box(text)).expect("it is a condition"));
        });
    }
    group.finish();
}

/// A condition that names `count` devices, spread over the fleet.
pub(crate) fn ids(count: u64) -> String {
    let rows = crate::fleet::rows();
    let ids: Vec<String> =
        (0..count).map(|k| format!("'dev-{:07}'", 1 + k.wrapping_mul(7919) % rows)).collect();
    format!("deviceId IN [{}]", ids.join(", "))
}
