"""Draws at which frequencies a regressor is wrong, before and after training."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from hiddenstate.metrics.spectrum import in_bands, in_decibels
from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.layout import (
    KEYED,
    WARNED,
    add_axes,
    fitting_label,
    heading,
    inches,
    legend,
    new_figure,
    place,
    rule,
)
from hiddenstate.views.figures.numbers import brief

NARROW = 5.0
"""Inches below which a figure has few numbers at its axis, and a legend of several lines."""

SAME = 0.1
"""Decibels below which curves are one."""


def spectrum(
    power: Array,
    figure: Figure | None = None,
    *,
    seconds: float | None = None,
    baseline: str = "no network",
) -> Figure:
    """Draw the power of the target, and of its errors, at each frequency in decibels.

    0 dB is the strongest frequency of the target. Where the error of the baseline is the target
    itself without its mean, one line stands for both.

    Parameters
    ----------
    power : ndarray (4, F)
        Frequencies in cycles per step, above 0; the power of the target, of the error of the
        baseline, and of the error of the network.
    figure : Figure, optional
        The figure to draw on, or a part of one.
    seconds : float, optional
        Seconds of a step; frequencies are then in hertz.
    baseline : str
        Name of the baseline.
    """
    figure, now = figure or new_figure(6.4, 3.4), style.now()
    error, whole = power[3].sum(dtype=float), power[1].sum(dtype=float)
    apart = float(in_decibels(error, whole))
    heading(
        figure,
        "Error by frequency",
        f"of held-out steps, by Welch's method; in all {abs(apart):.1f} dB "
        f"{'below' if apart <= 0 else 'above'} the target; 0 dB is its strongest frequency",
    )
    frequency, *curves = in_bands(power.astype(float))
    frequency = frequency / (seconds or 1.0)
    target, before, after = in_decibels(np.array(curves), curves[0].max())
    one, narrow = np.abs(before - target).max() < SAME, inches(figure)[0] < NARROW
    top = KEYED + WARNED * narrow * (2 - one)  # where the legend has a line for each name
    axes = add_axes(figure, place(figure, top=top, left=0.66)[0])
    name = "target: error before, of its mean" if one else "target"
    axes.plot(frequency, target, color=now.target, lw=1.6, label=name)
    if not one:
        name = f"error before: {baseline}"
        axes.plot(frequency, before, color=now.baseline, lw=1.2, ls="--", label=name)
    axes.plot(frequency, after, color=now.prediction, lw=1.6, label="error after")
    low, high = min(each.min() for each in (target, before, after)), max(before.max(), after.max())
    axes.set_ylim(10 * np.floor(low / 10), 10 * np.ceil((max(high, 0) + 1) / 10))
    axes.set_xscale("log")
    axes.set_xlim(frequency[0], frequency[-1])
    axes.xaxis.set_major_locator(LogLocator(10, (1, 3) if narrow else (1, 2, 5), numticks=12))
    axes.xaxis.set_major_formatter(FuncFormatter(brief))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.set_xlabel(f"frequency, {'Hz' if seconds else 'cycles per step'}")
    fitting_label(axes, "power, dB", "dB")
    rule(axes, "both")
    legend(axes)
    return figure
