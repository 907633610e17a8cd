"""Random numbers of augmented rows: hashes of a seed, a purpose, a draw, a row and a number."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.prepare.batches import generator_key
from hiddenstate.system.typing import Array

Numbers = NDArray[np.uint64]

NOISE = "jitter"
"""Purpose of the numbers that :func:`add_noise` adds."""

_STEP = 0x9E3779B97F4A7C15


@lru_cache(maxsize=64)
def purpose_key(seed: int, purpose: str) -> np.uint64:
    """Return the number that seed and purpose add to :func:`hashes`."""
    return np.uint64(generator_key(seed, f"augment {purpose}")[0])


def hashes(seed: int, purpose: str, draws: Array, rows: Array, count: int) -> Numbers:
    """Return random 64-bit numbers (n, count) of (seed, purpose, draw, row, number).

    They are those of SplitMix64 (G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom
    number generators", OOPSLA 2014), one stream for each row and draw.
    """
    key = _mixed_bits(purpose_key(seed, purpose) + draws.astype(np.uint64) * np.uint64(_STEP))
    key = _mixed_bits(key + rows.astype(np.uint64) * np.uint64(_STEP))
    return _mixed_bits(key[:, None] + _counters(count))


@lru_cache(maxsize=8)
def _counters(count: int) -> Numbers:
    return np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_STEP)


def _mixed_bits(z: Numbers) -> Numbers:
    """Return numbers with their bits mixed; the array is used again."""
    shifted = np.empty_like(z)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z ^= np.right_shift(z, np.uint64(shift), out=shifted)
        z *= np.uint64(factor)
    z ^= np.right_shift(z, np.uint64(31), out=shifted)
    return z


def uniform(numbers: Numbers) -> Array:
    """Return numbers from 0 to below 1 of random 64-bit ones."""
    return (numbers >> np.uint64(11)) * 2.0**-53


def normal(numbers: Numbers) -> Array:
    """Return numbers of mean 0 and deviation 1, almost normal, of random 64-bit ones.

    Each is the sum of four uniform numbers of 16 bits, so it is the same on every machine, and at
    most 3.5.
    """
    low = np.uint64(0x0000FFFF0000FFFF)
    pairs = (numbers & low) + ((numbers >> np.uint64(16)) & low)
    total = (pairs + (pairs >> np.uint64(32))) & np.uint64(0xFFFFFFFF)
    deviation = np.sqrt(4 * (2.0**32 - 1) / 12)
    return np.asarray((total.astype(np.float64) - 2 * (2.0**16 - 1)) * (1 / deviation))


def add_noise(
    x: Array, seed: int, draws: Array, rows: Array, which: Array, size: Array, unit: Array
) -> None:
    """Add noise to the rows `which` (m,) of x (n, F), of sizes (m,) times the units (I,) of
    features, which are repeated."""
    noise = normal(hashes(seed, NOISE, draws[which], rows[which], x.shape[1])).astype(x.dtype)
    noise *= size.astype(x.dtype)[:, None]
    noise *= np.tile(unit.astype(x.dtype), x.shape[1] // len(unit))
    x[which] += noise
