"""Further rows need what the model reads, and nothing that only training reads."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.conftest import QUIET, Cli

RNG = np.random.default_rng(3)
SMALL = ("--max-steps", 2, *QUIET)
N = 40
DAYS = pd.date_range("2024-01-01", periods=N).strftime("%Y-%m-%d")
ONLY_TRAINING = (
    *("--layout", "features", "--id", "pid", "--time", "day", "--group", "who"),
    *("--weight", "mass", "--drop", "note,junk"),
)


def trials(n: int = N) -> pd.DataFrame:
    """Rows with a column of every role."""
    frame = pd.DataFrame(RNG.normal(size=(n, 3)), columns=["a", "b", "c"])
    return frame.assign(
        pid=[f"r{k}" for k in range(n)],
        day=DAYS[:n],
        who=[f"p{k % 8}" for k in range(n)],
        mass=1.0,
        note="fine",
        junk=range(n),
        kind=np.where(frame["a"] > 0, "up", "down"),
        total=frame.sum(axis=1),
    )


def shops(n: int = 30) -> pd.DataFrame:
    """Two series of `n` days."""
    parts = [
        pd.DataFrame(
            {"shop": shop, "day": DAYS[:n], "sold": np.sin(np.arange(n) / 3 + k), "junk": k}
        )
        for k, shop in enumerate(("north", "south"))
    ]
    return pd.concat(parts, ignore_index=True)


def table(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text))


JOBS: dict[str, tuple[Any, ...]] = {
    "classify": ("--label", "kind", "--input", "a,b,c"),
    "regress": ("--target", "total", "--input", "a,b,c"),
    "autoencode": ("--label", "kind", "--input", "a,b,c"),
}


@pytest.mark.parametrize("job", JOBS)
def test_rows_without_columns_that_only_training_reads(job: str, cli: Cli, tmp_path: Path) -> None:
    whole = trials()
    whole.to_csv("whole.csv", index=False)
    whole[["c", "b", "a", "kind", "total"]].to_csv("scored.csv", index=False)
    whole[["c", "a", "b"]].to_csv("inputs.csv", index=False)
    test = "inputs.csv" if job == "autoencode" else "scored.csv"
    done = cli(job, "whole.csv", *JOBS[job], *ONLY_TRAINING, "--test", test, *SMALL)
    assert done.code == 0, done.err
    answers = [table(cli("predict", "last", name).out) for name in ("whole.csv", "inputs.csv")]
    assert {"row", "series", "time"} <= set(answers[0])
    own = [name for name in answers[1] if name in answers[0]]
    pd.testing.assert_frame_equal(answers[0][own], answers[1][own])
    scores = [cli("evaluate", "last", name) for name in ("whole.csv", test)]
    assert scores[0].code == 0, scores[0].err
    after = int(job == "regress")  # the line of its target
    first, second = (
        [line.split(", ") for line in each.out.splitlines()[after : after + 2]] for each in scores
    )
    assert [line[0] for line in first] == [line[0] for line in second]
    assert first[1][1].endswith(" of 8 groups")
    assert second[1][1] == "no interval: the rows do not name their groups"
    if job != "autoencode":
        assert cli("evaluate", "last", "inputs.csv").code == 2


@pytest.mark.parametrize("job", JOBS)
def test_what_only_training_reads_may_be_wrong_in_new_rows(job: str, cli: Cli) -> None:
    trials().to_csv("whole.csv", index=False)
    assert cli(job, "whole.csv", *JOBS[job], *ONLY_TRAINING, *SMALL).code == 0
    wrong = trials().assign(who="", mass="heavy", day="soon", total="unknown", kind="")
    wrong.to_csv("wrong.csv", index=False)
    said = cli("predict", "last", "wrong.csv")
    assert said.code == 0, said.err
    assert len(table(said.out)) == N


def test_the_series_and_their_order_are_demanded_of_long_rows(cli: Cli) -> None:
    shops().to_csv("shops.csv", index=False)
    options = ("--id", "shop", "--time", "day", "--target", "sold", "--horizon", 1)
    done = cli("regress", "shops.csv", *options, "--drop", "junk", "--window", 4, *SMALL)
    assert done.code == 0, done.err
    shops().drop(columns="junk").to_csv("new.csv", index=False)
    assert cli("predict", "last", "new.csv").code == 0
    for gone in ("shop", "day", "sold"):
        shops().drop(columns=["junk", gone]).to_csv("new.csv", index=False)
        said = cli("predict", "last", "new.csv")
        assert said.code == 2
        assert gone in said.err


def test_training_rows_have_every_column_that_is_named(cli: Cli, refuse: Any) -> None:
    trials().drop(columns=["who", "junk"]).to_csv("whole.csv", index=False)
    for option in (("--group", "who"), ("--drop", "junk")):
        assert f"no column {option[1]} ({option[0]})" in refuse(
            2, "classify", "whole.csv", "--label", "kind", *option, *SMALL
        )


def test_test_rows_are_read_in_the_order_that_training_rows_settled(cli: Cli) -> None:
    """Days after the 12th say that the day is first; the test file has none."""
    days = pd.date_range("2024-01-01", periods=40)
    frame = pd.DataFrame({"date": days.strftime("%d/%m/%Y"), "load": np.sin(np.arange(40) / 3)})
    frame.to_csv("train.csv", index=False)
    later = pd.to_datetime(["2024-04-03", "2024-05-03", "2024-06-03", "2024-07-02", "2024-08-01"])
    test = pd.DataFrame({"date": later.strftime("%d/%m/%Y"), "load": np.arange(5) / 5})
    test.to_csv("test.csv", index=False)
    options = ("--target", "load", "--horizon", 1, "--window", 3, "--test", "test.csv")
    done = cli("regress", "train.csv", *options, *SMALL)
    assert done.code == 0, done.err
    assert "not in the order" not in done.err
