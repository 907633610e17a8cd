"""Reading a fitted estimator back from its file."""

from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.engines import TrainingState
from hiddenstate.errors import DataError, UntrustedFileError, printable
from hiddenstate.estimators.autoencoder import Autoencoder
from hiddenstate.estimators.base import Estimator
from hiddenstate.estimators.classifier import RecurrentClassifier
from hiddenstate.estimators.regressor import RecurrentRegressor
from hiddenstate.models import FittedModel, load_model

_KINDS: dict[str, type[Estimator]] = {
    "classify": RecurrentClassifier,
    "regress": RecurrentRegressor,
    "autoencode": Autoencoder,
}


def load(path: str | Path) -> Any:
    """Read a fitted estimator from a file `save` wrote, or from a run's model.safetensors.

    Raises
    ------
    UntrustedFileError
        If the file is damaged, foreign, or could run code.
    """
    from hiddenstate.weights import refuse_code

    path = Path(path)
    if not path.is_file():
        raise DataError(f"{printable(path)}: no such file")
    refuse_code(path)
    model, extra = load_model(path)
    kind = _KINDS[model.net.job]
    estimator = kind()
    settings = extra.get("settings", {})
    known = set(estimator.get_params(deep=False))
    if extra.get("estimator", kind.__name__) != kind.__name__ or not set(settings) <= known:
        raise UntrustedFileError(f"{printable(path)}: its settings are not a {kind.__name__}'s")
    _restore(estimator, model, settings, extra)
    return estimator


def _restore(estimator: Any, model: FittedModel, settings: dict[str, Any], extra: Any) -> None:
    """Set what `fit` sets, from a file."""
    if not settings:
        net = model.net.to_dict()
        settings = dict(net["model"])
        if model.net.job == "regress":
            settings |= {"output": net["output"], "stateful": model.stateful}
    if "encoder_sizes" in settings:
        settings["encoder_sizes"] = tuple(settings["encoder_sizes"])
    estimator.set_params(**settings)
    estimator.model_ = model
    estimator.history_ = []
    fitted = extra.get("fitted", {})
    estimator.n_steps_ = int(fitted.get("n_steps_", 0))
    estimator.n_features_in_ = int(fitted.get("n_features_in_", model.net.n_features))
    if extra.get("feature_names"):
        estimator.feature_names_in_ = np.asarray(extra["feature_names"], dtype=object)
    if model.net.job == "classify":
        estimator.classes_ = np.asarray(model.classes)
    elif model.net.job == "regress":
        many = (model.row_shape[0],) if model.net.output == "steps" else ()
        default = (*many, model.net.n_outputs)
        estimator.targets_shape_ = tuple(fitted.get("targets_shape_", default))
        estimator._keep(TrainingState(model.params))
        estimator._seed = 0
    else:
        estimator.row_shape_ = tuple(fitted.get("row_shape_", model.row_shape))
