"""How fast this machine reads memory: what no scan can be faster than.

The probe is the C library's `memchr` for a byte that is not there: the fastest reader at hand, a
loop of vector instructions that does nothing but load and compare. It is run on one thread over
an array far larger than every cache, and over one that fits into the last cache.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compare import THREADS

LARGE_BYTES = 512 << 20
# Half of the last cache: the rest is for whatever else the machine does.
CACHE_SHARE = 2
CACHE_BYTES_UNKNOWN = 8 << 20
REPEATS = 9


@dataclass(frozen=True)
class Bandwidth:
    """Bytes a second."""

    memory: float
    cache: float
    cache_bytes: int
    """The array that was read from the cache; what is not larger can stay there."""
    memory_all_threads: float
    """From memory, by as many threads as each system has."""

    def floor(self, touched: int) -> float:
        """The seconds in which one thread reads this many bytes, warm if they fit the cache."""
        return touched / (self.cache if touched <= self.cache_bytes else self.memory)


def measure() -> Bandwidth:
    """Measures it; takes about a second."""
    cache_bytes = _last_cache() // CACHE_SHARE
    large = np.ones(LARGE_BYTES, np.uint8)
    half = np.split(large, THREADS)
    with ThreadPoolExecutor(THREADS) as pool:
        together = _best(LARGE_BYTES, lambda: list(pool.map(_read, half)))
    return Bandwidth(
        memory=_best(LARGE_BYTES, lambda: _read(large)),
        cache=_best(cache_bytes, lambda: _read(large[:cache_bytes])),
        cache_bytes=cache_bytes,
        memory_all_threads=together,
    )


def _read(array: np.ndarray) -> None:
    found = _memchr(array.ctypes.data, 0, array.nbytes)
    assert found is None, "the array holds ones only"


def _best(size: int, run: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return size / min(times)


def _last_cache() -> int:
    sizes = [
        int(file.read_text().strip().removesuffix("K")) << 10
        for file in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")
    ]
    return max(sizes, default=CACHE_BYTES_UNKNOWN)


_memchr = ctypes.CDLL(None).memchr
_memchr.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
_memchr.restype = ctypes.c_void_p
