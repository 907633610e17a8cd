"""Training that has diverged is detected before anything is saved, and its place is named."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.datasets import load_waves
from hiddenstate.engines import Chunk, Engine, TrainingState, make_engine
from hiddenstate.errors import DataError, DivergedError
from hiddenstate.jobs import Job, make_job
from hiddenstate.jobs.base import Evaluation
from hiddenstate.training.divergence import check_weights
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.trainer import Callback, Trainer
from tests.conftest import needs_kernels

CONFIG = make_config("regress", {"windows": 6, "epochs": 2, "threads": 1})


@pytest.fixture
def job() -> Job:
    return make_job(CONFIG, prepare(load_waves(6), CONFIG))


@pytest.fixture
def state(job: Job) -> TrainingState:
    """The state after three steps, with moments."""
    engine = make_engine(job.task(), starting_state(job))
    engine.run(0, 3, lambda: False)
    return engine.export()


def test_a_weight_between_hidden_units_may_reach_10000_and_no_more(job, state):
    weights = state.params["rnn.weight_hh_l0"]
    for sign in (1, -1):
        weights[0, 0] = sign * 10_000
        check_weights(job, CONFIG.training, state)
        weights[0, 0] = sign * 10_001
        with pytest.raises(DivergedError, match=r"rnn\.weight_hh_l0 reached 1e\+04: its units"):
            check_weights(job, CONFIG.training, state)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("group", ["params", "moments"])
def test_each_number_that_is_not_finite_is_named(group, number, job, state):
    for name, array in getattr(state, group).items():
        before = array.flat[-1]
        array.flat[-1] = number
        with pytest.raises(DivergedError, match=f": {name} is no longer finite; use a smaller"):
            check_weights(job, CONFIG.training, state)
        array.flat[-1] = before


@pytest.mark.parametrize(("step", "place"), [(1, "epoch 0, batch 0"), (9, "epoch 1, batch 2")])
def test_the_epoch_and_the_batch_are_those_of_the_last_step(step, place, job, state):
    state.step = step
    state.params["out.bias"][:] = np.nan
    with pytest.raises(DivergedError, match=rf"in {place} \(step {step - 1}\): out\.bias"):
        check_weights(job, CONFIG.training, state)


class Recorded(Callback):
    """Keeps every event, as a history does."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def on_log(self, trainer: Trainer, event: Any) -> None:
        self.events.append(event)

    def on_valid(self, trainer: Trainer, event: Any) -> None:
        self.events.append(event)

    def on_end(self, trainer: Trainer, results: Any) -> None:
        self.events.append(results)


def nan_evaluation(*arguments: object) -> Evaluation:
    return Evaluation({"test_mse": math.nan})


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("evaluate", nan_evaluation),
        ("validation_loss", lambda *arguments: math.inf),
        ("finish", nan_evaluation),
    ],
)
def test_a_score_that_is_not_finite_is_not_recorded(method, answer, monkeypatch):
    config = make_config("autoencode", {"valid_fraction": 0.25, "epochs": 1, "threads": 1})
    rows = Rows(np.random.default_rng(0).random((40, 6)))
    job = make_job(config, prepare(SequenceDataset("own", rows), config))
    monkeypatch.setattr(job, method, answer)
    engine = make_engine(job.task(), starting_state(job))
    recorded = Recorded()
    with pytest.raises(DivergedError, match=r"diverged in epoch \d+, batch \d+"):
        Trainer(job, engine, [recorded]).train()
    for event in recorded.events:
        assert all(math.isfinite(v) for v in event.values() if isinstance(v, float))


RARELY = make_config(
    "regress", {"windows": 8, "threads": 1, "log_every": 1000, "checkpoint_every": 2}
)
"""Settings with which only a checkpoint checks the weights after the first step."""


class Saved(Callback):
    """Keeps the steps that were saved; after step 4, makes a weight too large."""

    def __init__(self, largest: float | None = None) -> None:
        self.steps: list[int] = []
        self.largest = largest

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        if trainer.step == 4 and self.largest is not None:
            params = trainer.engine.export().params
            params["rnn.weight_hh_l0"][0, 0] = self.largest
            trainer.engine.restore(params)

    def on_checkpoint(self, trainer: Trainer) -> None:
        self.steps.append(trainer.step)


@pytest.mark.parametrize("largest", [10_001, math.nan])
def test_weights_are_checked_before_each_checkpoint(largest: float) -> None:
    job = make_job(RARELY, prepare(load_waves(8), RARELY))
    engine = make_engine(job.task(), starting_state(job))
    saved = Saved(largest)
    with pytest.raises(DivergedError, match=r"batch 3 \(step 3\): rnn\.weight_hh_l0"):
        Trainer(job, engine, [saved]).train()
    assert saved.steps == [2]


class Breaks:
    """An engine whose fifth loss, of finite weights, is not a number."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def run(self, first: int, last: int, stop: Callable[[], bool]) -> Chunk:
        chunk = self.engine.run(first, last, stop)
        chunk.losses[np.arange(first, first + len(chunk.losses)) >= 4] = math.nan
        return chunk

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)


def test_the_batch_whose_loss_is_not_finite_is_named_and_nothing_after_it_is_saved() -> None:
    job = make_job(RARELY, prepare(load_waves(8), RARELY))
    engine = make_engine(job.task(), starting_state(job))
    saved = Saved()
    with pytest.raises(DivergedError, match=r"batch 4 \(step 4\)"):
        Trainer(job, cast(Engine, Breaks(engine)), [saved]).train()
    assert saved.steps == [2, 4]


@needs_kernels
def test_numbers_that_do_not_fit_into_integers_have_diverged_unless_the_data_has_them() -> None:
    """Weights that read the inputs are no units that saturate."""
    options = {"windows": 6, "threads": 1, "quantize": "int8", "nonlinearity": "relu"}
    config = make_config("regress", {**options, "cell": "rnn"})
    for array, error in ("rnn.weight_ih_l0", DivergedError), ("", DataError):
        job = make_job(config, prepare(load_waves(6), config))
        state = starting_state(job)
        if array:
            state.params[array][:] = 1e12
        else:
            job.dataset.train.X[:] *= 1e12
        begin = replace(state, step=job.grid_from)
        trainer = Trainer(job, make_engine(job.task(), begin), step=begin.step)
        with pytest.raises(error, match=r"--quantize: its (numbers between layers|inputs) are too"):
            trainer.train()
