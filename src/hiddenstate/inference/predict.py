"""Predictions of a fitted model: labels, targets in their own units, codes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hiddenstate.data import Rows, SequenceDataset, fractions, in_pieces
from hiddenstate.data.dataset import label_array
from hiddenstate.data.origin import Table, whole
from hiddenstate.data.rows import Computed, at_steps, kept_of, known_steps
from hiddenstate.engines import Predictor
from hiddenstate.engines.signals import Carried, begin_from_zero, follow_signals
from hiddenstate.errors import DataError, count, listed, printable
from hiddenstate.inference.inputs import (
    prepare_inputs,
    read_ahead,
    run_test_data,
    state_after_training,
    values_now,
    windows_per_call,
)
from hiddenstate.inference.target_times import target_times, time_remarks
from hiddenstate.metrics.scores import error_by_row
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Params
from hiddenstate.program.equations import softmax
from hiddenstate.runs import Run
from hiddenstate.system.typing import Array

RESERVED = ("row", "series", "step", "time", "target_time", "part")
"""Columns of a prediction that a target of the same name does not replace."""


@dataclass(frozen=True)
class Prediction:
    """A table of predictions.

    Parameters
    ----------
    columns : dict of ndarray
        Columns of equal length, by name. The first say what was predicted: `row`, `series`, `step`,
        `time`, `target_time` and `part`, those that apply; then come the predictions.
    remarks : tuple of str
        What has no prediction, and why, one line each.
    """

    columns: dict[str, Array]
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Iterate over the rows as tuples of plain Python values."""
        return zip(*(column.tolist() for column in self.columns.values()), strict=True)


def predict_run(
    model: FittedModel, predictor: Predictor, run: Run | None, proba: bool = False
) -> Prediction:
    """Predict the test rows of a run; a stateful model starts from its state after training.

    Errors as in :func:`hiddenstate.inference.inputs.run_test_data`.
    """
    dataset = run_test_data(run)
    state = state_after_training(predictor, model, run)
    prediction = predict_test_rows(model, predictor, dataset.require_test(), proba, state)
    left_out = tuple(each for each in dataset.remarks if getattr(each, "part", "") == "test")
    return replace(prediction, remarks=(*left_out, *prediction.remarks))


def predict_data(
    model: FittedModel,
    predictor: Predictor,
    dataset: SequenceDataset,
    proba: bool = False,
) -> Prediction:
    """Predict rows that were read; a stateful model starts from the zero state.

    Parameters
    ----------
    model : FittedModel
    predictor : Predictor
        The same model, ready to compute.
    dataset : SequenceDataset
        As :func:`~hiddenstate.inference.inputs.read_new_data` returns it.
    proba : bool, default=False
        Add the probability of each class (classifiers).

    Raises
    ------
    DataError
        If the data do not fit the model.
    """
    rows, where = dataset.train, printable(dataset.name)
    if model.net.kind.has_targets:
        prediction = predict_series(model, predictor, rows, where, {})
    else:
        prediction = predict_rows(model, predictor, rows, where, proba)
    return replace(prediction, remarks=(*dataset.remarks, *prediction.remarks))


def predict_rows(
    model: FittedModel, predictor: Predictor, rows: Rows, where: str, proba: bool = False
) -> Prediction:
    """Predict with a classifier or an autoencoder.

    Parameters
    ----------
    model : FittedModel
    predictor : Predictor
        The same model, ready to compute.
    rows : Rows
        As read; see :func:`prepare_inputs`.
    where : str
        Names the data in errors.
    proba : bool, default=False
        Add the probability of each class (classifiers).

    Returns
    -------
    Prediction
        A classifier's `label` and `p_<class>`, or an autoencoder's `code_1` to `code_Z` and the
        mean squared `error` of each row.
    """
    return _predict_prepared(model, predictor, prepare_inputs(model, rows, where), proba)


def _predict_prepared(
    model: FittedModel, predictor: Predictor, rows: Rows, proba: bool
) -> Prediction:
    """Predict prepared rows that are independent of one another."""
    if model.net.kind.has_classes:
        outputs = predictor.predict(rows.X, rows.lengths)
        columns = {"label": class_labels(model, outputs)}
        if proba:
            columns |= probability_columns(model, softmax(outputs))
        return Prediction(_row_columns(rows) | columns)
    codes, errors = [], []
    for _, piece in in_pieces(rows.X):
        codes.append(predictor.encode(piece))
        reconstructed = predictor.predict(piece)
        errors.append(error_by_row(reconstructed, fractions(piece, reconstructed.dtype)))
    code = np.concatenate(codes)
    columns = _row_columns(rows) | {f"code_{i + 1}": code[:, i] for i in range(code.shape[1])}
    return Prediction(columns | {"error": np.concatenate(errors)})


def predict_series(
    model: FittedModel, predictor: Predictor, rows: Rows, where: str, state: Params
) -> Prediction:
    """Predict with a regressor, at every step or once per window.

    Parameters
    ----------
    model : FittedModel
    predictor : Predictor
        The same model, ready to compute.
    rows : Rows
        As read: series X (N, T, I), flat (N, F) if the model was trained on flat rows, or one
        series (T, I) or (T,).
    where : str
        Names the data in errors.
    state : dict of ndarray
        Initial state of a stateful model; empty for zero.

    Returns
    -------
    Prediction
        The columns that name each step, and a column per target in its own units.
    """
    X = rows.X[:]
    X = X[:, None] if X.ndim == 1 else X
    is_one_series = X.ndim == 2 and not _are_flat_series(model, X)
    rows = Rows(X[None]) if is_one_series else replace(rows, X=X)
    rows, ahead = read_ahead(model, rows, where)
    rows = prepare_inputs(model, rows, where)
    rows, remarks = _long_enough(model, rows, where)
    remarks = (*ahead, *remarks)
    series, steps, outputs = predict_steps(model, predictor, rows, where, state)
    names = _step_columns(model, rows, series, steps)
    remarks += _unanswered(model, rows, len(steps), where)
    if "target_time" in names and rows.origin is not None and rows.origin.table is not None:
        uncertain = time_remarks(rows.origin.table, names["target_time"])
        remarks += tuple(f"{where}: {remark}" for remark in uncertain)
    return Prediction(names | target_columns(model, outputs), remarks)


def _long_enough(model: FittedModel, rows: Rows, where: str) -> tuple[Rows, tuple[str, ...]]:
    """Leave out series shorter than a window if others are not, and say which they are."""
    window, lengths = model.window, rows.lengths
    if lengths is None or not lengths.min() < window <= lengths.max():
        return rows, ()
    if model.stateful and model.net.output == "steps":
        return rows, ()
    short = np.flatnonzero(lengths < window)
    names = short if rows.ids is None else rows.ids[short]
    remark = (
        f"{where}: {len(short):,} of {len(rows):,} series are shorter than a window of {window} "
        f"steps, and have no prediction: {listed(map(str, names.tolist()), each=40)}"
    )
    rows = replace(rows, origin=rows.origin or whole(len(rows)))  # series keep their numbers
    return rows.take(np.flatnonzero(lengths >= window)), (remark,)


def _are_flat_series(model: FittedModel, X: Array) -> bool:
    """Whether rows (N, F) are N flat series, as in training, rather than N steps of one series."""
    if model.transform.reading.get("layout") in ("wide", "features"):
        return True
    whole = model.net.output == "last" and model.window == 0
    return whole and X.shape[1] != model.n_features


def predict_test_rows(
    model: FittedModel, predictor: Predictor, rows: Rows, proba: bool, state: Carried
) -> Prediction:
    """Predict prepared rows of a run, in its own windows.

    Parameters and result are those of :func:`predict_rows` and :func:`predict_series`.
    """
    if not model.net.kind.has_targets:
        return _predict_prepared(model, predictor, rows, proba)
    if not model.stateful:
        rows = _drop_short_series(model, rows)
        series, steps, outputs = predict_steps(model, predictor, rows, "test rows", {})
    else:
        outputs = follow_signals(predictor, model.net, rows, state)[0]
        outputs = model.transform.undo_targets(outputs, rows.X)
        outputs = outputs.reshape(-1, outputs.shape[-1])
        series, steps = steps_of_windows(rows, len(outputs))
    names = _step_columns(model, rows, series, steps) | {"part": _parts(rows, series, steps)}
    targets = target_columns(model, outputs)
    return Prediction(names | targets, _unscored(model, rows, series, steps, outputs))


def steps_of_windows(rows: Rows, n_outputs: int) -> tuple[Array, Array]:
    """The row and the step (n,) of each output of windows (N, T, I): at every step, or the last."""
    N, T = rows.X.shape[:2]
    series, steps = np.divmod(np.arange(N * T), T)
    last = slice(T - 1, None, T) if n_outputs == N else slice(None)
    return series[last], steps[last]


def probability_columns(model: FittedModel, p: Array) -> dict[str, Array]:
    """Return probabilities (n, C) as one column per class."""
    return {f"p_{name}": p[:, i] for i, name in enumerate(model.require_classes())}


def target_columns(model: FittedModel, outputs: Array) -> dict[str, Array]:
    """Outputs (n, O) as a column for each target, or for each of its quantiles; a target named as a
    column of ours gets a `y_`."""
    names = model.transform.answer_names(model.net.n_outputs)
    return {f"y_{n}" if n in RESERVED else n: outputs[:, i] for i, n in enumerate(names)}


def predict_steps(
    model: FittedModel, predictor: Predictor, rows: Rows, where: str, state: Params
) -> tuple[Array, Array, Array]:
    """Every output of a regressor for prepared series X (N, T, I).

    If the model was trained on windows and carries no state, the output of a step is that of the
    window that ends there; a step in the first window of a series has only the steps before it.

    Returns
    -------
    series, steps : ndarray (n,)
        Index of the series and of the step that each output belongs to.
    outputs : ndarray (n, O)
        In the units of the targets.

    Raises
    ------
    DataError
        If a series is shorter than a window.
    """
    N, T = rows.X.shape[:2]
    lengths = rows.ends
    every, prep = model.net.output == "steps", model.transform
    if not model.window:
        outputs = prep.undo_targets(predictor.predict(rows.X, rows.lengths), rows.X, rows.lengths)
        if not every:
            return np.arange(N), lengths - 1, outputs
        read = np.arange(T) < lengths[:, None]
        series, steps = np.nonzero(read)
        return series, steps, outputs[read]
    parts = [
        _predict_one_series(model, predictor, rows.X[i, :n], where, state)
        for i, n in enumerate(lengths)
    ]
    counts = [len(steps) for steps, _ in parts]
    each = zip(*parts, strict=True)
    steps, outputs = (one[0] if N == 1 else np.concatenate(one) for one in each)
    return np.repeat(np.arange(N), counts), steps, outputs


@dataclass(frozen=True)
class Answers:
    """Outputs of a regressor beside the targets they are compared with, n of them.

    Parameters
    ----------
    rows : Rows
        The rows that were predicted.
    row, step : ndarray (n,)
        Index of the row and of its step that each output belongs to.
    outputs, target : ndarray (n, O)
        In the units of the targets.
    now : ndarray (n, O), Computed or None
        Last known values of the targets, if a target is forecast from its own past; computed when
        they are read, unless they are some of several quantiles.
    washed_out : int, default 0
        Steps after a state of zero that are left out, as they were in no training loss.
    """

    rows: Rows
    row: Array
    step: Array
    outputs: Array
    target: Array
    now: Array | Computed | None
    washed_out: int = 0


def predictions_and_targets(
    model: FittedModel, predictor: Predictor, rows: Rows, state: Carried
) -> Answers:
    """Outputs of a regressor and the targets they are compared with.

    Leaves out steps whose target is missing or whose window has missing values, series shorter
    than a window, and the first steps after a state of zero that were in no training loss.

    Parameters
    ----------
    rows : Rows
        Prepared, with y in its own units.
    state : mapping of int to dict of ndarray
        Initial state of a stateful model for each signal, by its number; zero of others.

    Raises
    ------
    DataError
        If no step is left.
    """
    prep, y = model.transform, rows.require_targets()
    if model.stateful:
        outputs = follow_signals(predictor, model.net, rows, state)[0]
        outputs = prep.undo_targets(outputs, rows.X)
        outputs, target = outputs.reshape(-1, outputs.shape[-1]), y.reshape(-1, y.shape[-1])
        row, step = steps_of_windows(rows, len(target))
    else:
        rows = _drop_short_series(model, rows)
        y = rows.require_targets()
        row, step, outputs = predict_steps(model, predictor, rows, "test rows", {})
        target = at_steps(y, row, step) if y.ndim == 3 else y[row]
    kept = known_steps(target[None])[0] & known_steps(outputs[None])[0]
    anew = begin_from_zero(rows, state)[row] if model.stateful else True
    washed_out = (step < model.washout) & anew & kept
    kept &= ~washed_out
    if not kept.any():
        raise DataError("test rows: no step has both a prediction and a target")
    row, step, outputs, target = (kept_of(each, kept) for each in (row, step, outputs, target))
    now = values_now(prep, rows, row, step) if prep.reading.get("horizon") else None
    return Answers(rows, row, step, outputs, target, now, int(washed_out.sum()))


def _drop_short_series(model: FittedModel, rows: Rows) -> Rows:
    """The series that are at least one window long (`DataError` if there are none)."""
    if rows.lengths is None or rows.lengths.min() >= model.window:
        return rows
    kept = np.flatnonzero(rows.lengths >= model.window)
    if not kept.size:
        raise DataError(f"test rows: every series is shorter than a window of {model.window} steps")
    return rows.take(kept)


def _predict_one_series(
    model: FittedModel, predictor: Predictor, X: Array, where: str, state: Params
) -> tuple[Array, Array]:
    """The steps (n,) and outputs (n, O) of one series (T, I), window by window."""
    T, W, prep = len(X), model.window, model.transform
    every = model.net.output == "steps"
    if model.stateful and every:
        return np.arange(T), prep.undo_targets(predictor.follow(X[None], state)[0], X[None])[0]
    if T < W:
        raise DataError(f"{where}: the signal has {T} steps, fewer than a window of {W}")
    if model.stateful:
        windows = X[: T // W * W].reshape(-1, W, X.shape[1])
        outputs = prep.undo_targets(predictor.follow(windows, state)[0], windows)
        return np.arange(W - 1, T // W * W, W), outputs
    ends = np.arange(W, T + 1)
    lead = W - 1 if every else 0  # the steps before the end of the first window
    made, at_once = np.empty(0), windows_per_call(X, W)
    for first in range(0, len(ends), at_once):
        windows = X[ends[first : first + at_once, None] + np.arange(-W, 0)]
        outputs = prep.undo_targets(predictor.predict(windows), windows)
        if not first:
            made = np.empty((lead + len(ends), outputs.shape[-1]), outputs.dtype)
            made[:lead] = outputs[0, :-1] if every else made[:0]
        made[lead + first :][: len(outputs)] = outputs[:, -1] if every else outputs
    return np.arange(W - 1 - lead, T), made


def _row_columns(rows: Rows) -> dict[str, Array]:
    """The columns that name each row: its number or its id in the data as read, and its time."""
    origin = rows.origin or whole(len(rows))
    table = origin.table or Table()
    columns = {}
    if table.order is None:
        columns["row"] = origin.series
    if rows.ids is not None:
        columns["series"] = rows.ids
    elif table.order is not None:
        columns["series"] = origin.series
    if table.starts is None and table.times is not None:
        columns["time"] = table.times[origin.series]
    return columns


def _step_columns(model: FittedModel, rows: Rows, series: Array, steps: Array) -> dict[str, Array]:
    """The columns that name steps (n,) of `series`: the place of each in the data as read."""
    origin = rows.origin or whole(len(rows))
    numbers, steps = origin.series[series], origin.first[series] + steps
    columns, table = {}, origin.table
    is_wide = table is not None and table.starts is None
    if rows.ids is not None:
        columns["series"] = rows.ids[series]
    elif origin.n_series > 1 and not is_wide:
        columns["series"] = numbers
    if table is not None:
        own = table.file_rows(numbers, steps)
        if own is not None and (is_wide or rows.ids is None):
            columns = {"row": own} | columns
    columns["step"] = steps
    if table is not None and (times := table.times_of(numbers, steps)) is not None:
        columns["time"] = times
        horizon = model.transform.reading.get("horizon")
        if horizon and not is_wide:
            columns["target_time"] = target_times(table, numbers, steps, horizon)
    return columns


def _unanswered(model: FittedModel, rows: Rows, n: int, where: str) -> tuple[str, ...]:
    """Say which steps of new series have none of the `n` predictions."""
    total = len(rows) * rows.X.shape[1] if rows.lengths is None else int(rows.lengths.sum())
    window = model.window
    if n == total or not window:  # or one prediction for a whole series
        return ()
    if model.stateful:
        why = f"only the last step of each window of {window} steps has a prediction"
    else:
        first = "step completes" if window == 2 else f"{window - 1} steps complete"
        of = "each series" if len(rows) > 1 else "the series"
        why = f"the first {first} no window of {window} steps in {of}, and have no prediction"
    return (f"{where}: {n:,} predictions for {total:,} steps: {why}",)


def _unscored(
    model: FittedModel, rows: Rows, series: Array, steps: Array, outputs: Array
) -> tuple[str, ...]:
    """Say which predictions of a run's own test rows are not scored, and what is not predicted."""
    remarks, horizon, y = [], model.transform.reading.get("horizon"), rows.require_targets()
    if horizon:
        of = " of each series" if rows.origin is not None and rows.origin.n_series > 1 else ""
        last = f"last {horizon} steps{of} have" if horizon > 1 else f"last step{of} has"
        remarks.append(
            f"test rows: the {last} no target in the data; to forecast from there, name DATA"
        )
    made = np.isfinite(outputs).all(axis=1)
    if n := int((~made).sum()):
        are, their = ("is", "its window has") if n == 1 else ("are", "their windows have")
        remarks.append(f"test rows: {count(n, 'prediction')} {are} nan: {their} missing values")
    if model.stateful:
        target = y.reshape(outputs.shape)
    else:
        target = y[series, steps] if y.ndim == 3 else y[series]
    held = made & (_parts(rows, series, steps) == "test")
    if n := int((held & ~np.isfinite(target).all(axis=1)).sum()):
        have, are = ("has", "is") if n == 1 else ("have", "are")
        remarks.append(
            f"test rows: {count(n, 'prediction')} {have} no target, and {are} not scored"
        )
    return tuple(remarks)


def _parts(rows: Rows, series: Array, steps: Array) -> Array:
    """Whether each step is held out, "test", or "context" that leads in to those that are."""
    if rows.origin is None:
        return np.full(len(steps), "test")
    return np.where(steps < rows.origin.context[series], "context", "test")


def class_labels(model: FittedModel, outputs: Array) -> Array:
    """The label (N,) of the largest of each row's outputs (N, C)."""
    return np.asarray(label_array(model.require_classes())[outputs.argmax(axis=1)])
