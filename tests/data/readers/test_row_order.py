"""Rows of a table are in the order of a time column, or of the file with a note."""

import pytest

from tests.data.readers.tables import Read, equal, read, refused
from tests.data.readers.test_dates import FORECAST, in_time

__all__ = ["read"]  # fixture


def test_rows_in_the_order_of_the_file_are_noted_if_a_column_may_order_them(read: Read) -> None:
    note = "t.csv: the rows are in the order of the file; "
    words = "when,v\nJan 3 2024,0\nJan 2 2024,1\nJan 1 2024,2\n"
    assert read(words, **FORECAST).remarks[-1] == note + (
        "if column when orders them, write 'Jan 3 2024' like 2020-12-31 and add --time when"
    )
    assert read(in_time("Tag", "3 2 1"), **FORECAST).remarks[-1] == note + (
        "column Tag falls from row to row, so the newest may be first; if it orders them, add "
        "--time Tag"
    )
    for quiet in ("weekday,v\nMon,0\nTue,1\nWed,2\n", in_time("Tag", "1 2 3")):
        assert not any("order" in remark for remark in read(quiet, **FORECAST).remarks)
    data = read(in_time("day", "3 2 1"), **FORECAST)
    equal(data.X[0, :, 0], [2, 1, 0])
    assert data.remarks[-1] == "t.csv: the rows are not in the order of day; ordered by it"


@pytest.mark.parametrize(
    ("name", "cells", "why"),
    [
        ("moment", "1714348800 1714262399 1714262398", "holds Unix times, by its values, that do"),
        ("clock", "1714348800123 1714262399000 1714348800122", "holds Unix times, by its values"),
        ("moment", "1714348800.5 1714262399.25 1714348800.75", "holds Unix times, by its values"),
        ("when", "31122024 13052024 28122024", "holds dates such as 31122024, by its values"),
        ("pos", "30 20 10", "falls from row to row, so the newest may be first"),
        ("no", "3 1 2", "counts, but not in the order of the rows"),
    ],
)
def test_numbers_that_may_be_times_under_another_name_are_noted(
    name: str, cells: str, why: str, read: Read
) -> None:
    (remark,) = [r for r in read(in_time(name, cells), **FORECAST).remarks if "order" in r]
    assert f"; column {name} {why}" in remark
    assert remark.endswith(f"; if it orders them, add --time {name}")


@pytest.mark.parametrize(
    "cells",
    [
        "1714262398 1714262399 1714348800",  # in order
        "1714262399 1714262398 1714262399",  # one occurs twice
        "3000000001 2999999999 3000000000.5",
        "5 1 2",
        "31122024 13052024 99999999",
    ],
)
def test_other_numbers_give_no_note_on_the_order(cells: str, read: Read) -> None:
    assert not any("order" in r for r in read(in_time("size", cells), **FORECAST).remarks)


def test_a_table_with_unnamed_dates_says_that_its_rows_are_in_the_order_of_the_file(
    read: Read,
) -> None:
    text = "when,v\n2020-01-02,0\n2020-01-01,1\n"
    data = read(text, job="regress", horizon=1, target=("v",))
    hint = "if column when orders them, add --time when"
    assert data.remarks == (f"t.csv: the rows are in the order of the file; {hint}",)
    data = read(text, job="regress", horizon=1, target=("v",), time="when")
    equal(data.X[0, :, 0], [1, 0])


def test_a_duplicate_time_in_a_series_is_refused(read: Read) -> None:
    text = "id,t,u,label\n1,1,3,x\n2,1,2,y\n\n1,1.0,1,x\n"
    assert refused(read, text).startswith("csv:5:t: time 1 occurs twice in series 1, first at ")
    assert "--id" in refused(read, "t,u,v\n1,3,0\n1,4,0\n", job="regress", target=("u",))
    assert "no time" in refused(read, "id,t,u,label\n1,1,3,x\n1,,2,x\n")
