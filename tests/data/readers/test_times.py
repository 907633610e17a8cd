"""Time columns of tables order rows; cells that are no times are refused."""

from typing import Any

import pytest

from tests.data.readers.tables import Read, equal, read, refused

__all__ = ["read"]  # fixture


def test_dates_order_rows(read: Read) -> None:
    text = "id,date,u,label\n1,2020-03-01,3,x\n1,2020/02/01,2,x\n1,2019-12-31 23:59,1,x\n"
    data = read(text)
    equal(data.X[0, :, 0], [1, 2, 3])
    assert data.train.times is None
    wrong = refused(read, text.replace("2020-03-01", "2020-13-01"), time="date")
    assert wrong.startswith("csv:2:date: '2020-13-01' is not a time")
    unnamed = read(text.replace("date", "when"))
    equal(unnamed.X[0, :, 0], [3, 2, 1])
    assert unnamed.remarks[0].endswith("if column when orders them, add --time when")


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("date,2020-01-02,2020-13-01,2020-01-03", "csv:3:date: '2020-13-01' is not a time"),
        ("date,2020-01-02,soon,2020-01-03", "csv:3:date: 'soon' is not a time"),
        ("date,31.12.2020,01.01.2021,12.31.2021", "csv:4:date: '12.31.2021' is not a time"),
        ("date,31/12/2020,12/31/2020,30/12/2020", "csv:3:date: '12/31/2020' is not a time"),
        ("date,01/02/2020,03/02/2020,04/02/2020", "csv:2:date: '01/02/2020' may be 1 February "),
        ("Time,2020-01-02,17,2020-01-03", "csv:3:Time: '17' is a number, but other cells hold a "),
        (
            "date,2020-01-02,2020-01-03T00:00Z,2020-01-04",
            "csv:3:date: '2020-01-03T00:00Z' is a date with a time zone, but other cells hold a "
            "date without a time zone",
        ),
        ("t,0,x,1", "csv:3:t: 'x' is not a time"),
        ("t,0,inf,1", "csv:3:t: the time is inf; expected a finite number"),
        ("t,0,-inf,1", "csv:3:t: the time is -inf; expected a finite number"),
        ("t,0,nan,1", "csv:3:t: empty, so the row has no time"),
        ("date,2020-01-02,,2020-01-03", "csv:3:date: empty, so the row has no time"),
        ("date,2020-01-02,NaT,2020-01-03", "csv:3:date: 'NaT' is not a time"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_a_cell_that_is_no_time_is_refused_and_its_column_not_ignored(
    column: str, cell: str, named: bool, read: Read
) -> None:
    name, *cells = column.split(",")
    text = f"v,{name}\n" + "".join(f"{i},{time}\n" for i, time in enumerate(cells))
    time = name if named else None
    assert refused(read, text, job="regress", horizon=1, target=("v",), time=time).startswith(cell)
    # A row of a wide table needs a time only for a split in time.
    wide: Any = {"job": "autoencode", "layout": "wide", "input": ("v",)}
    assert refused(read, text, split="time", time=time, **wide).startswith(cell)
    if not named:
        equal(read(text, **wide).X[:, 0], [0, 1, 2])


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        ("2024-12-31T10:00:00Z 2024-12-31T11:30:00+02:00 2024-12-31T10:30:00+00:00", "1 0 2"),
        ("2024/12/31 31/12/2023 1/1/2025", "1 0 2"),
        ("31.12.2024 01.02.2025 2.1.2025", "0 2 1"),
        ("12/31/2024 02/01/2025 1/2/2025", "0 2 1"),
        ("31/12/2024 02/01/2025 1/2/2025", "0 1 2"),
        ("20241231 20250102 20250101", "0 2 1"),
        ("9:05 10:00 8:59:59.5", "2 0 1"),
        ("2:05pm 10:00AM 11:00", "1 2 0"),
    ],
)
def test_dates_in_common_shapes_order_rows(cells: str, order: str, read: Read) -> None:
    text = "date,v\n" + "".join(f"{cell},{i}\n" for i, cell in enumerate(cells.split()))
    data = read(text, job="regress", horizon=1, target=("v",))
    equal(data.X[0, :, 0], [int(i) for i in order.split()])
    assert data.train.times is None  # dates, not numbers


def test_the_order_of_day_and_month_is_an_option_that_a_model_keeps(read: Read) -> None:
    text = "date,v\n02/01/2025,0\n01/02/2025,1\n"
    job: Any = {"job": "regress", "horizon": 1, "target": ("v",)}
    message = refused(read, text, **job)
    assert message.endswith(
        "may be 2 January 2025 or 1 February 2025; add --dates dmy or --dates mdy"
    )
    equal(read(text, dates="dmy", **job).X[0, :, 0], [0, 1])
    equal(read(text, dates="mdy", **job).X[0, :, 0], [1, 0])
    short = text.replace("/2025", "/25")
    assert "or 25 January 2002; add --dates dmy or --dates mdy or --dates ymd" in refused(
        read, short, **job
    )
    equal(read(short, dates="mdy", **job).X[0, :, 0], [1, 0])
    assert read(text + "31/01/2025,2\n", **job).read_as["dates"] == "dmy"


def test_text_under_a_name_of_time_is_no_time(read: Read) -> None:
    text = "v,t,index\n1,a,r1\n2,b,r2\n3,c,r3\n"
    equal(read(text, job="regress", horizon=1, target=("v",)).X[0, :, 0], [1, 2, 3])


def test_months_and_whole_numbers_are_times(read: Read) -> None:
    for times in (("2020-02", "2020-03", "2019-12"), ("7", "8", "-3"), ("7.5", "8e3", "7")):
        text = "v,time\n" + "".join(f"{i},{time}\n" for i, time in enumerate(times))
        data = read(text, job="regress", horizon=1, target=("v",))
        equal(data.X[0, :, 0], [2, 0, 1])
        assert data.remarks == ("t.csv: the rows are not in the order of time; ordered by it",)


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
