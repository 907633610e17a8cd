"""The forward pass of training for integers in torch, with the gradients that it should have."""

from typing import Any

import torch

from hiddenstate.program.equations import NORM_EPS
from hiddenstate.program.integers import SUM_BITS, UNIT_BITS, Format, IntegerBeside, Quantise
from hiddenstate.program.layers import (
    Beside,
    Convolution,
    Dense,
    Norm,
    Pool,
    Readout,
    Recurrent,
)


class Rounded(torch.autograd.Function):
    """Whole multiples of 2^-bits; the gradient is 0 where a number was cut."""

    @staticmethod
    def forward(ctx: Any, x: Any, bits: int, most: float) -> Any:
        whole = x * 2.0**bits
        ctx.save_for_backward(whole.abs() <= most + 0.5)
        return torch.round(whole.clamp(-most, most)) / 2.0**bits

    @staticmethod
    def backward(ctx: Any, d: Any) -> Any:
        return d * ctx.saved_tensors[0], None, None


class Curve(torch.autograd.Function):
    """sigmoid or tanh of sums with 12 bits, with 15 bits; the slope is that of what it gives."""

    @staticmethod
    def forward(ctx: Any, x: Any, curve: Any) -> Any:
        x = torch.round(x * 2.0**SUM_BITS) / 2.0**SUM_BITS
        y = torch.round(curve(x) * 2.0**UNIT_BITS) / 2.0**UNIT_BITS
        ctx.save_for_backward(y * (1 - y) if curve is torch.sigmoid else 1 - y * y)
        return y

    @staticmethod
    def backward(ctx: Any, d: Any) -> Any:
        return d * ctx.saved_tensors[0], None


def to(x: Any, format: Format) -> Any:
    return Rounded.apply(x, format.bits, format.most)


def near(x: Any, bits: int) -> Any:
    return Rounded.apply(x, bits, float("inf"))


def sigmoid(x: Any) -> Any:
    return Curve.apply(x, torch.sigmoid)


def tanh(x: Any) -> Any:
    return Curve.apply(x, torch.tanh)


def product(factors: Any, x: Any, whole: Any) -> Any:
    for factor in factors[:0:-1]:
        x = to(x @ factor.T, whole.format)
    return x @ factors[0].T


def cell(name: str, wx: Any, uh: Any, state: Any, own: Any, formats: Any) -> Any:
    """Return the arrays of the next state."""
    h = formats["h"]
    if name == "fastgrnn":
        a = near(wx + uh, SUM_BITS)
        z, c = sigmoid(a + own["bias_gate"]), tanh(a + own["bias_update"])
        share = torch.sigmoid(own["zeta"]) * (1 - z) + torch.sigmoid(own["nu"])
        return (to(share * c + z * state[0], h),)
    wx, uh = wx + own["bias_ih"], uh + own["bias_hh"]
    if name == "rnn_tanh":
        return (to(tanh(wx + uh), h),)
    if name == "rnn_relu":
        return (to(torch.relu(near(wx + uh, h.bits + 15 - h.most.bit_length())), h),)
    if name == "gru":
        (a_r, a_z, a_n), (b_r, b_z, b_n) = wx.chunk(3, 1), uh.chunk(3, 1)
        r, z = sigmoid(a_r + b_r), sigmoid(a_z + b_z)
        n = tanh(near(a_n, SUM_BITS) + near(r * near(b_n, SUM_BITS), SUM_BITS))
        return (to(n + z * (state[0] - n), h),)
    i, f, g, o = (wx + uh).chunk(4, 1)
    c = to(sigmoid(i) * tanh(g) + sigmoid(f) * state[1], formats["c"])
    return to(sigmoid(o) * tanh(c), h), c


def recurrent(layer: Recurrent, whole: Any, x: Any) -> Any:
    outputs = []
    for number, (own, integers) in enumerate(zip(layer.directions, whole.directions, strict=True)):
        n = len(whole.formats)
        state: Any = (torch.zeros(len(x), own.hidden_size, dtype=x.dtype),) * n
        steps, ys = range(x.shape[1])[:: -1 if number else 1], {}
        for t in steps:
            wx = product(own.inputs, x[:, t], integers.inputs)
            uh = product(own.hidden, state[0], integers.hidden)
            state = cell(layer.cell, wx, uh, state, own.own, whole.formats)
            ys[t] = state[0]
        outputs.append(torch.stack([ys[t] for t in sorted(ys)], 1))
    return torch.cat(outputs, 2)


def run(layers: Any, integers: Any, x: Any) -> Any:
    """Return what layers, whose arrays are tensors, give with the formats of those in integers."""
    whole, bits, format = list(integers), 0, Format(0, 0)
    if isinstance(whole[0], Quantise):
        x = to(x, whole.pop(0).format)
    for layer in layers:
        if isinstance(layer, Norm):  # of the batch, while training
            x = (x - x.mean((0, 1))) / (x.var((0, 1), unbiased=False) + NORM_EPS).sqrt()
            x = to(torch.relu(x * layer.scale + layer.shift), format)
            continue
        one = whole.pop(0)
        bits = getattr(one, "format", Format(bits, 0)).bits
        if isinstance(layer, Beside):
            assert isinstance(one, IntegerBeside)
            bits = min(one.bits, one.given)
            x = torch.cat([run(layer.layers, one.layers, x), x], 2)
        elif isinstance(layer, Recurrent):
            x, bits = recurrent(layer, one, x), one.formats["h"].bits
        elif isinstance(layer, Convolution):
            k, format = layer.weight.shape[2], one.format
            before = k - 1 if layer.causal else (k - 1) // 2
            padded = torch.nn.functional.pad(x.transpose(1, 2), (before, k - 1 - before))
            weight: Any = layer.weight
            bias: Any = layer.bias
            x = torch.nn.functional.conv1d(padded, weight, bias).transpose(1, 2)
        elif isinstance(layer, Pool):
            x = near(torch.stack([e.mean(1) for e in x.split(layer.steps, 1)], 1), format.bits)
        elif isinstance(layer, Readout):
            x = near(x.mean(1), bits) if layer.kind == "mean" else x[:, -1]
        else:
            assert isinstance(layer, Dense)
            sums = x @ layer.weight.T + layer.bias
            last = not whole
            curves = {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": torch.relu}
            curve = curves.get(layer.activation, lambda x: x)
            curved = layer.activation in ("tanh", "sigmoid") and not last
            x = Curve.apply(sums, curve) if curved else curve(sums)
            if not last:
                x = to(x, one.format)
    return x
