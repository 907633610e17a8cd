"""Which rows and steps snapshots hold, and how many at most.

A snapshot is small whatever the data is: it holds some steps of long rows, the first units of wide
nets, and only as many decoded rows as fit in `DECODED_BYTES`. Apart from what the options
`--n-predicted`, `--n-reconstructed` and `--n-scattered` set, no snapshot exceeds 256 KiB.
"""

import math
from pathlib import Path

import numpy as np

from hiddenstate.data import PreparedDataset, Rows, fractions
from hiddenstate.data.framing import SILENT
from hiddenstate.data.readers.wav import open_wav
from hiddenstate.program.rows import after_end
from hiddenstate.system.typing import Array

ROWS_FOLLOWED = 4
"""Rows of a classifier whose states and probabilities are kept after each step."""

STEPS_KEPT = 100
"""Most steps of a row after which states are kept."""

REREAD_STEPS, REREAD_KEPT = 2**21, 10
"""Most steps that are read for a snapshot where each part of a row is read from its start, and
parts of a row that are read however long it is."""

SIGNAL_STEPS = 200
"""Most steps of a signal at which states are kept."""

WINDOWS_SHOWN = 20
"""Most windows that share no step and are predicted for a snapshot if the state is not carried."""

TRACKED_BYTES = 64 * 1024
"""Most bytes of the times of windows with one target each, which may share steps."""

LANES, HELD_STEPS, HELD_BEFORE = 6, 240, 160
"""Most targets of held-out series that are kept, held-out steps of each, and steps before them."""

HELD_ROWS = 500
"""Most held-out rows that are kept if a row has one target."""

UNITS_KEPT = 64
"""Most hidden units kept, the first ones."""

STREAMS_KEPT = 64
"""Most streams whose states are kept, the longest ones of those that are read side by side."""

EIGENVALUES_KEPT = 256
"""Most complex states of a layer whose eigenvalues are kept, the first ones."""

WORST_KEPT = 10
"""Most test rows kept that the net is most wrong on."""

FOLLOWED_KEPT = 200
"""Most evaluated test rows whose probability is kept over training."""

CLASSES_CONFUSED = 50
"""Most classes for which a confusion matrix is kept."""

GRID_SIDE, WALK_STEPS = 8, 10
"""Side of the square of rows decoded from the code space, and rows between two codes."""

RANGED_ROWS, RANGED_NUMBERS, RANGED_CHANNELS = 1000, 10**6, 64
"""Most training rows, and numbers of them, that the ranges of channels come from, and most channels
that have one."""

DEVIATIONS = 3
"""Standard deviations to both sides of its mean that the range of a quantity spans."""

DECODED_BYTES = 64 * 1024
"""Most bytes of rows decoded from the code space."""

AUGMENTED_KEPT = 6
"""Training rows shown with what augmentation makes of them."""

WORST_BYTES = 64 * 1024
"""Most bytes of the worst rows."""

HEARD_BYTES = 1024 * 1024
"""Most bytes of the sounds of shown rows."""

DESCRIBED_BYTES = 256 * 1024
"""Most bytes of the rows behind the drawn codes."""


def shown_split(dataset: PreparedDataset) -> str:
    """Return which rows are shown: "test", or "train" if there are no test rows."""
    return "test" if len(dataset.X_test) else "train"


def rows_to_show(dataset: PreparedDataset, n: int) -> Rows:
    """Return `n` rows of the shown split: those of :func:`numbers_to_show`."""
    return _of_shown_split(dataset).take(numbers_to_show(dataset, n))


def _of_shown_split(dataset: PreparedDataset) -> Rows:
    test = dataset.test
    return test if test is not None and len(test) else dataset.train


def numbers_to_show(dataset: PreparedDataset, n: int) -> Array:
    """Return the numbers of the rows to show: of the bundled data and of data without classes the
    first ones, else the first of each class, then the second of each, and so on."""
    rows = _of_shown_split(dataset)
    first = np.arange(min(n, len(rows)))
    if dataset.source == "bundled" or dataset.classes is None or rows.y is None:
        return first
    by_class = np.argsort(rows.y, kind="stable")
    _, starts, counts = np.unique(rows.y[by_class], return_index=True, return_counts=True)
    turns = np.arange(len(rows)) - np.repeat(starts, counts)
    return np.asarray(by_class[np.lexsort((by_class, turns))[:n]])


def in_own_units(dataset: PreparedDataset, rows: Rows) -> Array:
    """Return X of prepared rows in the units of the data, NaN after a row's end.

    Training and test rows have the same number of steps, though the longest ones of each differ.
    """
    X = _as_read(dataset, rows)
    more = n_steps(dataset) - X.shape[1] if X.ndim == 3 else 0
    if more <= 0:
        return X
    return np.pad(X, ((0, 0), (0, more), (0, 0)), constant_values=np.nan)


def _as_read(dataset: PreparedDataset, rows: Rows) -> Array:
    X = dataset.transform.undo(rows.X[:])
    if rows.lengths is None:
        return X
    return np.where(after_end(rows.lengths, X.shape[1])[..., None], np.nan, X).astype(X.dtype)


def heard(dataset: PreparedDataset, rows: Rows) -> Array | None:
    """Return the samples (h, s) of the first rows of sounds that are read in bands, as bytes of
    :func:`mu_law`, silent after their ends; None of other rows, or if not even one fits."""
    framing, files = dataset.axes.sound, rows.files
    if framing is None or files is None or not framing.bands or not len(rows):
        return None
    n_samples = n_steps(dataset) * framing.frame
    n = min(len(rows), HEARD_BYTES // n_samples)
    waves = np.full((n, n_samples), SILENT, np.uint8)
    for wave, path in zip(waves, files, strict=False):
        own = framing.heard(open_wav(Path(path)), n_samples)
        wave[: len(own)] = own
    return waves if n else None


def n_steps(dataset: PreparedDataset) -> int:
    """Return the steps of the longest training or test row of sequences (N, T, I)."""
    parts = [dataset.train, *([dataset.test] if dataset.test is not None else [])]
    return max(int(part.X.shape[1]) for part in parts)


def channel_ranges(dataset: PreparedDataset) -> list[list[float]] | None:
    """Return the range to draw each channel in, over evenly spaced training rows in own units.

    That is the smallest and the largest value or, if a row is one step of quantities,
    `DEVIATIONS` standard deviations to both sides of the mean. None for pictures and many channels.
    """
    rows, shape = dataset.train, dataset.axes.row_shape or dataset.X.shape[1:]
    if dataset.picture or len(shape) != 2 or shape[1] > RANGED_CHANNELS or not len(rows):
        return None
    n = min(len(rows), RANGED_ROWS, max(1, RANGED_NUMBERS // max(math.prod(shape), 1)))
    chosen = rows.take(np.linspace(0, len(rows) - 1, n).round().astype(int))
    rows_in_units = _as_read(dataset, chosen)  # without the features that mark missing values
    channels = rows_in_units.shape[2] if rows_in_units.ndim == 3 else shape[1]
    values = fractions(rows_in_units, np.float64).reshape(-1, channels)
    columns = [column[np.isfinite(column)] for column in values.T]
    if not all(len(column) for column in columns):
        return None
    if shape[0] > 1:
        return [[float(column.min()), float(column.max())] for column in columns]
    ends = [(float(c.mean()), DEVIATIONS * float(c.std())) for c in columns]
    return [[mean - reach, mean + reach] for mean, reach in ends]


def thinned(n: int, most: int) -> Array:
    """Return at most `most` of the numbers 0 .. n-1, evenly spaced, always with the last."""
    spread: Array = np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))
    return spread


def affordable(row: tuple[int, ...], itemsize: int, n_bytes: int, most: int) -> int:
    """Return how many rows of shape `row` fit in `n_bytes`: from 1 to `most`."""
    return max(1, min(most, n_bytes // max(math.prod(row) * itemsize, 1)))


def pixel_bytes(values: Array) -> Array:
    """Return fractions as uint8 pixels, rounded: a quarter of the memory."""
    pixels: Array = np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)
    return pixels


def plane_of(codes: Array, side: int) -> Array:
    """Return codes (side*side, Z) on a square through the codes (N, Z), row by row from the top.

    The square spans the first two principal axes of the codes, two standard deviations to each
    side of their mean; codes of one number lie on a line, which the square runs along.
    """
    mean = codes.mean(axis=0)
    _, spread, axes = np.linalg.svd(codes - mean, full_matrices=False)
    # The sign of an axis is arbitrary: its largest number is made positive, so that squares of
    # one net at different times match.
    axes = axes * np.sign(np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1))
    reach = 2 * spread / math.sqrt(max(len(codes) - 1, 1))
    if codes.shape[1] == 1 or len(spread) < 2:
        line = np.linspace(-reach[0], reach[0], side * side)
        return np.asarray(mean + line[:, None] * axes[0], codes.dtype)
    ends = np.linspace(-1, 1, side)
    down, across = np.meshgrid(-ends, ends, indexing="ij")
    offsets = across.reshape(-1, 1) * reach[0] * axes[0] + down.reshape(-1, 1) * reach[1] * axes[1]
    return np.asarray(mean + offsets, codes.dtype)


def ends_of_walk(labels: Array | None, n: int) -> tuple[int, int]:
    """Return two rows to walk between, of `n`: the first, and the first of another class."""
    if labels is not None:
        others = np.flatnonzero(labels != labels[0])
        if others.size:
            return 0, int(others[0])
    return 0, min(1, n - 1)
