"""The demo, small."""

import re
from pathlib import Path

import pytest
from twincast import demo


def test_the_demo_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "fleet.ndjson"
    arguments = ["--devices", "2000", "--file", str(file), "--latency", "0.001"]
    assert demo.main(arguments) == 0
    out = capsys.readouterr().out
    assert "imported 2,000 twins" in out
    assert "completed: 2,000 devices" in out
    assert file.exists()


def test_a_bad_condition_is_an_error_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--devices", "10", "--condition", "tags.a == 1"]
    assert demo.main(arguments) == 1
    assert "^^" in capsys.readouterr().err


@pytest.mark.parametrize("devices", [10, 1000])
def test_a_small_fleet_is_asked_what_it_can_answer(
    devices: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.main(["--devices", str(devices), "--latency", "0.001"]) == 0
    asked = re.search(r"([\d,]+) of ([\d,]+) devices, asked once", capsys.readouterr().out)
    assert asked is not None
    assert int(asked[1]) > 0
    assert asked[2] == f"{devices:,}"
