"""Ctrl-C ends every call that may last, soon, and leaves the hub usable."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

START = """
import io, itertools, signal, sys, time, twincast
# Who runs the tests in the background may have it ignored, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
hub = twincast.Hub()
hub.import_twins({"deviceId": f"n{n:06}", "tags": {"n": n}} for n in range(1000))
"""

END = """
try:
    print("ready", flush=True)
    call()
    print("it ended by itself")
except KeyboardInterrupt:
    print("interrupted", flush=True)
print(len(hub) >= 1000, flush=True)
hub.close()
"""

CALLS = {
    "wait": """
job = hub.schedule_twin_update("j", {"tags": {"a": 1}}, condition="*",
                               start_time="2999-01-01T00:00:00Z")
call = job.wait
""",
    "import of an endless iterable": """
twins = ({"deviceId": f"m{n % 1000}"} for n in itertools.count())
call = lambda: hub.import_twins(twins)
""",
    "import of an endless file": """
class Endless:
    def read(self, size):
        return b'{"deviceId": "m1"}\\n' * (size // 20)
call = lambda: hub.import_twins(Endless())
""",
    "import of a slow file": """
class Slow:
    def read(self, size):
        time.sleep(600)
call = lambda: hub.import_twins(Slow())
""",
    "import of a large file": """
twincast.generate_fleet(sys.argv[1], 200_000, progress=False)
call = lambda: hub.import_twins(sys.argv[1])
""",
    "rows": """
table = hub.query("SELECT * FROM devices")
def call():
    while True:
        table.to_pylist()
""",
    "selects": """
def call():
    while True:
        hub.select("tags.n > 500")
""",
    "queries of whole twins": """
lines = (b'{"deviceId":"q%d","tags":{"n":%d}}\\n' % (n, n) for n in range(120_000))
hub.import_twins(io.BytesIO(b"".join(lines)))
def call():
    while True:
        hub.query("SELECT * FROM devices")
""",
    "generate": """
call = lambda: twincast.generate_fleet(sys.argv[1], 100_000_000)
""",
}


@pytest.mark.parametrize("name", CALLS)
def test_ctrl_c(name: str, python: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    process = python(START + CALLS[name] + END, str(tmp_path / "fleet.ndjson"))
    assert process.stdout is not None
    with process:
        try:
            assert process.stdout.readline() == "ready\n", process.stderr and process.stderr.read()
            time.sleep(0.5)
            sent = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "interrupted\n"
            # The promise is 200 ms; a loaded machine gets more.
            assert time.monotonic() - sent < 2
            assert process.stdout.readline() == "True\n"
            assert process.wait(timeout=10) == 0
        finally:
            process.kill()


def test_an_interrupted_cell_leaves_its_job_to_the_next_one(tmp_path: Path) -> None:
    manager = pytest.importorskip("jupyter_client.manager")
    pytest.importorskip("ipykernel")
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path), "JUPYTER_PLATFORM_DIRS": "1"}
    kernel, client = manager.start_new_kernel(kernel_name="python3", env=environment)

    def run(cell: str, interrupt_at: str | None = None) -> tuple[str, str]:
        """The cell's output, and the exception that ended it."""
        shown: list[str] = []

        def show(message: dict[str, Any]) -> None:
            shown.append(message["content"].get("text", ""))
            nonlocal interrupt_at
            if interrupt_at is not None and interrupt_at in "".join(shown):
                interrupt_at = None
                kernel.interrupt_kernel()

        reply = client.execute_interactive(cell, timeout=60, output_hook=show)["content"]
        return "".join(shown), reply.get("ename", "")

    try:
        output, error = run("""
            import threading, twincast
            hold = threading.Event()
            hub = twincast.Hub()
            hub.import_twins({"deviceId": f"d{n}"} for n in range(3))
            hub.on_method("slow", lambda device_id, payload: hold.wait(60))
            job = hub.schedule_method("j", "slow", condition="*")
            while job.statistics.running_count < 3:
                pass
        """)
        assert (output.strip(), error) == ("", "")
        # The function is called from inside the wait, so the interrupt comes in there.
        tell = "lambda done, total: print('waiting', flush=True)"
        output, error = run(f"job.wait(progress={tell})", interrupt_at="waiting")
        assert error == "KeyboardInterrupt"
        output, error = run("print(job.status); job.cancel(); hold.set()")
        assert (output, error) == ("running\n", "")
        output, error = run("print(job.wait(30), job.status)")
        assert (output, error) == ("True cancelled\n", "")
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
