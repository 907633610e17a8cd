"""Prepared rows, and what steps compute of them: gaps, ends and the spread of windows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

FAR = 1000
"""Deviations from 0 from which answers are float64: float32 has 7 digits."""

ROUNDING = 1e-9
"""A window whose deviation is at most this fraction of its largest value is flat."""

NOISE = 1e-13
"""A deviation of at most this fraction of the largest value is that of rounding."""


@dataclass(frozen=True)
class Spread:
    """Location, size and flatness of windows, and whether they are far from 0, each (..., O).

    A flat window says nothing of the size of a change. Its `size` is then its largest absolute
    value, or 1, so that targets can be divided by it; a net adds nothing after it.
    """

    location: Array
    size: Array
    flat: Array
    far: Array


@dataclass
class Rows:
    """Prepared rows, which targets and outputs belong to.

    Parameters
    ----------
    x : ndarray (N, T, I)
        As kept: after all steps but those for nets only.
    lengths : ndarray (N,), optional
        Steps of each row; by default T.
    every_step : bool
        Whether there are targets at each step, (N, T, O), else at the last one of each row, (N, O).
    memory : dict of ndarray, optional
        Of a stream, what its steps carry from call to call, by name; `undo` advances it.
    spread : Spread, optional
        That of the windows, once a step computed it.
    """

    x: Any
    lengths: Array | None = None
    every_step: bool = False
    memory: dict[str, Array] | None = None
    spread: Spread | None = field(default=None, init=False)

    @property
    def last(self) -> Array:
        """The last step (N,) of each row."""
        ends = np.full(len(self.x), self.x.shape[1]) if self.lengths is None else self.lengths
        return np.asarray(ends - 1)


def fractions(x: Array, dtype: Any, always: bool = False) -> Array:
    """Return x as `dtype`: uint8 numbers, or all, as fractions of 255."""
    if x.dtype == np.uint8 or always:
        return np.asarray(np.divide(x, np.asarray(255, dtype), dtype=dtype))
    return x.astype(dtype, copy=False)


def after_end(lengths: Array, T: int) -> NDArray[np.bool_]:
    """Return which of `T` steps come after the end of each series, (N, T)."""
    return np.asarray(np.arange(T) >= lengths[:, None])


def carry_forward(values: Array) -> Array:
    """Replace each NaN of (N, T, I) by the last value before it in its series, if there is one."""
    present = ~np.isnan(values)
    steps = np.arange(values.shape[1])[None, :, None]
    last = np.maximum.accumulate(np.where(present, steps, -1), axis=1)
    carried = np.take_along_axis(values, np.maximum(last, 0), axis=1)
    return np.where(last >= 0, carried, np.nan)


def spread_at_each_step(values: Array, window: int) -> Spread:
    """Return the spread (N, T, O) of the last `window` steps at each step of values (N, T, O).

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
    return _spread(location, np.sqrt(squares / count), largest)


def spread_at_step(values: Array, step: Array, window: int) -> Spread:
    """Return the spread (N, O) of the last `window` steps, or fewer, at one step of each row."""
    T = values.shape[1]
    steps = step[:, None] - np.arange(min(window, T) if window else T)
    read = (steps >= 0)[..., None]
    last = values[np.arange(len(values))[:, None], np.maximum(steps, 0)]
    last, count = np.where(read, last, 0), read.sum(axis=1)
    location = last.sum(axis=1) / count
    squares = np.where(read, (last - location[:, None]) ** 2, 0).sum(axis=1)
    return _spread(location, np.sqrt(squares / count), np.abs(last).max(axis=1))


def _spread(location: Array, deviation: Array, largest: Array) -> Spread:
    flat = deviation <= ROUNDING * largest
    size = np.where(flat, np.where(largest > 0, largest, 1.0), deviation)
    varies = deviation > NOISE * largest
    return Spread(location, size, flat, varies & (np.abs(location) > FAR * deviation))
