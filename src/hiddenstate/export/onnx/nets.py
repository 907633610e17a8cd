"""The layers of nets as nodes of ONNX: of whole rows, and of a stream, which carries a state.

Sequences are (T, N, H) inside a recurrent layer, else (N, T, C). Lengths never reach an operator: a
forward layer is read where a row ends, and a backward layer reads rows that are reversed up to
their ends, which every runtime computes alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hiddenstate.export.onnx.cells import CELLS
from hiddenstate.export.onnx.graph import END, Dims, Graph, ints
from hiddenstate.export.target import layers_in
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


@dataclass
class Advance:
    """A state of N series while steps pass through layers.

    Parameters
    ----------
    before : dict of str
        The arrays of the cell, each (N, L, H); of a mean `sum` (N, C) and `count` (N, 1); of
        convolutions `recent` (N, M); of means of steps `pooled` (N, C), `phase` (N, 1) and, for a
        mean of what follows, `means` (N, 1) in place of `count`.
    n_layers : int
        L.
    after : dict of list of str
        The parts of the state after the steps, along axis 1, but for `count`.
    read : int
        Numbers of `recent` that layers have read.
    split : dict of list of str
        The arrays of the cell by layer. Some versions of onnxruntime refuse slices in their place.
    """

    before: dict[str, str]
    n_layers: int
    after: dict[str, list[str]] = field(default_factory=dict)
    read: int = 0
    split: dict[str, list[str]] = field(default_factory=dict)

    def joined(self, g: Graph) -> dict[str, str]:
        """Return the state after the steps."""
        return {name: _joined(g, parts, 1) for name, parts in self.after.items()}

    def of_layer(self, g: Graph, name: str, layer: int) -> str:
        """Return the part of an array of the cell that a layer begins with, (1, N, H)."""
        if name not in self.split:
            x, L = g.transpose(self.before[name], 1, 0, 2), self.n_layers
            self.split[name] = [x] if L == 1 else g.nodes("Split", x, ints(*[1] * L), n=L, axis=0)
        return self.split[name][layer]

    def put(self, name: str, part: str) -> None:
        """Add a part of the state after the steps."""
        self.after.setdefault(name, []).append(part)


def advanced(
    g: Graph, net: Sequence[Layer], x: str, state: dict[str, str]
) -> tuple[str, dict[str, str]]:
    """Return what layers give after every step of x (N, T, I), and the state after the last, but
    for the number of steps; see :class:`Advance`."""
    own = Advance(state, sum(isinstance(layer, Recurrent) for layer in layers_in(net)))
    for number, layer in enumerate(net):
        if isinstance(layer, Pool):
            return _pooled(g, layer, net[number + 1 :], x, own)
        x = STREAMED[type(layer)](g, layer, x, own)
    return x, own.joined(g)


def _pooled(
    g: Graph, layer: Pool, rest: Sequence[Layer], x: str, own: Advance
) -> tuple[str, dict[str, str]]:
    """Return what layers give after every step from means of the steps so far.

    A loop: after each step, the layers' state is the one after it only if the mean is complete.
    """
    begin, early = dict(own.before), own.joined(g)
    if "recent" in begin:
        begin["recent"] = g.slice(begin["recent"], own.read, END, 1)
    shapes, head = carried((layer, *rest)), rest[-1]
    assert isinstance(head, Dense)
    one = (np.float32, (len(head.bias),))

    def step(value: str, _: str, *arrays: str) -> list[str]:
        before = dict(zip(shapes, arrays, strict=True))
        total = g.node("Add", before["pooled"], value)
        n = g.node("Add", before["phase"], np.int32(1))
        mean = g.node("Div", total, g.cast(n, np.float32))
        y, after = advanced(g, rest, g.unsqueeze(mean, 1), before)
        complete = g.node("Equal", n, np.int32(layer.steps))
        after |= {"pooled": g.node("Sub", total, total), "phase": g.node("Sub", n, n)}
        waits = {**before, "pooled": total, "phase": n}
        chosen = [
            g.node("Where", _like(g, complete, dims), after[name], waits[name])
            for name, (_, dims) in shapes.items()
        ]
        return [g.squeeze(y, 1), *chosen]

    rows = g.slice(g.node("Shape", x), 0, 1, 0)
    shape = g.node("Concat", rows, ints(len(head.bias)), axis=0)
    kinds: list[tuple[Any, Dims]] = [(t, ("rows", *dims)) for t, dims in (one, *shapes.values())]
    values = [g.node("Expand", np.float32(0), shape), *(begin[name] for name in shapes)]
    _, *last, y = g.scan(step, values, [g.transpose(x, 1, 0, 2)], *kinds)
    found = dict(zip(shapes, last, strict=True))
    if "recent" in early and "recent" in found:
        early["recent"] = _joined(g, [early["recent"], found.pop("recent")], 1)
    return g.transpose(y, 1, 0, 2), {**early, **found}


def _like(g: Graph, rows: str, dims: Sequence[int]) -> str:
    """Return a value of each row (N, 1) with as many axes as an array (N, *dims)."""
    return g.unsqueeze(rows, *range(2, len(dims) + 1)) if len(dims) > 1 else rows


def carried(net: Sequence[Layer]) -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Return type and shape of each array that layers carry, without the axis of series."""
    state: dict[str, tuple[Any, tuple[int, ...]]] = {}
    layers = layers_in(net)
    recurrent = [layer for layer in layers if isinstance(layer, Recurrent)]
    for name, zeros in recurrent[0].state(0).items():
        state[name] = (np.float32, (len(recurrent), zeros.shape[2]))
    recent = sum(_before(layer) for layer in layers if isinstance(layer, Convolution))
    state |= {"recent": (np.float32, (recent,))} if recent else {}
    for layer in layers:
        if isinstance(layer, Pool):
            state |= {"pooled": (np.float32, (layer.channels,)), "phase": (np.int32, (1,))}
        if isinstance(layer, Readout) and layer.kind == "mean":
            state |= {"sum": (np.float32, (layer.width,)), "means": (np.int32, (1,))}
    return state


def _before(layer: Convolution) -> int:
    """Return how many numbers of earlier steps a causal convolution reads."""
    _, inputs, k = layer.weight.shape
    return int((k - 1) * inputs)


def _slid(g: Graph, layer: Convolution, x: str, own: Advance) -> str:
    (_, inputs, k), n = layer.weight.shape, _before(layer)
    if n:
        recent = g.slice(own.before["recent"], own.read, own.read + n, 1)
        x = g.node("Concat", g.reshape(recent, 0, k - 1, inputs), x, axis=1)
        last = g.slice(x, 1 - k, END, 1)
        own.put("recent", g.reshape(last, 0, n))
        own.read += n
    weight, bias = g.weight(layer.weight), layer.bias.astype(np.float32)
    y = g.node("Conv", g.transpose(x, 0, 2, 1), weight, bias, kernel_shape=[k])
    return g.transpose(_activated(g, layer.activation, y), 0, 2, 1)


def _advanced_layer(g: Graph, layer: Recurrent, x: str, own: Advance) -> str:
    names = DECLARED[layer.cell].state
    begin = [own.of_layer(g, name, len(own.after.get(name, ()))) for name in names]
    add = CELLS[layer.cell]
    y, last = add(g, layer.directions[0], g.transpose(x, 1, 0, 2), tuple(begin))
    for name, part in zip(names, last, strict=True):
        own.put(name, g.transpose(part, 1, 0, 2))
    return g.transpose(y, 1, 0, 2)


def _advanced_beside(g: Graph, layer: Beside, x: str, own: Advance) -> str:
    y = x
    for each in layer.layers:
        y = STREAMED[type(each)](g, each, y, own)
    return g.node("Concat", y, x, axis=2)


def _means(g: Graph, layer: Readout, h: str, own: Advance) -> str:
    """Return the means of h (N, T, C) so far; of the last step h is the summary itself."""
    if layer.kind == "last":
        return h
    before, name = own.before, "means" if "means" in own.before else "count"
    sums = g.node("Add", g.unsqueeze(before["sum"], 1), g.node("CumSum", h, np.array(1)))
    steps = g.node("Add", g.count(g.length(h, 1)), np.array(1))
    counts = g.node("Add", before[name], g.cast(steps, np.int32))
    own.put("sum", g.squeeze(g.slice(sums, -1, END, 1), 1))
    if name == "means":
        own.put(name, g.slice(counts, -1, END, 1))
    return g.node("Div", sums, g.unsqueeze(g.cast(counts, np.float32), 2))


STREAMED: dict[type[Layer], Callable[..., str]] = {
    Convolution: _slid,
    Recurrent: _advanced_layer,
    Beside: _advanced_beside,
    Readout: _means,
    Dense: lambda g, layer, x, own: dense(g, layer, x, True),
}
"""Adds a layer to a graph of steps: (graph, layer, x, what its state is put into)."""
