"""Scores: numbers that compare predictions with the true values, in numpy.

Sums are in float64 over chunks of rows, so arrays of any type and size can be scored. Shapes:
N rows, T time steps, O targets, C classes, Z code size, M values counted. `lengths` (N,) belongs
to arrays (N, T, O): steps after a row's length do not count.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.rows import Computed, fractions, in_pieces
from hiddenstate.errors import DataError
from hiddenstate.system.typing import Array

CHUNK = 2**22
"""Most numbers that are converted to float64 at a time: 32 MiB."""


def accuracy(outputs: Array, y: Array) -> float:
    """Return the fraction of rows whose largest output (N, C) is that of the true class (N,)."""
    return float(np.mean(outputs.argmax(axis=1) == y))


def confusion(y: Array, predicted: Array, n_classes: int) -> NDArray[np.int64]:
    """Return the confusion matrix: how often each class was predicted as each class.

    Parameters
    ----------
    y, predicted : ndarray of shape (N,)
        True and predicted class numbers, from 0 to `n_classes` - 1.
    n_classes : int
        C.

    Returns
    -------
    ndarray of int64 (C, C)
        Rows are the true classes, columns the predicted ones.

    Raises
    ------
    DataError
        If the shapes differ, or a number is out of range.
    """
    if y.shape != predicted.shape:
        raise DataError(f"predicted classes {predicted.shape} do not match true classes {y.shape}")
    pair = np.stack([y.ravel(), predicted.ravel()]).astype(np.intp)
    if pair.size and not 0 <= pair.min() <= pair.max() < n_classes:
        raise DataError(
            f"class numbers: expected 0 to {n_classes - 1}, got {pair.min()} to {pair.max()}"
        )
    counts = np.bincount(pair[0] * n_classes + pair[1], minlength=n_classes**2)
    return counts.reshape(n_classes, n_classes).astype(np.int64)


def balanced_accuracy(matrix: Array) -> float:
    """Return the mean recall over the classes of a confusion matrix (C, C).

    Classes without rows do not count, as in `sklearn.metrics.balanced_accuracy_score`; nan if no
    class has rows.
    """
    n_true = matrix.sum(axis=1, dtype=np.float64)
    present = n_true > 0
    if not present.any():
        return math.nan
    return float(np.mean(np.diagonal(matrix)[present] / n_true[present]))


def f1_by_class(matrix: Array) -> NDArray[np.float64]:
    """Return the F1 score of each class (C,) of a confusion matrix (C, C).

    2 TP / (2 TP + FP + FN) (van Rijsbergen, Information Retrieval, 1979, ch. 7); 0 for a class
    that is neither present nor predicted.
    """
    total = matrix.sum(axis=0, dtype=np.float64) + matrix.sum(axis=1, dtype=np.float64)
    scores = np.zeros(len(total))
    np.divide(2.0 * np.diagonal(matrix), total, out=scores, where=total > 0)
    return scores


def mean_squared_error(
    prediction: Array | Computed, target: Array, lengths: Array | None = None
) -> float:
    """Return the mean squared difference over all numbers that count; 0 if none does."""
    total, n = 0.0, 0
    for difference in _differences(prediction, target, lengths):
        total += float(np.vdot(difference, difference))
        n += difference.size
    return total / max(n, 1)


def mean_absolute_error(
    prediction: Array | Computed, target: Array, lengths: Array | None = None
) -> float:
    """Return the mean absolute difference over all numbers that count; 0 if none does."""
    total, n = 0.0, 0
    for difference in _differences(prediction, target, lengths):
        total += float(np.abs(difference).sum())
        n += difference.size
    return total / max(n, 1)


def r2(prediction: Array, target: Array, lengths: Array | None = None) -> float:
    """Return the coefficient of determination, averaged over the targets.

    1 - SSE / SST, with SST about the mean of the true values and each row and step a sample, as
    `sklearn.metrics.r2_score`. A constant target scores 1 if predicted exactly, else 0.

    Parameters
    ----------
    prediction, target : ndarray of shape (..., O), or (N,) for one target
    lengths : integer ndarray of shape (N,), optional

    Returns
    -------
    float
        At most 1; nan if fewer than two samples count.

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
    """Return the fraction of a baseline's mean squared error that a model removes.

    1 - mse / baseline_mse (Murphy, Monthly Weather Review 116, 1988): 1 is perfect, 0 equals the
    baseline, a negative skill is worse. If the baseline makes no error, a model without error
    scores 0 and any other -inf.
    """
    if baseline_mse == 0:
        return 0.0 if mse == 0 else -math.inf
    return 1.0 - mse / baseline_mse


def error_by_row(
    prediction: Array | Computed, target: Array, lengths: Array | None = None
) -> NDArray[np.float64]:
    """Return the mean squared error of each row (N,) of arrays (N, ...); 0 for a row of length 0.

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
    """Return the leave-one-out accuracy of k-nearest-neighbour classification of the codes.

    The k nearest rows by Euclidean distance vote on a row's label (Cover & Hart, IEEE Trans. Inf.
    Theory 13, 1967). Tied votes go to the smaller label, tied distances to the earlier row.

    Parameters
    ----------
    codes : ndarray of shape (N, Z)
    labels : ndarray of shape (N,)
        Class numbers.
    k : int, default 5
        Neighbours that vote; all other rows if there are fewer.
    n_most : int, default 2000
        Only this many rows, the first ones, are compared: the work grows with their square.

    Returns
    -------
    float
        Fraction of rows whose own label wins; nan for fewer than two rows.
    """
    points = np.asarray(codes[:n_most], dtype=np.float64)
    names, numbers = np.unique(labels[:n_most], return_inverse=True)
    n, correct = len(points), 0
    if n < 2:
        return math.nan
    for rows in row_chunks((n, *points.shape)):
        # Not the faster |a|^2 - 2ab + |b|^2: only differences give equal distances equal values.
        difference = points[rows, None] - points
        distance = np.einsum("mnz,mnz->mn", difference, difference)
        indices = np.arange(n)[rows]
        distance[np.arange(len(indices)), indices] = np.inf
        nearest = np.argsort(distance, axis=1, kind="stable")[:, : min(k, n - 1)]
        cells = np.arange(len(indices))[:, None] * len(names) + numbers[nearest]
        votes = np.bincount(cells.ravel(), minlength=len(indices) * len(names))
        correct += int(np.sum(votes.reshape(len(indices), -1).argmax(axis=1) == numbers[rows]))
    return correct / n


def cross_entropy(outputs: Array, y: Array) -> float:
    """Return the mean of -log softmax of the true class: outputs (N, C), class numbers y (N,)."""
    return float(np.mean(cross_entropy_by_row(outputs, y)))


def cross_entropy_by_row(outputs: Array, y: Array) -> NDArray[np.float64]:
    """Return the cross-entropy of each row (N,)."""
    outputs = outputs.astype(np.float64)
    largest = outputs.max(axis=1)
    total = np.log(np.exp(outputs - largest[:, None]).sum(axis=1)) + largest
    return np.asarray(total - outputs[np.arange(len(y)), y])


def reconstruction_error(reconstruct: Callable[[Array], Array], X: Any) -> float:
    """Return the mean squared difference between rows (N, F) and their reconstruction.

    Parameters
    ----------
    reconstruct : callable
        Takes rows (M, F) as they are in `X` and returns their reconstruction (M, F).
    X : ndarray or RowStore, of shape (N, F)
        Only a piece of a store is in memory at a time; uint8 is divided by 255.
    """
    total = 0.0
    for _, piece in in_pieces(X):
        rows = reconstruct(piece)
        total += mean_squared_error(rows, fractions(piece, rows.dtype)) * len(piece)
    return total / max(len(X), 1)


def mean_of_last(losses: list[float], n: int) -> float:
    """Return the mean of the last `n` losses, or of all if there are fewer; 0 if there are none."""
    last = losses[-n:]
    return math.fsum(last) / max(len(last), 1)


def row_chunks(shape: tuple[int, ...]) -> Iterator[slice]:
    """Yield slices over the rows of an array of `shape`: one row, or at most `CHUNK` numbers."""
    step = max(1, min(4096, CHUNK // max(math.prod(shape[1:]), 1)))
    for first in range(0, shape[0], step):
        yield slice(first, min(first + step, shape[0]))


def valid_steps(values: Array, lengths: Array | None = None) -> Iterator[NDArray[np.float64]]:
    """Yield the steps of `values` (..., O) or (N,) that count, in chunks (M, O) of float64."""
    for rows in row_chunks(values.shape):
        yield _flat(values[rows].astype(np.float64), values.shape, lengths, rows)


def target_mean(target: Array, lengths: Array | None = None) -> NDArray[np.float64]:
    """Return the mean of each target (O,) over the rows and steps that count; nan if none does."""
    return column_mean(valid_steps(target, lengths), target.shape[-1] if target.ndim > 1 else 1)


def column_mean(chunks: Iterator[NDArray[np.float64]], n_columns: int) -> NDArray[np.float64]:
    """Return the mean (O,) of rows in chunks (M, O); exact if a column is constant."""
    first, total, n = np.full(n_columns, np.nan), np.zeros(n_columns), 0
    for chunk in chunks:
        if len(chunk) and n == 0:
            first = chunk[0].copy()
        total += (chunk - first).sum(axis=0)
        n += len(chunk)
    return np.asarray(first + total / max(n, 1))


def _differences(
    prediction: Array | Computed, target: Array, lengths: Array | None
) -> Iterator[NDArray[np.float64]]:
    """Yield prediction minus target, in chunks as `valid_steps` does."""
    _check_same(prediction, target)
    for rows in row_chunks(target.shape):
        difference = np.subtract(prediction[rows], target[rows], dtype=np.float64)
        yield _flat(difference, target.shape, lengths, rows)


def _flat(
    values: NDArray[np.float64], shape: tuple[int, ...], lengths: Array | None, rows: slice
) -> NDArray[np.float64]:
    """Return `values`, the `rows` of an array of `shape`, as (M, O), only the steps that count."""
    if lengths is not None:
        return values[_valid(shape, lengths, rows)]
    width = shape[-1] if len(shape) > 1 else 1
    return values.reshape(values.size // max(width, 1), width)


def _valid(shape: tuple[int, ...], lengths: Array, rows: slice) -> NDArray[np.bool_]:
    """Return which steps (rows, T) of the `rows` of an array of `shape` count."""
    if len(shape) != 3 or lengths.shape != shape[:1]:
        raise DataError(
            f"lengths {lengths.shape} do not match {shape}; "
            "expected one length for each row of (rows, steps, targets)"
        )
    return np.asarray(np.arange(shape[1]) < lengths[rows, None])


def _check_same(prediction: Array | Computed, target: Array) -> None:
    """Refuse shapes that numpy would broadcast, such as (N, 1) and (N,)."""
    if prediction.shape != target.shape:
        raise DataError(f"predictions {prediction.shape} do not match targets {target.shape}")
