"""Computes the answers of an exported model with numpy alone.

This file is the specification of every export, and the text of the Python one, which ends with the
model itself. Arithmetic is float64.
"""

import base64
import csv
import sys

import numpy as np


def unpacked(value):
    """Return what :func:`packed` packed: lists and dictionaries, with arrays."""
    if isinstance(value, dict):
        if set(value) == {"dtype", "shape", "base64"}:
            flat = np.frombuffer(base64.b64decode(value["base64"]), value["dtype"])
            return flat.reshape(value["shape"]).astype(np.float64)
        return {name: unpacked(each) for name, each in value.items()}
    return [unpacked(each) for each in value] if isinstance(value, list) else value


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def relu(x):
    return np.maximum(x, 0)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


ACTIVATIONS = {"linear": lambda x: x, "tanh": np.tanh, "relu": relu, "sigmoid": sigmoid}


def rnn_tanh(a, b, h):
    return (np.tanh(a + b),)


def rnn_relu(a, b, h):
    return (relu(a + b),)


def gru(a, b, h):
    (a_r, a_z, a_n), (b_r, b_z, b_n) = np.split(a, 3, axis=1), np.split(b, 3, axis=1)
    r, z = sigmoid(a_r + b_r), sigmoid(a_z + b_z)
    return ((1 - z) * np.tanh(a_n + r * b_n) + z * h,)


def lstm(a, b, h, c):
    i, f, g, o = np.split(a + b, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


CELLS = {"rnn_tanh": rnn_tanh, "rnn_relu": rnn_relu, "gru": gru, "lstm": lstm}


def dense(layer, x):
    return ACTIVATIONS[layer["activation"]](x @ layer["weight"].T + layer["bias"])


def step(cell, direction, x, state):
    """Return the state (h, and c of an lstm), each (B, H), after one step x (B, I)."""
    a = x @ direction["input_weight"].T + direction["input_bias"]
    b = state[0] @ direction["hidden_weight"].T + direction["hidden_bias"]
    return CELLS[cell](a, b, *state)


def layer_states(net, layer, x, read, state):
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
            own = tuple(np.where(here, new, old) for new, old in zip(after, own))
            h[:, t] = np.where(here, own[0], 0)
        outputs.append(h)
        lasts.append(own)
    return np.concatenate(outputs, axis=2), tuple(np.stack(part) for part in zip(*lasts))


def stem(net, x, lengths):
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


def outputs(net, x, lengths, state=None):
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
    state = tuple(np.concatenate(part) for part in zip(*lasts))
    if net["readout"] == "steps":
        summary = x
    elif net["readout"] == "last":
        summary = np.concatenate(list(state[0][-D:]), axis=1)
    else:
        summary = x.sum(axis=1) / lengths[:, None]
        if net["stem"]:
            summary = np.concatenate([summary, inputs.sum(axis=1) / lengths[:, None]], axis=1)
    return dense(net["head"], summary), state


class Model:
    """A trained model.

    Attributes
    ----------
    program : dict
        Its steps of computation.
    about : dict
        Names of classes, columns and targets, and where the model comes from.
    """

    def __init__(self, program, about):
        self.program, self.about = program, about

    def prepare(self, X, lengths=None, last=None):
        """Return rows as the nets read them, and the last known values (B, I) after them.

        X is (N, T, I), or (N, F) of an autoencoder. `last` are the values known before.
        """
        p = self.program
        X = np.asarray(X)
        if X.shape[-1] != p["n_features"]:
            raise ValueError(f"X: expected {p['n_features']} features, got shape {X.shape}")
        x = X / 255 if X.dtype == np.uint8 else np.array(X, np.float64)
        read = np.ones(x.shape[:-1], bool)
        if lengths is not None:
            read = np.arange(x.shape[1]) < np.asarray(lengths)[:, None]
        absent = ~np.isfinite(x)
        if p["fill"] is None and absent[read].any():
            raise ValueError("X: values are missing, and the model was trained without any")
        if p["linear"] is not None and any(p["linear"]["log"]):
            own = [f for f, log in zip(p["linear"]["features"], p["linear"]["log"]) if log]
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

    def predict(self, X, lengths=None):
        """Return the answers for rows, each read from a state of zeros.

        Parameters
        ----------
        X : array (N, T, I), or (N, F) for an autoencoder
            As the data has them; uint8 are pixels.
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
        nets = [outputs(net, x, ends)[0] for net in self.program["nets"]]
        return self.answers(nets, x, ends)

    def answers(self, nets, x, ends):
        """Return the answers that follow from the outputs of the nets for prepared rows."""
        if self.program["job"] == "classify":
            p = np.mean([softmax(output) for output in nets], axis=0)
            return {"probabilities": p, "class": p.argmax(axis=-1)}
        return {"y": self.in_units(np.mean(nets, axis=0), x, ends)}

    def in_units(self, y, x, ends):
        """Return outputs (N, T, O) or (N, O) of prepared rows in the units of the targets."""
        p, every = self.program, y.ndim == 3
        last = np.arange(len(x)), ends - 1
        if p["change"] is not None:
            current = x[..., p["change"]]
            y = y + (current if every else current[last])
        if p["target_factor"] is not None:
            y = y / p["target_factor"] + p["target_offset"]
        if p["linear"] is not None:
            forecast = self.linear(x)
            y = y + (forecast if every else forecast[last])
            log = p["linear"]["log"]
            y = np.where(log, np.exp(np.where(log, y, 0)), y)
        return y

    def linear(self, x):
        """Return the forecast (N, T, O) of the linear path at each step of prepared rows."""
        p, path = self.program, self.program["linear"]
        values, features = x[..., path["features"]], path["features"]
        if p["factor"] is not None:
            values = values / p["factor"][features] + p["offset"][features]
        forecast = path["bias"] + np.zeros_like(values)
        for k, weight in enumerate(path["weight"].T):
            before = np.maximum(np.arange(values.shape[1]) - k, 0)
            forecast = forecast + weight * values[:, before]
        return forecast

    def autoencoded(self, x):
        p, code = self.program, x
        for layer in p["encoder"]:
            code = dense(layer, code)
        rows = code
        for layer in p["decoder"]:
            rows = dense(layer, rows)
        error = ((rows - x) ** 2).mean(axis=1)
        return {"code": code, "reconstruction": self.unscaled(rows), "error": error}

    def decode(self, code):
        """Return the rows (N, F), in the units of the data, that codes (N, Z) decode to."""
        rows = np.asarray(code, np.float64)
        for layer in self.program["decoder"]:
            rows = dense(layer, rows)
        return self.unscaled(rows)

    def unscaled(self, rows):
        p = self.program
        rows = rows[..., : p["n_features"]]
        return rows if p["factor"] is None else rows / p["factor"] + p["offset"]

    def stream(self, rows=1):
        """Return a :class:`Stream` of parallel series."""
        return Stream(self, rows)

    def series(self, x):
        """Return the steps (n,) of one series x (T, I) that have an answer, and "y" (n, O)."""
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

    def carried(self, x, W):
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

    def __init__(self, model, rows=1):
        nets = model.program["nets"]
        if len(nets) != 1 or nets[0]["stem"] or len(nets[0]["layers"][0]) != 1:
            raise ValueError("stream: this model has no answer before the end of a series")
        self.model, self.net, self.rows = model, nets[0], rows
        self.reset()

    def reset(self):
        """Begin new series."""
        p, net = self.model.program, self.net
        H = net["layers"][0][0]["hidden_weight"].shape[1]
        names = ("h", "c") if net["cell"] == "lstm" else ("h",)
        self.state = {name: np.zeros((len(net["layers"]), self.rows, H)) for name in names}
        self.state |= {"sum": np.zeros((self.rows, H)), "count": 0}
        self.state["last"] = np.full((self.rows, p["n_features"]), np.nan)
        self.state["lags"] = None

    def step(self, x):
        """Read one step x (rows, I) of every series; return the answers after it.

        They are those of :meth:`Model.predict` if the series ended here.
        """
        state, net, model = self.state, self.net, self.model
        x, state["last"] = model.prepare(np.asarray(x)[:, None], None, state["last"])
        after = []
        h = x[:, 0]
        names = [name for name in ("h", "c") if name in state]
        for number, (direction,) in enumerate(net["layers"]):
            own = step(net["cell"], direction, h, tuple(state[n][number] for n in names))
            after.append(own)
            h = own[0]
        state.update(zip(names, (np.stack(part) for part in zip(*after))))
        state["sum"], state["count"] = state["sum"] + h, state["count"] + 1
        summary = state["sum"] / state["count"] if net["readout"] == "mean" else h
        y = dense(net["head"], summary)
        if model.program["job"] == "classify":
            p = softmax(y)
            return {"probabilities": p, "class": p.argmax(axis=-1)}
        return {"y": self.in_units(y, x)}

    def in_units(self, y, x):
        path = self.model.program["linear"]
        if path is not None:
            n = path["weight"].shape[1]
            lags = self.state["lags"]
            lags = np.repeat(x, n, axis=1) if lags is None else lags
            x = self.state["lags"] = np.concatenate([lags[:, 1:], x], axis=1)
        return self.model.in_units(y, x, np.full(len(x), x.shape[1]))


def read_csv(path, about):
    """Return the columns that the model reads of a file, as an array of lines, and other columns.

    Columns are found by name where model and file both have names.
    """
    with open(path, newline="", encoding="utf-8-sig") as file:
        lines = [line for line in csv.reader(file) if any(cell.strip() for cell in line)]
    if not lines:
        raise ValueError(f"{path}: no lines")
    named = not all(is_number(cell) for cell in lines[0])
    names = lines.pop(0) if named else None
    columns, chosen = about["columns"], range(len(lines[0]) if lines else 0)
    if columns and names:
        lacking = [name for name in columns if name not in names]
        if lacking:
            raise ValueError(f"{path}: no column {lacking[0]}; it has {', '.join(names)}")
        chosen = [names.index(name) for name in columns]
    rows = np.array([[number(line[j], path) for j in chosen] for line in lines])
    own = [] if names is None or not about["id"] else about["id"]
    ids = [tuple(line[names.index(name)] for name in own if name in names) for line in lines]
    return rows, ids


def is_number(cell):
    return cell.strip() == "" or _float(cell) is not None


def _float(cell):
    try:
        return float(cell)
    except ValueError:
        return None


def number(cell, path):
    if cell.strip().lower() in ("", "na", "n/a", "null", "none", "nan"):
        return float("nan")
    value = _float(cell)
    if value is None:
        raise ValueError(f"{path}: expected a number, got {cell!r}")
    return value


def series_of(rows, ids):
    """Return the lines (T, I) of each series, in the order of their first lines."""
    groups = {}
    for line, own in zip(rows, ids):
        groups.setdefault(own, []).append(line)
    return [(own, np.array(lines)) for own, lines in groups.items()]


def answer_file(model, path):
    """Return the header and the lines of answers to the rows of a CSV file."""
    program, about = model.program, model.about
    rows, ids = read_csv(path, about)
    if program["pixels"]:
        rows = rows.astype(np.uint8)
    if program["job"] == "autoencode":
        answers = model.predict(rows)
        header = [f"code_{i + 1}" for i in range(answers["code"].shape[1])] + ["error"]
        return ["row", *header], [
            [row, *code, error]
            for row, (code, error) in enumerate(zip(answers["code"], answers["error"]))
        ]
    flat = about["rows_are_series"]
    if flat:
        n = program["n_features"]
        if rows.shape[1] % n:
            raise ValueError(f"{path}: lines of {rows.shape[1]} numbers, expected steps of {n}")
        series = [((str(i),), row.reshape(-1, n)) for i, row in enumerate(rows)]
    else:
        series = series_of(rows, ids)
    header, lines = (["row"] if flat else about["id"]), []
    if program["job"] == "classify":
        for own, x in series:
            answers = model.predict(x[None])
            label = about["classes"][int(answers["class"][0])]
            lines.append([*own, label, *answers["probabilities"][0]])
        return [*header, "label", *(f"p_{name}" for name in about["classes"])], lines
    for own, x in series:
        steps, y = model.series(x)
        lines += [[*own, t, *values] for t, values in zip(steps, y)]
    return [*header, "step", *about["targets"]], lines


def main(model):
    """Answer the rows of a CSV file, and print a CSV."""
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        print(f"usage: python {sys.argv[0]} ROWS.csv\n\n{model.about['usage']}", file=sys.stderr)
        return 0 if "-h" in sys.argv or "--help" in sys.argv else 2
    try:
        header, lines = answer_file(model, sys.argv[1])
    except (OSError, ValueError) as error:
        print(f"{sys.argv[0]}: {error}", file=sys.stderr)
        return 2
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return 0
