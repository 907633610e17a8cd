"""Small tasks and checks that the tests of the engines share."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from hiddenstate.config import AutoencoderConfig, RecurrentConfig, TrainingConfig, make_config
from hiddenstate.data import PreparedDataset, Rows
from hiddenstate.data.prepare.batches import Batches, generator
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.datasets import load_mnist, load_waves
from hiddenstate.engines import Task
from hiddenstate.jobs import make_job
from hiddenstate.models.net import Net

WINDOWS = 100


# float32: a gradient sums up to 1,792 products (64 rows of 28 steps).
GRADIENT_RTOL, GRADIENT_ATOL = 1e-3, 1e-6

NETS = {
    "classify last": ("classify", "last", "last"),
    "classify mean": ("classify", "last", "mean"),
    "regress last": ("regress", "last", "last"),
    "regress mean": ("regress", "last", "mean"),
    "regress steps": ("regress", "steps", "last"),
}
TRAINING: Any = {"lr": 0.01, "threads": 1}


digits = cache(load_mnist)


def job_of(kind, cell, seed, dtype, **options):
    """A job with the classic sizes, on 6,400 digits or on the waves."""
    if cell:
        options["cell"] = cell
    config = make_config(kind, {"seed": seed, "dtype": dtype, "threads": 1, **options})
    if kind == "regress":
        return make_job(config, prepare(load_waves(WINDOWS, 10, dtype), config))
    X, y = digits().X[:6400], digits().y[:6400]
    if kind == "autoencode":
        X = X.reshape(len(X), -1)
    return make_job(config, PreparedDataset("digits", Rows(X, y), classes=list(range(10))))


def never():
    return False


def net_of(name, cell="gru", layers=1, bidirectional=False):
    job, output, readout = NETS[name]
    config = RecurrentConfig(cell, "tanh", 5, layers, bidirectional, readout=readout)
    return Net(job, config, 3, 4, output)


def any_net(kind, **sizes):
    if kind == "autoencode":
        return Net("autoencode", AutoencoderConfig((9, 6), 3, "tanh", "sigmoid"), 11, 11)
    return net_of(kind, **sizes)


def small_task(net, dtype="float64", n=13, lengths=False, weights=False, T=4, **facts):
    """Thirteen rows of four steps: a batch of eight, then one of five."""
    random = generator(0, "rows")
    if net.job == "autoencode":
        X, y = random.uniform(0, 1, (n, net.n_features)).astype(dtype), None
    else:
        X = random.normal(0, 1, (n, T, net.n_features)).astype(dtype)
        steps = (T,) if net.output == "steps" else ()
        y = random.normal(0, 1, (n, *steps, net.n_outputs)).astype(dtype)
        if net.job == "classify":
            y = random.integers(0, net.n_outputs, n)
    arrays = {
        "batches": Batches(n, 8),
        "lengths": random.integers(1, T + 1, n) if lengths else None,
        "weights": random.uniform(0, 2.4, n) * (np.arange(n) % 6 != 1) if weights else None,
    }
    training = TrainingConfig(dtype=dtype, batch_size=8, **TRAINING)
    return Task(net, training, X, y, total_steps=100, **arrays | facts)


def with_engine(task, name):
    return replace(task, training=replace(task.training, engine=name))


def assert_same_state(one, two):
    """Both are at the same step with the same numbers, to the last bit."""
    assert one.step == two.step
    for a, b in ((one.params, two.params), (one.moments, two.moments), (one.carried, two.carried)):
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])


def assert_update(step, after, updates, lr, gradient_rtol=GRADIENT_RTOL, atol=GRADIENT_ATOL):
    """The gradient is the reference's, and the update follows Adam's rule to the last digits.

    The rule is checked on the engine's own moments: where a gradient is mostly rounding, its
    sign, and so the update, may differ from the reference's by the whole rate.
    """
    for name, gradient in step.gradients.items():
        old = step.moments.get(f"exp_avg/{name}", 0.0)
        m, v = (after.moments[f"{kind}/{name}"].astype(float) for kind in ("exp_avg", "exp_avg_sq"))
        observed = (m - 0.9 * old) / 0.1
        scale = max(np.abs(gradient).max(), np.abs(old).max())
        off = atol + 0.01 * gradient_rtol * scale
        np.testing.assert_allclose(observed, gradient, rtol=gradient_rtol, atol=off)
        old = step.moments.get(f"exp_avg_sq/{name}", 0.0)
        np.testing.assert_allclose(v, 0.999 * old + 0.001 * observed**2, rtol=1e-4, atol=1e-12)
        size = np.sqrt(v / (1 - 0.999**updates)) + 1e-8
        update = lr * m / (1 - 0.9**updates) / size
        np.testing.assert_allclose(
            after.params[name], step.params[name] - update, rtol=2e-7, atol=1e-5 * lr
        )
