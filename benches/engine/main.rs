//! Throughput of the engine on the generated fleet.
//!
//! Each name says what is measured and on what: `select/eq_low_card/rows=1M/hit=80%/threads=2`.
//! Rows are those of the fleet; `hit` is the share that matches, counted when the benchmark
//! starts; throughput is rows, bytes or devices a second. `TWINCAST_ROWS` sets the rows (1,000,000
//! unless set), `RAYON_NUM_THREADS` the threads.
//!
//! Without optimisation, as `cargo test` runs it, the fleet is small and each benchmark runs once.

use criterion::{criterion_group, criterion_main};

/// The allocator of the Python package.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod compile;
mod conditions;
mod fleet;
mod import;
mod kernel;
mod method;
mod patch;
mod point;
mod select;
mod small_job;

criterion_group! {
    name = reading;
    config = fleet::criterion();
    targets = kernel::loops, compile::conditions, select::selections,
    select::ids, select::floor, select::query
}
criterion_group! {
    name = writing;
    config = fleet::criterion();
    targets = import::lines_of_fleet, patch::jobs, patch::single, point::patches, method::jobs,
        small_job::latency
}
criterion_main!(reading, writing);
