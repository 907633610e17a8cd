"""Draws what in a row an answer rests on: the row, lit where it counts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure

from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.layout import (
    add_axes,
    heading,
    name_axes,
    new_figure,
    place,
    shade,
)
from hiddenstate.views.row_form import INK

LANES, BARS = 6, 16
"""Features that are drawn, those that count most."""

HIGH = 99.5
"""Percentile of the sizes of attributions from which on colours are full."""


@dataclass(frozen=True)
class Lit:
    """A row and what it adds to an answer.

    Parameters
    ----------
    values, attributions : ndarray (T, I)
        In the units of the data, and of the answer.
    names : sequence of str (I,)
    title, note : str
    unit : str
        Of the attributions.
    sides : tuple of str
        What the two colours mean.
    picture : tuple of int, optional
        Height and width of the picture that a row is, steps down, with 3 after them in colour.
    """

    values: Array
    attributions: Array
    names: Sequence[str]
    title: str
    note: str
    unit: str
    picture: tuple[int, ...] | None = None
    sides: tuple[str, str] = ("toward", "against")


def why(lit: Lit) -> Figure:
    """Draw a row and its attributions: red what is toward the answer, blue what is against it.

    A picture is drawn beside its attributions, the lanes of a series over theirs, and quantities as
    a bar each. Of more than six lanes or 16 bars, those that count most are drawn.
    """
    if lit.picture is not None:
        return _picture(lit)
    return _bars(lit) if len(lit.values) == 1 else _lanes(lit)


def _high(attributions: Array) -> float:
    high = float(np.percentile(np.abs(attributions), HIGH)) if attributions.size > 200 else 0.0
    return high or float(np.abs(attributions).max()) or 1.0


def _headed(width: float, height: float, lit: Lit) -> Figure:
    figure = new_figure(width, height)
    heading(figure, lit.title, lit.note)
    return figure


def _colors() -> Colormap:
    """Return the colours of attributions: what is against on one side, what is toward on the other.

    They are those of predictions and of targets, which colour-blind people can distinguish.
    """
    now = style.now()
    return LinearSegmentedColormap.from_list("why", [now.prediction, now.ground, now.target])


def _scale(axes: Axes, high: float, lit: Lit) -> None:
    """Draw the colours from `high` at the top to `-high`, with their numbers and what they mean."""
    now, edges = style.now(), np.linspace(-high, high, 102)
    values = np.linspace(high, -high, 101)[:, None]
    shade(axes, np.array([0, 1]), edges, values, _colors(), -high, high)
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.yaxis.set_label_position("right")
    axes.set_yticks([-high, 0, high], [f"+{high:.2g}", "0", f"\N{MINUS SIGN}{high:.2g}"])
    axes.set_title(lit.sides[0], fontsize=style.SMALL_POINTS, color=now.target, pad=4)
    axes.set_xlabel(lit.sides[1], fontsize=style.SMALL_POINTS, color=now.prediction)
    axes.set_ylabel(style.plain(lit.unit, 24), fontsize=style.SMALL_POINTS)


def _picture(lit: Lit) -> Figure:
    height, width, *colors = lit.picture or lit.values.shape
    figure = _headed(7.6, 4.3, lit)
    grid = place(
        figure, 1, 3, left=0.15, right=0.8, top=0.85, bottom=0.3, widths=(1, 1, 0.04), gap=(0.3, 0)
    )
    read = lit.values.size // math.prod((width, *colors))
    whole = np.zeros((height, width, *colors))
    whole[:read] = lit.values.reshape(whole[:read].shape)
    whole /= max(float(whole.max()), 1e-9)
    is_photograph = float(np.median(whole)) > INK
    added = np.zeros((height, width))
    added[:read] = lit.attributions.reshape(read, width, -1).sum(axis=2)
    high = _high(added)
    extent = (0, width, height, 0)
    for column, alpha in ((0, 1.0), (1, 0.3)):
        axes = add_axes(figure, grid[0, column], ticks=False)
        axes.imshow(
            whole,
            cmap=style.pixels_map(is_photograph),
            alpha=alpha,
            extent=extent,
            interpolation="nearest",
        )
        if column:
            axes.imshow(_tint(added, high), extent=extent, interpolation="nearest")
        edge = np.array([[0, 0], [width, 0], [width, height], [0, height], [0, 0]])
        axes.plot(*edge.T, color=style.now().muted, linewidth=0.6, clip_on=False)
        if read < height:
            axes.plot([0, width], [read, read], color=style.now().ink, linewidth=0.8)
    _scale(add_axes(figure, grid[0, 2]), high, lit)
    return figure


def _tint(attributions: Array, high: float) -> Array:
    """Return colours (..., 4) that cover more of what is under them the larger attributions are."""
    now, shares = style.now(), np.clip(attributions / high, -1, 1)
    inks = np.where(shares[..., None] >= 0, to_rgb(now.target), to_rgb(now.prediction))
    return np.concatenate([inks, np.abs(shares)[..., None]], axis=-1)


def _lanes(lit: Lit) -> Figure:
    T, n = lit.values.shape
    shown = _most(lit, LANES)
    figure = _headed(8.6, 1.55 + 0.75 * max(len(shown), 2), lit)
    sizes = (1, 0.02)
    grid = place(
        figure,
        len(shown),
        2,
        left=0.95,
        right=0.8,
        top=0.85,
        bottom=0.5,
        widths=sizes,
        gap=(0.2, 0.08),
    )
    high, lanes = _high(lit.attributions[:, shown]), list[Axes]()
    for place_of, feature in enumerate(shown):
        axes = add_axes(figure, grid[place_of, 0])
        values, added = lit.values[:, feature], lit.attributions[:, feature]
        finite = values[np.isfinite(values)]
        low, top = (finite.min(), finite.max()) if len(finite) else (0.0, 1.0)
        room = 0.08 * (top - low) or 0.5
        ends = np.array([low - room, top + room])
        across = np.arange(T + 1) - 0.5
        shade(axes, across, ends, added[None], _colors(), -high, high)
        axes.plot(np.arange(T), values, color=style.now().ink, linewidth=1.1)
        axes.set_xlim(-0.5, T - 0.5)
        axes.set_ylim(*ends)
        axes.set_yticks([])
        name = str(lit.names[feature])
        axes.set_ylabel(
            style.plain(name, 14),
            rotation=0,
            ha="right",
            va="center",
            fontsize=style.SMALL_POINTS,
        )
        if place_of < len(shown) - 1:
            axes.set_xticklabels([])
        lanes.append(axes)
    more = n - len(shown)
    name_axes(lanes[-1], "step" + (f"; {more} more features count less" if more else ""))
    _scale(add_axes(figure, grid[:, 1]), high, lit)
    return figure


def _most(lit: Lit, most: int) -> list[int]:
    """Return the features that count most, in their order."""
    size = np.abs(lit.attributions).sum(axis=0)
    return sorted(np.argsort(-size, kind="stable")[:most].tolist())


def _bars(lit: Lit) -> Figure:
    shown = _most(lit, BARS)[::-1]
    added = lit.attributions[0][shown]
    figure = _headed(8.6, 1.35 + 0.3 * max(len(shown), 3), lit)
    axes = add_axes(figure, place(figure, left=2.4, right=0.3, top=0.8, bottom=0.5)[0, 0])
    now = style.now()
    inks = [now.target if value >= 0 else now.prediction for value in added]
    axes.barh(np.arange(len(shown)), added, color=inks, height=0.7)
    axes.axvline(0, color=now.muted, linewidth=0.8)
    texts = [f"{style.plain(str(lit.names[k]), 22)} = {lit.values[0, k]:.4g}" for k in shown]
    axes.set_yticks(np.arange(len(shown)), texts)
    more = len(lit.names) - len(shown)
    unit = f"adds to the answer ({lit.unit})"
    name_axes(axes, unit + (f"; {more} more count less" if more else ""))
    return figure
