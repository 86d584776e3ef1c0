"""Tables in Python, and on their way to pyarrow, polars and pandas."""

import gc
import threading
from typing import Any

import pytest
import twincast

QUERY = "SELECT deviceId, tags.floor AS floor FROM devices"


def test_rows_and_columns(hub: twincast.Hub) -> None:
    table = hub.query(QUERY)
    assert len(table) == 3
    assert table.columns == ["deviceId", "floor"]
    assert table[0] == {"deviceId": "d1", "floor": 1}
    assert table[-1] == table[2] == {"deviceId": "d3", "floor": 7}
    assert table["deviceId"] == ["d1", "d2", "d3"]
    assert list(table) == table.to_pylist() == [table[n] for n in range(3)]


@pytest.mark.parametrize(
    ("key", "error"),
    [
        (3, IndexError),
        (-4, IndexError),
        (1 << 80, Exception),
        ("nothing", KeyError),
        (1.0, TypeError),
        (slice(0, 1), TypeError),
    ],
)
def test_other_keys_are_refused(hub: twincast.Hub, key: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        hub.query(QUERY)[key]


def test_iteration_goes_over_pages(thousand: twincast.Hub) -> None:
    thousand.import_twins({"deviceId": f"x{n:05}"} for n in range(4000))
    table = thousand.query("SELECT deviceId FROM devices")
    assert len(table) == 5000
    assert [row["deviceId"] for row in table] == table["deviceId"]
    rows = iter(table)
    assert iter(rows) is rows
    assert next(rows) == table[0]


def test_threads_share_an_iterator(thousand: twincast.Hub) -> None:
    rows = iter(thousand.query("SELECT deviceId FROM devices"))
    seen: list[str] = []
    threads = [
        threading.Thread(target=lambda: seen.extend(row["deviceId"] for row in rows))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == len(set(seen)) == 1000


def test_a_table_outlives_its_hub() -> None:
    hub = twincast.Hub()
    hub.create_device("d1")
    table = hub.query("SELECT deviceId FROM devices")
    hub.close()
    del hub
    gc.collect()
    assert table.to_pylist() == [{"deviceId": "d1"}]


def test_pyarrow_reads_a_table(hub: twincast.Hub) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    table = hub.query(QUERY)
    arrow = table.to_arrow()
    assert arrow.to_pylist() == table.to_pylist()
    assert pyarrow.table(table) == arrow
    assert pyarrow.RecordBatchReader.from_stream(table).read_all() == arrow
    assert pyarrow.schema(table) == arrow.schema
    del table
    gc.collect()
    assert arrow.column("floor").to_pylist() == [1, 2, 7]


def test_polars_reads_a_table(hub: twincast.Hub) -> None:
    pytest.importorskip("polars")
    frame = hub.query(QUERY).to_polars()
    assert frame.columns == ["deviceId", "floor"]
    assert frame.to_dicts() == hub.query(QUERY).to_pylist()


def test_pandas_reads_a_table(hub: twincast.Hub) -> None:
    pytest.importorskip("pandas")
    frame = hub.query(QUERY).to_pandas()
    assert list(frame["floor"]) == [1, 2, 7]
    assert list(frame["deviceId"]) == ["d1", "d2", "d3"]


def test_an_empty_table_keeps_its_columns(hub: twincast.Hub) -> None:
    pytest.importorskip("pyarrow")
    table = hub.query(QUERY + " WHERE deviceId = 'nobody'")
    assert len(table) == 0
    assert list(table) == []
    assert table.to_arrow().column_names == ["deviceId", "floor"]


def test_results_of_a_job_are_columns(hub: twincast.Hub) -> None:
    pytest.importorskip("pyarrow")
    job = hub.schedule_twin_update("j", {"tags": {"a": 1}}, condition="*")
    assert job.wait(timeout=30)
    results = job.results()
    assert results.columns[:2] == ["deviceId", "status"]
    assert results["status"] == ["completed"] * 3
    assert results.to_arrow().num_rows == 3


def test_it_shows_itself(hub: twincast.Hub) -> None:
    table = hub.query(QUERY)
    text = repr(table)
    assert "deviceId" in text
    assert "d3" in text
    html = table._repr_html_()
    assert "<table" in html
    assert "d3" in html


def test_an_unused_capsule_is_released(hub: twincast.Hub) -> None:
    for _ in range(100):
        hub.query(QUERY).__arrow_c_stream__()
        hub.select("*").__arrow_c_array__()
        hub.query(QUERY).__arrow_c_schema__()
    gc.collect()
