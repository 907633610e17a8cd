"""The losses of a regressor on rows it did not learn from, and the scores that go with them.

Sums are in float64. Shapes: N rows, T time steps, O outputs. The outputs of a target follow one
another, one for each quantile.
"""

from collections.abc import Sequence

import numpy as np

from hiddenstate.config import TrainingConfig
from hiddenstate.data.prepare.emphasis import EMPHASIS, emphasised
from hiddenstate.metrics.scores import (
    mean_absolute_error,
    mean_squared_error,
    target_mean,
    valid_steps,
)
from hiddenstate.system.typing import Array


def regression_loss(
    training: TrainingConfig,
    prediction: Array,
    target: Array,
    lengths: Array | None = None,
    power: Array | None = None,
) -> float:
    """Return the mean loss that `training` makes small; 0 if no number counts.

    Parameters
    ----------
    training : TrainingConfig
    prediction, target : ndarray (N, T, O) or (N, O)
        As the net answers and learns them.
    lengths : ndarray (N,), optional
        Steps of each row, if there are targets at every step.
    power : ndarray (O,), optional
        With the loss esr, as in :class:`~hiddenstate.engines.interface.Task`.
    """
    if training.loss == "mae":
        return mean_absolute_error(prediction, target, lengths)
    if training.loss == "esr":
        counted = None if lengths is None else np.arange(target.shape[1]) < lengths[:, None]
        high = emphasised(np.subtract(prediction, target, dtype=np.float64), counted)
        high /= np.sqrt(1.0 if power is None else power)
        return mean_squared_error(high, np.zeros_like(high), lengths)
    if training.loss == "mse":
        return mean_squared_error(prediction, target, lengths)
    off, n = 0.0, 0
    pairs = zip(valid_steps(prediction, lengths), valid_steps(target, lengths), strict=True)
    for answers, truth in pairs:
        if training.loss == "huber":
            error = answers - truth
            near = np.clip(error, -1, 1)
            off += float((near * (error - near / 2)).sum())
        else:
            off += float(pinball(answers, truth, training.quantile).sum())
        n += truth.size
    return off / max(n, 1)


def pinball(prediction: Array, target: Array, quantiles: Sequence[float]) -> Array:
    """Return the loss of each quantile (..., O): q times the error of an answer that is too small,
    1 - q times that of one too large (Koenker and Bassett, Econometrica 46, 1978)."""
    q = np.tile(quantiles, target.shape[-1] // len(quantiles))
    short = np.subtract(target, prediction, dtype=np.float64)
    return np.asarray(np.maximum(q * short, (q - 1) * short))


def output_error(
    prediction: Array, target: Array, number: int, quantiles: Sequence[float]
) -> float:
    """Return the mean squared error of an output (n,) by its number or, of quantiles, its loss."""
    if not quantiles:
        return float(np.mean((prediction.astype(np.float64) - target) ** 2))
    own = quantiles[number % len(quantiles)]
    return float(pinball(prediction[:, None], target[:, None], (own,)).mean())


def constant(y: Array, lengths: Array | None, quantiles: Sequence[float]) -> Array:
    """Return the answer (O,) without a network: the mean of each target, or its quantiles.

    Parameters
    ----------
    y : ndarray (N, T, O) or (N, O)
    lengths : ndarray (N,), optional
    quantiles : sequence of float
        For whose outputs each target is there once; empty for the mean.
    """
    if not quantiles:
        return target_mean(y, lengths)
    q, values = np.tile(quantiles, y.shape[-1] // len(quantiles)), list(valid_steps(y, lengths))
    every = np.concatenate(values)
    return np.array([np.nanquantile(every[:, o], q[o]) for o in range(len(q))])


def coverage(prediction: Array, target: Array, quantiles: Sequence[float]) -> dict[float, float]:
    """Return the share of targets (n, O) at or below the answer of each quantile."""
    below = (target <= prediction).mean(axis=0).reshape(-1, len(quantiles)).mean(axis=0)
    return dict(zip(quantiles, below.tolist(), strict=True))


def error_to_signal(prediction: Array, target: Array, series: Array, at: Array) -> float:
    """Return the error-to-signal ratio of consecutive steps with pre-emphasis.

    sum (h * (y - answer))^2 / sum (h * y)^2, h being the filter of
    :mod:`hiddenstate.data.prepare.emphasis`: 0 is perfect, 1 is the ratio of answers of 0. The mean
    over the targets; nan if one is silent.

    Parameters
    ----------
    prediction, target : ndarray (n, O)
        In the units of the targets, in any order.
    series, at : ndarray (n,)
        The series and the step of each; one whose step before is not there does not count.
    """
    order = np.lexsort((at, series))
    series, at = series[order], at[order]
    follows = (series[1:] == series[:-1]) & (at[1:] == at[:-1] + 1)

    def power(values: Array) -> Array:
        values = values[order].astype(np.float64)
        high = values[1:] - EMPHASIS * values[:-1]
        return np.asarray(np.square(high[follows]).sum(axis=0))

    signal = power(target)
    if not (signal > 0).all():
        return float("nan")
    return float((power(np.subtract(prediction, target, dtype=np.float64)) / signal).mean())
