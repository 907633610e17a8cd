"""Answers as functions of kept rows: values of the program, gradients that are its slopes."""

from dataclasses import replace

import numpy as np
import pytest

from hiddenstate.engines.gradients import gradients_of
from hiddenstate.inference.answer_gradients import Answer
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.meaning import program_of
from hiddenstate.program.program import Program
from hiddenstate.system.typing import Array
from tests.conftest import needs_kernels
from tests.contract.forecasts import MODELS
from tests.contract.models import KINDS, model_of

STEP = 1e-6
"""Of finite differences."""

NAMES = [name for name in KINDS if "autoencoder" not in name]


def kept_rows(model: FittedModel, program: Program) -> Array:
    x = np.random.default_rng(0).normal(size=(2, model.row_shape[0], program.width))
    x[..., program.n_features :] = x[..., program.n_features :] > 1  # a mask
    return x


@needs_kernels
@pytest.mark.parametrize("part", range(4))
def test_an_answer_has_the_value_of_the_program_and_its_slope(part: int) -> None:
    wrong = []
    for name in NAMES[part::4]:
        model = replace(model_of(name), companions=())
        program, output = program_of(model), model.net.n_outputs - 1
        answer = Answer(program, gradients_of(model), output)
        x = kept_rows(model, program)
        value, gradient = answer.at(x)
        found = program.predict_kept(x)
        if program.kind.has_classes:
            p = found["probabilities"][:, output]
            expected = np.log(p / (1 - p))
        else:
            y = found["y"]
            expected = (y[:, -1] if y.ndim == 3 else y)[:, output]
        scale = max(1.0, float(np.abs(expected).max()))
        along = np.random.default_rng(1).normal(size=x.shape)
        rise = answer.at(x + STEP * along)[0] - answer.at(x - STEP * along)[0]
        slope = (gradient() * along).sum(axis=(1, 2))
        apart = np.abs(rise / (2 * STEP) - slope).max()
        if np.abs(value - expected).max() > 1e-9 * scale or apart > 1e-5 * scale:
            wrong.append(f"{name}: {value}, not {expected}; {slope} is off by {apart:.3g}")
    assert not wrong, "\n".join(wrong)


@needs_kernels
def test_steps_before_those_that_are_read_change_nothing() -> None:
    model = model_of("lags of inputs")
    program = program_of(model)
    answer = Answer(program, gradients_of(model), 0)
    x = np.random.default_rng(0).normal(size=(1, 20, program.width))
    n = answer.most_steps
    assert 0 < n < 20
    (value,), gradient = answer.at(x)
    (last,), own = answer.at(x[:, -n:])
    assert value == pytest.approx(last, abs=1e-12)
    np.testing.assert_allclose(gradient()[:, -n:], own(), atol=1e-12)
    assert not gradient()[:, :-n].any()


@needs_kernels
def test_a_forecast_of_each_step_has_the_value_of_the_program_and_its_slope() -> None:
    random = np.random.default_rng(0)
    for name, make in MODELS.items():
        model = make()
        program = program_of(model)
        X = random.uniform(1, 3, (1, program.window + program.horizon - 1, program.n_features))
        x, forecast = program.kept(X), program.forecast(X)["y"][0, :, 0]
        along = random.normal(size=x.shape)
        for place in range(program.horizon):
            answer = Answer(program, gradients_of(model), 0, place=place)
            (value,), gradient = answer.at(x)
            assert value == pytest.approx(forecast[place], rel=1e-9), (name, place)
            rise = answer.at(x + STEP * along)[0] - answer.at(x - STEP * along)[0]
            slope = pytest.approx(float((gradient() * along).sum()), rel=1e-5, abs=1e-5)
            assert rise[0] / (2 * STEP) == slope, (name, place)
