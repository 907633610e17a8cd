"""Draws forecasts of series with their intervals, after the last values that are known."""

from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure

from hiddenstate.system.typing import Array
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

LANE = 2.2
"""Height of the lane of a series in inches."""


@dataclass(frozen=True)
class Fan:
    """The forecast of one target of a series.

    Parameters
    ----------
    name : str
    past : ndarray (n,)
        The last known values.
    forecast : ndarray (H,)
    intervals : dict
        By level, the lower and the upper end (H,) of the interval.
    members : tuple, optional
        The lowest and the highest forecast (H,) of the members of a net.
    last : str
        The time of the last forecast; empty if there is none.
    """

    name: str
    past: Array
    forecast: Array
    intervals: dict[float, tuple[Array, Array]] = field(default_factory=dict)
    members: tuple[Array, Array] | None = None
    last: str = ""


def forecasts(fans: list[Fan], note: str = "") -> Figure:
    """Draw each fan in a lane of its own, the step of the last known value at 0.

    Parameters
    ----------
    fans : list of Fan
    note : str
        A line below the title.
    """
    height = 1.3 + LANE * len(fans)
    figure = new_figure(8, height)
    heading(figure, "Forecast", note)
    theme = style.now()
    grid = place(figure, len(fans), left=0.8, top=0.95, bottom=0.5, gap=(0.2, 0.75))
    for i, fan in enumerate(fans):
        axes = add_axes(figure, grid[i, 0])
        ahead = np.arange(len(fan.forecast) + 1)
        start = fan.past[-1:]
        for level, (low, high) in sorted(fan.intervals.items(), reverse=True):
            axes.fill_between(
                ahead,
                np.concatenate([start, low]),
                np.concatenate([start, high]),
                color=theme.prediction,
                alpha=0.16 if level == max(fan.intervals) else 0.28,
                linewidth=0,
                label=f"{100 * level:g} %",
            )
        before = np.arange(1 - len(fan.past), 1)
        axes.plot(before, fan.past, color=theme.target, linewidth=1.2, label="known")
        middle = np.concatenate([start, fan.forecast])
        axes.plot(
            ahead, middle, color=theme.prediction, linestyle="--", linewidth=1.4, label="forecast"
        )
        for k, end in enumerate(fan.members or ()):
            axes.plot(
                ahead,
                np.concatenate([start, end]),
                color=theme.prediction,
                linewidth=0.7,
                linestyle=":",
                label="" if k else "members alone",
            )
        axes.set_title(
            style.plain(fan.name, 60), loc="right", fontsize=style.SMALL_POINTS, color=theme.muted
        )
        axes.set_xlim(before[0], ahead[-1])
        rule(axes)
        words = "steps" + f", to {style.plain(fan.last)}" * bool(fan.last)
        name_axes(axes, words)
        if i == 0:
            legend(axes)
    return figure
