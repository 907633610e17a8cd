"""The state of a stream: its arrays before the first step, and those that are given."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hiddenstate.errors import DataError, printable
from hiddenstate.inference.stem_steps import stem_of, stem_state
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.meaning import program_of
from hiddenstate.models.net import Params
from hiddenstate.program.cells import STATES
from hiddenstate.program.integers import ONE
from hiddenstate.program.order import step_of
from hiddenstate.program.steps import Forecast
from hiddenstate.system.typing import Array

MAY_BE_UNKNOWN = ("last", "lags")
"""The arrays in which NaN stands for a value that has not been read."""

SUMS = {"sum": "count", "pooled": "phase"}
"""Sums of steps, and the numbers of these."""

MOST_STEPS = 2**53
"""Larger numbers have no exact float64, by which a sum is divided."""


def n_features_of(model: FittedModel) -> int:
    """Return the features of a step, with the values of those that are known ahead."""
    return model.n_features + len(model.transform.known.ahead)


def state_layout(model: FittedModel, rows: int) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    """Return type and shape of the arrays of a stream's state, by name."""
    if model.integer is not None:
        return {n: (a.dtype, a.shape) for n, a in program_of(model).state(rows).items()}
    dtype = np.dtype(model.dtype)
    layout: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {
        name: (dtype, shape) for name, shape in model.net.state_shapes(rows).items()
    }
    if model.transform.missing == "forward":
        layout["last"] = (np.dtype(np.float64), (rows, n_features_of(model)))
    if (path := step_of(model.transform.steps, Forecast)) is not None:
        layout["lags"] = (dtype, (rows, path.n_lags, model.net.n_features))
    if model.net.output == "last" and model.net.recurrent.readout == "mean":
        layout["sum"] = (np.dtype(np.float64), (rows, sum(model.net.head_widths())))
        layout["count"] = (np.dtype(np.int64), (rows,))
    for name, array in stem_state(stem_of(model), rows, dtype).items():
        layout[name] = (array.dtype, array.shape)
    return layout


def initial_state(model: FittedModel, rows: int) -> Params:
    """Return the state before the first step: zeros, and no known value."""
    state = {
        name: np.zeros(shape, dtype) for name, (dtype, shape) in state_layout(model, rows).items()
    }
    for name in ("last", "lags"):
        if name in state:
            state[name][...] = np.nan
    return state


def state_from(model: FittedModel, rows: int, given: Mapping[str, ArrayLike]) -> Params:
    """Return a copy of a state in the types of `model`, checked (`DataError`)."""
    state = initial_state(model, rows)
    if not isinstance(given, Mapping):
        raise DataError(f"state: expected arrays by name, got {type(given).__name__}")
    if unknown := [name for name in given if name not in state]:
        raise DataError(f"state: expected {', '.join(state)}, got {printable(unknown[0], 40)}")
    if given and any(name in state and name not in given for name in STATES):
        raise DataError(f"state: expected {', '.join(state)}, got {', '.join(given)}")
    for name, array in given.items():
        array = _checked(name, array, state[name], rows)
        if name in SUMS.values():
            most = model.net.recurrent.stem_pool - 1 if name == "phase" else MOST_STEPS
            wrong = array[(array < 0) | (array > most) | (array != np.floor(array))]
            if wrong.size:
                raise DataError(f"state: {name}: expected 0 to {most}, got {wrong[0]}")
        state[name][...] = array
    for total, number in SUMS.items():
        if (total in given) != (number in given):
            there, other = (total, number) if total in given else (number, total)
            raise DataError(f"state: {there} says nothing without {other}")
        if total in state and state[total][state[number] == 0].any():
            raise DataError(f"state: {total}: expected zeros where {number} is 0")
        if model.integer is not None and total in state:
            size = np.abs(state[total]).max(axis=1, initial=0)
            if (size > ONE * state[number]).any():
                raise DataError(f"state: {total}: too large for {number} steps")
    return state


def _checked(name: str, given: ArrayLike, own: Array, rows: int) -> Array:
    """Return an array that is given in place of `own`, which is that of another state."""
    try:
        array = np.asarray(given)
    except ValueError:  # lists of unequal lengths
        raise DataError(f"state: {name}: expected shape {own.shape}") from None
    if array.ndim == own.ndim and rows_in(array, name) != rows:
        raise DataError(f"state: carries {rows_in(array, name)} sequences, x has {rows}")
    if array.shape != own.shape:
        raise DataError(f"state: {name}: expected shape {own.shape}, got {array.shape}")
    if array.dtype.kind not in "fiub":
        raise DataError(f"state: {name}: expected numbers, got {array.dtype}")
    most = np.finfo(own.dtype if own.dtype.kind == "f" else np.float64).max
    if own.dtype.kind == "i" and name in (*STATES, "recent"):  # of an integer model
        most = ONE - 1
        if (array != np.floor(array)).any():
            raise DataError(f"state: {name}: expected integers")
    fine = np.abs(array) <= float(most)  # false for NaN
    if not (fine | np.isnan(array) if name in MAY_BE_UNKNOWN else fine).all():
        raise DataError(f"state: {name} has numbers that are not finite, or too large")
    return array


def by_row(array: Array, name: str) -> Array:
    """Return a view of an array of the state whose first axis are the rows."""
    return array.swapaxes(0, 1) if name in STATES else array


def rows_in(array: Array, name: str) -> int:
    return int(by_row(array, name).shape[0])


def rows_of(array: Array, name: str, rows: Any) -> Array:
    """Return some rows, in the array's own order of axes."""
    return array[:, rows] if name in STATES else array[rows]
