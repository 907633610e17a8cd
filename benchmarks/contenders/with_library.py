"""The library itself: a job's engine, run as the trainer runs it, or stepped."""

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
"""Regress as the classic script has it throughout: the same arithmetic as the others."""


def _make_job(job: str, engine: str, threads: int) -> Job:
    """A job with epochs enough for any measurement."""
    options = {"engine": engine, "threads": threads, "device": "cpu", "epochs": 10**6}
    if job == "regress":
        config = make_config(job, {**options, **CLASSIC, "windows": data.WINDOWS})
        return make_job(config, prepare(load_waves(data.WINDOWS), config))
    config = make_config(job, options)
    return make_job(config, prepare(load_mnist(flat=job == "autoencode"), config))


def _never() -> bool:
    """What the trainer asks after each step, with a clock looked at as it does."""
    return time.monotonic() < 0


class Library(Contender):
    """`Engine.run` over many steps, with the job's own evaluation between."""

    def __init__(self, job: str, engine: str, threads: int) -> None:
        self.job = _make_job(job, engine, threads)
        state = starting_state(self.job.net, self.job.config.training)
        self.engine: Engine = make_engine(self.job.task(), state)

    @classmethod
    def imports(cls, options: dict[str, Any]) -> None:
        """The engine's module, which `make_engine` imports when it is asked for."""
        importlib.import_module(f"hiddenstate.engines.{options['engine']}")

    def train(self, first: int, last: int) -> float:
        """See `Contender.train`."""
        return float(self.engine.run(first, last, _never).losses[-1])

    def look(self) -> None:
        """What the job evaluates, or for autoencode the five digits it reconstructs."""
        if self.job.config.job == "autoencode":
            self.engine.predict(self.job.dataset.X_test[: data.LOOKED_AT["autoencode"]])
        else:
            self.job.evaluate(self.engine)

    def score(self) -> float:
        """The job's headline figure."""
        figures = self.job.finish(self.engine, [0.0]).figures
        return float(figures[headline(self.job.config.job, figures)])


class Stepper(Library):
    """`step(x, y)` of regress's engine with a fresh window each time, as the script takes them."""

    def __init__(self, engine: str, threads: int) -> None:
        super().__init__("regress", engine, threads)

    def train(self, first: int, last: int) -> float:
        """See `Contender.train`."""
        step = self.engine.step  # type: ignore[attr-defined]  # the native engine's alone
        for k in range(first, last):
            loss = step(*data.fresh_window(k))
        return float(loss)
