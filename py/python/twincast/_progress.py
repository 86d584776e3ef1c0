"""Progress of long calls: a line on the terminal, or an updating display in a notebook."""

from __future__ import annotations

import html
import shutil
import sys
import time
from typing import Any, Protocol, TextIO

__all__: list[str] = []


class Bar(Protocol):
    """What shows progress."""

    def update(self, done: int, total: int | None, note: str) -> None:
        """Show `done` of `total`, and a note of a few words."""

    def close(self) -> None:
        """Leave the last state on the screen."""


def open_bar(title: str) -> Bar | None:
    """A bar where somebody can see it; None where the output goes to a file or nowhere."""
    if _in_notebook():
        return NotebookBar(title)
    stream = sys.stderr
    try:
        is_terminal = stream is not None and not stream.closed and stream.isatty()
    except (ValueError, AttributeError):  # stderr is replaced by something simple
        return None
    return TerminalBar(title, stream) if is_terminal else None


def _in_notebook() -> bool:
    # Not imported: where IPython runs, it has been imported already.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and getattr(shell, "kernel", None) is not None


class _Rate:
    """How fast it goes, and how long it will take."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.first: int | None = None

    def text(self, done: int, total: int | None) -> str:
        elapsed = time.monotonic() - self.started
        if self.first is None:
            self.first = done
        moved = done - self.first
        if total is None or done >= total or moved <= 0 or elapsed < 0.5:
            return ""
        return f"{_seconds((total - done) * elapsed / moved)} left"


def _seconds(seconds: float) -> str:
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h"


def _share(done: int, total: int | None) -> float | None:
    return None if not total else min(done / total, 1.0)


class TerminalBar:
    """One line of text, written over itself."""

    def __init__(self, title: str, stream: TextIO) -> None:
        self._title = title
        self._stream = stream
        self._rate = _Rate()
        self._width = 0

    def update(self, done: int, total: int | None, note: str) -> None:
        share = _share(done, total)
        parts = [note, self._rate.text(done, total)]
        tail = ", ".join(part for part in parts if part)
        if share is None:
            line = f"{self._title}  {tail}"
        else:
            filled = round(share * 24)
            line = f"{self._title}  [{'#' * filled}{'.' * (24 - filled)}] {share:4.0%}  {tail}"
        line = line[: max(shutil.get_terminal_size().columns - 1, 20)]
        self._stream.write("\r" + line.ljust(self._width))
        self._stream.flush()
        self._width = len(line)

    def close(self) -> None:
        self._stream.write("\n")
        self._stream.flush()


class NotebookBar:
    """A display that is replaced in place."""

    def __init__(self, title: str) -> None:
        from IPython.display import HTML, display

        self._title = title
        self._html: Any = HTML
        self._rate = _Rate()
        self._handle: Any = display(HTML(""), display_id=True)

    def update(self, done: int, total: int | None, note: str) -> None:
        share = _share(done, total)
        parts = [note, self._rate.text(done, total)]
        tail = html.escape(", ".join(part for part in parts if part))
        value = "" if share is None else f' value="{share:.4f}"'
        percent = "" if share is None else f" {share:.0%}"
        self._handle.update(
            self._html(
                f"<div>{html.escape(self._title)} <progress max='1'{value}></progress>"
                f"{percent} <small>{tail}</small></div>"
            )
        )

    def close(self) -> None:
        """The last state stays as the cell's output."""
