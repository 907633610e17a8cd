"""Rows that the kernels read piece by piece: those of a store, and many windows of a series."""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from hiddenstate.data.rows import overlapping
from hiddenstate.data.store import PIECE
from hiddenstate.engines.interface import Source
from hiddenstate.system.typing import Array

SHARD = 16
"""Most rows that the kernels compute in parallel (`shard_rows` in net.h)."""


def kind_of(X: Source) -> np.dtype[Any]:
    """Return the type in which the kernels read `X`: its own if they can, else float64."""
    return X.dtype if X.dtype in (np.uint8, np.float32, np.float64) else np.dtype(np.float64)


def is_whole(X: Source) -> bool:
    """Return whether the kernels read all rows where they are, or as one copy: X is an array, and
    not many windows of a series."""
    return isinstance(X, np.ndarray) and overlapping(X) is None


def rows_at_once(X: Source) -> int:
    """Return how many rows of `X`, as the kernels read them, fit in `PIECE` bytes; at least 1."""
    return max(1, PIECE // max(1, math.prod(X.shape[1:]) * kind_of(X).itemsize))


def pieces(X: Source) -> Iterator[slice]:
    """Yield slices of rows: all of an array, at most `PIECE` bytes or two shards of a store or of
    many windows of a series.

    Every slice but the last ends at the end of a shard, and none but an only one is shorter than
    two shards. So each row is in a shard with the same rows as if all were computed at once, and
    its outputs are the same to the last bit.
    """
    bounds = [0, len(X)]
    if not is_whole(X):
        two = 2 * SHARD
        at_once = max(two, (rows_at_once(X) - two) // SHARD * SHARD)
        bounds = [*range(0, max(len(X) - two + 1, 1), at_once), len(X)]
    for first, last in pairwise(bounds):
        yield slice(first, last)


def joined(parts: list[Array]) -> Array:
    """Return the outputs of all pieces as one array."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
