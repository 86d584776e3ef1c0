"""The command line: makes the fleet, lets the systems take turns, prints the tables."""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from compare import (
    bandwidth,
    conditions,
    document,
    fleet,
    loading,
    machine,
    reading,
    report,
    updating,
)
from compare.cells import Outcome
from compare.systems import System
from compare.systems.duckdb import DuckDB
from compare.systems.polars import Polars
from compare.systems.twincast import Twincast
from compare.turns import Pace

TARGET = Path(__file__).parent.parent.parent / "target" / "compare"
TINY_DEVICES = 1_000
THOROUGH = Pace(rounds=15, turn_seconds=0.02, turn_runs=3)
THOROUGH_IMPORTS = 3
QUICK = Pace(rounds=3, turn_seconds=0.002, turn_runs=2)
QUICK_IMPORTS = 1


def main() -> None:
    """Does what the command line says."""
    options = _options().parse_args()
    partial = options.quick or options.only != "*"
    if options.write and partial:
        raise SystemExit("--write wants all of it, without --quick and --only")
    probe = bandwidth.measure()
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TARGET) as scratch:
        outcome = _measure(Path(scratch), options)
    described = machine.describe()
    tables = report.markdown(outcome, probe, described)
    print(f"\n{tables}")
    name = f"{options.devices}{'-partial' if partial else ''}"
    raw = {"machine": described, "bandwidth": asdict(probe), **asdict(outcome)}
    (TARGET / f"{name}.json").write_text(json.dumps(raw, indent=1))
    (TARGET / f"{name}.md").write_text(tables)
    if options.write:
        document.write(options.devices, tables)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./x compare",
        description="Does the same work on twincast, DuckDB and Polars, in turns. Prints the "
        "tables; these and all figures go to target/compare, too.",
    )
    parser.add_argument("--devices", type=int, default=1_000_000, help="devices of the fleet")
    parser.add_argument(
        "--only", default="*", metavar="PATTERN", help="as in counts/and_eq, ids/*, imports/*"
    )
    parser.add_argument("--quick", action="store_true", help="few and short turns: a try")
    parser.add_argument(
        "--write", action="store_true", help="put the tables into docs/benchmarks.md"
    )
    return parser


def _measure(scratch: Path, options: argparse.Namespace) -> Outcome:
    def wanted(kind: str, name: str) -> bool:
        return fnmatch.fnmatch(f"{kind}/{name}", options.only)

    outcome = Outcome()
    _say(f"making a fleet of {options.devices:,} devices")
    whole = fleet.make(scratch / "fleet", options.devices)
    if wanted("imports", "JSON lines"):
        # Before this process holds three fleets itself.
        _say("imports")
        tiny = fleet.make(scratch / "tiny", TINY_DEVICES)
        rounds = QUICK_IMPORTS if options.quick else THOROUGH_IMPORTS
        loading.measure(whole, tiny, options.devices, rounds, outcome)
    asked = conditions.read(options.devices)
    pace = QUICK if options.quick else THOROUGH
    ours = Twincast(whole)
    peers: list[System] = [DuckDB(whole, scratch), Polars(whole)]
    for condition in asked.all:
        if wanted("counts", condition.name):
            _say(f"counts/{condition.name}")
            outcome.cells += reading.counts(ours, peers, condition, pace)
    for condition in asked.all:
        if not condition.is_query and wanted("ids", condition.name):
            _say(f"ids/{condition.name}")
            outcome.cells.append(reading.ids(ours, peers, condition, pace))
    # Last, since they change the columns.
    for condition in asked.updated:
        if wanted("updates", condition.name):
            _say(f"updates/{condition.name}")
            outcome.cells.append(updating.updates(ours, peers, condition, pace))
    return outcome


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
