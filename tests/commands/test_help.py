"""The help of every command: an example, a sentence for every option, and its default where it has one."""

import argparse
from collections.abc import Iterator

import pytest

from idfree import cli

COMMON = {"-h", "-q", "--json", "--seed", "--device", "--version"}


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parsers of all commands, and of the kinds of `data`."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield sub
                yield from commands(sub)


COMMANDS = {sub.prog: sub for sub in commands(cli.parser())}


def is_stated(action: argparse.Action) -> bool:
    """Whether the help of an action states its default; switches and those without a default need not."""
    silent = (None, False, argparse.SUPPRESS, "", [], float("-inf"))
    return action.required or action.nargs == 0 or action.default in silent or "(default:" in (action.help or "")


@pytest.mark.parametrize("name", COMMANDS)
def test_help(name):
    parser = COMMANDS[name]
    assert f"example: {name} " in parser.format_help() or name == "idfree data"
    for action in parser._actions:
        option = action.option_strings[0] if action.option_strings else action.dest
        if option == "--seed" and action.help == argparse.SUPPRESS:
            continue
        assert action.help or option == "kind", option
        assert is_stated(action), f"{option}: {action.help}"
        if option not in COMMON:
            assert not (action.help or "").startswith(("of ", "at most", "between")), f"{option}: {action.help}"
