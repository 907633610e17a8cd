"""The formula of each cell and of each activation.

Those of a cell map (a, b, state) to the next state, each array (B, H), where a = W x + b_ih and
b = U h + b_hh are (B, blocks * H).
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


def rnn_tanh(a: Array, b: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
    """h' = tanh(a + b): Elman, 1990; torch.nn.RNN."""
    return (np.tanh(a + b),)


def rnn_relu(a: Array, b: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
    """h' = max(0, a + b): torch.nn.RNN with nonlinearity "relu"."""
    return (relu(a + b),)


def gru(a: Array, b: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
    """h' = (1 - z) n + z h, n = tanh(a_n + r b_n), r and z the sigmoids of a + b: torch.nn.GRU.

    Cho et al., 2014, multiply h by r before the product with U. torch multiplies r by the product
    plus its bias, b_n, so that one product serves all three gates.
    """
    a_r, a_z, a_n = np.split(a, 3, axis=1)
    b_r, b_z, b_n = np.split(b, 3, axis=1)
    r, z = sigmoid(a_r + b_r), sigmoid(a_z + b_z)
    return ((1 - z) * np.tanh(a_n + r * b_n) + z * state[0],)


def lstm(a: Array, b: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
    """c' = f c + i g and h' = o tanh(c'), with g the tanh and i, f, o the sigmoids of a + b.

    Hochreiter and Schmidhuber, 1997, with the forget gate f of Gers, Schmidhuber and Cummins,
    2000, and without peepholes: torch.nn.LSTM.
    """
    i, f, g, o = np.split(a + b, 4, axis=1)
    c = sigmoid(f) * state[1] + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


EQUATIONS = {"rnn_tanh": rnn_tanh, "rnn_relu": rnn_relu, "gru": gru, "lstm": lstm}
"""By the name of the cell."""
