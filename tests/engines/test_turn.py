"""Nets that leave out a fold of the rows, and learn from all of them in the end."""

from dataclasses import replace

import numpy as np
import pytest

from hiddenstate.engines import TrainingState, make_engine
from hiddenstate.engines.interface import without_fold
from hiddenstate.engines.turn import teaches
from tests.conftest import ENGINES
from tests.engines.tasks import assert_same_state, never
from tests.engines.test_members import task_of

TURN, STEPS = 6, 10


def turning(engine, members=3):
    task = task_of(members=members, engine=engine, lr_schedule="cosine")
    return replace(task, folds=np.arange(30) % 5, turn=TURN, total_steps=STEPS)


def made(task, state=None):
    return make_engine(task, state or TrainingState(task.net.initial(0, "float64")))


def run(engine, first, last=STEPS):
    losses = []
    while first < last:
        losses += list(engine.run(first, last, never).losses)
        first = engine.export().step
    return losses


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("members", [1, 3])
def test_answers_to_folds_are_those_before_the_turn(engine, members):
    task = turning(engine, members)
    whole = made(task)
    run(whole, 0)
    before = made(replace(task, turn=None, total_steps=TURN))
    run(before, 0, TURN)
    each = before.each(task.X) if members > 1 else [before.predict(task.X)]
    left_out = whole.export().left_out
    assert left_out is not None
    for fold in range(5):
        own = each[fold][task.folds == fold] if fold < members else 0
        np.testing.assert_allclose(left_out[task.folds == fold], own)


@pytest.mark.parametrize("engine", ENGINES)
def test_each_net_learns_from_its_fold_after_the_turn(engine):
    task = turning(engine, members=1)
    fold = (task.folds == 0)[:, None, None]
    ends = []
    for X in (task.X, np.where(fold, 0.5, task.X)):
        trained = made(replace(task, X=X))
        run(trained, 0, TURN)
        at_turn = trained.export().params["out.weight"]
        run(trained, TURN)
        ends.append((at_turn, trained.export().params["out.weight"]))
    np.testing.assert_array_equal(ends[0][0], ends[1][0])
    assert np.abs(ends[0][1] - ends[1][1]).max() > 1e-6
    assert len(without_fold(task, 0).X) == 24


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("stop", [TURN - 2, TURN, TURN + 2])
def test_a_run_that_was_stopped_in_either_part_ends_as_one_that_was_not(engine, stop):
    task = turning(engine)
    whole, stopped = made(task), made(task)
    losses, first = run(whole, 0), run(stopped, 0, stop)
    rest = made(task, stopped.export())
    np.testing.assert_array_equal(losses, first + run(rest, stop))
    assert_same_state(whole.export(), rest.export())
    np.testing.assert_array_equal(whole.export().left_out, rest.export().left_out)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_rate_that_is_set_holds_for_both_parts(engine):
    one, two = (turning(engine, members=1) for _ in range(2))
    changed = made(one)
    changed.set_lr(0.5)
    fast = made(replace(two, training=replace(two.training, lr=0.5)))
    np.testing.assert_array_equal(run(changed, 0), run(fast, 0))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_teacher_is_learned_from_after_the_turn_alone(engine):
    """It knows the fold that a net leaves out before."""
    task, ends = turning(engine, members=1), []
    soft = np.where(np.arange(3) == task.y[:, None], 0.8, 0.1)[None, None]
    for each in (task, replace(task, soft=soft)):
        trained = made(each)
        run(trained, 0, TURN)
        before = trained.export().params["out.weight"]
        run(trained, TURN)
        ends.append((before, trained.export().params["out.weight"]))
    np.testing.assert_array_equal(ends[0][0], ends[1][0])
    assert np.abs(ends[0][1] - ends[1][1]).max() > 1e-6


@pytest.mark.parametrize("engine", ENGINES)
def test_a_teacher_that_is_clearly_worse_than_the_nets_does_not_teach(engine):
    """The end is that without a teacher, also for a run that is resumed after the turn."""
    task, ends = turning(engine), []
    soft = np.where(np.arange(3) == task.y[:, None], 0.8, 0.1)[None, None]
    wrong = np.eye(3)[(task.y + 1) % 3]
    resumed = made(replace(task, soft=soft, rival=wrong))
    run(resumed, 0, TURN + 1)
    for trained, first in (
        (made(task), 0),
        (made(replace(task, soft=soft, rival=wrong)), 0),
        (made(replace(task, soft=soft, rival=wrong), resumed.export()), TURN + 1),
        (made(replace(task, soft=soft, rival=np.eye(3)[task.y])), 0),
    ):
        run(trained, first)
        ends.append(trained.export())
    assert_same_state(ends[0], ends[1])
    assert_same_state(ends[0], ends[2])
    bias = next(name for name in ends[0].params if name.endswith("out.bias"))
    assert np.abs(ends[0].params[bias] - ends[3].params[bias]).max() > 1e-6


def test_a_teacher_teaches_that_is_little_worse_or_worse_by_chance():
    """A row of 18 is .056, and the standard error of that difference as much."""
    task = turning("native")
    right, taught = np.eye(3)[task.y], []
    in_folds = np.flatnonzero(task.folds < 3)
    for n_wrong in (0, 1, 4):
        rival = right.copy()
        rival[in_folds[:n_wrong]] = np.eye(3)[(task.y[in_folds[:n_wrong]] + 1) % 3]
        taught.append(teaches(replace(task, rival=rival), right))
    assert [bool(each) for each in taught] == [True, True, False]
    out_of_folds = np.where(task.folds[:, None] < 3, right, -right)  # no net left them out
    assert teaches(replace(task, rival=out_of_folds), right)
    weights = np.where(np.isin(np.arange(30), in_folds[:4]), 0.0, 1.0)
    assert teaches(replace(task, rival=rival, weights=weights), right)
