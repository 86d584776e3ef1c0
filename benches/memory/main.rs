//! Resident bytes of each twin: after an import, and after a million changes of single twins.
//!
//! The fleet is imported from a file, as a user would, into a hub of a process that has done
//! nothing else; what the process has grown by is what the fleet costs, whoever holds it. Beside
//! it stands what the hub itself counts, part by part. `TWINCAST_ROWS` sets the twins (1,000,000
//! unless set); there are as many changes as twins, half of them desired properties written by
//! `update_twin`, half of them reported by the device.
#![allow(clippy::print_stdout, reason = "it is there to print a table")]

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::time::Instant;

use serde_json::{Value, json};
use twincast::fleet::{FleetOptions, write};
use twincast::hub::MemoryPart;
use twincast::{Hub, ImportOptions};

fn main() -> io::Result<()> {
    let small = cfg!(debug_assertions);
    let rows = std::env::var("TWINCAST_ROWS").ok().and_then(|rows| rows.parse().ok());
    let twins: u64 = rows.unwrap_or(if small { 2_000 } else { 1_000_000 });
    let fleet = std::env::temp_dir().join(format!("twincast-{}.ndjson", std::process::id()));
    let measured = measure(&fleet, twins);
    fs::remove_file(&fleet)?;
    measured
}

#[expect(clippy::disallowed_methods, reason = "a real duration is what is shown")]
fn measure(fleet: &std::path::Path, twins: u64) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(fleet)?);
    write(&mut file, &FleetOptions { devices: twins, ..FleetOptions::default() }, |_| ())?;
    file.into_inner()?.flush()?;

    let hub = Hub::new().map_err(io::Error::other)?;
    let empty = resident();
    let start = Instant::now();
    hub.import_ndjson(File::open(fleet)?, ImportOptions::default()).map_err(io::Error::other)?;
    let took = start.elapsed().as_secs_f64();
    println!("{twins} twins, {:.0} MB, imported in {took:.2} s", megabytes(fleet)?);
    print("after the import", &hub, resident() - empty);

    let start = Instant::now();
    let mut random = 1_u64;
    for change in 0..twins {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let device = format!("dev-{:07}", (random >> 33) % twins + 1);
        let (desired, body) = change_of(change, random >> 40);
        let changed = if desired {
            hub.update_twin(&device, &body, None)
        } else {
            hub.report_properties(&device, &body)
        };
        changed.map_err(io::Error::other)?;
    }
    let took = start.elapsed().as_secs_f64();
    println!("\n{twins} changes in {took:.1} s");
    print("after the changes", &hub, resident() - empty);
    Ok(())
}

/// One changed property, desired or reported.
fn change_of(change: u64, random: u64) -> (bool, Value) {
    match change % 4 {
        0 => (true, json!({"properties": {"desired": {"telemetryInterval": random % 36_000}}})),
        1 => (false, json!({"battery": (random % 10_000) as f64 / 100.0})),
        2 => (true, json!({"properties": {"desired": {"config": {"mode": MODES[random as usize % 3]}}}})),
        _ => (false, json!({"temperature": (random % 4_000) as f64 / 100.0})),
    }
}

const MODES: [&str; 3] = ["auto", "eco", "off"];

fn print(when: &str, hub: &Hub, grown: i64) {
    let twins = hub.len().max(1) as f64;
    let row = |name: &str, bytes: f64| println!("  {name:<24}{:>12.1}", bytes / twins);
    println!("\n{when}, bytes a twin:");
    let mut counted = 0;
    for MemoryPart { name, bytes } in hub.memory() {
        row(&name, bytes as f64);
        counted += bytes;
    }
    row("counted", counted as f64);
    row("resident", grown as f64);
}

fn megabytes(fleet: &std::path::Path) -> io::Result<f64> {
    Ok(fs::metadata(fleet)?.len() as f64 / 1e6)
}

/// The bytes of memory that this process has now; 0 where the system does not say.
fn resident() -> i64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<i64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
