"""Asking a fitted model: new rows in the layout it knows, outputs in words its users know."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data import Rows, as_rows, fractions, in_pieces
from hiddenstate.data.dataset import flat_rows
from hiddenstate.data.store import RowStore
from hiddenstate.engines import Predictor
from hiddenstate.errors import DataError
from hiddenstate.fitted import FittedModel
from hiddenstate.metrics import error_by_row, softmax
from hiddenstate.models import Params

Array = NDArray[Any]


def lay_out(model: FittedModel, rows: Rows, where: str) -> Rows:
    """Rows as their file has them -> as the net of `model` reads them, filled in and scaled.

    Flat rows are cut into the model's own steps where their width says so.

    Raises
    ------
    DataError
        If a row has another number of features, or values are missing.
    """
    X = rows.X
    if X.ndim == 0 or 0 in X.shape:
        raise DataError(f"{where}: no rows; the shape is {X.shape}")
    features = model.n_features
    if model.net.job == "autoencode":
        if rows.lengths is not None:
            raise DataError(f"{where}: an autoencoder takes rows of one length")
        X = X[None] if X.ndim == 1 else X
        X = flat_rows(X) if X.ndim != 2 else X
        if X.shape[1] != features:
            raise DataError(f"{where}: rows have {X.shape[1]} numbers, the model {features}")
    else:
        steps = model.row_shape[0]
        cut = X.ndim == 2 and features > 1 and X.shape[1] == steps * features
        X = as_rows(X, steps if cut else None, where)
        if X.shape[2] != features:
            raise DataError(
                f"{where}: steps have {X.shape[2]} features, the model was trained on {features}"
            )
    return replace(rows, X=model.preparation.apply(X, rows.lengths, model.dtype, where))


@dataclass(frozen=True)
class Prediction:
    """What a model says of new rows, a column a figure.

    Parameters
    ----------
    columns : dict of ndarray
        By name, each with one entry a row: `row` or `series` and `step`, then the figures.
    """

    columns: dict[str, Array]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The entries, row by row, as plain Python values."""
        return zip(*(column.tolist() for column in self.columns.values()), strict=True)


def predict_rows(
    model: FittedModel, predictor: Predictor, rows: Rows, where: str, proba: bool = False
) -> Prediction:
    """Labels of a classifier, with `proba` the chance of each class; codes of an autoencoder and
    each row's error.

    Parameters
    ----------
    rows : Rows
        As :func:`lay_out` takes them.
    """
    return _answer_rows(model, predictor, lay_out(model, rows, where), proba)


def _answer_rows(model: FittedModel, predictor: Predictor, rows: Rows, proba: bool) -> Prediction:
    """What is said of prepared rows that stand each for itself."""
    if model.net.job == "classify":
        outputs = predictor.predict(rows.X, rows.lengths)
        found = _named(rows) | {"label": class_labels(model, outputs)}
        if proba:
            chances = softmax(outputs)
            found |= {f"p_{name}": chances[:, i] for i, name in enumerate(model.classes or [])}
        return Prediction(found)
    codes, errors = [], []
    for _, piece in in_pieces(rows.X):
        codes.append(predictor.encode(piece))
        made = predictor.predict(piece)
        errors.append(error_by_row(made, fractions(piece, made.dtype)))
    together = np.concatenate(codes)
    found = _named(rows)
    found |= {f"code_{i + 1}": together[:, i] for i in range(together.shape[1])}
    return Prediction(found | {"error": np.concatenate(errors)})


def predict_series(
    model: FittedModel, predictor: Predictor, rows: Rows, where: str, state: Params
) -> Prediction:
    """A regressor's outputs in the units of its targets: at every step, or one a window.

    Parameters
    ----------
    rows : Rows
        Series X (N, T, I), or one series (T, I) or (T,).
    state : dict of ndarray
        Where a stateful model begins; zero if empty.
    """
    if isinstance(rows.X, RowStore):
        rows = replace(rows, X=rows.X[:])
    rows = replace(rows, X=_as_series(rows.X))
    rows = lay_out(model, rows, where)
    series, steps, outputs = _answers(model, predictor, rows, where, state)
    outputs = model.preparation.undo_targets(outputs)
    found = {"series": series} if len(rows) > 1 else {}
    if rows.ids is not None:
        found = {"series": rows.ids[series]}
    found["step"] = steps
    return Prediction(found | _by_target(model, outputs))


def predict_own(
    model: FittedModel, predictor: Predictor, rows: Rows, proba: bool, state: Params
) -> Prediction:
    """The same for prepared rows of a run's own: windows stay the windows they are."""
    if model.net.job != "regress":
        return _answer_rows(model, predictor, rows, proba)
    if model.stateful:
        outputs = predictor.follow(rows.X, state)[0]
    else:
        outputs = predictor.predict(rows.X, rows.lengths)
    flat = model.preparation.undo_targets(outputs).reshape(-1, outputs.shape[-1])
    return Prediction({"step": np.arange(len(flat))} | _by_target(model, flat))


def _by_target(model: FittedModel, outputs: Array) -> dict[str, Array]:
    names = model.preparation.targets or tuple(f"y_{i + 1}" for i in range(model.net.n_outputs))
    return {name: outputs[:, i] for i, name in enumerate(names)}


def _as_series(X: Array) -> Array:
    X = X[:, None] if X.ndim == 1 else X
    return X[None] if X.ndim == 2 else X


def _answers(
    model: FittedModel, predictor: Predictor, rows: Rows, where: str, state: Params
) -> tuple[Array, Array, Array]:
    """The series (n,), the step (n,) and the outputs (n, O) of every answer."""
    N, T = rows.X.shape[:2]
    lengths = np.full(N, T) if rows.lengths is None else rows.lengths
    every = model.net.output == "steps"
    if not window_of(model):
        outputs = predictor.predict(rows.X, rows.lengths)
        if not every:
            return np.arange(N), lengths - 1, outputs
        read = np.arange(T) < lengths[:, None]
        series, steps = np.nonzero(read)
        return series, steps, outputs[read]
    parts = [
        _follow(model, predictor, X[:n], where, state) for X, n in zip(rows.X, lengths, strict=True)
    ]
    counts = [len(steps) for steps, _ in parts]
    return (
        np.repeat(np.arange(N), counts),
        np.concatenate([steps for steps, _ in parts]),
        np.concatenate([outputs for _, outputs in parts]),
    )


def window_of(model: FittedModel) -> int:
    """Steps of the windows a regressor reads a series in; 0 where it reads them whole."""
    reading = model.preparation.reading
    return int(reading["window"]) if "window" in reading else model.row_shape[0]


def _follow(
    model: FittedModel, predictor: Predictor, X: Array, where: str, state: Params
) -> tuple[Array, Array]:
    """The steps (n,) and outputs (n, O) of one series (T, I), window by window.

    Where no state is carried and every step has an answer, the last window is moved back to
    end with the series, so that no step is left without.
    """
    T, W, every = len(X), window_of(model), model.net.output == "steps"
    if model.stateful and every:
        outputs = predictor.follow(X[None], state)[0]
        return np.arange(T), outputs[0]
    if T < W:
        raise DataError(f"{where}: a window has {W} steps, the signal {T}")
    stride = W if every or model.stateful else model.preparation.reading.get("stride") or W
    starts = np.arange(0, T - W + 1, stride)
    if every and starts[-1] + W < T:
        starts = np.append(starts, T - W)
    windows = X[starts[:, None] + np.arange(W)]
    if model.stateful:
        return starts + W - 1, predictor.follow(windows, state)[0]
    outputs = predictor.predict(windows)
    if not every:
        return starts + W - 1, outputs
    placed = np.empty((T, outputs.shape[-1]), outputs.dtype)
    for start, part in zip(starts[::-1], outputs[::-1], strict=True):
        placed[start : start + W] = part
    return np.arange(T), placed


def _named(rows: Rows) -> dict[str, Array]:
    """The first column of an answer: what each row is called, or its number."""
    return {"row": np.arange(len(rows))} if rows.ids is None else {"series": rows.ids}


def class_labels(model: FittedModel, outputs: Array) -> Array:
    """The label of each row's largest output."""
    return np.asarray(np.asarray(model.classes)[outputs.argmax(axis=1)])
