"""Training to which requests come at chosen steps."""

import pytest

from hiddenstate.engines import make_engine
from hiddenstate.jobs import make_snapshots
from hiddenstate.runs import Run
from hiddenstate.runs.record import make_record
from hiddenstate.runs.requests import Request
from hiddenstate.runs.writer import create_run
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.recorder import Recorder
from hiddenstate.training.resume import resume_run
from hiddenstate.training.trainer import Callback, Trainer
from tests.training.test_resume import StopAt


class Asked(Callback):
    """Requests that come once so many steps are made: {step: what}."""

    def __init__(self, *requests):
        self.requests, self.made = list(requests), 0

    def on_start(self, trainer):
        self.made = trainer.step

    def on_chunk(self, trainer, chunk):
        self.made = trainer.step

    def __bool__(self):
        return bool(self.requests) and self.made >= self.requests[0][0]

    def take(self):
        step = self.requests[0][0]
        now = [
            Request(do, value[0] if value else None, "n")
            for at, do, *value in self.requests
            if at == step
        ]
        self.requests = self.requests[len(now) :]
        return now


def train(job, path, *requests, stop_at=None, should_stop=None, kind=Recorder):
    """Train in the folder `path` with requests; return the trainer and its results.

    It stops after `stop_at` updates or once `should_stop` says so; `kind` is what writes the run.
    """
    engine = make_engine(job.task(), starting_state(job))
    stop, asked = StopAt(10**9 if stop_at is None else stop_at), Asked(*requests)
    record = make_record(job.config, job.dataset.facts(), engine.about())
    with create_run(path, record) as writer:
        hooks = [kind(writer, make_snapshots(job)), stop, asked]
        trainer = Trainer(job, engine, hooks, should_stop=should_stop or stop, requests=asked)
        return trainer, trainer.train()


def killed_after_request(job, path, *requests):
    """Train in the folder `path` until the first request is recorded; nothing more is written."""

    class Killed(Recorder):
        def on_control(self, trainer, event, name):
            super().on_control(trainer, event, name)
            raise SystemExit  # as kill -9 would

    with pytest.raises(SystemExit):
        train(job, path, *requests, kind=Killed)


def finish(path, **changes):
    with resume_run(Run(path), changes) as session:
        return session.train()


def controls(path):
    return [event for event in Run(path).history() if event["event"] == "control"]
