"""The native half of `twincast`; use that package instead."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from os import PathLike
from typing import Any, Literal, Protocol, TypeAlias, final, overload

import pandas
import polars
import pyarrow
from typing_extensions import CapsuleType

__all__ = [
    "DeviceExplanation",
    "DeviceIds",
    "Explanation",
    "Hub",
    "ImportReport",
    "Job",
    "JobStatistics",
    "LineError",
    "Rows",
    "Selection",
    "SimulatedFleet",
    "Table",
    "__version__",
    "_close_all",
    "_panic",
    "generate_fleet",
]

__version__: str

_Json: TypeAlias = Any
_Progress: TypeAlias = bool | str | Callable[[int, int | None], object] | None
_Seconds: TypeAlias = float | timedelta
_Time: TypeAlias = datetime | str
_JobType: TypeAlias = Literal["scheduleUpdateTwin", "scheduleDeviceMethod"]
_JobStatus: TypeAlias = Literal[
    "queued", "scheduled", "running", "completed", "failed", "cancelled"
]

class _BinaryFile(Protocol):
    def read(self, size: int, /) -> bytes: ...

class _ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any: ...

class _ArrowArray(Protocol):
    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]: ...

_Twins: TypeAlias = (
    str
    | PathLike[str]
    | _BinaryFile
    | Iterable[dict[str, Any] | str | bytes]
    | _ArrowStream
    | _ArrowArray
)

@final
class Hub:
    """A fleet of device twins in memory, and the jobs over it.

    A hub takes twins, answers conditions and queries over them, and runs jobs that update the
    twins or call methods on the devices that a condition matches. It speaks the documents, the
    query language and the jobs of Azure IoT Hub. Everything is lost when it is closed.

    All methods may be called from any thread, and let other Python threads run. A hub works only
    in the process that made it: in a child made by ``fork`` its methods raise ``EngineError``.

    Args:
        retention: How long finished jobs are kept, in seconds or as a timedelta; None means
            30 days.
        in_flight_max: How many devices may be under way at once, over all jobs.
        job_in_flight_max: How many devices of one job may be under way at once.
        strict: Whether to refuse, in jobs, names and values beyond letters and digits, as IoT
            Hub's documentation asks.

    Examples:
        >>> with twincast.Hub() as hub:
        ...     twin = hub.create_device("d1", tags={"floor": 3})
        ...     hub.select("tags.floor > 2").device_ids()
        ['d1']
    """
    def __new__(
        cls,
        *,
        retention: _Seconds | None = None,
        in_flight_max: int | None = None,
        job_in_flight_max: int | None = None,
        strict: bool = False,
    ) -> Hub: ...
    @overload
    def import_twins(
        self,
        source: _Twins,
        *,
        on_error: Literal["stop"] = "stop",
        progress: _Progress = None,
    ) -> int: ...
    @overload
    def import_twins(
        self, source: _Twins, *, on_error: Literal["skip"], progress: _Progress = None
    ) -> ImportReport:
        """Import twins, each a whole twin document with a ``deviceId``.

        All become visible at one moment, at the end. Missing status fields are filled in as for a
        new device. After an exception, also after Ctrl-C, nothing is imported.

        Args:
            source: A path to a file of one JSON document a line; a binary file object; an
                iterable of dicts, or of str or bytes that each hold one document; or an Arrow
                table or stream, such as a DataFrame, whose columns are the fields of the twin
                (nested columns as structs or as JSON text; null means absent).
            on_error: ``"stop"`` raises at the first bad twin; ``"skip"`` passes over bad ones
                and reports them.
            progress: False to show nothing. Otherwise a bar appears on a terminal or in a
                notebook if the import lasts for more than a second; a str is its title. A function
                is called with (done, total), in bytes, a few times a second and at the end;
                total is None while it is not known. What it raises ends the import.

        Returns:
            The number of twins imported; with ``on_error="skip"`` an ``ImportReport``.

        Raises:
            ValidationError: A twin breaks a rule. The message names the line, the path and the
                limit.
            DeviceExistsError: The hub has a device of this id, or it came twice.

        Examples:
            >>> hub.import_twins([{"deviceId": "d8", "tags": {"floor": 8}}, '{"deviceId": "d9"}'])
            2
        """
    def create_device(
        self,
        device_id: str,
        *,
        tags: dict[str, Any] | None = None,
        desired: dict[str, Any] | None = None,
        reported: dict[str, Any] | None = None,
        status: Literal["enabled", "disabled"] | None = None,
    ) -> dict[str, Any]:
        """Create a device and its twin.

        Args:
            device_id: 1 to 128 letters, digits and characters of ``-:.+%_#*?!(),=@;$'``.
            tags: What services know about the device.
            desired: Its desired properties.
            reported: Its reported properties.
            status: ``"enabled"`` or ``"disabled"``; None means enabled.

        Returns:
            The new twin.

        Raises:
            DeviceExistsError: The hub has a device of this id.
            ValidationError: A value breaks a rule of twins.

        Examples:
            >>> hub.create_device("d7", tags={"floor": 7})["tags"]
            {'floor': 7}
        """
    def delete_device(self, device_id: str, etag: str | None = None) -> None:
        """Delete a device and its twin.

        Args:
            device_id: The device.
            etag: If given, delete only if it is the twin's current ``etag``.

        Raises:
            DeviceNotFoundError: The hub has no such device.
            PreconditionFailedError: The etag is not the current one.

        Examples:
            >>> hub.delete_device("d3")
            >>> "d3" in hub
            False
        """
    def twin(self, device_id: str) -> dict[str, Any]:
        """The twin of a device, as IoT Hub writes it.

        Raises:
            DeviceNotFoundError: The hub has no such device.

        Examples:
            >>> twin = hub.twin("d1")
            >>> twin["deviceId"], twin["tags"]["site"], twin["properties"]["desired"]["$version"]
            ('d1', 'oslo', 1)
        """
    def update_twin(
        self, device_id: str, patch: dict[str, Any], etag: str | None = None
    ) -> dict[str, Any]:
        """Merge a patch into a twin: given keys are set, None removes a key, all others stay.

        What a device reports is written by ``report_properties``. A twin that was read may be
        sent back as a patch; its reported properties are ignored.

        Args:
            device_id: The device.
            patch: ``{"tags": {...}, "properties": {"desired": {...}}}``, either or both.
            etag: If given, update only if it is the twin's current ``etag``.

        Returns:
            The twin as it is now.

        Raises:
            DeviceNotFoundError: The hub has no such device.
            PreconditionFailedError: The etag is not the current one.
            ValidationError: The patch breaks a rule of twins.

        Examples:
            >>> hub.update_twin("d1", {"tags": {"floor": None, "wing": "b"}})["tags"]
            {'site': 'oslo', 'wing': 'b'}
        """
    def replace_twin(
        self, device_id: str, twin: dict[str, Any], etag: str | None = None
    ) -> dict[str, Any]:
        """Replace the tags or the desired properties of a twin as a whole.

        Args:
            device_id: The device.
            twin: ``{"tags": {...}, "properties": {"desired": {...}}}``; a part that is not given
                stays as it is.
            etag: If given, replace only if it is the twin's current ``etag``.

        Returns:
            The twin as it is now.

        Raises:
            DeviceNotFoundError: The hub has no such device.
            PreconditionFailedError: The etag is not the current one.
            ValidationError: The twin breaks a rule.

        Examples:
            >>> hub.replace_twin("d1", {"tags": {"wing": "b"}})["tags"]
            {'wing': 'b'}
        """
    def report_properties(self, device_id: str, reported: dict[str, Any]) -> int:
        """Merge what a device reports into its reported properties; None removes a key.

        Returns:
            The new ``$version`` of the reported properties, which is all that IoT Hub tells a
            device.

        Raises:
            DeviceNotFoundError: The hub has no such device.
            ValidationError: A value breaks a rule of twins.

        Examples:
            >>> hub.report_properties("d1", {"battery": 71.5})
            2
            >>> hub.twin("d1")["properties"]["reported"]["battery"]
            71.5
        """
    def __len__(self) -> int: ...
    def __bool__(self) -> bool: ...
    def __contains__(self, device_id: str, /) -> bool: ...
    def select(self, condition: str) -> Selection:
        """Select the devices whose twin satisfies a condition.

        Args:
            condition: The text after WHERE, for example ``tags.site = 'oslo'``; ``*`` alone
                selects all.

        Raises:
            ConditionError: The text does not parse; ``span`` is the byte range at fault.

        Examples:
            >>> hub.select("tags.site = 'oslo' AND tags.floor IN [2, 3]")
            Selection(1 of 3 devices)
        """
    def query(self, query: str, *, progress: _Progress = None) -> Table:
        """Answer a query over twins (``FROM devices``) or job results (``FROM devices.jobs``).

        The table holds the whole answer in memory, as Arrow columns: objects as JSON text, so
        ``SELECT *`` takes about as much as the twins in a file of JSON lines, 1.8 KB for a twin
        with 15 properties and their metadata. A Python object for each value takes several times
        more; name the properties that are needed, or take rows one after the other. Ctrl-C ends
        the query.

        Args:
            query: The whole text, from SELECT on.
            progress: False to show nothing. Otherwise a bar appears on a terminal or in a
                notebook if the query lasts for more than a second; a str is its title. A function
                is called with (done, total), in rows, a few times a second and at the end;
                total is None while it is not known. What it raises ends the query.

        Raises:
            ConditionError: The text does not parse; ``span`` is the byte range at fault.

        Examples:
            >>> query = "SELECT tags.site AS site, COUNT() AS n FROM devices GROUP BY tags.site"
            >>> sorted(row["n"] for row in hub.query(query))
            [1, 2]
        """
    def explain(self, condition: str) -> Explanation:
        """How a condition is answered: the tests in their order, the matches, the columns touched.

        A test that matches nothing gets a hint where the twins show why: a path that none of them
        has, and the one that was probably meant, or values of another type.

        Raises:
            ConditionError: The text does not parse; ``span`` is the byte range at fault.

        Examples:
            >>> hub.explain("tags.sit = 'oslo'").steps[0]["hints"]
            ['no twin has tags.sit; did you mean tags.site?']
        """
    def explain_device(self, condition: str, device_id: str) -> DeviceExplanation:
        """Why one device satisfies a condition, or does not.

        Raises:
            ConditionError: The text does not parse; ``span`` is the byte range at fault.
            DeviceNotFoundError: The hub has no such device.

        Examples:
            >>> print(hub.explain_device("tags.floor = '1'", "d1"))
            d1 does not match
              tags.floor = '1': undefined; tags.floor is 1
                hint: tags.floor is a number; the text '1' never equals a number: write 1
            <BLANKLINE>
        """
    def schedule_twin_update(
        self,
        job_id: str | None,
        patch: dict[str, Any],
        *,
        condition: str,
        start_time: _Time | None = None,
        max_execution_time: _Seconds = 3600,
    ) -> Job:
        """Schedule a job that merges a patch into the twins that a condition matches.

        The devices are those that match when the job starts; later changes add or drop none.

        Args:
            job_id: At most 64 letters, digits and ``-``; None makes one up.
            patch: ``{"tags": {...}, "properties": {"desired": {...}}}``, either or both; None as
                a value removes a key.
            condition: The text after WHERE; ``*`` alone means all devices.
            start_time: When to start: a datetime (naive means UTC) or ISO 8601 text; None, or a
                time past, starts at once.
            max_execution_time: How long the job may run, in seconds or as a timedelta; devices
                not done by then fail. 0 means an hour.

        Raises:
            ConditionError: The condition does not parse.
            JobExistsError: The hub has a job of this id.
            ValidationError: The id or the patch breaks a rule.

        Examples:
            >>> job = hub.schedule_twin_update(
            ...     "new-interval",
            ...     {"properties": {"desired": {"interval": 60}}},
            ...     condition="tags.site = 'oslo'",
            ... )
            >>> job.wait()
            True
            >>> hub.twin("d1")["properties"]["desired"]["interval"]
            60
        """
    def schedule_method(
        self,
        job_id: str | None,
        method: str,
        payload: _Json = None,
        *,
        condition: str,
        response_timeout: _Seconds = 30,
        connect_timeout: _Seconds | None = None,
        start_time: _Time | None = None,
        max_execution_time: _Seconds = 3600,
    ) -> Job:
        """Schedule a job that calls a direct method on the devices that a condition matches.

        The devices are those that match when the job starts. Each is called once at most. A
        device that answers counts as succeeded, with whatever status.

        Args:
            job_id: At most 64 letters, digits and ``-``; None makes one up.
            method: The name of the method.
            payload: What the devices get: anything that JSON can hold; None sends no payload.
            condition: The text after WHERE; ``*`` alone means all devices.
            response_timeout: How long a device may take to answer: 5 to 300 seconds.
            connect_timeout: How long a device may take to connect: 0 to 300 seconds; None means
                that it must be connected already.
            start_time: When to start: a datetime (naive means UTC) or ISO 8601 text; None, or a
                time past, starts at once.
            max_execution_time: How long the job may run, in seconds or as a timedelta; devices
                not done by then fail. 0 means an hour.

        Raises:
            ConditionError: The condition does not parse.
            JobExistsError: The hub has a job of this id.
            ValidationError: The id, the method or a time-out breaks a rule.

        Examples:
            >>> hub.on_method("reboot", lambda device_id, payload: (200, {"in": payload["delay"]}))
            >>> job = hub.schedule_method("reboot-all", "reboot", {"delay": 5}, condition="*")
            >>> job.wait()
            True
            >>> job.statistics.succeeded_count
            3
        """
    def job(self, job_id: str) -> Job:
        """The job of this id.

        Raises:
            JobNotFoundError: The hub has no such job.
        """
    def purge_job(self, job_id: str) -> None:
        """Forget a finished job and the outcomes of its devices, whose memory is used again.

        Its id is free for another job then, and every ``Job`` of that id raises
        ``JobNotFoundError``. A job that is not purged is kept as long as the hub's ``retention``.

        Args:
            job_id: The job.

        Raises:
            JobNotFoundError: The hub has no such job.
            NotAllowedError: The job is not finished; cancel it first.

        Examples:
            >>> job = hub.schedule_twin_update("once", {"tags": {"seen": True}}, condition="*")
            >>> job.wait()
            True
            >>> hub.purge_job("once")
            >>> hub.jobs()
            []
        """
    def jobs(self, *, type: _JobType | None = None, status: _JobStatus | None = None) -> list[Job]:
        """The jobs of the hub, the newest first.

        Args:
            type: ``"scheduleUpdateTwin"`` or ``"scheduleDeviceMethod"``; None means both.
            status: One of the words of ``Job.status``; None means any.

        Examples:
            >>> job = hub.schedule_method("job3", "reboot", condition="*")
            >>> [job.id for job in hub.jobs(type="scheduleDeviceMethod")]
            ['job3']
        """
    @overload
    def on_method(
        self,
        name: str,
        handler: Callable[[str, Any], Awaitable[Any]],
        *,
        batch: Literal[False] = False,
        concurrency: int | None = None,
    ) -> None: ...
    @overload
    def on_method(
        self, name: str, handler: Callable[[str, Any], Any], *, batch: Literal[False] = False
    ) -> None: ...
    @overload
    def on_method(
        self,
        name: str,
        handler: Callable[[list[str], Any], Sequence[Any]],
        *,
        batch: Literal[True],
    ) -> None: ...
    @overload
    def on_method(
        self, name: str, handler: Callable[[DeviceIds, Any], Any], *, batch: Literal["arrow"]
    ) -> None:
        """Let a Python callable answer a method, for all devices of this hub.

        It is called on threads of the engine, at most 16 at a time for each job. It may use the
        hub. If it raises, answers nonsense or takes longer than the response time-out, its
        devices fail and others go on.

        A coroutine function, for methods that wait for a network, runs on an event loop of its own,
        in one thread, many devices at once. Each call finds the context variables as they were
        where its handler was given here. What is late is cancelled, and so is what runs when the
        hub is closed; a call that has not begun is not made once its job is cancelled.

        Args:
            name: The method.
            handler: ``handler(device_id, payload)``, which returns ``(status, payload)``, or a
                payload alone for status 200. A tuple is always taken as (status, payload).
                May be a coroutine function.
            batch: True to call ``handler(device_ids, payload)`` for many devices at once, with a
                list of ids; it returns a list with an answer for each. ``"arrow"`` to call it
                with ``DeviceIds``, an Arrow array; it returns ``(statuses, payloads)``, where
                statuses are one int for all, a NumPy or Arrow array or a sequence, and payloads
                are None, one str for all, or an Arrow array or a sequence of str or None; each
                str is JSON text.
            concurrency: How many calls of one job a coroutine function answers at once; None
                means 1,000.

        Examples:
            >>> def blink(device_ids, payload):
            ...     return [(200, {"blinked": payload["times"]}) for _ in device_ids]
            >>> hub.on_method("blink", blink, batch=True)
            >>> job = hub.schedule_method("blink-1", "blink", {"times": 2}, condition="*")
            >>> job.wait()
            True
            >>> row = job.results()[0]
            >>> row["deviceId"], row["responseStatus"], row["responsePayload"]
            ('d1', 200, {'blinked': 2})
        """
    def remove_method(self, name: str) -> None:
        """Forget the handler of a method. Nothing happens if it has none."""
    def simulate_devices(self, fleet: SimulatedFleet) -> None:
        """Let simulated devices answer every method that has no handler."""
    def close(self) -> None:
        """Close the hub: running jobs end where they are, and its threads end.

        Every later call raises ``ClosedError``. Closing a closed hub does nothing. Its memory is
        free once the hub and its jobs and selections are no longer referred to; the process then
        uses it again, for instance for another hub, but need not return it to the system.
        """
    def __enter__(self) -> Hub: ...
    def __exit__(
        self,
        *exception: object,
    ) -> None: ...
    def _repr_html_(self) -> str: ...

@final
class Selection:
    """The devices whose twins satisfied a condition when it was asked.

    A selection is a set: ``a & b``, ``a | b`` and ``a - b`` are selections again. It keeps a bit
    for each device of the hub, not their ids, and does not change when twins do. Iterating gives
    the ids. Libraries that speak Arrow read it as ids: ``polars.Series(selection)``,
    ``pyarrow.array(selection)``.

    Examples:
        >>> oslo = hub.select("tags.site = 'oslo'")
        >>> oslo
        Selection(2 of 3 devices)
        >>> old = hub.select("properties.reported.firmware = '1.0'")
        >>> (oslo & old).device_ids(), (oslo - old).device_ids()
        (['d1'], ['d2'])
    """
    def __len__(self) -> int: ...
    @property
    def total(self) -> int:
        """The devices that the hub had when the condition was asked."""
    def device_ids(self) -> list[str]:
        """The ids of the devices, in the order in which the hub met them.

        Examples:
            >>> hub.select("tags.floor > 1").device_ids()
            ['d2', 'd3']
        """
    def to_arrow(self) -> pyarrow.ChunkedArray:
        """The ids of the devices as a ``pyarrow.ChunkedArray``, without a Python object for each.

        Where a condition matched 65,536 neighbours, it shares their ids with the hub.

        Raises:
            ImportError: pyarrow is not installed.

        Examples:
            >>> hub.select("*").to_arrow().to_pylist()
            ['d1', 'd2', 'd3']
        """
    def sample(self, n: int = 5) -> list[dict[str, Any]]:
        """A few twins of the selection, as they are now, spread evenly over it.

        Args:
            n: How many at most. Devices deleted meanwhile are left out.

        Examples:
            >>> [twin["deviceId"] for twin in hub.select("tags.site = 'bergen'").sample(5)]
            ['d3']
        """
    def __and__(self, other: Selection, /) -> Selection: ...
    def __rand__(self, other: Selection, /) -> Selection: ...
    def __or__(self, other: Selection, /) -> Selection: ...
    def __ror__(self, other: Selection, /) -> Selection: ...
    def __sub__(self, other: Selection, /) -> Selection: ...
    def __rsub__(self, other: Selection, /) -> Selection: ...
    def __iter__(self) -> Iterator[str]: ...
    def __arrow_c_array__(
        self, requested_schema: CapsuleType | None = None
    ) -> tuple[CapsuleType, CapsuleType]:
        """The ids as Arrow data, for libraries."""
    def __arrow_c_stream__(self, requested_schema: CapsuleType | None = None) -> CapsuleType:
        """The ids as a stream of Arrow arrays, for libraries."""
    def __arrow_c_schema__(self) -> CapsuleType:
        """The Arrow type of the ids, for libraries."""
    def _repr_html_(self) -> str: ...

@final
class Table:
    """The rows that a query or a job gave, in columns.

    ``len`` counts the rows; ``table[0]`` is a row as a dict, ``table["floor"]`` a column as a
    list; iterating gives the rows. A value that a row does not have is left out of its dict, and
    is None in a column. pyarrow, polars, pandas, DuckDB and others read a table directly, since
    it has the Arrow method ``__arrow_c_stream__``.

    Examples:
        >>> table = hub.query("SELECT deviceId, tags.floor AS floor FROM devices")
        >>> len(table), table.columns
        (3, ['deviceId', 'floor'])
        >>> table[0]
        {'deviceId': 'd1', 'floor': 1}
        >>> table["floor"]
        [1, 2, 7]
    """
    def __len__(self) -> int: ...
    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
    @overload
    def __getitem__(self, key: str, /) -> list[Any]: ...
    @overload
    def __getitem__(self, key: int, /) -> dict[str, Any]: ...
    def __iter__(self) -> Rows: ...
    def to_pylist(self) -> list[dict[str, Any]]:
        """All rows as a list of dicts.

        Examples:
            >>> hub.query("SELECT COUNT() AS n FROM devices").to_pylist()
            [{'n': 3}]
        """
    def to_arrow(self) -> pyarrow.Table:
        """The rows as a ``pyarrow.Table``.

        Raises:
            ImportError: pyarrow is not installed.

        Examples:
            >>> hub.query("SELECT tags.floor AS floor FROM devices").to_arrow().num_rows
            3
        """
    def to_pandas(self) -> pandas.DataFrame:
        """The rows as a ``pandas.DataFrame``.

        Raises:
            ImportError: pandas 3 is not installed, nor an older one together with pyarrow.

        Examples:
            >>> hub.query("SELECT tags.floor AS floor FROM devices").to_pandas()["floor"].sum()
            np.int64(10)
        """
    def to_polars(self) -> polars.DataFrame:
        """The rows as a ``polars.DataFrame``.

        Raises:
            ImportError: polars is not installed.

        Examples:
            >>> hub.query("SELECT tags.floor AS floor FROM devices").to_polars()["floor"].to_list()
            [1, 2, 7]
        """
    def __arrow_c_stream__(self, requested_schema: CapsuleType | None = None) -> CapsuleType:
        """The rows as an Arrow stream, for libraries."""
    def __arrow_c_schema__(self) -> CapsuleType:
        """The Arrow schema of the rows, for libraries."""
    def _repr_html_(self) -> str: ...

@final
class Rows:
    """Iterates over the rows of a table, a page at a time."""
    def __iter__(self) -> Rows: ...
    def __next__(self) -> dict[str, Any]: ...

@final
class Job:
    """One operation over all devices that a condition matched when it started.

    Made by ``Hub.schedule_twin_update`` and ``Hub.schedule_method``; found again by ``Hub.job``.
    A job goes on whether or not somebody holds this object.

    Examples:
        >>> job = hub.schedule_twin_update(
        ...     "job1", {"properties": {"desired": {"interval": 30}}}, condition="*")
        >>> job.wait()
        True
        >>> job
        Job('job1', completed, 3 of 3 devices done, 0 failed)
        >>> job.results().to_pylist()[0]["status"]
        'completed'
    """
    @property
    def id(self) -> str:
        """The id that the job was scheduled with."""
    @property
    def status(self) -> _JobStatus:
        """How far the job is.

        ``'queued'``, ``'scheduled'``, ``'running'``, and at the end ``'completed'``,
        ``'failed'`` or ``'cancelled'``. A job is completed when all its devices are done, also
        where some of them failed.
        """
    @property
    def statistics(self) -> JobStatistics:
        """How many devices the job has, and how far they are; the counts always add up."""
    def to_dict(self) -> dict[str, Any]:
        """The job as IoT Hub's REST interface writes it.

        Examples:
            >>> job = hub.schedule_method("job2", "reboot", condition="deviceId = 'nobody'")
            >>> job.to_dict()["type"]
            'scheduleDeviceMethod'
        """
    def wait(self, timeout: _Seconds | None = None, progress: _Progress = True) -> bool:
        """Wait until the job is completed, failed or cancelled.

        Other Python threads run meanwhile, and Ctrl-C ends the wait, not the job.

        Args:
            timeout: The longest wait, in seconds or as a timedelta; None waits for ever.
            progress: False to show nothing. Otherwise a bar appears on a terminal or in a
                notebook if the wait lasts for more than a second; a str is its title. A function
                is called with (done, total), in devices, a few times a second and at the end;
                total is None while it is not known. What it raises ends the wait.

        Returns:
            True if the job has ended, False if ``timeout`` passed first.
        """
    def cancel(self) -> None:
        """Cancel the job. Once this returns, no further device is begun.

        Calls that are under way may end and are counted. Cancelling a cancelled job changes
        nothing.

        Raises:
            NotAllowedError: The job is completed or failed already.
        """
    def results(self) -> Table:
        """What the job did, one row a device.

        The columns are ``deviceId``, ``status`` and the times, then ``responseStatus`` and
        ``responsePayload`` of a device that answered, or ``errorCode`` and ``errorDescription``.
        May be asked at any time, also while the job runs. ``SELECT * FROM devices.jobs`` gives
        the same in the shape of IoT Hub.
        """
    def _repr_html_(self) -> str: ...

@final
class JobStatistics:
    """How many devices a job has, and how far they are.

    ``device_count`` is always the sum of the other four.
    """
    @property
    def device_count(self) -> int:
        """The devices that the job was aimed at when it started."""
    @property
    def succeeded_count(self) -> int:
        """Those that are done: the twin was updated, or the device answered."""
    @property
    def failed_count(self) -> int:
        """Those that failed: not connected, no answer in time, or the patch did not fit."""
    @property
    def running_count(self) -> int:
        """Those under way."""
    @property
    def pending_count(self) -> int:
        """Those not begun; in a cancelled job they stay so."""
    def to_dict(self) -> dict[str, int]:
        """The counts as a dict, with the names of IoT Hub."""
    def __eq__(self, other: object, /) -> bool: ...

@final
class Explanation:
    """How the hub answers a condition.

    It holds the tests as they were written, in the order in which they run, with what each was
    expected to match and what it did, and the columns that are read. A test that matches nothing
    has hints where the twins show why. ``str(explanation)`` is all of that as text,
    ``to_dict()`` the same as data.

    Examples:
        >>> explanation = hub.explain("tags.site = 'oslo' AND tags.floor > 1")
        >>> len(explanation.steps) >= 2
        True
    """
    @property
    def steps(self) -> list[dict[str, Any]]:
        """The tests and what combines them, a step before its parts, each as a dict."""
    def to_dict(self) -> dict[str, Any]:
        """The whole explanation as a dict."""
    def _repr_html_(self) -> str: ...

@final
class DeviceExplanation:
    """Why one device matches a condition, or does not: each part with its value for that device.

    Parts that are not true have hints at paths that no twin has and at types that never fit.

    Examples:
        >>> why = hub.explain_device("tags.site = 'bergen'", "d1")
        >>> why.matches
        False
    """
    @property
    def matches(self) -> bool:
        """Whether the device satisfies the condition."""
    def to_dict(self) -> dict[str, Any]:
        """The whole explanation as a dict."""
    def _repr_html_(self) -> str: ...

@final
class DeviceIds:
    """The ids of a batch of devices, as an Arrow array of strings.

    What a handler of the form ``batch="arrow"`` is called with. ``pyarrow.array(ids)`` and other
    libraries read it without copying; it is also a sequence of str.
    """
    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> str: ...
    def __iter__(self) -> Iterator[str]: ...
    def to_pylist(self) -> list[str]:
        """The ids as a list of str."""
    def __arrow_c_array__(
        self, requested_schema: CapsuleType | None = None
    ) -> tuple[CapsuleType, CapsuleType]:
        """The ids as Arrow data, for libraries."""
    def __arrow_c_schema__(self) -> CapsuleType:
        """The Arrow type of the ids, for libraries."""

@final
class ImportReport:
    """What ``import_twins(..., on_error="skip")`` came to.

    Examples:
        >>> report = twincast.Hub().import_twins(
        ...     ['{"deviceId": "a"}', '{"deviceId": "b", "tags": 7}'], on_error="skip")
        >>> report.imported, report.errors_total, report.errors[0].line
        (1, 1, 2)
    """
    @property
    def imported(self) -> int:
        """The twins that are in the hub now."""
    @property
    def errors(self) -> list[LineError]:
        """The first bad lines, in order; at most 10,000 are kept."""
    @property
    def errors_total(self) -> int:
        """All bad lines."""
    def _repr_html_(self) -> str: ...

@final
class LineError:
    """One line that an import skipped."""
    @property
    def line(self) -> int:
        """The number of the line, or of the item, from 1."""
    @property
    def reason(self) -> str:
        """What is wrong, with the path inside the twin and the limit."""
    @property
    def hint(self) -> str | None:
        """What would be right, if there is advice."""
    def __eq__(self, other: object, /) -> bool: ...

@final
class SimulatedFleet:
    """Devices that answer direct methods as a real fleet does: late, seldom not at all.

    What a device does is a pure function of the seed, the method and the device's id, so two
    runs agree. Latencies are drawn from a log-normal distribution.

    Args:
        seed: What all draws start from.
        latency: The median time to an answer, in seconds or as a timedelta.
        latency_p99: The time within which 99 of 100 answers come; at least ``latency``.
        offline: The share of devices that are not connected: they fail with code 404103.
        failures: The share of devices that answer with status 500.
        no_reply: The share of connected devices that never answer: they fail with code 504101
            when the response time-out has passed.

    Examples:
        >>> hub.simulate_devices(twincast.SimulatedFleet(seed=7, latency=0.001, latency_p99=0.01))
        >>> job = hub.schedule_method("reboot-1", "reboot", condition="tags.site = 'oslo'")
        >>> job.wait(timeout=30)
        True
    """
    def __new__(
        cls,
        seed: int = 1,
        latency: _Seconds = 0.05,
        latency_p99: _Seconds = 0.5,
        offline: float = 0.05,
        failures: float = 0.01,
        no_reply: float = 0.0,
    ) -> SimulatedFleet: ...
    @property
    def seed(self) -> int:
        """What all draws start from."""
    @property
    def latency(self) -> float:
        """The median time to an answer, in seconds."""
    @property
    def latency_p99(self) -> float:
        """The time within which 99 of 100 answers come, in seconds."""
    @property
    def offline(self) -> float:
        """The share of devices that are not connected."""
    @property
    def failures(self) -> float:
        """The share of devices that answer with status 500."""
    @property
    def no_reply(self) -> float:
        """The share of connected devices that never answer."""
    def __eq__(self, other: object, /) -> bool: ...

def generate_fleet(
    path: str | PathLike[str], devices: int, seed: int = 1, *, progress: _Progress = None
) -> int:
    """Write the twins of a made-up building fleet to a file, one JSON document a line.

    The same seed gives the same bytes, and a smaller fleet is the beginning of a larger one.

    Args:
        path: The file; it is replaced if it exists.
        devices: How many twins, each of about 750 bytes.
        seed: What all values are drawn from.
        progress: False to show nothing. Otherwise a bar appears on a terminal or in a
            notebook if the writing lasts for more than a second; a str is its title. A function
            is called with (done, total), in devices, a few times a second and at the end;
            total is None while it is not known. What it raises ends the writing.

    Returns:
        The bytes written.

    Examples:
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "fleet.ndjson")
        >>> twincast.generate_fleet(path, 100) == os.path.getsize(path)
        True
    """

def _close_all() -> None:
    """Stops handlers and closes what is open; registered with `atexit`."""

def _panic() -> None:
    """Panics inside the engine's guard, for the test that a panic becomes an exception."""
