"""Nets trained side by side, whose answers are averaged."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiddenstate import RecurrentClassifier, RecurrentRegressor, load
from hiddenstate.config import RecurrentConfig, TrainingConfig, make_config
from hiddenstate.data.prepare.batches import Batches, generator
from hiddenstate.engines import Task, TrainingState, make_engine
from hiddenstate.engines.members import MembersEngine, averaged
from hiddenstate.errors import OptionError
from hiddenstate.models.net import Net, member_params
from hiddenstate.program.equations import softmax
from tests.conftest import ENGINES, needs_kernels
from tests.engines.tasks import assert_same_state, never


def task_of(job="classify", members=3, **training):
    random = generator(1, "members")
    config = RecurrentConfig("gru", hidden_size=5, members=members)
    y = random.integers(0, 3, 30) if job == "classify" else random.normal(size=(30, 3))
    settings: Any = {"batch_size": 8, "dtype": "float64", "threads": 1} | training
    return Task(
        Net(job, config, 2, 3),
        TrainingConfig(**settings),
        random.normal(size=(30, 6, 2)),
        y,
        Batches(30, 8),
        total_steps=100,
    )


def trained(task, engine, steps=7):
    task = replace(task, training=replace(task.training, engine=engine))
    made = make_engine(task, TrainingState(task.net.initial(0, "float64")))
    return made, made.run(0, steps, never).losses


def test_members_start_from_different_weights():
    params = task_of().net.initial(0, "float64")
    one, two = (member_params(params, number)["rnn.weight_hh_l0"] for number in (0, 1))
    assert one.shape == (15, 5)
    assert np.abs(one - two).max() > 0.1


def test_the_average_of_certain_answers_is_finite():
    net = task_of().net
    certain = [np.array([[900.0, -900.0, 0.0]]), np.array([[-900.0, 900.0, 0.0]])]
    outputs = averaged(certain, net)
    assert np.isfinite(outputs).all()
    np.testing.assert_allclose(softmax(outputs), [[0.5, 0.5, 0.0]], atol=1e-12)


@needs_kernels
def test_threads_change_nothing():
    alone, losses = trained(task_of(threads=1), "native")
    for threads in (2, 5):
        other, same = trained(task_of(threads=threads), "native")
        np.testing.assert_array_equal(losses, same)
        assert_same_state(alone.export(), other.export())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("members", [1, 3])
def test_a_member_does_not_learn_from_its_fold(engine, members):
    task = replace(task_of(members=members), folds=np.arange(30) % 3)
    left_out = members - 1  # by the last member
    other = np.where((task.folds == left_out)[:, None, None], 1e3, task.X)
    ends = [trained(t, engine)[0].export().params for t in (task, replace(task, X=other))]
    for number in range(members):
        one, two = (p if members == 1 else member_params(p, number) for p in ends)
        same = all(np.array_equal(one[name], two[name]) for name in one)
        assert same == (number == left_out)


def stop_after(engine, n_steps):
    """Let the next call of `run` end after `n_steps`, as if a stop was requested."""
    whole = engine.run

    def run(first, last, stop):
        engine.run = whole
        return whole(first, first + n_steps, stop)

    engine.run = run


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_that_was_stopped_anywhere_ends_as_one_that_was_not(engine):
    whole, losses = trained(task_of(), engine, 9)
    task = replace(task_of(), training=replace(task_of().training, engine=engine))
    half = MembersEngine(task, TrainingState(task.net.initial(0, "float64")), make_engine)
    for member, n_steps in zip(half._engines, (3, 5, 4), strict=True):
        stop_after(member, n_steps)
    done = list(half.run(0, 9, never).losses)
    assert [member.export().step for member in half._engines] == [5, 5, 5] == 3 * [len(done)]
    rest = make_engine(task, half.export())
    done += list(rest.run(len(done), 9, never).losses)
    np.testing.assert_array_equal(losses, done)
    assert_same_state(whole.export(), rest.export())


def test_members_carry_no_state():
    with pytest.raises(OptionError, match="--members: each would need a carried state"):
        make_config("regress", {"members": 2})
    assert make_config("regress", {"members": 2, "stateful": False}).model.members == 2


def test_an_estimator_with_members_is_saved_and_converted(tmp_path):
    torch = pytest.importorskip("torch")
    random = generator(0, "rows")
    X, y = random.normal(5, 2, size=(30, 6, 2)).astype("float32"), random.integers(0, 2, 30)
    options: Any = {"hidden_size": 5, "members": 2, "epochs": 2, "random_state": 0}
    made = RecurrentClassifier("gru", stem=True, stem_pool=2, readout="mean", **options).fit(X, y)
    made.save(tmp_path / "m.safetensors")
    again = load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.predict_proba(X), made.predict_proba(X))
    with torch.no_grad():
        shares = made.to_torch()(torch.from_numpy(X)).softmax(dim=1).numpy()
    np.testing.assert_allclose(shares, made.predict_proba(X), atol=1e-5)
    with pytest.raises(OptionError, match=r"stream: .* several nets.* stem_causal=True members=1"):
        made.stream()
    regressor = RecurrentRegressor("gru", hold=0, **options).fit(X, random.normal(size=30))
    with torch.no_grad():
        targets = regressor.to_torch()(torch.from_numpy(X))[:, 0].numpy()
    np.testing.assert_allclose(targets, regressor.predict(X), atol=1e-4)
    assert regressor.hidden_states(X).shape == (30, 6, 5)
