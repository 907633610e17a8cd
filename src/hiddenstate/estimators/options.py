"""Makes the config of a fit from the parameters of its estimator."""

import inspect
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from hiddenstate.config import Config, DataConfig, make_config, section_options
from hiddenstate.data import SequenceDataset
from hiddenstate.data.prepare.remarks import far_size
from hiddenstate.data.prepare.streams import AT_ONCE, signals_of
from hiddenstate.data.prepare.wide import decided_reading
from hiddenstate.errors import DataError, OptionError, did_you_mean, listed, printable
from hiddenstate.estimators.frames import TABLE_OPTIONS
from hiddenstate.estimators.teachers import teacher_option
from hiddenstate.program.jobs import KINDS, kind_of
from hiddenstate.system.typing import Array
from hiddenstate.training.recipes import seasons_of, suggest
from hiddenstate.training.start import plan

UPDATES = 1000
"""Approximate number of updates with `epochs=None`, which makes at least one epoch."""

OF_FORECASTS = (
    *("window", "change", "linear", "linear_inputs", "season", "future", "static"),
    "test_fraction",
)
"""Parameters that apply to forecasts alone, but for those of `TABLE_OPTIONS`."""

LEFT_OUT = {
    # every row gets a prediction, and flat rows have no value before
    (name, "missing"): ("drop",) if kind.has_series else ("drop", "forward")
    for name, kind in KINDS.items()
}
"""Choices of the command-line options that the estimators do not take, by job and parameter."""


def config_of(estimator: Any, dtype: str, dataset: SequenceDataset) -> Config:
    """Return the config that the parameters, and the recipe if there is one, make for `dataset`."""
    values = option_values(estimator, dataset.columns)
    if not by_rules(estimator):
        return _own_config(estimator._job, values, dtype, dataset)
    given = _for_recipe(estimator, values, dtype)
    if kind_of(estimator._job).has_targets and estimator.horizon is None:
        given["window"] = 0  # X consists of windows
    config = make_config(estimator._job, {**suggest(estimator._job, dataset, given), **given})
    reading = decided_reading(dataset, config)
    if reading is None or dataset.X.dtype == np.uint8:  # which is fractions of 255
        return config
    given["layout"] = reading.layout
    return make_config(estimator._job, {**suggest(estimator._job, dataset, given), **given})


def by_rules(estimator: Any) -> bool:
    """Return whether rules that look at the data choose parameters that are not set."""
    return estimator.recipe is not None or bool(getattr(estimator, "streamable", False))


def _for_recipe(estimator: Any, values: Mapping[str, Any], dtype: str) -> dict[str, Any]:
    """Return the values that the recipe does not choose."""
    if estimator.recipe not in ("auto", None):
        raise OptionError(f"recipe: expected 'auto' or None, got {estimator.recipe!r}")
    defaults = inspect.signature(type(estimator)).parameters
    own = {"seed", "target"} | ({"teach"} if vars(estimator).get("teacher") is not None else set())
    given = {
        name: value
        for name, value in values.items()
        if name in own or (name != "teach" and not _is_same(value, defaults[name].default))
    }
    share = values.get("test_fraction", 0.0)  # by default, train on all rows
    given |= {"recipe": "auto", "test_fraction": share, "dtype": dtype}
    return given | ({"split": "time"} if share else {})


def plan_of_table(
    estimator: Any,
    values: Mapping[str, Any],
    dtype: str,
    read: Callable[[Config], SequenceDataset],
) -> tuple[Config, SequenceDataset]:
    """Return the config of a forecast of the series of a table, and the series, as read.

    Parameters
    ----------
    estimator : RecurrentRegressor
    values : mapping
        Its parameters as :func:`option_values` returns them, and the columns to forecast.
    dtype : str
    read : callable
        Reads the table as a config says.
    """
    if estimator.recipe is not None:
        return plan(estimator._job, _for_recipe(estimator, values, dtype), read=read)
    kept = {name: values[name] for name in ("horizon", *TABLE_OPTIONS, "future", "static")}
    kept |= {"target": values["target"], "missing": values["missing"]}
    dataset = read(make_config(estimator._job, kept, together=False))
    return _own_config(estimator._job, dict(values), dtype, dataset), dataset


def warn_of_features(estimator: Any, dataset: SequenceDataset, config: Config) -> None:
    """Warn of a data frame whose columns are read as steps, but seem to be separate features."""
    of_series = config.data.steps is not None or config.data.missing == "forward"
    of_series |= config.kind.has_codes or getattr(estimator, "stateful", False)
    of_series |= dataset.columns is None or dataset.X.dtype == np.uint8
    if by_rules(estimator) or of_series:
        return
    reading = decided_reading(dataset, config)
    if reading is not None and reading.layout == "features":
        warnings.warn(
            f"X: its {reading.n_columns} columns are read as the steps of a series, but seem to be "
            f"separate features ({reading.reason}); set steps=1 to read each as a feature that is "
            "scaled by itself, or pass X.to_numpy() if they are steps",
            stacklevel=6,  # the line that calls fit
        )


def option_values(
    estimator: Any, columns: tuple[str, ...] | None, is_table: bool = False
) -> dict[str, Any]:
    """The parameters as values of options; features have the names in `columns`, which of a table
    are all its columns."""
    values: dict[str, Any] = estimator.get_params(deep=False)
    for name in ("recipe", "verbose", "last_target"):
        values.pop(name, None)
    if values.get("horizon") is None:
        refuse_of_forecasts(values)
        for name in (*OF_FORECASTS, *TABLE_OPTIONS, "horizon"):
            values.pop(name, None)
    for name in ("future", "static", "input", "id"):
        if values.get(name) is not None:
            which = features_of(values[name], columns or (), name)
            values[name] = tuple((columns or ())[i] for i in which) or None
    if values.get("season") is not None:
        season = section_options(DataConfig, estimator._job)["season"]
        values["season"] = season.check(values["season"])
    if isinstance(values.get("calendar"), str):
        values["calendar"] = (values["calendar"],)
    if not is_table:
        for name in TABLE_OPTIONS:
            values.pop(name, None)
    state = values.pop("random_state")
    if isinstance(state, (int, np.integer)):
        values["seed"] = int(state)
    else:
        values["seed"] = int(check_random_state(state).randint(2**31 - 1))
    if "teacher" in values:
        values["teach"] = teacher_option(values.pop("teacher"))
    if isinstance(values["weights"], os.PathLike):
        values["weights"] = os.fspath(values["weights"])
    if "class_weight" in values and not isinstance(values["class_weight"], (str, type(None))):
        values["class_weight"] = None  # the weights of the rows have the effect
    if values["missing"] in LEFT_OUT[estimator._job, "missing"]:
        raise OptionError(
            f"missing: {values['missing']!r} is not available for {type(estimator).__name__}"
        )
    return values


def refuse_of_forecasts(values: Mapping[str, Any]) -> None:
    """Refuse parameters that apply to forecasts alone (`OptionError`)."""
    for name in (*OF_FORECASTS, *TABLE_OPTIONS):
        if values.get(name) not in (None, False, 0):
            raise OptionError(f"{name}: applies to forecasts; set horizon, or leave it out")


def features_of(features: Any, columns: Sequence[str], where: str) -> list[int]:
    """Return the numbers of features that are given by name or number.

    Raises
    ------
    DataError
        If there is no such feature, or one is given twice.
    """
    each = [features] if np.isscalar(features) else list(features)
    chosen = []
    for one in each:
        known = np.isscalar(one) and one in (
            columns if isinstance(one, str) else range(len(columns))
        )
        if not known or isinstance(one, (bool, float)):
            hint = did_you_mean(str(one), columns)
            raise DataError(
                f"{where}: with horizon, names or numbers of features, got {printable(one, 40)}; "
                f"the features are {listed(columns[:8])}{hint}"
            )
        chosen.append(list(columns).index(one) if isinstance(one, str) else int(str(one)))
    if len(set(chosen)) < len(chosen):
        raise DataError(f"{where}: expected different features")
    return chosen


def _own_config(job: str, values: dict[str, Any], dtype: str, dataset: SequenceDataset) -> Config:
    """The config without a recipe, with what parameters of None mean for `dataset`."""
    n_rows = len(dataset.train)
    if values.get("class_weight", "") is None:
        values["class_weight"] = "none"
    if kind_of(job).has_targets and "horizon" not in values:
        values["window"] = 0  # X consists of windows
    elif kind_of(job).has_targets:
        rows = dataset.train
        lengths = np.full(n_rows, rows.X.shape[1]) if rows.lengths is None else rows.lengths
        if values["window"] is None:
            values["window"] = max(1, min(32, int(np.median(lengths)) // 3))
        values["stride"] = 1
        n_rows = max(1, int(np.maximum(lengths - values["window"], 1).sum()))
    share = values.setdefault("test_fraction", 0.0)  # by default, train on all rows
    values["split"] = "time" if share else "auto"
    stateful = values.get("stateful", False)
    if values.get("linear") or values.get("season"):
        seasons = seasons_of(dataset, values)
        values["season"] = None if seasons is None else seasons.steps
    if values["scale"] is None:
        values["scale"] = "none" if stateful else "auto"
    if values["batch_size"] is None:
        values["batch_size"] = 1 if stateful else 64
    if values["shuffle"] is None:
        values["shuffle"] = not stateful
    if values["eps"] is None:
        values["eps"] = 1e-2 if stateful else 1e-8
    if values["lr_schedule"] == "auto":
        values["lr_schedule"] = "inverse" if stateful else "constant"
    if values["epochs"] is None:
        batch_size = values["batch_size"]
        if stateful and batch_size == 1:
            n_signals = len(np.unique(signals_of(dataset.train)))
            batch_size = values["streams"] or min(n_signals, AT_ONCE)
        steps = -(-n_rows // batch_size) if isinstance(batch_size, int) and batch_size else 1
        values["epochs"] = max(1, -(-UPDATES // max(steps, 1)))
    return make_config(job, {**values, "dtype": dtype})


def _is_same(value: Any, default: Any) -> bool:
    """Whether a parameter has its default value; also of arrays and lists."""
    return value is default or (type(value) is type(default) and bool(value == default))


def warn_if_far(y: Array) -> None:
    """Warn of targets that a network without scaling reaches only after very many updates.

    Its outputs begin near 0 and move by about the learning rate in an update.
    """
    if size := far_size(y):
        warnings.warn(
            f"y: the targets are of size {size:.3g} and not scaled, as scale=None means 'none' for "
            "a stateful regressor; it learns values near 1, so use scale='standard'",
            RuntimeWarning,
            stacklevel=5,
        )
