"""Weights as an export stores them: rounded to bytes with one scale for each row of a matrix."""

from dataclasses import replace

import numpy as np

from hiddenstate.models.fitted import FittedModel
from hiddenstate.system.typing import Array

LARGEST = 127
"""Largest byte: -128 is not used, so that the range is symmetric."""

BITS = 16
"""Bits of a scale that a model is rounded with, so that its product with a byte is exact."""


def quantised(weight: Array) -> tuple[Array, Array]:
    """Return weights (rows, ...) as int8 and the float32 scale (rows,) of each row.

    The scale is the largest magnitude of the row by 127; a row of zeros has the scale 1. Weights of
    :func:`stored` are given exactly; multiplied by a factor for each row, to the rounding of its
    scale.
    """
    scale = _scale(weight)
    return _steps(weight, scale), scale.astype(np.float32)


def _scale(weight: Array) -> Array:
    rows = np.abs(weight.reshape(len(weight), -1).astype(np.float64))
    largest = rows.max(axis=1, initial=0)
    return np.where(largest > 0, largest / LARGEST, 1)


def _steps(weight: Array, scale: Array) -> Array:
    steps = np.rint(weight.astype(np.float64) / _column(scale, weight))
    return steps.clip(-LARGEST, LARGEST).astype(np.int8)


def _column(scale: Array, weight: Array) -> Array:
    return scale.astype(np.float64).reshape(-1, *[1] * (weight.ndim - 1))


def rounded(weight: Array) -> Array:
    """Return weights (rows, ...) rounded to what bytes and scales of 16 bits can hold."""
    mantissa, exponent = np.frexp(_scale(weight))
    scale = np.ldexp(np.rint(np.ldexp(mantissa, BITS)), exponent - BITS)
    return np.asarray((_steps(weight, scale) * _column(scale, weight)).astype(weight.dtype))


def stored(model: FittedModel, weights: str) -> FittedModel:
    """Return the model with the weights that an export stores.

    With "int8" all weights of more than one axis are rounded; biases are not. Else it is the model
    itself.
    """
    if weights != "int8":
        return model
    params = {
        name: rounded(array) if array.ndim > 1 else array for name, array in model.params.items()
    }
    return replace(model, params=params)
