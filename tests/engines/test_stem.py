"""Convolutional layers before the recurrent ones: one result in every engine."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiddenstate import RecurrentClassifier
from hiddenstate.config import RecurrentConfig, TrainingConfig, make_config
from hiddenstate.data.prepare.batches import Batches, generator
from hiddenstate.engines import Task, TrainingState, make_engine
from hiddenstate.errors import OptionError
from hiddenstate.models.net import STEM_MOMENTS, Net
from tests.conftest import ENGINES, needs_kernels
from tests.engines.tasks import assert_same_state, never

N, T, FEATURES = 40, 19, 2


def net_with_stem(pool=1, causal=False, readout="mean", layers=3, job="classify", output="last"):
    stem: Any = {"stem": True, "stem_pool": pool, "stem_causal": causal}
    stem |= {"stem_channels": (8, 12, 5)[:layers], "stem_kernels": (5, 4, 3)[:layers]}
    config = RecurrentConfig("gru", "tanh", 7, 1, not causal, readout=readout, **stem)
    return Net(job, config, FEATURES, 3, output)


def task_of(net, *, lengths=False, weights=False, dtype="float64", **training):
    """Forty rows in batches of 37, of which three are in two shards, and then of three."""
    random = generator(1, "stem")
    settings: Any = {"batch_size": 37, "clip": 0.5, "lr": 0.05, "threads": 1} | training
    y = random.integers(0, 3, N)
    if net.job == "regress":
        y = random.normal(size=(N, T, 3) if net.output == "steps" else (N, 3)).astype(dtype)
    return Task(
        net,
        TrainingConfig(dtype=dtype, **settings),
        random.normal(size=(N, T, FEATURES)).astype(dtype),
        y,
        Batches(N, 37),
        total_steps=100,
        lengths=random.integers(1, T + 1, N) if lengths else None,
        weights=random.choice([0.0, 1.0, 2.0], N) if weights else None,
    )


def trained(task, engine, steps=6):
    task = replace(task, training=replace(task.training, engine=engine))
    made = make_engine(task, TrainingState(task.net.initial(1, task.training.dtype)))
    return made, made.run(0, steps, never).losses


@needs_kernels
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_do_not_change_a_bit(dtype):
    alone, *others = (
        trained(task_of(net_with_stem(2), lengths=True, dtype=dtype, threads=n), "native")[0]
        for n in (1, 2, 3)
    )
    for other in others:
        assert_same_state(alone.export(), other.export())


@pytest.mark.parametrize("engine", ENGINES)
def test_training_resumes_exactly(engine):
    task = task_of(net_with_stem(2), engine=engine)
    whole, _ = trained(task, engine, 9)
    half, _ = trained(task, engine, 4)
    rest = make_engine(half.task, half.export())
    rest.run(4, 9, never)
    assert_same_state(whole.export(), rest.export())


@pytest.mark.parametrize("engine", ENGINES)
def test_running_moments_follow_the_batches(engine):
    """By hand, for the first layer's first step: torch.nn.BatchNorm1d's rule."""
    task = task_of(net_with_stem())
    start = task.net.initial(1, "float64")
    rows = task.X[:37] if not task.batches.shuffle else task.X[task.batches.rows(0)]
    weight, bias = start["stem.0.conv.weight"], start["stem.0.conv.bias"]
    padded = np.pad(rows, ((0, 0), (2, 2), (0, 0)))
    z = bias + sum(padded[:, j : j + T] @ weight[:, :, j].T for j in range(5))
    flat = z.reshape(-1, z.shape[2])
    made, _ = trained(task, engine, steps=1)
    after = made.export().params
    mean, variance = (after[f"stem.0.norm.{name}"] for name in STEM_MOMENTS)
    np.testing.assert_allclose(mean, 0.1 * flat.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(variance, 0.9 + 0.1 * flat.var(axis=0, ddof=1), atol=1e-12)


@pytest.mark.parametrize(
    ("job", "options", "message"),
    [
        ("classify", {"stem_channels": (4, 4)}, "--stem-kernels: has 3 sizes for the 2 layers"),
        ("regress", {}, "--stem: reads the steps around each step"),
        ("regress", {"stem_causal": True}, "--stem: begins anew in each window"),
        (
            "regress",
            {"stateful": False, "stem_pool": 2},
            "--stem-pool: averages steps, so it requires one target per window",
        ),
    ],
)
def test_options_that_exclude_a_stem_are_refused(job, options, message):
    with pytest.raises(OptionError, match=message):
        make_config(job, {"stem": True} | options)


def test_an_estimator_with_a_stem_is_saved_and_shows_its_states(tmp_path):
    random = generator(0, "rows")
    X, y = random.normal(size=(30, T, FEATURES)), random.integers(0, 2, 30)
    options: Any = {"stem": True, "stem_channels": (6, 4), "stem_kernels": (3, 3), "stem_pool": 3}
    made = RecurrentClassifier(
        "gru", hidden_size=5, readout="mean", epochs=2, random_state=0, **options
    ).fit(X, y)
    made.save(tmp_path / "m.safetensors")
    from hiddenstate import load

    again = load(tmp_path / "m.safetensors")
    assert again.get_params() == made.get_params()
    np.testing.assert_array_equal(again.predict_proba(X), made.predict_proba(X))
    states = made.hidden_states(X)
    assert states.shape == (30, T, 5)
    np.testing.assert_array_equal(states[:, 0], states[:, 2])
    with pytest.raises(OptionError, match="stream: the model has convolutional layers"):
        made.stream()
