"""Children made by fork, and the end of the interpreter."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Start = Callable[..., subprocess.Popen[str]]


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    try:
        out, err = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"it hangs: {out} {err}") from None
    assert process.returncode == 0, err
    return out, err


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_forked_child_is_told_at_once(python: Start) -> None:
    out, _ = finish(
        python(
            """
            import os, sys, twincast
            hub = twincast.Hub()
            hub.import_twins({"deviceId": f"d{n}"} for n in range(10))
            selection = hub.select("*")
            table = hub.query("SELECT * FROM devices")
            job = hub.schedule_twin_update("j", {"tags": {"a": 1}}, condition="*")
            calls = [lambda: len(hub), lambda: hub.twin("d1"), selection.device_ids,
                     table.to_pylist, job.wait, lambda: job.status, twincast.Hub]
            child = os.fork()
            if child == 0:
                told = 0
                for call in calls:
                    try:
                        call()
                    except twincast.EngineError as error:
                        told += "forked" in str(error)
                del job, hub, selection, table
                print(told, len(calls), flush=True)
                sys.exit(0)
            assert os.waitpid(child, 0)[1] == 0
            assert job.wait(30) and len(hub) == 10
            print("parent unharmed")
            """
        )
    )
    assert out.splitlines() == ["7 7", "parent unharmed"]


SPAWN = """
import multiprocessing
import twincast

def work(device_id):
    with twincast.Hub() as hub:
        hub.create_device(device_id)
        return hub.select("*").device_ids()

if __name__ == "__main__":
    with twincast.Hub() as hub:
        hub.create_device("d1")
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.apply(work, ["d2"]), hub.select("*").device_ids())
"""


def test_spawn_works(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SPAWN)
    command = [sys.executable, str(script)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (run.stdout, run.stderr) == ("['d2'] ['d1']\n", "")


@pytest.mark.parametrize(
    "handler", ["time.sleep(600)", "[0 for _ in iter(int, 1)]", "hub.twin(device_id)"]
)
def test_the_interpreter_ends_with_a_live_hub(python: Start, handler: str) -> None:
    process = python(
        f"""
        import sys, time, twincast
        hub = twincast.Hub()
        hub.import_twins({{"deviceId": f"d{{n}}"}} for n in range(1000))
        hub.on_method("m", lambda device_id, payload: {handler})
        job = hub.schedule_method("j", "m", condition="*")
        job.wait(0.3)
        print(time.time(), flush=True)
        """
    )
    out, err = finish(process)
    assert time.time() - float(out) < 5
    assert err == ""
