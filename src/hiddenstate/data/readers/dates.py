"""Reads dates and times as people write them, as numbers in the order of time."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.readers.number_text import is_number
from hiddenstate.system.typing import Array

ORDERS = ("dmy", "mdy", "ymd")
"""The values of `--dates`: the order of day, month and year."""

COMPACT_NAMES = ("date", "day", "time")
"""Parts of the name of a column in which a whole number such as 20241231 may be a date."""

SAMPLE = 1000
"""Largest number of cells that are looked at to tell what a column holds."""

_MONTH = re.compile(r"(\d{4})[-/](\d{2})")
_DATE = re.compile(r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})(?:(?:T|,?\s+)(\S.*))?")
_CLOCK = re.compile(
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*([ap])?(?(5)\.?m\.?)"
    r"\s*(?:(Z|UTC|GMT)|([+-]\d{2}):?(\d{2})?)?",
    re.IGNORECASE | re.ASCII,
)
_LIKE_TIME = re.compile(
    r"\s*(\d{1,4}([-/.])\d{1,2}\2\d{1,4}(?=$|[T\s,])|\d{1,2}:\d{2}(?=$|[:\s.])|\d{4}[-/]\d{1,2}\s*$)"
)
"""The begin of a date or a time of day, with its parts in any order and range."""


def timestamps(array: Array, order: str | None = None) -> NDArray[np.int64] | None:
    """Return dates as whole numbers in the same order (N,), or None if a cell is not a date.

    Those of text are microseconds since 1970; those of datetime64 have its unit.

    A date is in ISO 8601 format, a month alone, or three numbers with slashes, points or hyphens,
    with a time of day or without; a time of day alone is a date too. Either all dates have a time
    zone or none has: those that have one are numbered in UTC.

    Parameters
    ----------
    array : ndarray (N,)
        Text cells, or datetime64.
    order : {"dmy", "mdy", "ymd"}, optional
        The order of day, month and year where a year of four digits does not come first; if None,
        as :func:`order_of` finds.
    """
    if array.dtype.kind == "M":
        return None if np.isnat(array).any() else array.view(np.int64)
    dates = dict.fromkeys(array.tolist())
    order = order or order_of(dates)
    stamps: dict[str, int] = {}
    kinds = set()
    for cell in dates:
        date = _date(cell, order)
        if date is None:
            return None
        kinds.add(_kind(cell, date))
        stamps[cell] = _microseconds(date)
    return None if len(kinds) > 1 else np.fromiter(map(stamps.get, array.tolist()), np.int64)


def order_of(cells: Iterable[str]) -> str | None:
    """Return whether dates with their year last have the day first (dmy) or the month (mdy).

    A number above 12 decides; with points, the day comes first.

    Returns
    -------
    {"dmy", "mdy"} or None
        The order in which most are dates; None if both fit, or there are no such dates.
    """
    counts = {"dmy": 0, "mdy": 0}
    points = False
    for cell in cells:
        match = _DATE.fullmatch(cell.strip())
        if match is None or len(match[1]) > 2 or len(match[4]) != 4:
            continue
        points |= match[2] == "."
        for each in counts:
            counts[each] += _date(cell, each) is not None
    if counts["dmy"] == counts["mdy"]:
        return "dmy" if points else None
    return max(counts, key=lambda each: counts[each])


_HINT = "; correct the cell, or name another column with --time COL"


def first_bad_time(cells: Array, order: str | None) -> tuple[int, str]:
    """Return the first of some text cells that keeps them from being times, and what is wrong.

    Of cells that are times but do not agree, it is the first of the rarer kind.
    """
    settled = order or order_of(cells)
    kinds = []
    for i, cell in enumerate(cells):
        date = _date(cell, settled)
        if date is not None:
            kinds.append(_kind(cell, date))
        elif is_number(cell):
            kinds.append("a number")
        elif settled is None and (readings := _readings(cell)):
            meant = " or ".join(f"{each.day} {each:%B %Y}" for each in readings.values())
            return i, f"may be {meant}; add --dates {' or --dates '.join(readings)}"
        else:
            return i, (
                "is not a time; expected numbers, or dates like 2020-12-31 or 2020-12-31T23:59:59, "
                f"all with a time zone or all without{_HINT}"
            )
    found = sorted(set(kinds), key=kinds.count)
    return kinds.index(found[0]), f"is {found[0]}, but other cells hold {found[-1]}{_HINT}"


def _readings(cell: str) -> dict[str, datetime]:
    """Return the dates that a cell may mean, by the order of its day, month and year."""
    dates = {order: _date(cell, order) for order in ORDERS}
    return {order: date for order, date in dates.items() if date is not None}


def looks_like_times(cells: Array, or_numbers: bool = False) -> bool:
    """Return whether at least half of some text cells, empty ones left out, look like times."""

    def fits(cell: str) -> bool:
        is_date = _date(cell, None) is not None
        return is_date or bool(_LIKE_TIME.match(cell)) or (or_numbers and is_number(cell))

    some = [cell for cell in cells[:: max(1, len(cells) // SAMPLE)] if cell]
    return 2 * sum(map(fits, some)) >= max(len(some), 1)


def may_be_compact(name: str) -> bool:
    """Return whether whole numbers in a column of this name may be dates such as 20241231."""
    return any(part in name.casefold() for part in COMPACT_NAMES)


def compact_dates(array: Array) -> Array | None:
    """Return numbers as dates (N,), or None unless each is a day from 1900 to 2199: 20241231."""
    if not len(array) or not ((array >= 19000101) & (array < 22000101)).all():
        return None
    values, place = np.unique(array, return_inverse=True)
    dates = []
    for value in values.tolist():
        try:
            dates.append(datetime.strptime(f"{value:.10g}", "%Y%m%d"))
        except ValueError:
            return None
    return np.array(dates, "M8[us]")[place]


def _kind(cell: str, date: datetime) -> str:
    """Say what kind of time a cell is; only times of one kind can be compared."""
    if date.year == 1 and ":" in cell:
        return "a time of day"
    return "a date without a time zone" if date.tzinfo is None else "a date with a time zone"


def _microseconds(date: datetime) -> int:
    epoch = datetime(1970, 1, 1, tzinfo=UTC if date.tzinfo else None)
    return (date - epoch) // timedelta(microseconds=1)


def _date(cell: str, order: str | None) -> datetime | None:
    """Return a cell as a date, or None; a time of day is that of the first day of the year 1."""
    text = cell.strip()
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        if month := _MONTH.fullmatch(text):
            return datetime(int(month[1]), int(month[2]), 1)
        if not (parts := _DATE.fullmatch(text)):
            return _with_clock(datetime(1, 1, 1), text)
        first, middle, last = parts[1], parts[3], parts[4]
        if len(first) == 4:
            order = "ymd"
        if order is None:
            return None
        place = {"ymd": (last, middle, first), "mdy": (middle, first, last)}
        day, number, year = place.get(order, (first, middle, last))
        if len(day) > 2 or len(number) > 2 or len(year) not in (2, 4):
            return None
        century = 0 if len(year) == 4 else 1900 if int(year) >= 69 else 2000
        date = datetime(century + int(year), int(number), int(day))
        return date if parts[5] is None else _with_clock(date, parts[5])
    except (ValueError, OverflowError):
        return None


def _with_clock(date: datetime, text: str) -> datetime | None:
    """Return a day with a time of day, or None if `text` is not one."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        return None
    hour = int(match[1])
    if match[5]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (match[5].casefold() == "p")
    zone = "+00:00" if match[6] else f"{match[7]}:{match[8] or '00'}" if match[7] else ""
    clock = f"{hour:02}:{match[2]}:{match[3] or '00'}.{(match[4] or '0')[:6]:<06}{zone}"
    return datetime.fromisoformat(f"{date.date().isoformat()}T{clock}")
