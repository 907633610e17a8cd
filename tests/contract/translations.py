"""The translations of a model, and how each is asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

from hiddenstate import kernels
from hiddenstate.config.data_fields import FLAGS
from hiddenstate.engines import Predictor
from hiddenstate.export.export import target_named
from hiddenstate.export.target import Source, source_of
from hiddenstate.export.trial import Answers, Trial
from hiddenstate.inference.overflow import checked_predictor
from hiddenstate.inference.stream import Stream
from hiddenstate.metrics.scores import error_by_row, softmax
from hiddenstate.models.fitted import FittedModel
from tests.contract.reference import Case

Reply = dict[str, Answers]
"""Answers by what was asked: "rows", "unequal", "steps" and "handed over", those that apply."""


@dataclass(frozen=True)
class Translation:
    """A translation of models.

    Parameters
    ----------
    name : str
    limit : callable
        Returns the largest difference from the reference that is allowed for a model.
    reply : callable
        Returns the replies to cases, in their order.
    refuses : callable
        Returns whether it declares that it does not hold a model.
    """

    name: str
    limit: Callable[[FittedModel], float]
    reply: Callable[[Sequence[Case]], list[Reply]]
    refuses: Callable[[FittedModel], bool] = lambda model: False


def differences(case: Case, reply: Reply) -> dict[str, float]:
    """Return the largest difference of each answer to a case; infinite for one that is missing."""
    wanted: dict[str, tuple[Trial, bool]] = {"rows": (case.whole, False)}
    if case.ragged is not None:
        wanted["unequal"] = (case.ragged, False)
    if case.whole.stream is not None:
        wanted |= {"steps": (case.whole, True), "handed over": (case.whole, True)}
    return {
        asked: case.difference(trial, reply[asked], stream) if asked in reply else np.inf
        for asked, (trial, stream) in wanted.items()
    }


# Engines.


def by_engine(case: Case) -> Reply:
    """Return the answers of the predictor, and of the stream, that are chosen for a model."""
    model, n = case.model, len(case.whole.X)
    predictor = checked_predictor(model, threads=1)
    reply = {
        asked: predicted(model, predictor, trial)
        for asked, trial in zip(("rows", "unequal"), case.trials, strict=False)
    }
    if case.whole.stream is None:
        return reply
    (name,), X = case.whole.stream, case.whole.X
    half = X.shape[1] // 2
    stream, first = Stream(model, n, threads=1), Stream(model, n, threads=1)
    reply["steps"] = {name: np.stack([stream.step(x) for x in X.swapaxes(0, 1)], axis=1)}
    parts = [first.feed(X[:, :half])]
    state = {part: array.copy() for part, array in first.state.items()}
    first.reset()
    parts.append(Stream(model, n, threads=1, state=state).feed(X[:, half:]))
    reply["handed over"] = {name: np.concatenate(parts, axis=1)}
    return reply


def predicted(model: FittedModel, predictor: Predictor, trial: Trial) -> Answers:
    """Return the answers of a predictor to rows."""
    transform, dtype = model.transform, model.dtype
    inputs = transform.apply(trial.X, trial.lengths, dtype, "rows")
    outputs = predictor.predict(inputs, trial.lengths)
    if model.net.job == "autoencode":
        read = inputs / np.array(255, dtype) if inputs.dtype == np.uint8 else inputs
        return {
            "code": predictor.encode(inputs),
            "reconstruction": transform.undo(outputs),
            "error": error_by_row(outputs, read),
        }
    if model.net.job == "classify":
        return {"probabilities": softmax(outputs)}
    return {"y": transform.undo_targets(outputs, inputs, trial.lengths)}


def native(cases: Sequence[Case]) -> list[Reply]:
    assert kernels.level() is not None
    return [by_engine(case) for case in cases]


def torch(cases: Sequence[Case]) -> list[Reply]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(kernels.VARIABLE, "off")
        return [by_engine(case) for case in cases]


def numpy(cases: Sequence[Case]) -> list[Reply]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(kernels.VARIABLE, "off")
        patch.setattr("hiddenstate.engines.choose.is_installed", lambda name: False)
        return [by_engine(case) for case in cases]


def of_engine(model: FittedModel) -> float:
    return 1e-12 if model.dtype == "float64" else 1e-5


def of_kernels(model: FittedModel) -> float:
    """A value beside the bias of a fixed convolution may fall on the other side in float32."""
    return of_engine(model) if model.convolutions is None else 5e-3


# Exports.


def source(case: Case, target: str, weights: str = "float32") -> Source:
    return source_of(case.model, "m", weights, target_named(target).stored)


@cache
def compiled(code: str) -> Any:
    return compile(code, "exported.py", "exec")


def python(cases: Sequence[Case]) -> list[Reply]:
    """Return the answers of exported files; the code that they share is compiled once."""
    replies = []
    for case in cases:
        text = target_named("python").build(source(case, "python"))[".py"].decode()
        _, code = text.split('"""\n', 1)  # after the introduction
        code, end, own = code.partition("\n\nABOUT = (")
        module: dict[str, Any] = {"__name__": "exported"}
        exec(compiled(code), module)
        exec(f"{end}{own}", module)
        replies.append(by_file(case, module["model"]))
    return replies


def by_file(case: Case, model: Any) -> Reply:
    """Return the answers of the model of an exported file."""
    reply = {
        asked: model.predict(trial.X, trial.lengths)
        for asked, trial in zip(("rows", "unequal"), case.trials, strict=False)
    }
    if case.whole.stream is None:
        return reply
    X, (name,) = case.whole.X, case.whole.stream
    first, second = model.stream(len(X)), model.stream(len(X))
    for asked in ("steps", "handed over"):
        first.reset()
        stream, answers = first, []
        for t, x in enumerate(X.swapaxes(0, 1)):
            if asked == "handed over" and t == X.shape[1] // 2:
                second.state, stream = dict(first.state), second
                first.reset()
            answers.append(stream.step(x)[name])
        reply[asked] = {name: np.stack(answers, axis=1)}
    return reply


# What exports declare that they do not hold.


def has_new_parts(model: FittedModel) -> bool:
    """Whether a model reads the flags of a calendar, or lags of inputs."""
    periods = {period for each in model.transform.encodings for period in each.calendar}
    linear = model.transform.linear
    return bool(periods & {*FLAGS}) or (linear is not None and bool(linear.inputs))


def no_export_holds(model: FittedModel) -> bool:
    fills_windows = model.transform.by_window and model.transform.missing == "forward"
    return has_new_parts(model) or fills_windows


TRANSLATIONS = {
    each.name: each
    for each in (
        Translation("native", of_kernels, native),
        Translation("torch", of_engine, torch),
        Translation("numpy", of_engine, numpy),
        Translation("python", lambda model: 1e-12, python, no_export_holds),
    )
}
