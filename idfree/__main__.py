"""Makes `python -m idfree` the command `idfree`."""

import sys

from idfree.cli import main

sys.exit(main())
