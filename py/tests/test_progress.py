"""Bars: in a terminal, in a notebook, and not otherwise."""

import io
import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import twincast
from twincast import _progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    bar = _progress.open_bar("Job j")
    assert bar is not None
    bar.update(250, 1000, "3 running")
    bar.update(1000, 1000, "0 running")
    bar.close()
    shown = sys.stderr.getvalue().split("\r")  # type: ignore[union-attr]
    assert "25%" in shown[1]
    assert "[######......" in shown[1]
    assert "100%" in shown[2]
    assert shown[2].endswith("\n")


def test_without_a_total_only_the_note_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    bar = _progress.open_bar("Importing")
    assert bar is not None
    bar.update(5, None, "5 twins")
    assert sys.stderr.getvalue() == "\rImporting  5 twins"  # type: ignore[union-attr]


@pytest.mark.parametrize("stream", [None, io.StringIO(), object()])
def test_nothing_is_shown_elsewhere(monkeypatch: pytest.MonkeyPatch, stream: object) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    assert _progress.open_bar("Job") is None


def test_a_closed_stream_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    assert _progress.open_bar("Job") is None


def test_a_long_wait_draws_a_bar(hub: twincast.Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    job = hub.schedule_twin_update(
        "j", {"tags": {}}, condition="*", start_time="2999-01-01T00:00:00Z"
    )
    monkeypatch.setattr(sys, "stderr", Terminal())
    job.wait(timeout=1.5)
    assert "Job j" in sys.stderr.getvalue()  # type: ignore[union-attr]
    monkeypatch.setattr(sys, "stderr", Terminal())
    job.wait(timeout=1.5, progress=False)
    job.wait(timeout=0.1)
    assert sys.stderr.getvalue() == ""  # type: ignore[union-attr]


def test_a_bar_has_the_title_that_it_is_given(
    hub: twincast.Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = hub.schedule_twin_update(
        "j", {"tags": {}}, condition="*", start_time="2999-01-01T00:00:00Z"
    )
    monkeypatch.setattr(sys, "stderr", Terminal())
    job.wait(timeout=1.5, progress="Building 43")
    shown = sys.stderr.getvalue()  # type: ignore[union-attr]
    assert "Building 43  " in shown
    assert "Job j" not in shown


def test_a_function_is_told_of_the_progress(hub: twincast.Hub, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []

    def tell(done: int, total: int | None) -> None:
        told.append((done, total))

    job = hub.schedule_twin_update(
        "j", {"tags": {}}, condition="*", start_time="2999-01-01T00:00:00Z"
    )
    assert job.wait(timeout=0.5, progress=tell) is False
    assert len(told) >= 2  # from the start, not after a second as a bar
    assert set(told) == {(0, None)}

    told.clear()
    job = hub.schedule_twin_update("k", {"tags": {"a": 1}}, condition="*")
    assert job.wait(timeout=30, progress=tell) is True
    assert told.pop() == (3, 3)

    hub.query("SELECT deviceId FROM devices", progress=tell)
    assert told.pop() == (3, 3)
    hub.query("SELECT deviceId FROM devices WHERE tags.floor = 7", progress=tell)
    assert told.pop() == (1, 1)

    file = tmp_path / "fleet.ndjson"
    twincast.generate_fleet(file, 1000, progress=tell)
    assert told.pop() == (1000, 1000)
    hub.import_twins(file, progress=tell)
    assert told.pop() == (file.stat().st_size, file.stat().st_size)
    line = b'{"deviceId": "x"}'
    hub.import_twins([line], progress=tell)
    assert told.pop() == (len(line) + 1, None)


def test_what_a_function_of_progress_raises_ends_the_call_alone(hub: twincast.Hub) -> None:
    def stop(done: int, total: int | None) -> None:
        raise LookupError("enough")

    job = hub.schedule_twin_update(
        "j", {"tags": {}}, condition="*", start_time="2999-01-01T00:00:00Z"
    )
    with pytest.raises(LookupError, match="enough"):
        job.wait(progress=stop)
    assert job.status in ("queued", "scheduled")
    job.cancel()

    endless = ({"deviceId": f"m{n % 1000}"} for n in itertools.count())
    with pytest.raises(LookupError, match="enough"):
        hub.import_twins(endless, progress=stop)
    assert len(hub) == 3


@pytest.mark.parametrize("progress", [1, 1.5, b"title", [], object()])
def test_other_progress_is_refused(hub: twincast.Hub, progress: Any) -> None:
    job = hub.schedule_twin_update("j", {"tags": {"a": 1}}, condition="*")
    calls: list[Callable[[], object]] = [
        lambda: job.wait(progress=progress),
        lambda: hub.query("SELECT deviceId FROM devices", progress=progress),
        lambda: hub.import_twins([], progress=progress),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"progress must be True, False, a title"):
            call()


def test_a_notebook_shows_progress_and_tables(tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    cells = [
        "import twincast; hub = twincast.Hub(); hub.create_device('d1')['deviceId']",
        "job = hub.schedule_twin_update('j', {'tags': {}}, condition='*',"
        " start_time='2999-01-01T00:00:00Z'); job.wait(1.5)",
        "hub.query('SELECT deviceId FROM devices')",
        "hub.select('*')",
        "hub",
        "job",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path), "JUPYTER_PLATFORM_DIRS": "1"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", environment)
        nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    outputs = [cell.outputs for cell in notebook.cells]
    assert any("<progress" in str(output) for output in outputs[1])
    for index in (2, 3, 4, 5):
        assert "text/html" in outputs[index][-1]["data"], cells[index]
