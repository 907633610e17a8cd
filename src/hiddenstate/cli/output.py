"""What the commands print: results on stdout, notes and errors on stderr."""

import json
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from hiddenstate.errors import printable
from hiddenstate.system.strict_json import replace_nan

if TYPE_CHECKING:
    from hiddenstate.runs import Run

MAX_LINE = 10_000
"""Longest line printed; only a made-up name is longer."""


def say(line: str) -> None:
    """A result in one line, on stdout; control characters in it, and newlines, are escaped."""
    click.echo(printable(line, MAX_LINE))


def note(line: str) -> None:
    """A remark in one line, on stderr."""
    click.echo(printable(line, MAX_LINE), err=True)


def note_damage(run: "Run", snapshots: bool = False) -> None:
    """Say what is damaged of the lines a run left, and of its snapshots; that is left out."""
    found = [what for name in ("history.jsonl", "journal.jsonl") if (what := run.damage(name))]
    for what in [*found, *(run.damaged_snapshots() if snapshots else ())]:
        note(f"warning: {what}; it is left out")


def say_json(values: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout; NaN and infinity, which JSON does not have, become null."""
    click.echo(json.dumps(replace_nan(values), allow_nan=False))


def fail(message: str, code: int) -> int:
    """An error in one line, on stderr; returns `code`."""
    click.echo(f"error: {printable(message, MAX_LINE)}", err=True)
    return code


def report_defect(error: Exception) -> int:
    """Keep the trace of a defect of ours in a file and say where; returns exit code 1."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="hiddenstate-", suffix=".trace.txt", delete=False, encoding="utf-8"
    ) as stream:
        stream.write("".join(traceback.format_exception(error)))
    return fail(
        f"a defect of hiddenstate, not of yours: {type(error).__name__}; the trace is in "
        f"{stream.name}, please report it",
        1,
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on stdout; tab-separated without borders where stdout is no terminal."""
    if not sys.stdout.isatty():
        for row in (head, *rows):
            click.echo("\t".join(printable(cell, MAX_LINE) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, header_style="bold", pad_edge=False)
    for place, name in enumerate(head):
        drawn.add_column(Text(printable(name)), no_wrap=place == 0, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(printable(cell, MAX_LINE)) for cell in row))
    Console().print(drawn)
