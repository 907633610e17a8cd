"""The ONNX export: a graph of whole rows and, if the model streams, one of steps with a state."""

import contextlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any, cast

import numpy as np

from hiddenstate.export.int8 import stored
from hiddenstate.export.onnx.graph import Graph
from hiddenstate.export.onnx.models import KINDS, batch, input_type, state_of, stream
from hiddenstate.export.target import Contents, Run, Source, Target, facts_json, holds_all
from hiddenstate.export.trial import Answers, Trial
from hiddenstate.program.program import Program
from hiddenstate.system.extras import is_installed, require
from hiddenstate.system.typing import Array

BATCH, STREAM = ".onnx", ".stream.onnx"

LIMIT = 1e-5

Session = Callable[[dict[str, Array]], Answers]
"""Computes the outputs of a graph, by name, from its inputs."""


def build(source: Source) -> Contents:
    """Return the graphs, and the JSON with their inputs and outputs."""
    program = source.program
    about = metadata(source)
    contents, graphs = {}, {}
    for ending, add in ((BATCH, batch), (STREAM, stream)):
        if ending == STREAM and not program.streams:
            continue
        g = Graph(int8=source.weights == "int8")
        add(g, program)
        contents[ending] = g.finished(source.identifier, about)
        graphs[add.__name__] = {"file": source.name + ending, **g.shapes}
    facts = {**source.facts, "weights": source.weights, "graphs": graphs}
    return {**contents, ".json": facts_json(facts)}


def metadata(source: Source) -> dict[str, object]:
    """Return the facts that a graph carries: all but what it does itself."""
    facts = {name: fact for name, fact in source.facts.items() if fact not in (None, [])}
    return {name: fact for name, fact in facts.items() if name != "preparation"}


def session(content: bytes) -> tuple[Session, str]:
    """Return what computes a graph, and its name: onnxruntime if it is installed and works."""
    if is_installed("onnxruntime"):
        with contextlib.suppress(ImportError):
            return runtime_session(content)
    return reference_session(content)


def runtime_session(content: bytes) -> tuple[Session, str]:
    """Return a session of onnxruntime on the processor, in one thread, and its name."""
    runtime = require("onnxruntime", "running ONNX")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    own = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in own.get_outputs()]

    def compute(inputs: dict[str, Array]) -> Answers:
        return dict(zip(names, own.run(names, inputs), strict=True))

    return compute, f"onnxruntime {runtime.__version__}"


def reference_session(content: bytes) -> tuple[Session, str]:
    """Return a session of the evaluator in the onnx package, and its name."""
    onnx = require("onnx", "running ONNX")
    from onnx.reference import ReferenceEvaluator

    own = ReferenceEvaluator(onnx.load_from_string(content), new_ops=_operators())
    names = own.output_names

    def compute(inputs: dict[str, Array]) -> Answers:
        with np.errstate(all="ignore"):
            return dict(zip(names, own.run(names, inputs), strict=True))

    return compute, f"the reference evaluator of onnx {onnx.__version__}"


def _operators() -> list[Any]:
    """Return what evaluators of the onnx package lack: relu in RNN, int8 in opset 14, and loops
    that read what is outside of them."""
    from onnx.reference.op_run import OpRun
    from onnx.reference.ops.op_rnn import RNN_14

    def relu(x: Array) -> Array:
        return np.maximum(x, 0)

    class RNN(RNN_14):
        op_domain = ""

        def choose_act(self, name: str, alpha: Any, beta: Any) -> Any:
            own: Any = super()
            return relu if name == "Relu" else own.choose_act(name, alpha, beta)

    class DequantizeLinear(OpRun):
        op_domain = ""

        def _run(
            self, x: Array, scale: Array, axis: int = 1, block_size: Any = 0, output_dtype: Any = 0
        ) -> tuple[Array]:
            shape = np.ones(x.ndim, int)
            shape[axis] = -1
            return (x.astype(np.float32) * scale.reshape(shape),)

    class Scan(OpRun):
        op_domain = ""

        def need_context(self) -> bool:
            return True

        def _run(self, *args: Array, context: Any = None, **attributes: Any) -> tuple[Array, ...]:
            n = int(attributes["num_scan_inputs"])
            state, sequences = args[:-n], args[-n:]
            body, steps = cast(Any, self).body, []
            for values in zip(*sequences, strict=True):
                inputs = dict(zip(body.input_names, (*state, *values), strict=True))
                *state, y = body.run(None, {**(context or {}), **inputs})
                steps.append(y)
            return (*state, np.stack(steps))

    return [RNN, DequantizeLinear, Scan]


def run(source: Source, contents: Contents, trial: Trial) -> Run:
    """Return the answers of the graphs to a trial."""
    return run_in(session, source, contents, trial)


def run_in(
    start: Callable[[bytes], tuple[Session, str]],
    source: Source,
    contents: Contents,
    trial: Trial,
) -> Run:
    """Return the answers of the graphs to a trial, computed by sessions that `start` gives."""
    compute, computed_by = start(contents[BATCH])
    X = trial.X.astype(input_type(source.program))
    inputs = {"x": X}
    if trial.lengths is not None:
        inputs["lengths"] = trial.lengths.astype(np.int64)
    answers = compute(inputs)
    if trial.ahead:
        return Run({**answers, "y": answers["forecast"]}, None, computed_by)
    steps = None
    if trial.stream is not None and STREAM in contents:
        steps = streamed(start(contents[STREAM])[0], source.program, X)
    return Run(answers, steps, computed_by)


def streamed(compute: Session, program: Program, X: Array) -> Answers:
    """Return the answers of a stream to X (N, T, I): the first half of the steps one by one."""
    state = zero_state(program, len(X))
    names = [name for name in state if name.startswith("state_")]
    half = X.shape[1] // 2
    cuts = [*range(half), half, X.shape[1]]
    parts = []
    for first, end in pairwise(cuts):
        found = compute({"x": X[:, first:end], **state})
        state = {name: found.pop(f"{name}_next") for name in names}
        parts.append(found)
    return {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}


def zero_state(program: Program, n: int) -> Answers:
    """Return the state before the first step of n series, by the names of a graph's inputs."""
    return {
        f"state_{name}": np.zeros((n, *dims), dtype)
        for name, (dtype, dims) in state_of(program).items()
    }


WEIGHTS = ("float32", "int8")

TARGET = Target(
    "onnx", ".onnx", LIMIT, WEIGHTS, holds_all, build, run, stored, forecasts=True, kinds=KINDS
)
