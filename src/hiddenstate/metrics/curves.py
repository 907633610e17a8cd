"""How far the probabilities of a classifier can be trusted: calibration, ROC, precision and recall.

Shapes: N rows, C classes, `BINS` intervals of probability, `POINTS` places along a curve.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hiddenstate.system.typing import Array

BINS = 10
"""Intervals of equal width that probabilities are sorted into."""

POINTS = 101
"""Places along the x axis of a curve, evenly spaced from 0 to 1."""


class Calibration(NamedTuple):
    """Rows sorted into `BINS` intervals by the probability of their predicted class.

    Parameters
    ----------
    rows : ndarray of int64 (BINS,)
        Rows of each interval.
    confidence : ndarray (BINS,)
        Their mean probability; nan without rows.
    accuracy : ndarray (BINS,)
        The share of them that is predicted correctly; nan without rows.
    """

    rows: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]


def calibration(probabilities: Array, y: Array) -> Calibration:
    """Sort rows with class probabilities (N, C) and true classes (N,) by confidence.

    An interval includes its lower end, as in `sklearn.calibration.calibration_curve`; the last one
    also includes 1. Rows without finite probabilities, after a divergence, do not count.
    """
    top, correct = probabilities.max(axis=1).astype(np.float64), probabilities.argmax(axis=1) == y
    finite = np.isfinite(top)
    top, correct = top[finite], correct[finite]
    number = np.clip(np.floor(top * BINS), 0, BINS - 1).astype(np.intp)
    rows = np.bincount(number, minlength=BINS)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(number, top, BINS) / rows
        accuracy = np.bincount(number, correct, BINS) / rows
    return Calibration(rows.astype(np.int64), confidence, accuracy)


def expected_calibration_error(bins: Calibration) -> float:
    """Return the mean distance of accuracy from confidence, each interval weighted by its rows.

    Naeini, Cooper & Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning",
    AAAI 2015; for the predicted class, as Guo et al., "On Calibration of Modern Neural Networks",
    ICML 2017. 0 is perfect; nan without rows.
    """
    n = bins.rows.sum()
    if not n:
        return float("nan")
    used = bins.rows > 0
    distance = np.abs(bins.accuracy - bins.confidence)[used]
    return float((bins.rows[used] * distance).sum() / n)


class Curves(NamedTuple):
    """ROC and precision-recall of each class against all others.

    Parameters
    ----------
    roc : ndarray (C, POINTS)
        The largest true positive rate at each false positive rate from 0 to 1.
    precision : ndarray (C, POINTS)
        The precision of the strictest threshold with at least each recall from 0 to 1.
    roc_area : ndarray (C,)
        Area under the ROC curve: the probability that a row of the class gets a larger
        probability than another row (Hanley & McNeil, Radiology 143, 1982).
    average_precision : ndarray (C,)
        Mean precision over the thresholds, weighted by the increase of recall, as
        `sklearn.metrics.average_precision_score`.

    A class that all rows have or no row has is nan, as are those with a probability that is nan.
    """

    roc: NDArray[np.float64]
    precision: NDArray[np.float64]
    roc_area: NDArray[np.float64]
    average_precision: NDArray[np.float64]


def one_against_rest(probabilities: Array, y: Array) -> Curves:
    """Return the curves of each class of probabilities (N, C), with true classes (N,)."""
    C = probabilities.shape[1]
    curves = Curves(
        np.full((C, POINTS), np.nan),
        np.full((C, POINTS), np.nan),
        np.full(C, np.nan),
        np.full(C, np.nan),
    )
    for number in range(C):
        is_class = y == number
        finite = np.isfinite(probabilities[:, number]).all()
        if finite and is_class.any() and not is_class.all():
            _add_curve(curves, number, probabilities[:, number], is_class)
    return curves


def _add_curve(curves: Curves, number: int, score: Array, is_class: Array) -> None:
    """Compute the curves of one class from the score (N,) and membership (N,) of each row."""
    order = np.argsort(-score, kind="stable")
    # A threshold stands after the last of equal scores: these cannot be separated.
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    hits = np.cumsum(is_class[order], dtype=np.float64)[ends]
    misses = 1.0 + ends - hits
    precision = hits / (hits + misses)
    recall, fall_out = hits / hits[-1], misses / misses[-1]
    x = np.linspace(0, 1, POINTS)
    # Rounding must not move a place past a point that it coincides with.
    reached = np.searchsorted(fall_out, x + 1e-12, side="right")
    curves.roc[number] = np.concatenate([[0.0], recall])[reached]
    curves.precision[number] = precision[np.searchsorted(recall, x - 1e-12)]
    height = (recall + np.concatenate([[0.0], recall[:-1]])) / 2  # of trapezia
    curves.roc_area[number] = float((np.diff(fall_out, prepend=0.0) * height).sum())
    curves.average_precision[number] = float((np.diff(recall, prepend=0.0) * precision).sum())
