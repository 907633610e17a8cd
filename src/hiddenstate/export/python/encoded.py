"""Columns of text and dates as the features that a model reads, in an exported Python file."""

import datetime
from typing import Any

import numpy as np

from hiddenstate.export.facts import Encoding, Facts
from hiddenstate.export.python.times import (
    ahead_of_utc,
    clock_of,
    fixed_step,
    is_next,
    moment,
    parted,
    written,
)
from hiddenstate.export.python.values import Line, listed, shown, value_of
from hiddenstate.program.encoding import calendar_features, feature_names, one_hot
from hiddenstate.program.rows import Array

LAST = 30  # steps whose distances show when the next one is


def derived(names: list[str], about: Facts) -> dict[str, tuple[Encoding, int, bool]]:
    """Return the features that follow from columns of a table: the encoding of each, its number,
    and whether it is of the time that is predicted."""
    features = {}
    for encoding in about["encodings"]:
        if encoding["column"] in names:
            values, calendar = encoding.get("values", ()), encoding.get("calendar", ())
            for k, name in enumerate(feature_names(encoding["column"], values, calendar)):
                features[name] = encoding, k, False
                features[f"{name} +{about['horizon']}"] = encoding, k, True
    wanted = about["columns"] or ()
    return {name: features[name] for name in wanted if name in features and name not in names}


def source_of(name: str, about: Facts) -> str:
    """Return the column of a table that has or becomes a column that the model reads."""
    features = derived([encoding["column"] for encoding in about["encodings"]], about)
    return str(features[name][0]["column"]) if name in features else name


def read_columns(about: Facts) -> list[str]:
    """Return the names of the columns of a table that the model reads."""
    return list(dict.fromkeys(source_of(name, about) for name in about["columns"] or ()))


def encoded(
    encoding: Encoding,
    lines: list[Line],
    ids: list[tuple[str, ...]],
    names: list[str],
    about: Facts,
    where: str,
) -> tuple[Array, Array]:
    """Return the features (lines, K) of one column, and those at the times that are predicted.

    Lines are in the order of their times. Those after the end of a series follow from its times;
    text there is missing.
    """
    j, calendar = names.index(encoding["column"]), encoding.get("calendar")
    cells, column = [line[j] for _, line in lines], f"{where}:{shown(names[j])}"
    if calendar:
        utc, local = dates_of(cells, names[j], about, column)
        now = calendar_features(utc, calendar, local)
    else:
        now, unknown = one_hot(np.array(cells, object), encoding["values"])
        if len(unknown):
            n, line = lines[int(unknown[0])]
            raise ValueError(
                f"{where}:{n}:{shown(names[j])}: '{shown(line[j])}' is not in the training data; "
                f"known values: {listed(encoding['values'])}"
            )
    later, h = np.full(now.shape, np.nan, now.dtype), about["horizon"] or 0
    if not any(ahead for _, _, ahead in derived([names[j]], about).values()):
        return now, later
    series: dict[tuple[str, ...], list[int]] = {}
    for i, each in enumerate(ids):
        series.setdefault(each, []).append(i)
    for rows in series.values():
        after = np.full((h, now.shape[1]), np.nan)
        if calendar:
            times = local[rows[-LAST:]].astype(np.int64).tolist()
            next_local = times_after(times, h, about.get("every"), column)
            offset = local[rows[-1]] - utc[rows[-1]]
            after = calendar_features(next_local - offset, calendar, next_local)
        later[rows] = np.concatenate([now[rows], after])[h:]
    return now, later


def dates_of(cells: list[str], name: str, about: Facts, column: str) -> tuple[Array, Array]:
    """Return dates (n,), in UTC if they have a time zone, and on the local clock."""
    utc = np.full(len(cells), "NaT", "M8[us]")
    present = [i for i, cell in enumerate(cells) if cell]
    clock, kind = clock_of([cells[i] for i in present], name, about) if present else ([], "date")
    if kind == "number":  # of eight digits, the year first
        texts = [parted(f"{value_of(cells[i], about):.0f}", "ymd") for i in present]
        moments = [moment(text, "ymd", False) for text in texts]
        clock, kind = [0 if each is None else each[1] for each in moments], "date"
        clock = None if None in moments else clock
    if clock is None or kind == "day":
        raise ValueError(f"{column}: expected dates, for the calendar that the model reads")
    utc[present] = np.array(clock, np.float64).astype(np.int64).astype("M8[us]")
    offsets = [ahead_of_utc(cell) * 1000000 for cell in cells] if kind == "zone" else [0] * len(utc)
    return utc, utc + np.array(offsets, "m8[us]")


def times_after(times: list[int], n: int, every: Any, column: str) -> Array:
    """Return the `n` times (n,) that follow others, in microseconds: `every` step, or as these."""
    pairs = [(times[i - 1], times[i]) for i in range(1, len(times))]
    gaps = [after - before for before, after in pairs]
    if not every and len(set(gaps)) > 1:
        names = ("weekday", "month", "quarter", "year")
        each = (name for name in names if all(is_next(*pair, "date", name) for pair in pairs))
        every = next(each, None)
    step = int(fixed_step(every)) if every else max(set(gaps), key=gaps.count, default=0)
    if not every and 2 * gaps.count(step) < max(len(gaps), 1):
        raise ValueError(
            f"{column}: its times have no regular step, so those that are predicted are unknown; "
            "add the lines that are missing"
        )
    later = [times[-1]]
    for _ in range(n):
        later.append(later[-1] + step if step else next_date(later[-1], every))
    return np.array(later[1:], np.int64).astype("M8[us]")


def cells_after(cells: list[str], n: int, name: str, about: Facts) -> list[str]:
    """Return the `n` times that follow others, as they are written; empty if they are unknown."""
    unknown, last = [""] * n, cells[-LAST:]
    clock, kind = clock_of(last, name, about)
    if clock is None or not n or len(last) < 2:
        return unknown
    if kind == "number":
        steps = {round(clock[i] - clock[i - 1], 9) for i in range(1, len(clock))}
        numbers = [f"{clock[-1] + k * min(steps):.12g}" for k in range(1, n + 1)]
        return numbers if len(steps) == 1 else unknown
    if kind == "day":
        return unknown
    offset = ahead_of_utc(last[-1]) * 1000000 if kind == "zone" else 0
    day_first = clock_of(last, name, {**about, "dates": "dmy"})[0] is not None
    order = about["dates"] or ("dmy" if day_first else "mdy")
    try:
        later = times_after([int(t) + offset for t in clock], n, about.get("every"), name)
    except ValueError:
        return unknown
    return [written(last[-1], int(t), order) for t in later.astype(np.int64)]


def next_date(time: int, every: str) -> int:
    """Return the time of the next working day, month, quarter or year, in microseconds."""
    day = 86400 * 1000000
    days, clock = divmod(time, day)
    date = datetime.date.fromordinal(719163 + days)
    if every == "weekday":
        return time + day * (3 if date.weekday() == 4 else 1)
    month = 12 * date.year + date.month - 1 + {"month": 1, "quarter": 3, "year": 12}[every]
    first, after = (datetime.date(m // 12, m % 12 + 1, 1).toordinal() for m in (month, month + 1))
    return (first - 719163 + min(date.day, after - first) - 1) * day + clock
