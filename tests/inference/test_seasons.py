"""Seasons of runs: which line names them, what they scale, and where they are refused."""

import datetime
import json
import re
from pathlib import Path

import numpy as np
import pytest

from hiddenstate.runs import Run
from tests.conftest import Cli

OFF = ("--horizon", 1, "--view", "off", "--threads", "1", "--max-steps", 2)


@pytest.fixture
def sales(tmp_path: Path) -> tuple[str, np.ndarray]:
    """Daily sales of 20 weeks, with noise."""
    t, random = np.arange(140), np.random.default_rng(0)
    values = 100 + 30 * np.array([0, 0, 0, 1, 2, 3, -1])[t % 7] + 5 * random.normal(size=140)
    day = datetime.date(2024, 1, 1)
    rows = [f"{day + datetime.timedelta(int(i))},{v}\n" for i, v in zip(t, values, strict=True)]
    (tmp_path / "sales.csv").write_text("date,sales\n" + "".join(rows))
    return "sales.csv", values


def scaled(values: np.ndarray, errors: np.ndarray, season: int) -> float:
    """The MASE of the last 28 days by its definition."""
    train = values[:112]
    return float(np.abs(errors).mean() / np.abs(train[season:] - train[:-season]).mean())


@pytest.mark.parametrize(
    ("given", "season", "words"),
    [
        ((), 7, "season of 7 steps, of the calendar"),
        (("--season", "14,7"), 14, "season of 14 steps and of 7, as given"),
        (("--season", "none"), 1, "no season"),
        (("--season", "21", "--window", "5"), 21, "season of 21 steps, as given"),
        (("--season", "7", "--no-linear"), 7, "season of 7 steps, as given"),
    ],
)
def test_errors_are_scaled_by_the_season_that_the_line_names(
    cli: Cli, tmp_path: Path, sales: tuple[str, np.ndarray], given: tuple, season: int, words: str
) -> None:
    name, values = sales
    done = cli("regress", name, "--target", "sales", *given, *OFF)
    assert f"({words})" in done.out, done.out + done.err
    run = Run(tmp_path / "runs/regress-1")
    results = run.results() or {}
    apart = {k: values[112 - k : 140 - k] - values[112:] for k in (season, 7) if k > 1}
    best = min(apart, key=lambda k: float(np.abs(apart[k]).mean()))  # a week is of the calendar
    assert results["seasonal_mse"] == pytest.approx(np.mean(apart[best] ** 2), rel=1e-4)
    assert results["seasonal_days"] == best
    predicted = json.loads(cli("predict", "regress-1", "--format", "json").out)
    made = {row["step"] + 1: row["sales"] for row in predicted}
    errors = np.array([made[step] - values[step] for step in range(112, 140)])
    assert results["test_mase"] == pytest.approx(scaled(values, errors, season), rel=0.03)
    assert run.model().transform.season == (season if season > 1 else None)
    scores = json.loads(cli("evaluate", "regress-1", "--json").out)
    assert scores["mase"] == pytest.approx(results["test_mase"], rel=1e-5)


@pytest.mark.parametrize(
    ("season", "expected"),
    [
        ("57", "57 steps are more than half of the training history of sales.csv, 112 steps"),
        ("1", "expected none, or up to 64 whole numbers .* from 2 to 1000000, got \\[1\\]"),
        ("none,7", "expected none, or"),
        ("7,14,7", "--season: 7 is given twice; name each season once"),
    ],
)
def test_seasons_that_do_not_fit_are_refused(cli, sales, season, expected):
    done = cli("regress", sales[0], "--target", "sales", "--season", season, *OFF)
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert re.search(expected, done.err), done.err


def test_a_season_is_of_forecasts_only(cli: Cli, sales: tuple[str, np.ndarray]) -> None:
    done = cli("regress", sales[0], "--target", "sales", "--season", 7)
    assert (done.code, "add --horizon 1" in done.err) == (2, True)


def test_inspect_recommends_the_season_that_was_set(cli, sales):
    command = "hiddenstate regress sales.csv --target sales --horizon 1 --season"
    assert f"{command} 14,7" in cli("inspect", sales[0], "--season", "14,7").out
    assert f"{command} none" in cli("inspect", sales[0], "--season", "none").out
