"""A job: what is trained, and how it is scored."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from hiddenstate.config import Config
from hiddenstate.config.option import AUTO_NUMBER
from hiddenstate.data import PreparedDataset, Rows
from hiddenstate.data.prepare.augment import Augmentation
from hiddenstate.data.prepare.augment_suited import augmentation_of, kinds_of_data
from hiddenstate.data.prepare.batches import Batches, Streams
from hiddenstate.data.prepare.emphasis import signal_power
from hiddenstate.data.prepare.streams import first_counted, streams_of
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.engines import Engine, Predictor, Task, make_predictor
from hiddenstate.engines.integers import calibrated_on
from hiddenstate.engines.rounded import RoundedEngine
from hiddenstate.engines.sparse import LEAST_UPDATES
from hiddenstate.errors import DataError, OptionError, printable
from hiddenstate.jobs.companion_share import folds_of
from hiddenstate.jobs.taught import Taught
from hiddenstate.models.companions import FittedCompanion, kinds_of
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net, Params
from hiddenstate.program.calibrating import Calibration
from hiddenstate.system.typing import Array

ROUNDED_SHARE = 0.1
"""Part of the updates, the last ones, that round as integers with `quantize`."""


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation of the net computed.

    Parameters
    ----------
    figures : dict
        Numbers by name, as they are logged.
    arrays : dict of ndarray
        What views draw of it.
    """

    figures: dict[str, float] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)


def of_members(scores: list[float]) -> dict[str, float]:
    """Return the lowest and the highest score as results; nothing of a single net."""
    return {} if len(scores) < 2 else {"members_low": min(scores), "members_high": max(scores)}


class Job(ABC):
    """Settings and data, made into something to train and to score.

    Parameters
    ----------
    config : Config
    dataset : PreparedDataset
        Laid out for the job: X (N, T, I), or (N, F) for autoencode.
    taught : Taught, optional
        What the teacher that the options name answers for the training rows.

    Attributes
    ----------
    net : Net
        The net that fits the settings and the data.
    batches : Batches
        The rows of each step.
    total_steps : int
        Number of updates.
    stateful : bool
        Whether rows follow one another and the hidden state is carried between them.
    streams : Streams or None
        Of rows with a carried state, those read side by side; None if all rows are one stream.
    folds : ndarray or None
        With companions, the fold of each training row (N,), which one net leaves out.
    turn : int or None
        The step from which these nets learn from all rows; None if they never do.
    augment : dict of float
        Strength of each kind of augmentation.
    beside : tuple of type
        The kinds of companions that stand beside the net.
    companions : tuple of FittedCompanion
        These, with the share of the net, from the end of training on.
    part_of_series : dict of float
        Where a net adds to a path, its part in the held-out forecasts of each of several series,
        by name, from the end of training on.
    integer : Calibration or None
        Of a net in integers, the bits of its vectors, from the end of training on.
    washed_out : int
        Held-out steps of a regression that are not scored, because the state was zero shortly
        before, from the end of training on.
    largest_error : tuple or None
        Of a regression, the held-out rows, from the end of training on, the row and the step among
        them with the largest error, the number of that output, and what it should be.
    brief : bool
        Whether the end of training leaves out what takes longer than it: what companions answer
        after each part of a row, and what telling answers rest on.

    Raises
    ------
    DataError
        If the data does not fit the job.
    OptionError
        If the options do not fit the data.
    """

    def __init__(
        self, config: Config, dataset: PreparedDataset, taught: Taught | None = None
    ) -> None:
        self.config, self.dataset, self.taught = config, dataset, taught
        training = config.training
        self.stateful = config.kind.has_targets and config.data.stateful
        self.streams: Streams | None = None
        if self.stateful:
            self.streams = streams_of(dataset.train, training.streams, printable(dataset.name))
        size = training.batch_size if self.streams is None else self.streams.at_once
        self.batches = Batches(
            len(dataset.X), size, training.seed, training.shuffle, streams=self.streams
        )
        if training.epochs == AUTO_NUMBER:
            raise OptionError("--epochs: auto is decided where a run is trained; give a number")
        steps = training.epochs * self.batches.steps_per_epoch
        self.total_steps = min(steps, training.max_steps or steps)
        if training.sparsity is not None and self.total_steps < LEAST_UPDATES:
            raise OptionError(
                f"--sparsity: {self.total_steps:,} updates are too few to prune weights gradually; "
                f"train at least {LEAST_UPDATES}, or leave it out"
            )
        self.beside = kinds_of(config.flat())
        self.net = self._make_net()
        self.augment = kinds_of_data(config, dataset)
        self.folds: Array | None = None
        self.companions: tuple[FittedCompanion, ...] = ()
        self.part_of_series: dict[str, float] = {}
        self.integer: Calibration | None = None
        self.washed_out, self.brief = 0, False
        self.largest_error: tuple[Rows, int, int, int, float] | None = None
        if self.beside:
            self.folds = folds_of(dataset.train, self.net.n_members, training.seed)
        self._check_taught()

    def _check_taught(self) -> None:
        """Refuse to train without the answers of a teacher, or with those for other rows."""
        name, shape = self.config.training.teach, (len(self.dataset.train), self.net.n_outputs)
        training = self.config.training
        if self.taught and AUTO_NUMBER in (training.teach_temperature, training.teach_weight):
            raise OptionError("--teach: auto is decided where a run is trained; give numbers")
        if (self.taught is None) == (name is None):
            if self.taught is None:
                return
            if self.config.kind.has_targets:
                shape = self.dataset.train.require_targets().shape
            n_members, _, *own = self.taught.answers.shape
            if n_members in (1, self.net.n_members) and tuple(own) == shape:
                return
            raise DataError(
                f"--teach: answers of shape {self.taught.answers.shape} for {shape[0]:,} training "
                "rows; start a new run"
            )
        raise OptionError("--teach: only a run of its own learns from a teacher; use --teach none")

    @property
    def turn(self) -> int | None:
        """The step from which nets learn from the folds that they left out before, too."""
        turn = self.config.training.fold_epochs * self.batches.steps_per_epoch
        return turn if self.folds is not None and turn else None

    @property
    def grid_from(self) -> int | None:
        """The step from which a net in integers is trained as one; None of a net in floats."""
        if self.config.training.quantize is None:
            return None
        return self.total_steps - math.ceil(self.total_steps * ROUNDED_SHARE)

    @abstractmethod
    def _make_net(self) -> Net:
        """Return the net that fits the settings and the data."""

    @cached_property
    def power(self) -> Array | None:
        """With the loss esr, the mean square (O,) of the targets with pre-emphasis, in the units in
        which errors are: that of `Task`.

        Raises
        ------
        DataError
            If a target is silent.
        """
        train, transform = self.dataset.train, self.dataset.transform
        if self.config.training.loss != "esr":
            return None
        y = transform.undo_targets(train.require_targets(), train.X, train.lengths)
        steps, first, counted = np.arange(y.shape[1]), self.counts_from(), None
        if train.lengths is not None or first is not None:
            ends = train.ends
            counted = (steps < ends[:, None]) & (steps >= (0 if first is None else first[:, None]))
        scale = 1.0 if transform.target_scaling is None else transform.target_scaling[1]
        where = printable(self.dataset.name)
        return np.asarray(signal_power(y, counted, train.weights, where) * np.square(scale))

    def task(self) -> Task:
        """Return what an engine needs to run the steps; an autoencoder's rows are its targets."""
        train, transform = self.dataset.train, self.dataset.transform
        y = None if self.config.kind.has_codes else train.y
        training, soft = self.config.training, None
        if self.taught is not None and y is not None:
            if self.config.kind.has_classes:
                soft = self.taught.soft(training.teach_temperature)
            else:
                # Squared errors to both, weighted, differ by a constant from that to their mean.
                weight = training.teach_weight
                mean = weight * y + (1 - weight) * self.taught.answers
                y, soft = (mean[0, 0], None) if self.changes is None else (y, mean)
        return Task(
            net=self.net,
            training=self.config.training,
            X=transform.net_inputs(train.X, train.lengths, self.config.training.dtype),
            y=transform.net_targets(y, train.X, train.lengths),
            batches=self.batches,
            total_steps=self.total_steps,
            stateful=self.stateful,
            lengths=train.lengths,
            weights=train.weights,
            folds=self.folds,
            turn=self.turn,
            soft=soft,
            power=self.power,
            rival=self.taught.rival if self.taught is not None and self.turn else None,
            augment=self.changes,
            counts_from=self.counts_from(),
            grid_from=self.grid_from,
            state_bits=self.config.training.state_bits,
        )

    def counts_from(self) -> Array | None:
        """Return the first step of each training row (N,) whose loss counts, after the washout of
        its stream or its own; None for all steps."""
        n, washout = len(self.dataset.train), self.config.data.washout
        if not washout:
            return None
        if self.stateful:
            return first_counted(n, washout, self.streams)
        return np.full(n, washout, np.int32)

    @cached_property
    def changes(self) -> Augmentation | None:
        """Return what is done to training rows in each epoch; None if nothing is."""
        return augmentation_of(self.config, self.dataset, self.augment)

    def fitted(self, params: Params) -> FittedModel:
        """Return the model with these weights; at the end, with what stands beside it."""
        return FittedModel(
            net=self.net,
            params=params,
            classes=self.dataset.classes if self.config.kind.has_classes else None,
            row_shape=self.dataset.X.shape[1:],
            stateful=self.stateful,
            transform=self.dataset.transform,
            companions=self.companions,
            integer=self.integer,
        )

    def settle(self, engine: Engine) -> None:
        """Have an engine answer in integers from now on, if the options say so.

        Raises
        ------
        NotInteger
            If the numbers of the net do not fit.
        """
        if not isinstance(engine, RoundedEngine):
            return
        params = engine.export().params
        calibration = engine.calibration or calibrated_on(engine.task, params)
        model = replace(self.fitted(params), transform=Transform(), companions=())
        engine.settle(model.in_integers(calibration))
        self.integer = calibration

    def members(self, engine: Engine) -> list[tuple[FittedModel, Predictor]]:
        """Return the nets whose answers are averaged, with what predicts with each."""
        whole, threads = self.fitted(engine.export().params), self.config.training.threads
        return [(model, make_predictor(model, "cpu", threads)) for model in whole.members()]

    def predict(self, engine: Engine, rows: Rows) -> Array:
        """Return the net's outputs for prepared rows."""
        X, lengths, transform = rows.X, rows.lengths, self.dataset.transform
        inputs = transform.net_inputs(X, lengths, self.config.training.dtype)
        return transform.net_outputs(engine.predict(inputs, lengths), X, lengths)

    def each(self, engine: Engine, rows: Rows) -> list[Array]:
        """Return the outputs of each member of the net for prepared rows."""
        of_each = getattr(engine, "each", None)  # of members, also where they are wrapped
        if of_each is None:
            return [self.predict(engine, rows)]
        X, lengths, transform = rows.X, rows.lengths, self.dataset.transform
        inputs = transform.net_inputs(X, lengths, self.config.training.dtype)
        return [transform.net_outputs(y, X, lengths) for y in of_each(inputs, lengths)]

    def answers(self, engine: Engine, rows: Rows) -> Array:
        """Return the outputs of the model for prepared rows: of the net and what is beside it."""
        return self.joined(self.predict(engine, rows), rows, self.companions)

    def joined(self, outputs: Array, rows: Rows, companions: tuple[FittedCompanion, ...]) -> Array:
        """Return the answer of companions to prepared rows, and of the net with these outputs."""
        y, threads = outputs, self.config.training.threads
        for each in companions:
            y = each.join(y, rows.X, rows.lengths, threads)
        return y.astype(outputs.dtype)

    def validation_loss(self, engine: Engine) -> float:
        """Return the mean loss on the validation rows.

        Raises
        ------
        ValueError
            If there are none.
        """
        if self.dataset.valid is None:
            raise ValueError(f"{self.dataset.name}: no validation rows")
        return self.loss(engine, self.dataset.valid)

    @abstractmethod
    def loss(self, engine: Engine, rows: Rows) -> float:
        """Return the mean loss on prepared rows, all weighted alike."""

    @abstractmethod
    def evaluate(self, engine: Engine) -> Evaluation:
        """Evaluate the net for a logged line: quickly, and maybe nothing."""

    @abstractmethod
    def finish(self, engine: Engine, recent: list[float]) -> Evaluation:
        """Compute the results of a run, and the arrays of its end.

        Parameters
        ----------
        engine : Engine
        recent : list of float
            The last losses, at most 100.
        """
