"""A small hub to test with, and what several tests share."""

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import twincast

TWINS: list[dict[str, Any]] = [
    {
        "deviceId": "d1",
        "tags": {"site": "oslo", "floor": 1},
        "properties": {"reported": {"firmware": "1.0"}},
    },
    {
        "deviceId": "d2",
        "tags": {"site": "oslo", "floor": 2},
        "properties": {"reported": {"firmware": "1.1"}},
    },
    {
        "deviceId": "d3",
        "tags": {"site": "bergen", "floor": 7},
        "properties": {"reported": {"firmware": "1.1"}},
    },
]


def small_hub() -> twincast.Hub:
    """The hub that the examples of the documentation start with."""
    hub = twincast.Hub()
    hub.import_twins(TWINS)
    return hub


@pytest.fixture
def hub() -> Iterator[twincast.Hub]:
    with small_hub() as hub:
        yield hub


@pytest.fixture
def thousand() -> Iterator[twincast.Hub]:
    """A hub of a thousand devices named n0000 to n0999."""
    with twincast.Hub() as hub:
        hub.import_twins({"deviceId": f"n{n:04}", "tags": {"n": n}} for n in range(1000))
        yield hub


def run_job(
    hub: twincast.Hub, method: str = "m", payload: Any = None, **more: Any
) -> list[dict[str, Any]]:
    """Calls a method on all devices and gives the rows of the results by device id."""
    job = hub.schedule_method(None, method, payload, condition="*", **more)
    assert job.wait(timeout=60), job
    return sorted(job.results().to_pylist(), key=lambda row: str(row["deviceId"]))


@pytest.fixture
def python() -> Callable[..., subprocess.Popen[str]]:
    """Starts a program in a Python of its own."""

    def start(code: str, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(code), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start
