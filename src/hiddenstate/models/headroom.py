"""How large the inputs of a network may be before a sum in one of its layers overflows."""

from typing import Any

import numpy as np

from hiddenstate.config import RecurrentConfig
from hiddenstate.models.net import Net, Params
from hiddenstate.program.layers import NORM_EPS
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
    most, room = float(np.finfo(dtype).max), {}
    with np.errstate(over="ignore"):
        stem = _stem_gain(net, params)
        if stem is not None:
            room["stem.0.conv.weight"] = most / stem
        for name, weight in params.items():
            behind = stem is not None and "_ih_l0" in name
            if weight.ndim != 2 or ".weight_hh" in name or behind:
                continue
            rest = np.zeros(len(weight))
            for other in _added_to(net, name) & set(params):
                rest += _row_sums(params[other])
            inputs = np.maximum(_row_sums(weight), 1e-300)
            room[name] = float(np.min((most - rest) / inputs))
    return room


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
    readers = ("weight_ih_l0", "out.weight") if config.readout == "mean" else ("weight_ih_l0",)
    behind = [a for name, a in params.items() if any(own in name for own in readers)]
    return max(largest, *(float(np.max(_row_sums(weight))) * size for weight in behind))


def _added_to(net: Net, name: str) -> set[str]:
    """Return the names of what is added to the product of a layer's inputs and its weight."""
    if "weight_ih" not in name:
        return {name.replace("weight", "bias")}
    others = [weight.name for weight in net.cell.weights[1:] if "1" not in weight.axes]
    return {name.replace("weight_ih", other) for other in others}


def _row_sums(array: Array) -> Array:
    return np.asarray(np.abs(array, dtype=np.float64).reshape(len(array), -1).sum(axis=1))
