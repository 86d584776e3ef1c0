//! `Job`: one scheduled operation over the devices that a condition matches.

use std::time::Duration;

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use twincast::Job as Engine;
use twincast::job::JobStatistics as Counts;

use crate::hub::Hub;
use crate::owned::Owned;
use crate::progress::{Progress, Wish};
use crate::table::Table;
use crate::{argument, html, json, wait};

/// One operation over all devices that a condition matched when it started.
///
/// Made by ``Hub.schedule_twin_update`` and ``Hub.schedule_method``; found again by ``Hub.job``.
/// A job goes on whether or not somebody holds this object.
///
/// Examples:
///     >>> job = hub.schedule_twin_update(
///     ...     "job1", {"properties": {"desired": {"interval": 30}}}, condition="*")
///     >>> job.wait()
///     True
///     >>> job
///     Job('job1', completed, 3 of 3 devices done, 0 failed)
///     >>> job.results().to_pylist()[0]["status"]
///     'completed'
#[pyclass(frozen, module = "twincast")]
pub(crate) struct Job {
    inner: Owned<Engine>,
    /// Keeps the hub, and with it the handlers that this job calls, for as long as the job is held.
    hub: Py<Hub>,
}

impl Job {
    pub(crate) fn new(inner: Engine, hub: Py<Hub>) -> Self {
        Self { inner: Owned::new(inner), hub }
    }
}

#[pymethods]
impl Job {
    /// The id that the job was scheduled with.
    #[getter]
    fn id(&self) -> String {
        self.inner.inner().id().to_string()
    }

    /// How far the job is.
    ///
    /// ``'queued'``, ``'scheduled'``, ``'running'``, and at the end ``'completed'``,
    /// ``'failed'`` or ``'cancelled'``. A job is completed when all its devices are done, also
    /// where some of them failed.
    #[getter]
    fn status(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(self.ask(py, Engine::status)?.as_str())
    }

    /// How many devices the job has, and how far they are; the counts always add up.
    #[getter]
    fn statistics(&self, py: Python<'_>) -> PyResult<JobStatistics> {
        Ok(JobStatistics::from(self.ask(py, Engine::statistics)?))
    }

    /// The job as IoT Hub's REST interface writes it.
    ///
    /// Examples:
    ///     >>> job = hub.schedule_method("job2", "reboot", condition="deviceId = 'nobody'")
    ///     >>> job.to_dict()["type"]
    ///     'scheduleDeviceMethod'
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::from_value(py, &self.ask(py, Engine::to_json)?)
    }

    /// Wait until the job is completed, failed or cancelled.
    ///
    /// Other Python threads run meanwhile, and Ctrl-C ends the wait, not the job.
    ///
    /// Args:
    ///     timeout: The longest wait, in seconds or as a timedelta; None waits for ever.
    ///     progress: False to show nothing. Otherwise a bar appears on a terminal or in a
    ///         notebook if the wait lasts for more than a second; a str is its title. A function
    ///         is called with (done, total), in devices, a few times a second and at the end;
    ///         total is None while it is not known. What it raises ends the wait.
    ///
    /// Returns:
    ///     True if the job has ended, False if ``timeout`` passed first.
    #[pyo3(signature = (timeout=None, progress=argument::Progress(Wish::Bar)),
        text_signature = "($self, timeout=None, progress=True)")]
    fn wait(
        &self,
        py: Python<'_>,
        timeout: Option<argument::Timeout>,
        progress: argument::Progress,
    ) -> PyResult<bool> {
        let inner = self.inner.get(py)?;
        let mut bar = Progress::new(format!("Job {}", inner.id()), progress.0);
        let look = || {
            let counts = self.statistics(py)?;
            let running = html::count(counts.running_count);
            let failed = html::count(counts.failed_count);
            let note = format!("{running} running, {failed} failed");
            // A job that has not started yet has no devices.
            let total = Some(counts.device_count).filter(|devices| *devices > 0);
            Ok((counts.done(), total, note))
        };
        let ended = wait::until(
            py,
            timeout.map(|timeout| timeout.0),
            |patience: Duration| inner.wait(Some(patience)),
            &mut |py| bar.draw(py, look),
        )?;
        bar.finish(py, look)?;
        Ok(ended)
    }

    /// Cancel the job. Once this returns, no further device is begun.
    ///
    /// Calls that are under way may end and are counted. Cancelling a cancelled job changes
    /// nothing.
    ///
    /// Raises:
    ///     NotAllowedError: The job is completed or failed already.
    fn cancel(&self, py: Python<'_>) -> PyResult<()> {
        let inner = self.inner.get(py)?;
        wait::run(py, || inner.cancel())
    }

    /// What the job did, one row a device.
    ///
    /// The columns are ``deviceId``, ``status`` and the times, then ``responseStatus`` and
    /// ``responsePayload`` of a device that answered, or ``errorCode`` and ``errorDescription``.
    /// May be asked at any time, also while the job runs. ``SELECT * FROM devices.jobs`` gives
    /// the same in the shape of IoT Hub.
    fn results(&self, py: Python<'_>) -> PyResult<Table> {
        let inner = self.inner.get(py)?.clone();
        let devices = usize::try_from(self.statistics(py)?.device_count).unwrap_or(usize::MAX);
        wait::scan(py, devices, move || inner.results()).map(Table::new)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let counts = self.statistics(py)?;
        let (id, status) = (self.id(), self.status(py)?);
        Ok(format!("Job('{id}', {status}, {})", counts.summary()))
    }

    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let counts = self.statistics(py)?;
        let record = self.ask(py, Engine::to_json)?;
        let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
        let row = [
            html::count(counts.device_count),
            html::count(counts.succeeded_count),
            html::count(counts.failed_count),
            html::count(counts.running_count),
            html::count(counts.pending_count),
        ];
        let head = ["devices", "succeeded", "failed", "running", "pending"];
        Ok(format!(
            "<b>Job {}</b>: {} {} where <code>{}</code>; {}{}",
            html::escape(&self.id()),
            html::escape(&text("status")),
            html::escape(&text("type")),
            html::escape(&text("queryCondition")),
            counts.summary(),
            html::table(&head, [row].into_iter())
        ))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.hub)
    }
}

impl Job {
    fn ask<T: Send>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(&Engine) -> twincast::Result<T> + Send,
    ) -> PyResult<T> {
        let inner = self.inner.get(py)?;
        wait::run(py, || question(inner))
    }
}

/// How many devices a job has, and how far they are.
///
/// ``device_count`` is always the sum of the other four.
#[pyclass(frozen, eq, get_all, module = "twincast")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JobStatistics {
    /// The devices that the job was aimed at when it started.
    device_count: u64,
    /// Those that are done: the twin was updated, or the device answered.
    succeeded_count: u64,
    /// Those that failed: not connected, no answer in time, or the patch did not fit.
    failed_count: u64,
    /// Those under way.
    running_count: u64,
    /// Those not begun; in a cancelled job they stay so.
    pending_count: u64,
}

#[pymethods]
impl JobStatistics {
    /// The counts as a dict, with the names of IoT Hub.
    #[expect(clippy::wrong_self_convention, reason = "methods of Python get a reference")]
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("deviceCount", self.device_count)?;
        dict.set_item("failedCount", self.failed_count)?;
        dict.set_item("succeededCount", self.succeeded_count)?;
        dict.set_item("runningCount", self.running_count)?;
        dict.set_item("pendingCount", self.pending_count)?;
        Ok(dict)
    }

    fn __repr__(&self) -> String {
        format!(
            "JobStatistics(device_count={}, succeeded_count={}, failed_count={}, \
             running_count={}, pending_count={})",
            self.device_count,
            self.succeeded_count,
            self.failed_count,
            self.running_count,
            self.pending_count
        )
    }
}

impl JobStatistics {
    fn done(self) -> u64 {
        self.succeeded_count + self.failed_count
    }

    /// The counts in a line; what is under way or not begun only if there is any.
    fn summary(self) -> String {
        let count = html::count;
        let (done, all) = (count(self.done()), count(self.device_count));
        let mut text = format!("{done} of {all} devices done, {} failed", count(self.failed_count));
        for (number, word) in [(self.running_count, "running"), (self.pending_count, "pending")] {
            if number > 0 {
                text.push_str(&format!(", {} {word}", count(number)));
            }
        }
        text
    }
}

impl From<Counts> for JobStatistics {
    fn from(counts: Counts) -> Self {
        Self {
            device_count: counts.device_count.into(),
            succeeded_count: counts.succeeded_count.into(),
            failed_count: counts.failed_count.into(),
            running_count: counts.running_count.into(),
            pending_count: counts.pending_count.into(),
        }
    }
}
