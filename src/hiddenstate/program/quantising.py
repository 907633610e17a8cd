"""The pass from a program to one whose nets compute in integers, and what it needs of rows.

Each vector between layers has a number of bits, so that its largest numbers just fit: `calibrated`
finds them on rows. Weights get a scale for each row. Given both, `in_integers` is a function.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hiddenstate.program.cells import CELLS
from hiddenstate.program.equations import sigmoid
from hiddenstate.program.integers import (
    ANSWER_BITS,
    CURVES,
    INTEGER_EQUATIONS,
    LARGEST_SUM,
    ONE,
    SUM_BITS,
    UNIT_BITS,
    Dequantise,
    Factors,
    Format,
    IntegerBeside,
    IntegerConvolution,
    IntegerDense,
    IntegerDirection,
    IntegerPool,
    IntegerReadout,
    IntegerRecurrent,
    Product,
    Quantise,
)
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
from hiddenstate.program.lowering import folded_norms, summed
from hiddenstate.program.order import for_nets
from hiddenstate.program.program import Program
from hiddenstate.program.rows import Array

MOST = 127
"""Largest weight; -128 is not used, so that rows are symmetric."""

SCALE_BITS = 11
"""Bits of the scale of a row, so that a weight times its scale is exact in float32."""

LARGEST_BIAS, LARGEST_SUMS = 1 << 29, 1 << 30
"""Limits of a bias, and of the products of a row, in a sum of 32 bits."""

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


def row_scale(weight: Array, least: Array | float = 0.0) -> Array:
    """Return the scale of each row of weights (C, ...): its largest is 127 scales, if these are not
    less than `least`, rounded to `SCALE_BITS` bits; 1 of zeros.

    Weights that are multiples of such scales get the same scales again.
    """
    largest = np.abs(weight.reshape(len(weight), -1).astype(np.float64)).max(axis=1, initial=0)
    scale = np.maximum(largest / MOST, least)
    mantissa, exponent = np.frexp(np.where(scale > 0, scale, 1))
    return np.asarray(np.ldexp(np.rint(np.ldexp(mantissa, SCALE_BITS)), exponent - SCALE_BITS))


def product_of(weight: Array, bias: Array, read: int, given: int) -> Product:
    """Return weights (C, I) and biases (C,) in integers, for inputs with `read` bits and results
    with `given`."""
    scale = row_scale(weight, np.abs(bias) * 2.0**read / LARGEST_BIAS)
    whole = np.rint(weight / scale[:, None]).clip(-MOST, MOST)
    mantissa, exponent = np.frexp(scale * 2.0 ** (given - read))
    multiplier = np.rint(np.ldexp(mantissa, 31)).astype(np.int64)
    full = multiplier == 1 << 31
    multiplier, shift = np.where(full, 1 << 30, multiplier), 31 - exponent - full
    if shift.min() < 17:
        raise NotInteger("its numbers are so large that answers do not fit into 32 bits")
    multiplier >>= np.clip(shift - 62, 0, 31)  # of a row that gives next to nothing
    shift = np.minimum(shift, 62)
    return Product(
        whole.astype(np.int8),
        np.rint(bias * 2.0**read / scale).astype(np.int32),
        multiplier.astype(np.int32),
        shift.astype(np.int8),
    )


def format_of(bits: int, columns: int, state_bits: int) -> Format:
    """Return the format of a vector that products of at most so many `columns` read."""
    return Format(bits, (1 << size_of(columns, state_bits)) - 1)


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


# What is calibrated


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
            size = size_of(_readers((*layers, *after), number), state_bits)
            bounded = layer.cell in BOUNDED
            own["output"] = (size, size) if bounded else (LEAST_BITS, UNIT_BITS)
            if "c" in CELLS[layer.cell].state:
                own["c"] = (LEAST_CELL_BITS, UNIT_BITS)
            for name in ("inputs", "hidden"):
                if len(getattr(layer.directions[0], name)) > 1:
                    own[name] = (LEAST_BITS, UNIT_BITS)
        elif isinstance(layer, (Convolution, Dense)):
            own["output"] = (LEAST_BITS, UNIT_BITS)
    return found


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


def _readers(layers: Sequence[Layer], number: int) -> int:
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
        size = size_of(_readers((*layers, *after), number), state_bits)
        own: dict[str, int] = {}
        bits.append(own)
        if isinstance(layer, Beside):
            rest = (*layers[number + 1 :], *after)
            y, ends = _calibrate(layer.layers, x, lengths, bits, state_bits, share, rest)
            x, lengths = np.concatenate([y, x], axis=2), ends
            continue
        if isinstance(layer, Recurrent):
            own |= _recurrent_bits(layer, x, lengths, size, share)
        state = layer.state(len(x), x.dtype)
        x, lengths, _ = layer.forward(x, lengths, state)
        if isinstance(layer, (Convolution, Dense)):
            curve = layer.activation in CURVES
            own["output"] = size if curve else bits_for(peak(x, lengths, share), size)
    return x, lengths


def _recurrent_bits(
    layer: Recurrent, x: Array, lengths: Array | None, size: int, share: float
) -> dict[str, int]:
    """Return the bits of h, of c, and of what stands between factors."""
    if layer.cell not in INTEGER_EQUATIONS:
        raise NotInteger(f"{CELLS[layer.cell].title} has no form in integers")
    peaks = {"output": 1.0 if layer.cell in BOUNDED else 0.0}
    names = CELLS[layer.cell].state
    for number, direction in enumerate(layer.directions):
        one, rows = replace(layer, directions=(direction,)), x
        if number == 1:
            rows = _backwards(x, lengths)
        state, steps = one.state(len(x), x.dtype), dict[str, list[Array]]()
        for t in range(x.shape[1]):
            here = None if lengths is None else (lengths > t).astype(int)
            _, _, state = one.forward(rows[:, t : t + 1], here, state)
            for name in names:
                steps.setdefault(name, []).append(state[name][0])
        found = {name: np.stack(each, axis=1) for name, each in steps.items()}
        read = {
            "output": found["h"],
            "c": found.get("c"),
            "inputs": _between(direction.inputs, rows),
            "hidden": _between(direction.hidden, found["h"]),
        }
        for name, values in read.items():
            if values is not None and not (name == "output" and layer.cell in BOUNDED):
                peaks[name] = max(peaks.get(name, 0.0), peak(values, lengths, share))
    return {name: bits_for(peak, 15 if name == "c" else size) for name, peak in peaks.items()}


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


# The pass


def in_integers(program: Program, calibration: Calibration) -> Program:
    """Return a program whose nets, and decoder, compute in integers.

    Its first layers make integers of rows, its last ones numbers of integers, so that steps before
    and after are those of `program`.

    Raises
    ------
    NotInteger
        If a part has no form in integers.
    """
    program = folded_norms(program)
    state_bits = calibration.state_bits
    if program.companions:
        raise NotInteger("what stands beside the net has no form in integers")
    check_calibration(program, calibration)
    nets = tuple(
        _lowered(net, calibration.input, own, state_bits)
        for net, own in zip(program.nets, calibration.nets)
    )
    decoder: tuple[Layer, ...] = ()
    if calibration.code is not None:
        decoder = _lowered(program.decoder, calibration.code, calibration.decoder, state_bits)
    return replace(program, nets=nets, decoder=decoder)  # type: ignore[arg-type]


def _lowered(
    net: Sequence[Layer], read: int, bits: Sequence[dict[str, int]], state_bits: int
) -> tuple[Layer, ...]:
    first = Quantise(format_of(read, columns_of(net[0]), state_bits))
    layers, _ = _layers(net, read, list(bits), state_bits, ())
    last = layers[-1]
    assert isinstance(last, IntegerDense)
    if last.activation in CURVES:
        last = replace(last, format=Format(UNIT_BITS, ONE))
    return (first, *layers[:-1], last, Dequantise(last.format.bits))


def _layers(
    net: Sequence[Layer],
    read: int,
    bits: list[dict[str, int]],
    state_bits: int,
    after: Sequence[Layer],
) -> tuple[list[Layer], int]:
    """Return layers in integers, and the bits of what the last one gives; `bits` are taken off."""
    layers: list[Layer] = []
    for number, layer in enumerate(net):
        own, columns = bits.pop(0), _readers((*net, *after), number)
        if isinstance(layer, Beside):
            rest = (*net[number + 1 :], *after)
            inner, given = _layers(layer.layers, read, bits, state_bits, rest)
            layers.append(IntegerBeside(tuple(inner), read, given))
            read = min(read, given)
        elif isinstance(layer, Recurrent):
            layers.append(_recurrent(layer, read, own, columns, state_bits))
            read = own["output"]
        elif isinstance(layer, (Convolution, Dense)):
            last = not after and number == len(net) - 1
            format = format_of(own["output"], columns, state_bits)
            if last:
                format = Format(ANSWER_BITS, 2**31 - 1)
            given = SUM_BITS if layer.activation in CURVES else format.bits
            weight = layer.weight
            if isinstance(layer, Convolution):
                weight = weight.transpose(0, 2, 1).reshape(len(weight), -1)
            product = product_of(weight, layer.bias, read, given)
            if isinstance(layer, Convolution):
                size, causal = layer.weight.shape[2], layer.causal
                layers.append(IntegerConvolution(product, size, causal, layer.activation, format))
            else:
                layers.append(IntegerDense(product, layer.activation, format))
            read = format.bits
        elif isinstance(layer, Pool):
            layers.append(IntegerPool(layer.steps, layer.channels))
        elif isinstance(layer, Readout):
            layers.append(IntegerReadout(layer.kind, layer.width, layer.backward))
        else:
            raise NotInteger(f"a layer {type(layer).__name__} has no form in integers")
    return layers, read


def _recurrent(
    layer: Recurrent, read: int, bits: dict[str, int], columns: int, state_bits: int
) -> IntegerRecurrent:
    if layer.cell not in INTEGER_EQUATIONS:
        raise NotInteger(f"{CELLS[layer.cell].title} has no form in integers")
    h = format_of(bits["output"], columns, state_bits)
    formats = {"h": h}
    if "c" in CELLS[layer.cell].state:
        formats["c"] = Format(bits["c"], ONE - 1)
    sums = SUM_BITS
    if layer.cell == "rnn_relu":
        sums = h.bits + UNIT_BITS - int(math.log2(h.most + 1))
    own = (_direction(layer.cell, each, read, bits, h, sums) for each in layer.directions)
    return IntegerRecurrent(layer.cell, tuple(own), formats)


def _direction(
    cell: str, given: Direction, read: int, bits: dict[str, int], h: Format, sums: int
) -> IntegerDirection:
    kind, own = CELLS[cell], dict[str, Array]()
    if not kind.added:  # one sum serves several curves, each with a bias of its own
        biases = [np.zeros(given.hidden_size)] * 2
        axes = {weight.name: weight.axes for weight in kind.weights}
        for name, array in given.own.items():
            if axes[name] == "1":  # the share of a curve, before its sigmoid
                own[name] = np.rint(ONE * sigmoid(array)).astype(np.int64)
                continue
            scaled = np.rint(array * 2.0**SUM_BITS)
            own[name] = scaled.clip(-LARGEST_SUM, LARGEST_SUM).astype(np.int64)
    else:
        arrays = summed(kind, given.own)
        biases = [arrays[name] for name in kind.added]
    if cell == "rnn_relu":
        own["bits"] = np.array([sums])
    inputs = _factors(given.inputs, biases[0], read, bits.get("inputs"), sums, h)
    hidden = _factors(given.hidden, biases[1], h.bits, bits.get("hidden"), sums, h)
    return IntegerDirection(inputs, hidden, own, given.hidden_size)


def _factors(
    factors: tuple[Array, ...], bias: Array, read: int, between: int | None, sums: int, h: Format
) -> Factors:
    """Return one product or two; what stands between them has the size of h."""
    if len(factors) == 1 or between is None:
        return Factors((product_of(factors[0], bias, read, sums),), h)
    middle = Format(between, h.most)
    inner = product_of(factors[1], np.zeros(len(factors[1])), read, between)
    return Factors((product_of(factors[0], bias, between, sums), inner), middle)
