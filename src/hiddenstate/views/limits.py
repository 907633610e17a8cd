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

LOG_RATIO = 20
"""Ratio of the largest to the smallest value of a curve above which its axis is logarithmic."""


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
    plane : ndarray (2, H) or None
        The first two principal axes of the newest hidden states of a regression, with the signs
        that they had before.
    """

    end: int
    curves: dict[str, Span]
    codes: tuple[Span, ...]
    plane: Array | None


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
        The earlier plane, whose signs are kept.
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
    states = [array for arrays in shown if (array := arrays.get("hidden")) is not None]
    plane = None
    if states and states[-1].ndim == 2:
        plane = principal_plane(finite_rows(states[-1]), before)[0]
    return Limits(end, curves, code_spans(codes), plane)


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
