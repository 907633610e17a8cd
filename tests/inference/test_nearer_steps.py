"""Steps nearer than the horizon are forecast from the newest values, by paths of their own."""

from dataclasses import replace

import numpy as np
import pytest

from hiddenstate import RecurrentRegressor
from hiddenstate.data.prepare.linear_path import LinearPath
from hiddenstate.engines import make_predictor
from hiddenstate.inference.forecast import Forecaster
from hiddenstate.models.fitted import FittedModel
from hiddenstate.program.steps import exponentials, logarithms

H, W = 3, 8
SHARE = np.array([[0.5], [0.0]])


@pytest.fixture(scope="module", params=[False, True], ids=["levels", "logarithms"])
def model(request: pytest.FixtureRequest) -> FittedModel:
    """A model of three steps ahead; its nearer paths repeat the last value and the one before."""
    t = np.arange(120)
    values = np.exp(0.02 * t + 0.3 * np.sin(t)) if request.param else t + 10 * np.sin(t) - 50
    plain = RecurrentRegressor(horizon=H, window=W, max_steps=20, recipe="auto").fit(values).model_
    params = {name: array + 0.3 for name, array in plain.params.items()}  # a network that answers
    path = plain.transform.linear
    assert path is not None
    assert path.log == (request.param,)
    near = [np.eye(path.n_lags)[[0]], np.eye(path.n_lags)[[1]]]
    nearer = tuple(LinearPath(each, np.array([0.25]), path.log) for each in near)
    path = replace(path, nearer=nearer, nearer_share=SHARE)
    scaling = plain.transform.target_scaling
    assert scaling is not None
    scaling = (np.zeros_like(scaling[0]), scaling[1])
    transform = replace(plain.transform, linear=path, target_scaling=scaling)
    return replace(plain, params=params, transform=transform)


def forecast(model: FittedModel, values: np.ndarray, steps: int) -> np.ndarray:
    forecaster = Forecaster(model, make_predictor(model, "cpu", 1), steps)
    origins = np.array([len(values) - 1])
    return forecaster.paths([values[:, None]], [origins]).values[0, :, 0]


def test_each_step_has_its_path_and_its_share_of_the_network(model: FittedModel) -> None:
    values = np.linspace(2, 5, 30) + np.cos(np.arange(30))
    path = model.transform.linear
    assert path is not None
    made = forecast(model, values, H)
    alone = replace(path, nearer=(), nearer_share=None)
    plain = replace(model, transform=replace(model.transform, linear=alone))
    before = forecast(plain, values, H)
    assert made[2] == before[2]
    read = logarithms(values[:, None], path.log)
    # What the network adds in the window that ends two steps before.
    own = alone.forecast().at_step(read[None], np.array([29 - 2]))
    added = logarithms(before[:1, None], path.log) - own
    expected = np.stack([read[29] + 0.25 + 0.5 * added[0], read[28] + 0.25])
    assert abs(added).min() > 1e-4
    np.testing.assert_allclose(made[:2, None], exponentials(expected, path.log), rtol=1e-5)


def test_recursive_steps_go_on_from_the_forecasts(model: FittedModel) -> None:
    values = np.linspace(2, 5, 30) + np.cos(np.arange(30))
    made = forecast(model, values, 2 * H)
    further = np.concatenate([values, made[:H]])
    np.testing.assert_allclose(made[H:], forecast(model, further, H), rtol=1e-6)


def test_a_series_shorter_than_a_window_is_forecast_from_what_it_has(model: FittedModel) -> None:
    values = np.array([3.0, 4.0, 5.0, 4.5])
    made = forecast(model, values, 2 * H)
    assert np.isfinite(made).all()
    path = model.transform.linear
    assert path is not None
    last = exponentials(logarithms(values[-2:, None], path.log) + 0.25, path.log)[:, 0]
    assert made[1] == pytest.approx(last[0])
    one = forecast(model, values[:1], H)
    again = exponentials(logarithms(values[:1, None], path.log) + 0.25, path.log)[0, 0]
    assert one[:2] == pytest.approx([again, again])


def test_all_steps_of_a_series_of_few_rows_follow_its_mean_change() -> None:
    values = np.arange(1.0, 13)
    model = RecurrentRegressor(horizon=H, max_steps=2, recipe="auto").fit(values)
    np.testing.assert_allclose(model.forecast(), [13, 14, 15], rtol=1e-4)
