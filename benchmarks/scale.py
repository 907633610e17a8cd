"""Shows how the cost of a training step grows with rows, steps, units, inputs and threads.

An LSTM classifier of ten classes is trained on random numbers. One size varies at a time; the
others stay at 640 rows in memory, 28 steps, 64 units, 28 inputs and one thread. `file, GB` is the
size of a file that rows are read from while training, as they are from files above 1 GiB. The rate
is that of the multiplications and additions of the products per second of processor time, so that
it stays level where the cost grows as the work does; `us` is the processor time of a row. Points
alternate, and a figure is that of the fastest round.
"""

import argparse
import itertools
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from timing import interleave, print_table

from hiddenstate import kernels
from hiddenstate.config import make_config
from hiddenstate.data.prepare.batches import Batches
from hiddenstate.data.store import RowStore
from hiddenstate.engines import Task, make_engine
from hiddenstate.engines.interface import TrainingState
from hiddenstate.models.net import Net

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AXES: dict[str, Sequence[float]] = {
    "rows": (640, 6_400, 64_000, 256_000),
    "steps": (1, 4, 28, 100, 400, 1500),
    "hidden": (8, 16, 32, 64, 128, 256, 512),
    "inputs": (1, 4, 28, 128, 512),
    "threads": (1, 2),
    "file": (0, 1, 2, 4),
}
TOY: dict[str, Sequence[float]] = {
    "rows": (64, 128),
    "steps": (1,),
    "hidden": (8,),
    "file": (0.003,),
}
LABELS = {"file": "file, GB"}
BATCH = 64
ENOUGH = 2e9
"""Multiplications of a piece, at least one step of them."""


@dataclass(frozen=True)
class Size:
    """The sizes of a task."""

    rows: int = 640
    steps: int = 28
    hidden: int = 64
    inputs: int = 28
    threads: int = 1
    file: float = 0
    """Gigabytes of a file, and so its rows; 0 for rows in memory."""

    @property
    def work(self) -> float:
        """Return the multiplications of a training step for a row: the input has no gradient."""
        return 4.0 * self.hidden * (2 * self.inputs + 3 * self.hidden) * self.steps


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Measure and print every point, and draw them to `args.figure` if it is set."""
    axes, base = (TOY, Size(rows=64)) if args.toy else (AXES, Size())
    rounds = args.rounds or 7
    print(f"## scale: training steps of 64 rows, the fastest of {rounds} rounds")
    if kernels.level() is None:
        print("skipped, there are no kernels")
        return {}
    sizes = {(axis, n): _at(base, axis, n) for axis, values in axes.items() for n in values}
    with tempfile.TemporaryDirectory() as folder:
        pieces = {size: _piece(size, Path(folder)) for size in dict.fromkeys(sizes.values())}
        seconds = {size: min(took) for size, took in interleave(pieces, rounds).items()}
    rates = {key: 2e-9 * size.work / seconds[size] for key, size in sizes.items()}
    print()
    print_table(
        ("varied", "size", "us", "GFLOP/s"),
        [
            (
                LABELS.get(axis, axis),
                f"{n:,}",
                f"{1e6 * seconds[size]:.2f}",
                f"{rates[axis, n]:.1f}",
            )
            for (axis, n), size in sizes.items()
        ],
    )
    if args.figure:
        draw(rates, axes).savefig(args.figure)
        print(f"saved {args.figure}\n")
    return {f"{axis} {n}": rate for (axis, n), rate in rates.items()}


def _at(base: Size, axis: str, n: float) -> Size:
    changes: dict[str, Any] = {axis: n}
    return replace(base, **changes)


def _piece(size: Size, folder: Path) -> Callable[[], float]:
    """Return a function that makes some steps, and the seconds of processor time of a row."""
    config = make_config("classify", {"hidden_size": size.hidden, "threads": size.threads})
    net = Net("classify", config.model, size.inputs, 10)
    X = _rows_of_file(size, folder) if size.file else _random((size.rows, size.steps, size.inputs))
    y = np.arange(len(X)) % 10
    task = Task(net, config.training, X, y, Batches(len(X), BATCH), 10**6)
    engine = make_engine(task, TrainingState(net.initial(0, "float32")))
    n = max(1, int(ENOUGH / (size.work * BATCH)))
    first = itertools.count(0, n)

    def run() -> float:
        step = next(first)
        began = time.process_time()
        engine.run(step, step + n, lambda: False)
        took = time.process_time() - began
        return took / (n * min(BATCH, len(X)))

    return run


def _random(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def _rows_of_file(size: Size, folder: Path) -> RowStore:
    """Write a file of `size.file` gigabytes of random rows, and return the store of them."""
    path, shape = folder / f"{size.file}.bin", (size.steps, size.inputs)
    many, row_bytes = _random((1_000, *shape)), 4 * math.prod(shape)
    with path.open("wb") as stream:
        while stream.tell() < 1e9 * size.file:
            stream.write(many.tobytes())
    return RowStore(path, 0, (path.stat().st_size // row_bytes, *shape), many.dtype)


def draw(rates: dict[tuple[str, float], float], axes: dict[str, Sequence[float]]) -> "Figure":
    """Draw the rate along each axis."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 2.8), layout="constrained", dpi=90)
    places = figure.subplots(1, len(axes), sharey=True, squeeze=False)[0]
    for place, (axis, values) in zip(places, axes.items(), strict=True):
        place.plot(values, [rates[axis, n] for n in values], marker=".", color="tab:blue")
        place.set(xscale="linear" if 0 in values else "log", xlabel=LABELS.get(axis, axis))
        place.set_xticks([values[0], values[-1]], [f"{n:,}" for n in (values[0], values[-1])])
        place.minorticks_off()
        place.spines[["top", "right"]].set_visible(False)
    places[0].set(ylim=(0, 1.1 * max(rates.values())), ylabel="GFLOP/s of a thread")
    return figure
