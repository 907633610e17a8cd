"""Gradients of what a net gives by what it reads, in float64: recurrent layers by the backward pass
of the kernels, the layers around them in numpy.

Shapes: B rows of one length, T time steps, I inputs, C outputs, H hidden size, D directions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hiddenstate.kernels import level, native, why_not
from hiddenstate.program.cells import CELLS
from hiddenstate.program.equations import ACTIVATIONS
from hiddenstate.program.layers import (
    Beside,
    Convolution,
    Dense,
    Direction,
    Layer,
    Norm,
    Pool,
    Readout,
    Recurrent,
)
from hiddenstate.program.lowering import norm_factor
from hiddenstate.system.typing import Array

Pull = Callable[[Array], Array]
"""From the gradient of what a layer gives to that of what it reads."""

SLOPES: dict[str, Callable[[Array], Array]] = {
    "linear": np.ones_like,
    "tanh": lambda y: 1 - y * y,
    "relu": lambda y: (y > 0).astype(y.dtype),
    "sigmoid": lambda y: y * (1 - y),
}
"""The slope of each activation, from what it gives."""


def with_gradient(
    net: Sequence[Layer], x: Array, begin: Mapping[str, Array] | None = None
) -> tuple[Array, Pull]:
    """Return what a net gives for rows, and what turns a gradient of that into one of the rows.

    Parameters
    ----------
    net : sequence of Layer
        In float64.
    x : ndarray (B, T, I)
        Rows of one length, as the net reads them.
    begin : mapping of ndarray, optional
        The state that all rows begin with, of recurrent layers alone: by name (L*D, 1, H).

    Returns
    -------
    y : ndarray (B, C) or (B, T, C)
    pull : callable
        From a gradient with the shape of y to one with that of x.

    Raises
    ------
    RuntimeError
        If the kernels are off or were not built.
    """
    pulls, place = list[Pull](), 0
    for layer in net:
        if isinstance(layer, Recurrent):
            own = slice(place, place + len(layer.directions))
            state = {name: array[own] for name, array in (begin or {}).items()}
            x, pull = _recurrent(layer, x, state)
            place = own.stop
        else:
            x, pull = _LAYERS[type(layer)](layer, x)
        pulls.append(pull)

    def pulled(grad: Array) -> Array:
        for pull in reversed(pulls):
            grad = pull(grad)
        return grad

    return x, pulled


def _dense(layer: Dense, x: Array) -> tuple[Array, Pull]:
    y = ACTIVATIONS[layer.activation](x @ layer.weight.T + layer.bias)
    return y, lambda grad: (grad * SLOPES[layer.activation](y)) @ layer.weight


def _convolution(layer: Convolution, x: Array) -> tuple[Array, Pull]:
    T, k = x.shape[1], layer.weight.shape[2]
    before = k - 1 if layer.causal else (k - 1) // 2
    around = np.pad(x, ((0, 0), (before, k - 1 - before), (0, 0)))
    z = layer.bias + sum(around[:, j : j + T] @ layer.weight[:, :, j].T for j in range(k))
    y = ACTIVATIONS[layer.activation](z)

    def pull(grad: Array) -> Array:
        grad, whole = grad * SLOPES[layer.activation](y), np.zeros(around.shape)
        for j in range(k):
            whole[:, j : j + T] += grad @ layer.weight[:, :, j]
        return whole[:, before : before + T]

    return y, pull


def _norm(layer: Norm, x: Array) -> tuple[Array, Pull]:
    factor = norm_factor(layer)
    y = ACTIVATIONS[layer.activation]((x - layer.mean) * factor + layer.shift)
    return y, lambda grad: grad * SLOPES[layer.activation](y) * factor


def _pool(layer: Pool, x: Array) -> tuple[Array, Pull]:
    (B, T, C), steps = x.shape, layer.steps
    n = -(-T // steps)
    counts = np.minimum(steps, T - steps * np.arange(n))[:, None]
    padded = np.pad(x, ((0, 0), (0, n * steps - T), (0, 0)))
    y = padded.reshape(B, n, steps, C).sum(axis=2) / counts
    return y, lambda grad: np.repeat(grad / counts, steps, axis=1)[:, :T]


def _beside(layer: Beside, x: Array) -> tuple[Array, Pull]:
    y, pull = with_gradient(layer.layers, x)
    C = y.shape[2]
    return np.concatenate([y, x], axis=2), lambda grad: pull(grad[..., :C]) + grad[..., C:]


def _readout(layer: Readout, x: Array) -> tuple[Array, Pull]:
    T, forward = x.shape[1], layer.width - layer.backward

    def pull(grad: Array) -> Array:
        if layer.kind == "mean":
            return np.repeat(grad[:, None] / T, T, axis=1)
        steps = np.zeros(x.shape)
        steps[:, -1, :forward] = grad[:, :forward]
        steps[:, 0, forward:] += grad[:, forward:]
        return steps

    return layer.forward(x, None, layer.state(len(x)))[0], pull


def _recurrent(layer: Recurrent, x: Array, begin: Mapping[str, Array]) -> tuple[Array, Pull]:
    kernel_level = level()
    if kernel_level is None:
        raise RuntimeError(f"the kernels compute no gradient: {why_not()}")
    cell, directions, first = CELLS[layer.cell], layer.directions, layer.directions[0]
    (B, T, inputs), x = x.shape, np.ascontiguousarray(x, np.float64)
    size = first.states or first.hidden_size
    compiled = native().Layer64(
        kernel_level, layer.cell, inputs, first.hidden_size, 1, len(directions), first.states
    )
    weights = [array for each in directions for array in _weights(layer.cell, each)]
    y = np.zeros((B, T, len(directions) * first.hidden_size))
    last = [np.zeros((len(directions), B, size)) for _ in cell.state]
    read, none = (_place(x), B, T, 0, 0), [0] * len(cell.state)
    states = [
        np.ascontiguousarray(np.repeat(begin[name], B, axis=1), np.float64)
        for name in cell.state
        if begin
    ]
    start = _at(states) if states else none
    compiled.forward(*read, _at(weights), start, _place(y), _at(last), size, True, 1)

    def pull(grad: Array) -> Array:
        grad, inputs_grad = np.ascontiguousarray(grad, np.float64), np.zeros(x.shape)
        given = _place(grad), none, _place(inputs_grad), none
        compiled.backward(*given, [0] * len(weights), B, size, 1)
        return inputs_grad

    return y, pull


def _weights(cell: str, direction: Direction) -> list[Array]:
    """Return the arrays of a direction in the order of the kernels, with whole matrices."""
    kind, H = CELLS[cell], direction.hidden_size
    whole = {kind.inputs: direction.input_weight}
    if kind.hidden:
        whole[kind.hidden] = direction.hidden_weight
    arrays = [
        whole[weight.name] if weight.name in whole else direction.own.get(weight.name, np.zeros(H))
        for weight in kind.weights  # a layer that reads its input as it is adds nothing to it
    ]
    return [np.ascontiguousarray(array, np.float64) for array in arrays]


def _place(x: Array) -> tuple[int, int, int]:
    """Return the address of rows (B, T, n), and how far rows and steps are apart."""
    return x.ctypes.data, x.shape[1] * x.shape[2], x.shape[2]


def _at(arrays: Sequence[Array]) -> list[int]:
    return [array.ctypes.data for array in arrays]


_LAYERS: dict[type[Layer], Callable[[Any, Array], tuple[Array, Pull]]] = {
    Dense: _dense,
    Convolution: _convolution,
    Norm: _norm,
    Pool: _pool,
    Beside: _beside,
    Readout: _readout,
}
