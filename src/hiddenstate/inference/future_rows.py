"""The rows after the ends of series: what columns known ahead hold at the times to forecast.

They are rows of the data whose targets are empty, or those of a file of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiddenstate.data import SequenceDataset
from hiddenstate.data.calendar import Moments
from hiddenstate.data.origin import Table, whole
from hiddenstate.data.readers.columns import Columns
from hiddenstate.data.readers.open import read_like
from hiddenstate.errors import DataError, OptionError, count, listed, printable
from hiddenstate.inference.target_times import LaterTimes, calendar_ahead
from hiddenstate.models.fitted import FittedModel
from hiddenstate.program.rows import carry_forward
from hiddenstate.system.typing import Array

NOT_OF_FILE = (
    *(
        "target",
        "input",
        "horizon",
        "future",
        "static",
        "window",
        "stride",
        "drop",
        "every",
        "season",
    ),
)
"""Options of the training data that a file with columns known ahead is not read with."""


@dataclass(frozen=True)
class After:
    """What is known after one series: values (F, K) and the times of these steps, if known.

    `moments` are the times as moments, if they are dates, and `zoned` is whether those are written
    with an offset.
    """

    values: Array
    times: Array | None = None
    moments: Moments | None = None
    zoned: bool = False

    def begin(self, step: int) -> "After":
        """Return what is known from a step on."""
        times = None if self.times is None else self.times[step:]
        moments = None if self.moments is None else self.moments.take(slice(step, None))
        return After(self.values[step:], times, moments, self.zoned)


class LaterValues:
    """The values of columns in a series and in the H steps after it, as far as those are known.

    Parameters
    ----------
    before : ndarray (T, K)
    after : ndarray (F, K)
    horizon : int
    """

    def __init__(self, before: Array, after: Array, horizon: int) -> None:
        self.before, self.horizon, self.known = before, horizon, min(len(after), horizon)
        self.values = np.full((horizon, before.shape[1]), np.nan)
        self.values[: self.known] = after[:horizon]

    def error(self, which: list[int], back: int) -> float:
        """Return how far a season of `back` steps was from the next values, on average."""
        values = self.before[:, which]
        steps = range(1, min(self.horizon, len(values) - back) + 1)
        apart = [back * -(-step // back) for step in steps]
        off = [np.abs(values[k:] - values[:-k]) for k in apart if k < len(values)]
        off = [each[np.isfinite(each)] for each in off]
        return float(np.mean([each.mean() for each in off if len(each)] or [np.inf]))

    def repeat(self, which: list[int], back: int) -> None:
        """Let the last season of `back` steps go on where nothing is known."""
        values = np.concatenate([self.before, self.values[: self.known]])[:, which]
        last = carry_forward(values[None])[0][-back:]
        steps = np.arange(self.horizon - self.known) % len(last)
        self.fill(which, np.concatenate([self.values[: self.known, which], last[steps]]))

    def fill(self, which: list[int], values: Array) -> None:
        """Set the values (H, k) of some columns where nothing is known."""
        self.values[self.known :, which] = values[self.known :]


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

    def own(self, horizon: int) -> list[After]:
        """Return the steps of the data after the last known target of each series.

        If only the calendar is known ahead, it follows from the times, and no steps are needed.
        """
        rows = self._dataset.train
        ends = rows.ends
        later = []
        for i, (first, end) in enumerate(zip(self._lengths, ends.tolist(), strict=True)):
            values = np.asarray(rows.X[i, first:end][:, self._ahead], float)
            after = _with_times(values, self._table, int(self._series[i]), np.arange(first, end))
            later.append(after if end - first >= horizon else self._continued(i, horizon) or after)
        return later

    def _continued(self, i: int, horizon: int) -> After | None:
        """Return the calendar of the steps after a series; None if it does not follow."""
        periods, later = calendar_ahead(self._model.transform), self._later(i)
        steps = np.arange(1, horizon + 1)
        values = None if later is None or not periods else later.features(steps, periods)
        return None if values is None else self._dated(i, values)

    def assumed(self, after: Sequence[After], horizon: int) -> tuple[list[After], dict[str, int]]:
        """Return `horizon` steps after each series: those that are known, then values of before.

        A column goes on as it was a season earlier if that was nearer than its last value in the
        series; a calendar follows from the times.

        Returns
        -------
        after : list of After
        columns : dict of str to int
            The steps that each assumed column looks back: 1 is its last value.
        """
        if all(len(each.values) >= horizon for each in after):
            return list(after), {}
        rows, transform = self._dataset.train, self._model.transform
        for i, each in enumerate(after):
            self._check_times(i, each, horizon, printable(self._dataset.name))
        series = [np.asarray(rows.X[i, :n][:, self._ahead]) for i, n in enumerate(self._lengths)]
        made = [LaterValues(x, each.values, horizon) for x, each in zip(series, after, strict=True)]
        encodings = {each.column: each for each in transform.encodings}
        back = dict[str, int]()
        for column in self._columns:
            encoding = encodings.get(column)
            own = encoding.features if encoding else (column,)
            which = [k for k, name in enumerate(self._features) if name in own]
            if encoding and encoding.calendar and self._goes_on(made, which, encoding.calendar):
                continue
            seasons = (1, transform.season or 1)
            back[column] = min(seasons, key=lambda n: sum(each.error(which, n) for each in made))
            for later in made:
                later.repeat(which, back[column])
        return [self._dated(i, each.values) for i, each in enumerate(made)], back

    def _goes_on(self, made: "list[LaterValues]", which: list[int], periods: Sequence[str]) -> bool:
        """Add a calendar after each series; return whether it follows from the times of all."""
        later = [self._later(i) for i in range(len(made))]
        for each, moment in zip(made, later, strict=True):
            steps = np.arange(1, each.horizon + 1)
            values = None if moment is None else moment.features(steps, periods)
            if values is None:
                return False
            each.fill(which, values)
        return True

    def _dated(self, i: int, values: Array) -> After:
        """Return values (F, K) after a series with the times of these steps."""
        later, steps = self._later(i), np.arange(1, len(values) + 1)
        if later is None:
            return After(values)
        return After(values, later.times(steps), later.moments(steps), self._zoned)

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
            If the file lacks a column or a series, or its times cannot be compared.
        """
        if not self._ahead:
            raise OptionError(
                "--future: the model reads no columns known ahead; train it with --future COL,..."
            )
        transform = self._model.transform
        reading = {n: v for n, v in transform.reading.items() if n not in NOT_OF_FILE}
        changes = {n: v for n, v in changes.items() if n not in NOT_OF_FILE}
        encodings = tuple(e for e in transform.encodings if e.column in self._columns)
        calendars = {e.column for e in encodings if e.calendar}
        inputs = tuple(column for column in self._columns if column not in calendars)
        reading["input"] = inputs or self._columns
        reading["layout"] = "long"
        dataset = read_like(
            name, self._model.net.job, reading, changes, False, encodings, columns=columns
        )
        where, features = printable(dataset.name), dataset.columns or ()
        which = [features.index(feature) for feature in self._features]
        rows = dataset.train
        ids = None if rows.ids is None else [str(each) for each in rows.ids.tolist()]
        table = rows.origin.table if rows.origin else None
        later = []
        for i in range(len(self._lengths)):
            number = 0 if ids is None else self._place(i, ids, where)
            n = rows.X.shape[1] if rows.lengths is None else int(rows.lengths[number])
            values = np.asarray(rows.X[number, :n][:, which], float)
            after = _with_times(values, table, number, np.arange(n))
            later.append(after.begin(self._first_later(i, after, where)))
        return later

    def check(self, after: Sequence[After], horizon: int, source: str | None) -> tuple[str, ...]:
        """Refuse too few steps after a series, missing values, and times that do not follow.

        Returns
        -------
        tuple of str
            What could not be checked.

        Raises
        ------
        DataError
            With the series, what was expected and what is there.
        """
        where = printable(self._dataset.name if source is None else source)
        unchecked = 0
        for i, each in enumerate(after):
            of = self._name(i)
            unchecked += not self._check_times(i, each, horizon, where)
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
        if not unchecked or self._table is None or self._table.times is None:
            return ()
        of = f"{unchecked} of {len(after)} series have" if len(after) > 1 else "the series has"
        return (
            f"{where}: {of} no regular step, so its times are only known to be later than the last",
        )

    def times_of_file(self, after: Sequence[After], horizon: int) -> list[Array] | None:
        """Return the times of the steps (H,) of each series as a file writes them, if it does."""
        times = [each.times[:horizon] for each in after if each.times is not None]
        return times if len(times) == len(after) else None

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

    def _check_times(self, i: int, each: After, horizon: int, where: str) -> bool:
        """Refuse times that are not those after the series; return whether it says which follow."""
        later = self._later(i)
        n = min(horizon, len(each.values))
        if later is None or each.times is None:
            return False
        steps = np.arange(1, n + 1)
        expected = later.times(steps)
        if expected is None:
            return False
        if later.calendar is None:
            same = np.isclose(expected.astype(float), each.times[:n].astype(float), rtol=1e-9)
        elif each.moments is None:
            return False
        else:
            same = later.are_next(each.moments.take(slice(n)), each.zoned and self._zoned)
        if not same.all():
            step = int(np.argmin(same))
            raise DataError(
                f"{where}: step {step + 1} after the last target{self._name(i)} is at "
                f"{printable(each.times[step], 40)}, expected {printable(expected[step], 40)}; "
                "each step of the forecast requires a row"
            )
        return True

    def _first_later(self, i: int, after: After, where: str) -> int:
        """Return the first step of a file that is later than the last known target."""
        later = self._later(i)
        if later is None or after.times is None:
            return 0
        last = self._times(i, np.array([self._lengths[i] - 1]))
        assert last is not None  # the table has times
        if later.moment is not None and after.moments is not None:
            if after.zoned and self._zoned:
                return int((after.moments.utc <= later.moment.utc[0]).sum())
            return int((after.moments.local <= later.moment.local[0]).sum())
        if later.moment is None and after.moments is None and _are_numbers(last, after.times):
            return int(np.searchsorted(after.times, last[0], side="right"))
        raise DataError(
            f"{where}: times such as {printable(after.times[0], 40)} cannot be compared with the "
            f"last target{self._name(i)}, which is at {printable(last[0], 40)}; write them alike"
        )

    @property
    def _zoned(self) -> bool:
        dates = None if self._table is None else self._table.dates
        return dates is not None and dates.zoned

    def _later(self, i: int) -> LaterTimes | None:
        """Return the times after the last known target of a series; None without times."""
        if self._table is None or self._table.starts is None or self._table.times is None:
            return None
        return LaterTimes(self._table, int(self._series[i]), self._lengths[i] - 1)

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


def _with_times(values: Array, table: Table | None, number: int, steps: Array) -> After:
    """Return values of steps (n,) of a series with their times."""
    times = _times_of(table, number, steps)
    if table is None or times is None or table.dates is None:
        return After(values, times)
    moments = table.moments_of(np.full(len(steps), number), steps)
    return After(values, times, moments, table.dates.zoned)


def _are_numbers(*times: Array) -> bool:
    return all(each.dtype.kind in "iuf" for each in times)
