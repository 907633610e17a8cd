"""The first lines of the terminal view, and its help."""

from hiddenstate.views.terminal.canvas import Canvas, changes
from hiddenstate.views.terminal.header import clock, draw_help
from tests.terminal_model import TerminalModel


def test_times_are_formatted():
    assert [clock(s) for s in (0.84, 4.0, 59.9, 61, 7384)] == [
        *("0.84 s", "4 s", "59 s", "1:01", "2:03:04"),
    ]


def test_help_shows_every_key_in_several_parts_if_needed():
    lines = [(f"k{n}", f"does {n}") for n in range(20)]
    for width, height in ((120, 40), (80, 14), (40, 12)):
        seen, part, last = "", 0, False
        while not last:
            canvas = Canvas.blank(width, height)
            last = draw_help(canvas, lines, part)
            model = TerminalModel(width, height)
            model.feed(changes(canvas, None))
            seen, part = seen + model.text, part + 1
        assert all(f"{key} " in seen and does in seen for key, does in lines)
