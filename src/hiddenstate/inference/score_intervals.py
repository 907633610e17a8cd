"""Intervals of the scores of a run or an evaluation on few test rows.

The test rows decide what is drawn: their groups; the series that several of them, or all their
steps, belong to; blocks of the steps of a single series; else the rows.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hiddenstate.data import Rows, fractions, in_pieces
from hiddenstate.data.origin import whole
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.data.rows import Computed
from hiddenstate.inference.forecast_scores import other_forecasts, scales_of
from hiddenstate.inference.predict import Answers
from hiddenstate.metrics.forecasts import scaled_errors
from hiddenstate.metrics.intervals import (
    FEWEST,
    Bootstrap,
    Ends,
    Units,
    figures,
    paired_difference,
    units_of,
    unnamed_groups,
)
from hiddenstate.metrics.scores import cross_entropy_by_row, error_by_row, row_chunks
from hiddenstate.system.typing import Array


def units_of_rows(transform: Transform, rows: Rows) -> Units:
    """Return what is drawn of rows that are scored as a whole."""
    origin = rows.origin or whole(len(rows))
    if _has_unnamed_groups(transform, rows):
        return unnamed_groups(len(rows))
    return units_of(origin.series, origin.first, rows.X.shape[1], rows.groups)


def _has_unnamed_groups(transform: Transform, rows: Rows) -> bool:
    """Whether training rows belonged to groups that these rows do not name."""
    return rows.groups is None and transform.reading.get("group") is not None


def units_of_answers(transform: Transform, answers: Answers) -> Units:
    """Return what is drawn of the answers of a regressor.

    A block has the steps of a season or twice the horizon, whichever is longer; without either,
    those of a window.
    """
    rows, row = answers.rows, answers.row
    if _has_unnamed_groups(transform, rows):
        return unnamed_groups(len(row))
    origin = rows.origin or whole(len(rows))
    season = transform.season or 0
    horizon = int(transform.reading.get("horizon") or 0)
    window = int(transform.reading.get("window") or rows.X.shape[1])
    groups = None if rows.groups is None else rows.groups[row]
    length = max(season, 2 * horizon) or window
    steps = origin.first[row] + answers.step
    return units_of(origin.series[row], steps, max(length, 1), groups)


def units_of_differences(transform: Transform, answers: Answers) -> Units:
    """Return the units of paired differences: those of :func:`units_of_answers` or, where these
    are too few, blocks of the steps of each series, shorter if need be."""
    units = units_of_answers(transform, answers)
    if units.n >= FEWEST or units.kind not in ("series", "blocks"):
        return units
    origin = answers.rows.origin or whole(len(answers.rows))
    series, steps = origin.series[answers.row], origin.first[answers.row] + answers.step
    numbers, place = np.unique(series, return_inverse=True)
    first = np.array([steps[place == n].min() for n in range(len(numbers))])
    at = steps - first[place]
    length = max(int(at.max() + 1) // FEWEST, 1)
    if units.length:
        length = min(length, units.length)
    block = np.minimum(at // length, FEWEST - 1) if length * FEWEST > at.max() else at // length
    _, of = np.unique(place * (block.max() + 1) + block, return_inverse=True)
    return Units("blocks", of.astype(np.int64), int(of.max()) + 1, length)


def of_correct(name: str, units: Units, correct: Array, other: Array | None) -> dict[str, float]:
    """Return the interval of an accuracy as results, and of its gain; of many rows only that.

    Parameters
    ----------
    name : str
        Of the score.
    units : Units
    correct, other : ndarray (N,) of bool
        Whether the model and its baseline are right.
    """
    gains = None if other is None else correct.astype(float) - other
    if not units.few:
        return figures(units, {}, _gain_of_many(units, gains))
    draws = Bootstrap(units)
    gain = None if gains is None else draws.mean(gains)
    return figures(units, {name: draws.share(correct)}, gain)


def _gain_of_many(units: Units, gains: Array | None) -> Ends | None:
    """Return the interval of a mean gain from its standard error, which is enough for many rows."""
    return None if gains is None else paired_difference(gains, np.ones(len(gains)), units)


def of_classes(units: Units, y: Array, outputs: Array) -> dict[str, float]:
    """Return the intervals of balanced accuracy, macro F1 and log loss of outputs (N, C) of rows
    with the class numbers y (N,)."""
    C = outputs.shape[1]
    if not units.few:
        return {}
    true, chosen = (number[:, None] == np.arange(C) for number in (y, outputs.argmax(axis=1)))
    sums = np.concatenate([true & chosen, true, chosen], axis=1).astype(float)

    def recall(drawn: Array) -> Array:
        hit, own, _ = np.split(drawn, 3, axis=1)
        return np.asarray(np.nanmean(hit / own, axis=1))

    def f1(drawn: Array) -> Array:
        hit, own, said = np.split(drawn, 3, axis=1)
        each = np.where(own > 0, 2 * hit / (own + said), np.nan)
        return np.asarray(np.nanmean(each, axis=1))

    draws = Bootstrap(units)
    ends = {"balanced_accuracy": draws.statistic(sums, recall), "f1": draws.statistic(sums, f1)}
    return figures(units, {**ends, "log_loss": draws.mean(cross_entropy_by_row(outputs, y))})


def errors_of_rows(reconstruct: Callable[[Array], Array], X: Any) -> Array:
    """Return the squared error per number of each row (N,) that an autoencoder reconstructs."""
    errors = []
    for _, piece in in_pieces(X):
        outputs = reconstruct(piece)
        errors.append(error_by_row(outputs, fractions(piece, outputs.dtype)))
    return np.concatenate(errors)


def of_errors(name: str, units: Units, errors: Array, other: Array | None) -> dict[str, float]:
    """Return the interval of a mean error of rows (N,) as results, and of its gain over `other`; of
    many rows only that."""
    gains = None if other is None else other - errors
    if not units.few:
        return figures(units, {}, _gain_of_many(units, gains))
    draws = Bootstrap(units)
    gain = None if gains is None else draws.mean(gains)
    return figures(units, {name: draws.mean(errors)}, gain)


def of_answers(
    transform: Transform,
    answers: Answers,
    train: Rows | None,
    scores: Mapping[str, Any],
    best: tuple[str, Array | Computed],
    prefix: str = "",
) -> dict[str, float]:
    """Return the intervals of the scores of a regressor as results.

    Parameters
    ----------
    transform : Transform
    answers : Answers
    train : Rows, optional
        The training rows, prepared, for the scale of errors.
    scores : dict
        Those with an interval are `mse`, `mae`, `r2` and `mase`, after the prefix.
    best : tuple
        The best baseline, and the answers (n, O) of the plain one.
    prefix : str
        Of the names of scores.
    """
    units = units_of_answers(transform, answers)
    if not units.few:
        return {}
    name, plain = best
    others: dict[str, Array | Computed] = {}
    others |= {str(name): own for name, own in other_forecasts(transform, answers, train).items()}
    outputs, target = answers.outputs, answers.target
    errors, draws = error_by_row(outputs, target), Bootstrap(units)
    gain = draws.mean(error_by_row(others.get(name, plain), target) - errors)
    ends = {f"{prefix}mse": draws.mean(errors)}
    if f"{prefix}mae" in scores:
        differences = (
            np.subtract(outputs[rows], target[rows], dtype=np.float64)
            for rows in row_chunks(target.shape)
        )
        absolute = [np.abs(each).mean(axis=1) for each in differences]
        ends[f"{prefix}mae"] = draws.mean(np.concatenate(absolute))
    if f"{prefix}r2" in scores:
        ends[f"{prefix}r2"] = draws.r2(outputs, target)
    if f"{prefix}mase" in scores:
        scales, series = scales_of(transform, answers, train)
        ends[f"{prefix}mase"] = draws.mean(*scaled_errors(outputs, target, series, scales))
    return figures(units, ends, gain)
