"""Forecasts in Python: series in, the steps after them out."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hiddenstate import RecurrentRegressor, load
from hiddenstate.errors import DataError, OptionError

MONTHS = np.arange(132)
SALES = 20 + 0.1 * MONTHS + 4 * np.sin(2 * np.pi * MONTHS / 12)
QUICK: dict[str, Any] = {"horizon": 2, "window": 12, "max_steps": 20, "random_state": 0}
FRAME = pd.DataFrame({"sales": SALES, "promo": (MONTHS % 5 == 0) * 1.0})


@pytest.fixture(scope="module")
def seasonal() -> RecurrentRegressor:
    model = RecurrentRegressor(horizon=1, recipe="auto", max_steps=60, random_state=0)
    return model.fit(SALES[:108])


def test_a_season_and_a_trend_go_on(seasonal: RecurrentRegressor) -> None:
    made = seasonal.forecast(horizon=24)
    assert made.shape == (24,)
    assert np.abs(made - SALES[108:]).max() < 0.5


def test_it_is_the_forecast_of_the_command(
    seasonal: RecurrentRegressor, cli: Any, tmp_path: Path
) -> None:
    seasonal.save(tmp_path / "m.safetensors")
    np.save(tmp_path / "x.npy", SALES[:108])
    words = ("forecast", "m.safetensors", "x.npy", "--horizon", 24, "--level", "80")
    done = cli(*words)
    assert done.code == 0, done.err
    head, *lines = [line.split(",") for line in done.out.splitlines()]
    printed = {
        name: [float(line[i]) for line in lines]
        for i, name in enumerate(head)
        if name.startswith("value")
    }
    made, ends = load(tmp_path / "m.safetensors").forecast(SALES[:108], horizon=24, level=[0.8])
    np.testing.assert_allclose(made, printed["value"], rtol=1e-6)
    np.testing.assert_allclose(ends[0.8][0], printed["value_lower_80"], rtol=1e-6)
    np.testing.assert_allclose(ends[0.8][1], printed["value_upper_80"], rtol=1e-6)


def test_a_loaded_model_forecasts_the_series_it_is_given(
    seasonal: RecurrentRegressor, tmp_path: Path
) -> None:
    seasonal.save(tmp_path / "m.safetensors")
    loaded = load(tmp_path / "m.safetensors")
    assert (loaded.forecast(SALES[:108], horizon=5) == seasonal.forecast(horizon=5)).all()
    with pytest.raises(OptionError, match="training series are not saved; pass X"):
        loaded.forecast()


@pytest.mark.parametrize(
    ("X", "y", "shape"),
    [
        (SALES, None, (2,)),
        (SALES.tolist(), None, (2,)),
        (FRAME, None, (2, 2)),
        (FRAME, "sales", (2,)),
        (FRAME.to_numpy(), [0], (2,)),
        ([SALES, SALES[40:]], None, (2, 2)),
        (np.stack([FRAME, FRAME, FRAME]), None, (3, 2, 2)),
        ([FRAME, FRAME[30:]], ["promo"], (2, 2)),
    ],
)
def test_series_of_any_form_have_forecasts_of_its_shape(X: Any, y: Any, shape: Any) -> None:
    model = RecurrentRegressor(**QUICK).fit(X, y)
    made = model.forecast()
    assert made.shape == shape
    assert np.isfinite(made).all()
    assert (made == model.forecast(X)).all()


def test_windows_are_answered_with_the_values_after_them() -> None:
    model = RecurrentRegressor(**QUICK, linear=True).fit(SALES)
    windows = np.lib.stride_tricks.sliding_window_view(SALES, 12)[:, :, None]
    made = model.predict(windows[:-2])
    assert made.shape == (len(SALES) - 13,)
    assert np.abs(made - SALES[13:]).mean() < 1
    assert model.forecast()[1] == pytest.approx(model.predict(windows[-1:])[0], abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "X", "y", "message"),
    [
        ({"stateful": True}, SALES, None, "stateful: does not go with horizon"),
        ({}, FRAME, "sale", "got sale; the features are sales, promo; did you mean sales"),
        ({}, FRAME, 2, "got 2; the features are sales, promo"),
        ({}, FRAME, [0, 0], "expected different features"),
        ({}, FRAME, FRAME.to_numpy(), "names or numbers of features, got"),
        ({}, SALES[:5], None, "a window has 12 steps, but the longest series has 3"),
        ({"horizon": None}, SALES[:, None], SALES, "window: applies to forecasts; set horizon"),
    ],
)
def test_what_does_not_fit_is_one_line(changes: Any, X: Any, y: Any, message: str) -> None:
    with pytest.raises((DataError, OptionError), match=message) as refused:
        RecurrentRegressor(**{**QUICK, **changes}).fit(X, y)
    assert "\n" not in str(refused.value)


def test_a_path_beyond_the_horizon_needs_all_features() -> None:
    model = RecurrentRegressor(**QUICK).fit(FRAME, "sales")
    with pytest.raises(OptionError, match="train with horizon=5"):
        model.forecast(horizon=5)


@pytest.mark.parametrize(
    ("X", "level", "message"),
    [
        (None, (0.8,), "level: no steps were held out of training; fit with"),
        (SALES, (80,), "expected numbers between 0 and 1, got 80"),
        (SALES, 80, "expected numbers between 0 and 1, got 80"),
        (SALES, "80", "expected numbers between 0 and 1, got 80"),
    ],
)
def test_a_forecast_that_cannot_be_made_says_why(
    seasonal: RecurrentRegressor, X: Any, level: Any, message: str
) -> None:
    with pytest.raises((DataError, OptionError), match=message):
        seasonal.forecast(X, level=level)


def test_intervals_are_calibrated_on_what_was_not_trained_on(tmp_path: Path) -> None:
    noisy = SALES + np.random.default_rng(0).normal(0, 1, len(SALES))
    model = RecurrentRegressor(**QUICK).fit(noisy[:100])
    model.save(tmp_path / "m.safetensors")
    later = noisy[100 - 13 :]  # the last windows of 12 steps before it, 2 steps ahead
    made, ends = model.forecast(noisy, level=0.8)
    alone, of_later = load(tmp_path / "m.safetensors").forecast(later, level=0.8)
    np.testing.assert_allclose(made, alone)
    np.testing.assert_allclose(ends[0.8], of_later[0.8], atol=0.05)  # one error more or less
    of_all = load(tmp_path / "m.safetensors").forecast(noisy, level=0.8)[1]
    assert not np.allclose(ends[0.8], of_all[0.8], atol=0.05)
    both = model.forecast([noisy, later], level=0.8)[0]
    assert both.shape == (2, 2)


def test_a_model_without_a_horizon_says_how_to_train_one() -> None:
    model = RecurrentRegressor(max_steps=2).fit(SALES.reshape(11, 12, 1), np.arange(11.0))
    with pytest.raises(OptionError, match="not trained with horizon"):
        model.forecast(SALES)


@pytest.mark.parametrize("horizon", [0, -1, 1.5, "3", True])
def test_a_horizon_is_a_positive_integer(seasonal: RecurrentRegressor, horizon: Any) -> None:
    with pytest.raises(OptionError, match="horizon: "):
        seasonal.forecast(horizon=horizon)


def test_the_spread_of_members_is_given_with_the_forecast() -> None:
    model = RecurrentRegressor(**{**QUICK, "members": 3}).fit(SALES)
    made, ends = model.forecast(horizon=4, members=True)
    low, high = ends["members"]
    assert made.shape == low.shape == high.shape == (4,)
    assert ((low < made) & (made < high)).all()
    both = model.forecast([SALES, SALES[:60]], horizon=2, level=0.5, members=True)[1]
    assert set(both) == {0.5, "members"}
    assert both["members"][0].shape == (2, 2)
    with pytest.raises(OptionError, match="a single net; fit one with members=5"):
        RecurrentRegressor(**QUICK).fit(SALES).forecast(members=True)
