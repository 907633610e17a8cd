"""Behaviour of both engines: carried state, clipping, dropout, and exported states."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hiddenstate import kernels
from hiddenstate.config import RecurrentConfig, make_config
from hiddenstate.data.prepare.batches import Batches
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.datasets import load_waves
from hiddenstate.engines import TrainingState, make_engine, make_predictor
from hiddenstate.errors import DataError
from hiddenstate.jobs import make_job
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from hiddenstate.models.torch_modules import make_module
from hiddenstate.program.cells import CHOICES
from tests.conftest import ENGINES
from tests.engines.tasks import assert_same_state, job_of, net_of, never, small_task, with_engine


@pytest.mark.parametrize("name", ENGINES)
def test_the_carried_state_is_reset_at_the_start_of_an_epoch(name):
    options = {"epochs": 2, "lr": 1e-30, "dtype": "float64", "engine": name}
    config = make_config("regress", options)
    job = make_job(config, prepare(load_waves(5, 10, "float64"), config))
    engine = make_engine(job.task(), TrainingState(job.net.initial(0, "float64")))
    first, second = engine.run(0, 5, never).outputs, engine.run(5, 10, never).outputs
    np.testing.assert_allclose(first, second, atol=1e-12)


@pytest.mark.parametrize("name", ENGINES)
def test_clipping_bounds_the_norm_of_the_whole_gradient(name):
    clipped = job_of(
        "classify", "lstm", 0, "float64", clip=1e-3, optimizer="sgd", lr=1.0, engine=name
    )
    params = clipped.net.initial(0, "float64")
    engine = make_engine(clipped.task(), TrainingState(params))
    engine.run(0, 1, never)
    after = engine.export().params
    squares = sum(float(((after[n] - params[n]) ** 2).sum()) for n in params)
    assert np.sqrt(squares) == pytest.approx(1e-3, rel=1e-4)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_resuming_from_an_exported_state_changes_nothing(optimizer, engine):
    options = {"optimizer": optimizer, "weight_decay": 1e-3, "engine": engine}
    options |= {"momentum": 0.9} if optimizer == "sgd" else {}
    task = small_task(net_of("classify last", layers=2), "float32")
    task = replace(task, training=replace(task.training, **options))
    start = TrainingState(task.net.initial(0, "float32"))
    whole, half = make_engine(task, start), make_engine(task, start)
    whole.run(0, 12, never)
    half.run(0, 5, never)
    rest = make_engine(task, half.export())
    rest.run(5, 12, never)
    assert_same_state(whole.export(), rest.export())


@pytest.mark.parametrize("name", ENGINES)
def test_restoring_weights_changes_nothing_else(name):
    task = with_engine(
        small_task(net_of("regress steps"), n=12, stateful=True, batches=Batches(12, 4)), name
    )
    engine = make_engine(task, TrainingState(task.net.initial(0, "float64")))
    engine.run(0, 3, never)
    best = engine.export()
    kept = {n: array.copy() for n, array in best.params.items()}
    for array in best.params.values():
        array.flags.writeable = False
    answers = engine.predict(task.X)
    engine.run(3, 7, never)
    before = engine.export()
    assert not np.array_equal(engine.predict(task.X), answers)
    engine.restore(best.params)
    after = engine.export()
    assert_same_state(after, replace(before, params=kept))
    np.testing.assert_array_equal(engine.predict(task.X), answers)
    # Training from there equals training with a new engine.
    other = make_engine(task, replace(before, params=kept))
    np.testing.assert_array_equal(engine.run(7, 12, never).losses, other.run(7, 12, never).losses)
    assert_same_state(engine.export(), other.export())


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", CHOICES)
def test_the_layer_by_layer_stack_is_torchs_stack(cell, bidirectional):
    """With masks of ones it equals torch's single call."""

    config = RecurrentConfig(cell=cell, hidden_size=7, layers=3, bidirectional=bidirectional)
    net = Net("classify", config, 4, 5)
    module = make_module(net, net.initial(0, "float64"))
    x = torch.randn(6, 9, 4, dtype=torch.float64)
    width = 14 if bidirectional else 7
    ones = [torch.ones(6, 9, width, dtype=torch.float64)] * 2
    for lengths in (None, torch.tensor([2, 9, 1, 5, 9, 4])):
        plain, state = module(x, lengths=lengths)
        masked, state_masked = module(x, None, ones, lengths)
        torch.testing.assert_close(masked, plain, rtol=1e-12, atol=1e-12)
        for one, two in zip(state, state_masked, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-12)


def test_dropout_depends_on_seed_and_step_alone():
    job = job_of("classify", "rnn", 0, "float32", layers=2, dropout=0.5)
    start = TrainingState(job.net.initial(0, "float32"))
    torch.manual_seed(1)
    one = make_engine(job.task(), start).run(0, 3, never).losses
    torch.manual_seed(2)
    two = make_engine(job.task(), start).run(0, 3, never).losses
    np.testing.assert_array_equal(one, two)
    without = job_of("classify", "rnn", 0, "float32", layers=2)
    three = make_engine(without.task(), start).run(0, 3, never).losses
    assert not np.array_equal(one, three)


def test_state_of_another_batch_size_is_refused():
    from hiddenstate.models.torch_modules import make_module

    net = Net("regress", RecurrentConfig(cell="rnn", hidden_size=3), 1, 1, "steps")
    module = make_module(net, net.initial(0, "float32"))
    _, state = module(torch.zeros(1, 4, 1))
    with pytest.raises(DataError, match="carries 1 sequences, x has 2"):
        module(torch.zeros(2, 4, 1), state)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_predictor_averages_over_the_steps_of_a_call(engine, monkeypatch):
    if engine == "torch":
        monkeypatch.setenv(kernels.VARIABLE, "off")
    task = small_task(net_of("regress mean", "lstm", 2))
    params = task.net.initial(0, "float64")
    once = make_predictor(FittedModel(task.net, params, row_shape=(4, 3)))
    net = replace(task.net, output="steps")
    every = make_predictor(FittedModel(net, params, row_shape=(4, 3)))
    state, state_every = {}, {}
    for some in (slice(0, 1), slice(1, 4)):
        mean, state = once.forward(task.X[:, some], state)
        steps, state_every = every.forward(task.X[:, some], state_every)
        np.testing.assert_allclose(mean, steps.mean(1), atol=1e-12)
        for part in state:
            np.testing.assert_allclose(state[part], state_every[part], atol=1e-12)
