"""How large the inputs of a network may be before a sum in one of its layers overflows."""

from typing import Any

import numpy as np

from hiddenstate.config import RecurrentConfig
from hiddenstate.models.net import Net, Params
from hiddenstate.program.equations import NORM_EPS
from hiddenstate.system.typing import Array


def headroom(net: Net, params: Params, dtype: Any) -> dict[str, float]:
    """Return how large the inputs of each layer may be, by the name of the layer's weight.

    Hidden units are taken to be within [-1, 1], which not every cell keeps. With a stem, inputs
    are those of its first layer, and no sum of the stem or of what reads it overflows.

    Parameters
    ----------
    net : Net
        Without members.
    params : dict of ndarray
    dtype : dtype
        The float type of the arithmetic.
    """
    most, room = float(np.finfo(dtype).max), dict[str, float]()
    with np.errstate(over="ignore"):
        stem = _stem_gain(net, params)
        if stem is not None:
            room["stem.0.conv.weight"] = most / stem
        if isinstance(net.config, RecurrentConfig):
            for layer, weights in enumerate(map(net.layer_weights, range(net.config.layers))):
                for end in ("", "_reverse") if net.config.bidirectional else ("",):
                    names = {weight.name: f"rnn.{weight.name}_l{layer}{end}" for weight in weights}
                    of_layer = _block_room if net.cell.kind == "block" else _gated_room
                    own = of_layer(net, {n: params[name] for n, name in names.items()}, most)
                    if stem is not None and layer == 0:
                        own = {}
                    room |= {names[name]: each for name, each in own.items()}
        for name, weight in params.items():
            if weight.ndim == 2 and "rnn." not in name:
                rest = np.abs(params[name.replace("weight", "bias")], dtype=np.float64)
                room[name] = float(np.min((most - rest) / _row_sums(weight)))
    return room


def _gated_room(net: Net, arrays: Params, most: float) -> dict[str, float]:
    """Return how large the inputs of one direction of a gated layer may be."""
    cell = net.cell
    inputs, hidden = (
        {name: a for name, a in arrays.items() if which and cell.product(name) == which}
        for which in (cell.inputs, cell.hidden)
    )
    scalars = {weight.name for weight in cell.weights if "1" in weight.axes}
    rest = _gain(hidden) if hidden else np.zeros(1)
    rest = rest + sum(np.abs(arrays[n], dtype=np.float64) for n in {*cell.own} - scalars)
    last, reader = list(inputs.items())[-1]
    sums = float(np.min((most - rest) / _gain(inputs)))
    return {last: min(sums, float(np.min(most / _row_sums(reader))))}


def _block_room(net: Net, arrays: Params, most: float) -> dict[str, float]:
    """Return how large the inputs of one direction of an lru may be, and the values of its glu.

    The square of an input's deviation is within `most`, so that norms of inputs do not overflow.
    """
    own = {name: np.abs(array, dtype=np.float64) for name, array in arrays.items()}
    root, room = np.sqrt(len(own["skip"])), {}
    if "weight_in" in own:
        free = np.sqrt(most) / root / 2 - own["bias_in"]
        room["weight_in"] = float(np.min(free / _row_sums(own["weight_in"])))
    normal = root * own["norm_weight"] + own["norm_bias"]
    kept = -np.expm1(-np.exp(arrays["nu"].astype(np.float64)))  # 1 - |lambda|
    scale = np.exp(arrays["gamma"].astype(np.float64)) / np.maximum(kept, 1e-300)
    state = np.tile(scale, 2) * (own["weight_ih"] @ normal)
    y = own["weight_ho"] @ state + own["skip"] * normal
    room["weight_glu"] = float(np.min((most - own["bias_glu"]) / _row_sums(own["weight_glu"] * y)))
    return room


def _gain(factors: Params) -> Array:
    """Return the largest sums of inputs up to 1 multiplied by factors, the last one first."""
    *others, last = factors.values()
    gain = _row_sums(last)
    for factor in others[::-1]:
        gain = np.abs(factor, dtype=np.float64) @ gain
    return np.maximum(gain, 1e-300)


def _stem_gain(net: Net, params: Params) -> float | None:
    """Return the largest sum of the stem or what reads it, of inputs up to 1."""
    config = net.config
    if not isinstance(config, RecurrentConfig) or not config.stem:
        return None
    size, largest = 1.0, 1.0
    for layer in range(len(config.stem_channels)):
        part = f"stem.{layer}"
        sums = _row_sums(params[f"{part}.conv.weight"]) * size
        sums += np.abs(params[f"{part}.conv.bias"], dtype=np.float64)
        mean, variance, scale, shift = (
            params[f"{part}.norm.{name}"].astype(np.float64)
            for name in ("running_mean", "running_var", "weight", "bias")
        )
        normal = (sums + np.abs(mean)) / np.sqrt(variance + NORM_EPS)
        size = max(1.0, float(np.max(normal * np.abs(scale) + np.abs(shift))))
        steps = config.stem_pool if layer == 0 else 1  # that are added for a mean
        largest = max(largest, float(np.max(sums)), float(np.max(normal)), size * steps)
    behind = [_gain({name: params[name] for name in names}) for names in net.readers()]
    if config.readout == "mean":
        behind.append(_row_sums(params["out.weight"]))
    return max(largest, *(float(np.max(sums)) * size for sums in behind))


def _row_sums(array: Array) -> Array:
    sums = np.abs(array, dtype=np.float64).reshape(len(array), -1).sum(axis=1)
    return np.asarray(np.maximum(sums, 1e-300))
