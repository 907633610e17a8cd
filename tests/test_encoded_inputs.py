"""Text and dates as inputs, from training to prediction: the command and Python agree."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hiddenstate import load
from hiddenstate.errors import DataError, OptionError
from hiddenstate.runs import Run
from tests.conftest import QUIET, Cli

OPTIONS = ("--input", "store,price", "--calendar", "hour,weekday", "--target", "sales")
SHORT = ("--max-steps", 3, "--checkpoint-every", 1, "--hidden-size", 4, *QUIET)
RUN = "runs/regress-1"
VALUES = ["east", "north", "south"]


def table(n: int = 60) -> pd.DataFrame:
    random = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "date": pd.date_range("2024-01-01", periods=n, freq="7h").astype(str),
            "store": random.choice(VALUES, n),
            "note": [f"free text {i}" for i in range(n)],
            "price": random.normal(20, 5, n).round(2),
            "sales": random.normal(size=n).round(3),
        }
    )


@pytest.fixture
def trained(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """A run on sales.csv in the current folder, and its table."""
    monkeypatch.chdir(tmp_path)
    frame = table()
    frame.to_csv("sales.csv", index=False)
    answer = cli("regress", "sales.csv", "--layout", "features", *OPTIONS, *SHORT)
    assert answer.code == 0, answer.err
    assert "store (3 values), date (hour, weekday)" in answer.err
    return frame


def predicted(cli: Cli, model: str, frame: pd.DataFrame, **options: Any) -> Any:
    frame.to_csv("new.csv", index=False, **options)
    return printed(cli, model, "new.csv")["sales"].to_numpy()


def printed(cli: Cli, model: str, path: str) -> pd.DataFrame:
    """What `predict` prints, as a table."""
    answer = cli("predict", model, path)
    assert answer.code == 0, answer.err
    return pd.read_csv(io.StringIO(answer.out))


def test_the_command_and_python_encode_new_rows_alike(cli: Cli, trained: pd.DataFrame) -> None:
    new = trained.drop(columns="sales").iloc[[5, 2, 11]]
    expected = predicted(cli, RUN, new)
    assert len(set(expected)) == 3
    one = predicted(cli, RUN, new[new.columns[::-1]].tail(1))  # has one of the stores
    np.testing.assert_array_equal(one, expected[-1:])
    model = load(f"{RUN}/model.safetensors")
    assert list(model.feature_names_in_) == ["store", "price", "date"]
    frames = [new, new[new.columns[::-1]], new.assign(date=pd.to_datetime(new["date"]))]
    for frame in [*frames, new.astype({"store": "category"})]:
        np.testing.assert_allclose(model.predict(frame)[:, 0], expected, rtol=1e-6)
    model.save("saved.safetensors")
    np.testing.assert_allclose(load("saved.safetensors").predict(new)[:, 0], expected, rtol=1e-6)
    np.testing.assert_array_equal(predicted(cli, "saved.safetensors", new), expected)
    with pytest.raises(DataError, match="expected a data frame, as the model encodes text"):
        model.predict(np.zeros((3, 8)))
    with pytest.raises(OptionError, match="stream: the model encodes text, where"):
        model.stream()


def test_what_the_training_data_did_not_have_is_refused(cli: Cli, trained: pd.DataFrame) -> None:
    model = load(f"{RUN}/model.safetensors")
    for change, words in {
        ("store", "West"): "new.csv:2:store: 'West' is not in the training data; known values: ea",
        ("store", ""): "1 value is missing or not finite, the first in row 0, column store",
        ("date", 3): "column date holds numbers, expected dates for its calendar",
        ("date", "soon"): "new.csv:2:date: 'soon' is not a time",
    }.items():
        bad = trained.head(1).assign(**{change[0]: change[1]})
        bad.to_csv("new.csv", index=False)
        answer = cli("predict", RUN, "new.csv")
        assert (answer.code, answer.out) == (2, "")
        assert words in answer.err.replace("\n", " "), answer.err
        with pytest.raises(DataError):
            model.predict(bad if change[1] else bad.assign(store=None))
    trained.drop(columns="store").to_csv("new.csv", index=False)
    assert "no input column store" in cli("predict", RUN, "new.csv").err


def test_a_run_keeps_its_encodings(cli: Cli, trained: pd.DataFrame) -> None:
    record = Run(Path(RUN)).record["data"]
    assert record["columns"] == ["store", "price", "date"]
    assert record["encodings"] == [
        {"column": "store", "values": VALUES},
        {"column": "date", "calendar": ["hour", "weekday"]},
    ]
    assert cli("evaluate", RUN).code == 0
    assert cli("evaluate", RUN, "sales.csv").code == 0
    card = (Path(RUN) / "README.md").read_text()
    assert "a feature for each of 3 values: east, north, south" in card
    assert "sine and cosine of hour, weekday" in card
    trained.assign(store=trained["store"].replace("east", "north")).to_csv("sales.csv", index=False)
    more = ("--max-steps", "+2")
    assert "data changed" in cli("resume", RUN, *more, "--view", "off").err
    answer = cli("resume", RUN, *more, "--view", "off", "--allow-changed")
    assert answer.code == 0, answer.err
    assert Run(Path(RUN)).model().transform.encodings[0].values == tuple(VALUES)


def test_test_rows_and_initial_weights_have_the_encodings(cli: Cli, trained: pd.DataFrame) -> None:
    part = trained[trained["store"] != "east"]
    part.to_csv("part.csv", index=False)
    command = ("regress", "part.csv", "--layout", "features", *SHORT)
    answer = cli(*command, *OPTIONS, "--test", "sales.csv")
    assert answer.code == 2
    assert "store: 'east' is not in the training data" in answer.err.replace("\n", " ")
    words = ("sales.csv", "--layout", "features", *SHORT, *OPTIONS, "--test", "part.csv")
    assert cli("regress", *words).code == 0
    weights = ("--weights", f"{RUN}/model.safetensors", "--input", "store,price")
    answer = cli(*command, *weights, "--target", "sales")
    assert answer.code == 0, answer.err
    own = Run(Path("runs/regress-3")).model().transform
    assert own.encodings == Run(Path(RUN)).model().transform.encodings
    assert "no training row has store east" in answer.err.replace("\n", " ")
    answer = cli(*command, *weights, "--target", "sales", "--calendar", "month")
    assert "--calendar: is not that of the model; use --calendar hour,weekday" in answer.err


@pytest.mark.parametrize("missing", ["mean", "mask", "drop"])
def test_missing_text_and_dates_have_a_rule(cli, tmp_path, monkeypatch, missing):
    monkeypatch.chdir(tmp_path)
    frame = table()
    frame.loc[[3, 7], "store"] = ""
    frame.loc[[4], "date"] = ""
    frame.to_csv("gaps.csv", index=False)
    command = ("regress", "gaps.csv", "--layout", "features", *OPTIONS, *SHORT)
    answer = cli(*command)
    assert answer.code == 2
    assert "3 values are missing" in answer.err.replace("\n", " ")
    answer = cli(*command, "--missing", missing)
    assert answer.code == 0, answer.err
    if missing != "drop":
        assert np.isfinite(predicted(cli, RUN, frame.iloc[2:9].drop(columns="sales"))).all()


def test_classes_and_codes_are_learned_from_encoded_rows(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = table().assign(kind=lambda f: np.where(f["price"] > 20, "dear", "cheap"))
    frame.drop(columns="note").to_csv("kinds.csv", index=False)
    options = ("--input", "all", "--calendar", "auto", "--max-steps", 3, *QUIET)
    answer = cli("classify", "kinds.csv", "--label", "kind", *options)
    assert answer.code == 0, answer.err
    model = load("runs/classify-1/model.safetensors")
    assert set(model.predict(frame.head())) <= {"dear", "cheap"}
    assert list(model.feature_names_in_) == ["store", "price", "sales", "date"]
    answer = cli("autoencode", "kinds.csv", "--label", "kind", *options)
    assert answer.code == 0, answer.err
    coder = load("runs/autoencode-1/model.safetensors")
    codes = coder.transform(frame.head())
    expected = printed(cli, "runs/autoencode-1", "kinds.csv")["code_1"].head()
    np.testing.assert_allclose(codes[:, 0], expected, rtol=1e-5)


def test_steps_of_series_are_encoded(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    steps = table().assign(id=np.repeat(["a", "b"], 30))
    steps.to_csv("steps.csv", index=False)
    words = ("--horizon", 1, *OPTIONS[2:], "--input", "sales,store", "--window", 5)
    answer = cli("regress", "steps.csv", *words, "--split", "time", "--no-linear", *SHORT)
    assert answer.code == 0, answer.err
    series = [part for _, part in steps.groupby("id")]
    model = load(f"{RUN}/model.safetensors")
    assert len(printed(cli, RUN, "steps.csv")) == 60
    assert list(model.feature_names_in_) == ["sales", "store", "date"]
    assert np.shape(model.predict(series))[:2] == (2, 30)
