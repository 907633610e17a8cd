"""The parameter `teacher` of the estimators."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from hiddenstate import RecurrentClassifier, RecurrentRegressor, load
from hiddenstate.config import make_config
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.engines import TrainingState, make_engine
from hiddenstate.engines.members import member_task
from hiddenstate.errors import DataError, OptionError
from hiddenstate.jobs import Teacher, taught_job
from hiddenstate.jobs.teacher import held_out_answers
from hiddenstate.program.equations import softmax
from tests.conftest import ENGINES, needs_kernels

SMALL: dict[str, Any] = {"hidden_size": 4, "max_steps": 8, "random_state": 0, "threads": 1}
y = np.arange(36) % 2
X = np.random.default_rng(0).normal(0, 0.3, (36, 12, 1))
X[np.arange(36), 3 + 5 * y] += 2


def weights_of(model):
    return np.concatenate([array.ravel() for array in model.model_.params.values()])


@pytest.fixture(scope="module")
def teacher():
    return RecurrentClassifier(**SMALL | {"max_steps": 40}).fit(X, y)


def test_an_estimator_teaches_as_its_answers_do(teacher):
    net = RecurrentClassifier(teacher=teacher, **SMALL).fit(X, y)
    by_answers = RecurrentClassifier(teacher=teacher.predict_proba(X), **SMALL).fit(X, y)
    np.testing.assert_allclose(weights_of(net), weights_of(by_answers), atol=1e-5)
    assert not np.allclose(weights_of(net), weights_of(RecurrentClassifier(**SMALL).fit(X, y)))


def test_answers_belong_to_the_rows_that_are_given_with_those_of_weight_0(teacher):
    weights, answers = np.arange(36) % 3 > 0, teacher.predict_proba(X)
    net = RecurrentClassifier(teacher=answers, **SMALL).fit(X, y, weights)
    kept = RecurrentClassifier(teacher=answers[weights], **SMALL).fit(X[weights], y[weights])
    np.testing.assert_array_equal(weights_of(net), weights_of(kept))


@needs_kernels
def test_a_teacher_that_learned_from_these_rows_answers_by_folds():
    teacher = RecurrentClassifier(convolutions=True, **SMALL).fit(X, y)
    rows = Rows(teacher._prepare(X).X, y)
    left_out = held_out_answers(teacher.model_, rows, 0, 1, is_sure=False)
    net = RecurrentClassifier(teacher=teacher, **SMALL).fit(X, y)
    by_answers = RecurrentClassifier(teacher=left_out, **SMALL).fit(X, y)
    np.testing.assert_array_equal(weights_of(net), weights_of(by_answers))
    others = held_out_answers(teacher.model_, Rows(rows.X[::-1], y), 0, 1, is_sure=False)
    assert others is None


@needs_kernels
def test_what_nets_answered_to_folds_is_of_no_use_for_other_rows():
    options = SMALL | {"convolutions": True, "fold_epochs": 1, "epochs": 2, "max_steps": None}
    teacher = RecurrentClassifier(**options).fit(X, y)
    folds = teacher._folds
    assert folds
    assert folds[1] is not None
    net = RecurrentClassifier(teacher=teacher, **SMALL).fit(X[:30], y[:30])
    by_answers = RecurrentClassifier(teacher=teacher.predict_proba(X[:30]), **SMALL)
    expected = weights_of(by_answers.fit(X[:30], y[:30]))
    np.testing.assert_allclose(weights_of(net), expected, atol=1e-5)


@needs_kernels
@pytest.mark.parametrize("fold_epochs", [0, 1])
def test_nets_alone_answer_their_own_rows_by_the_folds_that_they_left_out(fold_epochs, monkeypatch):
    monkeypatch.setattr("hiddenstate.jobs.classify.nets_suffice", lambda *args: True)
    options = SMALL | {"convolutions": True, "prefer_nets": True, "fold_epochs": fold_epochs}
    options |= {"epochs": 3, "max_steps": None, "members": 2}
    alone = RecurrentClassifier(**options).fit(X, y)
    assert alone.model_.companions == ()
    rows, folds = Rows(alone._prepare(X).X, y), alone._folds
    assert folds
    own = folds[1]
    assert (own is None) is (fold_epochs == 0)
    expected = held_out_answers(alone.model_, rows, 0, 1, own=own)
    assert np.abs(softmax(expected) - alone.predict_proba(X)).max() > 1e-3
    net = RecurrentClassifier(teacher=alone, **SMALL).fit(X, y)
    by_answers = RecurrentClassifier(teacher=expected, **SMALL).fit(X, y)
    np.testing.assert_allclose(weights_of(net), weights_of(by_answers), atol=1e-6)
    other = RecurrentClassifier(teacher=alone, **SMALL).fit(X[::-1], y[::-1])
    whole = RecurrentClassifier(teacher=alone.predict_proba(X[::-1]), **SMALL)
    np.testing.assert_allclose(
        weights_of(other), weights_of(whole.fit(X[::-1], y[::-1])), atol=1e-5
    )


def test_clones_pickles_and_files(teacher, tmp_path):
    net = RecurrentClassifier(teacher=teacher, **SMALL)
    assert clone(net).teacher is teacher  # and so it stays fitted
    fitted = clone(net).fit(X, y)
    assert fitted.teacher is teacher
    again = pickle.loads(pickle.dumps(fitted)).fit(X, y)
    np.testing.assert_array_equal(weights_of(again), weights_of(fitted))
    fitted.save(tmp_path / "net.safetensors")
    assert load(tmp_path / "net.safetensors").teacher is None
    teacher.save(tmp_path / "teacher.safetensors")
    by_path = net.set_params(teacher=tmp_path / "teacher.safetensors").fit(X, y)
    np.testing.assert_array_equal(weights_of(by_path), weights_of(fitted))


def test_what_does_not_fit_is_refused(teacher):
    with pytest.raises(DataError, match="other classes"):
        RecurrentClassifier(teacher=teacher, **SMALL).fit(X, np.arange(36) % 3)
    with pytest.raises(DataError, match="other number of steps"):
        RecurrentClassifier(teacher=teacher, **SMALL).fit(X[:, 1:], y)
    with pytest.raises(OptionError, match="expected one of regress"):
        RecurrentRegressor(teacher=teacher, **SMALL).fit(X, X[:, 0, 0])
    with pytest.raises(OptionError, match="use fit"):
        RecurrentClassifier(teacher=teacher, **SMALL).partial_fit(X, y, [0, 1])
    RecurrentClassifier(teacher="none", **SMALL).partial_fit(X, y, [0, 1])
    frame = pd.DataFrame(teacher.predict_proba(X))[::-1]
    with pytest.raises(OptionError, match=r"expected an array, got a DataFrame; pass its to_numpy"):
        RecurrentClassifier(teacher=frame, **SMALL).fit(X, y)
    with pytest.raises(DataError, match=r"has shape \(35, 2\), expected \(36, 2\)"):
        RecurrentClassifier(teacher=np.full((35, 2), 0.5), **SMALL).fit(X, y)
    with pytest.raises(OptionError, match="for augmented rows; use a model, or add augment='none'"):
        RecurrentClassifier(teacher=np.full((36, 2), 0.5), augment="jitter", **SMALL).fit(X, y)


@pytest.mark.parametrize("output", ["last", "steps"])
def test_a_regressor_learns_answers_in_the_units_of_its_targets(output):
    targets = 100 + 10 * (X[..., 0] if output == "steps" else X.sum((1, 2)))
    shared = {"output": output, **SMALL}
    own = RecurrentRegressor(**shared).fit(X, targets)
    net = RecurrentRegressor(teacher=targets, teach_weight=0, **shared).fit(X, targets)
    np.testing.assert_allclose(weights_of(net), weights_of(own), atol=1e-6)
    other = RecurrentRegressor(teacher=own, **shared).fit(X, targets)
    by_answers = RecurrentRegressor(teacher=own.predict(X), **shared).fit(X, targets)
    np.testing.assert_allclose(weights_of(other), weights_of(by_answers), atol=1e-5)


@needs_kernels
def test_convolutions_teach_by_name_and_a_path_of_that_name_is_a_path(tmp_path, monkeypatch):
    plain = weights_of(RecurrentClassifier(**SMALL).fit(X, y))
    taught = weights_of(RecurrentClassifier(teacher="convolutions", **SMALL).fit(X, y))
    assert not np.array_equal(taught, plain)
    none = RecurrentClassifier(teacher="none", **SMALL).fit(X, y)
    np.testing.assert_array_equal(weights_of(none), plain)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="convolutions: no such file"):
        RecurrentClassifier(teacher=Path("convolutions"), **SMALL).fit(X, y)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_regressor_is_taught_what_its_teacher_answers_for_augmented_rows(engine):
    targets = 100 + 10 * X.sum((1, 2))
    teacher = RecurrentRegressor(output="last", **SMALL).fit(X, targets)
    values = {"teach": "answers", "teach_weight": 0.25, "augment": ("jitter:2",), "epochs": 3}
    values |= {"output": "last", "stateful": False, "test_fraction": 0.0, "batch_size": 9}
    values |= {"hidden_size": 4, "members": 2, "engine": engine, "scale": "standard", "hold": 100}
    config = make_config("regress", values)
    raw = SequenceDataset("X", Rows(X.astype(np.float32), targets[:, None]))
    job = taught_job(config, raw, prepare(raw, config), Teacher(teacher.model_))
    transform = job.dataset.transform
    for number in range(2):
        task = member_task(job.task(), number, 1)
        rows, epochs = task.batches.rows(5), np.full(9, 1)
        read = task.inputs(rows, epochs)
        answers = teacher.predict(transform.undo(read))[:, None]
        taught = transform.apply_targets(answers, read, None, "float32")
        expected = 0.25 * task.y[rows] + 0.75 * taught
        np.testing.assert_allclose(task.targets(rows, epochs), expected, atol=1e-4)
        learner = make_engine(task, TrainingState(task.net.initial(0, "float32"), 5))
        outputs = learner.predict(read)
        loss = learner.run(5, 6, lambda: False).losses[0]
        assert loss == pytest.approx(((outputs - expected) ** 2).mean(), rel=1e-3)
