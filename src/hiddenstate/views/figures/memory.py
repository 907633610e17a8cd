"""Draws how the complex states of a net decay and turn, and how far back they reach."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.patches import Circle
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.layout import (
    HEADED,
    REGULAR,
    add_axes,
    heading,
    inches,
    new_figure,
    on_page,
    part_of,
    place,
    rule,
    write,
)
from hiddenstate.views.figures.numbers import brief
from hiddenstate.views.limits import Span, reach_span
from hiddenstate.views.memory import RINGS, period, radius, reach

MARKERS = "os^Dv<>phX"
"""Signs of the layers in the plane."""

ASIDE, ABOVE = 4.6, 4.2
"""Width and height of a figure in inches from which the reaches are beside the plane, or below."""

CLOSE = 24
"""States of a layer from which there is no space between their bars."""

EDGE = 1.12
"""Ends of the axes of the plane."""


def memory(
    eigenvalue: Array,
    figure: Figure | None = None,
    *,
    path: Array | None = None,
    names: Sequence[str] = (),
    row: int | None = None,
    span: Span | None = None,
) -> Figure:
    """Draw eigenvalues in the complex plane, and how many steps back each state reaches.

    The closer an eigenvalue is to the unit circle, the longer its state remembers; its angle is
    how far the state turns in a step. A small figure has the plane alone.

    Parameters
    ----------
    eigenvalue : ndarray (L, S, 2)
        Real and imaginary parts of the states of each layer.
    figure : Figure, optional
        The figure to draw on, or a part of one.
    path : ndarray (P, L, S, 2), optional
        The eigenvalues at earlier moments, from where lines lead to the present ones.
    names : sequence of str (L,), optional
        Names of the layers.
    row : int, optional
        Steps of a row, which are marked.
    span : Span, optional
        The ends of the axis of reaches, as at the other moments of a run.
    """
    L = len(eigenvalue)
    if figure is None:
        wide = on_page(7.4)
        below = wide + 1.1 + max(1.2, 0.5 * L)
        figure = new_figure(wide, max(3.4, 1.2 + 0.62 * L) if wide >= ASIDE else below)
    names = names or [f"layer {k + 1}" for k in range(L)]
    heading(
        figure,
        "How far states reach back",
        "eigenvalues in the complex plane; bars: steps until a response falls to 37%, "
        "dots: periods; lines lead from where they were before",
    )
    width, height = inches(figure)
    colors = style.class_colors(L)
    if width >= ASIDE:
        side = min(height - HEADED - 0.2, 0.48 * width)
        beside = 0.4 + REGULAR * style.SMALL_POINTS * max(map(style.letters, names))
        grid = place(
            figure,
            1,
            2,
            left=0.12,
            right=0.2,
            gap=(beside, 0),
            widths=[side, width - side - beside - 0.35],
        )
        places: list[SubplotSpec] = [grid[0, 0], grid[0, 1]]
    elif height >= ABOVE:
        side = width - 0.4
        left = 0.2 + REGULAR * style.SMALL_POINTS * max(map(style.letters, names))
        grid = place(figure, 2, 1, left=left, gap=(0, 0.25), heights=[side, height - side - 1.2])
        places = [grid[0, 0], grid[1, 0]]
    else:
        places = [place(figure, left=0.12, bottom=0.12)[0]]
    _draw_plane(add_axes(figure, places[0]), eigenvalue, path, colors)
    if len(places) > 1:
        _draw_reaches(figure, places[1], eigenvalue, names, row, span, colors)
    return figure


def _draw_plane(axes: Axes, eigenvalue: Array, path: Array | None, colors: Array) -> None:
    """Draw the unit circle, those of some reaches, and the eigenvalues of each layer."""
    now = style.now()
    axes.set(xlim=(-EDGE, EDGE), ylim=(-EDGE, EDGE), xticks=[], yticks=[])
    axes.set_aspect("equal", adjustable="box")
    axes.spines[:].set_visible(False)
    for at in (axes.axhline, axes.axvline):
        at(0, color=now.faint, lw=0.8)
    axes.add_patch(Circle((0, 0), 1, fill=False, ec=now.muted, lw=1.2))
    for steps in RINGS:
        size = radius(steps)
        axes.add_patch(Circle((0, 0), size, fill=False, ec=now.faint, lw=0.9, ls=(0, (3, 3))))
        words = f"{steps} step{'s' * (steps > 1)}"
        text = write(axes, words, (0, size), (3, -1), ha="left", va="top")
        text.set_bbox({"facecolor": now.ground, "linewidth": 0, "alpha": 0.75, "pad": 0.5})
    if path is not None and len(path) > 1:
        lines = path.transpose(1, 2, 0, 3)
        faint = style.faded(colors, 0.45)
        for layer, color in zip(lines, faint, strict=True):
            axes.add_collection(LineCollection(list(layer), colors=[color], linewidths=0.8))
    size = 5.5 if eigenvalue.size <= 64 else 3.6 if eigenvalue.size <= 256 else 3.0
    for number, (values, color) in enumerate(zip(eigenvalue, colors, strict=True)):
        sign = MARKERS[number % len(MARKERS)]
        axes.plot(
            *values.T, ls="", marker=sign, ms=size, color=color, mec=now.ground, mew=0.4, zorder=3
        )


def _draw_reaches(
    figure: Figure,
    part: SubplotSpec,
    eigenvalue: Array,
    names: Sequence[str],
    row: int | None,
    span: Span | None,
    colors: Array,
) -> None:
    """Draw a bar for each state, the longest first, with a lane for each layer."""
    now, (L, S) = style.now(), eigenvalue.shape[:2]
    low, high, _ = span or reach_span([eigenvalue])
    far, turn = (
        np.clip(np.nan_to_num(reach(eigenvalue), posinf=high), low, high),
        period(eigenvalue),
    )
    lanes = part.subgridspec(L, 1, hspace=0.12)
    for number in range(L):
        axes = add_axes(figure, lanes[number])
        order = np.argsort(-far[number], kind="stable")
        lines = np.arange(S)
        tall = 72 * axes.bbox.height / part_of(figure).dpi
        if S > CLOSE:
            longest = far[number, order]
            axes.fill_betweenx(lines, low, longest, step="mid", color=colors[number], lw=0)
        else:
            thick = min(0.75 * tall / S, 9.0)
            bars = [[(low, k), (steps, k)] for k, steps in enumerate(far[number, order])]
            of_layer: dict[str, Any] = {"colors": [colors[number]], "capstyle": "butt"}
            axes.add_collection(LineCollection(bars, linewidths=thick, **of_layer))
        turns = turn[number, order]
        seen = (turns >= low) & (turns <= high)
        size = max(min(0.6 * tall / S, 5.0), 1.4)
        axes.plot(
            *(turns[seen], lines[seen]),
            ls="",
            marker="o",
            ms=size,
            color=now.ink,
            mec=now.ground,
            mew=0.4 * (size > 3),
        )
        axes.set(ylim=(S - 0.4, -0.6), yticks=[])
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        axes.xaxis.set_major_locator(LogLocator(10, (1,), numticks=7))
        axes.xaxis.set_major_formatter(FuncFormatter(brief))
        axes.xaxis.set_minor_locator(NullLocator())
        if row is not None and low < row < high:
            axes.axvline(row, color=now.ink, lw=1, ls=(0, (4, 3)))
        axes.set_ylabel(style.plain(names[number]), rotation=0, ha="right", va="center")
        axes.tick_params(labelbottom=number == L - 1)
        rule(axes, "x")
    words = ["steps: bars reach, dots are periods", "steps"]
    if row is not None:
        words.insert(0, f"{words[0]}; dashed: a row")
    room = 1.1 * axes.bbox.width / part_of(figure).dpi / (REGULAR * (style.SMALL_POINTS + 0.5))
    axes.set_xlabel(next((text for text in words if len(text) <= room), "steps"))
