"""The cells in torch: its own layers, and the formulas of cells that torch.nn does not have.

The formulas are those of `program/equations.py`: each maps wx = W x and uh = U h, both
(B, blocks * H), and the state to the next state, tensors (B, H); the cell's own arrays follow by
name.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

State = tuple[Tensor, ...]
"""The arrays that a cell carries, in the order of its declaration; those of a stack (L*D, B, H)."""

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


FORMULAS: dict[str, Callable[..., State]] = {"fastgrnn": fastgrnn}
"""By the name of the cell."""
