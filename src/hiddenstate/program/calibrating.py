"""How large the numbers of a program are: the bits with which each vector of its nets just fits.

`quantising` makes integers of a program, given these.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hiddenstate.program.cells import CELLS
from hiddenstate.program.equations import gelu, layer_norm
from hiddenstate.program.integers import CURVES, UNIT_BITS
from hiddenstate.program.layers import (
    Beside,
    Convolution,
    Dense,
    Direction,
    Layer,
    Pool,
    Readout,
    Recurrent,
    multiplied,
)
from hiddenstate.program.lowering import folded_norms
from hiddenstate.program.order import for_nets
from hiddenstate.program.program import Program
from hiddenstate.program.rows import Array

MOST = 127
"""Largest weight; -128 is not used, so that rows are symmetric."""

LARGEST_SUMS = 1 << 30
"""Largest sum of the products of a row, so that one with a bias has 32 bits."""

STATE_BITS = (16, 8)
"""Sizes of the numbers between layers."""

LEAST_BITS, LEAST_CELL_BITS = -15, -4
"""Fewest bits of a vector, and of `c`, whose sums of 12 bits must fit into 32."""

SHARE = 0.9999
"""Part of the numbers of a vector that fit: rare large ones are cut, for the sake of the others."""

BOUNDED = ("rnn_tanh", "gru", "lstm")
"""Cells whose h lies between -1 and 1."""


class NotInteger(ValueError):  # noqa: N818
    """A program that has no form in integers; the message says which part, and `of_data` whether
    it is the rows that it reads, rather than weights."""

    def __init__(self, message: str, of_data: bool = False) -> None:
        super().__init__(message)
        self.of_data = of_data


_WORDS = {"input": "inputs", "code": "codes", "c": "numbers of the state c"}
"""What vectors are called in errors."""


@dataclass(frozen=True)
class Calibration:
    """The bits of each vector of a program, as :func:`calibrated` finds them.

    Parameters
    ----------
    state_bits : int
        16 or 8: the size of inputs, of what layers give, and of h. Sums and `c` keep theirs.
    input : int
        Bits of what nets read.
    nets : tuple of tuple of dict
        For each layer of each net, by name: "output"; "c" of an lstm; "inputs" and "hidden", what
        stands between the two factors of a product. Layers in a `Beside` follow it.
    code : int, optional
        Bits of the codes that a decoder reads.
    decoder : tuple of dict
        As `nets`, of the decoder.
    """

    state_bits: int
    input: int
    nets: tuple[tuple[dict[str, int], ...], ...]
    code: int | None = None
    decoder: tuple[dict[str, int], ...] = ()


def size_of(columns: int, state_bits: int) -> int:
    """Return the bits without the sign of a number of a vector: so few that the sum of `columns`
    products does not exceed its part of 32 bits."""
    fits = int(math.log2(LARGEST_SUMS // (MOST * max(1, columns))))
    return min(state_bits - 1, fits)


def bits_for(peak: float, size: int) -> int:
    """Return the bits with which numbers up to `peak` fit into `size` bits; at most 15."""
    if not math.isfinite(peak):
        return -sys.maxsize  # fewer than any vector may have
    return min(UNIT_BITS, size - math.ceil(math.log2(peak))) if peak > 0 else min(UNIT_BITS, size)


def calibrated(
    program: Program,
    x: Array,
    lengths: Array | None = None,
    state_bits: int = STATE_BITS[0],
    share: float = SHARE,
) -> Calibration:
    """Return the bits of all vectors of a program, for kept rows x, which its nets read.

    `share` of the numbers of each vector fit.

    Raises
    ------
    NotInteger
        If a layer has no form in integers, or numbers are too large.
    """
    program = folded_norms(program)
    read = for_nets(program.steps, x, lengths)
    nets, codes = [], []
    for net in program.nets:
        bits: list[dict[str, int]] = []
        codes.append(_calibrate(net, read, lengths, bits, state_bits, share)[0])
        nets.append(tuple(bits))
    largest = peak(read, lengths, share)
    first = bits_for(largest, size_of(columns_of(program.nets[0][0]), state_bits))
    found = Calibration(state_bits, first, tuple(nets))
    if program.decoder:
        code, bits = codes[0], []
        _calibrate(program.decoder, code, None, bits, state_bits, share)
        size = size_of(columns_of(program.decoder[0]), state_bits)
        largest = peak(code, None, share)
        found = replace(found, code=bits_for(largest, size), decoder=tuple(bits))
    check_calibration(program, found)
    return found


def check_calibration(program: Program, calibration: Calibration) -> None:
    """Refuse bits that are not those of the vectors of a program, whose norms are folded.

    Raises
    ------
    NotInteger
        Where a vector has none, or so many or few that numbers would not fit into 32 bits.
    """
    size, any_bits = calibration.state_bits, (LEAST_BITS, UNIT_BITS)
    if size not in STATE_BITS or len(calibration.nets) != len(program.nets):
        raise NotInteger("its calibration is of another net")
    pairs = [({"input": calibration.input}, {"input": any_bits})]
    parts = [*zip(program.nets, calibration.nets), (program.decoder, calibration.decoder)]
    for layers, bits in parts:
        limits = _limits(layers, size)
        if len(bits) != len(limits):
            raise NotInteger("its calibration is of other layers")
        pairs += zip(bits, limits)
    if program.decoder or calibration.code is not None:
        code = {} if calibration.code is None else {"code": calibration.code}
        pairs.append((code, {"code": any_bits} if program.decoder else {}))
    for own, allowed in pairs:
        if set(own) != set(allowed):
            raise NotInteger("its calibration is of other layers")
        for name, (least, most) in allowed.items():
            if own[name] < least:
                what = _WORDS.get(name, "numbers between layers")
                raise NotInteger(f"its {what} are too large for integers", name == "input")
            if own[name] > most:
                raise NotInteger("its calibration is of other numbers")


def _limits(
    layers: Sequence[Layer], state_bits: int, after: Sequence[Layer] = ()
) -> list[dict[str, tuple[int, int]]]:
    """Return the fewest and the most bits of the vectors of each layer, as `_calibrate` finds them;
    where h lies between -1 and 1, it has all."""
    found: list[dict[str, tuple[int, int]]] = []
    for number, layer in enumerate(layers):
        own: dict[str, tuple[int, int]] = {}
        found.append(own)
        if isinstance(layer, Beside):
            found += _limits(layer.layers, state_bits, (*layers[number + 1 :], *after))
        elif isinstance(layer, Recurrent):
            size = size_of(readers((*layers, *after), number), state_bits)
            bounded = layer.cell in BOUNDED
            own["output"] = (size, size) if bounded else (LEAST_BITS, UNIT_BITS)
            if "c" in CELLS[layer.cell].state:
                own["c"] = (LEAST_CELL_BITS, UNIT_BITS)
            own |= dict.fromkeys(_inner(layer), (LEAST_BITS, UNIT_BITS))
        elif isinstance(layer, (Convolution, Dense)):
            own["output"] = (LEAST_BITS, UNIT_BITS)
    return found


def _inner(layer: Recurrent) -> list[str]:
    """Return the names of the vectors within a layer, its state apart."""
    one = layer.directions[0]
    if layer.cell == "lru":
        return [*(["u"] if one.inputs else []), "n", "g", "re"]
    return [name for name in ("inputs", "hidden") if len(getattr(one, name)) > 1]


def columns_of(layer: Layer) -> int:
    """Return how many numbers a product of a layer reads at most; 1 of a layer without one."""
    if isinstance(layer, Beside):
        return columns_of(layer.layers[0])
    if isinstance(layer, Recurrent):
        matrices = [m for each in layer.directions for m in (*each.inputs, *each.hidden)]
        return max((matrix.shape[1] for matrix in matrices), default=1)
    if isinstance(layer, Convolution):
        return int(layer.weight.shape[1] * layer.weight.shape[2])
    return int(layer.weight.shape[1]) if isinstance(layer, Dense) else 1


def readers(layers: Sequence[Layer], number: int) -> int:
    """Return the columns of the widest product that reads what a layer gives, its own included;
    means and readouts pass it on."""
    widest = columns_of(layers[number]) if isinstance(layers[number], Recurrent) else 1
    for layer in layers[number + 1 :]:
        widest = max(widest, columns_of(layer))
        if not isinstance(layer, (Pool, Readout)):
            break
    return widest


def _calibrate(
    layers: Sequence[Layer],
    x: Array,
    lengths: Array | None,
    bits: list[dict[str, int]],
    state_bits: int,
    share: float,
    after: Sequence[Layer] = (),
) -> tuple[Array, Array | None]:
    """Add the bits of each layer, and return what the last one gives; `after` are those that read
    it."""
    for number, layer in enumerate(layers):
        size = size_of(readers((*layers, *after), number), state_bits)
        own: dict[str, int] = {}
        bits.append(own)
        if isinstance(layer, Beside):
            rest = (*layers[number + 1 :], *after)
            y, ends = _calibrate(layer.layers, x, lengths, bits, state_bits, share, rest)
            x, lengths = np.concatenate([y, x], axis=2), ends
            continue
        if isinstance(layer, Recurrent):
            own |= _recurrent_bits(layer, x, lengths, size, state_bits, share)
        state = layer.state(len(x), x.dtype)
        x, lengths, _ = layer.forward(x, lengths, state)
        if isinstance(layer, (Convolution, Dense)):
            curve = layer.activation in CURVES
            own["output"] = size if curve else bits_for(peak(x, lengths, share), size)
    return x, lengths


def _recurrent_bits(
    layer: Recurrent, x: Array, lengths: Array | None, size: int, state_bits: int, share: float
) -> dict[str, int]:
    """Return the bits of h, of c, and of what stands between factors."""
    peaks = {"output": 1.0 if layer.cell in BOUNDED else 0.0}
    names, first = CELLS[layer.cell].state, layer.directions[0]
    sizes = {"c": UNIT_BITS, "re": size_of(2 * first.states, 16), "u": state_bits - 1}
    sizes |= dict.fromkeys(("n", "g"), size_of(first.hidden_size, state_bits))
    for number, direction in enumerate(layer.directions):
        one, rows = replace(layer, directions=(direction,)), x
        if number == 1:
            rows = _backwards(x, lengths)
        state, steps = one.state(len(x), x.dtype), dict[str, list[Array]](output=[])
        for t in range(x.shape[1]):
            here = None if lengths is None else (lengths > t).astype(int)
            y, _, state = one.forward(rows[:, t : t + 1], here, state)
            steps["output"].append(y[:, 0])
            for name in names:
                steps.setdefault(name, []).append(state[name][0])
        found = {name: np.stack(each, axis=1) for name, each in steps.items()}
        read = {
            "output": found["output"],
            "c": found.get("c"),
            "inputs": _between(direction.inputs, rows),
            "hidden": _between(direction.hidden, found["output"]),
            **(_within(direction, rows, found) if layer.cell == "lru" else {}),
        }
        for name, values in read.items():
            if values is not None and not (name == "output" and layer.cell in BOUNDED):
                peaks[name] = max(peaks.get(name, 0.0), peak(values, lengths, share))
    return {name: bits_for(peak, sizes.get(name, size)) for name, peak in peaks.items()}


def _within(direction: Direction, x: Array, found: dict[str, Array]) -> dict[str, Array]:
    """Return what an LRU computes of rows x, given the parts of its states; see its equation."""
    own = direction.own
    u = multiplied(direction.inputs, x) + own.get("bias_in", 0.0)
    n = layer_norm(u, own["norm_weight"], own["norm_bias"])
    states = np.concatenate([found["re"], found["im"]], axis=2)
    read = {"n": n, "g": gelu(states @ own["weight_ho"].T + own["skip"] * n), "re": states}
    return {"u": u, **read} if direction.inputs else read


def _between(factors: tuple[Array, ...], x: Array) -> Array | None:
    return multiplied(factors[1:], x) if factors[1:] else None


def _backwards(x: Array, lengths: Array | None) -> Array:
    """Return rows (B, T, I) from their last step to their first."""
    if lengths is None:
        return x[:, ::-1]
    steps = np.maximum(lengths[:, None] - 1 - np.arange(x.shape[1]), 0)
    return np.asarray(np.take_along_axis(x, steps[:, :, None], axis=1))


def peak(x: Array, lengths: Array | None, share: float) -> float:
    """Return the size that `share` of the numbers of rows do not exceed."""
    if lengths is not None and x.ndim == 3:
        x = x[np.arange(x.shape[1]) < lengths[:, None]]
    sizes = np.sort(np.abs(x).ravel())
    return float(sizes[max(0, math.ceil(share * len(sizes)) - 1)]) if len(sizes) else 0.0
