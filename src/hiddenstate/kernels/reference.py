"""The specification of what networks compute: plain loops over time, in numpy.

It is slow and readable; every faster implementation is tested against it. It computes in the float
type of its input, so that float64 gives the exact values to compare with. Shapes: B batch, T time
steps, I input features, H hidden size, G gates with weights (rnn 1, gru 3, lstm 4), L layers, D
directions.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from hiddenstate.system.typing import Array

Cell = Literal["rnn_tanh", "rnn_relu", "gru", "lstm"]

State = tuple[Array, ...]
"""(h,), or (h, c) for lstm."""

Step = Callable[[Array, Array, State], State]
"""(a, b, state) -> state, where a = W x + b_ih and b = U h + b_hh are (B, G*H)."""


def recurrent(
    cell: Cell,
    x: Array,
    weights: Sequence[Array],
    state: State | None = None,
    lengths: Array | None = None,
    *,
    layers: int = 1,
    bidirectional: bool = False,
    masks: Array | None = None,
) -> tuple[Array, State]:
    """Run a recurrent stack over whole sequences, as torch.nn's RNN, GRU and LSTM do.

    Parameters
    ----------
    cell : {"rnn_tanh", "rnn_relu", "gru", "lstm"}
    x : ndarray of shape (B, T, I)
        T is at least 1.
    weights : sequence of ndarray
        In torch's order: layer by layer, the forward direction before the backward one, for each
        `weight_ih` (G*H, I), or (G*H, D*H) above the first layer, `weight_hh` (G*H, H), `bias_ih`
        and `bias_hh` (G*H,). Without biases there are two for each direction instead of four.
        Gates are stacked i, f, g, o (lstm) and r, z, n (gru).
    state : tuple of ndarray (L*D, B, H), optional
        Initial state of each layer and direction, in the order of `weights`; default zeros.
    lengths : integer ndarray of shape (B,), optional
        Row r is read for t < lengths[r], between 0 and T; default T. The backward direction
        begins at lengths[r] - 1, as in a packed sequence.
    layers : int, default 1
    bidirectional : bool, default False
    masks : ndarray of shape (L-1, B, T, D*H), optional
        Factors for the output of each layer but the last: dropout.

    Returns
    -------
    y : ndarray of shape (B, T, D*H)
        The last layer's h at every step, forward before backward; zero at steps that are not read.
    state : tuple of ndarray (L*D, B, H)
        After the last step read, which is t = 0 for the backward direction. A row of length 0
        keeps its initial state.
    """
    B, T, _ = x.shape
    D = 2 if bidirectional else 1
    if state is None:
        zeros = np.zeros((layers * D, B, weights[1].shape[1]), x.dtype)
        state = (zeros, zeros) if cell == "lstm" else (zeros,)
    read = np.ones((B, T), bool) if lengths is None else np.arange(T) < lengths[:, None]
    each = len(weights) // (layers * D)
    lasts: list[State] = []
    for layer in range(layers):
        outputs: list[Array] = []
        for k in range(layer * D, layer * D + D):
            own = weights[k * each : (k + 1) * each]
            begin = tuple(part[k] for part in state)
            y, last = _sweep(_STEPS[cell], x, own, begin, read, backward=k % D == 1)
            outputs.append(y)
            lasts.append(last)
        x = np.concatenate(outputs, axis=2)
        if masks is not None and layer < layers - 1:
            x = x * masks[layer]
    return x, tuple(np.stack(parts) for parts in zip(*lasts, strict=True))


def _sweep(
    step: Step,
    x: Array,
    weights: Sequence[Array],
    state: State,
    read: Array,
    *,
    backward: bool,
) -> tuple[Array, State]:
    """Run one layer in one direction.

    `x` is (B, T, I), `weights` has two or four arrays, `state` arrays of (B, H), and `read`
    (B, T) says which steps are read. Returns y (B, T, H) and the state after the last step read.
    """
    w, u = weights[:2]
    bias_w, bias_u = weights[2:] or (np.zeros(len(w), x.dtype), np.zeros(len(u), x.dtype))
    # A step that is not read may contain anything, and NaN times zero is NaN.
    x = np.where(read[:, :, None], x, np.zeros((), x.dtype))
    T = x.shape[1]
    y = np.zeros((*x.shape[:2], u.shape[1]), x.dtype)
    for t in reversed(range(T)) if backward else range(T):
        after = step(x[:, t] @ w.T + bias_w, state[0] @ u.T + bias_u, state)
        here = read[:, t, None]
        state = tuple(np.where(here, new, old) for new, old in zip(after, state, strict=True))
        y[:, t] = np.where(here, state[0], 0)
    return y, state


def stem(
    x: Array,
    layers: Sequence[Sequence[Array]],
    lengths: Array | None = None,
    *,
    pool: int = 1,
    causal: bool = False,
) -> tuple[Array, Array | None]:
    """Run convolutional layers over time, with normalisation by given moments and relu.

    Parameters
    ----------
    x : ndarray of shape (B, T, I)
    layers : sequence of (weight, bias, scale, shift, mean, variance)
        Weights (C, I or the channels of the layer below, k), the others (C,). Step t reads steps
        t - (k - 1) // 2 to t + k // 2, or t - k + 1 to t with `causal`; steps before the first and
        after the last of a row count as zeros.
    lengths : integer ndarray of shape (B,), optional
        Steps of each row; default T.
    pool : int, default 1
        Steps whose outputs of the first layer are averaged to one; the last may be of fewer.
    causal : bool, default False

    Returns
    -------
    y : ndarray of shape (B, ceil(T / pool), C of the last layer)
        Zero after a row's end.
    lengths : ndarray of shape (B,), or None
        ceil(lengths / pool).
    """
    ends = np.full(len(x), x.shape[1]) if lengths is None else lengths
    for layer, (weight, bias, scale, shift, mean, variance) in enumerate(layers):
        x = _until(x, ends)
        size, T = weight.shape[2], x.shape[1]
        before = size - 1 if causal else (size - 1) // 2
        padded = np.pad(x, ((0, 0), (before, size - 1 - before), (0, 0)))
        z = bias + sum(padded[:, j : j + T] @ weight[:, :, j].T for j in range(size))
        normal = (z - mean) / np.sqrt(variance + NORM_EPS)
        x = _until(relu(normal * scale + shift), ends)
        if layer == 0:
            x, ends = _averaged(x, ends, pool), -(-ends // pool)
    return x, None if lengths is None else ends


NORM_EPS = 1e-5
"""The term added to a variance (Ioffe and Szegedy, 2015, algorithm 1), as torch's default."""


def _until(x: Array, ends: Array) -> Array:
    """Return `x` (B, T, C) with zeros after the end of each row."""
    read = np.arange(x.shape[1]) < ends[:, None]
    return np.where(read[:, :, None], x, np.zeros((), x.dtype))


def _averaged(x: Array, ends: Array, pool: int) -> Array:
    """Return means over `pool` steps of `x` (B, T, C), which is zero after the end of a row."""
    n = -(-x.shape[1] // pool)
    padded = np.pad(x, ((0, 0), (0, n * pool - x.shape[1]), (0, 0)))
    sums = padded.reshape(len(x), n, pool, x.shape[2]).sum(axis=2)
    counts = np.clip(ends[:, None] - np.arange(n) * pool, 1, pool).astype(x.dtype)
    means: Array = sums / counts[:, :, None]
    return means


def dense(x: Array, layers: Sequence[tuple[Array, Array]], activations: Sequence[str]) -> Array:
    """Run rows through dense layers.

    Parameters
    ----------
    x : ndarray of shape (B, F)
    layers : sequence of (weight, bias)
        Weights (outputs, inputs) and biases (outputs,).
    activations : sequence of {"linear", "tanh", "relu", "sigmoid"}
        One for each layer.

    Returns
    -------
    ndarray of shape (B, outputs of the last layer)
    """
    for (weight, bias), activation in zip(layers, activations, strict=True):
        x = ACTIVATIONS[activation](x @ weight.T + bias)
    return x


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), computed without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def relu(x: Array) -> Array:
    """Return max(0, x)."""
    return np.maximum(x, np.zeros((), x.dtype))


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "tanh": np.tanh,
    "relu": relu,
    "sigmoid": sigmoid,
}


def _rnn_tanh(a: Array, b: Array, state: State) -> State:
    """h' = tanh(W x + b_ih + U h + b_hh): Elman, 1990; torch.nn.RNN."""
    return (np.tanh(a + b),)


def _rnn_relu(a: Array, b: Array, state: State) -> State:
    """h' = max(0, W x + b_ih + U h + b_hh): torch.nn.RNN with nonlinearity "relu"."""
    return (relu(a + b),)


def _gru(a: Array, b: Array, state: State) -> State:
    """h' = (1 - z) n + z h, n = tanh(a_n + r b_n), r and z the sigmoids of a + b: torch.nn.GRU.

    Cho et al., 2014, multiply h by r before the product with U. torch multiplies r by the product
    plus its bias, b_n, so that one product serves all three gates.
    """
    a_r, a_z, a_n = np.split(a, 3, axis=1)
    b_r, b_z, b_n = np.split(b, 3, axis=1)
    r, z = sigmoid(a_r + b_r), sigmoid(a_z + b_z)
    n = np.tanh(a_n + r * b_n)
    return ((1 - z) * n + z * state[0],)


def _lstm(a: Array, b: Array, state: State) -> State:
    """c' = f c + i g and h' = o tanh(c'), with g the tanh and i, f, o the sigmoids of a + b.

    Hochreiter and Schmidhuber, 1997, with the forget gate f of Gers, Schmidhuber and Cummins,
    2000, and without peepholes: torch.nn.LSTM.
    """
    i, f, g, o = np.split(a + b, 4, axis=1)
    c = sigmoid(f) * state[1] + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


_STEPS: dict[str, Step] = {
    "rnn_tanh": _rnn_tanh,
    "rnn_relu": _rnn_relu,
    "gru": _gru,
    "lstm": _lstm,
}
