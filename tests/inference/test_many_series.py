"""Forecasts of many series at once, each with its own scale."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate import RecurrentRegressor
from hiddenstate.errors import OptionError, UntrustedFileError
from hiddenstate.inference.stream import Stream
from hiddenstate.models.fitted import load_model, model_from_facts
from hiddenstate.runs import Run
from tests.conftest import Cli, answer_to

OFF = ("--view", "off", "--threads", "1")
SIZES = (1.0, 1e3, 1e6)


def of_size(size: float, seed: int = 0, n: int = 120) -> np.ndarray:
    """A season of 5 steps and slow noise, about 0 if the seed is odd."""
    random, t = np.random.default_rng(seed), np.arange(n)
    slow = np.convolve(random.normal(size=n + 9), np.ones(10) / 4, "valid")
    return size * (random.normal(size=5)[t % 5] + slow + (0 if seed % 2 else 8))


def write(path: Path, series: dict[str, np.ndarray]) -> Path:
    lines = [
        f"{name},{t},{v!r}" for name, own in series.items() for t, v in enumerate(own.tolist())
    ]
    path.write_text("\n".join(["id,t,v", *lines]) + "\n")
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    path = write(folder / "m.csv", {f"s{i}": of_size(size, i) for i, size in enumerate(SIZES)})
    options = ("--target", "v", "--horizon", 1, "--max-steps", 150, "--runs-dir", folder / "runs")
    done = answer_to("regress", path, *options, *OFF)
    assert done.code == 0, done.err
    return folder


def answers(table: str, name: str) -> list[float]:
    head, *lines = [line.split(",") for line in table.splitlines()]
    columns = dict(zip(head, zip(*lines, strict=True), strict=True))
    own = np.array(columns["series"]) == name
    return [float(v) for v in np.array(columns["v"])[own]]


def test_each_series_is_forecast_better_than_by_its_season(run: Run, cli: Cli, tmp_path) -> None:
    assert run.model().transform.by_window
    assert 0 < run.results()["net_share"] <= 1
    table = cli("predict", "regress-1").out
    for i, size in enumerate(SIZES):
        values = of_size(size, i)
        made = np.array(answers(table, f"s{i}"))[-23:]
        error = np.abs(made - values[-23:]).mean()
        assert error < 0.9 * np.abs(values[-23:] - values[-28:-5]).mean()


def test_scores_are_the_same_wherever_they_are_computed(run: Run, cli: Cli) -> None:
    results = run.results()
    assert "\nbaseline:" not in cli("evaluate", "regress-1").out  # the line of scores has its own
    scores = json.loads(cli("evaluate", "regress-1", "--json").out)
    for mine, theirs in (("mse", "test_mse"), ("mase", "test_mase"), ("linear_mse",) * 2):
        assert scores[mine] == pytest.approx(results[theirs], rel=1e-5)
    assert cli("verify", "regress-1", "--steps", 20).code == 0
    assert cli("forecast", "regress-1", "--horizon", 3, "--backtest", 5).code == 0


def test_a_series_that_was_not_in_training_is_forecast_in_its_own_size(run: Run, cli, tmp_path):
    new = {f"n{k}": 10.0**k * of_size(1, 7) for k in (-3, 0, 9)}
    write(tmp_path / "new.csv", new)
    table = cli("forecast", "regress-1", "new.csv", "--horizon", 4, "--level", "none").out
    made = [
        np.array(answers(table, name)) / 10.0**k for name, k in zip(new, (-3, 0, 9), strict=True)
    ]
    np.testing.assert_allclose(made[0], made[1], rtol=1e-3)
    np.testing.assert_allclose(made[2], made[1], rtol=1e-3)


def test_the_file_says_so_and_refuses_what_does_not_fit(run: Run, tmp_path: Path) -> None:
    path = run.path / "model.safetensors"
    model, _ = load_model(path)
    assert model.facts()["preparation"]["by_window"] is True
    changes: list[dict[str, Any]] = [{"by_window": 1}, {"missing": "mean"}, {"linear": None}]
    for change in changes:
        facts: Any = model.facts()
        facts["preparation"].update(change)
        with pytest.raises(UntrustedFileError):
            model_from_facts(facts, model.arrays(), "m")
    plain = replace(model, transform=replace(model.transform, by_window=False))
    assert "by_window" not in plain.facts()["preparation"]  # as older files are


def test_it_does_not_stream_and_says_why(run: Run) -> None:
    with pytest.raises(OptionError, match=r"stream: .* its own deviation.* --scale auto"):
        Stream(run.model())


def test_the_python_interface_scales_by_window_too(tmp_path: Path) -> None:
    X = [of_size(size, i)[:, None] for i, size in enumerate(SIZES)]
    model = RecurrentRegressor(horizon=1, recipe="auto", max_steps=60, random_state=0).fit(X)
    assert model.model_.transform.by_window
    made = model.forecast([10 * X[0], X[0]], horizon=3)
    np.testing.assert_allclose(made[0], 10 * made[1], rtol=1e-4)
    model.save(tmp_path / "m.safetensors")
    later = RecurrentRegressor(horizon=1, linear=True, scale="window", max_steps=5).fit(X)
    assert later.model_.transform.by_window
