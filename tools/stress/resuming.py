"""Stops runs after every batch of three epochs and resumes them, on both engines."""

import random
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate import kernels
from hiddenstate.runs import Run
from hiddenstate.training.resume import resume_run
from hiddenstate.training.start import Session, plan, start
from hiddenstate.training.trainer import Callback, Trainer
from tools.stress.processes import Outcome, differences

ENGINES = ("native", "torch") if kernels.level() else ("torch",)

SHARED = {"threads": 1, "epochs": 3, "batch_size": 8, "log_every": 4, "checkpoint_every": 1}

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "classify": ("classify", {"hidden_size": 6, "lr_schedule": "cosine", "hold": 3}),
    "classify, stopping early": (
        "classify",
        {"hidden_size": 6, "valid_fraction": 0.3, "patience": 1, "lr": 0.3},
    ),
    "classify, dropout": (
        "classify",
        {"hidden_size": 4, "layers": 2, "dropout": 0.4},
    ),
    "regress": ("regress", {"windows": 16, "batch_size": 1, "hold": 9}),
    "regress, gru and sgd": (
        "regress",
        {"windows": 16, "batch_size": 1, "cell": "gru", "optimizer": "sgd", "momentum": 0.9},
    ),
    "autoencode": ("autoencode", {"encoder_sizes": (9,), "code_size": 2}),
    "autoencode, adamw": (
        "autoencode",
        {
            "encoder_sizes": (9,),
            "code_size": 2,
            "optimizer": "adamw",
            "weight_decay": 0.01,
            "dtype": "float64",
        },
    ),
}
"""Jobs and options, three epochs each, that together restore every kind of state."""


def write_rows(folder: Path, n: int = 64) -> Path:
    """Write a file of short series of two classes."""
    drawn = np.random.default_rng(5)
    X = drawn.normal(size=(n, 5, 2)).astype("f4")
    path = folder / "rows.npz"
    np.savez(path, X=X, y=(X[:, :, 0].mean(axis=1) > 0).astype("i8"))
    return path


def options(case: str, engine: str, rows: Path) -> tuple[str, dict[str, Any]]:
    """Return the job of a case and its options on an engine."""
    job, own = CASES[case]
    values = {"recipe": "classic", **SHARED, **own, "engine": engine}
    return job, values if job == "regress" else {**values, "data": str(rows)}


class StopAfter(Callback):
    """Requests a stop once `step` updates are made."""

    def __init__(self, step: int) -> None:
        self.step, self.reached = step, False

    def on_chunk(self, trainer: Trainer, chunk: Any) -> None:
        self.reached = trainer.step >= self.step

    def __call__(self) -> bool:
        return self.reached


def run_in_parts(
    job: str, values: Mapping[str, Any], folder: Path, stops: Iterable[int] = ()
) -> tuple[Path, int]:
    """Train a run, stopped after each of `stops` updates; return its path and number of updates."""
    config, dataset = plan(job, values)
    session = start(config, folder, dataset=dataset)
    path = session.writer.path
    for step in stops:
        _train(session, StopAfter(step))
        session = resume_run(Run(path), {})
    return path, _train(session, StopAfter(10**9))


def _train(session: Session, stop: StopAfter) -> int:
    with session:
        session.train([stop], stop)
    return int(Run(session.writer.path).checkpoint_paths()[0].stem)


def every_batch(
    folder: Path,
    seed: int,
    per_case: int = 10**9,
    chains: int = 5,
    engines: Sequence[str] = ENGINES,
    cases: Sequence[str] = tuple(CASES),
    say: Callable[[str], None] = lambda line: None,
) -> Outcome:
    """Stop each case once at every batch, or at `per_case` of them, and then five times in a row.

    Each case has `chains` runs that are stopped five times, at random batches.
    """
    drawn, outcome = random.Random(seed), Outcome()
    folder.mkdir(parents=True)
    rows = write_rows(folder, 40)
    for engine in engines:
        for case in cases:
            job, values = options(case, engine, rows)
            whole, total = run_in_parts(job, values, folder / "whole")
            batches = sorted(drawn.sample(range(1, total), min(total - 1, per_case)))
            plans = [[step] for step in batches]
            plans += [sorted(drawn.sample(range(1, total), 5)) for _ in range(chains)]
            for stops in plans:
                path, _ = run_in_parts(job, values, folder / "parts", stops)
                differing = differences(path, whole)
                outcome.expect(
                    not differing, f"{case}, {engine}, stopped at {stops}: {differing[:4]}"
                )
                outcome.done += 1
                outcome.counts["not identical"] += bool(differing)
                outcome.counts["chains of five"] += len(stops) == 5
                shutil.rmtree(path)
            shutil.rmtree(whole)
            say(f"{case}, {engine}: {total} batches")
    return outcome
