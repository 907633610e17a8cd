"""Columns of text and dates as inputs, from files and data frames."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hiddenstate import read_data
from hiddenstate.config import DataConfig
from hiddenstate.data.prepare.encoding import Encoding
from hiddenstate.data.readers.open import read_path
from hiddenstate.errors import DataError, OptionError
from tests.conftest import EVIL

TABLE = """date,store,price,code,y
2024-01-01T00:00,north,1.5,01,1
2024-01-02T06:00,south,2.5,A3,2
2024-01-02T12:00,north,3.5,B2,3
2024-01-03T18:00,,4.5,A3,4
"""


def write(folder: Path, text: str, name: str = "t.csv") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def read(path: Any, **options: Any) -> Any:
    return read_data(path, "regress", **{"layout": "features", "target": ["y"], **options})


def test_text_named_as_input_becomes_one_feature_for_each_value(tmp_path: Path) -> None:
    data = read(write(tmp_path, TABLE), input=["store", "price", "code"])
    assert data.columns == ("store=north", "store=south", "price", "code=01", "code=A3", "code=B2")
    nan = float("nan")
    np.testing.assert_array_equal(
        data.X,
        [
            [1, 0, 1.5, 1, 0, 0],
            [0, 1, 2.5, 0, 1, 0],
            [1, 0, 3.5, 0, 0, 1],
            [nan, nan, 4.5, 0, 1, 0],
        ],
    )
    assert data.names == ("store", "price", "code")
    assert any("store (2 values), code (3 values)" in remark for remark in data.remarks)
    assert read(write(tmp_path, TABLE)).columns == ("price",)  # never without being named


def test_dates_become_points_on_circles_only_with_calendar(tmp_path: Path) -> None:
    path = write(tmp_path, TABLE)
    data = read(path, input=["price"], calendar="hour")
    assert data.columns == ("price", "sin(hour)", "cos(hour)")
    np.testing.assert_allclose(data.X[:, 1], [0, 1, 0, -1], atol=1e-6)
    assert read(path, input=["price"], calendar="auto").encodings == data.encodings
    first = read(path, input=["date", "price"], calendar=["weekday", "hour"])
    assert first.columns[:5:4] == ("sin(hour)", "price")
    wrong: dict[str, dict[str, Any]] = {
        "with time date calendar='auto'": {"input": ["date", "price"]},
        "all dates in column date have the same month": {"calendar": "month"},
        "expected one or several of hour, weekday": {"calendar": "minute"},
        "column price holds numbers": {"calendar": "hour", "time": "price", "input": ["store"]},
    }
    for hint, options in wrong.items():
        with pytest.raises((DataError, OptionError), match=hint.replace("(", r"\(")):
            read(path, **options)
    none = write(tmp_path, "store,price,y\nnorth,1,2\nsouth,2,3\n", "none.csv")
    with pytest.raises(OptionError, match="no column holds dates; name the one to use with time"):
        read(none, calendar="hour")
    np.save(tmp_path / "X.npy", np.zeros((3, 2)))
    with pytest.raises(OptionError, match="requires a table"):
        read_data(tmp_path / "X.npy", "autoencode", calendar="hour")


def test_files_and_frames_are_encoded_alike(tmp_path: Path) -> None:
    options = {"input": ["store", "code", "price"], "calendar": ["hour", "weekday"]}
    data = read(write(tmp_path, TABLE), **options)
    frame = pd.read_csv(tmp_path / "t.csv")
    kinds = {"store": "category", "code": "string"}
    frames = [frame, frame.astype(kinds).assign(date=pd.to_datetime(frame["date"]))]
    frame.to_parquet(tmp_path / "t.parquet")
    frames[1].to_parquet(tmp_path / "typed.parquet")
    for source in (*frames, tmp_path / "t.parquet", tmp_path / "typed.parquet"):
        other = read(source, **options)
        np.testing.assert_array_equal(other.X, data.X)
        assert (other.columns, other.encodings) == (data.columns, data.encodings)
    zoned = [datetime(2024, 1, 1, hour, tzinfo=UTC) for hour in (0, 6, 12, 18)]
    aware = read(frame.assign(date=pd.Series(zoned).dt.tz_convert("Asia/Tokyo")), calendar="hour")
    np.testing.assert_allclose(aware.X[:, 1], [0, 1, 0, -1], atol=1e-6)


def test_all_takes_text_whose_values_repeat(tmp_path: Path) -> None:
    lines = [f"{i},{'xyz'[i % 3]},note {i},2024-01-{i + 1:02},{i}" for i in range(9)]
    path = write(tmp_path, "\n".join(["a,kind,note,date,y", *lines]))
    assert read(path, input=["all"]).columns == ("a", "kind=x", "kind=y", "kind=z")
    with pytest.raises(DataError, match="no input columns"):
        read(write(tmp_path, "note,y\np,1\nq,2\n"), input=["all"])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([f"v{i}" for i in range(101)], "holds text with 101 different values"),
        (["one", "one"], "holds only the text 'one'"),
        (["1", "2", "3", "oops"], "t.csv:5:k: 'oops' is not a number"),
        (["a", "b" * 101], "t.csv:3:k: 101 characters"),
        (["a", EVIL.replace("\n", " "), "a"], None),
    ],
)
def test_text_that_says_too_little_or_too_much_is_refused(
    tmp_path: Path, values: list[str], message: str | None
) -> None:
    path = write(tmp_path, "k,y\n" + "".join(f"{value},1\n" for value in values))
    if message is None:
        assert read(path, input=["k"]).remarks[0].isprintable()
        return
    with pytest.raises(DataError, match=message):
        read(path, input=["k"])


def test_ranges_are_text_and_not_dates(tmp_path: Path) -> None:
    path = write(tmp_path, "age,y\n10-19,1\n20-29,2\n10-19,3\n")
    assert read(path, input=["age"]).columns == ("age=10-19", "age=20-29")


def test_a_feature_named_like_a_column_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "store=north,store,y\n1,north,1\n2,south,2\n")
    with pytest.raises(DataError, match="a column is named store=north"):
        read(path, input=["store=north", "store"])


def further(path: str, *encodings: Encoding, **options: Any) -> Any:
    config = DataConfig(layout="features", **options)
    return read_path(path, config, "regress", False, False, encodings)


def test_new_rows_have_the_values_of_the_training_rows(tmp_path: Path) -> None:
    store, code = Encoding("store", ("east", "north")), Encoding("code", ("01", "2", "A3"))
    text = "code,price,store\n01,1,north\n2,1,\n"
    data = further(write(tmp_path, text), store, code, input=("store", "code"))
    assert data.columns == (*store.features, *code.features)
    nan = float("nan")
    np.testing.assert_array_equal(data.X, [[0, 1, 1, 0, 0], [nan, nan, 0, 1, 0]])
    assert not data.remarks
    bad = write(tmp_path, text.replace("2,1,", "2,1,North") + "2,1,North\n")
    with pytest.raises(DataError) as error:
        further(bad, store, code, input=("store", "code"))
    assert str(error.value).endswith(
        "t.csv:3:store: 'North' is not in the training data (2 such rows); known values: east, "
        "north; did you mean north?"
    )


def test_steps_of_long_tables_are_encoded_each(tmp_path: Path) -> None:
    rows = [("a", 2, "on"), ("a", 1, "off"), ("b", 1, "on"), ("b", 2, "on"), ("b", 3, "off")]
    body = "".join(f"{i},2024-01-0{t}T0{t}:00,{s},{t}\n" for i, t, s in rows)
    path = write(tmp_path, "id,time,state,v\n" + body)
    data = read_data(path, "autoencode", input=["v", "state"], calendar="hour")
    assert data.columns == ("v", "state=off", "state=on", "sin(hour)", "cos(hour)")
    np.testing.assert_array_equal(data.X[0, :, :3], [[1, 1, 0], [2, 0, 1], [0, 0, 0]])
    np.testing.assert_array_equal(data.X[1, :, :3], [[1, 0, 1], [2, 0, 1], [3, 1, 0]])
    np.testing.assert_allclose(data.X[1, :, 3], np.sin(2 * np.pi * np.arange(1, 4) / 24), rtol=1e-6)


@pytest.mark.parametrize(
    "cells", ["1.2.3 1.2.4", "2.10.15 10.0.1", "1:30 2:15", "3-2 1-0", "123-45-6789 222-33-4444"]
)
def test_versions_scores_and_codes_are_text_and_not_dates(cells: str, tmp_path: Path) -> None:
    values = cells.split()
    text = "cell,x,y\n" + "".join(f"{values[i % 2]},{i},{i}\n" for i in range(8))
    path = write(tmp_path, text)
    data = read(path, input=["cell", "x"])
    assert data.columns == (*(f"cell={value}" for value in sorted(values)), "x")
    assert "left out, as nothing uses them: cell (" in read(path).remarks[0]


def test_times_of_day_that_do_not_repeat_or_are_called_so_are_dates(tmp_path: Path) -> None:
    for name, n in (("start", 8), ("time", 2)):
        rows = "".join(f"10:0{i % n},{i},{i}\n" for i in range(8))
        path = write(tmp_path, f"{name},x,y\n{rows}")
        options = DataConfig(layout="features", target=("y",), input=(name, "x"))
        with pytest.raises(DataError, match=f"read them as inputs with --time {name} --calendar"):
            read_path(path, options, "regress")
    path = write(tmp_path, "date,x,y\n1.2.24,1,1\n3.2.24,2,2\n")  # as their name says
    with pytest.raises(DataError, match="column date holds dates"):
        read(path, input=["date", "x"])
