"""The recurrent cells as nodes of ONNX: operators that it has, and loops over a step.

Each reads x (T, N, I) and gives h (T, N, H) and the last state, arrays (1, N, H), of an LRU
(1, N, S).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from hiddenstate.export.onnx.graph import Graph, ints
from hiddenstate.program.cells import CELLS as DECLARED
from hiddenstate.program.equations import NORM_EPS, sigmoid
from hiddenstate.program.layers import Direction
from hiddenstate.system.typing import Array


@dataclass(frozen=True)
class Operator:
    """An operator that is a cell.

    Parameters
    ----------
    name : str
    blocks : tuple of int
        Which blocks of a program its blocks are.
    attributes : dict
    """

    name: str
    blocks: tuple[int, ...] = (0,)
    attributes: dict[str, Any] = field(default_factory=dict)


OPERATORS = {
    "rnn_tanh": Operator("RNN"),
    "rnn_relu": Operator("RNN", attributes={"activations": ["Relu"]}),
    "gru": Operator("GRU", (1, 0, 2), {"linear_before_reset": 1}),  # z, r, h of r, z, n
    "lstm": Operator("LSTM", (0, 3, 1, 2)),  # i, o, f, c of i, f, g, o
}


def _operator(
    cell: str, g: Graph, own: Direction, x: str, state: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    operator = OPERATORS[cell]

    def in_order(array: Array) -> Array:
        parts = np.split(array, len(operator.blocks))
        return np.concatenate([parts[i] for i in operator.blocks])

    weights = [
        g.weight(in_order(each)[None], axis=1) for each in (own.input_weight, own.hidden_weight)
    ]
    bias = _bias(g, np.concatenate([in_order(each) for each in own.own.values()])[None])
    begin = ("", *state) if state else ()
    n = 1 + len(DECLARED[cell].state)
    attributes = {"hidden_size": own.hidden_size, **operator.attributes}
    y, *last = g.nodes(operator.name, x, *weights, bias, *begin, n=n, **attributes)
    return g.squeeze(y, 1), tuple(last)


def _bias(g: Graph, bias: Array) -> str:
    """Return a bias (1, n), stored without zeros at its end."""
    n = bias.shape[1]
    used = int(np.flatnonzero(bias[0]).max(initial=-1)) + 1
    if used * 2 > n or used == 0:
        return g.compact(bias)
    half = g.compact(bias[:, : n // 2])
    return g.node("Pad", half, ints(0, 0, 0, n - n // 2), mode="constant")


Step = Callable[..., tuple[str, ...]]
"""Adds one step: (values of sequences, U h, and the state before) to the state after it."""

Loop = tuple[list[str], Step]
"""Sequences, the first axis of which are steps, and what adds one step."""


def _fastgrnn(
    g: Graph, wx: str, bias_gate: Array, bias_update: Array, zeta: Array, nu: Array
) -> Loop:
    """h' = z h + (s (1 - z) + n) c, s and n the sigmoids of zeta and nu."""
    gate, update = g.compact(bias_gate), g.compact(bias_update)
    s, n = (sigmoid(each).astype(np.float32) for each in (zeta, nu))

    def step(wx: str, uh: str, h: str) -> tuple[str, ...]:
        a = g.node("Add", wx, uh)
        z = g.node("Sigmoid", g.node("Add", a, gate))
        c = g.node("Tanh", g.node("Add", a, update))
        share = g.node("Add", g.node("Mul", s, g.node("Sub", np.float32(1), z)), n)
        return (g.node("Add", g.node("Mul", z, h), g.node("Mul", share, c)),)

    return [wx], step


def _mingru(g: Graph, wx: str, bias_ih: Array) -> Loop:
    """h' = (1 - z) h + z n; z and n follow from the input, and so for all steps at once."""
    a, H = g.node("Add", wx, g.compact(bias_ih)), len(bias_ih) // 2
    z, n = g.nodes("Split", a, ints(H, H), n=2, axis=2)
    z = g.node("Sigmoid", z)
    positive = g.node("Less", np.float32(0), n)
    n = g.node("Where", positive, g.node("Add", n, np.float32(0.5)), g.node("Sigmoid", n))
    kept, new = g.node("Sub", np.float32(1), z), g.node("Mul", z, n)

    def step(kept: str, new: str, h: str) -> tuple[str, ...]:
        return (g.node("Add", g.node("Mul", kept, h), new),)

    return [kept, new], step


LOOPS: dict[str, Callable[..., Loop]] = {"fastgrnn": _fastgrnn, "mingru": _mingru}
"""Of gated cells without an operator, what makes a loop of W x and of their own arrays."""


def _loop(
    cell: str, g: Graph, own: Direction, x: str, state: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    """Multiply the inputs of all steps at once, and go through the steps."""
    hidden = [_matrix(g, each) for each in own.hidden]
    sequences, add = LOOPS[cell](g, _multiplied(g, own.inputs, x), **own.own)
    H = own.hidden_size
    shape = g.node("Concat", ints(1), _rows(g, x), ints(H), axis=0)
    begin = state or (g.node("Expand", np.float32(0), shape),) * len(DECLARED[cell].state)
    kinds = [(np.float32, (1, "rows", H))] * len(begin)

    def step(*values: str) -> tuple[str, ...]:
        given, before = values[: len(sequences)], values[len(sequences) :]
        uh = before[0]
        for matrix in hidden[::-1]:
            uh = g.node("MatMul", uh, matrix)
        return add(*given, *([uh] if hidden else []), *before)

    *last, y = g.scan(step, begin, sequences, *kinds)
    return g.squeeze(y, 1), tuple(last)


def _matrix(g: Graph, weight: Array) -> str:
    """Return a matrix that rows are multiplied by; of int8 it has a third axis, as in a dense
    layer."""
    return g.weight(weight.T[None], axis=2)


def _multiplied(g: Graph, factors: tuple[Array, ...], x: str) -> str:
    """Return x (T, N, I) multiplied by the factors of a matrix, the last one first."""
    for factor in factors[::-1]:
        x = g.node("MatMul", x, _matrix(g, factor))
    return x


def _rows(g: Graph, x: str) -> str:
    """Return N of x (T, N, I), as a list of one number."""
    return g.slice(g.node("Shape", x), 1, 2, 0)


def _lru(g: Graph, own: Direction, x: str, state: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """u + p sigmoid(q), (p, q) of gelu(C s + D n), n the norm of u and s' = lambda s + B n.

    The state is (N, 2, S) and float64 inside the loop: a state adds up what is rounded off an
    eigenvalue in float32 a thousand times.
    """
    S, arrays = own.states, own.own
    u = _multiplied(g, own.inputs, x)
    u = g.node("Add", u, g.compact(arrays["bias_in"])) if own.inputs else u
    n = _normal(g, u, g.compact(arrays["norm_weight"]), g.compact(arrays["norm_bias"]))
    drive = arrays["weight_ih"] * np.exp(np.tile(arrays["gamma"], 2))[:, None]
    drive = g.reshape(g.cast(_multiplied(g, (drive,), n), np.float64), 0, 0, 2, S)
    turn = np.exp(-np.exp(arrays["nu"]) + 1j * np.exp(arrays["theta"]))
    across = np.stack([-turn.imag, turn.imag])

    def step(drive: str, s: str) -> tuple[str, ...]:
        swapped = g.node("Gather", s, ints(1, 0), axis=1)
        turned = g.node("Add", g.node("Mul", s, turn.real), g.node("Mul", swapped, across))
        return (g.node("Add", turned, drive),)

    if state:
        begin = g.cast(g.node("Concat", *(g.transpose(p, 1, 0, 2) for p in state), axis=1), float)
    else:
        shape = g.node("Concat", _rows(g, x), ints(2, S), axis=0)
        begin = g.node("Expand", np.float64(0), shape)
    last, s = g.scan(step, [begin], [drive], (np.float64, ("rows", 2, S)))
    s = g.reshape(g.cast(s, np.float32), 0, 0, 2 * S)
    y = _multiplied(g, (arrays["weight_ho"],), s)
    y = _gelu(g, g.node("Add", y, g.node("Mul", g.compact(arrays["skip"]), n)))
    both = g.node("Add", _multiplied(g, (arrays["weight_glu"],), y), g.compact(arrays["bias_glu"]))
    p, q = g.nodes("Split", both, ints(*[own.hidden_size] * 2), n=2, axis=2)
    h = g.node("Add", u, g.node("Mul", p, g.node("Sigmoid", q)))
    parts = g.nodes("Split", g.cast(last, np.float32), ints(1, 1), n=2, axis=1)
    return h, tuple(g.transpose(part, 1, 0, 2) for part in parts)


def _normal(g: Graph, x: str, scale: str, shift: str) -> str:
    """Return the layer norm of x over its last axis."""
    off = g.node("Sub", x, g.node("ReduceMean", x, axes=[-1]))
    variance = g.node("ReduceMean", g.node("Mul", off, off), axes=[-1])
    deviation = g.node("Sqrt", g.node("Add", variance, np.float32(NORM_EPS)))
    return g.node("Add", g.node("Mul", g.node("Div", off, deviation), scale), shift)


def _gelu(g: Graph, y: str) -> str:
    """Return y / 2 (1 + tanh(sqrt(2 / pi) (y + .044715 y^3))), as y times a sigmoid."""
    square = g.node("Mul", g.node("Mul", y, y), np.float32(0.044715))
    inner = g.node("Mul", y, g.node("Add", square, np.float32(1)))
    return g.node("Mul", y, g.node("Sigmoid", g.node("Mul", inner, np.float32((8 / np.pi) ** 0.5))))


Build = Callable[[Graph, Direction, str, tuple[str, ...]], tuple[str, tuple[str, ...]]]
"""Adds one layer in one direction: (graph, weights, x, the state that it begins with, or () for
zeros) to h and the last state."""

CELLS: dict[str, Build] = {
    **{cell: partial(_operator, cell) for cell in OPERATORS},
    **{cell: partial(_loop, cell) for cell in LOOPS},
    "lru": _lru,
}
"""By the name of the cell."""
