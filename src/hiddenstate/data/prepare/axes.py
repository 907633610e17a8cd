"""Tells what the steps and features of prepared rows are, for views: names, shape and time."""

import math
import re

import numpy as np

from hiddenstate.config import Config
from hiddenstate.data.column_names import are_names, names_count
from hiddenstate.data.dataset import MAX_NAMES, RowAxes, SequenceDataset
from hiddenstate.data.framing import Framing
from hiddenstate.data.readers.dates import SECONDS, timestamps
from hiddenstate.data.rows import Rows
from hiddenstate.system.typing import Array

STEPS_COMPARED, SERIES_COMPARED = 1000, 20
"""Steps of a series whose times are compared, and series."""

REGULAR = 0.01
"""Largest difference of two regular steps in time, as a share of a step."""


def row_axes(dataset: SequenceDataset, config: Config) -> RowAxes:
    """Return what the axes of rows stand for, as they are before an autoencoder's become flat."""
    shape = _row_shape(dataset)
    n_features = shape[1] if config.kind.has_codes else _features(dataset, config)
    names = dataset.columns
    if names is None or not are_names(names) or sum(map(len, names)) > MAX_NAMES:
        names = None
    flat = config.kind.has_codes and dataset.picture is None
    step, unit = time_step(dataset.train)
    if step is not None and unit is None and "rate" in dataset.read_as:
        unit = "s"
    elif step is not None and unit is None:
        step, unit = in_seconds(step, dataset.read_as.get("time") or config.data.time)
    sound = _framing(dataset)
    return RowAxes(
        channels=names if names is not None and len(names) == n_features else None,
        row_shape=shape if flat else None,
        time_step=step,
        time_unit=unit,
        sound=sound if sound is not None and sound.width == n_features else None,
    )


def _framing(dataset: SequenceDataset) -> Framing | None:
    """Return how the rows of sounds were cut, or None of other data."""
    rate, frame, bands = (dataset.read_as.get(name) for name in ("rate", "frame", "bands"))
    if dataset.train.files is None or not rate or not frame or bands is None:
        return None
    return Framing(dataset.X.shape[-1] // (bands or frame), rate, frame, bands)


def _row_shape(dataset: SequenceDataset) -> tuple[int, int]:
    """Return steps and features of a row; wide rows are one step if their columns have names that
    do not count up, and else one feature."""
    X, names = dataset.X, dataset.columns
    if X.ndim == 3:
        return X.shape[1], X.shape[2]
    width = math.prod(X.shape[1:])
    if names is not None and len(names) == width and are_names(names) and not names_count(names):
        return 1, width
    return width, 1


def _features(dataset: SequenceDataset, config: Config) -> int:
    """Return the number of features of a step of series that a recurrent net reads."""
    X, steps = dataset.X, config.data.steps
    if X.ndim == 3 and steps is None:
        return int(X.shape[2])
    return 1 if steps is None else math.prod(X.shape[1:]) // steps


def time_step(rows: Rows) -> tuple[float | None, str | None]:
    """Return the time from each step of series to the next, and its unit if that is known.

    The first steps of the first series are compared. Both are None if there are no times, or if
    steps differ; dates are in seconds.
    """
    table = None if rows.origin is None else rows.origin.table
    if table is None or table.times is None or rows.X.ndim < 3 or rows.X.shape[1] < 2:
        return None, None
    length = min(rows.X.shape[1], STEPS_COMPARED)
    steps, unit = [], None
    for number in range(min(len(rows), SERIES_COMPARED)):
        n = length if rows.lengths is None else min(int(rows.lengths[number]), length)
        series = np.full(n, rows.origin.series[number]) if rows.origin else np.zeros(n, int)
        times = table.times_of(series, np.arange(n))
        seconds, unit = as_numbers(times)
        if seconds is None:
            return None, None
        steps.append(np.diff(seconds))
    found = np.concatenate(steps)
    if not len(found):
        return None, None
    middle = float(np.median(found))
    regular = middle > 0 and bool((np.abs(found - middle) <= REGULAR * middle).all())
    return (middle, unit) if regular else (None, None)


def in_seconds(step: float, name: str | None) -> tuple[float, str | None]:
    """Return a step in seconds if the name of a time column ends in a unit: `time_ms`, `t (s)`."""
    match = re.search(r"(?:^|[_ (\[])([a-zµ]+)[)\]]?$", name or "", re.IGNORECASE)
    each = SECONDS.get(match[1].lower()) if match else None
    return (step, None) if each is None else (step * each, "s")


def as_numbers(times: Array | None) -> tuple[Array | None, str | None]:
    """Return times as numbers, and `s` if they are dates."""
    if times is None:
        return None, None
    if times.dtype.kind in "iuf":
        return times.astype(float), None
    stamps = timestamps(times)
    return (None, None) if stamps is None else (stamps / 1e6, "s")
