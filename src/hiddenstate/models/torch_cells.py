"""The cells in torch: its own layers, and the formulas of cells that torch.nn does not have.

The formulas are those of `program/equations.py`: each maps wx = W x and uh = U h, both
(B, blocks * H), and the state to the next state, tensors (B, H); the cell's own arrays follow by
name. Those of blocks map the inputs of all steps and a state to all that they give and the last
state.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from hiddenstate.program.equations import NORM_EPS

State = tuple[Tensor, ...]
"""The arrays that a cell carries, in the order of its declaration; those of a stack (L*D, B, H), or
(L*D, B, S) of complex states."""

STACKS: dict[str, Callable[..., nn.RNNBase]] = {
    "rnn_tanh": nn.RNN,
    "rnn_relu": partial(nn.RNN, nonlinearity="relu"),
    "gru": nn.GRU,
    "lstm": nn.LSTM,
}
"""torch's stack of each cell that torch.nn has."""

LAYER_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "rnn_tanh": torch.rnn_tanh,
    "rnn_relu": torch.rnn_relu,
    "gru": torch.gru,
    "lstm": torch.lstm,
}
"""What computes one layer of such a stack."""


def fastgrnn(
    wx: Tensor,
    uh: Tensor,
    state: State,
    bias_gate: Tensor,
    bias_update: Tensor,
    zeta: Tensor,
    nu: Tensor,
) -> State:
    """h' = z h + (sigmoid(zeta) (1 - z) + sigmoid(nu)) c, z = sigmoid(a_z) and c = tanh(a_c)."""
    a = wx + uh
    z, c = torch.sigmoid(a + bias_gate), torch.tanh(a + bias_update)
    return (z * state[0] + (torch.sigmoid(zeta) * (1 - z) + torch.sigmoid(nu)) * c,)


def mingru(wx: Tensor, uh: None, state: State, bias_ih: Tensor) -> State:
    """h' = (1 - z) h + z n, z = sigmoid(a_z), n = a_n + 1/2 or, if a_n < 0, sigmoid(a_n)."""
    a_z, a_n = (wx + bias_ih).chunk(2, dim=1)
    z = torch.sigmoid(a_z)
    n = torch.where(a_n >= 0, a_n + 0.5, torch.sigmoid(a_n))
    return ((1 - z) * state[0] + z * n,)


FORMULAS: dict[str, Callable[..., State]] = {"fastgrnn": fastgrnn, "mingru": mingru}
"""Of gated cells that torch.nn does not have, by name."""


def lru(
    wx: Tensor,
    state: State,
    read: Tensor | None,
    backward: bool,
    norm_weight: Tensor,
    norm_bias: Tensor,
    nu: Tensor,
    theta: Tensor,
    gamma: Tensor,
    weight_ih: Tensor,
    weight_ho: Tensor,
    skip: Tensor,
    weight_glu: Tensor,
    bias_glu: Tensor,
    bias_in: Tensor | None = None,
) -> tuple[Tensor, State]:
    """u + p sigmoid(q), (p, q) = weight_glu gelu(Re(C s) + skip n) + bias_glu, n the norm of u.

    Returns that (B, T, H) and the real and imaginary parts of the last s, (B, S); `read` (B, T)
    says which steps belong to a row.
    """
    u = wx if bias_in is None else wx + bias_in
    n = nn.functional.layer_norm(u, u.shape[2:], norm_weight, norm_bias, NORM_EPS)
    nu, theta, gamma, re, im = (_wide(each) for each in (nu, theta, gamma, *state))
    decay = torch.polar(torch.exp(-torch.exp(nu)), torch.exp(theta))
    scale = torch.exp(gamma)
    driven = torch.complex(*(_wide(part) * scale for part in (n @ weight_ih.T).chunk(2, dim=2)))
    s, states = torch.complex(re, im), list(driven.unbind(dim=1))
    for t in reversed(range(len(states))) if backward else range(len(states)):
        after = decay * s + states[t]
        s = states[t] = after if read is None else torch.where(read[:, t, None], after, s)
    all_states = torch.stack(states, dim=1)
    parts = torch.cat([all_states.real, all_states.imag], dim=2).to(weight_ho.dtype)
    y = parts @ weight_ho.T + skip * n
    g = nn.functional.gelu(y, approximate="tanh")
    p, q = nn.functional.linear(g, weight_glu, bias_glu).chunk(2, dim=2)
    return u + p * torch.sigmoid(q), (s.real.to(state[0].dtype), s.imag.to(state[0].dtype))


def _wide(x: Tensor) -> Tensor:
    """Return x in a float type that complex numbers have."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


BLOCKS: dict[str, Callable[..., tuple[Tensor, State]]] = {"lru": lru}
"""Of blocks, by name."""
