"""Recurrent nets and dense layers as nodes of ONNX.

Sequences are (T, N, H) inside a recurrent net. Lengths never reach an operator: a forward layer is
read where a row ends, and a backward layer reads rows that are reversed up to their ends, which
every runtime computes alike.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hiddenstate.export.onnx.graph import Graph, ints
from hiddenstate.export.program import Convolution, Dense, Direction, Recurrent
from hiddenstate.system.typing import Array

GATES = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}
"""Where ONNX's gates (i, o, f, c; z, r, h) are in the order of a program (i, f, g, o; r, z, n)."""

OPERATORS = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "RNN", "rnn_relu": "RNN"}

ATTRIBUTES: dict[str, dict[str, Any]] = {
    "gru": {"linear_before_reset": 1},
    "rnn_relu": {"activations": ["Relu"]},
}

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

    def at_last(self, g: Graph, values: str, batch: int) -> str:
        """Return values (N, ...) at the last step of each row; `batch` is the axis of rows."""
        last = g.node("Sub", self.lengths, ints(1))
        rows = g.count(g.length(self.lengths, 0))
        pair = (last, rows) if batch == 1 else (rows, last)
        index = g.node("Concat", *(g.unsqueeze(each, 1) for each in pair), axis=1)
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
    y = g.node("Add", y, layer.bias.astype(np.float32))
    return y if layer.activation == "linear" else g.node(ACTIVATIONS[layer.activation], y)


def recurrent(
    g: Graph, cell: str, layer: Direction, x: str, state: tuple[str, ...] = ()
) -> list[str]:
    """Return h (T, N, H) of one layer in one direction, and the last state, each (1, N, H).

    `state` is what the layer begins with, each (1, N, H); zeros by default.
    """
    H = layer.hidden_weight.shape[1]
    weights = [
        g.weight(_in_order(cell, each)[None], axis=1)
        for each in (layer.input_weight, layer.hidden_weight)
    ]
    both = [_in_order(cell, each) for each in (layer.input_bias, layer.hidden_bias)]
    bias = _bias(g, np.concatenate(both)[None])
    attributes = ATTRIBUTES.get(cell, {})
    n = 3 if cell == "lstm" else 2
    begin = ("", *state) if state else ()
    y, *last = g.nodes(OPERATORS[cell], x, *weights, bias, *begin, n=n, hidden_size=H, **attributes)
    return [g.squeeze(y, 1), *last]


def _in_order(cell: str, array: Array) -> Array:
    """Return gates that are stacked as a program has them in the order of ONNX."""
    if cell not in GATES:
        return array
    parts = np.split(array, len(GATES[cell]))
    return np.concatenate([parts[i] for i in GATES[cell]])


def _bias(g: Graph, bias: Array) -> str:
    """Return a bias (1, n), stored without zeros at its end."""
    n = bias.shape[1]
    used = int(np.flatnonzero(bias[0]).max(initial=-1)) + 1
    if used * 2 > n or used == 0:
        return g.compact(bias)
    half = g.compact(bias[:, : n // 2])
    return g.node("Pad", half, ints(0, 0, 0, n - n // 2), mode="constant")


def outputs(g: Graph, net: Recurrent, x: str, ends: Ends) -> str:
    """Return the outputs of a net, (N, T, O) or (N, O), for prepared rows x (N, T, I)."""
    if net.stem:
        x, ends = _stem(g, net, x, ends)
    inputs, lasts = x, []
    x = g.transpose(x, 1, 0, 2)
    for number, layer in enumerate(net.layers):
        own = [recurrent(g, net.cell, layer[0], x)[0]]
        found = own[0]
        if len(layer) > 1:
            back = recurrent(g, net.cell, layer[1], _reversed(g, x, ends))[0]
            own.append(_reversed(g, back, ends))
            if number == len(net.layers) - 1 and net.readout == "last":
                lasts = [ends.at_last(g, each, 1) for each in (found, back)]
        x = own[0] if len(own) == 1 else g.node("Concat", *own, axis=2)
    if net.readout == "last":
        summary = g.node("Concat", *lasts, axis=1) if lasts else ends.at_last(g, x, 1)
    elif net.readout == "mean":
        summary = ends.mean(g, g.transpose(x, 1, 0, 2))
        if net.stem:
            summary = g.node("Concat", summary, ends.mean(g, inputs), axis=1)
    else:
        summary = g.transpose(x, 1, 0, 2)
    return dense(g, net.head, summary, net.readout == "steps")


def _reversed(g: Graph, x: str, ends: Ends) -> str:
    """Return x (T, N, H) with the steps of each row in reverse order."""
    return g.node("ReverseSequence", x, ends.lengths, time_axis=0, batch_axis=1)


def _stem(g: Graph, net: Recurrent, x: str, ends: Ends) -> tuple[str, Ends]:
    """Return the output (N, T, C) of the convolutions before a net, and where its rows end."""
    x = g.transpose(g.node("Where", g.unsqueeze(ends.read, 2), x, np.float32(0)), 0, 2, 1)
    for number, layer in enumerate(net.stem):
        x = g.node("Relu", _convolution(g, layer, x, net.causal))
        x = g.node("Where", g.unsqueeze(ends.read, 1), x, np.float32(0))
        if number == 0 and net.pool > 1:
            x, ends = _pooled(g, x, layer.weight.shape[0], net.pool, ends)
    return g.transpose(x, 0, 2, 1), ends


def _convolution(g: Graph, layer: Convolution, x: str, causal: bool) -> str:
    k = layer.weight.shape[2]
    before = k - 1 if causal else (k - 1) // 2
    weight, bias = g.weight(layer.weight), layer.bias.astype(np.float32)
    return g.node("Conv", x, weight, bias, kernel_shape=[k], pads=[before, k - 1 - before])


def _pooled(g: Graph, x: str, channels: int, pool: int, ends: Ends) -> tuple[str, Ends]:
    """Return means of `pool` steps (N, C, ceil(T / pool)), of those that belong to a row."""
    ones = np.ones((channels, 1, pool), np.float32)
    end = [0, pool - 1]
    sums = g.node("Conv", x, ones, kernel_shape=[pool], strides=[pool], pads=end, group=channels)
    n = g.length(sums, 2)
    begin = g.node("Mul", g.count(n), np.array(pool))
    rest = g.node("Sub", g.unsqueeze(ends.lengths, 1), begin)
    counts = g.node("Min", g.node("Max", rest, np.array(1)), np.array(pool))
    means = g.node("Div", sums, g.unsqueeze(g.cast(counts, np.float32), 1))
    lengths = g.node("Div", g.node("Add", ends.lengths, ints(pool - 1)), ints(pool))
    return means, Ends.of(g, lengths, n)


def advanced(
    g: Graph, net: Recurrent, x: str, state: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    """Return h (N, T, H) of the last layer after every step of x (N, T, I), and the last state.

    `state` is h and, of an lstm, c, each (N, L, H), as the last state is.
    """
    x = g.transpose(x, 1, 0, 2)
    by_layer = [g.transpose(each, 1, 0, 2) for each in state]
    lasts = []
    for number, (direction,) in enumerate(net.layers):
        own = by_layer
        if len(net.layers) > 1:
            own = [g.slice(each, number, number + 1, 0) for each in by_layer]
        x, *last = recurrent(g, net.cell, direction, x, tuple(own))
        lasts.append(last)
    joined = [
        part[0] if len(part) == 1 else g.node("Concat", *part, axis=0)
        for part in zip(*lasts, strict=True)
    ]
    return g.transpose(x, 1, 0, 2), tuple(g.transpose(each, 1, 0, 2) for each in joined)
