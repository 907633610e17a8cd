"""pandas and polars data frames are read as tables, whatever the types of their columns."""

import contextlib
import importlib
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from hiddenstate import RecurrentClassifier, read_data
from hiddenstate.config import DataConfig
from hiddenstate.data.readers.dataframes import is_frame, read_frame
from hiddenstate.errors import DataError, OptionError
from tests.data.readers.tables import equal
from tests.data.readers.test_table import pixels

nan = np.nan


def test_pandas_and_polars_frames_are_read_as_tables() -> None:
    columns = {
        "id": ["p", "q", "p"],
        "time": [2, 1, 1],
        "u": [1.5, None, 3.0],
        "flag": [True, False, True],
        "label": ["x", "y", "x"],
    }
    for frame in (pd.DataFrame(columns), pl.DataFrame(columns)):
        assert is_frame(frame)
        data = read_frame(frame, DataConfig(), "classify")
        equal(data.X, [[[3, 1], [1.5, 1]], [[nan, 0], [0, 0]]])
        equal(data.train.lengths, [2, 1])
        equal(data.y, ["x", "y"])
        assert data.columns == ("u", "flag")
        assert (data.name, data.kind) == ("frame", "a long data frame")
    assert not is_frame(np.zeros(3))
    with pytest.raises(DataError, match="expected a data frame, got list"):
        read_frame([1], DataConfig(), "classify")


def test_other_frames_are_read_as_those_of_polars() -> None:
    columns = {"id": ["p", "q", "p"], "u": [1.5, None, 3.0], "label": ["x", "y", "x"]}
    arrow = pa.table(columns)
    others = [arrow, pl.LazyFrame(columns)]
    with contextlib.suppress(ImportError):
        others.append(importlib.import_module("duckdb").sql("SELECT * FROM arrow"))
    for other in others:
        data = read_data(other)
        equal(data.X, read_data(pl.DataFrame(columns)).X)
        assert data.columns == ("u",)
    rows = {"a": [0.5, 1.5, 0.5, 1.5], "b": [1.0, 2.0, 2.0, 1.0]}
    model = RecurrentClassifier(hidden_size=2, epochs=1, steps=1).fit(pa.table(rows), list("xyxy"))
    assert model.feature_names_in_.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(pa.table({"c": rows["a"], "b": rows["b"]}))


def test_errors_of_read_data_name_parameters(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2]})
    frame.to_csv(tmp_path / "own.csv", index=False)
    for source in (frame, tmp_path / "own.csv"):
        with pytest.raises(DataError, match=r"no column q \(label\)"):
            read_data(source, label="q")
        with pytest.raises(OptionError, match=r"layout: expected one of"):
            read_data(source, layout="tall")


def test_kinds_of_pandas_columns() -> None:
    frame = pd.DataFrame(
        {
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "truth": pd.array([True, None, False], dtype="boolean"),
            "kind": pd.Categorical([3, 4, 3]),
            "span": pd.to_timedelta([1, 2, 3], unit="s"),
            "single": np.array([1, 2, 3], "f4"),
            "when": pd.date_range("2020-01-01", periods=3, tz="Europe/Berlin"),
            "label": pd.Categorical(["x", "y", "x"]),
            "nested": [[1], [2], [3]],
        }
    )
    numeric = ("whole", "truth", "kind", "span", "single")
    data = read_frame(frame, DataConfig(input=numeric), "classify")
    equal(data.X, [[1, 1, 3, 1, 1], [nan, nan, 4, 2, 2], [3, 0, 3, 3, 3]])
    equal(data.y, ["x", "y", "x"])
    assert read_frame(frame, DataConfig(input=("single",)), "classify").X.dtype == np.float32
    rest = read_frame(frame, DataConfig(), "classify")
    assert rest.columns == numeric
    assert rest.remarks == (
        "frame: left out, as nothing uses them: when (dates), nested (a type that cannot be read)",
    )
    with pytest.raises(DataError, match="column nested has a type that cannot be read"):
        read_frame(frame, DataConfig(input=("nested",)), "classify")


def test_kinds_of_polars_columns() -> None:
    frame = pl.DataFrame({"a": [1, None, 3], "name": ["x", "y", None], "s": [{"k": 1}] * 3})
    frame = frame.with_columns(
        pl.col("name").cast(pl.Categorical).alias("label"),
        pl.col("a").cast(pl.Decimal(10, 2)).alias("d"),
    )
    data = read_frame(frame.head(2), DataConfig(input=("a", "d")), "autoencode")
    equal(data.X, [[1, 1], [nan, nan]])
    with pytest.raises(DataError, match="frame:row 2:label: empty"):
        read_frame(frame, DataConfig(input=("a",), label="label"), "classify")
    with pytest.raises(DataError, match="column s has a type"):
        read_frame(frame.drop("name"), DataConfig(input=("s",)), "classify")


def test_frames_without_names_or_rows_and_other_objects() -> None:
    data = read_frame(pd.DataFrame([[1, 2.5], [2, 3.5], [1, 4], [2, 5]]), DataConfig(), "classify")
    equal(data.y, [1, 2, 1, 2])
    with pytest.raises(DataError, match="no rows"):
        read_frame(pd.DataFrame({"a": []}), DataConfig(), "autoencode")
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(DataError, match="columns 1 and 2 are both named a"):
        read_frame(twice, DataConfig(), "autoencode")
    digits = pd.DataFrame(pixels(8), columns=[f"p{j}" for j in range(64)]).assign(label=1)
    assert read_frame(digits, DataConfig(), "classify").picture == (8, 8)
