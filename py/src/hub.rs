//! `Hub`: the engine with its fleet and its jobs.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyBool;
use serde_json::{Map, Value};
use twincast::Hub as Engine;
use twincast::job::{JobId, JobKind, JobRequest, JobStatus, JobType, MethodCall};

use crate::coroutine::Coroutines;
use crate::explain::{DeviceExplanation, Explanation};
use crate::fleet::SimulatedFleet;
use crate::handler::{Callable, Form, Handler};
use crate::job::Job;
use crate::owned::{self, Owned};
use crate::progress::wish_of;
use crate::selection::Selection;
use crate::table::Table;
use crate::wait::Leftovers;
use crate::{argument, errors, exit, html, import, json, query, wait};

/// Calls of one job that a coroutine function answers at once, unless its user says otherwise:
/// enough to make the waits of a network vanish, within the sockets that a process may have.
const CONCURRENCY: usize = 1_000;

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
    handlers: Mutex<HashMap<String, Arc<dyn Callable>>>,
}

#[pymethods]
impl Hub {
    #[new]
    #[pyo3(signature = (*, retention=None, in_flight_max=None, job_in_flight_max=None,
        strict=argument::Strict(false)),
        text_signature = "(*, retention=None, in_flight_max=None, job_in_flight_max=None, strict=False)")]
    fn new(
        py: Python<'_>,
        retention: Option<argument::Retention>,
        in_flight_max: Option<argument::InFlightMax>,
        job_in_flight_max: Option<argument::JobInFlightMax>,
        strict: argument::Strict,
    ) -> PyResult<Self> {
        owned::check_process(py)?;
        let inner = wait::run(py, || {
            let mut builder = Engine::builder().strict(strict.0);
            if let Some(retention) = retention {
                builder = builder.retention(retention.0);
            }
            if let Some(count) = in_flight_max {
                builder = builder.in_flight_max(count.0);
            }
            if let Some(count) = job_in_flight_max {
                builder = builder.job_in_flight_max(count.0);
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
    ///         notebook if the import lasts for more than a second; a str is its title. A function
    ///         is called with (done, total), in bytes, a few times a second and at the end;
    ///         total is None while it is not known. What it raises ends the import.
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
    #[pyo3(signature = (source, *, on_error=argument::OnError("stop".to_owned()), progress=None),
        text_signature = "($self, source, *, on_error=\"stop\", progress=None)")]
    fn import_twins<'py>(
        &self,
        py: Python<'py>,
        source: &Bound<'py, PyAny>,
        on_error: argument::OnError,
        progress: Option<argument::Progress>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let skip = match &*on_error.0 {
            "stop" => false,
            "skip" => true,
            other => {
                let message = format!("on_error is {other:?}");
                return Err(errors::invalid(py, &message, Some("use 'stop' or 'skip'")));
            }
        };
        import::run(py, self.engine(py)?, &self.stopped, source, skip, wish_of(progress))
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
        device_id: argument::DeviceId,
        tags: Option<&Bound<'py, PyAny>>,
        desired: Option<&Bound<'py, PyAny>>,
        reported: Option<&Bound<'py, PyAny>>,
        status: Option<argument::Status>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut body = Map::new();
        if let Some(tags) = tags {
            body.insert("tags".to_owned(), json::to_object(tags, "tags", "tags")?);
        }
        let mut properties = Map::new();
        if let Some(desired) = desired {
            let desired = json::to_object(desired, "desired", "properties.desired")?;
            properties.insert("desired".to_owned(), desired);
        }
        if let Some(reported) = reported {
            let reported = json::to_object(reported, "reported", "properties.reported")?;
            properties.insert("reported".to_owned(), reported);
        }
        if !properties.is_empty() {
            body.insert("properties".to_owned(), Value::Object(properties));
        }
        if let Some(status) = status {
            body.insert("status".to_owned(), Value::String(status.0));
        }
        let body = Value::Object(body);
        let inner = self.engine(py)?;
        let twin = wait::run(py, || inner.create_device(&device_id.0, &body))?;
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
    fn delete_device(
        &self,
        py: Python<'_>,
        device_id: argument::DeviceId,
        etag: Option<argument::Etag>,
    ) -> PyResult<()> {
        let inner = self.engine(py)?;
        wait::run(py, || inner.delete_device(&device_id.0, text_of(etag.as_ref())))
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
    fn twin<'py>(
        &self,
        py: Python<'py>,
        device_id: argument::DeviceId,
    ) -> PyResult<Bound<'py, PyAny>> {
        let inner = self.engine(py)?;
        let twin = wait::run(py, || inner.twin(&device_id.0))?;
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
        device_id: argument::DeviceId,
        patch: &Bound<'py, PyAny>,
        etag: Option<argument::Etag>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let patch = json::to_object(patch, "patch", "")?;
        let inner = self.engine(py)?;
        let twin =
            wait::run(py, || inner.update_twin(&device_id.0, &patch, text_of(etag.as_ref())))?;
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
        device_id: argument::DeviceId,
        twin: &Bound<'py, PyAny>,
        etag: Option<argument::Etag>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let body = json::to_object(twin, "twin", "")?;
        let inner = self.engine(py)?;
        let twin =
            wait::run(py, || inner.replace_twin(&device_id.0, &body, text_of(etag.as_ref())))?;
        json::from_value(py, &twin)
    }

    /// Merge what a device reports into its reported properties; None removes a key.
    ///
    /// Returns:
    ///     The new ``$version`` of the reported properties, which is all that IoT Hub tells a
    ///     device.
    ///
    /// Raises:
    ///     DeviceNotFoundError: The hub has no such device.
    ///     ValidationError: A value breaks a rule of twins.
    ///
    /// Examples:
    ///     >>> hub.report_properties("d1", {"battery": 71.5})
    ///     2
    ///     >>> hub.twin("d1")["properties"]["reported"]["battery"]
    ///     71.5
    fn report_properties(
        &self,
        py: Python<'_>,
        device_id: argument::DeviceId,
        reported: &Bound<'_, PyAny>,
    ) -> PyResult<i64> {
        let body = json::to_object(reported, "reported", "properties.reported")?;
        let inner = self.engine(py)?;
        wait::run(py, || inner.report_properties(&device_id.0, &body))
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let inner = self.engine(py)?;
        wait::get(py, || inner.len())
    }

    /// A hub is true also when it is empty.
    fn __bool__(&self) -> bool {
        true
    }

    fn __contains__(&self, py: Python<'_>, device_id: argument::DeviceId) -> PyResult<bool> {
        let inner = self.engine(py)?;
        wait::get(py, || inner.contains(&device_id.0))
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
    fn select(slf: &Bound<'_, Self>, condition: argument::Condition) -> PyResult<Selection> {
        let py = slf.py();
        let inner = slf.get().engine(py)?.clone();
        let quick_or_long = wait::run(py, move || {
            let prepared = inner.prepare(&condition.0)?;
            // A thread of its own, which Ctrl-C can leave behind, costs more than most scans.
            let is_quick = prepared.duration_at_worst() < wait::NOTICED;
            Ok(if is_quick { Ok(prepared.select()) } else { Err(prepared) })
        })?;
        let selected = match quick_or_long {
            Ok(selected) => selected,
            Err(prepared) => wait::scan_aside(py, move || Ok(prepared.select()))?,
        };
        Ok(Selection::new(selected, slf.clone().unbind()))
    }

    /// Answer a query over twins (``FROM devices``) or job results (``FROM devices.jobs``).
    ///
    /// The table holds the whole answer in memory, as Arrow columns: objects as JSON text, so
    /// ``SELECT *`` takes about as much as the twins in a file of JSON lines, 1.8 KB for a twin
    /// with 15 properties and their metadata. A Python object for each value takes several times
    /// more; name the properties that are needed, or take rows one after the other. Ctrl-C ends
    /// the query.
    ///
    /// Args:
    ///     query: The whole text, from SELECT on.
    ///     progress: False to show nothing. Otherwise a bar appears on a terminal or in a
    ///         notebook if the query lasts for more than a second; a str is its title. A function
    ///         is called with (done, total), in rows, a few times a second and at the end;
    ///         total is None while it is not known. What it raises ends the query.
    ///
    /// Raises:
    ///     ConditionError: The text does not parse; ``span`` is the byte range at fault.
    ///
    /// Examples:
    ///     >>> query = "SELECT tags.site AS site, COUNT() AS n FROM devices GROUP BY tags.site"
    ///     >>> sorted(row["n"] for row in hub.query(query))
    ///     [1, 2]
    #[pyo3(signature = (query, *, progress=None))]
    fn query(
        &self,
        py: Python<'_>,
        query: argument::Query,
        progress: Option<argument::Progress>,
    ) -> PyResult<Table> {
        query::run(py, self.engine(py)?, query.0, wish_of(progress)).map(Table::new)
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
    fn explain(&self, py: Python<'_>, condition: argument::Condition) -> PyResult<Explanation> {
        let inner = self.engine(py)?.clone();
        let devices = wait::get(py, || inner.len())?;
        wait::scan(py, devices, move || inner.explain(&condition.0)).map(Explanation::new)
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
        condition: argument::Condition,
        device_id: argument::DeviceId,
    ) -> PyResult<DeviceExplanation> {
        let inner = self.engine(py)?;
        wait::run(py, || inner.explain_device(&condition.0, &device_id.0))
            .map(DeviceExplanation::new)
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
        max_execution_time=argument::MaxExecutionTime(Duration::from_secs(3600))),
        text_signature = "($self, job_id, patch, *, condition, start_time=None, max_execution_time=3600)")]
    fn schedule_twin_update(
        slf: &Bound<'_, Self>,
        job_id: Option<argument::JobId>,
        patch: &Bound<'_, PyAny>,
        condition: argument::Condition,
        start_time: Option<argument::StartTime>,
        max_execution_time: argument::MaxExecutionTime,
    ) -> PyResult<Job> {
        let body = json::to_object(patch, "patch", "")?;
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
        response_timeout=argument::ResponseTimeout(Duration::from_secs(30)), connect_timeout=None, start_time=None,
        max_execution_time=argument::MaxExecutionTime(Duration::from_secs(3600))),
        text_signature = "($self, job_id, method, payload=None, *, condition, response_timeout=30, connect_timeout=None, start_time=None, max_execution_time=3600)")]
    #[expect(clippy::too_many_arguments, reason = "they are the fields of IoT Hub's own request")]
    fn schedule_method(
        slf: &Bound<'_, Self>,
        job_id: Option<argument::JobId>,
        method: argument::Method,
        payload: Option<&Bound<'_, PyAny>>,
        condition: argument::Condition,
        response_timeout: argument::ResponseTimeout,
        connect_timeout: Option<argument::ConnectTimeout>,
        start_time: Option<argument::StartTime>,
        max_execution_time: argument::MaxExecutionTime,
    ) -> PyResult<Job> {
        let payload = payload.map(|payload| json::to_value(payload, "payload")).transpose()?;
        let kind = JobKind::InvokeMethod(MethodCall {
            name: method.0,
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
    fn job(slf: &Bound<'_, Self>, job_id: argument::JobId) -> PyResult<Job> {
        let hub = slf.get();
        let inner = hub.engine(slf.py())?;
        let job = wait::run(slf.py(), || inner.job(&job_id.0))?;
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
    fn purge_job(&self, py: Python<'_>, job_id: argument::JobId) -> PyResult<()> {
        let inner = self.engine(py)?;
        wait::run(py, || inner.purge_job(&job_id.0))
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
        r#type: Option<argument::Type>,
        status: Option<argument::Status>,
    ) -> PyResult<Vec<Job>> {
        let py = slf.py();
        let kind = r#type.map(|argument::Type(word)| {
            JobType::parse(&word).ok_or_else(|| {
                let hint = "use 'scheduleUpdateTwin' or 'scheduleDeviceMethod'";
                errors::invalid(py, &format!("type is {word:?}"), Some(hint))
            })
        });
        let status = status.map(|argument::Status(word)| {
            JobStatus::parse(&word).ok_or_else(|| {
                let hint = "use 'queued', 'scheduled', 'running', 'completed', 'failed' or \
                            'cancelled'";
                errors::invalid(py, &format!("status is {word:?}"), Some(hint))
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
    /// devices fail and others go on.
    ///
    /// A coroutine function, for methods that wait for a network, runs on an event loop of its own,
    /// in one thread, many devices at once. Each call finds the context variables as they were
    /// where its handler was given here. What is late is cancelled, and so is what runs when the
    /// hub is closed; a call that has not begun is not made once its job is cancelled.
    ///
    /// Args:
    ///     name: The method.
    ///     handler: ``handler(device_id, payload)``, which returns ``(status, payload)``, or a
    ///         payload alone for status 200. A tuple is always taken as (status, payload).
    ///         May be a coroutine function.
    ///     batch: True to call ``handler(device_ids, payload)`` for many devices at once, with a
    ///         list of ids; it returns a list with an answer for each. ``"arrow"`` to call it
    ///         with ``DeviceIds``, an Arrow array; it returns ``(statuses, payloads)``, where
    ///         statuses are one int for all, a NumPy or Arrow array or a sequence, and payloads
    ///         are None, one str for all, or an Arrow array or a sequence of str or None; each
    ///         str is JSON text.
    ///     concurrency: How many calls of one job a coroutine function answers at once; None
    ///         means 1,000.
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
    #[pyo3(
        signature = (name, handler, *, batch=None, concurrency=None),
        text_signature = "($self, name, handler, *, batch=False, concurrency=None)"
    )]
    fn on_method(
        &self,
        py: Python<'_>,
        name: argument::Name,
        handler: &Bound<'_, PyAny>,
        batch: Option<&Bound<'_, PyAny>>,
        concurrency: Option<argument::Concurrency>,
    ) -> PyResult<()> {
        if !handler.is_callable() {
            return Err(argument::must_be("handler", "callable", handler));
        }
        let form = match batch {
            None => Form::Device,
            Some(batch) => match batch.cast::<PyBool>() {
                Ok(batch) if batch.is_true() => Form::Batch,
                Ok(_) => Form::Device,
                Err(_) if batch.eq("arrow")? => Form::Arrow,
                Err(_) => {
                    return Err(argument::must_be("batch", "True, False or \"arrow\"", batch));
                }
            },
        };
        let inner = self.engine(py)?;
        let handler: Arc<dyn Callable> = match (is_coroutine_function(handler)?, concurrency) {
            (true, _) if form != Form::Device => {
                let hint = "a coroutine function is called for one device at a time";
                return Err(errors::invalid(py, "batch does not go with async def", Some(hint)));
            }
            (true, concurrency) => {
                let calls_max = concurrency.map_or(CONCURRENCY, |concurrency| concurrency.0);
                if calls_max == 0 {
                    return Err(errors::invalid(py, "concurrency is 0", Some("use at least 1")));
                }
                Arc::new(Coroutines::start(handler, calls_max)?)
            }
            (false, None) => Arc::new(Handler::new(handler.clone().unbind(), form)),
            (false, Some(_)) => {
                let hint = "write the handler as async def, or leave concurrency out";
                let message = "concurrency is only for coroutine functions";
                return Err(errors::invalid(py, message, Some(hint)));
            }
        };
        let transport = Arc::clone(&handler);
        wait::run(py, || inner.on_method(&name.0, transport))?;
        let old = self.handlers.lock().insert(name.0, handler);
        drop(old); // without the lock, since it may run Python code
        Ok(())
    }

    /// Forget the handler of a method. Nothing happens if it has none.
    fn remove_method(&self, py: Python<'_>, name: argument::Name) -> PyResult<()> {
        let inner = self.engine(py)?;
        wait::get(py, || inner.remove_method(&name.0))?;
        let old = self.handlers.lock().remove(&name.0);
        drop(old); // without the lock, since it may run Python code
        Ok(())
    }

    /// Let simulated devices answer every method that has no handler.
    fn simulate_devices(&self, py: Python<'_>, fleet: &Bound<'_, PyAny>) -> PyResult<()> {
        let inner = self.engine(py)?;
        let fleet = fleet
            .cast::<SimulatedFleet>()
            .map_err(|_| argument::must_be("fleet", "a SimulatedFleet", fleet))?;
        let fleet = fleet.get().engine();
        wait::run(py, || inner.simulate_devices(fleet))
    }

    /// Close the hub: running jobs end where they are, and its threads end.
    ///
    /// Every later call raises ``ClosedError``. Closing a closed hub does nothing. Its memory is
    /// free once the hub and its jobs and selections are no longer referred to; the process then
    /// uses it again, for instance for another hub, but need not return it to the system.
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
        if self.inner.is_foreign() {
            return; // the threads that they would talk to are not there
        }
        let handlers = std::mem::take(&mut *self.handlers.lock());
        handlers.values().for_each(|handler| handler.clear());
    }
}

fn text_of(etag: Option<&argument::Etag>) -> Option<&str> {
    etag.map(|etag| &*etag.0)
}

/// Whether calling `function` gives a coroutine, as far as can be known without calling it.
fn is_coroutine_function(function: &Bound<'_, PyAny>) -> PyResult<bool> {
    let is_one = function.py().import("inspect")?.getattr("iscoroutinefunction")?;
    if is_one.call1((function,))?.is_truthy()? {
        return Ok(true);
    }
    // An object that is called by an `async def __call__`.
    is_one.call1((function.getattr("__call__")?,))?.is_truthy()
}

fn schedule(
    hub: &Bound<'_, Hub>,
    job_id: Option<argument::JobId>,
    kind: JobKind,
    condition: argument::Condition,
    start_time: Option<argument::StartTime>,
    max_execution: argument::MaxExecutionTime,
) -> PyResult<Job> {
    let py = hub.py();
    let mut request = JobRequest::new(kind, condition.0);
    let id = job_id.map(|id| JobId::new(&id.0)).transpose();
    request.id = id.map_err(|error| errors::to_py(py, &error))?;
    request.start_time = start_time.map(|time| time.0);
    request.max_execution = max_execution.0;
    let inner = hub.get().engine(py)?;
    let job = wait::run(py, || inner.schedule(request))?;
    Ok(Job::new(job, hub.clone().unbind()))
}
