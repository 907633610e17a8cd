"""Rows, windows and batches for contenders that keep their data in memory."""

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
"""Windows kept in memory, which repeat after that, and time steps in each."""

LOOKED_AT = {"classify": 2000, "autoencode": 5}
"""Test rows looked at between steps."""


class Digits(NamedTuple):
    """MNIST with its pixels as float32 fractions."""

    X: Array
    y: Array
    X_test: Array
    y_test: Array


@cache
def digits(flat: bool = False) -> Digits:
    """The digits, as images (N, 28, 28) or rows (N, 784)."""
    d = load_mnist(flat=flat)
    X, X_test = (part.astype(np.float32) / 255 for part in (d.X, d.X_test))
    assert d.y is not None
    assert d.y_test is not None
    return Digits(X, d.y, X_test, d.y_test)


def rows(step: int) -> NDArray[np.int64]:
    """Row numbers of the digits in `step`'s batch."""
    return Batches(60_000, BATCH).rows(step)


@cache
def windows() -> tuple[Array, Array]:
    """Sine and cosine windows, each (WINDOWS, 10, 1) float32."""
    waves = load_waves(WINDOWS, STEPS)
    assert waves.y is not None
    return waves.X, waves.y


def fresh_window(k: int) -> tuple[Array, Array]:
    """Window `k` made on the spot, as the classic script makes it: sine and cosine (1, 10, 1)."""
    times = np.linspace(k * np.pi, (k + 1) * np.pi, STEPS, dtype=np.float32, endpoint=False)
    return np.sin(times)[None, :, None], np.cos(times)[None, :, None]


def accuracy(scores: Array) -> float:
    """Share of the test digits named right by `scores` (10000, 10)."""
    return float((scores.argmax(axis=1) == digits().y_test).mean())


def error(reconstructed: Array) -> float:
    """Mean squared error of reconstructed test rows (10000, 784)."""
    return float(np.square(reconstructed - digits(flat=True).X_test).mean())
