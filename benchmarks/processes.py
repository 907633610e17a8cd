"""Whole commands, a busy machine, and what the engines' accuracies are over seeds."""

import argparse
import os
import signal
import statistics
import subprocess
import sys
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
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.trainer import Trainer

HERE = Path(__file__).resolve().parent
ENGINES = ("torch", "native")
SPINNERS = 2
"""Processes that do nothing but run."""

TRIAL, MOST, LONGEST = 4, 100, 4.0
"""Steps of a trial beside them, most steps in a piece, and seconds one should take at most."""


def engines() -> list[str]:
    """The engines there are; a line for each that is not, or that refuses a classifier."""
    found, dataset = [], load_mnist()
    for engine in ENGINES:
        if not has_engine(engine):
            print(f"hiddenstate {engine}: left out, there is no engine {engine}")
            continue
        try:
            _classifier(dataset, engine)
        except HiddenstateError as error:
            print(f"hiddenstate {engine}: left out, {error}")
        else:
            found.append(engine)
    return found


def _classifier(
    dataset: SequenceDataset, engine: str, seed: int = 0, threads: int = 0, toy: bool = False
) -> Trainer:
    """What trains `classify` with its defaults, or two steps of it."""
    options: dict[str, Any] = {"engine": engine, "seed": seed, "threads": threads, "device": "cpu"}
    options |= {"max_steps": 2, "n_evaluated": 8} if toy else {}
    config = make_config("classify", options)
    job = make_job(config, prepare(dataset, config))
    return Trainer(job, make_engine(job.task(), starting_state(job.net, job.config.training)))


def command(asked: argparse.Namespace) -> dict[str, Any]:
    """The whole `classify` beside the whole classic script, from prompt to prompt."""
    rounds = asked.rounds or 3
    print(f"## command: a whole epoch of classify from prompt to prompt, {rounds} times")
    threads = ["--threads", str(asked.threads)]
    lines = {"script": [str(HERE / "classic_classify.py"), *threads]}
    ours = ["-m", "hiddenstate", "classify", "--view", "off", *threads]
    if asked.toy:
        lines["script"].append("--toy")
        ours += ["--max-steps", "2"]
    for engine in engines():
        lines[f"hiddenstate {engine}"] = [*ours, "--engine", engine]
    chosen = {n: line for n, line in lines.items() if any(w in n for w in asked.only.split(","))}
    # The commands run in another folder, where a relative PYTHONPATH would lead nowhere.
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    absolute = {"PYTHONPATH": os.pathsep.join(str(Path(path).resolve()) for path in paths)}
    variables = thread_limits(asked.threads) | (absolute if paths else {})
    with tempfile.TemporaryDirectory() as folder, environment(variables):
        if not asked.toy:
            # Once for the file cache: no contender should be the one to read torch from the disk.
            subprocess.run([sys.executable, "-c", "import torch, hiddenstate.cli"], check=True)
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
    """Seconds of a command, and the last line it said of its training."""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, *line], cwd=folder, capture_output=True, text=True)
    took = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(line)} ended with {done.returncode}:\n{done.stderr}")
    said = [text for text in done.stdout.splitlines() if text.startswith("Epoch:")]
    return took, said[-1].replace(" | ", ", ")


@contextmanager
def spinners() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that spin, standing still until they are let go."""
    made = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(SPINNERS)]
    try:
        for process in made:
            process.send_signal(signal.SIGSTOP)
        yield made
    finally:
        for process in made:
            process.kill()
            process.wait()


def _piece(worker: Worker, size: int, beside: Sequence[subprocess.Popen[bytes]]) -> Lap:
    """Some steps and a look, with the processes `beside` let go meanwhile."""
    for process in beside:
        process.send_signal(signal.SIGCONT)
    try:
        return worker.lap(size, size)
    finally:
        for process in beside:
            process.send_signal(signal.SIGSTOP)


def busy(asked: argparse.Namespace) -> dict[str, Any]:
    """Steps of classify on a free machine and beside two processes that spin.

    Threads that wait for one another suffer most, so the number of steps is found by a trial.
    """
    print(f"## busy: steps of classify, alone and beside {SPINNERS} busy processes")
    chosen = wanted(CONTENDERS["classify"], asked.only or "torch in memory,hiddenstate")
    with working(chosen, asked.threads) as workers, spinners() as made:
        sizes, tasks = {}, {}
        for name, worker in workers.items():
            _piece(worker, TRIAL, [])
            trial = _piece(worker, TRIAL, made)
            each = (trial.train + trial.look) / TRIAL
            sizes[name] = TRIAL if asked.toy else max(TRIAL, min(MOST, int(LONGEST / each)))
            tasks[name, False] = partial(_piece, worker, sizes[name], [])
            tasks[name, True] = partial(_piece, worker, sizes[name], made)
        laps = interleave(tasks, asked.rounds or 5)
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
    head = ("contender", "steps", "alone, s", "others then", "beside them, s", "times slower")
    print()
    print_table(head, rows)
    return {name: {"alone": seconds[name, False], "beside": seconds[name, True]} for name in sizes}


def accuracy(asked: argparse.Namespace) -> dict[str, Any]:
    """An epoch of classify with each seed and engine: test accuracies, mean and deviation."""
    print(f"## accuracy: one epoch of classify, seeds 0 to {asked.seeds - 1}")
    dataset = load_mnist()
    found: dict[str, list[float]] = {}
    for engine in engines():
        found[engine] = []
        for seed in range(asked.seeds):
            results = _classifier(dataset, engine, seed, asked.threads, asked.toy).train()
            assert results is not None
            found[engine].append(results["test_accuracy"])
    rows = [
        (
            engine,
            ", ".join(f"{score:.4f}" for score in scores),
            f"{statistics.fmean(scores):.4f}",
            f"{statistics.stdev(scores):.4f}" if len(scores) > 1 else "-",
        )
        for engine, scores in found.items()
    ]
    print()
    print_table(("engine", "test accuracy, by seed", "mean", "deviation"), rows)
    return dict(found)
