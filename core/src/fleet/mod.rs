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
                        render(from.saturating_add(CHUNK * chunk as u64), text);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twin::{PathId, PathTable, flatten_line};

    /// FNV-1a, 64 bits.
    fn hash(bytes: &[u8]) -> u64 {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
    }

    fn fleet(options: &FleetOptions) -> Vec<u8> {
        let mut lines = Vec::new();
        let bytes = write(&mut lines, options, |_| ()).unwrap();
        assert_eq!(bytes, lines.len() as u64);
        lines
    }

    /// The hashes are those of an independent program that follows the same rule.
    #[test]
    fn a_fleet_is_its_seed_and_nothing_else() {
        for (seed, batch, bytes, expected) in [
            (1, 1, 2_544_114, 0x9c51_c859_fee0_0a9e),
            (1, 16, 2_543_487, 0x943e_fe5e_00ec_c988),
            (7, 1, 2_544_375, 0xc8c5_3317_f16c_2644),
            (7, 16, 2_544_557, 0xb6d7_3bcd_0cd6_5535),
        ] {
            let lines = fleet(&FleetOptions { devices: 3000, seed, batch, first: 1 });
            assert_eq!((lines.len(), hash(&lines)), (bytes, expected), "seed {seed} batch {batch}");
        }
    }

    #[test]
    fn every_twin_of_a_fleet_is_legal_and_whole() {
        let paths = PathTable::new();
        let lines = fleet(&FleetOptions { devices: 3000, ..FleetOptions::default() });
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let mut twin = flatten_line(&paths, line).unwrap();
            let cells = twin.cells.len();
            twin.fill_defaults();
            assert_eq!(twin.cells.len(), cells);
        }
        // A few dozen places for any number of devices: this is what makes columns worth it.
        assert!(paths.descendants(PathId::ROOT).len() < 100);
    }

    #[test]
    fn a_part_of_a_fleet_is_cut_from_the_whole() {
        let whole = fleet(&FleetOptions { devices: 300, batch: 16, ..FleetOptions::default() });
        let first = FleetOptions { devices: 100, batch: 16, ..FleetOptions::default() };
        let rest = FleetOptions { devices: 200, first: 101, ..first };
        assert_eq!(whole, [fleet(&first), fleet(&rest)].concat());
    }

    #[test]
    fn progress_reaches_every_device_once_over_many_rounds() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let options = FleetOptions { devices: 2 * 4 * CHUNK + 1, ..FleetOptions::default() };
        let (mut lines, mut seen) = (Vec::new(), Vec::new());
        pool.install(|| write(&mut lines, &options, |devices| seen.push(devices))).unwrap();
        assert_eq!(seen, [4 * CHUNK, 8 * CHUNK, options.devices]);
        assert_eq!(memchr::memchr_iter(b'\n', &lines).count() as u64, options.devices);
    }

    #[test]
    fn a_writer_that_fails_ends_it_and_an_empty_fleet_is_no_bytes() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let error = write(Full, &FleetOptions { devices: 9, ..Default::default() }, |_| ());
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(fleet(&FleetOptions::default()).is_empty());
    }
}
