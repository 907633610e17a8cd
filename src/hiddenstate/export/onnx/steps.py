"""What stands before and after the nets of an ONNX graph: preparation, and answers in units.

A value that must keep more digits than float32 has (an answer far from 0 for its deviation, a
linear path of such values, what fixed convolutions read) is computed in float64; all else is
float32.
"""

from dataclasses import dataclass

import numpy as np

from hiddenstate.export.onnx.graph import END, Graph, ints
from hiddenstate.export.onnx.nets import Ends
from hiddenstate.export.program import Linear, Program
from hiddenstate.system.typing import Array

FAR = 16
"""Scales that a value may be from 0 in float32, which rounds it to 1e-6 of a scale there."""


@dataclass(frozen=True)
class Carried:
    """What a stream knows of the steps before, each of which begins as zeros.

    Parameters
    ----------
    last, known : str
        (N, I): the last value of each feature, as a net reads it, and 1 if there is one.
    lags : str
        (N, P, O): the last values that the linear path reads.
    count : str
        (N, 1): the number of steps before.
    """

    last: str = ""
    known: str = ""
    lags: str = ""
    count: str = ""


@dataclass(frozen=True)
class Prepared:
    """Rows as the nets read them.

    Parameters
    ----------
    x : str
        (N, T, I), or (N, F).
    finite : str
        (N, T, I) or (N, F): 0 where a value can be read, else NaN.
    own : str
        (N, T, O): the values that the linear path reads; "" without one.
    last, known : str
        What a stream knows after these steps; "" unless it repeats values.
    scale : str
        (N, O): by what the outputs of nets that read scaled windows are multiplied; else "".
    later : str
        (N, T, O): what columns known ahead add to a forecast; "" if there are none.
    """

    x: str
    finite: str
    own: str
    last: str = ""
    known: str = ""
    scale: str = ""
    later: str = ""


def wide_answers(p: Program) -> bool:
    """Whether float32 cannot hold the answers in units of the data."""
    if p.by_window:
        return True
    autoencode = p.job == "autoencode"
    offset, factor = (p.offset, p.factor) if autoencode else (p.target_offset, p.target_factor)
    scale = 1.0 if factor is None else max(1.0, float((1 / np.abs(factor)).max()))
    far = 0.0 if offset is None else float(np.abs(offset).max())
    if p.linear is not None:
        far = max(far, _reach(p, p.linear))
    if p.change is not None and p.fill is not None and factor is not None:
        fill = p.fill if p.factor is None or p.offset is None else (p.fill - p.offset) * p.factor
        far += float(np.abs(fill[list(p.change)] / factor).max())
    return far > FAR * scale


def wide_inputs(p: Program) -> bool:
    """Whether preparation is in float64.

    A linear path may read values that float32 cannot hold; fixed convolutions jump where a value
    crosses a bias, and must not jump elsewhere because of rounding.
    """
    if p.convolutions is not None:
        return not p.pixels
    return p.linear is not None and wide_answers(p)


def _reach(p: Program, path: Linear) -> float:
    """Return how far from 0 the forecasts of a linear path are."""
    features = list(path.features)
    values = np.full(len(features), 4.0)
    if p.factor is not None and p.offset is not None:
        values = np.abs(p.offset[features]) + 4 / np.abs(p.factor[features])
    return float((np.abs(path.weight).sum(axis=1) * values + np.abs(path.bias)).max())


def prepared(
    g: Graph, p: Program, x: str, carried: Carried | None = None, ends: Ends | None = None
) -> Prepared:
    """Return rows x, (N, T, I) or (N, F), as the nets read them."""
    kind = np.float64 if wide_inputs(p) else np.float32
    if p.pixels:
        x = g.node("Div", g.cast(x, np.float32), np.float32(255))
    elif kind is np.float64:
        x = g.cast(x, kind)
    absent = ""
    if p.fills:
        absent = g.node("Not", is_number(g, x, kind))
    if p.linear is not None and any(p.linear.log):
        x = _logarithms(g, p, p.linear, x, kind)
    if p.factor is not None and p.offset is not None:
        x = g.node("Mul", _centred(g, x, p.offset, kind), p.factor.astype(kind))
    last = known = ""
    if p.fill is not None:
        fill = p.fill
        if p.factor is not None and p.offset is not None:
            fill = (fill - p.offset) * p.factor
        fill = fill.astype(kind)
        if p.missing == "forward":
            x, last, known = _forward(g, x, absent, fill, carried)
        else:
            x = g.node("Where", absent, fill, x)
    own = plain = later = ""
    if p.linear is not None:
        own = _unscaled(g, p, x, kind, list(p.linear.features))
        plain = own
        if p.linear.effects is not None:
            effects = p.linear.effects.T.astype(kind)
            now = _unscaled(g, p, x, kind, list(p.linear.ahead))
            own = g.node("Sub", own, g.node("MatMul", now, effects))
            moved = _unscaled(g, p, x, kind, list(p.linear.moved))
            later = g.node("MatMul", moved, effects)
    scale = ""
    if p.by_window and p.linear is not None and ends is not None:
        x, scale = _by_window(g, p, p.linear, x, plain, ends)
    x = g.cast(x, np.float32) if kind is np.float64 else x
    finite = "" if p.pixels else g.node("Sub", x, x)
    if p.missing == "mask":
        x = g.node("Concat", x, g.cast(absent, np.float32), axis=-1)
    return Prepared(x, finite, own, last, known, scale, later)


def _by_window(g: Graph, p: Program, path: Linear, x: str, own: str, ends: Ends) -> tuple[str, str]:
    """Return x (N, T, I) with the values that the linear path reads in units of the deviation of
    the window at the end of each row, and that deviation (N, O), 0 of flat windows."""
    n = g.node("Min", ends.lengths, np.array(p.window)) if p.window else ends.lengths
    first = g.unsqueeze(g.node("Sub", ends.lengths, n), 1)
    before = g.node("Less", g.count(g.length(own, 1)), first)
    within = g.unsqueeze(g.node("And", ends.read, g.node("Not", before)), 2)
    count = g.unsqueeze(g.cast(n, np.float64), 1, 2)
    values = g.node("Where", within, own, np.float64(0))
    mean = g.node("Div", g.node("ReduceSum", values, ints(1), keepdims=1), count)
    off = g.node("Where", within, g.node("Sub", own, mean), np.float64(0))
    squares = g.node("ReduceSum", g.node("Mul", off, off), ints(1), keepdims=1)
    deviation = g.node("Sqrt", g.node("Div", squares, count))
    largest = g.node("ReduceMax", g.node("Abs", values), axes=[1], keepdims=1)
    flat = g.node("LessOrEqual", deviation, g.node("Mul", largest, np.float64(1e-9)))
    size = g.node("Where", flat, g.node("Max", largest, np.float64(1e-300)), deviation)
    place = np.zeros((len(path.features), p.n_features))
    place[np.arange(len(place)), list(path.features)] = 1
    centred = g.node("Sub", x, g.node("MatMul", mean, place))
    size = g.node("Add", g.node("MatMul", size, place), 1 - place.sum(axis=0))
    scale = g.node("Where", flat, np.float64(0), deviation)
    return g.node("Div", centred, size), g.squeeze(scale, 1)


def is_number(g: Graph, x: str, kind: type) -> str:
    """Whether each value is neither missing nor infinite: x - x is 0."""
    return g.node("Equal", g.node("Sub", x, x), kind(0))


def _centred(g: Graph, x: str, offset: Array, kind: type) -> str:
    """Return x minus an offset, in two parts if float32 does not hold it."""
    if kind is np.float64:
        return g.node("Sub", x, offset.astype(kind))
    high = offset.astype(np.float32)
    low = (offset - high.astype(np.float64)).astype(np.float32)
    x = g.node("Sub", x, high)
    return g.node("Sub", x, low) if low.any() else x


def _logarithms(g: Graph, p: Program, path: Linear, x: str, kind: type) -> str:
    """Replace the features that are logarithms; of others it takes that of 1."""
    which = np.zeros(p.n_features, bool)
    which[[f for f, log in zip(path.features, path.log, strict=True) if log]] = True
    return g.node("Where", which, g.node("Log", g.node("Where", which, x, kind(1))), x)


def _unscaled(g: Graph, p: Program, x: str, kind: type, features: list[int]) -> str:
    """Return these features in the units of the data, or as logarithms."""
    x = g.node("Gather", x, ints(*features), axis=2)
    if p.factor is None or p.offset is None:
        return x
    x = g.node("Mul", x, (1 / p.factor[features]).astype(kind))
    return g.node("Add", x, p.offset[features].astype(kind))


def _forward(
    g: Graph, x: str, absent: str, fill: Array, carried: Carried | None
) -> tuple[str, str, str]:
    """Repeat the last known value of x (N, T, I) where one is absent.

    Before the first known value stands `fill`. Rows lie behind one another in one vector, each
    after a value that is always there, so that nothing is carried into another row: the number of
    values that are there, counted up to a place, is the number of the one to put there.
    """
    if carried is None:
        shape = g.node("Concat", g.slice(g.node("Shape", x), 0, 1, 0), ints(1, len(fill)), axis=0)
        first = g.node("Expand", fill[None, None], shape)
    else:
        known = g.node("Greater", carried.known, np.float32(0))
        first = g.unsqueeze(g.node("Where", known, carried.last, fill), 1)
    every = g.transpose(g.node("Concat", first, x, axis=1), 0, 2, 1)
    present = g.node("Not", absent)
    there = g.node("Concat", g.node("Equal", first, first), present, axis=1)
    there = g.reshape(g.transpose(there, 0, 2, 1), -1)
    places = g.reshape(g.node("NonZero", there), -1)
    number = g.node("Sub", g.node("CumSum", g.cast(there, np.int32), np.array(0)), np.int32(1))
    filled = g.node("Gather", g.reshape(every, -1), g.node("Gather", places, number))
    filled = g.transpose(g.node("Reshape", filled, g.node("Shape", every)), 0, 2, 1)
    result = g.slice(filled, 1, END, 1)
    if carried is None:
        return result, "", ""
    last = g.squeeze(g.slice(filled, -1, END, 1), 1)
    some = g.node("ReduceMax", g.cast(present, np.float32), axes=[1], keepdims=0)
    return result, last, g.node("Max", carried.known, some)


def forecast(
    g: Graph, p: Program, path: Linear, own: str, carried: Carried | None = None
) -> tuple[str, str]:
    """Return what the linear path forecasts (N, T, O) without its bias, and the lags after it."""
    P = path.weight.shape[1]
    before = np.arange(P)[None]
    T = g.length(own, 1)
    lags = ""
    if carried is not None:
        begun = g.node("Greater", g.unsqueeze(carried.count, 2), np.int32(0))
        lags = g.node("Where", begun, carried.lags, g.slice(own, 0, 1, 1))
        own = g.node("Concat", lags, own, axis=1)
        before = before - P
        lags = g.slice(own, -P, END, 1)
    places = g.node("Sub", g.unsqueeze(g.count(T), 1), before)
    if carried is None:
        places = g.node("Max", places, np.array(0))
    values = g.node("Gather", own, places, axis=1)
    kind = np.float64 if wide_inputs(p) else np.float32
    weighed = g.node("Mul", values, path.weight.T.astype(kind))
    return g.node("ReduceSum", weighed, ints(2), keepdims=0), lags


def in_units(g: Graph, p: Program, y: str, rows: Prepared, ends: Ends | None, linear: str) -> str:
    """Return outputs of the nets in the units of the targets.

    With `ends` these are (N, O), of the last step of each row; else (N, T, O).
    """
    kind = np.float64 if wide_answers(p) else np.float32

    def here(values: str) -> str:
        return values if ends is None else ends.at_last(g, values, 0)

    if p.change is not None:
        y = g.node("Add", y, here(g.node("Gather", rows.x, ints(*p.change), axis=2)))
    y = g.cast(y, kind) if kind is np.float64 else y
    constant = np.zeros(p.n_outputs)
    if p.target_factor is not None and p.target_offset is not None:
        y = g.node("Mul", y, (1 / p.target_factor).astype(kind))
        constant = constant + p.target_offset
    if rows.scale:
        y = g.node("Mul", y, rows.scale)
    if p.linear is not None:
        y = g.node("Add", y, here(linear))
        y = g.node("Add", y, here(rows.later)) if rows.later else y
        constant = constant + p.linear.bias
    if constant.any():
        y = g.node("Add", y, constant.astype(kind))
    if p.linear is not None and any(p.linear.log):
        log = np.array(p.linear.log)
        y = g.node("Where", log, g.node("Exp", g.node("Where", log, y, kind(0))), y)
    return y


def reconstruction(g: Graph, p: Program, rows: str) -> str:
    """Return reconstructed rows (N, F) in the units of the data."""
    kind = np.float64 if wide_answers(p) else np.float32
    rows = g.slice(rows, 0, p.n_features, 1) if p.missing == "mask" else rows
    if p.factor is None or p.offset is None:
        return rows
    rows = g.cast(rows, kind) if kind is np.float64 else rows
    return g.node("Add", g.node("Mul", rows, (1 / p.factor).astype(kind)), p.offset.astype(kind))
