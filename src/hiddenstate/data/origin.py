"""Where rows come from: their number, steps and times in the data as it was read."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.calendar import Calendar, Dates, Moments
from hiddenstate.system.typing import Array


@dataclass(frozen=True)
class Table:
    """The rows of a file, as the file numbers them.

    Parameters
    ----------
    starts : ndarray (S,), optional
        For series of several steps: the place of the first step of each series among all steps,
        which lie series by series. None if each series is one row of the file.
    order : ndarray (n,), optional
        The row of the file that each step was read from, from 0; None if steps are not rows.
    times : ndarray (n,), optional
        The time of each row of the file or, without `order`, of each step.
    dates : Dates, optional
        The same times, if they are dates.
    n_rows : int, optional
        Rows of the file, of which later rows are steps that were missing; None if there are none.
    """

    starts: Array | None = None
    order: Array | None = None
    times: Array | None = None
    dates: Dates | None = None
    n_rows: int | None = None

    def lengths(self) -> Array:
        """Return the number of steps of each series (S,), for series of several steps."""
        steps = self.times if self.order is None else self.order
        if self.starts is None or steps is None:
            raise RuntimeError("the lengths of series of one row, or of unknown steps")
        return np.diff(np.append(self.starts, len(steps)))

    def rows(self, series: Array, steps: Array) -> Array | None:
        """Return the row of the file of each step (n,); None if steps are not rows."""
        if self.starts is None:
            return series
        return None if self.order is None else self.order[self.starts[series] + steps]

    def file_rows(self, series: Array, steps: Array) -> Array | None:
        """Return the rows as :meth:`rows` does, and None for each step that was added."""
        rows = self.rows(series, steps)
        if rows is None or self.n_rows is None or (rows < self.n_rows).all():
            return rows
        own: Array = rows.astype(object)
        own[rows >= self.n_rows] = None
        return own

    def times_of(self, series: Array, steps: Array) -> Array | None:
        """Return the time of each step (n,); None if the file has none."""
        return None if self.times is None else self.times[self._places(series, steps)]

    def moments_of(self, series: Array, steps: Array) -> Moments | None:
        """Return the moment of each step (n,); None if the file has no dates."""
        if self.dates is None:
            return None
        return self.dates.moments.take(self._places(series, steps))

    @property
    def calendar(self) -> Calendar | None:
        """The calendar of the times; None without dates, or without a regular step."""
        return None if self.dates is None else self.dates.calendar

    def _places(self, series: Array, steps: Array) -> Array:
        rows = self.rows(series, steps)
        if rows is None:
            assert self.starts is not None  # else each series is one row
            rows = self.starts[series] + steps
        return rows


@dataclass(frozen=True)
class Origin:
    """Where each of N rows comes from.

    Parameters
    ----------
    series : ndarray (N,) int64
        Number of the row, or of the series that it is a part of, in the data as read.
    n_series : int
        How many there are in the data as read.
    first : ndarray (N,) int64
        The step of its series with which the row begins.
    context : ndarray (N,) int64
        Number of first steps whose targets are not held out: they only lead in to the others.
    table : Table, optional
        The rows of the file.
    separate : bool, default False
        Whether each series is a signal of its own where a state is carried from row to row; else
        all rows are consecutive windows of one signal.
    """

    series: NDArray[np.int64]
    n_series: int
    first: NDArray[np.int64]
    context: NDArray[np.int64]
    table: Table | None = None
    separate: bool = False

    def take(self, which: Any) -> "Origin":
        """Return the origin of the rows `which`, a slice or row numbers."""
        return replace(
            self,
            series=self.series[which],
            first=self.first[which],
            context=self.context[which],
        )

    def file_row(self, row: int, step: int) -> int | None:
        """Return the row of the file that a step of a row was read from; None if none is known."""
        if self.table is None:
            return None
        series, steps = self.series[[row]], self.first[[row]] + step
        rows = self.table.rows(series, steps)
        if rows is None or rows[0] >= (self.table.n_rows or np.inf):
            return None
        return int(rows[0])

    def later(self, steps: Any) -> "Origin":
        """Return the origin of rows that begin this many steps later, without context."""
        return replace(self, first=self.first + steps, context=np.zeros_like(self.context))

    def ahead(self, horizon: int) -> "Origin":
        """Return the origin of rows whose targets are those of `horizon` steps later."""
        return replace(self, context=np.maximum(self.context - horizon, 0))


def whole(n: int, table: Table | None = None) -> Origin:
    """Return the origin of the `n` rows or series of data as read."""
    zeros = np.zeros(n, np.int64)
    return Origin(np.arange(n), n, zeros, zeros, table)


def windows_of_one(n: int, window: int) -> Origin:
    """Return the origin of `n` consecutive windows of one series."""
    zeros = np.zeros(n, np.int64)
    return Origin(zeros, 1, np.arange(n) * window, zeros)
