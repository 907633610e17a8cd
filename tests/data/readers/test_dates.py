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
        ("10:00 9:05 8:59:59.5", "2 1 0"),
        ("2:05pm 11:00 10:00AM", "2 1 0"),
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


FORECAST: Any = {"job": "regress", "horizon": 1, "target": ("v",)}


def in_time(name: str, cells: str) -> str:
    """A table whose column `v` numbers its rows."""
    return f"{name},v\n" + "".join(f"{cell},{i}\n" for i, cell in enumerate(cells.split()))


@pytest.mark.parametrize(
    ("name", "cells", "order"),
    [
        ("date", "31122023 1012024 02012024 15022024", "0 1 2 3"),
        ("date", "12312023 01022024 2152024 01012025", "0 1 2 3"),
        ("Datum", "31122023 01012024", "0 1"),  # eight digits need no name
        ("date", "20240101 20231231", "1 0"),
        ("date", "991231 000101 000102", "0 1 2"),
        ("day", "311270 10171 130171", "0 1 2"),
        ("date", "123170 10171 11371", "0 1 2"),
        ("date", "240101 240102 240103", "0 1 2"),  # every reading has this order
        ("date", "202411 202412 202501", "0 1 2"),  # months
        ("date", "200111 200112 200201", "0 1 2"),
    ],
)
def test_dates_without_marks_order_rows_if_the_values_decide(
    name: str, cells: str, order: str, read: Read
) -> None:
    data = read(in_time(name, cells), time=name, **FORECAST)
    equal(data.X[0, :, 0], [int(i) for i in order.split()])


@pytest.mark.parametrize(
    ("name", "cells", "times"),
    [
        ("time", "3 1 2", "1 2 3"),
        ("time", "93000 101530 101500", "93000 101500 101530"),  # 9:30:00 as in many files
        ("time", "1700000060 1700000000", "1700000000 1700000060"),
        ("day", "10190 10191 10189", "10189 10190 10191"),
        ("date", "45292 45291", "45291 45292"),  # days of a spreadsheet
        ("step", "1012000 1012001 1011999", "1011999 1012000 1012001"),
    ],
)
def test_numbers_that_count_stay_numbers(name: str, cells: str, times: str, read: Read) -> None:
    data = read(in_time(name, cells), time=name, **FORECAST)
    equal(data.train.times[0], [int(time) for time in times.split()])


def test_a_date_without_marks_that_may_be_another_is_refused_until_dates_says(read: Read) -> None:
    text = in_time("date", "01012024 01022024 02012024")
    message = refused(read, text, **FORECAST)
    assert message == (
        "csv:3:date: '01022024' may be 1 February 2024 or 2 January 2024; add --dates dmy or "
        "--dates mdy"
    )
    equal(read(text, dates="dmy", **FORECAST).X[0, :, 0], [0, 2, 1])
    equal(read(text, dates="mdy", **FORECAST).X[0, :, 0], [0, 1, 2])
    assert refused(read, text, dates="ymd", **FORECAST).endswith("add --dates dmy or --dates mdy")
    year_first = in_time("date", "20240102 20240101")
    equal(read(year_first, dates="dmy", **FORECAST).X[0, :, 0], [1, 0])
    settled = read(in_time("date", "31012024 01022024"), **FORECAST)
    assert settled.read_as["dates"] == "dmy"
    assert "dates" not in read(year_first, **FORECAST).read_as


def test_the_calendar_reads_dates_without_marks(read: Read) -> None:
    text = "when,v\n31122023,0\n01062024,1\n"
    options: Any = {"time": "when", "input": ("v",), "calendar": ("month",), **FORECAST}
    month = read(text, **options).X[0, :, 1:]
    assert abs(month - [[-0.5, 0.866], [0.5, -0.866]]).max() < 1e-3
    assert "add --dates dmy" in refused(read, text.replace("31", "01"), **options)


def test_times_of_day_go_on_after_midnight(read: Read) -> None:
    over = in_time("time", "23:58 23:59 00:00 00:01 23:59 0:01")
    data = read(over, **FORECAST)
    equal(data.X[0, :, 0], range(6))
    assert data.remarks == (
        "t.csv: time passes midnight 2 times; what follows is read as the next day",
    )
    newest_first = in_time("time", "00:01 00:00 23:59 23:58")
    data = read(newest_first, **FORECAST)
    equal(data.X[0, :, 0], [3, 2, 1, 0])
    assert data.remarks == (
        "t.csv: the rows are not in the order of time; ordered by it",
        "t.csv: time passes midnight once; what follows is read as the next day",
    )
    two = "id,time,v\na,23:00,0\nb,22:00,10\na,1:00,1\nb,23:00,11\n"
    equal(read(two, **FORECAST).X[..., 0], [[0, 1], [10, 11]])


def test_times_of_day_that_go_back_by_less_than_half_a_day_are_refused(read: Read) -> None:
    days = in_time("time", "09:00 17:00 09:01 17:01")
    assert refused(read, days, **FORECAST) == (
        "csv:4:time: '09:01' after '17:00' may be the next day, or a row out of order; write the "
        "dates too or, if the rows are in order, leave the column out with --drop time"
    )
    equal(read(days, drop=("time",), **FORECAST).X[0, :, 0], range(4))


def test_numbers_in_quotes_are_times(read: Read) -> None:
    text = '{"t": "10", "v": 1}\n{"t": "9", "v": 0}\n'
    equal(read(text, "t.jsonl", **FORECAST).X[0, :, 0], [0, 1])


def test_text_under_a_name_of_time_is_no_time(read: Read) -> None:
    text = "v,t,index\n1,a,r1\n2,b,r2\n3,c,r3\n"
    equal(read(text, job="regress", horizon=1, target=("v",)).X[0, :, 0], [1, 2, 3])


def test_months_and_whole_numbers_are_times(read: Read) -> None:
    for times in (("2020-02", "2020-03", "2019-12"), ("7", "8", "-3"), ("7.5", "8e3", "7")):
        text = "v,time\n" + "".join(f"{i},{time}\n" for i, time in enumerate(times))
        data = read(text, job="regress", horizon=1, target=("v",))
        equal(data.X[0, :, 0], [2, 0, 1])
        assert data.remarks[0] == "t.csv: the rows are not in the order of time; ordered by it"
