"""Updating the twins that match: one property, and the two versions of each twin."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from compare.cells import Cell
from compare.conditions import Condition
from compare.systems import System, Update
from compare.systems.twincast import Twincast
from compare.turns import Pace, Way, alternate

# Larger than any interval of the fleet, so that a new value is new to every twin.
_values = count(1_000_000)


def updates(ours: Twincast, peers: Sequence[System], condition: Condition, pace: Pace) -> Cell:
    """The cell of a condition."""
    ways = [way for system in (ours, *peers) for way in system.updates(condition)]
    counted = [_Counted(way) for way in ways]
    matches = len(ours.hub.select(condition.text))
    figures = alternate([one.way for one in counted], pace)
    for one in counted:
        one.check(matches)
    return Cell("updates", condition.name, matches, figures)


class _Counted:
    """An update that knows how often it ran, so that its sums can be checked."""

    def __init__(self, update: Update) -> None:
        self._update = update
        self._before = update.versions(0)
        self._runs = 0
        self._value = 0
        self.way = Way(update.system, update.name, self._run)

    def _run(self) -> None:
        self._value = next(_values)
        self._runs += 1
        self._update.run(self._value)

    def check(self, matches: int) -> None:
        """The last value is on every match, and each version was raised by each run."""
        after = self._update.versions(self._value)
        raised = matches * self._runs
        expected = (matches, self._before.version + raised, self._before.desired_version + raised)
        found = (after.devices, after.version, after.desired_version)
        if found != expected:
            raise AssertionError(f"{self.way.system}, {self.way.name}: {found}, not {expected}")
