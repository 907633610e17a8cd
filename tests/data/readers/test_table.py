"""Tables and data frames: the roles of columns, and the layouts wide and long."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hiddenstate.config import DataConfig
from hiddenstate.data.readers import text_lines
from hiddenstate.data.readers.dataframes import read_frame
from hiddenstate.data.readers.open import read_like, read_path
from hiddenstate.errors import DataError
from tests.data.readers.tables import Array, Read, equal, read, refused

__all__ = ["read"]  # fixture

quick = settings(max_examples=60)
nan = np.nan


WIDE = "a,b,label\n1,2.5,x\n3,,y\n5,6,x\n"
LONG = "id,time,u,v,label\nq,2,3,30,x\np,1,1,10,y\nq,1,2,20,x\np,2,4,40,y\nq,3,5,50,x\n"


# --- wide


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One CSV file, overwritten again and again."""
    return tmp_path_factory.mktemp("data") / "values.csv"


def test_a_wide_table_has_one_row_per_series(read: Read) -> None:
    data = read(WIDE)
    equal(data.X, [[1, 2.5], [3, nan], [5, 6]])
    assert data.X.dtype == np.float64
    equal(data.y, ["x", "y", "x"])
    assert (data.columns, data.targets, data.kind) == (("a", "b"), None, "a wide CSV table")
    assert (data.name, data.source, data.picture) == ("t.csv", "file", None)
    assert data.train.lengths is None
    assert data.train.times is None


def test_numeric_labels_stay_whole_numbers(read: Read) -> None:
    data = read("label,a\n3,1\n300,2\n3,4\n")
    assert data.y is not None
    assert data.y.dtype == np.int64
    equal(data.y, [3, 300, 3])
    equal(read("label,a\n0.5,1\n3,2\n").y, [0.5, 3])
    equal(read("label,a\n9007199254740993,1\n3,2\n").y, [9007199254740993, 3])


def test_the_layout_option_overrides_the_guess(read: Read) -> None:
    text = "id,a,b,label\n1,1,2,x\n1,3,4,x\n"
    assert read(text).X.shape == (1, 2, 2)
    assert read(text, layout="wide").X.shape == (2, 2)
    assert read("who,a,label\n1,1,x\n1,3,x\n", layout="long", id=("who",)).X.shape == (1, 2, 1)
    assert read("who,a,label\n1,1,x\n2,3,y\n", id=("who",)).X.shape == (2, 1, 1)
    assert "--id COL" in refused(read, "a,label\n1,x\n3,y\n", layout="long")
    new = read("a\n1\n3\n", layout="long", require_targets=False)
    assert new.X.shape == (1, 2, 1)


def test_an_autoencoder_may_have_labels(read: Read) -> None:
    data = read(WIDE, job="autoencode")
    assert data.columns == ("a", "b")
    equal(data.y, ["x", "y", "x"])
    assert read("a,b\n1,2\n", job="autoencode").y is None
    assert read("a,label\n1,2\n1,\n", job="autoencode").y is None
    assert "no label" in refused(read, "a,l\n1,2\n1,\n", job="autoencode", label="l")


# --- pixels


def pixels(side: int, n: int = 4, high: int = 256, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, high, (n, side * side))


def table(X: Array, *more: tuple[str, Any]) -> str:
    names = [name for name, _ in more] + [f"p{j}" for j in range(X.shape[1])]
    rows = zip(*[values for _, values in more], *X.T, strict=True)
    stream = io.StringIO()
    csv.writer(stream).writerows([names, *rows])
    return stream.getvalue()


def test_many_columns_of_bytes_are_a_picture(read: Read) -> None:
    X = pixels(8)
    data = read(table(X, ("label", [5, 6, 5, 6])))
    assert data.X.dtype == np.uint8
    assert data.picture == (8, 8)
    equal(data.X, X)
    data = read(table(X[:, :63], ("label", [5, 6, 5, 6])))
    assert (data.X.dtype, data.picture) == (np.float64, None)
    data = read(table(pixels(9)[:, :80], ("label", [5, 6, 5, 6])))
    assert (data.X.dtype, data.picture) == (np.uint8, None)


@pytest.mark.parametrize("odd", [256, -1, 0.5, "", "nan"])
def test_one_cell_that_is_not_a_byte_makes_them_numbers(read: Read, odd: Any) -> None:
    X = pixels(8).astype(object)
    X[2, 3] = odd
    data = read(table(X, ("label", [5, 6, 5, 6])))
    assert (data.X.dtype, data.picture) == (np.float64, None)


def test_zeros_and_ones_are_numbers(read: Read) -> None:
    data = read(table(pixels(8, high=2), ("label", [5, 6, 5, 6])))
    assert (data.X.dtype, data.picture) == (np.float64, None)


# --- long


def test_a_long_table_is_gathered_ordered_and_padded(read: Read) -> None:
    data = read(LONG)
    equal(data.X, [[[2, 20], [3, 30], [5, 50]], [[1, 10], [4, 40], [0, 0]]])
    equal(data.train.lengths, [3, 2])
    equal(data.train.times, [[1, 2, 3], [1, 2, 0]])
    equal(data.y, ["x", "y"])
    assert data.columns == ("u", "v")
    assert data.kind == "a long CSV table"


def test_series_of_equal_length_have_no_lengths(read: Read) -> None:
    data = read("id,u,label\n1,5,x\n2,6,y\n1,7,x\n2,8,y\n")
    assert data.train.lengths is None
    assert data.train.times is None
    equal(data.X[..., 0], [[5, 7], [6, 8]])


def test_series_keep_the_order_of_their_first_rows(read: Read) -> None:
    for ids in (["9", "1", "5"], ["z", "a", "m"], ["9007199254740993", "9007199254740992", "1"]):
        rows = "".join(f"{i},{k},x\n" for k, i in enumerate(ids * 2))
        equal(read("id,u,label\n" + rows).X[..., 0], [[0, 3], [1, 4], [2, 5]])


def test_a_label_that_changes_within_a_series_is_refused(read: Read) -> None:
    message = refused(read, LONG.replace("q,3,5,50,x", "q,3,5,50,z"))
    assert message.startswith("csv:6:label: series q has z here and x at ")
    assert "series q has z here" in refused(
        read, LONG.replace("q,3,5,50,x", "q,3,5,50,z"), group="label", label=None, job="autoencode"
    )
    text = "id,u,w,label\n1,1,2,x\n1,2,3,x\n"
    assert "series 1 has 3 here and 2" in refused(read, text, weight="w")
    assert "no series" in refused(read, "id,u,label\n1,1,x\n1,2,x\n,2,x\n")


def test_groups_and_weights_of_series(read: Read) -> None:
    data = read("id,u,w,g,label\n1,1,2,m,x\n2,2,3,n,y\n1,1,2,m,x\n", weight="w", group="g")
    equal(data.train.weights, [2, 3])
    equal(data.train.groups, ["m", "n"])
    both = read("id,u,label\n1,1,x\n1,2,x\n2,2,y\n", id=("id",), group="id")
    equal(both.train.groups, [1, 2])


# --- regress


def test_a_table_to_regress_is_one_series(read: Read) -> None:
    data = read("t,a,b\n2,3,4\n1,5,6\n", job="regress", target=("b",))
    equal(data.X, [[[5], [3]]])
    equal(data.y, [[[6], [4]]])
    assert (data.columns, data.targets) == (("a",), ("b",))
    equal(data.train.times, [[1, 2]])


def test_targets_of_several_series_are_padded(read: Read) -> None:
    data = read("id,a,b\n1,3,4\n2,5,6\n1,7,8\n", job="regress", target=("b",))
    equal(data.y, [[[4], [8]], [[6], [0]]])
    equal(data.train.lengths, [2, 1])


def test_a_forecast_reads_its_targets(read: Read) -> None:
    data = read("date,a,note\n2020-01-01,3,hm\n2020-01-02,5,so\n", job="regress", horizon=1)
    assert data.columns == data.targets == ("a",)
    equal(data.X, data.y)
    text = "a,b,c\n1,2,3\n4,5,6\n"
    data = read(text, job="regress", horizon=1, target=("b", "c"))
    assert data.columns == data.targets == ("b", "c")
    data = read(text, job="regress", horizon=1, target=("b",), input=("a", "b"))
    assert (data.columns, data.targets) == (("a", "b"), ("b",))
    for options in ({"horizon": 1}, {}):
        message = refused(read, text, job="regress", **options)
        assert "no target column; add --target COL; columns: a, b, c" in message


def test_wide_targets_are_columns(read: Read) -> None:
    data = read("a,b,c\n1,2,3\n4,5,\n", job="regress", layout="wide", target=("c", "b"))
    equal(data.y, [[3, 2], [nan, 5]])
    equal(data.X, [[1], [4]])


def test_new_rows_to_regress_may_lack_the_target(read: Read) -> None:
    data = read("a\n1\n2\n", job="regress", target=("b",), require_targets=False)
    assert (data.y, data.targets, data.columns) == (None, None, ("a",))
    data = read("a,b\n1,?\n2,?\n", job="regress", target=("b",), require_targets=False)
    assert (data.y, data.columns) == (None, ("a",))


# --- roles that clash


blocks = st.sampled_from([16, 64, 1 << 22])


@given(st.lists(st.integers(1, 7), min_size=2, max_size=6), st.randoms(), st.booleans(), blocks)
@quick
def test_any_shuffled_long_table_comes_back_in_order(
    place: Path, lengths: list[int], random: Any, framed: bool, block: int
) -> None:
    series = [np.random.default_rng(k).normal(size=(n, 2)) for k, n in enumerate(lengths)]
    rows: list[Any] = [
        (f"s{k}", t * 0.5, *map(float, values), "ab"[k % 2])
        for k, one in enumerate(series)
        for t, values in enumerate(one)
    ]
    random.shuffle(rows)
    assume(len({row[0] for row in rows}) < len(rows))
    names = ("id", "time", "u", "v", "label")
    if framed:
        data = read_frame(pd.DataFrame(rows, columns=list(names)), DataConfig(), "classify")
    else:
        with place.open("w", newline="") as stream:
            csv.writer(stream).writerows([names, *rows])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(text_lines, "BLOCK", block)
            data = read_path(str(place), DataConfig(), "classify")
    order = list(dict.fromkeys(int(row[0][1:]) for row in rows))
    result = data.train.lengths
    result = np.full(len(order), data.X.shape[1]) if result is None else result
    equal(result, [lengths[k] for k in order])
    assert data.train.times is not None
    assert data.y is not None
    for row, k in enumerate(order):
        n = lengths[k]
        equal(data.X[row, :n], series[k])
        assert not data.X[row, n:].any()
        equal(data.train.times[row, :n], np.arange(n) * 0.5)
        assert data.y[row] == "ab"[k % 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t,v\n1,1\n1,2\n", "first at {}:2; make the file like the training data"),
        ("t,v\n1,1\nx,2\n", "all without; correct the cell"),
        ('t,v\n1,1\n2,"1,5"\n', "'1,5' has a decimal comma; add --decimal ','"),
        ("t,--drop\n1,x\n", "no input columns of numbers; columns: t, --drop"),
    ],
)
def test_hints_for_new_data_name_no_option_that_only_training_has(
    text: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    reading = {"layout": "long", "time": "t", "target": ("v",), "horizon": 1}
    with pytest.raises(DataError) as error:
        read_like(str(path), "regress", reading, {}, require_targets=False)
    assert str(error.value).endswith(message.format(path))


def test_thousands_of_named_columns_are_found_by_name(read: Read) -> None:
    names = tuple(f"c{i}" for i in range(5000))
    text = ",".join([*names, "label"]) + "\n" + ("1," * 5000 + "u\n") * 2
    assert read(text, input=names).columns == names
    assert "--input names c7 twice" in refused(read, text, input=(*names, "c7"))


SITES = """site,sensor,day,v,label
A,1,2,11,x
B,1,2,21,y
A,1,1,10,x
A,2,1,12,x
B,1,1,20,y
"""


def test_several_columns_name_a_series_together(read: Read) -> None:
    data = read(SITES, id=("site", "sensor"), time="day")
    equal(data.X[..., 0], [[10, 11], [20, 21], [12, 0]])
    equal(data.train.ids, ["site=A, sensor=1", "site=B, sensor=1", "site=A, sensor=2"])
    assert (data.columns, data.read_as["id"]) == (("v",), ("site", "sensor"))
    assert read(SITES, id=("site", "sensor"), time="day", group="site").train.groups is not None
    again = SITES + "B,1,1,0,y\n"
    message = refused(read, again, id=("site", "sensor"), time="day")
    assert "time 1 occurs twice in series site=B, sensor=1, first at" in message
    frame = pd.read_csv(io.StringIO(SITES))
    framed = read_frame(frame, DataConfig(id=("site", "sensor"), time="day"), "classify")
    equal(framed.train.ids, data.train.ids)
    wide = read(SITES, id=("site", "sensor"), time="day", layout="wide")
    assert wide.train.ids is not None
    assert wide.train.ids[1] == "site=B, sensor=1"
    assert "series" in refused(read, SITES.replace("B,1,1", ",1,1"), id=("site", "sensor"))
