"""What the three estimators share: settings into a config, training, checking X, saving."""

import os
import warnings
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import (
    _check_sample_weight,
    check_array,
    check_is_fitted,
    validate_data,
)

from hiddenstate.config import Config, TrainingConfig, make_config, section_options
from hiddenstate.data import Rows
from hiddenstate.engines import (
    Predictor,
    TrainingState,
    kernel_notices,
    make_engine,
    make_predictor,
)
from hiddenstate.errors import DataError, OptionError
from hiddenstate.estimators.inputs import (
    DTYPES,
    as_numbers,
    as_series,
    check_numbers,
    python_words,
)
from hiddenstate.inference.hidden_states import hidden_state_model
from hiddenstate.inference.inputs import prepare_inputs
from hiddenstate.jobs import Job
from hiddenstate.jobs.memory import check_memory
from hiddenstate.runs.events import LogEvent, ValidationEvent
from hiddenstate.system.notice import Notice
from hiddenstate.system.typing import Array
from hiddenstate.training.callback import Callback
from hiddenstate.training.trainer import Trainer

UPDATES = 1000
"""About how many updates `epochs=None` makes, never less than one epoch."""

LEFT_OUT = {
    ("classify", "missing"): ("drop",),  # every row asked about gets an answer
    ("regress", "missing"): ("drop",),
    ("autoencode", "missing"): ("drop", "forward"),  # flat rows have no value before
}
"""Choices of the command-line options that the estimators do not take, by job and parameter."""


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
        if values["missing"] in LEFT_OUT[self._job, "missing"]:
            raise OptionError(f"missing: {values['missing']} is not for {type(self).__name__}")
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
        with python_words():
            return make_config(self._job, {**values, "dtype": dtype})

    def _train(
        self,
        job: Job,
        state: TrainingState,
        run_dir: str | Path | None = None,
        callbacks: Iterable[Callback] = (),
        view: str = "off",
    ) -> TrainingState:
        """Train `job` from `state`, recorded and shown where asked; keep what was learnt."""
        if view != "off":
            from hiddenstate.live.launch import viewed

            with viewed(view, Path(run_dir) if run_dir else None) as (place, shown):
                return self._train(job, state, place, [*callbacks, *shown])
        kept = _History()
        hooks = [kept, *callbacks]
        if run_dir is None:
            check_memory(job)
            _warn_once(kernel_notices(job.config.training))
            engine = make_engine(job.task(), state)
            Trainer(job, engine, hooks, state.step).train()
        else:
            from hiddenstate.training.start import start_in

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
        known = section_options(TrainingConfig, self._job)
        with python_words():  # neither set_params nor a file asked whether they will do
            device, threads = (known[n].check(getattr(self, n)) for n in ("device", "threads"))
        return make_predictor(self.model_, device, threads)

    def _state_predictor(self) -> Predictor:
        """What gives hidden states as outputs at every step."""
        check_is_fitted(self)
        return make_predictor(hidden_state_model(self.model_), self.device, self.threads)

    def to_torch(self) -> Any:
        """Return the trained net as a `torch.nn.Module` with the classic scripts' names.

        Scaling is folded into its first and last layer, so it takes X as it is.
        """
        from hiddenstate.models.torch_modules import make_module

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

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = self._takes_missing()
        return tags

    def _checked_rows(self, X: Any, reset: bool) -> Rows:
        """X as checked rows in its own float type; 2-D as scikit-learn checks it, or series."""
        X, lengths = as_series(X, getattr(self, "channels_first", False))
        ndim = len(X.shape)
        if ndim > 3:
            raise DataError(
                f"Found array with dim {ndim}, while {type(self).__name__} takes 2 or 3"
            )
        if reset:
            self.fit_ndim_ = ndim
        # scikit-learn does not see the type of every frame.
        own = X.dtype if hasattr(X, "dtype") else np.asarray(X).dtype
        dtype = own if own in DTYPES else DTYPES
        how: dict[str, Any] = {"dtype": dtype, "order": "C", "ensure_all_finite": False}
        if ndim == 3:
            X = self._checked_series(X, reset)
        elif not reset and self.fit_ndim_ == 3:
            # Flat rows for a net fitted on 3-D ones: how they are cut is checked later.
            X = np.asarray(check_array(X, **how))
        else:
            X = np.asarray(validate_data(self, X, reset=reset, **how))
        mend = ""
        if not self._takes_missing():
            left_out = LEFT_OUT[self._job, "missing"]
            known = " or ".join(repr(name) for name in _NAN_CHOICES if name not in left_out)
            mend = f"; fill it in, or use missing={known}"
        check_numbers(X, "X", mend, allow_nan=self._takes_missing())
        return Rows(X, lengths=lengths)

    def _takes_missing(self) -> bool:
        return getattr(self, "missing", "error") in _NAN_CHOICES

    def _checked_series(self, given: Any, reset: bool) -> Array:
        """Series (N, T, I) as numbers, with as many features as before."""
        X = as_numbers(given)
        if reset:
            self.n_features_in_ = X.shape[2]
            if hasattr(self, "feature_names_in_"):  # of an earlier fit on a frame
                del self.feature_names_in_
        elif self.fit_ndim_ == 3 and X.shape[2] != self.n_features_in_:
            raise DataError(
                f"X has {X.shape[2]} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input"
            )
        return X

    def _lay_out(self, X: Any) -> Rows:
        """X as the net reads it: checked, filled in, scaled."""
        with python_words():
            return prepare_inputs(self.model_, self._checked_rows(X, reset=False), "X")

    def _weights(self, sample_weight: Any, X: Array) -> Array | None:
        """Sample weights as scikit-learn checks them, or None."""
        if sample_weight is None:
            return None
        flat = np.zeros((len(X), 1))
        checked = _check_sample_weight(sample_weight, flat, ensure_non_negative=True)
        return np.asarray(checked, np.float64)


_NAN_CHOICES = ("mean", "forward", "mask")
"""Values of `missing` with which X may hold NaN."""

_SAVED = ("n_features_in_", "fit_ndim_", "n_steps_", "targets_shape_", "row_shape_", "_seed")

_ODD = object()


def _plain(value: Any) -> Any:
    """A parameter as JSON takes it; `_ODD` for what has no such form, as a RandomState."""
    if isinstance(value, dict):  # JSON's keys are text, labels need not be
        return [[_plain(key), _plain(each)] for key, each in value.items()]
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value if isinstance(value, (bool, int, float, str, type(None))) else _ODD


@cache
def _warn(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=5)


def _warn_once(notices: Iterable[Notice]) -> None:
    """Warn of each notice once in a process."""
    for notice in notices:
        _warn(notice.text)


class _History(Callback):
    """Keeps the logged events of a fit."""

    def __init__(self) -> None:
        self.events: list[LogEvent | ValidationEvent] = []

    def on_log(self, trainer: Trainer, event: LogEvent) -> None:
        self.events.append(event)

    def on_valid(self, trainer: Trainer, event: ValidationEvent) -> None:
        self.events.append(event)
