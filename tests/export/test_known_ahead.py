"""Exports of models that read columns known ahead: their later values are columns of the export."""

from dataclasses import replace

import numpy as np

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


def test_later_values_are_columns_that_change_the_answer() -> None:
    model = model_of(1)
    source = source_of(model, "model", "float32")
    F = model.net.n_features
    assert source.program.n_features == F
    assert source.facts["columns"][-2:] == [f"x{F - 2}", f"x{F - 2} +2"]
    assert source.program.streams
    X = trials_of(model)[0].X
    other = X.copy()
    other[:, -1, -1] += 1
    answers = [expected_answers(model, rows, None)["y"] for rows in (X, other)]
    assert np.abs(answers[0] - answers[1]).min() > 1e-6
