"""Fixed convolutions beside the nets of a classifier, as nodes of ONNX.

A share of steps jumps where a value crosses a bias, so values are computed as the specification
does: in float64, in which sums of float32 are nearly always exact. Runtimes have no convolution in
float64, so the nine steps that a kernel reads are gathered, and a matrix product weighs them.
"""

import numpy as np

from hiddenstate.export.onnx.graph import Graph, ints
from hiddenstate.export.onnx.nets import Ends
from hiddenstate.program.companions import KERNELS, LARGEST_INPUT, FixedConvolutions
from hiddenstate.system.typing import Array

TAPS = 9
"""Steps that a kernel reads."""

AT_ONCE = 4
"""Biases of a kernel that its values are compared with at once, which takes memory."""

LEAST = 1e-300
"""Smaller probabilities of the nets count as this one."""


def beside_convolutions(g: Graph, path: FixedConvolutions, nets: str, x: str, ends: Ends) -> str:
    """Return the mean of the nets' probabilities (N, C) and of those of fixed convolutions.

    All are float64. `x` (N, T, I), float32, are prepared rows; `nets` is not read, and may be "",
    if the share of the nets is 0.
    """
    logits = g.node("MatMul", _features(g, path, x, ends), _wide(g, path.weight.T, np.float32))
    own = g.node("Softmax", g.node("Add", logits, path.bias.astype(np.float64)), axis=-1)
    if path.share == 0:
        return own
    logarithms = g.node("Log", g.node("Max", nets, np.float64(LEAST)))
    nets = g.node("Softmax", g.node("Mul", logarithms, np.float64(path.scale)), axis=-1)
    parts = (nets, path.share), (own, 1 - path.share)
    return g.node("Add", *(g.node("Mul", each, np.float64(share)) for each, share in parts))


def _features(g: Graph, path: FixedConvolutions, x: str, ends: Ends) -> str:
    """Return the share of values above each bias, (N, P) in float64, with the digits of float32."""
    x = g.node("Where", g.unsqueeze(ends.read, 2), x, np.float32(0))
    x = g.node("Min", g.node("Max", x, np.float32(-LARGEST_INPUT)), np.float32(LARGEST_INPUT))
    x = g.transpose(g.cast(x, np.float64), 0, 2, 1)
    steps = g.count(g.length(x, 2))
    x = g.node("Pad", x, ints(0, 0, 1, 0, 0, 1))  # a zero stands for all steps on its side
    last = g.node("Sub", g.length(x, 2), np.array(1))
    weights = _kernels(g, path)
    shares, place = [], 0
    for d, (dilation, count) in enumerate(zip(path.dilations, path.counts, strict=True)):
        if count == 0:
            continue
        taps = (np.arange(TAPS) - TAPS // 2) * dilation + 1
        places = g.node("Add", steps, taps[:, None])
        places = g.node("Min", g.node("Max", places, np.array(0)), last)
        read = g.node("Gather", x, places, axis=2)  # (N, I, 9, T)
        read = g.reshape(read, 0, path.uses.shape[2] * TAPS, -1)
        values = g.node("MatMul", g.node("Gather", weights, np.array(d), axis=0), read)
        inside, n = _counted(g, steps, ends, d, dilation)
        values = g.node("Where", inside, values, np.float64(-np.inf))  # (N, 84, T)
        end = place + len(KERNELS) * count
        biases = path.biases[place:end].reshape(len(KERNELS), count, 1)
        values, numbers = g.unsqueeze(values, 2), []
        for first in range(0, count, AT_ONCE):
            own = _wide(g, biases[:, first : first + AT_ONCE], np.float32)
            above = g.cast(g.node("Greater", values, own), np.float32)
            numbers.append(g.node("ReduceSum", above, ints(3), keepdims=0))
        number = numbers[0] if len(numbers) == 1 else g.node("Concat", *numbers, axis=2)
        share = g.node("Div", g.cast(number, np.float64), g.unsqueeze(n, 2))
        shares.append(g.reshape(share, 0, len(KERNELS) * count))
        place = end
    every = shares[0] if len(shares) == 1 else g.node("Concat", *shares, axis=1)
    return g.cast(g.cast(every, np.float32), np.float64)


def _kernels(g: Graph, path: FixedConvolutions) -> str:
    """Return the weights of the kernels with each dilation, (D, 84, I*9)."""
    kernels = np.full((len(KERNELS), 1, TAPS), -1.0)
    for number, kernel in enumerate(KERNELS):
        kernels[number, 0, list(kernel)] = 2
    D, _, channels = path.uses.shape
    used = g.node("Mul", _wide(g, path.uses[..., None], np.int8), kernels)
    return g.reshape(used, D, len(KERNELS), channels * TAPS)


def _counted(g: Graph, steps: str, ends: Ends, d: int, dilation: int) -> tuple[str, str]:
    """Return which steps of each kernel count (N, 84, T), and their number (N, 84).

    Of every second kernel only those whose nine inputs are in the row, if there are any.
    """
    middle = (TAPS // 2) * dilation
    second = (np.arange(len(KERNELS)) + d) % 2 * middle
    lengths = g.unsqueeze(ends.lengths, 1)
    longer = g.cast(g.node("Greater", lengths, np.array(2 * middle)), np.int64)
    first = g.node("Mul", longer, second)
    last = g.node("Sub", lengths, first)
    after = g.node("Less", steps, g.unsqueeze(last, 2))
    inside = g.node("And", g.node("GreaterOrEqual", steps, g.unsqueeze(first, 2)), after)
    return inside, g.cast(g.node("Sub", last, first), np.float64)


def _wide(g: Graph, array: Array, stored: type) -> str:
    """Return a constant in float64 that is stored in another type, which has all its values."""
    return g.cast(g.constant(array.astype(stored)), np.float64)
