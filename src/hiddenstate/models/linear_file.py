"""The linear path of a model file: its facts and arrays, checked where they are read."""

from typing import Any, NotRequired, TypedDict

import numpy as np

from hiddenstate.data.prepare.linear_path import LinearPath
from hiddenstate.errors import UntrustedFileError
from hiddenstate.models.net import Params
from hiddenstate.system.strict_json import check_fields

AXES = {
    "lag_weights": "OP",
    "lag_bias": "O",
    "lag_effects": "OK",
    "lag_inputs": "OQI",
    "near_weights": "NOP",
    "near_bias": "NO",
    "near_effects": "NOK",
    "near_inputs": "NOQI",
    "near_share": "NO",
}
"""The axes of each array: N nearer steps, O targets, P lags, K features known ahead, Q lags of I
inputs."""


class LinearFacts(TypedDict):
    """Everything of a linear path but its arrays."""

    log: list[bool]
    season: int | None
    seasons: NotRequired[list[int]]
    inputs: NotRequired[list[int]]


def linear_to_dict(path: LinearPath) -> LinearFacts:
    """Return everything of a path but its arrays, as values for JSON."""
    facts: LinearFacts = {"log": list(path.log), "season": path.season}
    if len(path.seasons) > 1:
        facts["seasons"] = list(path.seasons)
    if path.inputs:
        facts["inputs"] = list(path.inputs)
    return facts


def arrays_of_linear(path: LinearPath) -> Params:
    """Return the arrays of a path by their names in a model file; see `AXES`."""
    arrays = _arrays(path, "lag")
    if path.nearer:
        each = [_arrays(nearer, "near") for nearer in path.nearer]
        arrays |= {name: np.stack([one[name] for one in each]) for name in each[0]}
        if path.nearer_share is not None:
            arrays["near_share"] = path.nearer_share
    return arrays


def _arrays(path: LinearPath, prefix: str) -> Params:
    named = {
        "weights": path.weights,
        "bias": path.bias,
        "effects": path.effects,
        "inputs": path.input_weights,
    }
    return {f"{prefix}_{name}": array for name, array in named.items() if array is not None}


def linear_from(
    stored: Any,
    arrays: Params,
    own: tuple[int, ...] | None,
    others: set[int],
    n_ahead: int,
    horizon: int,
    where: str,
) -> LinearPath | None:
    """Return the linear path of a model file.

    Parameters
    ----------
    stored : dict or None
        Its facts.
    arrays : dict of ndarray
        Those of the file, by their names in `AXES`.
    own : tuple of int, optional
        The features that hold the current values of the targets.
    others : set of int
        Features whose past it may read.
    n_ahead, horizon : int
        Features known ahead, and steps that it forecasts ahead.
    where : str
        Name of the file in messages.

    Raises
    ------
    UntrustedFileError
        If facts and arrays do not fit the targets and features, or numbers are not finite.
    """
    if stored is None:
        return None
    fields: dict[str, Any] = {
        "log": list,
        "season": (int, type(None)),
        "seasons": list,
        "inputs": list,
    }
    where = f"{where}: linear"
    stored = stored if stored.keys() - fields.keys() else {"seasons": [], "inputs": []} | stored
    stored = check_fields(stored, fields, where)
    n, log, season = len(own or ()), stored["log"], stored["season"]
    seasons, inputs = stored["seasons"], stored["inputs"]
    known = len(log) == n and all(type(each) is bool for each in log)
    known = known and all(type(each) is int and 1 < each < 2**31 for each in seasons)
    known = known and (season is None or 1 < season < 2**31)
    known = known and (not seasons or seasons[0] == season) and len(set(seasons)) == len(seasons)
    known = known and all(type(each) is int and each in others for each in inputs)
    if not own or not known or len(set(inputs)) < len(inputs):
        raise UntrustedFileError(f"{where}: does not fit the targets or the inputs")
    held = {name: arrays[name] for name in AXES if name in arrays}
    _check_arrays(held, n, n_ahead, len(inputs), horizon, where)
    about = {
        "log": tuple(log),
        "season": season,
        "seasons": tuple(seasons) or ((season,) if season else ()),
        "inputs": tuple(inputs),
    }
    n_nearer = len(held.get("near_weights", ()))
    nearer = tuple(
        _path({name: held[name][j] for name in held if name.startswith("near")}, "near", about)
        for j in range(n_nearer)
    )
    about |= {"nearer": nearer, "nearer_share": held.get("near_share")}
    return _path(held, "lag", about)


def _path(arrays: Params, prefix: str, about: dict[str, Any]) -> LinearPath:
    return LinearPath(
        weights=arrays[f"{prefix}_weights"],
        bias=arrays[f"{prefix}_bias"],
        effects=arrays.get(f"{prefix}_effects"),
        input_weights=arrays.get(f"{prefix}_inputs"),
        **about,
    )


def _check_arrays(
    arrays: Params, n_targets: int, n_ahead: int, n_inputs: int, horizon: int, where: str
) -> None:
    """Refuse arrays that are too many or too few, or do not fit (`UntrustedFileError`)."""
    sizes = {"O": n_targets, "K": n_ahead, "I": n_inputs, "N": horizon - 1}
    near = [name for name in arrays if name.startswith("near")]
    required = {"lag_weights", "lag_bias"} | ({"near_weights", "near_bias"} if near else set())
    if n_inputs:
        required |= {"lag_inputs"} | ({"near_inputs"} if near else set())
    if missing := sorted(required - arrays.keys()):
        raise UntrustedFileError(f"{where}: {missing[0]} is missing")
    for name, array in arrays.items():
        for axis, size in zip(AXES[name], array.shape, strict=False):
            sizes.setdefault(axis, size)
        shape = tuple(sizes.get(axis, 0) for axis in AXES[name])
        if array.shape != shape or not array.size or array.dtype != np.float64:
            raise UntrustedFileError(f"{where}: {name} does not fit the targets and features")
        if not np.isfinite(array).all():
            raise UntrustedFileError(f"{where}: {name} has weights that are not finite")


def fits_layout(name: str, dtype: Any, shape: tuple[int, ...], n_targets: int) -> bool:
    """Return whether an array has the type and axes that `AXES` gives to its name."""
    axes = AXES[name]
    fits = dtype == np.float64 and len(shape) == len(axes)
    return bool(fits and shape[axes.index("O")] == n_targets)
