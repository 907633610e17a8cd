"""Draws what in a row an answer rests on: the row, lit where it counts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import MaxNLocator

from hiddenstate.data.framing import Framing
from hiddenstate.metrics.reasons import BASELINES, OCCLUSION, OF_FLOATS, SIDES, Reason
from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.layout import (
    HEADED,
    REGULAR,
    add_axes,
    fitting_label,
    heading,
    inches,
    name_axes,
    new_figure,
    on_page,
    part_of,
    place,
    shade,
    write,
)
from hiddenstate.views.figures.pixels import draw_sound
from hiddenstate.views.row_form import INK, RowForm
from hiddenstate.views.spectrogram import drawn_levels

LANES, BARS = 6, 16
"""Features that are drawn, those that count most."""

WIDE, BESIDE = 8.6, 10.8
"""Inches of the width of a figure, and of one with two pictures beside each other."""

EDGES = {"left": 0.0, "right": 1.0, "bottom": 0.0, "top": 1.0}

LITTLE = 0.02
"""Share of all that counts that steps before those that are drawn may have."""

LEAST_HIGH = 2.2
"""Inches that the drawing of a row has at least on a narrow page."""

HIGH = 99.5
"""Percentile of the sizes of attributions from which on colours are full."""


BY = {OCCLUSION: " (by occlusion)", OF_FLOATS: " (of the same network in floats)"}
"""What a title says of how it was found."""

LINE = 400
"""Letters of a title or a note, of which a heading shows those that it has room for."""


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
    base : str
        What the answer is compared with.
    picture : tuple of int, optional
        Height and width of the picture that a row is, steps down, with 3 after them in colour.
    sound : Framing, optional
        How the steps were cut from a sound, in bands.
    """

    values: Array
    attributions: Array
    names: Sequence[str]
    title: str
    note: str
    unit: str
    base: str = ""
    picture: tuple[int, ...] | None = None
    sides: tuple[str, str] = SIDES
    sound: Framing | None = None


def lit_of(reason: Reason, title: str = "", with_values: bool = True) -> Lit:
    """Return what is drawn of a reason, by default with a title that names the answer; the names of
    quantities `with_values`, if they do not have them yet."""
    if not title:
        title = f"Why {reason.answer}" if reason.has_odds else f"What {reason.answer} rests on"
        title += BY.get(reason.why.kind, "")
    base = BASELINES[reason.why.baseline]
    if reason.why.kind == OF_FLOATS:
        base += "; of the same network in floats, as integers have no gradient"
    names = list(reason.names)
    if len(reason.values) == 1 and with_values:
        names = [f"{name} = {reason.said(k)}" for k, name in enumerate(names)]
    return Lit(
        reason.values,
        reason.why.attributions,
        names,
        title,
        f"{reason.where()}; {reason.compared()}",
        reason.unit or f"units of {reason.answer}",
        base,
        reason.picture,
        reason.sides,
        reason.sound,
    )


def why(rows: Sequence[Lit], figure: Figure | None = None, title: str = "") -> Figure:
    """Draw rows and their attributions: red what is for an answer, blue what is against it.

    A picture is drawn beside its attributions, the lanes of a series over theirs, and quantities as
    a bar each. Of more than six lanes or 16 bars, those that count most are drawn. Of several rows,
    each has a heading, and the figure has the `title`.
    """
    several = len(rows) > 1
    heights = [_height(lit, several) for lit in rows]
    width = WIDE if rows[0].picture is None else 7.6
    beside = several and rows[0].picture is not None and on_page(BESIDE) == BESIDE
    if beside:
        width, heights = BESIDE, heights[:1]
    head = HEADED if several else 0.0
    whole = figure or new_figure(width, sum(heights) + head, (LEAST_HIGH + head) * len(rows))
    if not several:
        _draw(whole, rows[0])
        return whole
    heading(whole, title, f"compared with {rows[0].base}")
    columns = len(rows) if beside else 1
    grid = whole.add_gridspec(
        1 + len(heights), columns, height_ratios=[head, *heights], **EDGES, wspace=0, hspace=0
    )
    for place_of, lit in enumerate(rows):
        down, across = divmod(place_of, columns)
        _draw(part_of(whole.add_subfigure(grid[1 + down, across])), lit)
    return whole


def _draw(figure: FigureBase, lit: Lit) -> None:
    heading(figure, style.plain(lit.title, LINE), style.plain(lit.note, LINE))
    if lit.picture is not None:
        _picture(figure, lit)
    elif lit.sound is not None:
        _sound(figure, lit, lit.sound)
    elif len(lit.values) == 1:
        _bars(figure, lit)
    else:
        _lanes(figure, lit)


def _height(lit: Lit, several: bool) -> float:
    """Return the height of the drawing of a row in inches, of one alone or of `several`."""
    if lit.picture is not None:
        return 3.4 if several else 4.3
    if lit.sound is not None:
        return 3.2
    if len(lit.values) == 1:
        return 1.35 + 0.3 * min(max(len(lit.names), 3), BARS)
    return 1.55 + 0.75 * min(max(len(lit.names), 2), LANES)


def _high(attributions: Array) -> float:
    sizes: Array = np.abs(attributions)
    high = float(np.percentile(sizes, HIGH)) if sizes.size > 200 else 0.0
    most = float(sizes.max())
    return float(high or most or 1.0)


def _colors() -> Colormap:
    """Return the colours of attributions: what is against on one side, what is for it on the other.

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
    at: dict[str, Any] = {"ha": "left", "within": "axes fraction"}
    write(axes, lit.sides[1], (0, 0), (0, -4), color=now.prediction, va="top", **at)
    write(axes, lit.sides[0], (0, 1), (0, 4), color=now.target, va="bottom", **at)
    fitting_label(axes, style.plain(lit.unit, 24))


def _picture(figure: FigureBase, lit: Lit) -> None:
    height, width, *colors = lit.picture or lit.values.shape
    grid = place(
        figure, 1, 3, left=0.15, right=0.95, top=0.85, bottom=0.3, widths=(1, 1, 0.04), gap=(0.3, 0)
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


def _sound(figure: FigureBase, lit: Lit, framing: Framing) -> None:
    T, n = lit.values.shape
    low, top = drawn_levels(lit.values, lit.values)
    form = RowForm((T, n), np.full(n, low), np.full(n, top), picture=(n, T), sound=framing)
    margins = {"left": 0.95, "right": 1.0, "top": 0.85, "bottom": 0.5}
    grid = place(figure, 2, 2, **margins, widths=(1, 0.02), heights=(1, 0.35), gap=(0.2, 0.08))
    high = _high(lit.attributions.sum(axis=1))
    seen, below = add_axes(figure, grid[0, 0]), add_axes(figure, grid[1, 0])
    draw_sound(seen, lit.values, form)
    seen.set_xticklabels([])
    added = lit.attributions.sum(axis=1)
    now = style.now()
    inks = [now.target if value >= 0 else now.prediction for value in added]
    below.bar(np.arange(T) + 0.5, added, width=1.0, color=inks)
    below.axhline(0, color=now.muted, linewidth=0.8)
    below.set_ylim(-1.05 * high, 1.05 * high)
    below.set_yticks([])
    below.set_ylabel("adds", rotation=0, ha="right", va="center", fontsize=style.SMALL_POINTS)
    each = framing.times(2)[1]
    ticks = [tick for tick in MaxNLocator(6).tick_values(0, T * each) if 0 <= tick <= T * each]
    for axes in (seen, below):
        axes.set_xlim(0, T)
        axes.set_xticks([tick / each for tick in ticks], [f"{tick:g}" for tick in ticks])
    seen.set_xticklabels([])
    name_axes(below, "time in s")
    _scale(add_axes(figure, grid[:, 1]), high, lit)


def _tint(attributions: Array, high: float) -> Array:
    """Return colours (..., 4) that cover more of what is under them the larger attributions are."""
    now, shares = style.now(), np.clip(attributions / high, -1, 1)
    inks = np.where(shares[..., None] >= 0, to_rgb(now.target), to_rgb(now.prediction))
    return np.concatenate([inks, np.abs(shares)[..., None]], axis=-1)


def _lanes(figure: FigureBase, lit: Lit) -> None:
    T, n = lit.values.shape
    shown = _most(lit, LANES)
    first = _first_that_counts(lit.attributions)
    sizes = (1, 0.02)
    grid = place(
        figure,
        len(shown),
        2,
        left=0.95,
        right=1.0,
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
        axes.set_xlim(first - 0.5, T - 0.5)
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


def _first_that_counts(attributions: Array) -> int:
    """Return the first step that is drawn: before it is little that counts, if it is half a row."""
    size = np.cumsum(np.abs(attributions).sum(axis=1))
    first = int(np.searchsorted(size, LITTLE * size[-1]))
    return first if 2 * first >= len(size) else 0


def _most(lit: Lit, most: int) -> list[int]:
    """Return the features that count most, in their order."""
    size = np.abs(lit.attributions).sum(axis=0)
    return sorted(np.argsort(-size, kind="stable")[:most].tolist())


def _bars(figure: FigureBase, lit: Lit) -> None:
    shown = _most(lit, BARS)[::-1]
    added = lit.attributions[0][shown]
    left = min(2.4, 0.45 * inches(figure)[0])
    axes = add_axes(figure, place(figure, left=left, right=0.3, top=0.8, bottom=0.5)[0, 0])
    now = style.now()
    inks = [now.target if value >= 0 else now.prediction for value in added]
    axes.barh(np.arange(len(shown)), added, color=inks, height=0.7)
    axes.axvline(0, color=now.muted, linewidth=0.8)
    most = (left - 0.2) / (REGULAR * style.SMALL_POINTS)
    texts = [style.plain(lit.names[k], most) for k in shown]
    axes.set_yticks(np.arange(len(shown)), texts)
    more = len(lit.names) - len(shown)
    unit = f"adds to the answer ({lit.unit})"
    name_axes(axes, unit + (f"; {more} more count less" if more else ""))
