"""A teacher that is fitted on the training rows of the run itself.

A row that it learned from is answered as if it was left out, and a changed one as it is. Where each
member of a net leaves out a fold of the rows, its teacher leaves out the same fold: what the member
predicts of that fold is then new to both.
"""

import numpy as np

from hiddenstate.engines import Task
from hiddenstate.engines.members import member_task
from hiddenstate.errors import OptionError
from hiddenstate.jobs.base import Job
from hiddenstate.jobs.taught import draws_of, rows_read, taught_task
from hiddenstate.models.companions import FittedCompanion
from hiddenstate.system.cancellation import raise_if_cancelled
from hiddenstate.system.memory import check_free
from hiddenstate.system.typing import Array


def own_answers(kind: type[FittedCompanion], job: Job, where: str) -> tuple[Array, Array | None]:
    """Return the logits (M, D, N, C) that a companion teaches, float32; and, where nets turn to all
    rows, its logits (N, C) for each row as if it was left out.

    Parameters
    ----------
    kind : type of FittedCompanion
    job : Job
        A classification without a teacher.
    where : str
        Names the option in errors.

    Raises
    ------
    OptionError
        If the rows do not suit the companion.
    MachineError
        If fitting it exceeds the memory of the machine.
    """
    train, task = job.dataset.train, taught_task(job.task())
    if reason := kind.why_unfit(train):
        raise OptionError(f"{where}: {reason}; name a model or answers.npy, or leave it out")
    shared = task.folds is None and task.augment is None
    n_members, n_classes = 1 if shared else job.net.n_members, job.net.n_outputs
    draws = draws_of(task)
    size = n_members * draws * len(train) * n_classes
    check_free(kind.bytes_needed(len(train)) + 4 * size, where, "use fewer --members or rows")
    seed, threads = job.config.training.seed, job.config.training.threads
    if task.folds is None:
        left_out = [np.zeros(len(train), bool)]
        fits = [kind.fit(train, n_classes, seed, threads)]
    else:
        left_out = [task.folds == number for number in range(n_members)]
        fits = kind.fits(train, n_classes, left_out, seed, threads)
    answers = np.empty((n_members, draws, len(train), n_classes), np.float32)
    rival = fits[0].held_out.astype(np.float32) if job.turn else None
    for number in range(n_members):
        fit = fits[number % len(fits)]
        answers[number] = fit.held_out
        if task.augment is not None:
            learned = ~left_out[number % len(fits)]
            own = member_task(task, number, threads)
            answers[number][:, learned] = _augmented(fit.companion, own, draws)
    if train.weights is not None:  # other rows may contain anything
        for each in [answers, *([] if rival is None else [rival])]:
            each[..., train.weights == 0, :] = 0
    return answers, rival


def _augmented(teacher: FittedCompanion, task: Task, draws: int) -> Array:
    """Return the logits (D, N, C) of the rows that a single net reads in its first draws."""
    out = []
    for draw in range(draws):
        for which, X in rows_read(task, draw):
            raise_if_cancelled()
            lengths = None if task.lengths is None else task.lengths[which]
            out.append(teacher.logits(X, lengths, task.training.threads))
    return np.concatenate(out).reshape(draws, len(task.X), -1)
