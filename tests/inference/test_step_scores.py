"""Scores by step ahead and series: the same rows for all methods, and those of the definitions."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from hiddenstate.cli.step_tables import title_of
from hiddenstate.inference import rolled
from hiddenstate.inference.backtest import coverage
from tests.conftest import Cli

OFF = ("--view", "off", "--threads", "1", "--max-steps", 2)


def write(folder: Path, n_series: int = 2, n: int = 120) -> dict[str, np.ndarray]:
    """Write monthly series of different levels, and return them by name."""
    t, random = np.arange(n), np.random.default_rng(1)
    series, lines = {}, ["shop,step,sales"]
    for k in range(n_series):
        values = 10 ** (k + 1) * (1 + 0.3 * np.sin(t * np.pi / 6) + 0.1 * random.normal(size=n))
        series[f"s{k}"] = values
        lines += [f"s{k},{step},{v!r}" for step, v in enumerate(values.tolist())]
    (folder / "shops.csv").write_text("\n".join(lines) + "\n")
    return series


@pytest.fixture
def trained(cli: Cli, tmp_path: Path) -> dict[str, np.ndarray]:
    """The series of a run that forecasts three steps."""
    series = write(tmp_path)
    done = cli("regress", "shops.csv", "--id", "shop", "--time", "step", "--horizon", 3, *OFF)
    assert done.code == 0, done.err
    assert "sales: MASE (mean absolute error) by steps ahead" in done.out
    assert "season of 12 steps, of the data" in done.out
    return series


def steps_of(cli: Cli, *words: Any) -> dict[tuple[str, str, int], dict[str, Any]]:
    """The scores that `evaluate` prints as JSON by method, series and step ahead."""
    done = cli("evaluate", "last", *words, "--json")
    assert done.code == 0, done.err
    rows = json.loads(done.out)["steps"]
    return {(row["method"], row["series"], row["ahead"]): row for row in rows}


def test_plain_methods_have_the_errors_of_their_definitions(cli, trained, tmp_path):
    found = steps_of(cli)
    methods = {"hiddenstate", "last value", "value of 12 steps ago", "ridge"}
    assert {key[0] for key in found} == methods
    assert {row["forecasts"] for row in found.values()} == {22}  # 24 held out
    for name, values in trained.items():
        scale = np.abs(values[12:96] - values[:84]).mean()
        for ahead in (1, 2, 3):
            targets = np.arange(95, 117) + ahead
            for method, before in (("last value", ahead), ("value of 12 steps ago", 12)):
                row = found[method, name, ahead]
                error = np.abs(values[targets] - values[targets - before]).mean()
                assert row["mae"] == pytest.approx(error, rel=1e-5)
                assert row["mase"] == pytest.approx(error / scale, rel=1e-5)
                assert row["within_80"] is None
            for method in ("hiddenstate", "ridge"):
                assert found[method, name, ahead]["mase"] < 1
    assert all(0.3 < found["hiddenstate", s, 1]["within_80"] <= 1 for s in trained)
    done = cli("evaluate", "last", "--output", "scores.csv")
    assert done.code == 0, done.err
    lines = (tmp_path / "scores.csv").read_text().splitlines()
    assert lines[0] == "method,series,target,ahead,forecasts,mase,mae,within_80,within_95"
    assert len(lines) == 1 + len(found)


def test_further_series_are_scaled_by_the_training_part_of_the_same_name(cli, trained, tmp_path):
    rows = (tmp_path / "shops.csv").read_text().splitlines()
    (tmp_path / "one.csv").write_text("\n".join([rows[0], *rows[121:]]) + "\n")
    own = trained["s1"]
    scale = np.abs(own[12:96] - own[:84]).mean()
    row = steps_of(cli, "one.csv")["last value", "s1", 1]
    assert row["mase"] == pytest.approx(row["mae"] / scale, rel=1e-5)


def test_tables_are_limited(cli, tmp_path):
    write(tmp_path, n_series=13)
    words = ("--id", "shop", "--time", "step", "--target", "sales", "--horizon", 14)
    done = cli("regress", "shops.csv", *words, *OFF)
    assert done.code == 0, done.err
    assert "2 more steps; --json has all" in done.out
    assert "3 more series; --json has all" in done.out
    assert len(json.loads(cli("evaluate", "last", "--json").out)["steps"]) == 4 * 13 * 14


class LastPlusDrift:
    """A model as those of statsforecast are: fitted once, then applied to further values."""

    fitted: ClassVar[list[int]] = []

    def __init__(self, season_length: int) -> None:
        assert season_length == 12

    def fit(self, y: np.ndarray) -> "LastPlusDrift":
        self.fitted.append(len(y))
        self.drift = (y[-1] - y[0]) / (len(y) - 1)
        return self

    def forward(self, y: np.ndarray, h: int) -> dict[str, np.ndarray]:
        return {"mean": y[-1] + self.drift * np.arange(1, h + 1)}


@pytest.fixture
def statsforecast(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A stand-in for statsforecast; lists on how many steps its models were fitted."""
    monkeypatch.setattr(LastPlusDrift, "fitted", [])
    models = SimpleNamespace(**dict.fromkeys(("AutoETS", "AutoARIMA", "AutoTheta"), LastPlusDrift))
    monkeypatch.setitem(sys.modules, "statsforecast", ModuleType("statsforecast"))
    monkeypatch.setitem(sys.modules, "statsforecast.models", models)
    return LastPlusDrift.fitted


def test_peers_are_fitted_on_the_training_part_and_share_the_origins(cli, trained, statsforecast):
    found = steps_of(cli, "--peers")
    assert statsforecast == [96] * 6
    assert {"AutoETS", "AutoARIMA", "Theta"} < {key[0] for key in found}
    values = trained["s0"]
    drift = (values[95] - values[0]) / 95
    origins = np.arange(95, 117)
    error = np.abs(values[origins + 2] - values[origins] - 2 * drift).mean()
    assert found["Theta", "s0", 2]["mae"] == pytest.approx(error, rel=1e-5)
    assert {row["forecasts"] for row in found.values()} == {22}
    table = cli("forecast", "last", "--horizon", 3, "--backtest", 5, "--peers").out
    assert table.splitlines()[0].startswith("method\tMASE")
    assert "\nTheta\t" in table


def test_peers_are_thinned_with_a_note(cli, trained, statsforecast, monkeypatch):
    monkeypatch.setattr("hiddenstate.inference.peers.MOST_SERIES", 1)
    monkeypatch.setattr("hiddenstate.inference.peers.MOST_ORIGINS", 4)
    done = cli("evaluate", "last", "--peers", "--json")
    rows = json.loads(done.out)["steps"]
    assert {(row["series"], row["forecasts"]) for row in rows} == {("s0", 4)}
    assert "1 of 2 series are scored" in done.err
    assert "4 of up to 22 origins of a series are scored" in done.err


def test_ridge_and_peers_are_scored_where_steps_are_missing(cli, tmp_path, statsforecast):
    values = next(iter(write(tmp_path, 1).values()))
    months = np.datetime64("2010-01") + np.arange(120)
    rows = [f"{m},{v!r}\n" for m, v in zip(months, values.tolist(), strict=True)]
    (tmp_path / "gap.csv").write_text("month,sales\n" + "".join(rows[:40] + rows[41:]))
    assert cli("regress", "gap.csv", "--time", "month", "--horizon", 3, *OFF).code == 0
    scores = json.loads(cli("evaluate", "last", "--peers", "--json").out)["steps"]
    assert {"ridge", "Theta"} < {row["method"] for row in scores}
    assert {row["forecasts"] for row in scores} == {22}


def test_peers_without_their_package_name_the_extra(cli, trained, monkeypatch):
    monkeypatch.setitem(sys.modules, "statsforecast", None)
    done = cli("evaluate", "last", "--peers")
    assert (done.code, len(done.err.splitlines())) == (3, 1)
    assert "peers requires statsforecast" in done.err
    assert "[peers]" in done.err
    done = cli("forecast", "last", "--peers")
    assert (done.code, "add --backtest N" in done.err) == (2, True)


def test_peers_of_statsforecast_forecast_with_the_parameters_of_the_training_part(cli, trained):
    pytest.importorskip("statsforecast", reason="the extra peers is not installed")
    found = steps_of(cli, "--peers")
    for name in ("AutoETS", "AutoARIMA", "Theta"):
        assert found[name, "s0", 1]["mase"] < 1


def test_no_file_is_promised_for_series_that_are_too_short(cli, tmp_path):
    write(tmp_path, n_series=1)
    words = ("--id", "shop", "--time", "step", "--horizon", 30, *OFF)
    assert cli("regress", "shops.csv", *words).code == 0
    done = cli("evaluate", "last", "--output", "scores.csv")
    assert (done.code, done.out) == (2, "")
    assert "--output: series are too short, or have gaps, for scores by step ahead" in done.err
    assert not (tmp_path / "scores.csv").exists()


def test_intervals_are_scored_in_units_of_what_comes_before_them(cli, trained, monkeypatch):
    seen = []

    def recorded(made, intervals, *words):
        seen.append(intervals.plain)
        return coverage(made, intervals, *words)

    monkeypatch.setattr(rolled, "coverage", recorded)
    assert cli("evaluate", "last").code == 0
    for own, values in zip(seen[0], trained.values(), strict=True):  # 24 of 120 held out
        assert own[0] == pytest.approx(np.abs(values[12:94] - values[:82]).mean(), rel=1e-5)


def test_the_unit_of_a_target_stands_above_its_errors() -> None:
    title = title_of("revenue_eur", "series")
    assert title == "revenue_eur: MASE (mean absolute error in EUR) by series"
    assert title_of("sales", "series") == "sales: MASE (mean absolute error) by series"
