"""Times of the steps that forecasts are for, within the data and beyond its end."""

from collections.abc import Sequence

import numpy as np

from hiddenstate.data.calendar import (
    DAY,
    FIXED,
    MONTHS,
    Calendar,
    Moments,
    clock_changes,
    find_calendar,
)
from hiddenstate.data.origin import Table
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.errors import count
from hiddenstate.program.encoding import calendar_features
from hiddenstate.system.typing import Array

LOOKED_AT = 30
"""Last steps of a series that show its step, if its table has no calendar or another."""


def target_times(table: Table, series: Array, steps: Array, horizon: int) -> Array:
    """Return the time `horizon` steps after each step (n,), as the data writes it.

    Beyond the end of a series, times follow the calendar, and numbers their most frequent
    distance. They are None if there is no regular step.

    Parameters
    ----------
    table : Table
        With times.
    series, steps : ndarray (n,)
    horizon : int
    """
    ahead = steps + horizon
    lengths = table.lengths()[series]
    times = np.full(len(steps), None, object)
    inside = ahead < lengths
    known = table.times_of(series[inside], ahead[inside])
    assert known is not None  # the table has times
    times[inside] = known
    beyond = np.flatnonzero(~inside)
    for number in np.unique(series[beyond]).tolist():
        own = beyond[series[beyond] == number]
        last = int(lengths[own[0]]) - 1
        later = LaterTimes(table, number, last).times(ahead[own] - last)
        if later is not None:
            times[own] = later
    return times


def time_remarks(table: Table, times: Array | None) -> tuple[str, ...]:
    """Say what is uncertain of the times (n,) of forecasts beyond the data."""
    if times is None:
        return ()
    remarks = []
    n = sum(time is None for time in times.tolist())
    if n:
        unknown = f"the time{'s' * (n > 1)} of {count(n, 'forecast')} beyond the data"
        are = "is" if n == 1 else "are"
        remarks.append(f"{unknown} {are} unknown, as the times before are not regular")
    of_zone = table.dates is not None and table.dates.zone
    if table.calendar is not None and table.calendar.summer_time and not of_zone:
        remarks.append(
            "times beyond the data have the last offset from UTC, as the data names no time zone"
        )
    return tuple(remarks)


def calendar_ahead(transform: Transform) -> tuple[str, ...]:
    """Return the periods of the calendar if nothing else is known ahead; else nothing."""
    encodings = {e.column: e for e in transform.encodings}
    own = [encodings.get(column) for column in transform.known.columns]
    return own[0].calendar if len(own) == 1 and own[0] is not None else ()


class LaterTimes:
    """The times that follow a step of a series.

    Parameters
    ----------
    table : Table
        With times.
    series, step : int
    """

    def __init__(self, table: Table, series: int, step: int) -> None:
        self.table, self.series, self.step = table, series, step
        dates = table.dates
        self.moment = None if dates is None else self._moments(np.array([step]))
        self.calendar = None if dates is None else self._calendar()

    def moments(self, n: Array) -> Moments | None:
        """Return the moments `n` (m,) steps later, if the dates are regular."""
        if self.calendar is None or self.moment is None:
            return None
        later = self.calendar.later(self.moment.take(np.zeros(len(n), int)), n)
        zone = self.table.dates.zone if self.table.dates else ""
        return self.calendar.in_zone(later, zone) if zone else later

    def times(self, n: Array) -> Array | None:
        """Return the times `n` (m,) steps later as the data writes them; None if not regular."""
        if self.calendar is not None:
            later = self.moments(n)
            assert later is not None
            return self.calendar.written(later)
        return None if self.table.dates is not None else self._numbers(n)

    def features(self, n: Array, periods: Sequence[str]) -> Array | None:
        """Return the calendar `n` (m,) steps later, (m, K) features; None if not regular."""
        moments, dates = self.moments(n), self.table.dates
        if moments is None or dates is None:
            return None
        local, utc = (each.view("M8[us]") for each in (moments.local, moments.utc))
        return calendar_features(utc if dates.zoned else local, periods, local).astype(float)

    def are_next(self, found: Moments, zoned: bool) -> Array:
        """Return which of the moments (n,) are those of the next steps, however they are written.

        Months are the same whatever their day. Clocks without an offset may skip or repeat an hour.

        Parameters
        ----------
        found : Moments
        zoned : bool
            Whether both these and the series are written with an offset.
        """
        calendar, n = self.calendar, np.arange(1, len(found.local) + 1, dtype=np.int64)
        wanted = self.moments(n)
        assert calendar is not None
        assert wanted is not None
        if calendar.unit == MONTHS:
            return np.asarray(calendar.slots_of(wanted) == calendar.slots_of(found))
        if calendar.unit != FIXED or calendar.multiple >= DAY:
            return np.asarray(wanted.local == found.local)
        if zoned:
            return np.asarray(wanted.utc == found.utc)
        before = self._last_moments().local
        local = np.concatenate([before, found.local])
        moments = local - clock_changes(local, np.zeros(len(local), np.int64))
        apart = moments[len(before) :] - moments[len(before) - 1]
        return np.asarray(apart == n * calendar.multiple)

    def _last_moments(self) -> Moments:
        return self._moments(np.arange(max(0, self.step + 1 - LOOKED_AT), self.step + 1))

    def _moments(self, steps: Array) -> Moments:
        found = self.table.moments_of(np.full(len(steps), self.series), steps)
        assert found is not None  # the table has dates
        return found

    def _calendar(self) -> Calendar | None:
        """Return the calendar of the table if the last steps follow it, or their own."""
        dates = self.table.dates
        assert dates is not None
        last = self._last_moments()
        if dates.calendar is not None:
            apart = np.diff(dates.calendar.slots_of(last))
            if 2 * (apart == 1).sum() >= len(apart):
                return dates.calendar
        one = np.zeros(len(last.local), np.int64)
        return find_calendar(last, one, dates.form, dates.order)

    def _numbers(self, n: Array) -> Array | None:
        """Return the numbers that follow others that are at multiples of a distance."""
        steps = np.arange(max(0, self.step + 1 - LOOKED_AT), self.step + 1)
        times = self.table.times_of(np.full(len(steps), self.series), steps)
        if times is None or times.dtype.kind not in "iuf" or len(times) < 2:
            return None
        gaps = np.diff(times)
        step = np.sort(gaps)[(len(gaps) - 1) // 2]
        if step <= 0 or not np.allclose(gaps / step, np.round(gaps / step), rtol=1e-6):
            return None
        later: Array = np.empty(len(n), object)
        later[:] = (times[-1] + n * step).tolist()
        return later
