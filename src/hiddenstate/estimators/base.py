"""What the three estimators share: settings into a config, training, checking X, saving."""

import inspect
import os
import warnings
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from hiddenstate.config import Config, job_options, make_config
from hiddenstate.engines import (
    Predictor,
    TrainingState,
    kernel_remarks,
    make_engine,
    make_predictor,
)
from hiddenstate.errors import DataError
from hiddenstate.jobs import Job
from hiddenstate.trainer import Callback, Trainer

Array = NDArray[Any]
Kind = TypeVar("Kind", bound=type)

UPDATES = 1000
"""About how many updates `epochs=None` makes, never less than one epoch."""


def documented(job: str) -> Callable[[Kind], Kind]:
    """Put the parameter list into a class's docstring, from the options' own metadata."""

    def decorate(cls: Kind) -> Kind:
        known = {option.name: option for _, option in job_options(job)}
        lines = ["Parameters", "    ----------"]
        for name, parameter in inspect.signature(cls).parameters.items():
            option = known["seed" if name == "random_state" else name]
            kind = "{" + ", ".join(option.choices) + "}" if option.choices else option.kind.__name__
            lines.append(f"    {name} : {kind}, default={parameter.default!r}")
            note = _NOTES.get(name) or option.help
            note += " Only where a run is recorded." if name in _RECORDED else ""
            lines.append(f"        {note}")
        cls.__doc__ = (cls.__doc__ or "").replace("@parameters", "\n".join(lines))
        return cls

    return decorate


_NOTES = {
    "random_state": "Seed of weights, batch order and dropout; an int, a RandomState, or None.",
    "epochs": f"Passes over the training data; None makes about {UPDATES} updates.",
    "batch_size": "Rows in a batch; None is 64, or 1 where state is carried.",
    "shuffle": "Visit the rows in a new order each epoch; None does unless state is carried.",
    "lr_schedule": "How the rate moves after `hold` steps (see the option of the commands); auto "
    "is inverse where state is carried, else constant.",
    "eps": "Smallest denominator of adam and adamw after `hold` steps; None is 0.01 where state "
    "is carried, else 1e-8.",
}

_RECORDED = (
    "checkpoint_every", "example", "n_shown", "n_predicted", "n_reconstructed", "n_scattered",
)  # fmt: skip


class Estimator(BaseEstimator):
    """What the three share: settings into a config, the training itself, saving."""

    _job: str

    def _config(self, dtype: str, n_rows: int) -> Config:
        """The run's config out of the parameters as they stand."""
        values = self.get_params(deep=False)
        state = values.pop("random_state")
        if isinstance(state, (int, np.integer)):
            values["seed"] = int(state)
        else:
            values["seed"] = int(check_random_state(state).randint(2**31 - 1))
        if isinstance(values["weights"], os.PathLike):
            values["weights"] = os.fspath(values["weights"])
        stateful = values.get("stateful", False)
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
            steps = -(-n_rows // batch_size) if isinstance(batch_size, int) and batch_size else 1
            values["epochs"] = max(1, -(-UPDATES // max(steps, 1)))
        return make_config(self._job, {**values, "dtype": dtype})

    def _train(
        self,
        job: Job,
        state: TrainingState,
        run_dir: str | Path | None = None,
        callbacks: Iterable[Callback] = (),
    ) -> TrainingState:
        """Train `job` from `state`, recorded where `run_dir` says so; keep what was learnt."""
        kept = _History()
        hooks = [kept, *callbacks]
        if run_dir is None:
            job.check_memory()
            _warn_once(kernel_remarks(job.config.training))
            engine = make_engine(job.task(), state)
            Trainer(job, engine, hooks, state.step).train()
        else:
            from hiddenstate.session import start_in

            with start_in(Path(run_dir), job, state) as session:
                engine = session.engine
                session.train(hooks)
        after = engine.export()
        self.model_ = job.fitted(after.params)
        self.history_ = kept.events
        self.n_steps_ = after.step
        return after

    def _predictor(self) -> Predictor:
        check_is_fitted(self)
        return make_predictor(self.model_, self.device, self.threads)

    def to_torch(self) -> Any:
        """Return the trained net as a `torch.nn.Module` with the classic scripts' names."""
        from hiddenstate.nets import make_module

        check_is_fitted(self)
        return make_module(self.model_.net, self.model_.params)

    def save(self, path: str | Path) -> None:
        """Write the fitted estimator to one safetensors file; :func:`load` reads it.

        A regressor keeps its carried state and count of updates, but not the optimiser's
        moments: to go on exactly, pickle it or train in a run folder.

        Raises
        ------
        MachineError
            If it cannot be written; what stood there before is untouched.
        """
        check_is_fitted(self)
        settings = {name: _plain(value) for name, value in self.get_params(deep=False).items()}
        settings = {name: value for name, value in settings.items() if value is not _ODD}
        facts = {name: getattr(self, name) for name in _SAVED if hasattr(self, name)}
        names = getattr(self, "feature_names_in_", None)
        self.model_.save(
            Path(path),
            {
                "estimator": type(self).__name__,
                "settings": settings,
                "fitted": {k: list(v) if isinstance(v, tuple) else v for k, v in facts.items()},
                "feature_names": None if names is None else [str(name) for name in names],
                "state": {n: a.tolist() for n, a in getattr(self, "state_", {}).items()},
            },
        )

    def _checked_rows(self, X: Any, reset: bool) -> Array:
        """X as a checked array in its own float type; 2-D as scikit-learn checks it, or 3-D."""
        X = _as_array(X)
        if reset:
            self.fit_ndim_ = X.ndim
        if X.ndim == 2 and not reset and self.fit_ndim_ == 3:
            # Flat rows for a net fitted on 3-D ones: how they are cut is checked later.
            return np.asarray(check_array(X, dtype=[np.float64, np.float32, np.uint8]))
        if X.ndim != 3:
            if getattr(X, "dtype", None) == np.uint8:
                dtype: Any = np.uint8
            else:
                dtype = [np.float64, np.float32]
            return np.asarray(validate_data(self, X, reset=reset, dtype=dtype))
        X = np.asarray(X)
        if X.dtype.kind not in "fiub":
            raise DataError(f"X: expected numbers, got {X.dtype}")
        X = X if X.dtype in (np.uint8, np.float32, np.float64) else X.astype(np.float64)
        if 0 in X.shape:
            raise DataError(f"X: empty, its shape is {X.shape}")
        if X.dtype != np.uint8 and not np.isfinite(X).all():
            raise DataError(f"X: {int((~np.isfinite(X)).sum())} values are NaN or infinite")
        if reset:
            self.n_features_in_ = X.shape[2]
        return np.asarray(X)


_SAVED = ("n_features_in_", "fit_ndim_", "n_steps_", "targets_shape_", "row_shape_", "_seed")

_ODD = object()


def _plain(value: Any) -> Any:
    """A parameter as JSON takes it; `_ODD` for what has no such form, as a RandomState."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value if isinstance(value, (bool, int, float, str, type(None))) else _ODD


@cache
def _warn(remark: str) -> None:
    warnings.warn(remark.removeprefix("warning: "), RuntimeWarning, stacklevel=5)


def _warn_once(remarks: Iterable[str]) -> None:
    """Say each remark once a process."""
    for remark in remarks:
        _warn(remark)


class _History(Callback):
    """Keeps the logged events of a fit."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def on_log(self, trainer: Trainer, event: dict[str, Any]) -> None:
        self.events.append(event)


def _as_array(X: Any) -> Any:
    """X as something with a shape: data frames and arrays as they are, series stacked."""
    if isinstance(X, (list, tuple)) and X and all(np.ndim(row) == 2 for row in X):
        if len({np.shape(row) for row in X}) > 1:
            raise DataError("X: series of unequal length; give them one length")
        return np.stack(X)
    return X if hasattr(X, "ndim") else np.asarray(X)


def float_type(X: Array) -> str:
    """The float type X is computed in: float32 for float32 and uint8, else float64."""
    return "float32" if X.dtype in (np.float32, np.uint8) else "float64"
