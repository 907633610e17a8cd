"""Holds the rows of pieces of a text file in little memory, and joins them as columns."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.readers.profiles import is_whole
from hiddenstate.system.typing import Array


@dataclass(frozen=True)
class Piece:
    """Rows of a piece of the file, in as little memory as possible.

    `is_small` (C,) are the columns that fit a byte, with values `small` (n, S). The others have
    values in `large` (n, C - S), or in `special` if they are text or large whole numbers. `lines`
    is the line of each row.
    """

    is_small: NDArray[np.bool_]
    small: NDArray[np.uint8]
    large: NDArray[np.float64]
    special: dict[int, Array]
    lines: range | NDArray[np.int64]

    def whole(self) -> NDArray[np.float64]:
        """Return all columns as floats (n, C)."""
        values = np.empty((len(self.small), len(self.is_small)))
        values[:, self.is_small] = self.small
        values[:, ~self.is_small] = self.large
        return values


def packed(
    values: NDArray[np.float64], special: dict[int, Array], lines: range | NDArray[np.int64]
) -> Piece:
    """Make a piece of `values` (n, C), which are NaN in special columns."""
    small = ((values >= 0) & (values <= 255) & (values == np.floor(values))).all(axis=0)
    return Piece(small, values[:, small].astype(np.uint8), values[:, ~small].copy(), special, lines)


def joined(pieces: deque[Piece], n_rows: int, n_columns: int) -> list[Array]:
    """Return the columns of all pieces (N,); pieces are removed from the queue one by one."""
    small = np.ones(n_columns, bool)
    parts: dict[int, list[Array]] = {j: [] for p in pieces for j in p.special}
    for piece in pieces:
        small &= piece.is_small
    large = ~small
    large[list(parts)] = False
    bytes_ = np.empty((n_rows, int(small.sum())), np.uint8)
    floats = np.empty((n_rows, int(large.sum())))
    done = 0
    while pieces:
        piece = pieces.popleft()
        rows = slice(done, done + len(piece.small))
        bytes_[rows] = piece.small[:, small[piece.is_small]]
        if parts or large.any():
            values = piece.whole()
            floats[rows] = values[:, large]
            for j, segments in parts.items():
                segments.append(piece.special.get(j, values[:, j]))
        done += len(piece.small)
    arrays: list[Array] = [np.empty(0)] * n_columns
    for block, which in ((bytes_, small), (floats, large)):
        for k, j in enumerate(np.flatnonzero(which).tolist()):
            arrays[j] = block[:, k]
    for j, segments in parts.items():
        texts = any(part.dtype.kind == "O" for part in segments)
        dtype = object if texts else np.int64 if all(map(_fits_int64, segments)) else np.float64
        arrays[j] = np.concatenate([part.astype(dtype, copy=False) for part in segments])
    return arrays


def _fits_int64(array: Array) -> bool:
    """Return whether int64 holds all values."""
    return is_whole(array) and (array.dtype.kind != "f" or bool((np.abs(array) < 2.0**63).all()))
