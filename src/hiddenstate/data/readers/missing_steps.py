"""Finds the steps that a long table is without, and inserts them as rows of missing values."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config import DataConfig
from hiddenstate.data.calendar import (
    BUSINESS,
    DAY,
    Calendar,
    MissingSteps,
    Moments,
    named_calendar,
)
from hiddenstate.data.readers.cells import plain_values
from hiddenstate.data.readers.column_roles import Roles
from hiddenstate.data.readers.columns import Columns, OnDemand, typed
from hiddenstate.data.readers.dated_rows import DatedTable
from hiddenstate.data.readers.profiles import cell_text, is_missing
from hiddenstate.data.readers.role_guesses import is_static
from hiddenstate.data.readers.row_order import is_count
from hiddenstate.errors import DataError, OptionError, count
from hiddenstate.system.memory import check_free
from hiddenstate.system.typing import Array


@dataclass(frozen=True)
class _Gaps:
    """Rows (n,) after which steps are missing, and how many are; of `n_steps` of all series."""

    rows: NDArray[np.int64]
    sizes: NDArray[np.intp]
    n_steps: int


def _gaps(table: DatedTable, roles: Roles, options: DataConfig, calendar: Calendar) -> _Gaps:
    """Return the gaps between the rows of each series, up to the last target of forecasts with
    columns known ahead: a row of those that is missing after it is not made up."""
    order = np.lexsort((table.clock, table.series))
    series = table.series[order]
    apart = np.diff(calendar.slots_of(table.dates.moments.take(order)))
    inside = series[1:] == series[:-1]
    if options.future:
        rank = np.arange(len(order))
        last = np.full(int(series.max()) + 1, -1)
        with_target = _with_targets(table.columns, roles, options)[order]
        np.maximum.at(last, series[with_target], rank[with_target])
        inside &= rank[1:] <= last[series[1:]]
    sizes = np.where(inside, apart - 1, 0)
    which = np.flatnonzero(sizes > 0)
    missing = sizes[which].astype(np.intp, copy=False)
    return _Gaps(order[which], missing, int(missing.sum()) + len(order))


def _with_targets(columns: Columns, roles: Roles, options: DataConfig) -> NDArray[np.bool_]:
    """Return which rows (N,) have a target; all, where no column of targets is there."""
    named = [columns.positions[n] for n in options.target or () if n in columns.positions]
    present = np.zeros(columns.n_rows, bool)
    for j in (which := roles.targets or named):
        cells = columns.arrays[j]
        if cells.dtype.kind == "O":
            present |= np.array([not is_missing(cell) for cell in cells], bool)
        else:
            present |= np.isfinite(cells)
    return present if which else np.ones(columns.n_rows, bool)


def missing_steps(table: DatedTable, roles: Roles, options: DataConfig) -> MissingSteps | None:
    """Return how many steps of its own calendar a table is without; None if there are none."""
    calendar = table.dates.calendar
    if calendar is None or table.n_rows is not None:
        return None
    return _described(_gaps(table, roles, options, calendar), table, roles, calendar)


def _described(
    gaps: _Gaps, table: DatedTable, roles: Roles, calendar: Calendar
) -> MissingSteps | None:
    if not len(gaps.rows):
        return None
    first = gaps.rows[:1]
    time = calendar.written(calendar.later(table.dates.moments.take(first), np.ones(1, int)))[0]
    name = ""
    if roles.id:
        cells = [plain_values(table.columns.arrays[j][first])[0] for j in roles.id]
        name = ", ".join(cell_text(cell) for cell in cells)
    series = table.series.astype(np.intp, copy=False)
    missing = np.bincount(series[gaps.rows], gaps.sizes)
    part = missing / (missing + np.bincount(series)[: len(missing)])
    n = int(gaps.sizes.sum())
    return MissingSteps(n, gaps.n_steps, str(time), name, calendar, float(part.max()))


def with_missing_steps(table: DatedTable, roles: Roles, options: DataConfig) -> DatedTable:
    """Return a table with a row at each step that `--every` names, between the first and the last
    row of each series.

    The rows that are added come after those of the file. They have the ids, labels, groups, weights
    and static values of their series, and no others.

    Raises
    ------
    DataError
        If two rows fall into one step, or the step is finer than the data.
    """
    assert options.every is not None
    assert roles.time is not None  # as the caller checked
    dates, columns = table.dates, table.columns
    calendar = named_calendar(options.every, dates.moments, dates.form, dates.order)
    _check_slots(table, roles, options, calendar)
    gaps = _gaps(table, roles, options, calendar)
    n_new = int(gaps.sizes.sum())
    dates = replace(dates, calendar=calendar)
    if not n_new:
        return replace(table, dates=dates)
    check_free(
        8 * n_new * len(columns.names),
        f"{columns.where}: {calendar.count(n_new)} to fill in",
        "use a coarser --every, or correct the dates",
    )
    before = np.repeat(gaps.rows, gaps.sizes)
    firsts = np.cumsum(gaps.sizes) - gaps.sizes
    steps = np.arange(n_new) - np.repeat(firsts, gaps.sizes) + 1
    own = dates.moments.take(before)
    added = calendar.later(own, steps)
    moments = Moments(
        np.concatenate([dates.moments.local, added.local]),
        np.concatenate([dates.moments.offset, added.offset]),
    )
    times = _cells(columns.arrays[roles.time], calendar, added)
    clock = moments.utc
    if is_count(columns, roles.time, table.clock):
        clock = np.concatenate([table.clock, times.astype(table.clock.dtype)])
    copied = {*roles.id, *roles.static, roles.label, roles.group, roles.weight}
    copied |= {j for j in roles.unused if is_static(columns, j, roles.id)}
    n, number = columns.n_rows, columns.places.number
    return DatedTable(
        replace(
            columns,
            arrays=_lengthened(columns.arrays, before, roles.time, times, frozenset(copied)),
            n_rows=n + n_new,
            places=replace(columns.places, number=lambda i: number(i) if i < n else None),
            written=None,
            stack=None,
        ),
        np.concatenate([table.series, table.series[before]]),
        clock,
        replace(dates, moments=moments),
        n,
        _described(gaps, table, roles, calendar),
    )


def _check_slots(table: DatedTable, roles: Roles, options: DataConfig, calendar: Calendar) -> None:
    """Refuse two rows in one slot, and slots of which rows fill only every second or fewer."""
    columns, time = table.columns, roles.time
    assert time is not None
    local = table.dates.moments.local
    if calendar.unit == BUSINESS:
        off = np.flatnonzero((local // DAY + 3) % 7 > 4)
        if len(off):
            day = ("Saturday", "Sunday")[int(local[off[0]] // DAY + 3) % 7 - 5]
            cell = _cell(columns, time, int(off[0]))
            raise DataError(
                f"{columns.at(int(off[0]), time)}: {cell} is a {day}, but --every weekday has "
                "steps from Monday to Friday; use --every day"
            )
    order = np.lexsort((table.clock, table.series))
    same = np.diff(table.series[order]) == 0
    apart = np.where(same, np.diff(calendar.slots_of(table.dates.moments.take(order))), 1)
    later = np.diff(table.dates.moments.utc[order]) > 0  # equal times are refused in any case
    twice = np.flatnonzero((apart < 1) & later)
    if len(twice):
        first, second = int(order[twice[0]]), int(order[twice[0] + 1])
        cells = [_cell(columns, time, i) for i in (first, second)]
        raise DataError(
            f"{columns.at(second, time)}: {cells[1]} and {cells[0]} at {columns.row(first)} are in "
            f"one {options.every}; {_other(table, options)}"
        )
    far = same & (apart > 1)
    if 2 * far.sum() > same.sum():
        each, counts = np.unique(apart[far], return_counts=True)
        at = np.flatnonzero(far & (apart == each[np.argmax(counts)]))[0]
        first, second = int(order[at]), int(order[at + 1])
        cells = [_cell(columns, time, i) for i in (first, second)]
        raise DataError(
            f"{columns.at(second, time)}: --every {options.every} is finer than the data: most "
            f"rows are {count(int(apart[at]), 'step')} apart, such as {cells[1]} and {cells[0]} at "
            f"{columns.row(first)}; {_other(table, options)}"
        )


def _cell(columns: Columns, j: int, row: int) -> str:
    return cell_text(plain_values(columns.arrays[j][row : row + 1])[0])


def _other(table: DatedTable, options: DataConfig) -> str:
    """Return a hint: the step that the data has, if it has one."""
    own = None if table.dates.calendar is None else table.dates.calendar.every
    if own not in (None, options.every):
        return f"use --every {own}"
    return "use another --every, or aggregate the rows first"


def _cells(array: Array, calendar: Calendar, moments: Moments) -> Array:
    """Return moments (n,) as cells of a time column such as `array`."""
    if array.dtype.kind == "M":
        return moments.local.view("M8[us]").astype(array.dtype)
    written = calendar.written(moments)
    return written if array.dtype.kind == "O" else written.astype(array.dtype)


def _lengthened(
    arrays: Sequence[Array],
    before: NDArray[np.int64],
    time: int,
    times: Array,
    copied: frozenset[int | None],
) -> OnDemand:
    """Return columns with rows added: some repeat rows of their series, the rest is missing."""
    made = {time: np.concatenate([arrays[time], times])}

    def read(j: int) -> Array:
        if j not in made:
            array = arrays[j]
            new = array[before] if j in copied else _absent(array, len(before))
            made[j] = np.concatenate([array, new])
        return made[j]

    return OnDemand(len(arrays), read)


def _absent(array: Array, n: int) -> Array:
    """Return missing cells (n,) for a column."""
    kind = array.dtype.kind
    if kind == "O":
        return np.full(n, "", object)
    if kind == "M":
        return np.full(n, np.datetime64("NaT"), array.dtype)
    return np.full(n, np.nan, array.dtype if kind == "f" else np.float64)


def refuse_every(columns: Columns, roles: Roles, dated: DatedTable | None) -> None:
    """Refuse `--every` for a table whose rows have no dates, or are not steps."""
    if not roles.long:
        raise OptionError(
            f"--every: applies to series with a row for each step; {columns.where} has a row for "
            "each series; leave it out"
        )
    if roles.time is None:
        raise OptionError(f"--every: {columns.where} has no time column; name it with --time COL")
    if dated is None:
        name = typed(columns.names[roles.time])
        raise OptionError(
            f"--every: column {name} of {columns.where} holds no dates, by which steps are missing"
        )
