"""The kinds of steps that prepare rows for nets, and undo the nets' outputs.

A list of steps has at most one of each kind, in the order in which they stand here: `Fractions`,
`Quantiles`, `Logarithm`, `Fill`, `Scale`, `Mask`, `Forecast`, `WindowScale`, `TargetScale`,
`Change`. Shapes: N rows, T time steps, I features, O targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hiddenstate.program.rows import (
    Array,
    Rows,
    Spread,
    after_end,
    carry_forward,
    fractions,
    spread_at_each_step,
    spread_at_step,
)

LARGEST_TARGET = 10.0
"""Largest scaled target that a net learns; larger ones, after nearly flat windows, are cut."""

MOST_CACHED = 1 << 14
"""Most forecasts that all lags are added to before those of later steps: they stay in a cache."""


class Unreadable(ValueError):  # noqa: N818
    """A value that a model cannot read: the first, by its row, its step if there are some, and its
    feature.

    Parameters
    ----------
    reason : {"missing", "logarithm"}
        Whether it is missing and nothing fills it in, or has no logarithm.
    row : int
    position : tuple of int
        (step, feature) or (feature,).
    """

    def __init__(self, reason: str, row: int, position: tuple[int, ...]) -> None:
        super().__init__(f"{reason}: row {row}, feature {position[-1]}")
        self.reason, self.row, self.position = reason, row, position


class Step:
    """One step; it does nothing where a kind does not say otherwise."""

    net_only: ClassVar[bool] = False
    """Whether nets alone read what the step gives: kept rows end before it."""

    def apply(self, x: Array, lengths: Array | None, memory: dict[str, Array]) -> Array:
        """Return rows (N, T, I) or (N, F) as the next step reads them.

        Values after the end of a row, given its `lengths` (N,), are of no account. `memory` holds
        what a stream carries, which is replaced, and what one step leaves for another: `last`
        (N, I), the last values before, and `lags` (N, P, I), the last kept steps; NaN at first.
        """
        return x

    def restore(self, x: Array) -> Array:
        """Return rows (..., I) as they were before the step."""
        return x

    def learn(self, y: Array, rows: Rows) -> Array:
        """Return what a net learns of targets y."""
        return y

    def undo(self, y: Array, rows: Rows) -> Array:
        """Return targets that became y; it undoes `learn`."""
        return y

    def to_net(self, y: Array, rows: Rows) -> Array:
        """Return targets y, after all steps, of which a net learns no extreme ones."""
        return y

    def from_net(self, y: Array, rows: Rows) -> Array:
        """Return outputs y of a net, before all steps, 0 where they do not count."""
        return y


@dataclass(frozen=True)
class Fractions(Step):
    """uint8 numbers become fractions of 255; `always` those of other types, too."""

    always: bool = False

    def apply(self, x: Array, lengths: Array | None, memory: dict[str, Array]) -> Array:
        return fractions(x, np.float64, self.always)


@dataclass(frozen=True)
class Quantiles(Step):
    """Each target is there `n` times, once for each quantile, whose answers are sorted.

    Sorted answers are no further from the quantiles than those that cross (Chernozhukov,
    Fernandez-Val and Galichon, "Quantile and probability curves without crossing", Econometrica 78,
    2010).
    """

    n: int

    def undo(self, y: Array, rows: Rows) -> Array:
        return np.sort(y.reshape(*y.shape[:-1], -1, self.n), axis=-1).reshape(y.shape)


@dataclass(frozen=True)
class Logarithm(Step):
    """The targets that are logarithms, `log` (O,), and the `features` that hold their values."""

    features: tuple[int, ...]
    log: tuple[bool, ...]

    def apply(self, x: Array, lengths: Array | None, memory: dict[str, Array]) -> Array:
        x = x.copy()
        values = x[..., list(self.features)]
        if lengths is not None:
            values = np.where(after_end(lengths, x.shape[1])[..., None], 1, values)
        if (values <= 0).any():
            first = np.argwhere(values <= 0)[0]
            place = [int(k) for k in first]
            raise Unreadable("logarithm", place[0], (*place[1:-1], self.features[place[-1]]))
        x[..., list(self.features)] = np.log(values)
        return x

    def restore(self, x: Array) -> Array:
        x, features = x.copy(), list(self.features)
        x[..., features] = exponentials(x[..., features], [True] * len(features))
        return x

    def learn(self, y: Array, rows: Rows) -> Array:
        if rows.every_step and rows.lengths is not None:
            y = np.where(after_end(rows.lengths, y.shape[1])[..., None], 1, y)
        return logarithms(y, self.log)

    def undo(self, y: Array, rows: Rows) -> Array:
        return exponentials(y, self.log)


@dataclass(frozen=True)
class Fill(Step):
    """Missing and infinite values become `values` (I,).

    Parameters
    ----------
    values : ndarray (I,)
    forward : bool
        Whether the last value before a missing one is repeated, if there is one.
    backward : tuple of int
        Features whose first value also stands for missing ones before it.
    """

    values: Array
    forward: bool = False
    backward: tuple[int, ...] = ()

    def apply(self, x: Array, lengths: Array | None, memory: dict[str, Array]) -> Array:
        memory["absent"] = absent = ~np.isfinite(x)
        if not self.forward:
            return np.where(absent, self.values, x)
        x, first = self._carried(np.where(absent, np.nan, x), memory), list(self.backward)
        if first:
            if lengths is not None:  # a row without any value takes none from after its end
                x[after_end(lengths, x.shape[1])] = np.nan
            x[..., first] = carry_forward(x[:, ::-1, first])[:, ::-1]
        return np.where(np.isnan(x), self.values, x)

    def _carried(self, x: Array, memory: dict[str, Array]) -> Array:
        if "last" not in memory:
            return carry_forward(x)
        before = memory["last"][:, None]
        if x.shape[1] == 1:
            x = np.where(np.isnan(x), before, x)
        else:
            x = carry_forward(np.concatenate([before, x], axis=1))[:, 1:]
        memory["last"] = x[:, -1]
        return x


@dataclass(frozen=True)
class Scale(Step):
    """x becomes (x - `offset`) * `factor`, each (I,)."""

    offset: Array
    factor: Array

    def apply(self, x: Array, lengths: Array | None, memory: dict[str, Array]) -> Array:
        x = np.asarray(x - self.offset)
        x *= self.factor
        return x

    def restore(self, x: Array) -> Array:
        with np.errstate(over="ignore"):  # computed in float64
            restored = np.asarray(x / self.factor)
            restored += self.offset
            return restored.astype(x.dtype, copy=False)


@dataclass(frozen=True)
class Mask(Step):
    """As many features follow: 1 where `Fill` found a value missing, else 0."""

    def apply(self, x: Array, lengths: Array | None, memory: dict[str, Array]) -> Array:
        return np.concatenate([x, memory.pop("absent")], axis=-1)

    def restore(self, x: Array) -> Array:
        return x[..., : x.shape[-1] // 2]


@dataclass(frozen=True)
class Forecast(Step):
    """A linear function of the last values of targets and inputs, to which nets add.

    Before the first step of a row its first values count. The last values are those of kept rows
    without their scaling.

    Parameters
    ----------
    features : tuple of int
        Those that hold the values of the targets.
    weights : ndarray (O, P)
        Of the value k steps before the current one, from k = 0.
    bias : ndarray (O,)
    scale : Scale, optional
        That of the rows.
    effects : ndarray (O, K), optional
        What one unit of each of the features `ahead` adds to a target. `weights` read values
        without it, and it is added to the forecast for `moved`, the values of the same columns at
        the time that is forecast.
    ahead, moved : tuple of int
    inputs : tuple of int
        Other features whose last values are read.
    input_weights : ndarray (O, Q, I'), optional
        Of the value of each of the `inputs` k steps before the current one, from k = 0.
    """

    features: tuple[int, ...]
    weights: Array
    bias: Array
    scale: Scale | None = None
    effects: Array | None = None
    ahead: tuple[int, ...] = ()
    moved: tuple[int, ...] = ()
    inputs: tuple[int, ...] = ()
    input_weights: Array | None = None

    @property
    def n_lags(self) -> int:
        """Number of last steps that are read."""
        P = self.weights.shape[1]
        return int(P if self.input_weights is None else max(P, self.input_weights.shape[1]))

    def learn(self, y: Array, rows: Rows) -> Array:
        return np.asarray(y - self.at(rows))

    def undo(self, y: Array, rows: Rows) -> Array:
        return np.asarray(y + self.at(rows))

    def at(self, rows: Rows) -> Array:
        """Return the forecast (N, T, O) after each step, or (N, O) after the last one of each row.

        Of a stream the steps before are those that its memory holds as `lags` (N, n_lags, I).
        """
        x, lags = rows.x, None
        if rows.memory is not None:
            lags = rows.memory["lags"]
            x = np.concatenate([np.where(np.isnan(lags), x[:, :1], lags), x], axis=1)
            rows.memory["lags"] = x[:, rows.x.shape[1] :]
        later: Array | float = 0.0
        values = _values(x, self.features, self.scale)
        others = _values(x, self.inputs, self.scale) if self.inputs else None
        alone = lags is not None
        if self.effects is not None:
            values = values - _times(_values(x, self.ahead, self.scale), self.effects.T, alone)
            later = _times(_values(x, self.moved, self.scale), self.effects.T, alone)
        if rows.every_step:
            every = self.at_each_step(values, others, alone) + later
            return np.asarray(every if lags is None else every[:, lags.shape[1] :])
        step = rows.last
        if self.effects is not None:
            later = np.asarray(later)[np.arange(len(x)), step]
        return np.asarray(self.at_step(values, step, others) + later)

    def at_each_step(
        self, values: Array, others: Array | None = None, alone: bool = False
    ) -> Array:
        """Return the forecast (N, T, O) without effects, at each step of values (N, T, O).

        `others` (N, T, I') are the values of `inputs`. With `alone` it is the same to the bit for
        any number of rows and steps.
        """
        T = values.shape[1]
        forecast = np.broadcast_to(self.bias, values.shape).copy()
        used = np.flatnonzero(self.weights.any(axis=0))
        size = 1 + MOST_CACHED * T // max(values.size, 1)
        for begin in range(0, T, size):
            part, end = forecast[:, begin : begin + size], min(begin + size, T)
            for k in used:
                first = min(max(k - begin, 0), end - begin)  # before it, the first value counts
                part[:, :first] += self.weights[:, k] * values[:, :1]
                part[:, first:] += self.weights[:, k] * values[:, begin + first - k : end - k]
        if self.input_weights is not None and others is not None:
            steps = np.arange(T)
            for k in np.flatnonzero(self.input_weights.any(axis=(0, 2))):
                read = others[:, np.maximum(steps - k, 0)]
                forecast += _times(read, self.input_weights[:, k].T, alone)
        return forecast

    def at_step(self, values: Array, step: Array, others: Array | None = None) -> Array:
        """Return the forecast (N, O) without effects, at one step (N,) of each row."""
        read = _before(values, step, self.weights.shape[1])
        forecast = np.einsum("nko,ok->no", read, self.weights) + self.bias
        if self.input_weights is not None and others is not None:
            read = _before(others, step, self.input_weights.shape[1])
            forecast = forecast + np.einsum("nki,oki->no", read, self.input_weights)
        return np.asarray(forecast)


@dataclass(frozen=True)
class WindowScale(Step):
    """What nets read of the targets, and what they add, is in units of each window's deviation.

    Series of very different size then count alike (reversible instance normalisation; Kim et al.,
    ICLR 2022). `features` hold the values of the targets, a `window` of 0 is all steps of a row,
    and `scale` is that of the rows.
    """

    features: tuple[int, ...]
    window: int
    scale: Scale | None = None
    net_only: ClassVar[bool] = True

    def apply(self, x: Array, lengths: Array | None, memory: dict[str, Array]) -> Array:
        inputs, features = np.array(x, np.float64), list(self.features)
        spread = self.spread(Rows(inputs, lengths))
        values = (inputs[..., features] - spread.location[:, None]) / spread.size[:, None]
        if lengths is not None:
            values = np.where(after_end(lengths, x.shape[1])[..., None], 0, values)
        inputs[..., features] = values
        return inputs

    def learn(self, y: Array, rows: Rows) -> Array:
        return np.asarray(y / self.spread(rows).size)

    def undo(self, y: Array, rows: Rows) -> Array:
        return np.asarray(y * self.spread(rows).size)

    def to_net(self, y: Array, rows: Rows) -> Array:
        flat = self.spread(rows).flat
        return np.where(flat, 0, np.clip(y, -LARGEST_TARGET, LARGEST_TARGET)).astype(y.dtype)

    def from_net(self, y: Array, rows: Rows) -> Array:
        return np.where(self.spread(rows).flat, 0, y).astype(y.dtype)

    def spread(self, rows: Rows) -> Spread:
        """Return the spread of the window before the last step of each row, or before each step."""
        if rows.spread is None:
            values = _values(rows.x, self.features, self.scale)
            if rows.every_step:
                rows.spread = spread_at_each_step(values, self.window)
            else:
                rows.spread = spread_at_step(values, rows.last, self.window)
        return rows.spread


@dataclass(frozen=True)
class TargetScale(Step):
    """A target y becomes (y - `offset`) * `factor`, each (O,)."""

    offset: Array
    factor: Array

    def learn(self, y: Array, rows: Rows) -> Array:
        return np.asarray((y - self.offset) * self.factor)

    def undo(self, y: Array, rows: Rows) -> Array:
        return _over_and_above(y, self.factor, self.offset)


@dataclass(frozen=True)
class Change(Step):
    """One of the `features` of kept rows is added to each output of nets, which learn the rest."""

    features: tuple[int, ...]

    def learn(self, y: Array, rows: Rows) -> Array:
        return np.asarray(y - self._current(rows))

    def undo(self, y: Array, rows: Rows) -> Array:
        return np.asarray(y + self._current(rows))

    def _current(self, rows: Rows) -> Array:
        current = np.asarray(rows.x[..., list(self.features)])
        if current.dtype == np.uint8:
            current = fractions(current, np.float64)
        return current if rows.every_step else current[np.arange(len(current)), rows.last]


def logarithms(values: Array, log: Sequence[bool]) -> Array:
    """Return values (..., O) with the logarithms of those of which there are any, `log` (O,)."""
    if not any(log):
        return values
    return np.where(log, np.log(np.where(log, values, 1)), values)


def exponentials(values: Array, log: Sequence[bool]) -> Array:
    """Return values (..., O) without the logarithms of those that have one, `log` (O,)."""
    if not any(log):
        return values
    with np.errstate(over="ignore"):  # infinite, which whoever compares them refuses
        return np.where(log, np.exp(np.where(log, values, 0)), values)


def unscaled(x: Array, features: Sequence[int], scale: Scale | None) -> Array:
    """Return some features of kept rows x (..., I) without their scaling."""
    chosen = list(features)
    values = x if chosen == list(range(x.shape[-1])) else x[..., chosen]
    if scale is None:
        return np.asarray(values)
    return _over_and_above(values, scale.factor[chosen], scale.offset[chosen])


def _over_and_above(values: Array, factor: Array, offset: Array) -> Array:
    """Return values / factor + offset, of many values with one copy of them."""
    over = np.asarray(values / factor)
    return np.add(over, offset, out=over if np.result_type(over, offset) == over.dtype else None)


def _before(values: Array, step: Array, n: int) -> Array:
    """Return the `n` last values (N, n, K) up to one step of each row of values (N, T, K)."""
    lags = np.maximum(step[:, None] - np.arange(n), 0)
    return np.asarray(values[np.arange(len(values))[:, None], lags])


def _values(x: Array, features: Sequence[int], scale: Scale | None) -> Array:
    """Return some features of kept rows without their scaling, in float64."""
    return np.asarray(unscaled(x, features, scale), np.float64)


def _times(x: Array, matrix: Array, alone: bool) -> Array:
    """Return x (N, T, K) @ matrix (K, O); `alone`, to the bit the same for any N and T."""
    if not alone:
        return np.asarray(x @ matrix)
    product = np.zeros((*x.shape[:-1], matrix.shape[1]))
    for k in np.flatnonzero(matrix.any(axis=1)):
        product += x[..., k, None] * matrix[k]
    return product
