"""Measuring a fitted model on its run's test rows, or on other rows with known answers."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data import fractions
from hiddenstate.engines import Predictor
from hiddenstate.errors import DataError, OptionError, printable
from hiddenstate.metrics import accuracy, mean_squared_error
from hiddenstate.models import FittedModel, Params, load_model
from hiddenstate.predicting import lay_out, signal_rows
from hiddenstate.runs import Run, find_run
from hiddenstate.session import run_dataset, unchanged_dataset
from hiddenstate.weights import refuse_code

Array = NDArray[Any]

OWN = "test rows"
"""What stands for the name of a run's own data."""


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


def own_test_rows(run: Run | None) -> tuple[Array, Array | None]:
    """The test rows a run was measured on, and their answers (class numbers, or targets).

    Raises
    ------
    OptionError
        If there is no run to take them from, or it held none out.
    """
    if run is None:
        raise OptionError("a model file has no test rows of its own; name some data after it")
    dataset = unchanged_dataset(run)
    if not len(dataset.X_test):
        raise OptionError(
            "the run held no test rows out; name data with answers, an .npz with X and y"
        )
    return dataset.X_test, dataset.y_test


def state_before(predictor: Predictor, model: FittedModel, run: Run | None) -> Params:
    """The state a stateful model has after its training windows: the test ones follow them."""
    if not model.stateful or run is None:
        return {}
    return predictor.follow(run_dataset(run).X, {})[1]


def measure(
    model: FittedModel,
    predictor: Predictor,
    X: Array,
    y: Array | None,
    where: str,
    state: Params | None = None,
) -> dict[str, Any]:
    """Figures of `model` on rows `X` with answers `y`.

    Parameters
    ----------
    model : FittedModel
    predictor : Predictor
        The model, ready to be asked.
    X, y : ndarray
        As the readers give them; y may be None for an autoencoder.
    where : str
        What the rows are called in errors; `OWN` where y holds class numbers, not labels.
    state : dict of ndarray, optional
        Where a stateful model begins; zero if left out.

    Raises
    ------
    DataError
        If answers are missing or of another kind.
    """
    if model.net.job == "autoencode":
        rows = lay_out(model, X, where)
        error = mean_squared_error(predictor.predict(rows), fractions(rows, model.dtype))
        return {"rows": len(rows), "mse": error}
    if y is None:
        raise DataError(f"{printable(where)}: no answers to compare with; name an .npz with y")
    if model.net.job == "classify":
        rows, numbers = lay_out(model, X, where), _class_numbers(model, y, where)
        return {"rows": len(rows), "accuracy": accuracy(predictor.predict(rows), numbers)}
    windows = signal_rows(model, X, where)
    if model.stateful:
        outputs = predictor.follow(windows, state or {})[0]
    else:
        outputs = predictor.predict(windows)
    if X.ndim < 3 and model.net.output == "last":
        y = y[windows.shape[1] - 1 :: windows.shape[1]][: len(windows)]
    target = _targets(y, outputs, where)
    return {
        "windows": len(windows),
        "mse": mean_squared_error(outputs, target),
        "variance": float(np.var(target)),
    }


def _targets(y: Array, outputs: Array, where: str) -> Array:
    """Targets `y` in the shape of `outputs`, less the steps that fill no window."""
    n_targets = outputs.shape[-1]
    if y.shape == outputs.shape[:-1]:
        y = y[..., None]
    flat = y[:, None] if y.ndim == 1 else y
    steps = flat.reshape(-1, flat.shape[-1])
    n_steps = outputs.size // n_targets
    if flat.shape[-1] != n_targets or len(steps) < n_steps:
        raise DataError(
            f"{printable(where)}: y is {y.shape}, expected {n_targets} targets for each of "
            f"{n_steps} predictions"
        )
    return steps[:n_steps].reshape(outputs.shape)


def _class_numbers(model: FittedModel, y: Array, where: str) -> Array:
    """Class numbers of labels `y`; those of a run's own test rows are numbers already."""
    if where == OWN:
        return y
    if y.ndim != 1:
        raise DataError(f"{printable(where)}: y is {y.shape}, expected one label a row")
    matches = y[:, None] == np.asarray(model.classes)
    strange = np.flatnonzero(~matches.any(axis=1))
    if strange.size:
        raise DataError(
            f"{printable(where)}: row {strange[0]} has label {y[strange[0]]}, which the model "
            "was not trained on"
        )
    return np.asarray(matches.argmax(axis=1))
