"""Forecasts of all steps up to the horizon, and intervals around them, as nodes of ONNX.

Windows are cut from prepared series, H of each, and pass the nets as rows of their own.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from hiddenstate.export.onnx.graph import Graph, ints
from hiddenstate.export.onnx.nets import Ends, outputs
from hiddenstate.export.onnx.steps import (
    APPLY,
    UNDO,
    Rows,
    in_units,
    is_number,
    rows_of,
    unscaled,
    wide_answers,
)
from hiddenstate.program.ahead import Ahead
from hiddenstate.program.lowering import scaled_gaps
from hiddenstate.program.order import step_of
from hiddenstate.program.program import Program
from hiddenstate.program.steps import Forecast, Logarithm, TargetScale, WindowScale

OF_WINDOWS = (Forecast, WindowScale)
"""Steps that read a window by itself, and not the series before it."""


def forecast(g: Graph, p: Program, nets: Any, x: str, lengths: str, good: str, ends: Ends) -> None:
    """Add the outputs `forecast` (N, H, O) and the ends of intervals, such as `lower_80`.

    Parameters
    ----------
    g, p : Graph, Program
    nets : sequence
        The layers of each net.
    x : str
        (N, T, I): series, as the graph reads them.
    lengths : str
        (N,): their steps, from 1 to T.
    good : str
        (N,): which series can be read.
    ends : Ends
        Of the series.
    """
    ahead, H, W = p.ahead, p.horizon, p.window
    assert ahead is not None
    series = rows_of(g, p, x, ends=ends)
    for step in scaled_gaps(p.steps):
        if type(step) in APPLY and not isinstance(step, OF_WINDOWS):
            series.x = APPLY[type(step)](g, step, series)
    end = g.node("Sub", g.unsqueeze(lengths, 1), np.arange(H)[None, ::-1].copy())  # (N, H)
    inside = g.node("Max", end, np.array(1))
    first = g.node("Max", g.node("Sub", inside, np.array(W)), np.array(0))
    places = g.node("Add", g.unsqueeze(first, 2), np.arange(W))
    last = g.unsqueeze(g.node("Sub", inside, np.array(1)), 2)  # (N, H, 1)
    cut = _gathered(g, series.x, g.node("Min", places, last))  # (N, H, W, I)
    read = g.reshape(g.node("Sub", inside, first), -1)
    own = replace(series, x=g.reshape(cut, -1, W, series.width), absent="")
    own.ends = Ends.of(g, read, g.length(own.x, 1))
    own = _alone(g, p, own)
    answers = [outputs(g, net, g.cast(own.x, np.float32), own.ends)[0] for net in nets]
    y = answers[0] if len(answers) == 1 else g.node("Mul", g.node("Sum", *answers), _share(nets))
    y = own.ends.at_last(g, y) if p.readout == "steps" and own.ends else y
    if ahead.nearer:
        moved = g.squeeze(_gathered(g, series.x, last), 2)
        y = _nearer(g, p, ahead, series, own, moved, lengths, y)
    else:
        y = g.reshape(in_units(g, p, y, own, False), -1, H, p.n_outputs)
    enough = g.node("Not", g.node("Less", lengths, np.array(p.least)))
    whole = g.unsqueeze(g.node("And", good, enough), 1, 2)
    kind = np.float64 if wide_answers(p) else np.float32
    y = g.node("Where", whole, y, kind(np.nan))
    for name, each in (("forecast", y), *_intervals(g, p, ahead, x, y, lengths, ends, kind)):
        g.output(name, each, kind, ("N", H, p.n_outputs))


def _share(nets: Any) -> Any:
    return np.float32(1 / len(nets))


def _gathered(g: Graph, x: str, places: str) -> str:
    """Return x (N, T, I) at places (N, H, W) of each row, (N, H, W, I)."""
    rows = g.unsqueeze(g.count(g.length(x, 0)), 1, 2)
    rows = g.node("Expand", rows, g.node("Shape", places))
    return g.node(
        "GatherND", x, g.node("Concat", *(g.unsqueeze(each, 3) for each in (rows, places)), axis=3)
    )


def _alone(g: Graph, p: Program, rows: Rows) -> Rows:
    """Apply the steps that read windows."""
    for step in p.steps:
        if isinstance(step, OF_WINDOWS):
            rows.x = APPLY[type(step)](g, step, rows)
    return rows


def _nearer(
    g: Graph,
    p: Program,
    ahead: Ahead,
    series: Rows,
    own: Rows,
    moved: str,
    lengths: str,
    y: str,
) -> str:
    """Return what paths of all steps forecast (N, H, O), with their shares of outputs y (N H, O).

    The paths read the newest window, and `moved` (N, H, I) what is known ahead at each step.
    """
    farthest = step_of(p.steps, Forecast)
    assert farthest is not None
    paths, O, kind = (*ahead.nearer, farthest), p.n_outputs, series.kind  # noqa: E741
    H, weights = len(paths), np.stack([path.weights for path in paths])
    bias = np.stack([path.bias for path in paths])
    scale = step_of(p.steps, TargetScale)
    if scale is not None:  # the farthest path alone begins at the offset of targets
        bias[-1] += scale.offset
    first = g.node("Max", g.node("Sub", lengths, np.array(p.window)), np.array(0))

    def lags(features: tuple[int, ...], n: int) -> str:
        """Return the last n values of features, newest first, (N, n, features)."""
        before = g.node("Sub", g.unsqueeze(g.node("Sub", lengths, np.array(1)), 1), np.arange(n))
        at = g.unsqueeze(g.node("Max", before, g.unsqueeze(first, 1)), 1)
        rows = replace(series, x=g.squeeze(_gathered(g, series.x, at), 1))
        return unscaled(g, rows, features, farthest.scale)

    P = weights.shape[2]
    values = g.unsqueeze(g.transpose(lags(farthest.features, P), 0, 2, 1), 1)  # (N, 1, O, P)
    terms = [g.node("ReduceSum", g.node("Mul", values, weights.astype(kind)), ints(3), keepdims=0)]
    if farthest.effects is not None:
        effects = np.stack([path.effects for path in paths if path.effects is not None])
        K = len(farthest.ahead)
        matrix: Any = effects.reshape(H * O, K).T.astype(kind)
        now = g.node("MatMul", lags(farthest.ahead, P), matrix)  # (N, P, H O)
        now = g.node("Mul", now, -weights.reshape(H * O, P).T.astype(kind))
        terms.append(g.reshape(g.node("ReduceSum", now, ints(1), keepdims=0), -1, H, O))
        later = unscaled(g, replace(series, x=moved), farthest.moved, farthest.scale)
        each = g.node("Mul", g.unsqueeze(later, 2), effects.astype(kind))
        terms.append(g.node("ReduceSum", each, ints(3), keepdims=0))
    if farthest.input_weights is not None:
        others = np.stack([path.input_weights for path in paths if path.input_weights is not None])
        Q, n = others.shape[2:]
        matrix = others.reshape(H * O, Q * n).T.astype(kind)
        read = g.reshape(lags(farthest.inputs, Q), -1, Q * n)
        terms.append(g.reshape(g.node("MatMul", read, matrix), -1, H, O))
    wide = np.float64 if wide_answers(p) else np.float32
    made = terms[0] if len(terms) == 1 else g.node("Sum", *terms)
    made = g.node("Add", g.cast(made, wide) if wide is not kind else made, bias.astype(wide))
    share: Any = np.zeros((H - 1, O)) if ahead.share is None else ahead.share
    y = g.cast(y, wide) if wide is np.float64 else y
    y = g.node("Mul", y, own.deviation) if own.deviation else y
    y = y if scale is None else g.node("Mul", y, (1 / scale.factor).astype(wide))
    share = np.concatenate([share, np.ones((1, O))]).astype(wide)
    y = g.node("Add", made, g.node("Mul", g.reshape(y, -1, H, O), share))
    logarithm = step_of(p.steps, Logarithm)
    return y if logarithm is None else UNDO[Logarithm](g, logarithm, series, y, wide, lambda v: v)


def _intervals(
    g: Graph,
    p: Program,
    ahead: Ahead,
    x: str,
    y: str,
    lengths: str,
    ends: Ends,
    kind: Any,
) -> list[tuple[str, str]]:
    """Return the ends of intervals around forecasts y (N, H, O), by name."""
    if ahead.half is None:
        return []
    logarithm = step_of(p.steps, Logarithm)
    log = np.array([False] * p.n_outputs if logarithm is None else logarithm.log)
    values = g.cast(g.node("Gather", x, ints(*ahead.targets), axis=2), np.float64)
    values = g.node("Where", log, g.node("Log", values), values) if log.any() else values
    size = g.unsqueeze(g.cast(_mean_change(g, values, ahead.season, lengths, ends), kind), 1)
    found = []
    for level, half in zip(ahead.levels, ahead.half, strict=True):
        for name, sign in (("lower", -1), ("upper", 1)):
            off = g.node("Mul", size, (sign * half).astype(kind))
            end = g.node("Add", y, off)
            if log.any():
                end = g.node("Where", log, g.node("Mul", y, g.node("Exp", off)), end)
            found.append((f"{name}_{100 * level:g}", end))
    return found


def _mean_change(g: Graph, values: str, season: int, lengths: str, ends: Ends) -> str:
    """Return the mean absolute change (N, O) of values (N, T, O) over a season, or over a step of
    series that are no longer; 1 if there is none."""

    def mean(apart: int) -> str:
        T = g.length(values, 1)
        before = g.node("Sub", g.count(T), np.array(apart))
        early = g.node("Gather", values, g.node("Max", before, np.array(0)), axis=1)
        change = g.node("Abs", g.node("Sub", values, early))
        counts = g.node(
            "And", ends.read, g.unsqueeze(g.node("Not", g.node("Less", before, np.array(0))), 0)
        )
        there = g.node("And", g.unsqueeze(counts, 2), is_number(g, change, np.float64))
        total = g.node(
            "ReduceSum", g.node("Where", there, change, np.float64(0)), ints(1), keepdims=0
        )
        n = g.node("ReduceSum", g.cast(there, np.float64), ints(1), keepdims=0)
        return g.node("Div", total, g.node("Max", n, np.float64(1)))

    long = g.unsqueeze(g.node("Less", np.array(season), lengths), 1)
    size = mean(1) if season == 1 else g.node("Where", long, mean(season), mean(1))
    return g.node("Where", g.node("Greater", size, np.float64(0)), size, np.float64(1))
