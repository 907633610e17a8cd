"""Computes the limits of axes over a whole run, so that they stay fixed while it is shown.

Limits are rounded outward to eighths of the power of two below their range. While a run is in
progress they grow in few steps and never shrink.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from hiddenstate.runs.events import figures_of
from hiddenstate.system.typing import Array, NamedArrays
from hiddenstate.views.memory import LEAST, MOST, reach

LOG_RATIO = 20
"""Ratio of the largest to the smallest value of a curve above which its axis is logarithmic."""

BEYOND = 1.0
"""How far the axis of a signal reaches beyond its targets for predictions outside of them, as a
multiple of their range; it cuts off what is farther."""


class Span(NamedTuple):
    """The ends of an axis, and whether it is logarithmic."""

    low: float
    high: float
    log: bool = False


class Limits(NamedTuple):
    """The limits of a run.

    Parameters
    ----------
    end : int
        Updates of the whole run, planned or made.
    curves : dict of Span
        By the key of the logged number: `loss`, `test_accuracy`, `test_mse`.
    codes : tuple of Span
        Of each number of a code.
    plane : Plane or None
        Where the path of the hidden state of a regression is drawn.
    signal : tuple of Span
        Of each target of windows, and its predictions.
    error : Span or None
        Of the errors of windows.
    held : dict of tuple of Span
        Of the values and of the residuals of each held-out lane, by its numbers in `held_of`.
    reach : Span
        Of the steps that complex states reach back.
    stream : float
        The largest absolute value of a state of a stream, at least 1.
    """

    end: int
    curves: dict[str, Span]
    codes: tuple[Span, ...]
    plane: "Plane | None"
    signal: tuple[Span, ...]
    error: Span | None
    held: dict[tuple[int, int], tuple[Span, Span]]
    reach: Span
    stream: float


class Plane(NamedTuple):
    """The plane that hidden states are projected to, the same at every moment.

    Parameters
    ----------
    axes : ndarray (2, H)
        The first two principal axes of the newest states, with the signs that they had before.
    centre : ndarray (H,)
        The mean of these states.
    ends : tuple of Span
        The ends of both axes.
    """

    axes: Array
    centre: Array
    ends: tuple[Span, ...] = ()

    def project(self, states: Array) -> Array:
        """Return states (P, H) as points (P, 2)."""
        return np.asarray((np.asarray(states, float) - self.centre) @ self.axes.T)

    def shares(self, states: Array) -> Array:
        """Return the shares (2,) of the variance of states (P, H) that lie along the axes."""
        if len(states) < 2:
            return np.zeros(2)
        total = float(np.asarray(states, float).var(axis=0).sum())
        shares: Array = self.project(states).var(axis=0) / total if total else np.zeros(2)
        return shares


def limits_of(
    end: int,
    events: Sequence[Mapping[str, Any]],
    levels: Mapping[str, float],
    snapshots: Iterable[NamedArrays],
    before: Array | None = None,
) -> Limits:
    """Return the limits of everything that is known of a run.

    Parameters
    ----------
    end : int
    events : sequence of dict
        Lines of the history.
    levels : dict of float
        Baselines by the key of the logged number beside which they are drawn.
    snapshots : iterable of dict of ndarray
    before : ndarray (2, H), optional
        The axes of the earlier plane, whose signs are kept.
    """
    shown, keys = list(snapshots), ("loss", "valid_loss", "test_accuracy", "test_mse")
    values: dict[str, list[float]] = {key: [] for key in keys}
    for event in events:
        numbers = figures_of(event) if event["event"] in ("log", "valid") else {}
        for key in keys:
            values[key] += [numbers[key]] if key in numbers else []
    for key, level in levels.items():
        values.get(key, []).extend([level] if values.get(key) else [])
    curves = {"loss": curve_span(values["loss"] + values["valid_loss"])}
    curves["test_accuracy"], curves["test_mse"] = Span(0.0, 1.0), curve_span(values["test_mse"], 0)
    codes = [array for arrays in shown if (array := arrays.get("code")) is not None]
    signal, error = _signal_spans(shown)
    return Limits(
        end,
        curves,
        code_spans(codes),
        _plane_of(shown, before),
        signal,
        error,
        _held_spans(shown),
        reach_span([arrays["eigenvalue"] for arrays in shown if "eigenvalue" in arrays]),
        max([1.0, *(_largest(a["stream_state"]) for a in shown if "stream_state" in a)]),
    )


def _largest(values: Array) -> float:
    return float(np.abs(values[np.isfinite(values)]).max(initial=0))


def reach_span(eigenvalues: Sequence[Array]) -> Span:
    """Return whole powers of ten between which the reaches of eigenvalues (..., 2) are drawn."""
    far = np.concatenate([reach(values).ravel() for values in eigenvalues] or [np.ones(1)])
    far = np.clip(far[np.isfinite(far)], LEAST, MOST)
    low, high = (float(far.min()), float(far.max())) if len(far) else (1.0, 1.0)
    low, high = math.floor(math.log10(min(low, 1.0))), math.ceil(math.log10(max(high, 10.0)))
    return Span(10.0**low, 10.0**high, log=True)


def _plane_of(shown: Sequence[NamedArrays], before: Array | None) -> Plane | None:
    """Return the plane of the newest states, with ends for the states of all snapshots."""
    names = ("hidden", "hidden_reset")
    states = [[arrays[name] for name in names if name in arrays] for arrays in shown]
    states = [parts for parts in states if parts and parts[0].ndim == 2]
    if not states:
        return None
    plane = plane_of(states[-1][0], before)
    width = plane.axes.shape[1]
    paths = [
        plane.project(finite_rows(part))
        for parts in states
        for part in parts
        if part.shape[1] == width
    ]
    zero = [plane.project(np.zeros((1, width)))] if len(states[-1]) > 1 else []
    return plane._replace(ends=code_spans([*paths, *zero]))


def plane_of(states: Array, before: Array | None = None) -> Plane:
    """Return the plane of the principal axes of states (P, H), without ends."""
    finite = finite_rows(states)
    centre = finite.mean(axis=0) if len(finite) else np.zeros(states.shape[1])
    return Plane(principal_plane(finite, before)[0], centre)


def _signal_spans(shown: Sequence[NamedArrays]) -> tuple[tuple[Span, ...], Span | None]:
    """Return the ends of the axes of each target of windows, and of their errors."""
    parts = [(a["target"], a["prediction"]) for a in shown if {"target", "prediction"} <= set(a)]
    if not parts:
        return (), None
    n = parts[0][0].shape[-1]
    targets, predictions = (
        np.concatenate([part.reshape(-1, n) for part in both]) for both in zip(*parts, strict=True)
    )
    errors = np.concatenate([window_errors(*part) for part in parts])
    positive = errors[np.isfinite(errors) & (errors > 0)]
    spans = map(signal_span, targets.T, predictions.T)
    return tuple(spans), curve_span(positive, log_ratio=1.0)


def window_errors(target: Array, prediction: Array) -> Array:
    """Return the mean squared error (K,) of windows (K, ...) without missing numbers; else NaN."""
    squares = (np.asarray(prediction, float) - np.asarray(target, float)) ** 2
    squares = squares.reshape(len(squares), -1)
    finite = np.isfinite(squares)
    n = finite.sum(axis=1)
    return np.where(n > 0, np.where(finite, squares, 0).sum(axis=1) / np.maximum(n, 1), np.nan)


def signal_span(targets: Array, predictions: Array) -> Span:
    """Return the ends of the axis of a signal: those of its targets and, within `BEYOND`, of its
    predictions."""
    low, high = _extremes(targets)
    least, most = _extremes(predictions)
    reach = BEYOND * ((high - low) or max(abs(high), 1.0))
    return Span(*outward(max(min(least, low), low - reach), min(max(most, high), high + reach)))


def beyond(values: Array, low: float, high: float) -> tuple[str, float]:
    """Return where most of some values are if they are beyond the ends of an axis, `above`, `below`
    or `outside`, and their median; without words if they are not."""
    finite = np.asarray(values, float)
    finite = finite[np.isfinite(finite)]
    if not len(finite) or ((finite >= low) & (finite <= high)).mean() >= 0.5:
        return "", 0.0
    middle = float(np.median(finite))
    return "above" if middle > high else "below" if middle < low else "outside", middle


def _extremes(values: Array) -> tuple[float, float]:
    finite = np.asarray(values, float)
    finite = finite[np.isfinite(finite)]
    return (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)


def _held_spans(shown: Sequence[NamedArrays]) -> dict[tuple[int, int], tuple[Span, Span]]:
    """Return the ends of the axes of held-out lanes, of their values and of their residuals.

    The latter hold the residuals of the newest predictions and of the baseline; larger ones, as
    before training, are cut off.
    """
    known: dict[str, Array] = {}
    lanes: dict[tuple[int, int], tuple[list[Array], list[Array], Array]] = {}
    for arrays in shown:
        known = known | arrays  # snapshots hold only the predictions
        if "held_prediction" not in arrays or "held_target" not in known:
            continue
        for number, of in enumerate(known["held_of"][: len(arrays["held_prediction"])]):
            target, prediction = known["held_target"][number], arrays["held_prediction"][number]
            past = known.get("past_target", known["held_target"])[number]
            key = int(of[0]), int(of[1])
            targets, predictions, _ = lanes.get(key, ([], [], target))
            residuals = np.stack([prediction, known["held_baseline"][number]]) - target
            lanes[key] = [*targets, target, past], [*predictions, prediction], residuals
    spans = {}
    for key, (targets, predictions, residuals) in lanes.items():
        low, high = _extremes(residuals)
        most = outward(0.0, max(-low, high))[1]
        values = signal_span(np.concatenate(targets), np.concatenate(predictions))
        spans[key] = values, Span(-most, most)
    return spans


def curve_span(values: Sequence[float] | Array, log_ratio: float = LOG_RATIO) -> Span:
    """Return the ends of the axis of a curve: from 0, or logarithmic if it spans much.

    Parameters
    ----------
    values : sequence of float
    log_ratio : float, default LOG_RATIO
        0 for an axis that is never logarithmic.
    """
    numbers = np.asarray(values, float)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return Span(0.0, 1.0)
    low, high = float(numbers.min()), float(numbers.max())
    if log_ratio and low > 0 and high > log_ratio * low:
        ends = outward(math.log10(low), math.log10(high))
        return Span(10.0 ** ends[0], 10.0 ** ends[1], log=True)
    low, high = outward(min(low, 0.0), max(high, 0.0))
    return Span(low, high)


def code_spans(codes: Sequence[Array]) -> tuple[Span, ...]:
    """Return the ends of the axes of codes (N, Z), of one moment or of several."""
    if not codes:
        return ()
    whole = np.concatenate(codes).astype(float)
    whole = whole[np.isfinite(whole).all(axis=1)]
    if not len(whole):
        return tuple([Span(-1.0, 1.0)] * int(codes[0].shape[1]))
    ends = zip(whole.min(axis=0), whole.max(axis=0), strict=True)
    return tuple([Span(*outward(float(low), float(high))) for low, high in ends])


def outward(low: float, high: float) -> tuple[float, float]:
    """Round the ends of a range outward, so that the result of a larger range contains this one's.

    A range without extent is widened.
    """
    extent = high - low
    if not extent > 1e-9 * max(abs(low), abs(high)):
        room = max(1.0, 0.05 * abs(high))
        return low - room, high + room
    unit = 2.0 ** (math.floor(math.log2(extent)) - 3)
    return math.floor(low / unit) * unit, math.ceil(high / unit) * unit


def finite_rows(states: Array) -> Array:
    """Return the states (P, H) that are finite, in float64."""
    states = np.asarray(states, float)
    finite: Array = states[np.isfinite(states).all(axis=1)]
    return finite


def principal_plane(states: Array, before: Array | None = None) -> tuple[Array, Array]:
    """Return the first two principal axes (2, H) of states (P, H), and their variances (2,).

    The variances are shares of the total. The sign of an axis is arbitrary: it is that of the same
    axis `before`, or its largest number is positive. If there is no second axis, it and its share
    are 0.
    """
    H = states.shape[1]
    plane, share = np.zeros((2, H)), np.zeros(2)
    if len(states) > 1:
        states = np.asarray(states, float)
        centred = states - states.mean(axis=0)
        _, spread, axes = np.linalg.svd(centred, full_matrices=False)
        n = min(2, len(axes))
        largest = np.take_along_axis(axes[:n], np.abs(axes[:n]).argmax(axis=1)[:, None], axis=1)
        sign = np.sign(largest[:, 0])
        if before is not None and before.shape == plane.shape:
            agreement = (axes[:n] * before[:n]).sum(axis=1)
            sign = np.where(agreement == 0, sign, np.sign(agreement))
        plane[:n] = axes[:n] * sign[:, None]
        total = float((spread**2).sum())
        share[:n] = spread[:n] ** 2 / total if total else 0
    return plane, share


def turned_like(arrays: NamedArrays, before: NamedArrays) -> NamedArrays:
    """Return a snapshot whose square of decoded codes runs in the directions of an earlier one.

    The signs of principal axes are arbitrary, so the square could turn around between snapshots.
    """
    codes, earlier = arrays.get("grid_code"), before.get("grid_code")
    if codes is None or earlier is None or codes.shape != earlier.shape or "grid" not in arrays:
        return arrays
    side = math.isqrt(len(codes))
    if side * side != len(codes) or len(arrays["grid"]) != len(codes):
        return arrays
    ways = [_ways(square.reshape(side, side, -1)) for square in (codes, earlier)]
    across, down = (-1 if float(now @ was) < 0 else 1 for now, was in zip(*ways, strict=True))
    order = np.arange(side * side).reshape(side, side)[::down, ::across].ravel()
    return arrays | {name: arrays[name][order] for name in ("grid", "grid_code")}


def _ways(square: Array) -> tuple[Array, Array]:
    """Return the directions (Z,) of a square of codes (side, side, Z), across and down."""
    return square[0, -1] - square[0, 0], square[-1, 0] - square[0, 0]


def unit_order(states: Array) -> Array:
    """Return the hidden units (H,) by when they respond: the order of their peaks in time.

    The states (V, P, H) or (P, H) are compared with the mean of each unit; units that respond
    most to an earlier row or step come first, those of one peak by its height.
    """
    flat = np.nan_to_num(np.asarray(states, float).reshape(-1, states.shape[-1]))
    moved = np.abs(flat - flat.mean(axis=0))
    # Smoothed, so that a unit stands where it responds for long.
    window = max(1, len(flat) // 12)
    sums = np.cumsum(np.concatenate([np.zeros((1, moved.shape[1])), moved]), axis=0)
    smooth = sums[window:] - sums[:-window]
    order: Array = np.lexsort((-smooth.max(axis=0), smooth.argmax(axis=0)))
    return order


def sorted_units(states: Array, order: Array | None) -> Array:
    """Return states (..., H) with their units in `order` (H,), if there is one for them."""
    if order is None or len(order) != states.shape[-1]:
        return states
    return np.asarray(states[..., order])
