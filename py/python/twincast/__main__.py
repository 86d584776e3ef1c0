"""`python -m twincast` runs the demo."""

import sys

from twincast.demo import main

sys.exit(main())
