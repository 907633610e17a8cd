"""Weights as int8: numbers from -127 to 127 with one scale for each output row.

Every target stores the same rounded model, so that its answers are the same in all of them.
"""

from dataclasses import replace

import numpy as np

from hiddenstate.models.companions import FittedCompanion
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.integers import multiples, on_grid, rounded_vectors
from hiddenstate.program.calibrating import MOST
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
    params = rounded_vectors(model.net, params)
    companions = tuple(_rounded_weights(each) for each in model.companions)
    return replace(model, params=params, companions=companions)


def _rounded_weights(companion: FittedCompanion) -> FittedCompanion:
    named = {name: a for name, a in vars(companion).items() if isinstance(a, np.ndarray)}
    weights = {name: rounded(array) for name, array in named.items() if array.ndim > 1}
    return replace(companion, **weights)  # type: ignore[type-var]
