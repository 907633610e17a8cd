"""Excel workbooks: the same rows as a CSV table, and what is refused, by cell."""

import sys
from collections.abc import Callable
from datetime import datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import DataConfig
from hiddenstate.data.readers import excel
from hiddenstate.data.readers.open import read_path
from hiddenstate.errors import HiddenstateError, MachineError, OptionError
from hiddenstate.inference.target_times import target_times
from tests.conftest import n_refused
from tests.data.readers.tables import equal, reader

openpyxl = pytest.importorskip("openpyxl")

ROWS: list[list[Any]] = [
    ["a", "b", "label", "on"],
    [1, 0.5, "p", True],
    [2.5, None, "q", False],
    [-3, 7, "p", True],
    [2**53 + 1, 2, " q ", False],
]

Change = Callable[[Any], None]


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., str]:
    """Writes rows to the first sheet of `t.xlsx`, changed by a function of the sheet."""

    def write(rows: list[list[Any]], change: Change = lambda sheet: None) -> str:
        made = openpyxl.Workbook()
        for row in rows:
            made.active.append(row)
        change(made.active)
        made.save(tmp_path / "t.xlsx")
        return str(tmp_path / "t.xlsx")

    return write


def refused(path: str, **options: Any) -> str:
    with pytest.raises(HiddenstateError) as error:
        read_path(path, DataConfig(**options), "classify")
    assert str(error.value).isprintable()
    return str(error.value).partition("t.xlsx")[2]


def test_a_sheet_is_read_as_a_csv_table(book: Callable[..., str], tmp_path: Path) -> None:
    data = read_path(book(ROWS), DataConfig(), "classify")
    text = "\n".join(",".join("" if c is None else str(c) for c in row) for row in ROWS)
    csv = reader(tmp_path)(text)
    equal(data.X, csv.X)
    equal(data.y, csv.y)
    assert data.columns == csv.columns == ("a", "b", "on")
    assert data.kind == "a wide Excel table"


def test_dates_order_the_rows_and_times_of_day_are_seconds(book: Callable[..., str]) -> None:
    rows: list[list[Any]] = [["date", "clock", "v"]]
    rows += [[datetime(2024, 1, 3 - k), time(0, 1, k), k] for k in range(3)]
    data = read_path(book(rows), DataConfig(target=("v",)), "regress")
    equal(data.X[0, :, 0], [62, 61, 60])
    assert data.train.origin.table.times[0] == "2024-01-03"


def test_hours_are_written_alike_at_midnight_and_at_other_times(book: Callable[..., str]) -> None:
    rows: list[list[Any]] = [["date", "v"]]
    rows += [[datetime(2024, 1, 1 + k // 24, k % 24), k] for k in range(48)]
    data = read_path(book(rows), DataConfig(target=("v",), horizon=1), "regress")
    times = data.train.origin.table.times
    assert [times[23], times[24]] == ["2024-01-01T23:00:00", "2024-01-02T00:00:00"]
    (after,) = target_times(data.train.origin.table, np.array([0]), np.array([47]), 1)
    assert after == "2024-01-03T00:00:00"


def test_empty_rows_and_columns_around_a_table_are_left_out(book: Callable[..., str]) -> None:
    rows = [[], [None, *ROWS[0]], [], *([None, *row] for row in ROWS[1:])]

    def styled(sheet: Any) -> None:
        sheet["H300"].font = openpyxl.styles.Font(bold=True)

    equal(read_path(book(rows, styled), DataConfig(), "classify").X[:, 0], [1, 2.5, -3, 2**53])


def test_a_merged_cell_applies_to_all_cells_of_its_area(book: Callable[..., str]) -> None:
    rows = [["x", "label"], [1, "p"], [2, None], [3, "q"], [4, None]]

    def merge(sheet: Any) -> None:
        sheet.merge_cells("B2:B3")
        sheet.merge_cells("B4:B5")

    equal(read_path(book(rows, merge), DataConfig(), "classify").y, ["p", "p", "q", "q"])


def test_a_sheet_is_named_or_numbered(book: Callable[..., str]) -> None:
    def second(sheet: Any) -> None:
        other = sheet.parent.create_sheet("Other")
        for row in [["z", "label"], [8, "p"], [9, "q"]]:
            other.append(row)

    path = book(ROWS, second)
    for sheet in ("Other", "2"):
        data = read_path(path, DataConfig(sheet=sheet), "classify")
        equal(data.X, [[8], [9]])
        assert data.kind == "a wide Excel table, sheet Other of 2"
    with pytest.raises(OptionError, match="has no sheet Othr; did you mean Other"):
        read_path(path, DataConfig(sheet="Othr"), "classify")


def test_cells_spread_far_apart_are_refused(
    book: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excel, "MOST_CELLS", 1000)

    def far(sheet: Any) -> None:
        sheet["XFD9000"] = 1

    assert "cells spread over 9,000 rows and 16,384 columns" in refused(book(ROWS, far))


def test_a_sample_says_how_many_rows_it_read(
    book: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excel, "SAMPLE_ROWS", 2)
    columns = excel.read_columns(Path(book(ROWS)), DataConfig(), sample=True)
    assert columns.n_rows == 2
    assert columns.unread == "only the first 2 rows were read"


def test_without_openpyxl_the_install_command_is_given(
    book: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = book(ROWS)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(MachineError, match=r"pip install .*\[excel\]'"):
        read_path(path, DataConfig(), "classify")


def test_a_damaged_workbook_only_raises_errors_of_the_library(book: Callable[..., str]) -> None:
    path = Path(book(ROWS))

    def read(path: Path) -> object:
        return read_path(str(path), DataConfig(), "classify")

    assert 0 < n_refused(path, path.read_bytes(), 100, read) < 100


def test_a_cover_before_the_table_is_refused_with_the_other_sheets(
    book: Callable[..., str],
) -> None:
    def second(sheet: Any) -> None:
        other = sheet.parent.create_sheet("Data 2024")
        for row in ROWS:
            other.append(row)

    hint = "; if the table is on another sheet, add --sheet with its name: Data 2024"
    for cover in ([], [["Report"]], [["Report", None], ["made by", "us", "today"]]):
        path = book(cover, second)
        assert refused(path).endswith(hint)
        assert read_path(path, DataConfig(sheet="Data 2024"), "classify").columns
    assert "another sheet" not in refused(book(ROWS[:1], second), sheet="1")
