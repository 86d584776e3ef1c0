//! Resident bytes of each twin: after an import, and after a million changes of single twins.
//!
//! The fleet is imported from a file, as a user would, into a hub of a process that has done
//! nothing else; what the process has grown by is what the fleet costs, whoever holds it. Beside
//! it stands what the hub itself counts, part by part. `TWINCAST_ROWS` sets the twins (1,000,000
//! unless set); there are as many changes as twins, of one property each, of random devices. First
//! all change the same two properties, then any of four, half of them desired properties written
//! by `update_twin`, half of them reported by the device.
#![allow(clippy::print_stdout, reason = "it is there to print a table")]

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
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
fn measure(fleet: &Path, twins: u64) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(fleet)?);
    write(&mut file, &FleetOptions { devices: twins, ..FleetOptions::default() }, |_| ())?;
    file.into_inner()?.flush()?;

    let hub = Hub::new().map_err(io::Error::other)?;
    let empty = resident();
    let start = Instant::now();
    hub.import_ndjson(File::open(fleet)?, ImportOptions::default()).map_err(io::Error::other)?;
    let took = start.elapsed().as_secs_f64();
    let megabytes = fs::metadata(fleet)?.len() as f64 / 1e6;
    println!("{twins} twins, {megabytes:.0} MB, imported in {took:.2} s");
    print("after the import", &hub, resident() - empty);

    let mut random = 1_u64;
    for (when, kinds) in [("after changes of two properties", 2), ("and of four", 4)] {
        let start = Instant::now();
        for change in 0..twins {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let device = format!("dev-{:07}", (random >> 33) % twins + 1);
            let body = body_of(change % kinds, random >> 40);
            let changed = if change % 2 == 0 {
                hub.update_twin(&device, &body, None).map(drop)
            } else {
                hub.report_properties(&device, &body).map(drop)
            };
            changed.map_err(io::Error::other)?;
        }
        println!("\n{twins} changes in {:.1} s", start.elapsed().as_secs_f64());
        print(when, &hub, resident() - empty);
    }
    Ok(())
}

/// One property with a new value: desired for the even kinds, reported for the odd ones.
fn body_of(kind: u64, random: u64) -> Value {
    let share = |of: u64| (random % of) as f64 / 100.0;
    match kind {
        0 => json!({"properties": {"desired": {"telemetryInterval": random % 36_000}}}),
        1 => json!({"battery": share(10_000)}),
        2 => json!({"properties": {"desired": {"config": {"mode": MODES[random as usize % 3]}}}}),
        _ => json!({"temperature": share(4_000)}),
    }
}

const MODES: [&str; 3] = ["auto", "eco", "off"];

fn print(when: &str, hub: &Hub, grown: i64) {
    let twins = hub.len().max(1) as f64;
    let row = |name: &str, bytes: f64| println!("  {name:<24}{:>12.1}", bytes / twins);
    println!("{when}, bytes a twin:");
    let mut counted = 0;
    for MemoryPart { name, bytes } in hub.memory() {
        row(&name, bytes as f64);
        counted += bytes;
    }
    row("counted", counted as f64);
    row("resident", grown as f64);
}

/// The bytes of memory that this process has now; 0 where the system does not say.
fn resident() -> i64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<i64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
