"""Prints results on stdout, and notes and errors on stderr."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import click

from hiddenstate.errors import printable, shortened

if TYPE_CHECKING:
    from hiddenstate.runs import Run

MAX_LINE = 10_000
"""Most characters printed of a line; only a contrived name is longer."""


def say(line: str) -> None:
    """Print a result on stdout, in one line: control characters and newlines are escaped."""
    click.echo(printable(line, MAX_LINE))


def note(line: str) -> None:
    """Print a note on stderr, in one line.

    If stderr cannot be written, such as a log on a full disk, it becomes /dev/null: no note is
    worth the work that it is about. A reader that left still ends the command.
    """
    try:
        click.echo(shortened(printable(line, MAX_LINE)), err=True)
    except BrokenPipeError:
        raise
    except OSError:
        _close_stderr()


def _close_stderr() -> None:
    """Let stderr, and what is left to be written there, be /dev/null."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


class ReadingNotes:
    """Prints how much of a file has been read, if that takes long.

    Parameters
    ----------
    clock : callable
        Returns seconds; `time.monotonic` works.
    """

    FIRST, EVERY = 3.0, 10.0
    """Seconds before the first note on a file, and between notes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._name, self._next = clock, "", 0.0

    def __call__(self, name: str, share: float) -> None:
        """Print a note if one is due: `reading digits.csv: 40%`."""
        now = self._clock()
        if name != self._name:
            self._name, self._next = name, now + self.FIRST
        elif now >= self._next and share < 1:
            note(f"reading {name}: {share:.0%}")
            self._next = now + self.EVERY


def note_damage(run: "Run", snapshots: bool = False) -> None:
    """Print a warning for each damaged line of a run, for lines that are lost and, if asked, for
    each damaged snapshot."""
    names = ("history.jsonl", "journal.jsonl")
    damage = [run.damage(name) for name in names]
    if snapshots:
        damage += run.damaged_snapshots()
    for problem in filter(None, damage):
        note(f"warning: {problem}; it is left out")
    for problem in filter(None, map(run.lost_lines, names)):
        note(f"warning: {problem}; the others are lost")


def say_json(values: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout; NaN and infinity, which JSON does not have, become null."""
    import json

    from hiddenstate.system.strict_json import replace_nan

    click.echo(json.dumps(replace_nan(values), allow_nan=False))


def fail(message: str, code: int) -> int:
    """Print an error on stderr, in one line, if that can be written; return `code`."""
    try:
        click.echo(f"error: {shortened(printable(message, MAX_LINE))}", err=True)
    except OSError:
        _close_stderr()
    return code


def report_internal_error(error: Exception) -> int:
    """Write the traceback of an internal error to a file, print where it is, and return 1."""
    import tempfile
    import traceback

    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="hiddenstate-", suffix=".trace.txt", delete=False, encoding="utf-8"
        ) as stream:
            stream.write("".join(traceback.format_exception(error)))
        place = f"in {stream.name}"
    except OSError:  # no folder for temporary files, or no space
        place = "that --debug shows"
    what = f"internal error: {type(error).__name__}"
    return fail(f"{what}; please report it with the traceback {place}", 1)


SHORTEST = 4
"""Fewest letters that a word of a head is shortened to."""


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: int | None = None) -> None:
    """Print a table on stdout; if that is not a terminal, with tabs between columns.

    Cells of the columns from `numbers` on end below one another.
    """
    if not sys.stdout.isatty():
        for row in (head, *rows):
            click.echo("\t".join(printable(cell, MAX_LINE) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    cells = [[printable(cell, MAX_LINE) for cell in row] for row in rows]
    names, widths, gap = _fitting([printable(name) for name in head], cells, console.width)
    grid = Table(box=None, header_style="bold", pad_edge=False, padding=(0, gap, 0, 0))
    for index, (name, width) in enumerate(zip(names, widths, strict=True)):
        side: Literal["left", "right"] = "left" if numbers is None or index < numbers else "right"
        no_wrap = index == 0
        grid.add_column(Text(name), justify=side, no_wrap=no_wrap, overflow="fold", width=width)
    for row in cells:
        grid.add_row(*map(Text, row))
    console.print(grid)


def _fitting(
    head: list[str], rows: list[list[str]], width: int
) -> tuple[list[str], list[int | None], int]:
    """Return the heads of columns, their widths, and the space between two, so that lines of
    `width` break between words.

    Long words of heads are shortened if there is no other way. If words of cells do not fit, lines
    break anywhere, and the widths are None.
    """
    from rich.cells import cell_len

    def longest(text: str) -> int:
        return max(map(cell_len, text.split()), default=0)

    columns = list(zip(*rows, strict=True)) if rows else [()] * len(head)
    least = [max(map(longest, cells), default=0) for cells in columns]
    wanted = [max(map(cell_len, (name, *cells))) for name, cells in zip(head, columns, strict=True)]
    least[0] = max(map(cell_len, columns[0]), default=0)
    for gap, limit in [(2, width), *((1, n) for n in range(width, SHORTEST - 1, -1))]:
        room = width - gap * (len(head) - 1)
        most = [max(n, limit) for n in least]
        names = [_shorter(name, n) for name, n in zip(head, most, strict=True)]
        words = [max(n, longest(name)) for n, name in zip(least, names, strict=True)]
        if sum(words) <= room:
            while sum(wanted) > room:
                spare = [w - n if w > n else -1 for w, n in zip(wanted, words, strict=True)]
                widest = max(range(len(head)), key=lambda i: (spare[i] > 0, wanted[i]))
                wanted[widest] -= 1
            return names, list(wanted), gap
    return head, [None] * len(head), 1


def _shorter(text: str, most: int) -> str:
    """Return a text whose words have at most so many letters."""
    words = text.split(" ")
    return " ".join(
        w if len(w) <= most else w[: most - 1] + "\N{HORIZONTAL ELLIPSIS}" for w in words
    )
