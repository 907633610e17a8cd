"""Reads rows from a file on demand, for data that does not fit into memory."""

import math
import mmap
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.errors import DataError, printable
from hiddenstate.system.descriptors import opened, read_at
from hiddenstate.system.typing import Array

IN_MEMORY = 2**30
"""Largest file, in bytes, that is read into memory; rows of a larger file stay on disk."""

PIECE = 64 * 2**20
"""Bytes of rows that are read at once."""

Change = Callable[[Array], Array]
"""A function applied to rows (n, ...) when they are read."""


class RowStore:
    """Rows of an array in a file, stored one after another and read in pieces.

    A store has the `shape`, `dtype`, `ndim` and length of an array. Like an array, it is indexed by
    a slice, row numbers or a mask, which reads those rows into memory. A single row number and
    everything else that an array can do is refused, so that the file is never read as a whole by
    accident.

    Parameters
    ----------
    path : Path
        The file; it is opened now and stays open.
    offset : int
        Bytes before the first row.
    shape : tuple of int
        (N, T, I) or (N, F).
    dtype : dtype
        Type of the stored numbers.
    descriptor : int, optional
        The file, open already and without a name; the store closes it.

    Raises
    ------
    DataError
        If the file cannot be opened, or, when rows are read, is shorter than expected.
    """

    def __init__(
        self,
        path: Path,
        offset: int,
        shape: tuple[int, ...],
        dtype: Any,
        descriptor: int | None = None,
    ) -> None:
        self.path, self._offset = path, offset
        self._row_shape, self._stored = shape[1:], np.dtype(dtype)
        self._rows: NDArray[np.int64] | range = range(shape[0])
        self._changes: tuple[Change, ...] = ()
        self.shape, self.dtype = shape, self._stored.newbyteorder("=")
        self._file = _File(path, descriptor)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def row_bytes(self) -> int:
        """Bytes of one row in memory."""
        return math.prod(self.shape[1:]) * int(self.dtype.itemsize)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, which: Any) -> Array:
        """Read the rows `which` (a slice, row numbers or a mask) into memory."""
        values = self._read(self._numbers(which))
        for change in self._changes:
            values = change(values)
        return values

    def take(self, which: Any) -> "RowStore":
        """Return a store of the rows `which`; nothing is read."""
        rows = self._numbers(which)
        return self._copy(_rows=rows, shape=(len(rows), *self.shape[1:]))

    def mapped(self, change: Change, shape: tuple[int, ...], dtype: Any) -> "RowStore":
        """Return a store of the same rows, with `change` applied when they are read.

        Parameters
        ----------
        change : callable
            Takes rows (n, ...) and returns rows (n, `*shape`) of `dtype`, for any n.
        """
        changes = (*self._changes, change)
        return self._copy(_changes=changes, shape=(len(self), *shape), dtype=np.dtype(dtype))

    def reshaped(self, shape: tuple[int, ...]) -> "RowStore":
        """Return a store of the same rows, each of another `shape`."""
        return self.mapped(lambda rows: rows.reshape(len(rows), *shape), shape, self.dtype)

    def joined(self) -> "RowStore":
        """Return a store with all rows joined into one row (1, N, ...); nothing is read.

        Raises
        ------
        TypeError
            If rows were selected or changed.
        """
        if self._changes or self._rows != range(len(self)):
            raise TypeError("only a whole store can be joined")
        return self._copy(_row_shape=self.shape, _rows=range(1), shape=(1, *self.shape))

    def windows(self, window: int) -> "RowStore":
        """Cut a signal that is one row (1, T, I) into rows (T // window, window, I).

        Nothing is read; the steps after the last whole window are left out.

        Raises
        ------
        TypeError
            If the row was changed.
        """
        _, T, width = self.shape
        if self._changes or self._row_shape != (T, width):
            raise TypeError("only a whole signal can be cut")
        n, shape = T // window, (window, width)
        return self._copy(_row_shape=shape, _rows=range(n), shape=(n, *shape))

    def pieces(self, n_bytes: int = PIECE) -> Iterator[tuple[int, Array]]:
        """Yield `(first row, rows)`, in order, each at most `n_bytes` or one row."""
        step = max(1, n_bytes // max(self.row_bytes, 1))
        for first in range(0, len(self), step):
            yield first, self[first : first + step]

    def _copy(self, **changes: Any) -> "RowStore":
        other = object.__new__(RowStore)
        other.__dict__.update(self.__dict__ | changes)
        return other

    def _numbers(self, which: Any) -> NDArray[np.int64] | range:
        """Return the row numbers in the file of the rows `which` of the store."""
        if isinstance(which, slice):
            return self._rows[which]
        chosen: NDArray[Any] = np.asarray(which)
        if chosen.dtype == np.bool_ and chosen.shape == (len(self),):
            chosen = np.flatnonzero(chosen)
        if chosen.ndim != 1 or (chosen.size and chosen.dtype.kind not in "iu"):
            raise TypeError("rows of a store are read by a slice, row numbers or a mask")
        chosen = chosen.astype(np.int64)
        chosen += (chosen < 0) * len(self)
        if chosen.size and not 0 <= chosen.min() <= chosen.max() < len(self):
            raise IndexError(f"row out of range: the store has {len(self)} rows")
        rows = self._rows
        return chosen * rows.step + rows.start if isinstance(rows, range) else rows[chosen]

    def _read(self, numbers: NDArray[np.int64] | range) -> Array:
        """Read rows (n, ...) by their number in the file; adjacent rows are read together."""
        if isinstance(numbers, range):
            numbers = np.arange(numbers.start, numbers.stop, numbers.step)
        order = np.argsort(numbers, kind="stable")
        wanted = numbers[order]
        out = np.empty((len(wanted), *self._row_shape), self._stored)
        width = math.prod(self._row_shape) * self._stored.itemsize
        ends = np.flatnonzero(np.diff(wanted) != 1) + 1
        for begin, end in zip([0, *ends], [*ends, len(wanted)], strict=True):
            if begin < end:
                self._fill(out[begin:end], self._offset + int(wanted[begin]) * width)
        if (order[1:] > order[:-1]).all():
            return out.astype(self._stored.newbyteorder("="), copy=False)
        values = np.empty(out.shape, self._stored.newbyteorder("="))
        values[order] = out
        return values

    def _fill(self, out: Array, offset: int) -> None:
        """Fill `out` with the bytes of the file from `offset` on."""
        left = out.reshape(-1).view(np.uint8).data
        while left.nbytes:
            try:
                n = read_at(self._file.number, left[: 2**30], offset)
            except OSError as error:
                raise DataError(
                    f"{printable(self.path)}: cannot be read: {error.strerror}"
                ) from None
            if n == 0:
                raise DataError(f"{printable(self.path)}: became shorter while it was read")
            left, offset = left[n:], offset + n


def mapped_rows(path: Path, offset: int, shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an array in a file whose values are read when they are used; it cannot be changed.

    Raises
    ------
    DataError
        If the file cannot be opened.
    """
    try:
        return np.asarray(np.memmap(path, dtype, "r", offset, shape))
    except (OSError, ValueError) as error:  # ValueError: it is shorter than it was
        why = getattr(error, "strerror", None) or "changed while it was read"
        raise DataError(f"{printable(path)}: cannot be read: {why}") from None


def forget(X: Any) -> bool:
    """Give back the memory of an array of :func:`mapped_rows`, which is read again when it is used.

    Returns whether X is such an array. One that can be written is not: its changes would be lost.
    """
    while isinstance(X, np.ndarray):
        X = X.base
    mapped = isinstance(X, mmap.mmap) and memoryview(X).readonly
    if mapped and hasattr(X, "madvise"):
        X.madvise(mmap.MADV_DONTNEED)
    return mapped


class _File:
    """An open file that all copies of a store share; closed with the last of them."""

    def __init__(self, path: Path, descriptor: int | None = None) -> None:
        self._path = path
        try:
            self.number = opened(path, os.O_RDONLY) if descriptor is None else descriptor
        except OSError as error:
            raise DataError(f"{printable(path)}: cannot be read: {error.strerror}") from None

    def __del__(self) -> None:
        if hasattr(self, "number"):
            os.close(self.number)

    def __reduce__(self) -> Any:
        return _File, (self._path,)
