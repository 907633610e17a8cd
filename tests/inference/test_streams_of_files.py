"""A file with several series is learned in streams; each goes on from its own state."""

from typing import Any

import numpy as np
import pytest

from hiddenstate.engines import make_predictor
from hiddenstate.inference.evaluate import evaluate_data, evaluate_run
from hiddenstate.inference.inputs import open_model, read_new_data
from hiddenstate.inference.predict import predict_data, predict_run
from hiddenstate.runs.run_data import run_dataset

OFF = ("--view", "off", "--threads", 1)
LENGTHS = (55, 30, 41)


@pytest.fixture
def table(tmp_path):
    random = np.random.default_rng(3)
    lines = ["id,time,u,y"]
    for k, n in enumerate(LENGTHS):
        u = random.normal(size=n)
        y = 100 + 10 * np.convolve(u, [0.5, 0.3, 0.2])[:n]
        lines += [f"m{k},{t},{u[t]:.6f},{y[t]:.6f}" for t in range(n)]
    path = tmp_path / "machines.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def trained(table, cli, tmp_path):
    """Train on the table; return its model, predictor and run."""

    def train(*words):
        options = ("--target", "y", "--stateful", "--window", 5, "--epochs", 2, *words)
        done = cli("regress", table, *options, *OFF, "--runs-dir", tmp_path / "runs")
        assert done.code == 0, done.err
        model, run = open_model("regress-1", tmp_path / "runs")
        return model, make_predictor(model, "cpu", 1), run, done

    return train


def alone(model, predictor, X, y):
    """Follow one series (T, I) from zero, window by window: predictions (T,) in units of y."""
    X = model.transform.apply(X[None], None, model.dtype, "X")
    outputs = predictor.follow(X.reshape(-1, 5, 1), {})[0]
    return model.transform.undo_targets(outputs, X.reshape(-1, 5, 1)).reshape(-1)


def test_each_series_goes_on_from_its_own_state(trained, table):
    model, predictor, run, done = trained("--streams", 2, "--washout", 3)
    assert "3 streams of 4 to 8 windows, read 2 at a time" in done.err
    values = np.loadtxt(table, delimiter=",", skiprows=1, usecols=(2, 3))
    made = predict_run(model, predictor, run).columns
    scored: Any = evaluate_run(model, predictor, run)
    errors = []
    for k, (start, n) in enumerate(zip(np.cumsum([0, *LENGTHS]), LENGTHS, strict=False)):
        own = values[start : start + n // 5 * 5]
        expected = alone(model, predictor, own[:, :1], own[:, 1])
        held = made["series"] == f"m{k}"
        first = int(made["step"][held].min())
        assert first == (n - round(0.2 * n)) // 5 * 5
        np.testing.assert_allclose(made["y"][held], expected[first:], rtol=1e-5)
        errors.append(np.square(expected[first:] - own[first:, 1]))
    assert scored["answers"] == len(np.concatenate(errors))  # no state is zero there
    assert scored["mse"] == pytest.approx(np.concatenate(errors).mean(), rel=1e-4)
    assert run_dataset(run).train.origin.separate


def test_steps_of_the_washout_are_not_scored_where_the_state_was_zero(trained, table):
    model, predictor, run, _ = trained("--washout", 3)
    dataset = read_new_data(model, str(table), {}, True)
    scored: Any = evaluate_data(model, predictor, dataset, run)
    whole = sum(n // 5 * 5 for n in LENGTHS)
    assert scored["answers"] == whole - 3 * len(LENGTHS)
    assert scored["unscored"] == 3 * len(LENGTHS)
    assert len(predict_data(model, predictor, dataset)) == sum(LENGTHS)


def test_washed_out_steps_are_named_where_whole_series_are_held_out(trained):
    done = trained("--washout", 3, "--split", "random")[3]
    assert "held-out steps, without 3 of washout" in done.out


def test_windows_that_overlap_are_refused(table, cli, tmp_path):
    done = cli(
        *("regress", table, "--target", "y", "--stateful", "--window", 5, "--stride", 2, *OFF),
        *("--runs-dir", tmp_path / "runs"),
    )
    assert done.code == 2
    assert "--stride: 2 steps, fewer than the 5 of a window" in done.err
    assert not (tmp_path / "runs").exists()


def test_the_series_of_a_test_file_begin_from_zero(trained, table):
    model, predictor, run, done = trained("--test", table, "--washout", 3)
    made = predict_run(model, predictor, run).columns
    values = np.loadtxt(table, delimiter=",", skiprows=1, usecols=(2, 3))
    own = alone(model, predictor, values[:55, :1], values[:55, 1:])
    np.testing.assert_allclose(made["y"][:55], own, rtol=1e-5)
    assert "without 9 of washout" in done.out


def test_a_missing_value_is_named_by_its_step_and_row_of_the_file(trained, table, cli, tmp_path):
    trained()
    lines = table.read_text().splitlines()
    lines[1 + 55 + 7] = "m1,7,,100"
    table.write_text("\n".join(lines) + "\n")
    done = cli("evaluate", tmp_path / "runs" / "regress-1", table)
    assert done.code == 2
    assert "the first in series m1, step 7, column u" in done.err
