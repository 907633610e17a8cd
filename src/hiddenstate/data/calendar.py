"""The calendar of a table: the regular step of its times, and how they are written.

A moment is the time on the local clock, in microseconds since 1970, and what that is ahead of UTC.
Steps below a day are counted in UTC; days, weeks and months on the local clock, where they are not
all of the same length.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.readers.dates import local_times
from hiddenstate.data.time_form import Form
from hiddenstate.errors import printable
from hiddenstate.system.typing import Array

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000
"""Microseconds."""

FIXED, BUSINESS, MONTHS = "fixed", "business day", "months"
"""The units of a step: microseconds, working days from Monday to Friday, and months."""

EVERY: dict[str, tuple[str, int]] = {
    "minute": (FIXED, MINUTE),
    "5min": (FIXED, 5 * MINUTE),
    "10min": (FIXED, 10 * MINUTE),
    "15min": (FIXED, 15 * MINUTE),
    "30min": (FIXED, 30 * MINUTE),
    "hour": (FIXED, HOUR),
    "day": (FIXED, DAY),
    "weekday": (BUSINESS, 1),
    "week": (FIXED, 7 * DAY),
    "month": (MONTHS, 1),
    "quarter": (MONTHS, 3),
    "year": (MONTHS, 12),
}
"""The unit and the multiple of the steps that `--every` names."""

NIGHT = 4 * HOUR
"""Clocks are changed on a Sunday before this time of day."""

SPRING, AUTUMN = (3, 4, 8, 9, 10), (3, 4, 5, 9, 10, 11)
"""Months in which clocks skip or repeat an hour, in one hemisphere or the other."""

MOST_MISSING = 0.5
"""Largest part of the steps of a calendar that its rows may be without."""


@dataclass(frozen=True)
class Moments:
    """Moments: the local clock (n,) and what it is ahead of UTC (n,), in microseconds."""

    local: NDArray[np.int64]
    offset: NDArray[np.int64]

    def take(self, which: Any) -> "Moments":
        """Return some of the moments."""
        return Moments(self.local[which], self.offset[which])

    @property
    def utc(self) -> NDArray[np.int64]:
        """The moments as numbers in the order of time (n,)."""
        return self.local - self.offset


def plain_moments(local: Array) -> Moments:
    """Return moments (n,) of a clock without a time zone."""
    stamps = np.asarray(local, np.int64)
    return Moments(stamps, np.zeros(len(stamps), np.int64))


@dataclass(frozen=True)
class Calendar:
    """The regular steps of a time column.

    Parameters
    ----------
    unit : {"fixed", "business day", "months"}
    multiple : int
        Microseconds of a fixed step, or months.
    start : int
        The moment of slot 0 in microseconds: in UTC of fixed steps below a day, else local.
    day : int
        Day of the month, at most: 31 is the last day of each.
    form : Form
        How the data writes times.
    order : {"dmy", "mdy", "ymd"}, optional
        The order of day, month and year in its dates.
    offset : int
        The last offset from UTC in the data, in microseconds.
    summer_time : bool
        Whether the data has several offsets.
    """

    unit: str
    multiple: int = 1
    start: int = 0
    day: int = 1
    form: Form = field(default_factory=Form)
    order: str | None = None
    offset: int = 0
    summer_time: bool = False

    @property
    def every(self) -> str | None:
        """The value of `--every` for such steps, or None."""
        return next((n for n, each in EVERY.items() if each == (self.unit, self.multiple)), None)

    @property
    def name(self) -> str:
        """The step in words: `day`, `business day`, `15min`, `2 weeks`."""
        if self.unit == BUSINESS:
            return BUSINESS
        if (name := self.every) is not None:
            return name
        if self.unit == MONTHS:
            return f"{self.multiple} months"
        for name, size in (("week", 7 * DAY), ("day", DAY), ("hour", HOUR)):
            if self.multiple % size == 0:
                return f"{self.multiple // size} {name}s"
        if self.multiple % MINUTE == 0:
            return f"{self.multiple // MINUTE}min"
        seconds = self.multiple / 1e6
        return "second" if seconds == 1 else f"{seconds:g}s"

    @property
    def seasons(self) -> tuple[int, ...]:
        """Steps of the seasons that the unit has, the main one first; none of years."""
        step = self.multiple
        if self.unit == BUSINESS:
            return (5,)
        if self.unit == MONTHS:
            return (12 // step,) if step < 12 and 12 % step == 0 else ()
        if step < DAY:
            lengths = (HOUR, DAY) if step <= MINUTE else (DAY, 7 * DAY)
            return tuple(n // step for n in lengths if n % step == 0 and n > step)
        year = 52 * 7 * DAY
        if step % (7 * DAY) == 0 and year % step == 0 and step < year:
            return (year // step,)
        return (7,) if step == DAY else ()

    @property
    def periods(self) -> tuple[int, ...]:
        """Steps of all periods after which values may repeat: the seasons, and of hours to working
        days the 52 weeks of a year too."""
        if self.unit == BUSINESS:
            return (*self.seasons, 52 * 5)
        year = 52 * 7 * DAY
        if self.unit == FIXED and HOUR <= self.multiple <= DAY and year % self.multiple == 0:
            return (*self.seasons, year // self.multiple)
        return self.seasons

    @property
    def step_days(self) -> float:
        """The days of a step, on average."""
        if self.unit == BUSINESS:
            return 7 / 5
        return self.multiple * 365.2425 / 12 if self.unit == MONTHS else self.multiple / DAY

    def count(self, n: int) -> str:
        """Return a number of steps in words: `51 days`, `3 steps of 15min`."""
        if self.name.replace(" ", "").isalpha():
            return f"{n:,} {self.name}{'s' * (n != 1)}"
        return f"{n:,} step{'s' * (n != 1)} of {self.name}"

    def slots(self, times: Any) -> NDArray[np.int64]:
        """Return the number of each time's step (n,); a gap is a difference above 1.

        Parameters
        ----------
        times : sequence
            Times of one series as the data writes them, or datetime64.

        Raises
        ------
        ValueError
            If one of them is no time.
        """
        array = np.asarray(times)
        if array.dtype.kind == "M":
            return self.slots_of(plain_moments(array.astype("M8[us]").view(np.int64)))
        read = moments_of_times(array, self.form, self.order)
        if read is None:
            raise ValueError(f"expected times such as {self.times([0])[0]}")
        return self.slots_of(read)

    def times(self, slots: Any) -> Array:
        """Return the time of each step (n,) as the data writes it, with its last offset."""
        steps = np.asarray(slots, np.int64)
        in_utc = self.unit == FIXED and self.multiple < DAY
        local = np.array([self.start + (self.offset if in_utc else 0)])
        first = Moments(local, np.array([self.offset]))
        return self.written(self.later(first.take(np.zeros(len(steps), int)), steps))

    def slots_of(self, moments: Moments) -> NDArray[np.int64]:
        """Return the number of each moment's step (n,)."""
        if self.unit == BUSINESS:
            days = (moments.local // DAY).astype("M8[D]")
            first = np.datetime64(self.start // DAY, "D")
            return np.asarray(np.busday_count(first, days), np.int64)
        if self.unit == MONTHS:
            first = _months(np.array([self.start]))[0]
            return np.asarray((_months(moments.local) - first) // self.multiple, np.int64)
        at = moments.utc if self.multiple < DAY else moments.local
        return np.asarray((at - self.start) // self.multiple, np.int64)

    def later(self, moments: Moments, steps: Any) -> Moments:
        """Return the moments that are a number of steps (n,) after others (n,)."""
        n = np.asarray(steps, np.int64)
        local, clock = moments.local, moments.local % DAY
        if self.unit == FIXED:
            local = local + n * self.multiple
        elif self.unit == BUSINESS:
            days = (local // DAY).astype("M8[D]")
            local = np.busday_offset(days, n, roll="backward").astype(np.int64) * DAY + clock
        else:
            months = _months(local) + n * self.multiple
            first, length = _month_days(months)
            local = (first + np.minimum(self.day, length) - 1) * DAY + clock
        return Moments(local, moments.offset)

    def in_zone(self, moments: Moments, zone: str) -> Moments:
        """Return moments (n,) with the offsets of a time zone; unchanged if it is unknown.

        Steps below a day stay where they are in UTC, and others on the local clock.
        """
        try:
            place = ZoneInfo(zone)
        except (ValueError, OSError, KeyError):  # no such zone, or no data of zones
            return moments
        in_utc = self.unit == FIXED and self.multiple < DAY
        stamps = moments.utc if in_utc else moments.local
        dates = [
            datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=n) for n in stamps.tolist()
        ]
        dates = [d.astimezone(place) if in_utc else d.replace(tzinfo=place) for d in dates]
        offset = np.array([d.utcoffset() for d in dates], "m8[us]").astype(np.int64)
        return Moments(stamps + offset if in_utc else stamps, offset)

    def written(self, moments: Moments) -> Array:
        """Return moments (n,) as the data writes them; None for those after the year 9999."""
        return self.form.written(moments.local, moments.offset)


@dataclass(frozen=True)
class Dates:
    """The dates of n rows, how they are written, and their calendar; None if not regular. `zone` is
    the time zone that they have by name, as those of a data frame do."""

    moments: Moments
    form: Form
    order: str | None = None
    calendar: Calendar | None = None
    zone: str = ""

    @property
    def zoned(self) -> bool:
        """Whether the dates are written with an offset."""
        return bool(self.form.zone)


@dataclass(frozen=True)
class MissingSteps:
    """What a table is without: `n` of `n_steps` steps of its calendar, the first at `time` of a
    series, whose name is empty if there is one without a name; and the largest part of its steps
    that a series is without."""

    n: int
    n_steps: int
    time: str
    series: str
    calendar: Calendar
    largest_part: float = 0.0

    def in_words(self) -> str:
        """Return how many steps are missing: `51 of 1,498 days are missing`."""
        are = "is" if self.n == 1 else "are"
        return f"{self.n:,} of {self.calendar.count(self.n_steps)} {are} missing"

    def at(self) -> str:
        """Return where the first is: `2023-01-14 of A`."""
        of = f" of {printable(self.series, 40)}" if self.series else ""
        return f"{printable(self.time, 40)}{of}"


def _months(local: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the months since 1970 of local times (n,)."""
    return (local // DAY).astype("M8[D]").astype("M8[M]").astype(np.int64)


def _month_days(months: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first day of months (n,), and how many days they have."""
    first = months.astype("M8[M]").astype("M8[D]").astype(np.int64)
    return first, (months + 1).astype("M8[M]").astype("M8[D]").astype(np.int64) - first


def moments_of_times(times: Array, form: Form, order: str | None) -> Moments | None:
    """Return times (n,) of one series, as the data writes them, as moments; None if they are none.

    A time that summer time repeats follows itself.
    """
    if form.per_second:
        return plain_moments(np.round(np.asarray(times, float) * 1e6 / form.per_second))
    if form.number:
        local = form.read(times)
        return None if local is None else plain_moments(local)
    read = local_times(np.array([str(time) for time in times.tolist()], object), order)
    if read is None:
        return None
    local, offset, zoned = read
    if not zoned:
        offset = clock_changes(local, np.zeros(len(local), np.int64))
    return Moments(local, offset)


def find_calendar(
    moments: Moments, series: NDArray[np.int64], form: Form, order: str | None = None
) -> Calendar | None:
    """Return the calendar of moments (n,) of numbered series, or None if they are not regular.

    Its step is the most frequent one, which at least half of the steps have; all moments of a
    series lie on its slots, and rows are missing at no more than half of them.
    """
    ranked = np.lexsort((moments.utc, series))
    moments, series = moments.take(ranked), series[ranked]
    same = series[1:] == series[:-1]
    steps = np.diff(moments.utc)[same]
    if not len(steps) or steps.min() <= 0:
        return None
    calendar = _of_step(moments, same, _mode(steps))
    if calendar is None:
        return None
    apart = np.diff(calendar.slots_of(moments))[same]
    if 2 * (apart == 1).sum() < len(apart) or MOST_MISSING * apart.sum() > len(apart):
        return None
    last = int(np.argmax(moments.utc))
    return replace(
        calendar,
        form=form,
        order=order,
        offset=int(moments.offset[last]),
        summer_time=bool(form.zone) and bool(np.ptp(moments.offset)),
    )


def _of_step(moments: Moments, same: NDArray[np.bool_], step: int) -> Calendar | None:
    """Return the calendar of sorted moments whose most frequent step is `step`."""
    local = moments.local
    if step < DAY:
        aligned = not (np.diff(moments.utc)[same] % step).any()
        return Calendar(FIXED, step, int(moments.utc[0])) if aligned else None
    if not _same_clock(local):
        aligned = not (np.diff(local)[same] % step).any()
        return Calendar(FIXED, step, int(local[0])) if aligned else None
    apart = np.diff(local // DAY)[same]
    days = _mode(apart)
    if days >= 28 and (months := _of_months(local, same)) is not None:
        return months
    if days == 1:
        weekday = (local // DAY + 3) % 7
        over_weekend = (np.diff(local)[same] == 3 * DAY) & (weekday[:-1][same] == 4)
        if weekday.max() < 5 and over_weekend.any():
            return Calendar(BUSINESS, 1, int(local[0]))
    return None if (apart % days).any() else Calendar(FIXED, days * DAY, int(local[0]))


def _of_months(local: NDArray[np.int64], same: NDArray[np.bool_]) -> Calendar | None:
    """Return the calendar of days in months, or None if they are not one day of each."""
    months = _months(local)
    first, length = _month_days(months)
    days = local // DAY - first + 1
    day = 31 if (days == length).all() else int(days.max())
    apart = np.diff(months)[same]
    step = _mode(apart)
    if step < 1 or (apart % step).any() or (days != np.minimum(day, length)).any():
        return None
    return Calendar(MONTHS, step, int(local[0]), day)


def _same_clock(local: NDArray[np.int64]) -> bool:
    return bool((local % DAY == local[0] % DAY).all())


def _mode(values: NDArray[np.int64]) -> int:
    """Return the most frequent of values (n,), the smallest of several."""
    each, counts = np.unique(values, return_counts=True)
    return int(each[np.argmax(counts)])


def named_calendar(every: str, moments: Moments, form: Form, order: str | None = None) -> Calendar:
    """Return the calendar of the steps that `--every` names, into whose slots moments (n,) fall."""
    unit, multiple = EVERY[every]
    local, day = moments.local, 1
    start = int(local.min())
    if unit == MONTHS:
        first, length = _month_days(_months(local))
        days = local // DAY - first + 1
        day = 31 if (days == length).all() else int(days.max())
    elif unit == FIXED and multiple < DAY:
        start = int(moments.utc.min())
        if ((moments.utc - start) % multiple).any():
            start -= start % multiple
    elif not _same_clock(local):
        start -= start % DAY
    last = int(np.argmax(moments.utc))
    varies = bool(form.zone) and bool(np.ptp(moments.offset))
    offset = int(moments.offset[last])
    return Calendar(unit, multiple, start, day, form, order, offset, varies)


def clock_changes(local: NDArray[np.int64], series: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what summer time adds to local clocks (N,) without a time zone, from their begin.

    In a night from Saturday to Sunday, an hour that rows in the order of the file repeat was set
    back; one that is missing altogether was skipped. All is 0 where steps are longer than an hour.

    Parameters
    ----------
    local : ndarray (N,)
        Microseconds, in the order of the file.
    series : ndarray (N,)
        The number of each row's series.
    """
    offset = np.zeros(len(local), np.int64)
    order = np.argsort(series, kind="stable")
    same = series[order][1:] == series[order][:-1]
    steps = np.diff(local[order])[same]
    if not len(steps) or not (size := np.abs(steps[steps != 0])).size:
        return offset
    step = _mode(size)
    if step > HOUR or HOUR % step:
        return offset
    if (steps < 0).sum() > (steps > 0).sum():  # the newest row is first
        order = order[::-1]
    back = _at_night(local[order], series[order], step - HOUR, AUTUMN)
    offset[order] = _added(series[order], -HOUR * back)
    order = np.lexsort((local - offset, series))
    ahead = _at_night(local[order], series[order], step + HOUR, SPRING)
    offset[order] += _added(series[order], HOUR * ahead)
    return offset


def _at_night(
    local: NDArray[np.int64], series: NDArray[np.int64], step: int, months: tuple[int, ...]
) -> NDArray[np.int64]:
    """Return 1 for each row (N,) that follows the one before by `step` in such a night, else 0."""
    at = np.zeros(len(local), np.int64)
    day, clock = local[1:] // DAY, local[1:] % DAY
    is_night = (
        ((day + 3) % 7 == 6) & (clock <= NIGHT) & np.isin(_months(local[1:]) % 12 + 1, months)
    )
    at[1:] = (series[1:] == series[:-1]) & (np.diff(local) == step) & is_night
    return at


def _added(series: NDArray[np.int64], changes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sum of changes (N,) up to each row of its series, whose rows are adjacent."""
    total = np.cumsum(changes)
    begins = np.concatenate([[True], series[1:] != series[:-1]])
    firsts = np.maximum.accumulate(np.where(begins, np.arange(len(series)), 0))
    result: NDArray[np.int64] = total - total[firsts]
    return result
