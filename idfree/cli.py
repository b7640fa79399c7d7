"""The command line: `idfree COMMAND …`. Exit status: 0 done, 2 a user's error, 130 or 143 by Ctrl-C or SIGTERM."""

import argparse
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import NoReturn

import idfree
from idfree.core.errors import UserError, describe_file_error
from idfree.core.files import WRITE_ERRORS
from idfree.core.threads import thread_environment

COMMANDS = (  # modules of idfree.commands
    *("track", "refine", "show", "view", "count", "detect", "label", "adapt", "teach", "train", "export"),
    *("eval", "eval_detections", "eval_appearance"),
    *("tune", "data", "demo", "version"),
)
USER_ERROR, INTERRUPTED, TERMINATED = 2, 130, 143


class Parser(argparse.ArgumentParser):
    """ArgumentParser whose error messages are one line with a reference to --help."""

    def error(self, message: str) -> NoReturn:
        self.exit(USER_ERROR, f"idfree: {message} (see {self.prog} --help)\n")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit status."""
    os.environ.update(thread_environment(os.environ))  # NumPy and PyTorch, which commands import, read it once
    options = parser().parse_args(arguments)
    logging.basicConfig(format="idfree: %(message)s", level=logging.WARNING, stream=sys.stderr, force=True)
    with terminations() as received:
        return run_command(options, received)


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


def run_command(options: argparse.Namespace, terminations: list[int]) -> int:
    """Run the command of the options; return the exit status. terminations: the SIGTERM received so far."""
    try:
        outcome = options.run(options)
        if options.json and outcome is not None:
            print(json.dumps(outcome, indent=2, allow_nan=False))
        sys.stdout.flush()
        return 0
    except UserError as error:
        print(f"idfree: {error}", file=sys.stderr)
        return USER_ERROR
    except BrokenPipeError:  # the process that reads stdout has ended, as in `idfree … | head`
        sys.stderr.close()
        return 0
    except (OSError, RuntimeError) as error:
        if isinstance(error, OSError) and error.filename is None and error.errno in WRITE_ERRORS:
            return report_full_stdout(error)
        if (message := describe_file_error(error)) is None:
            raise
        print(f"idfree: {UserError(message)}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt as interrupt:
        print(f"idfree: interrupted{': ' if str(interrupt) else ''}{interrupt}", file=sys.stderr)
        return TERMINATED if terminations else INTERRUPTED


def report_full_stdout(error: OSError) -> int:
    """Tell that the standard output (of the files, each error names its own) cannot be written; the exit status."""
    print(f"idfree: cannot write the standard output: {error.strerror}", file=sys.stderr)
    with suppress(OSError, ValueError):  # else Python tries again at its end, and complains
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return USER_ERROR


def parser() -> Parser:
    """The parser with all commands: each module declares its options in `add`; its docstring is the help text."""
    top = Parser(prog="idfree", description=idfree.__doc__)
    top.add_argument("--version", action="version", version=f"idfree {idfree.__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    for name in COMMANDS:
        command = import_module(f"idfree.commands.{name}")
        summary, _, example = (command.__doc__ or "").partition("\n\n")
        sub = commands.add_parser(
            name.replace("_", "-"),
            help=summary,
            description=summary,
            epilog=example,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.add_argument("-q", "--quiet", action="store_true", help="no progress, no summary")
        sub.add_argument("--json", action="store_true", help="one JSON object on stdout, nothing else")
        sub.add_argument("--seed", type=int, default=0, help="of whatever is random (default: 0)")
        sub.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N, mps, openvino[:bf16], of networks")
        command.add(sub)
        sub.set_defaults(run=command.run)
    return top


if __name__ == "__main__":
    sys.exit(main())
