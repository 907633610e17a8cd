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
from sklearn.utils.validation import (
    _check_sample_weight,
    check_array,
    check_is_fitted,
    validate_data,
)

from hiddenstate.config import Config, job_options, make_config
from hiddenstate.data import Rows
from hiddenstate.engines import (
    Predictor,
    TrainingState,
    kernel_remarks,
    make_engine,
    make_predictor,
)
from hiddenstate.errors import DataError
from hiddenstate.jobs import Job
from hiddenstate.predicting import lay_out
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
    "scale": "How features are scaled, fitted on the training rows: none, standard, minmax, or "
    "auto, standard unless they are in [0, 1]; None is auto, and none where state is carried.",
    "class_weight": "balanced, or a dict of a weight for each class; None weighs all alike.",
    "missing": "What to do with NaN: error, or fill in by mean, forward or mask (a feature more "
    "that says so).",
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
        if not isinstance(values.get("class_weight", ""), str):
            values["class_weight"] = "none"  # weights of the rows say it all
        if self._job == "regress":
            values["window"] = 0  # X comes in windows
        values["test_fraction"] = 0.0  # all rows are to learn from
        stateful = values.get("stateful", False)
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
        """Return the trained net as a `torch.nn.Module` with the classic scripts' names.

        Scaling is folded into its first and last layer, so it takes X as it is.
        """
        from hiddenstate.nets import make_module

        check_is_fitted(self)
        return make_module(self.model_.net, self.model_.folded())

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

    def _checked_rows(self, X: Any, reset: bool) -> Rows:
        """X as checked rows in its own float type; 2-D as scikit-learn checks it, or series."""
        X, lengths = _as_series(X, getattr(self, "channels_first", False))
        if reset:
            self.fit_ndim_ = X.ndim
        missing = "allow-nan" if self._takes_missing() else True
        if X.ndim == 2 and not reset and self.fit_ndim_ == 3:
            # Flat rows for a net fitted on 3-D ones: how they are cut is checked later.
            dtypes = [np.float64, np.float32, np.uint8]
            return Rows(np.asarray(check_array(X, dtype=dtypes, ensure_all_finite=missing)))
        if X.ndim != 3:
            if getattr(X, "dtype", None) == np.uint8:
                dtype: Any = np.uint8
            else:
                dtype = [np.float64, np.float32]
            checked = validate_data(self, X, reset=reset, dtype=dtype, ensure_all_finite=missing)
            return Rows(np.asarray(checked))
        return Rows(self._checked_series(X, reset), lengths=lengths)

    def _takes_missing(self) -> bool:
        return getattr(self, "missing", "error") in ("mean", "forward", "mask")

    def _checked_series(self, X: Any, reset: bool) -> Array:
        """X (N, T, I) as numbers of a type the nets read."""
        X = np.asarray(X)
        if X.dtype.kind not in "fiub":
            raise DataError(f"X: expected numbers, got {X.dtype}")
        X = X if X.dtype in (np.uint8, np.float32, np.float64) else X.astype(np.float64)
        if 0 in X.shape:
            raise DataError(f"X: empty, its shape is {X.shape}")
        if X.dtype != np.uint8 and not self._takes_missing() and not np.isfinite(X).all():
            raise DataError(f"X: {int((~np.isfinite(X)).sum())} values are NaN or infinite")
        if reset:
            self.n_features_in_ = X.shape[2]
        elif self.fit_ndim_ == 3 and X.shape[2] != self.n_features_in_:
            raise DataError(
                f"X: has {X.shape[2]} features, {type(self).__name__} was fitted on "
                f"{self.n_features_in_}"
            )
        return np.asarray(X)

    def _lay_out(self, X: Any) -> Rows:
        """X as the net reads it: checked, filled in, scaled."""
        return lay_out(self.model_, self._checked_rows(X, reset=False), "X")

    def _weights(self, sample_weight: Any, X: Array) -> Array | None:
        """Sample weights as scikit-learn checks them, or None."""
        if sample_weight is None:
            return None
        flat = np.zeros((len(X), 1))
        checked = _check_sample_weight(sample_weight, flat, ensure_non_negative=True)
        return np.asarray(checked, np.float64)


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

    def on_valid(self, trainer: Trainer, event: dict[str, Any]) -> None:
        self.events.append(event)


def _as_series(X: Any, channels_first: bool) -> tuple[Any, Array | None]:
    """X as something with a shape, and the lengths of series that have several.

    Data frames and arrays stay as they are; torch tensors become arrays; a list of series
    (T, I), or of (T,) of unequal length, is padded with zeros.
    """
    if _is_tensor(X):
        X = X.detach().cpu().numpy()
    listed = isinstance(X, (list, tuple)) or (isinstance(X, np.ndarray) and X.dtype.kind == "O")
    if listed and len(X) and all(isinstance(row, np.ndarray) or _is_tensor(row) for row in X):
        series = [np.asarray(row.detach().cpu() if _is_tensor(row) else row) for row in X]
        if all(row.ndim == 2 for row in series):
            return _padded([row.T if channels_first else row for row in series])
        if all(row.ndim == 1 for row in series) and len({len(row) for row in series}) > 1:
            return _padded([row[:, None] for row in series])
    X = X if hasattr(X, "ndim") else np.asarray(X)
    if channels_first and X.ndim == 3:
        X = np.ascontiguousarray(np.swapaxes(np.asarray(X), 1, 2))
    return X, None


def _is_tensor(X: Any) -> bool:
    """Whether X is a torch tensor, without importing torch to ask."""
    return hasattr(X, "detach") and hasattr(X, "cpu")


def _padded(series: list[Array]) -> tuple[Array, Array | None]:
    """Series (T, I) as one array (N, T, I), and their lengths where those differ."""
    widths = {row.shape[1] for row in series}
    if len(widths) > 1:
        raise DataError(
            f"X: series have {min(widths)} to {max(widths)} features; give all the same"
        )
    lengths = np.array([len(row) for row in series])
    if not lengths.all():
        raise DataError(f"X: series {int(lengths.argmin())} has no steps; leave it out")
    if len(set(lengths.tolist())) == 1:
        return np.stack(series), None
    X = np.zeros((len(series), lengths.max(), widths.pop()), np.result_type(*series))
    for row, values in zip(X, series, strict=True):
        row[: len(values)] = values
    return X, lengths


def float_type(X: Array) -> str:
    """The float type X is computed in: float32 for float32 and uint8, else float64."""
    return "float32" if X.dtype in (np.float32, np.uint8) else "float64"
