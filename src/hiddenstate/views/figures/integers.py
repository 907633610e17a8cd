"""Draws what a net in integers lost: how far its answers are off, and which vectors are cut."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.layout import add_axes, heading, name_axes, new_figure, place

BINS = 48


@dataclass(frozen=True)
class Rounded:
    """What is drawn.

    Parameters
    ----------
    differences : ndarray
        Sizes of the differences of answers.
    unit : str
        Of them.
    names : sequence of str (V,)
        Of the vectors, with their bits.
    shares : sequence of float (V,)
        Of the numbers of each, those that are cut.
    title, note : str
    """

    differences: Array
    unit: str
    names: Sequence[str]
    shares: Sequence[float]
    title: str
    note: str


def integers(rounded: Rounded) -> Figure:
    """Draw differences as a histogram, its counts by powers of ten, and a bar for each vector."""
    n, now = len(rounded.names), style.now()
    figure = new_figure(8.6, max(3.2, 1.5 + 0.26 * n))
    heading(figure, rounded.title, rounded.note)
    grid = place(
        figure, 1, 2, left=0.75, right=0.55, top=0.75, bottom=0.5, widths=(1, 0.8), gap=(2.0, 0)
    )
    left, right = (add_axes(figure, grid[0, column]) for column in range(2))
    sizes = np.ravel(rounded.differences)
    most = float(sizes.max(initial=0)) or 1.0
    left.hist(sizes, bins=BINS, range=(0, most), color=now.prediction)
    left.set_yscale("log")
    left.set_ylim(bottom=0.7)
    name_axes(left, f"difference ({rounded.unit})", "answers")
    places, shares = np.arange(n)[::-1], np.array(rounded.shares) * 100
    right.barh(places, shares, color=now.target, height=0.7)
    right.set_xlim(0, max(0.1, 1.25 * float(shares.max(initial=0))))
    for at, share in zip(places, shares, strict=True):
        right.annotate(
            f"{share:.2g} %" if share else "0",
            (share, at),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=style.SMALL_POINTS,
        )
    right.set_yticks(places, [style.plain(name, 30) for name in rounded.names])
    name_axes(right, "cut numbers (%)")
    return figure
