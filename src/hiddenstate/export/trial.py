"""Rows on which every export is tried before it is kept, and the answers it must give.

The rows follow from the model alone, so that the same model gives the same rows: values as its
scaling has them, gaps if it fills gaps in, series of different lengths, another number of steps
than in training.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.meaning import program_of
from hiddenstate.program.program import Program
from hiddenstate.system.typing import Array

MOST_STEPS = 100
"""Most steps of a trial row: it is computed in numpy, one step after the other."""

ROWS = 6

Answers = dict[str, Array]
"""Answers by name: "probabilities" (and "class", which is not compared), "y", or "code",
"reconstruction" and "error"."""


@dataclass(frozen=True)
class Trial:
    """Rows and the answers of the model to them, computed in float64.

    Parameters
    ----------
    X : ndarray (N, T, I) or (N, F)
        As the data has them, uint8 if they are pixels; else numbers that float32 has exactly.
    lengths : ndarray (N,) of int64 or None
        Steps of each row; None for all T.
    answers : dict of ndarray
        Of steps after the end of a row they are 0.
    stream : dict of ndarray or None
        Answers (N, T, ...) after every step of a stream of the rows; None if there is no stream, or
        rows have lengths.
    ahead : bool
        Whether the answers are forecasts of all steps up to the horizon: y (N, H, O), and the ends
        of intervals by name.
    """

    X: Array
    lengths: Array | None
    answers: Answers
    stream: Answers | None
    ahead: bool = False

    def masked(self, answers: Mapping[str, Array]) -> Answers:
        """Return answers with zeros at steps after the end of a row."""
        answers = dict(answers)
        y = answers.get("y")
        if y is not None and y.ndim == 3 and self.lengths is not None:
            read = np.arange(y.shape[1]) < self.lengths[:, None]
            answers["y"] = np.where(read[..., None], y, 0)
        return answers

    def difference(self, answers: Mapping[str, Array]) -> float:
        """Return the largest difference of answers; infinite if one is not finite or has another
        shape."""
        return difference(self.masked(answers), self.answers)


def difference(found: Mapping[str, Array], expected: Mapping[str, Array]) -> float:
    """Return the largest difference of answers; infinite where they cannot be compared."""
    return max(differences(found, expected).values(), default=0.0)


def differences(found: Mapping[str, Array], expected: Mapping[str, Array]) -> dict[str, float]:
    """Return the largest difference of each answer; infinite where they cannot be compared."""
    largest = {}
    for name, right in expected.items():
        if name == "class":
            continue
        own = np.asarray(found[name], np.float64)
        sound = own.shape == right.shape and bool(np.isfinite(own).all())
        largest[name] = float(np.abs(own - right).max(initial=0)) if sound else float("inf")
    return largest


def float_rounding(
    found: Mapping[str, Array], expected: Mapping[str, Array], scale: float
) -> float:
    """Return what the type of answers itself costs those that are larger than `scale`.

    A target of 1e6 with a scale of 1 has no digits for differences of 1e-6 in float32, which holds
    numbers to 2**-23 of their size.
    """
    spare = 0.0
    for name, right in expected.items():
        if name != "class":
            largest = float(np.abs(right).max(initial=0))
            dtype = np.asarray(found[name]).dtype
            spare = max(spare, (largest - scale) * float(np.finfo(dtype).eps))
    return spare


SHARE = 0.01
"""Largest difference of one answer, as a share of what that answer spans in the trial rows."""


LEAST = 1e-30
"""Probability below which differences do not count: float32 has few digits for smaller ones."""


def differs_in_one(
    found: Mapping[str, Array], expected: Mapping[str, Array], model: FittedModel, limit: float
) -> str | None:
    """Return which answer differs too much by its own scale, if one does.

    One limit for all answers says nothing of a target that is far smaller than another one, or of
    codes beside large features. Each number of an answer may differ by a hundredth of what it spans
    in the trial, or ten times `limit` by its own scale, and by the rounding of float32; a
    probability by a hundredth of itself.
    """
    for name, right in expected.items():
        if name == "class":
            continue
        axes = tuple(range(right.ndim - 1)) if right.ndim > 1 else None
        off = np.abs(np.asarray(found[name], np.float64) - right).max(axis=axes, initial=0)
        span = right.max(axis=axes, initial=-np.inf) - right.min(axis=axes, initial=np.inf)
        largest = np.abs(right).max(axis=axes, initial=0)
        own = np.maximum(SHARE * span, 10 * limit * _own_scale(model, name))
        wrong = np.flatnonzero(off > own + largest * 2.0**-21)
        if name == "probabilities":  # all but certain ones hide large differences of the sums
            close = np.abs(found[name] - right) <= SHARE * right + LEAST
            wrong = np.flatnonzero(~close.all(axis=axes))
        if wrong.size:
            return f"{name} {wrong[0] + 1}" if np.ndim(off) else name
    return None


def _own_scale(model: FittedModel, name: str) -> Any:
    """Return the scale of each number of an answer."""
    transform = model.transform
    targets = name == "y" or name.startswith(("lower_", "upper_"))
    known = transform.target_scaling if targets else None
    known = transform.scaling if name == "reconstruction" else known
    return 1.0 if known is None else 1 / np.abs(known[1])


def trials_of(model: FittedModel, seed: int = 0) -> list[Trial]:
    """Return trials of a model: whole rows and, unless it is an autoencoder, rows of unequal
    lengths with another number of steps."""
    model = of_features(model)
    random = np.random.default_rng([seed, model.net.n_parameters()])
    if model.net.kind.has_codes:
        return [_trial(model, _rows(model, (ROWS, _width(model)), random), None)]
    T = min(model.row_shape[0], MOST_STEPS)
    whole = _trial(model, _rows(model, (ROWS, T, _width(model)), random), None)
    other = T + 3
    lengths = np.array([other, *random.integers(1, other + 1, ROWS - 1)])
    return [whole, _trial(model, _rows(model, (ROWS, other, _width(model)), random), lengths)]


def trial_ahead(model: FittedModel, program: Program, seed: int = 0) -> Trial | None:
    """Return a trial of forecasts, with one step more than they read; None if there are none."""
    if program.ahead is None:
        return None
    model = of_features(model)
    random = np.random.default_rng([seed, model.net.n_parameters(), 1])
    steps = max(program.window + program.horizon, program.ahead.season + 2)
    X = _rows(model, (3, steps, _width(model)), random)
    return Trial(X, None, program.forecast(X), None, ahead=True)


def scale_of(model: FittedModel, trials: list[Trial]) -> float:
    """Return what differences are measured by: the scale of the targets, or 1 if it is less."""
    if model.net.kind.has_classes:
        return 1.0
    scaling = scaling_of_answers(model)
    scale = 1.0 if scaling is None else max(1.0, float((1 / np.abs(scaling[1])).max()))
    if model.transform.takes_logarithms:
        scale = max(scale, *(float(np.abs(trial.answers["y"]).max()) for trial in trials))
    return scale


def scaling_of_answers(model: FittedModel) -> tuple[Array, Array] | None:
    """Return offset and factor of targets or reconstructions; None if they are not scaled."""
    transform = model.transform
    return transform.scaling if model.net.kind.has_codes else transform.target_scaling


def _width(model: FittedModel) -> int:
    """Return the features of a row, with those of columns known ahead that are moved."""
    return model.transform.n_features(model.net.n_features)


def of_features(model: FittedModel) -> FittedModel:
    """Return the model whose rows are features, as an export reads them: the caller encodes columns
    of text and dates, and static columns are features like others."""
    transform = model.transform
    reading = {name: value for name, value in transform.reading.items() if name != "static"}
    if transform.known.ahead:
        reading["future"] = tuple(transform.known.names[k] for k in transform.known.ahead)
    return replace(model, transform=replace(transform, encodings=(), reading=reading))


def _rows(model: FittedModel, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    transform = model.transform
    if transform.pixels:
        return random.integers(0, 256, shape).astype(np.uint8)
    X = random.normal(size=shape)
    if transform.scaling is not None:
        X = X / transform.scaling[1] + transform.scaling[0]
    if transform.by_window:  # far from 0, and one row that is flat
        X[..., transform.own_features] += 5
        X[1][..., transform.own_features] = 5
    if transform.takes_logarithms:
        own = [f for f, log in zip(transform.own_features, transform.log, strict=True) if log]
        X[..., own] = np.exp(X[..., own])
    if transform.fill is not None:
        X[random.random(shape) < 0.1] = np.nan
    return X.astype(np.float32).astype(np.float64)


def _trial(model: FittedModel, X: Array, lengths: Array | None) -> Trial:
    trial = Trial(X, lengths, expected_answers(model, X, lengths), None)
    trial = replace(trial, answers=trial.masked(trial.answers))
    program = program_of(model)
    if lengths is not None or not program.streams:
        return trial
    stream, _ = program.advance(X, program.state(len(X)))
    return replace(trial, stream={n: answer for n, answer in stream.items() if n != "class"})


def expected_answers(model: FittedModel, X: Array, lengths: Array | None) -> Answers:
    """Return the answers of a model to rows: those of its program, in float64."""
    return program_of(of_features(model)).predict(X, lengths)
