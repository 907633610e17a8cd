"""Exports of models that read columns known ahead: their later values are columns of the export."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hiddenstate.errors import OptionError
from hiddenstate.export.export import export_model
from hiddenstate.export.target import source_of
from hiddenstate.export.trial import expected_answers, trials_of
from hiddenstate.models.fitted import FittedModel
from tests.export.models import random_model


def model_of(seed: int, by_window: bool = False) -> FittedModel:
    """A random model whose last feature is the one before it, two steps later."""
    for number in range(100 * seed, 100 * seed + 100):
        model = random_model(
            number, job="regress", linear=True, output="last", missing="error", by_window=by_window
        )
        F, n = model.net.n_features, model.net.n_outputs
        if n <= F - 2:
            break
    columns = tuple(f"x{i}" for i in range(F - 1))
    linear = model.transform.linear
    assert linear is not None
    effects = np.random.default_rng(seed).normal(size=(n, 1)).astype(np.float32).astype(float)
    transform = replace(
        model.transform,
        columns=columns,
        reading={**model.transform.reading, "future": (columns[-1],), "horizon": 2},
        linear=replace(linear, effects=effects / 4),
    )
    return replace(model, transform=transform)


@pytest.mark.parametrize("to", ["python", "onnx", "c", "html"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_export_gives_the_answers_of_the_model(to: str, seed: int, tmp_path: Path) -> None:
    model = model_of(seed, by_window=seed == 3)
    assert export_model(model, to, tmp_path / "model").n_rows == 12


def test_a_stream_of_triton_reads_later_values(tmp_path: Path) -> None:
    assert export_model(model_of(1), "triton", tmp_path / "model").n_rows == 12


def test_later_values_are_columns_that_change_the_answer() -> None:
    model = model_of(1)
    source = source_of(model, "model", "float32")
    F = model.net.n_features
    assert source.meaning.n_features == F
    assert source.facts["columns"][-2:] == [f"x{F - 2}", f"x{F - 2} +2"]
    assert source.meaning.streams
    X = trials_of(model)[0].X
    other = X.copy()
    other[:, -1, -1] += 1
    answers = [expected_answers(model, rows, None)["y"] for rows in (X, other)]
    assert np.abs(answers[0] - answers[1]).min() > 1e-6


@pytest.mark.parametrize("to", ["nam", "rtneural"])
def test_what_reads_steps_refuses_such_a_model(to: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=f"--to {to}: "):
        export_model(model_of(1), to, tmp_path / "model")
