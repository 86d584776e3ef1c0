"""A million device twins in a minute: import, ask, explain, update, call, and look at the results.

    python -m twincast.demo                          a made-up fleet of 1,000,000 twins
    python -m twincast.demo --devices 100000         a smaller one
    python -m twincast.demo --file fleet.ndjson      your own, one twin document a line

Every time shown was measured in this run, on this machine, by the wall clock.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import twincast

#: What is asked, unless the caller has a condition: the first that any device matches, since a
#: small fleet may have nobody on that floor.
CONDITIONS = (
    "tags.building = '43' AND tags.floor = 3 AND properties.reported.battery < 80",
    "tags.floor = 3 AND properties.reported.battery < 80",
    "properties.reported.battery < 80",
)
#: In fleets of so many devices the first condition is sure to match some.
LARGE = 100_000
REPEATS = 21


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo with these command-line arguments; the exit code."""
    options = _options().parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="twincast-") as scratch, twincast.Hub() as hub:
            file = options.file or Path(scratch) / "fleet.ndjson"
            _show(hub, file, options)
    except twincast.TwincastError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m twincast.demo",
        description="Import a fleet of device twins and run jobs over it, with the times it takes.",
    )
    parser.add_argument("--devices", type=int, default=1_000_000, help="twins to make up")
    parser.add_argument("--seed", type=int, default=1, help="what they are drawn from")
    parser.add_argument(
        "--file", type=Path, help="NDJSON file of twins; made if it does not exist, and kept"
    )
    parser.add_argument("--condition", help="the condition to answer")
    parser.add_argument(
        "--methods", default="*", metavar="CONDITION", help="the devices to call a method on"
    )
    parser.add_argument(
        "--latency", type=float, default=0.05, help="median seconds of a device to answer"
    )
    return parser


def _show(hub: twincast.Hub, file: Path, options: argparse.Namespace) -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(
        f"twincast {twincast.__version__}, Python {platform.python_version()}, "
        f"{platform.machine()}, {cores} cores"
    )
    _import(hub, file, options)
    _ask(hub, options.condition or _some_condition(hub))
    _update(hub)
    _call(hub, options)


def _import(hub: twincast.Hub, file: Path, options: argparse.Namespace) -> None:
    _head("Import")
    if not file.exists():
        with _timed() as took:
            size = twincast.generate_fleet(file, options.devices, seed=options.seed)
        _line(f"made up {options.devices:,} twins", took, f"{size / 1e6:,.0f} MB of JSON")
    size = file.stat().st_size
    before = _resident()
    with _timed() as took:
        count = hub.import_twins(file)
    speed = f"{count / took():,.0f} twins/s, {size / 1e6 / took():,.0f} MB/s"
    _line(f"imported {count:,} twins", took, speed)
    after = _resident()
    if before is not None and after is not None and count:
        used = after - before
        print(f"  they take {used / 1e6:,.0f} MB of memory, {used / count:,.0f} bytes a twin")


def _some_condition(hub: twincast.Hub) -> str:
    """A condition that some devices match; large fleets are not asked before it is measured."""
    if len(hub) >= LARGE:
        return CONDITIONS[0]
    return next((text for text in CONDITIONS if len(hub.select(text))), CONDITIONS[0])


def _ask(hub: twincast.Hub, condition: str) -> None:
    _head("Ask")
    print(f"  {condition}")
    with _timed() as took:
        selection = hub.select(condition)
    _line(f"{len(selection):,} of {len(hub):,} devices, asked once", took)
    times = []
    for _ in range(REPEATS):
        with _timed() as again:
            hub.select(condition)
        times.append(again())
    _line(
        f"the same again, median of {REPEATS}",
        lambda: statistics.median(times),
        f"fastest {_duration(min(times))}, slowest {_duration(max(times))}",
    )
    print()
    _indented(str(hub.explain(condition)))
    query = "SELECT tags.region AS region, COUNT() AS devices FROM devices GROUP BY tags.region"
    print(f"\n  {query}")
    with _timed() as took:
        table = hub.query(query)
    _line("one pass over all twins", took)
    _indented(str(table))


def _update(hub: twincast.Hub) -> None:
    _head("Update twins: a scheduleUpdateTwin job")
    condition = "tags.env = 'prod'"
    patch = {"properties": {"desired": {"telemetryInterval": 120}}}
    print(f"  {patch} where {condition}")
    with _timed() as took:
        job = hub.schedule_twin_update("new-interval", patch, condition=condition)
        job.wait()
    _outcome(job, took)
    done = len(hub.select(f"{condition} AND properties.desired.telemetryInterval = 120"))
    print(f"  {done:,} twins of the condition now have the new interval")


def _call(hub: twincast.Hub, options: argparse.Namespace) -> None:
    _head("Call devices: a scheduleDeviceMethod job")
    fleet = twincast.SimulatedFleet(
        seed=options.seed, latency=options.latency, latency_p99=10 * options.latency
    )
    hub.simulate_devices(fleet)
    print(f"  reboot where {options.methods}, answered by {fleet}")
    with _timed() as took:
        job = hub.schedule_method(
            "reboot-all", "reboot", {"delay": 5}, condition=options.methods, response_timeout=30
        )
        job.wait()
    _outcome(job, took)
    with _timed() as took:
        table = hub.query(
            "SELECT devices.jobs.status AS status, devices.jobs.error.code AS error, "
            "COUNT() AS devices FROM devices.jobs WHERE devices.jobs.jobId = 'reboot-all' "
            "GROUP BY devices.jobs.status, devices.jobs.error.code"
        )
    print()
    _line("its results by status", took)
    _indented(str(table))
    with _timed() as took:
        results = job.results()
    print()
    _line(f"all {len(results):,} results as a table, some of them", took)
    _indented(_some(results))


def _some(results: twincast.Table) -> str:
    """A few rows and columns of the results of a job, the first failure among them."""
    columns = ["deviceId", "status", "responseStatus", "errorCode", "errorDescription"]
    statuses = results["status"]
    rows = list(range(min(3, len(results))))
    if "failed" in statuses:
        rows.append(statuses.index("failed"))
    cells = [columns]
    cells += [[str(results[row].get(name, "")) for name in columns] for row in sorted(set(rows))]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    cells.insert(1, ["─" * width for width in widths])
    lines = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)
    return "\n".join(lines)


def _outcome(job: twincast.Job, took: _Stopwatch) -> None:
    counts = job.statistics
    speed = f"{counts.device_count / took():,.0f} devices/s" if counts.device_count else ""
    _line(f"{job.status}: {counts.device_count:,} devices", took, speed)
    print(f"  {counts.succeeded_count:,} succeeded, {counts.failed_count:,} failed")


class _Stopwatch:
    """Seconds since it was made, or until it was stopped."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._ended: float | None = None

    def stop(self) -> None:
        self._ended = time.perf_counter()

    def __call__(self) -> float:
        ended = time.perf_counter() if self._ended is None else self._ended
        return max(ended - self._started, 1e-9)


@contextmanager
def _timed() -> Iterator[_Stopwatch]:
    watch = _Stopwatch()
    try:
        yield watch
    finally:
        watch.stop()


def _resident() -> int | None:
    """The memory of this process in bytes, where the system tells."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def _head(text: str) -> None:
    bold, plain = ("\x1b[1m", "\x1b[0m") if sys.stdout.isatty() else ("", "")
    print(f"\n{bold}{text}{plain}", flush=True)


def _line(text: str, took: Callable[[], float], note: str = "") -> None:
    end = f"   {note}" if note else ""
    print(f"  {text:<54} {_duration(took()):>9}{end}", flush=True)


def _duration(seconds: float) -> str:
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} us"
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds:.2f} s"


def _indented(text: str) -> None:
    for line in text.rstrip().splitlines():
        print(f"    {line}")


if __name__ == "__main__":
    sys.exit(main())
