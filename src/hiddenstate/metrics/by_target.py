"""Computes the scores of each target of a regression: medians over series, in its own unit.

Shapes: n answers, O targets, S series.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from hiddenstate.data.rows import Computed
from hiddenstate.metrics.intervals import Units, paired_difference
from hiddenstate.metrics.target_scores import CONSTANT, GAIN, MOST, SERIES
from hiddenstate.system.typing import Array

AT_ONCE = 2**17
"""Values of targets whose scores are computed at once."""


@dataclass(frozen=True)
class Compared:
    """Answers and what answers without a network on the same rows, by series.

    Parameters
    ----------
    outputs, target : ndarray (n, O)
    series : ndarray (n,)
        The number of the series of each answer; all equal where rows are no series.
    others : dict
        The answers (n, O) without a network, by name, which may be computed when they are read.
    """

    outputs: Array
    target: Array
    series: Array
    others: Mapping[str, Array | Computed]


def results_by_target(of: Compared, scales: Mapping[int, Array]) -> dict[str, float]:
    """Return the scores of each target as results, `target_<number>_<score>`, counted from 1.

    The scores are `mae`, `rmse`, `r2` within a series, `mase`, and `<name>_mae` of each of
    `of.others`: all medians over series, whose number is `target_series` if they are several.
    Series in which the target is constant have no part in them, unless it is constant in all;
    `constant` is their number, if there are some.

    Parameters
    ----------
    of : Compared
    scales : mapping of int to ndarray (O,)
        The scales of the errors of series, for `mase`: NaN of a constant target. Series without
        one have no part in it.
    """
    numbers, place = np.unique(of.series, return_inverse=True)
    S, n_targets = len(numbers), of.target.shape[1]
    parts = [_scores_of(of, which, place, S) for which in _spans(of.target)]
    each = {name: np.concatenate([one[name] for one, _ in parts], axis=1) for name in parts[0][0]}
    moves = np.concatenate([moves for _, moves in parts], axis=1)
    for name, other in of.others.items():
        each[f"{name}_mae"] = mean_errors(other, of.target, of.series)
    if scales:
        unknown = np.full(n_targets, np.nan)
        scale = np.stack([scales.get(number, unknown) for number in numbers.tolist()])
        own = {name: each[name] for name in ("mae", "rmse", "r2")}
        each = {**own, "mase": each["mae"] / scale, **each}
        moves = moves | np.isfinite(scale)  # a target may rest in the test rows alone
    return _medians(each, moves, len(place))


def _scores_of(of: Compared, which: slice, place: Array, S: int) -> tuple[dict[str, Array], Array]:
    """Return the scores (S, O') of some targets, and in which series they move."""
    truth = of.target[:, which].astype(np.float64)
    errors = np.abs(of.outputs[:, which] - truth)
    mae, mse = _by_series(errors, place, S), _by_series(errors**2, place, S)
    spread = _by_series((truth - _by_series(truth, place, S)[place]) ** 2, place, S)
    moves = spread > _rounding(_by_series(truth**2, place, S)) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = np.where(moves, 1 - mse / spread, np.nan)
    return {"mae": mae, "rmse": np.sqrt(mse), "r2": r2}, moves


def mean_errors(forecasts: Array | Computed, target: Array, series: Array) -> Array:
    """Return the mean absolute error (S, O) of forecasts (n, O) in each series."""
    numbers, place = np.unique(series, return_inverse=True)
    parts = (
        (rows, np.abs(np.subtract(forecasts[rows], target[rows], dtype=np.float64)))
        for rows in _rows_at_once(target.shape, len(numbers))
    )
    return _means(_summed(np.zeros((len(numbers), target.shape[1])), parts, place), place)


def _spans(target: Array) -> list[slice]:
    """Return spans of targets (n, O) that are scored at once, as each takes several copies."""
    n_targets, at_once = target.shape[1], max(1, AT_ONCE // max(len(target), 1))
    return [slice(o, o + at_once) for o in range(0, max(n_targets, 1), at_once)]


def _rows_at_once(shape: tuple[int, ...], n_series: int) -> Iterator[slice]:
    """Yield slices of rows (n, O) that are summed by series at once, more than there are series."""
    n, n_targets = shape
    at_once = max(1, AT_ONCE // max(n_targets, 1), n_series)
    for first in range(0, n, at_once):
        yield slice(first, first + at_once)


def losses_by_target(losses: Mapping[str, Array], target: Array, series: Array) -> dict[str, float]:
    """Return losses (n, O) of quantiles by the name of their score as :func:`results_by_target`
    does those of errors."""
    numbers, place = np.unique(series, return_inverse=True)
    S, truth = len(numbers), target.astype(np.float64)
    spread = _by_series((truth - _by_series(truth, place, S)[place]) ** 2, place, S)
    each = {name: _by_series(values, place, S) for name, values in losses.items()}
    return _medians(each, spread > _rounding(_by_series(truth**2, place, S)) ** 2, len(place))


def _medians(each: Mapping[str, Array], moves: Array, n: int) -> dict[str, float]:
    """Return the medians of scores (S, O) of n answers over the series in which a target moves, as
    results; no target of a single answer in each series is called constant."""
    (S, n_targets), results = moves.shape, dict[str, float]()
    if S > 1:
        results[SERIES] = S
    for target in range(min(n_targets, MOST)):
        prefix, own = f"target_{target + 1}_", moves[:, target]
        for name, values in each.items():
            kept = values[own if own.any() else slice(None), target]
            if np.isfinite(kept).any():
                results[prefix + name] = float(np.median(kept[np.isfinite(kept)]))
        if not own.all() and n > S:
            results[prefix + CONSTANT] = int(S - own.sum())
    return results


def nearest(each: Mapping[int, Array]) -> list[int]:
    """Return for each target the name of the forecasts with the smallest of :func:`mean_errors`,
    the median over the series in which forecasts differ."""
    errors = np.stack(list(each.values()))
    apart, names, best = (errors != errors[0]).any(axis=0), list(each), []
    for o in range(errors.shape[2]):
        medians = np.median(errors[:, apart[:, o] if apart[:, o].any() else slice(None), o], axis=1)
        best.append(names[int(np.argmin(medians))])
    return best


def relative_gain(of: Compared, other: Array | Computed, units: Units) -> dict[str, float]:
    """Return by what share the mean absolute error is below that of `other` (n, O), as results.

    The differences are paired: each is that of both errors of one answer, in units of the mean
    error of `other` on the same target of the same series; targets and series count alike. Its
    interval is of Student's distribution with the standard error over `units`, which are blocks of
    consecutive steps where there is time (see :func:`paired_difference`). A target of which `other`
    has no error but that of rounding has no part in it, and nothing is returned if all are such.
    """

    def losses(rows: slice) -> tuple[Array, Array, Array]:
        truth = of.target[rows].astype(np.float64)
        plain, own = other[rows] - truth, of.outputs[rows] - truth
        return np.abs(own), np.abs(plain), truth

    return _gain(losses, of.target.shape[1], of.series, units)


def gain_of_losses(
    own: Array, plain: Array, truth: Array, series: Array, units: Units
) -> dict[str, float]:
    """Return the same of errors or losses (n, O) and those of what is compared with."""
    return _gain(lambda rows: (own[rows], plain[rows], truth[rows]), truth.shape[1], series, units)


def _gain(
    losses: Callable[[slice], tuple[Array, Array, Array]],
    n_targets: int,
    series: Array,
    units: Units,
) -> dict[str, float]:
    """Return the gain of losses that are computed of some rows, with those of what is compared
    with and the targets in float64."""
    numbers, place, counts = np.unique(series, return_inverse=True, return_counts=True)
    n, S = len(place), len(numbers)
    (total, squares), complete = np.zeros((2, S, n_targets)), np.empty(n, bool)
    for rows in _rows_at_once((n, n_targets), S):
        own, plain, truth = losses(rows)
        complete[rows] = np.isfinite(plain).all(axis=1) & np.isfinite(own).all(axis=1)
        _summed(total, [(rows, plain)], place)
        _summed(squares, [(rows, truth**2)], place)
    scale = _means(total, place)
    is_scored = scale > _rounding(_means(squares, place))
    known = np.asarray(is_scored.any(axis=1))[place] & complete
    if not known.any():
        return {}
    gains = np.empty(n)
    at_once = max(1, AT_ONCE // n_targets)
    for first in range(0, n, at_once):
        rows = slice(first, first + at_once)
        own, plain, _ = losses(rows)
        gain, of = plain - own, is_scored[place[rows]]
        shares = np.divide(gain, scale[place[rows]], out=np.zeros_like(gain), where=of)
        gains[rows] = shares.sum(axis=1) / np.maximum(of.sum(axis=1), 1)
    gains, weights = gains[known], 1 / counts[place][known]
    results = {GAIN: float(np.average(gains, weights=weights))}
    ends = paired_difference(gains, weights, units, known)
    if ends is None:
        return results
    return {**results, f"{GAIN}_low": ends[0], f"{GAIN}_high": min(ends[1], 1.0)}


def _rounding(squares: Array) -> Array:
    """Return the differences (S, O) that the rounding of float32 makes of targets, from the means
    (S, O) of their squares."""
    return np.asarray(np.sqrt(squares) * np.finfo(np.float32).eps)


def _by_series(values: Array, place: Array, n: int) -> Array:
    """Return the mean (S, O) over the answers of each series of `values` (n, O)."""
    parts = [(slice(None), np.asarray(values, np.float64))]
    return _means(_summed(np.zeros((n, values.shape[1])), parts, place), place)


def _summed(total: Array, parts: Iterable[tuple[slice, Array]], place: Array) -> Array:
    """Return sums (S, O) by series, to which parts (m, O) of all rows were added, some rows at a
    time: to the bit those of all rows at once."""
    S = len(total)
    for rows, values in parts:
        of = np.concatenate([np.arange(S), place[rows]])
        for o, column in enumerate(values.T):
            total[:, o] = np.bincount(of, np.concatenate([total[:, o], column]), S)
    return total


def _means(sums: Array, place: Array) -> Array:
    """Return the means (S, O) of the sums of answers by series."""
    counts = np.maximum(np.bincount(place, minlength=len(sums)), 1)
    return np.asarray(sums / counts[:, None])
