"""Rows of one part of the data, and the shapes that models read them in.

N is rows, T time steps, I features of a step, F features of a flat row, O targets.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from hiddenstate.data.origin import Origin, whole
from hiddenstate.data.store import PIECE, RowStore, forget
from hiddenstate.errors import DataError
from hiddenstate.program.rows import fractions as fractions
from hiddenstate.system.typing import Array

AT_ONCE = 2**17
"""Numbers that are summed at once, in 1 MB of float64."""

UNCOUNTED = ("times", "ids", "files", "origin", "clock")
"""Parts of rows that a fingerprint does not cover."""


@dataclass(frozen=True)
class Rows:
    """The rows of one part of the data: training, test or validation rows.

    Parameters
    ----------
    X : ndarray or RowStore
        Inputs (N, T, I), or (N, F) for an autoencoder; uint8 or float. uint8 values are pixels
        and mean fractions of 255 (:func:`fractions`). NaN is a missing value.
    y : ndarray, optional
        Labels as read or, once prepared, class numbers (N,); or targets (N, T, O) or (N, O).
    lengths : ndarray, optional
        Steps of each series (N,) int64; X is zero after them. None if every series has T steps.
    weights : ndarray, optional
        Weight of each row (N,) float64; None if all rows count alike.
    groups : ndarray, optional
        Group of each row (N,); a group is never divided between training and test rows.
    times : ndarray, optional
        Time of each step (N, T), for data with a time column.
    ids : ndarray, optional
        Name of each series (N,), if they have names.
    files : ndarray, optional
        Path of the file of each row (N,), if each has one.
    origin : Origin, optional
        Where each row comes from; None for rows as they were read, numbered from 0.
    clock : ndarray, optional
        Number that orders the rows in time (N,): the time of a row, or of a series' first step.
    """

    X: Any
    y: Array | None = None
    lengths: Array | None = None
    weights: Array | None = None
    groups: Array | None = None
    times: Array | None = None
    ids: Array | None = None
    files: Array | None = None
    origin: Origin | None = None
    clock: Array | None = None

    def __len__(self) -> int:
        return len(self.X)

    @property
    def ends(self) -> Array:
        """Number of steps of each series (N,) int64, also where all have as many."""
        return np.full(len(self), self.X.shape[1]) if self.lengths is None else self.lengths

    @property
    def longest(self) -> int:
        """Number of steps of the longest series; 0 of no rows of different lengths."""
        return self.X.shape[1] if self.lengths is None else int(self.lengths.max(initial=0))

    def require_targets(self) -> Array:
        """Return `y` of rows that must have one.

        Raises
        ------
        RuntimeError
            If they have none. This is an internal error: the caller must check what a user gave.
        """
        if self.y is None:
            raise RuntimeError("rows without targets where targets are required")
        return self.y

    def take(self, which: Any) -> "Rows":
        """Return the rows `which`, a slice or row numbers; nothing is read from a store."""
        taken: dict[str, Any] = {}
        for part in fields(self):
            values = getattr(self, part.name)
            if part.name == "y" and values is self.X:
                taken["y"] = taken["X"]
            elif values is not None:
                stored = isinstance(values, (RowStore, Origin))
                taken[part.name] = values.take(which) if stored else _taken(values, which)
        return Rows(**taken)

    def series(self) -> Any:
        """Return X as estimators take it: a list of series (T, I) if their lengths differ."""
        if self.lengths is None:
            return self.X
        return [row[:n] for row, n in zip(self.X, self.lengths, strict=True)]

    def arrays(self) -> Iterator[tuple[Array, np.dtype[Any]]]:
        """Yield the arrays that a fingerprint covers, in a fixed order, stores in pieces; each with
        the type that it counts as: that of inputs that are targets too is float64."""
        for part in fields(self):
            values = getattr(self, part.name)
            if isinstance(values, RowStore):
                yield from ((piece, piece.dtype) for _, piece in values.pieces())
            elif values is not None and part.name not in UNCOUNTED:
                own = part.name == "y" and values is self.X
                yield values, np.dtype(np.float64) if own else values.dtype


def _taken(values: Any, which: Any) -> Any:
    """Return the rows `which` of an array; of one in a file, piece by piece."""
    if isinstance(which, slice) or not forget(values):
        return values[which]
    taken = np.empty((len(which), *values.shape[1:]), values.dtype)
    for first, rows in in_pieces(taken, PIECE // 8):  # each is there twice for a moment
        rows[:] = values[which[first : first + len(rows)]]
        forget(values)
    return taken


def is_copy(X: Any, *read: Rows | None) -> bool:
    """Return whether X is an array of its own, and none of those that were read."""
    own = isinstance(X, np.ndarray) and X.flags.owndata
    return own and all(X is not rows.X for rows in read if rows is not None)


def with_origin(rows: Rows, separate: bool) -> Rows:
    """Return rows as read with their origin, their series separate signals if `separate`."""
    origin = rows.origin or whole(len(rows))
    return replace(rows, origin=replace(origin, separate=separate or origin.separate))


def in_pieces(X: Any, n_bytes: int = PIECE) -> Iterator[tuple[int, Array]]:
    """Yield `(first row, rows)` of an array or a store, in order, each at most `n_bytes`."""
    if isinstance(X, RowStore):
        yield from X.pieces(n_bytes)
        return
    step = max(1, n_bytes // max(X[:1].nbytes, 1))
    for first in range(0, len(X), step):
        yield first, X[first : first + step]
        forget(X)


def in_memory(X: Any) -> Any:
    """Return X, or a copy of an array that cannot be written: windows of a series, or rows of
    :func:`~hiddenstate.data.store.mapped_rows`, which their file changes no more."""
    if isinstance(X, RowStore) or X.flags.writeable:
        return X
    if (steps := overlapping(X)) is not None:
        return windows_like(X, np.array(steps))
    own = np.empty(X.shape, X.dtype)
    for first, rows in in_pieces(X):
        own[first : first + len(rows)] = rows
    return own


def overlapping(X: Any) -> Array | None:
    """Return the steps (T, 1, I) of the series of which X are windows (n, W, I) that overlap, if
    they are too many to be copied: more than `PIECE` bytes."""
    view = isinstance(X, np.ndarray) and X.ndim == 3 and not X.flags.writeable
    if not view or X.nbytes <= PIECE or not 0 < X.strides[0] < X.shape[1] * X.strides[1]:
        return None
    (apart, step, each), (n, window, width) = X.strides, X.shape
    if apart % step:
        return None
    T = (n - 1) * apart // step + window
    return as_strided(X, (T, 1, width), (step, step, each), writeable=False)


def windows_like(X: Array, steps: Array) -> Array:
    """Return windows of steps (T, 1, I), as X are of theirs: a view, which cannot be written."""
    apart, step = X.strides[0] // X.strides[1], steps.strides[0]
    shape = (*X.shape[:2], steps.shape[2])
    return as_strided(steps, shape, (apart * step, step, steps.strides[2]), writeable=False)


def of_features(values: Array, which: Sequence[int], dtype: Any = None) -> Array:
    """Return some features of values (..., I); a view if they are all of them, in their order, and
    of this type."""
    if list(which) != list(range(values.shape[-1])):
        values = values[..., list(which)]
    return np.asarray(values, dtype)


def column(values: Array, which: int, dtype: Any = np.float64) -> Array:
    """Return one column of values (T, I), read piece by piece."""
    own = np.empty(len(values), dtype)
    for first, piece in in_pieces(values, PIECE // 16):
        own[first : first + len(piece)] = piece[:, which]
    return own


class Read:
    """Values in float64 that are read, and changed, when they are sliced; those in a file are then
    read again when they are used."""

    def __init__(self, values: Array, change: Callable[[Array], Array] = np.asarray) -> None:
        self.values, self.change, self.shape = values, change, values.shape

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, which: Any) -> Array:
        piece = self.change(self.values[which].astype(np.float64))
        forget(self.values)
        return piece


class Computed:
    """Values (n, O) that are computed when they are read, as all of them are a copy of the data.

    Parameters
    ----------
    make : callable
        Returns some of them, from a slice of their numbers.
    shape : tuple of int
        (n, O).
    size : int, optional
        Rows that are computed at once.
    """

    ndim = 2

    def __init__(
        self, make: Callable[[slice], Array], shape: tuple[int, int], size: int | None = None
    ) -> None:
        self.make, self.shape = make, shape
        self._size = max(1, AT_ONCE // max(1, shape[1]) if size is None else size)
        self._last: tuple[int, Array] | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, which: Any) -> Array:
        """Return some rows, and of a pair some columns of these, as an array has them."""
        chosen, columns = which if isinstance(which, tuple) else (which, slice(None))
        places = np.arange(len(self))[chosen]
        blocks = np.unique(places // self._size).tolist() or [0]
        if len(blocks) == 1:
            return np.asarray(self._block(blocks[0])[places - blocks[0] * self._size][:, columns])
        out: Array = np.empty(0)
        for k in blocks:
            here = np.flatnonzero(places // self._size == k)
            own = self._block(k)[places[here] - k * self._size][:, columns]
            out = out if len(out) else np.empty((len(places), *own.shape[1:]), own.dtype)
            out[here] = own
        return out

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self[:], dtype)

    def _block(self, number: int) -> Array:
        """Return a block of rows; that of the last call is still there."""
        if self._last is None or self._last[0] != number:
            rows = slice(number * self._size, min((number + 1) * self._size, len(self)))
            self._last = number, self.make(rows)
        return self._last[1]


def known_steps(values: Array) -> Array:
    """Return at which steps (N, T) no value of rows (N, T, I) is missing; in parts."""
    if values.nbytes <= PIECE:
        return np.asarray(np.isfinite(values).all(axis=2))
    known = np.empty(values.shape[:2], bool)
    for own, row in zip(known, values, strict=True):
        for first, piece in in_pieces(row, PIECE // 16):
            own[first : first + len(piece)] = np.isfinite(piece).all(axis=1)
    return known


def at_steps(values: Array, row: Array, step: Array) -> Array:
    """Return the values (n, ...) of steps of rows (N, T, ...): a view of those of one row in
    turn, as all of a long series are a copy of it."""
    n = len(row)
    if n and (row == row[0]).all() and (np.diff(step) == 1).all():
        own = values[row[0], step[0] : step[0] + n]
        if own.flags.c_contiguous:
            return np.asarray(own)
    return np.asarray(values[row, step])


def column_spans(n: int, width: int) -> list[slice]:
    """Return spans of about `width` of n columns; two at least, as numpy sums a single column in
    another order than several."""
    starts = range(0, max(1, n - 1), max(2, width))
    return [slice(*ends) for ends in zip(starts, [*starts[1:], n], strict=True)]


def as_slice(which: Array) -> Any:
    """Return row numbers (n,), or a slice if they follow one another, of which views are made."""
    if len(which) and which[-1] - which[0] == len(which) - 1 and (np.diff(which) == 1).all():
        return slice(int(which[0]), int(which[-1]) + 1)
    return which


def kept_of(values: Array, kept: Array) -> Array:
    """Return the values (n, ...) of which `kept` is true, a view if they follow one another."""
    first, n = int(kept.argmax()), int(kept.sum())
    return values[first : first + n] if kept[first : first + n].all() else values[kept]


def summed(
    part: Callable[[int, int], Sequence[Array]], first: int, last: int, width: int
) -> list[Array]:
    """Return the sums (I,) of arrays (last - first, I), of which `part(first, last)` makes some
    rows anew at a time, to the bit as numpy sums whole ones over their first axis."""
    n, size = last - first, max(1, AT_ONCE // width)
    if width == 1 and n > size:  # numpy sums a single column in pairs
        half = first + n // 2 - n // 2 % 8
        halves = (summed(part, first, half, width), summed(part, half, last, width))
        return [a + b for a, b in zip(*halves, strict=True)]
    totals: list[Array] = []
    for begin in range(first, max(last, first + 1), size):
        arrays = part(begin, min(begin + size, last))
        for array, total in zip(arrays, totals, strict=False):
            array[0] += total
        totals = [array.sum(axis=0) for array in arrays]
    return totals


def row_hashes(rows: Rows) -> Array:
    """Return a hash of each row (N,) uint64; equal rows have equal ones.

    It is the weighted sum of the row's 64-bit words, each mixed as by SplitMix64 (G. L. Steele, D.
    Lea, C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
    """
    size = math.prod(rows.X.shape[1:]) * rows.X.dtype.itemsize
    weights = np.random.default_rng(0).integers(1, 2**63, -(-size // 8), np.uint64) * 2 + 1
    pieces = []
    for _, piece in in_pieces(rows.X, 2**22):
        data = np.zeros((len(piece), len(weights) * 8), np.uint8)
        data[:, :size] = np.ascontiguousarray(piece).reshape(len(piece), -1).view(np.uint8)
        words = data.view(np.uint64) + weights
        words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        pieces.append(((words ^ (words >> np.uint64(31))) * weights).sum(axis=1, dtype=np.uint64))
    hashed: Array = np.concatenate(pieces)
    return hashed if rows.lengths is None else hashed + rows.lengths.astype(np.uint64)


def check_pixels(X: Array, where: str) -> None:
    """Refuse integers that a model of uint8 pixels would read as fractions.

    Raises
    ------
    DataError
        If one of another type than uint8 is neither 0 nor 1.
    """
    if X.dtype == np.uint8 or X.dtype.kind not in "iu":
        return
    wrong = (X < 0) | (X > 1)
    if wrong.any():
        raise DataError(
            f"{where}: {X.dtype} values such as {X[wrong][0]}, but the model reads pixels: uint8 "
            "from 0 to 255, or fractions from 0 to 1; convert with astype(np.uint8)"
        )


def as_rows(X: Any, steps: int | None, where: str) -> Any:
    """Return `X` with a time axis: (N, T, I).

    Rows of a 2-D `X` have one feature a step or, with `steps`, are cut into that many steps.

    Raises
    ------
    DataError
        If `X` has another number of axes, or its rows cannot be cut into `steps` equal steps.
    """
    if X.ndim == 3 and steps in (None, X.shape[1]):
        return X
    if X.ndim not in (2, 3):
        raise DataError(
            f"{where}: expected (rows, steps, features) or (rows, steps), got {X.shape}"
        )
    width = int(np.prod(X.shape[1:])) if len(X) else 0
    if steps is not None and width % steps:
        raise DataError(f"{where}: rows of {width} numbers cannot be cut into {steps} equal steps")
    shape = (width, 1) if steps is None else (steps, width // steps)
    if isinstance(X, RowStore):
        return X.reshaped(shape)
    return X.reshape(len(X), *shape)


def flat_rows(X: Any) -> Any:
    """Return `X` with each row flat: (N, F)."""
    width = int(np.prod(X.shape[1:]))
    return X.reshaped((width,)) if isinstance(X, RowStore) else X.reshape(len(X), width)
