//! Fleets that do not exist: devices that answer methods, and twins to start with.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use pyo3::prelude::*;
use twincast::dispatch::{Latency, SimulatedFleet as Engine};
use twincast::fleet::{self, FleetOptions};

use crate::progress::{Progress, wish_of};
use crate::wait::Leftovers;
use crate::{argument, errors, html, owned, wait};

/// Devices that answer direct methods as a real fleet does: late, seldom not at all.
///
/// What a device does is a pure function of the seed, the method and the device's id, so two
/// runs agree. Latencies are drawn from a log-normal distribution.
///
/// Args:
///     seed: What all draws start from.
///     latency: The median time to an answer, in seconds or as a timedelta.
///     latency_p99: The time within which 99 of 100 answers come; at least ``latency``.
///     offline: The share of devices that are not connected: they fail with code 404103.
///     failures: The share of devices that answer with status 500.
///     no_reply: The share of connected devices that never answer: they fail with code 504101
///         when the response time-out has passed.
///
/// Examples:
///     >>> hub.simulate_devices(twincast.SimulatedFleet(seed=7, latency=0.001, latency_p99=0.01))
///     >>> job = hub.schedule_method("reboot-1", "reboot", condition="tags.site = 'oslo'")
///     >>> job.wait(timeout=30)
///     True
#[pyclass(frozen, eq, module = "twincast")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SimulatedFleet {
    /// What all draws start from.
    #[pyo3(get)]
    seed: u64,
    latency: Duration,
    latency_p99: Duration,
    /// The share of devices that are not connected.
    #[pyo3(get)]
    offline: f64,
    /// The share of devices that answer with status 500.
    #[pyo3(get)]
    failures: f64,
    /// The share of connected devices that never answer.
    #[pyo3(get)]
    no_reply: f64,
}

#[pymethods]
impl SimulatedFleet {
    #[new]
    #[pyo3(signature = (seed=argument::Seed(1), latency=argument::Latency(Duration::from_millis(50)),
        latency_p99=argument::LatencyP99(Duration::from_millis(500)), offline=argument::Offline(0.05),
        failures=argument::Failures(0.01), no_reply=argument::NoReply(0.0)),
        text_signature = "(seed=1, latency=0.05, latency_p99=0.5, offline=0.05, failures=0.01, no_reply=0.0)")]
    fn new(
        py: Python<'_>,
        seed: argument::Seed,
        latency: argument::Latency,
        latency_p99: argument::LatencyP99,
        offline: argument::Offline,
        failures: argument::Failures,
        no_reply: argument::NoReply,
    ) -> PyResult<Self> {
        let (latency, latency_p99) = (latency.0, latency_p99.0);
        let (offline, failures, no_reply) = (offline.0, failures.0, no_reply.0);
        for (name, share) in [("offline", offline), ("failures", failures), ("no_reply", no_reply)]
        {
            if !(0.0..=1.0).contains(&share) {
                let hint = "it is a share of the devices: 0.05 means 5 of 100";
                let message = format!("{name} is {share}, not between 0 and 1");
                return Err(errors::invalid(py, &message, Some(hint)));
            }
        }
        if failures + no_reply > 1.0 {
            let message = format!("failures and no_reply are {} together", failures + no_reply);
            return Err(errors::invalid(py, &message, Some("they are shares of the same devices")));
        }
        if latency_p99 < latency || (latency.is_zero() && !latency_p99.is_zero()) {
            let message = format!("a latency_p99 of {latency_p99:?} with a median of {latency:?}");
            let hint = "give more than zero, and at least as much for latency_p99";
            return Err(errors::invalid(py, &message, Some(hint)));
        }
        Ok(Self { seed: seed.0, latency, latency_p99, offline, failures, no_reply })
    }

    /// The median time to an answer, in seconds.
    #[getter]
    fn latency(&self) -> f64 {
        self.latency.as_secs_f64()
    }

    /// The time within which 99 of 100 answers come, in seconds.
    #[getter]
    fn latency_p99(&self) -> f64 {
        self.latency_p99.as_secs_f64()
    }

    fn __repr__(&self) -> String {
        format!(
            "SimulatedFleet(seed={}, latency={:?}, latency_p99={:?}, offline={:?}, failures={:?}, \
             no_reply={:?})",
            self.seed,
            self.latency(),
            self.latency_p99(),
            self.offline,
            self.failures,
            self.no_reply
        )
    }
}

impl SimulatedFleet {
    /// The engine's own description of this fleet.
    pub(crate) fn engine(&self) -> Engine {
        Engine {
            seed: self.seed,
            latency: if self.latency == self.latency_p99 {
                Latency::Fixed(self.latency)
            } else {
                Latency::LogNormal { median: self.latency, p99: self.latency_p99 }
            },
            offline_share: self.offline,
            failure_share: self.failures,
            no_reply_share: self.no_reply,
        }
    }
}

/// Write the twins of a made-up building fleet to a file, one JSON document a line.
///
/// The same seed gives the same bytes, and a smaller fleet is the beginning of a larger one.
///
/// Args:
///     path: The file; it is replaced if it exists.
///     devices: How many twins, each of about 750 bytes.
///     seed: What all values are drawn from.
///     progress: False to show nothing. Otherwise a bar appears on a terminal or in a
///         notebook if the writing lasts for more than a second; a str is its title. A function
///         is called with (done, total), in devices, a few times a second and at the end;
///         total is None while it is not known. What it raises ends the writing.
///
/// Returns:
///     The bytes written.
///
/// Examples:
///     >>> import os, tempfile
///     >>> path = os.path.join(tempfile.mkdtemp(), "fleet.ndjson")
///     >>> twincast.generate_fleet(path, 100) == os.path.getsize(path)
///     True
#[pyfunction]
#[pyo3(signature = (path, devices, seed=argument::Seed(1), *, progress=None),
    text_signature = "(path, devices, seed=1, *, progress=None)")]
pub(crate) fn generate_fleet(
    py: Python<'_>,
    path: argument::Path,
    devices: argument::Devices,
    seed: argument::Seed,
    progress: Option<argument::Progress>,
) -> PyResult<u64> {
    owned::check_process(py)?;
    let (path, devices, seed) = (path.0, devices.0, seed.0);
    let file = File::create(&path).map_err(|error| {
        let context = format!("path is {path:?}");
        errors::to_py(py, &twincast::Error::from(error).context(context))
    })?;
    let done = Arc::new(AtomicU64::new(0));
    let mut bar = Progress::new("Writing twins", wish_of(progress));
    let look = || -> PyResult<_> {
        let done = done.load(Ordering::Relaxed);
        Ok((done, Some(devices), format!("{} twins", html::count(done))))
    };
    let options = FleetOptions { devices, seed, ..FleetOptions::default() };
    let written = Arc::clone(&done);
    let work = move |stop: &Arc<AtomicBool>| {
        let file = BufWriter::with_capacity(1 << 20, file);
        let mut out = Stoppable { file, stop: Arc::clone(stop) };
        let tell = |devices| written.store(devices, Ordering::Relaxed);
        let bytes = fleet::write(&mut out, &options, tell)?;
        out.flush()?;
        Ok(bytes)
    };
    let tick = &mut |py: Python<'_>| bar.draw(py, look);
    let bytes = wait::watch(py, &Leftovers::default(), work, |_, _| Ok(()), tick)?;
    bar.finish(py, look)?;
    Ok(bytes)
}

/// A file that refuses more once the flag is set, so that Ctrl-C ends the writing.
struct Stoppable {
    file: BufWriter<File>,
    stop: Arc<AtomicBool>,
}

impl Write for Stoppable {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("the writing was stopped"));
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
