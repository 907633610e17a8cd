"""The mean and the deviation of values in the window before a step: a scale of its own for each.

Series of very different size then count alike, and a series that was not in training needs nothing
but its last values (reversible instance normalisation; Kim et al., ICLR 2022).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ROUNDING = 1e-9
"""A window whose deviation is at most this fraction of its largest value is flat."""

FAR = 1000
"""Deviations from 0 from which answers are float64: float32 has 7 digits."""

NOISE = 1e-13
"""A deviation of at most this fraction of the largest value is that of rounding."""

LARGEST_TARGET = 10.0
"""Largest scaled target that a network learns; larger ones, after nearly flat windows, are cut."""


@dataclass(frozen=True)
class WindowScale:
    """Location, size and flatness of windows, and whether they are far from 0, each (..., O).

    A flat window says nothing of the size of a change. Its `size` is then its largest absolute
    value, or 1, so that targets can be divided by it; a network adds nothing after it.
    """

    location: Floats
    size: Floats
    flat: NDArray[np.bool_]
    far: NDArray[np.bool_]


def scale_at_each_step(values: Floats, window: int) -> WindowScale:
    """Return the scales (N, T, O) of the last `window` steps at each step of values (N, T, O).

    Fewer are read at the start of a row; a window of 0 reads all steps before.
    """
    T = values.shape[1]
    n = min(window, T) if window else T
    count = np.minimum(np.arange(1, T + 1), n)[:, None]
    total, largest = np.zeros(values.shape), np.zeros(values.shape)
    for k in range(n):
        total[:, k:] += values[:, : T - k]
        largest[:, k:] = np.maximum(largest[:, k:], np.abs(values[:, : T - k]))
    location, squares = total / count, np.zeros(values.shape)
    for k in range(n):
        squares[:, k:] += (values[:, : T - k] - location[:, k:]) ** 2
    return _scale(location, np.sqrt(squares / count), largest)


def scale_at_step(values: Floats, step: NDArray[np.int64], window: int) -> WindowScale:
    """Return the scales (N, O) of the last `window` steps, or fewer, at one step of each row."""
    T = values.shape[1]
    steps = step[:, None] - np.arange(min(window, T) if window else T)
    read = (steps >= 0)[..., None]
    known = values[np.arange(len(values))[:, None], np.maximum(steps, 0)]
    known, count = np.where(read, known, 0), read.sum(axis=1)
    location = known.sum(axis=1) / count
    squares = np.where(read, (known - location[:, None]) ** 2, 0).sum(axis=1)
    return _scale(location, np.sqrt(squares / count), np.abs(known).max(axis=1))


def _scale(location: Floats, deviation: Floats, largest: Floats) -> WindowScale:
    flat = deviation <= ROUNDING * largest
    size = np.where(flat, np.where(largest > 0, largest, 1.0), deviation)
    varies = deviation > NOISE * largest
    return WindowScale(location, size, flat, varies & (np.abs(location) > FAR * deviation))
