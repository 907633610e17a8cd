"""Runs with other losses than the squared error: lines, scores, predictions, refusals."""

import csv
import json
from typing import Any

import numpy as np
import pytest

from hiddenstate import RecurrentRegressor, load
from hiddenstate.config import make_config
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.engines import TrainingState, make_engine
from hiddenstate.jobs import make_job
from tests.conftest import ENGINES, QUIET

QUANTILES = (0.1, 0.5, 0.9)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A signal of 400 steps whose noise has the quantiles -1, 0 and 1 in a third of the steps."""
    random = np.random.default_rng(0)
    x = random.normal(size=400).round(3)
    y = 50 + 3 * np.convolve(x, [0.5, 0.3, 0.2])[:400] + random.normal(size=400)
    path = tmp_path_factory.mktemp("losses") / "signal.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("x", "y"), *zip(x.tolist(), y.round(3).tolist(), strict=True)])
    return path


def trained(cli, table, tmp_path, *words):
    done = cli("regress", table, "--target", "y", *words, *QUIET, "--runs-dir", tmp_path, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_quantiles_are_columns_in_order_with_their_coverage(cli, table, tmp_path):
    words = ("--loss", "quantile", "--quantile", ".1,.5,.9", "--epochs", "2", "--name", "q")
    found = trained(cli, table, tmp_path, *words)
    own = ("q", "--runs-dir", tmp_path)
    printed = cli("predict", *own).out
    rows = list(csv.DictReader(printed.splitlines()))
    held = [row for row in rows if row["part"] == "test"]
    answers = np.array([[float(row[f"y_q{q:g}"]) for q in QUANTILES] for row in held])
    assert (np.diff(answers, axis=1) >= 0).all()
    with table.open() as file:
        truth = [float(row["y"]) for row in csv.DictReader(file)]
    target = np.array([truth[int(row["step"])] for row in held])
    short = target[:, None] - answers
    losses = np.maximum(np.multiply(QUANTILES, short), np.subtract(QUANTILES, 1) * short)
    assert found["test_pinball"] == pytest.approx(losses.mean(), rel=1e-4)
    assert found["test_pinball"] < found["baseline_pinball"]
    for place, quantile in enumerate(QUANTILES):
        share = (target <= answers[:, place]).mean()
        assert found[f"test_coverage_{quantile:g}"] == pytest.approx(share, abs=0.013)
    assert found["test_mse"] == pytest.approx(np.square(short[:, 1]).mean(), rel=1e-4)
    scores = json.loads(cli("evaluate", *own, "--json").out)
    assert scores["pinball"] == pytest.approx(found["test_pinball"])
    estimator = load(tmp_path / "q")
    assert estimator.get_params()["quantile"] == QUANTILES


def test_without_a_median_there_is_no_squared_error(cli, table, tmp_path):
    words = ("--loss", "quantile", "--quantile", ".9", "--epochs", "1", "--name", "q")
    found = trained(cli, table, tmp_path, *words)
    assert found.keys() & {"test_pinball", "test_mse", "test_r2"} == {"test_pinball"}
    scores = json.loads(cli("evaluate", "q", "--runs-dir", tmp_path, "--json").out)
    assert scores.keys() & {"pinball", "mse", "r2"} == {"pinball"}
    (target,) = scores["targets"]
    assert target["pinball"] == pytest.approx(found["test_pinball"])
    assert target["baseline_pinball"] > 0


def test_lines_at_the_end_name_what_they_score(cli, table, tmp_path):
    words = ("--max-steps", "5", "--valid-fraction", ".2", "--runs-dir", tmp_path)
    own = ("--loss", "quantile", "--quantile", ".5,.9")
    printed = cli("regress", table, "--target", "y", *own, *words, *QUIET).out
    assert "% at or below quantile 0.9" in printed
    assert "mean squared error of the median on all 80 held-out steps" in printed
    printed = cli(
        "regress", "--loss", "mae", "--max-steps", "5", *QUIET, "--runs-dir", tmp_path
    ).out
    assert "squared" not in printed
    assert "losses (mae)" in printed


@pytest.mark.parametrize("words", [("--stateful",), ("--output", "steps")])
def test_the_ratio_of_a_run_is_that_of_its_predictions(cli, table, tmp_path, words):
    words = ("--loss", "esr", *words, "--epochs", "1", "--name", "e")
    found = trained(cli, table, tmp_path, *words)
    rows = csv.DictReader(cli("predict", "e", "--runs-dir", tmp_path).out.splitlines())
    held = [row for row in rows if row["part"] == "test"]
    answer = np.array([float(row["y"]) for row in held])
    with table.open() as file:
        truth = [float(row["y"]) for row in csv.DictReader(file)]
    target = np.array([truth[int(row["step"])] for row in held])
    error, signal = (z[1:] - 0.85 * z[:-1] for z in (target - answer, target))
    assert found["test_esr"] == pytest.approx((error @ error) / (signal @ signal), rel=1e-3)
    assert found["train_loss"] < 1  # that of answers of 0


def test_zeros_have_the_ratio_1_and_scaling_does_not_change_it(tmp_path):
    """With weights of 0 the answer is the offset of the targets, which is 0 here."""
    random = np.random.default_rng(0)
    X, y = random.normal(size=(20, 30, 1)), random.normal(size=(20, 30)) * 7
    y -= y.mean()
    losses = []
    for scale in ("none", "standard"):
        options: Any = {"output": "steps", "loss": "esr", "scale": scale, "lr": 1e-12, "epochs": 1}
        estimator = RecurrentRegressor("rnn", batch_size=20, random_state=0, **options)
        estimator.fit(X, y)
        logged: Any = estimator.history_[-1]
        losses.append(logged["loss"])
    plain = estimator.predict(X)
    error, signal = (z[:, 1:] - 0.85 * z[:, :-1] for z in (y - plain, y))
    assert losses[1] == pytest.approx((error**2).sum() / (signal**2).sum(), rel=1e-4)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--quantile", ".9"), "applies only with --loss quantile"),
        (("--loss", "quantile"), "Add --quantile 0.9"),
        (("--loss", "quantile", "--quantile", ".9,.1"), "in rising order"),
        (("--loss", "esr", "--output", "last"), "--output steps"),
        (("--loss", "quantile", "--quantile", ".9", "--horizon", "1", "--linear"), "linear path"),
        (("--loss", "quantile", "--quantile", "1.5"), "above 0 and below 1"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(cli, table, tmp_path, words, message):
    done = cli("regress", table, "--target", "y", *words, *QUIET, "--runs-dir", tmp_path)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("job", ["classify", "autoencode"])
def test_other_jobs_have_no_such_loss(cli, job):
    done = cli(job, "--loss", "mae", *QUIET)
    assert done.code == 2
    assert "--loss" in done.err


def test_a_silent_target_has_no_ratio(cli, tmp_path):
    path = tmp_path / "silent.csv"
    path.write_text("x,y\n" + "".join(f"{i % 7},0\n" for i in range(200)))
    words = ("--target", "y", "--loss", "esr", "--stateful", "--scale", "none")
    done = cli("regress", path, *words, *QUIET, "--runs-dir", tmp_path / "runs")
    assert done.code == 2
    assert "silent" in done.err
    assert not (tmp_path / "runs").exists()


def test_a_forecast_of_quantiles_is_refused(cli, table, tmp_path):
    words = ("--loss", "quantile", "--quantile", ".5", "--horizon", "1", "--input", "x,y")
    trained(cli, table, tmp_path, *words, "--max-steps", "3", "--name", "q")
    done = cli("forecast", "q", "--runs-dir", tmp_path)
    assert done.code == 2
    assert "answers quantiles" in done.err


@pytest.mark.parametrize("n_targets", [0, 2])
def test_an_estimator_answers_quantiles_along_a_last_axis(tmp_path, n_targets):
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 5, 2))
    y = random.normal(size=(60, n_targets) if n_targets else 60)
    options: Any = {"loss": "quantile", "quantile": QUANTILES, "random_state": 0, "epochs": 2}
    estimator = RecurrentRegressor(hidden_size=4, **options).fit(X, y)
    answers = estimator.predict(X)
    assert answers.shape == (*y.shape, 3)
    assert (np.diff(answers, axis=-1) >= 0).all()
    assert np.isfinite(estimator.score(X, y))
    estimator.save(tmp_path / "m.safetensors")
    again = load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.predict(X), answers)
    assert again.get_params()["quantile"] == QUANTILES
    answers, _ = estimator.forward(X)
    assert answers.shape == (*y.shape, 3)


@pytest.mark.parametrize("words", [("quantile", "--quantile", ".1,.9"), ("esr", "--stateful")])
def test_a_run_resumes_exactly(cli, table, tmp_path, words):
    more = ["--checkpoint-every", "5", "--max-steps", "12", "--name", "r"]
    if words[0] == "quantile":
        more += ["--valid-fraction", ".2", "--patience", "1"]
    trained(cli, table, tmp_path, "--loss", *words, *more)
    done = cli("verify", "r", "--runs-dir", tmp_path)
    assert done.code == 0, done.err


@pytest.mark.parametrize("engine", ENGINES)
def test_answers_of_zero_have_the_ratio_1_after_a_washout(engine):
    random = np.random.default_rng(0)
    X, y = random.normal(size=(2, 1, 400, 1))
    options = {"loss": "esr", "stateful": False, "window": 20, "washout": 7, "batch_size": 4}
    options |= {"shuffle": False, "engine": engine, "test_fraction": 0.0, "dtype": "float64"}
    config = make_config("regress", {**options, "scale": "none", "lr": 1e-12, "threads": 1})
    job = make_job(config, prepare(SequenceDataset("noise", Rows(X, 5 * y)), config))
    zeros = {name: 0 * array for name, array in job.net.initial(0, "float64").items()}
    steps = job.batches.steps_per_epoch
    losses = make_engine(job.task(), TrainingState(zeros)).run(0, steps, bool).losses
    assert losses.mean() == pytest.approx(1, abs=1e-6)


def test_lines_of_one_row_and_of_a_value_far_out_are_as_plain_as_others(cli, tmp_path):
    random = np.random.default_rng(1)
    rows = [(x, round(100 * x + 10 * random.normal(), 2)) for x in random.normal(size=60).round(3)]
    rows[5] = rows[5][0], 1e9
    (tmp_path / "far.csv").write_text(
        "\n".join(["x,w_kg,y_eur", *(f"{x},{x / 2},{y}" for x, y in rows)])
    )
    options: tuple[Any, ...] = ("--layout", "long", "--target", "y_eur", "--epochs", 1, *QUIET)
    far = cli("regress", tmp_path / "far.csv", *options)
    assert (far.code, far.out.count("R2 below -100")) == (0, 2)  # not -1581461846.1492
    options += ("--test-fraction", 0.017)
    one = cli("regress", tmp_path / "far.csv", *options).out
    assert "y_eur on the only held-out step: ± " in one
    assert "(constant)" not in one
    both = ("--target", "w_kg,y_eur", "--loss", "quantile", "--quantile", ".1,.9", "--name", "q")
    done = cli("regress", tmp_path / "far.csv", *options, *both)
    assert (done.code, done.out.count("; the training quantiles: ")) == (0, 2)
    assert "y_eur: quantile loss " in done.out
    assert "(constant)" not in done.out
