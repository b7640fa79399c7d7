"""Warnings that are given once, however often a file is read."""

import logging
from functools import cache

LOG = logging.getLogger("idfree")


@cache
def warn_once(message: str, *arguments: object) -> None:
    """Log a warning with the logger "idfree", unless it was logged before by this process. arguments: hashable."""
    LOG.warning(message, *arguments)
