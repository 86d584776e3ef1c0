"""Python handlers of direct methods, the hostile ones above all."""

import json
import threading
import time
from array import array
from collections.abc import Callable
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest
import twincast
from conftest import run_job


def answer(row: dict[str, Any]) -> dict[str, Any]:
    return {"status": row["responseStatus"], "payload": row.get("responsePayload")}


def test_a_handler_answers_each_device(hub: twincast.Hub) -> None:
    hub.on_method("m", lambda device_id, payload: (201, {"id": device_id, "got": payload}))
    rows = run_job(hub, payload={"x": [1, None, 2.5]})
    assert [row["deviceId"] for row in rows] == ["d1", "d2", "d3"]
    assert answer(rows[0]) == {
        "status": 201,
        "payload": {"id": "d1", "got": {"x": [1, None, 2.5]}},
    }


@pytest.mark.parametrize(
    ("returned", "status", "payload"),
    [
        (None, 200, None),
        ({"a": 1}, 200, {"a": 1}),
        ([1, 2], 200, [1, 2]),
        ("text", 200, "text"),
        (7, 200, 7),
        ((404, None), 404, None),
        ((-5, "x"), -5, "x"),
    ],
)
def test_what_a_handler_may_return(
    hub: twincast.Hub, returned: Any, status: int, payload: Any
) -> None:
    hub.on_method("m", lambda device_id, _: returned)
    for row in run_job(hub):
        assert row["status"] == "completed"
        assert answer(row)["status"] == status
        assert answer(row)["payload"] == payload


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        ((200, {}, 1), "tuple of 3"),
        ((), "tuple of 0"),
        (("200", {}), "the status is str"),
        ((True, {}), "the status is bool"),
        ((1 << 40, {}), "32 bits"),
        ({1: 2}, "payload: a key is int"),
        ({"a": {1, 2}}, "payload.a: set"),
        ((200, float("inf")), "inf is not a JSON number"),
        ("x" * 200_000, "more than 131072"),
    ],
)
def test_nonsense_fails_the_device(hub: twincast.Hub, returned: Any, reason: str) -> None:
    hub.on_method("m", lambda device_id, _: returned if device_id == "d2" else None)
    rows = run_job(hub)
    assert [row["status"] for row in rows] == ["completed", "failed", "completed"]
    assert reason in rows[1]["errorDescription"]


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise ValueError("no text either")


@pytest.mark.parametrize(
    "raised", [ValueError("boom"), KeyboardInterrupt(), SystemExit(3), UnprintableError()]
)
def test_an_exception_fails_the_device(hub: twincast.Hub, raised: BaseException) -> None:
    def handler(device_id: str, payload: Any) -> Any:
        if device_id == "d2":
            raise raised

    hub.on_method("m", handler)
    rows = run_job(hub)
    assert [row["status"] for row in rows] == ["completed", "failed", "completed"]
    assert type(raised).__name__ in rows[1]["errorDescription"]
    assert "test_method.py, line" in rows[1]["errorDescription"]


def test_a_hang_fails_the_device_only(hub: twincast.Hub) -> None:
    release = threading.Event()

    def handler(device_id: str, payload: Any) -> Any:
        if device_id == "d1":
            release.wait(60)
        return device_id

    hub.on_method("m", handler)
    job = hub.schedule_method("j", "m", condition="*", response_timeout=5)
    deadline = time.monotonic() + 4
    while job.statistics.succeeded_count < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert job.statistics.succeeded_count == 2
    assert job.wait(timeout=30)
    release.set()
    row = next(row for row in job.results() if row["deviceId"] == "d1")
    assert row["errorCode"] == "504101"


def test_a_handler_uses_the_hub(hub: twincast.Hub) -> None:
    def handler(device_id: str, payload: Any) -> Any:
        hub.report_properties(device_id, {"seen": True})
        twin = hub.twin(device_id)
        hub.schedule_twin_update(f"from-{device_id}", {"tags": {"by": device_id}}, condition="*")
        return len(hub), twin["properties"]["reported"]["seen"], len(hub.select("*"))

    hub.on_method("m", lambda device_id, payload: list(handler(device_id, payload)))
    for row in run_job(hub):
        assert answer(row)["payload"] == [3, True, 3]
    assert len(hub.jobs(type="scheduleUpdateTwin")) == 3


def test_a_handler_waits_for_another_job(hub: twincast.Hub) -> None:
    hub.on_method("inner", lambda device_id, payload: "inner")

    def handler(device_id: str, payload: Any) -> Any:
        inner = hub.schedule_method(None, "inner", condition=f"deviceId = '{device_id}'")
        return inner.wait(timeout=20)

    hub.on_method("m", handler)
    assert [answer(row)["payload"] for row in run_job(hub)] == [True, True, True]


def test_a_handler_cancels_its_job(thousand: twincast.Hub) -> None:
    job: list[twincast.Job] = []
    ready = threading.Event()

    def handler(device_id: str, payload: Any) -> None:
        ready.wait(10)
        job[0].cancel()

    thousand.on_method("m", handler)
    job.append(thousand.schedule_method("j", "m", condition="*"))
    ready.set()
    assert job[0].wait(timeout=30)
    assert job[0].status == "cancelled"
    assert job[0].statistics.pending_count > 0


def test_a_handler_closes_the_hub() -> None:
    closed = threading.Event()
    hub = twincast.Hub()
    hub.create_device("d1")

    def handler(device_id: str, payload: Any) -> None:
        hub.close()
        closed.set()

    hub.on_method("m", handler)
    hub.schedule_method("j", "m", condition="*")
    assert closed.wait(20)
    with pytest.raises(twincast.ClosedError):
        len(hub)


def test_a_handler_removes_itself(hub: twincast.Hub) -> None:
    hub.on_method("m", lambda device_id, payload: hub.remove_method("m"))
    rows = run_job(hub)
    assert all(row["status"] == "completed" for row in rows)
    hub.remove_method("m")
    hub.remove_method("never was")


def test_a_method_without_handler_fails_as_offline(hub: twincast.Hub) -> None:
    for row in run_job(hub, "nobody-answers"):
        assert row["status"] == "failed"
        assert row["errorCode"] == "404103"


def test_the_newest_handler_answers(hub: twincast.Hub) -> None:
    hub.on_method("m", lambda device_id, payload: "old")
    hub.on_method("m", lambda device_id, payload: "new")
    assert {answer(row)["payload"] for row in run_job(hub)} == {"new"}


def test_handlers_must_be_callable(hub: twincast.Hub) -> None:
    with pytest.raises(TypeError, match="handler must be callable"):
        hub.on_method("m", "handler")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="batch must be"):
        hub.on_method("m", print, batch="columns")  # type: ignore[call-overload]


def test_payloads_are_not_shared_between_devices(hub: twincast.Hub) -> None:
    def handler(device_id: str, payload: Any) -> Any:
        payload["seen"].append(device_id)
        return payload

    hub.on_method("m", handler)
    for row in run_job(hub, payload={"seen": []}):
        assert answer(row)["payload"] == {"seen": [row["deviceId"]]}


# A handler that echoes shows that values cross the border both ways unchanged.
numbers = st.integers(-(1 << 63), (1 << 63) - 1) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@hypothesis.given(values)
@hypothesis.settings(max_examples=200, deadline=None)
def test_values_come_back_as_they_went(value: Any) -> None:
    with twincast.Hub() as hub:
        hub.create_device("d1")
        hub.on_method("m", lambda device_id, payload: (200, payload))
        (row,) = run_job(hub, payload=value)
        back = answer(row)["payload"]
        assert back == value
        assert json.dumps(back) == json.dumps(value)


def test_a_batch_handler_gets_many_devices(thousand: twincast.Hub) -> None:
    sizes = []

    def handler(device_ids: list[str], payload: Any) -> list[Any]:
        sizes.append(len(device_ids))
        return [(200, {"n": int(device_id[1:])}) for device_id in device_ids]

    thousand.on_method("m", handler, batch=True)
    rows = run_job(thousand)
    assert sum(sizes) == 1000
    assert max(sizes) > 1
    assert [answer(row)["payload"]["n"] for row in rows] == list(range(1000))


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (lambda ids, _: None, "expected a list of answers, not None"),
        (lambda ids, _: [1] * (len(ids) + 1), "answers came for"),
        (lambda ids, _: [], "0 answers came for"),
        (lambda ids, _: {}, "expected a list of answers, not dict"),
        (lambda ids, _: (200,) * len(ids), "expected a list of answers, not tuple"),
        (lambda ids, _: 1 / 0, "ZeroDivisionError"),
        (lambda: None, "TypeError"),
    ],
)
@pytest.mark.parametrize("batch", [True])
def test_a_batch_of_nonsense_fails_its_devices(
    hub: twincast.Hub, handler: Callable[..., Any], reason: str, batch: bool
) -> None:
    hub.on_method("m", handler, batch=True)
    for row in run_job(hub):
        assert row["status"] == "failed"
        assert reason in row["errorDescription"]


def test_one_bad_answer_of_a_batch_fails_one_device(hub: twincast.Hub) -> None:
    hub.on_method("m", lambda ids, _: [b"x" if i == "d2" else i for i in ids], batch=True)
    assert [row["status"] for row in run_job(hub)] == ["completed", "failed", "completed"]


STATUSES: list[Callable[[int], Any]] = [
    lambda n: 202,
    lambda n: [202] * n,
    lambda n: array("i", [202] * n),
    lambda n: array("q", [202] * n),
    lambda n: memoryview(array("H", [202] * n)),
    lambda n: pytest.importorskip("numpy").full(n, 202),
    lambda n: pytest.importorskip("numpy").full(2 * n, 202, "int16")[::2],
    lambda n: pytest.importorskip("pyarrow").array([202] * n),
    lambda n: pytest.importorskip("polars").Series([202] * n),
    lambda n: pytest.importorskip("pandas").Series([202] * n),
]


@pytest.mark.parametrize("statuses", STATUSES)
def test_statuses_come_in_any_column(hub: twincast.Hub, statuses: Callable[[int], Any]) -> None:
    hub.on_method("m", lambda ids, _: (statuses(len(ids)), None), batch="arrow")
    for row in run_job(hub):
        assert answer(row)["status"] == 202
        assert answer(row)["payload"] is None
    hub.on_method("m", lambda ids, _: statuses(len(ids)), batch="arrow")
    assert all(answer(row)["status"] == 202 for row in run_job(hub))


PAYLOADS: list[Callable[[list[str]], Any]] = [
    lambda texts: texts,
    lambda texts: tuple(texts),
    lambda texts: pytest.importorskip("pyarrow").array(texts),
    lambda texts: pytest.importorskip("pyarrow").array(texts, "large_string"),
    lambda texts: pytest.importorskip("pyarrow").array(texts, "string_view"),
    lambda texts: pytest.importorskip("polars").Series(texts),
]


@pytest.mark.parametrize("payloads", PAYLOADS)
def test_payloads_come_in_any_column(
    hub: twincast.Hub, payloads: Callable[[list[str]], Any]
) -> None:
    def handler(ids: twincast.DeviceIds, payload: Any) -> Any:
        return 200, payloads([json.dumps({"id": device_id}) for device_id in ids])

    hub.on_method("m", handler, batch="arrow")
    for row in run_job(hub):
        assert answer(row)["payload"] == {"id": row["deviceId"]}


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        ((200, ["1"]), "1 payloads for 3 statuses"),
        (([200], None), "1 answers came for 3"),
        ((200, ["{", "1", "2"]), "a payload is not JSON"),
        ((200, 5), "expected payloads, not int"),
        ((200, [5, 5, 5]), "a payload is int"),
        (([1.5] * 3, None), "the status is float"),
        ((array("d", [1.0] * 3), None), "not of integers"),
        ((array("q", [1 << 40] * 3), None), "does not fit 32 bits"),
        ((1, 2, 3), "tuple of 3"),
        ("nonsense", "status"),
        (object(), "expected statuses, not object"),
    ],
)
def test_nonsense_in_columns_fails_devices(hub: twincast.Hub, returned: Any, reason: str) -> None:
    hub.on_method("m", lambda ids, _: returned, batch="arrow")
    rows = run_job(hub)
    assert rows[0]["status"] == "failed"
    assert reason in rows[0]["errorDescription"]


def test_the_ids_of_a_batch_are_an_array(hub: twincast.Hub) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    seen: list[str] = []

    def handler(ids: twincast.DeviceIds, payload: Any) -> int:
        assert pyarrow.array(ids).to_pylist() == ids.to_pylist() == list(ids)
        assert ids[0] == ids.to_pylist()[0]
        assert ids[-1] == ids.to_pylist()[len(ids) - 1]
        with pytest.raises(IndexError):
            ids[len(ids)]
        seen.append(repr(ids))
        return 200

    hub.on_method("m", handler, batch="arrow")
    assert [row["status"] for row in run_job(hub)] == ["completed"] * 3
    assert seen[0].startswith("DeviceIds(")
