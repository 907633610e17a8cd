"""Effects of columns known ahead: found in spite of trends and seasons, and only where they are."""

import numpy as np
import pytest

from hiddenstate.data.prepare.effects import candidate_effects
from hiddenstate.data.prepare.linear import fit_linear_path

T = np.arange(240)
RANDOM = np.random.default_rng(0)
PRICE = RANDOM.normal(size=(240, 1)) + 0.02 * T[:, None]
WALK = np.cumsum(RANDOM.normal(size=240) * 0.1) + 3 * np.sin(2 * np.pi * T / 12)
NOISE = RANDOM.normal(size=240) * 0.1


def test_changes_show_an_effect_that_a_trend_hides() -> None:
    by_step, by_season, _ = candidate_effects([WALK - 2 * PRICE[:, 0]], [PRICE], [1.0], 12)
    assert by_step == pytest.approx([-2], abs=0.2)
    assert by_season == pytest.approx([-2], abs=0.2)
    assert not list(candidate_effects([WALK[:6]], [PRICE[:6] * 0], [1.0], None))


@pytest.mark.parametrize("horizon", [1, 5])
def test_a_path_takes_out_what_columns_add(horizon: int) -> None:
    values = WALK - 2 * PRICE[:, 0] + NOISE
    path = fit_linear_path([values[:, None]], horizon, 36, known=[PRICE])
    assert path.effects is not None
    assert path.effects[0] == pytest.approx([-2], abs=0.2)
    # In units of the data: what the path reads is without the effects, and its answer has them.
    clean = (values - PRICE[:, 0] * path.effects[0, 0])[None, :, None]
    answers = (
        path.forecast().at_each_step(clean)[0, :-horizon, 0]
        + PRICE[horizon:, 0] * path.effects[0, 0]
    )
    assert np.abs(answers - values[horizon:])[60:].mean() < 0.6
    bare = (
        fit_linear_path([values[:, None]], horizon, 36)
        .forecast()
        .at_each_step(values[None, :, None])
    )
    assert np.abs(bare[0, :-horizon, 0] - values[horizon:])[60:].mean() > 1.5


def test_effects_of_logarithms_multiply() -> None:
    values = np.exp(3 + WALK / 10 - 0.3 * PRICE[:, 0] + NOISE / 3)
    path = fit_linear_path([values[:, None], 50 * values[:, None]], 1, 36, known=[PRICE, PRICE])
    assert path.log == (True,)
    assert path.effects is not None
    assert path.effects[0] == pytest.approx([-0.3], abs=0.03)


def test_a_column_without_an_effect_is_left_out() -> None:
    path = fit_linear_path([WALK[:, None] + NOISE[:, None]], 1, 36, known=[PRICE])
    assert path.effects is None
    np.testing.assert_array_equal(
        path.weights, fit_linear_path([WALK[:, None] + NOISE[:, None]], 1, 36).weights
    )
