"""Measures what each recurrent cell reaches on MNIST rows, and what it costs.

    python benchmarks/quality.py cells [--seeds 3] [--epochs 5] [NAME ...]

A digit is 28 steps of 28 pixels. Every cell has 64 units, the same options, the same order of rows
and one thread. The accuracy is that on all test rows, the last epoch's, as a mean and a deviation
over the seeds; `bytes` are those of all weights in float32, the readout included. The seconds of an
epoch are of the processor, of training alone, the mean over the seeds. A step of a stream is
`Stream.step` of one series, called from Python; one in C is that of the exported header, compiled
with -O2, by the processor's time: medians of rounds in which the cells alternate.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import c_header
import numpy as np
from streams import seconds_of
from timing import interleave, machine, print_machine, print_table

from hiddenstate.config import make_config
from hiddenstate.data import SequenceDataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.datasets import load_mnist
from hiddenstate.engines import Chunk, make_engine
from hiddenstate.export.int8 import stored
from hiddenstate.export.target import source_of
from hiddenstate.inference.stream import Stream
from hiddenstate.jobs import make_job
from hiddenstate.models.fitted import FittedModel
from hiddenstate.program.cells import CELLS, CHOICES
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.trainer import Callback, Trainer

OPTIONS: dict[str, Any] = {
    "hidden_size": 64,
    "lr": 0.003,
    "lr_schedule": "cosine",
    "clip": 1.0,
    "n_evaluated": 0,
    "threads": 1,
    "device": "cpu",
}
ROUNDS, C_STEPS = 15, 20000


class Timer(Callback):
    """Times training, without the evaluation at its end, by the processor."""

    def on_start(self, trainer: Trainer) -> None:
        self.start = time.process_time()

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        self.end = time.process_time()


def cells(args: argparse.Namespace) -> None:
    """Print a table of the cells."""
    names = args.names or CHOICES
    dataset = load_mnist()
    if args.toy:
        dataset = dataset.map(lambda rows: rows.take(slice(200)))
    runs: dict[str, list[tuple[FittedModel, float, float]]] = {name: [] for name in names}
    for seed in range(1 if args.toy else args.seeds):
        for name in names:  # the cells alternate, for the sake of the seconds
            runs[name].append(trained(dataset, name, seed, args.epochs, args.toy))
    models = {name: run[0][0] for name, run in runs.items()}
    steps = seconds_of_steps(models, args.toy)
    rows = []
    for name, own in runs.items():
        _, scores, seconds = zip(*own, strict=True)
        rows.append(
            (
                title_of(name),
                f"{statistics.fmean(scores):.4f}",
                f"{statistics.stdev(scores):.4f}" if len(scores) > 1 else "-",
                f"{4 * sum(array.size for array in models[name].params.values()):,}",
                f"{statistics.fmean(seconds):.2f}",
                *(f"{1e6 * took:.2f}" if took else "-" for took in steps[name]),
            )
        )
    print_machine(machine(1))
    epochs, seeds = args.epochs, len(scores)
    print(
        f"## cells: MNIST by rows, {OPTIONS['hidden_size']} units, {epochs} epochs, {seeds} seeds\n"
    )
    head = ("cell", "accuracy", "deviation", "bytes", "epoch, s", "stream step, us", "C step, us")
    print_table(head, rows)


def title_of(choice: str) -> str:
    """Return what the first cell of a choice is called in text."""
    return next(cell.title for cell in CELLS.values() if cell.option == choice)


def trained(
    dataset: SequenceDataset, cell: str, seed: int, epochs: int, toy: bool
) -> tuple[FittedModel, float, float]:
    """Return a trained model, its accuracy on the test rows, and the seconds of an epoch."""
    limits = {"max_steps": 2} if toy else {"epochs": epochs}
    config = make_config("classify", OPTIONS | limits | {"cell": cell, "seed": seed})
    job = make_job(config, prepare(dataset, config))
    timer, engine = Timer(), make_engine(job.task(), starting_state(job))
    results = Trainer(job, engine, callbacks=[timer]).train()
    assert results is not None
    model = job.fitted(engine.export().params)
    return model, results["test_accuracy"], (timer.end - timer.start) / epochs


def seconds_of_steps(models: dict[str, FittedModel], toy: bool) -> dict[str, list[float | None]]:
    """Return the seconds of a step of each model in a stream and in C, if there is a compiler."""
    compiler, tasks = shutil.which("gcc") or shutil.which("cc"), {}
    x = np.random.default_rng(0).integers(0, 256, (1, 28)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        for name, model in models.items():
            tasks[name, 0] = partial(seconds_of, Stream(model, 1, "cpu", 1).step, x, toy)
            if compiler:
                source = source_of(model, "step", "float32", stored)
                program = c_header.compiled(compiler, source, "-O2", Path(folder) / name)
                tasks[name, 1] = partial(c_header.seconds, program, 100 if toy else C_STEPS)
        took = interleave(tasks, 1 if toy else ROUNDS)
    return {
        name: [statistics.median(took[name, i]) if (name, i) in took else None for i in (0, 1)]
        for name in models
    }
