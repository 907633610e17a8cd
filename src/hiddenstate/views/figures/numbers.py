"""Writes the numbers at axes: short, without a factor beside them, and late times in full."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator, ScalarFormatter

from hiddenstate.system.typing import Array

EVEN_RATIO, POWERS_RATIO = 8, 100
"""Ratio of the ends of a log axis below which it has the ticks of a linear one, and below which it
has ticks between powers of ten."""

LONGEST_NUMBER = 7
"""Letters of a number at an axis up to which it is written with its power of ten."""

LATE = 1e6
"""Time from which an axis has few ticks, since their numbers are long."""


class Numbers(ScalarFormatter):
    """Formats large and small numbers of an axis as 2e8, so that no factor stands beside it.

    Where such numbers would be long, as they differ little, the factor or offset stands there.
    """

    def __init__(self) -> None:
        super().__init__()
        self._powers: dict[float, str] = {}

    def set_locs(self, locs: Any) -> None:
        """Choose how to format the ticks at `locs`."""
        self._powers = {}
        super().set_locs(locs)
        plain = max((len(super(Numbers, self).__call__(value)) for value in locs), default=0)
        if not super().get_offset() and plain < LONGEST_NUMBER:
            return
        texts = {float(value): brief(float(f"{value:.9g}")) for value in locs}
        if max(map(len, texts.values()), default=0) <= LONGEST_NUMBER:
            self._powers = texts

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return the text of the tick at `x`."""
        return self._powers.get(float(x)) or super().__call__(x, pos)

    def get_offset(self) -> str:
        """Return the factor or the offset beside the axis."""
        return "" if self._powers else super().get_offset()


def log_scale(axes: Axes) -> None:
    """Make the y axis logarithmic, with ticks at powers of ten, or also between them if few."""
    low, high = axes.dataLim.intervaly
    if axes.get_autoscaley_on() and 0 < low <= high < low * (1 + 1e-9):  # equal but for rounding
        axes.autoscale(False, axis="y")
        axes.set_ylim(low / 2, 2 * high)
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    ratio = high / low
    if ratio < EVEN_RATIO:
        axes.yaxis.set_major_locator(MaxNLocator(3))
    else:
        subs = (1, 2, 5) if ratio < POWERS_RATIO else (1,)
        axes.yaxis.set_major_locator(LogLocator(10, subs, numticks=6))
    axes.yaxis.set_major_formatter(FuncFormatter(brief))
    axes.yaxis.set_minor_locator(NullLocator())


def brief(value: float, position: int | None = None) -> str:
    """Format the number of a tick as short as possible: 0.25, 5e\N{MINUS SIGN}4, 2e6."""
    plain = f"{value:g}"
    if value and not 0.01 <= abs(value) < 1e5:
        digits, power = f"{value:.5e}".split("e")
        plain = min(plain, f"{digits.rstrip('0').rstrip('.')}e{int(power)}", key=len)
    return plain.replace("-", "\N{MINUS SIGN}")


def percent(share: float) -> str:
    """Format a share in percent, in few digits."""
    return f"{100 * share:.0f}%" if share >= 0.095 else f"{100 * share:.1g}%" if share else "0%"


def write_out(axes: Axes, time: Array) -> None:
    """Write late times in full at the axis, and so only a few."""
    if time.size and np.nanmax(np.abs(time)) >= LATE:
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.ticklabel_format(axis="x", style="plain")
