"""What a recurrent net holds in mind: its hidden state after every step, and what it would say.

The states come out of the same engines as every answer: a net whose head hands the state on is
asked for its outputs at every step.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config import RecurrentConfig
from hiddenstate.models.fitted import FittedModel

Array = NDArray[Any]


def state_probe(model: FittedModel) -> FittedModel:
    """A model whose output at every step is the hidden state h_t of `model`'s last layer.

    Its outputs are (N, T, D*H): of a bidirectional net the forward states, then the backward.
    """
    net = model.net
    assert isinstance(net.config, RecurrentConfig)
    width = model.params["out.weight"].shape[1]
    probe = replace(
        net,
        job="regress",
        config=replace(net.config, readout="last"),
        n_outputs=width,
        output="steps",
    )
    params = {name: array for name, array in model.params.items() if name.startswith("rnn.")}
    params["out.weight"] = np.eye(width, dtype=model.dtype)
    params["out.bias"] = np.zeros(width, model.dtype)
    return replace(model, net=probe, params=params, classes=None)


def prefixes(X: Array, lengths: Array | None, ends: Array) -> tuple[Array, Array]:
    """Every row of `X` (N, T, I) once for each of `ends` (P,), and how much of it to read.

    Returns
    -------
    X : ndarray (N*P, T, I)
        Row by row, the shortest prefix first.
    lengths : ndarray (N*P,) int64
        The steps of each prefix; none goes beyond its row's own end.
    """
    own = np.full(len(X), X.shape[1]) if lengths is None else lengths
    return np.repeat(X, len(ends), axis=0), np.minimum(own[:, None], ends).reshape(-1)
