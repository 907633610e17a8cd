"""The house style of every picture: two themes, colours by role, text that is only text.

Figures ask for colours by what they mean (`now().target`), inside `with theme("dark"):` or, if
nobody says, in the light one. A role's colours stay apart for the colour-blind, and no meaning
hangs on colour alone; tests compute both.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

import matplotlib as mpl
import numpy as np
from matplotlib import colormaps, font_manager
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgb, to_rgba
from numpy.typing import NDArray

from hiddenstate.errors import printable

Array = NDArray[Any]

TITLE_POINTS, TEXT_POINTS, SMALL_POINTS = 11, 9, 8

FALLBACK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Source Han Sans SC",
    "PingFang SC",
    "Hiragino Sans GB",
    "Heiti TC",
    "Arial Unicode MS",
    "Microsoft YaHei",
    "SimHei",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Noto Emoji",
)
"""Fonts asked for letters that DejaVu Sans, which comes with matplotlib, does not have."""


@dataclass(frozen=True)
class Theme:
    """Colours by role, on one ground.

    `target` and `prediction` are the red and blue of the classic scripts: for the colour-blind
    the two stay apart more than any other pair of their contrast.
    """

    name: str
    ground: str
    paper: str  # what a picture's empty pixels are drawn in
    ink: str
    muted: str
    faint: str
    target: str
    prediction: str
    right: str
    wrong: str
    batch: str
    train: str
    valid: str
    test: str
    baseline: str
    carried: str
    reset: str
    classes: tuple[str, ...]


# Ten colours found by search for distance under colour vision deficiency: M. A. Petroff,
# "Accessible Color Sequences for Data Visualization" (2021), arXiv:2107.02270, table 1.
PETROFF = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)

_LIGHT = Theme(
    name="light", ground="#ffffff", paper="#ffffff",
    ink="#1b1f24", muted="#626b76", faint="#e3e6ea",
    target="#c6262e", prediction="#1f6fb4", right="#1f6fb4", wrong="#c6262e",
    batch="#b3bac4", train="#1f6fb4", valid="#b36200", test="#1f6fb4", baseline="#626b76",
    carried="#1f6fb4", reset="#b36200", classes=PETROFF,
)  # fmt: skip

# The two of the ten that a dark ground swallows are lighter here.
_DARK = Theme(
    name="dark", ground="#15181e", paper="#1d2129",
    ink="#e8eaed", muted="#9aa3ae", faint="#2e343d",
    target="#ff7a6b", prediction="#6cb6ff", right="#6cb6ff", wrong="#ff7a6b",
    batch="#5f6975", train="#6cb6ff", valid="#f2b04e", test="#6cb6ff", baseline="#9aa3ae",
    carried="#6cb6ff", reset="#f2b04e",
    classes=tuple({"#bd1f01": "#d8351a", "#832db6": "#a04fd6"}.get(c, c) for c in PETROFF),
)  # fmt: skip

_BY_NAME = {"light": _LIGHT, "dark": _DARK}

THEMES = tuple(_BY_NAME)
"""Names of the themes; the first is used where none is said."""

_current: ContextVar[Theme | None] = ContextVar("theme", default=None)


def now() -> Theme:
    """The theme in force."""
    return _current.get() or _LIGHT


@contextmanager
def theme(name: str | None = None) -> Iterator[Theme]:
    """Draw in the theme `name`, or in the one in force; matplotlib's settings are put back after.

    Raises
    ------
    KeyError
        If there is no such theme.
    """
    if name is None and _current.get():
        yield now()
        return
    chosen = now() if name is None else _BY_NAME[name]
    before = _current.set(chosen)
    try:
        with mpl.rc_context(_settings(chosen)):
            yield chosen
    finally:
        _current.reset(before)


def _settings(chosen: Theme) -> Any:
    """The theme as matplotlib takes it."""
    return {
        "font.family": list(families()),
        "font.size": TEXT_POINTS,
        "text.color": chosen.ink,
        "figure.facecolor": chosen.ground,
        "axes.facecolor": "none",
        "axes.edgecolor": chosen.muted,
        "axes.labelcolor": chosen.muted,
        "axes.labelsize": SMALL_POINTS + 0.5,
        "axes.linewidth": 0.8,
        "axes.unicode_minus": True,
        "axes.grid": False,
        "axes3d.grid": True,
        "axes3d.xaxis.panecolor": to_rgba(chosen.ground, 0.0),
        "axes3d.yaxis.panecolor": to_rgba(chosen.ground, 0.0),
        "axes3d.zaxis.panecolor": to_rgba(chosen.ground, 0.0),
        "grid.color": chosen.faint,
        "grid.linewidth": 0.8,
        "xtick.color": chosen.muted,
        "ytick.color": chosen.muted,
        "xtick.labelsize": SMALL_POINTS,
        "ytick.labelsize": SMALL_POINTS,
        "legend.frameon": False,
        "legend.fontsize": SMALL_POINTS,
        "lines.solid_capstyle": "round",
        "path.simplify": True,
        "savefig.facecolor": "auto",
        "svg.fonttype": "path",
    }


def class_colors(n: int, rainbow: bool = False) -> Array:
    """Colours (n, 4) of `n` classes in their order.

    Up to ten are Petroff's. Of more no ten-fold palette stays apart, so they are shades in order,
    and what a class is called must be written beside it. `rainbow` gives matplotlib's map of that
    name, the one of the classic script.
    """
    chosen = now()
    if rainbow:
        return np.asarray(colormaps["rainbow"](np.linspace(0, 1, max(n, 2)))[:n])
    if n <= len(chosen.classes):
        return np.array([to_rgba(color) for color in chosen.classes[:n]])
    ends = (0.0, 0.92) if chosen.name == "light" else (0.18, 1.0)
    return np.asarray(colormaps["viridis"](np.linspace(*ends, n)))


def faded(colors: Array, share: float) -> Array:
    """Colours (n, 4) mixed with the ground: `share` of the colour, the rest of the ground."""
    return share * colors + (1 - share) * np.array(to_rgba(now().ground))


def readable_on(color: Any) -> str:
    """Black or white, whichever reads better on an RGB colour (WCAG 2 contrast)."""
    light = luminance(color)
    return "black" if (light + 0.05) ** 2 > 1.05 * 0.05 else "white"


def luminance(color: Any) -> float:
    """Relative luminance of an sRGB colour, 0 to 1 (WCAG 2.2)."""
    part = np.asarray(to_rgb(color), float)
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


@cache
def _map(name: str, *colors: str) -> Colormap:
    return LinearSegmentedColormap.from_list(name, colors)


def pixels_map(rows: Array) -> Colormap:
    """What pixels from 0 to 1 are drawn in, as told by `rows` like them.

    Drawings on an empty ground, most of whose pixels are 0, are ink on the theme's paper; other
    pictures are photographs, from black to white.
    """
    if rows.size and np.median(rows) > 0.1:
        return _map("photograph", "black", "white")
    return _map("ink", now().paper, now().ink)


def toward(color: str) -> Colormap:
    """From the ground, 0, to `color`, 1: shares."""
    return _map("toward", now().ground, color)


def signed_map() -> Colormap:
    """From -1 over the ground at 0 to 1: blue, then orange, which the colour-blind tell apart."""
    if now().name == "light":
        return _map("signed", "#0b3c6f", "#3f8fd0", "#ffffff", "#e58a1f", "#7a3a00")
    return _map("signed", "#a8d4ff", "#2f7fc6", "#15181e", "#c9741a", "#ffd9a3")


def plain(text: object, limit: int = 24) -> str:
    """`text` on one line as matplotlib draws it: no formula, no letter without a shape, never
    nothing; of a long one the middle is left out, since names often differ at their ends."""
    shown = "".join(
        letter if ord(letter) < 128 or _has_shape(letter) else ascii(letter)[1:-1]
        for letter in printable(text)
    )
    if len(shown) > limit:
        tail = (limit - 1) // 3
        shown = f"{shown[: limit - 1 - tail]}…{shown[len(shown) - tail :]}"
    return shown.replace("$", r"\$") if shown.strip() else '""'


def letters(text: str) -> int:
    """How many letters' room `text` takes; those of Chinese, Japanese and Korean take two."""
    return sum(1 + (east_asian_width(letter) in "WF") for letter in text)


def _but_bold(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("findfont: Failed to find font weight")


# A fallback font without a bold face is used as it is, which nobody needs to be told.
logging.getLogger("matplotlib.font_manager").addFilter(_but_bold)


@cache
def families() -> tuple[str, ...]:
    """DejaVu Sans and those of the fallback fonts that are installed."""
    there = {font.name for font in font_manager.fontManager.ttflist}
    return ("DejaVu Sans", *(name for name in FALLBACK_FONTS if name in there))


@cache
def _has_shape(letter: str) -> bool:
    return any(ord(letter) in _letters(family) for family in families())


@cache
def _letters(family: str) -> frozenset[int]:
    """Code points that a font family draws."""
    path = Path(font_manager.findfont(font_manager.FontProperties(family=[family])))
    return frozenset(font_manager.get_font(str(path)).get_charmap())
