"""Steps of a causal stem, which carries its last inputs and an unfinished mean of steps."""

from dataclasses import replace

import numpy as np

from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.layers import stem_layers
from hiddenstate.models.net import Params
from hiddenstate.program.layers import Layer, Pool, run_layers, state_of
from hiddenstate.program.lowering import converted, folded
from hiddenstate.system.typing import Array


def stem_of(model: FittedModel) -> tuple[Layer, ...]:
    """Return the layers of a model's stem, without normalisation, in its type; none without one."""
    if not model.net.recurrent.stem:
        return ()
    layers = stem_layers(model.net, converted(model.params, np.float64))
    return converted(folded(layers), model.dtype)


def without_stem(model: FittedModel) -> FittedModel:
    """Return a model whose net reads what the stem of `model` gives, as its rows."""
    config = model.net.recurrent
    if not config.stem:
        return model
    net = replace(model.net, config=replace(config, stem=False))
    net = replace(net, n_features=config.stem_channels[-1])
    params = {name: a for name, a in model.params.items() if not name.startswith("stem.")}
    return replace(model, net=net, params=params)


def stem_state(layers: tuple[Layer, ...], rows: int, dtype: np.dtype) -> Params:
    """Return the state of a stem before the first step."""
    return state_of(layers, rows, dtype)


def advance_stem(layers: tuple[Layer, ...], x: Array, state: Params) -> tuple[Array, Array | None]:
    """Return what a stem gives for a step x (B, 1, I), and advance `state` in place.

    If it has means of steps, they are so far, and the second array (B,) says which are complete:
    only these advance the layers after it.
    """
    names = stem_state(layers, len(x), x.dtype)
    y, _, after = run_layers(layers, x, None, {name: state[name] for name in names})
    for name in names:
        state[name][...] = after[name]
    pools = any(isinstance(layer, Pool) for layer in layers)
    return y, state["phase"] == 0 if pools else None
