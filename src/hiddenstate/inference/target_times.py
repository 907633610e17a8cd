"""Times of the steps that forecasts are for, within the data and beyond its end."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

import numpy as np

from hiddenstate.data.origin import Table
from hiddenstate.errors import count
from hiddenstate.system.typing import Array

LOOKED_AT = 30
"""Last times of a series whose distances must agree."""

DAYS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y-%m", "%Y%m"),
    *("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y", "%-d.%-m.%Y", "%-d/%-m/%Y", "%-d-%-m-%Y"),
    *("%m/%d/%Y", "%m-%d-%Y", "%-m/%-d/%Y", "%-m-%-d-%Y"),
)
COMPACT = {"dmy": ("%d%m%Y", "%d%m%y"), "mdy": ("%m%d%Y", "%m%d%y"), "ymd": ("%y%m%d",)}
"""Dates without marks that do not begin with a year of four digits, by their order."""

CLOCKS = ("", " %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S", "T%H:%M:%SZ", " %I:%M %p")
"""Ways to write dates and times of day; further times are written like the last one."""

TIMES_OF_DAY = ("%H:%M", "%H:%M:%S", "%-H:%M", "%-H:%M:%S", "%I:%M %p", "%-I:%M %p")
"""Ways to write times of day without a date."""


def target_times(
    table: Table, series: Array, steps: Array, horizon: int, order: str | None
) -> Array:
    """Return the time `horizon` steps after each step (n,), as the data writes it.

    Beyond the end of a series, times follow if the last ones have the same distance, in seconds,
    working days or months; else they are None. Times of day pass midnight.

    Parameters
    ----------
    table : Table
        With times.
    series, steps : ndarray (n,)
    horizon : int
    order : {"dmy", "mdy", "ymd"} or None
        The order of day, month and year in dates such as 03/04/2024.
    """
    ahead = steps + horizon
    lengths = table.lengths()[series]
    times = np.full(len(steps), None, object)
    inside = ahead < lengths
    known = table.times_of(series[inside], ahead[inside])
    assert known is not None  # the table has times
    times[inside] = known
    beyond = np.flatnonzero(~inside)
    for number in np.unique(series[beyond]):
        own = beyond[series[beyond] == number]
        n = int(lengths[own[0]])
        last = np.arange(max(0, n - LOOKED_AT), n)
        before = table.times_of(np.full(len(last), number), last)
        assert before is not None
        times[own] = times_after(before, ahead[own] - n + 1, order)
    return times


def unknown_times(times: Array) -> tuple[str, ...]:
    """Say that some times (n,) of forecasts are None, and why."""
    n = sum(time is None for time in times.tolist())
    if not n:
        return ()
    unknown = f"the time{'s' * (n > 1)} of {count(n, 'forecast')} beyond the data"
    are = "is" if n == 1 else "are"
    return (f"{unknown} {are} unknown, as the times before are not regular",)


def times_after(times: Array, n: Array, order: str | None) -> Array:
    """Return the times (m,) that are `n` (m,) steps after the last of `times`."""
    later = np.full(len(n), None, object)
    if len(times) < 2:
        return later
    texts = [str(time) for time in times.tolist()]
    if times.dtype.kind in "iu" and order:  # numbers have lost the zero before a day or month
        width = 6 if len(texts[-1]) < 7 else 8
        texts = [text.zfill(width) for text in texts]
    for form in _forms(texts[-1], order):
        with suppress(ValueError):
            read = form.replace("%-", "%")
            dates = np.array([datetime.strptime(text, read) for text in texts], "M8[s]")
            if form in TIMES_OF_DAY:
                nights = np.concatenate([[0], np.cumsum(np.diff(dates) < np.timedelta64(0))])
                dates += nights.astype("m8[D]")
            further = _continued(dates, n)
            if further is not None and further.max() < np.datetime64("9999-01-01"):
                kind = int if times.dtype.kind in "iu" else str
                later[:] = [kind(date.strftime(form)) for date in further.tolist()]
                return later
    if times.dtype.kind in "iuf":
        gaps = np.diff(times)
        if np.allclose(gaps, gaps[0], rtol=1e-6) and gaps[0] > 0:
            later[:] = (times[-1] + n * gaps[0]).tolist()
    return later


def _forms(text: str, order: str | None) -> Iterator[str]:
    """Yield the ways in which a date may have been written, those of `order` first."""
    month_first = [day for day in DAYS if day.replace("-", "").startswith("%m")]
    days = [*COMPACT.get(order or "", ()), *(month_first if order == "mdy" else ()), *DAYS]
    for form in [*(day + clock for day in days for clock in CLOCKS), *TIMES_OF_DAY]:
        with suppress(ValueError):
            if datetime.strptime(text, form.replace("%-", "%")).strftime(form) == text:
                yield form


def _continued(dates: Array, n: Array) -> Array | None:
    """Return the dates that are `n` (m,) steps after the last of `dates`, if these are regular."""
    further: Array
    gaps = np.diff(dates)
    if (gaps == gaps[0]).all() and gaps[0] > np.timedelta64(0):
        further = dates[-1] + n * gaps[0]
        return further
    days = dates.astype("M8[D]")
    months = dates.astype("M8[M]")
    clocks = dates - days
    if (clocks != clocks[0]).any():
        return None
    if np.is_busday(days).all() and (np.busday_count(days[:-1], days[1:]) == 1).all():
        further = np.busday_offset(days[-1], n) + clocks[0]
        return further
    each = np.diff(months)
    if (each != each[0]).any() or each[0] < np.timedelta64(1):
        return None
    firsts = months[-1] + n * each[0]
    day = days - months.astype("M8[D]")
    if (day == day[0]).all():
        further = firsts.astype("M8[D]") + day[0] + clocks[0]
        return further
    if (days == (months + 1).astype("M8[D]") - 1).all():  # the last day of each month
        further = (firsts + 1).astype("M8[D]") - 1 + clocks[0]
        return further
    return None
