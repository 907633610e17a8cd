"""Describes a data set in numbers and words: values, lengths, classes, names and shapes.

X (N, T, I) is N series of T steps with I features each, or flat rows (N, F).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiddenstate.data.dataset import Dataset, label_values
from hiddenstate.data.rows import Rows, in_pieces
from hiddenstate.data.store import PIECE, RowStore
from hiddenstate.errors import count
from hiddenstate.program.rows import after_end
from hiddenstate.system.typing import Array


@dataclass
class ValueCounts:
    """Counts and bounds of the values of each feature (I,)."""

    n: Array
    missing: Array
    infinite: Array
    low: Array
    high: Array
    rows: int = 0
    """Number of rows whose values were read."""


def count_values(parts: list[Rows]) -> ValueCounts:
    """Count the values of rows; of rows on disk only the first piece is read."""
    width = parts[0].X.shape[-1]
    zero = np.zeros(width, np.int64)
    counts = ValueCounts(zero, zero, zero, np.full(width, np.inf), np.full(width, -np.inf))
    for rows in parts:
        on_disk = isinstance(rows.X, RowStore)
        for first, piece in [(0, first_rows(rows.X))] if on_disk else in_pieces(rows.X, 2**23):
            values = piece.reshape(-1, width)
            if rows.lengths is not None:
                own = rows.lengths[first : first + len(piece)]
                values = piece[~after_end(own, piece.shape[1])]
            nan, infinite = np.isnan(values), np.isinf(values)
            low = high = values
            if nan.any() or infinite.any():
                low = np.where(nan | infinite, np.inf, values)
                high = np.where(nan | infinite, -np.inf, values)
            counts.rows += len(piece)
            counts.n = counts.n + len(values)
            counts.missing = counts.missing + nan.sum(axis=0)
            counts.infinite = counts.infinite + infinite.sum(axis=0)
            if len(values):
                counts.low = np.minimum(counts.low, low.min(axis=0))
                counts.high = np.maximum(counts.high, high.max(axis=0))
    return counts


def first_rows(X: Any) -> Array:
    """Return `X` or, if it is on disk, its first rows, or the first steps of its only row."""
    if not isinstance(X, RowStore):
        return np.asarray(X)
    if len(X) == 1 and X.row_bytes > PIECE:
        try:
            return X.windows(max(1, PIECE * X.shape[1] // X.row_bytes))[:1]
        except TypeError:  # rows that are changed when read can only be read as a whole
            return np.empty((0, *X.shape[1:]), X.dtype)
    return next(X.pieces())[1]


def lengths_of(rows: Rows) -> Array | None:
    """Return the number of steps of each row (N,); None if rows are flat."""
    if rows.lengths is not None:
        return rows.lengths
    return np.full(len(rows), rows.X.shape[1]) if rows.X.ndim == 3 else None


def feature_names(d: Dataset) -> list[str]:
    """Return the name of each feature."""
    if d.columns is not None and len(d.columns) == d.X.shape[-1]:
        return list(d.columns)
    return [f"feature {i}" for i in range(d.X.shape[-1])]


def class_sizes(d: Dataset) -> dict[str, int] | None:
    """Return the number of training rows of each label, sorted by label; None without labels."""
    if d.y is None or d.y.ndim != 1:
        return None
    labels, counts = np.unique(d.y, return_counts=True)
    names = label_values(labels) if d.classes is None else [d.classes[i] for i in labels]
    return dict(zip(map(str, names), counts.tolist(), strict=True))


def like_numbers(y: Array) -> bool:
    """Return whether labels (N,) are more likely numbers to predict."""
    n = len(np.unique(y))
    if y.dtype.kind == "f" and (y != np.floor(y)).any():
        return n > min(20, len(y) / 2)
    return y.dtype.kind in "iuf" and n > max(20, len(y) / 2)


def target_ranges(d: Dataset) -> dict[str, tuple[float, float, float]] | None:
    """Return (minimum, mean, maximum) of each target by name; None without targets."""
    if d.y is None or d.y.ndim == 1:
        return None
    y, lengths = d.y, d.train.lengths
    if y.ndim == 3:
        y = y.reshape(-1, y.shape[-1]) if lengths is None else y[~after_end(lengths, y.shape[1])]
    ranges = {}
    for i, column in enumerate(y.T):
        values = column[np.isfinite(column)]
        if values.size:
            name = d.targets[i] if d.targets else f"target {i}"
            ranges[name] = (float(values.min()), float(values.mean()), float(values.max()))
    return ranges


def n_missing_targets(d: Dataset) -> int:
    """Return the number of training targets that are missing or infinite."""
    if d.y is None or d.y.ndim == 1:
        return 0
    return int((~np.isfinite(d.y)).sum())


def count_duplicates(d: Dataset) -> int | None:
    """Return the number of test rows equal to a training row; None if rows are on disk."""
    if d.test is None or any(isinstance(X, RowStore) for X in (d.X, d.X_test)):
        return None
    trained = set(_hashes(d.train))
    return sum(value in trained for value in _hashes(d.test))


def _hashes(rows: Rows) -> Iterator[int]:
    for i, row in enumerate(rows.X):
        yield hash((row if rows.lengths is None else row[: rows.lengths[i]]).tobytes())


def shape_words(d: Dataset, steps: int | None) -> str:
    """Return the shape in which a recurrent net reads a row: `28 steps of 28 features`."""
    T, width = d.X.shape[1], d.X.shape[2] if d.X.ndim == 3 else 1
    if steps and T * width % steps == 0:
        T, width = steps, T * width // steps
    most = "up to " if d.train.lengths is not None else ""
    return f"{most}{count(T, 'step')} of {count(width, 'feature')}"


def data_bytes(parts: list[Rows]) -> int:
    """Return the number of bytes of the inputs of rows."""
    return sum(math.prod(rows.X.shape) * rows.X.dtype.itemsize for rows in parts)
