"""Measures what cells remember over hundreds and thousands of steps.

    python benchmarks/quality.py memory [NAME ...] [--seeds 3] [--out FOLDER] [--held-out]

`pixels`: MNIST, a pixel a step, 784 steps. `permuted`: the same pixels in one random order, which
is the same for every digit (Le, Jaitly and Hinton, 2015, section 4.2). `adding`: of T steps with a
random number each, two are marked, one in each half; the target is their sum (Hochreiter and
Schmidhuber, 1997, section 5.4; numbers and marks as there, but the sum is not scaled). Every net
reads forward alone, and answers after the last step.

NAME is a row of the table, such as "permuted-lru-small", or how its name begins. Runs are kept in
the folder of --out; a run that is there is continued, or read. `TFLOP` counts six operations for
each weight of a product, step and row: two forward, four back. With --held-out a tenth of the
training rows is left out and scored in place of the test rows; epochs and sizes were chosen by
that.
"""

import argparse
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from recipes import run
from timing import machine, print_machine, print_table

from hiddenstate.datasets import load_mnist
from hiddenstate.models.fitted import load_model
from hiddenstate.runs.run import Run

Arrays = dict[str, NDArray[Any]]
Options = dict[str, Any]

COMMON: Options = {
    "recipe": "classic",
    "optimizer": "adamw",
    "weight_decay": 0.01,
    "lr_schedule": "cosine",
    "clip": 1.0,
    "log_every": 200,
}

MORE = {"classify": ["--n-evaluated=0"], "regress": ["--no-stateful", "--output=last"]}


@dataclass(frozen=True)
class Trial:
    """A net on a task: its rows, and the options of its training."""

    task: str
    rows: Callable[[], Arrays]
    options: Options

    @property
    def job(self) -> str:
        """The command that trains it."""
        return "regress" if self.task.startswith("adding") else "classify"


def pixels() -> Arrays:
    """Return the digits as series of 784 steps of one pixel, in bytes."""
    data = load_mnist()
    assert data.test is not None
    arrays: Arrays = {
        "y_train": data.train.require_targets(),
        "y_test": data.test.require_targets(),
    }
    for part, rows in (("train", data.train), ("test", data.test)):
        arrays[f"X_{part}"] = rows.series().reshape(len(rows), 784, 1)
    return arrays


def permuted() -> Arrays:
    """Return the digits with their pixels in one random order."""
    order = np.random.default_rng(0).permutation(784)
    return {name: a[:, order] if name[0] == "X" else a for name, a in pixels().items()}


def adding(steps: int, n_train: int, n_test: int = 1000) -> Arrays:
    """Return series of `steps` steps of a number from 0 to 1 and a mark, and sums of two."""
    arrays = {}
    for part, n in (("train", n_train), ("test", n_test)):
        random = np.random.default_rng([steps, n])
        X = np.zeros((n, steps, 2), np.float32)
        X[:, :, 0] = random.random((n, steps), np.float32)
        half, every = steps // 2, np.arange(n)
        marks = random.integers(half, size=n), half + random.integers(steps - half, size=n)
        for at in marks:
            X[every, at, 1] = 1
        arrays[f"X_{part}"] = X
        arrays[f"y_{part}"] = (X[:, :, 0] * X[:, :, 1]).sum(axis=1)
    return arrays


LRU: Options = {"cell": "lru", "lr": 0.003, "batch_size": 64, "readout": "mean", "ring_max": 0.999}
FASTGRNN: Options = {"cell": "fastgrnn", "lr": 0.003, "batch_size": 64}
LONG: Options = FASTGRNN | {"hidden_size": 128, "lr": 0.002, "epochs": 30, "remember": 784}
BYTES: Options = {"rank": 32, "quantize": "int8", "sparsity": 0.75}  # in less than 8 KB
FOURS: Options = {  # a convolution over eight pixels, then a step for each four
    **{"stem": True, "stem_causal": True, "stem_pool": 4, "stem_kernels": 8, "stem_channels": 64},
    **{"layers": 2, "states": 128, "ring_min": 0.99, "ring_max": 0.9999, "ring_angle": 3.1},
    **{"readout": "last", "dropout": 0.2, "weight_decay": 0.05, "lr": 0.004, "epochs": 6},
}
FAR: Options = {
    "layers": 2,
    "states": 64,
    "readout": "last",
    "ring_min": 0.99,
    "ring_max": 0.9999,
    "ring_angle": 0.3,
}
PLAIN: Options = {"hidden_size": 128, "lr": 0.001, "batch_size": 64}
SUM: Options = {"hidden_size": 64, "batch_size": 64, "max_steps": 3000, "epochs": 1000}


def trials() -> dict[str, Trial]:
    """Return the rows of the table."""
    small = {"layers": 4, "hidden_size": 64, "states": 32, "epochs": 20}
    far = {"lr": 0.004, "weight_decay": 0.05, "dropout": 0.1}
    table = {
        "permuted-lru-small": Trial("permuted", permuted, LRU | FOURS | {"hidden_size": 64}),
        "permuted-lru-large": Trial("permuted", permuted, LRU | FOURS | {"hidden_size": 96}),
        "permuted-lru-ones": Trial("permuted", permuted, LRU | small | far | {"epochs": 30}),
        "permuted-gru": Trial("permuted", permuted, PLAIN | {"cell": "gru", "epochs": 20}),
        "pixels-fastgrnn-rank-32": Trial("pixels", pixels, LONG | {"rank": 32}),
        "pixels-fastgrnn-int8": Trial("pixels", pixels, LONG | BYTES),
        "pixels-gru": Trial("pixels", pixels, PLAIN | {"cell": "gru", "epochs": 20}),
        "pixels-lru": Trial("pixels", pixels, LRU | small),
    }
    for steps, n in ((1000, 20_000), (5000, 6_400)):
        marked = {"lr": 0.005, "scale": "standard", "remember": 20 * steps}
        for cell in ("mingru", "gru", "lstm", "fastgrnn", "lru"):
            own = LRU | FAR if cell == "lru" else marked | {"cell": cell}
            table[f"adding-{steps}-{cell}"] = Trial(
                f"adding-{steps}", partial(adding, steps, n), SUM | own
            )
    return table


def memory(args: argparse.Namespace) -> None:
    """Print a table of the trials, and train those that the folder lacks."""
    table = trials()
    chosen = {name: table[name] for name in table if name.startswith(tuple(args.names or [""]))}
    for start in args.names:
        if not any(name.startswith(start) for name in table):
            raise SystemExit(f"error: no net is named {start}...; expected {', '.join(table)}")
    folder = args.out or Path("runs")
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, trial in chosen.items():
        file = data_file(trial, folder, args)
        seeds = range(1 if args.toy else args.seeds)
        runs = [trained(name, trial, seed, file, args) for seed in seeds]
        rows.append(row(name, trial, runs))
    print_machine(machine(args.threads))
    print(f"## memory: {'training rows held out' if args.held_out else 'test rows'}\n")
    head = ("net", "weights", "score", "deviation", "seeds", "updates", "TFLOP")
    print_table(head, rows)


def data_file(trial: Trial, folder: Path, args: argparse.Namespace) -> Path:
    """Return a file with the rows of a task, which is made if it is not there."""
    file = folder / f"{kind_of(args)}{trial.task}.npz"
    if not file.exists():
        arrays: dict[str, Any] = parted(trial.rows(), args)
        np.savez(file, **arrays)
    return file


def kind_of(args: argparse.Namespace) -> str:
    """Return how the names of files and runs begin that are not of the whole measurement."""
    return ("toy-" if args.toy else "") + ("held-out-" if args.held_out else "")


def parted(arrays: Arrays, args: argparse.Namespace) -> Arrays:
    """Return the rows of a task; with --held-out the last tenth of those for training is scored."""
    n = 64 if args.toy else len(arrays["y_train"])
    left = n - n // 10 if args.held_out or args.toy else n
    if left == n:
        return arrays
    parts = {"train": slice(left), "test": slice(left, n)}
    return {f"{k}_{p}": arrays[f"{k}_train"][rows] for p, rows in parts.items() for k in "Xy"}


def trained(name: str, trial: Trial, seed: int, file: Path, args: argparse.Namespace) -> Run:
    """Return the run of a trial, trained to its end."""
    path = file.with_name(f"{kind_of(args)}{name}-seed{seed}")
    if not path.exists():
        options = COMMON | trial.options | {"seed": seed, "threads": args.threads}
        options |= {"max_steps": 1} if args.toy else {}
        words = [word(name, value) for name, value in options.items()] + MORE[trial.job]
        quiet = ("--runs-dir", path.parent, "--name", path.name, "--view", "off", "--json")
        run(trial.job, file, *words, *quiet)
    elif Run(path).results() is None:
        run("resume", path, "--view", "off", "--json")
    return Run(path)


def word(name: str, value: object) -> str:
    """Return how the command line has an option."""
    return f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}")


def row(name: str, trial: Trial, runs: Sequence[Run]) -> tuple[str, ...]:
    """Return the cells of a row of the table."""
    results = [run.results() or {} for run in runs]
    key = "test_mse" if trial.job == "regress" else "test_accuracy"
    scores, updates = [float(r[key]) for r in results], runs[0].history()[-1]["step"]
    params = load_model(runs[0].path / "model.safetensors")[0].params
    steps = int(trial.task.split("-")[1]) if trial.job == "regress" else 784
    at_steps = {2: steps // trial.options.get("stem_pool", 1), 3: steps}  # 3: of a convolution
    products = sum(array.size * at_steps.get(array.ndim, 0) for array in params.values())
    batch = trial.options["batch_size"]
    return (
        name,
        f"{sum(array.size for array in params.values()):,}",
        f"{statistics.fmean(scores):{'.2g' if trial.job == 'regress' else '.4f'}}",
        f"{statistics.stdev(scores):.2g}" if len(scores) > 1 else "-",
        f"{len(scores)}",
        f"{updates:,}",
        f"{6e-12 * products * batch * updates:.0f}",
    )
