"""Hidden states of a recurrent net after every step.

The engines compute them as ordinary outputs, of a net whose output layer is the identity.
"""

from dataclasses import replace

import numpy as np

from hiddenstate.config import RecurrentConfig
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from hiddenstate.system.typing import Array


def hidden_state_model(model: FittedModel) -> FittedModel:
    """A model whose output at every step is the hidden state h_t of the last layer of `model`.

    Its outputs are (N, T, D*H); a bidirectional net has the forward states first. With a stem that
    averages steps they are (N, net.pooled(T), D*H): :func:`at_every_step` repeats them. Of a net
    with members they are those of the first, and what stands beside a net has none.
    """
    model = model.member(0)
    net = model.net
    assert isinstance(net.config, RecurrentConfig)
    width = net.head_widths()[0]
    state_net = replace(
        net,
        job="regress",
        config=replace(net.config, readout="last"),
        n_outputs=width,
        output="steps",
    )
    params = {n: array for n, array in model.params.items() if not n.startswith("out.")}
    params["out.weight"] = np.eye(width, dtype=model.dtype)
    params["out.bias"] = np.zeros(width, model.dtype)
    transform = replace(model.transform, target_scaling=None)  # h_t has no other units
    return replace(model, net=state_net, params=params, classes=None, transform=transform)


def eigenvalues(model: FittedModel) -> Array | None:
    """What each step multiplies the complex states of the recurrent layers of `model` by.

    Returns
    -------
    ndarray (L*D, S, 2) or None
        Real and imaginary parts, in float64; of a bidirectional net the forward states of a layer
        come first. None of a cell without complex states. exp(-exp(nu) + i exp(theta)) has an
        absolute value below 1 (Orvieto et al., 2023, "Resurrecting Recurrent Neural Networks for
        Long Sequences", section 3.3).
    """
    angles = [name for name in model.params if name.startswith("rnn.theta_l")]
    if not angles:
        return None
    logs = [
        np.stack([model.params[name.replace("theta", part)] for name in angles]).astype(np.float64)
        for part in ("nu", "theta")
    ]
    with np.errstate(over="ignore"):  # a state that is forgotten at once
        decay = np.exp(-np.exp(logs[0]))
        angle = np.exp(logs[1])
        return np.stack([decay * np.cos(angle), decay * np.sin(angle)], axis=-1)


def at_every_step(states: Array, net: Net, n_steps: int) -> Array:
    """Return hidden states (N, net.pooled(T), D*H) as (N, T, D*H), with T = `n_steps`."""
    pooled = states.shape[1]
    if pooled == n_steps:
        return states
    return np.repeat(states, net.recurrent.stem_pool, axis=1)[:, :n_steps]


def prefixes(X: Array, lengths: Array | None, ends: Array) -> tuple[Array, Array]:
    """Prefixes of every row, to compute the output after part of a sequence.

    Parameters
    ----------
    X : ndarray (N, T, I)
    lengths : ndarray (N,) or None
        Number of steps of each row; None if all have T.
    ends : ndarray (P,)
        Lengths of the prefixes, ascending.

    Returns
    -------
    X : ndarray (N*P, T, I)
        Each row P times.
    lengths : ndarray (N*P,) int64
        Number of steps of each prefix, at most that of its row.
    """
    own = np.full(len(X), X.shape[1]) if lengths is None else lengths
    return np.repeat(X, len(ends), axis=0), np.minimum(own[:, None], ends).reshape(-1)
