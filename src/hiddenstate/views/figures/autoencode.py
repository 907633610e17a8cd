"""Draws the figures of an autoencoder: reconstructions, codes, and decoded codes."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import MaxNLocator

from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.cloud import Cloud
from hiddenstate.views.figures.layout import (
    add_axes,
    heading,
    inches,
    new_figure,
    place,
    write,
    write_at,
)
from hiddenstate.views.figures.learning import MAX_ROWS
from hiddenstate.views.figures.thumbnails import draw_thumbnails, figure_size, fit_columns, size_of

SHORT = 3
"""Length of the longest label up to which codes are drawn as labels, not as points."""

LISTED = 20
"""Number of classes up to which points have a legend."""


def reconstructions(
    originals: Array,
    rebuilt: Array,
    picture: tuple[int, int] | None = None,
    figure: FigureBase | None = None,
) -> FigureBase:
    """Draw the first `MAX_ROWS` of rows (N, F) above their reconstructions (N, F)."""
    originals, rebuilt = originals[:MAX_ROWS], rebuilt[:MAX_ROWS]
    figure = figure or _pair_figure(len(originals), picture, 0.68)
    heading(figure, "Reconstructions", "originals above, reconstructions below")
    _pairs(figure, originals, rebuilt, picture, [])
    return figure


def rebuilt_worst(
    rows: Array,
    rebuilt: Array,
    error: Array,
    labels: Sequence[str] | None,
    picture: tuple[int, int] | None = None,
    figure: FigureBase | None = None,
) -> FigureBase:
    """Draw rows with large errors above their reconstructions.

    Parameters
    ----------
    rows, rebuilt : ndarray (K, F)
    error : ndarray (K,)
        Squared errors per number.
    labels : sequence of str, or None
    picture : tuple of int, optional
        Height and width of the picture that a row is.
    figure : FigureBase, optional
        The figure to draw on, or a part of one.
    """
    rows, rebuilt = rows[:MAX_ROWS], rebuilt[:MAX_ROWS]
    n = len(rows)
    figure = figure or _pair_figure(n, picture, 0.86)
    heading(
        figure, "Worst reconstructions", "originals above; under each, the squared error per number"
    )
    below = [f"{value:.3g}" for value in error[:n]]
    if labels is not None:
        named = [style.plain(label, 8) for label in labels]
        below = [f"{name}: {text}" for name, text in zip(named, below, strict=False)]
    _pairs(figure, rows, rebuilt, picture, below)
    return figure


def _pair_figure(n: int, picture: tuple[int, int] | None, around: float) -> Figure:
    """Return a figure for `n` rows above `n` others, with their names at the left."""
    width, _ = figure_size(n, size_of(picture), 1.15, n, 0)
    _, height = figure_size(2, size_of(picture), 1.15, 1, around, 0.06)
    return new_figure(width + 0.6, height)


def _pairs(
    figure: FigureBase,
    upper: Array,
    lower: Array,
    picture: tuple[int, int] | None,
    below: Sequence[str],
) -> None:
    """Draw rows above other rows, with a text under each pair."""
    n, (h, _) = len(upper), size_of(picture)
    bottom = 0.3 if below else 0.12
    axes = add_axes(figure, place(figure, left=0.7, right=0.12, bottom=bottom)[0], ticks=False)
    both = np.concatenate([upper, lower.reshape(upper.shape)])
    thumbnails = draw_thumbnails(
        axes, both, picture, max(n, 1), (0.1, 0.1), like=upper if n else None
    )
    for number, name in ((0, "original"), (n, "rebuilt")):
        if n:
            x, y = thumbnails.corners[number]
            write(axes, name, (x, y + h / 2), (-6, 0), ha="right")
    if below:
        write_at(axes, thumbnails.below[n:], below, style.now().muted, up=-9)


def grid(
    rows: Array,
    picture: tuple[int, int] | None = None,
    like: Array | None = None,
    figure: FigureBase | None = None,
) -> FigureBase:
    """Draw the rows decoded from a square of codes.

    Parameters
    ----------
    rows : ndarray (G*G, F)
        Line by line from the top.
    picture : tuple of int, optional
        Height and width of the picture that a row is.
    like : ndarray (N, F), optional
        Rows of the data; `rows` are drawn in the same range and colours.
    figure : FigureBase, optional
        The figure to draw on, or a part of one.
    """
    side = max(1, math.isqrt(len(rows)))
    figure = figure or new_figure(5.4, 5.9)
    heading(
        figure,
        "Decoded from a square of codes",
        "along their two principal axes, two standard deviations each way",
    )
    axes = add_axes(figure, place(figure, left=0.42, right=0.12, bottom=0.34)[0], ticks=False)
    draw_thumbnails(axes, rows, picture, side, (0.04, 0.04), like=like)
    write(axes, "first principal axis  →", (0.5, 0), (0, -4), va="top", within="axes fraction")
    axes.text(
        -0.015,
        0.5,
        "second principal axis  →",
        transform=axes.transAxes,
        rotation=90,
        ha="right",
        va="center",
        fontsize=style.SMALL_POINTS,
        color=style.now().muted,
    )
    return figure


def walk(
    rows: Array,
    ends: Array | None = None,
    picture: tuple[int, int] | None = None,
    figure: FigureBase | None = None,
) -> FigureBase:
    """Draw the rows decoded along the straight line between two codes.

    Parameters
    ----------
    rows : ndarray (S, F)
    ends : ndarray (2, F), optional
        The rows of the two codes, drawn in frames at the ends.
    picture : tuple of int, optional
        Height and width of the picture that a row is.
    figure : FigureBase, optional
        The figure to draw on, or a part of one.
    """
    now = style.now()
    shown, frames = rows, [now.faint] * len(rows)
    if ends is not None and len(ends) == 2:
        shown = np.concatenate([ends[:1], rows, ends[1:]])
        frames = [now.target, *frames, now.target]
    n, (h, w) = len(shown), size_of(picture)
    figure = figure or new_figure(*figure_size(n, (h, w), 0.85, n, 0.66))
    heading(
        figure,
        "A walk between two codes",
        "framed: two rows; between them, rows decoded along the line between their codes",
    )
    width, height = inches(figure)
    columns, gap, _ = fit_columns(n, (h, w), width - 0.24, max(height - 0.66, 0.2))
    axes = add_axes(figure, place(figure, left=0.12, right=0.12, bottom=0.1)[0], ticks=False)
    draw_thumbnails(axes, shown, picture, columns, gap, frames, ends)
    return figure


def codes(
    values: Array,
    labels: Array | None,
    names: Sequence[str],
    rainbow: bool = False,
    figure: FigureBase | None = None,
) -> FigureBase:
    """Draw codes (N, Z) in space, each as its label on the colour of its class.

    Of longer codes the first three numbers are drawn. Codes of two numbers lie in a plane, codes
    of one along a line, with one line per class. If labels are long, codes are points. Codes that
    are not finite are left out.

    Parameters
    ----------
    values : ndarray (N, Z)
    labels : ndarray (N,) or None
        Class number of each code; without them codes are points.
    names : sequence of str
        Label of each class number.
    rainbow : bool
        Whether to use the colours of the classic script.
    """
    figure = figure or new_figure(6.4, 5.8)
    N, Z = values.shape
    shown = np.asarray(values[:, :3], float)
    if Z == 1:  # along a line, one line per class
        rows = np.zeros(N) if labels is None else labels
        shown = np.column_stack([values[:, 0], rows])
    note = f"{N:,} rows, {Z} number{'s' * (Z != 1)} each" + (", the first 3 shown" if Z > 3 else "")
    finite = np.isfinite(shown).all(axis=1)
    shown, labels = shown[finite], None if labels is None else labels[finite]
    heading(figure, "Codes", note)
    space = shown.shape[1] == 3
    axes: Any
    if space:
        part = place(figure, left=0.0, right=0.2, bottom=0.2, top=0.3)[0]
        axes = figure.add_subplot(part, projection="3d")
    else:
        axes = add_axes(figure, place(figure)[0])
    _draw_codes(axes, shown, labels, [style.plain(name, 12) for name in names], rainbow)
    _fit(axes, shown, Z)
    return figure


def _draw_codes(
    axes: Any, shown: Array, labels: Array | None, names: Sequence[str], rainbow: bool
) -> None:
    now = style.now()
    colors = style.class_colors(len(names), rainbow)
    if labels is None or not len(names):
        axes.add_collection(Cloud(axes, shown, None, [], [now.prediction]), autolim=False)
        return
    if max(len(name) for name in names) <= SHORT:
        axes.add_collection(Cloud(axes, shown, labels, names, colors), autolim=False)
        return
    axes.add_collection(Cloud(axes, shown, labels, None, colors), autolim=False)
    if len(names) <= LISTED:
        axes.legend(
            handles=[
                axes.scatter(*[[]] * shown.shape[1], color=[color], s=28, label=name)
                for name, color in zip(names, colors, strict=True)
            ],
            loc="upper right",
            borderaxespad=0.0,
            labelcolor=now.muted,
        )


def _fit(axes: Any, shown: Array, n_numbers: int) -> None:
    """Fit the axes to the codes, with few ticks."""

    now, space = style.now(), shown.shape[1] == 3
    for number, axis in enumerate("xyz"[: shown.shape[1]]):
        low, high = (shown[:, number].min(), shown[:, number].max()) if len(shown) else (0.0, 0.0)
        room = (0.02 if space else 0.05) * (high - low) or max(1.0, 0.05 * abs(high))
        getattr(axes, f"set_{axis}lim")(low - room, high + room)
        label = f"code {number + 1}" if n_numbers > number else ""
        getattr(axes, f"set_{axis}label")(label, labelpad=-2 if space else None)
        getattr(axes, f"{axis}axis").set_major_locator(MaxNLocator(4))
    if space:
        axes.set_box_aspect(None, zoom=1.04)
        axes.tick_params(pad=-1, labelsize=style.SMALL_POINTS, labelcolor=now.muted)
        for one in (axes.xaxis, axes.yaxis, axes.zaxis):
            one.line.set_color(now.faint)
    elif n_numbers == 1:
        axes.set_yticks([])
