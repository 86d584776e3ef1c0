"""What comes out: a cell is one piece of work, with the figures of each system."""

from __future__ import annotations

from dataclasses import dataclass, field

from compare.turns import Figures


@dataclass
class Cell:
    """One row of a table."""

    kind: str
    """The table: counts, ids, updates, imports."""
    name: str
    devices: int
    """How many match, or are imported."""
    figures: list[Figures]
    """Of each system, its fastest way."""
    is_scan: bool = False
    """Whether the geometric means count it."""
    touched_bytes: int | None = None
    """What twincast has to read or write at least; None if that is not known."""

    def of(self, system: str) -> Figures | None:
        """The figures of one system."""
        return next((one for one in self.figures if one.system == system), None)


@dataclass
class Resident:
    """The memory of a process that holds the fleet and nothing else."""

    system: str
    what: str
    resident_bytes: int | None
    """What it holds more than before the fleet came; None if it failed."""
    peak_bytes: int | None
    """The most that it held at any time."""
    failure: str | None
    """How it failed, if it did."""


@dataclass
class Outcome:
    """All that was measured."""

    cells: list[Cell] = field(default_factory=list)
    memory: list[Resident] = field(default_factory=list)
