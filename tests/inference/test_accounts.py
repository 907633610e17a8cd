"""Every row is accounted for: it is predicted and scored, or a note says why not."""

import io
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hiddenstate.errors import count
from tests.conftest import QUIET, Cli
from tests.inference.test_target_times import TIMES

RNG = np.random.default_rng(4)
SMALL = ("--max-steps", 2, *QUIET)


def rows(n: int = 100, gaps: int = 10) -> pd.DataFrame:
    frame = pd.DataFrame(RNG.normal(size=(n, 3)), columns=["a", "b", "c"])
    frame["y"] = frame.sum(axis=1)
    frame.loc[RNG.choice(n, gaps, replace=False), "y"] = np.nan
    return frame


def signal(n: int = 100, missing: Any = ()) -> pd.DataFrame:
    frame = pd.DataFrame({"t": range(n), "v": np.sin(np.arange(n) / 4)})
    frame.loc[list(missing), "v"] = np.nan
    return frame


def train(cli: Cli, frame: pd.DataFrame, *options: object) -> str:
    frame.to_csv("own.csv", index=False)
    done = cli("regress", "own.csv", *options, *SMALL)
    assert done.code == 0, done.err
    return done.out


def predicted(cli: Cli, *words: object) -> tuple[pd.DataFrame, str]:
    said = cli("predict", "last", *words)
    assert said.code == 0, said.err
    return pd.read_csv(io.StringIO(said.out)), said.err


def test_rows_without_a_target_are_predicted_and_counted(cli: Cli) -> None:
    frame = rows()
    out = train(cli, frame, "--target", "y", "--layout", "features", "--missing", "drop")
    held, notes = predicted(cli)
    scored = int(frame["y"][held["row"]].notna().sum())
    assert scored < len(held) == 20
    assert f"{scored} held out for testing" in out
    assert f"on all {scored} held-out rows" in out
    assert f"test rows: {count(20 - scored, 'prediction')} ha" in notes  # has, or have
    scores = json.loads(cli("evaluate", "last", "--json").out)
    assert (scores["answers"], scores["unscored"]) == (scored, 20 - scored)
    every, notes = predicted(cli, "own.csv")
    assert every["row"].tolist() == list(range(100))
    assert notes == ""
    scores = json.loads(cli("evaluate", "last", "own.csv", "--json").out)
    assert (scores["answers"], scores["unscored"]) == (90, 10)


@pytest.mark.parametrize("missing", ["forward", "drop"])
def test_steps_of_a_signal_with_gaps_are_accounted_for(missing: str, cli: Cli) -> None:
    options = ("--time", "t", "--target", "v", "--horizon", 1, "--window", 8, "--output", "last")
    train(cli, signal(missing=[20, 90, 91]), *options, "--missing", missing)
    held, notes = predicted(cli)
    assert held["step"].tolist() == list(range(79, 99))
    assert "test rows: the last step has no target in the data" in notes
    n = {"forward": 2, "drop": 1}[missing]
    verbs = ("has", "is") if n == 1 else ("have", "are")
    words = f"{count(n, 'prediction')} {verbs[0]} no target, and {verbs[1]} not scored"
    assert f"test rows: {words}" in notes
    gaps = held["v"].isna().sum()
    assert gaps == (9 if missing == "drop" else 0)
    assert (f"test rows: {gaps} predictions are nan" in notes) == (missing == "drop")
    scores = json.loads(cli("evaluate", "last", "--json").out)
    assert scores["answers"] + scores["unscored"] == len(held)
    signal().to_csv("new.csv", index=False)
    every, notes = predicted(cli, "new.csv")
    assert every["step"].tolist() == list(range(7, 100))
    assert "93 predictions for 100 steps: the first 7 steps complete no window of 8" in notes


def test_windows_of_a_carried_state_have_one_prediction(cli: Cli) -> None:
    options = ("--target", "v", "--input", "t", "--window", 8, "--output", "last", "--stateful")
    train(cli, signal(), *options)
    every, notes = predicted(cli, "own.csv")
    assert every["step"].tolist() == list(range(7, 96, 8))
    assert "12 predictions for 100 steps: only the last step of each window of 8" in notes


@pytest.mark.parametrize("name", ["american", "irregular"])
def test_a_forecast_has_the_time_that_it_is_for(name: str, cli: Cli) -> None:
    times, last = TIMES[name]
    frame = pd.DataFrame({"date": times, "v": np.sin(np.arange(40) / 4)})
    options = ("--time", "date", "--target", "v", "--horizon", 3, "--window", 4)
    train(cli, frame, *options, *(("--dates", "mdy") if name == "american" else ()))
    own = frame["date"].tolist()
    for words in ((), ("own.csv",)):
        result, notes = predicted(cli, *words)
        assert "target_time" in result
        for step, time, target in result[["step", "time", "target_time"]].itertuples(index=False):
            assert str(time) == str(own[step])
            if step + 3 < 40:
                assert float(target) == own[step + 3] if name == "irregular" else True
                assert str(target) == str(own[step + 3]) or name == "irregular"
    end = result["target_time"].iloc[-1]
    assert pd.isna(end) if last is None else end == last
    assert ("the times of 3 forecasts beyond the data are unknown" in notes) == (last is None)


def test_series_of_different_lengths_have_times_beyond_their_own_ends(cli: Cli) -> None:
    parts = [
        pd.DataFrame({"id": f"s{k}", "day": range(10 * k, 10 * k + n), "v": np.sin(np.arange(n))})
        for k, n in enumerate((20, 30, 25))
    ]
    train(
        *(cli, pd.concat(parts), "--id", "id", "--time", "day", "--target", "v"),
        *("--horizon", 2, "--window", 4),
    )
    every, _ = predicted(cli, "own.csv")
    assert (every["target_time"] == every["time"] + 2).all()
    assert every.groupby("series")["target_time"].max().tolist() == [21, 41, 46]


def one_total_a_series(noise: float = 0.0) -> pd.DataFrame:
    """Twenty series of 6 to 8 rows; the total is the same in all rows of each."""
    totals = RNG.uniform(1, 5, 20).round(2)
    parts = [
        pd.DataFrame(
            {
                "id": f"s{k}",
                "t": range(6 + k % 3),
                "x": RNG.normal(total, 1, 6 + k % 3),
                "total": total + noise * RNG.normal(size=6 + k % 3),
            }
        )
        for k, total in enumerate(totals)
    ]
    return pd.concat(parts, ignore_index=True)


def test_one_target_repeated_in_each_series_is_noted_and_can_be_predicted_once(cli: Cli) -> None:
    frame = one_total_a_series()
    frame.to_csv("own.csv", index=False)
    said = cli("regress", "own.csv", "--target", "total", *SMALL)
    assert said.code == 0, said.err
    hint = "to predict it once a series, add --window 0 --output last"
    assert hint in said.err
    said = cli("regress", "own.csv", "--target", "total", "--window", 0, "--output", "last", *SMALL)
    assert said.code == 0, said.err
    assert hint not in said.err
    assert "4 held out for testing (at random)" in said.out
    assert "on all 4 held-out rows" in said.out
    held, _ = predicted(cli)
    assert len(held) == held["series"].nunique() == 4
    every, _ = predicted(cli, "own.csv")
    assert every["series"].tolist() == frame["id"].unique().tolist()
    assert json.loads(cli("evaluate", "last", "own.csv", "--json").out)["answers"] == 20
    one_total_a_series(0.1).to_csv("own.csv", index=False)
    assert hint not in cli("regress", "own.csv", "--target", "total", *SMALL).err


@pytest.mark.parametrize("split", ["time", "random"])
def test_the_steps_held_out_of_unequal_series_are_those_that_are_scored(split, cli):
    lengths = (20, 33, 40, 26, 31)
    parts = [signal(n).assign(shop=f"s{k}") for k, n in enumerate(lengths)]
    options = ("--id", "shop", "--time", "t", "--target", "v", "--horizon", 2, "--split", split)
    out = train(cli, pd.concat(parts), *options, "--window", 5)
    scored = json.loads(cli("evaluate", "last", "--json").out)["answers"]
    assert f"; {scored} steps held out for testing" in out
    assert f"on all {scored} held-out steps" in out
