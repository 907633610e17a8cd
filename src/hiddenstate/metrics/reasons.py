"""What an answer rests on, as values and in words.

Shapes: T time steps, I features of a step as the data has them.
"""

from dataclasses import dataclass, replace

import numpy as np

from hiddenstate.data.framing import Framing
from hiddenstate.metrics.units import in_digits
from hiddenstate.system.typing import Array

GRADIENTS, OCCLUSION = "integrated gradients", "occlusion"
OF_FLOATS = "integrated gradients in floats"

BASELINES = {
    "mean": "the mean of training",
    "zero": "zeros, as the network reads them",
    "given": "the given row",
}
"""What answers are compared with, in words."""

ODDS = "log-odds"
"""The unit of the answer of a classifier, log(p / (1 - p))."""

SIDES, TARGET_SIDES = ("for it", "against it"), ("raises it", "lowers it")
"""What is added to an answer of a classifier and to one of a regressor, above and below 0."""

MANY = 64
"""Features of which none is named alone."""

METHODS = {
    GRADIENTS: "integrated gradients",
    OCCLUSION: "occlusion: spans replaced by the baseline",
    f"{GRADIENTS} and {OCCLUSION}": "integrated gradients of the network and occlusion of the "
    "rest, each times its share",
    OF_FLOATS: "integrated gradients of the same network in floats",
}
"""How it was found, in words."""


@dataclass(frozen=True)
class Why:
    """What in a row an answer rests on.

    Parameters
    ----------
    attributions : ndarray (T, I)
        What each value adds to the answer, against the baseline: positive for it, negative
        against it. Of values that stand twice, with a mask, the sum.
    output : int
        The number of the class or of the target.
    answer, base : float
        The answer to the row and to the baseline: of a classifier log(p / (1 - p)), of a regressor
        in the units of the target.
    kind : str
        `integrated gradients`, `occlusion`, or both; of a model in integers `integrated gradients
        in floats`.
    share : float
        What the part by gradients is multiplied by; that by occlusion has the rest.
    missing : float
        What the points gave too little of the difference of the answers, in the part by gradients.
        Each segment's share of that is spread over its attributions, in proportion to their size.
    points : int
        Points of the path.
    baseline : {"mean", "zero", "given"}
    """

    attributions: Array
    output: int
    answer: float
    base: float
    kind: str
    share: float
    missing: float
    points: int
    baseline: str


@dataclass(frozen=True)
class Column:
    """A column of the data, and the features that it became.

    Parameters
    ----------
    name : str
    features : tuple of int
        Of a column of text or a part of dates, one for each of its `words`; of a period of dates
        its sine and its cosine.
    words : tuple of str
    """

    name: str
    features: tuple[int, ...]
    words: tuple[str, ...] = ()

    def values(self, rows: Array) -> Array:
        """Return what rows (T, I) have in this column, (T,): numbers, the place of a word, or the
        part of a period that has passed; NaN where it is missing."""
        own = rows[:, list(self.features)]
        if self.words:
            is_known = np.isfinite(own).all(axis=1) & (own.max(axis=1) > 0)
            return np.where(is_known, own.argmax(axis=1), np.nan)
        if len(self.features) == 1:
            return np.asarray(own[:, 0])
        return np.asarray(np.arctan2(own[:, 0], own[:, 1]) / (2 * np.pi) % 1)


@dataclass(frozen=True)
class Reason:
    """What one answer rests on.

    Parameters
    ----------
    why : Why
    row : int
        Number of the row or series.
    values : ndarray (T, I)
        The row up to the step whose answer it is, in the units of the data.
    names : tuple of str (I,)
        Names of the features.
    answer : str
        The class or the target.
    unit : str
        Of the answer and of the attributions; empty if it is not known.
    picture : tuple of int, optional
        Height and width of the picture that a row is, steps down, with 3 after them in colour.
    columns : tuple of Column
        What the features are of; empty if each is a column of its own.
    words : tuple of tuple of str
        Of features that are places of words, these words, for each feature; see :meth:`by_column`.
    sound : Framing, optional
        How the steps were cut from a sound.
    """

    why: Why
    row: int
    values: Array
    names: tuple[str, ...]
    answer: str
    unit: str
    picture: tuple[int, ...] | None = None
    columns: tuple[Column, ...] = ()
    words: tuple[tuple[str, ...], ...] = ()
    sound: Framing | None = None

    def by_column(self) -> "Reason":
        """Return what the columns of the data add, each with all its features together."""
        if not self.columns:
            return self
        added = self.why.attributions
        return replace(
            self,
            why=replace(
                self.why,
                attributions=np.stack(
                    [added[:, list(each.features)].sum(axis=1) for each in self.columns], axis=1
                ),
            ),
            values=np.stack([each.values(self.values) for each in self.columns], axis=1),
            names=tuple(each.name for each in self.columns),
            words=tuple(each.words for each in self.columns),
            columns=(),
        )

    def said(self, feature: int, step: int = -1) -> str:
        """Return the value of a feature at a step in words."""
        value = float(self.values[step, feature])
        words = self.words[feature] if self.words else ()
        if not np.isfinite(value):
            return "missing"
        return words[int(value)] if words else in_digits(value, 4)

    @property
    def has_odds(self) -> bool:
        """Whether it is an answer of a classifier."""
        return self.unit == ODDS

    @property
    def sides(self) -> tuple[str, str]:
        """What attributions above and below 0 mean."""
        return SIDES if self.has_odds else TARGET_SIDES

    @property
    def span(self) -> tuple[int | None, int, int, float]:
        """The feature (None: all), the first step, the one after the last, and the share."""
        is_whole = self.picture is not None or self.sound is not None or len(self.names) > MANY
        return largest_span(self.why, is_whole)

    def compared(self) -> str:
        """Return the answers to the row and to the baseline, in words."""
        why = self.why
        value = f"{in_digits(why.answer, 4)} {self.unit}".strip()
        base = in_digits(why.base, 4)
        return f"{self.answer}: {value}, and {base} for {BASELINES[why.baseline]}"

    def where(self) -> str:
        """Return which part of the row counts most, with steps from 0, and how that was found."""
        feature, first, last, share = self.span
        step = "row" if self.picture else "step"
        words = f"{step}s {first} to {last - 1}" if last - first > 1 else f"{step} {first}"
        if self.sound is not None:
            begin, end = self.sound.times(last + 1)[[first, last]]
            words = f"{in_digits(begin, 2)} to {in_digits(end, 2)} s"
        if len(self.values) == 1 and feature is not None:
            words = self.names[feature]
        elif feature is not None and len(self.names) > 1:
            words += f" of {self.names[feature]}"
        verb = "carry" if last - first > 1 or self.sound is not None else "carries"
        side = self.sides[0 if self.why.answer >= self.why.base else 1]
        side = f"speaks {side}" if self.has_odds else side
        return f"{words} {verb} {share:.0%} of what {side} ({METHODS[self.why.kind]})"

    def in_words(self) -> str:
        """Return what was found, in a sentence."""
        return f"{self.compared()}; {self.where()}"

    def table(self) -> dict[str, Array]:
        """Return a line for each step and feature: where it is, its value, and what it adds."""
        T, n = self.values.shape
        return {
            "row": np.full(T * n, self.row),
            "step": np.repeat(np.arange(T), n),
            "feature": np.tile(np.array(self.names), T),
            "value": self.values.ravel(),
            "attribution": self.why.attributions.ravel(),
        }


def largest_span(why: Why, together: bool) -> tuple[int | None, int, int, float]:
    """Return the span of one feature, or of all `together`, that adds most to the difference of the
    answers: the feature, the first step, the one after the last, and its share of all that adds to
    it.

    Its steps add more than the mean size of an attribution each; between two spans with one sum the
    shorter one counts (Kadane's algorithm on what is above the mean).
    """
    difference = why.answer - why.base
    toward = why.attributions * (1 if difference >= 0 else -1)
    columns = toward.sum(axis=1, keepdims=True) if together else toward
    above = columns - np.abs(columns).mean()
    best: tuple[float, int, int, int] = (-np.inf, 0, 0, 1)
    for feature in range(columns.shape[1]):
        total, first = 0.0, 0
        for step, value in enumerate(above[:, feature].tolist()):
            if total <= 0:
                total, first = 0.0, step
            total += value
            if total > best[0]:
                best = total, feature, first, step + 1
    _, feature, first, last = best
    whole = float(np.maximum(columns, 0).sum())
    share = float(columns[first:last, feature].sum() / whole) if whole else 0.0
    return None if together else feature, first, last, share
