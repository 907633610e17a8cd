"""Asking a fitted model: new rows in the layout it knows, outputs in words its users know."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data import Rows, as_rows, fractions, in_pieces
from hiddenstate.data.dataset import flat_rows
from hiddenstate.engines import Predictor
from hiddenstate.errors import DataError
from hiddenstate.metrics.scores import error_by_row, softmax
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Params

Array = NDArray[Any]


AT_ONCE = 4096
"""Windows of a series that are asked for in one call."""


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
        Series X (N, T, I), flat (N, F) where such were learnt from, or one series (T, I) or (T,).
    state : dict of ndarray
        Where a stateful model begins; zero if empty.
    """
    X = rows.X[:]
    X = X[:, None] if X.ndim == 1 else X
    one = X.ndim == 2 and not _series_each(model, X)
    rows = lay_out(model, replace(rows, X=X[None] if one else X), where)
    series, steps, outputs = answers(model, predictor, rows, where, state)
    found = {"series": series} if len(rows) > 1 else {}
    if rows.ids is not None:
        found = {"series": rows.ids[series]}
    return Prediction(found | {"step": steps} | _by_target(model, outputs))


def _series_each(model: FittedModel, X: Array) -> bool:
    """Whether rows (N, F) are a series each, as those learnt from were, not one series' steps."""
    if model.preparation.reading.get("layout") == "wide":
        return True
    whole = model.net.output == "last" and window_of(model) == 0
    return whole and X.shape[1] != model.n_features


def predict_own(
    model: FittedModel, predictor: Predictor, rows: Rows, proba: bool, state: Params
) -> Prediction:
    """The same for prepared rows of a run's own: windows stay the windows they are."""
    if model.net.job != "regress":
        return _answer_rows(model, predictor, rows, proba)
    if not model.stateful:
        rows = _long_enough(model, rows)
        series, steps, outputs = answers(model, predictor, rows, "test rows", state)
        found = {"series": series} if len(rows) > 1 else {}
        return Prediction(found | {"step": steps} | _by_target(model, outputs))
    outputs = model.preparation.undo_targets(predictor.follow(rows.X, state)[0], rows.X)
    flat = outputs.reshape(-1, outputs.shape[-1])
    every = 1 if model.net.output == "steps" else rows.X.shape[1]
    steps = np.arange(1, len(flat) + 1) * every - 1
    return Prediction({"step": steps} | _by_target(model, flat))


def _by_target(model: FittedModel, outputs: Array) -> dict[str, Array]:
    names = model.preparation.targets or tuple(f"y_{i + 1}" for i in range(model.net.n_outputs))
    taken = ("series", "step")
    return {f"y_{n}" if n in taken else n: outputs[:, i] for i, n in enumerate(names)}


def answers(
    model: FittedModel, predictor: Predictor, rows: Rows, where: str, state: Params
) -> tuple[Array, Array, Array]:
    """All a regressor has to say of prepared series X (N, T, I).

    Where it learnt from windows and carries no state, the answer of a step is that of the window
    that ends there; the steps of a series' first window have what came before them.

    Returns
    -------
    series, steps : ndarray (n,)
        Which series and which of its steps each answer is of.
    outputs : ndarray (n, O)
        In the units of the targets.

    Raises
    ------
    DataError
        If a series is shorter than a window.
    """
    N, T = rows.X.shape[:2]
    lengths = np.full(N, T) if rows.lengths is None else rows.lengths
    every, prep = model.net.output == "steps", model.preparation
    if not window_of(model):
        outputs = prep.undo_targets(predictor.predict(rows.X, rows.lengths), rows.X, rows.lengths)
        if not every:
            return np.arange(N), lengths - 1, outputs
        read = np.arange(T) < lengths[:, None]
        series, steps = np.nonzero(read)
        return series, steps, outputs[read]
    parts = [_follow(model, predictor, rows.X[i, :n], where, state) for i, n in enumerate(lengths)]
    counts = [len(steps) for steps, _ in parts]
    return (
        np.repeat(np.arange(N), counts),
        np.concatenate([steps for steps, _ in parts]),
        np.concatenate([outputs for _, outputs in parts]),
    )


def answered(
    model: FittedModel, predictor: Predictor, rows: Rows, state: Params
) -> tuple[Array, Array, Array | None]:
    """A regressor's answers beside the truth, for prepared rows with targets in their own units.

    Steps whose target is missing, or whose window has missing values, are left out, as are series
    shorter than a window.

    Returns
    -------
    outputs, target : ndarray (n, O)
    now : ndarray (n, O) or None
        The targets' last known values, where they are forecast from themselves.

    Raises
    ------
    DataError
        If nothing is left.
    """
    prep, y = model.preparation, rows.y
    assert y is not None
    if model.stateful:
        outputs = prep.undo_targets(predictor.follow(rows.X, state)[0], rows.X)
        n = outputs.shape[-1]
        outputs, target = outputs.reshape(-1, n), y.reshape(-1, n)
        series, steps = np.divmod(np.arange(len(target)), y.shape[1] if y.ndim == 3 else 1)
        steps = steps if y.ndim == 3 else np.full(len(target), rows.X.shape[1] - 1)
    else:
        rows = _long_enough(model, rows)
        y = rows.y
        assert y is not None
        series, steps, outputs = answers(model, predictor, rows, "test rows", state)
        target = y[series, steps] if y.ndim == 3 else y[series]
    now = prep.known_targets(rows.X) if prep.reading.get("horizon") else None
    now = None if now is None else now[series, steps]
    kept = np.isfinite(target).all(axis=1) & np.isfinite(outputs).all(axis=1)
    if not kept.any():
        raise DataError("test rows: no step has both an answer and a known target")
    return outputs[kept], target[kept], None if now is None else now[kept]


def _long_enough(model: FittedModel, rows: Rows) -> Rows:
    """The series that have a window to answer from (`DataError` if none has)."""
    if rows.lengths is None or rows.lengths.min() >= window_of(model):
        return rows
    kept = np.flatnonzero(rows.lengths >= window_of(model))
    if not kept.size:
        raise DataError(f"test rows: no series is as long as a window of {window_of(model)} steps")
    return rows.take(kept)


def window_of(model: FittedModel) -> int:
    """Steps of the windows a regressor reads a series in; 0 where it reads them whole."""
    reading = model.preparation.reading
    return int(reading["window"]) if "window" in reading else model.row_shape[0]


def _follow(
    model: FittedModel, predictor: Predictor, X: Array, where: str, state: Params
) -> tuple[Array, Array]:
    """The steps (n,) and answers (n, O) of one series (T, I), window by window."""
    T, W, prep = len(X), window_of(model), model.preparation
    every = model.net.output == "steps"
    if model.stateful and every:
        return np.arange(T), prep.undo_targets(predictor.follow(X[None], state)[0], X[None])[0]
    if T < W:
        raise DataError(f"{where}: a window has {W} steps, the signal {T}")
    if model.stateful:
        windows = X[: T // W * W].reshape(-1, W, X.shape[1])
        outputs = prep.undo_targets(predictor.follow(windows, state)[0], windows)
        return np.arange(W - 1, T // W * W, W), outputs
    parts = []
    ends = np.arange(W, T + 1)
    for first in range(0, len(ends), AT_ONCE):
        windows = X[ends[first : first + AT_ONCE, None] + np.arange(-W, 0)]
        outputs = prep.undo_targets(predictor.predict(windows), windows)
        if every:
            parts += [outputs[0, :-1]] if first == 0 else []
            outputs = outputs[:, -1]
        parts.append(outputs)
    return np.arange(0 if every else W - 1, T), np.concatenate(parts)


def _named(rows: Rows) -> dict[str, Array]:
    """The first column of an answer: what each row is called, or its number."""
    return {"row": np.arange(len(rows))} if rows.ids is None else {"series": rows.ids}


def class_labels(model: FittedModel, outputs: Array) -> Array:
    """The label of each row's largest output."""
    return np.asarray(np.asarray(model.classes)[outputs.argmax(axis=1)])
