"""The interface of engines and predictors: their inputs, outputs and methods."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NotRequired, Protocol, TypedDict

import numpy as np

from hiddenstate.config import TrainingConfig
from hiddenstate.config.augment_kinds import BLEND
from hiddenstate.data.prepare.augment import Augmentation
from hiddenstate.data.prepare.batches import Batches
from hiddenstate.data.rows import Rows, in_pieces
from hiddenstate.data.store import RowStore
from hiddenstate.errors import DataError
from hiddenstate.models.net import Net, Params
from hiddenstate.program.calibrating import Calibration
from hiddenstate.program.cells import STATES
from hiddenstate.system.typing import Array

Source = Array | RowStore
"""Rows in memory, or a store whose rows are read from disk in pieces of at most `PIECE` bytes."""


@dataclass(frozen=True)
class Task:
    """Everything that determines the training steps, except the state.

    Parameters
    ----------
    net : Net
        The architecture to train.
    training : TrainingConfig
        Optimiser, rates, float type, seed.
    X : ndarray or RowStore
        (N, T, I) or, for an autoencoder, (N, F); uint8 or float. Only some pieces of a store are
        in memory at a time; the steps are the same as those of an array.
    y : ndarray or None
        Class numbers (N,) int64; targets (N, T, O) or (N, O) float; None if rows are their own
        targets.
    batches : Batches
        The rows of each step.
    total_steps : int
        The step at which a cosine schedule ends.
    stateful : bool, default False
        Whether the hidden state is carried from step to step, detached; it is zero at the first
        step of each epoch, and of each round of streams.
    lengths : ndarray, optional
        Steps of each row (N,) int64, from 1 to T. Later steps are not read, count in no loss, and
        do not change the state.
    weights : ndarray, optional
        A factor for the loss of each row, (N,) float, not negative and about 1 on average. The
        divisor of a batch's loss stays the same. A row of weight 0 may contain anything; its X is
        read only if the state is carried, because the state affects later rows.
    folds : ndarray of int, optional
        The member that does not learn from each row (N,), -1 for none. A net without members is
        member 0.
    turn : int, optional
        The step from which members learn from these rows, too.
    augment : Augmentation, optional
        What is done to rows in each epoch.
    soft : ndarray, optional
        Of a classifier, the probabilities (M, D, N, C) at `teach_temperature` that a teacher gives
        each row: for each member, or one for all, and for the rows of the first D draws of
        `augment`, which are repeated. A row counts whose likeliest class is its label, or that is a
        blend of two classes. With `augment`, targets (M, D, N, ...) that are learned in place of y.
    power : ndarray, optional
        With the loss esr, the mean square (O,) of the targets with pre-emphasis, in the units in
        which errors are, which the errors with pre-emphasis are divided by.
    rival : ndarray, optional
        With a turn, what the teacher answers each row as if it had not learned from it, (N, C). A
        teacher that is clearly worse than its nets before the turn does not teach after it.
    counts_from : ndarray of int32, optional
        The first step of each row (N,) whose loss counts, where there is a target at every step.
        Earlier steps are read, but are in no loss, nor in the divisor of a batch's.
    grid_from : int, optional
        The step from which the net computes with the numbers of its form in integers; gradients
        change weights that are not rounded.
    state_bits : int, default 16
        Bits of inputs, of what layers give and of states from there on.
    """

    net: Net
    training: TrainingConfig
    X: Source
    y: Array | None
    batches: Batches
    total_steps: int
    stateful: bool = False
    lengths: Array | None = None
    weights: Array | None = None
    folds: Array | None = None
    turn: int | None = None
    augment: Augmentation | None = None
    soft: Array | None = None
    power: Array | None = None
    rival: Array | None = None
    counts_from: Array | None = None
    grid_from: int | None = None
    state_bits: int = 16

    def inputs(self, rows: Array, epochs: Array) -> Array:
        """Return the inputs of `rows` (n,), each as read in its epoch of `epochs` (n,).

        They have the float type of training if rows are augmented, else that of `X`.
        """
        if self.augment is None:
            return self.X[rows]
        training = self.training
        draws = self._draws(epochs)
        return self.augment.apply(self.X, rows, draws, training.seed, training.dtype, self.lengths)

    def targets(self, rows: Any, epochs: Any = 0) -> Array | None:
        """Return the targets of `rows`, as read in their epochs: class -1 of blends of two."""
        if self.y is None:
            return None
        if self.augment is None or not self.has_drawn_targets:
            return np.asarray(self.y[rows])
        if self.soft is not None and not self.net.kind.has_classes:
            return np.asarray(self.soft[0, self._draws(epochs), rows])
        blended = self.augment.blended(rows, self._draws(epochs), self.training.seed)
        return np.where(blended, -1, self.y[rows])

    @property
    def has_drawn_targets(self) -> bool:
        """Whether targets depend on the draw: of blends of two classes, and answers of a teacher
        that are targets."""
        is_taught = self.soft is not None and not self.net.kind.has_classes
        return self.augment is not None and (is_taught or BLEND in self.augment.strengths)

    def _draws(self, epochs: Any) -> Any:
        """Return the draw that is read in each epoch."""
        return epochs if self.soft is None else epochs % self.soft.shape[1]

    def answers(self, rows: Any, epochs: Any, y: Array | None) -> Array | None:
        """Return the soft answers for `rows` of a single net, as read in their epochs with targets
        `y`: zeros where the likeliest class is not that of the label. None without a teacher."""
        if self.soft is None or not self.net.kind.has_classes or y is None:
            return None
        soft = self.soft[0, self._draws(epochs), rows]
        trusted = (soft.argmax(axis=-1) == y) | (y == -1)
        return np.where(trusted[..., None], soft, 0)


def without_fold(task: Task, number: int) -> Task:
    """Return a task with the answers for the member `number`, without the rows that it does not
    learn from."""
    if task.soft is not None and len(task.soft) > 1:
        task = replace(task, soft=task.soft[number : number + 1])
    if task.folds is None:
        return task
    kept = np.flatnonzero(task.folds != number)
    rows = Rows(task.X, task.y, task.lengths, task.weights).take(kept)
    return replace(
        task,
        X=rows.X,
        y=rows.y,
        lengths=rows.lengths,
        weights=rows.weights,
        batches=replace(task.batches, n_rows=len(kept)),
        folds=None,
        augment=None if task.augment is None else task.augment.take(kept),
        soft=None if task.soft is None else task.soft[:, :, kept],
        counts_from=None if task.counts_from is None else task.counts_from[kept],
    )


@dataclass
class TrainingState:
    """Everything that changes during training, as arrays.

    Parameters
    ----------
    params : dict of ndarray
        Weights by torch name.
    step : int, default 0
        Number of updates made, which is the number of the next step.
    moments : dict of ndarray, optional
        The optimiser's moments as `kind/parameter`: kinds `exp_avg` and `exp_avg_sq` for adam
        and adamw, `momentum_buffer` for sgd with momentum. Empty before the first update.
    carried : dict of ndarray, optional
        Hidden state carried to the next step: the arrays of the cell, as `Net.state_shapes`, with
        a row for each stream of a round, also for those that have ended. Empty means zero.
    moments_since : int, default 0
        The step at which the moments began: Adam's bias correction counts the updates since.
    left_out : ndarray, optional
        After the turn of a task, what each member answered to the rows that it had left out, (N, C)
        with 0 for other rows.
    calibration : Calibration, optional
        After step `Task.grid_from`, the bits of all vectors.
    """

    params: Params
    step: int = 0
    moments: Params = field(default_factory=dict)
    carried: Params = field(default_factory=dict)
    moments_since: int = 0
    left_out: Array | None = None
    calibration: Calibration | None = None

    def not_finite(self) -> str | None:
        """Return the name of the first array with a number that is not finite, or None."""
        for arrays in (self.params, self.moments):
            for name, array in arrays.items():
                if not np.isfinite(array).all():
                    return name
        return None


@dataclass(frozen=True)
class Chunk:
    """The results of a call of :meth:`Engine.run`.

    Parameters
    ----------
    losses : ndarray of float64, shape (n_steps,)
        The loss of each step, before its update. A loss that is not finite ends the chunk. On the
        cpu its update is not made; on other devices losses are checked at the end of the chunk.
    outputs : ndarray, optional
        If the state is carried, the outputs of the steps, each computed before its update:
        (n_rows, T, O), or (n_rows, O) if the network has one output for a window, for all rows of
        each step.
    """

    losses: Array
    outputs: Array | None = None


class EngineInfo(TypedDict):
    """What a run's config.json records about its engine.

    `name` is "native" or "torch", `level` the instruction level of the native engine, and `ranks`
    the number of processes that compute each step together, where they are several.
    """

    name: str
    version: str
    device: str
    threads: int
    level: NotRequired[str | None]
    ranks: NotRequired[int]


class Engine(Protocol):
    """Runs training steps, and evaluates the network with its current weights."""

    name: str
    version: str
    device: str
    threads: int

    def run(self, first: int, last: int, stop: Callable[[], bool]) -> Chunk:
        """Run steps `first` to `last` - 1; fewer, or none, if `stop()` returns true."""
        ...

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Return the outputs for rows `X`: (N, C), (N, O), (N, T, O), or reconstructions (N, F)."""
        ...

    def encode(self, X: Source) -> Array:
        """Return the codes (N, Z) of rows `X`; of an autoencoder only."""
        ...

    def restore(self, params: Params) -> None:
        """Replace the weights by exported ones; step, moments and carried state do not change."""
        ...

    def set_lr(self, lr: float) -> None:
        """Set the initial rate of the schedule, from the next step on."""
        ...

    def export(self) -> TrainingState:
        """Return a copy of the state."""
        ...

    def about(self) -> EngineInfo:
        """Return what a run's config.json records about the engine."""
        ...


class Predictor(Protocol):
    """Computes the outputs of a trained model.

    Shapes are those of :class:`Engine`; a state is as `TrainingState.carried`.
    """

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Return the outputs for rows `X`, each from a zero state; `lengths` as in `Task`."""
        ...

    def forward(self, X: Array, state: Params) -> tuple[Array, Params]:
        """Return the outputs for parallel rows `X` (B, T, I) from `state`, and their last state.

        With the readout "mean", an output is computed from the mean over the steps of this call.

        Raises
        ------
        DataError
            If `state` is not a state of this network, or has another number of rows.
        """
        ...

    def advance(self, X: Array, state: Params) -> Array:
        """Return the outputs for parallel rows `X` (B, T, I), and replace `state` in place.

        `state` has all arrays of a state of this network for B rows, and may have others.
        """
        ...

    def follow(self, X: Source, state: Params) -> tuple[Array, Params]:
        """Return the outputs for consecutive rows `X` (N, T, I), and the state after the last."""
        ...

    def encode(self, X: Source) -> Array:
        """Return the codes (N, Z) of rows `X` (N, F); of an autoencoder only."""
        ...

    def decode(self, codes: Array) -> Array:
        """Return the rows (N, F) that codes (N, Z) decode to; of an autoencoder only."""
        ...


def one_by_one(X: Source) -> Iterator[Array]:
    """Yield each row of `X`, in order, with its sample axis: (1, T, I)."""
    for _, rows in in_pieces(X):
        for i in range(len(rows)):
            yield rows[i : i + 1]


def replace_state(predictor: Predictor, X: Array, state: Params) -> Array:
    """Return the outputs for parallel rows, and replace their state; see `Predictor.advance`."""
    before: Params = {name: array for name, array in state.items() if name in STATES}
    outputs, after = predictor.forward(X, before)
    for name, array in after.items():
        state[name][...] = array
    return outputs


def check_state(state: Params, net: Net, n_rows: int) -> None:
    """Refuse a state that is neither zero (no arrays) nor one of `net` for `n_rows` sequences.

    Raises
    ------
    DataError
        If the names or the shapes of its arrays are not those of :meth:`Net.state_shapes`, or one
        has no numbers.
    """
    shapes = net.state_shapes(n_rows)
    if not state:
        return
    if set(state) != set(shapes):
        raise DataError(f"state: expected {', '.join(sorted(shapes))}, got {', '.join(state)}")
    for name, array in state.items():
        if array.ndim == 3 and array.shape[1] != n_rows:
            raise DataError(f"state: carries {array.shape[1]} sequences, x has {n_rows}")
        if array.shape != shapes[name]:
            raise DataError(f"state: {name}: expected shape {shapes[name]}, got {array.shape}")
        if array.dtype.kind not in "fiu":
            raise DataError(f"state: {name}: expected numbers, got {array.dtype}")
