"""Whatever is given for an argument: a sentence that names it, and never a crash."""

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import twincast


class Raises:
    """An object whose every method raises."""

    def __str__(self) -> str:
        raise AssertionError("it was asked for its text")

    def __repr__(self) -> str:
        raise AssertionError("it was asked for its text")

    def __index__(self) -> int:
        raise ZeroDivisionError("own")

    def __float__(self) -> float:
        raise ZeroDivisionError("own")

    def __fspath__(self) -> str:
        raise ZeroDivisionError("own")


new_hub: Any = twincast.Hub


def later(device_id: str, payload: object) -> None:
    """A function, where none is wanted."""


HOSTILE: list[Any] = [
    None, 0, -1, 1 << 70, 10**5000, 1.5, math.nan, math.inf, True, "", "x", "\ud800", "a\0b",
    b"x", [], {}, (1,), {1: 2}, {"a": math.nan}, object(), Raises(), datetime(2999, 1, 1),
    timedelta(days=-1), later,
]  # fmt: skip

#: The arguments of each call that are known to be good.
CALLS: dict[str, dict[str, Any]] = {
    "Hub": {"retention": 5, "in_flight_max": 5, "job_in_flight_max": 5, "strict": False},
    "SimulatedFleet": {
        "seed": 1,
        "latency": 0.05,
        "latency_p99": 0.5,
        "offline": 0.05,
        "failures": 0.01,
        "no_reply": 0.0,
    },
    "generate_fleet": {"path": "fleet.ndjson", "devices": 1, "seed": 1, "progress": False},
    "import_twins": {"source": [], "on_error": "skip", "progress": False},
    "create_device": {
        "device_id": "d9",
        "tags": {},
        "desired": {},
        "reported": {},
        "status": "enabled",
    },
    "delete_device": {"device_id": "d1", "etag": "*"},
    "twin": {"device_id": "d1"},
    "update_twin": {"device_id": "d1", "patch": {"tags": {}}, "etag": None},
    "replace_twin": {"device_id": "d1", "twin": {"tags": {}}, "etag": None},
    "report_properties": {"device_id": "d1", "reported": {}},
    "select": {"condition": "*"},
    "query": {"query": "SELECT deviceId FROM devices", "progress": False},
    "explain": {"condition": "*"},
    "explain_device": {"condition": "*", "device_id": "d1"},
    "schedule_twin_update": {
        "job_id": None,
        "patch": {"tags": {}},
        "condition": "*",
        "start_time": "2999-01-01T00:00:00Z",
        "max_execution_time": 20,
    },
    "schedule_method": {
        "job_id": None,
        "method": "m",
        "payload": 1,
        "condition": "*",
        "response_timeout": 5,
        "connect_timeout": 5,
        "start_time": "2999-01-01T00:00:00Z",
        "max_execution_time": 20,
    },
    "job": {"job_id": "j"},
    "purge_job": {"job_id": "j"},
    "jobs": {"type": None, "status": None},
    "on_method": {"name": "m", "handler": later, "batch": False},
    "remove_method": {"name": "m"},
    "simulate_devices": {"fleet": twincast.SimulatedFleet()},
    "wait": {"timeout": 0, "progress": False},
    "sample": {"n": 1},
}


@pytest.fixture
def calls(hub: twincast.Hub) -> dict[str, Callable[..., Any]]:
    job = hub.schedule_twin_update("j", {"tags": {"a": 1}}, condition="*")
    assert job.wait(timeout=30)
    own: dict[str, Any] = {"wait": job.wait, "sample": hub.select("*").sample}
    return {
        name: own.get(name) or getattr(hub, name, None) or getattr(twincast, name) for name in CALLS
    }


@pytest.mark.parametrize(("name", "argument"), [(n, a) for n, all_ in CALLS.items() for a in all_])
def test_a_wrong_argument_is_named(
    name: str,
    argument: str,
    calls: dict[str, Callable[..., Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for value in HOSTILE:
        error = raised_by(calls[name], {**CALLS[name], argument: value})
        kind = "None" if value is None else type(value).__name__
        match error:
            case None:
                pass
            case ZeroDivisionError():
                assert isinstance(value, Raises)  # its own, passed on
            case TypeError():
                assert str(error).startswith(f"{argument} must be "), kind
                assert f", not {kind}" in str(error) or argument == "source"
            case twincast.TwincastError():
                assert len(str(error)) < 500
                # What is wrong with a text or a document, the engine says with its place.
                if isinstance(value, int | float | timedelta) and argument != "payload":
                    words = [argument, argument.title().replace("_", "")]  # ours, IoT Hub's
                    assert any(word.lower() in str(error).lower() for word in words)
            case OSError():
                assert argument == "source"
            case _:
                pytest.fail(f"{kind}: {error!r}")


def raised_by(call: Callable[..., Any], arguments: dict[str, Any]) -> Exception | None:
    try:
        call(**arguments)
    except Exception as error:
        return error
    return None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda hub: hub.twin(5), "device_id must be a str, not int"),
        (lambda hub: hub.twin(None), "device_id must be a str, not None"),
        (lambda hub: 5 in hub, "device_id must be a str, not int"),
        (lambda hub: hub.select(b"*"), "condition must be a str, not bytes"),
        (lambda hub: hub.update_twin("d1", None), "patch must be a dict, not None"),
        (lambda hub: hub.select("*").sample(1.0), "n must be an int, not float"),
        (lambda hub: new_hub(strict=1), "strict must be True or False, not int"),
        (lambda hub: new_hub(retention="1d"), "retention must be seconds or a timedelta, not"),
        (lambda hub: hub.query("x", progress=1), "progress must be True, False, a title or a"),
        (lambda hub: hub.simulate_devices(1), "fleet must be a SimulatedFleet, not int"),
        (lambda hub: hub.on_method("m", 1), "handler must be callable, not int"),
        (lambda hub: hub.query("SELECT deviceId FROM devices")[1.0], "a column's name or a row's"),
    ],
)
def test_wrong_types(call: Callable[[Any], Any], message: str, hub: twincast.Hub) -> None:
    with pytest.raises(TypeError) as caught:
        call(hub)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda hub: hub.select("*").sample(-1),
            "n is -1\nhint: use an int from 0 to 18446744073709551615",
        ),
        (
            lambda hub: twincast.Hub(in_flight_max=1 << 32),
            "in_flight_max is 4294967296\nhint: use an int from 0 to 4294967295",
        ),
        (
            lambda hub: twincast.Hub(retention=math.nan),
            "retention is nan seconds, which is no duration\nhint: use zero or more seconds",
        ),
        (
            lambda hub: hub.schedule_twin_update(
                None, {"tags": {}}, condition="*", start_time="tomorrow"
            ),
            "start_time: ",
        ),
        (lambda hub: twincast.SimulatedFleet(offline=10**400), "offline is too large a number"),
        (lambda hub: hub.twin("\ud800"), "device_id holds a lone surrogate"),
        (lambda hub: hub.jobs(status="done"), "status is \"done\"\nhint: use 'queued', "),
        (lambda hub: hub.jobs(type="x"), "type is \"x\"\nhint: use 'scheduleUpdateTwin'"),
        (lambda hub: hub.import_twins([], on_error=""), "on_error is \"\"\nhint: use 'stop' or"),
    ],
)
def test_wrong_values(call: Callable[[Any], Any], message: str, hub: twincast.Hub) -> None:
    with pytest.raises(twincast.ValidationError) as caught:
        call(hub)
    assert message in str(caught.value)


def test_a_column_that_is_not_there_is_named(hub: twincast.Hub) -> None:
    table = hub.query("SELECT deviceId, tags.floor FROM devices")
    with pytest.raises(KeyError, match=r"no column 'x'; there are 'deviceId', 'floor'"):
        table["x"]
    with pytest.raises(IndexError, match="row 3 of 3"):
        table[3]
    with pytest.raises(IndexError, match=f"row {1 << 80} of 3"):
        table[1 << 80]
