"""The recurrent cells as nodes of ONNX: operators that it has, and loops over a step.

Each reads x (T, N, I) and gives h (T, N, H) and the last state, arrays (1, N, H).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from hiddenstate.export.onnx.graph import Graph, ints
from hiddenstate.program.cells import CELLS as DECLARED
from hiddenstate.program.equations import sigmoid
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
"""Adds one step: (W x, U h, and the state before) to the state after it."""


def _fastgrnn(g: Graph, bias_gate: Array, bias_update: Array, zeta: Array, nu: Array) -> Step:
    """h' = z h + (s (1 - z) + n) c, s and n the sigmoids of zeta and nu."""
    gate, update = g.compact(bias_gate), g.compact(bias_update)
    s, n = (sigmoid(each).astype(np.float32) for each in (zeta, nu))

    def step(wx: str, uh: str, h: str) -> tuple[str, ...]:
        a = g.node("Add", wx, uh)
        z = g.node("Sigmoid", g.node("Add", a, gate))
        c = g.node("Tanh", g.node("Add", a, update))
        share = g.node("Add", g.node("Mul", s, g.node("Sub", np.float32(1), z)), n)
        return (g.node("Add", g.node("Mul", z, h), g.node("Mul", share, c)),)

    return step


LOOPS: dict[str, Callable[..., Step]] = {"fastgrnn": _fastgrnn}
"""Of cells without an operator, what makes a step of their own arrays."""


def _loop(
    cell: str, g: Graph, own: Direction, x: str, state: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    """Multiply the inputs of all steps at once, and go through the steps.

    Weights of int8 have a third axis, as in a dense layer.
    """
    inputs, hidden = (
        g.weight(each.T[None], axis=2) for each in (own.input_weight, own.hidden_weight)
    )
    add = LOOPS[cell](g, **own.own)
    H = own.hidden_size
    shape = g.node("Concat", ints(1), g.slice(g.node("Shape", x), 1, 2, 0), ints(H), axis=0)
    begin = state or (g.node("Expand", np.float32(0), shape),) * len(DECLARED[cell].state)

    kinds = [(np.float32, (1, "rows", H))] * len(begin)

    def step(wx: str, *before: str) -> tuple[str, ...]:
        return add(wx, g.node("MatMul", before[0], hidden), *before)

    *last, y = g.scan(step, begin, g.node("MatMul", x, inputs), *kinds)
    return g.squeeze(y, 1), tuple(last)


Build = Callable[[Graph, Direction, str, tuple[str, ...]], tuple[str, tuple[str, ...]]]
"""Adds one layer in one direction: (graph, weights, x, the state that it begins with, or () for
zeros) to h and the last state."""

CELLS: dict[str, Build] = {
    **{cell: partial(_operator, cell) for cell in OPERATORS},
    **{cell: partial(_loop, cell) for cell in LOOPS},
}
"""By the name of the cell."""
