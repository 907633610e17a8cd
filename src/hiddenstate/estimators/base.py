"""The base class of the estimators: config, training, checks of X, saving."""

import warnings
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import (
    _check_sample_weight,
    check_array,
    check_is_fitted,
    validate_data,
)

from hiddenstate.config import Config, TrainingConfig, section_options
from hiddenstate.config.parameters import errors_for_python
from hiddenstate.data import PreparedDataset, Rows, SequenceDataset
from hiddenstate.data.prepare.augment_choice import Choice
from hiddenstate.data.prepare.missing import infinite_as_missing
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.data.readers.dataframes import as_frame, encode_frame
from hiddenstate.engines import (
    Predictor,
    TrainingState,
    kernel_notices,
    make_engine,
)
from hiddenstate.errors import DataError, OptionError
from hiddenstate.estimators import teachers
from hiddenstate.estimators.artifacts import ArtifactsMixin
from hiddenstate.estimators.epoch_lines import History, epoch_lines
from hiddenstate.estimators.inputs import (
    COLORS_ARE,
    DTYPES,
    as_numbers,
    as_series,
    check_numbers,
    color_rows,
    frame_names,
    in_order,
    refuse_text_columns,
    unwrapped,
)
from hiddenstate.estimators.online_learners import LEARNERS
from hiddenstate.estimators.options import LEFT_OUT, by_rules, warn_of_features
from hiddenstate.estimators.sklearn_bases import BaseEstimator
from hiddenstate.inference.evaluate import answer_of_model
from hiddenstate.inference.hidden_states import hidden_state_model
from hiddenstate.inference.inputs import prepare_inputs
from hiddenstate.inference.overflow import checked_predictor
from hiddenstate.jobs import Job, make_job
from hiddenstate.jobs.memory import check_memory
from hiddenstate.models.companions import kinds_of
from hiddenstate.models.fitted import model_from_facts, with_names
from hiddenstate.program.jobs import kind_of
from hiddenstate.system.notice import Notice
from hiddenstate.system.typing import Array
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.trainer import Callback, Trainer

LEAST = 10
"""What the rate of `partial_fit` falls to with `lr_schedule="auto"`, as a part of `lr`: an inverse
schedule gets there after 10 times `hold` updates."""

Read = tuple[SequenceDataset, Config]
"""X and y, not prepared, and the checked parameters of an estimator."""


class Estimator(BaseEstimator, ArtifactsMixin):
    """Base of the estimators: makes the config, trains, checks X, saves."""

    _job: str
    _online: Any
    device: str
    lr_schedule: str
    threads: int
    recipe: str | None
    verbose: int

    def _set_parameters(self, arguments: dict[str, Any]) -> None:
        """Set the attribute of each argument of `__init__`, given as its `locals()`."""
        vars(self).update({name: value for name, value in arguments.items() if name != "self"})

    def _train(
        self,
        job: Job,
        state: TrainingState,
        run_dir: str | Path | None = None,
        callbacks: Iterable[Callback] = (),
        view: str = "off",
    ) -> TrainingState:
        """Train `job` from `state`, recorded and shown if asked, and set fitted attributes."""
        if view != "off":
            from hiddenstate.live.launch import viewed

            with viewed(view, Path(run_dir) if run_dir else None) as (folder, viewers):
                return self._train(job, state, folder, [*callbacks, *viewers])
        history = History()
        hooks = [history, *epoch_lines(type(self).__name__, self.verbose), *callbacks]
        for hook in hooks:
            if not isinstance(hook, Callback):
                raise OptionError(
                    f"callbacks: expected hiddenstate.Callback objects, got a {type(hook).__name__}"
                )
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
        vars(self).pop("_online", None)  # what `learn_one` learned before
        self.model_ = job.fitted(after.params)
        self.history_ = history.events
        self.n_steps_ = after.step
        self._folds = teachers.folds_learned(job, after.left_out)
        self.augment_ = (job.dataset.augment or Choice(job.augment)).facts()
        return after

    @property
    def answered_by_(self) -> str:
        """Who answers: the network, what stands beside it, or both."""
        if "_online" in vars(self):
            return str(self._online.who())
        check_is_fitted(self, "model_")
        return answer_of_model(self.model_).who

    def _as_read(self, X: Any, y: Any, sample_weight: Any, reset: bool) -> Read:
        """Check data and parameters; `reset` sets what the first fit decides, as the scaling."""
        raise NotImplementedError

    def _make_job(self, dataset: SequenceDataset, config: Config, reset: bool) -> Job:
        prepared = self._prepared(dataset, config, reset)
        return teachers.job_with_teacher(getattr(self, "teacher", None), dataset, config, prepared)

    def _prepared(
        self, dataset: SequenceDataset, config: Config, reset: bool, every_class: bool = True
    ) -> PreparedDataset:
        """Rows as the network reads them; unless `reset`, with the transform of the model."""
        before = None if reset else self.model_.transform
        if reset:
            warn_of_features(self, dataset, config)
        if before is not None and before.encodings:
            dataset = replace(dataset, columns=before.columns, encodings=before.encodings)
        return prepare(dataset, config, before, every_class)

    def _keep(self, after: TrainingState) -> None:
        """Keep what :meth:`_train_further` continues from."""
        self._training = after

    def _train_further(self, job: Job) -> None:
        """Make one pass over the rows of a job, from where the last training ended."""
        first = not hasattr(self, "model_")
        if not first and job.net != self.model_.net:
            raise DataError(
                f"partial_fit: the network is {self.model_.net.to_dict()}, but X, y and the "
                f"parameters require {job.net.to_dict()}; call fit to start over"
            )
        before = starting_state(job) if first else getattr(self, "_training", None)
        if before is None:  # from a file or an older version, without moments
            params, n = self.model_.params, self.n_steps_
            before = TrainingState(params, n, moments_since=n)
        seed = getattr(self, "_seed", job.config.training.seed)
        training = replace(job.config.training, epochs=1, seed=seed)
        falls = self.lr_schedule == "auto" and training.lr_schedule == "inverse"
        if falls and before.step >= LEAST * training.hold:
            training = replace(training, lr=training.lr / LEAST, lr_schedule="constant")
        job = make_job(replace(job.config, training=training), job.dataset)
        job.batches = replace(job.batches, first_step=before.step)
        job.total_steps = before.step + job.batches.steps_per_epoch
        self._keep(self._train(job, before))

    def _check_partial_fit(self) -> bool:
        """Refuse parameters that need all rows; return whether this is the first call."""
        if hasattr(self, "model_") and self.model_.integer is not None:
            raise OptionError(
                "partial_fit: an integer model does not learn; go on with the model in floats "
                "that it was made of"
            )
        if getattr(self, "quantize", None) is not None:
            raise OptionError("quantize: the last updates of a fit round as integers; use fit")
        if by_rules(self) or self.lr_schedule == "cosine":
            rules = "recipe" if self.recipe is not None else "streamable"
            name = rules if by_rules(self) else "lr_schedule"
            raise OptionError(
                f"{name}: {getattr(self, name)} requires the total number of updates, which "
                "partial_fit does not know; use another"
            )
        for kind in kinds_of(vars(self)):
            raise OptionError(f"{kind.words.name}: are fitted on all rows at once; use fit")
        if getattr(self, "augment", "none") not in ("none", (), []):
            raise OptionError("augment: rows are augmented in the epochs of a fit; use fit")
        if teachers.teacher_option(getattr(self, "teacher", None)) is not None:
            raise OptionError("teacher: answers all rows at once; use fit")
        if getattr(self, "valid_fraction", 0):
            raise OptionError("valid_fraction: partial_fit does not hold out rows; use 0")
        return not hasattr(self, "model_")

    def _predictor(self) -> Predictor:
        check_is_fitted(self)
        options = section_options(TrainingConfig, self._job)
        with errors_for_python():  # set_params and load do not validate them
            device, threads = (options[n].check(getattr(self, n)) for n in ("device", "threads"))
            return checked_predictor(self.model_, device, threads)

    def _state_predictor(self) -> Predictor:
        """A predictor whose outputs are the hidden states at every step."""
        check_is_fitted(self)
        with errors_for_python():
            model = hidden_state_model(self.model_)
            return checked_predictor(model, self.device, self.threads)

    def __sklearn_clone__(self) -> Any:
        return teachers.clone_with_teacher(self)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for pickle, with the model as plain values and arrays."""
        state = dict(super().__getstate__())
        if "model_" in state:
            classes = self.model_.classes  # of any type, where those of a model file are not
            numbers = None if classes is None else list(range(len(classes)))
            plain = replace(self.model_, classes=numbers)
            state["model_"] = {
                "facts": plain.facts(),
                "arrays": plain.arrays(),
                "classes": classes,
            }
        if "_online" in state:
            state["_online"] = state["_online"].plain()
        if "_training" in state:
            state["_training"] = dict(vars(self._training))
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Set the state that pickle read, from this version or version 0.4."""
        model = state.get("model_")
        if isinstance(model, dict):
            plain = model_from_facts(model["facts"], model["arrays"], type(self).__name__)
            state = {**state, "model_": replace(plain, classes=model["classes"])}
        names = state.get("feature_names_in_")
        if names is not None and "model_" in state:
            # Up to version 0.4, the model did not hold them.
            state = {**state, "model_": with_names(state["model_"], names)}
        if isinstance(state.get("_training"), dict):
            state = {**state, "_training": TrainingState(**state["_training"])}
        if isinstance(state.get("_online"), dict):
            state = {**state, "_online": LEARNERS[self._job](**state["_online"])}
        parameters = type(self)().get_params(deep=False)  # some are new since version 0.4
        super().__setstate__(parameters | state)

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether there is a model, which every fitted attribute describes."""
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = self._takes_missing()
        return tags

    def _checked_rows(self, X: Any, reset: bool) -> Rows:
        """Check X; return rows of a supported type. 2-D X is checked as by scikit-learn."""
        X = as_frame(X)
        if reset:
            channels_first, pixels = getattr(self, "channels_first", False), False
        else:  # as in `fit`, whatever `set_params` did since
            check_is_fitted(self)
            channels_first = self.model_.transform.reading.get("channels_first", False)
            pixels = self.model_.transform.pixels
            if self.model_.transform.encodings:
                return self._encoded_rows(X)
        names = None if reset else self._fitted_names()
        refuse_text_columns(X, names)
        is_list = isinstance(X, (list, tuple)) and not channels_first
        given = [frame_names(each) for each in (X if is_list else [X])]
        if is_list and reset:
            names = next(filter(None, given), None)
        if is_list or not (reset or names):
            X = in_order(X, names)
        X, lengths = as_series(X, channels_first, pixels)
        ndim = len(X.shape)
        if ndim > 3 and not kind_of(self._job).has_targets:
            X = color_rows(X, pixels)
            ndim = len(X.shape)
        if ndim > 3:
            hint = "" if kind_of(self._job).has_targets else COLORS_ARE
            raise DataError(
                f"Found array with dim {ndim}, while {type(self).__name__} takes 2 or 3{hint}"
            )
        if reset:
            self.fit_ndim_ = ndim
        # scikit-learn does not detect the type of every data frame.
        own = X.dtype if hasattr(X, "dtype") else np.asarray(X).dtype
        if getattr(own, "kind", "") in "cV":
            other = (
                "Complex data not supported: X is"
                if own.kind == "c"
                else "X: expected numbers, got"
            )
            raise DataError(f"{other} {own}")
        dtype = own if own in DTYPES else DTYPES
        options: dict[str, Any] = {"dtype": dtype, "order": "C", "ensure_all_finite": False}
        if ndim == 3:
            X = self._checked_series(X, names, reset)
        elif not reset and self.fit_ndim_ == 3:
            # Flat rows for a network fitted on 3-D X; their width is checked later.
            X = np.asarray(check_array(in_order(X, names), **options))
        else:
            X = np.asarray(validate_data(self, X, reset=reset, **options))
        if not reset and names and not all(given) and 3 in (ndim, self.fit_ndim_):
            # Otherwise scikit-learn warns.
            warnings.warn(
                f"X does not have valid feature names, but {type(self).__name__} was fitted with "
                "feature names",
                stacklevel=5,
            )
        return self._without_infinity(Rows(X, lengths=lengths), reset)

    def _encoded_rows(self, X: Any) -> Rows:
        """Data frames as rows of a model that encodes text or dates."""
        transform = self.model_.transform
        if transform.known.ahead:  # a frame has only their present values
            raise DataError("X: no values known ahead, which the model reads; use forecast")
        own = transform.names or (), transform.encodings
        if isinstance(X, (list, tuple)):
            each = [encode_frame(row, *own, f"X: series {i}") for i, row in enumerate(X)]
            X, lengths = as_series(each, False)
        else:
            X, lengths = encode_frame(X, *own, "X"), None
        return self._without_infinity(Rows(as_numbers(X), lengths), reset=False)

    def _without_infinity(self, rows: Rows, reset: bool) -> Rows:
        """Return rows with NaN for infinity if gaps are filled in; else refuse both."""
        if self._takes_missing() if reset else self.model_.transform.fill is not None:
            return infinite_as_missing(rows)
        left_out = LEFT_OUT[self._job, "missing"]
        choices = " or ".join(repr(name) for name in _NAN_CHOICES if name not in left_out)
        check_numbers(rows.X, "X", f"; fill it in, or use missing={choices}")
        return rows

    def _takes_missing(self) -> bool:
        return getattr(self, "missing", "error") in _NAN_CHOICES

    def _fitted_names(self) -> tuple[str, ...] | None:
        """The column names of the data frames that the estimator was fitted on, or None."""
        names = getattr(self, "feature_names_in_", None)
        return None if names is None else tuple(names)

    def _dataset(self, rows: Rows, y: Any = None, **more: Any) -> SequenceDataset:
        """Rows as a data set, with the names of the columns of X and y, if they have names."""
        names = self._fitted_names()
        if names is None:
            return SequenceDataset("X" if y is None else "X, y", rows, **more)
        read_as: dict[str, Any] = {"layout": "wide" if self.fit_ndim_ == 2 else "long"}
        label = getattr(y, "name", None)
        targets = frame_names(y) or ((label,) if label and isinstance(label, str) else ())
        targets = targets if set(targets).isdisjoint(names) else ()
        if targets and kind_of(self._job).has_classes:
            read_as["label"] = targets[0]
        elif rows.y is not None and rows.y.ndim == 2 and len(targets) == rows.y.shape[1]:
            read_as["target"] = more["targets"] = targets
        name = "X" if y is None else "X, y"
        return SequenceDataset(name, rows, columns=names, read_as=read_as, **more)

    def _checked_series(self, X: Any, names: tuple[str, ...] | None, reset: bool) -> Array:
        """Check series (N, T, I): numbers, and as many features as in `fit`."""
        series = as_numbers(X)
        if reset:
            self.n_features_in_ = series.shape[2]
            if names is not None:
                self.feature_names_in_ = np.asarray(names, dtype=object)
            elif hasattr(self, "feature_names_in_"):  # from an earlier fit on a data frame
                del self.feature_names_in_
        elif self.fit_ndim_ == 3 and series.shape[2] != self.n_features_in_:
            raise DataError(
                f"X has {series.shape[2]} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input"
            )
        return series

    def _prepare(self, X: Any) -> Rows:
        """Check X, fill in missing values and scale."""
        with errors_for_python():
            return prepare_inputs(self.model_, self._checked_rows(X, reset=False), "X")

    def _weights(self, sample_weight: Any, X: Array) -> Array | None:
        """Sample weights (N,), checked as by scikit-learn, or None."""
        if sample_weight is None:
            return None
        flat = np.zeros((len(X), 1))
        checked = _check_sample_weight(unwrapped(sample_weight), flat, ensure_non_negative=True)
        return np.asarray(checked, np.float64)


_NAN_CHOICES = ("mean", "forward", "mask")
"""Values of `missing` that allow NaN in X."""


@cache
def _warn(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=6)


def _warn_once(notices: Iterable[Notice]) -> None:
    """Warn of each notice once in a process."""
    for notice in notices:
        _warn(notice.text)
