"""DuckDB: a table of bare columns, in a file with plain types and in memory with narrow ones."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from compare import THREADS
from compare.conditions import GROUP_COUNT, Condition
from compare.fleet import Fleet
from compare.systems import Update, Versions
from compare.turns import Way

NAME = "DuckDB"

# DuckDB warns of the copy that `_executed` makes knowingly.
warnings.filterwarnings("ignore", message="Arrow output on a DB-API result")

# What stands after WHERE. A comparison with NULL is NULL, and selects nothing, as undefined does.
_WHERE = {
    "match_all": "true",
    "match_none": "region = 'antarctica'",
    "eq_low_card": "env = 'prod'",
    "eq_high_card": "customer = 'cust-2139'",
    "and_eq": "building = '43' AND floor = 3",
    "or_not": "(env = 'test' OR env = 'dev') AND NOT (region = 'latam')",
    "range_1pct": "battery < 10",
    "range_50pct": "temperature >= 22",
    "not_defined": "battery IS NULL",
    "nested_and": "city = 'Oslo' AND mode = 'eco'",
    "startswith": "starts_with(last_boot, '2026-03-1')",
    "mixed_type": "floor_text = '3'",
    "cross_property": "desired_firmware <> reported_firmware AND connection_state = 'Connected'",
}
# With times as times, a prefix of their text is a range.
_WHERE_NARROW = {
    "startswith": "last_boot >= TIMESTAMP '2026-03-10' AND last_boot < TIMESTAMP '2026-03-20'"
}
_GROUP_COUNT = "SELECT reported_firmware AS version, count(*) AS n FROM twins GROUP BY 1"

# Columns of few values, with the enumeration that they share.
_ENUMS = {
    "connection_state": "connection_state",
    "building": "building",
    "floor_text": "floor_text",
    "region": "region",
    "customer": "customer",
    "env": "env",
    "city": "city",
    "mode": "mode",
    "desired_firmware": "firmware",
    "reported_firmware": "firmware",
}
_NARROW = {
    "floor": "UTINYINT",
    "version": "INTEGER",
    "desired_version": "INTEGER",
    "telemetry_interval": "INTEGER",
    "battery": "DECIMAL(5, 2)",
    "temperature": "DECIMAL(5, 2)",
}


class Table:
    """A table of the fleet, with an index on the ids."""

    def __init__(self, name: str, connection: duckdb.DuckDBPyConnection, narrow: bool) -> None:
        self.name = name
        self.narrow = narrow
        self.connection = connection
        connection.execute(f"SET threads = {THREADS}")
        # Nobody asks for an order; keeping one costs DuckDB time.
        connection.execute("SET preserve_insertion_order = false")

    def load(self, fleet: Fleet) -> int:
        """Fills it from the bare columns; how many devices it has then."""
        parquet = f"read_parquet('{fleet.columns}')"
        columns = "* REPLACE (" + self._narrowed(parquet) + ")" if self.narrow else "*"
        self.connection.execute(f"CREATE TABLE twins AS SELECT {columns} FROM {parquet}")
        self.connection.execute("CREATE UNIQUE INDEX twin_id ON twins (id)")
        self.connection.execute("CHECKPOINT")
        return _number(self.connection, "SELECT count(*) FROM twins")()

    def where(self, condition: Condition) -> str:
        """The condition in SQL."""
        if condition.ids:
            return "id IN (" + ", ".join(f"'{one}'" for one in condition.ids) + ")"
        narrow = _WHERE_NARROW if self.narrow else {}
        return narrow.get(condition.name) or _WHERE[condition.name]

    def prepare(self, statement: str, query: str) -> str:
        """Prepares a query and gives what executes it."""
        self.connection.execute(f"PREPARE {statement} AS {query}")
        return f"EXECUTE {statement}"

    def _narrowed(self, parquet: str) -> str:
        members: dict[str, list[str]] = {}
        for column, enum in _ENUMS.items():
            members.setdefault(enum, []).append(f"SELECT {column} AS value FROM {parquet}")
        for enum, columns in members.items():
            values = f"SELECT DISTINCT value FROM ({' UNION ALL '.join(columns)})"
            self.connection.execute(
                f"CREATE TYPE {enum}_enum AS ENUM ({values} WHERE value IS NOT NULL ORDER BY value)"
            )
        casts = [f"{column}::{enum}_enum AS {column}" for column, enum in _ENUMS.items()]
        casts += [f"{column}::{kind} AS {column}" for column, kind in _NARROW.items()]
        return ", ".join([*casts, "last_boot::TIMESTAMPTZ::TIMESTAMP AS last_boot"])


def in_memory(*, narrow: bool) -> Table:
    """A table in memory."""
    return Table("narrow types" if narrow else "plain types", duckdb.connect(), narrow)


def in_file(folder: Path) -> Table:
    """A table in a file, of plain types."""
    return Table("file", duckdb.connect(folder / "twins.duckdb"), narrow=False)


class DuckDB:
    """Both tables."""

    def __init__(self, fleet: Fleet, scratch: Path) -> None:
        self.tables = [in_file(scratch), in_memory(narrow=True)]
        for table in self.tables:
            table.load(fleet)

    def counts(self, condition: Condition) -> Sequence[Way]:
        """The SQL as text, and prepared."""
        ways: list[Way] = []
        for table in self.tables:
            if condition.name == GROUP_COUNT:
                ways.append(Way(NAME, table.name, _arrow(table.connection, _GROUP_COUNT)))
                continue
            for name, source in self._sources(table, condition):
                query = f"SELECT count(*) FROM {source}"
                execute = table.prepare(f"count_{condition.name}_{len(ways)}", query)
                ways.append(Way(NAME, name, _number(table.connection, query)))
                ways.append(Way(NAME, f"{name}, prepared", _number(table.connection, execute)))
        return ways

    def ids(self, condition: Condition) -> Sequence[Way]:
        """As strings and as string views, which DuckDB can hand out with less copying."""
        ways: list[Way] = []
        for table in self.tables:
            views = table.connection.cursor()
            views.execute("SET produce_arrow_string_view = true")
            for name, source in self._sources(table, condition):
                query = f"SELECT id FROM {source}"
                execute = table.prepare(f"ids_{condition.name}_{len(ways)}", query)
                ways.append(Way(NAME, name, _arrow(table.connection, query)))
                ways.append(Way(NAME, f"{name}, views", _arrow(views, query)))
                ways.append(Way(NAME, f"{name}, prepared", _executed(table.connection, execute)))
        return ways

    def updates(self, condition: Condition) -> Sequence[Update]:
        """`UPDATE`, which in a file is also made durable."""
        return [
            Update(NAME, table.name, _update(table, condition), _versions(table))
            for table in self.tables
        ]

    def _sources(self, table: Table, condition: Condition) -> list[tuple[str, str]]:
        """What stands after FROM: the ids that are wanted in the text, and as a table."""
        sources = [(table.name, f"twins WHERE {table.where(condition)}")]
        if condition.ids:
            name = f"wanted_{condition.name}"
            wanted = pa.table({"id": condition.ids})
            table.connection.register("wanted_arrow", wanted)
            table.connection.execute(f"CREATE OR REPLACE TABLE {name} AS FROM wanted_arrow")
            table.connection.unregister("wanted_arrow")
            sources.append((f"{table.name}, join", f"twins SEMI JOIN {name} USING (id)"))
        return sources


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> Callable[[], int]:
    # All rows are fetched, though there is one: only then has DuckDB finished with the statement.
    return lambda: int(connection.execute(query).fetchall()[0][0])


def _arrow(connection: duckdb.DuckDBPyConnection, query: str) -> Callable[[], pa.Table]:
    # A relation hands its result over as it is; a cursor that executed would copy it once more.
    return lambda: connection.sql(query).to_arrow_table()


def _executed(connection: duckdb.DuckDBPyConnection, query: str) -> Callable[[], pa.Table]:
    # Only a cursor executes what was prepared: for few rows the copy costs less than planning.
    return lambda: connection.execute(query).to_arrow_table()


def _update(table: Table, condition: Condition) -> Callable[[int], object]:
    where = table.where(condition)
    return lambda value: table.connection.execute(
        f"UPDATE twins SET telemetry_interval = {value}, version = version + 1, "
        f"desired_version = desired_version + 1 WHERE {where}"
    )


def _versions(table: Table) -> Callable[[int], Versions]:
    def versions(value: int) -> Versions:
        rows = table.connection.execute(
            f"SELECT count(*) FILTER (telemetry_interval = {value}), sum(version), "
            "sum(desired_version) FROM twins"
        ).fetchall()
        return Versions(*(int(one) for one in rows[0]))

    return versions
