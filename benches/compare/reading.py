"""Counting the devices that match a condition, and getting their ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from compare.cells import Cell
from compare.conditions import GROUP_COUNT, IN_10K, Condition
from compare.systems import System
from compare.systems.twincast import Twincast
from compare.turns import Pace, Way, alternate


def counts(ours: Twincast, peers: Sequence[System], condition: Condition, pace: Pace) -> list[Cell]:
    """The cell of a condition, and for a long text a second one of the text alone."""
    ways = [way for system in (ours, *peers) for way in system.counts(condition)]
    answer = _agreed(ways, _groups if condition.is_query else int, condition)
    matches = sum(answer.values()) if isinstance(answer, dict) else answer
    _expect(condition, matches)
    cell = Cell("counts", condition.name, matches, alternate(ways, pace), condition.is_scan)
    if condition.name == GROUP_COUNT:
        return [cell]
    if not condition.ids:  # ids are looked up, which reads no column
        cell.touched_bytes = ours.bytes_read(condition)
    cells = [cell]
    if condition.name == IN_10K:
        alone = alternate(ours.compiling(condition), pace)
        cells.append(Cell("counts", f"{condition.name}, its text alone", 0, alone))
    return cells


def ids(ours: Twincast, peers: Sequence[System], condition: Condition, pace: Pace) -> Cell:
    """The cell of a condition."""
    ways = [way for system in (ours, *peers) for way in system.ids(condition)]
    matches, _, _ = _agreed(ways, _fingerprint, condition)
    _expect(condition, matches)
    cell = Cell("ids", condition.name, matches, alternate(ways, pace), condition.is_scan)
    array = ours.ids(condition)[0].run()
    assert isinstance(array, pa.ChunkedArray)
    if not condition.ids:
        # Each id is read from where it is kept, and written to the array.
        cell.touched_bytes = ours.bytes_read(condition) + 2 * array.nbytes
    return cell


def _agreed(ways: Sequence[Way], summary: Any, condition: Condition) -> Any:
    """Runs every way once; what all of them answer."""
    answers = {f"{way.system}, {way.name}": summary(way.run()) for way in ways}
    first, *others = answers.values()
    if any(other != first for other in others):
        raise AssertionError(f"{condition.name}: the answers differ: {answers}")
    return first


def _expect(condition: Condition, matches: int) -> None:
    if condition.matches not in (None, matches):
        message = f"{condition.name} matches {matches} devices, not {condition.matches}"
        raise AssertionError(message)


def _groups(rows: pa.Table) -> dict[str | None, int]:
    """The rows of the query; a device without the property belongs to the group None."""
    return {row.get("version"): row["n"] for row in rows.to_pylist()}


def _fingerprint(answer: pa.Array | pa.ChunkedArray | pa.Table) -> tuple[int, int, int]:
    """How many ids, and two sums over their numbers: equal sets of ids have equal ones."""
    ids = answer.column("id") if isinstance(answer, pa.Table) else answer
    if len(ids) == 0:
        return (0, 0, 0)
    numbers = pc.utf8_slice_codeunits(ids.cast(pa.large_string()), len("dev-")).cast(pa.int64())
    # Cut, so that the sum of the squares cannot overflow.
    scattered = pc.bit_wise_and(pc.multiply(numbers, numbers), (1 << 32) - 1)
    return (len(ids), pc.sum(numbers).as_py(), pc.sum(scattered).as_py())
