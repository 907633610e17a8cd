"""The steps of a program as nodes of ONNX: forwards they prepare rows, backwards they undo outputs.

A value that must keep more digits than float32 has (an answer far from 0 for its deviation, a
linear path of such values, what fixed convolutions read) is computed in float64; all else is
float32.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hiddenstate.export.onnx.graph import END, Graph, ints
from hiddenstate.export.onnx.nets import Ends
from hiddenstate.program.lowering import scaled_gaps
from hiddenstate.program.order import step_of
from hiddenstate.program.program import Program
from hiddenstate.program.rows import ROUNDING
from hiddenstate.program.steps import (
    Change,
    Fill,
    Forecast,
    Fractions,
    Logarithm,
    Mask,
    Quantiles,
    Scale,
    Step,
    TargetScale,
    WindowScale,
)
from hiddenstate.system.typing import Array

FAR = 16
"""Scales that a value may be from 0 in float32, which rounds it to 1e-6 of a scale there."""


@dataclass
class Rows:
    """Rows on their way through the steps of a graph.

    Parameters
    ----------
    x : str
        (N, T, I), or (N, F): as the next step reads them.
    kind : type
        Type of x, float32 or float64.
    width : int
        Features of x.
    absent : str
        Like x: which values are missing or infinite; "" if no step fills them in.
    ends : Ends or None
        Where rows end; None in a stream.
    state : dict of str or None
        What a stream knows of the steps before, which begins as zeros: `last` and `known` (N, I),
        the last value of each feature and 1 if there is one; `lags` (N, P, O) and `input_lags`
        (N, Q, I'), the last values that a linear path reads; `count` (N, 1), the steps before.
    after : dict of str
        The same after these steps.
    forecast : str
        (N, T, O): what the linear path forecasts, without its bias.
    deviation : str
        (N, O): by what outputs of nets that read scaled windows are multiplied.
    """

    x: str
    kind: type
    width: int
    absent: str = ""
    ends: Ends | None = None
    state: dict[str, str] | None = None
    after: dict[str, str] = field(default_factory=dict)
    forecast: str = ""
    deviation: str = ""


def wide_answers(p: Program) -> bool:
    """Whether float32 cannot hold the answers in units of the data."""
    if step_of(p.steps, WindowScale) is not None:
        return True
    of_rows, of_targets = step_of(p.steps, Scale), step_of(p.steps, TargetScale)
    scale = of_rows if p.kind.has_codes else of_targets
    size = 1.0 if scale is None else max(1.0, float((1 / np.abs(scale.factor)).max()))
    far = 0.0 if scale is None else float(np.abs(scale.offset).max())
    change, fill = step_of(p.steps, Change), step_of(p.steps, Fill)
    if (path := step_of(p.steps, Forecast)) is not None:
        far = max(far, _reach(path))
    if change is not None and fill is not None and scale is not None:
        values = fill.values if of_rows is None else of_rows.apply(fill.values, None, {})
        far += float(np.abs(values[list(change.features)] / scale.factor).max())
    return far > FAR * size


def wide_inputs(p: Program) -> bool:
    """Whether preparation is in float64.

    A linear path may read values that float32 cannot hold; fixed convolutions jump where a value
    crosses a bias, and must not jump elsewhere because of rounding.
    """
    if p.companions:
        return step_of(p.steps, Fractions) is None
    return step_of(p.steps, Forecast) is not None and wide_answers(p)


def _reach(path: Forecast) -> float:
    """Return how far from 0 the forecasts of a linear path are."""

    def size(features: tuple[int, ...]) -> Array:
        own = list(features)
        if path.scale is None:
            return np.full(len(own), 4.0)
        return np.abs(path.scale.offset[own]) + 4 / np.abs(path.scale.factor[own])

    reach = np.abs(path.weights).sum(axis=1) * size(path.features) + np.abs(path.bias)
    if path.input_weights is not None:
        reach += np.abs(path.input_weights).sum(axis=1) @ size(path.inputs)
    return float(reach.max())


def prepared(
    g: Graph,
    p: Program,
    x: str,
    state: dict[str, str] | None = None,
    ends: Ends | None = None,
) -> tuple[Rows, str]:
    """Return rows x, (N, T, I) or (N, F), as the nets read them, and what is 0 where they can be
    read, else NaN; "" if they always can."""
    rows = rows_of(g, p, x, state, ends)
    for step in scaled_gaps(p.steps):  # float32 rounds values in units of the data
        if type(step) in APPLY:
            rows.x = APPLY[type(step)](g, step, rows)
    rows.x = g.cast(rows.x, np.float32) if rows.kind is np.float64 else rows.x
    always = step_of(p.steps, Fractions) is not None
    return rows, "" if always else g.node("Sub", rows.x, rows.x)


def rows_of(
    g: Graph,
    p: Program,
    x: str,
    state: dict[str, str] | None = None,
    ends: Ends | None = None,
) -> Rows:
    """Return rows x, (N, T, I) or (N, F), before their first step."""
    kind = np.float64 if wide_inputs(p) else np.float32
    rows = Rows(g.cast(x, kind) if kind is np.float64 else x, kind, p.n_features)
    rows.ends, rows.state = ends, state
    if step_of(p.steps, Fill) is not None:
        rows.absent = g.node("Not", is_number(g, rows.x, kind))
    return rows


def is_number(g: Graph, x: str, kind: type) -> str:
    """Whether each value is neither missing nor infinite: x - x is 0."""
    return g.node("Equal", g.node("Sub", x, x), kind(0))


def _fractions(g: Graph, step: Fractions, rows: Rows) -> str:
    return g.node("Div", g.cast(rows.x, np.float32), np.float32(255))


def _logarithm(g: Graph, step: Logarithm, rows: Rows) -> str:
    """Replace the features that are logarithms; of others it takes that of 1."""
    which = np.zeros(rows.width, bool)
    which[[f for f, log in zip(step.features, step.log, strict=True) if log]] = True
    return g.node(
        "Where", which, g.node("Log", g.node("Where", which, rows.x, rows.kind(1))), rows.x
    )


def _fill(g: Graph, step: Fill, rows: Rows) -> str:
    fill: Array = step.values.astype(rows.kind)
    if step.forward:
        return _forward(g, fill, rows)
    return g.node("Where", rows.absent, fill, rows.x)


def _forward(g: Graph, fill: Array, rows: Rows) -> str:
    """Repeat the last known value of x (N, T, I) where one is absent.

    Before the first known value stands `fill`. Rows lie behind one another in one vector, each
    after a value that is always there, so that nothing is carried into another row: the number of
    values that are there, counted up to a place, is the number of the one to put there.
    """
    x, state = rows.x, rows.state
    if state is None:
        shape = g.node("Concat", g.slice(g.node("Shape", x), 0, 1, 0), ints(1, len(fill)), axis=0)
        first = g.node("Expand", fill[None, None], shape)
    else:
        known = g.node("Greater", state["known"], np.float32(0))
        first = g.unsqueeze(g.node("Where", known, state["last"], fill), 1)
    every = g.transpose(g.node("Concat", first, x, axis=1), 0, 2, 1)
    present = g.node("Not", rows.absent)
    there = g.node("Concat", g.node("Equal", first, first), present, axis=1)
    there = g.reshape(g.transpose(there, 0, 2, 1), -1)
    places = g.reshape(g.node("NonZero", there), -1)
    number = g.node("Sub", g.node("CumSum", g.cast(there, np.int32), np.array(0)), np.int32(1))
    filled = g.node("Gather", g.reshape(every, -1), g.node("Gather", places, number))
    filled = g.transpose(g.node("Reshape", filled, g.node("Shape", every)), 0, 2, 1)
    if state is not None:
        some = g.node("ReduceMax", g.cast(present, np.float32), axes=[1], keepdims=0)
        rows.after["last"] = g.squeeze(g.slice(filled, -1, END, 1), 1)
        rows.after["known"] = g.node("Max", state["known"], some)
    return g.slice(filled, 1, END, 1)


def _scale(g: Graph, step: Scale, rows: Rows) -> str:
    """Return x minus the offset, in two parts if float32 does not hold it, times the factor."""
    offset: Array = step.offset.astype(rows.kind)
    low: Array = (step.offset - offset).astype(rows.kind)
    x = g.node("Sub", rows.x, offset)
    x = g.node("Sub", x, low) if low.any() else x
    return g.node("Mul", x, step.factor.astype(rows.kind))


def _mask(g: Graph, step: Mask, rows: Rows) -> str:
    rows.width *= 2
    return g.node("Concat", rows.x, g.cast(rows.absent, rows.kind), axis=-1)


def unscaled(g: Graph, rows: Rows, features: tuple[int, ...], scale: Scale | None) -> str:
    """Return these features in the units of the data, or as logarithms."""
    x, own = g.node("Gather", rows.x, ints(*features), axis=2), list(features)
    if scale is None:
        return x
    x = g.node("Mul", x, (1 / scale.factor[own]).astype(rows.kind))
    return g.node("Add", x, scale.offset[own].astype(rows.kind))


def _forecast(g: Graph, step: Forecast, rows: Rows) -> str:
    """Compute the forecast, which the step adds when it is undone; x stays as it is."""
    values, later = unscaled(g, rows, step.features, step.scale), ""
    if step.effects is not None:
        effects: Array = step.effects.T.astype(rows.kind)
        now = g.node("MatMul", unscaled(g, rows, step.ahead, step.scale), effects)
        values = g.node("Sub", values, now)
        later = g.node("MatMul", unscaled(g, rows, step.moved, step.scale), effects)
    weights: Array = step.weights.T.astype(rows.kind)
    read = _before(g, rows, "lags", values, len(weights))  # (N, T, P, O)
    terms = [g.node("ReduceSum", g.node("Mul", read, weights), ints(2), keepdims=0)]
    if step.input_weights is not None:
        _, Q, n = step.input_weights.shape
        read = _before(g, rows, "input_lags", unscaled(g, rows, step.inputs, step.scale), Q)
        matrix: Array = step.input_weights.reshape(-1, Q * n).T.astype(rows.kind)
        terms.append(g.node("MatMul", g.reshape(read, 0, 0, Q * n), matrix))
    terms += [later] if later else []
    rows.forecast = terms[0] if len(terms) == 1 else g.node("Sum", *terms)
    return rows.x


def _before(g: Graph, rows: Rows, name: str, values: str, n: int) -> str:
    """Return the `n` last values (N, T, n, K) at each step of values (N, T, K), newest first.

    Before the first step of a row its first values count.
    """
    before, T = np.arange(n)[None], g.length(values, 1)
    if rows.state is not None:
        begun = g.node("Greater", g.unsqueeze(rows.state["count"], 2), np.int32(0))
        lags = g.node("Where", begun, rows.state[name], g.slice(values, 0, 1, 1))
        values = g.node("Concat", lags, values, axis=1)
        rows.after[name] = g.slice(values, -n, END, 1)
        before = before - n
    places = g.node("Sub", g.unsqueeze(g.count(T), 1), before)
    if rows.state is None:
        places = g.node("Max", places, np.array(0))
    return g.node("Gather", values, places, axis=1)


def _window_scale(g: Graph, step: WindowScale, rows: Rows) -> str:
    """Return x (N, T, I) with the values of the targets in units of the deviation of the window at
    the end of each row, and keep that deviation (N, O), 0 of flat windows."""
    ends = rows.ends
    assert ends is not None
    own = unscaled(g, rows, step.features, step.scale)
    n = g.node("Min", ends.lengths, np.array(step.window)) if step.window else ends.lengths
    first = g.unsqueeze(g.node("Sub", ends.lengths, n), 1)
    before = g.node("Less", g.count(g.length(own, 1)), first)
    within = g.unsqueeze(g.node("And", ends.read, g.node("Not", before)), 2)
    count = g.unsqueeze(g.cast(n, rows.kind), 1, 2)
    zero = rows.kind(0)
    values = g.node("Where", within, own, zero)
    mean = g.node("Div", g.node("ReduceSum", values, ints(1), keepdims=1), count)
    centred = g.node("Sub", own, mean)
    off = g.node("Where", within, centred, zero)
    squares = g.node("ReduceSum", g.node("Mul", off, off), ints(1), keepdims=1)
    deviation = g.node("Sqrt", g.node("Div", squares, count))
    largest = g.node("ReduceMax", g.node("Abs", values), axes=[1], keepdims=1)
    flat = g.node("LessOrEqual", deviation, g.node("Mul", largest, rows.kind(ROUNDING)))
    size = g.node("Where", flat, g.node("Max", largest, rows.kind(1e-300)), deviation)
    rows.deviation = g.squeeze(g.node("Where", flat, zero, deviation), 1)
    place: Array = np.zeros((len(step.features), rows.width), rows.kind)
    place[np.arange(len(place)), list(step.features)] = 1
    others = g.node("Mul", rows.x, 1 - place.sum(axis=0))
    return g.node("Add", others, g.node("MatMul", g.node("Div", centred, size), place))


APPLY: dict[type[Step], Callable[[Graph, Any, Rows], str]] = {
    Fractions: _fractions,
    Logarithm: _logarithm,
    Fill: _fill,
    Scale: _scale,
    Mask: _mask,
    Forecast: _forecast,
    WindowScale: _window_scale,
}
"""Adds a step that prepares rows: (graph, step, rows) to x after it."""


def in_units(g: Graph, p: Program, y: str, rows: Rows, every: bool) -> str:
    """Return outputs of the nets in the units of the targets.

    Of `every` step they are (N, T, O), else (N, O), of the last step of each row.
    """
    kind = np.float64 if wide_answers(p) else np.float32
    y = g.cast(y, kind) if kind is np.float64 else y

    def here(values: str) -> str:
        values = values if every or rows.ends is None else rows.ends.at_last(g, values)
        return g.cast(values, kind) if kind is not rows.kind else values

    for step in reversed(p.steps):
        if type(step) in UNDO:
            y = UNDO[type(step)](g, step, rows, y, kind, here)
    return y


def _undo_scale(g: Graph, step: Scale | TargetScale, y: str, kind: type) -> str:
    y = g.node("Mul", y, (1 / step.factor).astype(kind))
    return g.node("Add", y, step.offset.astype(kind))


def _undo_logarithm(g: Graph, step: Logarithm, y: str, kind: type) -> str:
    log = np.array(step.log)
    return g.node("Where", log, g.node("Exp", g.node("Where", log, y, kind(0))), y)


def _in_order(g: Graph, step: Quantiles, y: str) -> str:
    """Return outputs y (..., O) with those of each target sorted."""
    own = g.nodes("TopK", g.reshape(y, -1, step.n), ints(step.n), n=2, axis=-1, largest=0)[0]
    return g.node("Reshape", own, g.node("Shape", y))


Undo = Callable[[Graph, Any, Rows, str, Any, Callable[[str], str]], str]

UNDO: dict[type[Step], Undo] = {
    Change: lambda g, step, rows, y, kind, here: g.node(
        "Add", y, here(g.node("Gather", rows.x, ints(*step.features), axis=2))
    ),
    TargetScale: lambda g, step, rows, y, kind, here: _undo_scale(g, step, y, kind),
    WindowScale: lambda g, step, rows, y, kind, here: g.node("Mul", y, rows.deviation),
    Forecast: lambda g, step, rows, y, kind, here: g.node(
        "Add", g.node("Add", y, here(rows.forecast)), step.bias.astype(kind)
    ),
    Logarithm: lambda g, step, rows, y, kind, here: _undo_logarithm(g, step, y, kind),
    Quantiles: lambda g, step, rows, y, kind, here: _in_order(g, step, y),
}
"""Adds what undoes a step: (graph, step, rows, y, type of y, here) to y before it; `here` returns
values of rows where y is."""


def reconstruction(g: Graph, p: Program, rows: str) -> str:
    """Return reconstructed rows (N, F) in the units of the data."""
    scale, kind = step_of(p.steps, Scale), np.float64 if wide_answers(p) else np.float32
    if step_of(p.steps, Mask) is not None:
        rows = g.slice(rows, 0, p.n_features, 1)
    if scale is None:
        return rows
    rows = g.cast(rows, kind) if kind is np.float64 else rows
    return g.node(
        "Add", g.node("Mul", rows, (1 / scale.factor).astype(kind)), scale.offset.astype(kind)
    )
