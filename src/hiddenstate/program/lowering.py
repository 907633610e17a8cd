"""Passes from a program to one that computes the same in another way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np

from hiddenstate.program.cells import CELLS, Cell
from hiddenstate.program.equations import NORM_EPS
from hiddenstate.program.layers import Convolution, Dense, Layer, Norm, Recurrent, product
from hiddenstate.program.order import step_of
from hiddenstate.program.program import Program
from hiddenstate.program.rows import Array
from hiddenstate.program.steps import (
    Fill,
    Fractions,
    Logarithm,
    Quantiles,
    Scale,
    Step,
    TargetScale,
)

Part = TypeVar("Part")


def folded_norms(program: Program) -> Program:
    """Return a program whose convolutions have the normalisation after them in their weights.

    Folds activation((z - mean) * factor + shift) into the convolution that gives z.
    """
    return replace(program, nets=tuple(folded(net) for net in program.nets))


def folded(net: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Return layers with normalisation in the weights of the convolution before it."""
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


def folded_scales(program: Program) -> Program:
    """Return a program with the scaling of rows in its first layers, and that of targets in its
    last ones, where nothing stands between.

    A first layer W ((x - offset) factor) + b is (W factor) x + b - W (offset factor). A convolution
    is none: outside of a row are zeros. Neither is an autoencoder, whose error is of scaled rows.
    """
    scale, targets = step_of(program.steps, Scale), step_of(program.steps, TargetScale)
    steps, nets = program.steps, program.nets
    if program.kind.has_codes:
        return program
    passed = (Fractions, Quantiles, Logarithm, Fill, Scale, TargetScale)
    if scale is not None and all(isinstance(step, passed) for step in steps):
        first = tuple((_scaled_inputs(net[0], scale), *net[1:]) for net in nets)
        if all(net[0] is not before[0] for net, before in zip(first, nets)):
            steps, nets = tuple(step for step in steps if step is not scale), first
    if targets is not None and steps[-1] is targets:
        steps = tuple(step for step in steps if step is not targets)
        nets = tuple((*net[:-1], _scaled_outputs(net[-1], targets)) for net in nets)
    return replace(program, steps=steps, nets=nets)


def _scaled_inputs(layer: Layer, scale: Scale) -> Layer:
    """Return a layer that reads rows before they are scaled; itself if it can only read scaled."""
    if isinstance(layer, Dense):
        weight = layer.weight * scale.factor
        return replace(layer, weight=weight, bias=layer.bias - weight @ scale.offset)
    if not isinstance(layer, Recurrent):
        return layer
    directions = []
    for direction in layer.directions:
        *others, last = direction.inputs
        inputs = (*others, last * scale.factor)
        shift = product(inputs, 0) @ scale.offset
        own = {name: direction.own[name] - shift for name in CELLS[layer.cell].shifted}
        directions.append(replace(direction, inputs=inputs, own={**direction.own, **own}))
    return replace(layer, directions=tuple(directions))


def _scaled_outputs(head: Layer, scale: TargetScale) -> Layer:
    assert isinstance(head, Dense)
    weight, bias = head.weight / scale.factor[:, None], head.bias / scale.factor + scale.offset
    return replace(head, weight=weight, bias=bias)


def summed(cell: Cell, own: dict[str, Array]) -> dict[str, Array]:
    """Return the own arrays of a direction, with what is added to W x and to U h in the first.

    Of these only the sum counts, but in the blocks that a cell has `apart`; the others are zero.
    """
    first, *others = cell.added or ("",)
    result = dict(own)
    for name in others:
        n = len(own[name]) - len(own[name]) * cell.apart // cell.blocks
        both, apart = np.split(own[name], [n])
        sums, rest = np.split(result[first], [n])
        result[first] = np.concatenate([sums + both, rest])
        result[name] = np.concatenate([np.zeros_like(both), apart])
    return result


def scaled_gaps(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return steps that fill in scaled values, after the scaling."""
    fill, scale = step_of(steps, Fill), step_of(steps, Scale)
    if fill is None or scale is None:
        return steps
    scaled = replace(fill, values=scale.apply(fill.values, None, {}))
    return tuple(scale if s is fill else scaled if s is scale else s for s in steps)


def converted(part: Part, dtype: Any) -> Part:
    """Return a program, or a part of one, with its floats in another type."""

    def in_type(array: Array) -> Array:
        return array.astype(dtype) if array.dtype.kind == "f" else array

    return mapped(part, in_type)


def mapped(part: Part, change: Callable[[Array], Array]) -> Part:
    """Return a program, or a part of one, with its arrays changed."""
    return _mapped(part, change)  # type: ignore[no-any-return]


def _mapped(part: Any, change: Callable[[Array], Array]) -> Any:
    if isinstance(part, np.ndarray):
        return change(part)
    if isinstance(part, tuple):
        return tuple(_mapped(each, change) for each in part)
    if isinstance(part, dict):
        return {name: _mapped(each, change) for name, each in part.items()}
    if is_dataclass(part) and not isinstance(part, type):
        changed = {field.name: _mapped(getattr(part, field.name), change) for field in fields(part)}
        return type(part)(**changed)
    return part
