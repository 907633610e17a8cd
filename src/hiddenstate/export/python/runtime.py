"""Computes the answers of an exported model with numpy alone.

This is the specification of every export, and the text of the Python one, in which that of
`command.py` and the model itself follow. Arithmetic is float64.
"""

import base64
import json
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
State = tuple[Array, ...]  # h and, of an lstm, c
Part = dict[str, Any]  # of a program, or what is known about it
Answers = dict[str, Array]


def unpacked(value: Any) -> Any:
    """Return what :func:`packed` packed: lists and dictionaries, with arrays."""
    if isinstance(value, dict):
        if set(value) == {"dtype", "shape", "base64"}:
            flat = np.frombuffer(base64.b64decode(value["base64"]), value["dtype"])
            return flat.reshape(value["shape"]).astype(np.float64)
        return {name: unpacked(each) for name, each in value.items()}
    return [unpacked(each) for each in value] if isinstance(value, list) else value


def loaded(program: str, about: str) -> "Model":
    """Return the model that two JSON texts describe."""
    return Model(unpacked(json.loads(program)), json.loads(about))


def sigmoid(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    p: Array = e / e.sum(axis=-1, keepdims=True)
    return p


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "tanh": np.tanh,
    "relu": relu,
    "sigmoid": sigmoid,
}


def rnn_tanh(a: Array, b: Array, h: Array) -> State:
    return (np.tanh(a + b),)


def rnn_relu(a: Array, b: Array, h: Array) -> State:
    return (relu(a + b),)


def gru(a: Array, b: Array, h: Array) -> State:
    (a_r, a_z, a_n), (b_r, b_z, b_n) = np.split(a, 3, axis=1), np.split(b, 3, axis=1)
    r, z = sigmoid(a_r + b_r), sigmoid(a_z + b_z)
    return ((1 - z) * np.tanh(a_n + r * b_n) + z * h,)


def lstm(a: Array, b: Array, h: Array, c: Array) -> State:
    i, f, g, o = np.split(a + b, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


CELLS: dict[str, Callable[..., State]] = {
    "rnn_tanh": rnn_tanh,
    "rnn_relu": rnn_relu,
    "gru": gru,
    "lstm": lstm,
}


def dense(layer: Part, x: Array) -> Array:
    return ACTIVATIONS[layer["activation"]](x @ layer["weight"].T + layer["bias"])


def step(cell: str, direction: Part, x: Array, state: State) -> State:
    """Return the state (h, and c of an lstm), each (B, H), after one step x (B, I)."""
    a = x @ direction["input_weight"].T + direction["input_bias"]
    b = state[0] @ direction["hidden_weight"].T + direction["hidden_bias"]
    return CELLS[cell](a, b, *state)


def layer_states(
    net: Part, layer: list[Part], x: Array, read: Array, state: State
) -> tuple[Array, State]:
    """Run a layer over x (B, T, I). `read` (B, T) says which steps belong to a row.

    Returns h at every step (B, T, D*H), zero at steps not read, and the last state (D, B, H) of h
    and, of an lstm, of c.
    """
    outputs, lasts = [], []
    for number, direction in enumerate(layer):
        own = tuple(part[number] for part in state)
        h = np.zeros((*x.shape[:2], direction["hidden_weight"].shape[1]))
        for t in range(x.shape[1])[:: 1 if number == 0 else -1]:
            here = read[:, t, None]
            after = step(net["cell"], direction, x[:, t], own)
            own = tuple(np.where(here, new, old) for new, old in zip(after, own, strict=True))
            h[:, t] = np.where(here, own[0], 0)
        outputs.append(h)
        lasts.append(own)
    return np.concatenate(outputs, axis=2), tuple(
        np.stack(part) for part in zip(*lasts, strict=True)
    )


def stem(net: Part, x: Array, lengths: Array) -> tuple[Array, Array]:
    """Run the convolutions before the recurrent layers; return their output and its lengths."""
    for number, layer in enumerate(net["stem"]):
        weight, T = layer["weight"], x.shape[1]
        k = weight.shape[2]
        before = k - 1 if net["causal"] else (k - 1) // 2
        around = np.pad(x, ((0, 0), (before, k - 1 - before), (0, 0)))
        x = relu(layer["bias"] + sum(around[:, j : j + T] @ weight[:, :, j].T for j in range(k)))
        x = x * (np.arange(T) < lengths[:, None])[..., None]
        if number == 0 and net["pool"] > 1:
            n, pool = -(-T // net["pool"]), net["pool"]
            x = np.pad(x, ((0, 0), (0, n * pool - T), (0, 0)))
            counts = np.clip(lengths[:, None] - np.arange(n) * pool, 1, pool)
            x = x.reshape(len(x), n, pool, -1).sum(axis=2) / counts[..., None]
            lengths = -(-lengths // pool)
    return x, lengths


def outputs(net: Part, x: Array, lengths: Array, state: State | None = None) -> tuple[Array, State]:
    """Return the outputs of a recurrent net, (B, T, O) or (B, O), and its last state.

    The state has h and, of an lstm, c, each (L*D, B, H), in the order of torch.
    """
    x, lengths = stem(net, x, lengths)
    inputs, (B, T) = x, x.shape[:2]
    read = np.arange(T) < lengths[:, None]
    D, H = len(net["layers"][0]), net["layers"][0][0]["hidden_weight"].shape[1]
    if state is None:
        zeros = np.zeros((len(net["layers"]) * D, B, H))
        state = (zeros, zeros) if net["cell"] == "lstm" else (zeros,)
    lasts = []
    for number, layer in enumerate(net["layers"]):
        own = tuple(part[number * D : (number + 1) * D] for part in state)
        x, last = layer_states(net, layer, x, read, own)
        lasts.append(last)
    state = tuple(np.concatenate(part) for part in zip(*lasts, strict=True))
    if net["readout"] == "steps":
        summary = x
    elif net["readout"] == "last":
        summary = np.concatenate(list(state[0][-D:]), axis=1)
    else:
        summary = x.sum(axis=1) / lengths[:, None]
        if net["stem"]:
            summary = np.concatenate([summary, inputs.sum(axis=1) / lengths[:, None]], axis=1)
    return dense(net["head"], summary), state


def convolved(channels: Array, kernel: Array, dilation: int) -> Array:
    """Return the sum of the convolutions of channels (C, T), with zeros outside the series."""
    T = channels.shape[1]
    dilation = min(dilation, T)
    padded = np.pad(channels.sum(axis=0), 4 * dilation)
    shifted = [w * padded[j * dilation : j * dilation + T] for j, w in enumerate(kernel)]
    return np.asarray(np.sum(shifted, axis=0))


def shares_above(path: Part, row: Array) -> Array:
    """Return of one row (I, T), for each fixed convolution, the share of values above its bias."""
    kernels = [np.where(np.isin(np.arange(9), k), 2.0, -1.0) for k in combinations(range(9), 3)]
    features, T, place = [], row.shape[1], 0
    for d, (dilation, count) in enumerate(zip(path["dilations"], path["counts"], strict=True)):
        middle = 4 * dilation
        for number, kernel in enumerate(kernels):
            values = convolved(row[path["uses"][d, number] > 0], kernel, dilation)
            if (number + d) % 2 and 2 * middle < T:
                values = values[middle : T - middle]
            features.append((values[:, None] > path["biases"][place : place + count]).mean(axis=0))
            place += count
    return np.asarray(np.concatenate(features), np.float32)


def beside_convolutions(path: Part, p: Array, x: Array, ends: Array) -> Array:
    """Return the mean of probabilities p (B, O) and of those of fixed convolutions of x."""
    rows = np.clip(x, -1e30, 1e30).astype(np.float32).astype(np.float64).transpose(0, 2, 1)
    features = [shares_above(path, row[:, :end]) for row, end in zip(rows, ends, strict=True)]
    own = softmax(np.array(features, np.float64) @ path["weight"].T + path["bias"])
    p = softmax(np.log(np.maximum(p, 1e-300)) * path["net_scale"])
    return np.asarray(path["net_share"] * p + (1 - path["net_share"]) * own)


class Model:
    """A trained model.

    Attributes
    ----------
    program : dict
        Its steps of computation.
    about : dict
        Names of classes, columns and targets, and where the model comes from.
    """

    def __init__(self, program: Part, about: Part) -> None:
        self.program, self.about = program, about

    def prepare(
        self, X: Array, lengths: Array | None = None, last: Array | None = None
    ) -> tuple[Array, Array | None]:
        """Return rows as the nets read them, and the last known values (B, I) after them.

        X is (N, T, I), or (N, F) of an autoencoder. `last` are the values known before.
        """
        p = self.program
        X = np.asarray(X)
        ndim = 2 if p["job"] == "autoencode" else 3
        if X.ndim != ndim or X.shape[-1] != p["n_features"] or not X.size:
            steps = "" if ndim == 2 else "steps, "
            raise ValueError(f"X: expected (rows, {steps}{p['n_features']}), got shape {X.shape}")
        pixels = p["pixels"] or X.dtype == np.uint8
        x = X / 255 if pixels else np.array(X, np.float64)
        read = np.ones(x.shape[:-1], bool)
        if lengths is not None:
            ends = np.asarray(lengths)
            sound = ends.dtype.kind in "iu" and ends.shape == X.shape[:1]
            if not sound or ends.min() < 1 or ends.max() > X.shape[1]:
                raise ValueError(f"lengths: expected {len(X)} numbers from 1 to {X.shape[1]}")
            read = np.arange(x.shape[1]) < ends[:, None]
        absent = ~np.isfinite(x)
        if p["fill"] is None and absent[read].any():
            raise ValueError("X: values are missing, and the model was trained without any")
        if p["linear"] is not None and any(p["linear"]["log"]):
            own = [
                f for f, log in zip(p["linear"]["features"], p["linear"]["log"], strict=True) if log
            ]
            values = x[..., own]
            if (values[read] <= 0).any():
                raise ValueError("X: a value is 0 or less, but the model reads logarithms")
            x[..., own] = np.log(np.where(read[..., None], values, 1))
        if p["fill"] is not None:
            x[absent] = np.nan
            if p["missing"] == "forward":
                known = np.full((len(x), x.shape[2]), np.nan) if last is None else last.copy()
                for t in range(x.shape[1]):
                    known = np.where(np.isnan(x[:, t]), known, x[:, t])
                    x[:, t] = known
                last = known
            x = np.where(np.isnan(x), p["fill"], x)
        if p["factor"] is not None:
            x = (x - p["offset"]) * p["factor"]
        if p["missing"] == "mask":
            x = np.concatenate([x, absent], axis=-1)
        return np.where(read[..., None], x, 0), last

    def predict(self, X: Array, lengths: Array | None = None) -> Answers:
        """Return the answers for rows, each read from a state of zeros.

        Parameters
        ----------
        X : array (N, T, I), or (N, F) for an autoencoder
            As the data has them; of pixels numbers from 0 to 255.
        lengths : array (N,), optional
            Steps of each row; by default T.

        Returns
        -------
        dict of array
            A classifier: "probabilities" (N, C) and "class" (N,), the number of the most probable.
            A regressor: "y" (N, T, O), or (N, O). An autoencoder: "code" (N, Z), "reconstruction"
            (N, F), both in units of the data, and "error" (N,), the mean square of what the net
            sees.
        """
        x, _ = self.prepare(X, lengths)
        if self.program["job"] == "autoencode":
            return self.autoencoded(x)
        ends = np.full(len(x), x.shape[1]) if lengths is None else np.asarray(lengths)
        read = self.by_window(x, ends) if self.program["by_window"] else x
        nets = [outputs(net, read, ends)[0] for net in self.program["nets"]]
        return self.answers(nets, x, ends)

    def window_scale(self, x: Array, ends: Array) -> tuple[Array, Array, Array]:
        """Return mean, size and flatness (N, O) of the last values of prepared rows."""
        p, T = self.program, x.shape[1]
        steps = (ends - 1)[:, None] - np.arange(min(p["window"] or T, T))
        read = (steps >= 0)[..., None]
        values = x[np.arange(len(x))[:, None], np.maximum(steps, 0)][..., p["linear"]["features"]]
        values, count = np.where(read, values, 0), read.sum(axis=1)
        mean, largest = values.sum(axis=1) / count, np.abs(values).max(axis=1)
        size = np.sqrt(np.where(read, (values - mean[:, None]) ** 2, 0).sum(axis=1) / count)
        flat = size <= 1e-9 * largest
        return mean, np.where(flat, np.where(largest > 0, largest, 1), size), flat

    def by_window(self, x: Array, ends: Array) -> Array:
        """Return prepared rows with the past of the targets in units of its own deviation."""
        mean, size, _ = self.window_scale(x, ends)
        read = (np.arange(x.shape[1]) < ends[:, None])[..., None]
        x, own = x.copy(), self.program["linear"]["features"]
        x[..., own] = np.where(read, (x[..., own] - mean[:, None]) / size[:, None], 0)
        return x

    def answers(self, nets: list[Array], x: Array, ends: Array) -> Answers:
        """Return the answers that follow from the outputs of the nets for prepared rows."""
        if self.program["job"] == "classify":
            p = np.mean([softmax(output) for output in nets], axis=0)
            if self.program["convolutions"] is not None:
                p = beside_convolutions(self.program["convolutions"], p, x, ends)
            return {"probabilities": p, "class": p.argmax(axis=-1)}
        return {"y": self.in_units(np.mean(nets, axis=0), x, ends)}

    def in_units(self, y: Array, x: Array, ends: Array) -> Array:
        """Return outputs (N, T, O) or (N, O) of prepared rows in the units of the targets."""
        p, every = self.program, y.ndim == 3
        last = np.arange(len(x)), ends - 1
        if p["change"] is not None:
            current = x[..., p["change"]]
            y = y + (current if every else current[last])
        if p["target_factor"] is not None:
            y = y / p["target_factor"] + p["target_offset"]
        if p["by_window"]:
            _, size, flat = self.window_scale(x, ends)
            y = np.where(flat, 0, y * size)
        if p["linear"] is not None:
            forecast = self.linear(x)
            y = y + (forecast if every else forecast[last])
            log = p["linear"]["log"]
            y = np.where(log, np.exp(np.where(log, y, 0)), y)
        return y

    def linear(self, x: Array) -> Array:
        """Return the forecast (N, T, O) of the linear path at each step of prepared rows."""
        path = self.program["linear"]
        values = self.unscaled_features(x, path["features"])
        forecast: Array = path["bias"] + np.zeros_like(values)
        if path["effects"] is not None:
            values = values - self.unscaled_features(x, path["ahead"]) @ path["effects"].T
            forecast = forecast + self.unscaled_features(x, path["moved"]) @ path["effects"].T
        for k, weight in enumerate(path["weight"].T):
            before = np.maximum(np.arange(values.shape[1]) - k, 0)
            forecast = forecast + weight * values[:, before]
        return forecast

    def unscaled_features(self, x: Array, features: list[int]) -> Array:
        p = self.program
        values: Array = x[..., features]
        if p["factor"] is not None:
            values = values / p["factor"][features] + p["offset"][features]
        return values

    def autoencoded(self, x: Array) -> Answers:
        p, code = self.program, x
        for layer in p["encoder"]:
            code = dense(layer, code)
        rows = code
        for layer in p["decoder"]:
            rows = dense(layer, rows)
        error = ((rows - x) ** 2).mean(axis=1)
        return {"code": code, "reconstruction": self.unscaled(rows), "error": error}

    def decode(self, code: Array) -> Array:
        """Return the rows (N, F), in the units of the data, that codes (N, Z) decode to."""
        rows = np.asarray(code, np.float64)
        for layer in self.program["decoder"]:
            rows = dense(layer, rows)
        return self.unscaled(rows)

    def unscaled(self, rows: Array) -> Array:
        p = self.program
        rows = rows[..., : p["n_features"]]
        return rows if p["factor"] is None else rows / p["factor"] + p["offset"]

    def stream(self, rows: int = 1) -> "Stream":
        """Return a :class:`Stream` of parallel series."""
        return Stream(self, rows)

    def series(self, x: Array) -> tuple[Array, Array]:
        """Return the steps (n,) of one series x (T, I) that have an answer, and "y" (n, O)."""
        if self.program["job"] != "regress":
            raise ValueError("series: only a regressor answers the steps of a series; use predict")
        x = self.known(np.asarray(x))
        p, T, W = self.program, len(x), self.program["window"]
        every = p["nets"][0]["readout"] == "steps"
        if not W or (p["stateful"] and every):
            y = self.predict(x[None])["y"]
            return (np.arange(T), y[0]) if every else (np.array([T - 1]), y)
        if T < W:
            raise ValueError(f"the series has {T} steps, fewer than a window of {W}")
        if p["stateful"]:
            return self.carried(x, W)
        parts = []
        for first in range(0, T - W + 1, 1024):
            ends = np.arange(first + W, min(first + 1024 + W, T + 1))
            y = self.predict(x[ends[:, None] + np.arange(-W, 0)])["y"]
            parts += [y[0, :-1]] if every and first == 0 else []
            parts.append(y[:, -1] if every else y)
        return np.arange(0 if every else W - 1, T), np.concatenate(parts)

    def known(self, x: Array) -> Array:
        """Return a series (T, I) whose gaps have the value before them, if the model fills so."""
        if self.program["missing"] != "forward":
            return x
        x = np.where(np.isfinite(x), x, np.nan)
        for t in range(1, len(x)):
            x[t] = np.where(np.isnan(x[t]), x[t - 1], x[t])
        return x

    def carried(self, x: Array, W: int) -> tuple[Array, Array]:
        """Return steps and answers of consecutive windows, the state carried between them."""
        state, parts = None, []
        for first in range(0, len(x) // W * W, W):
            window, _ = self.prepare(x[None, first : first + W])
            y, state = outputs(self.program["nets"][0], window, np.array([W]), state)
            parts.append(self.in_units(y, window, np.array([W])))
        return np.arange(W - 1, len(x) // W * W, W), np.concatenate(parts)


class Stream:
    """Reads parallel series step by step, and answers after every step.

    Attributes
    ----------
    state : dict of array
        All that is remembered; the first axis of each array but h and c are the series.
    """

    def __init__(self, model: Model, rows: int = 1) -> None:
        nets = model.program["nets"]
        whole = nets[0]["stem"] or model.program["convolutions"] is not None
        whole = whole or model.program["by_window"]
        if len(nets) != 1 or whole or len(nets[0]["layers"][0]) != 1:
            raise ValueError("stream: this model has no answer before the end of a series")
        self.model, self.net, self.rows = model, nets[0], rows
        self.reset()

    def reset(self) -> None:
        """Begin new series."""
        p, net = self.model.program, self.net
        H = net["layers"][0][0]["hidden_weight"].shape[1]
        names = ("h", "c") if net["cell"] == "lstm" else ("h",)
        self.state: dict[str, Any] = {
            name: np.zeros((len(net["layers"]), self.rows, H)) for name in names
        }
        self.state.update(sum=np.zeros((self.rows, H)), count=0)
        self.state["last"] = np.full((self.rows, p["n_features"]), np.nan)
        self.state["lags"] = None

    def step(self, x: Array) -> Answers:
        """Read one step x (rows, I) of every series; return the answers after it.

        They are those of :meth:`Model.predict` if the series ended here.
        """
        state, net, model = self.state, self.net, self.model
        if np.ndim(x) != 2 or len(x) != self.rows:
            raise ValueError(f"x: expected {self.rows} rows of a step, got shape {np.shape(x)}")
        x, state["last"] = model.prepare(np.asarray(x)[:, None], None, state["last"])
        after = []
        h = x[:, 0]
        names = [name for name in ("h", "c") if name in state]
        for number, (direction,) in enumerate(net["layers"]):
            own = step(net["cell"], direction, h, tuple(state[n][number] for n in names))
            after.append(own)
            h = own[0]
        for name, parts in zip(names, zip(*after, strict=True), strict=True):
            state[name] = np.stack(parts)
        state["sum"], state["count"] = state["sum"] + h, state["count"] + 1
        summary = state["sum"] / state["count"] if net["readout"] == "mean" else h
        y = dense(net["head"], summary)
        if model.program["job"] == "classify":
            p = softmax(y)
            return {"probabilities": p, "class": p.argmax(axis=-1)}
        return {"y": self.in_units(y, x)}

    def in_units(self, y: Array, x: Array) -> Array:
        path = self.model.program["linear"]
        if path is not None:
            n = path["weight"].shape[1]
            lags = self.state["lags"]
            lags = np.repeat(x, n, axis=1) if lags is None else lags
            x = self.state["lags"] = np.concatenate([lags[:, 1:], x], axis=1)
        return self.model.in_units(y, x, np.full(len(x), x.shape[1]))
