"""Provides rows, windows and batches to contenders that keep their data in memory."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.prepare.batches import Batches
from hiddenstate.datasets import load_mnist, load_waves

Array = NDArray[Any]

BATCH = 64
WINDOWS = 1000
STEPS = 10
"""Number of time steps in a window. `WINDOWS` windows are kept in memory and repeat."""

N_EVALUATED = {"classify": 2000, "autoencode": 5}
"""Number of test rows evaluated between steps."""


class Digits(NamedTuple):
    """MNIST with pixels scaled to 0..1, as float32."""

    X: Array
    y: Array
    X_test: Array
    y_test: Array


@cache
def digits(flat: bool = False) -> Digits:
    """Return the digits as images (N, 28, 28) or, if `flat`, as rows (N, 784)."""
    d = load_mnist(flat=flat)
    X, X_test = (part.astype(np.float32) / 255 for part in (d.X, d.X_test))
    assert d.y is not None
    assert d.y_test is not None
    return Digits(X, d.y, X_test, d.y_test)


def rows(step: int) -> NDArray[np.int64]:
    """Return the row numbers of the batch of `step`."""
    return Batches(60_000, BATCH).rows(step)


@cache
def windows() -> tuple[Array, Array]:
    """Return sine and cosine windows, each (WINDOWS, 10, 1) float32."""
    waves = load_waves(WINDOWS, STEPS)
    assert waves.y is not None
    return waves.X, waves.y


def fresh_window(k: int) -> tuple[Array, Array]:
    """Compute window `k` as in the classic script: sine and cosine (1, 10, 1)."""
    times = np.linspace(k * np.pi, (k + 1) * np.pi, STEPS, dtype=np.float32, endpoint=False)
    return np.sin(times)[None, :, None], np.cos(times)[None, :, None]


def accuracy(scores: Array) -> float:
    """Return the accuracy of `scores` (10000, 10) on the test digits."""
    return float((scores.argmax(axis=1) == digits().y_test).mean())


def error(reconstructed: Array) -> float:
    """Return the mean squared error of reconstructed test rows (10000, 784)."""
    return float(np.square(reconstructed - digits(flat=True).X_test).mean())
