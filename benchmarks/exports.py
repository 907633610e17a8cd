"""Times models written as ONNX graphs beside torch and the program itself, in one thread.

    python benchmarks/exports.py --rounds 15

The networks are an LSTM and a GRU with 28 inputs and 64 hidden units that classify. A *step* is one
call that reads one step of one series and carries the state: the stream graph in onnxruntime, torch
with its state, and `Stream.step`. A *batch* is one call for 256 rows of 28 steps. The answers of
all are compared.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from timing import interleave, machine, print_machine, print_table, spread

from hiddenstate.config import make_config
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.engines.choose import make_predictor
from hiddenstate.export import export_model
from hiddenstate.inference.stream import Stream
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from hiddenstate.program.equations import softmax

CELLS = ("lstm", "gru")
FEATURES, HIDDEN, CLASSES, STEPS, ROWS = 28, 64, 10, 28, 256
ENOUGH = 0.03
"""Shortest time of a measurement in seconds, reached by repeating calls."""

Floats = NDArray[np.float32]
Call = Callable[[Floats], Any]


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15, help="rounds of all contenders")
    parser.add_argument("--toy", action="store_true", help="run all once, for tests")
    return parser


def model_of(cell: str) -> FittedModel:
    """Return a classifier with random weights."""
    config = make_config("classify", {"hidden_size": HIDDEN, "cell": cell}).model
    net = Net("classify", config, FEATURES, CLASSES, "last")
    classes = [str(number) for number in range(CLASSES)]
    return FittedModel(
        net, net.initial(0, "float32"), classes, (STEPS, FEATURES), False, Transform()
    )


def graph_calls(model: FittedModel, weights: str) -> dict[str, Call]:
    """Return calls of the exported graphs in onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        export_model(model, "onnx", Path(folder) / "m.onnx", weights)
        batch, stream = (
            onnxruntime.InferenceSession(
                (Path(folder) / name).read_bytes(), options, providers=["CPUExecutionProvider"]
            )
            for name in ("m.onnx", "m.stream.onnx")
        )
    names = [each.name for each in stream.get_inputs() if each.name.startswith("state_")]
    outputs = ["probabilities", *(f"{name}_next" for name in names)]
    state = {name: np.zeros((1, 1, HIDDEN), np.float32) for name in names}

    def step(x: Floats) -> Any:
        answer, *after = stream.run(outputs, {"x": x[None], **state})
        state.update(zip(names, after, strict=True))
        return answer[0]

    return {"step": step, "batch": lambda X: batch.run(["probabilities"], {"x": X})[0]}


def torch_calls(model: FittedModel) -> dict[str, Call]:
    """Return calls of torch's own layers with the weights of the model."""
    import torch

    torch.set_num_threads(1)
    cell = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[model.net.recurrent.cell]
    rnn, out = cell(FEATURES, HIDDEN, batch_first=True), torch.nn.Linear(HIDDEN, CLASSES)
    weights = {name: torch.from_numpy(array) for name, array in model.params.items()}
    for module, start in ((rnn, "rnn."), (out, "out.")):
        own = {n.removeprefix(start): w for n, w in weights.items() if n.startswith(start)}
        module.load_state_dict(own)
    state: list[Any] = [None]

    def step(x: Floats) -> Any:
        with torch.inference_mode():
            h, state[0] = rnn(torch.from_numpy(x)[:, None], state[0])
            return torch.softmax(out(h[:, -1]), 1).numpy()

    def batch(X: Floats) -> Any:
        with torch.inference_mode():
            return torch.softmax(out(rnn(torch.from_numpy(X))[0][:, -1]), 1).numpy()

    return {"step": step, "batch": batch}


def own_calls(model: FittedModel) -> dict[str, Call]:
    """Return calls of the program itself."""
    predictor = make_predictor(model, "cpu", 1)
    step = Stream(model, 1, "cpu", 1).step
    return {"step": step, "batch": lambda X: softmax(predictor.predict(X))}


def seconds(call: Call, x: Floats, toy: bool) -> float:
    """Return the seconds of a call."""
    n = 1
    while True:
        began = time.perf_counter()
        for _ in range(n):
            call(x)
        took = time.perf_counter() - began
        if took > ENOUGH or toy:
            return took / n
        n *= 4


def measure(cell: str, rounds: int, toy: bool) -> list[tuple[str, ...]]:
    """Return the lines of the table of a cell."""
    model, random = model_of(cell), np.random.default_rng(0)
    contenders: dict[str, dict[str, Call]] = {"hiddenstate": own_calls(model)}
    for name, make in (
        ("torch", torch_calls),
        ("onnxruntime", partial(graph_calls, weights="float32")),
        ("onnxruntime, int8 weights", partial(graph_calls, weights="int8")),
    ):
        try:
            contenders[name] = make(model)
        except ImportError as error:
            print(f"{name}: skipped, {error}")
    shapes = {"step": (1, FEATURES), "batch": (2 if toy else ROWS, STEPS, FEATURES)}
    lines: list[tuple[str, ...]] = []
    for kind, shape in shapes.items():
        x = random.normal(size=shape).astype(np.float32)
        first = {name: np.asarray(calls[kind](x)) for name, calls in contenders.items()}
        tasks = {name: partial(seconds, calls[kind], x, toy) for name, calls in contenders.items()}
        for name, took in interleave(tasks, rounds).items():
            each = spread([1e6 * second for second in took])
            off = np.abs(first[name] - first["hiddenstate"]).max()
            lines.append((cell, kind, name, f"{each.low:.1f}", f"{each.median:.1f}", f"{off:.0e}"))
    return lines


def main() -> None:
    """Measure and print a table."""
    args = arguments().parse_args()
    print_machine(machine(1))
    rounds = 1 if args.toy else args.rounds
    lines = [line for cell in CELLS for line in measure(cell, rounds, args.toy)]
    print_table(("cell", "call", "computed by", "lowest, us", "median, us", "off by"), lines)


if __name__ == "__main__":
    main()
