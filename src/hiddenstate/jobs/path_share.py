"""How much of its outputs a network adds to a linear path, by a rolling origin within training.

The network is trained again on the first part of the training rows and predicts the part after it.
The share is what would have been best there, shrunk by the standard error of its gain, so that the
worst case is about the linear path alone.

The answer at a nearer step may use what the network adds to the path of the longest horizon. Its
share there is what would have been best for what the path of that step leaves.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.data.origin import whole
from hiddenstate.data.rows import Computed, as_slice
from hiddenstate.engines import Engine
from hiddenstate.jobs.again import trained_again
from hiddenstate.jobs.base import Job
from hiddenstate.metrics.scores import mean_squared_error
from hiddenstate.models.net import Params, is_of_head
from hiddenstate.system.typing import Array

ORIGINS = (0.5, 0.7, 0.85)
"""Places in the training rows, each the end of what the network learns from again."""

LEAST = 0.05
"""Smallest share that is not 0."""

FEWEST = 24
"""Forecasts after the first origin below which the network adds nothing."""

PIECE = 4096
"""Rows that are read at once."""


@dataclass(frozen=True)
class Shares:
    """How much of its outputs a network adds to a linear path.

    Parameters
    ----------
    target : ndarray (O,)
        For each target, between 0 and 1.
    nearer : ndarray (H - 1, O), optional
        The same for each nearer step of a path that has them, divided by `target`: what the outputs
        count there once they are multiplied by it. 0 where `target` is.
    """

    target: Array
    nearer: Array | None = None


@dataclass(frozen=True)
class AddedToPath:
    """What a trained network adds to a path.

    Parameters
    ----------
    shares : Shares
    params : dict of ndarray
        The weights of the network, whose outputs they count in full.
    """

    shares: Shares
    params: Params

    def results(self) -> dict[str, float]:
        """Return the share, the mean over the targets."""
        return {"net_share": float(self.shares.target.mean())}

    def scores(self, full: Array | Computed, target: Array) -> dict[str, float]:
        """Return the error of `full`, the answers (n, O) with these weights, if it is finite."""
        error = mean_squared_error(full, target)
        return {"net_mse": error} if np.isfinite(error) else {}


def added_to_path(job: Job, engine: Engine) -> AddedToPath | None:
    """Find the share of the network of a job, multiply the weights by it, and keep the shares at
    nearer steps in the path; None without a path. Raises as :func:`net_share`."""
    path = job.dataset.transform.linear
    if path is None:
        return None
    shares, params = net_share(job), engine.export().params
    engine.restore(with_factor(params, shares.target))
    if shares.nearer is not None:
        transform = replace(job.dataset.transform, linear=replace(path, nearer_share=shares.nearer))
        job.dataset = replace(job.dataset, transform=transform)
    return AddedToPath(shares, params)


def net_share(job: Job) -> Shares:
    """Return the share of each target, and those at nearer steps.

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
    chosen, outputs = [], []
    for low, high in zip(ORIGINS, (*ORIGINS[1:], 2.0), strict=True):
        early = np.flatnonzero(place < low)
        later = np.flatnonzero((place >= low) & (place < high))
        if len(early) < FEWEST or not len(later):
            continue
        chosen.append(later)
        before, after = train.take(as_slice(early)), train.take(as_slice(later))
        again = trained_again(job, replace(job.dataset, train=before, valid=None))
        outputs.append(job.predict(again, after))
    if not chosen or sum(each.size for each in outputs) < FEWEST * n_targets:
        return _with_nearer(job, np.zeros(n_targets))
    which, made = np.concatenate(chosen), np.concatenate(outputs).astype(float)
    residuals = train.require_targets()[which].astype(float)
    share = _best_share(residuals.reshape(-1, n_targets), made.reshape(-1, n_targets))
    return _with_nearer(job, share, which, made)


def _with_nearer(
    job: Job, share: Array, which: Array | None = None, outputs: Array | None = None
) -> Shares:
    """Return shares with those of nearer steps, from the outputs (n, O) for the rows `which`."""
    train, n_nearer = job.dataset.train, len(job.dataset.transform.nearer)
    if not n_nearer:
        return Shares(share)
    nearer = np.zeros((n_nearer, len(share)))
    if which is None or outputs is None or outputs.ndim != 2 or not share.any():
        return Shares(share, nearer)
    for place in range(len(nearer)):
        ends = _rows_later(train, which, len(nearer) - place)
        known = ends >= 0
        if known.sum() < FEWEST:
            continue
        residuals = _left_of_nearer(job, place, which[known], ends[known])
        own = _best_share(residuals, outputs[known])
        nearer[place] = np.divide(own, share, out=np.zeros_like(own), where=share > 0)
    return Shares(share, nearer)


def _rows_later(rows: Rows, which: Array, steps: int) -> Array:
    """Return for some rows the row (n,) that begins `steps` later in its series, or -1."""
    origin = rows.origin or whole(len(rows))
    width = int(origin.first.max()) + steps + 1
    begins = origin.series * width + origin.first
    order = np.argsort(begins, kind="stable")
    wanted = begins[which] + steps
    candidates = order[np.minimum(np.searchsorted(begins[order], wanted), len(order) - 1)]
    return np.where(begins[candidates] == wanted, candidates, -1)


def _left_of_nearer(job: Job, place: int, rows: Array, ends: Array) -> Array:
    """Return what a nearer path leaves of the targets (n, O) of training rows, from the windows
    `ends` that end as many steps before as it forecasts, in units of the outputs of the network."""
    transform, train = job.dataset.transform, job.dataset.train
    path, names, left = transform.nearer[place], transform.known.names, []
    moved = slice(len(names), len(names) + len(transform.known.ahead))
    for first in range(0, len(rows), PIECE):
        part, late = (train.take(which[first : first + PIECE]) for which in (rows, ends))
        X, later = np.asarray(part.X, float), np.array(late.X, float)
        # What is known ahead of the time that is predicted is the same.
        later[np.arange(len(later)), _last(late), moved] = X[np.arange(len(X)), _last(part), moved]
        targets = transform.undo_targets(part.require_targets().astype(float), X, part.lengths)
        remainder = transform.logarithms_of_targets(targets, None)
        remainder = remainder - transform.path_targets(path, later, late.lengths)
        if transform.by_window:
            remainder = remainder / transform.window_scale(X, part.lengths).size
        left.append(remainder)
    residuals = np.concatenate(left)
    scaling = transform.target_scaling
    return residuals if scaling is None else residuals * scaling[1]


def _last(rows: Rows) -> Array:
    """Return the last step (N,) of rows X (N, T, I)."""
    last = rows.ends
    return np.asarray(last - 1)


def with_factor(params: Params, factors: Array) -> Params:
    """Return weights whose network gives its outputs times `factors` (O,)."""
    scaled = dict(params)
    for name in filter(is_of_head, params):
        array = params[name]
        factor = factors[:, None] if array.ndim == 2 else factors
        scaled[name] = (array * factor).astype(array.dtype)
    return scaled


def _places(rows: Rows) -> Array:
    """Return where in its series each window begins, from 0 for the first to 1 for the last."""
    origin = rows.origin or whole(len(rows))
    series = np.unique(origin.series, return_inverse=True)[1]
    last = np.zeros(series.max() + 1)
    np.maximum.at(last, series, origin.first)
    return np.asarray(origin.first / np.maximum(last[series], 1))


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
