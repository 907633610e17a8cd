"""Baselines for a result: predictions that need no network, in numpy.

Shapes: N rows, T time steps, O targets, F numbers in a row, K components. `lengths` as in
:mod:`hiddenstate.metrics.scores`.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data import fractions
from hiddenstate.errors import DataError, OptionError
from hiddenstate.metrics.scores import column_mean, mean_squared_error, row_chunks, target_mean
from hiddenstate.system.typing import Array

Floats = NDArray[np.float64]

WIDEST = 4096
"""Most numbers in a row for which the covariance matrix (128 MiB) is computed."""

PASSES = 30
"""Most iterations over wider rows."""

CONVERGED = 1e-5
"""Iteration ends when it lowers the error by a smaller fraction than this."""


class Rows(Protocol):
    """Rows of numbers: an array, or an object that reads them from disk when sliced."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, which: slice, /) -> Any: ...


@dataclass(frozen=True)
class Components:
    """Principal components of rows.

    Parameters
    ----------
    vectors : ndarray (F, K)
    mean : ndarray (F,)
        Of the rows that they were fitted on.
    """

    vectors: Floats
    mean: Floats

    def error(self, X: Rows) -> float:
        """Return the mean squared error of `X` projected onto the components."""
        total = sum(float(np.vdot(rest, rest)) for rest in self._rests(X))
        return total / max(math.prod(X.shape), 1)

    def error_by_row(self, X: Rows) -> Floats:
        """Return the same of each row (N,)."""
        return np.concatenate([np.square(rest).mean(axis=1) for rest in self._rests(X)])

    def _rests(self, X: Rows) -> Iterator[Floats]:
        """Yield what the projection leaves of chunks (M, F)."""
        for chunk in _chunks(X, self.mean):
            chunk -= (chunk @ self.vectors) @ self.vectors.T
            yield chunk


def majority(y_train: Array, y_test: Array, n_classes: int) -> float:
    """Return the accuracy of always predicting the most frequent training class.

    Parameters
    ----------
    y_train, y_test : ndarray of shape (N,)
        Class numbers. Of equally frequent classes the smallest number is predicted.
    n_classes : int
        C; class numbers are below it.
    """
    return float(np.mean(y_test == most_frequent(y_train, n_classes)))


def most_frequent(y_train: Array, n_classes: int) -> int:
    """Return the number of the most frequent class, as for :func:`majority`."""
    return int(np.bincount(y_train.astype(np.intp), minlength=n_classes).argmax())


def training_mean(
    y_train: Array,
    y_test: Array,
    train_lengths: Array | None = None,
    test_lengths: Array | None = None,
) -> float:
    """Return the mean squared error of always predicting each target's training mean.

    Parameters
    ----------
    y_train, y_test : ndarray of shape (N, T, O), (N, O), or (N,) for one target
        The mean is over rows and steps.
    train_lengths, test_lengths : integer ndarray of shape (N,), optional
        Steps of each row; later steps do not count.

    Raises
    ------
    DataError
        If the numbers of targets differ, or `lengths` does not fit the targets.
    """
    mean = target_mean(y_train, train_lengths)
    if len(mean) != (y_test.shape[-1] if y_test.ndim > 1 else 1):
        raise DataError(
            f"training targets {y_train.shape} do not match test targets {y_test.shape}"
        )
    return mean_squared_error(np.broadcast_to(mean, y_test.shape), y_test, test_lengths)


def fit_components(X_train: Rows, others: Sequence[Rows], n: int) -> Components:
    """Return the `n` principal components of `X_train` about its mean, to be used on `others`.

    They are those of `sklearn.decomposition.PCA`: the optimum of a linear autoencoder with code
    size `n` (Baldi & Hornik, Neural Networks 2, 1989). Rows are read several times in chunks, so
    only one chunk is in memory.

    Parameters
    ----------
    X_train : ndarray or sliceable rows, of shape (N, ...)
        F numbers in each row; uint8 is divided by 255.
    others : sequence of such rows
    n : int
        Number of components; 0 predicts the training mean. Components without variance in the
        training rows are left out.

    Returns
    -------
    Components
        Exact up to rounding for rows of at most `WIDEST` numbers; for wider rows, iterated until
        the training error falls by a fraction below `CONVERGED`.

    Raises
    ------
    DataError
        If there are no training rows, or other rows have another size.
    OptionError
        If `n` is negative.
    """
    if n < 0:
        raise OptionError(f"n: expected 0 or more principal components, got {n}")
    for X in others:
        if not len(X_train) or math.prod(X_train.shape[1:]) != math.prod(X.shape[1:]):
            raise DataError(f"training rows {X_train.shape} do not match rows {X.shape}")
    mean = column_mean(_chunks(X_train), math.prod(X_train.shape[1:]))
    fit = _from_covariance if len(mean) <= WIDEST else _from_subspace
    return Components(fit(X_train, mean, min(n, len(X_train), len(mean))), mean)


def _chunks(X: Rows, mean: Floats | float = 0.0) -> Iterator[Floats]:
    """Yield chunks (M, F) of `X` as float64, minus `mean`; each is a new array."""
    for rows in row_chunks(X.shape):
        part = np.asarray(X[rows])
        yield fractions(part, np.float64).reshape(len(part), -1) - mean


def _from_covariance(X: Rows, mean: Floats, n: int) -> Floats:
    """Return the first `n` principal components (F, n) of `X`, from its covariance (F, F)."""
    covariance = np.zeros((len(mean), len(mean)))
    for chunk in _chunks(X, mean):
        covariance += chunk.T @ chunk
    values, vectors = np.linalg.eigh(covariance)
    return _varying(values, vectors, n, max(len(X), len(mean)))


def _from_subspace(X: Rows, mean: Floats, n: int) -> Floats:
    """Return the first `n` principal components (F, n) of `X`, by subspace iteration.

    Block power iteration from a random start, oversampled (Halko, Martinsson & Tropp, SIAM
    Review 53, 2011, algorithm 4.4). If there are as many columns as `X` has rows, the first
    iteration spans all of them.
    """
    n_columns = min(2 * n + 10, len(X), len(mean))
    image = np.random.default_rng(0).standard_normal((len(mean), n_columns))
    before = math.inf
    for _ in range(PASSES):
        basis = np.linalg.qr(image)[0]
        image, total = np.zeros_like(basis), 0.0
        for chunk in _chunks(X, mean):
            image += chunk.T @ (chunk @ basis)
            total += float(np.vdot(chunk, chunk))
        values, rotation = np.linalg.eigh(basis.T @ image)
        left = total - float(values[len(values) - n :].sum())
        if before - left <= max(CONVERGED * left, 1e-12 * total):
            break
        before = left
    return _varying(values, basis @ rotation, n, max(len(X), len(mean)))


def _varying(values: Floats, vectors: Floats, n: int, size: int) -> Floats:
    """Return the last `n` of `vectors` (F, K) whose eigenvalue is more than a rounding error."""
    rounding = size * np.finfo(np.float64).eps * max(float(values[-1]), 0.0)
    first = max(len(values) - n, int(np.sum(values <= rounding)))
    return np.asarray(vectors[:, first:])
