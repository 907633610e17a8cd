"""The reference's loops over time once more in torch, whose autograd computes the gradients.

The oracle for every gradient; `test_autograd.py` compares its outputs with the reference and all
of it with torch.nn. Shapes as in `hiddenstate.program.layers`.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import linear

from hiddenstate.program.cells import CELLS

State = tuple[Tensor, ...]
"""(h,), or (h, c) for lstm."""

Step = Callable[..., State]
"""(W x, U h, state, own arrays) -> state; W x and U h are (B, G*H)."""


def recurrent(
    cell: str,
    x: Tensor,
    weights: Sequence[Tensor],
    state: State | None = None,
    lengths: Tensor | None = None,
    *,
    layers: int = 1,
    bidirectional: bool = False,
) -> tuple[Tensor, State]:
    """Run a recurrent stack over whole sequences, as torch.nn's RNN, GRU and LSTM do.

    Parameters
    ----------
    cell : {"rnn_tanh", "rnn_relu", "gru", "lstm", "fastgrnn", "mingru"}
    x : Tensor of shape (B, T, I)
        T is at least 1.
    weights : sequence of Tensor
        In torch's order: layer by layer, the forward direction before the backward one, for each
        `weight_ih` (G*H, I), or (G*H, D*H) above the first layer, `weight_hh` (G*H, H), `bias_ih`
        and `bias_hh` (G*H,), or the arrays that another cell has. Without biases there are two for
        each direction instead of four. Gates are stacked i, f, g, o (lstm) and r, z, n (gru).
    state : tuple of Tensor (L*D, B, H), optional
        Initial state of each layer and direction, in the order of `weights`; default zeros.
    lengths : integer Tensor of shape (B,), optional
        Row r is read for t < lengths[r], between 0 and T; default T. The backward direction
        begins at lengths[r] - 1, as in a packed sequence.
    layers : int, default 1
    bidirectional : bool, default False

    Returns
    -------
    y : Tensor of shape (B, T, D*H)
        The last layer's h at every step, forward before backward; zero at steps that are not read.
    state : tuple of Tensor (L*D, B, H)
        After the last step read, which is t = 0 for the backward direction. A row of length 0
        keeps its initial state.
    """
    B, T, _ = x.shape
    D = 2 if bidirectional else 1
    if state is None:
        zeros = x.new_zeros(layers * D, B, len(weights[0]) // CELLS[cell].blocks)
        state = (zeros, zeros) if cell == "lstm" else (zeros,)
    read = torch.ones(B, T, dtype=torch.bool, device=x.device)
    if lengths is not None:
        read = torch.arange(T, device=x.device) < lengths[:, None]
    each = len(weights) // (layers * D)
    lasts: list[State] = []
    for layer in range(layers):
        outputs: list[Tensor] = []
        for k in range(layer * D, layer * D + D):
            own = weights[k * each : (k + 1) * each]
            begin = tuple(part[k] for part in state)
            if not CELLS[cell].hidden:
                own = [own[0], None, *own[1:]]
            y, last = _sweep(_STEPS[cell], x, own, begin, read, backward=k % D == 1)
            outputs.append(y)
            lasts.append(last)
        x = torch.cat(outputs, dim=2)
    return x, tuple(torch.stack(parts) for parts in zip(*lasts, strict=True))


def _sweep(
    step: Step,
    x: Tensor,
    weights: Sequence[Tensor | None],
    state: State,
    read: Tensor,
    *,
    backward: bool,
) -> tuple[Tensor, State]:
    """Run one layer in one direction.

    `x` is (B, T, I), `weights` has W, U and the cell's own arrays, `state` tensors of (B, H), and
    `read` (B, T) says which steps are read. Returns y (B, T, H) and the state after the last step
    read.
    """
    w, u, *own = weights
    # A step that is not read may contain anything, and NaN times a gradient of zero is NaN.
    x = torch.where(read[:, :, None], x, torch.zeros_like(x))
    T = x.shape[1]
    y: list[Tensor] = [x] * T
    for t in reversed(range(T)) if backward else range(T):
        here = read[:, t, None]
        uh = None if u is None else linear(state[0], u)
        after = step(linear(x[:, t], w), uh, state, *own)
        state = tuple(torch.where(here, new, old) for new, old in zip(after, state, strict=True))
        y[t] = torch.where(here, state[0], torch.zeros_like(state[0]))
    return torch.stack(y, dim=1), state


def _rnn_tanh(a: Tensor, b: Tensor, state: State) -> State:
    """h' = tanh(W x + b_ih + U h + b_hh): Elman, 1990; torch.nn.RNN."""
    return (torch.tanh(a + b),)


def _rnn_relu(a: Tensor, b: Tensor, state: State) -> State:
    """h' = max(0, W x + b_ih + U h + b_hh): torch.nn.RNN with nonlinearity "relu"."""
    return (torch.relu(a + b),)


def _gru(a: Tensor, b: Tensor, state: State) -> State:
    """h' = (1 - z) n + z h, n = tanh(a_n + r b_n), r and z the sigmoids of a + b: torch.nn.GRU.

    Cho et al., 2014, multiply h by r before the product with U. torch multiplies r by the product
    plus its bias, b_n, so that one product serves all three gates.
    """
    a_r, a_z, a_n = a.chunk(3, dim=1)
    b_r, b_z, b_n = b.chunk(3, dim=1)
    r, z = torch.sigmoid(a_r + b_r), torch.sigmoid(a_z + b_z)
    n = torch.tanh(a_n + r * b_n)
    return ((1 - z) * n + z * state[0],)


def _lstm(a: Tensor, b: Tensor, state: State) -> State:
    """c' = f c + i g and h' = o tanh(c'), with g the tanh and i, f, o the sigmoids of a + b.

    Hochreiter and Schmidhuber, 1997, with the forget gate f of Gers, Schmidhuber and Cummins,
    2000, and without peepholes: torch.nn.LSTM.
    """
    i, f, g, o = (a + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def _fastgrnn(
    wx: Tensor,
    uh: Tensor,
    state: State,
    bias_gate: Tensor,
    bias_update: Tensor,
    zeta: Tensor,
    nu: Tensor,
) -> State:
    """h' = z h + (sigmoid(zeta) (1 - z) + sigmoid(nu)) c: Kusupati et al., 2018, equations 3-5."""
    z, c = torch.sigmoid(wx + uh + bias_gate), torch.tanh(wx + uh + bias_update)
    return (z * state[0] + (torch.sigmoid(zeta) * (1 - z) + torch.sigmoid(nu)) * c,)


def _mingru(wx: Tensor, uh: None, state: State, bias: Tensor) -> State:
    """h' = (1 - z) h + z n, n = a + 1/2 where a >= 0, else sigmoid(a): Feng et al., 2024."""
    gate, a = (wx + bias).chunk(2, dim=1)
    z, n = torch.sigmoid(gate), torch.where(a >= 0, a + 0.5, torch.sigmoid(a))
    return ((1 - z) * state[0] + z * n,)


def _biased(step: Step) -> Step:
    """Return the step of a cell of torch, which may have no biases."""

    def of_products(wx: Tensor, uh: Tensor, state: State, *biases: Tensor) -> State:
        a, b = (wx + biases[0], uh + biases[1]) if biases else (wx, uh)
        return step(a, b, state)

    return of_products


_STEPS: dict[str, Step] = {
    "rnn_tanh": _biased(_rnn_tanh),
    "rnn_relu": _biased(_rnn_relu),
    "gru": _biased(_gru),
    "lstm": _biased(_lstm),
    "fastgrnn": _fastgrnn,
    "mingru": _mingru,
}
