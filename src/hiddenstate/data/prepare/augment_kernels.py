"""Computes augmented rows in the kernels, or without them in numpy, to the same bits.

What each function computes is in `augment_maps` and `augment_numbers`.
"""

from functools import cache
from typing import Any

import numpy as np

from hiddenstate.data.prepare import augment_maps as maps
from hiddenstate.data.prepare import augment_numbers as numbers
from hiddenstate.kernels import is_off, native
from hiddenstate.system.typing import Array


@cache
def _kernels() -> Any:
    """Return the compiled functions; None without kernels."""
    module = native()
    return None if module is None or is_off() else module.augment


def hashes(seed: int, purpose: str, draws: Array, rows: Array, count: int) -> numbers.Numbers:
    """Return random 64-bit numbers (n, count); see `augment_numbers.hashes`."""
    if (kernels := _kernels()) is None:
        return numbers.hashes(seed, purpose, draws, rows, count)
    out = np.empty((len(rows), count), np.uint64)
    kernels.hashes(int(numbers.purpose_key(seed, purpose)), draws, rows, out)
    return out


def add_noise(
    x: Array, seed: int, draws: Array, rows: Array, which: Array, size: Array, unit: Array
) -> None:
    """Add noise to some rows of x (n, F); see `augment_numbers.add_noise`."""
    if (kernels := _kernels()) is None:
        numbers.add_noise(x, seed, draws, rows, which, size, unit)
    else:
        key = int(numbers.purpose_key(seed, numbers.NOISE))
        kernels.add_noise(key, draws, rows, which, size.astype(x.dtype), unit.astype(x.dtype), x)


def time_map(
    T: int, n: Array, shift: Array, cut: Array, begin: Array, speed: Array | None
) -> Array:
    """Return where (n, T) steps of rows are read; see `augment_maps.time_map`."""
    if (kernels := _kernels()) is None:
        return maps.time_map(T, n, shift, cut, begin, speed)
    out = np.empty((len(n), T))
    kernels.time_map(n, shift, cut, begin, speed, out)
    return out


def rows_at(x: Array, at: Array, n: Array) -> Array:
    """Return rows x (n, T, I) at places (n, T); see `augment_maps.rows_at`."""
    if (kernels := _kernels()) is None:
        return maps.rows_at(x, at, n)
    out = np.empty_like(x)
    kernels.rows_at(x, at, n, out)
    return out


def mix_rows(
    x: Array, which: Array, share: Array, others: Array, at: Array | None, n: Array, own: Array
) -> None:
    """Mix other rows into some rows of x (n, T, I); see `augment_maps.mix_rows`."""
    if (kernels := _kernels()) is None:
        maps.mix_rows(x, which, share, others, at, n, own)
    else:
        kernels.mix_rows(x, which, share.astype(x.dtype), others, at, n, own)


def scale_rows(x: Array, which: Array, n: Array, knots: Array, means: Array) -> None:
    """Scale some rows of x (n, T, I) by curves; see `augment_maps.scale_rows`."""
    if (kernels := _kernels()) is None:
        maps.scale_rows(x, which, n, knots, means)
    else:
        kernels.scale_rows(x, which, n, knots, means.astype(x.dtype))


def standardise(x: Array, n: Array, some: Array) -> None:
    """Standardise some features of rows x (n, T, I); see `augment_maps.standardise`."""
    if (kernels := _kernels()) is None:
        maps.standardise(x, n, some)
    else:
        kernels.standardise(x, n, some)


def pictures_at(x: Array, cos: Array, sin: Array, middle: Array, knots: Array | None) -> Array:
    """Return pictures x (n, H, W) at other places; see `augment_maps.pictures_at`."""
    cos, sin, middle = (part.astype(x.dtype) for part in (cos, sin, middle))
    knots = None if knots is None else knots.astype(x.dtype)
    if (kernels := _kernels()) is None:
        return maps.pictures_at(x, cos, sin, middle, knots)
    out = np.empty_like(x)
    kernels.pictures_at(x, cos, sin, middle, knots, out)
    return out
