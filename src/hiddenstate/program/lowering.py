"""Passes from a program to one that computes the same in another way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np

from hiddenstate.program.layers import NORM_EPS, Convolution, Layer, Norm
from hiddenstate.program.program import Program
from hiddenstate.program.rows import Array

Part = TypeVar("Part")


def folded_norms(program: Program) -> Program:
    """Return a program whose convolutions have the normalisation after them in their weights.

    Folds activation((z - mean) * factor + shift) into the convolution that gives z.
    """
    return replace(program, nets=tuple(_folded(net) for net in program.nets))


def _folded(net: tuple[Layer, ...]) -> tuple[Layer, ...]:
    layers: list[Layer] = []
    for layer in net:
        before = layers[-1] if layers else None
        if isinstance(layer, Norm) and isinstance(before, Convolution):
            factor = norm_factor(layer)
            weight = before.weight * factor[:, None, None]
            bias = (before.bias - layer.mean) * factor + layer.shift
            layers[-1] = Convolution(weight, bias, before.causal, layer.activation)
        else:
            layers.append(layer)
    return tuple(layers)


def norm_factor(norm: Norm) -> Array:
    """Return by what a normalisation multiplies each channel (C,)."""
    return np.asarray(norm.scale / np.sqrt(norm.variance + NORM_EPS))


def converted(part: Part, dtype: Any) -> Part:
    """Return a program, or a part of one, with its floats in another type."""

    def own(array: Array) -> Array:
        return array.astype(dtype) if array.dtype.kind == "f" else array

    return mapped(part, own)


def mapped(part: Part, change: Callable[[Array], Array]) -> Part:
    """Return a program, or a part of one, with its arrays changed."""
    return _mapped(part, change)  # type: ignore[no-any-return]


def _mapped(part: Any, change: Callable[[Array], Array]) -> Any:
    if isinstance(part, np.ndarray):
        return change(part)
    if isinstance(part, tuple):
        return tuple(_mapped(each, change) for each in part)
    if is_dataclass(part) and not isinstance(part, type):
        own = {field.name: _mapped(getattr(part, field.name), change) for field in fields(part)}
        return type(part)(**own)
    return part
