"""The two graphs of a program: *batch* reads whole rows, *stream* some steps and a state."""

from typing import Any

import numpy as np

from hiddenstate.export.onnx.convolutions import beside_convolutions
from hiddenstate.export.onnx.graph import END, Graph, ints
from hiddenstate.export.onnx.nets import Ends, advanced, dense, outputs
from hiddenstate.export.onnx.steps import (
    Carried,
    Prepared,
    forecast,
    in_units,
    prepared,
    reconstruction,
    wide_answers,
    wide_inputs,
)
from hiddenstate.export.program import Program, Recurrent

REFUSED = -1
"""The class of a row that the model cannot read."""


def batch(g: Graph, p: Program) -> None:
    """Add the batch graph.

    Inputs are `x` (N, T, I), or (N, F) for an autoencoder, and `lengths` (N,), by default -1 for
    all steps. A row that the model cannot read, since values are missing or its length is not one,
    gets the class -1 and NaN for everything else.
    """
    kind = np.uint8 if p.pixels else np.float32
    if p.job == "autoencode":
        return _autoencoder(g, p, g.input("x", kind, ("N", p.n_features)))
    x = g.input("x", kind, ("N", "T", p.n_features))
    lengths = g.input("lengths", np.int64, ("N",), default=[-1])
    T = g.length(x, 1)
    lengths = g.node("Where", g.node("Less", lengths, np.array(0)), T, lengths)
    lengths = g.node("Expand", lengths, g.slice(g.node("Shape", x), 0, 1, 0))
    inside = g.node("Max", g.node("Min", lengths, T), np.array(1))
    ends = Ends.of(g, inside, T)
    rows = prepared(g, p, x, ends=ends)
    good = g.node("Equal", inside, lengths)
    if rows.finite:
        read = g.unsqueeze(ends.read, 2)
        sums = g.node(
            "ReduceSum", g.node("Where", read, rows.finite, np.float32(0)), ints(1, 2), keepdims=0
        )
        good = g.node("And", good, g.node("Equal", sums, np.float32(0)))
    path = p.convolutions
    counts = path is None or path.net_share > 0
    nets = [outputs(g, net, rows.x, ends) for net in p.nets] if counts else []
    if p.job == "classify":
        if path is None:
            probabilities = _probabilities(g, nets, np.float32)
        else:
            own = _probabilities(g, nets, np.float64)
            own = beside_convolutions(g, path, own, rows.x, ends)
            probabilities = g.cast(own, np.float32)
        return _classes(g, p, probabilities, good, ("N",))
    linear = forecast(g, p, p.linear, rows.own)[0] if p.linear is not None else ""
    every = p.readout == "steps"
    y = in_units(g, p, _mean(g, nets), rows, None if every else ends, linear)
    good = g.unsqueeze(good, 1)
    if every:
        good = g.unsqueeze(g.node("And", good, ends.read), 2)
    _targets(g, p, y, good, ("N", "T") if every else ("N",))
    return None


def stream(g: Graph, p: Program, optional_reset: bool = True) -> None:
    """Add the stream graph, which answers after every step of `x` (N, T, I).

    A state of zeros, or `reset` (N, 1), optional if so, begins a new series. Steps that the model
    cannot read leave the state of their series as it was.
    """
    (net,) = p.nets
    kind = np.uint8 if p.pixels else np.float32
    x = g.input("x", kind, ("N", "T", p.n_features))
    reset = g.input("reset", np.bool_, ("N", 1), [[False]] if optional_reset else None)
    state: dict[str, str] = {}
    for name, (dtype, dims) in state_of(p).items():
        given = g.input(f"state_{name}", dtype, ("N", *dims))
        axes = range(2, len(dims) + 1)
        begins = g.unsqueeze(reset, *axes) if axes else reset
        state[name] = g.node("Where", begins, np.dtype(dtype).type(0), given)
    carried = Carried(*(state.get(name, "") for name in ("last", "known", "lags", "count")))
    rows = prepared(g, p, x, carried)
    own = tuple(state[name] for name in ("h", "c") if name in state)
    h, after = advanced(g, net, rows.x, own)
    new = dict(zip(("h", "c"), after, strict=False))
    if net.readout == "mean":
        h, new["sum"] = _means(g, h, state)
    y = dense(g, net.head, h, True)
    linear = ""
    if p.linear is not None:
        linear, new["lags"] = forecast(g, p, p.linear, rows.own, carried)
    if "count" in state:
        n = g.cast(g.length(x, 1), np.int32)
        new["count"] = g.node("Add", state["count"], n)
    if rows.last:
        new |= {"last": rows.last, "known": rows.known}
    good = _answers(g, p, y, rows, linear)
    for name, (dtype, dims) in state_of(p).items():
        value = new[name]
        if good:
            whole = g.unsqueeze(good, *range(1, len(dims) + 1))
            value = g.node("Where", whole, value, state[name])
        g.output(f"state_{name}_next", value, dtype, ("N", *dims))


def _answers(g: Graph, p: Program, y: str, rows: Prepared, linear: str) -> str:
    """Add the answers of a stream; return which rows (N,) it can read, or "" for all."""
    good = every = ""
    if rows.finite:
        good = g.node(
            "Equal", g.node("ReduceSum", rows.finite, ints(1, 2), keepdims=0), np.float32(0)
        )
        every = g.unsqueeze(good, 1)
    if p.job == "classify":
        _classes(g, p, _probabilities(g, [y], np.float32), every, ("N", "T"))
    else:
        y = in_units(g, p, y, rows, None, linear)
        _targets(g, p, y, g.unsqueeze(every, 2) if every else "", ("N", "T"))
    return good


def state_of(p: Program) -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Return type and shape of each array of a stream's state, without the axis of series."""
    net: Recurrent = p.nets[0]
    H, wide = net.head.weight.shape[1], np.float64 if wide_inputs(p) else np.float32
    state: dict[str, tuple[Any, tuple[int, ...]]] = {"h": (np.float32, (len(net.layers), H))}
    if net.cell == "lstm":
        state["c"] = state["h"]
    if p.missing == "forward":
        state |= {"last": (wide, (p.n_features,)), "known": (np.float32, (p.n_features,))}
    if net.readout == "mean":
        state["sum"] = (np.float32, (H,))
    if p.linear is not None:
        state["lags"] = (wide, p.linear.weight.shape[::-1])
    if p.linear is not None or net.readout == "mean":
        state["count"] = (np.int32, (1,))
    return state


def _means(g: Graph, h: str, state: dict[str, str]) -> tuple[str, str]:
    """Return the means of h (N, T, H) so far, and the sum after it."""
    sums = g.node("Add", g.unsqueeze(state["sum"], 1), g.node("CumSum", h, np.array(1)))
    steps = g.node("Add", g.count(g.length(h, 1)), np.array(1))
    counts = g.node("Add", state["count"], g.cast(steps, np.int32))
    means = g.node("Div", sums, g.unsqueeze(g.cast(counts, np.float32), 2))
    return means, g.squeeze(g.slice(sums, -1, END, 1), 1)


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
    rows = prepared(g, p, x)
    code = rows.x
    for layer in p.encoder:
        code = dense(g, layer, code)
    decoded = code
    for layer in p.decoder:
        decoded = dense(g, layer, decoded)
    off = g.node("Sub", decoded, rows.x)
    error = g.node("ReduceMean", g.node("Mul", off, off), axes=[1], keepdims=0)
    kind = np.float64 if wide_answers(p) else np.float32
    answers: list[tuple[str, str, Any, tuple[int | str, ...]]] = [
        ("code", code, np.float32, ("N", p.encoder[-1].bias.size)),
        ("reconstruction", reconstruction(g, p, decoded), kind, ("N", p.n_features)),
        ("error", error, np.float32, ("N",)),
    ]
    good = ""
    if rows.finite:
        good = g.node("Equal", g.node("ReduceSum", rows.finite, ints(1), keepdims=0), np.float32(0))
    for name, value, dtype, dims in answers:
        if good:
            whole = g.unsqueeze(good, 1) if len(dims) > 1 else good
            value = g.node("Where", whole, value, np.dtype(dtype).type(np.nan))
        g.output(name, value, dtype, dims)
