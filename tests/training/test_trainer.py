"""The loop: what is logged when, when it stops, when training counts as diverged."""

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.datasets import load_waves
from hiddenstate.engines import Chunk, make_engine
from hiddenstate.errors import DivergedError
from hiddenstate.jobs import make_job
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.trainer import Callback, Trainer


class Spy(Callback):
    """Writes down every hook call."""

    def __init__(self):
        self.logs, self.checkpoints, self.hooks, self.losses = [], [], [], []

    def on_start(self, trainer):
        self.hooks.append("start")

    def on_chunk(self, trainer, chunk):
        self.losses += chunk.losses.tolist()

    def on_log(self, trainer, event):
        self.logs.append(event)

    def on_checkpoint(self, trainer):
        self.checkpoints.append(trainer.step)

    def on_end(self, trainer, results):
        self.hooks.append(results)


def train(stop_at=10**9, **options):
    config = make_config("regress", {"windows": 30, "threads": 1, **options})
    waves = load_waves(config.data.windows, 10, config.training.dtype)
    job = make_job(config, prepare(waves, config))
    engine = make_engine(job.task(), starting_state(job))
    spy = Spy()
    trainer = Trainer(job, engine, [spy], should_stop=lambda: len(spy.losses) >= stop_at)
    return trainer, spy, trainer.train()


def test_steps_zero_and_each_multiple_are_logged_with_their_loss_and_the_mean_since_the_last():
    _, spy, results = train(log_every=10, checkpoint_every=8)
    assert [event["step"] for event in spy.logs] == [0, 10, 20]
    assert spy.logs[1]["loss"] == spy.losses[10]
    assert spy.logs[1]["mean_loss"] == pytest.approx(np.mean(spy.losses[1:11]), rel=1e-12)
    assert spy.checkpoints == [8, 16, 24, 30]
    assert results["last10_mse"] == pytest.approx(np.mean(spy.losses[-10:]), rel=1e-12)


def test_the_log_interval_does_not_change_training():
    one, _, _ = train(log_every=1)
    two, _, _ = train(log_every=13)
    for name, array in one.engine.export().params.items():
        np.testing.assert_array_equal(array, two.engine.export().params[name])


def test_max_steps_ends_training_early():
    trainer, _, _ = train(max_steps=12)
    assert trainer.step == 12


class Slow:
    """An engine whose steps are so long that it checks in the middle whether to return."""

    def __init__(self, engine):
        self.engine, self.begun = engine, 0

    def run(self, first, last, stop):
        self.begun += 1
        HalfARequest.waiting = True
        stopped = stop()
        HalfARequest.waiting = False
        if stopped:
            return Chunk(np.empty(0), None)
        return self.engine.run(first, first + 1, lambda: False)

    def __getattr__(self, name):
        return getattr(self.engine, name)


class HalfARequest:
    """Said to be waiting whenever a step is under way, and never one."""

    waiting = False

    def take(self):
        return []

    def __bool__(self):
        return self.waiting


@pytest.mark.parametrize("why", ["a checkpoint", "a request"])
def test_a_step_longer_than_what_interrupts_it_is_finished(why):
    config = make_config("regress", {"windows": 6, "threads": 1, "log_every": 1000})
    job = make_job(config, prepare(load_waves(6), config))
    engine = Slow(make_engine(job.task(), starting_state(job)))
    seconds, requests = (0, None) if why == "a checkpoint" else (1e9, HalfARequest())
    trainer = Trainer(job, engine, checkpoint_seconds=seconds, requests=requests)
    assert trainer.train() is not None
    assert trainer.step == 6
    assert 6 < engine.begun <= 12, "each step broken off once at the most"


def test_callbacks_learn_how_training_ended():
    told = []

    class Told(Callback):
        def on_log(self, trainer, event):
            raise RuntimeError("no more")

        def on_stop(self, trainer, error):
            told.append(error)

    trainer, _, _ = train()
    trainer.callbacks, trainer.step = [Told()], 0
    with pytest.raises(RuntimeError, match="no more"):
        trainer.train()
    assert str(told[0]) == "no more"


def test_when_interrupted_it_saves_and_returns_none():
    trainer, spy, results = train(stop_at=11, log_every=5)
    assert results is None
    assert spy.checkpoints == [trainer.step]
    assert spy.hooks == ["start"]


@pytest.mark.parametrize(
    ("lr", "place"),
    [(1e38, r"batch \d+ .*(weight|bias|rnn)"), (1e6, "batch 0 .*rnn.weight_hh_l0 re")],
)
def test_divergence_names_epoch_batch_and_parameter(lr, place):
    with pytest.raises(DivergedError, match=f"epoch 0, {place}"):
        train(lr=lr, hold=0, lr_schedule="constant", clip=None)


def test_the_rate_of_a_logged_step_is_the_schedules():
    _, spy, _ = train(hold=10, lr=0.02, lr_schedule="inverse")
    assert [event["lr"] for event in spy.logs] == pytest.approx([0.02, 0.02, 0.01])
