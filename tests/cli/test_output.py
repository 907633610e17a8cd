"""What is printed: nothing of a file or a name reaches a terminal unescaped."""

import contextlib
import io
from collections.abc import Callable

import pytest

from hiddenstate.cli.output import note, say, table
from hiddenstate.cli.progress_bar import ProgressBar
from tests.conftest import EVIL


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, speak: Callable[[], None]) -> str:
    """What `speak` prints on a terminal."""
    monkeypatch.setenv("TERM", "dumb")  # no codes of ours among those looked for
    monkeypatch.setenv("COLUMNS", "200")
    stream = Terminal()
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        speak()
    return stream.getvalue()


def test_cells_and_heads_of_a_table_are_escaped_on_a_terminal(monkeypatch) -> None:
    said = shown(monkeypatch, lambda: table([EVIL, "x"], [["[bold]x", EVIL], [EVIL, "1"]]))
    assert said.replace("\n", "").isprintable()
    assert len(said.splitlines()) == 3
    assert said.count(r"evil\n\x1b[31m\u202e<b>") == 3
    assert "[bold]x" in said


def test_lines_above_a_progress_bar_are_escaped() -> None:
    stream = Terminal()
    ProgressBar(stream).say(EVIL)
    assert r"evil\n\x1b[31m\u202e<b>" in stream.getvalue()


@pytest.mark.parametrize("speak", [say, note])
def test_lines_are_escaped(speak, monkeypatch) -> None:
    said = shown(monkeypatch, lambda: speak(EVIL.replace("\n", "")))
    assert said == "evil\\x1b[31m\\u202e<b>\n"
