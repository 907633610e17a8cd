"""The times of a table, in an exported Python file: the order of lines, and what they follow."""

import datetime
import math
import re

from hiddenstate.export.facts import Facts
from hiddenstate.export.python.values import Line, refuse_missing, shown, value_of

TIME = re.compile(
    r"(?:(\d{1,4})([-/.])(\d{1,2})(?:\2(\d{1,4}))?(?:(?:T|,?\s+)(?=\d)|$))?"
    r"(?:(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(?:([ap])\.?m\.?)?"
    r"\s*(Z|UTC|GMT|[+-]\d\d:?(?:\d\d)?)?)?",
    re.ASCII | re.IGNORECASE,
)


def in_order(
    lines: list[Line],
    ids: list[tuple[str, ...]],
    j: int,
    names: list[str],
    about: Facts,
    where: str,
) -> list[int]:
    """Return the numbers of the lines, series by series, in the order of the time in column `j`."""
    column = shown(names[j])
    refuse_missing(lines, j, about, f"{where}:{{}}:{column}: no time; fill it in")
    cells = [line[j] for _, line in lines]
    clock, kind = clock_of(cells, names[j], about)
    if clock is not None and kind == "day":
        clock = with_days(clock, lines, ids, names, about)
    if clock is None:
        raise ValueError(
            f"{where}: cannot order the lines by {column}; expected numbers, or dates like "
            "2020-12-31 or 2020-12-31T23:59:59, all with a time zone or all without"
        )
    rank = {series: i for i, series in reversed(list(enumerate(ids)))}
    order = sorted(range(len(lines)), key=lambda i: (rank[ids[i]], clock[i]))
    for k in range(1, len(order)):
        before, i = order[k - 1], order[k]
        if ids[before] == ids[i] and clock[before] == clock[i]:
            raise ValueError(
                f"{where}:{lines[i][0]}:{column}: time {shown(cells[i])} occurs twice in a series; "
                "drop one of the lines"
            )
        every = about.get("every")
        if every and ids[before] == ids[i] and not is_next(clock[before], clock[i], kind, every):
            raise ValueError(
                f"{where}:{lines[i][0]}:{column}: {shown(cells[i])} is not the {every} after "
                f"{shown(cells[before])}; add a line for each {every} that is missing, with its "
                "time alone"
            )
    return order


def is_next(before: float, after: float, kind: str, every: str) -> bool:
    """Return whether a time is that of the next step; numbers do not say when they are."""
    day, apart = 86400e6, after - before
    if kind not in ("date", "day", "zone"):
        return False
    if fixed_step(every):
        return apart == fixed_step(every)
    first, second = (datetime.date.fromordinal(719163 + int(t // day)) for t in (before, after))
    if every == "weekday":
        return apart == (3 * day if first.weekday() == 4 else day) and second.weekday() < 5
    months = {"month": 1, "quarter": 3, "year": 12}[every]
    return 12 * (second.year - first.year) + second.month - first.month == months


def fixed_step(every: str) -> float:
    """Return the microseconds of a step; 0 if they differ, as months do."""
    day = 86400e6
    fixed = {"minute": 60e6, "hour": 3600e6, "day": day, "week": 7 * day}
    return 60e6 * int(every[:-3]) if every.endswith("min") else fixed.get(every, 0)


def with_days(
    clock: list[float],
    lines: list[Line],
    ids: list[tuple[str, ...]],
    names: list[str],
    about: Facts,
) -> list[float] | None:
    """Return times of day with their dates in another column or, without one, over midnights."""
    day = 86400e6
    used = {*(about["columns"] or ()), *about["id"], *about["time"]}
    free = [j for j, name in enumerate(names) if name not in used]
    dates = [clock_of([line[j] for _, line in lines], names[j], about) for j in free]
    beside = [found for found, kind in dates if found is not None and kind == "date"]
    if len(beside) == 1:
        return [date + clock[i] for i, date in enumerate(beside[0])]
    for order in (range(len(clock)), range(len(clock) - 1, -1, -1)):  # or the newest is first
        later = {}
        last: dict[tuple[str, ...], tuple[float, float]] = {}
        for i in order:
            before, days = last.get(ids[i], (clock[i], 0.0))
            if 0 < before - clock[i] <= day / 2:
                break
            days += day if clock[i] < before else 0
            last[ids[i]], later[i] = (clock[i], days), clock[i] + days
        if len(later) == len(clock):
            return [later[i] for i in range(len(clock))]
    return None


def clock_of(cells: list[str], name: str, about: Facts) -> tuple[list[float] | None, str]:
    """Return numbers in the order of times, or None, and what kind of times they are."""
    values = [value_of(cell, about) for cell in cells]
    numbers = [value for value in values if value is not None]
    counts = len(numbers) == len(cells)
    if counts and not all(map(math.isfinite, numbers)):
        return None, ""
    texts = compact_dates(numbers, name) if counts else cells
    settled = about["dates"]
    orders = ["dmy", "mdy", "ymd"] if counts else [settled] if settled else ["dmy", "mdy"]
    found = {}
    for order in orders if texts else []:
        dates = [parted(text, order) for text in texts] if counts else texts
        moments = [moment(date, order, counts or bool(settled)) for date in dates]
        known = [each for each in moments if each is not None]
        if len(known) == len(cells) and len({kind for kind, _ in known}) == 1:
            found[order] = [value for _, value in known], known[0][0]
    if not found:
        return (numbers, "number") if counts else (None, "")
    if settled:
        return found.get(settled, (None, ""))
    readings = list(found.values())
    if any(each != readings[0] for each in readings):  # either the day or the month comes first
        if counts and all(ranked(each) == ranked(numbers) for each, _ in readings):
            return numbers, "number"
        if not all("." in text[:5] for text in texts):
            return None, ""
    return readings[0]


def ranked(values: list[float]) -> list[int]:
    return sorted(range(len(values)), key=values.__getitem__)


def parted(text: str, order: str) -> str:
    """Return the digits of a date with the signs between day, month and year."""
    a, b = (4, 6) if order == "ymd" and len(text) == 8 else (2, 4)
    return f"{text[:a]}/{text[a:b]}/{text[b:]}"


def compact_dates(numbers: list[float], name: str) -> list[str]:
    """Return the digits of numbers that are dates such as 31122024; none if they are no dates, or
    begin with the year, and so are in their own order.
    """
    most, values = max(numbers), set(numbers)
    width = 6 if most < 1e6 else 8
    if not 1e4 <= most < 1e8 or not all(number >= 0 and number % 1 == 0 for number in values):
        return []
    counts = len(values) > 1 and most - min(values) == len(values) - 1
    if counts or (width == 6 and not re.search("date|day", name.lower())):
        return []
    texts = [f"{number:.0f}".zfill(width) for number in numbers]
    form = "(19|20|21)[0-9][0-9](0[1-9]|1[0-2])" + ("(0[1-9]|[12][0-9]|3[01])" * (width == 8))
    return [] if all(re.fullmatch(form, text) for text in texts) else texts


def moment(cell: str, order: str, short: bool) -> tuple[str, float] | None:
    """Return what kind of time a cell is, and microseconds since its beginning; None if none.

    Years of two digits are read if they may be `short`.
    """
    parts = TIME.fullmatch(cell)
    if parts is None or not cell:
        return None
    first, _, middle, last, hour, minute, second, part, half, zone = parts.groups()
    day, kind = 0, "day"
    if first is not None:
        year_first = len(first) == 4 or order == "ymd"
        month_first = order == "mdy" and not year_first
        if last is None and (hour or len(first) != 4 or len(middle) != 2):
            return None
        d, m, y = (last or "1", middle, first) if year_first else (first, middle, last)
        d, m = (m, d) if month_first else (d, m)
        if len(d) > 2 or len(m) > 2 or len(y) not in (2 if short else 4, 4):
            return None
        century = 0 if len(y) == 4 else 1900 if int(y) >= 69 else 2000
        try:
            day = datetime.date(century + int(y), int(m), int(d)).toordinal() - 719163
        except ValueError:
            return None
        kind = "zone" if zone else "date"
    hours = int(hour or 0) % 12 + 12 * (half in "pP") if half else int(hour or 0)
    if hours > 23 or int(minute or 0) > 59 or int(second or 0) > 59:
        return None
    seconds = hours * 3600 + int(minute or 0) * 60 + int(second or 0)
    seconds -= ahead_of_utc(cell)
    return kind, (day * 86400 + seconds) * 1000000 + int(((part or "") + "000000")[:6])


def written(like: str, time: int, order: str) -> str:
    """Return a time, in microseconds on its own clock, as the cell `like` is written; empty if
    that form is not one of dates in parts."""
    parts = TIME.fullmatch(like)
    if parts is None or parts[1] is None or parts[9]:
        return ""
    days, rest = divmod(time, 86400 * 1000000)
    date, seconds = datetime.date.fromordinal(719163 + days), rest // 1000000
    year_first = len(parts[1]) == 4 or order == "ymd"
    places = (1, 3, 4) if year_first else (4, 1, 3) if order == "mdy" else (4, 3, 1)
    values = dict(zip(places, (date.year, date.month, date.day)))
    values.update({5: seconds // 3600, 6: seconds // 60 % 60, 7: seconds % 60, 8: rest % 1000000})
    text, end = "", 0
    for group, value in sorted(values.items()):
        old = parts[group]
        if old is not None:
            new = f"{value:06d}".ljust(9, "0") if group == 8 else f"{value:0{len(old)}d}"
            cut = new[: len(old)] if group == 8 else new[-len(old) :] if len(old) > 1 else new
            text += like[end : parts.start(group)] + cut
            end = parts.end(group)
    return text + like[end:]


def ahead_of_utc(cell: str) -> int:
    """Return by how many seconds the clock of a time is ahead of UTC."""
    parts = TIME.fullmatch(cell)
    zone = (parts and parts[parts.re.groups]) or ""
    if zone[:1] not in ("+", "-"):
        return 0
    return int(zone[0] + "1") * (int(zone[1:3]) * 3600 + int(zone[3:].strip(":") or 0) * 60)
