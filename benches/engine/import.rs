//! From lines of text to columns.

use criterion::{BatchSize, Criterion, Throughput};
use twincast::{Hub, ImportOptions};

use crate::fleet::{lines, name, rows};

/// `hub.import_ndjson` into an empty hub, from memory.
pub(crate) fn lines_of_fleet(criterion: &mut Criterion) {
    let lines = lines(rows());
    let mut group = criterion.benchmark_group("import");
    group.throughput(Throughput::Bytes(lines.len() as u64));
    let hits = usize::try_from(rows()).expect("it fits into memory");
    group.bench_function(name("ndjson", hits), |bencher| {
        bencher.iter_batched(
            || Hub::new().expect("threads can be started"),
            |hub| {
                let report = hub.import_ndjson(lines.as_slice(), ImportOptions::default());
                report.expect("generated twins are valid");
                // Returned, so that dropping it is not measured.
                hub
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}
