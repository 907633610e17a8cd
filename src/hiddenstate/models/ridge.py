"""Ridge regression that tells classes apart, for far more features than rows.

Its penalty and the scale of its logits are chosen by leaving out one row, or one group of rows, at
a time, which needs no second fit: Rifkin and Lippert, "Notes on regularized least squares", 2007,
sections 3 and 4.
"""

import numpy as np

from hiddenstate.system.typing import Array

PENALTIES = tuple(np.logspace(-3, 3, 10))
"""Penalties to choose from, as in the program of MiniRocket's authors."""

SCALES = tuple(np.logspace(-0.5, 1.5, 21))
"""Factors from the outputs of the regression, about -1 or 1, to logits."""

COLUMNS = 1024
"""Features that are converted to float64 at a time."""


def fit_ridge(
    features: Array,
    y: Array,
    n_classes: int,
    row_weights: Array | None = None,
    groups: Array | None = None,
) -> tuple[Array, Array, Array]:
    """Fit the logits of the classes.

    Parameters
    ----------
    features : ndarray of float32 (N, P)
    y : ndarray of int (N,)
        Class numbers.
    n_classes : int
        Number of classes C.
    row_weights : ndarray (N,), optional
        Above 0.
    groups : ndarray (N,), optional
        Rows of one group are left out together.

    Returns
    -------
    weights : ndarray of float32 (C, P)
    bias : ndarray of float32 (C,)
    held_out : ndarray of float64 (N, C)
        Logits of each row from the others.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # sums of several threads round differently
        w = np.ones(len(y)) if row_weights is None else row_weights.astype(np.float64)
        w = w * (len(w) / w.sum())
        targets = np.where(y[:, None] == np.arange(n_classes), 1.0, -1.0)
        root = np.sqrt(w)[:, None]
        mean = w @ features / len(w)
        scale = np.maximum(features.std(axis=0, dtype=np.float64), 1e-12)
        scale[features.max(axis=0) == features.min(axis=0)] = np.inf
        middle = w @ targets / len(w)
        wanted = root * (targets - middle)
        dual, outputs = _solve(
            _products(features, mean, scale, root), wanted, root, targets, groups
        )
        weights = np.empty((n_classes, features.shape[1]))
        for part in _parts(features.shape[1]):
            weights[:, part] = dual.T @ _scaled(features, mean, scale, root, part) / scale[part]
        factor = scale_of_logits(outputs, y, w)
        weights = (weights * factor).astype(np.float32)
        bias = factor * middle - weights.astype(np.float64) @ mean
    return weights, bias.astype(np.float32), outputs * factor


def _parts(n_features: int) -> list[slice]:
    return [slice(i, i + COLUMNS) for i in range(0, n_features, COLUMNS)]


def _scaled(features: Array, mean: Array, scale: Array, root: Array, part: slice) -> Array:
    return np.asarray(root * ((features[:, part].astype(np.float64) - mean[part]) / scale[part]))


def _products(features: Array, mean: Array, scale: Array, root: Array) -> Array:
    """Return the inner products (N, N) of the rows."""
    total = np.zeros((len(features), len(features)))
    for part in _parts(features.shape[1]):
        scaled = _scaled(features, mean, scale, root, part)
        total += scaled @ scaled.T
    return total


def _solve(
    products: Array, wanted: Array, root: Array, targets: Array, groups: Array | None
) -> tuple[Array, Array]:
    """Return the weights (N, C) of rows with the best penalty, and the outputs (N, C) of each row
    from the others."""
    values, vectors = np.linalg.eigh(products)
    turned = vectors.T @ wanted
    constant = root[:, 0] / np.sqrt(len(root))
    best: tuple[float, Array, Array] | None = None
    for penalty in PENALTIES:
        inverse = 1 / (np.maximum(values, 0) + penalty)
        dual = vectors @ (inverse[:, None] * turned)
        # The constant is not penalised: the part of the inverse along it is zero.
        left = _left_out(dual, vectors, inverse, constant, penalty, groups)
        error = float((left**2).sum())
        if best is None or error < best[0]:
            best = error, dual, targets - left / root
    assert best is not None
    return best[1], best[2]


def _left_out(
    dual: Array,
    vectors: Array,
    inverse: Array,
    constant: Array,
    penalty: float,
    groups: Array | None,
) -> Array:
    """Return the residuals (N, C) of rows that are left out, times the roots of their weights."""
    if groups is None:
        diagonal = (vectors**2) @ inverse - constant**2 / penalty
        return np.asarray(dual / np.maximum(diagonal, 1e-12)[:, None])
    left = np.empty_like(dual)
    for group in np.unique(groups):
        own = np.flatnonzero(groups == group)
        block = (vectors[own] * inverse) @ vectors[own].T
        block -= np.outer(constant[own], constant[own]) / penalty
        left[own] = np.linalg.lstsq(block, dual[own], rcond=None)[0]
    return left


def scale_of_logits(outputs: Array, y: Array, w: Array) -> float:
    """Return the factor of outputs (N, C) whose logits have the least log loss, each row of which
    counts by its weight w (N,).

    Labels are smoothed by 1 / (N + 2), or rows that are all told apart would make it infinite:
    Platt, "Probabilistic outputs for support vector machines", 1999, section 2.2.
    """
    n = len(outputs)
    smoothing = 1 / (n + 2)
    losses = []
    for factor in SCALES:
        logits = outputs * factor
        logits = logits - logits.max(axis=1, keepdims=True)
        logp = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        own = (1 - smoothing) * logp[np.arange(n), y] + smoothing * logp.mean(axis=1)
        losses.append(-(w * own).sum())
    return float(SCALES[int(np.argmin(losses))])
