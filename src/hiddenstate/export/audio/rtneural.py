"""The JSON of RTNeural, a C++ library for neural nets in audio plug-ins.

The format is what its loader reads: layers in the manner of Keras, with matrices of (inputs, rows),
and the gates of a GRU in the order z, r, n.
"""

import json

import numpy as np

from hiddenstate.export.audio import signal as audio
from hiddenstate.export.target import Contents, Run, Source, Target
from hiddenstate.export.trial import Trial
from hiddenstate.program.layers import Direction
from hiddenstate.program.program import Program
from hiddenstate.system.typing import Array


def build(source: Source) -> Contents:
    """Return the file; what must be known of the model is under its key `hiddenstate`."""
    signal = audio.signal_of(source.program)
    layers = [_layer(signal.cell, each) for each in signal.layers]
    dense = [audio.numbers(signal.head[:, None]), audio.numbers(np.array([signal.bias]))]
    layers.append({"type": "dense", "activation": "", "shape": [None, None, 1], "weights": dense})
    content = {"in_shape": [None, None, 1], "layers": layers, "hiddenstate": source.facts}
    return {".json": (json.dumps(content) + "\n").encode()}


def _layer(cell: str, layer: Direction) -> dict[str, object]:
    matrices = [layer.input_weight, layer.hidden_weight]
    bias = list(layer.own.values())
    if cell == "gru":
        matrices, bias = [_swapped(each) for each in matrices], [_swapped(each) for each in bias]
        biases = audio.numbers(np.stack(bias))
    else:
        biases = audio.numbers(bias[0] + bias[1])
    weights = [*(audio.numbers(each.T) for each in matrices), biases]
    shape = [None, None, layer.hidden_weight.shape[1]]
    return {"type": cell, "activation": "tanh", "shape": shape, "weights": weights}


def _swapped(gates: Array) -> Array:
    """Exchange the first two of three gates: r, z, n and z, r, n."""
    first, second, third = np.split(gates, 3)
    return np.concatenate([second, first, third])


def run(source: Source, contents: Contents, trial: Trial) -> Run:
    """Return the answers to a trial, computed in float32 from what the file holds."""
    layers = json.loads(contents[".json"])["layers"]

    def signal(x: Array) -> Array:
        for layer in layers:
            w, *rest = (np.array(each, np.float32) for each in layer["weights"])
            if layer["type"] == "dense":
                x = x @ w + rest[0]
            elif layer["type"] == "lstm":
                state, bias = rest
                zeros = np.zeros(len(state), np.float32)
                x = audio.lstm_layer(x @ w + bias, state.T, zeros, zeros)
            else:
                state, (bias, state_bias) = rest
                a = _swapped((x @ w + bias).T).T
                x = audio.gru_layer(a, _swapped(state.T), _swapped(state_bias))
        return x

    computed_by = f"numpy {np.__version__} in float32, from the file"
    return Run(*audio.answers_of(source.program, trial, signal), computed_by)


def refusal(program: Program) -> str | None:
    """Return why RTNeural cannot hold a program, and which target can; None if it can."""
    return audio.refusal(program, "rtneural", "RTNeural")


KINDS = audio.KINDS | {*audio.CELLS["rtneural"]}

TARGET = Target("rtneural", ".json", 2e-6, ("float32",), refusal, build, run, kinds=KINDS)
