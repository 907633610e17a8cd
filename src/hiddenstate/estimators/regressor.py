"""RecurrentRegressor: predicts targets at every step of a sequence, or one after the last."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hiddenstate.data import Rows, as_rows
from hiddenstate.engines import TrainingState
from hiddenstate.errors import OptionError
from hiddenstate.estimators.atomic import all_at_once, of_one_fit
from hiddenstate.estimators.base import Estimator, Read
from hiddenstate.estimators.carried import CarriedStateMixin
from hiddenstate.estimators.forecasts import ForecastMixin
from hiddenstate.estimators.inputs import (
    as_targets,
    by_series,
    float_type,
    without_weightless,
)
from hiddenstate.estimators.options import config_of, refuse_of_forecasts, warn_if_far
from hiddenstate.estimators.signals import (
    after_streams,
    as_signals,
    by_signal,
    check_next_windows,
    joined,
    signals_in,
)
from hiddenstate.estimators.sklearn_bases import RegressorMixin
from hiddenstate.jobs import Job
from hiddenstate.models.net import Params
from hiddenstate.system.typing import Array
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.trainer import Callback


class RecurrentRegressor(RegressorMixin, Estimator, ForecastMixin, CarriedStateMixin):
    """A recurrent network that predicts targets from sequences.

    X has shape (n_samples, n_timesteps, n_features); or is a list of series (n_timesteps,
    n_features) of any lengths; or is 2-D with one feature per step. With `stateful=True` the rows
    of X are consecutive windows of one signal, and the hidden state is carried from each window to
    the next; several signals are a list of such arrays, and so are y and the predictions. With
    `output="steps"` y has shape (n_samples, n_timesteps) or (n_samples, n_timesteps, n_targets),
    or is a list of such series; with "last", (n_samples,) or (n_samples, n_targets).

    Parameters
    ----------
    cell : {'rnn', 'gru', 'lstm', 'fastgrnn', 'mingru', 'lru'}, default='gru'
        Recurrent cell.
    nonlinearity : {'tanh', 'relu'}, default='tanh'
        Activation of the 'rnn' cell; the other cells have fixed activations.
    hidden_size : int in [1, 65_536], default=32
        Hidden size H of every layer.
    layers : int in [1, 64], default=1
        Number of stacked recurrent layers.
    bidirectional : bool, default=False
        Read each sequence in both directions.
    dropout : float in [0, 1), default=0.0
        Fraction of the values between stacked layers that is set to zero during training.
    readout : {'last', 'mean'}, default='last'
        What the output layer reads for one answer a sequence: the last state, or the mean of all.
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
    stateful : bool, default=False
        Rows are consecutive windows of one signal: the state is carried from each to the next.
    streams : int in [1, 65_536] or None, default=None
        Rows of a batch if `stateful`, each with its own state: a signal is cut into as many parts,
        and of several signals as many are read side by side. None means one part, or 64 signals.
    washout : int in [0, inf), default=0
        First steps after a state of zero that are in no training loss: of each stream if
        `stateful`, else of each row. Requires `output="steps"`.
    output : {'steps', 'last'}, default='last'
        What is predicted: a target at every step, or one after the last step.
    steps : int in [1, inf) or None, default=None
        Number of time steps in a flat row: with `steps=28`, a row of 784 numbers is read as 28
        steps of 28 features.
    horizon : int in [1, 1_000_000] or None, default=None
        Forecast the features of X this many steps ahead; X are then series, of any lengths.
    window : int in [0, inf) or None, default=None
        Steps of a window that a forecast reads; None means 32, or a third of the series if less,
        and 0 the whole series, which :meth:`forecast` cannot continue.
    change : bool, default=False
        A forecast learns the change from the last value to the one that is forecast.
    input_skip : bool, default=False
        Add the first features of X to the outputs, one to each: the network learns how a target
        differs from its input.
    linear : bool, default=False
        A forecast adds a linear function of the last values; the network learns what it leaves.
    linear_inputs : bool, default=False
        With `linear`, the linear function may read the last values of other inputs too, where a
        rolling origin in the training rows shows that they help.
    season : int, tuple of int, 'none' or None, default=None
        Steps after which the values that are forecast repeat, the main season first, such as
        (24, 168) for hours; 'none' means that they do not. None means those of the dates or the
        values, where a test finds them.
    future : sequence of str or int, or None, default=None
        Features of X that are known ahead, such as a price or a holiday, by name or number: a
        forecast also reads their values at the time that it predicts.
    static : sequence of str or int, or None, default=None
        Features of X that have one value in each series, such as a region, by name or number.
    input : sequence of str or int, or None, default=None
        Columns of a frame with dates that the network reads, those that are forecast among them;
        None means these alone, beside `future`, `static` and `calendar`.
    time : str or None, default=None
        Column or level of the index that orders the rows of a frame; None means the index, if it
        holds dates, or the column named time, date or similar.
    id : str, sequence of str or None, default=None
        Columns or levels of the index that name the series of a frame with several; None means the
        column named id, series or similar, or the other levels of the index.
    every : str or None, default=None
        Step of the dates of a frame, such as 'day' or '15min': steps that are missing between the
        first and the last of a series are added as missing values, which `missing` handles;
        'weekday' is Monday to Friday. With the recipe, None fills in at most a tenth of the steps.
    calendar : str, sequence of str or None, default=None
        Inputs made from the dates of a frame: 'hours', 'weekdays' and 'months' as 0 or 1 for each
        value; 'hour', 'weekday', 'month' and 'yearday' as a sine and a cosine, or 'auto' for those
        of which the dates show a whole day, week or year; 'none' for no inputs. None means that the
        recipe may add the hours and weekdays of hourly and daily data, as known ahead.
    channels_first : bool, default=False
        X is (n_samples, n_features, n_timesteps), and a series in a list is
        (n_features, n_timesteps), as in aeon and sktime.
    scale : {'none', 'auto', 'standard', 'minmax', 'window'} or None, default=None
        How features are scaled, with statistics of the training rows: 'standard' to mean 0 and
        standard deviation 1, 'minmax' to [0, 1], 'auto' as 'standard' unless all values are in
        [0, 1] already; 'window' is as 'auto', but with `linear` scales the past of the targets by
        each window, for series of different size. None means 'auto', or 'none' if `stateful`.
    missing : {'error', 'mean', 'forward', 'mask'}, default='error'
        What to do with NaN in X: 'error' rejects it, 'mean' fills in the mean of training rows,
        'forward' the value before; 'mask' fills in the mean and adds a feature that marks NaN.
    test_fraction : float in [0, 1), default=0.0
        Of a forecast, the fraction of the end of each series that is held out from training: the
        errors there give the intervals of :meth:`forecast`.
    valid_fraction : float in [0, 1), default=0.0
        Fraction of the rows that is held out for validation; the weights with the lowest
        validation loss are kept.
    patience : int in [0, inf), default=0
        Stop after so many epochs without a lower loss on `valid_fraction`; 0 never stops early.
    augment : str or tuple of str, default='none'
        Change training rows at random: 'auto', or kinds such as ('shift', 'warp:0.3').
    epochs : int in [1, 1_000_000_000] or 'auto' or None, default=None
        Passes over the training data; None makes about 1000 updates, at least one pass. 'auto', for
        `stateful`: as many as suit the last windows of each signal.
    max_steps : int in [1, inf) or None, default=None
        Largest number of updates, whatever `epochs` is.
    batch_size : int in [1, inf) or None, default=None
        Rows in a batch; None means 64, or 1 if `stateful`.
    shuffle : bool or None, default=None
        Visit the rows in a new order in each epoch; None means True, or False if `stateful`.
    loss : {'mse', 'mae', 'huber', 'quantile', 'esr'}, default='mse'
        What training makes small: the mean of squared errors, of absolute errors, or of squared
        errors up to 1 and absolute ones beyond (of scaled targets); the loss that is least at a
        `quantile`; or the error-to-signal ratio with pre-emphasis, for `output='steps'`.
    quantile : float or tuple of float in (0, 1), default=()
        With `loss='quantile'`, the shares of targets that answers are to reach, rising. Several
        give the answers of :meth:`predict` a last axis, along which they never fall.
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
        None means 1e-8, or 0.01 if `stateful`.
    clip : float in (0, inf) or None, default=1.0
        Largest norm of the gradient of all parameters together, after `hold` updates; None does
        not clip.
    lr_schedule : {'auto', 'constant', 'inverse', 'cosine'}, default='auto'
        How the learning rate changes after `hold` updates: 'constant'; 'inverse',
        lr * hold / step; 'cosine', to 0 at the last update. 'auto' means 'constant', or 'inverse'
        if `stateful`.
    hold : int in [0, inf), default=100
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
        What else to learn: the answers for X of a fitted estimator of this package, of a run or
        model file, or an array in the shape of y.
    teach_weight : float in [0, 1] or 'auto', default=0.3
        Share of the targets, and the rest of the teacher; 'auto' chooses it by rows left out.
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
    recipe : {'auto'} or None, default=None
        'auto' chooses parameters that have their default value by rules that look at the data, as
        `--recipe auto` of the commands does (docs/recipes.md). None uses the defaults.
    last_target : bool, default=True
        Let :meth:`learn_one` read the last targets that are known.
    verbose : int in [0, inf), default=0
        With 1 or more, print a line about each epoch on stderr.

    Attributes
    ----------
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
        Who answers: 'the network', 'the linear path' or 'the network and the linear path'.
    n_features_in_ : int
        Number of columns of a 2-D X, otherwise of features per step.
    feature_names_in_ : ndarray of str
        Column names, if X was a data frame whose columns are all named with strings.
    fit_ndim_ : int
        Number of axes of X; 3 for a list of series.
    model_ : FittedModel
        The architecture, the weights, and the transform applied to X first.
    state_ : dict of ndarray
        Hidden state after the last training window: the arrays of the cell by name, such as `h`,
        (layers, 1, hidden_size or states), or (layers, n_signals, ...) for a list of signals.
        Empty if no state is carried, or for the zero state.
    targets_shape_ : tuple of int
        Shape of y without its first axis.

    Examples
    --------
    >>> from hiddenstate import RecurrentRegressor, load_waves
    >>> waves = load_waves(100)
    >>> reg = RecurrentRegressor("rnn", stateful=True, output="steps", lr=0.02, epochs=1)
    >>> reg.fit(waves.X, waves.y).predict(waves.X_test).shape
    (100, 10, 1)
    """

    _job = "regress"
    horizon: int | None
    output: str
    scale: str | None
    stateful: bool
    steps: int | None

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
        stateful: bool = False,
        streams: int | None = None,
        washout: int = 0,
        output: str = "last",
        steps: int | None = None,
        horizon: int | None = None,
        window: int | None = None,
        change: bool = False,
        input_skip: bool = False,
        linear: bool = False,
        linear_inputs: bool = False,
        season: Any = None,
        future: Any = None,
        static: Any = None,
        input: Any = None,
        time: str | None = None,
        id: Any = None,
        every: str | None = None,
        calendar: Any = None,
        channels_first: bool = False,
        scale: str | None = None,
        missing: str = "error",
        test_fraction: float = 0.0,
        valid_fraction: float = 0.0,
        patience: int = 0,
        augment: str | tuple[str, ...] = "none",
        epochs: int | str | None = None,
        max_steps: int | None = None,
        batch_size: int | None = None,
        shuffle: bool | None = None,
        loss: str = "mse",
        quantile: Any = (),
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
        teacher: Any = None,
        teach_weight: float | str = 0.3,
        quantize: str | None = None,
        state_bits: int = 16,
        sparsity: float | None = None,
        log_every: int = 50,
        checkpoint_every: int = 0,
        recipe: str | None = None,
        last_target: bool = True,
        verbose: int = 0,
    ) -> None:
        self._set_parameters(locals())

    def _check_scale(self, job: Job) -> None:
        if self.stateful and self.scale is None and self.recipe is None:
            warn_if_far(job.dataset.train.require_targets())

    @all_at_once
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        run_dir: str | Path | None = None,
        callbacks: Iterable[Callback] = (),
        view: str = "off",
    ) -> "RecurrentRegressor":
        """Train on sequences X and targets y, or on series X with a `horizon`.

        With a `horizon`, X is one series (T,) or (T, I), a data frame, a list of these, or (N, T,
        I), and y names the features to forecast, by name or number; None for all. A frame whose
        index or a column holds dates is read as the command `regress` reads a table, and so is any
        frame with `time`, `id`, `input`, `every` or `calendar`: its inputs are then the columns to
        forecast and those in `input`, `future`, `static` and `calendar`, and remarks on how it was
        read are warnings. The other parameters and the errors are those of
        :meth:`RecurrentClassifier.fit`.
        """
        if self.horizon is not None:
            job = self._forecast_job(X, y, sample_weight)
        else:
            job = self._make_job(*self._as_read(X, y, sample_weight, True), True)
        self._check_scale(job)
        after = self._train(job, starting_state(job), run_dir, callbacks, view)
        if job.streams is not None:
            after = after_streams(job, after, self._predictor())
        self._keep(after)
        if self.horizon is not None:
            self._keep_ends()
        return self

    @all_at_once
    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> "RecurrentRegressor":
        """Continue training with one pass over X, from where the last call ended.

        Weights, optimiser state, carried state and the number of updates are kept. Windows passed
        one by one therefore train exactly as in one :meth:`fit`, except that the first call
        determines the scaling. With `lr_schedule="auto"`, calls after 10 times `hold` updates train
        at `lr` / 10.

        Raises
        ------
        OptionError
            With `lr_schedule="cosine"`, a `recipe`, `valid_fraction` or `augment`.
        DataError
            If X, y or the parameters no longer match the network.
        """
        if self.horizon is not None:
            raise OptionError("horizon: windows are cut from whole series; use fit")
        first = self._check_partial_fit()
        job = self._make_job(*self._as_read(X, y, sample_weight, first), first)
        check_next_windows(job, {} if first else self.state_)
        if first:
            self._check_scale(job)
        self._train_further(job)
        return self

    @of_one_fit
    def predict(self, X: ArrayLike) -> Array:
        """Return predicted targets for X, in the shape of y; several quantiles along a last axis.

        With `stateful=True` the rows of X are consecutive windows, and the first starts from the
        zero state; the state of the estimator does not change. For targets at every step of series
        of unequal length, return an object array with one array (T,) or (T, n_targets) each.
        """
        predictor, rows = self._predictor(), self._prepare(X)
        targets = by_signal(self._as_targets(self._outputs(predictor, rows), rows), rows)
        return by_series(targets, None if self.model_.net.output == "last" else rows.lengths)

    @of_one_fit
    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the mean R2 over the targets; every step counts as a sample.

        Of several quantiles it is that of the median, which must be one of them.
        """
        from sklearn.metrics import r2_score

        predicted, true, weights = self._compared(X, self.predict(X), y, sample_weight)
        return float(r2_score(true, predicted, sample_weight=weights))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _as_read(self, X: Any, y: Any, sample_weight: Any, reset: bool) -> Read:
        if self.horizon is not None:
            return self._series_as_read(X, y, sample_weight)[:2]
        refuse_of_forecasts(vars(self))
        rows = self._checked_rows(X, reset=reset)
        if rows.lengths is not None and self.steps is not None:
            raise OptionError("steps: only for flat rows; X has series of unequal length")
        dtype = float_type(rows.X) if reset else self.model_.dtype.name
        T = as_rows(rows.X, self.steps, "X").shape[1]
        y, sample_weight = joined(y, rows), joined(sample_weight, rows)
        steps = (T,) if self.output == "steps" else ()
        targets = as_targets(y, rows, dtype, steps)
        if reset:
            self.targets_shape_ = targets.shape[1:]
        flat = targets[..., None] if targets.ndim == 1 + len(steps) else targets
        times = np.arange(len(rows) * T, dtype=float).reshape(-1, T)
        weights = self._weights(sample_weight, rows.X)
        rows = without_weightless(replace(rows, y=flat, times=times, weights=weights))
        dataset = self._dataset(rows, y)
        config = config_of(self, dtype, dataset)
        if config.data.layout == "features":  # a row is one step
            one_each = replace(dataset.train, times=np.arange(len(rows), dtype=float)[:, None])
            dataset = replace(dataset, train=one_each)
        if reset:
            self._seed = config.training.seed
        return dataset, config

    def _checked_rows(self, X: Any, reset: bool) -> Rows:
        carries = self.stateful if reset or not hasattr(self, "model_") else self.model_.stateful
        signals = signals_in(X) if carries else None
        if signals is None:
            return super()._checked_rows(X, reset)
        return as_signals(super()._checked_rows(np.concatenate(signals), reset), signals)

    def _keep(self, after: TrainingState) -> None:
        super()._keep(after)
        self.state_: Params = after.carried
