//! The fleet that everything is measured on: generated, the same for everyone.

use std::env;
use std::sync::OnceLock;
use std::time::Duration;

use criterion::Criterion;
use twincast::fleet::{FleetOptions, write};
use twincast::{Clock, Hub, ImportOptions, Job, SystemClock};

/// Few samples: one iteration over a fleet is long, and says much.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .configure_from_args()
}

/// Time since some moment, the same in all threads.
pub(crate) fn time() -> Duration {
    static CLOCK: OnceLock<SystemClock> = OnceLock::new();
    CLOCK.get_or_init(SystemClock::new).now().monotonic.0
}

/// Devices of the fleet.
pub(crate) fn rows() -> u64 {
    let small = cfg!(debug_assertions);
    let default = if small { 2_000 } else { 1_000_000 };
    env::var("TWINCAST_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(default)
}

/// The twins of the first `devices` devices, one on each line.
pub(crate) fn lines(devices: u64) -> Vec<u8> {
    let mut lines = Vec::new();
    write(&mut lines, &FleetOptions { devices, ..FleetOptions::default() }, |_| ())
        .expect("memory does not refuse");
    lines
}

/// A hub with the fleet, shared by the benchmarks that only read.
pub(crate) fn shared() -> &'static Hub {
    static SHARED: OnceLock<Hub> = OnceLock::new();
    SHARED.get_or_init(fresh)
}

/// A hub with the fleet of its own.
pub(crate) fn fresh() -> Hub {
    let hub = Hub::new().expect("threads can be started");
    hub.import_ndjson(lines(rows()).as_slice(), ImportOptions::default())
        .expect("generated twins are valid");
    hub
}

/// Devices on which a finished job did what it was to do.
pub(crate) fn succeeded(job: &Job) -> usize {
    job.statistics().expect("the hub is open").succeeded_count as usize
}

/// The name of a benchmark: what, and every axis.
pub(crate) fn name(what: &str, hits: usize) -> String {
    let rows = rows();
    let percent = 100.0 * hits as f64 / rows as f64;
    let hit = if hits == 0 { "0".to_owned() } else { format!("{percent:.2}") };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = env::var("RAYON_NUM_THREADS").unwrap_or_else(|_| threads.to_string());
    format!("{what}/rows={}/hit={hit}%/threads={threads}", short(rows))
}

fn short(rows: u64) -> String {
    match rows {
        rows if rows % 1_000_000 == 0 => format!("{}M", rows / 1_000_000),
        rows if rows % 1_000 == 0 => format!("{}k", rows / 1_000),
        rows => rows.to_string(),
    }
}
