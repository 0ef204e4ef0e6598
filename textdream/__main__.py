"""`python -m textdream`."""

import sys

from textdream.cli import main

sys.exit(main())
