"""Trains with the engines of hiddenstate, many steps per call or one step at a time."""

import importlib
import time
from typing import Any

from contenders import data
from contenders.base import Contender
from hiddenstate.config import make_config
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.datasets import load_mnist, load_waves
from hiddenstate.engines import Engine, make_engine
from hiddenstate.jobs import Job, make_job
from hiddenstate.metrics.headline import headline
from hiddenstate.training.initial_state import starting_state

CLASSIC = {"lr_schedule": "constant", "eps": 1e-8, "clip": None}
"""Options of regress that give the same arithmetic as the other contenders."""


def _make_job(job: str, engine: str, threads: int) -> Job:
    """Return a job with enough epochs for any measurement."""
    options = {"engine": engine, "threads": threads, "device": "cpu", "epochs": 10**6}
    if job == "regress":
        config = make_config(job, {**options, **CLASSIC, "windows": data.WINDOWS})
        return make_job(config, prepare(load_waves(data.WINDOWS), config))
    config = make_config(job, options)
    return make_job(config, prepare(load_mnist(flat=job == "autoencode"), config))


def _never() -> bool:
    """Return False after reading a clock, which the trainer also does after each step."""
    return time.monotonic() < 0


class Library(Contender):
    """Runs many steps per call of `Engine.run`, with the evaluation of the job between calls."""

    def __init__(self, job: str, engine: str, threads: int) -> None:
        self.job = _make_job(job, engine, threads)
        state = starting_state(self.job)
        self.engine: Engine = make_engine(self.job.task(), state)

    @classmethod
    def imports(cls, options: dict[str, Any]) -> None:
        """Import the module of the engine, which `make_engine` would import late."""
        importlib.import_module(f"hiddenstate.engines.{options['engine']}")

    def train(self, first: int, last: int) -> float:
        """See `Contender.train`."""
        return float(self.engine.run(first, last, _never).losses[-1])

    def evaluate(self) -> None:
        """Evaluate as the job does; for autoencode, reconstruct five digits."""
        if self.job.config.job == "autoencode":
            self.engine.predict(self.job.dataset.X_test[: data.N_EVALUATED["autoencode"]])
        else:
            self.job.evaluate(self.engine)

    def score(self) -> float:
        """Return the headline figure of the job."""
        figures = self.job.finish(self.engine, [0.0]).figures
        return float(figures[headline(self.job.config.job, figures)])


class Stepper(Library):
    """Calls `step(x, y)` of the engine of regress with a new window each time, like the script."""

    def __init__(self, engine: str, threads: int) -> None:
        super().__init__("regress", engine, threads)

    def train(self, first: int, last: int) -> float:
        """See `Contender.train`."""
        step = self.engine.step  # type: ignore[attr-defined]  # only the native engine has it
        for k in range(first, last):
            loss = step(*data.fresh_window(k))
        return float(loss)
