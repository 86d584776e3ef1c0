"""The same work on twincast, DuckDB and Polars, in one run and in turns.

`./x compare` runs it. docs/benchmarks.md says what is compared, and how that is made fair.
"""

import os

THREADS = 2
"""What every system gets."""

# Read when the libraries are first imported, which this package does only after this line.
os.environ["RAYON_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = str(THREADS)
