"""Decides whether the columns of wide rows are the steps of a series or features of their own.

Rows X (N, F) have N rows and F columns. As a series, a row is F steps of one feature, and all
columns are scaled alike. As features, a row is one step of F features, each scaled by itself.
"""

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hiddenstate.config import Config
from hiddenstate.data.column_names import are_names, names_count
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.prepare.pipeline import split_way
from hiddenstate.data.prepare.split import held_out
from hiddenstate.data.rows import fractions
from hiddenstate.errors import DataError, Setting, count, printable
from hiddenstate.system.notice import offering
from hiddenstate.system.typing import Array

SAMPLE_ROWS, SAMPLE_PAIRS = 256, 1000
"""Most rows, and pairs of columns, whose values are compared; both evenly spaced."""

ALIKE = 0.85
"""Neighbours are alike if their mean difference is below this share of that of columns at random.
Measured: 0.1 to 0.6 for most UCR series, 0.4 for MNIST, 0.8 for digits of 8 x 8 pixels; 0.9 and
more for most tables of quantities."""

FEW_COLUMNS, ALIKE_FEW = 16, 0.7
"""Below this number of columns, chance makes neighbours alike more often: without names that count,
a stricter limit holds."""

SMOOTH = 0.5
"""With so many columns and names that count, values that are alike as they are suffice: rows with
the same form, such as heartbeats cut at their peaks, differ by little but noise once each column is
standardised. Columns of any order have 0.8 and more."""

MIN_WHITE = 128
"""Pixels of 8 bits reach at least this value; smaller whole numbers are scaled by column."""

MIN_STEPS = 8
"""Smallest number of columns without names that are a series."""

ALTERNATING, MANY_COLUMNS = 1.15, 64
"""With many columns, neighbours clearly less alike than columns at random also have an order."""

SAME_UNIT, SPREAD = 2.0, 10.0
"""Columns have one unit if the deviations of neighbours differ by less than the first factor in the
median, or the deviations of most columns by less than the second. Measured: 1.0 to 1.6 and 1 to 9
for series and pictures, 1.2 and 116 for numbers of infections, 2.3 and 6 for electric power; 4.4
and 45 for the chemistry of wine, 3.8 and 5,300 for sizes of cells."""


@dataclass(frozen=True)
class WideReading:
    """How wide rows are read.

    Parameters
    ----------
    layout : {"wide", "features"}
        The value of `--layout`: a series of `n_columns` steps, or one step of as many features.
    reason : str
        Why, in words.
    n_columns : int
    """

    layout: str
    reason: str
    n_columns: int

    @property
    def words(self) -> str:
        """What a row is: `a series of 24 steps`."""
        if self.layout == "wide":
            return f"a series of {count(self.n_columns, 'step')}"
        return f"{count(self.n_columns, 'separate feature')}"

    @property
    def other(self) -> "WideReading":
        """The other reading, with the same reason."""
        layout = "features" if self.layout == "wide" else "wide"
        return WideReading(layout, self.reason, self.n_columns)


def decided_reading(dataset: SequenceDataset, config: Config) -> WideReading | None:
    """Return how the wide rows of data are read; None if they are not wide, or an option says.

    Only rows that are not held out for testing are looked at.
    """
    if not is_open(dataset, config):
        return None
    if dataset.encodings:
        return WideReading("features", "some hold text or dates", dataset.X.shape[1])
    return wide_reading(sample_for_training(dataset, config), dataset.columns)


def assumptions(
    dataset: SequenceDataset, config: Config, reading: WideReading | None
) -> Iterator[str]:
    """Say how rows are read where no option says, and how to say otherwise, one line each.

    Parameters
    ----------
    dataset : SequenceDataset
    config : Config
    reading : WideReading, optional
        As :func:`decided_reading` returned it.
    """
    where, options = printable(dataset.name), config.data
    reading = None if dataset.encodings else reading
    if reading is not None and (config.kind.has_series or reading.layout == "features"):
        text = (
            f"{where}: each row is read as {reading.words}: {reading.reason}; if it is "
            f"{reading.other.words}, "
        )
        yield offering(text, Setting("add", layout=reading.other.layout))
    guessed = options.layout == "auto" and options.horizon is None and config.kind.has_targets
    if guessed and dataset.read_as.keys() & {"layout", "id", "time"} == {"layout"}:
        text = (
            f"{where}: each row is read as a time step of one series; if rows are separate "
            "examples, "
        )
        yield offering(text, Setting("add", layout="features"))
    one_each = options.output == "last" and not options.window
    no_forecast = config.kind.has_targets and options.horizon is None
    if no_forecast and not one_each and _has_one_target_a_series(dataset):
        text = (
            f"{where}: the target is the same in all rows of each series, and predicted at every "
            "one; to predict it once a series, "
        )
        yield offering(text, Setting("add", window=0, output="last"))


def _has_one_target_a_series(dataset: SequenceDataset) -> bool:
    """Return whether the targets of several series are constant in each, and differ."""
    rows = dataset.train
    if rows.y is None or rows.y.ndim < 3 or len(rows) < 2 or rows.y.shape[1] < 2:
        return False
    lengths = rows.ends
    first = rows.y[:, :1]
    after = np.arange(rows.y.shape[1]) >= lengths[:, None]
    same = (rows.y == first) | np.isnan(rows.y) | after[..., None]
    return bool(same.all() and (first != first[:1]).any() and (lengths > 1).any())


def is_open(dataset: SequenceDataset, config: Config) -> bool:
    """Return whether data can be read both ways, and no option says which."""
    options = config.data
    if dataset.source == "bundled" or options.layout != "auto":
        return False
    if dataset.X.ndim != 2 or dataset.X.shape[1] < 2:
        return False
    if dataset.y is not None and dataset.y.ndim > 2:  # a target at every step
        return False
    if dataset.encodings:
        return config.kind.has_series
    pixels = dataset.X.dtype == np.uint8
    if config.kind.has_codes:  # flat rows are scaled by column unless they are pixels
        return pixels and dataset.columns is not None
    of_series = options.steps is not None or options.missing == "forward"
    return not of_series and not (pixels and dataset.columns is None)


def wide_reading(rows: Array, names: Sequence[str] | None) -> WideReading:
    """Decide how wide rows are read, from the names and a bounded sample of the values.

    They are a series if the names count (t0, t1, ...; or there are none), the columns have one
    unit, and neighbours are alike; otherwise each column is a feature.

    Parameters
    ----------
    rows : ndarray
        A sample of the training rows (n, F).
    names : sequence of str, optional
        Names of the columns.
    """
    F = rows.shape[1]
    named = are_names(names)
    if names is not None and not names_count(names):
        return WideReading("features", "the names of the columns do not count up", F)
    if not named and F < MIN_STEPS:
        return WideReading("features", f"there are only {count(F, 'column')}", F)
    if rows.dtype == np.uint8 and rows.max() < MIN_WHITE:
        return WideReading("features", f"whole numbers up to {rows.max()} are not pixels", F)
    values = _comparable(rows)
    if not has_one_unit(values):
        return WideReading("features", "the columns differ in scale, so they have no one unit", F)
    raw, standardised = neighbour_difference(values)
    limit = ALIKE if named or F >= FEW_COLUMNS else ALIKE_FEW
    alternate = F >= MANY_COLUMNS and min(raw, standardised) > ALTERNATING
    one_form = named and F >= FEW_COLUMNS and raw < SMOOTH
    if max(raw, standardised) < limit or alternate or one_form:
        counting = "the names of the columns count up, " if named else ""
        order = "unlike each other in turn" if alternate else "alike"
        return WideReading("wide", f"{counting}they have one unit, and neighbours are {order}", F)
    return WideReading("features", "neighbouring columns are no more alike than others", F)


def sample_for_training(dataset: SequenceDataset, config: Config) -> Array:
    """Return at most `SAMPLE_ROWS` evenly spaced rows (n, F), none of them held out for testing.

    Rows that cannot be split are sampled all alike; preparing them raises the error.
    """
    rows, fraction = dataset.train, config.data.test_fraction
    kept = np.arange(len(rows))
    if dataset.test is None and fraction:
        way, seed = split_way(rows, config), config.split_seed
        with contextlib.suppress(DataError):
            kept = np.flatnonzero(~held_out(rows, fraction, way, seed, "split", dataset.name))
    chosen = kept[np.linspace(0, len(kept) - 1, min(len(kept), SAMPLE_ROWS)).astype(int)]
    return np.asarray(rows.take(chosen).X[:])


def has_one_unit(values: Array) -> bool:
    """Return whether columns of `values` (n, F) have comparable deviations; constants count not."""
    deviations = values.std(axis=0)
    logs = np.log(deviations[deviations > 0])
    if len(logs) < 2:
        return True
    low, high = np.quantile(logs, (0.1, 0.9))
    steps = float(np.median(np.abs(np.diff(logs))))
    return steps < math.log(SAME_UNIT) or float(high - low) < math.log(SPREAD)


def neighbour_difference(values: Array) -> tuple[float, float]:
    """Measure how much neighbouring columns of `values` (n, F) differ.

    Returns
    -------
    raw, standardised : float
        Mean absolute difference of neighbours, divided by that of two columns at random, as they
        are and with each column standardised: about 1 if the order of columns says nothing.
    """
    deviations = values.std(axis=0)
    varied = deviations > 0
    neighbours = np.arange(values.shape[1] - 1)
    first, second = _at_random(values.shape[1])
    pairs = [
        (left[kept], right[kept])
        for left, right in ((neighbours, neighbours + 1), (first, second))
        if (kept := varied[left] | varied[right]).any()
    ]
    if len(pairs) < 2:
        return 1.0, 1.0
    scaled = (values - values.mean(axis=0)) / np.where(varied, deviations, 1)
    near, far = ([_difference(each, *pair) for each in (values, scaled)] for pair in pairs)
    return (
        near[0] / far[0] if far[0] > 0 else 1.0,
        near[1] / far[1] if far[1] > 0 else 1.0,
    )


def _difference(values: Array, left: Array, right: Array) -> float:
    """Return the mean absolute difference of pairs of columns of `values` (n, F)."""
    if len(left) > SAMPLE_PAIRS:
        chosen = np.linspace(0, len(left) - 1, SAMPLE_PAIRS).astype(int)
        left, right = left[chosen], right[chosen]
    return float(np.abs(values[:, left] - values[:, right]).mean())


def _at_random(n_columns: int) -> tuple[Array, Array]:
    """Return pairs of different columns: all of them or, if there are many, pairs at random."""
    if n_columns * (n_columns - 1) // 2 <= SAMPLE_PAIRS:
        return np.triu_indices(n_columns, 1)
    first, second = np.random.default_rng(0).integers(0, n_columns, (2, 2 * SAMPLE_PAIRS))
    return first[first != second], second[first != second]


def _comparable(rows: Array) -> Array:
    """Return rows (n, F) as floats in [-1, 1]; missing values become the mean of their column."""
    values = fractions(rows, np.float64)
    present = np.isfinite(values)
    values = np.where(present, values, 0)
    values /= max(np.abs(values).max(initial=0), 1e-300)  # sums of squares stay finite
    means = values.sum(axis=0) / np.maximum(present.sum(axis=0), 1)
    return np.where(present, values, means)
