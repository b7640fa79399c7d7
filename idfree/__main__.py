"""`python -m idfree` is `idfree`."""

import sys

from idfree.cli import main

sys.exit(main())
