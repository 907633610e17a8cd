"""What a net learns from a teacher, and what of it a job's training rows are."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from hiddenstate.data.store import PIECE
from hiddenstate.engines import Task
from hiddenstate.engines.members import member_task
from hiddenstate.program.equations import softmax
from hiddenstate.system.typing import Array

AUGMENTED_ROWS, AUGMENTED_NUMBERS = 20_000, 6_000_000
"""About how many augmented rows a teacher answers for all nets, and numbers in them: a few seconds.
Each row of each net is answered at least once, and no more often than it is read."""


@dataclass(frozen=True)
class Taught:
    """What a teacher answers for the training rows of a job.

    Parameters
    ----------
    answers : ndarray
        Of each member of the net, or once for all of them, and of each draw of augmentation, one
        without it: logits (M, D, N, C) float32; or targets as the net learns them, (M, D, N, ...)
        in the shape of y.
    knows_split : bool
        Whether it is known that the teacher learned from no row that is held out.
    chosen : ndarray of int (K,), optional
        The class that a teacher chooses for each test row, of a net that streams.
    rival : ndarray (N, C), optional
        Its logits for training rows as if each was left out, where nets turn to all rows.
    """

    answers: Array
    knows_split: bool
    chosen: Array | None = None
    rival: Array | None = None

    def soft(self, temperature: float) -> Array:
        """Return probabilities (M, D, N, C) at a temperature."""
        return softmax(self.answers / self.answers.dtype.type(temperature))


def taught_task(task: Task) -> Task:
    """Return what a teacher answers: of nets that turn to all rows, the part from there on."""
    if task.turn is None:
        return task
    updates = max(1, task.total_steps - task.turn)
    return replace(task, folds=None, turn=None, total_steps=updates)


def draws_of(task: Task) -> int:
    """Return how many draws of the rows of a net a teacher answers: one without augmentation."""
    if task.augment is None:
        return 1
    numbers = math.prod(task.X.shape[1:])
    rows = min(AUGMENTED_ROWS, AUGMENTED_NUMBERS // numbers) // task.net.n_members
    epochs = math.ceil(task.total_steps / task.batches.steps_per_epoch)
    return max(1, min(rows // len(task.X), epochs))


def rows_read(task: Task, draw: int) -> Iterator[tuple[slice, Array]]:
    """Yield the rows that a single net reads in a draw, in pieces, and which they are."""
    size = max(1, PIECE // max(1, task.X[:1].nbytes))
    for first in range(0, len(task.X), size):
        rows = np.arange(first, min(first + size, len(task.X)))
        yield slice(rows[0], rows[-1] + 1), task.inputs(rows, np.full(len(rows), draw))


def labels_read(task: Task) -> Array:
    """Return the labels (M, D, N) of the rows whose answers a net learns: -1 of blends, and -2 of
    rows that a member leaves out."""
    task = taught_task(task)
    assert task.soft is not None
    labels = np.full(task.soft.shape[:3], -2)
    for number, of_member in enumerate(labels):
        own = member_task(task, number)
        kept = slice(None) if task.folds is None else task.folds != number
        for draw, of_draw in enumerate(of_member):
            of_draw[kept] = own.targets(np.arange(len(own.X)), np.full(len(own.X), draw))
    return labels
