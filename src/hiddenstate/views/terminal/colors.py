"""Colours of the terminal view: how many there are, the house's inks, scales of numbers.

Inks are of middle lightness, so that they read on a light ground as on a dark one, and blue and
orange carry the meaning, so that the colour-blind see it. Pictures bring their own ground.
"""

from collections.abc import Mapping
from enum import IntEnum
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

DEFAULT = -1
"""The terminal's own ink or ground."""

BLUE, ORANGE, GREEN, GREY = 0x2F7BD9, 0xD0640F, 0x1F8A4C, 0x7C848C

CLASSES = (
    BLUE, ORANGE, GREEN, 0xD13F4A, 0x8E62C9, 0x96694C, 0xD0559F, 0x16899B, 0x8A8420, GREY,
)  # fmt: skip
"""Inks of classes by number; a further class begins again, and is told by its letter."""

LEVELS = 64
"""Shades a scale of numbers is drawn in; more would only be more to write."""


class Depth(IntEnum):
    """How many colours a terminal has."""

    PLAIN = 0
    BASIC = 8
    INDEXED = 256
    TRUE = 1 << 24


def color_depth(environment: Mapping[str, str]) -> Depth:
    """How many colours the terminal has, by NO_COLOR, COLORTERM and TERM.

    GNU screen hands on the COLORTERM of the terminal outside, but not its colours.
    """
    term = environment.get("TERM", "")
    if environment.get("NO_COLOR") or term in ("", "dumb") or term.startswith("vt"):
        return Depth.PLAIN
    within_screen = "STY" in environment
    said = environment.get("COLORTERM", "").lower() in ("truecolor", "24bit")
    if (said and not within_screen) or term.endswith("-direct"):
        return Depth.TRUE
    return Depth.INDEXED if said or "256" in term or "kitty" in term else Depth.BASIC


def scale(*stops: int) -> Array:
    """`LEVELS` colours (LEVELS,) on the straight ways between `stops`, evenly apart."""
    places = np.linspace(0, len(stops) - 1, LEVELS)
    channels = [
        np.interp(places, range(len(stops)), [stop >> shift & 255 for stop in stops])
        for shift in (16, 8, 0)
    ]
    red, green, blue = (np.round(channel).astype(np.int32) for channel in channels)
    return red << 16 | green << 8 | blue


LIGHT = scale(0x12161B, 0xF4F4F0)
"""Of pictures: light ink on a dark ground, in both a light terminal and a dark one."""

CHANCE = scale(0x12161B, 0x1D4E89, 0x3F8FD2, 0xA9CBE3, 0xFFF3C4)
"""Of numbers from 0 to 1."""

SIGNED = scale(0x9CCBFF, 0x2F7BD9, 0x14406F, 0x15181D, 0x7A3A08, 0xD0640F, 0xFFC78A)
"""Of numbers from -1 to 1: blue below zero, orange above."""

BASIC_INKS = {BLUE: 4, ORANGE: 3, GREEN: 2, GREY: 9, 0xD13F4A: 1, 0x8E62C9: 5, 0x96694C: 3,
              0xD0559F: 5, 0x16899B: 6, 0x8A8420: 3}  # fmt: skip
"""The eight old colours' numbers; 9 is the terminal's own ink."""

CUBE = (0, 95, 135, 175, 215, 255)
"""Levels of each channel in the 6x6x6 cube of 256 colours (xterm, `256colres.h`)."""


@cache
def indexed(color: int) -> int:
    """The nearest of the 256 colours to an RGB one: of the cube, or of the 24 greys."""
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
    """What sets `color` as ink or ground in an SGR sequence (ECMA-48; ISO 8613-6)."""
    if color == DEFAULT or depth == Depth.PLAIN:
        return "49" if ground else "39"
    if depth == Depth.BASIC:
        return "49" if ground else f"3{BASIC_INKS.get(color, 9)}"
    if depth == Depth.INDEXED:
        return f"{48 if ground else 38};5;{indexed(color)}"
    red, green, blue = (color >> shift & 255 for shift in (16, 8, 0))
    return f"{48 if ground else 38};2;{red};{green};{blue}"
