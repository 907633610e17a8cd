"""Runs with a linear path: files, streams, evaluation, resuming, and the share of the network."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hiddenstate.data import Rows
from hiddenstate.engines import make_predictor
from hiddenstate.errors import DataError
from hiddenstate.inference.predict import predict_series
from hiddenstate.jobs.path_share import with_factor
from hiddenstate.models.fitted import FittedModel
from hiddenstate.runs import Run
from tests.conftest import Cli, answer_to

OFF = ("--view", "off", "--threads", "1")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A forecast of monthly numbers that grow, with a season that grows too."""
    folder = tmp_path_factory.mktemp("sales")
    t, random = np.arange(140), np.random.default_rng(0)
    level = 4 + 0.01 * t + 0.3 * np.sin(t * np.pi / 6) + 0.05 * random.normal(size=140)
    text = "".join(f"{value!r}\n" for value in np.exp(level).tolist())
    (folder / "sales.csv").write_text("sales\n" + text)
    options = ("--horizon", 2, "--target", "sales", "--runs-dir", folder / "runs", *OFF)
    done = answer_to("regress", folder / "sales.csv", *options)
    assert done.code == 0, done.err
    return folder


def series_of(tmp_path: Path) -> np.ndarray:
    return np.loadtxt(tmp_path / "sales.csv", skiprows=1)[:, None]


def predicted(model: FittedModel, values: np.ndarray) -> np.ndarray:
    predictor = make_predictor(model, "cpu", 1)
    return predict_series(model, predictor, Rows(values), "X", {}).columns["sales"]


def test_a_forecast_beats_the_last_and_the_seasonal_value_and_says_so(run, cli):
    results = run.results()
    assert results["test_mse"] < 0.8 * min(results["baseline_mse"], results["seasonal_mse"])
    assert 0 <= results["net_share"] <= 1
    assert results["test_mase"] < 1
    scores = json.loads(cli("evaluate", "regress-1", "--json").out)
    for mine, theirs in (("mse", "test_mse"), ("mase", "test_mase"), ("linear_mse",) * 2):
        assert scores[mine] == pytest.approx(results[theirs], rel=1e-5)
    linear = run.model().transform.linear
    assert (linear.season, linear.log) == (12, (True,))
    assert cli("verify", "regress-1", "--steps", 20).code == 0


def test_the_result_names_the_path_and_what_the_network_adds(cli, tmp_path, run):
    done = cli("regress", "sales.csv", "--horizon", 2, "--max-steps", 1, *OFF)
    lines = done.out.splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("answer: "))
    assert "a linear function of the logarithms of the last 37 values, season of 12" in lines[first]
    assert lines[first].endswith("by a rolling origin in the training rows")
    assert re.match(r"  sales: -?0\.\d+ x .*, \d+ more with a sum of", lines[first + 1])
    assert lines[first + 2].startswith("sales on all 28 held-out steps: ± ")
    assert lines[first + 3].startswith("mean squared error on all")
    assert re.search(r"^linear path alone: .*; the network alone, .*: \d", done.out, re.M)


def test_without_a_share_of_the_network_the_path_is_alone(run, tmp_path):
    model, values = run.model(), series_of(tmp_path)
    bare = replace(model, params=with_factor(model.params, np.zeros(1)))
    X = model.transform.apply(values[None], None, np.float64, "X")
    alone = model.transform.linear_targets(X)
    lags = model.transform.linear.n_lags
    np.testing.assert_allclose(predicted(bare, values), alone[0, lags - 1 :, 0], rtol=1e-5)


def test_half_the_share_is_half_of_what_the_network_adds(run, tmp_path):
    model, values = run.model(), series_of(tmp_path)
    shares = (with_factor(model.params, np.full(1, share)) for share in (1.0, 0.5, 0.0))
    logs = [np.log(predicted(replace(model, params=params), values)) for params in shares]
    np.testing.assert_allclose(logs[1], (logs[0] + logs[2]) / 2, atol=1e-5)


def test_a_path_cannot_be_folded_into_weights(run):
    with pytest.raises(DataError, match=r"a linear path cannot be folded .*--no-linear"):
        run.model().folded()


def test_logarithms_are_not_taken_if_a_held_out_value_has_none(cli: Cli, tmp_path: Path) -> None:
    values = np.exp(np.arange(60) / 15) * (1 + 0.2 * np.sin(np.arange(60)))
    values[55] = 0
    np.savetxt(tmp_path / "own.csv", values, header="v", comments="")
    done = cli("regress", "own.csv", "--horizon", 1, "--max-steps", 2, "--view", "off")
    assert done.code == 0, done.err
    assert "of logarithms" not in done.out


@pytest.mark.parametrize("series", [1, 6])
def test_signals_far_from_0_have_scores_and_predictions_of_their_own(cli, tmp_path, series):
    random = np.random.default_rng(0)
    lines = ["id,t,u"]
    for k in range(series):
        u = 1e6 * (k + 1) + 0.01 * np.sin(0.5 * np.arange(60)) + random.normal(0, 1e-3, 60)
        lines += [f"{k},{t},{value!r}" for t, value in enumerate(u.tolist())]
    (tmp_path / "far.csv").write_text("\n".join(lines) + "\n")
    done = cli("regress", "far.csv", "--target", "u", "--horizon", 1, "--max-steps", 1, *OFF)
    results = Run(tmp_path / "runs/regress-1").results()
    assert 1e-7 < results["test_mse"] < 1e-2, done.out
    assert 1e-6 < results["baseline_mse"] < 1e-4
    answers = cli("predict", "regress-1", "far.csv").out.splitlines()[1:21]
    assert len({line.rsplit(",", 1)[1] for line in answers}) == 20
