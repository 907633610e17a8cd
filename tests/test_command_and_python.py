"""The command and Python give equal answers, whatever order and names the columns have."""

import csv
import io
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hiddenstate import Autoencoder, RecurrentClassifier, RecurrentRegressor, load
from hiddenstate.errors import DataError
from tests.conftest import QUIET, Cli, answer_to

polars = pytest.importorskip("polars")

Array = np.ndarray[Any, Any]
NAMES = ["a", "b", "c", "d"]
RNG = np.random.default_rng(5)
X = RNG.normal(size=(24, 4)) * [1, 5, 20, 0.1] + [0, 3, -9, 1]
KIND = np.where(X[:, 0] + X[:, 1] > 3, "up", "down")
TOTAL = X @ [1, 2, 0.5, 10]
FRAME = pd.DataFrame(X, columns=NAMES)
STEPS = [f"{name}{t}" for t in range(2) for name in "ab"]
SMALL: dict[str, Any] = {"hidden_size": 5, "scale": "standard", "max_steps": 8, "random_state": 0}
TRAIN = ("--hidden-size", 5, "--scale", "standard", "--max-steps", 8, "--test-fraction", 0)


def long_frame(n: int = 6) -> pd.DataFrame:
    parts = [
        pd.DataFrame(X[k : k + 3 + k % 3], columns=NAMES).assign(id=f"s{k}", t=range(3 + k % 3))
        for k in range(n)
    ]
    return pd.concat(parts).assign(
        kind=lambda f: np.where(f["id"].str[1:].astype(int) % 2, "u", "v")
    )


LONG = long_frame()
SERIES = [part[NAMES] for _, part in LONG.groupby("id")]


def table(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text))


def numbers(frame: pd.DataFrame) -> Array:
    left = [n for n in frame if n not in ("row", "series", "step", "time", "label", "error")]
    return frame[left].to_numpy(float)


def answers(model: Any, rows: Any) -> Array:
    if isinstance(model, RecurrentClassifier):
        return np.asarray(model.predict_proba(rows))
    if isinstance(model, RecurrentRegressor):
        return np.asarray(model.predict(rows)).reshape(len(rows), -1)
    return np.asarray(model.transform(rows))


def shuffled(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame.columns[::-1]]


class Case:
    """A table that a command trains on, and the rows of it that Python takes."""

    def __init__(self, job: str, frame: pd.DataFrame, rows: Any, *options: object) -> None:
        self.job, self.frame, self.rows = job, frame, rows
        own = ("--encoder-sizes", "5") if job == "autoencode" else TRAIN[:2]
        self.options = (*own, *TRAIN[2:], *options)


WIDE = FRAME.assign(kind=KIND)
CASES = {
    "classify": Case("classify", WIDE, FRAME),
    "chosen": Case("classify", WIDE, FRAME[["c", "a"]], "--label", "kind", "--input", "c,a"),
    "steps": Case(
        "classify",
        FRAME.set_axis(STEPS, axis=1).assign(kind=KIND),
        FRAME.set_axis(STEPS, axis=1),
        "--steps",
        2,
    ),
    "integers": Case("classify", FRAME.assign(label=(X[:, 0] > 0).astype(int)), FRAME),
    "numbers": Case("classify", FRAME.assign(label=np.where(X[:, 0] > 0, 1, 1.5)), FRAME),
    "ids": Case("classify", WIDE.assign(id=range(100, 124)), FRAME),
    "regress": Case("regress", FRAME.assign(y=TOTAL), FRAME, "--layout", "wide", "--target", "y"),
    "two targets": Case(
        "regress", FRAME.assign(y=TOTAL, z=-TOTAL), FRAME, "--layout", "wide", "--target", "y,z"
    ),
    "autoencode": Case("autoencode", FRAME, FRAME),
    "autoencode chosen": Case("autoencode", FRAME, FRAME[["d", "b", "c"]], "--input", "d,b,c"),
    "long": Case("classify", LONG, SERIES, "--label", "kind"),
    "missing": Case(
        "classify", WIDE.where(X[3, 1] != WIDE), FRAME.where(X[3, 1] != FRAME), "--missing", "mean"
    ),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Trains the model of a case, once; gives its folder with the table and the model's file."""
    made: dict[str, Path] = {}

    def train(name: str) -> Path:
        if name not in made:
            case, folder = CASES[name], tmp_path_factory.mktemp("case")
            case.frame.to_csv(folder / "own.csv", index=False)
            words = (case.job, folder / "own.csv", *case.options, *QUIET)
            done = answer_to(*words, "--runs-dir", folder / "runs")
            assert done.code == 0, done.err
            made[name] = folder
        return made[name]

    return train


def file_of(folder: Path) -> Path:
    (path,) = folder.glob("runs/*/model.safetensors")
    return path


# --- models of the command


@pytest.mark.parametrize("name", CASES)
def test_a_model_of_the_command_answers_python_as_the_command(name, models, cli, tmp_path):
    folder, case = models(name), CASES[name]
    model = load(file_of(folder))
    assert list(model.feature_names_in_) == list(
        case.rows.columns if isinstance(case.rows, pd.DataFrame) else case.rows[0].columns
    )
    own = table(cli("predict", file_of(folder), folder / "own.csv", *proba(case)).out)
    np.testing.assert_allclose(answers(model, case.rows), numbers(own), rtol=1e-5, atol=1e-6)
    # The order of the columns does not matter to the command, and neither do other columns.
    new = shuffled(case.frame).assign(extra=np.arange(len(case.frame)), note="text")
    new.to_csv(tmp_path / "new.csv", index=False)
    new.to_parquet(tmp_path / "new.parquet", index=False)
    for path in ("new.csv", "new.parquet"):
        answer = cli("predict", file_of(folder), path, *proba(case))
        assert answer.code == 0, answer.err
        assert answer.err == ""
        np.testing.assert_allclose(numbers(table(answer.out)), numbers(own), rtol=1e-5, atol=1e-6)


def proba(case: Case) -> tuple[str, ...]:
    return ("--proba",) if case.job == "classify" else ()


@pytest.mark.parametrize("name", CASES)
def test_a_missing_column_is_refused_by_name(name, models, cli, tmp_path):
    folder, case = models(name), CASES[name]
    gone = case.rows.columns[0] if isinstance(case.rows, pd.DataFrame) else "a"
    case.frame.drop(columns=gone).to_csv(tmp_path / "new.csv", index=False)
    for command in ("predict", "evaluate"):
        answer = cli(command, file_of(folder), "new.csv")
        assert answer.code == 2
        assert f"new.csv: no input column {gone}" in answer.err
    rows = case.rows if isinstance(case.rows, list) else [case.rows]
    fewer = [frame.drop(columns=gone) for frame in rows]
    with pytest.raises(ValueError, match=rf"\b{gone}\b"):
        answers(load(file_of(folder)), fewer if rows is case.rows else fewer[0])


@pytest.mark.parametrize("as_polars", [False, True])
@pytest.mark.parametrize("name", ["classify", "steps", "regress", "autoencode", "long"])
def test_columns_in_another_order_are_never_taken_as_they_come(name, as_polars, models):
    """A frame is refused, as by scikit-learn; the frames of a list are put in order."""
    model, case = load(file_of(models(name))), CASES[name]
    frames = case.rows if isinstance(case.rows, list) else [case.rows]
    turned: list[Any] = [shuffled(frame) for frame in frames]
    if as_polars:
        turned = [polars.from_pandas(frame) for frame in turned]
    if isinstance(case.rows, list):
        np.testing.assert_array_equal(answers(model, turned), answers(model, case.rows))
        return
    with pytest.raises(ValueError, match="must be in the same order"):
        answers(model, turned[0])
    right = turned[0][list(model.feature_names_in_)]
    np.testing.assert_array_equal(answers(model, right), answers(model, case.rows))


@pytest.mark.parametrize("name", ["classify", "regress", "autoencode", "long"])
def test_rows_without_names_are_taken_in_order_and_said_so(name, models, cli, tmp_path):
    folder, case = models(name), CASES[name]
    model = load(file_of(folder))
    if isinstance(case.rows, list):
        bare: Any = [frame.to_numpy() for frame in case.rows]
    else:
        bare = case.rows.to_numpy()
        np.savetxt(tmp_path / "new.csv", bare, delimiter=",")
        answer = cli("predict", file_of(folder), "new.csv", *proba(case))
        note = "note: new.csv: no column names; columns are used in the order of the training data"
        assert answer.err == f"{note}: a, b, c, d\n"
        np.testing.assert_allclose(numbers(table(answer.out)), answers(model, case.rows), 1e-5)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        np.testing.assert_array_equal(answers(model, bare), answers(model, case.rows))


# --- models of an estimator


def estimators() -> dict[str, Any]:
    """Estimators, what each is fitted on, and the columns of the table beside those."""
    classify, regress = RecurrentClassifier(**SMALL), RecurrentRegressor(**SMALL)
    coder = Autoencoder((5,), 2, scale="standard", max_steps=8, random_state=0)
    return {
        "classify": (classify, FRAME, pd.Series(KIND, name="kind")),
        "steps": (RecurrentClassifier(steps=2, **SMALL), FRAME, pd.Series(KIND, name="kind")),
        "regress": (regress, FRAME, pd.Series(TOTAL, name="y")),
        "two targets": (regress, FRAME, pd.DataFrame({"y": TOTAL, "z": -TOTAL})),
        "autoencode": (coder, FRAME, None),
        "polars": (classify, polars.from_pandas(FRAME), pd.Series(KIND, name="kind")),
    }


@pytest.mark.parametrize("name", estimators())
def test_a_saved_estimator_answers_the_command_as_python(name, cli, tmp_path):
    estimator, rows, y = estimators()[name]
    estimator.fit(rows, y).save(tmp_path / "m.safetensors")
    new = FRAME if y is None else pd.concat([FRAME, y], axis=1)
    shuffled(new).assign(more="text").to_csv(tmp_path / "new.csv", index=False)
    extra = ("--proba",) if isinstance(estimator, RecurrentClassifier) else ()
    answer = cli("predict", "m.safetensors", "new.csv", *extra)
    assert (answer.code, answer.err) == (0, "")
    expected = answers(estimator, rows)
    np.testing.assert_allclose(numbers(table(answer.out)), expected, rtol=1e-6)
    if isinstance(estimator, RecurrentRegressor):
        assert list(table(answer.out)) == ["row", "step", *pd.DataFrame(y).columns]
    again = load("m.safetensors")
    assert list(again.feature_names_in_) == NAMES
    np.testing.assert_array_equal(answers(again, rows), expected)
    if y is None:
        return
    scores = json.loads(cli("evaluate", "m.safetensors", "new.csv", "--json").out)
    assert scores["accuracy" if "accuracy" in scores else "r2"] == pytest.approx(
        estimator.score(rows, y)
    )


def test_a_saved_estimator_of_series_answers_the_command_as_python(cli, tmp_path):
    kinds = np.array(["v", "u"] * 3)
    estimator = RecurrentClassifier(**SMALL).fit([shuffled(f) for f in SERIES], kinds)
    assert list(estimator.feature_names_in_) == NAMES[::-1]
    estimator.save(tmp_path / "m.safetensors")
    LONG.to_csv(tmp_path / "new.csv", index=False)
    predicted = table(cli("predict", "m.safetensors", "new.csv", "--proba").out)
    np.testing.assert_allclose(numbers(predicted), estimator.predict_proba(SERIES), rtol=1e-6)
    assert predicted["series"].tolist() == [f"s{k}" for k in range(6)]
    with pytest.raises(DataError, match="X: series 1: no input column b; "):
        estimator.predict([SERIES[0], SERIES[1].drop(columns="b")])


# --- models without names


@pytest.fixture
def unnamed(tmp_path: Path) -> Path:
    """A classifier of arrays, in a file."""
    RecurrentClassifier(**SMALL).fit(X, KIND).save(tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


def test_a_model_without_names_takes_named_columns_only_if_they_are_chosen(unnamed, cli, tmp_path):
    WIDE.to_csv(tmp_path / "new.csv", index=False)
    shuffled(FRAME).to_csv(tmp_path / "turned.csv", index=False)
    for command in ("predict", "evaluate"):
        answer = cli(command, unnamed, "new.csv")
        assert answer.code == 2
        assert "new.csv: has named columns (a, b, c, d), but the model was trained on" in answer.err
        assert "--input all" in answer.err
    expected = load(unnamed).predict_proba(X)
    for words in (
        ("new.csv", "--input", "all"),
        ("new.csv", "--input", "a,b,c,d"),
        ("turned.csv", "--input", "a,b,c,d"),
    ):
        answer = cli("predict", unnamed, *words, "--proba")
        assert answer.code == 0, answer.err
        np.testing.assert_allclose(numbers(table(answer.out)), expected, rtol=1e-6)
    answer = cli("predict", unnamed, "turned.csv", "--input", "all", "--proba")
    np.testing.assert_allclose(
        numbers(table(answer.out)), load(unnamed).predict_proba(X[:, ::-1]), rtol=1e-6
    )


def test_a_model_without_names_refuses_a_data_frame(unnamed: Path) -> None:
    model = load(unnamed)
    for rows in (FRAME, polars.from_pandas(FRAME), [FRAME, FRAME]):
        with pytest.raises(DataError, match=r"has column names \(a, b, c, d\).*X\.to_numpy\(\)"):
            model.predict(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expected = model.predict(X)
        np.testing.assert_array_equal(model.predict(pd.DataFrame(X)), expected)


def test_rows_and_a_model_without_names_are_used_in_order_with_one_note(unnamed, cli, tmp_path):
    np.save(tmp_path / "new.npy", X)
    np.savetxt(tmp_path / "new.csv", X, delimiter=",")
    for name in ("new.npy", "new.csv"):
        answer = cli("predict", unnamed, name, "--proba")
        note = "no column names; columns are used in the order of the training data"
        assert answer.err == f"note: {name}: {note}\n"
        expected = load(unnamed).predict_proba(X)
        np.testing.assert_allclose(numbers(table(answer.out)), expected, rtol=1e-6)


def test_the_bundled_waves_take_no_named_column(cli: Cli, tmp_path: Path) -> None:
    assert cli("regress", "--windows", 20, *QUIET).code == 0
    pd.DataFrame({"day": range(40), "demand": X.ravel()[:40]}).to_csv("demand.csv", index=False)
    answer = cli("predict", "regress-1", "demand.csv")
    assert answer.code == 2
    assert "demand.csv: has named columns (" in answer.err
    assert answer.out == ""
    assert cli("predict", "regress-1", "demand.csv", "--input", "demand").code == 0


def test_a_table_without_header_is_matched_by_position_without_its_label(cli, tmp_path):
    rows = np.c_[(X[:, 0] > 0) + 0.0, X]
    np.savetxt(tmp_path / "own.csv", rows, delimiter=",")
    np.savetxt(tmp_path / "new.csv", X, delimiter=",")
    assert cli("classify", "own.csv", *TRAIN, *QUIET).code == 0
    with_label = cli("predict", "last", "own.csv", "--proba")
    without = cli("predict", "last", "new.csv", "--proba")
    assert with_label.out == without.out
    WIDE.to_csv(tmp_path / "named.csv", index=False)
    answer = cli("predict", "last", "named.csv")
    assert answer.code == 2
    assert "choose the columns with --input COL,..." in answer.err


# --- test files, resumed runs, further fits, weights


def test_the_columns_of_a_test_file_are_put_in_order(cli: Cli, tmp_path: Path) -> None:
    WIDE.to_csv(tmp_path / "own.csv", index=False)
    WIDE[::2].to_csv(tmp_path / "test.csv", index=False)
    shuffled(WIDE[::2]).assign(more=1).to_csv(tmp_path / "turned.csv", index=False)
    predicted = []
    for test in ("test.csv", "turned.csv"):
        words = ("own.csv", "--test", test, *TRAIN[:-2], *QUIET)
        done = cli("classify", *words)
        assert done.code == 0, done.err
        predicted.append(cli("predict", "last", "--proba").out)
    assert predicted[0] == predicted[1]


def test_a_resumed_run_keeps_the_order_of_its_columns(cli: Cli, tmp_path: Path) -> None:
    """The data is the same but for the order of its columns, so the run goes on as it was."""
    predicted = []
    for name, changed in (("same", WIDE), ("turned", shuffled(WIDE))):
        WIDE.to_csv(tmp_path / f"{name}.csv", index=False)
        folder = ("--runs-dir", tmp_path / name)
        assert cli("classify", f"{name}.csv", *TRAIN, *folder, *QUIET).code == 0
        changed.to_csv(tmp_path / f"{name}.csv", index=False)
        done = cli("resume", tmp_path / name / "classify-1", "--max-steps", "+4", "--view", "off")
        assert done.code == 0, done.err
        predicted.append(load(tmp_path / name / "classify-1" / "model.safetensors"))
    expected = predicted[0].predict_proba(FRAME)
    np.testing.assert_array_equal(predicted[1].predict_proba(FRAME), expected)
    WIDE.drop(columns="b").to_csv(tmp_path / "turned.csv", index=False)
    words = ("resume", tmp_path / "turned" / "classify-1", "--max-steps", "+4", "--allow-changed")
    answer = cli(*words)
    assert answer.code == 2
    assert "turned.csv: no input column b" in answer.err


def test_weights_for_the_same_columns_in_another_order_are_refused(models, cli, tmp_path):
    file = file_of(models("classify"))
    shuffled(WIDE).to_csv(tmp_path / "turned.csv", index=False)
    words = ("turned.csv", *TRAIN, "--weights", file, *QUIET)
    answer = cli("classify", *words)
    assert answer.code == 2
    assert answer.err.endswith("with --input a,b,c,d\n")
    assert cli("classify", *words, "--input", "a,b,c,d").code == 0
    with pytest.raises(DataError, match="was trained on columns a, b, c, d"):
        RecurrentClassifier(**SMALL, weights=str(file)).fit(shuffled(FRAME), KIND)


def test_partial_fit_checks_names_as_predict() -> None:
    model = RecurrentRegressor(**SMALL).partial_fit(FRAME, TOTAL)
    with pytest.raises(ValueError, match="must be in the same order"):
        model.partial_fit(shuffled(FRAME), TOTAL)
    bare = RecurrentRegressor(**SMALL).partial_fit(X, TOTAL)
    with pytest.raises(DataError, match=r"X\.to_numpy\(\)"):
        bare.partial_fit(FRAME, TOTAL)


# --- labels


def test_numbers_stay_numbers_as_labels(models, cli, tmp_path):
    for name, expected in (("numbers", {1, 1.5}), ("integers", {0, 1})):
        folder = models(name)
        file = file_of(folder)
        rows = json.loads(cli("predict", file, folder / "own.csv", "--format", "json").out)
        assert {(type(row["label"]), row["label"]) for row in rows} <= {
            (type(label), label) for label in expected
        }
        text = cli("predict", file, folder / "own.csv", "--proba").out
        read = list(csv.DictReader(io.StringIO(text)))
        assert {row["label"] for row in read} <= {str(label) for label in expected}
        assert {f"p_{label}" for label in expected} <= set(read[0])
        cli("predict", file, folder / "own.csv", "--output", "out.parquet")
        stored = pd.read_parquet(tmp_path / "out.parquet")["label"]
        assert stored.dtype.kind in "if"
        assert stored.tolist() == [row["label"] for row in rows]
        assert load(file).predict(FRAME).tolist() == stored.tolist()
