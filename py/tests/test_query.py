"""Queries over twins and over job results."""

import pytest
import twincast


def test_a_projection_leaves_out_what_is_not_there(hub: twincast.Hub) -> None:
    hub.update_twin("d2", {"tags": {"floor": None}})
    table = hub.query("SELECT deviceId, tags.floor AS floor FROM devices")
    assert table.to_pylist() == [
        {"deviceId": "d1", "floor": 1},
        {"deviceId": "d2"},
        {"deviceId": "d3", "floor": 7},
    ]
    assert table["floor"] == [1, None, 7]


def test_groups_are_counted(hub: twincast.Hub) -> None:
    table = hub.query("SELECT tags.site AS site, COUNT() AS n FROM devices GROUP BY tags.site")
    assert {row["site"]: row["n"] for row in table} == {"oslo": 2, "bergen": 1}


def test_aggregates(hub: twincast.Hub) -> None:
    table = hub.query("SELECT SUM(tags.floor) AS s, MAX(tags.floor) AS m FROM devices")
    assert table.to_pylist() == [{"s": 10, "m": 7}]


def test_whole_twins(hub: twincast.Hub) -> None:
    table = hub.query("SELECT * FROM devices WHERE tags.floor = 7")
    assert table.to_pylist() == [hub.twin("d3")]


def test_results_of_jobs_are_rows(hub: twincast.Hub) -> None:
    job = hub.schedule_twin_update("j1", {"tags": {"a": 1}}, condition="tags.site = 'oslo'")
    assert job.wait(timeout=30)
    table = hub.query("SELECT * FROM devices.jobs WHERE devices.jobs.jobId = 'j1'")
    assert sorted(table["deviceId"]) == ["d1", "d2"]
    assert table["status"] == ["completed", "completed"]


def test_a_bad_query_is_explained(hub: twincast.Hub) -> None:
    with pytest.raises(twincast.ConditionError) as caught:
        hub.query("SELECT * FROM devices ORDER BY deviceId")
    assert caught.value.span is not None
    assert "^" in str(caught.value)
