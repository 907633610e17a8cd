"""Measures whole commands, training on a busy machine, and the accuracies over seeds."""

import argparse
import os
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from contenders import CONTENDERS, Lap, Worker, has_engine, wanted, working
from timing import environment, interleave, print_table, ratio_cell, ratios, spread, thread_limits

from hiddenstate.config import make_config
from hiddenstate.data import SequenceDataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.datasets import load_mnist
from hiddenstate.engines import make_engine
from hiddenstate.errors import HiddenstateError
from hiddenstate.jobs import make_job
from hiddenstate.system.interpreter import python_command
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.trainer import Trainer

HERE = Path(__file__).resolve().parent
ENGINES = ("torch", "native")
SPINNERS = 2
"""Number of processes that only keep a core busy."""

TRIAL, MOST, LONGEST = 4, 100, 4.0
"""Steps of a trial with them, largest number of steps in a piece, and its longest time in s."""


def engines() -> list[str]:
    """Return the usable engines; print a line for each that is missing or raises an error."""
    usable, dataset = [], load_mnist()
    for engine in ENGINES:
        if not has_engine(engine):
            print(f"hiddenstate {engine}: skipped, there is no engine {engine}")
            continue
        try:
            _classifier(dataset, engine)
        except HiddenstateError as error:
            print(f"hiddenstate {engine}: skipped, {error}")
        else:
            usable.append(engine)
    return usable


def _classifier(
    dataset: SequenceDataset, engine: str, seed: int = 0, threads: int = 0, toy: bool = False
) -> Trainer:
    """Return a trainer of `classify` with its defaults, or of two steps if `toy`."""
    options: dict[str, Any] = {"engine": engine, "seed": seed, "threads": threads, "device": "cpu"}
    options |= {"max_steps": 2, "n_evaluated": 8} if toy else {}
    config = make_config("classify", options)
    job = make_job(config, prepare(dataset, config))
    return Trainer(job, make_engine(job.task(), starting_state(job)))


def command(args: argparse.Namespace) -> dict[str, Any]:
    """Measure the whole command `classify` and the whole classic script, from prompt to prompt."""
    rounds = args.rounds or 3
    print(f"## command: a whole epoch of classify from prompt to prompt, {rounds} times")
    threads = ["--threads", str(args.threads)]
    lines = {"script": [str(HERE / "classic_classify.py"), *threads]}
    ours = ["-m", "hiddenstate", "classify", "--view", "off", *threads]
    if args.toy:
        lines["script"].append("--toy")
        ours += ["--max-steps", "2"]
    for engine in engines():
        lines[f"hiddenstate {engine}"] = [*ours, "--engine", engine]
    chosen = {n: line for n, line in lines.items() if any(w in n for w in args.only.split(","))}
    # The commands run in another folder, where a relative PYTHONPATH would not be valid.
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    absolute = {"PYTHONPATH": os.pathsep.join(str(Path(path).resolve()) for path in paths)}
    variables = thread_limits(args.threads) | (absolute if paths else {})
    with tempfile.TemporaryDirectory() as folder, environment(variables):
        if not args.toy:
            # Fill the file cache, so that no contender has to read torch from the disk.
            subprocess.run(python_command("-c", "import torch, hiddenstate.cli"), check=True)
        tasks = {name: partial(_prompt_to_prompt, line, folder) for name, line in chosen.items()}
        done = interleave(tasks, rounds)
    seconds = {name: [took for took, _ in runs] for name, runs in done.items()}
    rows = [
        (
            name,
            f"{spread(took):.2f}",
            ratio_cell(seconds, name),
            done[name][-1][1],
        )
        for name, took in seconds.items()
    ]
    print()
    print_table(("command", "seconds", "ratio", "last line of an evaluation"), rows)
    return {"seconds": seconds}


def _prompt_to_prompt(line: list[str], folder: str) -> tuple[float, str]:
    """Return the seconds of a command and its last line about training."""
    began = time.perf_counter()
    done = subprocess.run(python_command(*line), cwd=folder, capture_output=True, text=True)
    took = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(line)} ended with {done.returncode}:\n{done.stderr}")
    lines = [text for text in done.stdout.splitlines() if text.startswith("Epoch:")]
    return took, lines[-1].replace(" | ", ", ")


@contextmanager
def spinners() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start processes that keep a core busy, each stopped until it is continued."""
    made = [subprocess.Popen(python_command("-c", "while True: pass")) for _ in range(SPINNERS)]
    try:
        for process in made:
            process.send_signal(signal.SIGSTOP)
        yield made
    finally:
        for process in made:
            process.kill()
            process.wait()


def _piece(worker: Worker, size: int, beside: Sequence[subprocess.Popen[bytes]]) -> Lap:
    """Run some steps and an evaluation while the processes `beside` run."""
    for process in beside:
        process.send_signal(signal.SIGCONT)
    try:
        return worker.lap(size, size)
    finally:
        for process in beside:
            process.send_signal(signal.SIGSTOP)


def busy(args: argparse.Namespace) -> dict[str, Any]:
    """Measure steps of classify alone and next to two busy processes.

    The slowdown depends on how threads wait for each other, so a trial sets the number of steps.
    """
    print(f"## busy: steps of classify, alone and next to {SPINNERS} busy processes")
    chosen = wanted(CONTENDERS["classify"], args.only or "torch in memory,hiddenstate")
    with working(chosen, args.threads) as workers, spinners() as made:
        sizes, tasks = {}, {}
        for name, worker in workers.items():
            _piece(worker, TRIAL, [])
            trial = _piece(worker, TRIAL, made)
            each = (trial.train + trial.look) / TRIAL
            sizes[name] = TRIAL if args.toy else max(TRIAL, min(MOST, int(LONGEST / each)))
            tasks[name, False] = partial(_piece, worker, sizes[name], [])
            tasks[name, True] = partial(_piece, worker, sizes[name], made)
        laps = interleave(tasks, args.rounds or 5)
    seconds = {key: [lap.train + lap.look for lap in done] for key, done in laps.items()}
    rows = [
        (
            name,
            str(size),
            f"{spread(seconds[name, False]):.3f}",
            f"{max(lap.others for lap in laps[name, False]):.1f}",
            f"{spread(seconds[name, True]):.3f}",
            f"{ratios(seconds[name, False], seconds[name, True]):.1f}",
        )
        for name, size in sizes.items()
    ]
    head = ("contender", "steps", "alone, s", "other cores", "beside them, s", "times slower")
    print()
    print_table(head, rows)
    return {name: {"alone": seconds[name, False], "beside": seconds[name, True]} for name in sizes}


def accuracy(args: argparse.Namespace) -> dict[str, Any]:
    """Train classify for an epoch per seed and engine; print accuracies, mean and deviation."""
    print(f"## accuracy: one epoch of classify, seeds 0 to {args.seeds - 1}")
    dataset = load_mnist()
    if args.toy:
        dataset = dataset.map(lambda rows: rows.take(slice(200)))
    accuracies: dict[str, list[float]] = {}
    for engine in engines():
        accuracies[engine] = []
        for seed in range(args.seeds):
            results = _classifier(dataset, engine, seed, args.threads, args.toy).train()
            assert results is not None
            accuracies[engine].append(results["test_accuracy"])
    rows = [
        (
            engine,
            ", ".join(f"{score:.4f}" for score in scores),
            f"{statistics.fmean(scores):.4f}",
            f"{statistics.stdev(scores):.4f}" if len(scores) > 1 else "-",
        )
        for engine, scores in accuracies.items()
    ]
    print()
    print_table(("engine", "test accuracy, by seed", "mean", "deviation"), rows)
    return dict(accuracies)
