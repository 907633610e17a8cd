"""Reads dates and times as people write them, as numbers in the order of time."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.readers.number_text import is_number
from hiddenstate.errors import Flag, Hint
from hiddenstate.system.typing import Array

ORDERS = ("dmy", "mdy", "ymd")
"""The values of `--dates`: the order of day, month and year."""

SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millis", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "µs", "microseconds"), 1e-6),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **dict.fromkeys(("day", "days"), 86400.0),
}
"""Units of time in the names of columns."""

COMPACT_NAMES = ("date", "day", "time")
"""Parts of the name of a column in which a whole number such as 20241231 may be a date."""

SHORT_NAMES = COMPACT_NAMES[:2]
"""Those for six digits, such as 311224, which under a name of time may be a time of day."""

SAMPLE = 1000
"""Largest number of cells that are looked at to tell what a column holds."""

UNIX = (788_918_400.0, 2_366_841_600.0)
"""1 January of 1995 and of 2045, in seconds since 1970."""

_MONTH = re.compile(r"(\d{4})[-/](\d{2})")
_DATE = re.compile(r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})(?:(?:T|,?\s+)(\S.*))?")
_CLOCK = re.compile(
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*([ap])?(?(5)\.?m\.?)"
    r"\s*(?:(Z|UTC|GMT)|([+-]\d{2}):?(\d{2})?)?",
    re.IGNORECASE | re.ASCII,
)
_LIKE_CLOCK = re.compile(r"\s*\d{1,2}:\d{2}(?=$|[:\s.])")

_PARTS = (
    r"\d{4}([-/.])\d{1,2}\1\d{1,2}(?=$|[T\s,])",
    r"\d{1,2}([-/.])\d{1,2}\2\d{4}(?=$|[T\s,])",
    r"\d{1,2}([-/])\d{1,2}\3\d{2}(?=$|[T\s,])",
    r"\d\d\.\d\d\.\d\d(?=$|[T\s,])",
    _LIKE_CLOCK.pattern.removeprefix(r"\s*"),
    r"\d{4}[-/]\d{1,2}\s*$",
)
_LIKE_TIME = re.compile(rf"\s*(?:{'|'.join(_PARTS)})")
"""The begin of a date or a time of day, with its parts in any order and range; not 2.10.15."""

_LIKE_TIME_OR_VERSION = re.compile(
    rf"{_LIKE_TIME.pattern}|\s*\d{{1,2}}\.\d{{1,2}}\.\d{{2}}(?=$|[T\s,])"
)
"""That, or a date with points and a short year."""


def timestamps(array: Array, order: str | None = None) -> NDArray[np.int64] | None:
    """Return dates as microseconds since 1970 (N,), or None if a cell is not a date.

    A date is in ISO 8601 format, a month alone, or three numbers with slashes, points or hyphens,
    with a time of day or without; a time of day alone is a date too. Either all dates have a time
    zone or none has: those that have one are numbered in UTC.

    Parameters
    ----------
    array : ndarray (N,)
        Text cells.
    order : {"dmy", "mdy", "ymd"}, optional
        The order of day, month and year where a year of four digits does not come first; if None,
        as :func:`order_of` finds.
    """
    moments = local_times(array, order)
    return None if moments is None else moments[0] - moments[1]


def local_times(
    array: Array, order: str | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64], bool] | None:
    """Return dates as :func:`timestamps` reads them, on their own clocks.

    Returns
    -------
    local, offset : ndarray (N,)
        Microseconds since 1970 on the local clock, and those that it is ahead of UTC.
    zoned : bool
        Whether the cells have a time zone.
    """
    cells = array.tolist()
    dates = dict.fromkeys(cells)
    if (plain := _plain_dates(list(dates))) is not None:
        if len(dates) < len(cells):
            place = dict(zip(dates, plain.tolist(), strict=True))
            plain = np.fromiter(map(place.__getitem__, cells), np.int64, len(cells))
        return plain, np.zeros(len(cells), np.int64), False
    order = order or order_of(dates)
    moments: dict[str, tuple[int, int]] = {}
    kinds = set()
    for cell in dates:
        date = _date(cell, order)
        if date is None:
            return None
        kinds.add(_kind(cell, date))
        offset = (date.utcoffset() or timedelta()) // timedelta(microseconds=1)
        moments[cell] = (_microseconds(date) + offset, offset)
    if len(kinds) > 1:
        return None
    both = np.array([moments[cell] for cell in cells], np.int64).reshape(-1, 2)
    return both[:, 0].copy(), both[:, 1].copy(), "a date with a time zone" in kinds


def _plain_dates(cells: list[str]) -> NDArray[np.int64] | None:
    """Return dates all written like 2024-12-31, 2024-12-31 23:59 or 2024-12-31T23:59:59, in
    microseconds (N,); None for any others."""
    size = len(cells[0]) if cells else 0
    if size not in (10, 16, 19) or any(len(cell) != size for cell in cells):
        return None
    codes = np.array(cells, f"U{size}").view(np.uint32).reshape(len(cells), size)
    marks = {4: "-", 7: "-", 10: "T ", 13: ":", 16: ":"}
    which = [k for k in range(size) if k not in marks]
    digits = codes[:, which].astype(np.int64) - ord("0")
    if ((digits < 0) | (digits > 9)).any():
        return None
    if not all(np.isin(codes[:, k], [*map(ord, marks[k])]).all() for k in marks if k < size):
        return None
    year = digits[:, :4] @ (1000, 100, 10, 1)
    parts = digits[:, 4:].reshape(len(cells), -1, 2) @ (10, 1)
    month, day, clock = parts[:, 0], parts[:, 1], parts[:, 2:]
    if (year < 1).any() or (month < 1).any() or (month > 12).any():
        return None
    months = (12 * (year - 1970) + month - 1).view("M8[M]")
    first = months.astype("M8[D]").view(np.int64)
    length = (months + np.timedelta64(1, "M")).astype("M8[D]").view(np.int64) - first
    if (day < 1).any() or (day > length).any() or (clock >= (24, 60, 60)[: clock.shape[1]]).any():
        return None
    seconds = clock @ np.array((3600, 60, 1)[: clock.shape[1]], np.int64)
    return np.asarray(1_000_000 * (86_400 * (first + day - 1) + seconds), np.int64)


def has_zone(cell: str, order: str | None = None) -> bool:
    """Return whether a text cell is a date with a time zone."""
    date = _date(cell, order)
    return date is not None and date.tzinfo is not None


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


_HINTS: tuple[Hint, ...] = (
    "correct the cell",
    ("name another column with ", Flag("--time", "COL")),
)


def first_bad_time(cells: Array, order: str | None) -> tuple[int, str, tuple[Hint, ...]]:
    """Return the first of some text cells that keeps them from being times, what is wrong, and
    hints.

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
        elif settled is None and _readings(cell):
            # A cell whose dates differ shows best that one must be chosen.
            every = [_readings(each) for each in cells]
            i = next((k for k, each in enumerate(every) if len(set(each.values())) > 1), i)
            readings = every[i]
            meant = " or ".join(f"{each.day} {each:%B %Y}" for each in readings.values())
            return i, f"may be {meant}; add --dates {' or --dates '.join(readings)}", ()
        else:
            problem = (
                "is not a time; expected numbers, or dates like 2020-12-31 or 2020-12-31T23:59:59, "
                "all with a time zone or all without"
            )
            return i, problem, _HINTS
    ranked = sorted(dict.fromkeys(kinds), key=kinds.count)
    return kinds.index(ranked[0]), f"is {ranked[0]}, but other cells hold {ranked[-1]}", _HINTS


def _readings(cell: str) -> dict[str, datetime]:
    """Return the dates that a cell may mean, by the order of its day, month and year."""
    dates = {order: _date(cell, order) for order in ORDERS}
    return {order: date for order, date in dates.items() if date is not None}


def looks_like_times(cells: Array, name: str, or_numbers: bool = False) -> bool:
    """Return whether at least half of some text cells, empty ones left out, look like times.

    Cells such as 1.2.24 do only if the name of their column says so; else they are versions.
    """
    pattern = _LIKE_TIME_OR_VERSION if says_time(name) else _LIKE_TIME

    def fits(cell: str) -> bool:
        is_date = _date(cell, None) is not None
        return is_date or bool(pattern.match(cell)) or (or_numbers and is_number(cell))

    some = [cell for cell in cells[:: max(1, len(cells) // SAMPLE)] if cell]
    return 2 * sum(map(fits, some)) >= max(len(some), 1)


def are_times_of_day(cells: Iterable[str]) -> bool:
    """Return whether all text cells, empty ones left out, are times of day without a date."""
    dates = [_date(cell, None) for cell in cells if cell]
    return all(date is not None and date.year == 1 for date in dates)


def are_clocks(cells: Iterable[str]) -> bool:
    """Return whether all text cells, empty ones left out, are like 1:30: times or durations."""
    return all(_LIKE_CLOCK.match(cell) for cell in cells if cell)


def says_time(name: str) -> bool:
    """Return whether the name of a column says that it holds dates or times."""
    return any(part in name.casefold() for part in COMPACT_NAMES)


def are_unix_times(array: Array) -> bool:
    """Return whether numbers (n,) look like times since 1970 in s, ms, us or ns: 1995 to 2045."""
    low, high = float(array.min()), float(array.max())
    return any(UNIX[0] * unit <= low and high <= UNIX[1] * unit for unit in (1, 1e3, 1e6, 1e9))


def compact_readings(array: Array, name: str) -> dict[str, Array]:
    """Return what numbers may mean as dates (N,), by the order of their day, month and year.

    They are days from 1900 to 2199 with a year of four digits, 20241231 or 31122024; or of two,
    241231 or 311224, if the name of their column says so. Zeros at the start may be missing.
    Numbers that do not begin with the year and count up by 1, and months such as 202412, are none.
    """
    values, place = np.unique(array, return_inverse=True)
    if not len(values) or not (10**4 <= values[-1] < 10**8 and (values == np.floor(values)).all()):
        return {}
    width = 6 if values[-1] < 10**6 else 8
    if width == 6 and not any(part in name.casefold() for part in SHORT_NAMES):
        return {}
    texts = [f"{value:.0f}".zfill(width) for value in values.tolist()]
    dates = {order: _compact(texts, order) for order in ORDERS}
    readings = {order: days[place] for order, days in dates.items() if days is not None}
    if width == 8 and "ymd" in readings:
        return {"ymd": readings["ymd"]}
    months = width == 6 and all("1900" <= t[:4] < "2200" and "01" <= t[4:] <= "12" for t in texts)
    counts = len(values) > 1 and values[-1] - values[0] == len(values) - 1
    return {} if months or counts else readings


def _compact(texts: list[str], order: str) -> Array | None:
    """Return texts of six or eight digits as days, or None if one is no day of that order."""
    cut = (4, 6) if order == "ymd" and len(texts[0]) == 8 else (2, 4)
    days = []
    for text in texts:
        day = _date(f"{text[: cut[0]]}/{text[cut[0] : cut[1]]}/{text[cut[1] :]}", order)
        if day is None or not 1900 <= day.year < 2200:
            return None
        days.append(day)
    return np.array(days, "M8[us]")


def compact_doubt(cell: float, readings: dict[str, Array], row: int) -> str:
    """Say which dates a number may be, and how to choose one."""
    meant = [f"{(day := each[row].item()).day} {day:%B %Y}" for each in readings.values()]
    text = f"{cell:.0f}".zfill(6 if cell < 10**6 else 8)
    return f"'{text}' may be {' or '.join(meant)}; add --dates {' or --dates '.join(readings)}"


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
