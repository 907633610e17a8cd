"""RecurrentClassifier: sequences in, labels out."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_class_weight

from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.errors import DataError, OptionError
from hiddenstate.estimators.base import Estimator, documented
from hiddenstate.estimators.inputs import (
    Array,
    by_series,
    check_numbers,
    float_type,
    picture_of,
    python_words,
    untensored,
    without_weightless,
)
from hiddenstate.jobs import make_job
from hiddenstate.metrics.scores import softmax
from hiddenstate.training.callback import Callback
from hiddenstate.training.initial_state import starting_state


@documented("classify")
class RecurrentClassifier(ClassifierMixin, Estimator):
    """A recurrent net that reads each row step by step and names its class.

    X is (n_samples, n_timesteps, n_features); a list of series (n_timesteps, n_features) of any
    lengths; 2-D with one feature a step; or 2-D cut into `steps` steps. uint8 X means fractions
    of 255.

    @parameters

    Attributes
    ----------
    classes_ : ndarray
        The labels, sorted.
    @attributes

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
        readout: str = "last",
        *,
        steps: int | None = None,
        channels_first: bool = False,
        class_weight: Any = None,
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
        n_predicted: int = 10,
    ) -> None:
        self.cell = cell
        self.nonlinearity = nonlinearity
        self.hidden_size = hidden_size
        self.layers = layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.readout = readout
        self.steps = steps
        self.channels_first = channels_first
        self.class_weight = class_weight
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
        self.example = example
        self.n_shown = n_shown
        self.n_predicted = n_predicted

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        run_dir: str | Path | None = None,
        callbacks: Iterable[Callback] = (),
        view: str = "off",
    ) -> "RecurrentClassifier":
        """Train on rows X with labels y; with `run_dir` the run is recorded there.

        `view` shows it meanwhile: auto, window, notebook, terminal, or off. It is drawn by another
        process; closing it ends nothing.

        Raises
        ------
        DataError, OptionError
            For data or parameters that do not fit.
        DivergedError
            If a loss is not finite.
        MachineError
            If the view is not to be had, or the folder cannot be made.
        """
        from sklearn.utils.multiclass import check_classification_targets

        rows = self._checked_rows(X, reset=True)
        labels = _one_dimensional(untensored(y), len(rows))
        weights = self._weights(sample_weight, rows.X)
        check_classification_targets(labels)
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(f"y: only one class, {self.classes_[0]}; two or more are needed")
        if not isinstance(self.class_weight, (dict, str, type(None))):
            raise OptionError(
                f'class_weight: expected a dict, "balanced" or None, got {self.class_weight!r}'
            )
        rows = without_weightless(replace(rows, y=numbers.astype(np.int64), weights=weights))
        config = self._config(float_type(rows.X), len(rows))
        dataset = SequenceDataset(
            "X, y", rows, classes=self.classes_.tolist(), picture=picture_of(rows)
        )
        with python_words():
            dataset = prepare(dataset, config)
            if isinstance(self.class_weight, dict):
                each = compute_class_weight(self.class_weight, classes=self.classes_, y=labels)
                dataset = replace(dataset, train=_weighed(dataset.train, each))
            job = make_job(config, dataset)
        self._train(job, starting_state(job.net, config.training), run_dir, callbacks, view)
        return self

    def predict_proba(self, X: ArrayLike) -> Array:
        """Probability of each class (n_samples, n_classes), in the order of `classes_`."""
        predictor = self._predictor()
        rows = self._lay_out(X)
        return softmax(predictor.predict(rows.X, rows.lengths))

    def predict(self, X: ArrayLike) -> Array:
        """The most probable label of each row (n_samples,)."""
        chosen = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[chosen])

    def hidden_states(self, X: ArrayLike) -> Array:
        """The top layer's state h_t of each row after every step, (n_samples, n_timesteps, H).

        With `bidirectional=True` the backward states follow the forward ones in the last axis.
        States of series of unequal length come as an array of objects, one array (T, H) a series.
        """
        rows = self._lay_out(X)
        states = self._state_predictor().predict(rows.X, rows.lengths)
        return by_series(states, rows.lengths)


def _weighed(rows: Rows, each: Array) -> Rows:
    """Prepared training rows that count as much as their class, about 1 on average."""
    own = each[rows.y]
    weights = own if rows.weights is None else own * rows.weights
    if not (own >= 0).all() or not np.isfinite(own).all() or not weights.any():
        raise DataError("class_weight: expected numbers from 0 on, not all of them 0")
    return replace(rows, weights=weights / weights.mean())


def _one_dimensional(y: Any, n_rows: int) -> Array:
    """Labels as scikit-learn checks them."""
    from sklearn.utils.validation import column_or_1d

    if y is None:
        raise DataError("requires y to be passed, but the target y is None")
    labels = column_or_1d(y, warn=True)
    check_numbers(labels, "y")
    if len(labels) != n_rows:
        raise DataError(f"y: {len(labels)} labels for {n_rows} rows of X")
    return np.asarray(labels)
