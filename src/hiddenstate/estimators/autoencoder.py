"""Autoencoder: compresses rows into codes of a few numbers and reconstructs them."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hiddenstate.data import fractions
from hiddenstate.data.rows import in_pieces
from hiddenstate.errors import DataError
from hiddenstate.estimators.atomic import all_at_once, of_one_fit
from hiddenstate.estimators.base import Estimator, Read
from hiddenstate.estimators.inputs import (
    check_numbers,
    float_type,
    picture_of,
    unwrapped,
    without_weightless,
)
from hiddenstate.estimators.options import config_of
from hiddenstate.estimators.sklearn_bases import (
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from hiddenstate.system.typing import Array
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.trainer import Callback


class Autoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):
    """An autoencoder of dense layers: a transformer from rows to codes.

    X is 2-D, or 3-D with series of equal length, which are flattened; reconstructions have the
    shape of X. Values of uint8 X are divided by 255.

    Parameters
    ----------
    encoder_sizes : tuple of int in [1, 1_000_000], default=(128, 64, 12)
        Sizes of the hidden layers of the encoder; the decoder mirrors them.
    code_size : int in [1, 65_536], default=3
        Size Z of a code.
    activation : {'tanh', 'relu', 'sigmoid'}, default='tanh'
        Activation between layers.
    output_activation : {'auto', 'sigmoid', 'linear'}, default='auto'
        Activation of the last layer; 'auto' is 'sigmoid' if the data are in [0, 1], else 'linear'.
    scale : {'none', 'auto', 'standard', 'minmax', 'window'} or None, default=None
        How features are scaled, with statistics of the training rows: 'standard' to mean 0 and
        standard deviation 1, 'minmax' to [0, 1], 'auto' as 'standard' unless all values are in
        [0, 1] already; 'window' is for forecasts alone.
        None means 'auto'.
    missing : {'error', 'mean', 'mask'}, default='error'
        What to do with NaN in X: 'error' rejects it, 'mean' fills in the mean of the training
        rows, 'mask' fills in the mean and adds a feature that marks missing values.
    valid_fraction : float in [0, 1), default=0.0
        Fraction of the rows that is held out for validation; the weights with the lowest
        validation loss are kept.
    patience : int in [0, inf), default=0
        Stop early after this many epochs without a lower validation loss (requires
        `valid_fraction`); 0 never stops early.
    augment : str or tuple of str, default='none'
        Change training rows at random in each epoch: 'auto' as training rows decide, or kinds with
        their strengths, such as ('mix', 'warp:0.3').
    epochs : int in [1, 1_000_000_000] or None, default=None
        Passes over the training data; None makes about 1000 updates, at least one pass.
    max_steps : int in [1, inf) or None, default=None
        Largest number of updates, whatever `epochs` is.
    batch_size : int in [1, inf) or None, default=None
        Rows in a batch; None means 64.
    shuffle : bool or None, default=None
        Visit the rows in a new order in each epoch; None means True.
    optimizer : {'adam', 'adamw', 'sgd'}, default='adam'
        Update rule.
    lr : float in (0, inf), default=0.005
        Learning rate.
    momentum : float in [0, 1), default=0.0
        Momentum of 'sgd'.
    weight_decay : float in [0, inf), default=0.0
        Weight decay; for 'adam' and 'sgd' an L2 penalty.
    eps : float in (0, inf) or None, default=None
        Term added to the denominator of 'adam' and 'adamw' after `hold` updates (before: 1e-8);
        None means 1e-8.
    clip : float in (0, inf) or None, default=None
        Largest norm of the gradient of all parameters together, after `hold` updates; None does
        not clip.
    lr_schedule : {'auto', 'constant', 'inverse', 'cosine'}, default='auto'
        How the learning rate changes after `hold` updates: 'constant'; 'inverse',
        lr * hold / step; 'cosine', to 0 at the last update. 'auto' means 'constant'.
    hold : int in [0, inf), default=0
        Updates at the full learning rate, without clipping, before `lr_schedule`, `clip` and `eps`
        take effect.
    random_state : int in [0, 2**63 - 1], RandomState or None, default=None
        Seed of the initial weights, the batch order and dropout.
    device : {'auto', 'cpu', 'cuda', 'mps'}, default='auto'
        Where to compute; 'auto' is the CPU for the native engine, and 'cuda' where available for
        torch ('mps' only if named).
    threads : int in [0, 4096], default=0
        CPU threads; 0 leaves the choice to the engine.
    engine : {'auto', 'native', 'torch'}, default='auto'
        What computes the updates; 'auto' is 'native' (compiled, CPU only) where it applies, else
        'torch'.
    quantize : {'int8'} or None, default=None
        Train a net that computes in integers, with int8 weights: the last updates round as it does.
    state_bits : {16, 8}, default=16
        With quantize, the bits of inputs, of what layers give, and of states.
    sparsity : float in (0, 1) or None, default=None
        With quantize, the share of the weights of each matrix that are 0: the smallest, pruned step
        by step from a quarter of all updates to three quarters.
    weights : str, path-like or None, default=None
        Model file, or state_dict of a classic script (tensors only), to start from.
    log_every : int in [1, inf), default=100
        Updates between two logged events.
    checkpoint_every : int in [0, inf), default=0
        Updates between two checkpoints; 0 saves every 30 seconds. Used only if the run is recorded
        or shown (`run_dir` or `view` of :meth:`fit`).
    example : int in [0, inf), default=0
        Index of the first training row shown as an example. Used only if the run is recorded or
        shown (`run_dir` or `view` of :meth:`fit`).
    n_shown : int in [0, 64], default=1
        Number of examples shown. Used only if the run is recorded or shown (`run_dir` or `view` of
        :meth:`fit`).
    n_reconstructed : int in [0, 1000], default=5
        Number of rows whose reconstructions are shown. Used only if the run is recorded or shown
        (`run_dir` or `view` of :meth:`fit`).
    n_scattered : int in [0, 100_000], default=200
        Number of rows whose codes are drawn. Used only if the run is recorded or shown (`run_dir`
        or `view` of :meth:`fit`).
    recipe : {'auto'} or None, default=None
        'auto' chooses parameters that have their default value by rules that look at the data, as
        `--recipe auto` of the commands does (docs/recipes.md). None uses the defaults.
    verbose : int in [0, inf), default=0
        With 1 or more, print a line about each epoch on stderr.

    Attributes
    ----------
    history_ : list of dict
        Logged events ("log": step, epoch, loss, mean_loss, lr) and, with `valid_fraction`,
        validations ("valid": step, epoch, valid_loss); `event` holds the name.
    n_steps_ : int
        Number of updates made.
    augment_ : dict
        Kinds of augmentation `kept`; with `augment='auto'` also their `agreement` and losses.
    n_features_in_ : int
        Number of columns of a 2-D X, otherwise of features per step.
    feature_names_in_ : ndarray of str
        Column names, if X was a data frame whose columns are all named with strings.
    fit_ndim_ : int
        Number of axes of X; 3 for a list of series.
    model_ : FittedModel
        The architecture, the weights, and the transform applied to X first.
    row_shape_ : tuple of int
        Shape of a row of X.

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
        augment: str | tuple[str, ...] = "none",
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
        quantize: str | None = None,
        state_bits: int = 16,
        sparsity: float | None = None,
        weights: str | None = None,
        log_every: int = 100,
        checkpoint_every: int = 0,
        example: int = 0,
        n_shown: int = 1,
        n_reconstructed: int = 5,
        n_scattered: int = 200,
        recipe: str | None = None,
        verbose: int = 0,
    ) -> None:
        self._set_parameters(locals())

    @property
    def _n_features_out(self) -> int:
        return int(self.model_.net.widths()[-1])

    @all_at_once
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
        """Train on rows X; y is ignored. See :meth:`RecurrentClassifier.fit` for the rest."""
        job = self._make_job(*self._as_read(X, y, sample_weight, True), True)
        self._keep(self._train(job, starting_state(job), run_dir, callbacks, view))
        return self

    @all_at_once
    def partial_fit(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> "Autoencoder":
        """Continue training with one pass over X; see :meth:`RecurrentClassifier.partial_fit`."""
        first = self._check_partial_fit()
        self._train_further(self._make_job(*self._as_read(X, y, sample_weight, first), first))
        return self

    def _as_read(self, X: Any, y: Any, sample_weight: Any, reset: bool) -> Read:
        rows = self._checked_rows(X, reset=reset)
        rows = without_weightless(replace(rows, weights=self._weights(sample_weight, rows.X)))
        if reset:
            self.row_shape_ = rows.X.shape[1:]
            if len(given := tuple(getattr(X, "shape", ()))) == 4:
                self.row_shape_ = given[1:]
        dataset = self._dataset(rows, picture=picture_of(rows, X))
        config = config_of(self, float_type(rows.X) if reset else self.model_.dtype.name, dataset)
        if reset:
            self._seed = config.training.seed
        return dataset, config

    @of_one_fit
    def transform(self, X: ArrayLike) -> Array:
        """Return the codes (n_samples, code_size) of rows X."""
        predictor = self._predictor()
        return np.asarray(predictor.encode(self._prepare(X).X))

    @of_one_fit
    def inverse_transform(self, codes: ArrayLike) -> Array:
        """Return the rows, in the shape of X, reconstructed from codes (n_samples, code_size).

        Raises
        ------
        DataError
            If the codes have another shape or are not finite.
        """
        predictor = self._predictor()
        values = np.asarray(unwrapped(codes), dtype=float)
        if values.ndim != 2 or values.shape[1] != self._n_features_out:
            raise DataError(
                f"codes: expected shape (n, {self._n_features_out}), got {values.shape}"
            )
        check_numbers(values, "codes")
        rows = self.model_.transform.undo(predictor.decode(values))
        return rows.reshape(-1, *self.row_shape_)

    @of_one_fit
    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Return minus the mean squared reconstruction error per value, in the units of X.

        Missing values are ignored.
        """
        predictor = self._predictor()
        rows = self._checked_rows(X, reset=False)
        reconstructed = self.model_.transform.undo(predictor.predict(self._prepare(X).X))
        total, count = 0.0, 0
        for first, piece in in_pieces(rows.X.reshape(reconstructed.shape)):
            true = fractions(piece, np.float64)
            squares = (reconstructed[first : first + len(piece)] - true) ** 2
            total, count = total + float(np.nansum(squares)), count + int((~np.isnan(true)).sum())
        return -total / count if count else float("nan")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
