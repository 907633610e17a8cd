"""The arithmetic of the C header in numpy: float32, from the arrays that the text holds.

It checks a header where there is no compiler. Answers differ from those of a compiled header by
the rounding of sums and of the exponential function only.
"""

from collections.abc import Callable

import numpy as np

from hiddenstate.export.c.convolutions import KERNELS
from hiddenstate.export.c.layout import GATES, layout_of
from hiddenstate.export.c.numbers import arrays_of
from hiddenstate.export.program import Program
from hiddenstate.export.python.runtime import shares_above, softmax
from hiddenstate.export.target import Source
from hiddenstate.export.trial import Answers, Trial
from hiddenstate.program.equations import log_probabilities
from hiddenstate.system.typing import Array

ONE = np.float32(1)


def answers_of_header(source: Source, header: str, trial: Trial) -> tuple[Answers, Answers | None]:
    """Return the answers of a header to a trial, and those of its stream if it has one."""
    prefix = f"{source.identifier}_"
    arrays = {name.removeprefix(prefix): each for name, each in arrays_of(header).items()}
    own = Arithmetic(source.program, arrays, source.weights)
    X = trial.X.astype(np.float32)
    if source.program.job == "autoencode":
        return own.autoencoded(X), None
    lengths = trial.lengths if trial.lengths is not None else [len(row) for row in X]
    name = "probabilities" if source.program.job == "classify" else "y"
    every = source.program.readout == "steps"
    rows = [own.run(row[:n]) for row, n in zip(X, lengths, strict=True)]
    if every:
        filled = np.zeros((*X.shape[:2], source.program.n_outputs), np.float32)
        for number, row in enumerate(rows):
            filled[number, : len(row)] = row
        return {name: filled}, {name: filled}
    answers = {name: np.stack(rows)}
    if name == "probabilities":
        answers["class"] = answers[name].argmax(axis=-1)
    stream = None
    if trial.stream is not None:
        stream = {name: np.stack([[own.run(row[: t + 1]) for t in range(len(row))] for row in X])}
    return answers, stream


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)) as the header computes it."""
    result: Array = ONE / (ONE + np.exp(-np.clip(x, -87, 87)))
    return result


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": sigmoid,
}


class Arithmetic:
    """A program computed from the arrays of its header.

    Parameters
    ----------
    program : Program
        Its structure; of its numbers none is used.
    arrays : dict
        Flat arrays by name.
    weights : str
    """

    def __init__(self, program: Program, arrays: dict[str, Array], weights: str) -> None:
        self.program, self.arrays = program, arrays
        self.words = layout_of(program, weights).words

    def matrix(self, name: str, rows: int) -> Array:
        """Return a matrix (rows, inputs), which the header has transposed."""
        stored = self.arrays[name].reshape(-1, rows).T
        if "bytes" not in self.words:
            return stored
        return stored.astype(np.float32) * self.arrays[f"{name}_scale"][:, None]

    def dense(self, name: str, x: Array) -> Array:
        """Return a dense layer without its activation."""
        bias = self.arrays[f"{name}_bias"]
        return x @ self.matrix(f"{name}_weight", len(bias)).T + bias

    def prepared(self, X: Array) -> Array:
        """Return steps or rows (T, F) as the network reads them."""
        a, words = self.arrays, self.words
        absent = ~np.isfinite(X)
        x = np.where(absent, np.float32(1), X)
        if "fixed" in words:
            exact = x.astype(np.float64) / (255 if "pixels" in words else 1)
            if "scaled" in words:
                exact = (exact - a["offset"]) * a["factor"]
            x, words = exact.astype(np.float32), words - {"pixels", "scaled"}
        if "pixels" in words:
            x = x / np.float32(255)
        if "log" in words:
            own = a["logarithm"] != 0
            x = np.where(own, np.log(np.where(own, x, 1)), x)
        if "scaled" in words:
            x = ((x - a["offset"]) - a["offset_low"]) * a["factor"]
        if "fill" in words:
            known = a["fill"]
            for t in range(len(x)):
                x[t] = np.where(absent[t], known, x[t])
                known = x[t] if "forward" in words else known
        return np.concatenate([x, absent.astype(np.float32)], axis=1) if "mask" in words else x

    def run(self, X: Array) -> Array:
        """Return the answers to one series (T, F)."""
        x = self.prepared(X)
        if "alone" in self.words:
            return self.beside_fixed([], x)
        read, size = self.by_window(x) if "by_window" in self.words else (x, None)
        nets = [self.network(number, read) for number in range(len(self.program.nets))]
        if "fixed" in self.words:
            return self.beside_fixed(nets, x)
        y = np.asarray(np.sum(nets, axis=0, dtype=np.float32) / np.float32(len(nets)))
        if self.program.job == "classify":
            return y
        return self.in_units(y if size is None else y * size, x)

    def by_window(self, x: Array) -> tuple[Array, Array]:
        """Return steps (T, I) with the past of the targets in units of its deviation, and that."""
        x, own = x.copy(), self.arrays["own"]
        values = x[-(self.program.window or len(x)) :, own].astype(np.float64)
        mean, size = values.mean(axis=0), values.std(axis=0)
        size = np.where(size <= 1e-9 * np.abs(values).max(axis=0), 0, size)
        x[:, own] = np.where(size > 0, (x[:, own] - mean) / np.where(size > 0, size, 1), 0)
        return x, size

    def network(self, number: int, x: Array) -> Array:
        """Return the answers of one network to prepared steps (T, I)."""
        net = self.program.nets[number]
        if net.stem:
            x = self.stem(number, x)
        inputs, H = x, net.layers[0][0].hidden_weight.shape[1]
        D, L = len(net.layers[0]), len(net.layers)
        last = [x[0]]
        for level in range(L):
            outputs = []
            for d in range(D):
                layer = f"layer{(number * L + level) * D + d}"
                h = self.layer(layer, net.cell, x if d == 0 else x[::-1], H)
                outputs.append(h if d == 0 else h[::-1])
                last = [*last[-(D - 1) :], h[-1]] if D > 1 else [h[-1]]
            x = np.concatenate(outputs, axis=1)
        if net.readout == "steps":
            summary = x
        elif net.readout == "last":
            summary = np.concatenate(last)
        else:
            summary = x.mean(axis=0, dtype=np.float32)
            if net.stem:
                summary = np.concatenate([summary, inputs.mean(axis=0, dtype=np.float32)])
        y = self.dense(f"head{number}", summary)
        if self.program.job != "classify" or "fixed" in self.words:
            return y
        e: Array = np.exp(y - y.max())
        return np.asarray(e / e.sum())

    def beside_fixed(self, nets: list[Array], x: Array) -> Array:
        """Return the probabilities of fixed convolutions and of networks with logits `nets`."""
        a, words = self.arrays, self.words
        shape = len(a["fixed_dilations"]), KERNELS, x.shape[1]
        path = {name: a[f"fixed_{name}"] for name in ("dilations", "counts", "biases")}
        path["uses"] = a["fixed_uses"].reshape(shape) if "channels" in words else np.ones(shape)
        shares = shares_above(path, x.clip(-1e30, 1e30).T.astype(np.float64))
        bias = a["fixed_bias"]
        weight = self.matrix("fixed_weights", len(bias)).astype(np.float64)
        own = softmax(weight @ shares + bias)
        if not nets:
            return own.astype(np.float32)
        share, scale = a["net"]
        mean = np.logaddexp.reduce([log_probabilities(y.astype(np.float64)) for y in nets])
        return np.asarray((share * softmax(mean * scale) + (1 - share) * own).astype(np.float32))

    def layer(self, name: str, cell: str, x: Array, H: int) -> Array:
        """Return h (T, H) of one direction of a layer."""
        rows = GATES[cell] * H
        a = x @ self.matrix(f"{name}_input", rows).T + self.arrays[f"{name}_bias"]
        state = self.matrix(f"{name}_state", rows)
        h = c = np.zeros(H, np.float32)
        steps = []
        for t in range(len(x)):
            b = state @ h
            if cell == "gru":
                r, z = np.split(sigmoid(a[t, : 2 * H] + b[: 2 * H]), 2)
                n = np.tanh(a[t, 2 * H :] + r * (b[2 * H :] + self.arrays[f"{name}_state_bias"]))
                h = (ONE - z) * n + z * h
            elif cell == "lstm":
                i, f, g, o = np.split(a[t] + b, 4)
                c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
                h = sigmoid(o) * np.tanh(c)
            else:
                h = ACTIVATIONS[cell.removeprefix("rnn_")](a[t] + b)
            steps.append(h)
        return np.array(steps, np.float32)

    def stem(self, number: int, x: Array) -> Array:
        """Return the output (T, C) of the convolutions of one network."""
        net = self.program.nets[number]
        for index in range(len(net.stem)):
            name = f"convolution{number * len(net.stem) + index}"
            bias, T = self.arrays[f"{name}_bias"], len(x)
            weight = self.matrix(f"{name}_weight", len(bias)).T.reshape(-1, x.shape[1], len(bias))
            k = len(weight)
            before = k - 1 if net.causal else (k - 1) // 2
            around = np.pad(x, ((before, k - 1 - before), (0, 0)))
            x = np.maximum(bias + sum(around[j : j + T] @ weight[j] for j in range(k)), 0)
            if index == 0 and net.pool > 1:
                x = np.array([x[t : t + net.pool].mean(axis=0) for t in range(0, T, net.pool)])
        return x.astype(np.float32)

    def in_units(self, y: Array, x: Array) -> Array:
        """Return outputs (T, O) or (O,) of a series in the units of the targets."""
        a, words, every = self.arrays, self.words, y.ndim == 2
        if "change" in words:
            y = y + (x[:, a["change"]] if every else x[-1, a["change"]])
        if "target_scaled" in words:
            y = y * a["target_scale"]
        if "linear" in words:
            values = x[:, a["own"]]
            if "effects" in words:
                effects = a["effects_now"].reshape(y.shape[-1], -1)
                values = values - x[:, a["ahead"]] @ effects.T
            weight = a["past_weights"].reshape(y.shape[-1], -1)
            steps = np.arange(len(x))
            path = sum(
                weight[:, k] * values[np.maximum(steps - k, 0)] for k in range(weight.shape[1])
            )
            y = y + (path if every else path[-1])
        if "effects" in words:
            later = x[:, a["moved"]] @ a["effects_later"].reshape(y.shape[-1], -1).T
            y = y + (later if every else later[-1])
        if "target_offset" in words:
            y = (y + a["target_offset_low"]) + a["target_offset"]
        if "log" in words:
            y = np.where(a["target_is_log"] != 0, np.exp(y), y)
        return y.astype(np.float32)

    def autoencoded(self, X: Array) -> Answers:
        """Return the answers to rows (N, F)."""
        x = np.concatenate([self.prepared(row[None]) for row in X])
        code = rows = x
        for index, layer in enumerate(self.program.encoder):
            code = ACTIVATIONS[layer.activation](self.dense(f"encoder{index}", code))
        rows = code
        for index, layer in enumerate(self.program.decoder):
            rows = ACTIVATIONS[layer.activation](self.dense(f"decoder{index}", rows))
        error = ((rows - x) ** 2).mean(axis=1, dtype=np.float32)
        rows = rows[:, : self.program.n_features]
        if "scaled" in self.words:
            a = self.arrays
            rows = (rows * a["scale"] + a["offset_low"]) + a["offset"]
        return {"code": code, "reconstruction": rows, "error": error}
