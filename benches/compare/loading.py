"""Loading the fleet into a fresh process: how long that takes, and the memory it holds then.

Run as a program it is such a process: `python -m compare.loading LOADER TINY FOLDER`,
with the folders of a tiny fleet and of the fleet.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import polars as pl
import twincast

from compare import THREADS
from compare.cells import Cell, Outcome, Resident
from compare.fleet import Fleet
from compare.systems import duckdb as duckdb_system
from compare.systems import polars as polars_system
from compare.turns import Figures

_WHOLE, _BARE = "whole twins", "bare columns"
# A process that needs more than this share of the machine's memory fails, and nothing else does.
_MEMORY_SHARE = 0.85
# Polars without memory may wait for ever for a thread that has ended.
_SECONDS_MAX = 900
# What Python, Rust and DuckDB say then.
_OUT_OF_MEMORY = ("MemoryError", "memory allocation of", "OutOfMemoryException")


class Loaded(NamedTuple):
    """What must not be dropped before the memory was looked at, and how many devices it holds."""

    held: object
    devices: int


class Loader(NamedTuple):
    """What a process loads, and with what."""

    system: str
    what: str
    way: str
    load: Callable[[Fleet], Loaded]


def measure(fleet: Fleet, tiny: Fleet, devices: int, rounds: int, outcome: Outcome) -> None:
    """Loads the fleet with each loader in turn.

    What a library loads and allocates at its first use is not the fleet's: each process loads a
    tiny fleet first.
    """
    for each in (tiny, fleet):
        polars_system.write_frames(each)
    figures = {name: Figures(one.system, one.way) for name, one in LOADERS.items()}
    memory: dict[str, list[dict[str, Any]]] = {name: [] for name in LOADERS}
    failures: dict[str, str] = {}
    for _ in range(rounds):
        for name in LOADERS:
            if name in failures:
                continue
            loaded = _in_process(name, fleet, tiny)
            if isinstance(loaded, str):
                print(f"{name}: {loaded}", file=sys.stderr)
                failures[name] = loaded
                continue
            if loaded["devices"] != devices:
                raise AssertionError(f"{name} loaded {loaded['devices']} devices, not {devices}")
            memory[name].append(loaded)
            figures[name].seconds.append(loaded["seconds"])
            figures[name].cpu_seconds.append(loaded["cpu_seconds"])
            figures[name].fastest = min(figures[name].fastest, loaded["seconds"])
    best: dict[str, Figures] = {}
    for name, one in LOADERS.items():
        new, old = figures[name], best.get(one.system)
        if one.what == _WHOLE and new.seconds and (old is None or new.median < old.median):
            best[one.system] = new
        held = memory[name]
        outcome.memory.append(
            Resident(
                one.system,
                f"{one.what}, {one.way}",
                _median([each["resident_bytes"] for each in held]),
                _median([each["peak_bytes"] for each in held]),
                failures.get(name),
            )
        )
    cell = Cell("imports", "JSON lines", devices, list(best.values()))
    cell.touched_bytes = fleet.lines.stat().st_size
    outcome.cells.append(cell)


def _in_process(name: str, fleet: Fleet, tiny: Fleet) -> dict[str, Any] | str:
    """What the process measured, or how it failed for want of memory."""
    words = ["-m", "compare.loading", name, str(tiny.folder), str(fleet.folder)]
    try:
        done = subprocess.run(
            [sys.executable, *words], capture_output=True, text=True, timeout=_SECONDS_MAX
        )
    except subprocess.TimeoutExpired:
        return f"not done in {_SECONDS_MAX} s"
    if done.returncode == 0:
        loaded: dict[str, Any] = json.loads(done.stdout)
        return loaded
    # Killed for want of memory, or refused it; whatever else fails is a mistake of ours.
    killed = done.returncode == -signal.SIGKILL
    if killed or any(sign in done.stderr for sign in _OUT_OF_MEMORY):
        return "did not fit"
    raise RuntimeError(f"{name} failed: {done.stderr}")


def _median(sizes: list[int]) -> int | None:
    return statistics.median_low(sizes) if sizes else None


def _twincast(fleet: Fleet) -> Loaded:
    hub = twincast.Hub()
    hub.import_twins(fleet.lines, progress=False)
    return Loaded(hub, len(hub))


def _duckdb(fleet: Fleet, target: str) -> Loaded:
    connection = duckdb.connect(target)
    connection.execute(f"SET threads = {THREADS}")
    source = f"read_json('{fleet.lines}', format = 'newline_delimited')"
    connection.execute(f"CREATE OR REPLACE TABLE twins AS FROM {source}")
    rows = connection.execute("SELECT count(*) FROM twins").fetchall()
    return Loaded(connection, rows[0][0])


def _duckdb_in_file(fleet: Fleet) -> Loaded:
    return _duckdb(fleet, str(fleet.folder / "whole.duckdb"))


def _polars(fleet: Fleet) -> Loaded:
    # A column of Polars has one type, so floors that are numbers become strings, too.
    tags = ["building", "floor", "region", "customer", "env"]
    location = pl.Struct({"city": pl.String, "country": pl.String})
    custom = pl.Struct({f"k{number:02d}": pl.Int64 for number in range(40)})
    shape: dict[str, Any] = {
        **dict.fromkeys(tags, pl.String),
        "location": location,
        "custom": custom,
    }
    frame = pl.read_ndjson(
        fleet.lines, schema_overrides={"tags": pl.Struct(shape)}, infer_schema_length=10_000
    )
    return Loaded(frame, frame.height)


def _bare_duckdb(fleet: Fleet, narrow: bool) -> Loaded:
    table = duckdb_system.in_memory(narrow=narrow)
    return Loaded(table, table.load(fleet))


def _bare_polars(fleet: Fleet, name: str) -> Loaded:
    frame = polars_system.read_frame(fleet, name)
    return Loaded(frame, frame.height)


LOADERS = {
    "twincast": Loader("twincast", _WHOLE, "hub", _twincast),
    "duckdb": Loader("DuckDB", _WHOLE, "memory", lambda fleet: _duckdb(fleet, ":memory:")),
    "duckdb-file": Loader("DuckDB", _WHOLE, "file", _duckdb_in_file),
    "polars": Loader("Polars", _WHOLE, "read_ndjson", _polars),
    "duckdb-plain": Loader("DuckDB", _BARE, "plain types", lambda f: _bare_duckdb(f, False)),
    "duckdb-narrow": Loader("DuckDB", _BARE, "narrow types", lambda f: _bare_duckdb(f, True)),
    "polars-strings": Loader("Polars", _BARE, "strings", lambda f: _bare_polars(f, "plain")),
    "polars-narrow": Loader("Polars", _BARE, "narrow types", lambda f: _bare_polars(f, "narrow")),
}


def _load(name: str, tiny: Fleet, fleet: Fleet) -> dict[str, Any]:
    load = LOADERS[name].load
    load(tiny)
    gc.collect()
    before = _resident()
    cpu, begin = time.process_time(), time.perf_counter()
    loaded = load(fleet)
    seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu
    gc.collect()
    # What the C library's allocator keeps for later is not the fleet's, either.
    ctypes.CDLL(None).malloc_trim(0)
    resident, peak = _resident() - before, _resident("VmHWM") - before
    return {
        "devices": loaded.devices,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "resident_bytes": resident,
        "peak_bytes": peak,
    }


def _resident(name: str = "VmRSS") -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) << 10
    raise AssertionError(f"the system does not say {name}")


def _bound() -> None:
    memory = os.sysconf("SC_PHYS_PAGES") * resource.getpagesize()
    bound = int(memory * _MEMORY_SHARE)
    resource.setrlimit(resource.RLIMIT_DATA, (bound, bound))


if __name__ == "__main__":
    _bound()
    loader, tiny_folder, fleet_folder = sys.argv[1:]
    print(json.dumps(_load(loader, Fleet(Path(tiny_folder)), Fleet(Path(fleet_folder)))))
