"""The colours of the terminal view, at any depth and on any background."""

import numpy as np
import pytest

from hiddenstate.views.terminal import shapes
from hiddenstate.views.terminal.canvas import Canvas, changes
from hiddenstate.views.terminal.colors import (
    BLUE,
    CLASSES,
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
from tests.views.terminal.test_canvas import shown


def luminance(color):
    """Return the relative luminance of an RGB colour (WCAG 2)."""
    parts = np.array([color >> shift & 255 for shift in (16, 8, 0)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


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


@pytest.mark.parametrize("depth", [Depth.PLAIN, Depth.BASIC])
def test_with_few_colours_the_background_keeps_its_own(depth):
    canvas = Canvas.blank(8, 4, depth)
    shapes.image(canvas, np.linspace(0, 1, 64).reshape(8, 8))
    assert "48;" not in changes(canvas, None)
    assert set("".join(shown(canvas).lines)) <= set(" ░▒▓█")
