"""Scheduling, waiting, cancelling, results."""

import threading
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
import twincast

FAR = "2999-01-01T00:00:00Z"


def test_an_update_reaches_every_twin_once(thousand: twincast.Hub) -> None:
    job = thousand.schedule_twin_update(
        "j1", {"properties": {"desired": {"interval": 5}}}, condition="tags.n < 300"
    )
    assert job.wait(timeout=30)
    assert job.status == "completed"
    assert job.statistics.to_dict() == {
        "deviceCount": 300,
        "failedCount": 0,
        "succeededCount": 300,
        "runningCount": 0,
        "pendingCount": 0,
    }
    desired = thousand.twin("n0299")["properties"]["desired"]
    assert (desired["interval"], desired["$version"]) == (5, 2)
    assert len(thousand.select("properties.desired.interval = 5")) == 300


def test_the_job_as_rest_writes_it(hub: twincast.Hub) -> None:
    job = hub.schedule_method("j1", "m", {"a": 1}, condition="tags.floor > 1", start_time=FAR)
    record = job.to_dict()
    assert record["jobId"] == "j1"
    assert record["type"] == "scheduleDeviceMethod"
    assert record["queryCondition"] == "tags.floor > 1"
    assert record["cloudToDeviceMethod"]["payload"] == {"a": 1}
    assert record["startTime"].startswith("2999-01-01T00:00:00")
    assert "endTime" not in record


@pytest.mark.parametrize(
    "start_time",
    [
        datetime(2999, 1, 1, 12),
        datetime(2999, 1, 1, 12, tzinfo=UTC),
        datetime(2999, 1, 1, 14, tzinfo=timezone(timedelta(hours=2))),
        datetime(2999, 1, 1, 12, 30, 15, tzinfo=timezone(timedelta(minutes=30, seconds=15))),
        "2999-01-01T12:00:00",
        "2999-01-01T14:00:00+02:00",
    ],
)
def test_times_mean_the_same_moment(hub: twincast.Hub, start_time: datetime | str) -> None:
    job = hub.schedule_twin_update("j", {"tags": {}}, condition="*", start_time=start_time)
    assert job.to_dict()["startTime"].startswith("2999-01-01T12:00:00")


@pytest.mark.parametrize(
    ("start_time", "error"),
    [("tomorrow", twincast.ValidationError), (1234567890, TypeError)],
)
def test_other_times_are_refused(
    hub: twincast.Hub, start_time: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        hub.schedule_twin_update("j", {"tags": {}}, condition="*", start_time=start_time)


def test_a_job_waits_for_its_time(hub: twincast.Hub) -> None:
    start = datetime.now(UTC) + timedelta(seconds=0.4)
    job = hub.schedule_twin_update("j", {"tags": {"a": 1}}, condition="*", start_time=start)
    assert job.status in ("queued", "scheduled")
    assert job.statistics.device_count == 0
    assert job.wait(timeout=30)
    assert datetime.now(UTC) >= start


def test_waiting_gives_up(hub: twincast.Hub) -> None:
    job = hub.schedule_twin_update("j", {"tags": {"a": 1}}, condition="*", start_time=FAR)
    before = time.monotonic()
    assert job.wait(timeout=0.1) is False
    assert job.wait(timeout=timedelta(milliseconds=50)) is False
    assert job.wait(timeout=0) is False
    assert 0.1 < time.monotonic() - before < 5


def test_a_cancelled_job_does_nothing(hub: twincast.Hub) -> None:
    job = hub.schedule_twin_update("j", {"tags": {"a": 1}}, condition="*", start_time=FAR)
    job.cancel()
    job.cancel()
    assert job.wait(timeout=10)
    assert job.status == "cancelled"
    assert hub.twin("d1")["tags"].get("a") is None


def test_a_finished_job_cannot_be_cancelled(hub: twincast.Hub) -> None:
    job = hub.schedule_twin_update("j", {"tags": {"a": 1}}, condition="*")
    assert job.wait(timeout=30)
    with pytest.raises(twincast.NotAllowedError, match="Completed"):
        job.cancel()


def test_a_running_job_is_cancelled(thousand: twincast.Hub) -> None:
    thousand.on_method("slow", lambda device_id, payload: time.sleep(0.01))
    job = thousand.schedule_method("j", "slow", condition="*")
    while job.statistics.succeeded_count == 0:
        time.sleep(0.01)
    job.cancel()
    assert job.wait(timeout=30)
    counts = job.statistics
    assert job.status == "cancelled"
    assert counts.pending_count > 0
    assert counts.device_count == 1000


def test_a_purged_job_is_gone_and_its_id_free(hub: twincast.Hub) -> None:
    job = hub.schedule_twin_update("j", {"tags": {"a": 1}}, condition="*")
    assert job.wait(timeout=30)
    results = job.results()
    hub.purge_job("j")
    assert hub.jobs() == []
    assert results["status"] == ["completed"] * 3
    for call in (lambda: job.status, job.wait, job.results, job.cancel, lambda: repr(job)):
        with pytest.raises(twincast.JobNotFoundError, match="`j`"):
            call()
    assert hub.schedule_twin_update("j", {"tags": {"a": 2}}, condition="*").wait(timeout=30)


def test_only_a_finished_job_is_purged(hub: twincast.Hub) -> None:
    job = hub.schedule_twin_update("j", {"tags": {"a": 1}}, condition="*", start_time=FAR)
    with pytest.raises(twincast.NotAllowedError, match=r"(?s)not finished.*hint: cancel it"):
        hub.purge_job("j")
    assert hub.job("j").status == job.status
    job.cancel()
    hub.purge_job("j")
    with pytest.raises(twincast.JobNotFoundError, match="`j`"):
        hub.purge_job("j")
    with pytest.raises(twincast.ValidationError):
        hub.purge_job("no good")
    with pytest.raises(TypeError, match="job_id"):
        hub.purge_job(None)  # type: ignore[arg-type]


def test_ids_are_taken_once(hub: twincast.Hub) -> None:
    hub.schedule_twin_update("j", {"tags": {"a": 1}}, condition="*")
    with pytest.raises(twincast.JobExistsError, match="j"):
        hub.schedule_method("j", "m", condition="*")
    with pytest.raises(twincast.ValidationError):
        hub.schedule_method("no good", "m", condition="*")
    made_up = hub.schedule_method(None, "m", condition="*")
    assert made_up.id
    assert hub.job(made_up.id).id == made_up.id


def test_jobs_are_found(hub: twincast.Hub) -> None:
    first = hub.schedule_twin_update("a", {"tags": {"a": 1}}, condition="*")
    assert first.wait(timeout=30)
    hub.schedule_method("b", "m", condition="*", start_time=FAR)
    assert [job.id for job in hub.jobs()] == ["b", "a"]
    assert [job.id for job in hub.jobs(type="scheduleUpdateTwin")] == ["a"]
    assert [job.id for job in hub.jobs(status="completed")] == ["a"]
    with pytest.raises(twincast.JobNotFoundError, match="nobody"):
        hub.job("nobody")
    with pytest.raises(twincast.ValidationError, match="hint"):
        hub.jobs(status="done")  # type: ignore[arg-type]
    with pytest.raises(twincast.ValidationError, match="scheduleUpdateTwin"):
        hub.jobs(type="update")  # type: ignore[arg-type]


def test_a_job_over_nothing_completes(hub: twincast.Hub) -> None:
    job = hub.schedule_method("j", "m", condition="deviceId = 'nobody'")
    assert job.wait(timeout=30)
    assert job.status == "completed"
    assert job.statistics.device_count == 0
    assert job.results().to_pylist() == []


def test_a_bad_job_is_refused_at_once(hub: twincast.Hub) -> None:
    with pytest.raises(twincast.ConditionError):
        hub.schedule_twin_update("j", {"tags": {"a": 1}}, condition="tags.a = ")
    with pytest.raises(twincast.ValidationError, match=r"tags\.a"):
        hub.schedule_twin_update("j", {"tags": {"a": {1, 2}}}, condition="*")
    with pytest.raises(twincast.ValidationError, match="responseTimeoutInSeconds"):
        hub.schedule_method("j", "m", condition="*", response_timeout=1)
    assert hub.jobs() == []


def test_the_maximum_execution_time_ends_a_job(hub: twincast.Hub) -> None:
    hub.on_method("hang", lambda device_id, payload: time.sleep(3))
    before = time.monotonic()
    job = hub.schedule_method("j", "hang", condition="*", max_execution_time=1)
    assert job.wait(timeout=30)
    assert time.monotonic() - before < 2.5
    assert job.status == "completed"
    assert job.statistics.failed_count == 3


def test_statistics_are_values(hub: twincast.Hub) -> None:
    job = hub.schedule_twin_update("j", {"tags": {"a": 1}}, condition="*")
    assert job.wait(timeout=30)
    assert job.statistics == hub.job("j").statistics
    assert "succeeded_count=3" in repr(job.statistics)


def test_it_shows_itself(hub: twincast.Hub) -> None:
    job = hub.schedule_twin_update("j", {"tags": {"a": 1}}, condition="tags.floor < 5")
    assert job.wait(timeout=30)
    assert repr(job) == "Job('j', completed, 2 of 2 devices done, 0 failed)"
    html = job._repr_html_()
    assert "tags.floor &lt; 5" in html
    assert "scheduleUpdateTwin" in html


def test_simulated_devices_answer(thousand: twincast.Hub) -> None:
    fleet = twincast.SimulatedFleet(
        seed=3, latency=0.001, latency_p99=0.01, offline=0.1, failures=0.1
    )
    thousand.simulate_devices(fleet)
    job = thousand.schedule_method("j", "reboot", condition="*")
    assert job.wait(timeout=60)
    counts = job.statistics
    assert counts.succeeded_count + counts.failed_count == 1000
    assert 50 < counts.failed_count < 150
    codes = {row["errorCode"] for row in job.results() if row["status"] == "failed"}
    assert codes == {"404103"}


def test_a_simulated_fleet_is_a_value() -> None:
    fleet = twincast.SimulatedFleet(seed=3, latency=timedelta(milliseconds=20))
    assert fleet == twincast.SimulatedFleet(3, 0.02)
    assert fleet.latency == 0.02
    assert eval(repr(fleet), {"SimulatedFleet": twincast.SimulatedFleet}) == fleet
    with pytest.raises(twincast.ValidationError, match="offline"):
        twincast.SimulatedFleet(offline=5)
    with pytest.raises(twincast.ValidationError, match="latency_p99"):
        twincast.SimulatedFleet(latency=2)


def test_a_job_shows_what_failed_and_what_is_left(hub: twincast.Hub) -> None:
    def answer(device_id: str, payload: object) -> None:
        if device_id == "d1":
            raise ValueError("no")

    hub.on_method("m", answer)
    job = hub.schedule_method("j", "m", condition="*")
    assert job.wait(timeout=30)
    assert repr(job) == "Job('j', completed, 3 of 3 devices done, 1 failed)"
    assert "3 of 3 devices done, 1 failed" in job._repr_html_()

    hold = threading.Event()
    hub.on_method("slow", lambda device_id, payload: hold.wait(60))
    slow = hub.schedule_method("k", "slow", condition="*")
    try:
        while slow.statistics.running_count < 3:
            time.sleep(0.01)
        assert repr(slow) == "Job('k', running, 0 of 3 devices done, 0 failed, 3 running)"
        assert "0 failed, 3 running" in slow._repr_html_()
    finally:
        hold.set()
    assert slow.wait(timeout=30)
