"""Fits the transform of a model on its training rows."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from hiddenstate.data.prepare.encoding import Encoding, encoded_features
from hiddenstate.data.prepare.linear_path import LinearPath
from hiddenstate.data.prepare.statistics import statistics
from hiddenstate.data.prepare.transform import Scaling, Transform
from hiddenstate.data.rows import Rows
from hiddenstate.errors import DataError
from hiddenstate.system.typing import Array

REMAINDER = 1e-4
"""Smallest deviation of what a linear path leaves, as a fraction of that of the targets."""

FILLS = ("mean", "forward", "mask")
"""The values of the option `missing` with which missing values are filled in."""


@np.errstate(over="ignore", divide="ignore", invalid="ignore")
def fitted_transform(
    rows: Rows,
    missing: str,
    scale: str,
    scale_targets: bool,
    change: tuple[int, ...] | None = None,
    columns: tuple[str, ...] | None = None,
    targets: tuple[str, ...] | None = None,
    reading: Mapping[str, Any] | None = None,
    encodings: tuple[Encoding, ...] = (),
    linear: LinearPath | None = None,
    quantiles: tuple[float, ...] = (),
) -> Transform:
    """Fit a :class:`Transform` on training rows.

    Parameters
    ----------
    rows : Rows
    missing, scale : str
        As the options of those names.
    scale_targets : bool
        Whether targets are scaled too if features are.
    change : tuple of int, optional
        As in :class:`Transform`; the targets of a forecast are then scaled as those features are.
    columns, targets, reading, encodings
        Kept as they are; features of encodings are not scaled, and missing ones become 0.
    linear : LinearPath, optional
        As in :class:`Transform`; what it leaves of the targets is scaled.
    quantiles : tuple of float
        As in :class:`Transform`; the targets of `rows` are there once for each.

    Raises
    ------
    DataError
        If values are too large or too close together for a finite scaling.
    """
    pixels = rows.X.dtype == np.uint8
    bare = Transform(
        columns=columns,
        targets=targets,
        reading=reading or {},
        encodings=encodings,
        linear=linear,
        quantiles=quantiles,
        by_window=linear is not None and scale == "window",
    )
    fill = scaling = target_scaling = None
    least: Any = 0.0
    if linear is not None:
        rows, least = _with_remainder(rows, bare)
    if (scale != "none" and not pixels) or missing in FILLS:
        fill, scaling = _features(rows, bare, missing, scale, pixels)
    if change is not None and bare.reading.get("horizon"):
        indices = list(change)
        target_scaling = scaling and (scaling[0][indices], scaling[1][indices])
    elif bare.by_window:
        target_scaling = _window_targets(rows, bare)
    elif scale_targets and (scale != "none" or linear is not None) and rows.y is not None:
        lengths = rows.lengths if rows.y.ndim == 3 else None
        answers = statistics(rows.y, lengths, rows.weights)
        target_scaling = (answers.mean, 1 / np.maximum(answers.deviation, least))
    for pair in (scaling, target_scaling):
        if pair and not (np.isfinite(pair).all() and np.all(pair[1])):
            raise DataError(
                "values are too large or too close together to be scaled; use --scale none"
            )
    return replace(
        bare,
        missing=missing,
        fill=fill,
        scaling=scaling,
        target_scaling=target_scaling,
        change=change,
        pixels=bool(pixels),
    )


def _features(
    rows: Rows, bare: Transform, missing: str, scale: str, pixels: bool
) -> tuple[Array | None, Scaling | None]:
    """Return what replaces missing values of each feature, and the scaling of features."""
    features = statistics(rows.X, rows.lengths, rows.weights)
    encoded = encoded_features(_sources(bare), bare.encodings, len(features.mean))
    fill = np.where(encoded, 0, features.mean) if missing in FILLS else None
    as_read = encoded.copy()
    if bare.by_window:
        as_read[bare.own_features] = True
    low, high = features.low[~as_read], features.high[~as_read]
    in_range = bool((low >= 0).all() and (high <= 1).all())
    if scale == "minmax" and not pixels:
        seen = features.weight > 0
        low, high = np.where(seen, features.low, 0), np.where(seen, features.high, 0)
        offset, factor = low, 1 / np.where(high > low, high - low, 1.0)
    elif scale == "standard" or (scale in ("auto", "window") and not in_range and not pixels):
        offset, factor = features.mean, 1 / features.deviation
    else:
        return fill, None
    return fill, (np.where(as_read, 0, offset), np.where(as_read, 1, factor))


def _window_targets(rows: Rows, bare: Transform) -> Scaling:
    """Return the scaling of what a linear path leaves of the targets of windows, in units of their
    deviation. It is that of a normal distribution with the same mean size: nearly flat windows have
    a few very large targets."""
    y = rows.require_targets()
    known = np.where(bare.window_scale(rows.X, rows.lengths).flat, np.nan, np.abs(y))
    size = statistics(known, None, rows.weights).mean * np.sqrt(np.pi / 2)
    return np.zeros(y.shape[1]), 1 / np.where(size > REMAINDER, size, 1.0)


def _sources(bare: Transform) -> tuple[str, ...] | None:
    """Return the feature of the data that each feature of a net is: those moved in time again."""
    columns = bare.columns
    if columns is None or not bare.reading.get("future"):
        return columns
    return (*columns, *(columns[k] for k in bare.known.ahead))


def _with_remainder(rows: Rows, bare: Transform) -> tuple[Rows, Array]:
    """Return rows as the linear path of an unfitted transform leaves them: with logarithms where it
    takes them, and with what it leaves of the targets; also the least deviation of the latter
    (O,), below which it is rounding."""
    assert bare.linear is not None
    X = bare.apply(rows.X, rows.lengths, np.float64, "training rows", check=False)
    y = rows.require_targets()
    lengths = rows.lengths if y.ndim == 3 else None
    level = statistics(bare.logarithms_of_targets(y, lengths), lengths, rows.weights).deviation
    y = bare.apply_targets(y, X, rows.lengths, np.float64)
    return replace(rows, X=X, y=y), REMAINDER * level
