"""Weights of rows: their size, and those that make classes count alike."""

from dataclasses import replace

import numpy as np

from hiddenstate.config import Config
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.rows import Rows
from hiddenstate.errors import DataError

HUGE = 1e100
"""All weights are divided by the largest if that is more than this, or less than its inverse."""


def with_scaled_weights(dataset: SequenceDataset) -> SequenceDataset:
    """Return the data with weights that can be added and divided: only their ratio matters."""
    weights = dataset.train.weights
    if weights is None or not np.isfinite(weights).all():
        return dataset
    largest = weights.max(initial=0)
    if largest <= 0 or 1 / HUGE <= largest <= HUGE:
        return dataset
    return replace(dataset, train=replace(dataset.train, weights=weights / largest))


def weighed(rows: Rows, config: Config) -> Rows:
    """Return training rows with weights of mean 1 over what is counted, rows of weight 0 dropped.

    With targets at every step, steps are counted, else rows.
    """
    weights = rows.weights
    if config.data.class_weight == "balanced" and rows.y is not None:
        counts = np.bincount(rows.y.astype(np.intp, copy=False), weights)
        each = counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1e-300))
        weights = each[rows.y] * (1.0 if weights is None else weights)
    if weights is None:
        return rows
    if not (weights >= 0).all() or not np.isfinite(weights).all() or not weights.any():
        raise DataError("weights: expected finite numbers of at least 0, not all 0")
    if not weights.all():
        kept = np.flatnonzero(weights)
        rows, weights = rows.take(kept), weights[kept]
    per_step = rows.lengths is not None and rows.y is not None and rows.y.ndim == 3
    share = rows.lengths if per_step and rows.lengths is not None else np.ones(len(rows))
    return replace(rows, weights=weights * (share.sum() / (weights * share).sum()))
