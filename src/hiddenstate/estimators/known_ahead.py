"""Reads what features known ahead hold after series, from frames and arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hiddenstate.data import SequenceDataset
from hiddenstate.data.column_names import positions_of
from hiddenstate.data.prepare.encoding import Encoding
from hiddenstate.data.readers.dataframes import is_frame
from hiddenstate.errors import DataError, count, listed
from hiddenstate.estimators.inputs import frame_names
from hiddenstate.inference.target_times import LaterTimes
from hiddenstate.models.fitted import FittedModel
from hiddenstate.system.typing import Array


def after_series(
    future: Any, model: FittedModel, dataset: SequenceDataset, lengths: Sequence[int], horizon: int
) -> list[Array]:
    """Return the values (H, K) after each of N series.

    Parameters
    ----------
    future : array-like, data frame or list of these
        Without the calendar, which follows from the dates of the series.
    model : FittedModel
    dataset : SequenceDataset
        The series.
    lengths : sequence of int
        Steps of each series up to its last known target.
    horizon : int

    Raises
    ------
    DataError
        If they are missing, too few, or of other features, or the dates are not regular.
    """
    known, n_series = model.transform.known, len(lengths)
    every = [known.names[k] for k in known.ahead]
    dates = next((e for e in model.transform.encodings if e.calendar), None)
    of_dates = () if dates is None else dates.features
    names = [name for name in every if name not in of_dates]
    if future is None:
        raise DataError(
            f"future: the model reads {listed(names)}; pass their values at the "
            f"{count(horizon, 'step')} after each series"
        )
    if not names:
        raise DataError("future: the model reads the calendar alone, which follows; leave it out")
    several = isinstance(future, (list, tuple)) and not all(np.isscalar(each) for each in future)
    is_array = not several and not is_frame(future)
    parts = list(future) if several or (is_array and np.ndim(future) == 3) else [future]
    if several and n_series == 1 and not (len(parts) == 1 and _is_table(parts[0])):
        parts = [np.asarray(future)]  # the rows of one series
    if len(parts) != n_series:
        raise DataError(
            f"future: values after {len(parts)} series, expected {n_series}, one part for each"
        )
    found = []
    for i, part in enumerate(parts):
        where = f"future: series {i}" if n_series > 1 else "future"
        values = _checked(part, names, model, horizon, where)[:horizon]
        if dates is not None:
            calendar = _calendar_after(dataset, i, lengths[i], dates, horizon)
            both = dict(zip((*names, *of_dates), (*values.T, *calendar.T), strict=True))
            values = np.stack([both[name] for name in every], axis=1)
        found.append(values)
    return found


def _calendar_after(
    dataset: SequenceDataset, number: int, length: int, dates: Encoding, horizon: int
) -> Array:
    """Return the calendar (H, K) of the steps after a series."""
    table = dataset.train.origin.table if dataset.train.origin else None
    calendar = None
    if table is not None:
        later = LaterTimes(table, number, length - 1)
        calendar = later.features(np.arange(1, horizon + 1), dates.calendar)
    if calendar is None:
        raise DataError(
            f"future: the dates of series {number} are not regular; pass a data frame with the "
            "dates of its rows"
        )
    return calendar


def _is_table(part: Any) -> bool:
    return is_frame(part) or np.ndim(part) == 2


def _checked(part: Any, names: list[str], model: FittedModel, horizon: int, where: str) -> Array:
    if (given := frame_names(part)) is not None:
        part = part[[given[j] for j in positions_of(names, given, where)]]
    try:
        values = np.asarray(part, np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{where}: expected numbers") from None
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or values.shape[1] != len(names):
        raise DataError(
            f"{where}: shape {values.shape}, expected ({horizon}, {len(names)}): {listed(names)}"
        )
    if len(values) < horizon:
        raise DataError(
            f"{where}: {count(len(values), 'step')}, expected {horizon}, the steps of the forecast"
        )
    fills = model.transform.missing not in ("error", "drop")
    if not (fills or np.isfinite(values[:horizon]).all()):
        step = int(np.argwhere(~np.isfinite(values))[0][0])
        raise DataError(f"{where}: missing or not finite at step {step}; fill it in")
    return values
