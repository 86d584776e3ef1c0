"""What is asked: benches/conditions.json."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent.parent / "conditions.json"
SEED = 1
"""The seed of the fleet for which the file has the counts."""

# These two are not scans of columns: the means leave them out.
IN_10K, GROUP_COUNT = "in_10k", "group_count"
IDS_WANTED = 10_000


@dataclass(frozen=True)
class Condition:
    """A condition or a query, in the language of twincast."""

    name: str
    text: str
    is_query: bool
    matches: int | None
    """The devices that must match; None if that is not known for this size of the fleet."""
    ids: list[str] = field(repr=False)
    """What `deviceId IN` names, for the conditions that do."""

    @property
    def is_scan(self) -> bool:
        """Whether the means over the conditions count it."""
        return self.name not in (IN_10K, GROUP_COUNT)


@dataclass(frozen=True)
class Conditions:
    """All of them, for a fleet of one size."""

    all: list[Condition]
    updated: list[Condition]
    """Those over which twins are updated."""


def read(devices: int) -> Conditions:
    """The conditions for a fleet of this many devices."""
    file = json.loads(FILE.read_text())
    conditions = [_condition(entry, devices) for entry in file["conditions"]]
    by_name = {condition.name: condition for condition in conditions}
    return Conditions(conditions, [by_name[name] for name in file["update"]])


def _condition(entry: dict[str, Any], devices: int) -> Condition:
    text = entry.get("query") or entry["condition"]
    ids: list[str] = []
    if "$ids" in text:
        every = (f"dev-{1 + k * 7919 % devices:07d}" for k in range(IDS_WANTED))
        ids = list(dict.fromkeys(every))  # a small fleet has fewer devices than that
        text = text.replace("$ids", "[" + ", ".join(f"'{one}'" for one in ids) + "]")
    elif text.startswith("deviceId IN ["):
        ids = [one.strip(" '") for one in text.partition("[")[2].rstrip("]").split(",")]
    matches = entry["matches"].get(str(devices))
    return Condition(entry["name"], text, "query" in entry, matches, ids)
