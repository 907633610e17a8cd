"""Rows that models are asked, and the answers that every translation must give."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import numpy as np

from hiddenstate.export.trial import Answers, Trial, float_rounding, scale_of
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.meaning import program_of
from hiddenstate.models.streaming import obstacles_of_model
from hiddenstate.system.typing import Array
from tests.contract.models import model_of

Reply = dict[str, Answers]
"""Answers by what was asked: "rows", "unequal", "steps" and "handed over", those that apply."""

ROWS, MANY = 5, 37
"""Rows of a question; of wide nets so many that they fill the tiles of the kernels."""


def reference(model: FittedModel, X: Array, lengths: Array | None) -> Answers:
    """Return the answers of a model in float64: the one place that says what they are."""
    return program_of(model).predict(X, lengths)


class Difference(NamedTuple):
    """How much answers differ from the reference.

    Parameters
    ----------
    share : float
        Of the largest answer, or of the scale of the answers if that is more.
    excess : float
        In units of the scale, beyond the rounding of numbers of their own type.
    """

    share: float
    excess: float


MISSING = Difference(np.inf, np.inf)
"""The difference of an answer that is not there."""


@dataclass(frozen=True)
class Case:
    """A model, what it is asked, and the answers.

    Parameters
    ----------
    name : str
    model : FittedModel
    whole : Trial
        Rows of one length, with gaps if the model fills them, and the answers after every step if
        the model streams.
    ragged : Trial or None
        Rows of unequal length, of another number of steps than in training; after the end of a row
        stand numbers that must not be read. None of an autoencoder.
    scale : float
        What differences are measured by: the scale of the targets.
    """

    name: str
    model: FittedModel
    whole: Trial
    ragged: Trial | None

    @property
    def trials(self) -> list[Trial]:
        """All questions."""
        return [self.whole, *([] if self.ragged is None else [self.ragged])]

    @property
    def scale(self) -> float:
        """What differences are measured by: the scale of the targets, at least 1."""
        return scale_of(self.model, self.trials)

    def difference(
        self, trial: Trial, found: Mapping[str, Array], stream: bool = False
    ) -> "Difference":
        """Return the largest difference of answers; infinite where one is missing."""
        expected = trial.stream if stream else trial.answers
        assert expected is not None
        off = Trial(trial.X, trial.lengths, expected, None).difference(found)
        largest = max(float(np.abs(a).max()) for name, a in expected.items() if name != "class")
        spare = float_rounding(found, expected, self.scale)
        return Difference(off / max(self.scale, largest), max(0.0, off - spare) / self.scale)


@cache
def case_of(name: str) -> Case:
    """Return a model of the list with its questions and the answers of the reference."""
    return ask(name, model_of(name))


def ask(name: str, model: FittedModel) -> Case:
    """Return the questions to a model, which follow from its name."""
    random = np.random.default_rng(list(name.encode()))
    transform = model.transform
    width = transform.n_features(model.net.n_features)
    n = MANY if name.startswith("wide") else ROWS
    if model.net.job == "autoencode":
        X = rows(model, (n, width), random)
        return Case(name, model, Trial(X, None, reference(model, X, None), None), None)
    T = model.row_shape[0]
    X = rows(model, (n, T, width), random)
    whole = Trial(X, None, reference(model, X, None), None)
    if not obstacles_of_model(model):
        whole = replace(whole, stream=after_every_step(model, X))
    X = rows(model, (n, T + 3, width), random)
    lengths = np.array([T + 3, 1, *random.integers(1, T + 4, n - 2)])
    ragged = Trial(X, lengths, reference(model, X, lengths), None)
    ragged = replace(ragged, answers=ragged.masked(ragged.answers))
    garbage = np.array([200 if X.dtype == np.uint8 else np.nan, 7]).astype(X.dtype)
    after = (np.arange(T + 3) >= lengths[:, None])[..., None]
    X = np.where(after, garbage[np.arange(T + 3) % 2][:, None], X)
    return Case(name, model, whole, replace(ragged, X=X))


def after_every_step(model: FittedModel, X: Array) -> Answers:
    """Return the answers after every step of rows: those to the rows if they ended there."""
    N, T = X.shape[:2]
    ends = np.tile(np.arange(1, T + 1), N)
    answers = reference(model, np.repeat(X, T, axis=0), ends)
    last = np.arange(N * T), ends - 1
    return {
        name: (each[last] if each.ndim == 3 else each).reshape(N, T, -1)
        for name, each in answers.items()
        if name != "class"
    }


def rows(model: FittedModel, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """Return rows as the data of a model would be, exact in float32, with gaps where it fills
    them."""
    transform = model.transform
    if transform.pixels:
        return random.integers(0, 256, shape).astype(np.uint8)
    X = random.normal(size=shape)
    if transform.scaling is not None:
        X = X / transform.scaling[1] + transform.scaling[0]
    own, logs = transform.own_features, list[int]()
    if transform.by_window:  # far from 0, and one row that is flat
        X[..., own] += 5
        X[2][..., own] = 5
    if transform.linear is not None and transform.takes_logarithms:
        logs = [f for f, log in zip(own, transform.linear.log, strict=True) if log]
        X[..., logs] = np.exp(X[..., logs])
    if transform.fill is not None:
        gap = random.random(shape) < 0.15
        X[gap] = np.array([np.nan, np.inf, -np.inf])[random.integers(3, size=int(gap.sum()))]
        X[0, 0] = np.nan
        X[..., logs] = np.abs(X[..., logs])
    return X.astype(np.float32).astype(np.float64)
