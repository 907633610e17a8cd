"""What `predict` and `evaluate` share: opening the model, its own test rows, the measures."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config import Config
from hiddenstate.data import fractions, load_dataset
from hiddenstate.engines.torch import TorchPredictor
from hiddenstate.errors import DataError, OptionError, printable
from hiddenstate.jobs.base import accuracy, mean_squared_error
from hiddenstate.models import FittedModel, load_model
from hiddenstate.predicting import lay_out, signal_rows
from hiddenstate.runs import find_run
from hiddenstate.weights import refuse_code

Array = NDArray[Any]


def open_model(name: str, runs_dir: Path) -> tuple[FittedModel, Config | None]:
    """The model of a run, or of a model file, and the run's config where there is one."""
    path = Path(name)
    if path.is_file():
        refuse_code(path)
        return load_model(path)[0], None
    run = find_run(name, runs_dir)
    return run.model(), run.config


def own_test_rows(config: Config | None) -> tuple[Array, Array | None]:
    """The test rows a run was measured on.

    Raises
    ------
    OptionError
        If there is no run to take them from, or it held none out.
    """
    if config is None:
        raise OptionError("DATA: a model file has no test rows of its own; name some data")
    dataset = load_dataset(config)
    if not len(dataset.X_test):
        raise OptionError("DATA: the run held no test rows out; name some data")
    return dataset.X_test, dataset.y_test


def measure(
    model: FittedModel, config: Config | None, X: Array, y: Array | None, where: str, device: str
) -> dict[str, Any]:
    """Figures of `model` on rows `X` with answers `y`.

    Raises
    ------
    DataError
        If answers are missing or of another kind.
    """
    predictor = TorchPredictor(model, device)
    if model.net.job == "autoencode":
        rows = lay_out(model, X, where)
        dtype = next(iter(model.params.values())).dtype
        error = mean_squared_error(predictor.predict(rows), fractions(rows, dtype))
        return {"rows": len(rows), "mse": error}
    if y is None:
        raise DataError(f"{printable(where)}: no answers to compare with; name an .npz with y")
    if model.net.job == "classify":
        rows, numbers = lay_out(model, X, where), _class_numbers(model, config, y, where)
        return {"rows": len(rows), "accuracy": accuracy(predictor.predict(rows), numbers)}
    windows = signal_rows(model, X, where)
    state = _state_before(predictor, model, config) if where == "test rows" else {}
    outputs = predictor.follow(windows, state)[0] if model.stateful else predictor.predict(windows)
    target = y.reshape(-1, outputs.shape[-1])[: outputs.size // outputs.shape[-1]]
    if target.size != outputs.size:
        raise DataError(f"{printable(where)}: {y.shape} targets for {outputs.shape} predictions")
    return {
        "windows": len(windows),
        "mse": mean_squared_error(outputs.reshape(target.shape), target),
        "variance": float(np.var(target)),
    }


def _class_numbers(model: FittedModel, config: Config | None, y: Array, where: str) -> Array:
    """Class numbers of labels `y`; those of a run's own test rows are numbers already."""
    if where == "test rows":
        return y
    classes = np.asarray(model.classes)
    matches = y[:, None] == classes
    strange = np.flatnonzero(~matches.any(axis=1))
    if strange.size:
        raise DataError(
            f"{printable(where)}: row {strange[0]} has label {y[strange[0]]}, which the model "
            "was not trained on"
        )
    return np.asarray(matches.argmax(axis=1))


def _state_before(
    predictor: TorchPredictor, model: FittedModel, config: Config | None
) -> dict[str, Array]:
    """The state a stateful model has after its training windows: the test ones follow them."""
    if not model.stateful or config is None:
        return {}
    return predictor.follow(load_dataset(config).X, {})[1]
