"""Ctrl-C ends every call that may last, soon, and leaves the hub usable."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

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
