"""The two graphs of a program: *batch* reads whole rows, *stream* some steps and a state."""

from collections.abc import Callable
from typing import Any

import numpy as np

from hiddenstate.export.onnx.ahead import forecast
from hiddenstate.export.onnx.cells import CELLS
from hiddenstate.export.onnx.convolutions import beside_convolutions
from hiddenstate.export.onnx.graph import Graph, ints
from hiddenstate.export.onnx.nets import LAYERS, Ends, advanced, carried, outputs
from hiddenstate.export.onnx.steps import (
    APPLY,
    UNDO,
    Rows,
    in_units,
    prepared,
    reconstruction,
    wide_answers,
    wide_inputs,
)
from hiddenstate.program.companions import FixedConvolutions
from hiddenstate.program.layers import Norm
from hiddenstate.program.lowering import folded_norms
from hiddenstate.program.order import step_of
from hiddenstate.program.program import Program
from hiddenstate.program.steps import Fill, Forecast, Fractions, WindowScale

COMPANIONS: dict[type, Callable[[Graph, Any, str, str, Ends], str]] = {
    FixedConvolutions: beside_convolutions
}
"""Adds a companion: (graph, companion, probabilities of the nets, x, ends) to those of both."""

KINDS: frozenset[type | str] = frozenset({*APPLY, *UNDO, *LAYERS, Norm, *COMPANIONS, *CELLS})
"""The kinds that a graph of whole rows has; norms are folded into convolutions."""

STREAM_KINDS: frozenset[type | str] = KINDS - {*COMPANIONS, WindowScale}
"""The kinds that a graph of steps has."""

REFUSED = -1
"""The class of a row that the model cannot read."""


def batch(g: Graph, p: Program) -> None:
    """Add the batch graph.

    Inputs are `x` (N, T, I), or (N, F) for an autoencoder, and `lengths` (N,), by default -1 for
    all steps. A row that the model cannot read, since values are missing or its length is not one,
    gets the class -1 and NaN for everything else. A model that forecasts has further outputs, as
    if rows were series: :func:`hiddenstate.export.onnx.ahead.forecast` names them.
    """
    if p.kind.has_codes:
        return _autoencoder(g, p, g.input("x", input_type(p), ("N", p.n_features)))
    x = g.input("x", input_type(p), ("N", "T", p.n_features))
    lengths = g.input("lengths", np.int64, ("N",), default=[-1])
    T = g.length(x, 1)
    lengths = g.node("Expand", lengths, g.slice(g.node("Shape", x), 0, 1, 0))  # the default is one
    lengths = g.node("Where", g.node("Less", lengths, np.array(0)), T, lengths)
    inside = g.node("Max", g.node("Min", lengths, T), np.array(1))
    ends = Ends.of(g, inside, T)
    rows, finite = prepared(g, p, x, ends=ends)
    good = g.node("Equal", inside, lengths)
    if finite:
        read = g.unsqueeze(ends.read, 2)
        sums = g.node(
            "ReduceSum", g.node("Where", read, finite, np.float32(0)), ints(1, 2), keepdims=0
        )
        good = g.node("And", good, g.node("Equal", sums, np.float32(0)))
    counts = all(companion.share > 0 for companion in p.companions)
    layers = folded_norms(p).nets if counts else ()
    nets = [outputs(g, net, rows.x, ends)[0] for net in layers]
    if p.kind.has_classes:
        kind = np.float64 if p.companions else np.float32
        probabilities = _probabilities(g, nets, kind)
        for companion in p.companions:
            join = COMPANIONS[type(companion)]
            probabilities = join(g, companion, probabilities, rows.x, ends)
        probabilities = g.cast(probabilities, np.float32) if p.companions else probabilities
        return _classes(g, p, probabilities, good, ("N",))
    every, sound = p.readout == "steps", good
    y = in_units(g, p, _mean(g, nets), rows, every)
    good = g.unsqueeze(good, 1)
    if every:
        good = g.unsqueeze(g.node("And", good, ends.read), 2)
    _targets(g, p, y, good, ("N", "T") if every else ("N",))
    if p.ahead is not None:
        forecast(g, p, layers, x, inside, sound, ends)
    return None


def input_type(p: Program) -> Any:
    """Return the type of the numbers that a graph reads."""
    return np.float32 if step_of(p.steps, Fractions) is None else np.uint8


def stream(g: Graph, p: Program, optional_reset: bool = True) -> None:
    """Add the stream graph, which answers after every step of `x` (N, T, I).

    A state of zeros, or `reset` (N, 1), optional if so, begins a new series. Steps that the model
    cannot read leave the state of their series as it was.
    """
    x = g.input("x", input_type(p), ("N", "T", p.n_features))
    reset = g.input("reset", np.bool_, ("N", 1), [[False]] if optional_reset else None)
    state: dict[str, str] = {}
    for name, (dtype, dims) in state_of(p).items():
        given = g.input(f"state_{name}", dtype, ("N", *dims))
        axes = range(2, len(dims) + 1)
        begins = g.unsqueeze(reset, *axes) if axes else reset
        state[name] = g.node("Where", begins, np.dtype(dtype).type(0), given)
    rows, finite = prepared(g, p, x, state)
    y, new = advanced(g, folded_norms(p).nets[0], rows.x, state)
    new |= rows.after
    if "count" in state:
        n = g.cast(g.length(x, 1), np.int32)
        new["count"] = g.node("Add", state["count"], n)
    good = _answers(g, p, y, rows, finite)
    for name, (dtype, dims) in state_of(p).items():
        value = new[name]
        if good:
            whole = g.unsqueeze(good, *range(1, len(dims) + 1))
            value = g.node("Where", whole, value, state[name])
        g.output(f"state_{name}_next", value, dtype, ("N", *dims))


def _answers(g: Graph, p: Program, y: str, rows: Rows, finite: str) -> str:
    """Add the answers of a stream; return which rows (N,) it can read, or "" for all."""
    good = every = ""
    if finite:
        good = g.node("Equal", g.node("ReduceSum", finite, ints(1, 2), keepdims=0), np.float32(0))
        every = g.unsqueeze(good, 1)
    if p.kind.has_classes:
        _classes(g, p, _probabilities(g, [y], np.float32), every, ("N", "T"))
    else:
        y = in_units(g, p, y, rows, True)
        _targets(g, p, y, g.unsqueeze(every, 2) if every else "", ("N", "T"))
    return good


def state_of(p: Program) -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Return type and shape of each array of a stream's state, without the axis of series."""
    wide = np.float64 if wide_inputs(p) else np.float32
    state = carried(p.nets[0])
    sums: dict[str, tuple[Any, tuple[int, ...]]] = {}
    sums |= {name: state.pop(name) for name in ("sum", "means") if name in state}
    if "phase" not in state:  # all steps are averaged, and counted anyway
        sums.pop("means", None)
    if (fill := step_of(p.steps, Fill)) is not None and fill.forward:
        state |= {"last": (wide, (p.n_features,)), "known": (np.float32, (p.n_features,))}
    state |= sums
    if (path := step_of(p.steps, Forecast)) is not None:
        state["lags"] = (wide, path.weights.shape[::-1])
        if path.input_weights is not None:
            state["input_lags"] = (wide, path.input_weights.shape[1:])
    if path is not None or (p.readout == "mean" and "means" not in state):
        state["count"] = (np.int32, (1,))
    return state


def _mean(g: Graph, values: list[str], kind: type = np.float32) -> str:
    if len(values) == 1:
        return values[0]
    return g.node("Mul", g.node("Sum", *values), kind(1 / len(values)))


def _probabilities(g: Graph, nets: list[str], kind: type) -> str:
    """Return the mean of the probabilities that nets give; "" without nets."""
    nets = nets if kind is np.float32 else [g.cast(y, kind) for y in nets]
    return _mean(g, [g.node("Softmax", y, axis=-1) for y in nets], kind) if nets else ""


def _classes(g: Graph, p: Program, probabilities: str, good: str, dims: tuple[str, ...]) -> None:
    """Add the answers of a classifier."""
    number = g.node("ArgMax", probabilities, axis=-1, keepdims=0)
    if good:
        number = g.node("Where", good, number, np.array(REFUSED))
        whole = g.unsqueeze(good, len(dims))
        probabilities = g.node("Where", whole, probabilities, np.float32(np.nan))
    g.output("probabilities", probabilities, np.float32, (*dims, p.n_outputs))
    g.output("class", number, np.int64, dims)


def _targets(g: Graph, p: Program, y: str, good: str, dims: tuple[str, ...]) -> None:
    """Add the answers of a regressor."""
    kind = np.float64 if wide_answers(p) else np.float32
    y = g.node("Where", good, y, kind(np.nan)) if good else y
    g.output("y", y, kind, (*dims, p.n_outputs))


def _autoencoder(g: Graph, p: Program, x: str) -> None:
    rows, finite = prepared(g, p, x)
    code, _ = outputs(g, p.nets[0], rows.x, None)
    decoded, _ = outputs(g, p.decoder, code, None)
    off = g.node("Sub", decoded, rows.x)
    error = g.node("ReduceMean", g.node("Mul", off, off), axes=[1], keepdims=0)
    kind = np.float64 if wide_answers(p) else np.float32
    answers: list[tuple[str, str, Any, tuple[int | str, ...]]] = [
        ("code", code, np.float32, ("N", p.decoder[0].weight.shape[1])),
        ("reconstruction", reconstruction(g, p, decoded), kind, ("N", p.n_features)),
        ("error", error, np.float32, ("N",)),
    ]
    good = ""
    if finite:
        good = g.node("Equal", g.node("ReduceSum", finite, ints(1), keepdims=0), np.float32(0))
    for name, value, dtype, dims in answers:
        if good:
            whole = g.unsqueeze(good, 1) if len(dims) > 1 else good
            value = g.node("Where", whole, value, np.dtype(dtype).type(np.nan))
        g.output(name, value, dtype, dims)
