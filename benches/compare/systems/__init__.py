"""The systems that are compared: each says in which ways it can do a piece of work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from compare.conditions import Condition
from compare.turns import Way


@dataclass(frozen=True)
class Versions:
    """Sums that show what was updated, and how often."""

    devices: int
    """Those whose telemetry interval is the value asked for."""
    version: int
    """The sum of `version` over all devices."""
    desired_version: int
    """The sum of `properties.desired.$version` over all devices."""


@dataclass(frozen=True)
class Update:
    """One way to update twins."""

    system: str
    name: str
    run: Callable[[int], object]
    """Sets the telemetry interval of all that match, and adds 1 to their two versions."""
    versions: Callable[[int], Versions]


class System(Protocol):
    """A system that holds the fleet."""

    def counts(self, condition: Condition) -> Sequence[Way]:
        """Ways to count the devices that match; for a query, ways to get its rows as Arrow."""

    def ids(self, condition: Condition) -> Sequence[Way]:
        """Ways to get the ids of the devices that match as an Arrow array."""

    def updates(self, condition: Condition) -> Sequence[Update]:
        """Ways to update the devices that match."""
