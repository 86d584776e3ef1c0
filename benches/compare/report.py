"""The tables, in Markdown."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from compare.bandwidth import Bandwidth
from compare.cells import Cell, Outcome
from compare.turns import Figures

OURS = "twincast"
PEERS = ("DuckDB", "Polars")
_TITLES = {
    "counts": "Counting the devices that match",
    "ids": "Their ids, as an Arrow array in Python",
    "updates": "Updating one property of each, and its versions",
    "imports": "Importing the fleet",
}


def markdown(outcome: Outcome, bandwidth: Bandwidth, machine: dict[str, str]) -> str:
    """Everything, the summary first."""
    parts = ["; ".join(f"{name}: {value}" for name, value in machine.items()) + "."]
    parts.append(
        f"Read by one thread: {bandwidth.memory / 1e9:.0f} GB/s from memory, "
        f"{bandwidth.cache / 1e9:.0f} GB/s from the last cache; by all threads from memory "
        f"{bandwidth.memory_all_threads / 1e9:.0f} GB/s."
    )
    parts += _summary(outcome)
    for kind, title in _TITLES.items():
        cells = [cell for cell in outcome.cells if cell.kind == kind]
        if cells:
            parts += [f"**{title}**", _medians(cells, bandwidth), _others(cells)]
    if outcome.memory:
        parts += ["**Memory of a process that holds the fleet**", _memory(outcome)]
    return "\n\n".join(parts) + "\n"


def _summary(outcome: Outcome) -> list[str]:
    rows = []
    for kind in ("counts", "ids"):
        scans = [cell for cell in outcome.cells if cell.kind == kind and cell.is_scan]
        if not scans:
            continue
        row = [f"{kind}, {len(scans)} conditions"]
        for peer in PEERS:
            ratios = {cell.name: _ratio(cell, peer, lambda one: one.median) for cell in scans}
            known = {name: ratio for name, ratio in ratios.items() if ratio is not None}
            mean = math.exp(sum(math.log(ratio) for ratio in known.values()) / len(known))
            worst = min(known, key=lambda name: known[name])
            row += [_times(mean), f"{_times(known[worst])}, {worst}"]
        rows.append(row)
    losses = [
        f"{cell.kind} of {cell.name} ({peer}, {_times(ratio)})"
        for cell in outcome.cells
        for peer in PEERS
        if (ratio := _ratio(cell, peer, lambda one: one.median)) is not None and ratio < 1
    ]
    head = ["geometric mean over"]
    for peer in PEERS:
        head += [f"{peer} / twincast", "worst"]
    lost = f"twincast is slower in: {', '.join(losses)}." if losses else "twincast is never slower."
    return [_table(head, rows), lost] if rows else [lost]


def _medians(cells: Sequence[Cell], bandwidth: Bandwidth) -> str:
    head = ["", "devices", OURS, "floor", "to floor"]
    for peer in PEERS:
        head += [peer, "ratio"]
    rows = []
    for cell in cells:
        ours = cell.of(OURS)
        assert ours is not None, "it takes part in every cell"
        row = [cell.name, f"{cell.devices:,}", _speed(cell, ours)]
        if cell.touched_bytes:
            floor = bandwidth.floor(cell.touched_bytes)
            row += [_duration(floor), f"{ours.median / floor:.1f}"]
        else:
            row += ["", ""]
        for peer in PEERS:
            theirs = cell.of(peer)
            ratio = _ratio(cell, peer, lambda one: one.median)
            row += ["", ""] if theirs is None else [_speed(cell, theirs), _times(ratio)]
        rows.append(row)
    return _table(head, rows)


def _others(cells: Sequence[Cell]) -> str:
    head = ["", f"{OURS}: fastest", "CPU"]
    for peer in PEERS:
        head += [f"{peer}: ratio of fastest", "of CPU", "way"]
    rows = []
    for cell in cells:
        ours = cell.of(OURS)
        assert ours is not None, "it takes part in every cell"
        row = [cell.name, _duration(ours.fastest), _duration(ours.cpu)]
        for peer in PEERS:
            theirs = cell.of(peer)
            fastest = _ratio(cell, peer, lambda one: one.fastest)
            cpu = _ratio(cell, peer, lambda one: one.cpu)
            row += [_times(fastest), _times(cpu), "" if theirs is None else theirs.way]
        rows.append(row)
    return _table(head, rows)


def _memory(outcome: Outcome) -> str:
    devices = next(cell.devices for cell in outcome.cells if cell.kind == "imports")
    rows = []
    for one in outcome.memory:
        row = [one.system, one.what]
        for size in (one.resident_bytes, one.peak_bytes):
            row.append(one.failure or "" if size is None else f"{size / devices:,.0f}")
        rows.append(row)
    return _table(["", "of", "bytes a device", "at its peak"], rows)


def _ratio(cell: Cell, peer: str, of: Callable[[Figures], float]) -> float | None:
    ours, theirs = cell.of(OURS), cell.of(peer)
    # A clock of the processor's time may stand still during very short turns.
    if ours is None or theirs is None or of(ours) <= 0 or of(theirs) <= 0:
        return None
    return of(theirs) / of(ours)


def _times(ratio: float | None) -> str:
    """A ratio; in bold where twincast is slower."""
    if ratio is None:
        return ""
    if ratio >= 10:
        return f"{ratio:,.0f}"
    # Two digits that count, however small it is.
    text = f"{ratio:.{1 - math.floor(math.log10(ratio))}f}"
    return f"**{text}**" if ratio < 1 else text


def _speed(cell: Cell, figures: Figures) -> str:
    text = _duration(figures.median)
    if cell.kind == "imports" and cell.touched_bytes:
        text += f", {cell.touched_bytes / 1e6 / figures.median:,.0f} MB/s"
    return text


def _duration(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            value = seconds / size
            return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    numbers = [False, *(True for _ in head[1:])]
    rule = ["---:" if number else "---" for number in numbers]
    lines = [head, rule, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
