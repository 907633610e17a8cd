"""The columns of a table are label, input, weight, group or nothing, by option or by name."""

import numpy as np
import pytest

from tests.data.readers.tables import Read, equal, read, refused

__all__ = ["read"]  # fixture


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


def test_an_id_that_never_repeats_and_an_index_are_left_out(read: Read) -> None:
    data = read("id,a,b,label\n1,1,2,x\n2,3,4,y\n")
    assert data.columns == ("a", "b")
    assert data.kind == "a wide CSV table, without its column id"
    for name in ("", "Unnamed: 0", "__index_level_0__"):
        assert read(f"{name},a,label\n0,1,x\n1,3,y\n").columns == ("a",)
    assert read("id,a,label\n1,1,x\n2,3,y\n", input=("a", "id")).columns == ("a", "id")
    assert read("step,a,label\n1,1,x\n1,3,y\n").columns == ("a",)


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


def test_text_without_a_role_is_left_out_and_named(read: Read) -> None:
    data = read("name,when,a,label\nann,2020-01-01,1,u\nbob,2020-01-02,2,v\n")
    assert data.columns == ("a",)
    assert len(data.remarks) == 1
    assert data.remarks[0].endswith("nothing uses them: name (text), when (dates)")
    assert read("name,a,label\nann,1,u\nbob,2,v\n", input=("a",)).remarks == ()
    message = refused(read, "name,a,label\nann,1,u\nbob,2,v\ncat,3,u\ndan,x,v\n")
    assert "'x' is not a number" in message
    assert "no input columns of numbers" in refused(read, "name,label\nann,u\nbob,v\n")


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
