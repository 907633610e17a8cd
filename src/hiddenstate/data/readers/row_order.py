"""Finds the series of the rows of a table and their order: by a time column, or as in the file."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.readers.cells import plain_values
from hiddenstate.data.readers.column_roles import TEXT, Roles, Unused
from hiddenstate.data.readers.columns import Columns, numbered, numbers, refuse_missing, typed
from hiddenstate.data.readers.dates import (
    are_unix_times,
    compact_doubt,
    compact_readings,
    first_bad_time,
    order_of,
    says_time,
    timestamps,
)
from hiddenstate.data.readers.profiles import cell_text, is_whole, text_to_numbers
from hiddenstate.errors import DataError, Flag, printable
from hiddenstate.system.typing import Array

DAY = 86_400_000_000
"""Microseconds of a day."""

FIRST_DAY = -62_135_596_800_000_000
"""That of times of day, 1 January of the year 1, in microseconds since 1970."""

CALENDAR = ("year", "quarter", "month", "week", "day", "hour", "minute", "second")
"""Names of columns that together say when, from long to short."""

MAX_UNNAMED = 3
"""Number of first columns that may count the steps of a series whatever their names are."""

Doubt = Enum("Doubt", "DATES UNREAD CALENDAR FALLS COUNTS UNIX COMPACT")
"""Why rows may be in another order than that of the file: dates without a role; text that may be
times; years and parts of them; numbers that fall, count, or look like times or like dates."""


@dataclass(frozen=True)
class RowOrder:
    """In which order the rows of a table are.

    Parameters
    ----------
    doubt : Doubt, optional
        Why the order of the file, if no time orders the rows, may not be theirs.
    which : tuple of int
        The columns that say so.
    moved : bool
        Whether the time says another order than the file.
    dates : int, optional
        The column of dates that times of day are joined with.
    nights : int
        How often times of day without dates pass midnight.
    """

    doubt: Doubt | None = None
    which: tuple[int, ...] = ()
    moved: bool = False
    dates: int | None = None
    nights: int = 0


def ids_of_rows(columns: Columns, roles: Roles, rows: Array) -> Array | None:
    """Return the names of the series of some rows (n,), or None if they have none."""
    if len(roles.id) < 2:
        return plain_values(columns.arrays[roles.id[0]])[rows] if roles.id else None
    names = np.empty(len(rows), object)
    names[:] = [series_words(columns, roles, row) for row in rows]
    return names


def series_words(columns: Columns, roles: Roles, row: int) -> str:
    """Return the name of the series of a row: `A` or, of two columns, `site=A, sensor=3`."""
    values = [cell_text(plain_values(columns.arrays[j][row : row + 1])[0]) for j in roles.id]
    if len(values) == 1:
        return values[0]
    names = (printable(columns.names[j], 40) for j in roles.id)
    return ", ".join(f"{name}={value}" for name, value in zip(names, values, strict=True))


def series_of_rows(columns: Columns, roles: Roles) -> NDArray[np.int64]:
    """Return the number of each row's series (N,), in the order of first appearance."""
    for j in roles.id:
        refuse_missing(columns, j, "belongs to no series")
    return numbered(columns, roles.id)


def series_name(columns: Columns, roles: Roles, row: int) -> str:
    """Return what messages call the series of a row."""
    return f"series {series_words(columns, roles, row)}" if roles.id else "the file"


def clock_of(
    columns: Columns,
    j: int,
    order: str | None,
    series: NDArray[np.int64],
    unused: Iterable[int] = (),
) -> Array:
    """Return numbers that order the rows (N,) as the time column `j` says.

    Times of day beside dates in another column are joined with those.

    Parameters
    ----------
    columns : Columns
    j : int
    order : {"dmy", "mdy", "ymd"}, optional
        The order of day, month and year (`--dates`).
    series : ndarray (N,)
        The number of each row's series.
    unused : iterable of int
        Columns without a role, which may hold the dates of times of day, or those of dates.

    Raises
    ------
    DataError
        For a missing cell or one that is no time, a date that may be another, and times of day that
        go back.
    """
    refuse_missing(columns, j, "has no time")
    values = columns.arrays[j]
    if columns.profile(j).holds_times_of_day:
        return _since_midnight(columns, j, order, series, unused)
    if columns.kinds[j] == "text":
        as_numbers = text_to_numbers(values, columns.marks)
        if as_numbers is None:
            return _stamps(columns, j, order)
        values = as_numbers
    elif columns.kinds[j] == "date":
        return values.view(np.int64)
    infinite = np.isinf(values)
    if infinite.any():
        bad = int(np.argmax(infinite))
        raise DataError(
            f"{columns.at(bad, j)}: the time is {cell_text(values[bad])}; expected a finite "
            "number; correct it or drop the row"
        )
    days = compact_dates(columns, j, values, order, by_rank=True)
    return values if days is None else days.view(np.int64)


def is_count(columns: Columns, j: int, clock: Array) -> bool:
    """Return whether the cells of the time column are numbers that order the rows as they are."""
    return columns.profile(j).holds_numbers and np.array_equal(numbers(columns, j), clock)


def compact_dates(
    columns: Columns,
    j: int,
    values: Array,
    order: str | None,
    rows: Array | None = None,
    by_rank: bool = False,
) -> Array | None:
    """Return numbers such as 20241231 as dates (n,), or None if they are none.

    Parameters
    ----------
    columns : Columns
    j : int
        The column.
    values : ndarray (n,)
        Its numbers, none of them missing.
    order : {"dmy", "mdy", "ymd"}, optional
        The order of day, month and year; by default, the only one in which all are dates.
    rows : ndarray (n,), optional
        Their rows; by default, all.
    by_rank : bool, default False
        Whether numbers that may be several dates are none if all those are in their own order.

    Raises
    ------
    DataError
        If they are dates in another order, or in several.
    """
    readings = compact_readings(values, columns.names[j])
    if not readings:
        return None
    if _begins_with_year(values, readings):
        return readings["ymd"]
    if order in readings:
        return readings[str(order)]
    bad = 0
    if order is None:
        stamps = np.array(list(readings.values())).view(np.int64)
        differ = (stamps != stamps[0]).any(axis=0)
        if not differ.any():
            return next(iter(readings.values()))
        first = np.unique(values, return_index=True)[1]
        if by_rank and (np.diff(stamps[:, first]) > 0).all():
            return None
        bad = int(np.argmax(differ))
    row = bad if rows is None else int(rows[bad])
    raise DataError(f"{columns.at(row, j)}: {compact_doubt(values[bad], readings, bad)}")


def _begins_with_year(values: Array, readings: dict[str, Array]) -> bool:
    """Return whether dates are like 20241231, which is a date in no other order."""
    return "ymd" in readings and bool(values.max() >= 10**6)


def _since_midnight(
    columns: Columns,
    j: int,
    order: str | None,
    series: NDArray[np.int64],
    unused: Iterable[int],
) -> NDArray[np.int64]:
    """Return times of day, with their dates if there are any, as microseconds (N,)."""
    if j in columns.clocks:
        stamps = (columns.arrays[j] * 1e6).round().astype(np.int64) + FIRST_DAY
    else:
        stamps = _stamps(columns, j, order)
    if (k := dates_beside(columns, j, unused)) is None:
        return _over_midnight(columns, j, stamps, series)
    days = _days(columns, k, order)
    return days if (days % DAY).any() else days + stamps - FIRST_DAY


def _days(columns: Columns, k: int, order: str | None) -> NDArray[np.int64]:
    """Return the dates of a column as microseconds since 1970 (N,)."""
    refuse_missing(columns, k, "has no date")
    values = columns.arrays[k]
    if columns.kinds[k] == "text":
        return _stamps(columns, k, order)
    days = values if columns.kinds[k] == "date" else compact_dates(columns, k, values, order)
    return np.asarray(days, "M8[us]").view(np.int64)


def _stamps(columns: Columns, j: int, order: str | None) -> NDArray[np.int64]:
    """Return text cells as microseconds since 1970 (N,)."""
    cells = columns.arrays[j]
    stamps = timestamps(cells, order)
    if stamps is None:
        bad, problem, hints = first_bad_time(cells, order)
        raise DataError(f"{columns.at(bad, j)}: '{printable(cells[bad], 40)}' {problem}", *hints)
    return stamps


def dates_beside(columns: Columns, j: int, unused: Iterable[int]) -> int | None:
    """Return the only unused column of dates beside the times of day in column `j`, or None."""
    if not columns.profile(j).holds_times_of_day:
        return None
    dates = [
        k
        for k in unused
        if columns.profile(k).content == "date" and not columns.profile(k).holds_times_of_day
    ]
    return dates[0] if len(dates) == 1 else None


def _over_midnight(
    columns: Columns, j: int, stamps: NDArray[np.int64], series: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return times of day (N,), a day later in each series after each midnight that it passes.

    The file has the rows of a series in the order of time, or the newest first. It passes midnight
    where the time falls by more than half a day. Where it falls by less, nothing tells whether the
    row belongs to the next day or elsewhere on the same.
    """
    in_file = np.argsort(series, kind="stable")
    unclear: list[int] = []
    for order in (in_file, in_file[::-1]):
        s, t = series[order], stamps[order]
        fall = np.where(s[1:] == s[:-1], t[:-1] - t[1:], 0)
        falls = np.flatnonzero((fall > 0) & (2 * fall <= DAY)) + 1
        if not len(falls):
            days = np.concatenate([[0], np.cumsum(fall > 0)])
            first = np.concatenate([[True], s[1:] != s[:-1]])
            days -= days[np.maximum.accumulate(np.where(first, np.arange(len(s)), 0))]
            later = np.empty_like(stamps)
            later[order] = t + DAY * days
            return later
        unclear += order[falls[0] - 1 : falls[0] + 1].tolist()
    before, row = unclear[:2]
    cells = [printable(columns.arrays[j][each], 40) for each in (row, before)]
    if j in columns.clocks:
        moments = stamps[[row, before]].view("M8[us]").tolist()
        cells = [f"{moment:%H:%M:%S}" for moment in moments]
    raise DataError(
        f"{columns.at(row, j)}: '{cells[0]}' after '{cells[1]}' may be the next day, or a row out "
        "of order",
        (
            "write the dates too or, if the rows are in order, leave the column out with ",
            Flag("--drop", typed(columns.names[j])),
        ),
    )


def unnamed_time(columns: Columns, roles: Roles) -> int | None:
    """Return the first column of dates without a role, if it may order the rows of a long table."""
    if not roles.long or roles.time is not None:
        return None
    dates = (Unused.DATES, Unused.TIMES_OF_DAY)
    return next((j for j, why in roles.unused.items() if why in dates), None)


def find_order(
    columns: Columns,
    roles: Roles,
    series: NDArray[np.int64],
    clock: Array | None,
    n_own: int | None = None,
) -> RowOrder:
    """Return in which order the rows of the file are, the first `n_own` if rows were added."""
    if clock is None or roles.time is None:
        return _doubtful_order(columns, roles, series) if roles.long else RowOrder()
    order = np.argsort(series[:n_own], kind="stable")
    same = series[order][1:] == series[order][:-1]
    moved = not (clock[order][1:] >= clock[order][:-1])[same].all()
    dates, nights = dates_beside(columns, roles.time, roles.unused), 0
    if dates is None and columns.profile(roles.time).holds_times_of_day:
        nights = int((clock.max() - FIRST_DAY) // DAY)
    return RowOrder(moved=moved, dates=dates, nights=nights)


def _doubtful_order(columns: Columns, roles: Roles, series: NDArray[np.int64]) -> RowOrder:
    """Return why a long table without a time may be in another order, if something says so."""
    if (j := unnamed_time(columns, roles)) is not None:
        return RowOrder(Doubt.DATES, (j,))
    if (j := unread_time(columns, roles, series)) is not None:
        return RowOrder(Doubt.UNREAD, (j,))
    if which := _calendar(columns, roles):
        steps = np.sign(np.diff([columns.arrays[j].astype(np.float64) for j in which]))
        first = np.argmax(steps != 0, axis=0)  # the column of years, if the year differs
        if (np.take_along_axis(steps, first[None], axis=0)[0] < 0)[series[1:] == series[:-1]].any():
            return RowOrder(Doubt.CALENDAR, tuple(which))
    for j in (*roles.inputs, *roles.unused):
        if j not in roles.targets and (why := _other_order(columns, j, series)):
            return RowOrder(why, (j,))
    return RowOrder()


def _calendar(columns: Columns, roles: Roles) -> list[int]:
    """Return the columns of years and parts of them, from long to short; none if not several."""
    free = {columns.names[j].casefold(): j for j in (*roles.inputs, *roles.unused)}
    which = [free[name] for name in CALENDAR if name in free and free[name] not in roles.targets]
    numbered = all(columns.kinds[j] == "number" for j in which)
    return which if numbered and len(which) > 1 and "year" in free else []


def unread_time(columns: Columns, roles: Roles, series: NDArray[np.int64]) -> int | None:
    """Return the unused column of text that seems to hold times, in a form that is not read."""
    for j, why in roles.unused.items():
        pattern = _WITH_NUMBER if says_time(columns.names[j]) else _LIKE_DATE
        if why in TEXT and all(map(pattern.search, columns.arrays[j])):
            pairs = zip(series.tolist(), columns.arrays[j], strict=True)
            if len(set(pairs)) == columns.n_rows > 2:
                return j
    return None


_WITH_NUMBER = re.compile(r"^(?=.{1,40}$)\D*\d")
_LIKE_DATE = re.compile(
    r"^(?=.{1,40}$)(?=.*\d)(?:.*(?<!\d)(?:19|20)\d\d(?!\d)"
    r"|.*(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))",
    re.IGNORECASE,
)
"""Short text with a year or the name of a month, which may be a time in words."""


def _other_order(columns: Columns, j: int, series: NDArray[np.int64]) -> Doubt | None:
    """Return why numbers that do not rise from row to row may be times; None if nothing says so.

    They may be if they are all distinct in a series and look like Unix times or dates such as
    20241231, or if they are steps of one distance in one of the first columns.
    """
    if columns.kinds[j] != "number" or not np.isfinite(columns.arrays[j]).all():
        return None
    values = columns.arrays[j].astype(np.float64)
    order = np.argsort(series, kind="stable")
    same = series[order][1:] == series[order][:-1]
    steps = np.diff(values[order])[same]
    if len(steps) < 2 or (steps >= 0).all():
        return None
    ranked = np.lexsort((values, series))
    gaps = np.diff(values[ranked])[same]
    if gaps.min() == 0:
        return None
    if j < MAX_UNNAMED and is_whole(values) and gaps.min() == gaps.max():
        if (steps < 0).all():
            return Doubt.FALLS
        return Doubt.COUNTS
    if are_unix_times(values):
        return Doubt.UNIX
    return Doubt.COMPACT if compact_readings(values, columns.names[j]) else None


def settled_order(columns: Columns, j: int) -> str | None:
    """Return the order of day and month that the dates of a column settle, or None."""
    if columns.kinds[j] == "text" and text_to_numbers(columns.arrays[j], columns.marks) is None:
        return order_of(columns.arrays[j])
    if columns.kinds[j] == "date":
        return None
    values = numbers(columns, j)
    readings = compact_readings(values, columns.names[j])
    return (
        next(iter(readings))
        if len(readings) == 1 and not _begins_with_year(values, readings)
        else None
    )
