"""Adds the recurrent layers of a program to what a C header holds."""

from dataclasses import replace

import numpy as np

from hiddenstate.export.c.content import Layout
from hiddenstate.export.c.text import calls_of, parts_of
from hiddenstate.export.target import layers_in
from hiddenstate.program.cells import CELLS as DECLARED
from hiddenstate.program.cells import Cell
from hiddenstate.program.layers import Direction, Recurrent
from hiddenstate.program.lowering import summed
from hiddenstate.program.program import Program
from hiddenstate.system.typing import Array

CELLS = {cell: calls_of(cell.upper()) for cell in DECLARED if cell.upper() in parts_of("cells.c")}
"""Of each cell that cells.c has the functions of arithmetic.c that it calls; its macro is its
name."""


def recurrent(layout: Layout, layer: Recurrent) -> Recurrent:
    cell, first = DECLARED[layer.cell], layer.directions[0]
    layout.has |= {layer.cell.upper(), *CELLS[layer.cell]}
    directions, hidden = len(layer.directions), first.hidden_size
    layout.has |= {"BOTH"} if directions == 2 else set()
    widest = max(layout.constants.get("WIDEST", 1), directions * hidden)
    layout.constants |= {"HIDDEN": hidden, "STATES": len(cell.state)}
    layout.constants |= {"COMPLEX": first.states} if first.states else {}
    layout.constants |= {"DIRECTIONS": directions, "WIDEST": widest}
    if rank := _rank(layout.program):
        layout.has.add("FACTORS")
        layout.constants["RANK"] = rank
    if cell.kind == "block":
        layout.constants["SUMS"] = 2 * hidden + 2 * max(hidden, first.states)
        own = tuple(_block(layout, each) for each in layer.directions)
    else:
        layout.constants["SUMS"] = hidden * cell.blocks * (2 if cell.apart else 1)
        own = tuple(_direction(layout, cell, each) for each in layer.directions)
    return replace(layer, directions=own)


def _direction(layout: Layout, cell: Cell, own: Direction) -> Direction:
    """Add the weights, and the cell's own arrays one after the other, without those that are zero
    since only a sum counts."""
    name = f"layer{layout.count('layers')}"
    inputs, *named = _factors(layout, f"{name}_input", own.inputs)
    hidden, *others = _factors(layout, f"{name}_state", own.hidden)
    matrices = [named[0], others[0]] if hidden else [named[0]]
    matrices += [named[1], others[1]] if "FACTORS" in layout.has else []
    arrays = summed(cell, own.own)
    zeros = dict.fromkeys(cell.added[1:], (cell.blocks - cell.apart) * own.hidden_size)
    parts = [array[zeros.get(each, 0) :] for each, array in arrays.items()]
    flat = layout.add(f"{name}_own", np.concatenate(parts))
    parts = np.split(flat, np.cumsum([len(part) for part in parts])[:-1])
    for each, part in zip(arrays, parts, strict=True):
        arrays[each] = np.pad(part, (zeros.get(each, 0), 0))
    width = inputs[-1].shape[1]
    layout.line("layers", "layer", *matrices, layout.named(f"{name}_own"), width)
    return replace(own, inputs=inputs, hidden=hidden, own=arrays)


def _block(layout: Layout, own: Direction) -> Direction:
    """Add the weights of an LRU, and its other arrays one after the other.

    In place of its three logarithms the header has each eigenvalue as the sum of two floats: a
    state adds up what one rounds off a thousand times. B is multiplied by its scale.
    """
    name, given = f"layer{layout.count('layers')}", own.own
    inputs, matrix, _ = _factors(layout, f"{name}_input", own.inputs)
    drive = given["weight_ih"] * np.exp(np.tile(given["gamma"], 2))[:, None]
    matrices, weights = [matrix], []
    for part, weight in (
        ("drive", drive),
        ("output", given["weight_ho"]),
        ("gate", given["weight_glu"]),
    ):
        matrix, weight = layout.add_weight(f"{name}_{part}", weight)
        matrices.append(matrix)
        weights.append(weight)
    turn = np.exp(-np.exp(given["nu"]) + 1j * np.exp(given["theta"]))
    exact = np.concatenate([turn.real, turn.imag])
    high = exact.astype(np.float32)
    parts = {each: given[each] for each in ("norm_weight", "norm_bias", "skip", "bias_glu")}
    parts |= {"high": high, "low": exact - high}
    parts |= {"bias_in": given["bias_in"]} if inputs else {}
    flat = layout.add(f"{name}_own", np.concatenate([*parts.values()]))
    ends = np.cumsum([len(part) for part in parts.values()])[:-1]
    read = dict(zip(parts, np.split(flat, ends), strict=True))
    real, imaginary = np.split(read.pop("high").astype(np.float64) + read.pop("low"), 2)
    with np.errstate(divide="ignore"):
        read["nu"] = np.log(-np.log(np.hypot(real, imaginary)))
        read["theta"] = np.log(np.arctan2(imaginary, real) % (2 * np.pi))
    read["gamma"] = np.zeros_like(read["nu"])
    read |= dict(zip(("weight_ih", "weight_ho", "weight_glu"), weights, strict=True))
    width = inputs[-1].shape[1] if inputs else own.hidden_size
    layout.line("layers", "layer", *matrices, layout.named(f"{name}_own"), width)
    layout.work += sum(weight.size for weight in weights) + 4 * own.states
    return replace(own, inputs=inputs, own=read)


def _factors(
    layout: Layout, name: str, factors: tuple[Array, ...]
) -> tuple[tuple[Array, ...], str, str]:
    """Add the one or two factors of a matrix, or none; return their numbers, and what names the
    first and the second."""
    names, numbers = [], []
    for number, factor in enumerate(factors):
        matrix, own = layout.add_weight(f"{name}_first" if number else name, factor)
        names.append(matrix)
        numbers.append(own)
        layout.work += factor.size
    none = "{NULL, NULL}" if layout.weights == "int8" else "{NULL}"
    first, second = (*names, none, none)[:2]
    return tuple(numbers), first, second


def _rank(program: Program) -> int:
    """Return the rank of the matrices of recurrent layers that are two factors; 0 if none are."""
    layers = (each for net in program.nets for each in layers_in(net))
    directions = [one for each in layers if isinstance(each, Recurrent) for one in each.directions]
    factors = [each for one in directions for each in (one.inputs, one.hidden) if len(each) > 1]
    return max((len(each[-1]) for each in factors), default=0)
