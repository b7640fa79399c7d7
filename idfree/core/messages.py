"""Warnings that are given once, however often a file is read."""

import logging

LOG = logging.getLogger("idfree")

given: set[str] = set()


def warn_once(message: str, *arguments: object) -> None:
    """Log a warning with the logger "idfree", unless it was logged before by this process."""
    text = message % arguments
    if text not in given:
        given.add(text)
        LOG.warning("%s", text)
