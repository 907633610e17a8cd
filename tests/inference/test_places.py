"""Each prediction says where it belongs in the data: its row, series, step, time and part."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hiddenstate import load
from tests.conftest import QUIET, Cli

RNG = np.random.default_rng(2)
SMALL = ("--hidden-size", 4, "--max-steps", 4, "--recipe", "classic", *QUIET)
DAYS = pd.date_range("2021-03-01", periods=60).strftime("%Y-%m-%d")


def wide(**more: Any) -> pd.DataFrame:
    """Forty rows in two classes."""
    frame = pd.DataFrame(RNG.normal(size=(40, 3)), columns=["a", "b", "c"])
    return frame.assign(kind=np.where(frame["a"] > 0, "u", "v"), **more)


def signal(**more: Any) -> pd.DataFrame:
    """One series of 60 steps."""
    return pd.DataFrame({"load": np.sin(np.arange(60) / 4) + 0.01 * np.arange(60), **more})


def predicted(cli: Cli, *arguments: object) -> pd.DataFrame:
    answer = cli("predict", *arguments)
    assert answer.code == 0, answer.err
    return pd.read_csv(io.StringIO(answer.out))


def trained(cli: Cli, job: str, frame: pd.DataFrame, *options: object) -> pd.DataFrame:
    """Train on `frame` in own.csv; return the predictions of the test rows of the run."""
    frame.to_csv("own.csv", index=False)
    done = cli(job, "own.csv", *options, *SMALL)
    assert done.code == 0, done.err
    return predicted(cli, "last")


# --- one prediction a row


@pytest.mark.parametrize("split", ["stratified", "random", "time"])
def test_held_out_rows_have_their_number_in_the_table(split: str, cli: Cli) -> None:
    held = trained(cli, "classify", wide(), "--split", split)
    assert list(held) == ["row", "label"]
    assert len(set(held["row"])) == 8
    every = predicted(cli, "last", "own.csv")
    assert every["row"].tolist() == list(range(40))
    assert every["label"][held["row"]].tolist() == held["label"].tolist()


def test_rows_keep_their_number_where_incomplete_rows_are_dropped(cli: Cli) -> None:
    frame = wide()
    frame.loc[[3, 4, 17, 38], "b"] = np.nan
    held = trained(cli, "classify", frame, "--missing", "drop", "--split", "time")
    assert held["row"].tolist() == [32, 33, 34, 35, 36, 37, 39]


@pytest.mark.parametrize(
    ("ids", "options"),
    [
        (range(1000, 1040), ()),
        ([f"m{k}" for k in range(40)], ()),
        ([k // 2 for k in range(40)], ("--layout", "wide", "--id", "id")),
    ],
)
def test_rows_of_a_wide_table_have_their_id_and_their_time(ids, options, cli):
    frame = wide(id=ids, date=DAYS[:40])
    held = trained(cli, "classify", frame, "--split", "random", *options)
    for part in (held, predicted(cli, "last", "own.csv")):
        assert list(part) == ["row", "series", "time", "label"]
        own = frame.loc[part["row"]]
        assert part["series"].tolist() == own["id"].tolist()
        assert part["time"].tolist() == own["date"].tolist()
    frame.drop(columns=["id", "date"]).to_csv("new.csv", index=False)
    if not options:
        assert list(predicted(cli, "last", "new.csv")) == ["row", "label"]


def test_codes_have_the_number_and_the_id_of_their_row(cli: Cli) -> None:
    frame = wide(id=range(300, 340)).drop(columns="kind")
    frame.to_csv("own.csv", index=False)
    sizes = ("--encoder-sizes", "4", "--code-size", 2)
    assert cli("autoencode", "own.csv", *sizes, "--max-steps", 2, *QUIET).code == 0
    held = predicted(cli, "last")
    assert list(held) == ["row", "series", "code_1", "code_2", "error"]
    assert (held["series"] == held["row"] + 300).all()
    assert held["row"].tolist() != list(range(len(held)))


# --- one prediction a step


@pytest.mark.parametrize("named", ["date", "count", None])
@pytest.mark.parametrize("output", ["steps", "last"])
def test_the_steps_of_a_signal_are_those_of_the_table(named, output, cli):
    """Steps that only lead in to those held out are marked; the others are evaluated."""
    column = {"date": {"date": DAYS}, "count": {"t": range(100, 160)}, None: {}}[named]
    frame = signal(**column)
    if named:
        frame = frame.sample(frac=1, random_state=1, ignore_index=True)
    options = ("--target", "load", "--horizon", 1, "--no-stateful", "--window", 8)
    held = trained(cli, "regress", frame, *options, "--test-fraction", 0.3, "--output", output)
    times = ["time", "target_time"] if named else []
    assert list(held) == ["row", "step", *times, "part", "load"]
    n_answers = json.loads(cli("evaluate", "last", "--json").out)["answers"]
    assert (held["part"] == "test").sum() == n_answers
    n_context = {"steps": 7, "last": 0}[output]  # the target of the eighth is held out
    assert held["part"].tolist() == ["context"] * n_context + ["test"] * n_answers
    assert held["step"].tolist() == list(range(59 - n_answers - n_context, 59))
    every = predicted(cli, "last", "own.csv").set_index("step")
    assert "part" not in every
    for part in (held.set_index("step"), every):
        own = frame.loc[part["row"]]
        if named:
            assert part["time"].tolist() == own[next(iter(column))].tolist()
            assert part["time"].is_monotonic_increasing
        else:
            assert part["row"].tolist() == part.index.tolist()
    both = held.set_index("step").join(every, rsuffix="_again")
    both = both.iloc[7:]  # those before have a window that is not complete
    np.testing.assert_allclose(both["load"], both["load_again"], rtol=1e-4, atol=1e-5)


def test_the_windows_of_a_stateful_model_go_on_where_training_ended(cli: Cli) -> None:
    frame = signal(heat=RNG.normal(size=60))
    options = ("--target", "load", "--input", "heat", "--window", 6, "--test-fraction", 0.2)
    held = trained(cli, "regress", frame, *options, "--stateful")
    assert held["step"].tolist() == held["row"].tolist() == list(range(48, 60))
    assert set(held["part"]) == {"test"}


def test_series_have_their_id_and_the_times_of_their_steps(cli: Cli) -> None:
    lengths = [5, 9, 7, 9, 3, 8]
    frame = pd.concat(
        pd.DataFrame({"id": k + 500, "date": DAYS[k : k + n], "a": RNG.normal(size=n)})
        for k, n in enumerate(lengths)
    )
    frame = frame.assign(b=frame["a"] * 2).sample(frac=1, random_state=0, ignore_index=True)
    options = ("--target", "b", "--window", 4, "--no-stateful", "--test-fraction", 0.4)
    held = trained(cli, "regress", frame, *options, "--split", "random")
    assert list(held) == ["series", "step", "time", "part", "b"]
    long_enough = frame.groupby("id").filter(lambda part: len(part) >= 4)
    long_enough.to_csv("new.csv", index=False)
    every = predicted(cli, "last", "new.csv")
    assert list(every) == ["series", "step", "time", "b"]
    for part in (held, every):
        for name, steps in part.groupby("series"):
            own = frame[frame["id"] == name].sort_values("date")
            assert steps["step"].tolist() == list(range(len(own)))
            assert steps["time"].tolist() == own["date"].tolist()
    whole = every.set_index(["series", "step"])["b"]
    again = whole[list(zip(held["series"], held["step"], strict=True))]
    np.testing.assert_allclose(again, held["b"], rtol=1e-4, atol=1e-5)
    # Without ids, the only series that is left is named by its number.
    assert cli("evaluate", "last").code == 0


def test_series_of_arrays_have_their_number_among_those_read(cli: Cli, tmp_path: Path) -> None:
    X = RNG.normal(size=(20, 6, 2))
    np.savez(tmp_path / "own.npz", X=X, y=X.sum(axis=2))
    options = ("--window", 0, "--no-stateful", "--test-fraction", 0.05)
    assert cli("regress", "own.npz", *options, *SMALL).code == 0
    held = predicted(cli, "last")
    assert list(held) == ["series", "step", "part", "y_1"]
    (number,) = set(held["series"])
    model = load(tmp_path / "runs" / "regress-1" / "model.safetensors")
    np.testing.assert_allclose(model.predict(X[[number]]).ravel(), held["y_1"], rtol=1e-4)


def test_rows_of_a_wide_regression_have_their_number(cli: Cli) -> None:
    frame = wide(y=RNG.normal(size=40), id=range(70, 110)).drop(columns="kind")
    words = ("--layout", "wide", "--target", "y", "--output", "last", "--no-stateful")
    held = trained(cli, "regress", frame, *words, "--test-fraction", 0.2)
    assert list(held) == ["row", "series", "step", "part", "y"]
    assert (held["series"] == held["row"] + 70).all()
    every = predicted(cli, "last", "own.csv").set_index("row")["y"]
    np.testing.assert_allclose(every[held["row"]], held["y"], rtol=1e-4)


def test_a_ts_file_with_time_stamps_gives_them_to_the_steps(cli: Cli, tmp_path: Path) -> None:
    cases = [
        ":".join(f"({t + 50 * k},{v})" for t, v in enumerate(RNG.normal(size=6).round(3))).replace(
            "):(", "),("
        )
        for k in range(3)
    ]
    head = "@problemName own\n@timeStamps true\n@univariate true\n@classLabel false\n@data\n"
    (tmp_path / "own.ts").write_text(head + "\n".join(cases) + "\n")
    options = ("--horizon", 1, "--no-stateful", "--window", 0, "--test-fraction", 0.4)
    assert cli("regress", "own.ts", *options, *SMALL).code == 0
    held = predicted(cli, "last")
    assert list(held) == ["series", "step", "time", "target_time", "part", "value"]
    assert (held["time"] == held["series"] * 50 + held["step"]).all()
    assert (held["target_time"] == held["time"] + 1).all()


def test_a_forecast_of_the_only_column_needs_no_name_of_it(cli: Cli) -> None:
    options = ("--horizon", 1, "--no-stateful", "--window", 8, "--test-fraction", 0.3)
    held = trained(cli, "regress", signal(date=DAYS), *options)
    every = predicted(cli, "last", "own.csv")
    assert list(every) == ["row", "step", "time", "target_time", "load"]
    assert set(held["row"]) < set(every["row"])
    scores = [cli("evaluate", "last", *data, "--json") for data in ((), ("own.csv",))]
    assert [json.loads(each.out)["answers"] for each in scores] == [
        (held["part"] == "test").sum(),
        59,
    ]


# --- files


def test_csv_json_and_parquet_name_the_same_places(cli: Cli, tmp_path: Path) -> None:
    frame = signal(date=pd.to_datetime(DAYS)).assign(id="m")
    frame.to_parquet(tmp_path / "own.parquet")
    options = ("--target", "load", "--horizon", 1, "--no-stateful", "--window", 8)
    done = cli("regress", "own.parquet", *options, "--test-fraction", 0.3, *SMALL)
    assert done.code == 0, done.err
    for name in ("a.csv", "a.json", "a.parquet"):
        assert cli("predict", "last", "--output", name).code == 0
    stored = [
        pd.read_csv("a.csv"),
        pd.read_json("a.json", convert_dates=False),
        pd.read_parquet("a.parquet"),
    ]
    for part in stored:
        assert list(part) == ["series", "step", "time", "target_time", "part", "load"]
        assert part["time"].iloc[-1] == DAYS[58]
        assert part["step"].dtype.kind == "i"
        pd.testing.assert_frame_equal(part, stored[0], check_dtype=False, atol=1e-9)


@pytest.mark.parametrize("name", ["a.xls", "a.txt", "a.csv.gz", "a.parq"])
def test_an_output_of_an_unsupported_format_is_refused_before_any_work(name, cli, tmp_path):
    answer = cli("predict", "no such run", "--output", name)
    assert answer.code == 2
    assert f"--output: {name}: unsupported format" in answer.err
    assert "supported: .csv, .json, .parquet, .pq, .xlsx, .wav; " in answer.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.CSV", "a", "a.xlsx"])
def test_a_named_format_and_a_name_without_an_ending_are_csv(name: str, cli: Cli) -> None:
    trained(cli, "classify", wide())
    extra = ("--format", "csv") if name == "a.xlsx" else ()
    assert cli("predict", "last", "--output", name, *extra).code == 0
    assert list(pd.read_csv(name)) == ["row", "label"]
