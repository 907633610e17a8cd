"""The calendar of daily and hourly data, which forecasts read by default."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.runs import Run
from hiddenstate.training.start import plan
from tests.conftest import Cli

DAYS = np.arange("2024-01-01", "2024-04-10", dtype="M8[D]").astype(str)
HOURS = [f"{h}"[:16] for h in np.arange("2024-01-01T00", "2024-01-21T00", dtype="M8[h]")]
FEW = ("--view", "off", "--threads", 1, "--max-steps", 2)


def write(path: Path, times: Any, shops: tuple[str, ...] = ("a",), promotion: bool = False) -> Path:
    """Sales that a weekday changes; with a promotion, the last two days have no sales."""
    random, lines = np.random.default_rng(0), ["date,shop,promotion,sales"]
    for shop in shops:
        for i, time in enumerate(times):
            day = np.datetime64(time, "D").astype(int) % 7
            sales = 100 + 20 * (day == 3) + 0.5 * random.normal()
            unknown = promotion and i >= len(times) - 2
            lines.append(f"{time},{shop},{i % 3 // 2},{'' if unknown else round(sales, 3)}")
    path.write_text("\n".join([*lines, ""]))
    return path


def planned(path: Path, **more: Any) -> Any:
    words = {"data": str(path), "target": ("sales",), "horizon": 1, "id": ("shop",)}
    return plan("regress", {**words, **more})[0].data


def test_the_recipe_adds_what_daily_and_hourly_data_show(tmp_path: Path) -> None:
    days = planned(write(tmp_path / "days.csv", DAYS))
    assert (days.calendar, days.future) == (("weekdays",), ("date",))
    hours = planned(write(tmp_path / "hours.csv", HOURS), future=("promotion",))
    assert (hours.calendar, hours.future) == (("hours", "weekdays"), ("promotion", "date"))
    few = planned(write(tmp_path / "few.csv", HOURS[:100]), max_steps=1)
    assert few.calendar == ("hours",)


def test_seconds_since_1970_are_no_calendar_that_is_read_by_default(tmp_path: Path) -> None:
    path = tmp_path / "seconds.csv"
    rows = [f"{1_700_000_000 + 3600 * i},{i % 24}" for i in range(200)]
    path.write_text("\n".join(["time,sales", *rows, ""]))
    config = planned(path, id=None)
    assert (config.calendar, config.future) == (None, None)


def test_a_series_of_other_steps_than_the_others_is_not_filled_in(tmp_path: Path) -> None:
    days = write(tmp_path / "days.csv", np.arange("2020-01-01", "2023-01-01", dtype="M8[D]"))
    months = write(tmp_path / "months.csv", [f"2022-{m:02}-28" for m in range(10, 13)], ("b",))
    rows = months.read_text().splitlines(keepends=True)[1:]
    days.write_text(days.read_text() + "".join(rows))
    assert planned(days).every is None  # 59 of 1,158 days are missing, all of b


@pytest.mark.parametrize(
    "own",
    [
        {"calendar": ("none",)},
        {"calendar": ("month",)},
        {"linear": False},
        {"horizon": None, "input": ("promotion",)},
        {"recipe": "classic", "stateful": False},
    ],
)
def test_it_adds_no_calendar_to_what_an_option_says(own: dict[str, Any], tmp_path: Path) -> None:
    config = planned(write(tmp_path / "days.csv", DAYS), **own)
    assert config.calendar == own.get("calendar")
    assert config.future is None


def test_weeks_have_no_calendar(tmp_path: Path) -> None:
    weeks = np.arange("2020-01-01", "2022-01-01", 7, dtype="M8[D]").astype(str)
    assert planned(write(tmp_path / "weeks.csv", weeks)).calendar is None


@pytest.mark.parametrize("promotion", [False, True])
def test_a_forecast_continues_the_calendar(promotion: bool, cli: Cli, tmp_path: Path) -> None:
    path = write(tmp_path / "own.csv", DAYS, ("a", "b"), promotion)
    words = ["--target", "sales", "--id", "shop", "--horizon", 1, *FEW]
    words += ["--future", "promotion"] * promotion
    assert cli("regress", path, *words).code == 0
    model = Run(tmp_path / "runs/regress-1").model()
    path_of_model = model.transform.linear
    assert path_of_model is not None
    assert path_of_model.effects is not None
    done = cli("forecast", "last", "--horizon", 2 if promotion else 7, "--level", "none")
    assert done.code == 0, done.err
    rows = [row for row in csv.DictReader(done.out.splitlines()) if row["series"] == "b"]
    for row in rows:
        day = np.datetime64(row["time"], "D").astype(int) % 7
        assert float(row["sales"]) == pytest.approx(100 + 20 * (day == 3), abs=3), row


def test_predictions_reach_beyond_the_data(cli: Cli, tmp_path: Path) -> None:
    path = write(tmp_path / "own.csv", DAYS)
    words = ("--target", "sales", "--id", "shop", "--horizon", 3, *FEW)
    assert cli("regress", path, *words).code == 0
    rows = list(csv.DictReader(cli("predict", "last", path).out.splitlines()))
    made = list(csv.DictReader(cli("forecast", "last", "--level", "none").out.splitlines()))
    assert rows[-1]["target_time"] == made[2]["time"] == "2024-04-12"
    assert float(rows[-1]["sales"]) == pytest.approx(float(made[2]["sales"]), rel=1e-6)
