"""Every command that inspect suggests works when it is pasted, for tables of many kinds."""

import json
import shlex
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.conftest import QUIET, Cli

RNG = np.random.default_rng(1)
N = 36
COUNT = np.arange(N)
WAVE = np.sin(COUNT / 5).round(3)


def days(n: int = N, form: str = "%Y-%m-%d", freq: str = "D") -> Any:
    return pd.date_range("2024-01-01", periods=n, freq=freq).strftime(form)


def some(*values: Any) -> Any:
    return RNG.choice(values, N)


def normal(mean: float, spread: float) -> Any:
    return RNG.normal(mean, spread, N).round(2)


TABLES: dict[str, dict[str, Any]] = {
    "orders": {
        "order_id": COUNT + 1000,
        "customer_id": COUNT * 7 % 11,
        "price": normal(20, 5),
        "items": COUNT % 5 + 1,
        "returned": some("yes", "no"),
    },
    "events": {
        "customer_id": np.repeat(range(9), 4),
        "date": np.tile(days(4, freq="5D"), 9),
        "amount": normal(10, 3),
        "event": np.tile(["buy", "view", "return"], 12),
    },
    "clicks": {
        "userId": COUNT % 7,
        "timestamp": 1_700_000_000 + np.sort(COUNT * 977 % 5000),
        "page": np.tile(["home", "cart", "item"], 12),
        "seconds": COUNT * 5 % 31,
    },
    "patients": {
        "patient_id": [f"P{k:03}" for k in COUNT],
        "age": 20 + COUNT * 7 % 60,
        "bmi": normal(25, 4),
        "smoker": np.tile(["yes", "no"], 18),
        "diagnosis": np.tile(["ill", "healthy", "healthy"], 12),
    },
    "weather": {"date": days(form="%d/%m/%Y"), "temp": WAVE * 9, "wind": normal(10, 3)},
    "repeated times": {"time": np.repeat(days(18), 2), "value": WAVE, "other": normal(0, 1)},
    "stocks": {
        "Date": np.tile(pd.bdate_range("2024-01-01", periods=18).strftime("%Y-%m-%d"), 2),
        "Ticker": np.repeat(["AAA", "BBB"], 18),
        "Close": 100 + normal(0, 1).cumsum(),
        "Volume": COUNT * 71 % 999,
    },
    "houses": {
        "rooms": COUNT % 6 + 1,
        "area": normal(90, 20),
        "year": 1950 + COUNT * 13 % 70,
        "city": np.tile(["Rome", "Oslo"], 18),
        "price": normal(300, 60),
    },
    "accounts": {
        "CustomerNo": COUNT * 37 % 997 + 10_000,
        "age": COUNT % 40 + 20,
        "visits": COUNT % 5,
        "churned": some("yes", "no"),
    },
    "clocks": {"moment": 1_714_348_800 - 3600 * COUNT, "load": 100 + 20 * WAVE},
    "survey": {
        "respondent": COUNT + 1,
        **{f"q{k}": COUNT * (k + 2) % 5 for k in range(1, 6)},
        "satisfied": COUNT % 2,
    },
    "stores": {
        "store": np.repeat([1, 2], 18),
        "week": np.tile(range(1, 19), 2),
        "sales": normal(50, 9),
        "promo": COUNT % 2,
    },
    "gaps": {"date": days(), "load": np.where(COUNT % 9 == 4, np.nan, WAVE), "temp": normal(0, 1)},
    "machines": {
        "machine_id": np.repeat(range(4), 9),
        "cycle": np.tile(range(1, 10), 4),
        "heat": normal(60, 5),
        "failed": np.repeat([0, 1, 0, 1], 9),
    },
    "passengers": {
        "PassengerId": COUNT + 1,
        "Survived": COUNT % 2,
        "Name": [f"Mr. {k}" for k in COUNT],
        "Sex": np.tile(["male", "female"], 18),
        "Age": np.where(COUNT % 6 == 0, np.nan, COUNT + 5),
    },
}

MORE: dict[str, tuple[tuple[str, ...], ...]] = {
    "events": (("--input", "all", "--calendar", "auto", "--time", "date"), ("--input", "all")),
    "patients": (("--id", "patient_id", "--label", "diagnosis"), ("--layout", "features")),
    "weather": (("--calendar", "auto", "--layout", "features"), ("--time", "date")),
    "repeated times": (("--time", "time"), ("--layout", "features")),
    "houses": (("--group", "city"), ("--target", "price")),
    "gaps": (("--layout", "features"), ("--target", "load", "--horizon", "2")),
    "passengers": (("--input", "all", "--label", "Survived"),),
}


def suggested(cli: Cli, name: str, *options: str) -> tuple[list[list[str]], dict[str, Any]]:
    """Return the commands that are suggested for a table, and all that is said of it."""
    pd.DataFrame(TABLES[name]).to_csv("own.csv", index=False)
    said = cli("inspect", "own.csv", "--json", *options)
    assert said.code == 0, said.err
    found = json.loads(said.out)
    return [shlex.split(fit["command"])[1:] for fit in found["fits"] if fit["command"]], found


@pytest.mark.parametrize("name", TABLES)
def test_commands_work_when_they_are_pasted(name: str, cli: Cli) -> None:
    for options in ((), *MORE.get(name, ())):
        commands, found = suggested(cli, name, *options)
        assert commands or options, found["fits"]
        for command in commands:
            done = cli(*command, "--max-steps", 1, *QUIET)
            assert done.code == 0, (command, done.err)


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("orders", "order_id,customer_id"),
        ("clicks", "userId"),
        ("machines", "machine_id"),
        ("passengers", "PassengerId"),
        ("accounts", "CustomerNo"),
    ],
)
def test_ids_are_neither_inputs_nor_times(name: str, ids: str, cli: Cli) -> None:
    commands, found = suggested(cli, name)
    for command in commands:
        reads_one = "--horizon" in command
        assert reads_one or command[command.index("--drop") + 1] == ids
        assert "--time" not in command or command[command.index("--time") + 1] not in ids
    assert any("by the name, which say nothing about new rows" in w for w in found["warnings"])
    named, _ = suggested(cli, "orders", "--input", "customer_id,price")
    assert all("--drop" not in command for command in named)  # the user chose it


def test_a_column_that_is_dropped_is_not_counted(cli: Cli) -> None:
    _, found = suggested(cli, "accounts")
    layouts = {fit["job"]: fit["layout"] for fit in found["fits"]}
    assert layouts["classify"] == "1 step of 2 features"
    assert layouts["autoencode"] == "rows of 2 numbers"


def test_unix_times_are_the_time_of_a_forecast(cli: Cli) -> None:
    commands, _ = suggested(cli, "clocks")
    options = ["--time", "moment", "--target", "load", "--horizon", "1"]
    assert commands[0] == ["regress", "own.csv", *options]


def test_numbers_of_rows_are_no_time_and_no_target(cli: Cli) -> None:
    for command in suggested(cli, "survey")[0]:
        assert "respondent" not in command


def test_times_that_repeat_are_the_reason_why_a_forecast_does_not_fit(cli: Cli) -> None:
    _, found = suggested(cli, "repeated times")
    (why,) = (fit["why_not"] for fit in found["fits"] if fit["job"] == "regress")
    assert "occurs twice in the same series" in why
    assert "name the series with --id COL" in why


def test_ids_that_never_repeat_name_rows_of_features(cli: Cli) -> None:
    commands, found = suggested(cli, "patients", "--id", "patient_id", "--label", "diagnosis")
    assert any(
        "each row is a series of one step; add --layout features" in w for w in found["warnings"]
    )
    assert all(command[command.index("--layout") + 1] == "features" for command in commands)
    done = cli(*commands[0], "--max-steps", 1, *QUIET)
    assert done.code == 0
    assert cli("predict", "last", "own.csv").out.splitlines()[1].startswith("0,P000,")


@pytest.mark.parametrize(
    ("name", "column", "options"),
    [
        ("events", "date", ("--calendar", "auto", "--time", "date")),
        ("passengers", "Sex", ("--input", "all")),
    ],
)
def test_columns_of_text_and_dates_that_become_features_are_inputs(
    name: str, column: str, options: tuple[str, ...], cli: Cli
) -> None:
    _, found = suggested(cli, name, "--job", "autoencode", *options)
    (role,) = (each["role"] for each in found["table"] if each["name"] == column)
    assert role.startswith("input")
