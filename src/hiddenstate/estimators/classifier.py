"""RecurrentClassifier: assigns sequences to classes."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hiddenstate.config import Config
from hiddenstate.data import SequenceDataset
from hiddenstate.errors import DataError, OptionError, UntrustedFileError, printable
from hiddenstate.estimators.atomic import all_at_once, of_one_fit
from hiddenstate.estimators.base import Estimator, Read
from hiddenstate.estimators.hidden import HiddenStatesMixin
from hiddenstate.estimators.inputs import (
    check_labels,
    float_type,
    picture_of,
    unwrapped,
    without_weightless,
)
from hiddenstate.estimators.labels import (
    class_numbers,
    one_dimensional,
    weights_of_classes,
    with_class_weights,
)
from hiddenstate.estimators.online import OnlineClassifierMixin
from hiddenstate.estimators.options import config_of
from hiddenstate.estimators.sklearn_bases import ClassifierMixin
from hiddenstate.estimators.teachers import job_with_teacher
from hiddenstate.jobs import Job
from hiddenstate.program.equations import softmax
from hiddenstate.system.typing import Array
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.trainer import Callback


class RecurrentClassifier(ClassifierMixin, Estimator, HiddenStatesMixin, OnlineClassifierMixin):
    """A recurrent network that classifies sequences.

    X has shape (n_samples, n_timesteps, n_features); or is a list of series (n_timesteps,
    n_features) of any lengths; or is 2-D, with one feature per step, or cut into `steps` steps.
    Values of uint8 X are divided by 255.

    Parameters
    ----------
    cell : {'rnn', 'gru', 'lstm', 'fastgrnn', 'mingru', 'lru'}, default='lstm'
        Recurrent cell.
    nonlinearity : {'tanh', 'relu'}, default='tanh'
        Activation of the 'rnn' cell; the other cells have fixed activations.
    hidden_size : int in [1, 65_536], default=64
        Hidden size H of every layer.
    layers : int in [1, 64], default=1
        Number of stacked recurrent layers.
    bidirectional : bool, default=False
        Read each sequence in both directions.
    dropout : float in [0, 1), default=0.0
        Fraction of the values between stacked layers that is set to zero during training.
    readout : {'last', 'mean'}, default='last'
        What the output layer reads where a sequence has one answer: the state after the last step,
        or the mean of the states over the steps.
    stem : bool, default=False
        Put convolutional layers before the recurrent ones.
    stem_channels : tuple of int in [1, 65_536], default=(64, 128, 64)
        Channels of each convolutional layer.
    stem_kernels : tuple of int in [1, 1023], default=(9, 5, 3)
        Steps that each convolutional layer reads at once.
    stem_pool : int in [1, 65_536], default=1
        Steps that are averaged to one after the first convolutional layer.
    stem_causal : bool, default=False
        Let the convolutional layers read only steps up to the current one.
    members : int in [1, 64], default=1
        Nets trained side by side from different weights, whose answers are averaged.
    states : int in [0, 65_536], default=0
        Complex numbers that each layer of 'lru' carries; 0: half the hidden size.
    ring_min : float in [0, 1), default=0.9
        Smallest absolute value of an eigenvalue of 'lru' when training begins.
    ring_max : float in (0, 1), default=0.999
        Largest absolute value of such an eigenvalue.
    ring_angle : float in (0, 6.2832], default=6.283
        Largest angle in radians by which such a state turns at each step.
    rank : int in [0, 65_536], default=0
        Of the two matrices of 'fastgrnn', each stored as two factors; 0: they are whole.
    remember : int in [0, 1_000_000], default=0
        Steps that units with gates remember at most when training begins; 0: a few.
    label_smoothing : float in [0, 1), default=0.0
        Share of a label's weight in the loss that is spread over all classes.
    convolutions : bool, default=False
        Classify by fixed convolutions beside the net: the answer is the mean of both, and rows
        that a net did not learn from set the share of each.
    prefer_nets : bool, default=False
        Leave out the fixed convolutions at the end if, on rows that the net did not learn from, it
        alone is at most 0.02, and one standard error of the difference, less accurate, and its log
        loss is hardly larger.
    fold_epochs : int in [0, inf), default=0
        With `convolutions`, epochs after which each net learns from the fold of the rows that it
        leaves out before; 0: never.
    steps : int in [1, inf) or None, default=None
        Number of time steps in a flat row: with `steps=28`, a row of 784 numbers is read as 28
        steps of 28 features.
    channels_first : bool, default=False
        X is (n_samples, n_features, n_timesteps), and a series in a list is
        (n_features, n_timesteps), as in aeon and sktime.
    class_weight : {'none', 'balanced'}, dict or None, default=None
        'balanced' gives each class the same total weight; a dict maps labels to weights; 'none'
        and None weigh all rows alike.
    scale : {'none', 'auto', 'standard', 'minmax', 'window'} or None, default=None
        How features are scaled, with statistics of the training rows: 'standard' to mean 0 and
        standard deviation 1, 'minmax' to [0, 1], 'auto' as 'standard' unless all values are in
        [0, 1] already; 'window' is for forecasts alone.
        None means 'auto'.
    missing : {'error', 'mean', 'forward', 'mask'}, default='error'
        What to do with NaN in X: 'error' rejects it, 'mean' fills in the mean of the training
        rows, 'forward' repeats the value before, 'mask' fills in the mean and adds a feature that
        marks missing values.
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
    lr : float in (0, inf), default=0.01
        Learning rate.
    momentum : float in [0, 1), default=0.0
        Momentum of 'sgd'.
    weight_decay : float in [0, inf), default=0.0
        Weight decay; for 'adam' and 'sgd' an L2 penalty.
    eps : float in (0, inf) or None, default=None
        Term added to the denominator of 'adam' and 'adamw' after `hold` updates (before: 1e-8);
        None means 1e-8.
    clip : float in (0, inf) or None, default=1.0
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
    weights : str, path-like or None, default=None
        Model file, or state_dict of a classic script (tensors only), to start from.
    teacher : estimator, array-like, str, path-like or None, default=None
        What else to learn: the answers for X of 'convolutions', which are fitted on X, of a fitted
        estimator of this package, of a run or model file, or an array (n_samples, n_classes) of
        probabilities or logits.
    teach_temperature : float in (0, 100] or 'auto', default=2.0
        What logits are divided by before the probabilities of teacher and net are compared; 'auto'
        chooses 1, 2 or 4 by rows of X that nets did not learn from.
    teach_weight : float in [0, 1] or 'auto', default=0.3
        Weight of the loss of labels, beside that of the answers of the teacher; 'auto' chooses .1,
        .3 or .6 in the same way.
    quantize : {'int8'} or None, default=None
        Train a net that computes in integers, with int8 weights: the last updates round as it does.
    state_bits : {16, 8}, default=16
        With quantize, the bits of inputs, of what layers give, and of states.
    sparsity : float in (0, 1) or None, default=None
        With quantize, the share of the weights of each matrix that are 0: the smallest, pruned step
        by step from a quarter of all updates to three quarters.
    log_every : int in [1, inf), default=50
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
    n_predicted : int in [0, 1000], default=10
        Number of rows whose predictions are shown. Used only if the run is recorded or shown
        (`run_dir` or `view` of :meth:`fit`).
    streamable : bool, default=False
        Train one net of at most 30,000 weights that answers after every step, taught and on
        augmented rows: `recipe='auto'` with rules of its own (docs/streamable.md).
    recipe : {'auto'} or None, default=None
        'auto' chooses parameters that have their default value by rules that look at the data, as
        `--recipe auto` of the commands does (docs/recipes.md). None uses the defaults.
    last_target : bool, default=True
        Let :meth:`learn_one` read the last targets that are known.
    verbose : int in [0, inf), default=0
        With 1 or more, print a line about each epoch on stderr.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    history_ : list of dict
        Logged events ("log": step, epoch, loss, mean_loss, lr) and, with `valid_fraction`,
        validations ("valid": step, epoch, valid_loss); `event` holds the name.
    n_steps_ : int
        Number of updates made.
    drifts_ : list of int
        Calls of :meth:`learn_one` at which the loss left its own past.
    augment_ : dict
        Kinds of augmentation `kept`; with `augment='auto'` also their `agreement` and losses.
    answered_by_ : str
        Who answers: 'the network', 'fixed convolutions', or
        'the network and fixed convolutions'.
    n_features_in_ : int
        Number of columns of a 2-D X, otherwise of features per step.
    feature_names_in_ : ndarray of str
        Column names, if X was a data frame whose columns are all named with strings.
    fit_ndim_ : int
        Number of axes of X; 3 for a list of series.
    model_ : FittedModel
        The architecture, the weights, and the transform applied to X first.

    Examples
    --------
    >>> from hiddenstate import RecurrentClassifier, load_mnist
    >>> digits = load_mnist()
    >>> clf = RecurrentClassifier(max_steps=50, random_state=0)
    >>> clf.fit(digits.X[:2000], digits.y[:2000]).predict(digits.X_test[:3]).shape
    (3,)
    """

    _job = "classify"
    class_weight: Any
    teacher: Any
    classes_: Array

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
        stem: bool = False,
        stem_channels: tuple[int, ...] = (64, 128, 64),
        stem_kernels: tuple[int, ...] = (9, 5, 3),
        stem_pool: int = 1,
        stem_causal: bool = False,
        members: int = 1,
        states: int = 0,
        ring_min: float = 0.9,
        ring_max: float = 0.999,
        ring_angle: float = 6.283,
        rank: int = 0,
        remember: int = 0,
        label_smoothing: float = 0.0,
        convolutions: bool = False,
        prefer_nets: bool = False,
        fold_epochs: int = 0,
        steps: int | None = None,
        channels_first: bool = False,
        class_weight: Any = None,
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
        teacher: Any = None,
        teach_temperature: float | str = 2.0,
        teach_weight: float | str = 0.3,
        quantize: str | None = None,
        state_bits: int = 16,
        sparsity: float | None = None,
        log_every: int = 50,
        checkpoint_every: int = 0,
        example: int = 0,
        n_shown: int = 1,
        n_predicted: int = 10,
        streamable: bool = False,
        recipe: str | None = None,
        last_target: bool = True,
        verbose: int = 0,
    ) -> None:
        self._set_parameters(locals())

    @all_at_once
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
        """Train on sequences X and labels y.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features), or list of series
        y : array-like of shape (n_samples,)
            Labels of any type that scikit-learn supports.
        sample_weight : array-like of shape (n_samples,), optional
            Weight of each sample; samples of weight 0 are left out.
        run_dir : path, optional
            New folder in which the run is recorded.
        callbacks : iterable of Callback
            Called during training.
        view : {"off", "auto", "window", "notebook", "terminal"}
            Shows training in another process; closing the view does not interrupt training.

        Raises
        ------
        DataError, OptionError
            If data or parameters are invalid.
        DivergedError
            If a loss is not finite.
        MachineError
            If the view is not available, or the folder cannot be made.
        """
        job = self._make_job(*self._as_read(X, y, sample_weight, True), True)
        self._keep(self._train(job, starting_state(job), run_dir, callbacks, view))
        return self

    @all_at_once
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> "RecurrentClassifier":
        """Continue training with one pass over X, from where the last call or `fit` ended.

        Weights, optimiser state and the number of updates are kept; the first call determines
        the scaling.

        Parameters
        ----------
        X, y, sample_weight
            As in :meth:`fit`.
        classes : array-like of shape (n_classes,), optional
            All labels that will ever be in y; required in the first call.

        Raises
        ------
        OptionError
            With `lr_schedule="cosine"`, `class_weight="balanced"` or a `recipe`, which require all
            rows, or with `valid_fraction`.
        DataError
            If X, y, the classes or the parameters do not match the network.
        """
        first = self._check_partial_fit()
        if isinstance(self.class_weight, str):
            raise OptionError(
                f"class_weight: {self.class_weight!r} requires all rows; pass a dict to partial_fit"
            )
        if first and classes is None:
            raise DataError("classes must be passed on the first call to partial_fit")
        if classes is not None:
            check_labels(unwrapped(classes), "classes")
            labels = np.unique(np.asarray(unwrapped(classes)))
            if not first and not np.array_equal(labels, self.classes_):
                raise DataError(
                    f"classes: {printable(labels, 80)} are not those of the first call to "
                    f"partial_fit or of fit, {printable(self.classes_, 80)}"
                )
            self.classes_ = labels
        dataset, config = self._as_read(X, y, sample_weight, first, self.classes_)
        self._train_further(self._make_job(dataset, config, first, every_class=False))
        return self

    def _as_read(
        self, X: Any, y: Any, sample_weight: Any, reset: bool, classes: Array | None = None
    ) -> Read:
        """Check data and parameters; without `classes`, they are the labels in y."""
        from sklearn.utils.multiclass import check_classification_targets

        rows = self._checked_rows(X, reset=reset)
        labels = one_dimensional(unwrapped(y), len(rows))
        weights = self._weights(sample_weight, rows.X)
        check_classification_targets(labels)
        self.classes_ = np.unique(labels) if classes is None else classes
        if len(self.classes_) < 2:
            raise DataError(f"y: only one class, {self.classes_[0]}; at least two are required")
        if not isinstance(self.class_weight, (dict, str, type(None))):
            raise OptionError(
                f'class_weight: expected a dict, "balanced" or None, got {self.class_weight!r}'
            )
        numbers = class_numbers(labels, self.classes_)
        rows = without_weightless(replace(rows, y=numbers, weights=weights))
        # `tolist` makes integers of times in nanoseconds.
        dated = self.classes_.dtype.kind in "Mm"
        names = list(self.classes_) if dated else self.classes_.tolist()
        dataset = self._dataset(rows, y, classes=names, picture=picture_of(rows, X))
        config = config_of(self, float_type(rows.X) if reset else self.model_.dtype.name, dataset)
        if reset:
            self._seed = config.training.seed
        return dataset, config

    def _make_job(
        self, dataset: SequenceDataset, config: Config, reset: bool, every_class: bool = True
    ) -> Job:
        prepared = self._prepared(dataset, config, reset, every_class)
        if isinstance(self.class_weight, dict):
            of_each = weights_of_classes(self.class_weight, self.classes_)
            prepared = replace(prepared, train=with_class_weights(prepared.train, of_each))
        return job_with_teacher(self.teacher, dataset, config, prepared)

    @of_one_fit
    def predict_proba(self, X: ArrayLike) -> Array:
        """Return class probabilities (n_samples, n_classes), in the order of `classes_`."""
        return softmax(self._outputs(self._predictor(), self._prepare(X)))

    @of_one_fit
    def predict(self, X: ArrayLike) -> Array:
        """Return the most probable label of each sample (n_samples,)."""
        chosen = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[chosen])

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the mean accuracy on X and y."""
        return float(super().score(X, unwrapped(y), unwrapped(sample_weight)))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Set the state that pickle read, unless its labels are not those of its model.

        Up to version 0.4, a refit that failed left new labels beside the old model.
        """
        super().__setstate__(state)
        if hasattr(self, "model_") and self.model_.classes not in (
            self.classes_.tolist(),
            list(self.classes_),
        ):
            raise UntrustedFileError(
                f"{type(self).__name__}: pickled after a fit that failed; its labels "
                f"{printable(self.classes_.tolist(), 60)} are not those of its model; fit it again"
            )
