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

quick = settings(derandomize=True, deadline=None, max_examples=60)
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


@pytest.mark.parametrize(
    ("header", "label"),
    [
        ("a,LABEL,b,s", 1),
        ("a,Class,y,s", 1),
        ("a,b,target,s", 2),
        ("a,y,b,s", 1),
        ("y,x,b,s", 3),
        ("a,b,c,s", 3),
    ],
)
def test_the_label_is_found_by_name_then_as_the_only_text(
    read: Read, header: str, label: int
) -> None:
    text = ["p", "q", "p"] if label == 3 else ["7", "8", "7"]
    data = read(
        header
        + "\n"
        + "".join(f"1,2,3,{t}\n".replace(f"{label + 1},", f"{k},") for k, t in enumerate(text, 4))
    )
    names = header.split(",")
    assert names[label] not in (data.columns or ())
    assert len(data.columns or ()) == 3


def test_a_headerless_table_numbers_its_columns(read: Read) -> None:
    data = read("1,2.5\n2,3.5\n1,4.5\n2,5.5\n")
    assert data.columns == ("1",)
    assert data.kind == "a wide CSV table, its first column the label"
    equal(data.y, [1, 2, 1, 2])
    equal(read("5.1,3.5,setosa\n4.9,3.0,other\n").y, ["setosa", "other"])
    assert read("5,3,2\n4,3,1\n", label="2").columns == ("0", "1")
    assert "--label COL" in refused(read, "5.5,3\n4,3\n")


def test_new_rows_of_a_headerless_table_may_lack_the_label(read: Read) -> None:
    options = {"label": "0", "input": ("1", "2"), "require_targets": False}
    with_label = read("9,1,2\n8,3,4\n", **options)
    assert with_label.y is None  # nothing reads it
    without = read("1,2\n3,4\n", **options)
    assert without.y is None
    equal(without.X, with_label.X)
    assert without.columns == ("1", "2")


@pytest.mark.parametrize(
    ("first", "is_header"),
    [
        ("a,b,c", True),
        ("label,0,1,2", True),
        ("s,1990,1991,1992", True),
        ("x,1,2", True),
        ("1,2,3", False),
        ("0,1,2", False),
        (",1,2", False),
        ("?,1,2", False),
        ("nan,1,2", False),
        (",".join(map(str, range(12))), True),
        ("," + ",".join(map(str, range(12))), True),
        (",".join(map(str, range(1, 13))), False),
    ],
)
def test_a_first_line_of_names_is_a_header(read: Read, first: str, is_header: bool) -> None:
    width = first.count(",") + 1
    row = ",".join(["7"] * width)
    data = read(f"{first}\n{row}\n{row}\n", job="autoencode")
    assert len(data.X) == 3 - is_header


def test_a_row_with_text_and_numbers_is_not_a_header(read: Read) -> None:
    assert len(read("5.1,3,p\n4.9,2,q\n").X) == 2
    assert len(read("p,1,2,5\nq,1,2,4\n").X) == 2


def test_an_id_that_never_repeats_and_an_index_are_left_out(read: Read) -> None:
    data = read("id,a,b,label\n1,1,2,x\n2,3,4,y\n")
    assert data.columns == ("a", "b")
    assert data.kind == "a wide CSV table, without its column id"
    for name in ("", "Unnamed: 0", "__index_level_0__"):
        assert read(f"{name},a,label\n0,1,x\n1,3,y\n").columns == ("a",)
    assert read("id,a,label\n1,1,x\n2,3,y\n", input=("a", "id")).columns == ("a", "id")
    assert read("step,a,label\n1,1,x\n1,3,y\n").columns == ("a",)


def test_the_layout_option_overrides_the_guess(read: Read) -> None:
    text = "id,a,b,label\n1,1,2,x\n1,3,4,x\n"
    assert read(text).X.shape == (1, 2, 2)
    assert read(text, layout="wide").X.shape == (2, 2)
    assert read("who,a,label\n1,1,x\n1,3,x\n", layout="long", id=("who",)).X.shape == (1, 2, 1)
    assert read("who,a,label\n1,1,x\n2,3,y\n", id=("who",)).X.shape == (2, 1, 1)
    assert "--id COL" in refused(read, "a,label\n1,x\n3,y\n", layout="long")
    new = read("a\n1\n3\n", layout="long", require_targets=False)
    assert new.X.shape == (1, 2, 1)


def test_inputs_have_the_order_of_the_option(read: Read) -> None:
    text = "a,b,note,label\n1,2,hm,x\n3,4,so,y\n"
    data = read(text, input=("b", "a"))
    assert data.columns == ("b", "a")
    equal(data.X, [[2, 1], [4, 3]])


def test_weights_and_groups_are_not_inputs(read: Read) -> None:
    data = read("a,w,who,label\n1,0.5,ann,x\n2,2,bob,y\n", weight="w", group="who")
    assert data.columns == ("a",)
    equal(data.train.weights, [0.5, 2])
    equal(data.train.groups, ["ann", "bob"])
    numbered = read("a,who,label\n1,7,x\n2,8,y\n", group="who").train.groups
    assert numbered is not None
    assert numbered.dtype == np.int64
    for bad in ("", "-1", "inf"):
        assert "weight" in refused(read, f"a,w,label\n1,1,x\n2,{bad},y\n", weight="w")
    assert "no group" in refused(read, "a,who,label\n1,7,x\n2,,y\n", group="who")


def test_new_rows_need_no_label_weight_or_group(read: Read) -> None:
    data = read("a,b\n1,2\n", require_targets=False, label="label", weight="w", group="g")
    assert data.y is None
    assert data.columns == ("a", "b")
    coded = {"job": "autoencode", "require_targets": False}
    assert read("a,label\n1,x\n", **coded).y is not None
    assert read("a,label\n1,x\n2,\n", **coded).y is None
    assert "no column q (--id)" in refused(read, "a\n1\n", require_targets=False, id=("q",))


def test_an_autoencoder_may_have_labels(read: Read) -> None:
    data = read(WIDE, job="autoencode")
    assert data.columns == ("a", "b")
    equal(data.y, ["x", "y", "x"])
    assert read("a,b\n1,2\n", job="autoencode").y is None
    assert read("a,label\n1,2\n1,\n", job="autoencode").y is None
    assert "no label" in refused(read, "a,l\n1,2\n1,\n", job="autoencode", label="l")


def test_true_and_false_are_inputs_too(read: Read) -> None:
    data = read("a,b,label\nTrue,1,x\nfalse,2,y\n,3,x\n")
    equal(data.X, [[1, 1], [0, 2], [nan, 3]])


@pytest.mark.parametrize(
    "missing",
    ["", " ", "NA", "n/a", "#N/A", "<NA>", "NaN", "nan", "null", "NULL", "None", "?", "-"],
)
def test_spellings_of_a_missing_number(read: Read, missing: str) -> None:
    data = read(f"a,b,label\n1,{missing},x\n2,3,y\n")
    equal(data.X, [[1, nan], [2, 3]])


def test_infinite_values_are_kept(read: Read) -> None:
    equal(read("a,b,label\n1,-inf,x\n2,1e999,y\n").X, [[1, -np.inf], [2, np.inf]])


def test_text_that_looks_missing_is_a_label(read: Read) -> None:
    equal(read("a,label\n1,None\n2,NA\n3,x\n").y, ["None", "NA", "x"])


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


def test_without_a_label_or_an_input_the_columns_are_named(read: Read) -> None:
    message = refused(read, "a,city,kind\n1,Rome,x\n2,Oslo,y\n")
    assert "add --label COL; columns: a, city, kind" in message
    kinds = "a,b,city,kind\n" + "1,3,Rome,x\n2,2,Oslo,y\n" * 4
    assert "add --label COL (probably city, kind); columns: a" in refused(read, kinds)
    numbers = "a,b,c\n" + "1,1.5,4\n0,2.5,3\n" * 4
    assert "add --label COL (probably a, c); columns: a" in refused(read, numbers)
    assert "no input columns of numbers" in refused(read, "label\nx\ny\n")
    only = refused(read, "t,a\n1,2\n2,3\n", job="regress", target=("a",))
    assert only.endswith("to forecast a target from its own past add --horizon 1")


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


def test_text_without_a_role_is_left_out_and_named(read: Read) -> None:
    data = read("name,when,a,label\nann,2020-01-01,1,u\nbob,2020-01-02,2,v\n")
    assert data.columns == ("a",)
    assert len(data.remarks) == 1
    assert data.remarks[0].endswith("nothing uses them: name (text), when (dates)")
    assert read("name,a,label\nann,1,u\nbob,2,v\n", input=("a",)).remarks == ()
    message = refused(read, "name,a,label\nann,1,u\nbob,2,v\ncat,3,u\ndan,x,v\n")
    assert "'x' is not a number" in message
    assert "no input columns of numbers" in refused(read, "name,label\nann,u\nbob,v\n")


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


def test_dropped_columns_have_no_role(read: Read) -> None:
    text = "id,a,b,note,label\n1,1,x,p,u\n1,2,4,q,u\n2,3,5,r,v\n2,4,6,s,v\n"
    assert "leave the column out with --drop b" in refused(read, text)
    data = read(text, drop=("b", "id"), layout="wide")
    assert (data.columns, data.train.ids) == (("a",), None)
    assert [remark.partition(": ")[2] for remark in data.remarks] == [
        "left out, as nothing uses them: note (text)"
    ]
    assert read(text, drop=("b",), input=("a", "b")).columns == ("a",)
    assert read("a\n1\n", drop=("b",), require_targets=False).columns == ("a",)


def test_columns_that_nothing_uses_are_left_out_with_one_note(read: Read) -> None:
    text = "day,v,price,who\n1,2,3,ann\n2,3,4,bob\n"
    alone = "a forecast reads its target alone; --input and --future add others"
    words = f"nothing uses them: price ({alone}), who (text)"
    assert read(text, job="regress", horizon=1, target=("v",)).remarks[0].endswith(words)
