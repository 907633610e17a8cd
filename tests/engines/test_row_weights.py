"""Readouts, lengths and weights of rows: a batch equals its rows one by one."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hiddenstate.config import AutoencoderConfig
from hiddenstate.engines import TrainingState, make_engine
from hiddenstate.models.net import Net
from tests import classic
from tests.conftest import ENGINES
from tests.engines.tasks import (
    KINDS,
    NETS,
    any_net,
    assert_same_state,
    assert_update,
    net_of,
    never,
    small_task,
    with_engine,
)


def rows_alone(task, params, n_steps):
    """Run `task` from `params` in a loop over single rows."""
    net, dtype = task.net, task.training.dtype
    module: classic.Coder | classic.Recurrent
    if net.job == "autoencode":
        module = classic.Coder(net.widths())
    else:
        c = net.config
        sizes = (net.n_features, c.hidden_size, net.n_outputs, c.layers, c.bidirectional)
        module = classic.Recurrent(c.cell, *sizes)
    module.to(getattr(torch, dtype))
    module.load_state_dict({n: torch.from_numpy(a.copy()) for n, a in params.items()})
    facts = task.batches, task.X, task.y, task.lengths, task.weights
    return classic.row_loop(net, module, task.training.lr, *facts, n_steps)


def assert_every_step(task, n_steps, n_running=0):
    """Each step, from the reference's own state, has its loss, gradients and update.

    An engine that runs for `n_running` steps has the reference's losses.
    """
    single = task.training.dtype == "float32"
    rtol, atol = (1e-3, 1e-6) if single else (1e-8, 1e-12)
    start = task.net.initial(0, task.training.dtype)
    tasks = [with_engine(task, name) for name in ENGINES]
    steps = list(rows_alone(task, start, max(n_steps, n_running)))
    for number, step in enumerate(steps[:n_steps]):
        for each in tasks:
            engine = make_engine(each, TrainingState(step.params, number, step.moments))
            loss = engine.run(number, number + 1, never).losses[0]
            assert loss == pytest.approx(step.loss, rel=1e-5 if single else 1e-11)
            assert_update(step, engine.export(), number + 1, task.training.lr, rtol, atol)
    for each in tasks if n_running else ():
        losses = make_engine(each, TrainingState(start)).run(0, n_running, never).losses
        expected = [step.loss for step in steps[:n_running]]
        np.testing.assert_allclose(losses, expected, rtol=1e-9)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("kind", NETS)
def test_readouts_of_every_cell_equal_those_of_single_rows(kind, cell):
    net = net_of(kind, cell, 2, True)
    assert_every_step(small_task(net, "float32", lengths=True, weights=True), 2)
    assert_every_step(small_task(net, "float64", lengths=True, weights=True), 2, 4)


# What has lengths or weights is the readout and the loss, whatever the cell.
@pytest.mark.parametrize(("lengths", "weights"), [(False, True), (True, False), (True, True)])
@pytest.mark.parametrize("kind", NETS)
def test_lengths_and_weights_equal_those_of_single_rows(kind, lengths, weights):
    for dtype in ("float32", "float64"):
        assert_every_step(small_task(net_of(kind), dtype, lengths=lengths, weights=weights), 2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_autoencoders_rows_are_weighted(dtype):
    net = Net("autoencode", AutoencoderConfig((9, 6), 3, "tanh", "sigmoid"), 11, 11)
    assert_every_step(small_task(net, dtype, weights=True), 8)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_row_of_weight_0_may_contain_anything(kind, name):
    task = with_engine(small_task(any_net(kind, layers=2), lengths=True, weights=True), name)
    out = task.weights == 0
    assert out.any()
    X, y = task.X.copy(), None if task.y is None else task.y.copy()
    X[out] = np.nan
    if y is not None:
        y[out] = 0 if task.net.job == "classify" else np.nan
    start = TrainingState(task.net.initial(0, "float64"))
    plain, changed = make_engine(task, start), make_engine(replace(task, X=X, y=y), start)
    losses = plain.run(0, 10, never).losses
    assert np.isfinite(losses).all()
    np.testing.assert_array_equal(changed.run(0, 10, never).losses, losses)
    assert_same_state(changed.export(), plain.export())


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
def test_weights_of_1_change_nothing(kind, name):
    task = with_engine(small_task(any_net(kind)), name)
    start = TrainingState(task.net.initial(0, "float64"))
    plain = make_engine(task, start).run(0, 10, never).losses
    weighted = make_engine(replace(task, weights=np.ones(13)), start).run(0, 10, never).losses
    np.testing.assert_allclose(weighted, plain, rtol=1e-12 if name == "torch" else 0)


@pytest.mark.parametrize("name", ENGINES)
def test_a_mean_readout_is_the_mean_of_the_outputs_at_every_step(name):
    """The head is linear, so the order of the two does not matter."""
    task = with_engine(small_task(net_of("regress mean", "lstm", 2, True), lengths=True), name)
    every = replace(task, net=replace(task.net, output="steps"), y=np.zeros((13, 4, 4)))
    start = TrainingState(task.net.initial(0, "float64"))
    once = make_engine(task, start).predict(task.X, task.lengths)
    steps = make_engine(every, start).predict(task.X, task.lengths)
    np.testing.assert_allclose(once, steps.sum(1) / task.lengths[:, None], atol=1e-12)
