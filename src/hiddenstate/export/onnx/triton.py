"""The Triton export: a folder of a model repository, whose sequence batcher keeps the state.

The fields of `config.pbtxt` are those of `ModelConfig` in Triton's model_config.proto.
"""

from collections.abc import Sequence

import numpy as np

from hiddenstate.export.int8 import stored
from hiddenstate.export.onnx.file import LIMIT, WEIGHTS, metadata, session, zero_state
from hiddenstate.export.onnx.graph import Declared, Graph, Shapes
from hiddenstate.export.onnx.models import STREAM_KINDS, input_type, state_of, stream
from hiddenstate.export.target import Contents, Run, Source, Target, facts_json
from hiddenstate.export.trial import Answers, Trial
from hiddenstate.program.program import Program
from hiddenstate.system.typing import Array

CONFIG, MODEL, FACTS = "/config.pbtxt", "/1/model.onnx", "/facts.json"

TYPES = {
    "float32": "TYPE_FP32",
    "float64": "TYPE_FP64",
    "int32": "TYPE_INT32",
    "int64": "TYPE_INT64",
    "uint8": "TYPE_UINT8",
}

MOST_AT_ONCE = 64
"""Series whose steps Triton computes in one batch."""

IDLE_SECONDS = 600
"""After which Triton forgets a series that is not ended."""


def build(source: Source) -> Contents:
    """Return the files of the folder."""
    g = Graph(int8=source.weights == "int8")
    stream(g, source.program, optional_reset=False)  # Triton counts the inputs without a default
    content = g.finished(source.identifier, metadata(source))
    facts = {**source.facts, "weights": source.weights, "graphs": {"stream": g.shapes}}
    config = _config(source.name, source.program, g.shapes)
    return {CONFIG: config.encode(), MODEL: content, FACTS: facts_json(facts)}


def _config(name: str, program: Program, shapes: Shapes) -> str:
    """Return the text of `config.pbtxt`."""
    states = [f"state_{each}" for each in state_of(program)]
    nexts = [f"{each}_next" for each in states]
    inputs, outputs = shapes["inputs"], shapes["outputs"]
    text = [
        f"name: {_quoted(name)}",
        'backend: "onnxruntime"',
        f"max_batch_size: {MOST_AT_ONCE}",
        _listed("input", [_tensor("x", inputs["x"])]),
        _listed("output", [_tensor(each, outputs[each]) for each in outputs if each not in nexts]),
        "sequence_batching {",
        f"  max_sequence_idle_microseconds: {IDLE_SECONDS * 10**6}",
        "  oldest {",
        f"    max_candidate_sequences: {16 * MOST_AT_ONCE}",
        "  }",
        "  control_input [",
        "    {",
        '      name: "reset"',
        "      control [",
        "        {",
        "          kind: CONTROL_SEQUENCE_START",
        "          bool_false_true: [ false, true ]",
        "        }",
        "      ]",
        "    }",
        "  ]",
        _indented(_listed("state", [_state(each, inputs[each]) for each in states])),
        "}",
    ]
    return "\n".join(text) + "\n"


def _tensor(name: str, shape: Declared) -> str:
    return f"name: {_quoted(name)}\n{_type(shape)}"


def _state(name: str, shape: Declared) -> str:
    begin = [f"name: {_quoted(name)}", _type(shape), "zero_data: true"]
    return "\n".join(
        [
            f"input_name: {_quoted(name)}",
            f"output_name: {_quoted(f'{name}_next')}",
            _type(shape),
            "initial_state {",
            _indented("\n".join(begin)),
            "}",
        ]
    )


def _type(shape: Declared) -> str:
    """Return the lines of the type and of the lengths after the first axis, -1 for any."""
    dims = [n if isinstance(n, int) else -1 for n in shape["shape"][1:]]
    return f"data_type: {TYPES[shape['dtype']]}\ndims: {dims}"


def _listed(name: str, entries: Sequence[str]) -> str:
    blocks = ",\n".join(f"  {{\n{_indented(_indented(entry))}\n  }}" for entry in entries)
    return f"{name} [\n{blocks}\n]"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _quoted(text: str) -> str:
    """Return a string of protobuf's text format."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}
    return '"' + "".join(escapes.get(letter, letter) for letter in text) + '"'


def run(source: Source, contents: Contents, trial: Trial) -> Run:
    """Return the answers of the graph to a trial, in the batches that Triton makes.

    Each series begins in the state that another left, with `reset`, as in a slot of a batch that
    is used again.
    """
    compute, computed_by = session(contents[MODEL])
    program, n = source.program, len(trial.X)
    X = trial.X.astype(input_type(program))
    state = {name: array + 1 for name, array in zero_state(program, n).items()}
    parts = []
    for t in range(X.shape[1]):
        reset = np.full((n, 1), t == 0)
        found = compute({"x": X[:, t : t + 1], "reset": reset, **state})
        state = {name: found.pop(f"{name}_next") for name in state}
        parts.append(found)
    steps = {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}
    answers = steps if program.readout == "steps" else _at_ends(steps, trial.lengths)
    return Run(answers, steps, computed_by)


def _at_ends(steps: Answers, lengths: Array | None) -> Answers:
    """Return the answers after the last step of each row."""
    n, T = steps[next(iter(steps))].shape[:2]
    ends = np.full(n, T) if lengths is None else lengths
    return {name: array[np.arange(n), ends - 1] for name, array in steps.items()}


def _refusal(program: Program) -> str | None:
    if program.streams:
        return None
    return (
        "the model has no answer before the end of a series, and Triton's sequence batcher reads "
        "steps; use --to onnx, and Triton without a sequence batcher"
    )


TARGET = Target(
    "triton",
    "",
    LIMIT,
    WEIGHTS,
    _refusal,
    build,
    run,
    stored,
    only_streams=True,
    kinds=STREAM_KINDS,
)
