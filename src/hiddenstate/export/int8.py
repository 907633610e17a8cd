"""Weights as int8: numbers from -127 to 127 with one scale for each output row.

Every target stores the same rounded model, so that its answers are the same in all of them.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from hiddenstate.models.companions import FittedCompanion
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.integers import multiples, on_grid
from hiddenstate.models.net import Params
from hiddenstate.program.cells import Cell
from hiddenstate.program.lowering import summed
from hiddenstate.program.quantising import MOST
from hiddenstate.system.typing import Array


def quantised(array: Array, axis: int = 0) -> tuple[Array, Array]:
    """Return weights as int8 and the scale of each output row, along `axis`.

    Weights that :func:`rounded` gives are stored exactly: `scale * int8`.
    """
    rows = np.moveaxis(array.astype(np.float64), axis, 0)
    largest = np.abs(rows.reshape(len(rows), -1)).max(axis=1, initial=0)
    scale = np.where(largest > 0, largest / MOST, 1)
    shape = np.ones(array.ndim, int)
    shape[axis] = len(rows)
    q = np.rint(array / scale.reshape(shape)).clip(-MOST, MOST).astype(np.int8)
    return q, scale


def rounded(weight: Array) -> Array:
    """Return weights (outputs, ...) rounded to what int8 can hold."""
    q, scale = on_grid(weight)
    return multiples(q, scale, weight.dtype)


def stored(model: FittedModel, weights: str) -> FittedModel:
    """Return a model with its weights as an export stores them.

    With `int8` each output row of a weight has 255 values, also of those of companions. The other
    arrays of recurrent layers are float16, but for those of eigenvalues, and of two biases that are
    added there is one.
    """
    if weights != "int8":
        return model
    params = {
        name: rounded(array) if array.ndim > 1 else array for name, array in model.params.items()
    }
    if model.net.kind.has_series:
        cell = model.net.cell
        for names in _vectors(cell, params):
            own = _rounded_own(cell, {each: params[name] for each, name in names.items()})
            params |= {names[each]: array for each, array in own.items()}
    companions = tuple(_rounded_weights(each) for each in model.companions)
    return replace(model, params=params, companions=companions)


def _vectors(cell: Cell, params: Params) -> Iterable[dict[str, str]]:
    """Return the names in `params` of the arrays of each direction that are no matrices, by their
    own; logarithms of eigenvalues stay as they are."""
    own = {weight.name for weight in cell.weights if weight.axes in ("G", "H", "1")}
    places: dict[tuple[str, str], dict[str, str]] = {}
    for name in params:
        member, _, array = name.rpartition("rnn.")
        array, _, place = array.rpartition("_l")
        if array in own:
            places.setdefault((member, place), {})[array] = name
    return places.values()


def _rounded_weights(companion: FittedCompanion) -> FittedCompanion:
    named = {name: a for name, a in vars(companion).items() if isinstance(a, np.ndarray)}
    weights = {name: rounded(array) for name, array in named.items() if array.ndim > 1}
    return replace(companion, **weights)  # type: ignore[type-var]


def _rounded_own(cell: Cell, own: dict[str, Array]) -> dict[str, Array]:
    """Return the own arrays of a direction in float16, with one sum where only that counts."""
    sums = summed(cell, own)
    if max(float(np.abs(each).max(initial=0)) for each in sums.values()) > np.finfo(np.float16).max:
        return own
    return {name: array.astype(np.float16).astype(array.dtype) for name, array in sums.items()}
