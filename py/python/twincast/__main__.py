"""`python -m twincast` runs the demo."""

import sys

from twincast.demo import main

if __name__ == "__main__":
    sys.exit(main())
