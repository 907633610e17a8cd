"""Runs the study of docs/long-runs.md: regress over 10,000 windows, and plain RNNs on digits.

    python benchmarks/long_runs.py [--seeds 20] [--windows 10000] [--out docs/images]

Trains every recipe with every seed in two processes of one thread each, prints a table, and
saves long-runs.png and cells-on-digits.png in the folder --out, by default the current one. Takes
about 15 minutes on two cores.
"""

import argparse
import statistics
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hiddenstate.config import make_config
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.datasets import load_mnist, load_waves
from hiddenstate.engines import Chunk, make_engine
from hiddenstate.jobs import make_job
from hiddenstate.runs.events import LogEvent
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.trainer import Callback, Trainer

Options = dict[str, Any]
Floats = NDArray[np.floating[Any]]

PLAIN: Options = {"lr_schedule": "constant", "eps": 1e-8, "clip": None}
RECIPES: dict[str, Options] = {
    "classic: rate 0.02 throughout": PLAIN,
    "rate 0.02*100/k, clip 1": {"eps": 1e-8},
    "the default": {},
}
DIGITS: dict[str, Options] = {
    "rnn": {"cell": "rnn"},
    "rnn, clip 1": {"cell": "rnn", "clip": 1.0},
    "rnn, clip 1, rate 0.001": {"cell": "rnn", "clip": 1.0, "lr": 0.001},
    "gru": {"cell": "gru"},
    "lstm": {"cell": "lstm"},
}


class Losses(Callback):
    """Collects the loss of every step and the logged test accuracies."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.accuracies: list[float] = []

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        self.losses += chunk.losses.tolist()

    def on_log(self, trainer: Trainer, event: LogEvent) -> None:
        if "test_accuracy" in event:
            self.accuracies.append(event["test_accuracy"])


def train(kind: str, options: Options, seed: int) -> tuple[list[float], list[float], Options]:
    """Train one run; return its losses, logged accuracies and results."""
    config = make_config(kind, {**options, "seed": seed, "threads": 1})
    dataset = load_waves(config.data.windows) if kind == "regress" else load_mnist()
    job = make_job(config, prepare(dataset, config))
    kept = Losses()
    engine = make_engine(job.task(), starting_state(job))
    results = Trainer(job, engine, [kept]).train()
    assert results is not None
    return kept.losses, kept.accuracies, results


def blocks(losses: Floats, size: int = 100) -> Floats:
    """Return the mean loss of each block of `size` windows."""
    means: Floats = (
        losses[:, : losses.shape[1] // size * size].reshape(len(losses), -1, size).mean(axis=2)
    )
    return means


def study_waves(pool: Executor, n_seeds: int, n_windows: int) -> Figure:
    """Train every recipe with every seed, print a table and draw the losses."""
    figure = Figure(figsize=(9, 3.6), layout="constrained", dpi=90)
    axes = figure.subplots(1, len(RECIPES), sharey=True)
    print("| recipe | median | largest | below 1e-4 | lost it for 50 windows or more |")
    print("| --- | --- | --- | --- | --- |")
    for place, (name, options) in zip(axes, RECIPES.items(), strict=True):
        run = partial(train, "regress", {**options, "windows": n_windows})
        losses = np.array([done[0] for done in pool.map(run, range(n_seeds))])
        last = losses[:, -100:].mean(axis=1)
        lost = sum(longest_above(row[200:], 0.3) >= 50 for row in losses)
        print(
            f"| {name} | {np.median(last):.1e} | {last.max():.1e} | "
            f"{(last < 1e-4).sum()} of {n_seeds} | {lost} of {n_seeds} |",
            flush=True,
        )
        curves = blocks(losses)
        windows = 100 * (np.arange(curves.shape[1]) + 1)
        place.plot(windows, curves.T, color="tab:blue", linewidth=0.6, alpha=0.5)
        place.plot(windows, np.median(curves, axis=0), color="black", linewidth=1.5)
        place.axhline(0.5, color="tab:red", linestyle="--", linewidth=1)
        place.set(title=name, xscale="log", yscale="log", xlabel="window")
        place.title.set_fontsize(10)
        place.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("mean squared error of 100 windows")
    axes[0].text(120, 0.6, "predicting zero", color="tab:red", fontsize=8)
    return figure


def longest_above(losses: Floats, bound: float) -> int:
    """Return the length of the longest sequence of losses above `bound`."""
    longest = current = 0
    for above in losses > bound:
        current = current + 1 if above else 0
        longest = max(longest, current)
    return longest


def study_digits(pool: Executor, n_seeds: int, more: Options) -> Figure:
    """Train every cell with every seed, print a table and draw the accuracies."""
    figure = Figure(figsize=(9, 2.8), layout="constrained", dpi=90)
    axes = figure.subplots(1, len(DIGITS), sharey=True)
    print("\n| cell | accuracy after an epoch, by seed | mean |\n| --- | --- | --- |")
    for place, (name, options) in zip(axes, DIGITS.items(), strict=True):
        given = repeat({**options, **more})
        done = list(pool.map(train, repeat("classify"), given, range(n_seeds)))
        final = [results["test_accuracy"] for _, _, results in done]
        each = ", ".join(f"{score:.3f}" for score in final)
        print(f"| {name} | {each} | {statistics.fmean(final):.3f} |", flush=True)
        for _, accuracies, _ in done:
            place.plot(50 * np.arange(len(accuracies)), accuracies, color="tab:blue", alpha=0.7)
        place.set(title=name, xlabel="step", ylim=(0, 1))
        place.title.set_fontsize(9)
        place.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("accuracy, 2,000 test digits")
    return figure


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--windows", type=int, default=10_000)
    parser.add_argument("--digit-seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--toy", action="store_true", help="tiny sizes, to test the script")
    return parser


def main(words: Sequence[str] | None = None) -> None:
    """Train all runs, print the tables and save the figures."""
    args = arguments().parse_args(words)
    more: Options = {}
    if args.toy:
        args.seeds, args.windows, args.digit_seeds = 1, 300, 1
        more = {"max_steps": 2, "n_evaluated": 8}
    with ProcessPoolExecutor(2) as pool:
        waves = study_waves(pool, args.seeds, args.windows)
        waves.savefig(args.out / "long-runs.png")
        digits = study_digits(pool, args.digit_seeds, more)
        digits.savefig(args.out / "cells-on-digits.png")


if __name__ == "__main__":
    main()
