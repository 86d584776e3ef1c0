"""The event loop on which a coroutine function answers a method, in a thread of its own."""

import asyncio
import atexit
import contextlib
import contextvars
import os
import socket
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

# How long a task makes one call after the other without a look at the rest of the loop, in seconds,
# and how many of them without a look at the clock.
_STRIDE = 0.005
_STRIDE_CALLS = 16
# How long a task that has nothing to do waits for more, in seconds.
_IDLE_MAX = 0.05
# How long what is cancelled may take to end, in seconds.
_PATIENCE = 1.0


class Calls(Protocol):
    """Calls that the engine hands over together; each is claimed when it is made."""

    timeout: float

    def __len__(self) -> int: ...
    def claim(self) -> tuple[int, str, Any] | None: ...
    def answer(self, position: int, answer: Any) -> bool: ...
    def fail(self, position: int, error: BaseException) -> bool: ...
    def refuse(self, reason: str) -> None: ...
    def leave(self) -> None: ...
    def flush(self) -> None: ...


class Inbox(Protocol):
    """Where the engine puts calls, without the interpreter; the bell is a socket to wait for."""

    def bell(self) -> int: ...
    def take(self) -> Calls | None: ...
    def close(self) -> None: ...


class Loop:
    """Makes the calls of an inbox at once, as many as the engine hands over.

    The thread and its loop know this object only weakly: while nothing is under way, a hub that
    is only reachable from its own handler can be collected.
    """

    def __init__(
        self,
        handler: Callable[[str, Any], Awaitable[Any]],
        inbox: Inbox,
        concurrency: int,
    ) -> None:
        self._handler = handler
        self._inbox = inbox
        # The engine does not count calls that are late. So many may go on all the same.
        self._late_max = concurrency
        self._late = 0
        self._waiting: deque[_Batch] = deque()
        # A loop knows its tasks only weakly.
        self._tasks: set[asyncio.Task[None]] = set()
        # Tasks that let others have a turn and then go on by themselves.
        self._striding = 0
        # Tasks that have nothing to do; to wake one takes half the time of making one.
        self._idle: list[asyncio.Future[None]] = []
        # The fewest of them since the last look at it.
        self._spare = 0
        self._timer: asyncio.TimerHandle | None = None
        self._context = contextvars.copy_context()
        self._thread = _Thread(inbox)
        self._loop = self._thread.loop
        # In no context: what ours refers to must not stay alive with the thread.
        contextvars.Context().run(self._thread.listen, weakref.ref(self))
        self._thread.start()
        self._finalizer = weakref.finalize(self, self._thread.stop)
        self._finalizer.atexit = False

    def close(self) -> None:
        """Cancel what runs and end the thread. Does not wait for it."""
        self._finalizer()

    def _take(self) -> None:
        while (calls := self._inbox.take()) is not None:
            if self._late >= self._late_max:
                calls.refuse(f"{self._late} calls of this handler ignore their time-out")
                continue
            batch = _Batch(calls)
            batch.timer = self._loop.call_later(calls.timeout, self._expire, batch)
            self._waiting.append(batch)
        if self._waiting:
            # A handler that never waits needs one task. One that does leaves calls behind, and
            # by the time that `_spread` runs the first task has come that far.
            self._add_tasks(1)
            self._loop.call_soon(self._spread)

    def _spread(self) -> None:
        if self._striding:
            self._loop.call_soon(self._spread)
        else:
            self._add_tasks(sum(len(batch.calls) for batch in self._waiting))

    def _add_tasks(self, count: int) -> None:
        while count > 0 and self._idle:
            count -= _wake(self._idle.pop())
        self._spare = min(self._spare, len(self._idle))
        for _ in range(count):
            context = self._context.copy()
            self._tasks.add(self._loop.create_task(self._work(), context=context))

    async def _work(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            while self._waiting and await self._make_calls(task):
                if self._timer is None:
                    self._timer = self._loop.call_later(_IDLE_MAX, self._dismiss)
                self._idle.append(self._loop.create_future())
                await self._idle[-1]
        finally:
            self._tasks.discard(task)
            # It may end with calls to make: what one left behind is not for the next one to find,
            # and a handler may have kept a task and cancel it between two calls.
            if self._waiting and not self._thread.is_stopping:
                self._add_tasks(1)

    def _dismiss(self) -> None:
        """End the tasks that had nothing to do for a while: they would keep this object alive."""
        for _ in range(self._spare):
            _wake(self._idle.pop())
        self._spare = len(self._idle)
        self._timer = None
        if self._idle:
            self._timer = self._loop.call_later(_IDLE_MAX, self._dismiss)

    async def _make_calls(self, task: "asyncio.Task[None]") -> bool:
        """Make one call after the other, as long as there are any; whether to use it again."""
        made = 0
        begun = time.monotonic()
        while self._waiting:
            batch = self._waiting[0]
            calls = batch.calls
            call = None if batch.is_late else calls.claim()
            if call is None:
                self._waiting.popleft()
                batch.settle()
                continue
            position, device_id, payload = call
            batch.tasks.add(task)
            try:
                answer = await self._handler(device_id, payload)
            except BaseException as error:
                if self._loop.is_closed():
                    raise  # GeneratorExit: the task is gone, and its loop with it
                # Also SystemExit and its like, which are the device's failure, not the loop's.
                # The engine has failed a late call already.
                is_first = not batch.is_late and calls.fail(position, error)
            else:
                is_first = calls.answer(position, answer)
            batch.tasks.discard(task)
            self._late -= batch.is_late
            batch.settle()
            if is_first:
                self._loop.call_soon(calls.flush)
            if task.cancelling() or not self._is_clean():
                return False
            made += 1
            if made % _STRIDE_CALLS == 0 and time.monotonic() - begun > _STRIDE:
                self._striding += 1
                try:
                    await asyncio.sleep(0)
                finally:
                    self._striding -= 1
                begun = time.monotonic()
        return True

    def _is_clean(self) -> bool:
        """Whether context variables are what they were; quick where none was set."""
        try:
            return contextvars.copy_context() == self._context
        except Exception:  # values need not be comparable
            return False

    def _expire(self, batch: "_Batch") -> None:
        """Cancel what is late; the engine's own clock says that it is."""
        batch.timer = None
        batch.is_late = True
        batch.calls.leave()
        self._late += len(batch.tasks)
        for task in batch.tasks:
            task.cancel()


def _rung(reference: "weakref.ref[Loop]", bell: socket.socket) -> None:
    with contextlib.suppress(BlockingIOError):
        bell.recv(4096)
    loop = reference()
    if loop is not None:
        loop._take()


def _wake(idle: "asyncio.Future[None]") -> bool:
    """Whether the task goes on; it does not if it was cancelled while it had nothing to do."""
    if idle.done():
        return False
    idle.set_result(None)
    return True


class _Batch:
    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        # Those that make one of the calls just now.
        self.tasks: set[asyncio.Task[None]] = set()
        self.timer: asyncio.TimerHandle | None = None
        self.is_late = False

    def settle(self) -> None:
        if self.timer is not None and not self.tasks and len(self.calls) == 0:
            self.timer.cancel()
            self.timer = None


class _Thread:
    """The thread of an event loop, and the bell that wakes it."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        # Only this kind of loop waits for sockets on all systems.
        windows = sys.platform == "win32"
        self.loop = asyncio.SelectorEventLoop() if windows else asyncio.new_event_loop()
        self.bell = socket.socket(fileno=inbox.bell())
        self.bell.setblocking(False)
        self.is_stopping = False
        self._thread = threading.Thread(target=self._run, name="twincast-loop", daemon=True)

    def listen(self, reference: "weakref.ref[Loop]") -> None:
        self.loop.add_reader(self.bell, _rung, reference, self.bell)

    def start(self) -> None:
        try:
            self._thread.start()
        except RuntimeError:  # there are too many threads
            self._close()
            raise
        _threads.add(self)

    def stop(self) -> None:
        with contextlib.suppress(RuntimeError):  # it is closed
            self.loop.call_soon_threadsafe(self._stop)

    def join(self, seconds: float) -> None:
        if self._thread is not threading.current_thread():
            self._thread.join(seconds)

    def _stop(self) -> None:
        # Only once: the hub and the end of the interpreter may both ask, and a second stop would
        # end the loop while it waits for what was cancelled.
        if not self.is_stopping:
            self.is_stopping = True
            self.loop.stop()

    def _run(self) -> None:
        try:
            while not self.is_stopping:
                # What a task raises that a handler started on the side does not end the loop.
                with contextlib.suppress(KeyboardInterrupt, SystemExit):
                    self.loop.run_forever()
            with contextlib.suppress(KeyboardInterrupt, SystemExit):
                self._cancel_all()
        finally:
            self._close()

    def _cancel_all(self) -> None:
        self.loop.remove_reader(self.bell)
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self.loop.run_until_complete(asyncio.wait(tasks, timeout=_PATIENCE))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())

    def _close(self) -> None:
        self._inbox.close()
        self.loop.close()
        self.bell.close()


# Those that may run. Weakly, since each knows by itself when to end.
_threads: "weakref.WeakSet[_Thread]" = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """End all threads, since none may be in Python when the interpreter ends."""
    threads = list(_threads)
    for thread in threads:
        thread.stop()
    until = time.monotonic() + 2 * _PATIENCE
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))


if hasattr(os, "register_at_fork"):
    # A child has none of these threads.
    os.register_at_fork(after_in_child=_threads.clear)
