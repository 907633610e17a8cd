"""The three jobs with scikit-learn's manners.

A fitted estimator holds arrays and settings, no torch object, so it pickles, clones and
saves; the torch module is made when asked for. Parameters are the commands' options under
the same names (`random_state` is the commands' `--seed`), with defaults that suit forty rows
as well as 60,000. They compute in X's own float type: float32 for float32 and uint8, else
float64.
"""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    RegressorMixin,
    TransformerMixin,
)
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from hiddenstate.config import Config, job_options, make_config
from hiddenstate.data import SequenceDataset, as_rows
from hiddenstate.engines import TrainingState, make_engine
from hiddenstate.errors import DataError, OptionError, UntrustedFileError, printable
from hiddenstate.jobs import Job, make_job
from hiddenstate.models import FittedModel, Params, load_model
from hiddenstate.predicting import lay_out, probabilities
from hiddenstate.trainer import Callback, Trainer
from hiddenstate.weights import starting_state

Array = NDArray[Any]
Kind = TypeVar("Kind", bound=type)

UPDATES = 1000
"""About how many updates `epochs=None` makes, never less than one epoch."""


def _documented(job: str) -> Callable[[Kind], Kind]:
    """Put the parameter list into a class's docstring, from the options' own metadata."""

    def decorate(cls: Kind) -> Kind:
        known = {option.name: option for _, option in job_options(job)}
        lines = ["Parameters", "    ----------"]
        for name, parameter in inspect.signature(cls).parameters.items():
            option = known["seed" if name == "random_state" else name]
            kind = "{" + ", ".join(option.choices) + "}" if option.choices else option.kind.__name__
            lines.append(f"    {name} : {kind}, default={parameter.default!r}")
            lines.append(f"        {_NOTES.get(name) or option.help}")
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
    "eps": "Smallest denominator of adam and adamw after `hold` steps; None is 1e-3 where state "
    "is carried, else 1e-8.",
}


class _Estimator(BaseEstimator):
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
        stateful = values.get("stateful", False)
        if values["batch_size"] is None:
            values["batch_size"] = 1 if stateful else 64
        if values["shuffle"] is None:
            values["shuffle"] = not stateful
        if values["eps"] is None:
            values["eps"] = 1e-3 if stateful else 1e-8
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
        from hiddenstate.memory import check_memory

        check_memory(job)
        engine = make_engine(job.task(), state)
        kept = _History()
        hooks = [kept, *callbacks]
        if run_dir is None:
            Trainer(job, engine, hooks, state.step).train()
        else:
            from hiddenstate.callbacks import Recorder
            from hiddenstate.runs import create_run, make_record

            about = {
                "name": job.dataset.name,
                "fingerprint": job.dataset.fingerprint(),
                "sizes": job.sizes(),
            }
            record = make_record(job.config, about, engine)
            with create_run(Path(run_dir), record) as writer:
                Trainer(job, engine, [Recorder(writer), *hooks], state.step).train()
        after = engine.export()
        self.model_ = job.fitted(after.params)
        self.history_ = kept.events
        self.n_steps_ = after.step
        return after

    def _predictor(self) -> Any:
        from hiddenstate.engines.torch import TorchPredictor

        check_is_fitted(self)
        return TorchPredictor(self.model_, self.device, self.threads)

    def to_torch(self) -> Any:
        """Return the trained net as a `torch.nn.Module` with the classic scripts' names."""
        from hiddenstate.nets import make_module

        check_is_fitted(self)
        return make_module(self.model_.net, self.model_.params)

    def save(self, path: str | Path) -> None:
        """Write the fitted estimator to one safetensors file; :func:`load` reads it.

        Raises
        ------
        MachineError
            If it cannot be written; what stood there before is untouched.
        """
        check_is_fitted(self)
        settings = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in self.get_params(deep=False).items()
            if isinstance(value, (bool, int, float, str, tuple, list, type(None)))
        }
        facts = {name: getattr(self, name) for name in _SAVED if hasattr(self, name)}
        names = getattr(self, "feature_names_in_", None)
        self.model_.save(
            Path(path),
            {
                "estimator": type(self).__name__,
                "settings": settings,
                "fitted": {k: list(v) if isinstance(v, tuple) else v for k, v in facts.items()},
                "feature_names": None if names is None else [str(name) for name in names],
            },
        )

    def _rows_2d(self, X: Any, reset: bool) -> Array:
        """X as a checked array in its own float type; 2-D as scikit-learn checks it, or 3-D."""
        X = X if hasattr(X, "dtypes") or hasattr(X, "columns") else _as_array(X)
        if np.ndim(X) != 3:
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


_SAVED = ("n_features_in_", "n_steps_", "targets_shape_", "row_shape_")


class _History(Callback):
    """Keeps the logged events of a fit."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def on_log(self, trainer: Trainer, event: dict[str, Any]) -> None:
        self.events.append(event)


def _as_array(X: Any) -> Any:
    if isinstance(X, (list, tuple)) and X and all(np.ndim(row) == 2 for row in X):
        if len({np.shape(row) for row in X}) > 1:
            raise DataError("X: series of unequal length; give them one length")
        return np.stack(X)
    return X


def _float_type(X: Array) -> str:
    return "float32" if X.dtype in (np.float32, np.uint8) else "float64"


@_documented("classify")
class RecurrentClassifier(ClassifierMixin, _Estimator):
    """A recurrent net that reads each row step by step and names its class.

    X is (n_samples, n_timesteps, n_features), or 2-D with one feature a step, or 2-D cut into
    `steps` steps. uint8 X means fractions of 255.

    @parameters

    Attributes
    ----------
    classes_ : ndarray
        The labels, sorted.
    history_ : list of dict
        Logged steps: step, epoch, loss, mean_loss, lr.
    n_steps_ : int
        Updates made.

    Examples
    --------
    >>> from hiddenstate import RecurrentClassifier, load_mnist
    >>> digits = load_mnist()
    >>> clf = RecurrentClassifier(max_steps=50, random_state=0)
    >>> clf.fit(digits.X[:2000], digits.y[:2000]).predict(digits.X_test[:3]).shape
    (3,)
    """

    _job = "classify"

    def __init__(
        self,
        cell: str = "lstm",
        nonlinearity: str = "tanh",
        hidden_size: int = 64,
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        *,
        steps: int | None = None,
        epochs: int | None = None,
        max_steps: int | None = None,
        batch_size: int | None = None,
        shuffle: bool | None = None,
        optimizer: str = "adam",
        lr: float = 0.01,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        eps: float | None = None,
        clip: float | None = 1.0,
        lr_schedule: str = "auto",
        lr_power: float = 1.0,
        hold: int = 0,
        random_state: Any = None,
        device: str = "auto",
        threads: int = 0,
        engine: str = "auto",
        weights: str | None = None,
        log_every: int = 50,
        checkpoint_every: int = 0,
        example: int = 0,
        n_shown: int = 1,
        n_evaluated: int = 2000,
        n_predicted: int = 10,
    ) -> None:
        self.cell = cell
        self.nonlinearity = nonlinearity
        self.hidden_size = hidden_size
        self.layers = layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.steps = steps
        self.epochs = epochs
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.optimizer = optimizer
        self.lr = lr
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.eps = eps
        self.clip = clip
        self.lr_schedule = lr_schedule
        self.lr_power = lr_power
        self.hold = hold
        self.random_state = random_state
        self.device = device
        self.threads = threads
        self.engine = engine
        self.weights = weights
        self.log_every = log_every
        self.checkpoint_every = checkpoint_every
        self.example = example
        self.n_shown = n_shown
        self.n_evaluated = n_evaluated
        self.n_predicted = n_predicted

    def fit(
        self, X: ArrayLike, y: ArrayLike, *, run_dir: str | Path | None = None,
        callbacks: Iterable[Callback] = (),
    ) -> "RecurrentClassifier":  # fmt: skip
        """Train on rows X with labels y; with `run_dir` the run is recorded there.

        Raises
        ------
        DataError, OptionError
            For data or parameters that do not fit.
        DivergedError
            If a loss is not finite.
        """
        from sklearn.utils.multiclass import check_classification_targets

        rows = self._rows_2d(X, reset=True)
        labels = _one_dimensional(y, len(rows))
        check_classification_targets(labels)
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(f"y: only one class, {self.classes_[0]}; two or more are needed")
        rows = as_rows(rows, self.steps, "X")
        config = self._config(_float_type(rows), len(rows))
        dataset = SequenceDataset(
            "X, y", rows, numbers.astype(np.int64), rows[:0], None, self.classes_.tolist()
        )
        job = make_job(config, dataset)
        self._train(job, starting_state(job.net, config.training), run_dir, callbacks)
        return self

    def predict_proba(self, X: ArrayLike) -> Array:
        """Probability of each class (n_samples, n_classes), in the order of `classes_`."""
        predictor = self._predictor()
        rows = lay_out(self.model_, self._rows_2d(X, reset=False), "X")
        return probabilities(predictor.predict(rows))

    def predict(self, X: ArrayLike) -> Array:
        """The most probable label of each row (n_samples,)."""
        chosen = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[chosen])


@_documented("regress")
class RecurrentRegressor(RegressorMixin, _Estimator):
    """A recurrent net that follows signals.

    X is (n_samples, n_timesteps, n_features), or 2-D with one feature a step. With
    `stateful=True` its rows are consecutive windows of one signal and the hidden state is
    carried from one to the next. With `output="steps"` y is (n_samples, n_timesteps) or
    (n_samples, n_timesteps, n_targets), with "last" (n_samples,) or (n_samples, n_targets).

    @parameters

    Attributes
    ----------
    history_ : list of dict
        Logged steps: step, epoch, loss, mean_loss, lr.
    n_steps_ : int
        Updates made.
    state_ : dict of ndarray
        The hidden state after the last window learnt from, `h` and for lstm `c`; empty for
        zero, and where no state is carried.

    Examples
    --------
    >>> from hiddenstate import RecurrentRegressor, load_waves
    >>> waves = load_waves(100)
    >>> reg = RecurrentRegressor("rnn", stateful=True, output="steps", lr=0.02, epochs=1)
    >>> reg.fit(waves.X, waves.y).predict(waves.X_test).shape
    (100, 10, 1)
    """

    _job = "regress"

    def __init__(
        self,
        cell: str = "gru",
        nonlinearity: str = "tanh",
        hidden_size: int = 32,
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        *,
        stateful: bool = False,
        output: str = "last",
        steps: int | None = None,
        epochs: int | None = None,
        max_steps: int | None = None,
        batch_size: int | None = None,
        shuffle: bool | None = None,
        optimizer: str = "adam",
        lr: float = 0.01,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        eps: float | None = None,
        clip: float | None = 1.0,
        lr_schedule: str = "auto",
        lr_power: float = 1.5,
        hold: int = 100,
        random_state: Any = None,
        device: str = "auto",
        threads: int = 0,
        engine: str = "auto",
        weights: str | None = None,
        log_every: int = 50,
        checkpoint_every: int = 0,
    ) -> None:
        self.cell = cell
        self.nonlinearity = nonlinearity
        self.hidden_size = hidden_size
        self.layers = layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.stateful = stateful
        self.output = output
        self.steps = steps
        self.epochs = epochs
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.optimizer = optimizer
        self.lr = lr
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.eps = eps
        self.clip = clip
        self.lr_schedule = lr_schedule
        self.lr_power = lr_power
        self.hold = hold
        self.random_state = random_state
        self.device = device
        self.threads = threads
        self.engine = engine
        self.weights = weights
        self.log_every = log_every
        self.checkpoint_every = checkpoint_every

    def fit(
        self, X: ArrayLike, y: ArrayLike, *, run_dir: str | Path | None = None,
        callbacks: Iterable[Callback] = (),
    ) -> "RecurrentRegressor":  # fmt: skip
        """Train on rows X with targets y; with `run_dir` the run is recorded there.

        Errors as in :meth:`RecurrentClassifier.fit`.
        """
        job = self._make_job(X, y, reset=True)
        state = starting_state(job.net, job.config.training)
        self._keep(self._train(job, state, run_dir, callbacks))
        return self

    def partial_fit(self, X: ArrayLike, y: ArrayLike) -> "RecurrentRegressor":
        """Learn on from rows X, once, where the last call ended.

        Weights, moments, carried state and the count of updates go on, so windows given one
        by one teach exactly what they teach in one :meth:`fit`.

        Raises
        ------
        OptionError
            With the cosine schedule, which needs the total beforehand.
        """
        if self.lr_schedule == "cosine":
            raise OptionError("lr_schedule: cosine needs the total, partial_fit has none")
        first = not hasattr(self, "model_")
        job = self._make_job(X, y, reset=first)
        if first:
            state = starting_state(job.net, job.config.training)
            self._training = state
        step = self._training.step
        training = replace(job.config.training, epochs=1, seed=self._seed)
        job = make_job(replace(job.config, training=training), job.dataset)
        job.batches = replace(job.batches, first_step=step)
        job.total_steps = step + job.batches.steps_per_epoch
        self._keep(self._train(job, self._training))
        return self

    def reset_state(self) -> "RecurrentRegressor":
        """Let the next window learnt from begin at a zero hidden state."""
        check_is_fitted(self)
        self.state_: Params = {}
        self._training = replace(self._training, carried={})
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Targets for rows X in the shape y had; changes nothing.

        With `stateful=True` the rows follow one another from a zero state.
        """
        predictor = self._predictor()
        rows = lay_out(self.model_, self._rows_2d(X, reset=False), "X")
        outputs = predictor.follow(rows, {})[0] if self.stateful else predictor.predict(rows)
        return self._as_targets(outputs)

    def forward(self, X: ArrayLike, state: Params | None = None) -> tuple[Array, Params]:
        """Targets for rows X side by side, each from its own part of `state`, and the new state.

        Parameters
        ----------
        X : array-like (B, T, I)
        state : dict of ndarray, optional
            `h`, for lstm also `c`, each (layers * directions, B, hidden_size); zeros if left
            out. :attr:`state_` goes on where training ended.

        Returns
        -------
        y : ndarray
        state : dict of ndarray

        Raises
        ------
        DataError
            If `state` carries another number of rows than X has.
        """
        predictor = self._predictor()
        rows = lay_out(self.model_, self._rows_2d(X, reset=False), "X")
        outputs, after = predictor.forward(rows, state or {})
        return self._as_targets(outputs), after

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """R2 of the predictions over every step and target."""
        from sklearn.metrics import r2_score

        predicted, true = self.predict(X), np.asarray(y, dtype=float)
        if predicted.ndim == 3 or (self.output == "steps" and predicted.ndim == 2):
            if sample_weight is not None:
                sample_weight = np.repeat(np.asarray(sample_weight), predicted[0].size)
            predicted, true = predicted.reshape(-1), true.reshape(-1)
        return float(r2_score(true, predicted, sample_weight=sample_weight))

    def _make_job(self, X: ArrayLike, y: ArrayLike, reset: bool) -> Job:
        rows = as_rows(self._rows_2d(X, reset=reset), self.steps, "X")
        dtype = _float_type(rows)
        targets = _targets(y, len(rows), dtype)
        wanted = (len(rows), rows.shape[1]) if self.output == "steps" else (len(rows),)
        if targets.shape[: len(wanted)] != wanted or targets.ndim > len(wanted) + 1:
            raise DataError(
                f'y: expected {wanted} or {(*wanted, "targets")} for output="{self.output}", '
                f"got {targets.shape}"
            )
        if reset:
            self.targets_shape_ = targets.shape[1:]
        config = self._config(dtype, len(rows))
        if reset:
            self._seed = config.training.seed
        flat = targets[..., None] if targets.ndim == len(wanted) else targets
        times = np.arange(rows.shape[0] * rows.shape[1], dtype=float).reshape(rows.shape[:2])
        return make_job(
            config, SequenceDataset("X, y", rows, flat, rows[:0], flat[:0], times=times)
        )

    def _keep(self, after: TrainingState) -> None:
        self._training = after
        self.state_ = after.carried

    def _as_targets(self, outputs: Array) -> Array:
        many = len(self.targets_shape_) == (2 if self.output == "steps" else 1)
        return outputs if many else outputs[..., 0]


@_documented("autoencode")
class Autoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, _Estimator):
    """Dense layers that press each row into a few numbers and build it again from them.

    X is 2-D, or 3-D with series of one length, which are flattened and given back in their
    shape. uint8 X means fractions of 255.

    @parameters

    Attributes
    ----------
    history_ : list of dict
        Logged steps: step, epoch, loss, mean_loss, lr.
    n_steps_ : int
        Updates made.
    row_shape_ : tuple of int
        The shape of a row.

    Examples
    --------
    >>> from hiddenstate import Autoencoder, load_mnist
    >>> X = load_mnist(flat=True).X[:2000]
    >>> ae = Autoencoder(code_size=3, max_steps=50, random_state=0).fit(X)
    >>> ae.transform(X).shape, ae.inverse_transform(ae.transform(X)).shape
    ((2000, 3), (2000, 784))
    """

    _job = "autoencode"

    def __init__(
        self,
        encoder_sizes: tuple[int, ...] = (128, 64, 12),
        code_size: int = 3,
        activation: str = "tanh",
        output_activation: str = "auto",
        *,
        epochs: int | None = None,
        max_steps: int | None = None,
        batch_size: int | None = None,
        shuffle: bool | None = None,
        optimizer: str = "adam",
        lr: float = 0.005,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        eps: float | None = None,
        clip: float | None = None,
        lr_schedule: str = "auto",
        lr_power: float = 1.0,
        hold: int = 0,
        random_state: Any = None,
        device: str = "auto",
        threads: int = 0,
        engine: str = "auto",
        weights: str | None = None,
        log_every: int = 100,
        checkpoint_every: int = 0,
        example: int = 0,
        n_shown: int = 1,
        n_evaluated: int = 0,
        n_reconstructed: int = 5,
        n_scattered: int = 200,
    ) -> None:
        self.encoder_sizes = encoder_sizes
        self.code_size = code_size
        self.activation = activation
        self.output_activation = output_activation
        self.epochs = epochs
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.optimizer = optimizer
        self.lr = lr
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.eps = eps
        self.clip = clip
        self.lr_schedule = lr_schedule
        self.lr_power = lr_power
        self.hold = hold
        self.random_state = random_state
        self.device = device
        self.threads = threads
        self.engine = engine
        self.weights = weights
        self.log_every = log_every
        self.checkpoint_every = checkpoint_every
        self.example = example
        self.n_shown = n_shown
        self.n_evaluated = n_evaluated
        self.n_reconstructed = n_reconstructed
        self.n_scattered = n_scattered

    @property
    def _n_features_out(self) -> int:
        return int(self.model_.net.widths()[-1])

    def fit(
        self, X: ArrayLike, y: Any = None, *, run_dir: str | Path | None = None,
        callbacks: Iterable[Callback] = (),
    ) -> "Autoencoder":  # fmt: skip
        """Train on rows X; y is ignored. Errors as in :meth:`RecurrentClassifier.fit`."""
        rows = self._rows_2d(X, reset=True)
        self.row_shape_ = rows.shape[1:]
        rows = rows.reshape(len(rows), -1)
        config = self._config(_float_type(rows), len(rows))
        job = make_job(config, SequenceDataset("X", rows, None, rows[:0], None))
        self._train(job, starting_state(job.net, config.training), run_dir, callbacks)
        return self

    def transform(self, X: ArrayLike) -> Array:
        """Codes (n_samples, code_size) of rows X."""
        predictor = self._predictor()
        return np.asarray(predictor.encode(self._flat(X)))

    def inverse_transform(self, codes: ArrayLike) -> Array:
        """Rows, in the shape X had, built from codes (n_samples, code_size)."""
        predictor = self._predictor()
        values = np.asarray(codes, dtype=float)
        if values.ndim != 2 or values.shape[1] != self._n_features_out:
            raise DataError(f"codes: expected (n, {self._n_features_out}), got {values.shape}")
        rows = np.asarray(predictor.decode(values))
        return rows.reshape(len(rows), *self.row_shape_)

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Minus the mean squared reconstruction error per number: higher is better."""
        from hiddenstate.data import fractions
        from hiddenstate.jobs.base import mean_squared_error

        predictor = self._predictor()
        rows = self._flat(X)
        return -mean_squared_error(predictor.predict(rows), fractions(rows, np.float64))

    def _flat(self, X: ArrayLike) -> Array:
        return lay_out(self.model_, self._rows_2d(X, reset=False), "X")


def _one_dimensional(y: Any, n_rows: int) -> Array:
    """Labels as scikit-learn checks them."""
    from sklearn.utils.validation import column_or_1d

    if y is None:
        raise DataError("requires y to be passed, but the target y is None")
    labels = column_or_1d(y, warn=True)
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise DataError("y: contains NaN or infinity")
    if len(labels) != n_rows:
        raise DataError(f"y: {len(labels)} labels for {n_rows} rows of X")
    return np.asarray(labels)


def _targets(y: Any, n_rows: int, dtype: str) -> Array:
    if y is None:
        raise DataError("requires y to be passed, but the target y is None")
    values = np.asarray(y)
    if values.dtype.kind not in "fiub":
        raise DataError(f"y: expected numbers, got {values.dtype}")
    values = values.astype(dtype)
    if values.ndim == 0 or len(values) != n_rows:
        raise DataError(f"y: {values.shape} targets for {n_rows} rows of X")
    if not np.isfinite(values).all():
        raise DataError("y: contains NaN or infinity")
    return values


_KINDS: dict[str, type[_Estimator]] = {
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
