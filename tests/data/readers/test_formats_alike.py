"""The same table has the same labels, ids, groups and inputs in every format."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hiddenstate import read_data
from hiddenstate.config import DataConfig
from hiddenstate.data.prepare.encoding import Encoding
from hiddenstate.data.readers.number_names import Names
from hiddenstate.data.readers.open import read_path
from hiddenstate.errors import DataError
from tests.conftest import QUIET, Cli

FORMATS = ("t.csv", "t.jsonl", "t.parquet", "t.xlsx")


def write(folder: Path, **columns: Any) -> None:
    """Write a table as every format."""
    frame = pd.DataFrame(columns)
    frame.to_csv(folder / "t.csv", index=False)
    frame.to_json(folder / "t.jsonl", orient="records", lines=True)
    frame.to_parquet(folder / "t.parquet")
    frame.to_excel(folder / "t.xlsx", index=False)


def whole(*values: int | None) -> Any:
    return pd.array(list(values), dtype="Int64")


X = [0.5, 1.5, 2.5, 3.5]


@pytest.mark.parametrize("name", FORMATS)
def test_a_gap_does_not_change_the_text_of_whole_numbers(tmp_path: Path, name: str) -> None:
    write(tmp_path, code=whole(1, 2, None, 1), id=whole(7, None, 8, 9), x=X, label=list("abab"))
    options = DataConfig(layout="features", input=("code", "x"))
    known = (Encoding("code", values=("1", "2", "many")),)
    data = read_path(str(tmp_path / name), options, "classify", encodings=known)
    nan = float("nan")
    np.testing.assert_array_equal(data.X[:, :3], [[1, 0, 0], [0, 1, 0], [nan] * 3, [1, 0, 0]])
    assert data.train.ids.tolist() == ["7", "", "8", "9"]


@pytest.mark.parametrize("name", FORMATS)
def test_whole_numbers_are_the_same_labels_and_groups(tmp_path: Path, name: str) -> None:
    write(tmp_path, label=[1.0, 2.0, 1.0, 2.0], site=whole(3, 3, 4, 4), x=X)
    data = read_data(tmp_path / name, group="site")
    assert data.y.tolist() == [1, 2, 1, 2]
    assert data.y.dtype.kind == "i"
    assert data.train.groups.tolist() == [3, 3, 4, 4]


@pytest.mark.parametrize("name", [*FORMATS, "frame"])
def test_true_and_false_are_inputs_labels_and_groups(tmp_path: Path, name: str) -> None:
    columns = {"ok": [True, False, False, True], "x": X}
    write(tmp_path, **columns)
    source = pd.DataFrame(columns) if name == "frame" else tmp_path / name
    data = read_data(source, layout="features")
    assert data.columns == ("x",)
    assert [str(label).lower() for label in data.y] == ["true", "false", "false", "true"]
    groups = read_data(source, layout="features", group="ok", job="autoencode").train.groups
    assert [str(group).lower() for group in groups] == ["true", "false", "false", "true"]
    write(tmp_path, kind=list("abab"), **columns)
    source = pd.DataFrame({"kind": list("abab"), **columns}) if name == "frame" else source
    data = read_data(source, layout="features")
    assert data.y.tolist() == ["a", "b", "a", "b"]
    np.testing.assert_array_equal(data.X, np.column_stack([[1, 0, 0, 1], X]))


def test_runs_of_older_versions_read_true_and_false_as_numbers(tmp_path: Path) -> None:
    write(tmp_path, ok=[True, False], x=[1, 2])
    options = DataConfig(layout="features", label="ok")
    data = read_path(str(tmp_path / "t.parquet"), options, "classify", as_text=Names(()))
    assert data.y.tolist() == [1, 0]
    assert data.numbers_as_text == ()


@pytest.mark.parametrize("name", FORMATS)
def test_inspect_calls_true_and_false_boolean(cli: Cli, tmp_path: Path, name: str) -> None:
    write(tmp_path, ok=[True, False] * 4, x=range(8))
    lines = [line.lower().split() for line in cli("inspect", name).out.splitlines()]
    assert ["ok", "boolean", "label", "true,", "false"] in lines


def test_a_model_of_true_and_false_is_scored_on_every_format(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path, ok=[True, False] * 10, x=[0.0, 1.0] * 10)
    for k, name in enumerate(("t.csv", "t.parquet"), 1):
        words = (name, "--test", "t.jsonl", "--layout", "features", "--max-steps", 60)
        assert cli("classify", *words, *QUIET).code == 0
        scores = {cli("evaluate", f"classify-{k}", other).out for other in FORMATS}
        assert len(scores) == 1
        assert "accuracy: 1, 95 % interval 0.8389 to 1\n" in scores.pop()


@pytest.mark.parametrize("name", FORMATS)
def test_times_of_day_go_on_after_midnight_in_every_format(tmp_path: Path, name: str) -> None:
    times: Any = [dt.time(23, 30), dt.time(23, 59), dt.time(0, 1), dt.time(0, 30)]
    if name == "t.jsonl":
        times = [str(time) for time in times]
    forecast: Any = {"job": "regress", "horizon": 1, "target": ["v"]}
    write(tmp_path, time=times, v=range(4))
    data = read_data(tmp_path / name, **forecast)
    assert data.X[0, :, 0].tolist() == [0, 1, 2, 3]
    assert data.train.times is None
    assert data.remarks[-1].endswith("what follows is read as the next day")
    write(tmp_path, time=[times[i] for i in (0, 2, 1, 3)], v=range(4), day=["2024-01-01"] * 4)
    data = read_data(tmp_path / name, **forecast)
    assert data.X[0, :, 0].tolist() == [1, 3, 0, 2]
    write(tmp_path, time=[times[i] for i in (1, 0, 1)], v=range(3))
    with pytest.raises(DataError, match=r"'23:30(:00)?' after '23:59(:00)?' may be the next day"):
        read_data(tmp_path / name, **forecast)
