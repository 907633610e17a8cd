"""The translations of a model, and how each is asked."""

import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np
import pytest

from hiddenstate import kernels
from hiddenstate.engines import Predictor
from hiddenstate.export.export import target_named
from hiddenstate.export.onnx.file import (
    BATCH,
    STREAM,
    Session,
    reference_session,
    runtime_session,
    zero_state,
)
from hiddenstate.export.target import Source, source_of
from hiddenstate.export.trial import Answers, Trial
from hiddenstate.inference.overflow import checked_predictor
from hiddenstate.inference.stream import Stream
from hiddenstate.metrics.scores import error_by_row
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.meaning import program_of
from hiddenstate.models.streaming import obstacles_of_model
from hiddenstate.program.equations import softmax
from hiddenstate.program.program import Program
from hiddenstate.web import joining
from tests.contract.models import KINDS, model_of
from tests.contract.programs import answers_in_c, answers_in_node
from tests.contract.reference import MISSING, Case, Difference, Reply, ask, case_of


@dataclass(frozen=True)
class Translation:
    """A translation of models.

    Parameters
    ----------
    name : str
    limit : callable
        Returns the largest excess of a difference from the reference that a model may have.
    reply : callable
        Returns the replies to cases, in their order.
    refuses : callable
        Returns whether it declares that it does not hold a model.
    weights : str
        How weights are stored.
    """

    name: str
    limit: Callable[[FittedModel], float]
    reply: Callable[[Sequence[Case]], list[Reply]]
    refuses: Callable[[FittedModel], bool] = lambda model: False
    weights: str = "float32"

    def cases(self, names: Iterable[str]) -> list[Case]:
        """Return the cases of models, with their weights as they are stored, that it holds."""
        if self.weights == "float32":
            cases = [case_of(name) for name in names]
        else:
            stored = target_named(self.name.split()[0]).stored
            assert stored is not None
            cases = [ask(name, stored(model_of(name), self.weights)) for name in names]
        return [case for case in cases if not self.refuses(case.model)]


def differences(case: Case, reply: Reply) -> dict[str, Difference]:
    """Return the largest difference of the answers to each question of a case."""
    wanted: dict[str, tuple[Trial, bool]] = {"rows": (case.whole, False)}
    if case.ragged is not None:
        wanted["unequal"] = (case.ragged, False)
    if case.whole.stream is not None:
        wanted |= {"steps": (case.whole, True), "handed over": (case.whole, True)}
    return {
        question: case.difference(trial, reply[question], stream) if question in reply else MISSING
        for question, (trial, stream) in wanted.items()
    }


# Engines.


def by_engine(case: Case) -> Reply:
    """Return the answers of the predictor, and of the stream, that are chosen for a model."""
    model, n = case.model, len(case.whole.X)
    predictor = checked_predictor(model, threads=1)
    reply = {
        question: predicted(model, predictor, trial)
        for question, trial in zip(("rows", "unequal"), case.trials, strict=False)
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
        code = predictor.encode(inputs)
        return {
            "code": code,
            "reconstruction": transform.undo(predictor.decode(code)),
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
    return of_engine(model) if not model.companions else 5e-3


def program(
    cases: Sequence[Case], made: Callable[[FittedModel], Program] = program_of
) -> list[Reply]:
    """Return the answers of programs, in which "steps" and "handed over" hand over the state."""
    replies = []
    for case in cases:
        own, X = made(case.model), case.whole.X
        reply = {
            question: own.predict(trial.X, trial.lengths)
            for question, trial in zip(("rows", "unequal"), case.trials, strict=False)
        }
        if case.whole.stream is not None:
            (name,), T = case.whole.stream, X.shape[1]
            for question, cuts in (("steps", list(range(1, T))), ("handed over", [T // 2])):
                state, parts = own.state(len(X)), []
                for piece in np.split(X, cuts, axis=1):
                    answers, state = own.advance(piece, state)
                    parts.append(answers[name])
                reply[question] = {name: np.concatenate(parts, axis=1)}
        replies.append(reply)
    return replies


# Exports.


def source(case: Case, target: str, weights: str = "float32") -> Source:
    return source_of(case.model, "m", weights, target_named(target).stored)


@cache
def names_of(code: str) -> dict[str, Any]:
    """Return what the code that exported files share defines."""
    names: dict[str, Any] = {"__name__": "exported"}
    exec(compile(code, "exported.py", "exec"), names)
    del sys.modules["exported"]  # where a file that is alone stands until its end
    return {**names, "ALONE": False}


def python(cases: Sequence[Case]) -> list[Reply]:
    """Return the answers of exported files; the code that they share is run once."""
    replies = []
    for case in cases:
        text = target_named("python").build(source(case, "python"))[".py"].decode()
        _, code = text.split('"""\n', 1)  # after the introduction
        code, end, own = code.partition("\n\nABOUT = (")
        names = dict(names_of(code))
        exec(f"{end}{own}", names)
        replies.append(by_file(case, names["model"]))
    return replies


def by_file(case: Case, model: Any) -> Reply:
    """Return the answers of the model of an exported file."""
    reply = {
        question: model.predict(trial.X, trial.lengths)
        for question, trial in zip(("rows", "unequal"), case.trials, strict=False)
    }
    if case.whole.stream is None:
        return reply
    X, (name,) = case.whole.X, case.whole.stream
    first, second = model.stream(len(X)), model.stream(len(X))
    for question in ("steps", "handed over"):
        first.reset()
        stream, answers = first, []
        for t, x in enumerate(X.swapaxes(0, 1)):
            if question == "handed over" and t == X.shape[1] // 2:
                second.state, stream = dict(first.state), second
                first.reset()
            answers.append(stream.step(x)[name])
        reply[question] = {name: np.stack(answers, axis=1)}
    return reply


def onnx(
    cases: Sequence[Case], weights: str = "float32", runtime: str = "onnxruntime"
) -> list[Reply]:
    """Return the answers of graphs in onnxruntime, or in the evaluator of the package onnx."""
    pytest.importorskip("onnx")
    pytest.importorskip(runtime)
    start = runtime_session if runtime == "onnxruntime" else reference_session
    return [in_graphs(case, start, weights) for case in cases]


def in_graphs(case: Case, start: Callable[[bytes], tuple[Session, str]], weights: str) -> Reply:
    """Return the answers of graphs in sessions that `start` opens."""
    own = source(case, "onnx", weights)
    graphs, reply = target_named("onnx").build(own), Reply()
    compute = start(graphs[BATCH])[0]
    for question, trial in zip(("rows", "unequal"), case.trials, strict=False):
        inputs = {"x": trial.X if case.model.transform.pixels else trial.X.astype(np.float32)}
        if trial.lengths is not None:
            inputs["lengths"] = trial.lengths.astype(np.int64)
        reply[question] = compute(inputs)
    if STREAM not in graphs:
        return reply
    advance = start(graphs[STREAM])[0]
    X = case.whole.X if case.model.transform.pixels else case.whole.X.astype(np.float32)
    T = X.shape[1]
    for question, cuts in (("steps", range(1, T)), ("handed over", [T // 2])):
        state, parts = zero_state(own.program, len(X)), []
        for piece in np.split(X, cuts, axis=1):
            parts.append(advance({"x": piece, **state}))
            state = {name: parts[-1].pop(f"{name}_next") for name in state}
        reply[question] = {
            name: np.concatenate([p[name] for p in parts], axis=1) for name in parts[0]
        }
    return reply


def c(cases: Sequence[Case], weights: str = "float32") -> list[Reply]:
    """Return the answers of headers, compiled together: kinds strictly and under the sanitizers."""
    headers = []
    for number, case in enumerate(cases):
        own = replace(source(case, "c", weights), name=f"m{number}")
        headers.append(target_named("c").build(own)[".h"].decode())
    return answers_in_c(headers, cases, strict=all(case.name in KINDS for case in cases))


JOINED = cache(joining.joined)


def html(cases: Sequence[Case], weights: str = "float32") -> list[Reply]:
    """Return the answers of the scripts in pages, whose modules are read once."""
    build = target_named("html").build
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hiddenstate.export.html.page.joined", JOINED)
        pages = [build(source(case, "html", weights))[".html"].decode() for case in cases]
    return answers_in_node(pages, cases)


def by_target(name: str, cases: Sequence[Case], weights: str = "float32") -> list[Reply]:
    """Return what an export finds itself when it tries its files."""
    target, replies = target_named(name), []
    for case in cases:
        own = source(case, name, weights)
        contents = target.build(own)
        runs = [target.run(own, contents, trial) for trial in case.trials]
        reply = dict(zip(("rows", "unequal"), (run.answers for run in runs), strict=False))
        stream = runs[0].stream or {}
        replies.append({**reply, "steps": stream, "handed over": stream})
    return replies


def without_tools(name: str, cases: Sequence[Case], weights: str = "float32") -> list[Reply]:
    """Return what an export finds where there is neither a compiler nor node."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "which", lambda program: None)
        return by_target(name, cases, weights)


# What exports declare that they do not hold.


def fills_windows(model: FittedModel) -> bool:
    """Whether a model fills in series that are scaled by window, which some do not hold."""
    return model.transform.by_window and model.transform.missing == "forward"


def no_stream(model: FittedModel) -> bool:
    """Whether a model has no answer before the end of a series."""
    return not program_of(model).streams


def no_signal(cells: Sequence[str], model: FittedModel) -> bool:
    """Whether files for audio, which know `cells`, cannot hold a model: a net of one signal."""
    net, transform = model.net, model.transform
    signal = net.job == "regress" and net.n_features == net.n_outputs == 1
    whole = signal and (net.recurrent.stem or obstacles_of_model(model))
    if not signal or net.recurrent.cell not in cells or whole:
        return True
    plain = net.output == "steps" or net.recurrent.readout == "last"
    beside = transform.fill is not None or transform.linear is not None
    return not plain or beside or transform.pixels or transform.change is not None


def export(
    target: str,
    reply: Callable[[Sequence[Case]], list[Reply]],
    refuses: Callable[[FittedModel], bool],
) -> Translation:
    """Return the translation that an export is."""
    return Translation(target, lambda model: target_named(target).limit, reply, refuses)


TRANSLATIONS = {
    each.name: each
    for each in (
        Translation("native", of_kernels, native),
        Translation("torch", of_engine, torch),
        Translation("numpy", of_engine, numpy),
        Translation("program", lambda model: 1e-12, program),
        export("python", python, lambda model: False),
        export("onnx", onnx, fills_windows),
        export("c", c, lambda model: False),
        export("html", html, fills_windows),
        export("nam", partial(by_target, "nam"), partial(no_signal, ("lstm",))),
        export("triton", partial(by_target, "triton"), no_stream),
        export("rtneural", partial(by_target, "rtneural"), partial(no_signal, ("lstm", "gru"))),
    )
}

WAYS: dict[str, dict[str, Any]] = {
    "onnx int8": {"weights": "int8", "reply": partial(onnx, weights="int8")},
    "onnx, no onnxruntime": {"reply": partial(onnx, runtime="onnx")},
    "c int8": {"weights": "int8", "reply": partial(c, weights="int8")},
    "c, no compiler": {"reply": partial(without_tools, "c")},
    "c int8, no compiler": {
        "weights": "int8",
        "reply": partial(without_tools, "c", weights="int8"),
    },
    "html float16": {"weights": "float16", "reply": partial(html, weights="float16")},
    "html, no node": {"reply": partial(without_tools, "html")},
}

OTHERS = {
    name: replace(TRANSLATIONS[name.split()[0].strip(",")], name=name, **changes)
    for name, changes in WAYS.items()
}
"""Other ways of exports, which one model of each kind takes: rounded weights, which the model then
has, too, and what computes where the usual is not installed."""
