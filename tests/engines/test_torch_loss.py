"""The losses of a regressor, beside their formulas written out for autograd in float64."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from hiddenstate.engines import TrainingState, make_engine
from hiddenstate.kernels import VARIABLE, levels
from hiddenstate.metrics.losses import regression_loss
from hiddenstate.models.torch_modules import make_module
from tests.conftest import ENGINES, needs_kernels
from tests.engines.tasks import net_of, never, small_task, with_engine

QUANTILES = (0.1, 0.9)
POWER = np.array([0.5, 2.0, 1.0, 0.1])


def task_of(kind, loss, **facts):
    """Rows of unequal weights, some 0, and lengths, whose first steps may not count."""
    task = small_task(net_of(kind, "gru", 2), lengths=True, weights=True, **facts)
    if kind == "regress steps":
        task = replace(task, counts_from=(np.arange(len(task.X)) % 3).astype(np.int32))
    options = {"loss": loss, "quantile": QUANTILES if loss == "quantile" else ()}
    training = replace(task.training, optimizer="sgd", lr=1.0, **options)
    return replace(task, training=training, power=POWER if loss == "esr" else None)


def step_of(task, name):
    """The loss and the gradient of the first step: with rate 1, what sgd takes off the weights."""
    start = TrainingState(task.net.initial(0, task.training.dtype))
    engine = make_engine(with_engine(task, name), start)
    loss = engine.run(0, 1, never).losses[0]
    after = engine.export().params
    return loss, {n: start.params[n] - after[n] for n in after}


def errors(loss, y, target):
    if loss == "mae":
        return (y - target).abs()
    if loss == "huber":
        return torch.nn.functional.huber_loss(y, target, reduction="none")
    if loss == "quantile":
        q = torch.tensor(QUANTILES * 2, dtype=torch.float64)
        return torch.maximum(q * (target - y), (q - 1) * (target - y))
    return (y - target) ** 2


def expected(task):
    """Return the loss and its gradient, a row at a time, cut to the steps that count."""
    module = make_module(task.net, task.net.initial(0, "float64"))
    total, n = torch.zeros(()), 0
    for row in task.batches.rows(0):
        length = int(task.lengths[row])
        x = torch.from_numpy(task.X[row : row + 1, :length].astype(float))
        y, target = module(x)[0][0], torch.from_numpy(task.y[row].astype(float))
        target = target[: len(y)] if task.net.output == "steps" else target
        if task.counts_from is not None:
            y, target = (z[task.counts_from[row] :] for z in (y, target))
        n += target.numel()
        if task.training.loss == "esr":
            y, target = (z[1:] - 0.85 * z[:-1] for z in (y, target))
            each = (y - target) ** 2 / torch.from_numpy(POWER)
        else:
            each = errors(task.training.loss, y, target)
        total = total + task.weights[row] * each.sum()
    (total / n).backward()
    return (total / n).item(), {n: p.grad.numpy() for n, p in module.named_parameters()}


CASES = [
    *[(kind, loss) for kind in ("regress last", "regress steps") for loss in ("mae", "huber")],
    *[("regress last", "quantile"), ("regress steps", "quantile"), ("regress steps", "esr")],
]


@pytest.mark.parametrize(("kind", "loss"), CASES)
@pytest.mark.parametrize("name", ENGINES)
def test_loss_and_gradient_are_those_of_the_formula(name, kind, loss):
    task = task_of(kind, loss)
    found, gradient = step_of(task, name)
    wanted, gradients = expected(task)
    assert found == pytest.approx(wanted, rel=1e-12)
    for parameter, values in gradients.items():
        np.testing.assert_allclose(gradient[parameter], values, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("kind", "loss"), [*CASES, ("regress steps", "mse")])
def test_the_loss_of_other_rows_is_that_of_training(kind, loss):
    task = replace(task_of(kind, loss), weights=None, counts_from=None)
    rows = task.batches.rows(0)
    lengths = task.lengths[rows] if kind == "regress steps" else None
    engine = make_engine(task, TrainingState(task.net.initial(0, "float64")))
    outputs = engine.predict(task.X[rows], task.lengths[rows])
    found = regression_loss(task.training, outputs, task.y[rows], lengths, task.power)
    assert found == pytest.approx(engine.run(0, 1, never).losses[0], rel=1e-12)


@needs_kernels
@pytest.mark.parametrize("level", [each for each in ("baseline", "avx2") if each in levels()])
@pytest.mark.parametrize(("kind", "loss"), CASES)
def test_every_level_has_the_gradient_in_float32(kind, loss, level, monkeypatch):
    monkeypatch.setenv(VARIABLE, level)
    task = task_of(kind, loss, dtype="float32")
    found, gradient = step_of(task, "native")
    wanted, gradients = expected(task)
    assert found == pytest.approx(wanted, rel=1e-5)
    for parameter, values in gradients.items():
        atol = 1e-6 + 1e-5 * float(np.abs(values).max())
        np.testing.assert_allclose(gradient[parameter], values, rtol=0, atol=atol)


@needs_kernels
@pytest.mark.parametrize(("loss", "bidirectional"), [("mae", False), ("esr", False), ("esr", True)])
def test_long_series_have_the_loss_of_whole_ones_in_segments(loss, bidirectional):
    task = task_of("regress steps", loss, n=21, T=200)
    net = replace(task.net, config=replace(task.net.recurrent, bidirectional=bidirectional))
    task = with_engine(replace(task, net=net), "native")
    ends = []
    for most_bytes in (2**40, 0):
        engine: Any = make_engine(task, TrainingState(net.initial(0, "float64")))
        engine._learner.most_bytes = most_bytes
        ends.append((engine.run(0, 2, never).losses, engine.export().params))
    np.testing.assert_array_equal(ends[0][0], ends[1][0])
    for parameter, values in ends[0][1].items():
        np.testing.assert_array_equal(values, ends[1][1][parameter])


@pytest.mark.parametrize("name", ENGINES)
def test_a_target_that_is_not_a_number_ends_the_run(name):
    for loss in ("mae", "huber"):
        task = replace(task_of("regress last", loss), weights=None)
        y = task.y.copy()
        y[task.batches.rows(0)[0]] = np.nan
        chunk = make_engine(
            with_engine(replace(task, y=y), name), TrainingState(task.net.initial(0, "float64"))
        ).run(0, 3, never)
        assert len(chunk.losses) == 1
        assert np.isnan(chunk.losses[0])
