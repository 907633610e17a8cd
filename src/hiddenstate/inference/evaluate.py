"""Measuring a fitted model on its run's test rows, or on other rows with known answers.

Every figure comes with an honest baseline: what one would reach without a net.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data import Rows, SequenceDataset, read_like
from hiddenstate.data.prepare.pipeline import as_pixels, class_numbers
from hiddenstate.data.prepare.windows import cut_windows
from hiddenstate.data.readers.open import check_columns
from hiddenstate.engines import Predictor
from hiddenstate.errors import DataError, OptionError, printable
from hiddenstate.inference.predict import answered, lay_out, window_of
from hiddenstate.metrics import baselines, scores
from hiddenstate.models.fitted import FittedModel, load_model
from hiddenstate.models.net import Params
from hiddenstate.models.weight_file import refuse_code
from hiddenstate.runs import Run, find_run
from hiddenstate.runs.run_data import run_dataset, unchanged_dataset

Array = NDArray[Any]


def open_model(name: str, runs_dir: Path) -> tuple[FittedModel, Run | None]:
    """The model of a run, or of a model file, and the run where there is one."""
    path = Path(name)
    try:
        is_file = path.is_file()
    except OSError as error:
        raise DataError(f"{printable(path)}: cannot be read: {error.strerror}") from None
    if is_file:
        refuse_code(path)
        return load_model(path)[0], None
    run = find_run(name, runs_dir)
    return run.model(), run


def own_data(run: Run | None) -> SequenceDataset:
    """The data of a run, prepared, with the test rows it was measured on.

    Raises
    ------
    OptionError
        If there is no run to take them from, or it held none out.
    """
    if run is None:
        raise OptionError("a model file has no test rows of its own; name some data after it")
    dataset = unchanged_dataset(run)
    if dataset.test is None or not len(dataset.test):
        raise OptionError("the run held no test rows out; name data with answers after it")
    return dataset


def new_rows(
    model: FittedModel, name: str, changes: Mapping[str, Any], answered: bool
) -> SequenceDataset:
    """Read rows for `model` as its training file was read, its columns checked.

    Raises
    ------
    DataError
        For a file that cannot be read, or with other columns.
    """
    reading = model.preparation.reading
    dataset = read_like(name, model.net.job, reading, changes, answered)
    check_columns(model.preparation.columns, dataset.columns, dataset.name)
    X, pixels = dataset.X, model.preparation.pixels
    if dataset.columns is not None and pixels != (X.dtype == np.uint8):
        # Whether whole numbers of a table are pixels was settled by the training file.
        dataset = replace(dataset, train=replace(dataset.train, X=as_pixels(X, pixels)))
    return dataset


def answered_rows(model: FittedModel, dataset: SequenceDataset) -> Rows:
    """Rows as read, made ready to measure on: laid out, with class numbers or in windows.

    Raises
    ------
    DataError
        If answers are missing or of another kind.
    """
    rows, where, job = dataset.train, printable(dataset.name), model.net.job
    if job == "autoencode":
        return lay_out(model, rows, where)
    if rows.y is None:
        raise DataError(f"{where}: no answers to compare with; name data with labels or targets")
    if job == "classify":
        if rows.y.ndim != 1:
            raise DataError(f"{where}: y is {rows.y.shape}, expected one label a row")
        numbers = class_numbers(rows.y, model.classes, where)
        return replace(lay_out(model, rows, where), y=numbers)
    if rows.y.ndim == 3:
        rows = cut_windows(
            rows,
            window_of(model) if model.stateful else 0,
            None,
            model.preparation.reading.get("horizon"),
            model.net.output if model.stateful else "steps",
            where,
        )
    y = rows.y
    assert y is not None
    if y.shape[-1] != model.net.n_outputs:
        raise DataError(
            f"{where}: y has {y.shape[-1]} targets, the model gives {model.net.n_outputs}"
        )
    return lay_out(model, rows, where)


def state_before(predictor: Predictor, model: FittedModel, run: Run | None) -> Params:
    """The state a stateful model has after its training windows: the test ones follow them."""
    if not model.stateful or run is None:
        return {}
    return predictor.follow(run_dataset(run).X, {})[1]


def measure_own(model: FittedModel, predictor: Predictor, run: Run | None) -> dict[str, Any]:
    """Figures of a run's model on its own test rows; see :func:`measure`."""
    dataset = own_data(run)
    test, train = dataset.test, dataset.train
    assert test is not None
    state: Params = {}
    if model.stateful:
        state = predictor.follow(train.X, {})[1]
    if model.net.job == "regress":
        test, train = (_in_units(model, rows) for rows in (test, train))
    return measure(model, predictor, test, train, state)


def _in_units(model: FittedModel, rows: Rows) -> Rows:
    """Prepared rows with their targets in their own units."""
    assert rows.y is not None
    y = model.preparation.undo_targets(rows.y, rows.X, rows.lengths)
    return replace(rows, y=y)


def measure_new(
    model: FittedModel, predictor: Predictor, data: str, reading: Mapping[str, Any], run: Run | None
) -> dict[str, Any]:
    """Figures of a model on the rows of a file; see :func:`measure`.

    The baselines learn from the training rows where those can be read again.
    """
    rows = answered_rows(
        model, new_rows(model, data, reading, answered=model.net.job != "autoencode")
    )
    train = None
    if run is not None and run.data_fact("source") != "arrays":
        train = run_dataset(run).train
        if model.net.job == "regress":
            train = _in_units(model, train)
    return measure(model, predictor, rows, train)


def measure(
    model: FittedModel,
    predictor: Predictor,
    rows: Rows,
    train: Rows | None = None,
    state: Params | None = None,
) -> dict[str, Any]:
    """Figures of `model` on `rows`, and of the baselines that ask for no net.

    Parameters
    ----------
    model : FittedModel
    predictor : Predictor
        The model, ready to be asked.
    rows : Rows
        Prepared (:func:`answered_rows`): class numbers, or targets in their own units.
    train : Rows, optional
        The training rows likewise, for baselines that learn from them.
    state : dict of ndarray, optional
        Where a stateful model begins; zero if left out.
    """
    kinds = {"classify": _classifier, "regress": _regressor, "autoencode": _autoencoder}
    return kinds[model.net.job](model, predictor, rows, train, state or {})


def _classifier(
    model: FittedModel, predictor: Predictor, rows: Rows, train: Rows | None, state: Params
) -> dict[str, Any]:
    assert rows.y is not None
    assert model.classes is not None
    n = len(model.classes)
    outputs = predictor.predict(rows.X, rows.lengths)
    matrix = scores.confusion(rows.y, outputs.argmax(axis=1), n)
    known = rows.y if train is None or train.y is None else train.y
    f1 = scores.f1_by_class(matrix)
    return {
        "rows": len(rows),
        "accuracy": scores.accuracy(outputs, rows.y),
        "balanced_accuracy": scores.balanced_accuracy(matrix),
        "f1": float(f1[matrix.sum(axis=1) > 0].mean()),
        "log_loss": scores.cross_entropy(outputs, rows.y),
        "baseline": "always the most frequent class",
        "baseline_accuracy": baselines.majority(known, rows.y, n),
        "f1_by_class": {str(name): float(f) for name, f in zip(model.classes, f1, strict=True)},
        "confusion": matrix.tolist(),
    }


def _regressor(
    model: FittedModel, predictor: Predictor, rows: Rows, train: Rows | None, state: Params
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    outputs, target, known = answered(model, predictor, rows, state)
    mse = scores.mean_squared_error(outputs, target)
    if model.stateful:
        reset = model.preparation.undo_targets(predictor.predict(rows.X), rows.X)
        found["reset_mse"] = scores.mean_squared_error(reset.reshape(target.shape), target)
    if known is not None:
        name, baseline = "the last value", scores.mean_squared_error(known, target)
    elif train is not None and train.y is not None:
        lengths = train.lengths if train.y.ndim == 3 else None
        name = "the mean of the training targets"
        baseline = baselines.training_mean(train.y, target, lengths)
    else:
        name = "the mean of these targets"
        baseline = baselines.training_mean(target, target)
    return {
        "answers": len(outputs),
        "mse": mse,
        "mae": scores.mean_absolute_error(outputs, target),
        "r2": scores.r2(outputs, target),
        "baseline": name,
        "baseline_mse": baseline,
        "skill": scores.skill(mse, baseline),
        **found,
    }


def _autoencoder(
    model: FittedModel, predictor: Predictor, rows: Rows, train: Rows | None, state: Params
) -> dict[str, Any]:
    mse = scores.reconstruction_error(predictor.predict, rows.X)
    found: dict[str, Any] = {"rows": len(rows), "mse": mse}
    if train is not None:
        size = model.net.widths()[-1]
        baseline = baselines.principal_components(train.X, rows.X, size)
        found |= {
            "baseline": f"{size} principal components",
            "baseline_mse": baseline,
            "skill": scores.skill(mse, baseline),
        }
    if rows.y is not None and rows.y.ndim == 1:
        some = rows.take(slice(0, 2000))
        assert some.y is not None
        labels = np.unique(some.y, return_inverse=True)[1]
        found["knn_accuracy"] = scores.knn_accuracy(predictor.encode(some.X[:]), labels)
    return found
