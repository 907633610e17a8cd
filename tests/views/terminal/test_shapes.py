"""Curves, pictures and bars of characters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate.views.terminal import shapes
from hiddenstate.views.terminal.canvas import Canvas, printed
from hiddenstate.views.terminal.colors import BLUE, LIGHT, PROBABILITY, SIGNED, Depth, code
from tests.views.terminal.test_canvas import shown


@pytest.mark.parametrize(("reported", "light"), [("0;15", True), ("15;0", False), ("", False)])
def test_pictures_have_the_ground_of_the_terminal(reported, light, monkeypatch):
    monkeypatch.setenv("COLORFGBG", reported)
    for scale, none in ((LIGHT, 0.0), (PROBABILITY, 0.0), (SIGNED, 0.5)):
        canvas = Canvas.blank(1, 1)
        shapes.image(canvas, np.array([[none]]), colors=scale)
        assert (int(canvas.ground[0, 0]) >> 16 > 127) == light


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
