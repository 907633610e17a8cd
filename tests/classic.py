"""The three jobs as plain torch loops: the slow, readable reference the engines are held to.

Nothing of the library's training code is used here; only its batches, so that both sides see
the same rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn


class Recurrent(nn.Module):
    """A recurrent layer `rnn` and a linear layer `out`, as the classic scripts name them."""

    def __init__(self, cell, n_features, hidden_size, n_outputs):
        super().__init__()
        kind = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[cell]
        self.rnn = kind(n_features, hidden_size, 1, batch_first=True)
        self.out = nn.Linear(hidden_size, n_outputs)


class Coder(nn.Module):
    """784-128-64-12-3 and its mirror."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(784, 128), nn.Tanh(), nn.Linear(128, 64), nn.Tanh(),
            nn.Linear(64, 12), nn.Tanh(), nn.Linear(12, 3),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(3, 12), nn.Tanh(), nn.Linear(12, 64), nn.Tanh(),
            nn.Linear(64, 128), nn.Tanh(), nn.Linear(128, 784), nn.Sigmoid(),
        )  # fmt: skip


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
        optimizer.zero_grad()
        loss.backward()
        before.gradients = {n: p.grad.numpy().copy() for n, p in module.named_parameters()}
        optimizer.step()
        before.loss, before.params_after = loss.item(), _arrays(module)
        yield before


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
