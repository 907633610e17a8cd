"""Windows in units of their own deviation."""

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.errors import OptionError
from hiddenstate.program.rows import spread_at_each_step, spread_at_step
from hiddenstate.training.recipes import suggest

OPTIONS = {
    "horizon": 1,
    "linear": True,
    "scale": "window",
    "output": "last",
    "window": 8,
    "stride": 1,
    "stateful": False,
    "batch_size": 16,
}


def values(n: int = 60) -> np.ndarray:
    random = np.random.default_rng(0)
    sizes = np.array([1, 1e3, 1e6])[:, None, None]
    level = np.array([20, 0, -5])[:, None, None]
    return sizes * (random.normal(size=(3, n, 1)).cumsum(axis=1) + level)


def series(X: np.ndarray | None = None) -> SequenceDataset:
    X = values() if X is None else X
    return SequenceDataset("X", Rows(X, y=X.copy()), columns=("v",), targets=("v",))


@pytest.mark.parametrize("window", [1, 3, 7, 0])
def test_the_scale_at_a_step_is_that_of_the_values_before_it(window: int) -> None:
    X = values(12)
    every = spread_at_each_step(X, window)
    for step in range(12):
        one = spread_at_step(X, np.full(3, step), window)
        known = X[:, max(0, step - window + 1) if window else 0 : step + 1]
        np.testing.assert_allclose(one.location, known.mean(axis=1))
        np.testing.assert_allclose(one.location, every.location[:, step])
        np.testing.assert_allclose(one.size, every.size[:, step])
        if step and window != 1:
            np.testing.assert_allclose(one.size, known.std(axis=1))
            assert not one.flat.any()


def test_a_flat_window_has_the_size_of_its_values_and_is_marked() -> None:
    X = np.array([[7.1] * 5, [0.0] * 5, [1e6 + 0.1] * 5])[..., None]
    scale = spread_at_step(X, np.full(3, 4), 5)
    assert scale.flat.all()
    np.testing.assert_allclose(scale.size[:, 0], [7.1, 1, 1e6 + 0.1])


def test_series_of_any_size_are_the_same_to_the_network() -> None:
    X = np.repeat(values()[:1], 3, axis=0) * np.array([1, 1e3, 1e6])[:, None, None]
    prepared = prepare(series(X), make_config("regress", OPTIONS))
    train, transform = prepared.train, prepared.transform
    inputs = transform.net_inputs(train.X, train.lengths, "float32")
    n = len(inputs) // 3
    for each in (inputs, train.require_targets()):
        np.testing.assert_allclose(each[:n], each[2 * n :], rtol=1e-4, atol=1e-4)
    assert np.abs(inputs).max() < 8**0.5 + 1e-6


def test_targets_come_back_in_their_own_units() -> None:
    prepared = prepare(series(), make_config("regress", OPTIONS | {"test_fraction": 0.2}))
    transform = prepared.transform
    train, test = prepared.train, prepared.require_test()
    undone = transform.undo_targets(train.require_targets(), train.X, train.lengths)
    for rows, y in ((train, undone), (test, test.require_targets())):
        own = transform.undo(rows.X)[..., 0]
        known = own[:, 1:] if y.ndim == 3 else None
        if known is not None:  # the target of a step is the next value
            np.testing.assert_allclose(y[:, :-1, 0], known, rtol=1e-4, atol=1e-4)
        assert np.isfinite(y).all()


def test_the_network_learns_nothing_after_flat_windows_and_adds_nothing() -> None:
    X = values()
    X[0, 20:40] = 20
    prepared = prepare(series(X), make_config("regress", OPTIONS))
    train, transform = prepared.train, prepared.transform
    flat = transform.window_scale(train.X, None).flat[:, 0]
    assert 0 < flat.sum() < len(flat) / 2
    learned = transform.net_targets(train.require_targets(), train.X, None)
    assert (learned[flat] == 0).all()
    assert (transform.net_outputs(np.ones((len(flat), 1)), train.X, None)[:, 0] == ~flat).all()
    assert np.isfinite(train.require_targets()).all()


def test_a_gap_at_the_start_of_a_small_series_is_not_the_mean_of_the_large_ones() -> None:
    X = values()
    X[0, :5] = np.nan
    prepared = prepare(series(X), make_config("regress", OPTIONS | {"missing": "forward"}))
    origin = prepared.train.origin
    assert origin is not None
    own = prepared.train.X[origin.series == 0]
    assert np.abs(own).max() < 100


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"linear": False}, "window applies only to forecasts with a linear path"),
        ({"output": "steps"}, "one target per window; add --output last"),
        ({"missing": "mean"}, "use --missing forward or drop"),
    ],
)
def test_options_that_do_not_go_with_it_are_refused(changes: dict, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        make_config("regress", OPTIONS | changes)


@pytest.mark.parametrize(
    ("given", "scale"),
    [
        ({}, "window"),
        ({"missing": "mask"}, "auto"),
        ({"output": "steps"}, "auto"),
        ({"linear": False}, "auto"),
    ],
)
def test_the_recipe_scales_by_window_where_several_series_are_forecast(given, scale) -> None:
    given = {"horizon": 1} | given
    assert suggest("regress", series(), given)["scale"] == scale
    make_config("regress", suggest("regress", series(), given) | given)
    assert suggest("regress", series(values()[:1]), given)["scale"] == "auto"
