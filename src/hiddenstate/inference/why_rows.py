"""What answers to rows of a run, or to new rows, rest on: which row, which moment, in which words.

Shapes: N rows, T time steps, I features of a step as the data has them.
"""

from dataclasses import dataclass, replace

import numpy as np

from hiddenstate.data import Rows, fractions
from hiddenstate.data.origin import whole
from hiddenstate.data.prepare.streams import signals_of
from hiddenstate.engines import Predictor
from hiddenstate.engines.signals import Carried, begin_from_zero, follow_signals
from hiddenstate.errors import DataError, OptionError, listed
from hiddenstate.inference.inputs import prepare_inputs, read_ahead
from hiddenstate.inference.why import GRADIENTS, OCCLUSION, Explainer, Why
from hiddenstate.metrics.units import unit_of
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.meaning import program_of
from hiddenstate.models.net import Params
from hiddenstate.system.typing import Array

BASELINES = {
    "mean": "the mean of training",
    "zero": "zeros, as the network reads them",
    "given": "the given row",
}
"""What answers are compared with, in words."""

ODDS = "log-odds"
"""The unit of the answer of a classifier, log(p / (1 - p))."""

MOST_CARRIED = 256
"""Most steps that are explained of a state that is carried on."""

MANY = 64
"""Features of which none is named alone."""

METHODS = {
    GRADIENTS: "integrated gradients",
    OCCLUSION: "occlusion: spans replaced by the baseline",
    f"{GRADIENTS} and {OCCLUSION}": "integrated gradients of the network and occlusion of the "
    "rest, each times its share",
}
"""How it was found, in words."""


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
    """

    why: Why
    row: int
    values: Array
    names: tuple[str, ...]
    answer: str
    unit: str
    picture: tuple[int, ...] | None = None

    @property
    def span(self) -> tuple[int | None, int, int, float]:
        """The feature (None: all), the first step, the one after the last, and the share."""
        return largest_span(self.why, self.picture is not None or len(self.names) > MANY)

    def compared(self) -> str:
        """Return the answers to the row and to the baseline, in words."""
        why = self.why
        value = f"{why.answer:.4g} {self.unit}".strip()
        return f"{self.answer}: {value}, and {why.base:.4g} for {BASELINES[why.baseline]}"

    def where(self) -> str:
        """Return which part of the row counts most, with steps from 0, and how that was found."""
        feature, first, last, share = self.span
        step = "row" if self.picture else "step"
        words = f"{step}s {first} to {last - 1}" if last - first > 1 else f"{step} {first}"
        if len(self.values) == 1 and feature is not None:
            words = self.names[feature]
        elif feature is not None and len(self.names) > 1:
            words += f" of {self.names[feature]}"
        verb = "carry" if last - first > 1 else "carries"
        raised = self.why.answer >= self.why.base
        if self.unit == ODDS:
            side = "speaks for it" if raised else "speaks against it"
        else:
            side = "raises it" if raised else "lowers it"
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


def feature_names(model: FittedModel) -> tuple[str, ...]:
    """Return the names of the features of a model's rows, or their numbers."""
    transform, n = model.transform, model.transform.n_features(model.net.n_features)
    names = transform.feature_names
    if names is None or len(names) != n:
        return tuple(f"feature {i + 1}" for i in range(n))
    return tuple(map(str, names))


def prepared_rows(model: FittedModel, rows: Rows, where: str) -> Rows:
    """Return rows as read in the form in which they are kept; see `prepare_inputs`."""
    if model.net.kind.has_targets:
        rows, _ = read_ahead(model, replace(rows, origin=rows.origin or whole(len(rows))), where)
    return prepare_inputs(model, rows, where)


def reason(
    explainer: Explainer,
    rows: Rows,
    number: int,
    step: int | None = None,
    answer: str | int | None = None,
    picture: tuple[int, ...] | None = None,
    begin: Params | None = None,
    place: int | None = None,
) -> Reason:
    """Return what the answer to a row rests on.

    Parameters
    ----------
    explainer : Explainer
    rows : Rows
        As they are kept.
    number : int
        Of the row or series.
    step : int, optional
        The last step that is read, from 0; by default that of the row.
    answer : str or int, optional
        A class, by its label, or a target, by its name; or its number. By default the class of the
        highest probability, or the first target.
    picture : tuple of int, optional
        As of :class:`Reason`.
    begin : dict of ndarray, optional
        The state before the row; see :func:`carried_row`.
    place : int, optional
        As of :meth:`Explainer.why`.

    Raises
    ------
    DataError
        If there is no such row or step.
    OptionError
        If there is no such class or target.
    """
    model = explainer.model
    if not 0 <= number < len(rows):
        raise DataError(f"row {number}: there are {len(rows):,} rows; the first one is 0")
    T = int(rows.ends[number])
    if step is not None and not 0 <= step < T:
        raise DataError(f"step {step}: row {number} has {T:,} steps; the first one is 0")
    x = np.asarray(rows.X[number : number + 1, : T if step is None else step + 1])
    names = answers_of(model)
    if isinstance(answer, str):
        if answer not in names:
            raise OptionError(f"no answer is called {answer}; there are {listed(names)}")
        answer = names.index(answer)
    if answer is None:
        answer = 0
        if model.net.kind.has_classes:
            kept = fractions(x, np.float64)
            answer = int(program_of(model).predict_kept(kept)["class"].ravel()[0])
    if not 0 <= answer < len(names):
        raise OptionError(f"answer {answer}: there are {len(names)}")
    values = np.asarray(model.transform.undo(x)[0], np.float64)
    why = explainer.why(x[0], answer, begin, place)
    unit = ODDS if model.net.kind.has_classes else unit_of(names[answer]) or ""
    return Reason(why, number, values, feature_names(model), names[answer], unit, picture)


def carried_row(
    model: FittedModel, predictor: Predictor, rows: Rows, number: int, before: Carried
) -> tuple[Rows, int, Params]:
    """Return what leads to the answers in a window of a model that carries its state.

    Parameters
    ----------
    model : FittedModel
    predictor : Predictor
        The same model, ready to compute.
    rows : Rows
        Consecutive windows, as they are kept.
    number : int
        Of the window.
    before : mapping of int to dict of ndarray
        The state that each signal begins with.

    Returns
    -------
    rows : Rows
        One row: the window, after earlier ones of its signal up to `MOST_CARRIED` steps. With
        convolutions, or one answer for a window, the window alone.
    first : int
        The number of the first of these windows.
    state : dict of ndarray
        The state before it; empty for zero.
    """
    T, numbers = rows.X.shape[1], signals_of(rows)
    anew, first = begin_from_zero(rows, before), number
    joins = model.net.output == "steps" and not model.net.recurrent.stem
    while joins and first and not anew[first] and (number - first + 2) * T <= MOST_CARRIED:
        first -= 1
    signal, state = int(numbers[number]), dict[str, Array]()
    if not anew[first]:
        earlier = np.flatnonzero(numbers[:first] == signal)
        state = before.get(signal, {})
        if len(earlier):
            own = rows.take(earlier)
            state = follow_signals(predictor, model.net, own, before)[1][signal]
    x = np.concatenate([rows.X[each] for each in range(first, number + 1)])
    return Rows(x[None]), first, state


def answers_of(model: FittedModel) -> list[str]:
    """Return the labels of the classes, or the names of the targets of a model."""
    if model.net.kind.has_classes:
        return [str(label) for label in model.require_classes()]
    return list(model.transform.answer_names(model.net.n_outputs))
