"""The layers of nets: each maps rows and a state to rows and the state after them.

They compute in the float type of their input and of their weights, in plain loops over time: slow,
readable, and exact in float64. Shapes: B rows, T time steps, I inputs, C outputs, H hidden size, G
blocks of a cell, D directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiddenstate.program.cells import CELLS, STATES
from hiddenstate.program.equations import ACTIVATIONS, EQUATIONS, NORM_EPS
from hiddenstate.program.rows import Array

JOINED = {"recent": 1}
"""The axis along which arrays of one name in a state follow one another, if it is not 0."""


class Layer:
    """One layer of a net."""

    @property
    def whole_rows(self) -> bool:
        """Whether what it gives for a step depends on later ones."""
        return False

    def state(self, rows: int, dtype: Any = np.float64) -> dict[str, Array]:
        """Return its state before the first step of `rows` rows, by name; nothing by default."""
        return {}

    def _zeros(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Return an array of a state."""
        return np.zeros(shape, dtype)

    def forward(
        self, x: Array, lengths: Array | None, state: dict[str, Array]
    ) -> tuple[Array, Array | None, dict[str, Array]]:
        """Return what it gives for x (B, T, I), or (B, I), the lengths of that, and its last state.

        Row r is read for t < lengths[r], by default to its end, and what is given for later steps
        is zero.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Dense(Layer):
    """`activation(weight (C, I) x + bias (C,))`, of rows or of each step."""

    weight: Array
    bias: Array
    activation: str = "linear"

    def forward(
        self, x: Array, lengths: Array | None, state: dict[str, Array]
    ) -> tuple[Array, Array | None, dict[str, Array]]:
        """As :meth:`Layer.forward`."""
        y = ACTIVATIONS[self.activation](x @ self.weight.T + self.bias)
        return until(y, lengths) if y.ndim == 3 else y, lengths, {}


class Sliding(Layer):
    """What convolutions have in common: a window of steps that moves over a row."""

    causal: bool

    @property
    def whole_rows(self) -> bool:
        """Whether it reads later steps."""
        return not self.causal

    def _window(self) -> tuple[int, int]:
        """Return how many steps k it reads at once, and the numbers I of a step."""
        raise NotImplementedError

    def state(self, rows: int, dtype: Any = np.float64) -> dict[str, Array]:
        """Return, for a causal one that reads several steps, zeros before the first."""
        k, inputs = self._window()
        own = self.causal and k > 1
        return {"recent": self._zeros((rows, (k - 1) * inputs), dtype)} if own else {}

    def _around(
        self, x: Array, lengths: Array | None, state: dict[str, Array]
    ) -> tuple[Array, dict[str, Array]]:
        """Return x with the steps before and after it, T + k - 1 of them, and the next state."""
        (B, T, inputs), (k, _) = x.shape, self._window()
        if "recent" not in state:
            before = (k - 1) // 2
            return np.pad(x, ((0, 0), (before, k - 1 - before), (0, 0))), {}
        around = np.concatenate([state["recent"].reshape(B, k - 1, inputs), x], axis=1)
        ends = np.full(B, T) if lengths is None else lengths
        last = around[np.arange(B)[:, None], ends[:, None] + np.arange(k - 1)]
        return around, {"recent": last.reshape(B, -1)}


@dataclass(frozen=True)
class Convolution(Sliding):
    """A convolution over time.

    Step t reads steps t - (k - 1) // 2 to t + k // 2, or t - k + 1 to t if it is `causal`; steps
    outside of a row count as zeros. `weight` is (C, I, k) and `bias` (C,). A causal one carries the
    last k - 1 steps that it read: `recent` (B, (k - 1) * I), the earliest first.
    """

    weight: Array
    bias: Array
    causal: bool = False
    activation: str = "linear"

    def _window(self) -> tuple[int, int]:
        return self.weight.shape[2], self.weight.shape[1]

    def forward(
        self, x: Array, lengths: Array | None, state: dict[str, Array]
    ) -> tuple[Array, Array | None, dict[str, Array]]:
        """As :meth:`Layer.forward`."""
        around, after = self._around(until(x, lengths), lengths, state)
        T, k = x.shape[1], self.weight.shape[2]
        z = self.bias + sum(around[:, j : j + T] @ self.weight[:, :, j].T for j in range(k))
        return until(ACTIVATIONS[self.activation](z), lengths), lengths, after


@dataclass(frozen=True)
class Norm(Layer):
    """`activation((x - mean) / sqrt(variance + NORM_EPS) * scale + shift)`, each (C,)."""

    mean: Array
    variance: Array
    scale: Array
    shift: Array
    activation: str = "linear"

    def forward(
        self, x: Array, lengths: Array | None, state: dict[str, Array]
    ) -> tuple[Array, Array | None, dict[str, Array]]:
        """As :meth:`Layer.forward`."""
        normal = (x - self.mean) / np.sqrt(self.variance + NORM_EPS)
        y = ACTIVATIONS[self.activation](normal * self.scale + self.shift)
        return until(y, lengths), lengths, {}


@dataclass(frozen=True)
class Pool(Layer):
    """The mean of every `steps` steps; the last may be of fewer.

    Its state is the sum `pooled` (B, C) of the steps since the last complete mean, and their number
    `phase` (B,), less than `steps`. From a state it reads one step, and gives the mean so far; see
    :func:`run_layers`.
    """

    steps: int
    channels: int

    def state(self, rows: int, dtype: Any = np.float64) -> dict[str, Array]:
        """Return a sum of no step."""
        pooled = self._zeros((rows, self.channels), dtype)
        return {"pooled": pooled, "phase": np.zeros(rows, np.int64)}

    def forward(
        self, x: Array, lengths: Array | None, state: dict[str, Array]
    ) -> tuple[Array, Array | None, dict[str, Array]]:
        """As :meth:`Layer.forward`."""
        (B, T, C), steps, phase = x.shape, self.steps, state["phase"]
        n = -(-T // steps)
        padded = np.pad(x, ((0, 0), (0, n * steps - T), (0, 0)))
        ends = np.full(B, T) if lengths is None else lengths
        sums = padded.reshape(B, n, steps, C).sum(axis=2)
        counts = np.clip(ends[:, None] - np.arange(n) * steps, 1, steps)
        sums[:, 0] += state["pooled"]
        counts[:, 0] += phase
        means = sums / counts[:, :, None].astype(x.dtype)
        phase = (phase + ends) % steps
        last = np.where(phase[:, None] > 0, sums[np.arange(B), (ends - 1) // steps], 0)
        after = {"pooled": last.astype(x.dtype), "phase": phase}
        return means, None if lengths is None else -(-lengths // steps), after


@dataclass(frozen=True)
class Direction:
    """The weights of a recurrent layer in one direction.

    Blocks are stacked i, f, g, o (lstm), r, z, n (gru) and z, n (mingru).

    Parameters
    ----------
    inputs : tuple of ndarray
        The factors of W (G*H, I), the last one multiplied by x first: W itself, of low rank two of
        them, or none if the layer reads x as it is.
    hidden : tuple of ndarray
        Those of U (G*H, H); none of a cell without it.
    own : dict of ndarray
        The cell's own arrays by name.
    hidden_size : int
        H.
    states : int, default 0
        Complex numbers S of a state; 0 of a cell whose state has H numbers.
    """

    inputs: tuple[Array, ...]
    hidden: tuple[Array, ...]
    own: dict[str, Array]
    hidden_size: int
    states: int = 0

    @property
    def input_weight(self) -> Array:
        """W, (G*H, I); the identity if the layer reads x as it is."""
        return product(self.inputs, self.hidden_size)

    @property
    def hidden_weight(self) -> Array:
        """U, (G*H, H)."""
        return product(self.hidden, self.hidden_size)


def product(factors: tuple[Array, ...], size: int) -> Array:
    """Return the matrix that factors make; of none the identity of that size."""
    whole = factors[0] if factors else np.eye(size)
    for factor in factors[1:]:
        whole = whole @ factor
    return whole


def multiplied(factors: tuple[Array, ...], x: Array) -> Array:
    """Return rows of x (..., I) multiplied by factors, the last one first."""
    for factor in factors[::-1]:
        x = x @ factor.T
    return x


@dataclass(frozen=True)
class Sweeping(Layer):
    """What recurrent layers have in common: each direction sweeps over the steps of a row."""

    cell: str
    directions: tuple[Any, ...]

    @property
    def whole_rows(self) -> bool:
        """Whether there is a backward direction."""
        return len(self.directions) > 1

    def state(self, rows: int, dtype: Any = np.float64) -> dict[str, Array]:
        """Return the arrays of the cell, each (D, rows, H), or (D, rows, S) of complex states."""
        first = self.directions[0]
        shape = (len(self.directions), rows, first.states or first.hidden_size)
        return {name: self._zeros(shape, dtype) for name in CELLS[self.cell].state}

    def forward(
        self, x: Array, lengths: Array | None, state: dict[str, Array]
    ) -> tuple[Array, Array | None, dict[str, Array]]:
        """As :meth:`Layer.forward`."""
        names, x = CELLS[self.cell].state, until(x, lengths)
        read = None if lengths is None else np.arange(x.shape[1]) < lengths[:, None]
        outputs, lasts = [], []
        for number, direction in enumerate(self.directions):
            begin = tuple(state[name][number] for name in names)
            y, last = self._sweep(direction, x, read, begin, number == 1)
            outputs.append(y)
            lasts.append(last)
        after = {name: together([last[i][None] for last in lasts]) for i, name in enumerate(names)}
        return together(outputs, axis=2), lengths, after

    def _sweep(
        self,
        direction: Any,
        x: Array,
        read: Array | None,
        state: tuple[Array, ...],
        backward: bool,
    ) -> tuple[Array, tuple[Array, ...]]:
        """Run one direction; `read` (B, T) says which steps belong to a row."""
        T, kind = x.shape[1], np.result_type(x, *direction.own.values())
        y = np.zeros((*x.shape[:2], direction.hidden_size), kind)
        for t in range(T)[::-1] if backward else range(T):
            after = self._step(direction, x[:, t], state)
            given, after = after[0], after if CELLS[self.cell].carries_output else after[1:]
            if read is None:
                state = after
                y[:, t] = given
            else:
                here = read[:, t, None]
                state = tuple(np.where(here, new, old) for new, old in zip(after, state))
                y[:, t] = np.where(here, given, 0)
        return y, state

    def _step(self, direction: Any, x: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        """Return what a step of rows (B, I) gives, if the state has it not, and the next state."""
        raise NotImplementedError


@dataclass(frozen=True)
class Recurrent(Sweeping):
    """A recurrent layer: its forward direction and, if it reads both ways, the backward one.

    It gives H numbers at every step, (B, T, D*H), forward before backward: h, or what a block
    gives. The backward direction begins
    at the last step of a row, and its last state is that after t = 0. Of a row of length 0 the
    state does not change.

    Parameters
    ----------
    cell : str
        One of :data:`hiddenstate.program.cells.CELLS`.
    directions : tuple of Direction
    """

    cell: str
    directions: tuple[Direction, ...]

    def _step(self, direction: Direction, x: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        uh = multiplied(direction.hidden, state[0]) if CELLS[self.cell].hidden else None
        wx = multiplied(direction.inputs, x)
        return EQUATIONS[self.cell](wx, uh, state, **direction.own)


@dataclass(frozen=True)
class Beside(Layer):
    """Layers whose input stands beside their output, (B, T, C + I)."""

    layers: tuple[Layer, ...]

    @property
    def whole_rows(self) -> bool:
        """Whether one of the layers reads whole rows."""
        return any(layer.whole_rows for layer in self.layers)

    def state(self, rows: int, dtype: Any = np.float64) -> dict[str, Array]:
        """Return the state of the layers."""
        return state_of(self.layers, rows, dtype)

    def forward(
        self, x: Array, lengths: Array | None, state: dict[str, Array]
    ) -> tuple[Array, Array | None, dict[str, Array]]:
        """As :meth:`Layer.forward`."""
        y, ends, after = run_layers(self.layers, x, lengths, state)
        return np.concatenate([y, x], axis=2), ends, after


@dataclass(frozen=True)
class Readout(Layer):
    """One row of numbers, (B, C), from those of all steps.

    Parameters
    ----------
    kind : {"last", "mean"}
        What the last step gives, or the mean over the steps that were read since the state began.
    width : int
        Numbers C of a step.
    backward : int, default 0
        How many of them, the last ones, belong to a backward direction, which ends at t = 0.
    """

    kind: str
    width: int
    backward: int = 0

    def state(self, rows: int, dtype: Any = np.float64) -> dict[str, Array]:
        """Return, for a mean, the sum (rows, C) of the steps and their number (rows,)."""
        if self.kind == "last":
            return {}
        total = self._zeros((rows, self.width), dtype)
        return {"sum": total, "count": np.zeros(rows, np.int64)}

    def forward(
        self, x: Array, lengths: Array | None, state: dict[str, Array]
    ) -> tuple[Array, Array | None, dict[str, Array]]:
        """As :meth:`Layer.forward`, for a mean with zeros after the end of a row."""
        if self.kind == "mean":
            count = state["count"] + (x.shape[1] if lengths is None else lengths)
            total = state["sum"] + x.sum(axis=1)
            mean = total / count[:, None].astype(x.dtype)
            return mean, None, {"sum": total, "count": count}
        last = x[:, -1] if lengths is None else x[np.arange(len(x)), lengths - 1]
        if self.backward:
            forward = self.width - self.backward
            last = np.concatenate([last[:, :forward], x[:, 0, forward:]], axis=1)
        return last, None, {}


def state_of(layers: Sequence[Layer], rows: int, dtype: Any = np.float64) -> dict[str, Array]:
    """Return the state of layers before the first step: arrays of one name follow one another."""
    return _joined([layer.state(rows, dtype) for layer in layers])


def run_layers(
    layers: Sequence[Layer],
    x: Array,
    lengths: Array | None = None,
    state: dict[str, Array] | None = None,
) -> tuple[Array, Array | None, dict[str, Array]]:
    """Run layers one after the other, as :meth:`Layer.forward`; `state` is as in `state_of`.

    Steps after a `Pool` are its means. From a `state`, x has one step, and what is given is from a
    mean of the steps so far; until that is complete, the layers after the pool keep their state.
    """
    parts: list[dict[str, Array]] = []
    places: dict[str, int] = {}
    complete: Array | None = None
    for layer in layers:
        before = layer.state(len(x), x.dtype)
        if state is not None:
            for name, zeros in before.items():
                axis, place = JOINED.get(name, 0), places.get(name, 0)
                places[name] = place + zeros.shape[axis]
                own = (slice(None),) * axis + (slice(place, places[name]),)
                before[name] = state[name][own]
        x, lengths, after = layer.forward(x, lengths, before)
        if complete is not None:
            after = {name: _of_rows(name, complete, a, before[name]) for name, a in after.items()}
        if state is not None and isinstance(layer, Pool):
            complete = after["phase"] == 0
        parts.append(after)
    return x, lengths, _joined(parts)


def _of_rows(name: str, which: Array, one: Array, other: Array) -> Array:
    """Return an array of a state, that of `one` in some rows and of `other` elsewhere."""
    rows = (1, -1, 1) if name in STATES else (-1,) + (1,) * (one.ndim - 1)
    return np.where(which.reshape(rows), one, other)


def _joined(parts: Sequence[dict[str, Array]]) -> dict[str, Array]:
    names = dict.fromkeys(name for part in parts for name in part)
    arrays = {name: [part[name] for part in parts if name in part] for name in names}
    return {name: together(own, JOINED.get(name, 0)) for name, own in arrays.items()}


def together(arrays: list[Array], axis: int = 0) -> Array:
    """Return arrays one after the other along an axis; a single one is not copied."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis)


def until(x: Array, lengths: Array | None) -> Array:
    """Return x (B, T, C) with zeros after the end of each row; what is there may be NaN."""
    if lengths is None:
        return x
    read = np.arange(x.shape[1]) < lengths[:, None]
    return np.where(read[:, :, None], x, np.zeros((), x.dtype))
