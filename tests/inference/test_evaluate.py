"""Scores and baselines of `evaluate` are those computed by hand or by scikit-learn."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, f1_score, log_loss, r2_score

from hiddenstate.cli.output import say_json
from hiddenstate.config import make_config
from hiddenstate.data.prepare import candidates
from hiddenstate.runs import Run
from hiddenstate.runs.run_data import run_dataset
from hiddenstate.system.strict_json import parse_json
from hiddenstate.training.start import start
from tests.conftest import QUIET, Cli

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(2)


def evaluate(cli: Cli, *arguments: Any) -> dict[str, Any]:
    """The output of `evaluate --json`, which must be strict JSON."""
    done = cli("evaluate", *arguments, "--json")
    assert done.code == 0, done.err
    scores: dict[str, Any] = parse_json(done.out)
    return scores


def last_run(tmp_path: Path) -> Run:
    return Run(max((tmp_path / "runs").iterdir(), key=lambda p: int(p.name.split("-")[1])))


def predict(cli: Cli, *arguments: Any) -> list[dict[str, Any]]:
    """The output of `predict --format json`."""
    done = cli("predict", *arguments, "--format", "json")
    assert done.code == 0, done.err
    scores: list[dict[str, Any]] = parse_json(done.out)
    return scores


def column(rows: list[dict[str, Any]], name: str) -> Array:
    return np.array([row[name] for row in rows])


# --- classify


def classes_csv(path: Path, n: int, n_classes: int = 3) -> Array:
    """Rows of five numbers whose mean depends on the class; class 0 is the most frequent."""
    y = np.where(np.arange(n) % 5 < 2, 0, np.arange(n) % n_classes)
    X = RNG.normal(y[:, None], 1.5, (n, 5))
    np.savetxt(path, np.c_[y, X], delimiter=",", header="label,a,b,c,d,e", comments="")
    return np.asarray(y)


def test_scores_of_a_classifier_are_those_of_scikit_learn(cli: Cli, tmp_path: Path) -> None:
    classes_csv(tmp_path / "own.csv", 60)
    y = classes_csv(tmp_path / "new.csv", 40)
    options = ("--label", "label", "--max-steps", 40, "--hidden-size", 6, *QUIET)
    assert cli("classify", "own.csv", *options).code == 0
    scores = evaluate(cli, "last", "new.csv")
    rows = predict(cli, "last", "new.csv", "--proba")
    labels = column(rows, "label").astype(int)
    proba = np.column_stack([column(rows, f"p_{name}") for name in range(3)])
    assert scores["rows"] == 40
    assert scores["accuracy"] == np.mean(labels == y)
    assert scores["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(y, labels))
    assert scores["f1"] == pytest.approx(f1_score(y, labels, average="macro"))
    proba /= proba.sum(axis=1, keepdims=True)  # printed in float32
    assert scores["log_loss"] == pytest.approx(log_loss(y, proba), rel=1e-5)
    assert scores["confusion"] == confusion_matrix(y, labels).tolist()
    each = f1_score(y, labels, average=None)
    np.testing.assert_allclose(list(scores["f1_by_class"].values()), each)
    train = run_dataset(last_run(tmp_path)).y
    assert train is not None
    most = np.bincount(train).argmax()
    assert scores["baseline_accuracy"] == np.mean(y == most)
    # A model file has no training rows; the baseline is the most frequent class of these rows.
    alone = evaluate(cli, last_run(tmp_path).path / "model.safetensors", "new.csv")
    assert alone["baseline_accuracy"] == np.bincount(y).max() / 40
    assert alone["accuracy"] == scores["accuracy"]


def test_a_class_missing_from_new_rows_does_not_lower_the_mean_f1(cli: Cli, tmp_path: Path) -> None:
    classes_csv(tmp_path / "own.csv", 60)
    y = classes_csv(tmp_path / "new.csv", 20, n_classes=2)
    cli("classify", "own.csv", "--label", "label", "--max-steps", 30, "--hidden-size", 6, *QUIET)
    scores = evaluate(cli, "last", "new.csv")
    labels = column(predict(cli, "last", "new.csv"), "label").astype(int)
    assert scores["f1"] == pytest.approx(f1_score(y, labels, labels=[0, 1], average="macro"))
    assert scores["balanced_accuracy"] == pytest.approx(
        np.mean([np.mean(labels[y == name] == name) for name in (0, 1)])
    )


def test_test_rows_of_a_run_and_the_same_rows_in_a_file_have_the_same_scores(cli, tmp_path):
    classes_csv(tmp_path / "own.csv", 60)
    classes_csv(tmp_path / "test.csv", 30)
    cli(
        *("classify", "own.csv", "--test", "test.csv", "--label", "label", "--scale", "standard"),
        *("--max-steps", 20, "--hidden-size", 6),
        *QUIET,
    )
    own, new = evaluate(cli, "last"), evaluate(cli, "last", "test.csv")
    assert {**own, "data": 0} == {**new, "data": 0}
    assert predict(cli, "last", "--proba") == predict(cli, "last", "test.csv", "--proba")
    results = last_run(tmp_path).results()
    assert results is not None
    assert results["test_accuracy"] == own["accuracy"]


def test_a_label_that_is_not_a_training_class_is_rejected(cli: Cli, tmp_path: Path) -> None:
    classes_csv(tmp_path / "own.csv", 60)
    (tmp_path / "new.csv").write_text("label,a,b,c,d,e\n0,1,1,1,1,1\n7,1,1,1,1,1\n")
    cli("classify", "own.csv", "--label", "label", "--max-steps", 2, *QUIET)
    done = cli("evaluate", "last", "new.csv")
    assert done.code == 2
    assert "new.csv row 1 has label 7, which no training row has" in done.err


# --- regress

T = np.arange(160.0)
SIGNAL = 3 * np.sin(T / 4) + 0.05 * T + 20
SMALL = ("--hidden-size", 4, "--max-steps", 30, *QUIET)


def signal_csv(path: Path, values: Array = SIGNAL) -> str:
    rows = np.c_[np.cos(T[: len(values)] / 4), values]
    np.savetxt(path, rows, delimiter=",", header="u,v", comments="")
    return path.name


@pytest.mark.parametrize(
    ("output", "horizon", "change"),
    [
        ("steps", 1, "--change"),
        ("steps", 4, "--no-change"),
        ("last", 4, "--change"),
        ("last", 1, "--no-change"),
    ],
)
def test_a_forecast_is_compared_with_the_last_value(output, horizon, change, cli, tmp_path):
    own = signal_csv(tmp_path / "own.csv")
    done = cli(
        *("regress", own, "--target", "v", "--input", "u,v", "--horizon", horizon, change),
        *("--output", output, "--window", 8),
        *SMALL,
    )
    assert done.code == 0, done.err
    first = 0 if output == "steps" else 7
    rows = predict(cli, "last", own)
    steps, values = column(rows, "step"), column(rows, "v")
    np.testing.assert_array_equal(steps, np.arange(first, 160))
    known = steps + horizon < 160
    truth = SIGNAL[steps[known] + horizon]
    scores = evaluate(cli, "last", own)
    assert scores["answers"] == known.sum()
    # Errors of a path that is nearly exact are as large as the rounding of its answers.
    assert scores["mse"] == pytest.approx(np.mean((values[known] - truth) ** 2), rel=1e-4, abs=1e-9)
    assert scores["mae"] == pytest.approx(np.mean(np.abs(values[known] - truth)), rel=1e-4)
    assert scores["r2"] == pytest.approx(r2_score(truth, values[known]), rel=1e-4)
    assert scores["baseline"] == "the last value"
    stays = np.mean((SIGNAL[steps[known]] - truth) ** 2)
    assert scores["baseline_mse"] == pytest.approx(stays, rel=1e-4)
    assert scores["skill"] == pytest.approx(1 - scores["mse"] / scores["baseline_mse"])
    # The targets of the test part start at step 160 - 32, each with a window before it.
    own_part = evaluate(cli, "last")
    tested = np.arange(128, 160)
    assert own_part["answers"] == len(tested)
    stays = np.mean((SIGNAL[tested - horizon] - SIGNAL[tested]) ** 2)
    assert own_part["baseline_mse"] == pytest.approx(stays, rel=1e-4)
    late = steps[known] + horizon >= 128
    of_late = np.mean((values[known] - truth)[late] ** 2)
    assert own_part["mse"] == pytest.approx(of_late, rel=1e-4, abs=1e-9)
    results = last_run(tmp_path).results()
    assert results is not None
    assert results["test_mse"] == pytest.approx(own_part["mse"], rel=1e-6)
    assert results["baseline_mse"] == pytest.approx(own_part["baseline_mse"], rel=1e-6)


@pytest.mark.parametrize("season", [None, ()])  # None: as runs of earlier versions
def test_the_path_of_a_run_is_not_fitted_again(season, tmp_path, monkeypatch):
    values = SIGNAL + np.random.default_rng(0).normal(size=160) / 4
    signal_csv(tmp_path / "own.csv", values)
    options: dict[str, object] = {"data": str(tmp_path / "own.csv")}
    options |= {"target": ("v",), "input": ("v",)}
    options |= {"horizon": 2, "window": 8, "linear": True, "stateful": False, "output": "last"}
    options |= {"max_steps": 3, "test_fraction": 0.2, "season": season}
    with start(make_config("regress", options), tmp_path) as session:
        session.train([])
    run = Run(session.writer.path)
    monkeypatch.setattr(candidates, "SHARPNESS", 0.0)  # as if the rules had changed
    found, expected = run_dataset(run).transform.linear, run.model().transform.linear
    assert found is not None
    np.testing.assert_array_equal(found.weights, expected.weights)


def test_without_a_forecast_the_baseline_is_the_training_mean(cli: Cli, tmp_path: Path) -> None:
    own = signal_csv(tmp_path / "own.csv")
    options = ("--target", "v", "--window", 8, "--stride", 8, "--scale", "standard")
    assert cli("regress", own, *options, *SMALL).code == 0
    scores = evaluate(cli, "last")
    assert scores["answers"] == 32
    assert scores["baseline"] == "the mean of the training targets"
    assert scores["baseline_mse"] == pytest.approx(
        np.mean((SIGNAL[128:] - SIGNAL[:128].mean()) ** 2), rel=1e-5
    )
    alone = evaluate(cli, last_run(tmp_path).path / "model.safetensors", own)
    assert alone["baseline"] == "the mean of these targets"
    assert alone["baseline_mse"] == pytest.approx(SIGNAL.var(), rel=1e-5)
    assert alone["skill"] == pytest.approx(alone["r2"], rel=1e-6)


def test_a_carried_state_is_compared_with_one_that_is_reset(cli: Cli, tmp_path: Path) -> None:
    own = signal_csv(tmp_path / "own.csv")
    done = cli(
        *("regress", own, "--recipe", "classic", "--target", "v", "--scale", "standard"),
        *("--test-fraction", "0.25"),
        *SMALL,
    )
    assert done.code == 0, done.err
    scores = evaluate(cli, "last")
    model = last_run(tmp_path).model()
    dataset = run_dataset(last_run(tmp_path))
    from hiddenstate.engines import make_predictor

    predictor = make_predictor(model, "cpu", 1)
    state = predictor.follow(dataset.X, {})[1]
    offset, factor = model.transform.target_scaling or (0, 1)
    truth = SIGNAL[120:160].reshape(4, 10, 1)
    for name, outputs in (
        ("mse", predictor.follow(dataset.X_test, state)[0]),
        ("reset_mse", predictor.predict(dataset.X_test)),
    ):
        expected = np.mean((outputs / factor + offset - truth) ** 2)
        assert scores[name] == pytest.approx(expected, rel=1e-5)
    assert scores["mse"] != scores["reset_mse"]
    rows = predict(cli, "last")
    np.testing.assert_array_equal(column(rows, "step"), np.arange(120, 160))
    own_mse = np.mean((column(rows, "v") - truth.ravel()) ** 2)
    assert scores["mse"] == pytest.approx(own_mse, rel=1e-5)


def test_a_stateful_model_with_one_output_per_window_names_its_last_step(cli, tmp_path):
    own = signal_csv(tmp_path / "own.csv")
    cli(
        *("regress", own, "--recipe", "classic", "--target", "v", "--output", "last"),
        *("--test-fraction", "0.25"),
        *SMALL,
    )
    assert column(predict(cli, "last"), "step").tolist() == [129, 139, 149, 159]
    assert column(predict(cli, "last", own), "step").tolist() == list(range(9, 160, 10))


def test_test_series_shorter_than_a_window_are_left_out(cli: Cli, tmp_path: Path) -> None:
    """They may be among the test rows, and are met only after training."""
    lines = ["id,t,v"]
    for k in range(10):
        lines += [f"s{k},{t},{np.sin(t + k)}" for t in range(3 if k % 2 else 30)]
    (tmp_path / "own.csv").write_text("\n".join(lines) + "\n")
    short = 0
    for seed in range(3):
        split = ("--split", "random", "--test-fraction", "0.4", "--seed", seed)
        options = ("--target", "v", "--horizon", 1, "--window", 8)
        done = cli("regress", "own.csv", *options, *split, *SMALL)
        assert done.code == 0, done.err
        test = run_dataset(last_run(tmp_path)).test
        assert test is not None
        lengths = np.full(len(test), 29) if test.lengths is None else test.lengths
        short += (lengths < 8).sum()
        assert evaluate(cli, "last")["answers"] == (lengths - 7)[lengths >= 8].sum()
        assert len(predict(cli, "last")) == (lengths - 7)[lengths >= 8].sum()
    assert short


# --- autoencode


def test_an_autoencoder_is_compared_with_as_many_principal_components(cli, tmp_path):
    rows = RNG.normal(size=(80, 3)) @ RNG.normal(size=(3, 7)) + RNG.normal(5, 0.2, (80, 7))
    head = "a,b,c,d,e,f,g"
    np.savetxt(tmp_path / "own.csv", rows[:60], delimiter=",", header=head, comments="")
    np.savetxt(tmp_path / "new.csv", rows[60:], delimiter=",", header=head, comments="")
    options = ("--test-fraction", 0, "--code-size", 2, "--max-steps", 50, "--scale", "standard")
    assert cli("autoencode", "own.csv", *options, *QUIET).code == 0
    scores = evaluate(cli, "last", "new.csv")
    scaled = (rows - rows[:60].mean(axis=0)) / rows[:60].std(axis=0)
    pca = PCA(2).fit(scaled[:60])
    rebuilt = pca.inverse_transform(pca.transform(scaled[60:]))
    assert scores["baseline"] == "2 principal components"
    assert scores["baseline_mse"] == pytest.approx(np.mean((rebuilt - scaled[60:]) ** 2), rel=1e-4)
    errors = column(predict(cli, "last", "new.csv"), "error")
    assert scores["mse"] == pytest.approx(errors.mean(), rel=1e-5)
    assert scores["skill"] == pytest.approx(1 - scores["mse"] / scores["baseline_mse"])
    alone = evaluate(cli, last_run(tmp_path).path / "model.safetensors", "new.csv")
    assert "baseline" not in alone
    assert alone["mse"] == scores["mse"]


# --- numbers that JSON does not have


def test_numbers_that_are_not_finite_are_null(capsys: pytest.CaptureFixture[str]) -> None:
    say_json({"a": float("-inf"), "b": [np.nan, 1.5, {"c": np.float64("inf")}], "d": (2, None)})
    assert json.loads(capsys.readouterr().out) == {
        "a": None,
        "b": [None, 1.5, {"c": None}],
        "d": [2, None],
    }


def test_scores_that_are_not_finite_are_null_in_json_and_printed_as_text(cli, tmp_path):
    own = signal_csv(tmp_path / "own.csv")
    signal_csv(tmp_path / "flat.csv", np.full(30, 7.0))
    signal_csv(tmp_path / "short.csv", SIGNAL[:9])
    options = ("--target", "v", "--horizon", 1, "--window", 8, "--output", "last")
    assert cli("regress", own, *options, *SMALL).code == 0
    flat = evaluate(cli, "last", "flat.csv")
    assert flat["baseline_mse"] == pytest.approx(0, abs=1e-9)
    assert flat["skill"] is None or flat["skill"] < 0
    short = evaluate(cli, "last", "short.csv")
    assert (short["answers"], short["r2"]) == (1, None)
    printed = cli("evaluate", "last", "short.csv")
    assert printed.code == 0
    assert "r2: nan" in printed.out


def test_data_that_cannot_be_evaluated_is_rejected(cli: Cli, tmp_path: Path) -> None:
    own = signal_csv(tmp_path / "own.csv")
    cli(
        "regress", own, "--target", "v", "--horizon", 1, "--window", 8, "--test-fraction", 0, *SMALL
    )
    for arguments, why in (
        (("last",), "the run has no test rows; name data with labels or targets after it"),
        (
            (last_run(tmp_path).path / "model.safetensors",),
            "a model file has no test rows; pass DATA after it",
        ),
    ):
        done = cli("evaluate", *arguments)
        assert (done.code, done.out) == (2, "")
        assert why in done.err
    np.savetxt(tmp_path / "u.csv", np.ones((30, 1)), header="u", comments="")
    done = cli("evaluate", "last", "u.csv")
    assert done.code == 2
    assert "v" in done.err
