"""What the commands `idfree` and `idfree-experiments` share: error messages, exit statuses, interruption by signals.

Exit status: 0 done, 2 a user's error, 130 by Ctrl-C, 143 by SIGTERM.
"""

import argparse
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from idfree.core.errors import UserError, describe_file_error
from idfree.core.files import WRITE_ERRORS, empty_folders_removed

USER_ERROR, INTERRUPTED, TERMINATED = 2, 130, 143
LARGEST_SEED = 2**32 - 1  # of the random generators of NumPy, PyTorch and Optuna alike


class Parser(argparse.ArgumentParser):
    """ArgumentParser whose error messages are one line with a reference to the --help of the command."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As ArgumentParser's; but unknown options of a command are an error of that command, not of the program."""
        found, others = super().parse_known_args(args, namespace)
        if others:
            self.error(f"unrecognized arguments: {' '.join(others)}")
        return found, others

    def error(self, message: str) -> NoReturn:
        """Print the message on stderr, and exit with status 2."""
        self.exit(USER_ERROR, f"{self.prog.split()[0]}: {message} (see {self.prog} --help)\n")


def run_command(program: str, command: Callable[[], None]) -> int:
    """Run a command of a program; return the exit status. Errors of the user, warnings and interruptions are told.

    A command that ends with an error leaves no empty folder that it made.

    All lines on stderr begin with the name of the program; only errors of the program itself are raised.
    """
    logging.basicConfig(format=f"{program}: %(message)s", level=logging.WARNING, stream=sys.stderr, force=True)
    with terminations() as received:
        try:
            with empty_folders_removed():
                command()
            flush_stdout()
            return 0
        except BrokenPipeError:  # the process that reads stdout has ended, as in `idfree … | head`
            if sys.stderr is not None:
                sys.stderr.close()
            return 0
        except (Exception, KeyboardInterrupt) as error:
            if (interrupt := find_interrupt(error)) is None:
                return report_error(program, error)
            forget_interrupt()
            print(f"{program}: interrupted{': ' if str(interrupt) else ''}{interrupt}", file=sys.stderr)
            return TERMINATED if received else INTERRUPTED


def find_interrupt(error: BaseException) -> KeyboardInterrupt | None:
    """The KeyboardInterrupt that an exception is or was raised from; None if there is none.

    Libraries in C++ turn one that occurs while they are imported into an ImportError.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__cause__
    return cause


def forget_interrupt() -> None:
    """Keep the exit status of a program that is run as `python -m`, after a KeyboardInterrupt that was caught.

    CPython remembers one that leaves `exec(text)`, as in dataclasses while modules are imported, and kills itself by
    SIGINT at the end of `python -m`, whatever the status, until another text is run.
    """
    exec("")


def print_json(outcome: Any) -> None:
    """Print the result of a command with --json."""
    print(json.dumps(outcome, indent=2, allow_nan=False))


def flush_stdout() -> None:
    """Write what is buffered, here, where errors are told; a program that is started without stdout has none."""
    if sys.stdout is not None:
        sys.stdout.flush()


def parse_seed(text: str) -> int:
    """The type of options that seed random generators. Raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) > LARGEST_SEED:
        raise argparse.ArgumentTypeError(f"{text!r} is no seed: expected a whole number, 0…{LARGEST_SEED}")
    return int(text)


@contextmanager
def terminations() -> Iterator[list[int]]:
    """SIGTERM (`kill`, `docker stop`) interrupts as Ctrl-C does, meanwhile; yields a list of those received."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # other threads have no signals
        yield received
        return

    def interrupt(number: int, _: object) -> None:
        received.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield received
    finally:
        signal.signal(signal.SIGTERM, before)


def report_error(program: str, error: BaseException) -> int:
    """Tell of an error of the user or of the file system; the exit status. Any other error is raised again."""
    if isinstance(error, OSError) and error.filename is None and error.errno in WRITE_ERRORS:
        return report_full_stdout(program, error)
    message = str(error) if isinstance(error, UserError) else describe_file_error(error)
    if message is None:
        raise error
    print(f"{program}: {UserError(message)}", file=sys.stderr)
    return USER_ERROR


def report_full_stdout(program: str, error: OSError) -> int:
    """Tell that the standard output (of the files, each error names its own) cannot be written; the exit status."""
    print(f"{program}: cannot write the standard output: {error.strerror}", file=sys.stderr)
    with suppress(OSError, ValueError):  # else Python tries again at its end, and complains
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return USER_ERROR
