"""Writes the numbers at axes: short, without a factor beside them, and late times in full."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator, ScalarFormatter

from hiddenstate.system.typing import Array

EVEN_RATIO, POWERS_RATIO = 8, 100
"""Ratio of the ends of a log axis below which it has the ticks of a linear one, and below which it
has ticks between powers of ten."""

THOUSANDS = ((1e6, "M"), (1e3, "k"))
"""Letters for factors of numbers at an axis: 450k, 1.8M."""

LARGE = 1e4, 1e9
"""Sizes of the largest number of an axis between which its numbers have such letters."""

LONGEST_NUMBER = 7
"""Letters of a number at an axis up to which it is written with its power of ten."""

LATE = 1e6
"""Time from which an axis has few ticks, since their numbers are long."""


class Numbers(ScalarFormatter):
    """Formats large numbers of an axis as 450k, larger and small ones as 2e9, so that no factor
    stands beside it.

    Where such numbers would be long, as they differ little, the factor or offset stands there.
    """

    def __init__(self) -> None:
        super().__init__()
        self._powers: dict[float, str] = {}
        self._in_letters = True

    def set_scientific(self, b: bool) -> None:
        """Choose whether numbers are shortened; else they are written in full."""
        self._in_letters = b
        super().set_scientific(b)

    def set_locs(self, locs: Any) -> None:
        """Choose how to format the ticks at `locs`."""
        self._powers = {}
        super().set_locs(locs)
        plain = max((len(super(Numbers, self).__call__(value)) for value in locs), default=0)
        ends = self.axis.get_view_interval() if self.axis is not None else locs
        largest = max((abs(float(value)) for value in ends), default=0)
        if LARGE[0] <= largest < LARGE[1] and self._in_letters:  # else they are times, in full
            texts = lettered([float(value) for value in locs], largest)
            if max(map(len, texts.values())) < LONGEST_NUMBER:
                self._powers = texts
                return
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


def lettered(values: Sequence[float], largest: float) -> dict[float, str]:
    """Return the texts of numbers with a letter for thousands or millions: 450k, 1.8M, 0."""
    factor, letter = next(each for each in THOUSANDS if largest >= each[0])
    texts = {value: f"{float(f'{value / factor:.9g}'):g}" for value in values}
    minus = "\N{MINUS SIGN}"
    return {x: text.replace("-", minus) + letter * (text != "0") for x, text in texts.items()}


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
