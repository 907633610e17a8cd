"""Reads a fitted estimator from its file."""

import math
import os
from pathlib import Path
from typing import Any, TypeVar, get_args, overload

import numpy as np

from hiddenstate.config import RecurrentConfig
from hiddenstate.data.column_names import are_names
from hiddenstate.engines import TrainingState
from hiddenstate.errors import DataError, UntrustedFileError, printable
from hiddenstate.estimators.autoencoder import Autoencoder
from hiddenstate.estimators.base import Estimator
from hiddenstate.estimators.classifier import RecurrentClassifier
from hiddenstate.estimators.online import KIND, read_learner
from hiddenstate.estimators.regressor import RecurrentRegressor
from hiddenstate.models.fitted import FittedModel, load_model
from hiddenstate.models.net import Params
from hiddenstate.runs import Run
from hiddenstate.system.array_file import kind_of_file
from hiddenstate.system.strict_json import check_fields

TUPLES = ("encoder_sizes", "quantile", "stem_channels", "stem_kernels")
"""Parameters that are tuples, which JSON has as lists."""

AnyEstimator = RecurrentClassifier | RecurrentRegressor | Autoencoder
Kind = TypeVar("Kind", bound=AnyEstimator)

ESTIMATORS: dict[str, type[Estimator]] = {each._job: each for each in get_args(AnyEstimator)}
"""The estimator of each job."""


@overload
def load(path: str | Path | Run) -> AnyEstimator: ...


@overload
def load(path: str | Path | Run, kind: type[Kind]) -> Kind: ...


def load(path: str | Path | Run, kind: Any = None) -> AnyEstimator:
    """Read a fitted estimator from a file written by `save`, or from the model of a run.

    Parameters
    ----------
    path : path or Run
        The file, or a run or its folder, whose forecasts then begin after the series of the run; or
        the model.safetensors of a run alone, or the weights of one of its moments.
    kind : type, optional
        The estimator that is expected, such as `RecurrentClassifier`: a type checker then knows
        what is returned. By default any.

    Returns
    -------
    RecurrentClassifier, RecurrentRegressor or Autoencoder

    Raises
    ------
    DataError
        If there is no such file, it holds another estimator than `kind`, or a run is not done.
    UntrustedFileError
        If the file is damaged, was not written by hiddenstate, or could run code.
    """
    from hiddenstate.models.weight_file import refuse_code

    estimator: AnyEstimator
    if isinstance(path, Run) or Path(path).is_dir():
        run = path if isinstance(path, Run) else Run(path)
        path = run.path
        estimator = restored(run.model(), {}, printable(path))
        if isinstance(estimator, RecurrentRegressor):
            estimator._run = os.path.abspath(path)
    else:
        path = Path(path)
        if not path.is_file():
            raise DataError(f"{printable(path)}: no such file")
        refuse_code(path)
        if kind_of_file(path) == KIND:
            estimator = _restored_learner(path, printable(path))
        else:
            estimator = restored(*load_model(path), printable(path))
    if kind is not None and not isinstance(estimator, kind):
        own = type(estimator).__name__
        raise DataError(f"{printable(path)}: holds a {own}, expected {kind.__name__}")
    return estimator


def restored(model: FittedModel, extra: dict[str, Any], where: str) -> Any:
    """Return the estimator of a model file that was read.

    Parameters
    ----------
    model : FittedModel
    extra : dict
        The facts beside it.
    where : str
        Names the file in errors.

    Raises
    ------
    UntrustedFileError
        If the facts do not fit the model.
    """
    kind = ESTIMATORS[model.net.job]
    if "estimator" not in extra:  # the model of a run
        return _restore(kind(), model, _settings_of(model), {})
    fields: dict[str, Any] = {
        "estimator": str,
        "settings": dict,
        "fitted": dict,
        "feature_names": (list, type(None)),
        "state": dict,
    }
    extra = {"feature_names": None} | extra  # up to version 0.4, the model did not hold them
    extra = check_fields(extra, fields, f"{where}: damaged facts")
    if extra["estimator"] != kind.__name__:
        raise UntrustedFileError(f"{where}: holds a {printable(extra['estimator'], 40)}")
    settings = _checked_settings(kind(), extra["settings"], where)
    fitted = {name: _checked_fact(name, v, where) for name, v in extra["fitted"].items()}
    _check_shapes(fitted, model, where)
    names = extra["feature_names"]
    if names is not None and len(names) != fitted.get("n_features_in_", model.n_features):
        raise UntrustedFileError(f"{where}: damaged; the number of feature names is wrong")
    estimator = _restore(kind(), model, settings, fitted)
    if model.net.kind.has_targets:
        carried = _checked_state(extra["state"], model, where)
        step = fitted.get("n_steps_", 0)
        state = TrainingState(model.params, step, carried=carried, moments_since=step)
        estimator._keep(state)
    return estimator


def _restored_learner(path: Path, where: str) -> AnyEstimator:
    """Return the estimator in a file of what `learn_one` learned."""
    facts, learner = read_learner(path, where)
    estimator: AnyEstimator = ESTIMATORS[learner.job]()  # type: ignore[assignment]
    settings = _checked_settings(estimator, facts["settings"], where)
    estimator.set_params(**{n: tuple(v) if n in TUPLES else v for n, v in settings.items()})
    estimator._online = learner
    return estimator


def _settings_of(model: FittedModel) -> dict[str, Any]:
    """The parameters that follow from a model."""
    net, missing = model.net.to_dict(), model.transform.missing
    settings: dict[str, Any] = {**net["model"]}
    settings["missing"] = "error" if missing == "drop" else missing
    if model.transform.reading.get("channels_first"):
        settings["channels_first"] = True
    if model.net.kind.has_targets:
        settings |= {"output": net["output"], "stateful": model.stateful}
        if quantiles := model.transform.quantiles:
            settings |= {"loss": "quantile", "quantile": quantiles}
    return settings


def _checked_settings(estimator: Estimator, settings: Any, where: str) -> dict[str, Any]:
    """Parameters from a file, if they have names of the estimator and plain values."""
    names = estimator.get_params(deep=False)
    checked = dict(settings)
    for name, value in settings.items():
        plain = value if isinstance(value, list) else [value]
        if name == "class_weight" and all(isinstance(p, list) and len(p) == 2 for p in plain):
            checked[name] = {label: weight for label, weight in plain if _is_plain(label)}
            plain = [part for pair in plain for part in pair]
        if name not in names or not all(map(_is_plain, plain)):
            raise UntrustedFileError(f"{where}: damaged; {printable(name, 40)} is not a parameter")
    return checked


def _is_plain(value: Any) -> bool:
    return isinstance(value, (bool, int, float, str, type(None)))


def _checked_fact(name: str, value: Any, where: str) -> Any:
    """A fitted attribute from a file: a number, or a shape if its name ends in `_shape_`."""
    is_shape = name.endswith("_shape_")
    numbers = value if isinstance(value, list) else [value]
    if is_shape != isinstance(value, list) or not all(
        type(number) is int and 0 <= number < 2**63 for number in numbers
    ):
        raise UntrustedFileError(f"{where}: damaged; {printable(name, 40)} has an invalid value")
    return tuple(value) if is_shape else value


def _check_shapes(fitted: dict[str, Any], model: FittedModel, where: str) -> None:
    """Raise `UntrustedFileError` if a fitted attribute does not match the network."""
    flat = model.net.kind.has_codes
    steps = math.prod(model.row_shape) // model.row_shape[-1]
    n_columns = len(model.transform.names or ()) or model.n_features
    row, targets = fitted.get("row_shape_", model.row_shape), fitted.get("targets_shape_", ())
    sound = {
        "fit_ndim_": fitted.get("fit_ndim_", 2) in (2, 3),
        "n_features_in_": fitted.get("n_features_in_", model.n_features)
        in {model.n_features, steps * model.n_features, row[-1] if row else 0, n_columns},
        "row_shape_": not flat or math.prod(row) == model.n_features,
        "targets_shape_": len(targets) <= 2,
    }
    for name, is_sound in sound.items():
        if not is_sound:
            raise UntrustedFileError(f"{where}: damaged; {name} does not match the network")


def _checked_state(state: dict[str, Any], model: FittedModel, where: str) -> Params:
    """The carried state from a file, as arrays of the type of the model."""
    assert isinstance(model.net.config, RecurrentConfig)
    try:
        arrays = {name: np.asarray(values, model.dtype) for name, values in state.items()}
    except (TypeError, ValueError, OverflowError):
        arrays = {"": np.zeros(0)}
    names = [set(), {*model.net.cell.state}]
    n_signals = {a.shape[1] for a in arrays.values() if a.ndim == 3}
    shapes = model.net.state_shapes(max(n_signals, default=1))
    fits = all(a.shape == shapes.get(n) and np.isfinite(a).all() for n, a in arrays.items())
    if set(arrays) not in names or not fits:
        raise UntrustedFileError(f"{where}: damaged; the carried state does not match the network")
    return arrays


def _restore(
    estimator: Any,
    model: FittedModel,
    settings: dict[str, Any],
    fitted: dict[str, Any],
) -> Any:
    """Set the parameters and the fitted attributes from a file."""
    # What follows from the network takes precedence over what is written beside it.
    own = {n: v for n, v in _settings_of(model).items() if n != "output_activation"}
    settings = {**settings, **own}
    in_json = {n for n in TUPLES if isinstance(settings.get(n), list)}
    settings = {n: tuple(v) if n in in_json else v for n, v in settings.items()}
    estimator.set_params(**settings)
    estimator.model_ = model
    estimator.history_ = []
    estimator.n_steps_ = fitted.get("n_steps_", 0)
    names = model.transform.names if are_names(model.transform.names) else None
    is_wide = names is not None and model.transform.reading["layout"] in ("wide", "features")
    is_flat = is_wide or model.net.kind.has_codes
    by_column = is_wide or bool(model.transform.encodings)
    width = len(names) if by_column and names is not None else model.n_features
    estimator.fit_ndim_ = fitted.get("fit_ndim_", 2 if is_flat else 3)
    estimator.n_features_in_ = fitted.get("n_features_in_", width)
    if names is not None and len(names) == estimator.n_features_in_:
        estimator.feature_names_in_ = np.asarray(names, dtype=object)
    if model.net.kind.has_classes:
        dtype = object if fitted.get("object_classes") else None
        estimator.classes_ = np.asarray(model.classes, dtype)
    elif model.net.kind.has_targets:
        many = (model.row_shape[0],) if model.net.output == "steps" else ()
        n_targets = model.net.n_outputs // max(1, len(model.transform.quantiles))
        estimator.targets_shape_ = fitted.get("targets_shape_", (*many, n_targets))
        estimator._keep(TrainingState(model.params))
        estimator._seed = fitted.get("_seed", 0)
    else:
        estimator.row_shape_ = fitted.get("row_shape_", model.row_shape)
    return estimator
