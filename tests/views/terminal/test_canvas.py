"""Canvas, colours, shapes, keys and layout of the terminal view, without a terminal."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hiddenstate.views.terminal import shapes
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
from hiddenstate.views.terminal.colors import (
    BLUE,
    CLASSES,
    DEFAULT,
    GREEN,
    GREY,
    LIGHT,
    ORANGE,
    PROBABILITY,
    SIGNED,
    Depth,
    code,
    color_depth,
    indexed,
    rgb,
)
from hiddenstate.views.terminal.keys import Keys
from hiddenstate.views.terminal.layout import Panel, Stack, arrange, choose, least, shared
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


def luminance(color):
    """Return the relative luminance of an RGB colour (WCAG 2)."""
    parts = np.array([color >> shift & 255 for shift in (16, 8, 0)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


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


@pytest.mark.parametrize(
    ("environment", "depth"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, Depth.TRUE),
        ({"TERM": "xterm-256color"}, Depth.INDEXED),
        ({"TERM": "xterm-direct"}, Depth.TRUE),
        ({"TERM": "screen", "COLORTERM": "truecolor", "STY": "1.a"}, Depth.INDEXED),
        ({"TERM": "xterm"}, Depth.BASIC),
        ({"TERM": "vt220"}, Depth.PLAIN),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "1"}, Depth.PLAIN),
        ({}, Depth.PLAIN),
    ],
)
def test_colours_follow_the_environment_of_the_terminal(environment, depth):
    assert color_depth(environment) == depth


@pytest.mark.parametrize("ink", {BLUE, ORANGE, GREEN, GREY, *CLASSES})
def test_the_palette_is_readable_on_white_and_on_black(ink):
    assert 1.05 / (luminance(ink) + 0.05) > 3
    assert (luminance(ink) + 0.05) / 0.05 > 3


def test_colour_codes_fit_the_depth():
    assert code(0xD0640F, False, Depth.TRUE) == "38;2;208;100;15"
    assert code(0xFF0000, True, Depth.INDEXED) == "48;5;196"
    assert code(BLUE, False, Depth.BASIC) == "34"
    assert code(BLUE, False, Depth.PLAIN) == "39"
    assert [indexed(color) for color in (0x000000, 0xFFFFFF, 0x808080)] == [16, 231, 244]


def test_scales_keep_their_hue_in_256_colours():
    for scale in (LIGHT, PROBABILITY, SIGNED):
        for each in (scale, scale.on_light):
            assert all(rgb(indexed(int(color))) == color for color in each.coarse)
    for each in (SIGNED, SIGNED.on_light):
        red, blue = each.coarse >> 16, each.coarse & 255
        assert (blue > red)[:24].all()
        assert (red > blue)[-24:].all()


@pytest.mark.parametrize(("reported", "light"), [("0;15", True), ("15;0", False), ("", False)])
def test_pictures_have_the_ground_of_the_terminal(reported, light, monkeypatch):
    monkeypatch.setenv("COLORFGBG", reported)
    for scale, none in ((LIGHT, 0.0), (PROBABILITY, 0.0), (SIGNED, 0.5)):
        canvas = Canvas.blank(1, 1)
        shapes.image(canvas, np.array([[none]]), colors=scale)
        assert (int(canvas.ground[0, 0]) >> 16 > 127) == light


@pytest.mark.parametrize("depth", [Depth.PLAIN, Depth.BASIC])
def test_with_few_colours_the_background_keeps_its_own(depth):
    canvas = Canvas.blank(8, 4, depth)
    shapes.image(canvas, np.linspace(0, 1, 64).reshape(8, 8))
    assert "48;" not in changes(canvas, None)
    assert set("".join(shown(canvas).lines)) <= set(" ░▒▓█")


def test_a_rising_line_goes_from_lower_left_to_upper_right():
    canvas = Canvas.blank(2, 1)
    shapes.graph(canvas, np.arange(4), np.arange(4.0), (0, 3, 0, 3), BLUE)
    dots = shown(canvas).lines[0]
    assert dots == "⡠⠊"


def test_a_curve_is_connected_except_where_numbers_are_not_finite():
    canvas = Canvas.blank(3, 2)
    values = np.array([0.0, 7, np.nan, 0, 0, np.inf])
    shapes.graph(canvas, np.arange(6), values, (0, 5, 0, 7), BLUE)
    bits = (canvas.glyph & 255) * (canvas.glyph > 0x2800)
    up_and_down = [[bool(b & 0x47), bool(b & 0xB8)] for b in bits[:, 0].tolist()]
    assert all(any(cell) for cell in up_and_down)  # the jump from 0 to 7
    assert bits[1, 1] == 0x80  # column 3, lowest row: column 2 is a gap
    assert bits[1, 2] == 0x40


@pytest.mark.parametrize(
    "values", [[], [np.nan], [1.0], [5.0, 5.0], [1e300, -1e300], [np.inf, 0.0], [1e308, -1e308]]
)
def test_odd_curves_are_drawn_without_a_warning(values):
    y = np.array(values, float)
    canvas = Canvas.blank(4, 2)
    with np.errstate(all="raise", under="ignore"):
        shapes.graph(canvas, np.arange(len(y)), y, (0, 1, 0, 1), BLUE)
        shapes.path(canvas, y, y, (0, 1, 0, 1), BLUE)


def test_two_pixels_share_a_character():
    canvas = Canvas.blank(2, 1)
    shapes.image(canvas, np.array([[0.0, 1.0], [1.0, 1.0]]))
    first, second = shown(canvas).cells[0]
    dark, light = (code(int(LIGHT.fine[n]), False, Depth.TRUE) for n in (0, -1))
    assert first.text == "▀"
    assert first.style[:2] == (dark, light.replace("38", "48", 1))
    assert (second.text, second.style[1]) == (" ", light.replace("38", "48", 1))


def test_pixels_are_averaged_by_area():
    values = np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    np.testing.assert_allclose(shapes.resized(values, 1, 1), [[2.5]])
    np.testing.assert_allclose(shapes.resized(values, 2, 2), [[1 / 3, 5 / 3], [10 / 3, 14 / 3]])
    np.testing.assert_allclose(shapes.resized(values, 4, 6).mean(), 2.5)
    np.testing.assert_allclose(shapes.resized(values, 4, 3), values.repeat(2, axis=0))
    values[0, 2] = np.nan  # affects no other pixel
    np.testing.assert_array_equal(np.isfinite(shapes.resized(values, 2, 2)), [[1, 0], [1, 1]])


def test_missing_pixels_are_blank():
    canvas = Canvas.blank(1, 1)
    shapes.image(canvas, np.array([[np.nan], [1.0]]))
    cell = shown(canvas).cells[0][0]
    assert (cell.text, cell.style[1]) == ("▄", "49")


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_resizing_keeps_the_mean(n, rows, columns):
    values = np.random.default_rng(n).normal(size=(n, 7))
    mean = shapes.resized(values, rows, columns).mean()
    np.testing.assert_allclose(mean, values.mean(), atol=1e-9)


@pytest.mark.parametrize(
    ("share", "text"), [(0, ""), (1, "████"), (0.5, "██"), (1e-9, "▏"), (0.4, "█▋"), (7, "████")]
)
def test_bars_have_eighths_of_a_column(share, text):
    canvas = Canvas.blank(4, 1)
    shapes.bar(canvas, 0, 0, 4, share, BLUE)
    assert shown(canvas).lines == [text]


def test_columns_rise():
    canvas = Canvas.blank(3, 2)
    shapes.columns(canvas, np.array([0.25, 1.0, np.nan]), BLUE)
    assert shown(canvas).lines == [" █", "▄█"]


@given(st.data())
def test_panels_never_overlap_or_exceed_their_space(data):
    names = iter("abcdefghij")

    def box(depth):
        if depth == 0 or data.draw(st.booleans()):
            w, h = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 5))
            limit = data.draw(st.sampled_from([0, 9]))
            return Panel(next(names), w, h, most=limit, widest=limit)
        parts = [box(depth - 1) for _ in range(data.draw(st.integers(1, 3)))]
        return Stack(parts, data.draw(st.booleans()))

    whole = box(2)
    w, h = (n + data.draw(st.integers(0, 30)) for n in least(whole))
    taken = np.zeros((h, w), int)
    for place in arrange(whole, 0, 0, w, h):
        assert place.x + place.width <= w
        assert place.y + place.height <= h
        taken[place.y : place.y + place.height, place.x : place.x + place.width] += 1
    assert taken.max() == 1


def test_space_is_shared_by_weight_between_least_and_most():
    assert shared(20, [2, 2], [0, 0], [1, 2]) == [7, 13]
    assert shared(20, [2, 2], [0, 5], [1, 2]) == [15, 5]
    assert shared(20, [2, 2], [4, 5], [1, 1]) == [4, 5]
    assert shared(3, [2, 1], [0, 0], [1, 1]) == [2, 1]


def test_the_first_layout_that_fits_is_chosen():
    large, small = Panel("large", 60, 20), Panel("small", 20, 5)
    assert choose((large, small), 80, 24) is large
    assert choose((large, small), 50, 24) is small
    assert choose((large, small), 10, 4) is None


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"q", ["q"]),
        (b"\x1b[A\x1b[B\x1bOC\x1b[D", ["up", "down", "right", "left"]),
        (b"\x1b[H\x1b[F\x1b[1~\x1b[4~", ["home", "end", "home", "end"]),
        (b"\t\x1b[Z ?+-", ["tab", "back-tab", "space", "?", "+", "-"]),
        (b"\x1b[200~\x1b[15;2~\x1b]11;rgb:0/0/0\x07\x1b[<0;3;4Mq", ["q"]),
        ("é字".encode(), []),
        (b"\x00\x01\x7f", []),
        (b"\x1aq", ["ctrl-z", "q"]),
    ],
)
def test_sequences_are_decoded_and_unknown_ones_ignored(data, keys):
    assert Keys().feed(data) == keys
    whole = Keys()
    assert [key for n in range(len(data)) for key in whole.feed(data[n : n + 1])] == keys


def test_a_lone_escape_is_a_key_if_nothing_follows():
    keys = Keys()
    assert keys.feed(b"\x1b") == []
    assert keys.unfinished
    assert keys.feed(b"", last=True) == ["escape"]
    assert not keys.unfinished


@given(st.binary(max_size=400))
def test_any_bytes_can_be_decoded(data):
    keys = Keys()
    names = keys.feed(data) + keys.feed(b"", last=True)
    assert all(isinstance(key, str) and key for key in names)
    assert not keys.unfinished


@pytest.mark.parametrize(
    ("signal", "width", "bars"),
    [
        (np.arange(8.0), 8, "▁▂▃▄▅▆▇█"),
        (np.arange(800.0), 8, "▁▂▃▄▅▆▇█"),
        (np.array([0, np.nan, 1]), 3, "▁ █"),
        (np.ones(4), 4, "▄▄▄▄"),
        (np.full(4, np.nan), 4, ""),
    ],
)
def test_a_sparkline_rises_with_its_signal_and_has_gaps(signal, width, bars):
    canvas = Canvas.blank(width, 1, Depth.PLAIN)
    shapes.sparkline(canvas, signal)
    assert printed(canvas) == [bars]


def test_a_photo_has_the_colours_of_its_pixels_or_their_brightness():
    pixels = np.array([[[255, 0, 0]], [[0, 0, 255]]])
    shapes.photo(canvas := Canvas.blank(1, 1), pixels, 255)
    assert shown(canvas).cells[0][0].style[:2] == ("38;2;255;0;0", "48;2;0;0;255")
    shapes.photo(canvas := Canvas.blank(1, 1, Depth.PLAIN), pixels, 255)
    assert printed(canvas) == ["░"]


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
