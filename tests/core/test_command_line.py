"""Exit statuses and messages that `idfree` and `idfree-experiments` share."""

import os
import signal
import subprocess
import sys

import pytest

from idfree.cli import main as idfree_main
from idfree.core.command_line import Parser, parse_seed, run_command
from idfree.core.errors import UserError
from idfree.experiments.cli import main as experiments_main


def raising(error):
    """A command that ends with an error."""

    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (UserError("a.txt: no such file"), 2, "program: a.txt: no such file\n"),
        (PermissionError(13, "Permission denied", "a.txt"), 2, "program: a.txt: Permission denied\n"),
        (KeyboardInterrupt(), 130, "program: interrupted\n"),
        (KeyboardInterrupt("3 are kept"), 130, "program: interrupted: 3 are kept\n"),
    ],
)
def test_errors_of_the_user_end_with_a_sentence(error, status, message, capsys):
    assert run_command("program", raising(error)) == status
    assert capsys.readouterr().err == message


def test_unknown_options_refer_to_the_help_of_their_command(capsys):
    """It was the program's, which does not list them."""
    with pytest.raises(SystemExit):
        idfree_main(["track", "street.mp4", "--trackr", "sort"])
    assert capsys.readouterr().err == "idfree: unrecognized arguments: --trackr sort (see idfree track --help)\n"


@pytest.mark.parametrize("error", [ValueError("a mistake"), RuntimeError("a mistake"), OSError("a mistake")])
def test_errors_of_the_program_are_raised(error):
    with pytest.raises(type(error), match="a mistake"):
        run_command("program", raising(error))


def test_sigterm_interrupts_and_the_handler_before_is_restored(capsys):
    before = signal.getsignal(signal.SIGTERM)
    assert run_command("program", lambda: os.kill(os.getpid(), signal.SIGTERM)) == 143
    assert capsys.readouterr().err == "program: interrupted\n"
    assert signal.getsignal(signal.SIGTERM) is before


def test_wrong_arguments_end_with_a_line(capsys):
    parser = Parser(prog="program part")
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["more"])
    assert capsys.readouterr().err == "program: unrecognized arguments: more (see program part --help)\n"


@pytest.mark.parametrize("text", ["-1", str(2**32), "1.5", "one", ""])
@pytest.mark.parametrize("main", [idfree_main, experiments_main])
def test_seeds_that_random_generators_refuse_are_refused(main, text, capsys):
    arguments = ["run", "tdt-stages", "--seeds", text] if main is experiments_main else ["version", "--seed", text]
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert f"{text!r} is no seed: expected a whole number, 0…4294967295" in capsys.readouterr().err


def test_seeds_are_whole_numbers():
    assert [parse_seed("0"), parse_seed("4294967295")] == [0, 2**32 - 1]


@pytest.mark.parametrize("main", [idfree_main, experiments_main])
def test_ctrl_c_while_commands_are_loaded(main, capsys, monkeypatch):
    monkeypatch.setattr(sys.modules[main.__module__], "parser", raising(KeyboardInterrupt()))
    assert main([]) == 130
    assert capsys.readouterr().err.endswith(": interrupted\n")


@pytest.mark.parametrize(("number", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_interrupts_within_executed_text_keep_the_exit_status(tmp_path, number, status):
    """As while dataclasses are made: `python -m` ended by the signal SIGINT instead."""
    (tmp_path / "program.py").write_text(
        "import sys\nfrom idfree.core.command_line import run_command\n"
        f"text = 'import signal; signal.raise_signal(signal.{number})'\n"
        "sys.exit(run_command('program', lambda: exec(text)))"
    )
    run = subprocess.run([sys.executable, "-m", "program"], cwd=tmp_path, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (status, "program: interrupted\n")


def test_interrupts_that_libraries_have_turned_into_other_errors(capsys):
    """As by Ctrl-C while ONNX Runtime is imported."""

    def load():
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as interrupt:
            raise ImportError("initialization failed") from interrupt

    def command():
        try:
            load()
        except ImportError as error:
            raise UserError("needs the package onnxruntime") from error

    assert [run_command("program", load), run_command("program", command)] == [130, 130]
    assert capsys.readouterr().err == "program: interrupted\n" * 2


def test_programs_without_standard_streams(monkeypatch):
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert run_command("program", lambda: print("a line")) == 0
    assert run_command("program", raising(UserError("a.txt: no such file"))) == 2
    assert run_command("program", raising(BrokenPipeError())) == 0


@pytest.mark.parametrize("command", ["from idfree.experiments.cli import main", "from idfree.cli import main"])
def test_whoever_reads_the_output_may_stop(command):
    arguments = ["list"] if "experiments" in command else ["version"]
    program = f"import sys\n{command}\nsys.stdin.read()\nsys.exit(main({arguments}))"
    run = subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, stderr=-1, text=True)
    run.stdout.close()
    run.stdin.close()
    assert (run.wait(timeout=120), run.stderr.read()) == (0, "")
    run.stderr.close()
