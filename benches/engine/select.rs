//! Finding the devices that match: the conditions of the fleet, and a floor to compare with.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use serde_json::Value;

use crate::conditions;
use crate::fleet::{lines, name, rows, shared};

/// `hub.select`: from text to the selection, compiling included.
pub(crate) fn selections(criterion: &mut Criterion) {
    let hub = shared();
    let mut group = criterion.benchmark_group("select");
    group.throughput(Throughput::Elements(rows()));
    for asked in conditions::conditions() {
        let condition = asked.text.as_str();
        let hits = hub.select(condition).expect("it is a condition").len();
        assert!(asked.matches.is_none_or(|known| known == hits as u64), "{}: {hits}", asked.name);
        group.bench_function(name(&asked.name, hits), |bencher| {
            bencher.iter(|| hub.select(black_box(condition)).expect("it is a condition"));
        });
    }
    group.finish();
}

/// The ids of a selection as Arrow arrays, without finding it.
pub(crate) fn ids(criterion: &mut Criterion) {
    let hub = shared();
    let mut group = criterion.benchmark_group("ids");
    for asked in conditions::conditions() {
        let selection = hub.select(&asked.text).expect("it is a condition");
        group.throughput(Throughput::Elements(selection.len() as u64));
        group.bench_function(name(&asked.name, selection.len()), |bencher| {
            bencher.iter(|| black_box(&selection).id_chunks());
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
    let hub = shared();
    let mut group = criterion.benchmark_group("query");
    group.throughput(Throughput::Elements(rows()));
    let hits = usize::try_from(rows()).expect("it fits into memory");
    for asked in conditions::queries() {
        group.bench_function(name(&asked.name, hits), |bencher| {
            bencher.iter(|| hub.query(black_box(&asked.text)).expect("it is a query"));
        });
    }
    group.finish();
}
