"""Figures of predictions against answers, in numpy.

Sums are in float64, over chunks of rows, whatever the type and the size of what comes in.
Shapes: N rows, T time steps, O targets, C classes, Z code size. `lengths` (N,) goes with
arrays (N, T, O): steps after a row's length do not count.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.rows import fractions, in_pieces
from hiddenstate.errors import DataError

Array = NDArray[Any]

CHUNK = 2**22
"""Numbers that are held as float64 at once: 32 MiB of them."""


def accuracy(outputs: Array, y: Array) -> float:
    """Share of rows whose largest output (N, C) is at their class number (N,)."""
    return float(np.mean(outputs.argmax(axis=1) == y))


def confusion(y: Array, predicted: Array, n_classes: int) -> NDArray[np.int64]:
    """How often each class was taken for each.

    Parameters
    ----------
    y, predicted : ndarray of shape (N,)
        True and predicted class numbers, from 0 to `n_classes` - 1.
    n_classes : int

    Returns
    -------
    ndarray of int64 (C, C)
        Rows are the truth, columns what was predicted.

    Raises
    ------
    DataError
        If there are not as many of one as of the other, or a number is no class.
    """
    if y.shape != predicted.shape:
        raise DataError(f"class numbers {predicted.shape} do not go with answers {y.shape}")
    pair = np.stack([y.ravel(), predicted.ravel()]).astype(np.int64)
    if pair.size and not 0 <= pair.min() <= pair.max() < n_classes:
        raise DataError(
            f"class numbers from {pair.min()} to {pair.max()}, expected 0 to {n_classes - 1}"
        )
    counts = np.bincount(pair[0] * n_classes + pair[1], minlength=n_classes**2)
    return counts.reshape(n_classes, n_classes).astype(np.int64)


def balanced_accuracy(matrix: Array) -> float:
    """Mean recall of the classes present, of a confusion matrix (C, C); nan where none is.

    Classes that no row has do not count, as in `sklearn.metrics.balanced_accuracy_score`.
    """
    n_true = matrix.sum(axis=1, dtype=np.float64)
    present = n_true > 0
    if not present.any():
        return math.nan
    return float(np.mean(np.diagonal(matrix)[present] / n_true[present]))


def f1_by_class(matrix: Array) -> NDArray[np.float64]:
    """F1 of each class (C,), of a confusion matrix (C, C).

    2 TP / (2 TP + FP + FN) (van Rijsbergen, Information Retrieval, 1979, ch. 7); 0 for a class
    that is neither there nor predicted.
    """
    either = matrix.sum(axis=0, dtype=np.float64) + matrix.sum(axis=1, dtype=np.float64)
    scores = np.zeros(len(either))
    np.divide(2.0 * np.diagonal(matrix), either, out=scores, where=either > 0)
    return scores


def mean_squared_error(prediction: Array, target: Array, lengths: Array | None = None) -> float:
    """Mean over every number that counts of the squared difference; 0 where none does."""
    total, n = 0.0, 0
    for difference in _differences(prediction, target, lengths):
        total += float(np.vdot(difference, difference))
        n += difference.size
    return total / max(n, 1)


def mean_absolute_error(prediction: Array, target: Array, lengths: Array | None = None) -> float:
    """Mean over every number that counts of the absolute difference; 0 where none does."""
    total, n = 0.0, 0
    for difference in _differences(prediction, target, lengths):
        total += float(np.abs(difference).sum())
        n += difference.size
    return total / max(n, 1)


def r2(prediction: Array, target: Array, lengths: Array | None = None) -> float:
    """Coefficient of determination, the mean of each target's.

    1 - SSE / SST, SST about the mean of the truth, every row and step a sample: as
    `sklearn.metrics.r2_score`. A constant target counts 1 if predicted exactly and 0 if not.

    Parameters
    ----------
    prediction, target : ndarray of shape (..., O), or (N,) for one target
    lengths : integer ndarray of shape (N,), optional

    Returns
    -------
    float
        nan where fewer than two samples count.

    Raises
    ------
    DataError
        If the shapes differ, or `lengths` does not fit them.
    """
    mean, n = target_mean(target, lengths), 0
    error, spread = np.zeros_like(mean), np.zeros_like(mean)
    differences = _differences(prediction, target, lengths)
    for difference, truth in zip(differences, valid_steps(target, lengths), strict=True):
        error += np.square(difference).sum(axis=0)
        spread += np.square(truth - mean).sum(axis=0)
        n += len(truth)
    if n < 2:
        return math.nan
    varied = spread > 0
    scores = np.where(error > 0, 0.0, 1.0)
    scores[varied] = 1.0 - error[varied] / spread[varied]
    return float(scores.mean())


def skill(mse: float, baseline_mse: float) -> float:
    """Share of a baseline's mean squared error that a model does away with.

    1 - mse / baseline_mse (Murphy, Monthly Weather Review 116, 1988): 1 is perfect, 0 is no
    better than the baseline, below 0 is worse. Against a baseline that makes no error a model
    that makes none has 0, being no better, and any other has -inf.
    """
    if baseline_mse == 0:
        return 0.0 if mse == 0 else -math.inf
    return 1.0 - mse / baseline_mse


def error_by_row(
    prediction: Array, target: Array, lengths: Array | None = None
) -> NDArray[np.float64]:
    """Mean squared error of each row (N,) of arrays (N, ...); 0 for a row of length 0.

    Raises
    ------
    DataError
        If the shapes differ, or `lengths` does not fit them.
    """
    _check_same(prediction, target)
    errors = np.zeros(len(target))
    for rows in row_chunks(target.shape):
        squares = np.subtract(prediction[rows], target[rows], dtype=np.float64) ** 2
        n: Any = max(math.prod(target.shape[1:]), 1)
        if lengths is not None:
            valid = _valid(target.shape, lengths, rows)
            squares[~valid] = 0.0
            n = np.maximum(valid.sum(axis=1) * target.shape[2], 1)
        errors[rows] = squares.sum(axis=tuple(range(1, squares.ndim))) / n
    return errors


def knn_accuracy(codes: Array, labels: Array, k: int = 5, n_most: int = 2000) -> float:
    """How well the nearest other codes tell a row's label: leave-one-out k-nearest-neighbour.

    The k rows at the least Euclidean distance vote (Cover & Hart, IEEE Trans. Inf. Theory 13,
    1967); a tie goes to the smaller label, a tie of distance to the earlier row.

    Parameters
    ----------
    codes : ndarray of shape (N, Z)
    labels : ndarray of shape (N,)
        Class numbers.
    k : int, default 5
        Neighbours that vote; all others where there are fewer.
    n_most : int, default 2000
        Only the first so many rows are looked at: the work grows with their square.

    Returns
    -------
    float
        Share of the rows whose label wins; nan for fewer than two rows.
    """
    places = np.asarray(codes[:n_most], dtype=np.float64)
    names, numbers = np.unique(labels[:n_most], return_inverse=True)
    n, right = len(places), 0
    if n < 2:
        return math.nan
    for rows in row_chunks((n, *places.shape)):
        # Differences, not the faster |a|^2 - 2ab + |b|^2: equal distances come out equal.
        apart = places[rows, None] - places
        distance = np.einsum("mnz,mnz->mn", apart, apart)
        own = np.arange(n)[rows]
        distance[np.arange(len(own)), own] = np.inf
        nearest = np.argsort(distance, axis=1, kind="stable")[:, : min(k, n - 1)]
        cells = np.arange(len(own))[:, None] * len(names) + numbers[nearest]
        votes = np.bincount(cells.ravel(), minlength=len(own) * len(names))
        right += int(np.sum(votes.reshape(len(own), -1).argmax(axis=1) == numbers[rows]))
    return right / n


def softmax(outputs: Array) -> Array:
    """Probabilities (N, C) of outputs (N, C)."""
    grown = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def cross_entropy(outputs: Array, y: Array) -> float:
    """Mean over the rows of minus the log of the true class's softmax, outputs (N, C), y (N,)."""
    outputs = outputs.astype(np.float64)
    largest = outputs.max(axis=1)
    total = np.log(np.exp(outputs - largest[:, None]).sum(axis=1)) + largest
    return float(np.mean(total - outputs[np.arange(len(y)), y]))


def reconstruction_error(reconstruct: Callable[[Array], Array], X: Any) -> float:
    """Mean over every number of the squared difference of rows (N, F) and what is made of them.

    `X` is an array or a store, of which a piece at a time is in memory; uint8 means fractions
    of 255.
    """
    total = 0.0
    for _, piece in in_pieces(X):
        made = reconstruct(piece)
        total += mean_squared_error(made, fractions(piece, made.dtype)) * len(piece)
    return total / max(len(X), 1)


def mean_of_last(losses: list[float], n: int) -> float:
    """Mean of the last `n` losses, or of all where there are fewer."""
    last = losses[-n:]
    return math.fsum(last) / max(len(last), 1)


def row_chunks(shape: tuple[int, ...]) -> Iterator[slice]:
    """Slices over the rows of an array of `shape`, each of at most `CHUNK` numbers or one row."""
    step = max(1, min(4096, CHUNK // max(math.prod(shape[1:]), 1)))
    for first in range(0, shape[0], step):
        yield slice(first, min(first + step, shape[0]))


def valid_steps(values: Array, lengths: Array | None = None) -> Iterator[NDArray[np.float64]]:
    """The steps of `values` (..., O) or (N,) that count, as float64 (M, O), chunk by chunk."""
    for rows in row_chunks(values.shape):
        yield _flat(values[rows].astype(np.float64), values.shape, lengths, rows)


def target_mean(target: Array, lengths: Array | None = None) -> NDArray[np.float64]:
    """Mean of each target (O,) over the rows and steps that count; nan where none does."""
    return column_mean(valid_steps(target, lengths), target.shape[-1] if target.ndim > 1 else 1)


def column_mean(chunks: Iterator[NDArray[np.float64]], n_columns: int) -> NDArray[np.float64]:
    """Mean (O,) of rows that come in chunks (M, O); exact where a column is constant."""
    first, total, n = np.full(n_columns, np.nan), np.zeros(n_columns), 0
    for chunk in chunks:
        if len(chunk) and n == 0:
            first = chunk[0].copy()
        total += (chunk - first).sum(axis=0)
        n += len(chunk)
    return np.asarray(first + total / max(n, 1))


def _differences(
    prediction: Array, target: Array, lengths: Array | None
) -> Iterator[NDArray[np.float64]]:
    """Prediction less target as `valid_steps` gives them."""
    _check_same(prediction, target)
    for rows in row_chunks(target.shape):
        difference = np.subtract(prediction[rows], target[rows], dtype=np.float64)
        yield _flat(difference, target.shape, lengths, rows)


def _flat(
    values: NDArray[np.float64], shape: tuple[int, ...], lengths: Array | None, rows: slice
) -> NDArray[np.float64]:
    """`values`, the `rows` of an array of `shape`, as (M, O), less the steps not to count."""
    if lengths is not None:
        return values[_valid(shape, lengths, rows)]
    width = shape[-1] if len(shape) > 1 else 1
    return values.reshape(values.size // max(width, 1), width)


def _valid(shape: tuple[int, ...], lengths: Array, rows: slice) -> NDArray[np.bool_]:
    """Which steps (rows, T) of the `rows` of an array of `shape` count."""
    if len(shape) != 3 or lengths.shape != shape[:1]:
        raise DataError(
            f"lengths {lengths.shape} do not go with {shape}; "
            "expected one for each row of (rows, steps, targets)"
        )
    return np.asarray(np.arange(shape[1]) < lengths[rows, None])


def _check_same(prediction: Array, target: Array) -> None:
    """Refuse what numpy would broadcast, such as (N, 1) against (N,)."""
    if prediction.shape != target.shape:
        raise DataError(f"predictions {prediction.shape} do not go with targets {target.shape}")
