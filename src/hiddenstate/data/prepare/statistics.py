"""Weighted statistics of features in one pass, without missing values and padding."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiddenstate.data.rows import fractions, in_pieces, summed
from hiddenstate.data.store import forget
from hiddenstate.system.typing import Array

MERGED = 2**24
"""Bytes of rows whose statistics are merged; the last bits depend on it."""


@dataclass
class Statistics:
    """Sums over the values of each feature (I,), without missing values and padding."""

    weight: Array
    mean: Array
    squares: Array
    """Sum of weighted squared deviations from the mean."""
    low: Array
    high: Array

    @property
    def deviation(self) -> Array:
        """Standard deviation of each feature; 1 for a constant one, which then stays unscaled."""
        deviation = np.sqrt(self.squares / np.maximum(self.weight, np.finfo(float).tiny))
        rounding = deviation <= 10 * np.finfo(float).eps * np.abs(self.mean)
        return np.where(rounding | (self.low >= self.high), 1.0, deviation)


def statistics(X: Any, lengths: Array | None, weights: Array | None) -> Statistics:
    """Compute weighted mean, squared deviations, minimum and maximum of each feature in one pass.

    Pieces are merged by the update of Chan, Golub and LeVeque, "Updating formulae and a
    pairwise algorithm for computing sample variances", 1979.
    """
    width = X.shape[-1]
    total = Statistics(
        weight=np.zeros(width),
        mean=np.zeros(width),
        squares=np.zeros(width),
        low=np.full(width, np.inf),
        high=np.full(width, -np.inf),
    )
    for first, piece in in_pieces(X, MERGED):
        rows = slice(first, first + len(piece))
        own = [None if part is None else part[rows] for part in (lengths, weights)]
        _merge(total, piece.reshape(-1, width), math.prod(piece.shape[1:-1]), *own)
    return total


def _merge(
    total: Statistics, values: Array, T: int, lengths: Array | None, weights: Array | None
) -> None:
    """Add values (N * T, I) of N rows with their lengths and weights (N,) to `total`."""

    def part(first: int, last: int) -> tuple[Array, Array]:
        """Return values, 0 where they do not count, and their weights."""
        own = fractions(values[first:last], np.float64)
        counted, at = np.isfinite(own), np.arange(first, last)
        if lengths is not None:
            counted &= (at % T < lengths[at // T])[:, None]
        weight = counted.astype(np.float64)
        if weights is not None:
            weight *= weights[at // T][:, None]
        own = np.where(weight > 0, own, 0)
        forget(values)
        return own, weight

    def weighted(first: int, last: int) -> tuple[Array, Array]:
        own, weight = part(first, last)
        counted = weight > 0
        low = own.min(axis=0, initial=np.inf, where=counted)
        high = own.max(axis=0, initial=-np.inf, where=counted)
        total.low, total.high = np.minimum(total.low, low), np.maximum(total.high, high)
        return np.multiply(own, weight, out=own), weight

    def squared(first: int, last: int) -> tuple[Array]:
        own, weight = part(first, last)
        own = np.square(np.subtract(own, mean, out=own), out=own)
        return (np.multiply(weight, own, out=own),)

    n, width = values.shape
    product, own = summed(weighted, 0, n, width)
    mean = product / np.maximum(own, np.finfo(float).tiny)
    (squares,) = summed(squared, 0, n, width)
    both = np.maximum(total.weight + own, np.finfo(float).tiny)
    distance = mean - total.mean
    total.squares += squares + distance**2 * total.weight * own / both
    total.mean += distance * own / both
    total.weight += own
