"""Finds the moments of the rows of a long table, and their calendar."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config import DataConfig
from hiddenstate.data.calendar import (
    Dates,
    MissingSteps,
    Moments,
    clock_changes,
    find_calendar,
    plain_moments,
)
from hiddenstate.data.readers.cells import plain_values
from hiddenstate.data.readers.column_roles import Roles
from hiddenstate.data.readers.columns import Columns
from hiddenstate.data.readers.dates import UNIX, has_zone, local_times
from hiddenstate.data.readers.profiles import is_whole
from hiddenstate.data.readers.row_order import is_count
from hiddenstate.data.time_form import Form, form_of
from hiddenstate.system.typing import Array

YEAR_NAMES = ("year", "years", "yr")
"""Names of a column whose whole numbers are years."""


@dataclass(frozen=True)
class DatedTable:
    """A long table with dates.

    Parameters
    ----------
    columns : Columns
    series : ndarray (N,)
        The number of each row's series.
    clock : ndarray (N,)
        Numbers that order the rows in time.
    dates : Dates
    n_rows : int, optional
        Rows of the file, to which later rows were added; None if none were.
    missing : MissingSteps, optional
        What these rows are.
    """

    columns: Columns
    series: NDArray[np.int64]
    clock: Array
    dates: Dates
    n_rows: int | None = None
    missing: MissingSteps | None = None

    @property
    def order(self) -> tuple[NDArray[np.int64], Array]:
        """The number of each row's series (N,), and the numbers that order the rows (N,)."""
        return self.series, self.clock


def dated_table(
    columns: Columns, roles: Roles, series: NDArray[np.int64], clock: Array, options: DataConfig
) -> DatedTable | None:
    """Return a long table with its dates, or None if its time column holds none.

    Parameters
    ----------
    columns : Columns
    roles : Roles
        With a time column.
    series : ndarray (N,)
        The number of each row's series.
    clock : ndarray (N,)
        As :func:`~hiddenstate.data.readers.row_order.clock_of` returns it.
    options : DataConfig
    """
    j = roles.time
    if j is None or j in columns.clocks:
        return None
    read = _read(columns, j, clock, series, options)
    if read is None:
        return None
    moments, form, order = read
    dates = Dates(moments, form, order, find_calendar(moments, series, form, order))
    if moments.offset.any() and not dates.zoned:
        clock = moments.utc  # a repeated hour is in the order of the file
    return DatedTable(columns, series, clock, dates)


def _read(
    columns: Columns, j: int, clock: Array, series: NDArray[np.int64], options: DataConfig
) -> tuple[Moments, Form, str | None] | None:
    """Return the moments of a time column, how they are written, and the order of their dates."""
    if is_count(columns, j, clock):
        return _of_numbers(columns, j, clock)
    cells: Any = plain_values(columns.arrays[j])
    if columns.kinds[j] == "text" and has_zone(cells[0], options.dates):
        read = local_times(cells, options.dates)
        assert read is not None  # clock_of read them
        moments, zoned = Moments(*read[:2]), read[2]
    else:
        local = np.asarray(clock, np.int64)
        moments, zoned = Moments(local, clock_changes(local, series)), False
    form = form_of(cells, moments.local, moments.offset, zoned)
    return moments, form, options.dates


def _of_numbers(columns: Columns, j: int, clock: Array) -> tuple[Moments, Form, None] | None:
    """Return the moments of years, months such as 202412 and times since 1970; None of others."""
    if not len(clock) or (not is_whole(clock) and clock.min() < UNIX[0]):
        return None
    low, high = float(clock.min()), float(clock.max())
    for per_second in (1, 1e3, 1e6, 1e9):
        if UNIX[0] * per_second <= low and high <= UNIX[1] * per_second:
            local = np.round(clock.astype(np.float64) * (1e6 / per_second))
            form = Form(per_second=per_second, number=is_whole(clock))
            return plain_moments(local), form, None
    if not is_whole(clock):
        return None
    whole = clock.astype(np.int64)
    name = columns.names[j].casefold()
    if name in YEAR_NAMES and low >= 1000 and high < 3000:
        months, pattern = 12 * (whole - 1970), "%Y"
    elif low >= 190_001 and high < 220_000 and ((whole % 100 - 1) // 12 == 0).all():
        months, pattern = 12 * (whole // 100 - 1970) + whole % 100 - 1, "%Y%m"
    else:
        return None
    local = months.astype("M8[M]").astype("M8[us]").astype(np.int64)
    return plain_moments(local), Form(pattern, number=True), None
