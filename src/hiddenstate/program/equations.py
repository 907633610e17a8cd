"""The formula of each cell and of each activation.

Those of a gated cell map wx = W x and uh = U h, each (B, blocks * H), and the state to the next
state, arrays (B, H); the cell's own arrays follow by name. In formulas, a is W x + bias_ih and b is
U h + bias_hh. A cell without a U gets None for uh. A block maps its input, (B, H), and its state to
what it gives, followed by the next state.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hiddenstate.program.rows import Array

NORM_EPS = 1e-5
"""The term added to a variance (Ioffe and Szegedy, 2015, algorithm 1), as torch's default."""


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


def gelu(x: Array) -> Array:
    """Return x / 2 (1 + tanh(sqrt(2 / pi) (x + .044715 x^3))): Hendrycks and Gimpel, 2016."""
    return np.asarray(0.5 * x * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x * x * x))))


def softmax(x: Array) -> Array:
    """Return the probabilities (..., C) of logits."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def log_probabilities(logits: Array) -> Array:
    """Return the logarithms of the probabilities (..., C) of logits."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def layer_norm(x: Array, weight: Array, bias: Array) -> Array:
    """Return numbers (..., H) less their mean, over their deviation, times weight + bias."""
    centred = x - x.mean(axis=-1, keepdims=True)
    deviation = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + NORM_EPS)
    return np.asarray(centred / deviation * weight + bias)


def eigenvalues(nu: Array, theta: Array) -> tuple[Array, Array]:
    """Return the real and the imaginary parts of exp(-exp(nu) + i exp(theta))."""
    radius, angle = np.exp(-np.exp(nu)), np.exp(theta)
    return radius * np.cos(angle), radius * np.sin(angle)


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


def mingru(wx: Array, uh: None, state: tuple[Array, ...], bias_ih: Array) -> tuple[Array, ...]:
    """h' = (1 - z) h + z n, z = sigmoid(a_z), n = a_n + 1/2 or, if a_n < 0, sigmoid(a_n).

    Feng et al., 2024, "Were RNNs All We Needed?", with the n of their program in log space.
    """
    a_z, a_n = np.split(wx + bias_ih, 2, axis=1)
    z = sigmoid(a_z)
    n = np.where(a_n >= 0, a_n + np.asarray(0.5, a_n.dtype), sigmoid(a_n))
    return ((1 - z) * state[0] + z * n,)


def lru(
    wx: Array,
    uh: None,
    state: tuple[Array, ...],
    norm_weight: Array,
    norm_bias: Array,
    nu: Array,
    theta: Array,
    gamma: Array,
    weight_ih: Array,
    weight_ho: Array,
    skip: Array,
    weight_glu: Array,
    bias_glu: Array,
    bias_in: Array | None = None,
) -> tuple[Array, ...]:
    """s' = lambda s + exp(gamma) (B n), lambda = exp(-exp(nu) + i exp(theta)).

    Orvieto et al., 2023. n is the layer norm of the input u, y = Re(C s') + skip n, and the block
    gives u + p sigmoid(q), (p, q) = weight_glu gelu(y) + bias_glu. Of B and s the real parts come
    first, then the imaginary ones; `weight_ho` (H, 2 S) is [Re C, -Im C].
    """
    u = wx if bias_in is None else wx + bias_in
    n = layer_norm(u, norm_weight, norm_bias)
    a, b = eigenvalues(nu, theta)
    in_re, in_im = np.split(n @ weight_ih.T, 2, axis=1)
    re = a * state[0] - b * state[1] + np.exp(gamma) * in_re
    im = a * state[1] + b * state[0] + np.exp(gamma) * in_im
    y = np.concatenate([re, im], axis=1) @ weight_ho.T + skip * n
    p, q = np.split(gelu(y) @ weight_glu.T + bias_glu, 2, axis=1)
    return u + p * sigmoid(q), re, im


EQUATIONS: dict[str, Callable[..., tuple[Array, ...]]] = {
    "rnn_tanh": rnn_tanh,
    "rnn_relu": rnn_relu,
    "gru": gru,
    "lstm": lstm,
    "fastgrnn": fastgrnn,
    "mingru": mingru,
    "lru": lru,
}
"""By the name of the cell."""
