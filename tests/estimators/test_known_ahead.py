"""Features known ahead in Python: named in the estimator, and passed to `forecast`."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hiddenstate import RecurrentRegressor, load
from hiddenstate.errors import DataError, OptionError

RANDOM = np.random.default_rng(0)
N = 120
PRICE = 10 - 3.0 * (RANDOM.random(N + 6) < 0.3)
SALES = 50 - 4 * (PRICE - 10) + np.cumsum(RANDOM.normal(size=N + 6) * 0.05)
FRAME = pd.DataFrame({"sales": SALES, "price": PRICE})
QUICK: dict[str, Any] = {"window": 12, "max_steps": 20, "random_state": 0, "linear": True}


@pytest.fixture(scope="module")
def priced() -> RecurrentRegressor:
    return RecurrentRegressor(horizon=2, future=["price"], **QUICK).fit(FRAME[:N])


def test_the_values_passed_are_read_at_their_time(priced: RecurrentRegressor) -> None:
    made = priced.forecast(horizon=6, future=FRAME[N:])
    assert np.abs(made - SALES[N:]).max() < 2
    assert (made == priced.forecast(horizon=6, future=PRICE[N:])).all()
    assert (made == priced.forecast(FRAME[:N], horizon=6, future=PRICE[N:, None])).all()
    lower = PRICE[N:].copy()
    lower[4] -= 1
    changed = priced.forecast(horizon=6, future=lower) - made
    assert changed[4] == pytest.approx(4, abs=1)
    assert np.abs(changed[:4]).max() < 1e-5


def test_a_loaded_model_and_numbers_of_features_do_the_same(
    priced: RecurrentRegressor, tmp_path: Path
) -> None:
    made = priced.forecast(FRAME[:N], horizon=4, future=PRICE[N:])
    priced.save(tmp_path / "m.safetensors")
    loaded = load(tmp_path / "m.safetensors")
    assert (loaded.forecast(FRAME[:N], horizon=4, future=PRICE[N:]) == made).all()
    plain = RecurrentRegressor(horizon=2, future=[1], **QUICK).fit(FRAME[:N].to_numpy())
    np.testing.assert_allclose(plain.forecast(horizon=4, future=PRICE[N:]), made, rtol=1e-6)


def test_several_series_have_values_each_and_static_features(priced: RecurrentRegressor) -> None:
    frames = [FRAME[:N].assign(kind=1.0), FRAME[20:N].assign(kind=2.0)]
    model = RecurrentRegressor(horizon=1, future="price", static="kind", members=2, **QUICK)
    made = model.fit(frames).forecast(horizon=5, future=[FRAME[N:], FRAME[N:]])
    assert made.shape == (2, 5)
    assert np.abs(made - SALES[N : N + 5]).max() < 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({}, "future: the model reads price; pass their values at the 2 steps after"),
        ({"future": PRICE[:1]}, "future: 1 step, expected 2"),
        ({"future": FRAME[["sales"]]}, "no input column price"),
        ({"future": "x"}, "x: no such file or folder"),
        ({"future": [["x"], ["y"]]}, "expected numbers"),
        ({"future": np.full(4, np.nan)}, "missing or not finite at step 0"),
        ({"future": [FRAME, FRAME, FRAME]}, "values after 3 series|shape"),
        ({"future": np.ones((3, 2))}, r"shape \(3, 2\), expected \(2, 1\): price"),
    ],
)
def test_values_that_do_not_fit_are_refused(
    priced: RecurrentRegressor, words: Any, message: str
) -> None:
    with pytest.raises((DataError, OptionError), match=message) as refused:
        priced.forecast(**words)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "y", "message"),
    [
        ({"future": ["prize"]}, None, "got prize; the features are sales, price; did you mean"),
        ({"future": [0, 1]}, None, "expected features to forecast"),
        ({"future": [1]}, "price", "price is to be forecast, but is in future or static"),
        ({"static": [1]}, None, "price changes in series 0"),
        ({"horizon": None, "future": [1]}, SALES, "applies to forecasts; set horizon"),
        ({"future": 1.5}, None, "got 1.5"),
    ],
)
def test_features_that_do_not_fit_are_refused(changes: Any, y: Any, message: str) -> None:
    quick = {k: v for k, v in QUICK.items() if k in ("max_steps", "random_state")}
    with pytest.raises((DataError, OptionError), match=message):
        RecurrentRegressor(**{"horizon": 1, **quick, **changes}).fit(FRAME, y)


def test_windows_without_what_follows_them_are_refused(priced: RecurrentRegressor) -> None:
    with pytest.raises(DataError, match="no values known ahead"):
        priced.predict([FRAME[:N]])
    plain = RecurrentRegressor(horizon=1, **QUICK).fit(SALES)
    with pytest.raises(OptionError, match="was not fitted with future"):
        plain.forecast(future=PRICE)
