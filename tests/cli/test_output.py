"""Text from files and names is escaped before it is printed on a terminal."""

import contextlib
import io
from collections.abc import Callable

import pytest

from hiddenstate.cli.output import note, say, table
from hiddenstate.cli.progress_bar import ProgressBar
from tests.conftest import EVIL


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def printed_on_terminal(monkeypatch: pytest.MonkeyPatch, print_lines: Callable[[], None]) -> str:
    """What `print_lines` prints on a terminal."""
    monkeypatch.setenv("TERM", "dumb")  # no colour codes of our own in the output
    monkeypatch.setenv("COLUMNS", "200")
    stream = Terminal()
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        print_lines()
    return stream.getvalue()


def test_cells_and_heads_of_a_table_are_escaped_on_a_terminal(monkeypatch) -> None:
    output = printed_on_terminal(
        monkeypatch, lambda: table([EVIL, "x"], [["[bold]x", EVIL], [EVIL, "1"]])
    )
    assert output.replace("\n", "").isprintable()
    assert len(output.splitlines()) == 3
    assert output.count(r"evil\n\x1b[31m\u202e<b>") == 3
    assert "[bold]x" in output


def test_lines_above_a_progress_bar_are_escaped() -> None:
    stream = Terminal()
    ProgressBar(stream).say(EVIL)
    assert r"evil\n\x1b[31m\u202e<b>" in stream.getvalue()


@pytest.mark.parametrize("print_lines", [say, note])
def test_lines_are_escaped(print_lines, monkeypatch) -> None:
    output = printed_on_terminal(monkeypatch, lambda: print_lines(EVIL.replace("\n", "")))
    assert output == "evil\\x1b[31m\\u202e<b>\n"
