"""The pass from a program to one whose nets compute in integers.

Each vector between layers has a number of bits, which `calibrating` finds on rows. Weights get a
scale for each row. Given both, `in_integers` is a function.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hiddenstate.program.calibrating import (
    MOST,
    Calibration,
    NotInteger,
    bits_for,
    check_calibration,
    columns_of,
    readers,
    size_of,
)
from hiddenstate.program.cells import CELLS
from hiddenstate.program.equations import NORM_EPS, eigenvalues, sigmoid
from hiddenstate.program.integers import (
    ANSWER_BITS,
    CURVES,
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
)
from hiddenstate.program.lowering import folded_norms, summed
from hiddenstate.program.program import Program
from hiddenstate.program.rows import Array

SCALE_BITS = 11
"""Bits of the scale of a row, so that a weight times its scale is exact in float32."""

LARGEST_NORM = 1024
"""Most numbers of a layer norm: their squares, 10 bits longer, are exact in doubles."""

LARGEST_BIAS = 1 << 29
"""Limit of a bias in a sum of 32 bits."""


def row_scale(weight: Array, least: Array | float = 0.0) -> Array:
    """Return the scale of each row of weights (C, ...): its largest is 127 scales, if these are not
    less than `least`, rounded to `SCALE_BITS` bits; 1 of zeros.

    Weights that are multiples of such scales get the same scales again.
    """
    largest = np.abs(weight.reshape(len(weight), -1).astype(np.float64)).max(axis=1, initial=0)
    scale = np.maximum(largest / MOST, least)
    mantissa, exponent = np.frexp(np.where(scale > 0, scale, 1))
    return np.asarray(np.ldexp(np.rint(np.ldexp(mantissa, SCALE_BITS)), exponent - SCALE_BITS))


def product_of(weight: Array, bias: Array, read: int, given: int | Array) -> Product:
    """Return weights (C, I) and biases (C,) in integers, for inputs with `read` bits and results
    with `given`, of all rows or of each."""
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
        own, columns = bits.pop(0), readers((*net, *after), number)
        if isinstance(layer, Beside):
            rest = (*net[number + 1 :], *after)
            inner, given = _layers(layer.layers, read, bits, state_bits, rest)
            layers.append(IntegerBeside(tuple(inner), read, given))
            read = min(read, given)
        elif isinstance(layer, Recurrent):
            made = _recurrent(layer, read, own, columns, state_bits)
            layers.append(made)
            read = made.formats["h"].bits
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
    h = format_of(bits["output"], columns, state_bits)
    if layer.cell == "lru":
        return _lru(layer, read, bits, h, state_bits)
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
    hidden = Factors((), h)
    if given.hidden:
        hidden = _factors(given.hidden, biases[1], h.bits, bits.get("hidden"), sums, h)
    return IntegerDirection(inputs, hidden, own, given.hidden_size)


def _lru(
    layer: Recurrent, read: int, bits: dict[str, int], h: Format, state_bits: int
) -> IntegerRecurrent:
    """Return an LRU, whose output has at most the bits of what it adds to."""
    H, S = layer.directions[0].hidden_size, layer.directions[0].states
    if H > LARGEST_NORM:
        raise NotInteger(f"an LRU of more than {LARGEST_NORM:,} units has no form in integers")
    u = Format(bits.get("u", read), (1 << (state_bits - 1)) - 1 if "u" in bits else ONE - 1)
    n, g = (format_of(bits[name], H, state_bits) for name in ("n", "g"))
    state = format_of(bits["re"], 2 * S, 16)
    h = replace(h, bits=min(h.bits, u.bits))
    formats = {"h": h, "u": u, "n": n, "g": g, "re": state, "im": state}
    own = (_lru_direction(each, read, formats) for each in layer.directions)
    return IntegerRecurrent(layer.cell, tuple(own), formats)


def _lru_direction(given: Direction, read: int, formats: dict[str, Format]) -> IntegerDirection:
    h, u, n, g, state = (formats[name] for name in ("h", "u", "n", "g", "re"))
    arrays, H = given.own, given.hidden_size

    def whole(array: Array, bits: int, most: int = ONE - 1) -> Array:
        return np.rint(np.ldexp(array, bits)).clip(-most, most).astype(np.int64)

    def factors(weight: Array, bias: Array | float, reads: int, gives: int | Array) -> Factors:
        bias = np.broadcast_to(bias, len(weight))
        return Factors((product_of(weight, bias, reads, gives),), u)

    weight, skip = arrays["norm_weight"], arrays["skip"]
    weight_bits = bits_for(float(np.abs(weight).max()), SUM_BITS)
    skip_bits = bits_for(float(np.abs(skip).max()), UNIT_BITS)
    places, norm_bits = skip_bits + n.bits - SUM_BITS, weight_bits + SUM_BITS
    if not 0 <= places <= 30:
        raise NotInteger("its numbers between layers are too large for integers")
    gain = np.exp(np.tile(arrays["gamma"], 2))[:, None]
    cosine, sine = eigenvalues(arrays["nu"], arrays["theta"])
    own = {
        "epsilon": whole(np.array([NORM_EPS]), 2 * u.bits + 10, 1 << 53),
        "norm_weight": whole(weight, weight_bits),
        "norm_bias": whole(arrays["norm_bias"], norm_bits, 1 << 29),
        "norm_bits": np.array([norm_bits]),
        "cosine": whole(cosine, UNIT_BITS),
        "sine": whole(sine, UNIT_BITS),
        "skip": whole(skip, skip_bits),
        "skip_places": np.array([places]),
    }
    block = {
        "drive": factors(arrays["weight_ih"] * gain, 0.0, n.bits, state.bits),
        "back": factors(arrays["weight_ho"], 0.0, state.bits, SUM_BITS),
        "gate": factors(
            arrays["weight_glu"], arrays["bias_glu"], g.bits, np.repeat([h.bits, SUM_BITS], H)
        ),
    }
    inputs, none = Factors((), u), Factors((), state)
    if given.inputs:
        inputs = factors(given.inputs[0], arrays["bias_in"], read, u.bits)
    return IntegerDirection(inputs, none, own, H, given.states, block)


def _factors(
    factors: tuple[Array, ...], bias: Array, read: int, between: int | None, sums: int, h: Format
) -> Factors:
    """Return one product or two; what stands between them has the size of h."""
    if len(factors) == 1 or between is None:
        return Factors((product_of(factors[0], bias, read, sums),), h)
    middle = Format(between, h.most)
    inner = product_of(factors[1], np.zeros(len(factors[1])), read, between)
    return Factors((product_of(factors[0], bias, between, sums), inner), middle)
