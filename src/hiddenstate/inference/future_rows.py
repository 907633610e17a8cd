"""The rows after the ends of series: what columns known ahead hold at the times to forecast.

They are rows of the data whose targets are empty, or those of a file of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiddenstate.data import SequenceDataset
from hiddenstate.data.origin import Table, whole
from hiddenstate.data.prepare.encoding import on_circles
from hiddenstate.data.readers.columns import Columns
from hiddenstate.data.readers.dates import timestamps
from hiddenstate.data.readers.open import read_like
from hiddenstate.errors import DataError, OptionError, count, listed, printable
from hiddenstate.inference.target_times import times_after
from hiddenstate.models.fitted import FittedModel
from hiddenstate.system.typing import Array

NOT_OF_FILE = ("target", "input", "horizon", "future", "static", "window", "stride", "drop")
"""Options of the training data that a file with columns known ahead is not read with."""


@dataclass(frozen=True)
class After:
    """What is known after one series: values (F, K) and the times of these steps, if known."""

    values: Array
    times: Array | None = None


class FutureRows:
    """Reads and checks what is known after series.

    Parameters
    ----------
    model : FittedModel
    dataset : SequenceDataset
        The series, as read.
    lengths : sequence of int
        Steps of each series up to its last known target.
    """

    def __init__(
        self, model: FittedModel, dataset: SequenceDataset, lengths: Sequence[int]
    ) -> None:
        self._model, self._dataset, self._lengths = model, dataset, list(lengths)
        transform = model.transform
        self._ahead, names = transform.known.ahead, transform.known.names
        self._features = [names[k] for k in self._ahead]
        self._columns = transform.known.columns
        origin = dataset.train.origin or whole(len(dataset.train))
        self._table, self._series = origin.table, origin.series
        self._order = transform.reading.get("dates")

    def own(self, horizon: int) -> list[After]:
        """Return the steps of the data after the last known target of each series.

        If only the calendar is known ahead, it follows from the times, and no steps are needed.
        """
        rows = self._dataset.train
        ends = np.full(len(rows), rows.X.shape[1]) if rows.lengths is None else rows.lengths
        found = []
        for i, (first, end) in enumerate(zip(self._lengths, ends.tolist(), strict=True)):
            times = self._times(i, np.arange(first, end))
            after = After(np.asarray(rows.X[i, first:end][:, self._ahead], float), times)
            found.append(after if end - first >= horizon else self._continued(i, horizon) or after)
        return found

    def _continued(self, i: int, horizon: int) -> After | None:
        """Return the calendar of the steps after a series; None if it does not follow."""
        encodings = {e.column: e for e in self._model.transform.encodings}
        own = [encodings.get(column) for column in self._columns]
        before = self._times(i, np.arange(max(0, self._lengths[i] - 30), self._lengths[i]))
        if before is None or len(own) != 1 or own[0] is None or not own[0].calendar:
            return None
        times = times_after(before, np.arange(1, horizon + 1), self._order)
        stamps = None
        if not any(time is None for time in times):
            stamps = timestamps(_texts(*times.tolist()), self._order)
        if stamps is None:
            return None
        values = on_circles(stamps.view("M8[us]"), own[0].calendar)
        return After(values.astype(float), times)

    def read(
        self, name: str, changes: Mapping[str, Any], columns: Columns | None = None
    ) -> list[After]:
        """Return the rows of a file after the last known target of each series.

        `columns` are some rows of the file, where it was read before.

        Raises
        ------
        OptionError
            If the model reads no columns known ahead.
        DataError
            If the file lacks a column or a series.
        """
        if not self._ahead:
            raise OptionError(
                "--future: the model reads no columns known ahead; train it with --future COL,..."
            )
        transform = self._model.transform
        reading = {n: v for n, v in transform.reading.items() if n not in NOT_OF_FILE}
        encodings = tuple(e for e in transform.encodings if e.column in self._columns)
        calendars = {e.column for e in encodings if e.calendar}
        if inputs := tuple(column for column in self._columns if column not in calendars):
            reading["input"] = inputs
        reading["layout"] = "long"
        dataset = read_like(name, "regress", reading, changes, False, encodings, columns=columns)
        where, features = printable(dataset.name), dataset.columns or ()
        which = [features.index(feature) for feature in self._features]
        rows = dataset.train
        ids = None if rows.ids is None else [str(each) for each in rows.ids.tolist()]
        found = []
        for i, first in enumerate(self._lengths):
            number = 0 if ids is None else self._place(i, ids, where)
            n = rows.X.shape[1] if rows.lengths is None else int(rows.lengths[number])
            values = np.asarray(rows.X[number, :n][:, which], float)
            times = _times_of(rows.origin.table if rows.origin else None, number, np.arange(n))
            last = self._times(i, np.array([first - 1]))
            begin = _first_later(last, times, self._order)
            found.append(After(values[begin:], None if times is None else times[begin:]))
        return found

    def check(self, after: Sequence[After], horizon: int, source: str | None) -> None:
        """Refuse too few steps after a series, missing values, and times that do not follow.

        Raises
        ------
        DataError
            With the series, what was expected and what is there.
        """
        where = printable(self._dataset.name if source is None else source)
        for i, each in enumerate(after):
            of = self._name(i)
            self._check_times(i, each, horizon, where)
            if len(each.values) < horizon:
                raise DataError(f"{where}: {self._too_few(i, len(each.values), horizon, source)}")
            if self._model.transform.missing in ("error", "drop"):
                absent = np.argwhere(~np.isfinite(each.values[:horizon]))
                if len(absent):
                    step, feature = absent[0].tolist()
                    at = f"step {step + 1} after the end"
                    if each.times is not None:
                        at = printable(each.times[step], 40)
                    name = printable(self._features[feature], 40)
                    raise DataError(f"{where}: {name} is missing at {at}{of}; fill it in")

    def _too_few(self, i: int, n: int, horizon: int, source: str | None) -> str:
        """Say how many rows follow a series, and how to add some."""
        last = self._times(i, np.array([self._lengths[i] - 1]))
        at = "" if last is None else f" at {printable(last[0], 40)}"
        hints = [f"--horizon {n}"] if n else []
        rows = f"rows with {listed(self._columns, each=40)}"
        hints.append(f"more {rows}" if source else f"{rows} and an empty target, or --future FILE")
        return (
            f"{count(n, 'row') if n else 'no rows'} after the last target{self._name(i)}{at}, "
            f"expected {horizon}, the steps of the forecast; use {', or '.join(hints)}"
        )

    def _check_times(self, i: int, each: After, horizon: int, where: str) -> None:
        """Refuse times that are not those after the series, if it is regular."""
        if self._table is None or self._table.times is None or each.times is None:
            return
        before = self._times(i, np.arange(max(0, self._lengths[i] - 30), self._lengths[i]))
        assert before is not None  # the table has times
        n = min(horizon, len(each.times))
        expected = times_after(before, np.arange(1, n + 1), self._order)
        for step in range(n):
            wanted, found = expected[step], each.times[step]
            if wanted is None or _is_same(wanted, found, self._order):
                continue
            raise DataError(
                f"{where}: step {step + 1} after the last target{self._name(i)} is at "
                f"{printable(found, 40)}, expected {printable(wanted, 40)}; each step of the "
                "forecast requires a row"
            )

    def _times(self, i: int, steps: Array) -> Array | None:
        return _times_of(self._table, int(self._series[i]), steps)

    def _name(self, i: int) -> str:
        """Return ` of series A`, or nothing if there is one series without a name."""
        ids = self._dataset.train.ids
        if ids is None and len(self._lengths) == 1:
            return ""
        return f" of series {printable(i if ids is None else ids[i], 40)}"

    def _place(self, i: int, ids: list[str], where: str) -> int:
        """Return the number of a series in the file."""
        own = self._dataset.train.ids
        name = str(i if own is None else own[i])
        if name not in ids:
            raise DataError(
                f"{where}: no rows of series {printable(name, 40)}, which is to be forecast; "
                f"series there: {listed(ids)}"
            )
        return ids.index(name)


def _times_of(table: Table | None, number: int, steps: Array) -> Array | None:
    if table is None or table.starts is None or table.times is None:
        return None
    return table.times_of(np.full(len(steps), number), steps)


def _first_later(last: Array | None, times: Array | None, order: str | None) -> int:
    """Return the first of sorted `times` (n,) that is later than `last` (1,); 0 if that is
    unknown, as the file then begins after the series."""
    if last is None or times is None:
        return 0
    if last.dtype.kind in "iuf" and times.dtype.kind in "iuf":
        return int(np.searchsorted(times, last[0], side="right"))
    stamps = timestamps(_texts(*last.tolist(), *times.tolist()), order)
    return 0 if stamps is None else int((stamps[1:] <= stamps[0]).sum())


def _is_same(wanted: Any, found: Any, order: str | None) -> bool:
    """Return whether two times are the same, however they are written."""
    if str(wanted) == str(found):
        return True
    if isinstance(wanted, (int, float)) and isinstance(found, (int, float, np.number)):
        return bool(np.isclose(float(wanted), float(found), rtol=1e-9))
    stamps = timestamps(_texts(wanted, found), order)
    return stamps is not None and bool(stamps[0] == stamps[1])


def _texts(*times: Any) -> Array:
    return np.array([str(time) for time in times], object)
