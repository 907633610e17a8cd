"""The `.nam` file of Neural Amp Modeler: stacks of LSTM layers that make audio of audio.

The format is what its core reads: of each layer a matrix of the weights of the input and of the
state side by side, one bias, and the state to begin with; then the head.
"""

import json

import numpy as np

from hiddenstate.export.audio import signal as audio
from hiddenstate.export.target import Contents, Run, Source, Target
from hiddenstate.export.trial import Trial
from hiddenstate.program.program import Program
from hiddenstate.system.typing import Array

VERSION = "0.5.4"
"""Of the format: the newest that players from 2023 on read."""

SAMPLE_RATE = 48000
"""Samples per second, which players demand, of a model that was not trained on sounds."""


def build(source: Source) -> Contents:
    """Return the file."""
    signal = audio.signal_of(source.program)
    weights: list[float] = []
    for layer in signal.layers:
        matrix = np.concatenate([layer.input_weight, layer.hidden_weight], axis=1)
        weights += audio.numbers(matrix.ravel())
        weights += audio.numbers(np.sum(list(layer.own.values()), axis=0))
        weights += [0.0] * 2 * layer.hidden_weight.shape[1]
    weights += audio.numbers(signal.head) + audio.numbers(np.array([signal.bias]))
    content = {
        "version": VERSION,
        "metadata": {"name": source.name, "hiddenstate": source.facts},
        "architecture": "LSTM",
        "config": {
            "input_size": 1,
            "hidden_size": len(signal.head),
            "num_layers": len(signal.layers),
        },
        "weights": weights,
        "sample_rate": source.model.transform.reading.get("rate") or SAMPLE_RATE,
    }
    return {".nam": (json.dumps(content) + "\n").encode()}


def run(source: Source, contents: Contents, trial: Trial) -> Run:
    """Return the answers to a trial, computed in float32 from what the file holds."""
    content = json.loads(contents[".nam"])
    H, weights = content["config"]["hidden_size"], np.array(content["weights"], np.float32)

    def signal(x: Array) -> Array:
        rest = weights
        for _ in range(content["config"]["num_layers"]):
            inputs = x.shape[1]
            sizes = np.cumsum([4 * H * (inputs + H), 4 * H, H, H])
            matrix, bias, h, c, rest = np.split(rest, sizes)
            matrix = matrix.reshape(4 * H, -1)
            x = audio.lstm_layer(x @ matrix[:, :inputs].T + bias, matrix[:, inputs:], h, c)
        return x @ rest[:H, None] + rest[H:]

    computed_by = f"numpy {np.__version__} in float32, from the file"
    return Run(*audio.answers_of(source.program, trial, signal), computed_by)


def refusal(program: Program) -> str | None:
    """Return why a `.nam` file cannot hold a program, and which target can; None if it can."""
    return audio.refusal(program, "nam", "Neural Amp Modeler")


KINDS = audio.KINDS | {*audio.CELLS["nam"]}

TARGET = Target("nam", ".nam", 2e-6, ("float32",), refusal, build, run, kinds=KINDS)
