"""Importing twins from files and from Python."""

import io
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest
import twincast

LINES = ['{"deviceId": "a", "tags": {"n": 1}}', '{"deviceId": "b", "tags": {"n": 2}}']
BAD = ['{"deviceId": "a"}', '{"deviceId": "b", "tags": {"n": null}}', "{", '{"deviceId": "c"}']


@pytest.fixture
def empty() -> Iterator[twincast.Hub]:
    with twincast.Hub() as hub:
        yield hub


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.ndjson"
    path.write_text("\n".join(LINES))
    return path


SOURCES: dict[str, Callable[[Path], Any]] = {
    "str": str,
    "path": lambda path: path,
    "file": lambda path: io.BytesIO(path.read_bytes()),
    "text file": lambda path: io.StringIO(path.read_text()),
    "strings": lambda path: LINES,
    "lines": lambda path: iter(path.read_text().splitlines(keepends=True)),
    "bytes": lambda path: [line.encode() for line in LINES],
    "dicts": lambda path: (json.loads(line) for line in LINES),
    "pretty": lambda path: [json.dumps(json.loads(line), indent=2) for line in LINES],
}


@pytest.mark.parametrize("kind", SOURCES)
def test_sources(empty: twincast.Hub, path: Path, kind: str) -> None:
    assert empty.import_twins(SOURCES[kind](path)) == 2
    assert empty.twin("b")["tags"] == {"n": 2}


def test_a_twin_comes_back_as_it_went(hub: twincast.Hub, empty: twincast.Hub) -> None:
    hub.update_twin("d1", {"properties": {"desired": {"a": {"b": [1, None, 2.0]}}}})
    twins = [hub.twin(device_id) for device_id in hub.select("*")]
    assert empty.import_twins(twins) == 3
    assert [empty.twin(twin["deviceId"]) for twin in twins] == twins


def test_large_feeds_arrive_whole(empty: twincast.Hub) -> None:
    text = "x" * 3000
    count = empty.import_twins({"deviceId": f"d{n}", "tags": {"t": text}} for n in range(5000))
    assert count == len(empty) == 5000


def test_a_file_is_closed_by_its_owner(empty: twincast.Hub, path: Path) -> None:
    with path.open("rb") as file:
        assert empty.import_twins(file) == 2
        assert not file.closed


def test_a_missing_file_is_pythons_own_error(empty: twincast.Hub) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        empty.import_twins("/nowhere/fleet.ndjson")
    assert caught.value.filename == "/nowhere/fleet.ndjson"


@pytest.mark.parametrize(
    ("source", "reason"),
    [(b"{}", "BytesIO"), ({"deviceId": "a"}, "wrap it in a list"), (7, "not int")],
)
def test_other_sources_are_refused(empty: twincast.Hub, source: Any, reason: str) -> None:
    with pytest.raises(TypeError, match=reason):
        empty.import_twins(source)


@pytest.mark.parametrize("kind", ["lines", "file"])
def test_the_first_bad_line_stops(empty: twincast.Hub, kind: str) -> None:
    source = BAD if kind == "lines" else io.BytesIO("\n".join(BAD).encode())
    with pytest.raises(twincast.ValidationError, match=r"line 2.*tags\.n"):
        empty.import_twins(source)
    assert len(empty) == 0


@pytest.mark.parametrize("kind", ["lines", "file"])
def test_bad_lines_are_skipped_and_reported(empty: twincast.Hub, kind: str) -> None:
    source = BAD if kind == "lines" else io.BytesIO("\n".join(BAD).encode())
    report = empty.import_twins(source, on_error="skip")
    assert report.imported == 2
    assert report.errors_total == 2
    assert [error.line for error in report.errors] == [2, 3]
    assert "tags.n" in report.errors[0].reason
    assert "tags.n" in repr(report.errors[0])
    assert repr(report) == "ImportReport(imported=2, errors_total=2)"
    assert "<td>2</td><td>" in report._repr_html_()
    assert sorted(empty.select("*")) == ["a", "c"]


def test_items_that_are_no_json_count_as_lines(empty: twincast.Hub) -> None:
    items: list[Any] = [
        {"deviceId": "a", "tags": {"x": {1}}},
        {"deviceId": "b"},
        17,
        {"deviceId": "c", "tags": {"x": float("nan")}},
        "{",
    ]
    report = empty.import_twins(items, on_error="skip")
    assert report.imported == 1
    assert [error.line for error in report.errors] == [1, 3, 4, 5]
    assert "tags.x" in report.errors[0].reason
    with pytest.raises(twincast.ValidationError, match=r"line 1: tags\.x: set"):
        empty.import_twins(items)


def test_an_exception_of_the_iterable_comes_through(empty: twincast.Hub) -> None:
    def twins() -> Iterator[dict[str, Any]]:
        yield {"deviceId": "a"}
        raise LookupError("the database went away")

    with pytest.raises(LookupError, match="went away"):
        empty.import_twins(twins())
    with pytest.raises(LookupError, match="went away"):
        empty.import_twins(twins(), on_error="skip")
    assert len(empty) == 0
    assert empty.import_twins([{"deviceId": "a"}]) == 1


def test_an_exception_after_many_twins_leaves_none(empty: twincast.Hub) -> None:
    twins = [{"deviceId": f"d{n}", "tags": {"t": "x" * 500}} for n in range(20_000)]

    def broken() -> Iterator[dict[str, Any]]:
        yield from twins
        raise LookupError

    for _ in range(3):
        with pytest.raises(LookupError):
            empty.import_twins(broken())
        assert len(empty) == 0
    assert empty.import_twins(twins) == 20_000


def test_an_exception_of_the_file_comes_through(empty: twincast.Hub) -> None:
    class File:
        def read(self, size: int) -> bytes:
            raise PermissionError("no")

    with pytest.raises(PermissionError):
        empty.import_twins(File())


def test_a_cursor_is_read_on_the_thread_that_calls(empty: twincast.Hub) -> None:
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE twins (twin TEXT)")
        database.executemany("INSERT INTO twins VALUES (?)", [[line] for line in LINES])
        rows = database.execute("SELECT twin FROM twins")
        assert empty.import_twins(row[0] for row in rows) == 2
    database.close()


def test_an_iterable_may_use_the_hub(hub: twincast.Hub) -> None:
    def twins() -> Iterator[dict[str, Any]]:
        for n in range(100):
            yield {"deviceId": f"x{n}", "tags": {"so_far": len(hub.select("*"))}}

    assert hub.import_twins(twins()) == 100


def test_an_iterable_searches_in_parallel(python: Callable[..., subprocess.Popen[str]]) -> None:
    # The search needs the one thread of the pool, which must not wait for the iterable.
    process = python(
        """
        import os
        os.environ["RAYON_NUM_THREADS"] = "1"
        import twincast
        hub = twincast.Hub()
        for part in "ab":
            hub.import_twins({"deviceId": f"{part}{n}", "tags": {"t": "xy"}} for n in range(5000))

        def twins():
            for n in range(50_000):
                if n % 10_000 == 0:
                    assert len(hub.select("LENGTH(tags.t) = 2")) == 10_000
                yield {"deviceId": f"c{n}", "tags": {"t": "x" * 4000}}

        print(hub.import_twins(twins()))
        """
    )
    with process:
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert out == "50000\n", err


def test_words_for_errors_are_checked(empty: twincast.Hub) -> None:
    with pytest.raises(twincast.ValidationError, match="'stop' or 'skip'"):
        empty.import_twins([], on_error="ignore")  # type: ignore[call-overload]


def table(pyarrow: Any) -> Any:
    return pyarrow.table(
        {
            "deviceId": ["a", "b"],
            "tags": [{"n": 1, "s": None, "list": [1, 2]}, {"n": 2, "s": "x", "list": None}],
            "properties": ['{"desired": {"i":\n 1}}', None],
            "status": pyarrow.array(["enabled", "disabled"]).dictionary_encode(),
            "version": pyarrow.array([5, 6], "int16"),
        }
    )


ARROW: dict[str, Callable[[Any], Any]] = {
    "table": table,
    "batch": lambda pyarrow: table(pyarrow).to_batches()[0],
    "reader": lambda pyarrow: table(pyarrow).to_reader(),
    "polars": lambda pyarrow: pytest.importorskip("polars").DataFrame(table(pyarrow)),
    "empty batches": lambda pyarrow: pyarrow.concat_tables(
        [table(pyarrow).slice(0, 0), table(pyarrow)]
    ),
}


@pytest.mark.parametrize("kind", ARROW)
def test_tables_are_imported(empty: twincast.Hub, kind: str) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    assert empty.import_twins(ARROW[kind](pyarrow)) == 2
    first, second = empty.twin("a"), empty.twin("b")
    assert first["tags"] == {"n": 1, "list": [1, 2]}
    assert second["tags"] == {"n": 2, "s": "x"}
    assert first["properties"]["desired"]["i"] == 1
    assert (second["status"], second["version"]) == ("disabled", 6)


def test_a_data_frame_is_imported(empty: twincast.Hub) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"deviceId": ["a"], "tags": [{"n": 1.5}]})
    assert empty.import_twins(frame) == 1
    assert empty.twin("a")["tags"] == {"n": 1.5}


def test_bad_rows_of_tables_are_named(empty: twincast.Hub) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    data = pyarrow.table(
        {"deviceId": ["a", "b", "c"], "tags": [{"x": 1.5}, {"x": float("nan")}, {"x": 2.0}]}
    )
    report = empty.import_twins(data, on_error="skip")
    assert report.imported == 2
    assert [error.line for error in report.errors] == [2]
    assert "tags.x: NaN" in report.errors[0].reason
    with pytest.raises(twincast.ValidationError, match=r"line 2: tags\.x"):
        empty.import_twins(data)
    with pytest.raises(twincast.ValidationError, match="tags: the text is not JSON"):
        empty.import_twins(pyarrow.table({"deviceId": ["a"], "tags": ["nonsense"]}))
    with pytest.raises(twincast.ValidationError, match=r"tags\.x.*has no counterpart"):
        empty.import_twins(pyarrow.table({"deviceId": ["a"], "tags": [{"x": b"raw"}]}))
    with pytest.raises(twincast.ValidationError, match="no columns"):
        empty.import_twins(pyarrow.array([1, 2]))


def test_times_become_text(empty: twincast.Hub) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from datetime import UTC, date, datetime

    tags = {"at": datetime(2026, 1, 2, 3, 4, 5, 600000, tzinfo=UTC), "day": date(1969, 12, 31)}
    assert empty.import_twins(pyarrow.Table.from_pylist([{"deviceId": "a", "tags": tags}])) == 1
    assert empty.twin("a")["tags"] == {"at": "2026-01-02T03:04:05.6000000Z", "day": "1969-12-31"}


@hypothesis.given(st.lists(st.binary(max_size=60), max_size=8))
@hypothesis.settings(max_examples=100, deadline=None)
def test_any_bytes_are_refused_or_taken(lines: list[bytes]) -> None:
    with twincast.Hub() as hub:
        report = hub.import_twins(io.BytesIO(b"\n".join(lines)), on_error="skip")
        assert report.imported == len(hub)


def test_generated_fleets_are_reproducible(empty: twincast.Hub, tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    assert twincast.generate_fleet(small, 100, seed=7) == small.stat().st_size
    twincast.generate_fleet(str(large), 200, seed=7, progress=False)
    assert large.read_bytes().startswith(small.read_bytes())
    assert empty.import_twins(large) == 200
    with pytest.raises(twincast.StorageError, match="nowhere"):
        twincast.generate_fleet("/nowhere/fleet", 1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not say")
def test_the_buffers_of_an_import_are_given_back(tmp_path: Path) -> None:
    # In a process of its own: what this one has freed already would be used again.
    path = tmp_path / "fleet.ndjson"
    line = '{{"deviceId": "d{}"}}' + " " * 4000
    path.write_text("\n".join(map(line.format, range(12_000))))
    code = f"""
import twincast

def resident():
    with open("/proc/self/status") as status:
        (line,) = (line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024

with twincast.Hub() as hub:
    hub.import_twins(["{{\\"deviceId\\": \\"first\\"}}"])
    before = resident()
    hub.import_twins({str(path)!r}, progress=False)
    print(resident() - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 16 << 20, "the file has 48 MB"
