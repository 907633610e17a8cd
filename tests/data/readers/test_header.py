"""The first line of a table holds names, or is a row."""

import pytest

from tests.data.readers.tables import Read, equal, read, refused

__all__ = ["read"]  # fixture


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
