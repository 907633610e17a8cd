"""The library's errors: one base, a kind for each exit code, and words that help mend them.

A message is one line: what is wrong, what was expected, what was found and where, then the
mend. Text that came from a file or a user passes through :func:`printable` first.
"""

import difflib
from collections.abc import Iterable


class HiddenstateError(Exception):
    """Base of every error a user can cause; `exit_code` is the command line's answer."""

    exit_code = 1


class DataError(HiddenstateError, ValueError):
    """Data that cannot be read or does not fit (exit code 2)."""

    exit_code = 2


class OptionError(HiddenstateError, ValueError):
    """An option or argument out of its range (exit code 2)."""

    exit_code = 2


class MachineError(HiddenstateError):
    """The machine is in the way: a lock, the disk, memory, a missing extra (exit code 3)."""

    exit_code = 3


class RunExistsError(MachineError):
    """A run folder is there already."""


class RunMovedError(MachineError):
    """A run folder is no longer where it was written, or no longer this process's."""


class UntrustedFileError(HiddenstateError):
    """A model file that is damaged, foreign or able to run code (exit code 4)."""

    exit_code = 4


class DivergedError(HiddenstateError):
    """Training met a number that is not finite (exit code 5)."""

    exit_code = 5


class RunInterruptedError(HiddenstateError):
    """A signal ended training; what was learnt is saved (exit code 128 + signal)."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number


def printable(text: object, limit: int = 200) -> str:
    """Return `text` on one line, control and direction characters escaped, cut at `limit`."""
    shown = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in str(text).encode("utf-8", "backslashreplace").decode()
    )
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean X?` for the nearest known name, or nothing."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {printable(near[0])}?" if near else ""
