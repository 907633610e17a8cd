"""The formula of each cell and of each activation.

Those of a cell map wx = W x and uh = U h, each (B, blocks * H), and the state to the next state,
arrays (B, H); the cell's own arrays follow by name. In formulas, a is W x + bias_ih and b is
U h + bias_hh.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hiddenstate.program.rows import Array


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), computed without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def relu(x: Array) -> Array:
    """Return max(0, x)."""
    return np.maximum(x, np.zeros((), x.dtype))


def linear(x: Array) -> Array:
    """Return x."""
    return x


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "linear": linear,
    "tanh": np.tanh,
    "relu": relu,
    "sigmoid": sigmoid,
}


def softmax(x: Array) -> Array:
    """Return the probabilities (..., C) of logits."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def log_probabilities(logits: Array) -> Array:
    """Return the logarithms of the probabilities (..., C) of logits."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def rnn_tanh(
    wx: Array, uh: Array, state: tuple[Array, ...], bias_ih: Array, bias_hh: Array
) -> tuple[Array, ...]:
    """h' = tanh(a + b): Elman, 1990; torch.nn.RNN."""
    return (np.tanh((wx + bias_ih) + (uh + bias_hh)),)


def rnn_relu(
    wx: Array, uh: Array, state: tuple[Array, ...], bias_ih: Array, bias_hh: Array
) -> tuple[Array, ...]:
    """h' = max(0, a + b): torch.nn.RNN with nonlinearity "relu"."""
    return (relu((wx + bias_ih) + (uh + bias_hh)),)


def gru(
    wx: Array, uh: Array, state: tuple[Array, ...], bias_ih: Array, bias_hh: Array
) -> tuple[Array, ...]:
    """h' = (1 - z) n + z h, n = tanh(a_n + r b_n), r and z the sigmoids of a + b: torch.nn.GRU.

    Cho et al., 2014, multiply h by r before the product with U. torch multiplies r by the product
    plus its bias, b_n, so that one product serves all three gates.
    """
    a_r, a_z, a_n = np.split(wx + bias_ih, 3, axis=1)
    b_r, b_z, b_n = np.split(uh + bias_hh, 3, axis=1)
    r, z = sigmoid(a_r + b_r), sigmoid(a_z + b_z)
    return ((1 - z) * np.tanh(a_n + r * b_n) + z * state[0],)


def lstm(
    wx: Array, uh: Array, state: tuple[Array, ...], bias_ih: Array, bias_hh: Array
) -> tuple[Array, ...]:
    """c' = f c + i g and h' = o tanh(c'), with g the tanh and i, f, o the sigmoids of a + b.

    Hochreiter and Schmidhuber, 1997, with the forget gate f of Gers, Schmidhuber and Cummins,
    2000, and without peepholes: torch.nn.LSTM.
    """
    i, f, g, o = np.split((wx + bias_ih) + (uh + bias_hh), 4, axis=1)
    c = sigmoid(f) * state[1] + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def fastgrnn(
    wx: Array,
    uh: Array,
    state: tuple[Array, ...],
    bias_gate: Array,
    bias_update: Array,
    zeta: Array,
    nu: Array,
) -> tuple[Array, ...]:
    """h' = z h + (sigmoid(zeta) (1 - z) + sigmoid(nu)) c: Kusupati et al., 2018, section 3.2.

    z = sigmoid(W x + U h + bias_gate) and c = tanh(W x + U h + bias_update): one product of the
    input and one of the state serve the gate and the update.
    """
    a = wx + uh
    z, c = sigmoid(a + bias_gate), np.tanh(a + bias_update)
    return (z * state[0] + (sigmoid(zeta) * (1 - z) + sigmoid(nu)) * c,)


EQUATIONS: dict[str, Callable[..., tuple[Array, ...]]] = {
    "rnn_tanh": rnn_tanh,
    "rnn_relu": rnn_relu,
    "gru": gru,
    "lstm": lstm,
    "fastgrnn": fastgrnn,
}
"""By the name of the cell."""
