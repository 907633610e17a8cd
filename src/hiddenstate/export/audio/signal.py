"""Recurrent regressors of one signal, as plug-ins for audio read them: numbers in, numbers out.

What a model does around its net is folded into the weights: the scaling of the input into the first
layer, that of the target into the head.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hiddenstate.export.target import kinds_of
from hiddenstate.export.trial import Answers, Trial
from hiddenstate.program.cells import CELLS as DECLARED
from hiddenstate.program.layers import Convolution, Dense, Direction, Readout, Recurrent
from hiddenstate.program.lowering import folded_scales
from hiddenstate.program.order import step_of
from hiddenstate.program.program import Program
from hiddenstate.program.steps import Change, Fill, Forecast, Fractions, Scale, TargetScale
from hiddenstate.system.typing import Array

ONE = np.float32(1)


@dataclass(frozen=True)
class Signal:
    """A net that makes one number of each number it reads.

    Parameters
    ----------
    cell : {"lstm", "gru"}
    layers : tuple of Direction
        Gates stacked as in torch; the weights of the first layer are of the unscaled input.
    head : ndarray (H,)
    bias : float
    """

    cell: str
    layers: tuple[Direction, ...]
    head: Array
    bias: float


REASONS: dict[type, str] = {
    Fill: "missing values are filled in",
    Fractions: "inputs are bytes",
    Change: "the input is added to the output",
    Forecast: "a linear path stands beside the net",
}
"""Why these kinds of steps are not held."""

CELLS = {"nam": ("lstm",), "rtneural": ("lstm", "gru")}
"""The cells that each format has."""

KINDS = frozenset({Scale, TargetScale, Recurrent, Readout, Dense})
"""The kinds of steps and layers that a signal can have."""


def refusal(program: Program, to: str, name: str) -> str | None:
    """Return why a format cannot hold a program, and which target can; None if it can."""
    if not program.kind.has_targets:
        return f"{name} holds regressors, not this job; use --to c"
    if program.n_features != 1 or program.n_outputs != 1:
        return (
            f"{name} holds nets of one input and one output, not of {program.n_features} and "
            f"{program.n_outputs}; use --to c"
        )
    for cell in (kind for kind in kinds_of(program) if kind in DECLARED and kind not in CELLS[to]):
        others = [*(each for each, cells in CELLS.items() if cell in cells), "c"]
        return f"{name} has no cell {cell}; use {' or '.join(f'--to {each}' for each in others)}"
    reasons = [reason for kind, reason in REASONS.items() if step_of(program.steps, kind)]
    if program.readout == "mean":
        reasons.insert(0, "the answer comes from the mean of the states")
    if not program.streams:
        words = "an answer needs the whole series (both directions, convolutions or members)"
        reasons.insert(0, words)
    elif Convolution in kinds_of(program):
        reasons.insert(0, "there are convolutional layers before the recurrent ones")
    return f"{name} cannot hold this model: {reasons[0]}; use --to c" if reasons else None


def signal_of(program: Program) -> Signal:
    """Return the net of a program that is not refused, with its scaling folded in."""
    *before, head = folded_scales(program).nets[0]
    layers = [layer for layer in before if isinstance(layer, Recurrent)]
    directions = tuple(layer.directions[0] for layer in layers)
    assert isinstance(head, Dense)
    return Signal(layers[0].cell, directions, head.weight[0], float(head.bias[0]))


def numbers(array: Array) -> list[float]:
    """Return an array as the shortest decimals that float32 has exactly; nested as the array."""
    if array.ndim > 1:
        return [numbers(row) for row in array]  # type: ignore[misc]
    return [float(f"{value:.9g}") for value in array.astype(np.float32).tolist()]


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)) in float32."""
    result: Array = ONE / (ONE + np.exp(-np.clip(x, -87, 87)))
    return result


def gru_layer(a: Array, state: Array, state_bias: Array) -> Array:
    """Return h (T, H) from the input's part `a` (T, 3H) of the gates, in the order r, z, n."""
    H = state.shape[1]
    h, steps = np.zeros(H, np.float32), []
    for row in a:
        b = state @ h + state_bias
        r, z = np.split(sigmoid(row[: 2 * H] + b[: 2 * H]), 2)
        h = (ONE - z) * np.tanh(row[2 * H :] + r * b[2 * H :]) + z * h
        steps.append(h)
    return np.array(steps)


def lstm_layer(a: Array, state: Array, h: Array, c: Array) -> Array:
    """Return h (T, H) from the input's part `a` (T, 4H) of the gates, in the order i, f, g, o."""
    steps = []
    for row in a:
        i, f, g, o = np.split(row + state @ h, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        steps.append(h)
    return np.array(steps)


def answers_of(
    program: Program, trial: Trial, signal: Callable[[Array], Array]
) -> tuple[Answers, Answers]:
    """Return answers to a trial, and those after every step, by what answers (T, 1) with (T, 1)."""
    X = trial.X.astype(np.float32)
    every = np.stack([signal(row) for row in X])
    if program.readout == "steps":
        return {"y": every}, {"y": every}
    ends = np.full(len(X), X.shape[1]) if trial.lengths is None else trial.lengths
    return {"y": every[np.arange(len(X)), ends - 1]}, {"y": every}
