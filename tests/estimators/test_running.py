"""What follows a stream: scaled inputs, a linear path, weights, a drift detector."""

import numpy as np
import pytest

from hiddenstate.estimators.running import LinearPath, PageHinkley, RunningInputs, Step, mixed


def test_a_value_is_scaled_by_the_values_before_it() -> None:
    inputs, values = RunningInputs(["a", "b"]), np.random.default_rng(0).normal(50, 3, size=40)
    for i, value in enumerate(values.tolist()):
        raw, read, scaled = inputs.scaled(Step({"a": value, "b": None}))
        past = values[:i]
        expected = (value - past.mean()) / past.std() if i > 1 else 0.0
        assert scaled[0] == pytest.approx(np.clip(expected, -5, 5), abs=1e-9)
        assert not scaled[1:].any()
        inputs.learn(raw, read)


def test_a_path_finds_the_weights_and_stays_symmetric() -> None:
    rng, path = np.random.default_rng(0), LinearPath(4)
    for _ in range(3000):
        x = rng.normal(size=4)
        x[2] = x[1]
        path.learn(x, 7 + 2 * x[0] + x[1] - path.predict(x))
    assert path.predict(np.array([1.0, 1.0, 1.0, 0.0])) == pytest.approx(10, abs=0.01)
    np.testing.assert_array_equal(path.spread, path.spread.T)
    path.room(9)
    assert path.predict(np.array([1.0, 1.0, 1.0, 0.0, *[3.0] * 5])) == pytest.approx(10, abs=0.01)


def test_the_forecaster_of_the_smallest_error_answers() -> None:
    weights = mixed([1.0, 1.02, 3.0], 50.0)
    assert sum(weights) == pytest.approx(1)
    assert weights[0] > weights[1] > 0.3
    assert weights[2] < 1e-10
    assert mixed([0.0, 1.0, 0.0], 5.0) == [0.5, 0.0, 0.5]


def test_a_loss_that_doubles_alarms_soon_and_one_that_stays_does_not() -> None:
    for seed in range(5):
        page, losses = PageHinkley(), np.abs(np.random.default_rng(seed).normal(size=4000)).tolist()
        assert not any(page.alarm(loss) for loss in losses)
        alarms = [page.alarm(2 * loss) for loss in losses[:100]]
        assert 25 < alarms.index(True) < 95
        assert sum(alarms) == 1
