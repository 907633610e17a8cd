"""Writes dates at an axis so that each tick is of the day, month and year that it seems to be."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, num2date
from matplotlib.ticker import Formatter

from hiddenstate.views.figures.layout import REGULAR, part_of

LETTERS = 10
"""Letters of the space of a tick, of which there are as many as fit."""


NEAR = 0.6
"""Least share of the usual distance between two ticks."""


class Dates(Formatter):
    """Formats ticks with their month wherever they have a day: 15 Dec, 2024, 15 Jan.

    The years or, of hours, the days are written beside the axis, unless a tick is a year.
    """

    def __init__(self) -> None:
        self._beside = ""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return the text of one tick alone."""
        return self.format_ticks([x])[0]

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """Return the texts of all ticks."""
        times = [num2date(value) for value in values]  # type: ignore[no-untyped-call]
        self._beside = ""
        if not times:
            return []
        if any(time.microsecond or time.second for time in times):
            form = "%H:%M:%S"
        elif any(time.hour or time.minute for time in times):
            form = "%H:%M"
        elif any(time.day > 1 for time in times):
            form = "day"
        elif any(time.month > 1 for time in times):
            form = "month"
        else:
            return [f"{time:%Y}" for time in times]
        texts = [_text(time, form) for time in times]
        if not any(text == f"{time:%Y}" for text, time in zip(texts, times, strict=True)):
            self._beside = _ends(times[0], times[-1], days="%" in form)
        return texts

    def get_offset(self) -> str:
        """Return what stands beside the axis: the years, or the days of hours."""
        return self._beside


def _text(time: datetime, form: str) -> str:
    if "%" in form:
        midnight = form == "%H:%M" and not (time.hour or time.minute)
        return f"{time.day} {time:%b}" if midnight else f"{time:{form}}"
    if time.day == 1 and time.month == 1:
        return f"{time:%Y}"
    return f"{time:%b}" if form == "month" else f"{time.day} {time:%b}"


def _ends(first: datetime, last: datetime, days: bool) -> str:
    """Return the years, or the days, from the first to the last tick."""
    form = "%d %b %Y" if days else "%Y"
    start, end = f"{first:{form}}", f"{last:{form}}"
    return start if start == end else f"{start} \N{EN DASH} {end}"


class Days(AutoDateLocator):
    """Places ticks, without those that end a month too near to the first day of the next."""

    def __call__(self) -> list[float]:
        """Return the places of the ticks."""
        ticks = list(super().__call__())  # type: ignore[no-untyped-call]
        usual = float(np.median(np.diff(ticks))) if len(ticks) > 2 else 0.0
        kept: list[float] = []
        for tick in ticks:
            if kept and tick - kept[-1] < NEAR * usual:
                if num2date(tick).day != 1:  # type: ignore[no-untyped-call]
                    continue
                kept.pop()
            kept.append(tick)
        return kept


def year_under_first_tick(axes: Axes, visible: bool) -> None:
    """Write the year, if no tick says it, under the first tick, whose year it is."""
    low, high = axes.get_xlim()
    shares = [(tick - low) / (high - low) for tick in axes.get_xticks() if low <= tick <= high]
    share = shares[0] if shares else 0.0
    axes.xaxis.get_offset_text().set(visible=visible, x=share, ha="center" if share else "left")
    formatter = axes.xaxis.get_major_formatter()
    formatter.format_ticks(list(axes.get_xticks()))
    if visible and formatter.get_offset():
        axes.xaxis.label.set(x=(share + 1) / 2)  # the name of the axis, which is on the same line


def date_axis(axes: Axes) -> None:
    """Write dates at the x axis, in days since 1970, as many as there is space for."""
    inches = axes.bbox.width / part_of(axes.figure).dpi
    most = int(inches / (LETTERS * REGULAR * 8))
    locator: Any = Days(minticks=2, maxticks=min(max(most, 3), 8))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(Dates())
