"""Times a step of parallel series: through a stream, and through torch and onnxruntime.

All contenders have the same network, an LSTM with a linear output at every step, the same weights,
one thread and a state that they carry. A call reads one step of every series. `in C++` is the time
of a step inside `Stream.feed`, which computes many steps in one call, so that the call itself does
not count. The first step of each is compared. Steps of other cells stand beside them.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from timing import interleave, print_table, ratios, spread

from hiddenstate.config import make_config
from hiddenstate.inference.stream import Stream
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net

HIDDEN, FEATURES, OUTPUTS = 64, 28, 1
ROWS = (1, 64)
ENOUGH = 0.03
"""Shortest time of a measurement in seconds, reached by repeating steps."""

OTHERS = {"FastGRNN": ("fastgrnn", 1), "LRU, 4 blocks": ("lru", 4)}
"""Other networks of as many units whose steps are timed, by title: the cell and its layers."""

AT_ONCE = 256
"""Steps of one call of `Stream.feed`."""

Floats = NDArray[np.float32]
Step = Callable[[Floats], Any]


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Measure and print the microseconds of a step, for each number of series."""
    rounds = args.rounds or 15
    print(f"## stream: microseconds per step of an LSTM({FEATURES}, {HIDDEN}), {rounds} rounds")
    results: dict[str, Any] = {}
    rows = []
    for n in ROWS:
        model = _model()
        steps = _contenders(model, n, args.only)
        x = np.random.default_rng(0).normal(size=(n, FEATURES)).astype(np.float32)
        first = {name: np.asarray(step(x)).reshape(n, OUTPUTS) for name, step in steps.items()}
        tasks = {name: partial(seconds_of, step, x, args.toy) for name, step in steps.items()}
        for title, (cell, layers) in OTHERS.items():
            other = Stream(_model(cell, layers), n, "cpu", 1)
            tasks[f"stream.step, {title}"] = partial(seconds_of, other.step, x, args.toy)
        tasks["in C++"] = partial(_seconds_fed, Stream(model, n, "cpu", 1), x, args.toy)
        took = results[str(n)] = interleave(tasks, rounds)
        base = took.get("torch, eager")
        for name, seconds in took.items():
            each = spread([1e6 * second for second in seconds])
            off = np.abs(first[name] - first["stream.step"]).max() if name in first else None
            rows.append(
                (
                    str(n),
                    name,
                    f"{each.low:.2f}",
                    f"{each.median:.2f}",
                    f"{ratios(seconds, base):.1f}" if base else "-",
                    "-" if off is None else f"{off:.0e}",
                )
            )
    print()
    head = ("series", "contender", "lowest, us", "median, us", "ratio to eager torch", "off by")
    print_table(head, rows)
    return results


def _model(cell: str = "lstm", layers: int = 1) -> FittedModel:
    """Return a model with random weights."""
    config = make_config("regress", {"hidden_size": HIDDEN, "cell": cell, "layers": layers})
    net = Net("regress", config.model, FEATURES, OUTPUTS, "steps")
    return FittedModel(net, net.initial(0, "float32"), None, (28, FEATURES))


def _contenders(model: FittedModel, rows: int, only: str) -> dict[str, Step]:
    """Return a function that computes a step, for each contender that is installed."""
    steps: dict[str, Step] = {"stream.step": Stream(model, rows, "cpu", 1).step}
    for name, make in (
        ("torch, eager", partial(_torch, scripted=False)),
        ("torch, scripted", partial(_torch, scripted=True)),
        ("onnxruntime", _onnxruntime),
    ):
        if not any(word in name for word in only.split(",")):
            continue
        try:
            steps[name] = make(model, rows)
        except ImportError as error:
            print(f"{name}: skipped, {error}")
    return steps


def _torch(model: FittedModel, rows: int, scripted: bool) -> Step:
    import torch

    torch.set_num_threads(1)

    class Both(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = torch.nn.LSTM(FEATURES, HIDDEN, batch_first=True)
            self.out = torch.nn.Linear(HIDDEN, OUTPUTS)

        def forward(
            self, x: torch.Tensor, h: torch.Tensor, c: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
            y, (h, c) = self.rnn(x, (h, c))
            return self.out(y), h, c

    net: Any = Both()
    net.load_state_dict({name: torch.from_numpy(array) for name, array in model.params.items()})
    net = torch.jit.script(net) if scripted else net
    state = [torch.zeros(1, rows, HIDDEN), torch.zeros(1, rows, HIDDEN)]

    def step(x: Floats) -> Any:
        with torch.inference_mode():
            out, *state[:] = net(torch.from_numpy(x)[:, None], *state)
            return out.numpy()

    return step


def _onnxruntime(model: FittedModel, rows: int) -> Step:
    import onnx
    import onnxruntime
    from onnx import helper, numpy_helper

    def gates(array: Floats) -> Floats:  # from torch's order i, f, g, o to i, o, f, g
        i, f, g, o = np.split(array, 4)
        return np.concatenate([i, o, f, g])[None]

    params = model.params
    biases = [gates(params[f"rnn.bias_{side}_l0"]) for side in ("ih", "hh")]
    arrays = {
        "W": gates(params["rnn.weight_ih_l0"]),
        "R": gates(params["rnn.weight_hh_l0"]),
        "B": np.concatenate(biases, axis=1),
        "V": params["out.weight"],
        "b": params["out.bias"],
        "axes": np.array([0, 1]),
    }
    kind = onnx.TensorProto.FLOAT
    state = [1, rows, HIDDEN]
    graph = helper.make_graph(
        [
            helper.make_node(
                "LSTM", ["x", "W", "R", "B", "", "h", "c"], ["y", "h2", "c2"], hidden_size=HIDDEN
            ),
            helper.make_node("Squeeze", ["y", "axes"], ["flat"]),
            helper.make_node("Gemm", ["flat", "V", "b"], ["out"], transB=1),
        ],
        "step",
        [
            helper.make_tensor_value_info("x", kind, [1, rows, FEATURES]),
            helper.make_tensor_value_info("h", kind, state),
            helper.make_tensor_value_info("c", kind, state),
        ],
        [
            helper.make_tensor_value_info("out", kind, [rows, OUTPUTS]),
            helper.make_tensor_value_info("h2", kind, state),
            helper.make_tensor_value_info("c2", kind, state),
        ],
        [numpy_helper.from_array(np.ascontiguousarray(a), n) for n, a in arrays.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString(),
        options,
        providers=["CPUExecutionProvider"],
    )
    carried = {name: np.zeros(state, np.float32) for name in "hc"}

    def step(x: Floats) -> Any:
        out, carried["h"], carried["c"] = session.run(None, {"x": x[None], **carried})
        return out

    return step


def seconds_of(step: Step, x: Floats, toy: bool) -> float:
    """Return the seconds of a step."""
    n = 1 if toy else 10
    while True:
        began = time.perf_counter()
        for _ in range(n):
            step(x)
        took = time.perf_counter() - began
        if took > ENOUGH or toy:
            return took / n
        n *= 4


def _seconds_fed(stream: Stream, x: Floats, toy: bool) -> float:
    """Return the seconds of a step inside one call."""
    n = 2 if toy else AT_ONCE
    X = np.repeat(x[:, None].astype(np.float64), n, axis=1)
    return seconds_of(lambda _: stream.feed(X), x, toy) / n
