"""How much of its outputs a network adds to a linear path, by a rolling origin within training.

The network is trained again on the first part of the training rows and predicts the part after it.
The share is what would have been best there, shrunk by the standard error of its gain, so that the
worst case is about the linear path alone.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.data.origin import whole
from hiddenstate.engines import Engine, TrainingState, make_engine
from hiddenstate.jobs.base import Job
from hiddenstate.models.net import Params, is_of_head
from hiddenstate.system.cancellation import cancellation_check, raise_if_cancelled
from hiddenstate.system.typing import Array

ORIGINS = (0.5, 0.7, 0.85)
"""Places in the training rows, each the end of what the network learns from again."""

LEAST = 0.05
"""Smallest share that is not 0."""

FEWEST = 24
"""Forecasts after the first origin below which the network adds nothing."""


def net_share(job: Job) -> Array:
    """Return the share (O,) of each target, between 0 and 1.

    Parameters
    ----------
    job : Job
        A regression with a linear path, on windows with one target each.

    Raises
    ------
    StopRequestedError
        If a stop is requested.
    """
    train, n_targets = job.dataset.train, job.net.n_outputs
    place = _places(train)
    residuals, outputs = [], []
    for low, high in zip(ORIGINS, (*ORIGINS[1:], 2.0), strict=True):
        early = np.flatnonzero(place < low)
        later = np.flatnonzero((place >= low) & (place < high))
        if len(early) < FEWEST or not len(later):
            continue
        rows = train.take(later)
        residuals.append(rows.require_targets().reshape(-1, n_targets))
        made = job.predict(_trained_again(job, train.take(early)), rows)
        outputs.append(made.reshape(-1, n_targets))
    if sum(map(len, outputs)) < FEWEST:
        return np.zeros(n_targets)
    return _best_share(*(np.concatenate(part).astype(float) for part in (residuals, outputs)))


def with_share(params: Params, share: Array) -> Params:
    """Return weights whose network gives its outputs times `share` (O,)."""
    scaled = dict(params)
    for name in filter(is_of_head, params):
        array = params[name]
        factor = share[:, None] if array.ndim == 2 else share
        scaled[name] = (array * factor).astype(array.dtype)
    return scaled


def _places(rows: Rows) -> Array:
    """Return where in its series each window begins, from 0 for the first to 1 for the last."""
    origin = rows.origin or whole(len(rows))
    series = np.unique(origin.series, return_inverse=True)[1]
    last = np.zeros(series.max() + 1)
    np.maximum.at(last, series, origin.first)
    return np.asarray(origin.first / np.maximum(last[series], 1))


def _trained_again(job: Job, rows: Rows) -> Engine:
    """Return an engine with a new network, trained on `rows` as the job trains."""
    dataset = replace(job.dataset, train=rows, valid=None)
    training = replace(job.config.training, weights=None, patience=0)
    again = type(job)(replace(job.config, training=training), dataset)
    state = TrainingState(again.net.initial(training.seed, training.dtype))
    engine = make_engine(again.task(), state)
    step, stop = 0, cancellation_check() or (lambda: False)
    while step < again.total_steps:
        raise_if_cancelled()
        losses = engine.run(step, again.total_steps, stop).losses
        step += len(losses)
        if losses.size and not np.isfinite(losses[-1]):
            break
    return engine


@np.errstate(over="ignore", invalid="ignore")
def _best_share(residuals: Array, outputs: Array) -> Array:
    """Return the share (O,) of outputs (n, O) that leaves the least of residuals (n, O)."""
    power = (outputs**2).sum(axis=0)
    best: Any = (residuals * outputs).sum(axis=0) / np.where(power > 0, power, 1)
    share = np.clip(best, 0, 1)
    gains = residuals**2 - (residuals - share * outputs) ** 2
    gain, error = gains.mean(axis=0), gains.std(axis=0) / np.sqrt(len(gains))
    share = share * gain / np.maximum(gain + error, np.finfo(float).tiny)
    return np.where(share >= LEAST, share, 0.0)
