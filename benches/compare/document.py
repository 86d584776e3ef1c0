"""Puts the tables into docs/benchmarks.md, between the comments that mark their place."""

from __future__ import annotations

from pathlib import Path

FILE = Path(__file__).parent.parent.parent / "docs" / "benchmarks.md"


def write(devices: int, tables: str) -> None:
    """Replaces the tables for a fleet of this size."""
    begin, end = f"<!-- {devices:,} devices: begin -->", f"<!-- {devices:,} devices: end -->"
    text = FILE.read_text()
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{FILE.name} has no place for {devices:,} devices: `{begin}`, `{end}`")
    FILE.write_text(f"{before}{begin}\n\n{tables}\n{end}{after}")
