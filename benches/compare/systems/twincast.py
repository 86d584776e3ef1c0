"""twincast: a hub with the whole twins, asked in the language of IoT Hub."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import twincast

from compare.conditions import Condition
from compare.fleet import Fleet
from compare.systems import Update, Versions
from compare.turns import Way

NAME = "twincast"
_SUMS = "SELECT SUM(version) AS version, SUM(properties.desired.$version) AS desired FROM devices"


class Twincast:
    """A hub."""

    def __init__(self, fleet: Fleet) -> None:
        self.hub = twincast.Hub()
        self.hub.import_twins(fleet.lines, progress=False)
        self._nobody = twincast.Hub()

    def counts(self, condition: Condition) -> Sequence[Way]:
        """From the text to the number, with what a selection holds already computed."""
        text = condition.text
        if condition.is_query:
            return [Way(NAME, "query", lambda: self.hub.query(text).to_arrow())]
        return [Way(NAME, "select", lambda: len(self.hub.select(text)))]

    def ids(self, condition: Condition) -> Sequence[Way]:
        """From the text to the array."""
        text = condition.text
        return [Way(NAME, "select", lambda: self.hub.select(text).to_arrow())]

    def compiling(self, condition: Condition) -> Sequence[Way]:
        """The same condition asked of a hub without devices: what its text costs alone."""
        return [Way(NAME, "text alone", lambda: len(self._nobody.select(condition.text)))]

    def bytes_read(self, condition: Condition) -> int:
        """The bytes of the columns that the condition reads."""
        columns = self.hub.explain(condition.text).to_dict()["columns"]
        return sum(column["bytes"] for column in columns)

    def updates(self, condition: Condition) -> Sequence[Update]:
        """A job from its submission to its end, with all that a job does."""

        def run(value: int) -> None:
            patch = {"properties": {"desired": {"telemetryInterval": value}}}
            job = self.hub.schedule_twin_update(None, patch, condition=condition.text)
            job.wait(progress=False)
            assert job.statistics.succeeded_count == job.statistics.device_count

        return [Update(NAME, "job", run, self._versions)]

    def _versions(self, value: int) -> Versions:
        sums: dict[str, Any] = self.hub.query(_SUMS)[0]
        devices = len(self.hub.select(f"properties.desired.telemetryInterval = {value}"))
        return Versions(devices, int(sums["version"]), int(sums["desired"]))
