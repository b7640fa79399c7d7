"""Exceptions for errors that users can correct."""

import re

MAX_LINE = 1000  # characters of a line of a message, which may quote a damaged file
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # in a terminal, they would be commands


class UserError(Exception):
    """An error that the user can correct. The message says what was found, what was expected, where, and what to do.

    The command line prints the message without a traceback and exits with status 2. Lines that quote too much are
    shortened, control characters replaced.
    """

    def __init__(self, message: str = ""):
        super().__init__("\n".join(map(shorten, UNPRINTABLE.sub("�", message).split("\n"))))


def describe_file_error(error: BaseException) -> str | None:
    """Message for an error of the file system that nobody has explained: file and reason; None for any other error."""
    if isinstance(error, OSError) and error.strerror:
        return ": ".join(str(part) for part in (error.filename, error.filename2, error.strerror) if part is not None)
    if isinstance(error, RuntimeError) and str(error).startswith("Symlink loop"):  # Path.resolve, before Python 3.13
        return str(error)
    return None


def first_line(error: BaseException) -> str:
    """The first line of an exception's message, its type if it has none."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


class MissingExtra(UserError):
    """An optional package is not installed; the message names the extra that installs it."""

    def __init__(self, package: str, extra: str, purpose: str):
        super().__init__(f"{purpose} needs the package {package}: pip install 'idfree[{extra}]'")


def shorten(line: str) -> str:
    """A line of a message, without its middle if it is longer than MAX_LINE."""
    return line if len(line) <= MAX_LINE else f"{line[: MAX_LINE * 2 // 3]} … {line[-MAX_LINE // 4 :]}"
