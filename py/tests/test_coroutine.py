"""Coroutine functions as handlers of direct methods, the hostile ones above all."""

import asyncio
import contextlib
import contextvars
import functools
import gc
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import twincast
from conftest import run_job

LONG = 30.0


def until(so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG
    while not so():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


def loops() -> int:
    return sum(thread.name == "twincast-loop" for thread in threading.enumerate())


def many(count: int) -> twincast.Hub:
    hub = twincast.Hub()
    hub.import_twins({"deviceId": f"d{number}"} for number in range(count))
    return hub


def test_a_coroutine_function_answers_each_device(hub: twincast.Hub) -> None:
    async def handler(device_id: str, payload: Any) -> Any:
        await asyncio.sleep(0)
        return (201, {"id": device_id, "got": payload})

    hub.on_method("m", handler)
    rows = run_job(hub, payload={"x": [1, None]})
    assert [row["deviceId"] for row in rows] == ["d1", "d2", "d3"]
    assert [row["responseStatus"] for row in rows] == [201] * 3
    assert rows[1]["responsePayload"] == {"id": "d2", "got": {"x": [1, None]}}


def test_methods_partials_and_objects_are_known_as_coroutine_functions(hub: twincast.Hub) -> None:
    class Answerer:
        async def method(self, device_id: str, payload: Any) -> Any:
            return "method"

        async def __call__(self, device_id: str, payload: Any) -> Any:
            return "object"

    async def three(extra: str, device_id: str, payload: Any) -> Any:
        return extra

    handlers: list[tuple[Any, str]] = [
        (Answerer().method, "method"),
        (Answerer(), "object"),
        (functools.partial(three, "partial"), "partial"),
    ]
    for number, (handler, answer) in enumerate(handlers):
        hub.on_method("m", handler)
        job = hub.schedule_method(f"job-{number}", "m", condition="*")
        assert job.wait(timeout=LONG)
        assert {row["responsePayload"] for row in job.results()} == {answer}


def test_many_wait_at_once_but_no_more_than_allowed() -> None:
    running = most = 0

    async def handler(device_id: str, payload: Any) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.002)
        running -= 1

    with many(3_000) as hub:
        hub.on_method("m", handler, concurrency=100)
        job = hub.schedule_method("j", "m", condition="*")
        assert job.wait(timeout=LONG)
        assert job.statistics.succeeded_count == 3_000
    assert most <= 100
    assert most > 50


def test_calls_wait_for_each_other() -> None:
    """All of them are under way at once, and none has a thread."""
    event: asyncio.Event | None = None
    waiting = 0

    async def handler(device_id: str, payload: Any) -> int:
        nonlocal event, waiting
        event = event or asyncio.Event()
        waiting += 1
        if waiting == 500:
            event.set()
        await event.wait()
        return waiting

    with many(500) as hub:
        hub.on_method("m", handler, concurrency=500)
        job = hub.schedule_method("j", "m", condition="*")
        assert job.wait(timeout=LONG)
        assert {row["responsePayload"] for row in job.results()} == {500}


@pytest.mark.parametrize(
    "raised",
    [
        ValueError("boom"),
        KeyboardInterrupt(),
        SystemExit(3),
        GeneratorExit(),
        asyncio.CancelledError("mine"),
    ],
)
def test_an_exception_fails_the_device_only(hub: twincast.Hub, raised: BaseException) -> None:
    async def handler(device_id: str, payload: Any) -> None:
        await asyncio.sleep(0)
        if device_id == "d2":
            raise raised

    hub.on_method("m", handler)
    for name in ("first", "again"):
        job = hub.schedule_method(name, "m", condition="*")
        assert job.wait(timeout=LONG)
        rows = sorted(job.results(), key=lambda row: str(row["deviceId"]))
        assert [row["status"] for row in rows] == ["completed", "failed", "completed"]
        assert type(raised).__name__ in rows[1]["errorDescription"]
        assert "test_coroutine.py, line" in rows[1]["errorDescription"]


def test_nonsense_fails_the_device(hub: twincast.Hub) -> None:
    async def handler(device_id: str, payload: Any) -> Any:
        return {1, 2} if device_id == "d2" else None

    hub.on_method("m", handler)
    rows = run_job(hub)
    assert [row["status"] for row in rows] == ["completed", "failed", "completed"]


def test_what_is_late_is_cancelled_and_fails_alone(hub: twincast.Hub) -> None:
    ended: list[str] = []

    async def handler(device_id: str, payload: Any) -> str:
        try:
            if device_id == "d1":
                await asyncio.Event().wait()
        finally:
            ended.append(device_id)
        return device_id

    hub.on_method("m", handler)
    job = hub.schedule_method("j", "m", condition="*", response_timeout=5)
    until(lambda: job.statistics.succeeded_count == 2)
    assert job.wait(timeout=LONG)
    row = next(row for row in job.results() if row["deviceId"] == "d1")
    assert row["errorCode"] == "504101"
    until(lambda: "d1" in ended)
    # The loop goes on.
    again = hub.schedule_method("again", "m", condition="deviceId != 'd1'")
    assert again.wait(timeout=LONG)
    assert again.statistics.succeeded_count == 2


def test_a_cancelled_job_makes_no_further_call() -> None:
    made = 0
    release = threading.Event()

    async def handler(device_id: str, payload: Any) -> None:
        nonlocal made
        made += 1
        while not release.is_set():
            await asyncio.sleep(0.001)

    with many(1_000) as hub:
        hub.on_method("m", handler, concurrency=20)
        job = hub.schedule_method("j", "m", condition="*")
        until(lambda: made > 0)
        job.cancel()
        after = made
        release.set()
        assert job.wait(timeout=LONG)
        assert made == after <= 20
        assert job.statistics.succeeded_count == made


def test_a_handler_uses_the_hub_and_replaces_itself(hub: twincast.Hub) -> None:
    async def second(device_id: str, payload: Any) -> str:
        return "second"

    async def first(device_id: str, payload: Any) -> Any:
        hub.report_properties(device_id, {"seen": True})
        hub.on_method("m", second)
        return hub.twin(device_id)["properties"]["reported"]["seen"]

    hub.on_method("m", first)
    assert [row["responsePayload"] for row in run_job(hub)] == [True] * 3
    job = hub.schedule_method("later", "m", condition="*")
    assert job.wait(timeout=LONG)
    assert {row["responsePayload"] for row in job.results()} == {"second"}


def test_closing_the_hub_cancels_what_runs_and_ends_the_thread() -> None:
    began, ended = threading.Event(), threading.Event()

    async def handler(device_id: str, payload: Any) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    until(lambda: loops() == 0)  # those of other tests
    hub = many(10)
    hub.on_method("m", handler)
    hub.schedule_method("j", "m", condition="*")
    assert began.wait(LONG)
    hub.close()
    assert ended.wait(LONG)
    until(lambda: loops() == 0)


def test_a_handler_closes_its_hub() -> None:
    async def handler(device_id: str, payload: Any) -> None:
        hub.close()

    until(lambda: loops() == 0)  # those of other tests
    hub = many(10)
    hub.on_method("m", handler)
    hub.schedule_method("j", "m", condition="*")
    until(lambda: loops() == 0)
    with pytest.raises(twincast.ClosedError):
        hub.twin("d1")


def hub_in_a_cycle() -> "weakref.ref[twincast.Hub]":
    hub = many(3)

    async def handler(device_id: str, payload: Any) -> int:
        return len(hub)

    hub.on_method("m", handler)
    assert hub.schedule_method("j", "m", condition="*").wait(timeout=LONG)
    return weakref.ref(hub)


def test_a_hub_that_only_its_handler_knows_is_collected() -> None:
    until(lambda: loops() == 0)  # those of other tests
    reference = hub_in_a_cycle()

    def collected() -> bool:
        gc.collect()
        return reference() is None and loops() == 0

    until(collected)


def test_what_does_not_fit_is_refused(hub: twincast.Hub) -> None:
    async def handler(device_id: str, payload: Any) -> None: ...

    def plain(device_id: str, payload: Any) -> None: ...

    refused: Any = hub.on_method
    for batch in (True, "arrow"):
        with pytest.raises(twincast.ValidationError, match="batch does not go with async def"):
            refused("m", handler, batch=batch)
    with pytest.raises(twincast.ValidationError, match="concurrency is 0"):
        refused("m", handler, concurrency=0)
    with pytest.raises(twincast.ValidationError, match="concurrency is -1"):
        refused("m", handler, concurrency=-1)
    with pytest.raises(TypeError, match="concurrency must be an int, not str"):
        refused("m", handler, concurrency="many")
    with pytest.raises(twincast.ValidationError, match="only for coroutine functions"):
        refused("m", plain, concurrency=5)


def test_concurrency_of_one_makes_one_call_after_the_other() -> None:
    running = 0

    async def handler(device_id: str, payload: Any) -> None:
        nonlocal running
        running += 1
        assert running == 1
        await asyncio.sleep(0)
        running -= 1

    with many(200) as hub:
        hub.on_method("m", handler, concurrency=1)
        job = hub.schedule_method("j", "m", condition="*")
        assert job.wait(timeout=LONG)
        assert job.statistics.succeeded_count == 200


def test_calls_that_ignore_being_cancelled_do_not_pile_up() -> None:
    release = threading.Event()

    async def handler(device_id: str, payload: Any) -> None:
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):  # which is what one must not do
                await asyncio.sleep(0.05)

    with many(4) as hub:
        hub.on_method("m", handler, concurrency=2)
        job = hub.schedule_method("j", "m", condition="*", response_timeout=5)
        assert job.wait(timeout=LONG)
        assert job.statistics.failed_count == 4
        again = hub.schedule_method("again", "m", condition="*", response_timeout=5)
        assert again.wait(timeout=LONG)
        reasons = {row["errorDescription"] for row in again.results()}
        assert any("ignore their time-out" in str(reason) for reason in reasons)
        release.set()


def test_jobs_do_not_share_what_one_may_have_at_once() -> None:
    event: asyncio.Event | None = None
    waiting = 0

    async def handler(device_id: str, payload: Any) -> None:
        nonlocal event, waiting
        event = event or asyncio.Event()
        waiting += 1
        if waiting == 10:
            event.set()
        await event.wait()

    with many(2) as hub:
        hub.on_method("m", handler, concurrency=2)
        jobs = [hub.schedule_method(f"j{number}", "m", condition="*") for number in range(5)]
        assert all(job.wait(timeout=LONG) for job in jobs)
        assert all(job.statistics.succeeded_count == 2 for job in jobs)


variable: contextvars.ContextVar[Any] = contextvars.ContextVar("variable", default="unset")


class Incomparable:
    def __eq__(self, other: object) -> bool:
        raise ValueError("the truth value of this is ambiguous")

    __hash__ = None  # type: ignore[assignment]


def test_a_context_variable_is_that_of_one_call(hub: twincast.Hub) -> None:
    async def handler(device_id: str, payload: Any) -> Any:
        found = type(variable.get()).__name__
        variable.set(Incomparable() if device_id == "d1" else device_id)
        await asyncio.sleep(0)
        return [found, type(variable.get()).__name__]

    hub.on_method("m", handler, concurrency=1)
    assert [row["responsePayload"][0] for row in run_job(hub)] == ["str"] * 3
    token = variable.set(Incomparable())
    hub.on_method("m", handler, concurrency=1)
    variable.reset(token)
    job = hub.schedule_method("inherits", "m", condition="*")
    assert job.wait(timeout=LONG)
    # Each call finds what was set where the handler was given, and nothing else.
    assert {row["responsePayload"][0] for row in job.results()} == {"Incomparable"}


def test_a_call_that_cancels_its_own_task_concerns_no_other(hub: twincast.Hub) -> None:
    async def handler(device_id: str, payload: Any) -> str:
        task = asyncio.current_task()
        assert task is not None
        if device_id == "d1":
            task.cancel()  # and answers before that comes through
        await asyncio.sleep(0)
        return device_id

    async def never_waits(device_id: str, payload: Any) -> str:
        task = asyncio.current_task()
        assert task is not None
        if device_id == "d1":
            task.cancel()
            return device_id
        await asyncio.sleep(0)
        return device_id

    hub.on_method("m", handler, concurrency=1)
    rows = run_job(hub)
    assert [row["status"] for row in rows] == ["failed", "completed", "completed"]
    hub.on_method("m", never_waits, concurrency=1)
    job = hub.schedule_method("again", "m", condition="*")
    assert job.wait(timeout=LONG)
    assert job.statistics.succeeded_count == 3


def test_a_task_that_is_cancelled_after_its_call_concerns_no_other(hub: twincast.Hub) -> None:
    tasks: list[asyncio.Task[Any]] = []

    async def handler(device_id: str, payload: Any) -> str:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        await asyncio.sleep(0.01)  # so that each call has a task of its own
        return device_id

    def cancel_all() -> None:
        for task in tasks:
            task.cancel()
        done.set()

    hub.on_method("m", handler)
    for name, condition in [("first", "*"), ("again", "deviceId = 'd1'")]:
        job = hub.schedule_method(name, "m", condition=condition)
        assert job.wait(timeout=LONG)
        assert job.statistics.failed_count == 0
        done = threading.Event()
        tasks[-1].get_loop().call_soon_threadsafe(cancel_all)  # while they wait for more
        assert done.wait(LONG)


@pytest.mark.parametrize("raised", [SystemExit(3), KeyboardInterrupt()])
def test_what_a_task_on_the_side_raises_does_not_end_the_loop(
    hub: twincast.Hub, raised: BaseException
) -> None:
    async def aside() -> None:
        raise raised

    async def handler(device_id: str, payload: Any) -> str:
        task = asyncio.create_task(aside())
        await asyncio.wait([task])
        return type(task.exception()).__name__

    hub.on_method("m", handler)
    rows = run_job(hub)
    assert {row["responsePayload"] for row in rows} == {type(raised).__name__}


def ended(program: str) -> tuple[int, str, str]:
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return run.returncode, run.stdout, run.stderr


@pytest.mark.parametrize("wait", ["await asyncio.sleep(3600)", "time.sleep(3600)"])
def test_the_program_ends_while_coroutines_run(wait: str) -> None:
    program = """
        import asyncio, threading, time, twincast
        hub = twincast.Hub()
        hub.import_twins({"deviceId": f"d{number}"} for number in range(5_000))
        began = threading.Event()

        async def handler(device_id, payload):
            began.set()
            WAIT

        hub.on_method("m", handler)
        hub.schedule_method("j", "m", condition="*")
        began.wait()
        print("ended")
    """
    assert ended(program.replace("WAIT", wait)) == (0, "ended\n", "")


def test_a_hub_that_closes_as_the_program_ends_stops_its_loop_once() -> None:
    program = """
        import asyncio, twincast
        for _ in range(20):
            hub = twincast.Hub()
            hub.create_device("d1")

            async def handler(device_id, payload):
                try:
                    await asyncio.sleep(60)
                finally:
                    await asyncio.sleep(0.01)

            hub.on_method("m", handler)
            hub.schedule_method("j", "m", condition="*")
            hub.on_method("m", handler)
            thread = next(iter(twincast._loop._threads))
            thread.stop()
            thread.stop()
            hub.close()
    """
    assert ended(program) == (0, "", "")


def test_calls_fail_once_the_loops_have_ended_with_the_program() -> None:
    program = """
        import atexit, twincast
        hub = twincast.Hub()
        hub.create_device("d1")

        @atexit.register
        def late():
            job = hub.schedule_method("j", "m", condition="*")
            print(job.wait(timeout=30), job.results()[0]["errorDescription"][:19])

        async def handler(device_id, payload):
            return 200, None

        hub.on_method("m", handler)
    """
    assert ended(program) == (0, "True the handler is gone\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_forked_child_leaves_the_loop_alone() -> None:
    program = """
        import asyncio, gc, os, sys, threading, twincast
        hub = twincast.Hub()
        hub.import_twins({"deviceId": f"d{number}"} for number in range(300))
        goes_on = False

        async def handler(device_id, payload):
            while not goes_on:
                await asyncio.sleep(0.01)
            return len(hub)

        hub.on_method("m", handler, concurrency=100)
        job = hub.schedule_method("j", "m", condition="*")
        for _ in range(5):
            child = os.fork()
            if child == 0:
                del job, hub, handler
                gc.collect()
                sys.exit(0)
            assert os.waitpid(child, 0)[1] == 0
        goes_on = True
        print(job.wait(timeout=30), job.statistics.succeeded_count)
    """
    assert ended(program) == (0, "True 300\n", "")
