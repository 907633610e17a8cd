"""Finds the series of a table that no column is named after: which they are, and their order."""

import itertools
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config import DataConfig
from hiddenstate.data.calendar import clock_changes
from hiddenstate.data.prepare.encoding import MAX_VALUES
from hiddenstate.data.readers.column_roles import Roles
from hiddenstate.data.readers.columns import Columns, numbered
from hiddenstate.data.readers.profiles import ColumnProfile, missing_cells
from hiddenstate.data.readers.role_guesses import (
    COUNTER_NAMES,
    FORECAST_NAMES,
    INDEX_NAMES,
    LABEL_NAMES,
    TIME_NAMES,
    counter_within,
    says_id,
)
from hiddenstate.data.readers.row_order import MAX_UNNAMED, clock_of
from hiddenstate.errors import DataError
from hiddenstate.system.typing import Array

MIN_STEPS = 8
"""Smallest number of steps of the longest series that is suggested to be forecast."""

MAX_IDS, MAX_FIRST = 2, 6
"""Largest number of columns that together name a series, and of columns of a kind to try."""


@dataclass(frozen=True)
class TableSeries:
    """The series that a table seems to hold.

    Parameters
    ----------
    id : tuple of str
        The columns whose values together name a series; none if they are known, or there is one.
    time : str
        The column whose values order the rows of each series, none of them twice.
    target : str
        The first column of numbers that may be forecast.
    n_series, n_steps : int
        Number of series, and of steps of the longest.
    """

    id: tuple[str, ...]
    time: str
    target: str
    n_series: int
    n_steps: int

    def options(self) -> dict[str, Any]:
        """Return the options that name the columns."""
        ids = {"id": self.id} if self.id else {}
        return {**ids, "time": self.time, "target": (self.target,)}


def find_series(columns: Columns, roles: Roles, options: DataConfig) -> TableSeries | None:
    """Return the series of a table, if its roles do not name them and their order already.

    A row belongs to a series and a time if no other row has both, and other rows have that time;
    or if the times are those of a single series.

    Parameters
    ----------
    columns : Columns
    roles : Roles
        The roles that the columns have without a further option.
    options : DataConfig
    """
    own_id = roles.id if roles.long else ()
    if (own_id and roles.time is not None) or options.layout in ("wide", "features"):
        return None
    for time, clock in _clocks(columns, roles, options):
        counts = columns.kinds[time] == "number" and not _says_when(columns, time)
        for ids in [own_id] if own_id else _possible_ids(columns, roles, time):
            if counts and not ids and time != roles.time:
                continue  # numbers of the rows
            series = numbered(columns, ids)
            if not _orders(columns, time, series, clock, bool(ids)):
                continue
            target = _target(columns, options, {*ids, time, *roles.left_out})
            n_steps = int(np.bincount(series.astype(np.intp, copy=False)).max())
            if target is not None and n_steps >= MIN_STEPS:
                names = columns.names
                own = () if own_id else tuple(names[j] for j in ids)
                n_series = int(series.max()) + 1
                return TableSeries(own, names[time], names[target], n_series, n_steps)
    return None


def counted_series(columns: Columns, roles: Roles) -> str | None:
    """Return the column whose values follow one another, each in many rows of one label, or None.

    Its rows may be series, as those of a number that counts recordings: 0, 0, 0, 1, 1, 1.

    Parameters
    ----------
    columns : Columns
    roles : Roles
        With a label; of a wide table.
    """
    if roles.long or roles.label is None or columns.n_rows < 2 * MIN_STEPS:
        return None
    labels = columns.arrays[roles.label]
    label_changes = labels[1:] != labels[:-1]
    fewest = 2 * len(np.unique(labels))
    for j, cells in enumerate(columns.arrays):
        profile = columns.profile(j)
        whole = profile.kind == "text" or profile.is_whole
        if j == roles.label or not whole or profile.has_gaps:
            continue
        changes = cells[1:] != cells[:-1]
        n_runs = int(changes.sum()) + 1
        long_enough = fewest <= n_runs <= columns.n_rows // MIN_STEPS
        if long_enough and not (label_changes & ~changes).any() and len(set(cells)) == n_runs:
            return columns.names[j]
    return None


def _clocks(columns: Columns, roles: Roles, options: DataConfig) -> Iterator[tuple[int, Array]]:
    """Yield the columns that may order rows, and the numbers that do: dates first."""
    taken = {*roles.targets, roles.group, roles.weight}
    free = [roles.time] if roles.time is not None else range(len(columns.names))
    counters, one = [], np.zeros(columns.n_rows, np.int64)
    for j in free:
        is_date = columns.profile(j).content == "date"
        numbered = columns.names[j].casefold() in INDEX_NAMES and not is_date
        if j in taken or columns.kinds[j] == "nested" or numbered:
            continue
        if says_id(columns.names[j]) and j != roles.time:
            continue
        if columns.profile(j).has_gaps:
            continue
        if is_date or columns.profile(j).holds_unix_times:
            with suppress(DataError):  # dates that may be others, or cells that are none
                yield j, clock_of(columns, j, options.dates, one)
        elif (
            columns.kinds[j] == "number"
            and (j < MAX_UNNAMED or _is_named_as_time(columns, j))
            and (columns.profile(j).is_whole or j == roles.time)
        ):
            counters.append((j, columns.arrays[j]))
    yield from counters


def _is_named_as_time(columns: Columns, j: int) -> bool:
    return columns.names[j].casefold() in (*TIME_NAMES, *COUNTER_NAMES)


def _says_when(columns: Columns, j: int) -> bool:
    """Return whether the name or the values of a column of numbers say that it holds times."""
    return _is_named_as_time(columns, j) or columns.profile(j).holds_unix_times


def _possible_ids(columns: Columns, roles: Roles, time: int) -> Iterator[tuple[int, ...]]:
    """Yield the columns that may name a series: one or several whose values repeat; then none."""
    taken = {*roles.targets, roles.weight, time}
    free = [
        j
        for j, name in enumerate(columns.names)
        if j not in taken and name.casefold() not in (*LABEL_NAMES, *TIME_NAMES, *COUNTER_NAMES)
    ]
    names = [j for j in free if _repeats(columns.profile(j)) or _names_blocks(columns, j)]
    texts = [j for j in names if columns.kinds[j] == "text"]
    counts = [j for j in names if columns.kinds[j] == "number" and j in free[:MAX_FIRST]]
    both = [*texts[:MAX_FIRST], *counts]
    for n in range(1, MAX_IDS + 1):
        yield from itertools.combinations(both, n)
    if roles.time is None:
        yield ()


def _repeats(profile: ColumnProfile) -> bool:
    """Return whether a column holds several texts, or whole numbers, each of several rows."""
    if profile.has_gaps:
        return False
    if profile.kind == "text":
        return profile.has_few_texts
    if not profile.is_whole or not 1 < profile.n_values <= MAX_VALUES:
        return False
    return bool(np.unique(profile.cells, return_counts=True)[1].min() >= MIN_STEPS)


def _names_blocks(columns: Columns, j: int) -> bool:
    """Return whether a column names blocks of rows, in each of which another column rises."""
    profile = columns.profile(j)
    names = profile.kind == "text" or profile.is_whole
    return names and not profile.has_gaps and counter_within(columns, j) is not None


def _orders(
    columns: Columns, time: int, series: NDArray[np.int64], clock: Array, has_ids: bool
) -> bool:
    """Return whether no time occurs twice in a series, and it seems to be one."""
    if columns.kinds[time] != "number":  # an hour that summer time repeats is no time twice
        clock = np.asarray(clock, np.int64)
        clock = clock - clock_changes(clock, series)
    order = np.lexsort((clock, series))
    s, t = series[order], clock[order]
    if ((s[1:] == s[:-1]) & (t[1:] == t[:-1])).any():
        return False
    if has_ids and len(np.unique(t)) == len(t):
        return False  # the time alone says which row it is
    if columns.kinds[time] != "number" or columns.profile(time).content == "date":
        return True
    if columns.profile(time).holds_unix_times:
        return True
    steps = (t[1:].astype(np.float64) - t[:-1].astype(np.float64))[s[1:] == s[:-1]]
    if _is_named_as_time(columns, time):
        return len(steps) > 0 and bool(steps.mean() < 2)
    return len(steps) > 0 and bool((steps == 1).all())


def _target(columns: Columns, options: DataConfig, taken: set[int]) -> int | None:
    """Return the target that is named, or the first free column of numbers that vary, of those with
    more than two values if there are any: two values are a flag, such as a promotion. Columns with
    the names of what is usually forecast come first."""
    if options.target is not None:
        named = columns.positions.get(options.target[0])
        return named if named not in taken else None
    flag = None
    order = range(len(columns.names))
    for j in sorted(order, key=lambda j: columns.names[j].casefold() not in FORECAST_NAMES):
        if (
            columns.kinds[j] == "number"
            and j not in taken
            and not (_says_when(columns, j) or says_id(columns.names[j]))
        ):
            values = columns.arrays[j][~missing_cells(columns.arrays[j])]
            n_values = len(np.unique(values))
            if n_values > 2:
                return j
            if n_values == 2 and flag is None:
                flag = j
    return flag
