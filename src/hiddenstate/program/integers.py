"""Layers that compute in integers, and the arithmetic that they share.

A number x is stored as the integer q = x 2**bits, for each vector with its own `bits`; see
docs/integers.md. Weights are int8 with a scale for each row. All here is exact: any program that
follows it gives the same integers. Shapes: B rows, T time steps, I inputs, C outputs, H hidden
size.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hiddenstate.program.equations import sigmoid
from hiddenstate.program.layers import (
    Beside,
    Layer,
    Pool,
    Readout,
    Sliding,
    Sweeping,
    run_layers,
    until,
)
from hiddenstate.program.rows import Array

UNIT_BITS = 15
"""Bits of the outputs of sigmoid and tanh: 1 is 32,768."""

SUM_BITS = 12
"""Bits of the sums that sigmoid and tanh read."""

ANSWER_BITS = 16
"""Bits of what a last layer gives that has no activation."""

LARGEST_SUM = 65_535
"""Sums are cut to +- this, nearly 16; so the product with a gate is less than 2**31."""

ONE = 1 << UNIT_BITS

TABLE_STEPS = 16
"""Places of the table of sigmoid from one whole number to the next."""

SIGMOID = np.rint(ONE * sigmoid(np.arange(16 * TABLE_STEPS + 1) / TABLE_STEPS)).astype(np.int64)
"""sigmoid(i / 16) for i from 0 to 256. Between two places lies a line, at most 4.7e-5 from the
curve, (1/16)**2 / 8 times its largest second derivative, .0962; with rounding 8e-5, tanh 1.6e-4."""


def shifted(x: Array, n: int) -> Array:
    """Return x / 2**n, rounded to the nearest integer, halves up; of n < 0 multiplied by 2**-n."""
    return np.asarray((x + (1 << n >> 1)) >> n if n > 0 else x << -n)


def cut(x: Array, most: int) -> Array:
    """Return x cut to the numbers from -most to most."""
    return np.asarray(np.clip(x, -most, most))


def rescaled(sums: Array, multiplier: Array, shift: Array) -> Array:
    """Return sums (..., C) times multiplier / 2**shift, each (C,), rounded, halves up.

    |sum| < 2**31 and multiplier < 2**31, so that the product has 63 bits.
    """
    product = sums.astype(np.int64) * multiplier
    places = shift.astype(np.int64)
    return np.asarray((product + (np.int64(1) << (places - 1))) >> places)


def mean(total: Array, count: Array) -> Array:
    """Return total / count rounded to the nearest integer, halves up."""
    return np.asarray((2 * total + count) // (2 * count))


def table_sigmoid(x: Array) -> Array:
    """Return the sigmoid, 15 bits, of x, 12 bits: 1 from 16 on, 1 - sigmoid(-x) below 0."""
    size = np.minimum(np.abs(x), 16 << SUM_BITS)
    place, rest = size >> 8, size & 255
    low, high = SIGMOID[place], SIGMOID[np.minimum(place + 1, len(SIGMOID) - 1)]
    y = low + shifted((high - low) * rest, 8)
    return np.asarray(np.where(x < 0, ONE - y, y))


def table_tanh(x: Array) -> Array:
    """Return tanh(x) = 2 sigmoid(2 x) - 1, 15 bits, of x, 12 bits; at most 32,767 in size."""
    return cut(2 * table_sigmoid(2 * x) - ONE, ONE - 1)


@dataclass(frozen=True)
class Format:
    """How the numbers of a vector are stored: x as x 2**bits, cut to +- `most`."""

    bits: int
    most: int

    def of(self, x: Array, bits: int) -> Array:
        """Return numbers that are stored with other `bits` in this format."""
        return cut(shifted(x, bits - self.bits), self.most)


@dataclass(frozen=True)
class Product:
    """A matrix times a vector, rescaled: `weight` int8 (C, I), `bias` int32 (C,), in the scale of
    the sums, `multiplier` int32 (C,) and `shift` int8 (C,), from 17 to 62."""

    weight: Array
    bias: Array
    multiplier: Array
    shift: Array

    def sums(self, x: Array) -> Array:
        """Return the sums of x (..., I), which have 32 bits; float64 adds them exactly."""
        sums = x.astype(np.float64) @ self.weight.T.astype(np.float64)
        return np.asarray(sums.astype(np.int64) + self.bias)

    def of(self, x: Array) -> Array:
        """Return what the sums of x (..., I) become."""
        return rescaled(self.sums(x), self.multiplier, self.shift)


@dataclass(frozen=True)
class Factors:
    """One product, or two of low rank: the second reads x, and gives numbers in `format`."""

    products: tuple[Product, ...]
    format: Format

    def of(self, x: Array) -> Array:
        """Return the rescaled sums of x (..., I), cut to `LARGEST_SUM`; x itself without any."""
        if not self.products:
            return x
        for product in self.products[:0:-1]:
            x = cut(product.of(x), self.format.most)
        return cut(self.products[0].of(x), LARGEST_SUM)


class IntegerLayer(Layer):
    """A layer that reads and gives integers; its state has integers, too."""

    def _zeros(self, shape: tuple[int, ...], dtype: Any) -> Array:
        return np.zeros(shape, np.int64)


@dataclass(frozen=True)
class Quantise(IntegerLayer):
    """Numbers become integers: floor(x 2**bits + 1/2), cut, computed in float64."""

    format: Format

    def forward(
        self, x: Array, lengths: Array | None, state: dict[str, Array]
    ) -> tuple[Array, Array | None, dict[str, Array]]:
        """As :meth:`Layer.forward`."""
        x, most = until(x, lengths) if x.ndim == 3 else x, self.format.most
        whole = np.floor(np.ldexp(x.astype(np.float64), self.format.bits) + 0.5)
        return cut(whole, most).astype(np.int64), lengths, {}


@dataclass(frozen=True)
class Dequantise(IntegerLayer):
    """Integers become the numbers that they stand for, in float64."""

    bits: int

    def forward(
        self, x: Array, lengths: Array | None, state: dict[str, Array]
    ) -> tuple[Array, Array | None, dict[str, Array]]:
        """As :meth:`Layer.forward`."""
        return np.ldexp(x.astype(np.float64), -self.bits), lengths, {}


def activated(x: Array, activation: str, format: Format) -> Array:
    """Return the activation of rescaled sums, which have `SUM_BITS` of sigmoid and tanh and else
    the bits of the `format` that it gives."""
    if activation in CURVES:
        return format.of(CURVES[activation](cut(x, LARGEST_SUM)), UNIT_BITS)
    return np.clip(x, 0 if activation == "relu" else -format.most, format.most)


CURVES = {"sigmoid": table_sigmoid, "tanh": table_tanh}


@dataclass(frozen=True)
class IntegerDense(IntegerLayer):
    """`activation(product x)`, of rows or of each step, in `format`."""

    product: Product
    activation: str
    format: Format

    def forward(
        self, x: Array, lengths: Array | None, state: dict[str, Array]
    ) -> tuple[Array, Array | None, dict[str, Array]]:
        """As :meth:`Layer.forward`."""
        y = activated(self.product.of(x), self.activation, self.format)
        return until(y, lengths) if y.ndim == 3 else y, lengths, {}


@dataclass(frozen=True)
class IntegerConvolution(Sliding, IntegerLayer):
    """A convolution over time, as :class:`hiddenstate.program.layers.Convolution`.

    `product` reads the k steps one after the other, the earliest first: its weight is (C, k * I).
    """

    product: Product
    size: int
    causal: bool
    activation: str
    format: Format

    def _window(self) -> tuple[int, int]:
        return self.size, self.inputs

    @property
    def inputs(self) -> int:
        """The numbers I of a step."""
        return int(self.product.weight.shape[1]) // self.size

    def forward(
        self, x: Array, lengths: Array | None, state: dict[str, Array]
    ) -> tuple[Array, Array | None, dict[str, Array]]:
        """As :meth:`Layer.forward`."""
        around, after = self._around(until(x, lengths), lengths, state)
        read = np.concatenate([around[:, j : j + x.shape[1]] for j in range(self.size)], axis=2)
        y = activated(self.product.of(read), self.activation, self.format)
        return until(y, lengths), lengths, after


@dataclass(frozen=True)
class IntegerPool(Pool, IntegerLayer):
    """The mean of every `steps` steps, each an integer."""

    def forward(
        self, x: Array, lengths: Array | None, state: dict[str, Array]
    ) -> tuple[Array, Array | None, dict[str, Array]]:
        """As :meth:`Layer.forward`."""
        (B, T, C), steps, phase = x.shape, self.steps, state["phase"]
        n = -(-T // steps)
        padded = np.pad(x, ((0, 0), (0, n * steps - T), (0, 0)))
        ends = np.full(B, T) if lengths is None else lengths
        sums = padded.reshape(B, n, steps, C).sum(axis=2)
        counts = np.clip(ends[:, None] - np.arange(n) * steps, 1, steps)
        sums[:, 0] += state["pooled"]
        counts[:, 0] += phase
        phase = (phase + ends) % steps
        last = np.where(phase[:, None] > 0, sums[np.arange(B), (ends - 1) // steps], 0)
        after = {"pooled": last, "phase": phase}
        means = mean(sums, counts[:, :, None])
        return means, None if lengths is None else -(-lengths // steps), after


@dataclass(frozen=True)
class IntegerDirection:
    """A recurrent layer in one direction: its two products, and the cell's numbers that are in
    neither, by name. `hidden_size` is H. A block has `states` S, and its other products."""

    inputs: Factors
    hidden: Factors
    own: dict[str, Array]
    hidden_size: int
    states: int = 0
    block: dict[str, Factors] = field(default_factory=dict)


@dataclass(frozen=True)
class IntegerRecurrent(Sweeping, IntegerLayer):
    """A recurrent layer, as :class:`hiddenstate.program.layers.Recurrent`.

    `formats` are those of the arrays of its state, by name, and of an LRU of what it computes from
    step to step, "h" of what it gives; the sums of an `rnn_relu` have the bits of a state with 16,
    those of all others `SUM_BITS`.
    """

    formats: dict[str, Format]

    def _step(
        self, direction: IntegerDirection, x: Array, state: tuple[Array, ...]
    ) -> tuple[Array, ...]:
        wx, uh = direction.inputs.of(x), direction.hidden.of(state[0])
        own: dict[str, Any] = {**direction.own, **direction.block}
        return INTEGER_EQUATIONS[self.cell](wx, uh, state, self.formats, own)


@dataclass(frozen=True)
class IntegerBeside(Beside, IntegerLayer):
    """Layers whose input, with `bits`, stands beside their output, with `given`: (B, T, C + I), all
    with the fewer bits of both."""

    bits: int
    given: int

    def forward(
        self, x: Array, lengths: Array | None, state: dict[str, Array]
    ) -> tuple[Array, Array | None, dict[str, Array]]:
        """As :meth:`Layer.forward`."""
        y, ends, after = run_layers(self.layers, x, lengths, state)
        bits = min(self.bits, self.given)
        both = [shifted(y, self.given - bits), shifted(x, self.bits - bits)]
        return np.concatenate(both, axis=2), ends, after


@dataclass(frozen=True)
class IntegerReadout(Readout, IntegerLayer):
    """One row of integers from those of all steps; a mean is of integers of 64 bits."""

    def forward(
        self, x: Array, lengths: Array | None, state: dict[str, Array]
    ) -> tuple[Array, Array | None, dict[str, Array]]:
        """As :meth:`Layer.forward`."""
        if self.kind != "mean":
            return super().forward(x, lengths, state)
        count = state["count"] + (x.shape[1] if lengths is None else lengths)
        total = state["sum"] + x.sum(axis=1)
        return mean(total, count[:, None]), None, {"sum": total, "count": count}


def integer_rnn_tanh(
    wx: Array, uh: Array, state: Any, formats: dict[str, Format], own: dict[str, Array]
) -> tuple[Array, ...]:
    """h' = tanh(wx + uh)."""
    return (formats["h"].of(table_tanh(wx + uh), UNIT_BITS),)


def integer_rnn_relu(
    wx: Array, uh: Array, state: Any, formats: dict[str, Format], own: dict[str, Array]
) -> tuple[Array, ...]:
    """h' = max(0, wx + uh), whose bits are `own["bits"]`."""
    return (formats["h"].of(np.maximum(wx + uh, 0), int(own["bits"][0])),)


def integer_gru(
    wx: Array, uh: Array, state: Any, formats: dict[str, Format], own: dict[str, Array]
) -> tuple[Array, ...]:
    """h' = z h + (1 - z) n, n = tanh(a_n + r b_n); in one sum, which is rounded once."""
    (a_r, a_z, a_n), (b_r, b_z, b_n) = np.split(wx, 3, axis=1), np.split(uh, 3, axis=1)
    r, z, format = table_sigmoid(a_r + b_r), table_sigmoid(a_z + b_z), formats["h"]
    n = table_tanh(a_n + shifted(r * b_n, UNIT_BITS))
    both = z * (state[0] << (UNIT_BITS - format.bits)) + (ONE - z) * n
    return (format.of(both, 2 * UNIT_BITS),)


def integer_lstm(
    wx: Array, uh: Array, state: Any, formats: dict[str, Format], own: dict[str, Array]
) -> tuple[Array, ...]:
    """c' = f c + i g, rounded once after i g has the bits of f c; h' = o tanh(c')."""
    i, f, g, o = np.split(wx + uh, 4, axis=1)
    cell = formats["c"]
    new = shifted(table_sigmoid(i) * table_tanh(g), UNIT_BITS - cell.bits)
    c = cell.of(table_sigmoid(f) * state[1] + new, UNIT_BITS + cell.bits)
    seen = cut(shifted(c, cell.bits - SUM_BITS), LARGEST_SUM)
    return formats["h"].of(table_sigmoid(o) * table_tanh(seen), 2 * UNIT_BITS), c


def integer_fastgrnn(
    wx: Array, uh: Array, state: Any, formats: dict[str, Format], own: dict[str, Array]
) -> tuple[Array, ...]:
    """h' = z h + (zeta (1 - z) + nu) c, where zeta and nu, of 15 bits, are sigmoids already.

    One sum serves z and c; z + zeta (1 - z) is at most 1, so that all has 32 bits.
    """
    a, format = wx + uh, formats["h"]
    z, c = table_sigmoid(a + own["bias_gate"]), table_tanh(a + own["bias_update"])
    share = shifted(own["zeta"] * (ONE - z), UNIT_BITS) + own["nu"]
    both = z * state[0] + shifted(share * c, UNIT_BITS - format.bits)
    return (format.of(both, UNIT_BITS + format.bits),)


def integer_mingru(
    wx: Array, uh: Array, state: Any, formats: dict[str, Format], own: dict[str, Array]
) -> tuple[Array, ...]:
    """h' = (1 - z) h + z n, n = a_n + 1/2 or, if a_n < 0, sigmoid(a_n), which is cut first."""
    a_z, a_n = np.split(wx, 2, axis=1)
    z, format = table_sigmoid(a_z), formats["h"]
    linear = format.of(a_n + (1 << SUM_BITS >> 1), SUM_BITS)
    n = np.where(a_n < 0, format.of(table_sigmoid(a_n), UNIT_BITS), linear)
    return (format.of((ONE - z) * state[0] + z * n, UNIT_BITS + format.bits),)


def integer_norm(x: Array, epsilon: int) -> Array:
    """Return x (B, H) less their mean, over their deviation, with `SUM_BITS`.

    The mean is a whole number and what is left of H times it. The variance, to which `epsilon` is
    added, has 10 bits more than x**2, so that the deviation has 5 more than x; it counts as 8 at
    least. Its inverse has 15 bits, or is 2**15.
    """
    H, total = x.shape[1], x.sum(axis=1, keepdims=True)
    whole = mean(total, np.array(H))
    centred, left = x - whole, total - H * whole
    squares = (centred * centred).sum(axis=1, keepdims=True) - left * left // H
    variance = (squares << 10) // H + epsilon
    deviation = np.maximum(np.floor(np.sqrt(variance.astype(np.float64))).astype(np.int64), 8)
    size = np.frexp(deviation.astype(np.float64))[1].astype(np.int64)
    inverse = (np.int64(1) << (size + 14)) // deviation
    places = size + 9 - SUM_BITS
    return rescaled(centred, inverse, places) - rescaled(left * inverse // H, np.array(1), places)


GELU_BITS = (6536, 292)
"""sqrt(8 / pi) and .044715 times that, 12 bits; see :func:`integer_gelu`."""


def integer_gelu(x: Array) -> Array:
    """Return x sigmoid(sqrt(8 / pi) (x + .044715 x**3)), 27 bits, of x, 12 bits, which is
    :func:`hiddenstate.program.equations.gelu`; from 6 on the sigmoid is 1, and 0 from -6."""
    near, (linear, cubic) = cut(x, 6 << SUM_BITS), GELU_BITS
    slope = linear + shifted(shifted(near * near, SUM_BITS) * cubic, SUM_BITS)
    return np.asarray(x * table_sigmoid(shifted(near * slope, SUM_BITS)))


def integer_lru(
    wx: Array, uh: Array, state: Any, formats: dict[str, Format], own: dict[str, Any]
) -> tuple[Array, ...]:
    """As :func:`hiddenstate.program.equations.lru`: u + p sigmoid(q), and the next state."""
    u, (a, b) = cut(wx, formats["u"].most), (own["cosine"], own["sine"])
    scaled = integer_norm(u, int(own["epsilon"][0])) * own["norm_weight"] + own["norm_bias"]
    n = formats["n"].of(scaled, int(own["norm_bits"][0]))
    in_re, in_im = np.split(own["drive"].of(n), 2, axis=1)
    turned = a * state[0] - b * state[1], a * state[1] + b * state[0]
    most = formats["re"].most
    re, im = (cut(shifted(s, UNIT_BITS) + d, most) for s, d in zip(turned, (in_re, in_im)))
    y = own["back"].of(np.concatenate([re, im], axis=1))
    y = cut(y + shifted(own["skip"] * n, int(own["skip_places"][0])), LARGEST_SUM)
    g = formats["g"].of(integer_gelu(y), SUM_BITS + UNIT_BITS)
    p, q = np.split(own["gate"].of(g), 2, axis=1)
    both = shifted(u, formats["u"].bits - formats["h"].bits)
    return cut(both + shifted(p * table_sigmoid(q), UNIT_BITS), formats["h"].most), re, im


INTEGER_EQUATIONS = {
    "rnn_tanh": integer_rnn_tanh,
    "rnn_relu": integer_rnn_relu,
    "gru": integer_gru,
    "lstm": integer_lstm,
    "fastgrnn": integer_fastgrnn,
    "mingru": integer_mingru,
    "lru": integer_lru,
}
"""What the sums of a cell, cut, its state and its own numbers become."""
