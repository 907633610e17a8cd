"""RecurrentRegressor: sequences in, targets out, at every step or after the last."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from hiddenstate.data import Rows, SequenceDataset, as_rows, prepare
from hiddenstate.engines import TrainingState
from hiddenstate.errors import DataError, OptionError
from hiddenstate.estimators.base import Array, Estimator, documented, float_type
from hiddenstate.jobs import Job, make_job
from hiddenstate.models import Params
from hiddenstate.trainer import Callback
from hiddenstate.weights import starting_state


@documented("regress")
class RecurrentRegressor(RegressorMixin, Estimator):
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
        readout: str = "last",
        *,
        stateful: bool = False,
        output: str = "last",
        steps: int | None = None,
        channels_first: bool = False,
        scale: str | None = None,
        missing: str = "error",
        valid_fraction: float = 0.0,
        patience: int = 0,
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
        self.readout = readout
        self.stateful = stateful
        self.output = output
        self.steps = steps
        self.channels_first = channels_first
        self.scale = scale
        self.missing = missing
        self.valid_fraction = valid_fraction
        self.patience = patience
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
        self.hold = hold
        self.random_state = random_state
        self.device = device
        self.threads = threads
        self.engine = engine
        self.weights = weights
        self.log_every = log_every
        self.checkpoint_every = checkpoint_every

    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None, *,
        run_dir: str | Path | None = None, callbacks: Iterable[Callback] = (),
    ) -> "RecurrentRegressor":  # fmt: skip
        """Train on rows X with targets y; with `run_dir` the run is recorded there.

        Errors as in :meth:`RecurrentClassifier.fit`.
        """
        job = self._make_job(X, y, sample_weight, reset=True)
        state = starting_state(job.net, job.config.training)
        self._keep(self._train(job, state, run_dir, callbacks))
        return self

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> "RecurrentRegressor":
        """Learn on from rows X, once, where the last call ended.

        Weights, moments, carried state and the count of updates go on, so windows given one
        by one teach exactly what they teach in one :meth:`fit`, but for scaling, which the first
        call settles.

        Raises
        ------
        OptionError
            With the cosine schedule, which needs the total beforehand.
        """
        if self.lr_schedule == "cosine":
            raise OptionError("lr_schedule: cosine needs the total, partial_fit has none")
        first = not hasattr(self, "model_")
        job = self._make_job(X, y, sample_weight, reset=first)
        if not first and job.net != self.model_.net:
            raise DataError(
                f"partial_fit: the net was {self.model_.net.to_dict()}, these rows and parameters "
                f"make {job.net.to_dict()}; call fit to begin afresh"
            )
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
        rows = self._lay_out(X)
        if self.model_.stateful:
            outputs = predictor.follow(rows.X, {})[0]
        else:
            outputs = predictor.predict(rows.X, rows.lengths)
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
        outputs, after = predictor.forward(self._lay_out(X).X, state or {})
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

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _make_job(self, X: ArrayLike, y: ArrayLike, sample_weight: Any, reset: bool) -> Job:
        rows = self._checked_rows(X, reset=reset)
        dtype, T = float_type(rows.X), as_rows(rows.X, self.steps, "X").shape[1]
        targets = _targets(y, rows, dtype)
        wanted = (len(rows), T) if self.output == "steps" else (len(rows),)
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
        times = np.arange(len(rows) * T, dtype=float).reshape(-1, T)
        weights = self._weights(sample_weight, rows.X)
        rows = replace(rows, y=flat, times=times, weights=weights)
        before = None if reset else self.model_.preparation
        return make_job(config, prepare(SequenceDataset("X, y", rows), config, before))

    def _keep(self, after: TrainingState) -> None:
        self._training = after
        self.state_ = after.carried

    def _as_targets(self, outputs: Array) -> Array:
        many = len(self.targets_shape_) == (2 if self.output == "steps" else 1)
        outputs = self.model_.preparation.undo_targets(outputs)
        return outputs if many else outputs[..., 0]


def _targets(y: Any, rows: Rows, dtype: str) -> Array:
    """Targets as an array; those of series of unequal length padded as the series are."""
    n_rows, lengths = len(rows), rows.lengths
    if lengths is not None and isinstance(y, (list, tuple)) and len(y) == n_rows:
        each = [np.asarray(part) for part in y]
        if all(part.ndim for part in each):
            if [len(part) for part in each] != lengths.tolist():
                raise DataError("y: a series of targets is longer or shorter than its series of X")
            y = np.zeros((n_rows, rows.X.shape[1], *each[0].shape[1:]), np.result_type(*each))
            for row, part in zip(y, each, strict=True):
                row[: len(part)] = part
    if y is None:
        raise DataError("requires y to be passed, but the target y is None")
    values = np.asarray(y)
    try:
        values = values.astype(dtype)
    except (TypeError, ValueError):
        raise DataError(f"y: Unknown label type: expected numbers, got {values.dtype}") from None
    if values.ndim == 0 or len(values) != n_rows:
        raise DataError(f"y: {values.shape} targets for {n_rows} rows of X")
    if not np.isfinite(values).all():
        raise DataError("y: contains NaN or infinity")
    return values
