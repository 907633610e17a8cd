"""Nets that leave out a fold of the rows each, and from a step on learn from all.

What each net answers to its fold is kept before it learns from it, so that its share and its scale
still come from rows that were new to it.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hiddenstate.data.rows import Rows
from hiddenstate.engines.interface import (
    Chunk,
    Engine,
    EngineInfo,
    Source,
    Task,
    TrainingState,
)
from hiddenstate.engines.members import MembersEngine
from hiddenstate.engines.schedule import phase_of
from hiddenstate.models.net import Params
from hiddenstate.system.typing import Array

Make = Callable[[Task, TrainingState], Engine]

MOST_BEHIND = 0.02
"""How far a teacher may be behind its nets in accuracy, where rows are few or many."""


class TurningEngine:
    """Trains up to `task.turn` without the folds and a teacher, and then on all rows; see `Engine`.

    The moments of the optimiser go on. The answers are computed before the first step on all rows,
    and are a part of the state from then on.

    Parameters
    ----------
    task : Task
        With folds and a turn.
    state : TrainingState
    make : callable
        Makes the engine of a task without a turn.
    """

    def __init__(self, task: Task, state: TrainingState, make: Make) -> None:
        self.task, self._make, self._left_out = task, make, state.left_out
        self._engine = self._made(state)
        first = self._engine
        self.name, self.version, self.device = first.name, first.version, first.device
        self.threads = first.threads

    def _made(self, state: TrainingState) -> Engine:
        """Return the engine of the rows that are learned from now."""
        task, turn = self.task, self.task.turn
        assert turn is not None
        step = turn - 1 if self._left_out is None else turn
        training, end = phase_of(task.training, step, task.total_steps, turn)
        own = replace(task, turn=None, training=training, total_steps=end)
        if self._left_out is None:  # a teacher knows the folds
            return self._make(replace(own, soft=None), state)
        soft = own.soft if teaches(task, self._left_out) else None
        return self._make(replace(own, folds=None, soft=soft), state)

    def run(self, first: int, last: int, stop: Callable[[], bool]) -> Chunk:
        """Run steps `first` to `last` - 1, at most up to the turn; see `Engine.run`."""
        turn = self.task.turn
        assert turn is not None
        if self._left_out is None and first >= turn:
            assert self.task.folds is not None
            rows = Rows(self.task.X, lengths=self.task.lengths)
            self._left_out = answers_to_folds(self._engine, rows, self.task.folds)
            self._engine = self._made(self._engine.export())
        return self._engine.run(first, min(last, turn) if first < turn else last, stop)

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Return the outputs for rows `X`; see `Engine.predict`."""
        return self._engine.predict(X, lengths)

    def each(self, X: Source, lengths: Array | None = None) -> list[Array]:
        """Return the outputs of each net for rows `X`."""
        return [engine.predict(X, lengths) for engine in _engines(self._engine)]

    def encode(self, X: Source) -> Array:
        """Refuse: only autoencoders encode, and they leave out no folds."""
        raise TypeError("a net that leaves out a fold has no codes")

    def restore(self, params: Params) -> None:
        """Replace the weights; see `Engine.restore`."""
        self._engine.restore(params)

    def set_lr(self, lr: float) -> None:
        """Set the initial rate of the schedule; see `Engine.set_lr`."""
        self.task = replace(self.task, training=replace(self.task.training, lr=lr))
        self._engine.set_lr(lr)

    def export(self) -> TrainingState:
        """Return a copy of the state; see `Engine.export`."""
        left_out = None if self._left_out is None else self._left_out.copy()
        return replace(self._engine.export(), left_out=left_out)

    def about(self) -> EngineInfo:
        """Return what config.json records about the engine; see `Engine.about`."""
        return self._engine.about()


def teaches(task: Task, left_out: Array) -> bool:
    """Return whether a teacher teaches after the turn: not if the nets were right on more of the
    rows that they left out, by more than `MOST_BEHIND` and two standard errors of the difference.

    Parameters
    ----------
    task : Task
        Of a classifier, with folds and a turn.
    left_out : ndarray (N, C)
        What :func:`answers_to_folds` returned.
    """
    if task.rival is None:
        return True
    assert task.y is not None
    assert task.folds is not None
    w = np.ones(len(task.y)) if task.weights is None else task.weights
    counts = (task.folds >= 0) & (task.folds < task.net.n_members) & (w > 0)
    nets, rival = (outputs.argmax(axis=1) == task.y for outputs in (left_out, task.rival))
    lead, error = mean_and_error(nets[counts] - 1.0 * rival[counts], w[counts])
    return lead <= max(MOST_BEHIND, 2 * error)


def _engines(engine: Engine) -> list[Engine]:
    return engine.engines if isinstance(engine, MembersEngine) else [engine]


def answers_to_folds(engine: Engine, rows: Rows, folds: Array) -> Array:
    """Return the outputs (N, C) of each net for the rows that it left out; 0 for other rows.

    Parameters
    ----------
    engine : Engine
        Of a classifier, with members or without.
    rows : Rows
        All training rows, as the nets read them.
    folds : ndarray (N,)
        Which net left out each row.
    """
    answers = np.empty(0)
    for number, net in enumerate(_engines(engine)):
        places = np.flatnonzero(folds == number)
        own = rows.take(places) if len(places) else rows.take(slice(0, 1))
        outputs = net.predict(own.X, own.lengths)
        if not answers.size:
            answers = np.zeros((len(rows), outputs.shape[1]), outputs.dtype)
        answers[places] = outputs[: len(places)]
    return answers


def mean_and_error(gains: Array, weights: Array) -> tuple[float, float]:
    """Return the weighted mean of gains (n,), and its standard error."""
    total = weights.sum()
    gain = float(gains @ weights) / total
    return gain, float(np.sqrt(weights**2 @ (gains - gain) ** 2)) / total
