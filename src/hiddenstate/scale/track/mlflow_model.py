"""The model of a run as a model of MLflow: how it is logged, and how MLflow loads it again."""

from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.errors import HiddenstateError
from hiddenstate.estimators import Autoencoder, load
from hiddenstate.system.extras import require
from hiddenstate.system.typing import Array
from hiddenstate.version import __version__

KEY = "hiddenstate.ending"
"""Tag of a logged model: of which ending of its run it is."""


class Predictor:
    """A loaded model as MLflow asks it.

    Parameters
    ----------
    model : RecurrentClassifier, RecurrentRegressor or Autoencoder
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Array:
        """Return the labels, numbers or codes of rows: an array (N, T, I), or a table with the
        columns of training."""
        is_coder = isinstance(self.model, Autoencoder)
        answer = self.model.transform if is_coder else self.model.predict
        return np.asarray(answer(model_input))


def _load_pyfunc(path: str) -> Predictor:
    """Return the model of a file; `mlflow.pyfunc` calls this by its name."""
    return Predictor(load(path))


def log_model(folder: Path, example: Array | None, run_id: str, ending: str) -> str:
    """Log a model file to a run of the tracking server that MLflow is set to; return its id.

    Parameters
    ----------
    folder : Path
        The file `model.safetensors`.
    example : ndarray, optional
        A row (T, I), or (F,) of an autoencoder, as the data has it.
    run_id : str
        The run that it is of.
    ending : str
        Which ending of that run.
    """
    mlflow = require("mlflow", "tracking with MLflow")
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types import Schema, TensorSpec

    signature, rows = None, None
    if example is not None:
        rows = example[None] if example.dtype == np.uint8 else example[None].astype(np.float64)
        try:
            answers = _load_pyfunc(str(folder)).predict(rows)
        except HiddenstateError:  # a row alone is too short for a forecast
            rows = None
        else:
            free = (-1, -1, rows.shape[-1]) if rows.ndim == 3 else (-1, *rows.shape[1:])
            inputs = Schema([TensorSpec(rows.dtype, free)])
            signature = ModelSignature(inputs, infer_signature(rows, answers).outputs)
    with mlflow.start_run(run_id=run_id, log_system_metrics=False):
        logged = mlflow.pyfunc.log_model(
            name="model",
            loader_module=__name__,
            data_path=str(folder),
            signature=signature,
            input_example=rows,
            pip_requirements=[f"hiddenstate=={__version__}"],
            tags={KEY: ending},
        )
    return str(logged.model_id)
