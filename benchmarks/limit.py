"""Compares each part of a training step with what the processor can do, for each instruction level.

Parts are those of one thread and one shard of 16 rows, with the shapes of the classic jobs: the
products of an LSTM with its input and with its state, its gates, the whole forward pass, the way
back and the gradients of the weights; for the autoencoder all layers together. `GFLOP/s` counts
the multiplications and additions of products only; for gates and the optimiser, which have none, it
is left out. `peak` is a loop of independent multiplications and additions, and `sgemm` the product
of two 1024x1024 matrices in torch and numpy, which choose their own instructions. A whole epoch is
trained in pieces of 40 steps of 64 rows, with evaluations left out; its rate and that of sgemm are
those of a second of processor time, so that other programs do not count. All tasks alternate; a
figure is that of the fastest round.
"""

import argparse
import itertools
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from timing import environment, interleave, print_table

from hiddenstate import kernels
from hiddenstate.config import make_config
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.datasets import load_mnist
from hiddenstate.engines import make_engine
from hiddenstate.jobs import Job, make_job
from hiddenstate.training.initial_state import starting_state

ROWS, STEPS, INPUTS, HIDDEN = 16, 28, 28, 64
WIDTHS = [784, 128, 64, 12, 3, 12, 64, 128, 784]
SIZE = 1024
PIECE = 40
BATCH = 64
LSTM_WEIGHTS = 4 * HIDDEN * (INPUTS + HIDDEN)
DENSE_WEIGHTS = sum(a * b for a, b in itertools.pairwise(WIDTHS))

PARTS = {
    "input product": ("input", 4 * HIDDEN * INPUTS * STEPS),
    "state product": ("state", 4 * HIDDEN * HIDDEN * STEPS),
    "gates": ("gates", 0),
    "forward": ("forward", LSTM_WEIGHTS * STEPS),
    "way back": ("back", 4 * HIDDEN * HIDDEN * (STEPS - 1)),
    "gradients": ("gradients", LSTM_WEIGHTS * STEPS),
    "optimiser": ("optimiser", 0),
}
"""Parts of classify: the name in `probe`, and multiplications of a row."""

DENSE = {
    "forward": ("forward", DENSE_WEIGHTS),
    "way back": ("back", DENSE_WEIGHTS - WIDTHS[0] * WIDTHS[1]),
    "gradients": ("gradients", DENSE_WEIGHTS),
    "optimiser": ("optimiser", 0),
}
"""The same of autoencode."""

EPOCH = {
    "classify": LSTM_WEIGHTS * STEPS * 3 - 4 * HIDDEN * INPUTS * STEPS,
    "autoencode": DENSE_WEIGHTS * 3 - WIDTHS[0] * WIDTHS[1],
}
"""Multiplications of a training step per row: the input has no gradient."""

Task = Callable[[], float]


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Measure and print every part for each level."""
    module, levels = kernels.native(), kernels.levels()
    rounds = args.rounds or 15
    print(f"## limit: GFLOP/s of each part on one thread, the fastest of {rounds} rounds")
    if module is None:
        print("skipped, there are no kernels")
        return {}
    repeats = 1 if args.toy else 20
    jobs = {job: _job(job) for job in EPOCH}
    tasks: dict[tuple[str, str, str], Task] = {}
    for level in levels:
        turns = 10 if args.toy else 100_000
        peak = partial(module.probe, level, "peak", steps=turns, repeats=1)
        tasks[level, "", "peak"] = partial(_least, peak)
        for job, parts, shape in (
            ("classify", PARTS, {"inputs": INPUTS, "hidden": HIDDEN, "steps": STEPS}),
            ("autoencode", DENSE, {"widths": WIDTHS}),
        ):
            for name, (part, _) in parts.items():
                probe = partial(module.probe, level, part, rows=ROWS, repeats=repeats, **shape)
                tasks[level, job, name] = partial(_least, probe)
        for job, made in jobs.items():
            for threads in (1,) if args.toy else (1, 2):
                tasks[level, job, f"epoch, {threads} threads"] = _epoch(made, level, threads, args)
    for name, task in _products(args).items():
        tasks["", "", name] = task
    seconds = {key: min(took) for key, took in interleave(tasks, rounds).items()}
    rows = [
        (job, name, *(_cell(seconds, level, job, name, args) for level in levels))
        for job, name in _names(seconds)
    ]
    print()
    print_table(("job", "part", *levels), rows)
    size = 2e-9 * _size(args) ** 3
    print_table(
        ("sgemm", "GFLOP/s of a thread"),
        [(name, f"{size / t:.1f}") for (level, _, name), t in seconds.items() if not level],
    )
    print(f"load at end: {os.getloadavg()[0]:.2f}\n")
    return {" ".join(key): value for key, value in seconds.items()}


def _least(probe: Callable[[], list[float]]) -> float:
    return min(probe())


def _names(seconds: dict[tuple[str, str, str], float]) -> list[tuple[str, str]]:
    """Return the rows of the table: job and part."""
    return list(dict.fromkeys((job, name) for level, job, name in seconds if level))


def _cell(
    seconds: dict[tuple[str, str, str], float],
    level: str,
    job: str,
    name: str,
    args: argparse.Namespace,
) -> str:
    """Return GFLOP/s and the share of the peak, or microseconds if a part has no products."""
    took = seconds[level, job, name]
    turns = 10 if args.toy else 100_000
    peak = 1e-9 * turns * kernels.native().peak_operations(level) / seconds[level, "", "peak"]
    if name == "peak":
        return f"{peak:.1f}"
    if name.startswith("epoch"):
        steps = 1 if args.toy else PIECE
        rate = 2e-9 * EPOCH[job] * BATCH * steps / took
        return f"{rate:.1f} ({rate / peak:.0%})"
    count = (PARTS if job == "classify" else DENSE)[name][1]
    if not count:
        return f"{1e6 * took:.1f} us"
    rate = 2e-9 * count * ROWS / took
    return f"{rate:.1f} ({rate / peak:.0%})"


def _job(name: str) -> Job:
    config = make_config(name, {"engine": "native", "seed": 0})
    return make_job(config, prepare(load_mnist(flat=name == "autoencode"), config))


def _epoch(job: Job, level: str, threads: int, args: argparse.Namespace) -> Task:
    """Return a function that trains a piece of an epoch, and its seconds of processor time."""
    task = job.task()
    task = replace(task, training=replace(task.training, threads=threads))
    with environment({kernels.VARIABLE: level}):
        engine = make_engine(task, starting_state(job))
    steps, at = 1 if args.toy else PIECE, [0]

    def run() -> float:
        first = at[0] = (at[0] + steps) % 800
        began = time.process_time()
        engine.run(first, first + steps, lambda: False)
        return time.process_time() - began

    return run


def _size(args: argparse.Namespace) -> int:
    return 8 if args.toy else SIZE


def _products(args: argparse.Namespace) -> dict[str, Task]:
    """Return functions that multiply two matrices, by library and number of threads."""
    a = np.random.default_rng(0).normal(size=(_size(args),) * 2).astype(np.float32)

    def numpy() -> float:
        began = time.process_time()
        a @ a
        return time.process_time() - began

    tasks = {"numpy, its threads": numpy}
    try:
        import torch
    except ImportError:
        return tasks
    b = torch.from_numpy(a)

    def torch_product(threads: int) -> float:
        torch.set_num_threads(threads)
        began = time.process_time()
        b @ b
        return time.process_time() - began

    for threads in (1,) if args.toy else (1, 2):
        tasks[f"torch, {threads} threads"] = partial(torch_product, threads)
    return tasks
