"""Sparse matrices of int8 as bytes: the weights of each row that are not 0, with the gaps between.

A row is the number of its pairs (2 bytes, the low one first) and these pairs of two bytes: a gap
(uint8) and a weight (int8). A place before the row moves on by gap + 1 with each pair, and has the
weight there; a pair of a gap of 255 and a weight of 0 bridges more than 255 zeros.
"""

import numpy as np

from hiddenstate.models.net import Params
from hiddenstate.system.typing import Array

LARGEST_GAP, MOST_PAIRS = 255, 0xFFFF


def share_of_zeros(params: Params) -> float:
    """Return the share of the numbers of all matrices that are 0."""
    weights = [array for array in params.values() if array.ndim > 1]
    zeros = sum(each.size - np.count_nonzero(each) for each in weights)
    return zeros / max(1, sum(each.size for each in weights))


def pairs_of(row: Array) -> Array:
    """Return the pairs (n, 2) of a row of int8, as bytes."""
    places = np.flatnonzero(row)
    gaps = np.diff(places, prepend=-1) - 1
    ends = np.cumsum(gaps // (LARGEST_GAP + 1) + 1)
    pairs = np.zeros((ends[-1] if len(ends) else 0, 2), np.uint8)
    pairs[:, 0] = LARGEST_GAP
    pairs[ends - 1, 0] = gaps % (LARGEST_GAP + 1)
    pairs[ends - 1, 1] = row[places].view(np.uint8)
    return pairs


def sparse_bytes(weight: Array) -> Array | None:
    """Return a matrix (C, ...) of int8 as bytes (uint8); None if these are not fewer."""
    parts, size = list[Array](), 0
    for row in weight.reshape(len(weight), -1):
        pairs = pairs_of(row)
        size += 2 + pairs.size
        if len(pairs) > MOST_PAIRS or size >= weight.size:
            return None
        parts += [np.array([len(pairs)], "<u2").view(np.uint8), pairs.ravel()]
    return np.concatenate(parts) if parts else None


def matrix_of(content: Array, shape: tuple[int, ...]) -> Array:
    """Return the matrix of such a shape that :func:`sparse_bytes` made to these bytes.

    Raises
    ------
    ValueError
        If it made none such.
    """
    found, at = np.zeros((shape[0], int(np.prod(shape[1:]))), np.int8), 0
    for number, row in enumerate(found):
        n = int(content[at : at + 2].view("<u2")[0]) if at + 2 <= len(content) else MOST_PAIRS
        begin, at = at + 2, at + 2 + 2 * n
        if at > len(content):
            raise ValueError(f"row {number} has more pairs than the file")
        pairs = content[begin:at].reshape(-1, 2)
        places = np.cumsum(pairs[:, 0].astype(np.int64) + 1) - 1
        if n and places[-1] >= len(row):
            raise ValueError(f"row {number} has a place beyond its {len(row)} columns")
        row[places] = pairs[:, 1].view(np.int8)
    found = found.reshape(shape)
    again = sparse_bytes(found)
    if again is None or not np.array_equal(again, content):
        raise ValueError("not the shortest form")
    return found
