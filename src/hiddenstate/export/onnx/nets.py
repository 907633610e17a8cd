"""The layers of nets as nodes of ONNX: of whole rows, and of a stream, which carries a state.

Sequences are (T, N, H) inside a recurrent layer, else (N, T, C). Lengths never reach an operator: a
forward layer is read where a row ends, and a backward layer reads rows that are reversed up to
their ends, which every runtime computes alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hiddenstate.export.onnx.cells import CELLS
from hiddenstate.export.onnx.graph import END, Graph, ints
from hiddenstate.program.cells import CELLS as DECLARED
from hiddenstate.program.layers import (
    Beside,
    Convolution,
    Dense,
    Layer,
    Pool,
    Readout,
    Recurrent,
)

ACTIVATIONS = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid"}


@dataclass(frozen=True)
class Ends:
    """Where rows end.

    Parameters
    ----------
    lengths : str
        (N,), from 1 to T.
    read : str
        (N, T): which steps belong to a row.
    """

    lengths: str
    read: str

    @classmethod
    def of(cls, g: Graph, lengths: str, T: str) -> "Ends":
        """Return the ends of rows of `lengths` in T steps."""
        return cls(lengths, g.node("Less", g.count(T), g.unsqueeze(lengths, 1)))

    def at_last(self, g: Graph, values: str) -> str:
        """Return values (N, T, ...) at the last step of each row."""
        last = g.node("Sub", self.lengths, ints(1))
        rows = g.count(g.length(self.lengths, 0))
        index = g.node("Concat", *(g.unsqueeze(each, 1) for each in (rows, last)), axis=1)
        return g.node("GatherND", values, index)

    def mean(self, g: Graph, values: str) -> str:
        """Return the mean of values (N, T, H) over the steps of each row."""
        own = g.node("Where", g.unsqueeze(self.read, 2), values, np.float32(0))
        count = g.cast(g.unsqueeze(self.lengths, 1), np.float32)
        return g.node("Div", g.node("ReduceSum", own, ints(1), keepdims=0), count)


def dense(g: Graph, layer: Dense, x: str, every: bool = False) -> str:
    """Return a dense layer of x (N, inputs) or, of `every` step, (N, T, inputs).

    A weight of int8 has a third axis: onnxruntime replaces the product with one of two axes by one
    that rounds x to int8, too.
    """
    if g.int8:
        y = g.node("MatMul", x, g.weight(layer.weight.T[None], axis=2))
        y = y if every else g.squeeze(y, 0)
    else:
        y = g.node("MatMul", x, g.weight(layer.weight.T))
    return _activated(g, layer.activation, g.node("Add", y, layer.bias.astype(np.float32)))


def _activated(g: Graph, activation: str, y: str) -> str:
    return y if activation == "linear" else g.node(ACTIVATIONS[activation], y)


def outputs(g: Graph, net: Sequence[Layer], x: str, ends: Ends | None) -> tuple[str, Ends | None]:
    """Return what layers give for x, (N, T, I) or without `ends` (N, I), and where that ends."""
    for layer in net:
        x, ends = LAYERS[type(layer)](g, layer, x, ends)
    return x, ends


def _dense(g: Graph, layer: Dense, x: str, ends: Ends | None) -> tuple[str, Ends | None]:
    return dense(g, layer, x, ends is not None), ends


def _recurrent(g: Graph, layer: Recurrent, x: str, ends: Ends) -> tuple[str, Ends]:
    x, parts = g.transpose(x, 1, 0, 2), []
    for number, direction in enumerate(layer.directions):
        read = _reversed(g, x, ends) if number else x
        h = CELLS[layer.cell](g, direction, read, ())[0]
        parts.append(_reversed(g, h, ends) if number else h)
    return g.transpose(_joined(g, parts, 2), 1, 0, 2), ends


def _reversed(g: Graph, x: str, ends: Ends) -> str:
    """Return x (T, N, H) with the steps of each row in reverse order."""
    return g.node("ReverseSequence", x, ends.lengths, time_axis=0, batch_axis=1)


def _joined(g: Graph, parts: Sequence[str], axis: int) -> str:
    return parts[0] if len(parts) == 1 else g.node("Concat", *parts, axis=axis)


def _beside(g: Graph, layer: Beside, x: str, ends: Ends) -> tuple[str, Ends]:
    y, _ = outputs(g, layer.layers, x, ends)
    return g.node("Concat", y, x, axis=2), ends


def _readout(g: Graph, layer: Readout, x: str, ends: Ends) -> tuple[str, None]:
    if layer.kind == "mean":
        return ends.mean(g, x), None
    last, forward = ends.at_last(g, x), layer.width - layer.backward
    if layer.backward:
        first = g.squeeze(g.slice(x, 0, 1, 1), 1)
        parts = g.slice(last, 0, forward, 1), g.slice(first, forward, END, 1)
        last = g.node("Concat", *parts, axis=1)
    return last, None


def _convolution(g: Graph, layer: Convolution, x: str, ends: Ends) -> tuple[str, Ends]:
    k = layer.weight.shape[2]
    before = k - 1 if layer.causal else (k - 1) // 2
    weight, bias = g.weight(layer.weight), layer.bias.astype(np.float32)
    x = _until(g, g.transpose(x, 0, 2, 1), ends)
    y = g.node("Conv", x, weight, bias, kernel_shape=[k], pads=[before, k - 1 - before])
    return g.transpose(_activated(g, layer.activation, y), 0, 2, 1), ends


def _until(g: Graph, x: str, ends: Ends) -> str:
    """Return x (N, C, T) with zeros after the end of each row."""
    return g.node("Where", g.unsqueeze(ends.read, 1), x, np.float32(0))


def _pool(g: Graph, layer: Pool, x: str, ends: Ends) -> tuple[str, Ends]:
    """Return means of some steps (N, ceil(T / steps), C), of those that belong to a row."""
    pool = layer.steps
    T = g.length(x, 1)
    n = g.node("Div", g.node("Add", T, np.array(pool - 1)), np.array(pool))
    rest = g.node("Sub", g.node("Mul", n, np.array(pool)), T)
    pads = g.node("Concat", np.zeros(5, np.int64), g.unsqueeze(rest, 0), axis=0)
    x = g.node("Pad", _until(g, g.transpose(x, 0, 2, 1), ends), pads)
    sums = g.node("ReduceSum", g.reshape(x, 0, 0, -1, pool), ints(3), keepdims=0)
    begin = g.node("Mul", g.count(n), np.array(pool))
    rest = g.node("Sub", g.unsqueeze(ends.lengths, 1), begin)
    counts = g.node("Min", g.node("Max", rest, np.array(1)), np.array(pool))
    means = g.node("Div", sums, g.unsqueeze(g.cast(counts, np.float32), 1))
    lengths = g.node("Div", g.node("Add", ends.lengths, ints(pool - 1)), ints(pool))
    return g.transpose(means, 0, 2, 1), Ends.of(g, lengths, n)


LAYERS: dict[type[Layer], Callable[..., tuple[str, Ends | None]]] = {
    Convolution: _convolution,
    Pool: _pool,
    Recurrent: _recurrent,
    Beside: _beside,
    Readout: _readout,
    Dense: _dense,
}
"""Adds a layer to a graph of whole rows: (graph, layer, x, ends) to what it gives and its ends."""


def advanced(
    g: Graph, net: Sequence[Layer], x: str, state: dict[str, str]
) -> tuple[str, dict[str, str]]:
    """Return what layers give after every step of x (N, T, I), and the state after the last.

    `state` has the arrays of the cell, each (N, L, H), and of a mean `sum` (N, H) and `count`
    (N, 1).
    """
    after: dict[str, list[str]] = {}
    n_layers = sum(isinstance(layer, Recurrent) for layer in net)
    for layer in net:
        x = STREAMED[type(layer)](g, layer, x, state, after, n_layers)
    return x, {name: _joined(g, parts, 1) for name, parts in after.items()}


def _advanced_layer(
    g: Graph,
    layer: Recurrent,
    x: str,
    state: dict[str, str],
    after: dict[str, list[str]],
    n_layers: int,
) -> str:
    names, begin = DECLARED[layer.cell].state, []
    for name in names:
        number, before = len(after.get(name, ())), g.transpose(state[name], 1, 0, 2)
        begin.append(before if n_layers == 1 else g.slice(before, number, number + 1, 0))
    add = CELLS[layer.cell]
    y, last = add(g, layer.directions[0], g.transpose(x, 1, 0, 2), tuple(begin))
    for name, part in zip(names, last, strict=True):
        after.setdefault(name, []).append(g.transpose(part, 1, 0, 2))
    return g.transpose(y, 1, 0, 2)


def _means(
    g: Graph,
    layer: Readout,
    h: str,
    state: dict[str, str],
    after: dict[str, list[str]],
    n_layers: int,
) -> str:
    """Return the means of h (N, T, H) so far; of the last step h is the summary itself."""
    if layer.kind == "last":
        return h
    sums = g.node("Add", g.unsqueeze(state["sum"], 1), g.node("CumSum", h, np.array(1)))
    steps = g.node("Add", g.count(g.length(h, 1)), np.array(1))
    counts = g.node("Add", state["count"], g.cast(steps, np.int32))
    after["sum"] = [g.squeeze(g.slice(sums, -1, END, 1), 1)]
    return g.node("Div", sums, g.unsqueeze(g.cast(counts, np.float32), 2))


STREAMED: dict[type[Layer], Callable[..., str]] = {
    Recurrent: _advanced_layer,
    Readout: _means,
    Dense: lambda g, layer, x, state, after, n_layers: dense(g, layer, x, True),
}
"""Adds a layer to a graph of steps; what it carries from them is put into `after`."""
