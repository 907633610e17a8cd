"""The arrays that the snapshots of a job hold, for views to draw."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hiddenstate.engines import Engine, Predictor, make_predictor
from hiddenstate.inference.hidden_states import eigenvalues, hidden_state_model
from hiddenstate.jobs.base import Job
from hiddenstate.jobs.snapshot_limits import (
    AUGMENTED_KEPT,
    EIGENVALUES_KEPT,
    WORST_BYTES,
    affordable,
    channel_ranges,
    in_own_units,
    pixel_bytes,
    shown_split,
    thinned,
)
from hiddenstate.system.typing import Array


@dataclass(frozen=True)
class TrainingOutputs:
    """What the net predicted while training, where the hidden state is carried.

    Parameters
    ----------
    first : int
        The step of the first output.
    outputs : ndarray of shape (n_steps, T, O) or (n_steps, O)
        Made before the update of each step, for its first row.
    """

    first: int
    outputs: Array


class JobSnapshots(ABC):
    """Makes the arrays of a job that views draw; `runs/snapshots.py` lists them.

    Parameters
    ----------
    job : Job
    """

    def __init__(self, job: Job) -> None:
        self.job, self.config, self.dataset = job, job.config, job.dataset

    @abstractmethod
    def static_arrays(self) -> dict[str, Array]:
        """Return the arrays that training never changes."""

    @abstractmethod
    def snapshot(self, engine: Engine, made: TrainingOutputs | None = None) -> dict[str, Array]:
        """Return what views draw of the net as it stands.

        Parameters
        ----------
        engine : Engine
        made : TrainingOutputs, optional
            What was predicted since the last snapshot.
        """

    def facts(self) -> dict[str, Any]:
        """Return what a view must know besides the arrays, ready for JSON.

        `appended` states that each snapshot holds windows that follow those of the one before. The
        names, shape and time of rows are left out where they are not known.
        """
        ranges = channel_ranges(self.dataset)
        return {
            "job": self.config.job,
            "data": self.dataset.name,
            "classes": self.dataset.classes,
            "picture": list(self.dataset.picture) if self.dataset.picture else None,
            "shown_split": shown_split(self.dataset),
            "appended": self.job.stateful,
            **self.dataset.axes.facts(),
            **({"channel_ranges": ranges} if ranges else {}),
        }

    def examples(self) -> dict[str, Array]:
        """Return the training rows shown before training, and their labels."""
        first = min(self.config.display.example, len(self.dataset.X) - 1)
        rows = self.dataset.train.take(slice(first, first + self.config.display.n_shown))
        arrays = {"example": in_own_units(self.dataset, rows)}
        if rows.y is not None:
            arrays["example_label"] = rows.y
        return arrays | self.augmented()

    def augmented(self) -> dict[str, Array]:
        """Return some training rows, and what augmentation makes of them; nothing without, or of
        windows that are scaled each, which have no units."""
        what, training, train = self.job.changes, self.config.training, self.dataset.train
        if what is None or self.dataset.transform.by_window:
            return {}
        n = affordable(train.X.shape[1:], train.X.dtype.itemsize, WORST_BYTES, AUGMENTED_KEPT)
        which = thinned(len(train), n)
        seed, dtype, epochs = training.seed, training.dtype, np.zeros(len(which), np.int64)
        changed = what.apply(train.X, which, epochs, seed, dtype, train.lengths)
        rows = train.take(which)
        if rows.X.dtype == np.uint8:
            changed = pixel_bytes(changed)
        return {
            "plain": in_own_units(self.dataset, rows),
            "augmented": in_own_units(self.dataset, replace(rows, X=changed)),
        }

    def states(self, engine: Engine) -> tuple[Predictor, dict[str, Array]]:
        """Return what gives the hidden states of the net as it stands, as outputs at each step,
        and how its complex states decay and turn, if it has some."""
        model = hidden_state_model(self.job.fitted(engine.export().params))
        values = eigenvalues(model)
        kept = {} if values is None else {"eigenvalue": values[:, :EIGENVALUES_KEPT]}
        return make_predictor(model, "cpu", self.config.training.threads), kept
