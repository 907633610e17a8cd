"""Figures of predictions against answers, in numpy."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def accuracy(outputs: Array, y: Array) -> float:
    """Share of rows whose largest output (N, C) is at their class number (N,)."""
    return float(np.mean(outputs.argmax(axis=1) == y))


def mean_squared_error(prediction: Array, target: Array) -> float:
    """Mean over every number of the squared difference, summed in float64."""
    total, step = 0.0, 4096
    for first in range(0, len(target), step):
        difference = np.subtract(
            prediction[first : first + step], target[first : first + step], dtype=np.float64
        )
        total += float(np.vdot(difference, difference))
    return total / max(target.size, 1)


def softmax(outputs: Array) -> Array:
    """Probabilities (N, C) of outputs (N, C)."""
    grown = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def mean_of_last(losses: list[float], n: int) -> float:
    """Mean of the last `n` losses, or of all where there are fewer."""
    last = losses[-n:]
    return math.fsum(last) / max(len(last), 1)
