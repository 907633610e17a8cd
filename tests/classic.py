"""The three jobs as plain torch loops: the slow, readable reference the engines are held to.

Nothing of the library's training code is used here; only its batches, so that both sides see
the same rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import nn


class Recurrent(nn.Module):
    """A recurrent layer `rnn` and a linear layer `out`, as the classic scripts name them."""

    def __init__(self, cell, n_features, hidden_size, n_outputs, layers=1, bidirectional=False):
        super().__init__()
        kind = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[cell]
        self.rnn = kind(
            n_features, hidden_size, layers, batch_first=True, bidirectional=bidirectional
        )
        self.out = nn.Linear(hidden_size * (2 if bidirectional else 1), n_outputs)


class Coder(nn.Module):
    """784-128-64-12-3, or other widths, and their mirror."""

    def __init__(self, widths=(784, 128, 64, 12, 3)):
        super().__init__()
        down, up = [], []
        for wide, narrow in pairwise(widths):
            down += [nn.Linear(wide, narrow), nn.Tanh()]
            up = [nn.Linear(narrow, wide), nn.Tanh(), *up]
        self.encoder = nn.Sequential(*down[:-1])
        self.decoder = nn.Sequential(*up[:-1], nn.Sigmoid())


@dataclass
class Step:
    """What the loop had before a step, and what came of it."""

    params: dict
    moments: dict
    carried: dict
    loss: float
    gradients: dict
    params_after: dict


def loop(job, module, lr, batches, X, y, n_steps) -> Iterator[Step]:
    """Train `module` for `n_steps` with plain Adam, telling all about each step."""
    dtype = next(module.parameters()).dtype
    optimizer = torch.optim.Adam(module.parameters(), lr=lr)
    state = None
    for step in range(n_steps):
        rows = batches.rows(step)
        x = torch.from_numpy(X[rows]).to(dtype)
        if X.dtype == np.uint8:
            x = x / 255
        before = Step(_arrays(module), _moments(optimizer, module), _state(state), 0.0, {}, {})
        if job == "classify":
            steps, _ = module.rnn(x)
            loss = nn.CrossEntropyLoss()(module.out(steps[:, -1, :]), torch.from_numpy(y[rows]))
        elif job == "regress":
            steps, state = module.rnn(x, state)
            state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
            answers = torch.stack([module.out(steps[:, t]) for t in range(steps.shape[1])], dim=1)
            loss = nn.MSELoss()(answers, torch.from_numpy(y[rows]).to(dtype))
        else:
            loss = nn.MSELoss()(module.decoder(module.encoder(x)), x)
        yield _updated(before, module, optimizer, loss)


def _updated(before, module, optimizer, loss):
    """The step `before`, taken."""
    optimizer.zero_grad()
    loss.backward()
    before.gradients = {n: p.grad.numpy().copy() for n, p in module.named_parameters()}
    optimizer.step()
    before.loss, before.params_after = loss.item(), _arrays(module)
    return before


def _arrays(module):
    return {name: p.detach().numpy().copy() for name, p in module.named_parameters()}


def _moments(optimizer, module):
    return {
        f"{kind}/{name}": optimizer.state[p][kind].numpy().copy()
        for name, p in module.named_parameters()
        if p in optimizer.state
        for kind in ("exp_avg", "exp_avg_sq")
    }


def _state(state):
    parts = () if state is None else state if isinstance(state, tuple) else (state,)
    return {name: part.numpy().copy() for name, part in zip("hc", parts, strict=False)}
