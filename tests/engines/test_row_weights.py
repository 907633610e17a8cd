"""Weights of rows in training: 0, 1, and any values in rows that do not count."""

from dataclasses import replace

import numpy as np
import pytest

from hiddenstate.engines import TrainingState, make_engine
from tests.conftest import ENGINES
from tests.engines.tasks import (
    KINDS,
    any_net,
    assert_same_state,
    net_of,
    never,
    small_task,
    with_engine,
)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_row_of_weight_0_may_contain_anything_and_weights_of_1_change_nothing(kind, name):
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
    without = make_engine(replace(task, weights=None), start).run(0, 10, never).losses
    weighted = make_engine(replace(task, weights=np.ones(13)), start).run(0, 10, never).losses
    np.testing.assert_allclose(weighted, without, rtol=1e-12 if name == "torch" else 0)


@pytest.mark.parametrize("name", ENGINES)
def test_a_mean_readout_is_the_mean_of_the_outputs_at_every_step(name):
    """The head is linear, so the order of the two does not matter."""
    task = with_engine(small_task(net_of("regress mean", "lstm", 2, True), lengths=True), name)
    every = replace(task, net=replace(task.net, output="steps"), y=np.zeros((13, 4, 4)))
    start = TrainingState(task.net.initial(0, "float64"))
    once = make_engine(task, start).predict(task.X, task.lengths)
    steps = make_engine(every, start).predict(task.X, task.lengths)
    np.testing.assert_allclose(once, steps.sum(1) / task.lengths[:, None], atol=1e-12)
