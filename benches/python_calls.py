"""Throughput of Python handlers of direct methods: a job of a million calls through each form.

    .venv/bin/python benches/python_calls.py [--devices N] [--rounds N] [FORM...]

Build with ``./x run`` first: it installs the release build, the tests install a slow one. A line
is one form: the best and the median round, from ``schedule_method`` to the end of ``wait``, with
every outcome kept. Handlers answer a status alone unless their name says otherwise.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy
import pyarrow
import twincast


def device(device_id: str, payload: Any) -> Any:
    """Answer one device."""
    return 200, None


def device_payload(device_id: str, payload: Any) -> Any:
    """Answer one device with a payload of its own."""
    return 200, {"id": device_id}


def device_list(device_ids: Sequence[str], payload: Any) -> Any:
    """Answer a list."""
    return [(200, None) for _ in device_ids]


def device_list_payload(device_ids: Sequence[str], payload: Any) -> Any:
    """Answer a list with payloads of their own."""
    return [(200, {"id": device_id}) for device_id in device_ids]


def arrow_status(device_ids: twincast.DeviceIds, payload: Any) -> Any:
    """Answer all alike."""
    return 200


def arrow_columns(device_ids: twincast.DeviceIds, payload: Any) -> Any:
    """Take ids as an Arrow array, answer statuses as a NumPy array."""
    ids = pyarrow.array(device_ids)
    statuses = numpy.full(len(ids), 200, dtype=numpy.int32)
    statuses[::100] = 404
    return statuses, None


async def coroutine(device_id: str, payload: Any) -> Any:
    """Answer without a wait."""
    return 200, None


async def coroutine_turn(device_id: str, payload: Any) -> Any:
    """Answer after a turn of the event loop."""
    await asyncio.sleep(0)
    return 200, None


async def coroutine_sleep(device_id: str, payload: Any) -> Any:
    """Answer after a millisecond."""
    await asyncio.sleep(0.001)
    return 200, None


FORMS: dict[str, tuple[Any, dict[str, Any]]] = {
    "device": (device, {}),
    "device_payload": (device_payload, {}),
    "list": (device_list, {"batch": True}),
    "list_payload": (device_list_payload, {"batch": True}),
    "arrow_status": (arrow_status, {"batch": "arrow"}),
    "arrow_columns": (arrow_columns, {"batch": "arrow"}),
    "coroutine": (coroutine, {}),
    "coroutine_turn": (coroutine_turn, {}),
    "coroutine_sleep": (coroutine_sleep, {}),
}


def main() -> None:
    """Run what is named, or all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("forms", nargs="*", metavar="FORM", help=", ".join(FORMS))
    parser.add_argument("--devices", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with twincast.Hub() as hub:
        hub.import_twins(b'{"deviceId":"dev-%07d"}' % number for number in range(options.devices))
        for form in options.forms or FORMS:
            handler, how = FORMS[form]
            hub.on_method(form, handler, **how)
            times = []
            for number in range(options.rounds):
                start = time.perf_counter()
                name = f"{form.replace('_', '-')}-{number}"
                job = hub.schedule_method(name, form, condition="*")
                job.wait(progress=False)
                times.append(time.perf_counter() - start)
                assert job.statistics.succeeded_count == options.devices
            best, median = min(times), statistics.median(times)
            print(
                f"{form:16} {options.devices / best / 1e6:8.2f} M/s best,"
                f" {options.devices / median / 1e6:8.2f} M/s median"
            )


if __name__ == "__main__":
    main()
