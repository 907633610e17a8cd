"""Asking a fitted model: new rows in the layout it knows, outputs in words its users know."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data import as_rows
from hiddenstate.errors import DataError
from hiddenstate.models import FittedModel

Array = NDArray[Any]


def lay_out(model: FittedModel, X: Array, where: str) -> Array:
    """Return rows `X` as `model` takes them: (N, T, I), or (N, F) for an autoencoder.

    Flat rows are cut into the model's own steps where their width says so.

    Raises
    ------
    DataError
        If a row has another number of features.
    """
    if X.ndim == 0 or X.size == 0:
        raise DataError(f"{where}: no rows; the shape is {X.shape}")
    features = model.net.n_features
    if model.net.job == "autoencode":
        rows: Array = X.reshape(len(X) if X.ndim > 1 else 1, -1)
        if rows.shape[1] != features:
            raise DataError(f"{where}: rows have {rows.shape[1]} numbers, the model {features}")
        return rows
    steps = model.row_shape[0]
    cut = X.ndim == 2 and features > 1 and X.shape[1] == steps * features
    rows = as_rows(X, steps if cut else None, where)
    if rows.shape[2] != features:
        raise DataError(
            f"{where}: steps have {rows.shape[2]} features, the model was trained on {features}"
        )
    return rows


def signal_rows(model: FittedModel, X: Array, where: str) -> Array:
    """Return a signal (T,) or (T, I), or its windows (N, T, I), as windows in order."""
    if X.ndim == 1:
        X = X[:, None]
    if X.ndim == 2:
        whole = model.stateful and model.net.output == "steps"
        length = len(X) if whole else model.row_shape[0]
        if len(X) < length or not len(X):
            raise DataError(f"{where}: a window has {length} steps, the signal {len(X)}")
        n = len(X) // length
        X = X[: n * length].reshape(n, length, X.shape[1])
    return lay_out(model, X, where)


def class_labels(model: FittedModel, outputs: Array) -> Array:
    """The label of each row's largest output."""
    return np.asarray(np.asarray(model.classes)[outputs.argmax(axis=1)])
