"""The types that ship: complete, strict, and true to the module."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")
HERE = Path(__file__).parent


def check(*command: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_package_and_tests_pass_mypy_strict() -> None:
    check("mypy", "--strict", "python/twincast", "tests")


def test_stubs_agree_with_the_module() -> None:
    check("mypy.stubtest", "twincast", "--mypy-config-file", "pyproject.toml")


def test_stubs_carry_the_docstrings() -> None:
    check("stub_docs", "--check")
