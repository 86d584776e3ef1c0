//! `Hub`: the engine with its fleet and its jobs.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::exceptions::PyTypeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyBool;
use serde_json::{Map, Value};
use twincast::Hub as Engine;
use twincast::job::{JobId, JobKind, JobRequest, JobStatus, JobType, MethodCall};

use crate::explain::{DeviceExplanation, Explanation};
use crate::fleet::SimulatedFleet;
use crate::handler::{Form, Handler};
use crate::job::Job;
use crate::owned::{self, Owned};
use crate::selection::Selection;
use crate::table::Table;
use crate::time::{Moment, Seconds};
use crate::wait::Leftovers;
use crate::{errors, exit, html, import, json, wait};

/// A fleet of device twins in memory, and the jobs over it.
///
/// A hub takes twins, answers conditions and queries over them, and runs jobs that update the
/// twins or call methods on the devices that a condition matches. It speaks the documents, the
/// query language and the jobs of Azure IoT Hub. Everything is lost when it is closed.
///
/// All methods may be called from any thread, and let other Python threads run. A hub works only
/// in the process that made it: in a child made by ``fork`` its methods raise ``EngineError``.
///
/// Args:
///     retention: How long finished jobs are kept, in seconds or as a timedelta; None means
///         30 days.
///     in_flight_max: How many devices may be under way at once, over all jobs.
///     job_in_flight_max: How many devices of one job may be under way at once.
///     strict: Whether to refuse, in jobs, names and values beyond letters and digits, as IoT
///         Hub's documentation asks.
///
/// Examples:
///     >>> with twincast.Hub() as hub:
///     ...     twin = hub.create_device("d1", tags={"floor": 3})
///     ...     hub.select("tags.floor > 2").device_ids()
///     ['d1']
#[pyclass(frozen, weakref, module = "twincast")]
pub(crate) struct Hub {
    inner: Arc<Owned<Engine>>,
    is_closed: AtomicBool,
    /// Imports that were stopped and still give back what they had read.
    stopped: Leftovers,
    /// The Python handlers by method, where the garbage collector can see them.
    handlers: Mutex<HashMap<String, Arc<Handler>>>,
}

#[pymethods]
impl Hub {
    #[new]
    #[pyo3(signature = (*, retention=None, in_flight_max=None, job_in_flight_max=None, strict=false))]
    fn new(
        py: Python<'_>,
        retention: Option<Seconds>,
        in_flight_max: Option<u32>,
        job_in_flight_max: Option<u32>,
        strict: bool,
    ) -> PyResult<Self> {
        owned::check_process(py)?;
        let inner = wait::run(py, || {
            let mut builder = Engine::builder().strict(strict);
            if let Some(retention) = retention {
                builder = builder.retention(retention.0);
            }
            if let Some(count) = in_flight_max {
                builder = builder.in_flight_max(count);
            }
            if let Some(count) = job_in_flight_max {
                builder = builder.job_in_flight_max(count);
            }
            builder.build()
        })?;
        let inner = Arc::new(Owned::new(inner));
        exit::remember(&inner);
        Ok(Self {
            inner,
            is_closed: AtomicBool::new(false),
            stopped: Leftovers::default(),
            handlers: Mutex::default(),
        })
    }

    /// Import twins, each a whole twin document with a ``deviceId``.
    ///
    /// All become visible at one moment, at the end. Missing status fields are filled in as for a
    /// new device. After an exception, also after Ctrl-C, nothing is imported.
    ///
    /// Args:
    ///     source: A path to a file of one JSON document a line; a binary file object; an
    ///         iterable of dicts, or of str or bytes that each hold one document; or an Arrow
    ///         table or stream, such as a DataFrame, whose columns are the fields of the twin
    ///         (nested columns as structs or as JSON text; null means absent).
    ///     on_error: ``"stop"`` raises at the first bad twin; ``"skip"`` passes over bad ones
    ///         and reports them.
    ///     progress: False to show nothing. Otherwise a bar appears on a terminal or in a
    ///         notebook if the import lasts for more than a second.
    ///
    /// Returns:
    ///     The number of twins imported; with ``on_error="skip"`` an ``ImportReport``.
    ///
    /// Raises:
    ///     ValidationError: A twin breaks a rule. The message names the line, the path and the
    ///         limit.
    ///     DeviceExistsError: The hub has a device of this id, or it came twice.
    ///
    /// Examples:
    ///     >>> hub.import_twins([{"deviceId": "d8", "tags": {"floor": 8}}, '{"deviceId": "d9"}'])
    ///     2
    #[pyo3(signature = (source, *, on_error="stop", progress=None))]
    fn import_twins<'py>(
        &self,
        py: Python<'py>,
        source: &Bound<'py, PyAny>,
        on_error: &str,
        progress: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let skip = match on_error {
            "stop" => false,
            "skip" => true,
            other => {
                let message = format!("on_error is {other:?}, not 'stop' or 'skip'");
                return Err(errors::invalid(py, &message, None));
            }
        };
        let shown = progress.unwrap_or(true);
        import::run(py, self.engine(py)?, &self.stopped, source, skip, shown)
    }

    /// Create a device and its twin.
    ///
    /// Args:
    ///     device_id: 1 to 128 letters, digits and characters of ``-:.+%_#*?!(),=@;$'``.
    ///     tags: What services know about the device.
    ///     desired: Its desired properties.
    ///     reported: Its reported properties.
    ///     status: ``"enabled"`` or ``"disabled"``; None means enabled.
    ///
    /// Returns:
    ///     The new twin.
    ///
    /// Raises:
    ///     DeviceExistsError: The hub has a device of this id.
    ///     ValidationError: A value breaks a rule of twins.
    ///
    /// Examples:
    ///     >>> hub.create_device("d7", tags={"floor": 7})["tags"]
    ///     {'floor': 7}
    #[pyo3(signature = (device_id, *, tags=None, desired=None, reported=None, status=None))]
    fn create_device<'py>(
        &self,
        py: Python<'py>,
        device_id: &str,
        tags: Option<&Bound<'py, PyAny>>,
        desired: Option<&Bound<'py, PyAny>>,
        reported: Option<&Bound<'py, PyAny>>,
        status: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut body = Map::new();
        if let Some(tags) = tags {
            body.insert("tags".to_owned(), json::to_value(tags, "tags")?);
        }
        let mut properties = Map::new();
        if let Some(desired) = desired {
            let desired = json::to_value(desired, "properties.desired")?;
            properties.insert("desired".to_owned(), desired);
        }
        if let Some(reported) = reported {
            let reported = json::to_value(reported, "properties.reported")?;
            properties.insert("reported".to_owned(), reported);
        }
        if !properties.is_empty() {
            body.insert("properties".to_owned(), Value::Object(properties));
        }
        if let Some(status) = status {
            body.insert("status".to_owned(), Value::String(status.to_owned()));
        }
        let body = Value::Object(body);
        let inner = self.engine(py)?;
        let twin = wait::run(py, || inner.create_device(device_id, &body))?;
        json::from_value(py, &twin)
    }

    /// Delete a device and its twin.
    ///
    /// Args:
    ///     device_id: The device.
    ///     etag: If given, delete only if it is the twin's current ``etag``.
    ///
    /// Raises:
    ///     DeviceNotFoundError: The hub has no such device.
    ///     PreconditionFailedError: The etag is not the current one.
    ///
    /// Examples:
    ///     >>> hub.delete_device("d3")
    ///     >>> "d3" in hub
    ///     False
    #[pyo3(signature = (device_id, etag=None))]
    fn delete_device(&self, py: Python<'_>, device_id: &str, etag: Option<&str>) -> PyResult<()> {
        let inner = self.engine(py)?;
        wait::run(py, || inner.delete_device(device_id, etag))
    }

    /// The twin of a device, as IoT Hub writes it.
    ///
    /// Raises:
    ///     DeviceNotFoundError: The hub has no such device.
    ///
    /// Examples:
    ///     >>> twin = hub.twin("d1")
    ///     >>> twin["deviceId"], twin["tags"]["site"], twin["properties"]["desired"]["$version"]
    ///     ('d1', 'oslo', 1)
    fn twin<'py>(&self, py: Python<'py>, device_id: &str) -> PyResult<Bound<'py, PyAny>> {
        let inner = self.engine(py)?;
        let twin = wait::run(py, || inner.twin(device_id))?;
        json::from_value(py, &twin)
    }

    /// Merge a patch into a twin: given keys are set, None removes a key, all others stay.
    ///
    /// What a device reports is written by ``report_properties``. A twin that was read may be
    /// sent back as a patch; its reported properties are ignored.
    ///
    /// Args:
    ///     device_id: The device.
    ///     patch: ``{"tags": {...}, "properties": {"desired": {...}}}``, either or both.
    ///     etag: If given, update only if it is the twin's current ``etag``.
    ///
    /// Returns:
    ///     The twin as it is now.
    ///
    /// Raises:
    ///     DeviceNotFoundError: The hub has no such device.
    ///     PreconditionFailedError: The etag is not the current one.
    ///     ValidationError: The patch breaks a rule of twins.
    ///
    /// Examples:
    ///     >>> hub.update_twin("d1", {"tags": {"floor": None, "wing": "b"}})["tags"]
    ///     {'site': 'oslo', 'wing': 'b'}
    #[pyo3(signature = (device_id, patch, etag=None))]
    fn update_twin<'py>(
        &self,
        py: Python<'py>,
        device_id: &str,
        patch: &Bound<'py, PyAny>,
        etag: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let patch = json::to_value(patch, "")?;
        let inner = self.engine(py)?;
        let twin = wait::run(py, || inner.update_twin(device_id, &patch, etag))?;
        json::from_value(py, &twin)
    }

    /// Replace the tags or the desired properties of a twin as a whole.
    ///
    /// Args:
    ///     device_id: The device.
    ///     twin: ``{"tags": {...}, "properties": {"desired": {...}}}``; a part that is not given
    ///         stays as it is.
    ///     etag: If given, replace only if it is the twin's current ``etag``.
    ///
    /// Returns:
    ///     The twin as it is now.
    ///
    /// Raises:
    ///     DeviceNotFoundError: The hub has no such device.
    ///     PreconditionFailedError: The etag is not the current one.
    ///     ValidationError: The twin breaks a rule.
    ///
    /// Examples:
    ///     >>> hub.replace_twin("d1", {"tags": {"wing": "b"}})["tags"]
    ///     {'wing': 'b'}
    #[pyo3(signature = (device_id, twin, etag=None))]
    fn replace_twin<'py>(
        &self,
        py: Python<'py>,
        device_id: &str,
        twin: &Bound<'py, PyAny>,
        etag: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let body = json::to_value(twin, "")?;
        let inner = self.engine(py)?;
        let twin = wait::run(py, || inner.replace_twin(device_id, &body, etag))?;
        json::from_value(py, &twin)
    }

    /// Merge what a device reports into its reported properties; None removes a key.
    ///
    /// Returns:
    ///     The twin as it is now.
    ///
    /// Raises:
    ///     DeviceNotFoundError: The hub has no such device.
    ///     ValidationError: A value breaks a rule of twins.
    ///
    /// Examples:
    ///     >>> twin = hub.report_properties("d1", {"battery": 71.5})
    ///     >>> twin["properties"]["reported"]["battery"]
    ///     71.5
    fn report_properties<'py>(
        &self,
        py: Python<'py>,
        device_id: &str,
        reported: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let body = json::to_value(reported, "properties.reported")?;
        let inner = self.engine(py)?;
        let twin = wait::run(py, || inner.report_properties(device_id, &body))?;
        json::from_value(py, &twin)
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let inner = self.engine(py)?;
        wait::get(py, || inner.len())
    }

    /// A hub is true also when it is empty.
    fn __bool__(&self) -> bool {
        true
    }

    fn __contains__(&self, py: Python<'_>, device_id: &str) -> PyResult<bool> {
        let inner = self.engine(py)?;
        wait::get(py, || inner.contains(device_id))
    }

    /// Select the devices whose twin satisfies a condition.
    ///
    /// Args:
    ///     condition: The text after WHERE, for example ``tags.site = 'oslo'``; ``*`` alone
    ///         selects all.
    ///
    /// Raises:
    ///     ConditionError: The text does not parse; ``span`` is the byte range at fault.
    ///
    /// Examples:
    ///     >>> hub.select("tags.site = 'oslo' AND tags.floor IN [2, 3]")
    ///     Selection(1 of 3 devices)
    fn select(slf: &Bound<'_, Self>, condition: String) -> PyResult<Selection> {
        let py = slf.py();
        let inner = slf.get().engine(py)?.clone();
        let quick_or_long = wait::run(py, move || {
            let prepared = inner.prepare(&condition)?;
            // A thread of its own, which Ctrl-C can leave behind, costs more than most scans.
            let is_quick = prepared.duration_at_worst() < wait::NOTICED;
            Ok(if is_quick { Ok(prepared.select()) } else { Err(prepared) })
        })?;
        let selected = match quick_or_long {
            Ok(selected) => selected,
            Err(prepared) => wait::scan(py, usize::MAX, move || Ok(prepared.select()))?,
        };
        Ok(Selection::new(selected, slf.clone().unbind()))
    }

    /// Answer a query over twins (``FROM devices``) or job results (``FROM devices.jobs``).
    ///
    /// Raises:
    ///     ConditionError: The text does not parse; ``span`` is the byte range at fault.
    ///
    /// Examples:
    ///     >>> query = "SELECT tags.site AS site, COUNT() AS n FROM devices GROUP BY tags.site"
    ///     >>> sorted(row["n"] for row in hub.query(query))
    ///     [1, 2]
    fn query(&self, py: Python<'_>, query: String) -> PyResult<Table> {
        let inner = self.engine(py)?.clone();
        let devices = wait::get(py, || inner.len())?;
        wait::scan(py, devices, move || inner.query(&query)).map(Table::new)
    }

    /// How a condition is answered: the tests in their order, the matches, the columns touched.
    ///
    /// A test that matches nothing gets a hint where the twins show why: a path that none of them
    /// has, and the one that was probably meant, or values of another type.
    ///
    /// Raises:
    ///     ConditionError: The text does not parse; ``span`` is the byte range at fault.
    ///
    /// Examples:
    ///     >>> hub.explain("tags.sit = 'oslo'").steps[0]["hints"]
    ///     ['no twin has tags.sit; did you mean tags.site?']
    fn explain(&self, py: Python<'_>, condition: String) -> PyResult<Explanation> {
        let inner = self.engine(py)?.clone();
        let devices = wait::get(py, || inner.len())?;
        wait::scan(py, devices, move || inner.explain(&condition)).map(Explanation::new)
    }

    /// Why one device satisfies a condition, or does not.
    ///
    /// Raises:
    ///     ConditionError: The text does not parse; ``span`` is the byte range at fault.
    ///     DeviceNotFoundError: The hub has no such device.
    ///
    /// Examples:
    ///     >>> print(hub.explain_device("tags.floor = '1'", "d1"))
    ///     d1 does not match
    ///       tags.floor = '1': undefined; tags.floor is 1
    ///         hint: tags.floor is a number; the text '1' never equals a number: write 1
    ///     <BLANKLINE>
    fn explain_device(
        &self,
        py: Python<'_>,
        condition: &str,
        device_id: &str,
    ) -> PyResult<DeviceExplanation> {
        let inner = self.engine(py)?;
        wait::run(py, || inner.explain_device(condition, device_id)).map(DeviceExplanation::new)
    }

    /// Schedule a job that merges a patch into the twins that a condition matches.
    ///
    /// The devices are those that match when the job starts; later changes add or drop none.
    ///
    /// Args:
    ///     job_id: At most 64 letters, digits and ``-``; None makes one up.
    ///     patch: ``{"tags": {...}, "properties": {"desired": {...}}}``, either or both; None as
    ///         a value removes a key.
    ///     condition: The text after WHERE; ``*`` alone means all devices.
    ///     start_time: When to start: a datetime (naive means UTC) or ISO 8601 text; None, or a
    ///         time past, starts at once.
    ///     max_execution_time: How long the job may run, in seconds or as a timedelta; devices
    ///         not done by then fail. 0 means an hour.
    ///
    /// Raises:
    ///     ConditionError: The condition does not parse.
    ///     JobExistsError: The hub has a job of this id.
    ///     ValidationError: The id or the patch breaks a rule.
    ///
    /// Examples:
    ///     >>> job = hub.schedule_twin_update(
    ///     ...     "new-interval",
    ///     ...     {"properties": {"desired": {"interval": 60}}},
    ///     ...     condition="tags.site = 'oslo'",
    ///     ... )
    ///     >>> job.wait()
    ///     True
    ///     >>> hub.twin("d1")["properties"]["desired"]["interval"]
    ///     60
    #[pyo3(signature = (job_id, patch, *, condition, start_time=None,
        max_execution_time=Seconds(Duration::from_secs(3600))),
        text_signature = "($self, job_id, patch, *, condition, start_time=None, max_execution_time=3600)")]
    fn schedule_twin_update(
        slf: &Bound<'_, Self>,
        job_id: Option<&str>,
        patch: &Bound<'_, PyAny>,
        condition: String,
        start_time: Option<Moment>,
        max_execution_time: Seconds,
    ) -> PyResult<Job> {
        let body = json::to_value(patch, "")?;
        let kind = JobKind::UpdateTwin { body };
        schedule(slf, job_id, kind, condition, start_time, max_execution_time)
    }

    /// Schedule a job that calls a direct method on the devices that a condition matches.
    ///
    /// The devices are those that match when the job starts. Each is called once at most. A
    /// device that answers counts as succeeded, with whatever status.
    ///
    /// Args:
    ///     job_id: At most 64 letters, digits and ``-``; None makes one up.
    ///     method: The name of the method.
    ///     payload: What the devices get: anything that JSON can hold; None sends no payload.
    ///     condition: The text after WHERE; ``*`` alone means all devices.
    ///     response_timeout: How long a device may take to answer: 5 to 300 seconds.
    ///     connect_timeout: How long a device may take to connect: 0 to 300 seconds; None means
    ///         that it must be connected already.
    ///     start_time: When to start: a datetime (naive means UTC) or ISO 8601 text; None, or a
    ///         time past, starts at once.
    ///     max_execution_time: How long the job may run, in seconds or as a timedelta; devices
    ///         not done by then fail. 0 means an hour.
    ///
    /// Raises:
    ///     ConditionError: The condition does not parse.
    ///     JobExistsError: The hub has a job of this id.
    ///     ValidationError: The id, the method or a time-out breaks a rule.
    ///
    /// Examples:
    ///     >>> hub.on_method("reboot", lambda device_id, payload: (200, {"in": payload["delay"]}))
    ///     >>> job = hub.schedule_method("reboot-all", "reboot", {"delay": 5}, condition="*")
    ///     >>> job.wait()
    ///     True
    ///     >>> job.statistics.succeeded_count
    ///     3
    #[pyo3(signature = (job_id, method, payload=None, *, condition,
        response_timeout=Seconds(Duration::from_secs(30)), connect_timeout=None, start_time=None,
        max_execution_time=Seconds(Duration::from_secs(3600))),
        text_signature = "($self, job_id, method, payload=None, *, condition, response_timeout=30, connect_timeout=None, start_time=None, max_execution_time=3600)")]
    #[expect(clippy::too_many_arguments, reason = "they are the fields of IoT Hub's own request")]
    fn schedule_method(
        slf: &Bound<'_, Self>,
        job_id: Option<&str>,
        method: String,
        payload: Option<&Bound<'_, PyAny>>,
        condition: String,
        response_timeout: Seconds,
        connect_timeout: Option<Seconds>,
        start_time: Option<Moment>,
        max_execution_time: Seconds,
    ) -> PyResult<Job> {
        let payload = payload.map(|payload| json::to_value(payload, "payload")).transpose()?;
        let kind = JobKind::InvokeMethod(MethodCall {
            name: method,
            payload,
            response_timeout: response_timeout.0,
            connect_timeout: connect_timeout.map_or(Duration::ZERO, |timeout| timeout.0),
        });
        schedule(slf, job_id, kind, condition, start_time, max_execution_time)
    }

    /// The job of this id.
    ///
    /// Raises:
    ///     JobNotFoundError: The hub has no such job.
    fn job(slf: &Bound<'_, Self>, job_id: &str) -> PyResult<Job> {
        let hub = slf.get();
        let inner = hub.engine(slf.py())?;
        let job = wait::run(slf.py(), || inner.job(job_id))?;
        Ok(Job::new(job, slf.clone().unbind()))
    }

    /// Forget a finished job and the outcomes of its devices, whose memory is used again.
    ///
    /// Its id is free for another job then, and every ``Job`` of that id raises
    /// ``JobNotFoundError``. A job that is not purged is kept as long as the hub's ``retention``.
    ///
    /// Args:
    ///     job_id: The job.
    ///
    /// Raises:
    ///     JobNotFoundError: The hub has no such job.
    ///     NotAllowedError: The job is not finished; cancel it first.
    ///
    /// Examples:
    ///     >>> job = hub.schedule_twin_update("once", {"tags": {"seen": True}}, condition="*")
    ///     >>> job.wait()
    ///     True
    ///     >>> hub.purge_job("once")
    ///     >>> hub.jobs()
    ///     []
    fn purge_job(&self, py: Python<'_>, job_id: &str) -> PyResult<()> {
        let inner = self.engine(py)?;
        wait::run(py, || inner.purge_job(job_id))
    }

    /// The jobs of the hub, the newest first.
    ///
    /// Args:
    ///     type: ``"scheduleUpdateTwin"`` or ``"scheduleDeviceMethod"``; None means both.
    ///     status: One of the words of ``Job.status``; None means any.
    ///
    /// Examples:
    ///     >>> job = hub.schedule_method("job3", "reboot", condition="*")
    ///     >>> [job.id for job in hub.jobs(type="scheduleDeviceMethod")]
    ///     ['job3']
    #[pyo3(signature = (*, r#type=None, status=None))]
    fn jobs(
        slf: &Bound<'_, Self>,
        r#type: Option<&str>,
        status: Option<&str>,
    ) -> PyResult<Vec<Job>> {
        let py = slf.py();
        let kind = r#type.map(|word| {
            JobType::parse(word).ok_or_else(|| {
                let hint = "use 'scheduleUpdateTwin' or 'scheduleDeviceMethod'";
                errors::invalid(py, &format!("{word:?} is not a type of job"), Some(hint))
            })
        });
        let status = status.map(|word| {
            JobStatus::parse(word).ok_or_else(|| {
                let hint = "use 'queued', 'scheduled', 'running', 'completed', 'failed' or \
                            'cancelled'";
                errors::invalid(py, &format!("{word:?} is not a status of jobs"), Some(hint))
            })
        });
        let (kind, status) = (kind.transpose()?, status.transpose()?);
        let inner = slf.get().engine(py)?;
        let jobs = wait::run(py, || inner.jobs(kind, status))?;
        Ok(jobs.into_iter().map(|job| Job::new(job, slf.clone().unbind())).collect())
    }

    /// Let a Python callable answer a method, for all devices of this hub.
    ///
    /// It is called on threads of the engine, at most 16 at a time for each job. It may use the
    /// hub. If it raises, answers nonsense or takes longer than the response time-out, its
    /// devices fail and others go on. Methods that wait for a network go further in batches.
    ///
    /// Args:
    ///     name: The method.
    ///     handler: ``handler(device_id, payload)``, which returns ``(status, payload)``, or a
    ///         payload alone for status 200. A tuple is always taken as (status, payload).
    ///     batch: True to call ``handler(device_ids, payload)`` for many devices at once, with a
    ///         list of ids; it returns a list with an answer for each. ``"arrow"`` to call it
    ///         with ``DeviceIds``, an Arrow array; it returns ``(statuses, payloads)``, where
    ///         statuses are one int for all, a NumPy or Arrow array or a sequence, and payloads
    ///         are None, one str for all, or an Arrow array or a sequence of str or None; each
    ///         str is JSON text.
    ///
    /// Examples:
    ///     >>> def blink(device_ids, payload):
    ///     ...     return [(200, {"blinked": payload["times"]}) for _ in device_ids]
    ///     >>> hub.on_method("blink", blink, batch=True)
    ///     >>> job = hub.schedule_method("blink-1", "blink", {"times": 2}, condition="*")
    ///     >>> job.wait()
    ///     True
    ///     >>> row = job.results()[0]
    ///     >>> row["deviceId"], row["responseStatus"], row["responsePayload"]
    ///     ('d1', 200, {'blinked': 2})
    #[pyo3(signature = (name, handler, *, batch=None), text_signature = "($self, name, handler, *, batch=False)")]
    fn on_method(
        &self,
        py: Python<'_>,
        name: &str,
        handler: &Bound<'_, PyAny>,
        batch: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        if !handler.is_callable() {
            return Err(PyTypeError::new_err("the handler is not callable"));
        }
        let form = match batch {
            None => Form::Device,
            Some(batch) => match batch.cast::<PyBool>() {
                Ok(batch) if batch.is_true() => Form::Batch,
                Ok(_) => Form::Device,
                Err(_) if batch.eq("arrow")? => Form::Arrow,
                Err(_) => {
                    return Err(PyTypeError::new_err("batch must be True, False or \"arrow\""));
                }
            },
        };
        let handler = Arc::new(Handler::new(handler.clone().unbind(), form));
        let inner = self.engine(py)?;
        let transport = Arc::clone(&handler);
        wait::run(py, || inner.on_method(name, transport))?;
        let old = self.handlers.lock().insert(name.to_owned(), handler);
        drop(old); // without the lock, since it may run Python code
        Ok(())
    }

    /// Forget the handler of a method. Nothing happens if it has none.
    fn remove_method(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        let inner = self.engine(py)?;
        wait::get(py, || inner.remove_method(name))?;
        let old = self.handlers.lock().remove(name);
        drop(old); // without the lock, since it may run Python code
        Ok(())
    }

    /// Let simulated devices answer every method that has no handler.
    fn simulate_devices(&self, py: Python<'_>, fleet: &Bound<'_, SimulatedFleet>) -> PyResult<()> {
        let inner = self.engine(py)?;
        let fleet = fleet.get().engine();
        wait::run(py, || inner.simulate_devices(fleet))
    }

    /// Close the hub: running jobs end where they are, and its memory is given back.
    ///
    /// Every later call raises ``ClosedError``. Closing a closed hub does nothing.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if self.inner.is_foreign() || self.is_closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let inner = self.inner.inner();
        wait::get(py, || inner.close())?;
        self.clear_handlers();
        Ok(())
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (*exception))]
    fn __exit__(&self, py: Python<'_>, exception: &Bound<'_, PyAny>) -> PyResult<()> {
        let _ = exception; // raised on by the with statement
        self.close(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        if self.is_closed.load(Ordering::Acquire) {
            return Ok("Hub(closed)".to_owned());
        }
        let (devices, jobs) = self.counts(py)?;
        Ok(format!("Hub({devices} devices, {jobs} jobs)"))
    }

    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        if self.is_closed.load(Ordering::Acquire) {
            return Ok("<b>Hub</b> (closed)".to_owned());
        }
        let (devices, jobs) = self.counts(py)?;
        let inner = self.engine(py)?;
        let newest = wait::run(py, || {
            let jobs = inner.jobs(None, None)?;
            let rows = jobs.iter().take(10).map(|job| {
                let record = job.record()?;
                let counts = record.statistics();
                let done = counts.succeeded_count + counts.failed_count;
                Ok([
                    job.id().to_string(),
                    record.status().as_str().to_owned(),
                    html::count(counts.device_count.into()),
                    html::count(done.into()),
                    html::count(counts.failed_count.into()),
                ])
            });
            rows.collect::<twincast::Result<Vec<_>>>()
        })?;
        let head = format!("<b>Hub</b>: {devices} devices, {jobs} jobs");
        if newest.is_empty() {
            return Ok(head);
        }
        let names = ["job", "status", "devices", "done", "failed"];
        Ok(head + &html::table(&names, newest.into_iter()))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.handlers.try_lock() {
            Some(handlers) => handlers.values().try_for_each(|handler| handler.traverse(&visit)),
            None => Ok(()), // in use, so not garbage
        }
    }

    fn __clear__(&self) {
        self.clear_handlers();
    }
}

impl Hub {
    /// The engine, unless the hub was closed or belongs to a parent process.
    pub(crate) fn engine(&self, py: Python<'_>) -> PyResult<&Engine> {
        let inner = self.inner.get(py)?;
        if self.is_closed.load(Ordering::Acquire) { Err(errors::closed(py)) } else { Ok(inner) }
    }

    fn counts(&self, py: Python<'_>) -> PyResult<(String, String)> {
        let inner = self.engine(py)?;
        let (devices, jobs) = wait::run(py, || Ok((inner.len(), inner.jobs(None, None)?.len())))?;
        Ok((html::count(devices as u64), html::count(jobs as u64)))
    }

    fn clear_handlers(&self) {
        let handlers = std::mem::take(&mut *self.handlers.lock());
        handlers.values().for_each(|handler| handler.clear());
    }
}

fn schedule(
    hub: &Bound<'_, Hub>,
    job_id: Option<&str>,
    kind: JobKind,
    condition: String,
    start_time: Option<Moment>,
    max_execution: Seconds,
) -> PyResult<Job> {
    let py = hub.py();
    let mut request = JobRequest::new(kind, condition);
    let id = job_id.map(JobId::new).transpose();
    request.id = id.map_err(|error| errors::to_py(py, &error))?;
    request.start_time = start_time.map(|time| time.0);
    request.max_execution = max_execution.0;
    let inner = hub.get().engine(py)?;
    let job = wait::run(py, || inner.schedule(request))?;
    Ok(Job::new(job, hub.clone().unbind()))
}
