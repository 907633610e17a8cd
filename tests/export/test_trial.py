"""What an export answers is compared with its model, on the scale of each answer."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiddenstate.errors import DataError, OptionError
from hiddenstate.export import export_model
from hiddenstate.export.python import file as python_file
from hiddenstate.export.target import source_of
from hiddenstate.export.trial import expected_answers, trials_of
from tests.contract.models import model_of
from tests.export.models import random_model


def test_an_export_that_answers_otherwise_is_not_written(tmp_path, monkeypatch):
    model = random_model(3, job="regress", cell="gru", missing="error")

    def build(source):
        contents = python_file.build(source)
        return {".py": contents[".py"].replace(b"(1 - z) * np.tanh", b"(1 - z) * 1.001 * np.tanh")}

    wrong = replace(python_file.TARGET, build=build)
    monkeypatch.setattr(python_file, "TARGET", wrong)
    with pytest.raises(DataError, match="nothing was written: an answer differs by"):
        export_model(model, "python", tmp_path / "m.py")
    assert list(tmp_path.iterdir()) == []


def test_an_answer_much_smaller_than_another_is_compared_by_its_own_scale(tmp_path, monkeypatch):
    model = random_model(
        1, job="regress", missing="error", linear=False, change=False, pixels=False
    )
    scaling = np.zeros(model.net.n_outputs), np.geomspace(1, 1e-8, model.net.n_outputs)
    assert model.net.n_outputs > 1
    model = replace(model, transform=replace(model.transform, target_scaling=scaling))

    def run(source, contents, trial):
        made = python_file.run(source, contents, trial)
        made.answers["y"][..., 0] = 0
        return replace(made, stream=None)

    blind = replace(python_file.TARGET, limit=1e-5, run=run)
    monkeypatch.setattr(python_file, "TARGET", blind)
    with pytest.raises(DataError, match="y 1 differs from the model's by more than a hundredth"):
        export_model(model, "python", tmp_path / "m.py")


def test_probabilities_that_are_all_but_certain_are_compared_too(tmp_path, monkeypatch):
    """Sums that are wrong by a tenth change a probability of 1e-20 and none of 1."""
    model = random_model(5, job="classify", missing="error", members=1)
    certain = {n: a * (300 if n.startswith("out.") else 1) for n, a in model.params.items()}
    model = replace(model, params=certain)

    def run(source, contents, trial):
        made = python_file.run(source, contents, trial)
        p = made.answers["probabilities"]
        other = np.where(p < p.max(axis=1, keepdims=True), p * 1.1, p)
        return replace(made, answers={**made.answers, "probabilities": other})

    largest = export_model(model, "python", tmp_path / "m.py").difference
    assert largest < 1e-9
    rough = replace(python_file.TARGET, limit=1.0, run=run)
    monkeypatch.setattr(python_file, "TARGET", rough)
    with pytest.raises(DataError, match="probabilities 1 differs"):
        export_model(model, "python", tmp_path / "other.py")


BY_WINDOW: Any = {"job": "regress", "linear": True, "output": "last", "by_window": True}


def test_the_trial_of_a_scale_by_window_has_a_flat_window_and_answers_that_the_net_changes():
    model = random_model(0, missing="error", **BY_WINDOW)
    X = trials_of(model)[0].X
    scale = model.transform.window_scale(model.transform.apply(X, None, float, ""), None)
    assert scale.flat[1].all()
    assert not scale.flat[0].any()
    silent = replace(model, params={n: np.zeros_like(a) for n, a in model.params.items()})
    answers, alone = (expected_answers(each, X, None)["y"] for each in (model, silent))
    assert np.abs(answers - alone)[0].min() > 1e-3
    np.testing.assert_array_equal(answers[1], alone[1])


def test_a_scale_by_window_with_gaps_that_are_filled_in_is_refused(tmp_path):
    with pytest.raises(OptionError, match=r"cannot fill in missing values .* --scale auto"):
        export_model(random_model(1, missing="forward", **BY_WINDOW), "onnx", tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_later_values_of_a_column_known_ahead_are_columns_that_change_the_answer():
    model = model_of("known ahead")
    source, F = source_of(model, "model", "float32"), model.net.n_features
    assert source.program.n_features == F
    assert source.facts["columns"][-2:] == [f"x{F - 2}", f"x{F - 2} +2"]
    assert source.program.streams
    X = trials_of(model)[0].X
    other = X.copy()
    other[:, -1, -1] += 1
    answers = [expected_answers(model, rows, None)["y"] for rows in (X, other)]
    assert np.abs(answers[0] - answers[1]).min() > 1e-6
