"""Polars: frames of bare columns, with strings and with enumerations, eager, lazy and streaming."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import polars as pl
import pyarrow as pa

from compare.conditions import GROUP_COUNT, Condition
from compare.fleet import Fleet
from compare.systems import Update, Versions
from compare.turns import Way

NAME = "Polars"

_col = pl.col
# A comparison with null is null, and a filter drops it, as undefined is not selected.
_FILTER = {
    "match_none": _col("region") == "antarctica",
    "eq_low_card": _col("env") == "prod",
    "eq_high_card": _col("customer") == "cust-2139",
    "and_eq": (_col("building") == "43") & (_col("floor") == 3),
    "or_not": ((_col("env") == "test") | (_col("env") == "dev")) & ~(_col("region") == "latam"),
    "range_1pct": _col("battery") < 10,
    "range_50pct": _col("temperature") >= 22,
    "not_defined": _col("battery").is_null(),
    "nested_and": (_col("city") == "Oslo") & (_col("mode") == "eco"),
    "startswith": _col("last_boot").str.starts_with("2026-03-1"),
    "mixed_type": _col("floor_text") == "3",
    "cross_property": (_col("desired_firmware") != _col("reported_firmware"))
    & (_col("connection_state") == "Connected"),
}
# With times as times, a prefix of their text is a range.
_FILTER_NARROW = {
    "startswith": (_col("last_boot") >= pl.datetime(2026, 3, 10))
    & (_col("last_boot") < pl.datetime(2026, 3, 20)),
}

# Columns of few values; those that are compared with each other share an enumeration.
_ENUMS = [
    ["connection_state"],
    ["building"],
    ["floor_text"],
    ["region"],
    ["customer"],
    ["env"],
    ["city"],
    ["mode"],
    ["desired_firmware", "reported_firmware"],
]
_NARROW = {
    "floor": pl.UInt8,
    "version": pl.Int32,
    "desired_version": pl.Int32,
    "telemetry_interval": pl.Int32,
    "battery": pl.Float32,
    "temperature": pl.Float32,
}

_Modes: TypeAlias = list[tuple[str, Callable[[], Any]]]
_Ask: TypeAlias = Callable[[pl.DataFrame, pl.Expr, Condition], _Modes]
_LookUp: TypeAlias = tuple[str, Callable[[], pl.Series]]
_VIEWS = pl.CompatLevel.newest()


def plain(fleet: Fleet) -> pl.DataFrame:
    """The bare columns with the types that they come in."""
    return pl.read_parquet(fleet.columns).rechunk()


def narrow(frame: pl.DataFrame) -> pl.DataFrame:
    """The bare columns, each in the smallest type that holds it."""
    casts = [_col(name).cast(kind) for name, kind in _NARROW.items()]
    for columns in _ENUMS:
        values = pl.concat([frame[name] for name in columns]).drop_nulls().unique().sort()
        casts += [_col(name).cast(pl.Enum(values)) for name in columns]
    times = _col("last_boot").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="ms")
    return frame.with_columns(*casts, times).rechunk()


def write_frames(fleet: Fleet) -> None:
    """Writes both frames as they are in memory, for `read_frame`."""
    strings = plain(fleet)
    strings.write_ipc(fleet.folder / "plain.arrow")
    narrow(strings).write_ipc(fleet.folder / "narrow.arrow")


def read_frame(fleet: Fleet, name: str) -> pl.DataFrame:
    """A frame of its own memory, without what converting it would leave with the allocator."""
    return pl.read_ipc(fleet.folder / f"{name}.arrow")


class Polars:
    """Both frames, in the order of the ids, so that an id can be searched."""

    def __init__(self, fleet: Fleet) -> None:
        strings = plain(fleet)
        frames = {"strings": strings, "narrow types": narrow(strings)}
        self._frames = {
            name: frame.with_columns(_col("id").set_sorted()) for name, frame in frames.items()
        }
        self._updated = {
            f"{name}, {mode}": frame
            for name, frame in self._frames.items()
            for mode in ("eager", "lazy")
        }

    def counts(self, condition: Condition) -> Sequence[Way]:
        """The number of devices; the rows of the query."""
        ask = _groups if condition.name == GROUP_COUNT else _counts
        return self._ways(condition, ask)

    def ids(self, condition: Condition) -> Sequence[Way]:
        """As string views, which is what Polars keeps."""
        return self._ways(condition, _ids)

    def updates(self, condition: Condition) -> Sequence[Update]:
        """`with_columns(when(...))`: new columns of all devices, since frames do not change."""
        return [self._update(name, condition) for name in self._updated]

    def _ways(self, condition: Condition, ask: _Ask) -> list[Way]:
        return [
            Way(NAME, f"{name}, {mode}", run)
            for name, frame in self._frames.items()
            for mode, run in ask(frame, _test(name, condition), condition)
        ]

    def _update(self, name: str, condition: Condition) -> Update:
        test = _test(name.partition(",")[0], condition)

        def run(value: int) -> None:
            frame = self._updated[name]
            changes = [
                _changed("telemetry_interval", test, pl.lit(value)),
                _changed("version", test, _col("version") + 1),
                _changed("desired_version", test, _col("desired_version") + 1),
            ]
            if name.endswith("lazy"):
                self._updated[name] = frame.lazy().with_columns(changes).collect()
            else:
                self._updated[name] = frame.with_columns(changes)

        def versions(value: int) -> Versions:
            sums = self._updated[name].select(
                (_col("telemetry_interval") == value).sum(),
                _col("version").cast(pl.Int64).sum(),
                _col("desired_version").cast(pl.Int64).sum(),
            )
            return Versions(*sums.row(0))

        return Update(NAME, name, run, versions)


def _test(frame: str, condition: Condition) -> pl.Expr:
    if condition.name == "match_all" or condition.is_query:
        return pl.lit(True)
    if condition.ids:
        return _col("id").is_in(pl.Series(condition.ids).implode())
    narrow = _FILTER_NARROW if frame == "narrow types" else {}
    test = narrow.get(condition.name)
    return _FILTER[condition.name] if test is None else test


def _changed(column: str, test: pl.Expr, value: pl.Expr) -> pl.Expr:
    return pl.when(test).then(value).otherwise(_col(column)).alias(column)


def _counts(frame: pl.DataFrame, test: pl.Expr, condition: Condition) -> _Modes:
    if condition.name == "match_all":
        return [("eager", lambda: frame.height)]
    plan = frame.lazy().filter(test).select(pl.len())
    return [
        # The sum of the truth values: it needs no selection.
        ("eager", lambda: frame.select(test.sum()).item()),
        ("lazy", lambda: plan.collect(engine="in-memory").item()),
        ("streaming", lambda: plan.collect(engine="streaming").item()),
        *_then(pl.Series.len, _look_ups(frame, condition)),
    ]


def _ids(frame: pl.DataFrame, test: pl.Expr, condition: Condition) -> _Modes:
    ids = frame["id"]
    if condition.name == "match_all":
        return [("eager", lambda: _views(ids))]
    plan = frame.lazy().filter(test).select("id")
    return [
        ("eager", lambda: _views(ids.filter(frame.select(test).to_series()))),
        ("lazy", lambda: _views(plan.collect(engine="in-memory")["id"])),
        ("streaming", lambda: _views(plan.collect(engine="streaming")["id"])),
        *_then(_views, _look_ups(frame, condition)),
    ]


def _groups(frame: pl.DataFrame, _test: pl.Expr, _condition: Condition) -> _Modes:
    plan = frame.lazy().group_by(version="reported_firmware").agg(n=pl.len())
    return [
        (
            "eager",
            lambda: frame.group_by(version="reported_firmware").agg(n=pl.len()).to_arrow(),
        ),
        ("lazy", lambda: plan.collect(engine="in-memory").to_arrow()),
        ("streaming", lambda: plan.collect(engine="streaming").to_arrow()),
    ]


def _look_ups(frame: pl.DataFrame, condition: Condition) -> list[_LookUp]:
    """The ids that a condition names: by a join, and by binary search, since they are sorted."""
    if not condition.ids:
        return []
    ids = frame["id"]
    wanted = pl.DataFrame({"id": condition.ids})
    joined = frame.lazy().select("id").join(wanted.lazy(), on="id", how="semi")

    def search() -> pl.Series:
        places = ids.search_sorted(wanted["id"])
        found = ids.gather(places.clip(0, ids.len() - 1))
        return found.filter(found == wanted["id"])

    return [("join", lambda: joined.collect()["id"]), ("binary search", search)]


def _then(finish: Callable[[pl.Series], Any], look_ups: Sequence[_LookUp]) -> _Modes:
    return [(mode, lambda find=find: finish(find())) for mode, find in look_ups]  # type: ignore[misc]


def _views(ids: pl.Series) -> pa.Array:
    return ids.to_arrow(compat_level=_VIEWS)
