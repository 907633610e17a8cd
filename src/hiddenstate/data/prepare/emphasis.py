"""Pre-emphasis of signals, and their power with it, which the error-to-signal ratio divides by.

Wright, Damskägg, Juvela and Välimäki, "Real-Time Guitar Amplifier Emulation with Deep Learning",
Applied Sciences 10 (3), 2020: the first-order high-pass filter H(z) = 1 - 0.85 / z.
"""

import numpy as np

from hiddenstate.errors import DataError
from hiddenstate.system.typing import Array

EMPHASIS = 0.85
"""Share of the value before that is subtracted from each value."""

CHUNK = 2**20
"""Most numbers that are filtered at a time."""


def emphasised(values: Array, counted: Array | None = None) -> Array:
    """Return values (N, T, O) less `EMPHASIS` times the value before; 0 where none is before.

    Parameters
    ----------
    values : ndarray (N, T, O)
    counted : ndarray (N, T) of bool, optional
        The steps that count, by default all; another, and the first one after it, become 0.
    """
    filtered = np.zeros(values.shape)
    filtered[:, 1:] = values[:, 1:] - EMPHASIS * values[:, :-1].astype(np.float64)
    if counted is not None:
        filtered[:, 1:][~(counted[:, 1:] & counted[:, :-1])] = 0
    return filtered


def signal_power(y: Array, counted: Array | None, weights: Array | None, where: str) -> Array:
    """Return the mean square (O,) of targets with pre-emphasis over the steps that count.

    Parameters
    ----------
    y : ndarray (N, T, O)
        In the units in which errors are.
    counted : ndarray (N, T) of bool, optional
    weights : ndarray (N,), optional
        Of the rows; one of weight 0 may contain anything.
    where : str
        Names the data in errors.

    Raises
    ------
    DataError
        If a target is silent: it has no power to divide by.
    """
    if y.shape[1] < 2:
        raise DataError(
            f"--loss: esr compares each step with the one before, but a row of {where} has one "
            "step; use a larger --window"
        )
    kept = np.arange(len(y)) if weights is None else np.flatnonzero(weights)
    total, count = np.zeros(y.shape[2]), 0.0
    at_once = max(1, CHUNK // max(1, y[0].size)) if len(y) else 1
    for first in range(0, len(kept), at_once):
        rows = kept[first : first + at_once]
        own = None if counted is None else counted[rows]
        weight = np.ones(len(rows)) if weights is None else weights[rows].astype(np.float64)
        total += np.einsum("nto,n->o", emphasised(y[rows], own) ** 2, weight)
        count += float(weight @ (np.full(len(rows), y.shape[1]) if own is None else own.sum(1)))
    power = total / max(count, 1)
    if not (power > 0).all():
        silent = int(np.flatnonzero(~(power > 0))[0])
        which = "the target" if y.shape[2] == 1 else f"target {silent + 1} of {y.shape[2]}"
        raise DataError(
            f"--loss: esr divides by the power of the signal, but {which} of {where} is silent; "
            "leave out silent parts and targets, or use --loss mse"
        )
    return np.asarray(power)
