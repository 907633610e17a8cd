"""Tables as people keep them: totals, titles, signs beside numbers, and columns without values."""

from typing import Any

import pytest

from tests.conftest import Cli
from tests.data.readers.tables import Read, equal, read, refused

__all__ = ["read"]  # fixture

FORECAST: Any = {"job": "regress", "horizon": 1, "target": ("sales",)}


def rows(cells: str, n: int = 8) -> str:
    """Rows of cells in which `#` is the number of the row."""
    return "".join(cells.replace("#", str(i)) + "\n" for i in range(n))


def test_a_row_of_totals_below_counted_rows_is_refused(read: Read) -> None:
    table = "day,sales\n" + rows("#,1#") + "Total,1000\n"
    message = refused(read, table, **FORECAST)
    assert message.startswith("csv:10:day: 'Total' is not a number")
    assert read(table, drop=("day",), **FORECAST).X.shape == (1, 9, 1)
    names = table.replace("day", "weekday")  # not a name of a counter
    assert read(names, **FORECAST).remarks[0].endswith("weekday (text)")


@pytest.mark.parametrize(
    ("cell", "sign"),
    [
        ("#%", "%"),
        ("1# %", "%"),
        ("$#.50", "$"),
        ('"$1,00#.50"', "$"),
        ("#.5 €", "€"),
        ("-£#", "£"),
    ],
)
def test_numbers_with_a_sign_are_named_and_are_no_label(cell: str, sign: str, read: Read) -> None:
    table = "price,x,kind\n" + rows(f"{cell},#,a") + rows(f"{cell},#,b")
    data = read(table)
    equal(data.y, ["a"] * 8 + ["b"] * 8)
    assert data.remarks == (
        f"t.csv: left out, as nothing uses them: price (text: remove {sign} to use its numbers)",
    )
    assert "no label column" in refused(read, "price,x,v\n" + rows(f"{cell},#,#"))
    for role in ({"input": ("price",)}, {"job": "regress", "target": ("price",), "layout": "wide"}):
        assert refused(read, table, **role) == (
            f"csv: column price holds numbers with {sign}, expected numbers; remove the sign from "
            "its cells"
        )


def test_a_column_without_values_is_left_out_unless_values_are_filled_in(read: Read) -> None:
    table = "x,note,kind,\n" + rows("#,,a,") + rows("#,,b,")
    data = read(table)
    assert data.columns == ("x",)
    assert data.remarks == (
        "t.csv: left out, as nothing uses them: note (no values), Unnamed: 3 (no values)",
    )
    assert read(table, missing="mean").columns == ("x", "note", "Unnamed: 3")


def test_a_title_above_the_names_is_named_as_a_cause(read: Read) -> None:
    table = "Report of 2024\nx,y,kind\n" + rows("#,#,a")
    assert "found 3; delete titles above the names of the columns, " in refused(read, table)
    later = "x,kind\n" + rows("#,a") + "1,2,3\n"
    assert "titles" not in refused(read, later)


def test_a_cell_whose_readings_differ_shows_that_dates_are_in_doubt(read: Read) -> None:
    table = "date,sales\n" + "".join(f"{d}/{m}/2024,1\n" for d, m in ((1, 1), (2, 2), (2, 3)))
    message = refused(read, table, **FORECAST)
    assert message.startswith("csv:4:date: '2/3/2024' may be 2 March 2024 or 3 February 2024; ")


def test_inspect_names_labels_that_may_be_mistakes(cli: Cli, read: Read) -> None:
    read("x,kind\n" + rows("#,cat") + rows("#,Cat"))
    assert "- labels Cat and cat differ only in case" in cli("inspect", "t.csv").out
    read("x,kind\n" + rows("#,cat") + rows("#,NA"))
    assert "- label NA may mean a missing value; drop its rows" in cli("inspect", "t.csv").out


def test_a_duration_that_does_not_repeat_is_to_be_written_in_seconds(read: Read) -> None:
    table = "lap,x,kind\n" + rows("0:1#.5,#,a")
    assert "write durations in seconds, or leave" in refused(read, table, input=("lap", "x"))


TWO_DAYS = """date,time,sales
2024-02-01,00:00,2
2024-02-01,12:00,3
2024-01-02,00:00,0
2024-01-02,12:00,1
"""


def test_times_of_day_are_joined_with_dates_in_a_column_beside(read: Read) -> None:
    data = read(TWO_DAYS, **FORECAST)
    equal(data.X[0, :, 0], range(4))
    assert data.remarks[-1] == "t.csv: time is joined with the dates in date"
    clocks = TWO_DAYS.replace("time", "clock")
    assert refused(read, clocks, **FORECAST).endswith("name the times of day with --time clock")
    equal(read(clocks, time="clock", **FORECAST).X[0, :, 0], range(4))
    compact = TWO_DAYS.replace("2024-02-01", "1022024").replace("2024-01-02", "02012024")
    assert "add --dates dmy" in refused(read, compact, **FORECAST)
    equal(read(compact, dates="dmy", **FORECAST).X[0, :, 0], range(4))
    whole = TWO_DAYS.replace("2024-02-01,", "2024-02-01 06:00,").replace("6:00,12", "7:00,12")
    whole = whole.replace("01-02,1", "01-02 01:00,1")
    equal(read(whole, **FORECAST).X[0, :, 0], range(4))  # dates that have a time already


def test_years_and_months_that_go_back_are_noted(read: Read) -> None:
    table = "year,month,sales\n" + "".join(
        f"{2024 - i // 12},{12 - i % 12},{i}\n" for i in range(15)
    )
    assert read(table, **FORECAST).remarks[-1] == (
        "t.csv: the rows are in the order of the file; if columns year, month say when, sort the "
        "rows by them, or name the series with --id COL"
    )
    in_time = "year,month,sales\n" + "".join(f"{2023 + i // 12},{i % 12},{i}\n" for i in range(15))
    assert not any("order" in remark for remark in read(in_time, **FORECAST).remarks)


def test_ids_beyond_64_bits_stay_numbers(read: Read) -> None:
    data = read("id,x,label\n1e300,1,a\n2e300,2,b\n3,3,a\n")
    equal(data.train.ids, [1e300, 2e300, 3])
