"""Autoencoder: rows in, a few numbers out, and back."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin

from hiddenstate.data import SequenceDataset, fractions
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.errors import DataError
from hiddenstate.estimators.base import Estimator, documented
from hiddenstate.estimators.inputs import (
    Array,
    check_numbers,
    float_type,
    picture_of,
    python_words,
    untensored,
    without_weightless,
)
from hiddenstate.jobs import make_job
from hiddenstate.training.callback import Callback
from hiddenstate.training.initial_state import starting_state


@documented("autoencode")
class Autoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):
    """Dense layers that press each row into a few numbers and build it again from them.

    X is 2-D, or 3-D with series of one length, which are flattened and given back in their
    shape. uint8 X means fractions of 255. What lies outside [0, 1] is scaled, or the net ends in
    a linear layer.

    @parameters

    Attributes
    ----------
    @attributes
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
        scale: str | None = None,
        missing: str = "error",
        valid_fraction: float = 0.0,
        patience: int = 0,
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
        n_reconstructed: int = 5,
        n_scattered: int = 200,
    ) -> None:
        self.encoder_sizes = encoder_sizes
        self.code_size = code_size
        self.activation = activation
        self.output_activation = output_activation
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
        self.n_reconstructed = n_reconstructed
        self.n_scattered = n_scattered

    @property
    def _n_features_out(self) -> int:
        return int(self.model_.net.widths()[-1])

    def fit(
        self,
        X: ArrayLike,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        *,
        run_dir: str | Path | None = None,
        callbacks: Iterable[Callback] = (),
        view: str = "off",
    ) -> "Autoencoder":
        """Train on rows X; y is ignored. Errors as in :meth:`RecurrentClassifier.fit`."""
        rows = self._checked_rows(X, reset=True)
        rows = without_weightless(replace(rows, weights=self._weights(sample_weight, rows.X)))
        self.row_shape_ = rows.X.shape[1:]
        config = self._config(float_type(rows.X), len(rows))
        dataset = SequenceDataset("X", rows, picture=picture_of(rows))
        with python_words():
            job = make_job(config, prepare(dataset, config))
        self._train(job, starting_state(job.net, config.training), run_dir, callbacks, view)
        return self

    def transform(self, X: ArrayLike) -> Array:
        """Codes (n_samples, code_size) of rows X."""
        predictor = self._predictor()
        return np.asarray(predictor.encode(self._lay_out(X).X))

    def inverse_transform(self, codes: ArrayLike) -> Array:
        """Rows, in the shape X had, built from codes (n_samples, code_size)."""
        predictor = self._predictor()
        values = np.asarray(untensored(codes), dtype=float)
        if values.ndim != 2 or values.shape[1] != self._n_features_out:
            raise DataError(f"codes: expected (n, {self._n_features_out}), got {values.shape}")
        check_numbers(values, "codes")
        rows = self.model_.preparation.undo(predictor.decode(values))
        return rows.reshape(-1, *self.row_shape_)

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Minus the mean squared reconstruction error per number, in the units of X.

        Missing numbers count for nothing.
        """
        predictor = self._predictor()
        rows = self._checked_rows(X, reset=False)
        made = self.model_.preparation.undo(predictor.predict(self._lay_out(X).X))
        true = fractions(rows.X, np.float64).reshape(made.shape)
        return -float(np.nanmean((made - true) ** 2))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
