//! Fleets to try things on: deterministic twins of many devices, as NDJSON.
//!
//! Every value is a pure function of the seed, the field and the number of the device: a hash of
//! a counter, no stream of random numbers. So the same options give the same bytes on any number
//! of threads, and a fleet is exactly the first lines of any larger fleet with its seed. Values
//! follow the shapes of real fleets: skewed choices, missing keys, numbers written as strings.

mod draw;
mod twin;
mod vocabulary;

use std::io::{self, Write};

use rayon::prelude::*;

use draw::Fields;
use vocabulary::Vocabulary;

/// Which devices of which fleet to write.
///
/// # Examples
///
/// ```
/// use twincast::fleet::FleetOptions;
///
/// let options = FleetOptions { devices: 1_000_000, ..FleetOptions::default() };
/// assert_eq!((options.seed, options.batch, options.first), (1, 1, 1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FleetOptions {
    /// How many devices to write.
    pub devices: u64,
    /// Which fleet; different seeds give unrelated values.
    pub seed: u64,
    /// Devices provisioned together: customer, building, city and firmware are the same over runs
    /// of this many devices. One, also meant by zero, is the hardest case for columns.
    pub batch: u64,
    /// The number of the first device, from 1.
    pub first: u64,
}

impl Default for FleetOptions {
    fn default() -> Self {
        Self { devices: 0, seed: 1, batch: 1, first: 1 }
    }
}

/// Devices that one task renders: some 4 MB of text.
const CHUNK: u64 = 4096;

/// Writes the twins of a fleet, one on each line, and gives the number of bytes.
///
/// `progress` is called now and then with the number of devices written so far.
///
/// Cost: some 850 bytes a device, rendered in parallel on the current rayon pool while this thread
/// writes; at most two rounds of a few chunks are in memory.
///
/// # Errors
///
/// Those of `out`; part of the fleet is written then.
///
/// # Examples
///
/// ```
/// use twincast::fleet::{self, FleetOptions};
///
/// let mut lines = Vec::new();
/// let bytes = fleet::write(&mut lines, &FleetOptions { devices: 3, ..Default::default() }, |_| ())?;
/// assert_eq!(bytes, lines.len() as u64);
/// assert!(lines.starts_with(br#"{"deviceId":"dev-0000001","etag":"#));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write(
    mut out: impl Write,
    options: &FleetOptions,
    mut progress: impl FnMut(u64),
) -> io::Result<u64> {
    let fields = Fields::new(options.seed);
    let vocabulary = Vocabulary::new();
    let batch = options.batch.max(1);
    let render = &|start: u64, text: &mut Vec<u8>| {
        text.clear();
        for device in start..start.saturating_add(CHUNK).min(options.devices) {
            let number = options.first.wrapping_add(device);
            twin::render(number, batch, &fields, &vocabulary, text);
        }
    };
    let chunks = 2 * rayon::current_num_threads();
    let round = CHUNK * chunks as u64;
    let mut ready = vec![Vec::new(); chunks];
    let mut next = vec![Vec::new(); chunks];
    let mut bytes = 0;
    let mut written = 0;
    let mut started = 0;
    while written < options.devices {
        let from = started;
        // The first pass finds nothing to write, the last nothing to render.
        let result = rayon::in_place_scope(|scope| {
            if from < options.devices {
                let next = &mut next;
                scope.spawn(move |_| {
                    next.par_iter_mut().enumerate().for_each(|(chunk, text)| {
                        render(from.saturating_add(CHUNK * chunk as u64), text)
                    });
                });
            }
            for text in &ready {
                out.write_all(text)?;
                bytes += text.len() as u64;
            }
            Ok::<(), io::Error>(())
        });
        result?;
        if from > 0 {
            written = from.min(options.devices);
            progress(written);
        }
        started = from.saturating_add(round);
        std::mem::swap(&mut ready, &mut next);
    }
    out.flush()?;
    Ok(bytes)
}
