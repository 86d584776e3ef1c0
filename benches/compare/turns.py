"""Taking turns: each system works for a moment, then the next, and again from the start.

What the machine does meanwhile (other work, heat, a clock that changes) then falls on all alike.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

CONTENDER = 1.3
"""Of the ways of one system, those at most this much slower than its fastest in the warm-up take
part in the rounds: more would only pull the turns of the systems apart."""
TURN_SECONDS_MAX = 1.0


@dataclass(frozen=True)
class Way:
    """One way in which a system does a piece of work."""

    system: str
    name: str
    run: Callable[[], object]


@dataclass(frozen=True)
class Pace:
    """How long to measure."""

    rounds: int
    turn_seconds: float
    """A turn lasts at least so long..."""
    turn_runs: int
    """...and has at least so many runs, unless it lasts too long already."""


@dataclass
class Figures:
    """What was measured of one way."""

    system: str
    way: str
    seconds: list[float] = field(default_factory=list)
    """Of one run, the mean of each turn."""
    cpu_seconds: list[float] = field(default_factory=list)
    """The same for the time that all threads of the process worked."""
    fastest: float = float("inf")
    """The shortest single run."""

    @property
    def median(self) -> float:
        """The median over the turns, of one run."""
        return statistics.median(self.seconds)

    @property
    def cpu(self) -> float:
        """The median over the turns, of the processor's time for one run."""
        return statistics.median(self.cpu_seconds)


def alternate(ways: Sequence[Way], pace: Pace) -> list[Figures]:
    """Runs the ways in turns; for each system, the figures of its fastest way.

    The systems come in the order in which they first appear in `ways`.
    """
    contenders = _contenders(ways, pace)
    figures = [Figures(way.system, way.name) for way in contenders]
    gc.collect()
    gc.disable()
    try:
        for _ in range(pace.rounds):
            for way, one in zip(contenders, figures, strict=True):
                _turn(way.run, pace, one)
    finally:
        gc.enable()
    best: dict[str, Figures] = {}
    for one in figures:
        if one.system not in best or one.median < best[one.system].median:
            best[one.system] = one
    return list(best.values())


def _contenders(ways: Sequence[Way], pace: Pace) -> list[Way]:
    warm = Pace(1, 0.0, pace.turn_runs)
    trials = []
    for way in ways:
        trial = Figures(way.system, way.name)
        _turn(way.run, warm, trial)
        trials.append(trial)
    fastest: dict[str, float] = {}
    for trial in trials:
        fastest[trial.system] = min(trial.fastest, fastest.get(trial.system, trial.fastest))
    return [
        way
        for way, trial in zip(ways, trials, strict=True)
        if trial.fastest <= CONTENDER * fastest[way.system]
    ]


def _turn(run: Callable[[], object], pace: Pace, figures: Figures) -> None:
    runs = 0
    cpu = time.process_time()
    begin = now = time.perf_counter()
    while True:
        # The result of a run is dropped inside the measurement, for every system.
        run()
        before, now = now, time.perf_counter()
        runs += 1
        figures.fastest = min(figures.fastest, now - before)
        lasted = now - begin
        long_enough = lasted >= pace.turn_seconds and runs >= pace.turn_runs
        if long_enough or lasted >= TURN_SECONDS_MAX:
            break
    figures.seconds.append(lasted / runs)
    figures.cpu_seconds.append((time.process_time() - cpu) / runs)
