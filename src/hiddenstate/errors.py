"""The library's errors: one base class, and a subclass for each exit code.

A message is one line: what is wrong, what was expected, what was found and where, then a hint
for fixing it. Text that came from a file or a user passes through :func:`printable` first.
"""

import difflib
import itertools
import shlex
from collections.abc import Iterable
from typing import NamedTuple

MAX_NAME, MAX_CANDIDATES = 100, 2000
"""Length of a name, and number of names, up to which similar names are suggested."""

MAX_MESSAGE = 600
"""Largest number of characters of an error or a note; only contrived names make one as long."""


class Flag(NamedTuple):
    """An option that a hint names, as a command has it, with its value: `--every day`."""

    name: str
    value: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.value}".rstrip()


class Setting(tuple[str | Flag, ...]):
    """A hint to set options that code can follow: `add --window 0 --output last`.

    Parameters
    ----------
    verb : str
        What to do with the options: `add`, or `leave out` for those that are False.
    **options : str, int or bool
        Their values by name.
    """

    options: dict[str, str | int | bool]

    def __new__(cls, verb: str, **options: str | int | bool) -> "Setting":
        flags = [
            Flag(f"--{name.replace('_', '-')}", "" if isinstance(value, bool) else _typed(value))
            for name, value in options.items()
        ]
        parts = [part for flag in flags for part in (" ", flag)]
        hint = super().__new__(cls, (verb, *parts))
        hint.options = options
        return hint

    def __str__(self) -> str:
        return "".join(map(str, self))


def _typed(value: str | int) -> str:
    """Return a value as a user types it; a single sign is in quotation marks."""
    text = printable(value, 40)
    if len(text) == 1 and not text.isalnum():
        return '"\'"' if text == "'" else f"'{text}'"
    return shlex.quote(text)


Hint = str | tuple[str | Flag, ...]
"""One thing to do about an error: words, or their parts in order."""


class HiddenstateError(Exception):
    """Base of every error a user can cause; the command line exits with `exit_code`.

    Parameters
    ----------
    what : str
        What is wrong; a message of more than `MAX_MESSAGE` characters is shortened.
    *hints : str or tuple of str and Flag
        What to do about it, any one of these; the message ends with them.
    place : str, optional
        Where it is, such as a file or an option; the message begins with it. By default, `what`
        says so.
    """

    exit_code = 1

    def __init__(self, what: str = "", *hints: Hint, place: str = "") -> None:
        self.what, self.hints, self.place = what, hints, place
        ways = ", or ".join("".join(map(str, hint)) for hint in hints)
        words = f"{place}: {what}" if place else what
        super().__init__(shortened(f"{words}; {ways}" if hints else words))


class DataError(HiddenstateError, ValueError):
    """Data that cannot be read or does not fit (exit code 2)."""

    exit_code = 2
    file_row: int | None = None
    """The row of the file, from 0, that the message is about, where it does not name its place."""

    def __init__(self, what: str = "", *hints: Hint, place: str = "", needs: str = "") -> None:
        super().__init__(what, *hints, place=place)
        self.needs = needs
        """The option that has to name a column of the data, if one is missing."""


class OptionError(HiddenstateError, ValueError):
    """An option or argument that is out of range (exit code 2)."""

    exit_code = 2


class MachineError(HiddenstateError):
    """A problem of the environment: a lock, the disk, memory, a missing extra (exit code 3)."""

    exit_code = 3


class MissingExtraError(MachineError, ImportError):
    """An optional dependency that is not installed; the message has the command that does."""


class RunExistsError(MachineError):
    """A run folder that already exists."""


class RunMovedError(MachineError):
    """A run folder or its lock that was moved or removed while this process wrote the run."""


class LostRankError(MachineError):
    """Another process of data parallel training that ended, or can no longer be reached."""


class UntrustedFileError(HiddenstateError):
    """A file that is damaged, was not written by hiddenstate, or can run code (exit code 4)."""

    exit_code = 4


class DivergedError(HiddenstateError):
    """Training that produced a number that is not finite (exit code 5)."""

    exit_code = 5


class RunInterruptedError(HiddenstateError):
    """Training that a signal ended, after saving a checkpoint (exit code 128 + signal)."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number

    def __reduce__(self) -> tuple[type, tuple[str, int]]:
        return type(self), (self.what, self.exit_code - 128)


def printable(text: object, limit: int = 200) -> str:
    """Return `text` on one line: control and direction characters escaped, at most `limit` long."""
    line = str(text).encode("utf-8", "backslashreplace").decode()
    if not line.isprintable():
        line = "".join(
            character if character.isprintable() else character.encode("unicode_escape").decode()
            for character in line
        )
    return line if len(line) <= limit else line[: limit - 1] + "…"


def shortened(message: str, limit: int = MAX_MESSAGE) -> str:
    """Return `message` in at most `limit` characters, cut in the middle: the end is the hint."""
    if len(message) <= limit:
        return message
    end = limit // 2
    return f"{message[: limit - end - 3]} … {message[-end:]}"


def listed(names: Iterable[object], limit: int = 8, each: int = 40) -> str:
    """Return names separated by commas, in one line: of many, the number of the others.

    Parameters
    ----------
    names : iterable
    limit : int, default 8
        Largest number of names.
    each : int, default 40
        Largest number of characters of a name.
    """
    texts = [printable(name, each) for name in names]
    more = f" and {len(texts) - limit:,} more" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + more


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Return `; did you mean X?` for the candidate closest to `name`, or "" if none is close."""
    if len(name) > MAX_NAME:  # the time to compare grows with the square of the length
        return ""
    names = [each for each in itertools.islice(candidates, MAX_CANDIDATES) if len(each) <= MAX_NAME]
    by_letters = {each.casefold(): each for each in reversed(names)}  # LSTM is close to lstm
    closest = difflib.get_close_matches(name.casefold(), by_letters, n=1)
    return f"; did you mean {printable(by_letters[closest[0]], 60)}?" if closest else ""


def count(n: int, noun: str) -> str:
    """Return a number with its noun: `1 step`, `2,000 steps`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
