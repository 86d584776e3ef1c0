"""The generated fleet: as lines of twins, and as the bare columns that the conditions read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import twincast

from compare import THREADS
from compare.conditions import SEED

# What DuckDB is to read of each twin. `floor` holds numbers, and strings in 1 of 100 twins.
_SHAPE = {
    "deviceId": "VARCHAR",
    "connectionState": "VARCHAR",
    "version": "BIGINT",
    "tags": """STRUCT(building VARCHAR, floor JSON, region VARCHAR, customer VARCHAR, env VARCHAR,
        location STRUCT(city VARCHAR))""",
    "properties": """STRUCT(
        desired STRUCT(firmware STRUCT("version" VARCHAR), "telemetryInterval" BIGINT,
            config STRUCT("mode" VARCHAR), "$version" BIGINT),
        reported STRUCT(firmware STRUCT("version" VARCHAR), battery DOUBLE, temperature DOUBLE,
            "lastBoot" VARCHAR))""",
}

# A column of two types would be the slowest of all choices for the others; two columns are the
# fastest, and say the same: a test of the wrong type finds a null, which is undefined.
_BARE = """
    SELECT
        deviceId AS id,
        "connectionState" AS connection_state,
        version,
        tags.building AS building,
        CASE WHEN json_type(tags.floor) <> 'VARCHAR' THEN CAST(tags.floor AS BIGINT) END AS floor,
        CASE WHEN json_type(tags.floor) = 'VARCHAR' THEN tags.floor ->> '$' END AS floor_text,
        tags.region AS region,
        tags.customer AS customer,
        tags.env AS env,
        tags.location.city AS city,
        properties.desired.firmware.version AS desired_firmware,
        properties.desired.config.mode AS mode,
        properties.desired."telemetryInterval" AS telemetry_interval,
        properties.desired."$version" AS desired_version,
        properties.reported.firmware.version AS reported_firmware,
        properties.reported.battery AS battery,
        properties.reported.temperature AS temperature,
        properties.reported."lastBoot" AS last_boot
    FROM read_json('{lines}', format = 'newline_delimited', columns = {shape})
"""


@dataclass(frozen=True)
class Fleet:
    """The folder of a fleet."""

    folder: Path

    @property
    def lines(self) -> Path:
        """Whole twins, a JSON document a line."""
        return self.folder / "fleet.ndjson"

    @property
    def columns(self) -> Path:
        """The bare columns, as Parquet."""
        return self.folder / "columns.parquet"


def make(folder: Path, devices: int) -> Fleet:
    """Generates a fleet into a folder, which it makes."""
    folder.mkdir()
    fleet = Fleet(folder)
    twincast.generate_fleet(fleet.lines, devices, seed=SEED, progress=False)
    shape = "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in _SHAPE.items()) + "}"
    query = _BARE.format(lines=fleet.lines, shape=shape)
    with duckdb.connect() as connection:
        connection.execute(f"SET threads = {THREADS}")
        connection.execute(f"COPY ({query}) TO '{fleet.columns}' (FORMAT parquet)")
    return fleet
