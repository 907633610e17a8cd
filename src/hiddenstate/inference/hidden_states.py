"""Hidden states of a recurrent net after every step.

The engines compute them as ordinary outputs, of a net whose output layer is the identity.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from hiddenstate.config import RecurrentConfig
from hiddenstate.engines import Engine, Predictor
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.integers import of_states
from hiddenstate.models.net import Net, Params
from hiddenstate.program.jobs import first_with
from hiddenstate.system.typing import Array

PREFIXED = 2**20
"""Most steps of all prefixes that are computed at once, each read from the start."""


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
        job=first_with("targets"),
        config=replace(net.config, readout="last"),
        n_outputs=width,
        output="steps",
    )
    params = {n: array for n, array in model.params.items() if not n.startswith("out.")}
    params["out.weight"] = np.eye(width, dtype=model.dtype)
    params["out.bias"] = np.zeros(width, model.dtype)
    transform = replace(model.transform, target_scaling=None)  # h_t has no other units
    integer = None if model.integer is None else of_states(model.integer, net)
    changes: dict[str, Any] = {"params": params, "transform": transform, "integer": integer}
    changes["gives_states"] = True
    return replace(model, net=state_net, classes=None, **changes)


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
    names = model.net.cell.eigenvalues[:2]
    if not names:
        return None
    logs = [
        np.stack([a for n, a in model.params.items() if n.startswith(f"rnn.{name}_l")])
        for name in names
    ]
    with np.errstate(over="ignore"):  # a state that is forgotten at once
        decay, angle = (np.exp(each.astype(np.float64)) for each in logs)
        decay = np.exp(-decay)
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


def reads_on(net: Net, by_window: bool) -> bool:
    """Whether a net reads on from the state after a prefix; `by_window`: rows are scaled whole."""
    config = net.recurrent
    return not (config.bidirectional or config.stem or net.n_members > 1 or by_window)


def after_prefixes(
    model: FittedModel,
    engine: Engine | Predictor | None,
    predictor: Predictor,
    X: Array,
    lengths: Array | None,
    ends: Array,
) -> tuple[Array, Array | None]:
    """Hidden states (N, P, D*H) of the last layer and outputs (N, P, n_outputs) after prefixes of
    every row; the states of a net that reads a row backwards, too, are those of the whole row.

    Parameters
    ----------
    model : FittedModel
        A net with one output for a row.
    engine : Engine or Predictor, optional
        What computes it; None for no outputs.
    predictor : Predictor
        Of :func:`hidden_state_model`.
    X, lengths, ends
        As for :func:`prefixes`.
    """
    steps = len(X) * len(ends) * X.shape[1]
    if steps > PREFIXED and reads_on(model.net, model.transform.by_window):
        return _after_long_prefixes(model, predictor, X, lengths, ends)
    states, outputs = [], []
    at_once = len(X) if steps <= PREFIXED else 1
    for first in range(0, len(X), at_once):
        some = X[first : first + at_once]
        own = None if lengths is None else lengths[first : first + at_once]
        all_states = at_every_step(predictor.predict(some, own), model.net, X.shape[1])
        # The longest of all rows may be longer than these.
        states.append(all_states[:, np.minimum(ends, X.shape[1]) - 1])
        if engine is not None:
            outputs.append(engine.predict(*prefixes(some, own, ends)))
    after = np.concatenate(outputs).reshape(len(X), len(ends), -1) if outputs else None
    return np.concatenate(states), after


def _after_long_prefixes(
    model: FittedModel, predictor: Predictor, X: Array, lengths: Array | None, ends: Array
) -> tuple[Array, Array]:
    """As :func:`after_prefixes`, each prefix read on from the one before."""
    own = np.full(len(X), X.shape[1]) if lengths is None else lengths
    last = np.minimum(own[:, None], ends)  # (N, P)
    states = np.empty((*last.shape, model.net.head_widths()[0]), model.dtype)
    read = np.empty_like(states)
    for end, state, mean in _read_on(predictor, X, np.unique(last)):
        row, place = np.nonzero(last == end)
        states[row, place] = state[row]
        read[row, place] = mean[row]
    if model.net.recurrent.readout == "last":
        read = states.copy()
    states[own[:, None] < ends] = 0
    return states, read @ model.params["out.weight"].T + model.params["out.bias"]


def _read_on(predictor: Predictor, X: Array, cuts: Array) -> Iterator[tuple[int, Array, Array]]:
    """Yield each number of steps of `cuts`, and the states (N, H) after them and on average."""
    carried: Params = {}
    total, begin = np.zeros(()), 0
    for end in map(int, cuts):
        part = np.nan_to_num(X[:, begin:end])  # what follows the end of a row may be anything
        states, carried = predictor.forward(part, carried)
        total = total + states.sum(axis=1, dtype=np.float64)
        yield end, states[:, -1], total / end
        begin = end
