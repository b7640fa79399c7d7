"""The command line: `idfree COMMAND …`; core/command_line.py has its exit statuses."""

import argparse
import os
import sys
from functools import partial
from importlib import import_module

import idfree
from idfree.core.command_line import Parser, parse_seed, print_json, run_command
from idfree.core.threads import thread_environment

COMMANDS = (  # modules of idfree.commands
    *("track", "refine", "show", "view", "count", "detect", "label", "adapt", "teach", "train", "export"),
    *("eval", "eval_detections", "eval_appearance"),
    *("tune", "data", "demo", "version"),
)
RANDOM = ("track", "adapt", "teach", "train", "tune", "data", "demo")  # the others accept --seed, which changes nothing


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit status."""
    os.environ.update(thread_environment(os.environ))  # NumPy and PyTorch, which commands import, read it once
    return run_command("idfree", partial(run, arguments))


def run(arguments: list[str] | None) -> None:
    """Run the command of these arguments; with --json, print what it returns."""
    options = parser().parse_args(arguments)
    outcome = options.run(options)
    if options.json and outcome is not None:
        print_json(outcome)


def parser() -> Parser:
    """The parser with all commands: each module declares its options in `add`; its docstring is the help text."""
    top = Parser(prog="idfree", description=idfree.__doc__, epilog="idfree COMMAND --help has an example of each.")
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
        sub.add_argument("-q", "--quiet", action="store_true", help="no progress bars, no summary")
        sub.add_argument("--json", action="store_true", help="print one JSON object on stdout, nothing else")
        sub.add_argument(
            "--seed",
            type=parse_seed,
            default=0,
            help="random seed (default: 0)" if name in RANDOM else argparse.SUPPRESS,
        )
        devices = "device of networks: auto, cpu, cuda, cuda:N, mps or openvino[:bf16] (default: auto)"
        sub.add_argument("--device", default="auto", help=devices)
        command.add(sub)
        sub.set_defaults(run=command.run)
    return top


if __name__ == "__main__":
    sys.exit(main())
