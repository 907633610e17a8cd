"""Dated frames in Python: the model, the forecasts and the dates of the command."""

import io
import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hiddenstate import RecurrentRegressor, Run, load
from hiddenstate.errors import DataError, OptionError
from tests.conftest import QUIET, Cli

polars = pytest.importorskip("polars")

RANDOM = np.random.default_rng(0)
N = 120
QUICK: dict[str, Any] = {"recipe": "auto", "max_steps": 10, "random_state": 3}
SPLIT: dict[str, Any] = {**QUICK, "test_fraction": 0.2}
WORDS = ("--max-steps", 10, "--seed", 3, "--dtype", "float64", *QUIET)


def store(level: float, start: str = "2024-01-01") -> pd.DataFrame:
    day = pd.date_range(start, periods=N + 7, freq="D")
    promo = (RANDOM.random(N + 7) < 1 / 7).astype(int)
    week = np.array([1, 1.1, 1, 0.9, 1.2, 1.5, 0.6])[day.day_of_week]
    sales = level * (1 + 0.3 * promo) * week * RANDOM.normal(1, 0.1, N + 7)
    return pd.DataFrame({"day": day, "sales": np.round(sales, 3), "promo": promo})


ONE = store(100)
SHOPS = pd.concat([store(10).assign(shop="b")[:-1], store(90).assign(shop="a")[:-2]])
KNOWN = ONE[-7:].drop(columns="sales")


def printed(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text), float_precision="round_trip")


def by_command(cli: Cli, frame: pd.DataFrame, *words: object) -> Any:
    """Train a run of the command on the rows of a frame."""
    frame.to_csv("own.csv", index=False)
    done = cli("regress", "own.csv", *words, *WORDS)
    assert done.code == 0, done.err
    return load("runs/regress-1/model.safetensors")


def forecast_of(cli: Cli, *words: object) -> pd.DataFrame:
    done = cli("forecast", *words)
    assert done.code == 0, done.err
    return printed(done.out)


def check_same(frame: pd.DataFrame, table: pd.DataFrame) -> None:
    assert list(frame) == list(table)
    for name in frame:
        own = frame[name].to_numpy()
        if name == "time":
            pd.testing.assert_series_equal(
                frame[name], pd.to_datetime(table[name]), check_dtype=False
            )
        else:
            np.testing.assert_array_equal(own, table[name].to_numpy())


def test_a_dated_frame_gives_the_model_and_the_table_of_the_command(cli: Cli) -> None:
    made = by_command(cli, ONE[:N], "--target", "sales", "--time", "day", "--horizon", 2, *FUTURE)
    KNOWN.to_csv("known.csv", index=False)
    words = ("--horizon", 7, "--future", "known.csv", "--level", "60,80")
    table = forecast_of(cli, "regress-1", *words)
    model = RecurrentRegressor(horizon=2, future=["promo"], **SPLIT).fit(ONE[:N], "sales")
    for name, values in made.model_.params.items():
        np.testing.assert_array_equal(model.model_.params[name], values)
    options: dict[str, Any] = {"horizon": 7, "level": (0.8, 0.6)}
    frame = model.forecast_table(future=KNOWN, **options)
    check_same(frame, table)
    values, ends = model.forecast(future=KNOWN, **options)
    np.testing.assert_array_equal(values, frame["sales"])
    np.testing.assert_array_equal(ends[0.8][1], frame["sales_upper_80"])
    again = pickle.loads(pickle.dumps(model))
    pd.testing.assert_frame_equal(again.forecast_table(future=KNOWN, **options), frame)
    assert (made.forecast_table(ONE[:N], future=KNOWN, horizon=7)["sales"] == frame["sales"]).all()


FUTURE = ("--future", "promo")


@pytest.mark.parametrize("form", ["column", "index", "period", "zone", "polars", "objects", "text"])
def test_dates_have_the_type_of_the_frame(form: str) -> None:
    own = ONE.drop(columns="promo")
    if form == "zone":
        own = own.assign(day=own["day"].dt.tz_localize("Europe/Oslo"))
    if form == "objects":
        own = own.assign(day=own["day"].dt.date)
    if form == "text":
        own = own.assign(day=own["day"].dt.strftime("%Y-%m-%d"))
    frame: Any = own[:N]
    if form in ("index", "period"):
        frame = frame.set_index("day")
    if form == "period":
        frame = frame.to_period("D")
    if form == "polars":
        frame = polars.from_pandas(frame)
    model = RecurrentRegressor(horizon=1, time="day", **QUICK).fit(frame, "sales")
    table = model.forecast_table(horizon=7)
    assert type(table) is type(frame)
    days = table["time"].to_list()
    if form == "period":
        assert str(table["time"].dtype) == "period[D]"
        days = [day.to_timestamp() for day in days]
    assert days == list(own["day"][N:])
    assert form in ("period", "polars") or table["time"].dtype == own["day"].dtype
    values = model.forecast(horizon=7)
    np.testing.assert_array_equal(values, table["sales"])
    np.testing.assert_array_equal(model.forecast(frame, horizon=7), values)
    assert table["step"].to_list() == list(range(N, N + 7))


@pytest.mark.parametrize("form", ["id", "index", "list"])
def test_several_series_of_a_column_an_index_or_a_list(form: str, cli: Cli) -> None:
    words = ("--target", "sales", "--time", "day", "--id", "shop", "--horizon", 1)
    own = SHOPS.drop(columns="promo")
    made = by_command(cli, own, *words)
    table = forecast_of(cli, "regress-1", "--horizon", 3)
    frame: Any = own
    options: dict[str, Any] = {"id": "shop"}
    if form == "index":
        frame, options = own.set_index(["shop", "day"]), {}
    if form == "list":
        frame = [part.drop(columns="shop") for _, part in own.groupby("shop", sort=False)]
        options = {}
    model = RecurrentRegressor(horizon=1, **options, **SPLIT).fit(frame, "sales")
    for name, values in made.model_.params.items():
        np.testing.assert_array_equal(model.model_.params[name], values)
    given = model.forecast_table(horizon=3, level=[0.95, 0.8])
    if form == "list":
        assert given["series"].tolist() == [0, 0, 0, 1, 1, 1]
        given["series"] = table["series"]
    check_same(given, table)
    assert model.forecast(horizon=3).shape == (2, 3)
    assert (model.forecast(frame) == model.forecast()).all()


def test_rows_after_the_last_target_are_what_is_known_ahead() -> None:
    model = RecurrentRegressor(horizon=1, future="promo", **SPLIT).fit(ONE[:N], "sales")
    expected = model.forecast_table(horizon=7, future=KNOWN)
    both = pd.concat([ONE[:N], KNOWN])
    pd.testing.assert_frame_equal(model.forecast_table(both, horizon=7), expected)
    for future in (KNOWN["promo"], KNOWN[["promo"]].to_numpy()):  # the dates follow
        np.testing.assert_array_equal(model.forecast(horizon=7, future=future), expected["sales"])


def test_predict_leaves_dated_frames_to_forecast() -> None:
    frame = ONE[:N].set_index("day")
    model = RecurrentRegressor(horizon=1, **QUICK).fit(frame[["sales"]], "sales")
    with pytest.raises(DataError, match="known ahead, which the model reads; use forecast"):
        model.predict(frame)


def test_the_order_of_rows_does_not_matter_and_a_date_twice_is_refused() -> None:
    frame = ONE[:N].set_index("day").drop(columns="promo")
    with pytest.warns(UserWarning, match="not in the order"):
        turned = RecurrentRegressor(horizon=1, **QUICK).fit(frame[::-1])
    straight = RecurrentRegressor(horizon=1, **QUICK).fit(frame)
    np.testing.assert_array_equal(turned.forecast(), straight.forecast())
    twice = pd.concat([frame, frame[-1:]])
    with pytest.raises(
        DataError, match=r"X:row 120:day: time 2024-04-29 occurs twice .*with id='COL'"
    ):
        RecurrentRegressor(horizon=1, **QUICK).fit(twice)


@pytest.mark.parametrize(
    ("options", "X", "message"),
    [
        ({"time": "day"}, ONE["sales"].to_numpy(), "time: requires X to be a data frame"),
        ({"id": "shop"}, [ONE, ONE["sales"].to_numpy()], "id: requires X to be a data frame, or"),
        ({}, [ONE, ONE["sales"]], "its columns are not those of the first frame: day, promo"),
        ({}, ONE.astype({"day": str}), "day holds text; if it holds dates, name it"),
        ({"time": "dya"}, ONE, "X: no column dya .time.; did you mean day"),
        ({"id": "shp"}, SHOPS, "id: .* got shp; .*did you mean shop"),
        ({"horizon": None, "time": "day"}, ONE, "time: applies to forecasts; set horizon"),
        ({"test_fraction": 0.2, "horizon": None}, ONE, "test_fraction: applies to forecasts"),
        ({"calendar": "week"}, ONE, "calendar"),
    ],
)
def test_what_does_not_fit_is_one_line(options: Any, X: Any, message: str) -> None:
    with pytest.raises((DataError, OptionError), match=message) as refused:
        RecurrentRegressor(**{"horizon": 1, **QUICK, **options}).fit(X, "sales")
    assert "\n" not in str(refused.value)
    assert "--" not in str(refused.value)


def test_held_out_steps_of_arrays_give_intervals_too() -> None:
    sales = ONE["sales"].to_numpy()[:N]
    model = RecurrentRegressor(horizon=1, **SPLIT).fit(sales)
    dated = RecurrentRegressor(horizon=1, calendar="none", **SPLIT).fit(ONE[["day", "sales"]][:N])
    made, ends = model.forecast(level=0.8)
    expected, of_dates = dated.forecast(level=0.8)
    np.testing.assert_array_equal(made, expected)
    np.testing.assert_array_equal(ends[0.8], of_dates[0.8])
    table = model.forecast_table(horizon=2, level=0.8)
    assert table["step"].tolist() == [N, N + 1]
    assert list(table) == ["step", "ahead", "method", "value", "value_lower_80", "value_upper_80"]
    with pytest.raises(OptionError, match="level: no steps were held out"):
        RecurrentRegressor(horizon=1, **QUICK).fit(sales).forecast_table(level=0.8)


def test_the_folder_of_a_run_forecasts_its_own_series(cli: Cli) -> None:
    by_command(cli, ONE[:N], "--target", "sales", "--time", "day", "--horizon", 2, *FUTURE)
    KNOWN.to_csv("known.csv", index=False)
    words = ("--future", "known.csv", "--level", "60,80", "--horizon", 6)
    table = forecast_of(cli, "regress-1", *words)
    of_file = forecast_of(cli, "regress-1", "own.csv", *words)
    options: dict[str, Any] = {"horizon": 6, "level": (0.6, 0.8)}
    for run in ("runs/regress-1", Run("runs/regress-1")):
        made = load(run).forecast_table(future="known.csv", **options)
        check_same(pd.DataFrame(made).assign(time=pd.to_datetime(made["time"])), table)
    loaded = load("runs/regress-1/model.safetensors", RecurrentRegressor)
    made = loaded.forecast_table("own.csv", future=KNOWN, **options)
    np.testing.assert_array_equal(made["sales_upper_80"], of_file["sales_upper_80"])
    check_same(loaded.forecast_table(ONE[:N], future=KNOWN, **options), of_file)
    with pytest.raises(OptionError, match="the training series are not saved; pass X"):
        loaded.forecast_table()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"season": 5}, ("--season", 5)),
        ({"season": "none"}, ("--season", "none")),
        ({"linear": True, "recipe": None, "window": 20}, None),
    ],
)
def test_the_season_is_that_of_the_command(options: Any, words: Any, cli: Cli) -> None:
    own = ONE[["day", "sales"]][:N]
    model = RecurrentRegressor(**{"horizon": 1, **QUICK, **options}).fit(own)
    linear = model.model_.transform.linear
    assert linear is not None
    if words is None:
        assert linear.seasons == (7,)
        return
    words = ("--target", "sales", "--time", "day", "--horizon", 1, "--test-fraction", 0, *words)
    made = by_command(cli, own, *words)
    assert linear.seasons == made.model_.transform.linear.seasons
    for name, values in made.model_.params.items():
        np.testing.assert_array_equal(model.model_.params[name], values)
    with pytest.raises(OptionError, match=r"season: 61 .* at most 60, or season='none'"):
        RecurrentRegressor(**{"horizon": 1, **QUICK, "season": 61}).fit(own)


def test_numbers_of_steps_and_a_pandas_series_are_times_too() -> None:
    years = pd.DataFrame({"year": np.arange(1900, 1900 + N), "value": ONE["sales"][:N]})
    table = RecurrentRegressor(horizon=1, time="year", **QUICK).fit(years).forecast_table(horizon=2)
    assert table["time"].dtype == years["year"].dtype
    assert table["time"].tolist() == [1900 + N, 1901 + N]
    alone = ONE.set_index("day")["sales"][:N]
    model = RecurrentRegressor(horizon=1, **QUICK).fit(alone)
    expected = RecurrentRegressor(horizon=1, **QUICK).fit(ONE[["day", "sales"]][:N])
    pd.testing.assert_frame_equal(model.forecast_table(), expected.forecast_table())
    pd.testing.assert_frame_equal(model.forecast_table(alone), expected.forecast_table())


@pytest.mark.parametrize("every", [None, "day"])
def test_missing_days_are_filled_in_as_by_the_command(every: Any, cli: Cli) -> None:
    own = ONE[:N].drop(index=[20, 21, 60])
    words: Any = ("--target", "sales", "--time", "day", "--horizon", 1, *FUTURE)
    options: dict[str, Any] = {"horizon": 1, "future": ["promo"], **SPLIT}
    if every is not None:
        words += ("--every", every, "--missing", "mask")
        options |= {"every": every, "missing": "mask"}
    made = by_command(cli, own, *words)
    KNOWN.to_csv("known.csv", index=False)
    table = forecast_of(cli, "regress-1", "--horizon", 5, "--future", "known.csv", "--level", "60")
    with pytest.warns(UserWarning, match="X: 3 .*days"):
        model = RecurrentRegressor(**options).fit(own, "sales")
    for name, values in made.model_.params.items():
        np.testing.assert_array_equal(model.model_.params[name], values)
    check_same(model.forecast_table(horizon=5, future=KNOWN, level=0.6), table)
    assert table["step"][0] == N


def test_hours_follow_the_clock_of_a_time_zone_that_has_a_name() -> None:
    hours = pd.date_range("2024-03-24", "2024-03-30", freq="h", tz="Europe/Oslo")
    load = 100 + 20 * np.sin(2 * np.pi * hours.hour / 24) + 5 * RANDOM.normal(size=len(hours))
    frame = pd.DataFrame({"load": np.asarray(load)}, index=hours)
    model = RecurrentRegressor(horizon=1, **QUICK).fit(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = model.forecast_table(horizon=48)  # on 31 March the hour from 2 to 3 is left out
    later = pd.date_range(hours[-1], periods=49, freq="h")[1:]
    assert list(table["time"]) == list(later)
    np.testing.assert_array_equal(
        table["load"], model.forecast(horizon=48, future=pd.DataFrame(index=later))
    )
    days = ONE[["day", "sales"]][:90].set_index("day").tz_localize("Europe/Oslo")  # to 30 March
    table = RecurrentRegressor(horizon=1, **QUICK).fit(days).forecast_table(horizon=3)
    assert list(table["time"]) == list(pd.date_range(days.index[-1], periods=4, freq="D")[1:])
