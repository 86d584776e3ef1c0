"""The demo, small."""

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
