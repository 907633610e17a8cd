"""Draws the states of the streams that a regression reads side by side."""

import numpy as np
from matplotlib.figure import Figure

from hiddenstate.views import style
from hiddenstate.views.figures.layout import (
    REGULAR,
    add_axes,
    color_scale,
    heading,
    heat,
    inches,
    new_figure,
    part_of,
    place,
    write,
)
from hiddenstate.views.streams import StreamStates

LINE = 0.17
"""Height in inches of a line with its name."""

LETTERS = 16
"""Letters of a name at most."""


def streams(shown: StreamStates, figure: Figure | None = None) -> Figure:
    """Draw the state of each stream as a line of a heat map, one column a unit.

    The drawn stream is marked. Where lines are low, some have no name.

    Parameters
    ----------
    shown : StreamStates
    figure : Figure, optional
        The figure to draw on, or a part of one.
    """
    n, units = shown.states.shape
    figure = figure or new_figure(5.6, min(max(1.3 + LINE * n, 2.6), 7.0))
    heading(figure, shown.title, shown.note)
    names = [style.plain(name, LETTERS) for name in shown.names]
    left = 0.3 + REGULAR * style.SMALL_POINTS * max(map(style.letters, names), default=1)
    grid = place(figure, 1, 2, left=left, right=0.4, widths=[30, 1], gap=(0.1, 0))
    axes = add_axes(figure, grid[0, 0])
    states = np.where(shown.has_ended[:, None], 0.35, 1.0) * shown.states
    heat(axes, np.arange(units + 1), np.arange(n + 1), states, shown.high)
    axes.set_yticks([])
    axes.set_xlabel("unit, by the time of its response" if inches(figure)[0] > 3 else "unit")
    tall = axes.bbox.height / part_of(figure).dpi / max(n, 1)
    every = max(1, int(np.ceil(LINE / tall)))
    now, drawn = style.now(), shown.drawn
    labelled = [k for k in range(0, n, every) if drawn is None or not 0 < abs(k - drawn) < every]
    for k in labelled if drawn is None else sorted({*labelled, drawn}):
        is_drawn = k == drawn
        write(
            axes,
            names[k],
            (0, k + 0.5),
            (-4, 0),
            ha="right",
            bold=is_drawn,
            color=now.ink if is_drawn else "",
        )
    if drawn is not None:
        axes.axhline(drawn, color=now.ink, lw=0.8)
        axes.axhline(drawn + 1, color=now.ink, lw=0.8)
    color_scale(add_axes(figure, grid[0, 1]), shown.high)
    return figure
