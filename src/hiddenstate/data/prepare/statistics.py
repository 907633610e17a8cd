"""Weighted statistics of features in one pass, without missing values and padding."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hiddenstate.data.prepare.missing import SCAN_BYTES
from hiddenstate.data.rows import fractions, in_pieces
from hiddenstate.program.rows import after_end
from hiddenstate.system.typing import Array


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
    for first, piece in in_pieces(X, SCAN_BYTES):
        rows = slice(first, first + len(piece))
        values = fractions(piece, np.float64)
        counted = np.isfinite(values)
        if lengths is not None:
            counted &= ~after_end(lengths[rows], values.shape[1])[..., None]
        weight = counted.astype(np.float64)
        if weights is not None:
            weight *= weights[rows].reshape(-1, *(1,) * (values.ndim - 1))
        _merge(total, values.reshape(-1, width), weight.reshape(-1, width))
    return total


def _merge(total: Statistics, values: Array, weight: Array) -> None:
    """Add values (n, I) with their weights to `total`."""
    counted = weight > 0
    values = np.where(counted, values, 0)
    own = weight.sum(axis=0)
    mean = (values * weight).sum(axis=0) / np.maximum(own, np.finfo(float).tiny)
    squares = (weight * (values - mean) ** 2).sum(axis=0)
    both = np.maximum(total.weight + own, np.finfo(float).tiny)
    distance = mean - total.mean
    total.squares += squares + distance**2 * total.weight * own / both
    total.mean += distance * own / both
    total.weight += own
    total.low = np.minimum(total.low, np.where(counted, values, np.inf).min(axis=0, initial=np.inf))
    total.high = np.maximum(
        total.high, np.where(counted, values, -np.inf).max(axis=0, initial=-np.inf)
    )
