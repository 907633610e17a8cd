"""Integer models of models in floats: what is refused, and what is said to be lost."""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hiddenstate
from hiddenstate.data import Rows
from hiddenstate.errors import DataError, OptionError
from hiddenstate.inference.quantising import lost, quantised, ranges_of, split_of
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.meaning import program_of
from tests.contract.models import CLASSIFY, CODE, LAST, LINEAR, STEM, made, model_of


def rows_of(model: FittedModel, n: int = 60) -> Rows:
    """Kept rows of a model, with classes or targets."""
    random = np.random.default_rng(0)
    if model.net.kind.has_codes:
        return Rows(random.normal(size=(n, model.net.n_features)))
    X = random.normal(size=(n, *model.row_shape))
    y: Any = random.integers(0, model.net.n_outputs, n)
    if model.net.kind.has_targets:
        y = random.normal(size=(n, model.net.n_outputs))
    return Rows(X, y)


@pytest.mark.parametrize(
    "model",
    [
        made(1, CLASSIFY, cell="lstm", bidirectional=True),
        made(2, STEM),
        made(3, CLASSIFY, cell="fastgrnn", rank=2, hidden_size=9, members=3),
        made(4, LAST),
        made(5, LINEAR),
        made(6, CODE),
    ],
    ids=lambda model: model.net.job,
)
@pytest.mark.parametrize("state_bits", [16, 8])
def test_little_is_lost_and_is_what_the_program_says(model: FittedModel, state_bits: int) -> None:
    rows = rows_of(model)
    integer, n = quantised(model, rows, state_bits)
    found = lost(model, integer, rows, n)
    assert n == 60
    assert found.largest < (0.02 if state_bits == 16 else 0.5) * max(1, *np.abs(found.floats))
    assert max(each.share for each in found.saturated) < 0.2
    if model.net.kind.has_classes:
        chosen = program_of(integer).predict_kept(rows.X)["class"]
        assert found.integers == (float((chosen == rows.y).mean()),)


def test_rows_that_have_no_ranges_are_refused() -> None:
    model = made(1, CLASSIFY)
    rows = rows_of(model)
    with pytest.raises(DataError, match=r"9 rows.*at least 10"):
        quantised(model, rows.take(slice(0, 9)))
    assert str(ranges_of(quantised(model, rows.take(slice(0, 10)))[1])).startswith(
        "warning: ranges"
    )
    with pytest.raises(DataError, match="all rows are the same"):
        quantised(model, replace(rows, X=np.ones_like(rows.X)))


def test_what_has_no_form_in_integers_is_refused_with_an_option() -> None:
    model = model_of("fixed convolutions")
    with pytest.raises(OptionError, match=r"no form in integers.*--no-convolutions"):
        quantised(model, rows_of(model))


def test_few_long_series_are_divided_by_time() -> None:
    model = made(7, LAST, output="steps")
    some, held = split_of(Rows(np.zeros((2, 100, 3)), np.zeros((2, 100, 1))), model)
    assert (some.X.shape, held.X.shape) == ((2, 75, 3), (2, 25, 3))
    some, held = split_of(Rows(np.zeros((80, 6, 3)), np.zeros(80)), model)
    assert (len(some), len(held)) == (60, 20)


def test_an_estimator_returns_one_in_integers_that_is_saved_and_does_not_learn(
    tmp_path: Path,
) -> None:
    random = np.random.default_rng(0)
    X, y = random.normal(size=(60, 5, 2)), random.integers(0, 2, 60)
    floats = hiddenstate.RecurrentClassifier(hidden_size=4, epochs=1, random_state=0).fit(X, y)
    integers = floats.to_integers(X, state_bits=8)
    assert floats.model_.integer is None
    expected = program_of(integers.model_).predict(X)["probabilities"]
    assert np.array_equal(integers.predict_proba(X), expected)
    integers.save(tmp_path / "m.safetensors")
    again = hiddenstate.load(tmp_path / "m.safetensors")
    for each in (again, pickle.loads(pickle.dumps(integers))):
        assert np.array_equal(each.predict_proba(X), expected)
    with pytest.raises(ValueError, match="does not learn"):
        again.partial_fit(X, y)
    report = integers.export("python", tmp_path / "m.py", arithmetic="float")
    assert "int8" not in report.weights
    with pytest.raises(ValueError, match=r"arithmetic: a model file has no.* to_integers\(X\)"):
        floats.export("html", tmp_path / "m.html", arithmetic="integer")
