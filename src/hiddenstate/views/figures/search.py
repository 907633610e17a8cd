"""Draws a search over options: the values of its trials, and how much each option mattered."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from hiddenstate.views import style
from hiddenstate.views.figures.layout import (
    add_axes,
    heading,
    legend,
    name_axes,
    new_figure,
    place,
    rule,
)
from hiddenstate.views.figures.numbers import log_scale, percent

LOG_RATIO = 20.0
"""Ratio of the largest to the smallest value from which they are drawn on a logarithmic scale."""


@dataclass(frozen=True)
class Point:
    """A trial that has a value.

    Parameters
    ----------
    number : int
    value : float
        The validation loss.
    pruned : bool
        Whether the trial was ended early.
    """

    number: int
    value: float
    pruned: bool


def search_history(points: Sequence[Point], note: str = "") -> Figure:
    """Draw the value of each trial, and the best that was complete so far.

    Parameters
    ----------
    points : sequence of Point
    note : str
        A line below the title.
    """
    figure, theme = new_figure(7, 3.6), style.now()
    heading(figure, "trials", note)
    axes = add_axes(figure, place(figure, left=0.75, bottom=0.5, top=0.85)[0])
    ordered = sorted(points, key=lambda point: point.number)
    done = [point for point in ordered if not point.pruned]
    pruned = [point for point in ordered if point.pruned]
    values = np.array([point.value for point in done])
    numbers = [point.number for point in done]
    if pruned:
        axes.plot(
            [point.number for point in pruned],
            [point.value for point in pruned],
            linestyle="none",
            marker="x",
            markersize=5,
            color=theme.muted,
            label="pruned",
        )
    if done:
        axes.plot(
            numbers,
            values,
            linestyle="none",
            marker="o",
            markersize=4.5,
            color=theme.prediction,
            label="complete",
        )
        last = max(point.number for point in ordered)
        best = np.minimum.accumulate(values)
        axes.step(
            [*numbers, last],
            [*best, best[-1]],
            where="post",
            color=theme.valid,
            linewidth=1.4,
            label="best so far",
        )
    every = [point.value for point in ordered]
    if every and min(every) > 0 and max(every) / min(every) > LOG_RATIO:
        log_scale(axes)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
    axes.set_xlim(-0.5, max((point.number for point in ordered), default=0) + 0.5)
    rule(axes)
    legend(axes)
    name_axes(axes, "trial", "validation loss")
    return figure


def search_importance(shares: Sequence[tuple[str, float]], note: str = "") -> Figure:
    """Draw the importance of each option as a bar.

    Parameters
    ----------
    shares : sequence of (str, float)
        Names and importances, which sum to 1, the largest first.
    note : str
        A line below the title.
    """
    figure, theme = new_figure(7, 1.25 + 0.3 * max(len(shares), 1)), style.now()
    heading(figure, "importance of options", note)
    names = style.shortened([name for name, _ in shares], 24)
    left = 0.35 + 0.085 * max(map(len, names), default=0)
    grid = place(figure, left=left, right=0.55, bottom=0.5, top=0.62)
    axes = add_axes(figure, grid[0])
    places = range(len(shares))
    axes.barh(places, [share for _, share in shares], height=0.6, color=theme.prediction)
    for number, (_, share) in enumerate(shares):
        axes.text(
            share,
            number,
            f" {percent(share)}",
            va="center",
            color=theme.ink,
            fontsize=style.SMALL_POINTS,
        )
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, position: percent(share)))
    axes.set_xlim(0, max([share for _, share in shares], default=1.0))
    axes.tick_params(axis="y", length=0)
    rule(axes, "x")
    name_axes(axes, "share of the variance of the validation loss")
    return figure
