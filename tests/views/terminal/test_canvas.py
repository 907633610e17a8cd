"""Canvas, colours, shapes, keys and layout of the terminal view, without a terminal."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from hiddenstate.views.terminal.canvas import (
    BOLD,
    Canvas,
    changes,
    clip,
    clip_label,
    clip_labels,
    printed,
    width_of,
)
from hiddenstate.views.terminal.colors import BLUE, DEFAULT, Depth
from tests.terminal_model import TerminalModel

WHOLE = (0.0, 1.0, 0.0, 1.0)


def shown(canvas, old=None, model=None):
    """Return the screen after `changes` are written to it."""
    model = model or TerminalModel(canvas.width, canvas.height)
    model.feed(changes(canvas, old))
    return model


def seen(model):
    """Return what a person sees: the foreground of an empty place does not count."""
    return [
        (
            cell.text,
            cell.style[0] if cell.text.strip() or cell.style[2] != "0" else "",
            cell.style[1:],
        )
        for row in model.cells
        for cell in row
    ]


def test_text_has_its_place_and_style():
    canvas = Canvas.blank(12, 2)
    assert canvas.text(2, 1, "loss", BLUE, BOLD) == 6
    model = shown(canvas)
    assert model.lines == ["", "  loss"]
    assert model.cells[1][2].style == ("38;2;47;123;217", "49", "01")


def test_only_what_changed_is_written():
    old, new = Canvas.blank(30, 4), Canvas.blank(30, 4)
    for canvas in (old, new):
        canvas.text(0, 0, "step 100  loss 0.5")
    new.text(5, 0, "101")
    model = shown(old)
    before = model.written
    shown(new, old, model)
    assert model.lines[0] == "step 101  loss 0.5"
    assert model.written - before == 1
    assert changes(new, new) == ""


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.integers(-3, 22),
            st.integers(-1, 6),
            st.text(max_size=9),
            st.sampled_from([BLUE, DEFAULT]),
        ),
        max_size=8,
    ),
    st.integers(0, 8),
)
@example([(0, 0, "0\u07a6", BLUE)], 1)  # a mark whose combining class is 0
def test_changes_turn_any_screen_into_any_other(texts, cut):
    screens = []
    for part in (texts[:cut], texts[cut:]):
        canvas = Canvas.blank(20, 5)
        for x, y, text, ink in part:
            canvas.text(x, y, "".join(c for c in text if c.isprintable()), ink)
        screens.append(canvas)
    model = shown(screens[0])
    shown(screens[1], screens[0], model)
    assert seen(model) == seen(shown(screens[1]))


def test_a_screen_of_another_size_is_redrawn():
    assert changes(Canvas.blank(20, 5), Canvas.blank(30, 5)).startswith("\x1b[0m\x1b[2J")


def test_wide_characters_take_two_columns_and_are_never_cut():
    assert width_of("数字 7") == 6
    canvas = Canvas.blank(5, 1)
    canvas.text(0, 0, "数字数")
    assert shown(canvas).lines == ["数字"]
    assert clip("数字数", 5) == "数字…"
    assert clip("数字", 4) == "数字"


def test_the_cursor_is_moved_after_a_character_of_uncertain_width():
    canvas = Canvas.blank(9, 1)
    canvas.text(0, 0, "e\u0301✓字x")
    assert shown(canvas).cells[0][4].text == "x"
    assert changes(canvas, None).endswith("字\x1b[1;5Hx")


def test_printed_lines_show_what_a_screen_shows():
    canvas = Canvas.blank(9, 2)
    canvas.text(1, 0, "a数", BLUE, BOLD)
    canvas.text(0, 1, "plain")
    lines = printed(canvas)
    model = TerminalModel(9, 2)
    model.feed("\r\n".join(lines))
    assert model.lines == [" a数", "plain"]
    assert model.cells[0][1].style == shown(canvas).cells[0][1].style
    assert lines[0].endswith("\x1b[0m")
    canvas.depth = Depth.PLAIN
    assert printed(canvas) == [" a数", "plain"]


def test_labels_that_begin_and_end_alike_stay_distinct():
    names = ["walking_up_the_stairs", "walking_down_the_stairs", "sitting"]
    assert clip_labels(names, 10) == ["walk…up_t…", "walk…down…", "sitting"]
    assert clip_labels(["sitting_down"] * 2, 8) == [clip_label("sitting_down", 8)] * 2
