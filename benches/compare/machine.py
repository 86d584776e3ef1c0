"""Where and with what was measured."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

from compare import THREADS


def describe() -> dict[str, str]:
    """A name and a value for each thing that the figures depend on."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    packages = ("twincast", "duckdb", "polars", "pyarrow", "numpy")
    return {
        "date": time.strftime("%d %B %Y"),
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{memory / (1 << 30):.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "threads": f"{THREADS} for each system",
        "versions": ", ".join(
            [f"Python {platform.python_version()}", *(f"{one} {version(one)}" for one in packages)]
        ),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
