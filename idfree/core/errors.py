"""What idfree raises when the fault is not its own."""


class UserError(Exception):
    """A mistake the user can mend: says what was found, what was expected, where, and what to do.

    The command line prints it on one or two lines without a traceback and exits with status 2.
    """


class MissingExtra(UserError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str, purpose: str):
        super().__init__(f"{purpose} needs the package {package}: pip install 'idfree[{extra}]'")
