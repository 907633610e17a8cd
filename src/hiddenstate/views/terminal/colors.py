"""Colours of the terminal view: how many the terminal has, the palette, scales for numbers.

The palette has medium lightness, to be readable on light and on dark backgrounds, and contrasts
blue with orange, which colour-blind people can distinguish. Pictures set their own background: a
light one where the terminal reports that its own is light.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from functools import cache

import numpy as np

from hiddenstate.system.typing import Array

DEFAULT = -1
"""The terminal's own foreground or background colour."""

BLUE, ORANGE, GREEN, GREY = 0x2F7BD9, 0xD0640F, 0x1F8A4C, 0x7C848C

TARGET, PREDICTION, BASELINE = 0xD13F4A, BLUE, GREY
"""Red and blue as in figures and pages, and what is predicted without a network."""

CLASSES = (
    BLUE,
    ORANGE,
    GREEN,
    0xD13F4A,
    0x8E62C9,
    0x96694C,
    0xD0559F,
    0x16899B,
    0x8A8420,
    GREY,
)
"""Colours of classes by number; further classes start again and differ by their letters."""

LEVELS = 64
"""Shades of a scale; more would only take longer to write."""


class Depth(IntEnum):
    """The number of colours of a terminal."""

    PLAIN = 0
    BASIC = 8
    INDEXED = 256
    TRUE = 1 << 24


def color_depth(environment: Mapping[str, str]) -> Depth:
    """Return the number of colours of the terminal, from NO_COLOR, COLORTERM and TERM.

    GNU screen passes on the COLORTERM of the outer terminal, but not all of its colours.
    """
    term = environment.get("TERM", "")
    if environment.get("NO_COLOR") or term in ("", "dumb") or term.startswith("vt"):
        return Depth.PLAIN
    within_screen = "STY" in environment
    true_color = environment.get("COLORTERM", "").lower() in ("truecolor", "24bit")
    if (true_color and not within_screen) or term.endswith("-direct"):
        return Depth.TRUE
    return Depth.INDEXED if true_color or "256" in term or "kitty" in term else Depth.BASIC


CUBE = (0, 95, 135, 175, 215, 255)
"""Levels of each channel in the 6x6x6 cube of 256 colours (xterm, `256colres.h`)."""


def rgb(number: int) -> int:
    """Return the RGB colour of one of the 256 colours, from 16 on."""
    if number >= 232:
        return (8 + 10 * (number - 232)) * 0x10101
    red, green, blue = (CUBE[(number - 16) // by % 6] for by in (36, 6, 1))
    return red << 16 | green << 8 | blue


def is_light(environment: Mapping[str, str]) -> bool:
    """Return whether the terminal reports a light background, in COLORFGBG, as rxvt, Konsole and
    others do: the numbers of two of the 16 colours."""
    return environment.get("COLORFGBG", "").rpartition(";")[2] in ("7", "15")


class Scale:
    """Colours for numbers from the smallest to the largest.

    Parameters
    ----------
    stops : sequence of int
        RGB colours at equal distances; those between are interpolated.
    indexed : sequence of int
        Numbers of the 256 colours that replace them in a terminal without more; the nearest ones
        to the interpolated colours would vary in hue.
    on_light : Scale, optional
        What replaces it on a light background.

    Attributes
    ----------
    fine, coarse : ndarray (LEVELS,)
        RGB colours, of all and of the 256.
    on_light : Scale
    """

    def __init__(
        self, stops: Sequence[int], indexed: Sequence[int], on_light: "Scale | None" = None
    ) -> None:
        self.on_light = on_light or self
        places = np.linspace(0, len(stops) - 1, LEVELS)
        mixed = [
            np.interp(places, range(len(stops)), [stop >> shift & 255 for stop in stops])
            for shift in (16, 8, 0)
        ]
        red, green, blue = (np.round(channel).astype(np.int32) for channel in mixed)
        self.fine: Array = red << 16 | green << 8 | blue
        nearest = np.linspace(0, len(indexed) - 1, LEVELS).round().astype(int)
        self.coarse: Array = np.array([rgb(number) for number in indexed], np.int32)[nearest]


LIGHT = Scale(
    (0x12161B, 0xF4F4F0),
    range(233, 256),
    Scale((0xF4F4F0, 0x12161B), range(255, 232, -1)),
)
"""For pictures: light on dark, or dark on light."""

PROBABILITY = Scale(
    (0x12161B, 0x1D4E89, 0x3F8FD2, 0xA9CBE3, 0xFFF3C4),
    (233, 17, 24, 25, 32, 75, 153, 230),
    Scale((0xF4F4F0, 0xA9CBE3, 0x3F8FD2, 0x1D4E89, 0x0B2545), (255, 153, 75, 32, 25, 24, 17)),
)
"""For probabilities, 0 to 1."""

SIGNED = Scale(
    (0x9CCBFF, 0x2F7BD9, 0x14406F, 0x15181D, 0x7A3A08, 0xD0640F, 0xFFC78A),
    (153, 75, 32, 25, 24, 17, 235, 233, 235, 52, 94, 130, 166, 208, 215),
    Scale(
        (0x0B3C6F, 0x2F7BD9, 0xBBD9F2, 0xF4F4F0, 0xF6D7B0, 0xD0640F, 0x7A3A08),
        (17, 24, 25, 32, 75, 153, 255, 223, 215, 208, 166, 130, 94),
    ),
)
"""For numbers from -1 to 1: blue below zero, orange above."""

BASIC_INKS = {
    BLUE: 4,
    ORANGE: 3,
    GREEN: 2,
    GREY: 9,
    0xD13F4A: 1,
    0x8E62C9: 5,
    0x96694C: 3,
    0xD0559F: 5,
    0x16899B: 6,
    0x8A8420: 3,
}
"""The eight basic colours by number; 9 is the terminal's own foreground."""


@cache
def indexed(color: int) -> int:
    """Return the nearest of the 256 colours to an RGB colour: of the cube, or of the 24 greys."""
    channels = [color >> shift & 255 for shift in (16, 8, 0)]
    steps = [min(range(6), key=lambda n: abs(CUBE[n] - channel)) for channel in channels]
    grey = min(max(round((sum(channels) / 3 - 8) / 10), 0), 23)
    of_cube = sum((CUBE[n] - channel) ** 2 for n, channel in zip(steps, channels, strict=True))
    of_greys = sum((8 + 10 * grey - channel) ** 2 for channel in channels)
    if of_greys < of_cube:
        return 232 + grey
    return 16 + 36 * steps[0] + 6 * steps[1] + steps[2]


@cache
def code(color: int, ground: bool, depth: Depth) -> str:
    """Return the SGR parameters for a foreground or `ground` colour (ECMA-48; ISO 8613-6)."""
    if color == DEFAULT or depth == Depth.PLAIN:
        return "49" if ground else "39"
    if depth == Depth.BASIC:
        return "49" if ground else f"3{BASIC_INKS.get(color, 9)}"
    if depth == Depth.INDEXED:
        return f"{48 if ground else 38};5;{indexed(color)}"
    red, green, blue = (color >> shift & 255 for shift in (16, 8, 0))
    return f"{48 if ground else 38};2;{red};{green};{blue}"
