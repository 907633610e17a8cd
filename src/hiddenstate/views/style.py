"""The style of all figures: two themes, colours by role, and text without markup.

Figures name a colour by its role, as in `now().target`. `with theme("dark"):` sets the theme; the
default is light. Colour-blind people can distinguish the roles, and colour is never the only sign
of a meaning; tests compute the first.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import colormaps, font_manager
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgb, to_rgba

from hiddenstate.errors import printable
from hiddenstate.system.typing import Array
from hiddenstate.views import names
from hiddenstate.views.themes import BY_NAME, THEMES, Theme

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
"""Fonts for letters that DejaVu Sans, which matplotlib includes, does not have."""


USUAL, POINTS = 0.54, 64
"""Width of a letter of usual width as a share of the size of its font, a little less than in
`layout.REGULAR` since letters are drawn at whole pixels; and the size in points at which
letters are measured."""

OF_THE_SCREEN = ("backend", "backend_fallback", "interactive", "toolbar")
"""Settings of matplotlib that concern windows and not what is drawn."""

_current: ContextVar[Theme | None] = ContextVar("theme", default=None)


def now() -> Theme:
    """Return the current theme."""
    return _current.get() or BY_NAME[THEMES[0]]


@contextmanager
def theme(name: str | None = None) -> Iterator[Theme]:
    """Draw in the theme `name`, by default the current one; then restore matplotlib's settings.

    All other settings are matplotlib's defaults: a matplotlibrc of the user, which may ask for
    LaTeX or for huge pictures, changes nothing.

    Raises
    ------
    KeyError
        If there is no such theme.
    """
    if name is None and _current.get():
        yield now()
        return
    chosen = now() if name is None else BY_NAME[name]
    before = _current.set(chosen)
    try:
        with mpl.rc_context(_settings(chosen)):
            yield chosen
    finally:
        _current.reset(before)


def _settings(chosen: Theme) -> Any:
    """Return the theme as settings of matplotlib, all but those of the screen."""
    defaults = dict(mpl.rcParamsDefault)
    return {
        **{name: value for name, value in defaults.items() if name not in OF_THE_SCREEN},
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
    """Return the colours (n, 4) of `n` classes in order.

    Up to twenty classes have colours that colour-blind people can distinguish. More repeat them,
    and need their shapes or names beside them.

    Parameters
    ----------
    n : int
    rainbow : bool, default False
        Whether to use matplotlib's `rainbow`, as the classic script does.
    """
    chosen = now()
    if rainbow:
        return np.asarray(colormaps["rainbow"](np.linspace(0, 1, max(n, 2)))[:n])
    every = chosen.classes
    return np.array([to_rgba(every[number % len(every)]) for number in range(n)])


def faded(colors: Array, share: float) -> Array:
    """Mix colours (n, 4) with the background: `share` of the colour."""
    return share * colors + (1 - share) * np.array(to_rgba(now().ground))


def readable_on(color: Any) -> str:
    """Return black or white, the one with more contrast on an RGB colour (WCAG 2)."""
    light = luminance(color)
    return "black" if (light + 0.05) ** 2 > 1.05 * 0.05 else "white"


def luminance(color: Any) -> float:
    """Return the relative luminance of an sRGB colour, 0 to 1 (WCAG 2.2)."""
    part = np.asarray(to_rgb(color), float)
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


@cache
def _map(name: str, *colors: str) -> Colormap:
    return LinearSegmentedColormap.from_list(name, colors)


def pixels_map(photographs: bool) -> Colormap:
    """Return the colours of pixels from 0 to 1: drawings are ink on the theme's paper, and
    photographs are from black to white."""
    if photographs:
        return _map("photograph", "black", "white")
    return _map("ink", now().paper, now().ink)


def toward(color: str) -> Colormap:
    """Return the colours of shares: from the background at 0 to `color` at 1."""
    return _map("toward", now().ground, color)


def signed_map() -> Colormap:
    """Return the colours of numbers from -1, blue, over the background at 0, to 1, orange."""
    if now().name == "light":
        return _map("signed", "#0b3c6f", "#3f8fd0", "#ffffff", "#e58a1f", "#7a3a00")
    return _map("signed", "#a8d4ff", "#2f7fc6", "#15181e", "#c9741a", "#ffd9a3")


def plain(text: object, limit: float = 24) -> str:
    """Return `text` as one line that matplotlib draws literally.

    Formulas are not interpreted, letters that no font has are escaped, and an empty text becomes
    two quotes. From a long text the middle is left out, since names often differ at their ends.

    Parameters
    ----------
    text : object
    limit : float, default 24
        Letters of usual width at most.
    """
    shown = "".join(
        letter if ord(letter) < 128 or _has_shape(letter) else ascii(letter)[1:-1]
        for letter in printable(text)
    )
    if letters(shown) > limit:
        free = limit - letters("…")
        end = shown[len(shown) - names.fitting(shown[::-1], free / 3, letters) :]
        shown = f"{shown[: names.fitting(shown, free - letters(end), letters)]}…{end}"
    return shown.replace("$", r"\$") if shown.strip() else '""'


def shortened(texts: Sequence[str], limit: float) -> list[str]:
    """Return names as :func:`plain` does, of at most `limit` letters, without equal ones.

    The ends of long names are left out; where names would become equal, their middles; and of those
    that would be equal then, all but the beginnings of the parts in which they differ from others.
    """
    shown, limit = [plain(name, 10**6) for name in texts], max(limit, 3)
    ended = [cut(name, limit) for name in shown]
    if len(set(ended)) < len(set(shown)):
        ended = [plain(name, limit) for name in texts]
    return names.kept_apart(shown, ended, limit, letters)


def cut(text: str, limit: float) -> str:
    """Return `text` without its end if it has more than `limit` letters."""
    return names.cut(text, limit, letters)


def letters(text: str) -> float:
    """Return the width of `text` in letters of usual width, as its font has them."""
    return sum(map(_width, text))


@cache
def _width(letter: str) -> float:
    """Return the width of a letter of the first font that has it, in letters of usual width; if
    none has, that of what `plain` writes in its place."""
    code = ord(letter)
    family = next((name for name in families() if code in _letters(name)), None)
    if family is None:
        return letters(ascii(letter)[1:-1])
    font = font_manager.get_font(_file(family))
    font.set_size(POINTS, 72)
    return float(font.load_char(code).linearHoriAdvance / 65536 / POINTS / USUAL)


def _but_bold(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("findfont: Failed to find font weight")


# A fallback font without a bold face is used as it is; matplotlib's warning helps nobody.
logging.getLogger("matplotlib.font_manager").addFilter(_but_bold)


@cache
def families() -> tuple[str, ...]:
    """Return DejaVu Sans and the fallback fonts that are installed."""
    there = {font.name for font in font_manager.fontManager.ttflist}
    return ("DejaVu Sans", *(name for name in FALLBACK_FONTS if name in there))


@cache
def _has_shape(letter: str) -> bool:
    return any(ord(letter) in _letters(family) for family in families())


@cache
def _letters(family: str) -> frozenset[int]:
    """Return the code points that a font family can draw."""
    return frozenset(font_manager.get_font(_file(family)).get_charmap())


def _file(family: str) -> str:
    return str(font_manager.findfont(font_manager.FontProperties(family=[family])))
