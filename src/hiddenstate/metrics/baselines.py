"""What a result should be compared with: answers that need no net, in numpy.

Shapes: N rows, T time steps, O targets, F numbers a row. `lengths` as in `metrics`.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data import fractions
from hiddenstate.errors import DataError, OptionError
from hiddenstate.metrics.scores import column_mean, mean_squared_error, row_chunks, target_mean

Array = NDArray[Any]
Floats = NDArray[np.float64]

WIDEST = 4096
"""Numbers a row up to which the covariance is held whole: 128 MiB of it."""

PASSES = 30
"""Most passes over wider rows."""

SETTLED = 1e-5
"""Passes end when one lowers the error by a smaller share than this."""


class Rows(Protocol):
    """Rows of numbers: an array, or something that reads them when sliced."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, which: slice, /) -> Any: ...


def majority(y_train: Array, y_test: Array, n_classes: int) -> float:
    """Accuracy of always naming the most frequent training class.

    Parameters
    ----------
    y_train, y_test : ndarray of shape (N,)
        Class numbers. Of equally frequent classes the smallest is named.
    n_classes : int
    """
    counts = np.bincount(y_train.astype(np.int64), minlength=n_classes)
    return float(np.mean(y_test == counts.argmax()))


def training_mean(
    y_train: Array,
    y_test: Array,
    train_lengths: Array | None = None,
    test_lengths: Array | None = None,
) -> float:
    """Mean squared error of always predicting each target's mean over the training rows.

    Parameters
    ----------
    y_train, y_test : ndarray of shape (N, T, O), (N, O), or (N,) for one target
        The mean is over rows and steps.
    train_lengths, test_lengths : integer ndarray of shape (N,), optional

    Raises
    ------
    DataError
        If the targets are not as many, or lengths do not fit.
    """
    mean = target_mean(y_train, train_lengths)
    if len(mean) != (y_test.shape[-1] if y_test.ndim > 1 else 1):
        raise DataError(f"targets {y_train.shape} to train on do not go with {y_test.shape}")
    return mean_squared_error(np.broadcast_to(mean, y_test.shape), y_test, test_lengths)


def persistence(last_known: Array, target: Array, lengths: Array | None = None) -> float:
    """Mean squared error of predicting that the last known value of the target stays.

    Parameters
    ----------
    last_known : ndarray
        In the shape of `target`: the value known where each prediction is made, which for a
        forecast is the value now. Or (N, O) for targets (N, T, O): held over all the steps.
    target : ndarray of shape (N, T, O) or (N, O)
    lengths : integer ndarray of shape (N,), optional

    Raises
    ------
    DataError
        If the shapes do not go together.
    """
    if target.ndim == 3 and last_known.shape == (target.shape[0], target.shape[2]):
        last_known = np.broadcast_to(last_known[:, None], target.shape)
    return mean_squared_error(last_known, target, lengths)


def principal_components(X_train: Rows, X_test: Rows, n: int) -> float:
    """Mean squared error, per number, of `X_test` through `n` principal components.

    The components are those of `X_train` about its mean, as in `sklearn.decomposition.PCA`:
    the best a linear autoencoder of code size `n` can do on it (Baldi & Hornik, Neural
    Networks 2, 1989). Rows are read chunk by chunk, several times; only a chunk of them is in
    memory.

    Parameters
    ----------
    X_train, X_test : ndarray, or what has its length, shape and slices, of shape (N, ...)
        F numbers a row; uint8 means fractions of 255.
    n : int
        Components; 0 predicts the training mean. A component in which the training rows do
        not vary is left out, so that no more count than their rank.

    Returns
    -------
    float
        To rounding for rows of up to `WIDEST` numbers. Wider rows are iterated on, until a
        pass lowers the error on the training rows by less than `SETTLED` of itself.

    Raises
    ------
    DataError
        If there are no training rows, or the test rows are of another size.
    OptionError
        If `n` is negative.
    """
    return principal_errors(X_train, (X_test,), n)[0]


def principal_errors(X_train: Rows, others: Sequence[Rows], n: int) -> list[float]:
    """The error of :func:`principal_components` on each of `others`, the components found once."""
    if n < 0:
        raise OptionError(f"n is {n}, expected 0 or more principal components")
    for X in others:
        if not len(X_train) or math.prod(X_train.shape[1:]) != math.prod(X.shape[1:]):
            raise DataError(f"rows {X_train.shape} to train on do not go with {X.shape}")
    mean = column_mean(_chunks(X_train), math.prod(X_train.shape[1:]))
    find = _of_covariance if len(mean) <= WIDEST else _of_subspace
    components = find(X_train, mean, min(n, len(X_train), len(mean)))
    return [_error_through(components, mean, X) for X in others]


def _error_through(components: Floats, mean: Floats, X: Rows) -> float:
    """Mean squared error of `X` projected on `components` (F, K) about `mean` (F,)."""
    total = 0.0
    for chunk in _chunks(X, mean):
        chunk -= (chunk @ components) @ components.T
        total += float(np.vdot(chunk, chunk))
    return total / max(math.prod(X.shape), 1)


def _chunks(X: Rows, mean: Floats | float = 0.0) -> Iterator[Floats]:
    """Rows (M, F) of `X` as float64 less `mean`, chunk by chunk; each may be written to."""
    for rows in row_chunks(X.shape):
        part = np.asarray(X[rows])
        yield fractions(part, np.float64).reshape(len(part), -1) - mean


def _of_covariance(X: Rows, mean: Floats, n: int) -> Floats:
    """The first `n` principal components (F, n) of `X`, of its covariance (F, F)."""
    covariance = np.zeros((len(mean), len(mean)))
    for chunk in _chunks(X, mean):
        covariance += chunk.T @ chunk
    values, vectors = np.linalg.eigh(covariance)
    return _varying(values, vectors, n, max(len(X), len(mean)))


def _of_subspace(X: Rows, mean: Floats, n: int) -> Floats:
    """The first `n` principal components (F, n) of `X`, by subspace iteration.

    Block power steps from a random start with more columns than are asked for (Halko,
    Martinsson & Tropp, SIAM Review 53, 2011, algorithm 4.4). With as many columns as `X` has
    rows the first step finds the whole space the rows lie in.
    """
    n_columns = min(2 * n + 10, len(X), len(mean))
    stepped = np.random.default_rng(0).standard_normal((len(mean), n_columns))
    before = math.inf
    for _ in range(PASSES):
        basis = np.linalg.qr(stepped)[0]
        stepped, total = np.zeros_like(basis), 0.0
        for chunk in _chunks(X, mean):
            stepped += chunk.T @ (chunk @ basis)
            total += float(np.vdot(chunk, chunk))
        values, turns = np.linalg.eigh(basis.T @ stepped)
        left = total - float(values[len(values) - n :].sum())
        if before - left <= max(SETTLED * left, 1e-12 * total):
            break
        before = left
    return _varying(values, basis @ turns, n, max(len(X), len(mean)))


def _varying(values: Floats, vectors: Floats, n: int, size: int) -> Floats:
    """The last `n` of `vectors` (F, K), less those whose eigenvalue is nothing but rounding."""
    rounding = size * np.finfo(np.float64).eps * max(float(values[-1]), 0.0)
    first = max(len(values) - n, int(np.sum(values <= rounding)))
    return np.asarray(vectors[:, first:])
