"""Predictions are written in the format that the name of the file or --format says."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest

from hiddenstate.errors import DataError
from hiddenstate.inference import output_formats
from hiddenstate.inference.output_formats import encode_prediction
from hiddenstate.inference.predict import Prediction
from hiddenstate.system.extras import command
from tests.conftest import QUIET, Cli, Refuse

ROWS = "a,b,label\n" + "".join(
    f"{k % 5},{k * 3 % 7},{'=1+1' if k % 2 else 'no'}\n" for k in range(24)
)


def cells(content: bytes, path: Path) -> list[tuple[Any, ...]]:
    path.write_bytes(content)
    (sheet,) = openpyxl.load_workbook(path).worksheets
    return list(sheet.iter_rows(values_only=True))


def test_a_workbook_has_the_predictions_as_numbers_and_text(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(ROWS)
    assert cli("classify", "own.csv", "--max-steps", 2, *QUIET).code == 0
    lines = cli("predict", "last", "own.csv", "--proba").out.splitlines()
    for words in (("--output", "a.xlsx"), ("--output", "a", "--format", "xlsx")):
        done = cli("predict", "last", "own.csv", "--proba", *words)
        assert done.code == 0, done.err
        written = io.BytesIO((tmp_path / words[1]).read_bytes())
        (sheet,) = openpyxl.load_workbook(written).worksheets
        rows = list(sheet.iter_rows(values_only=True))
        assert ",".join(map(str, rows[0])) == lines[0]
        for row, line in zip(rows[1:], lines[1:], strict=True):
            number, label, *shares = line.split(",")
            assert row[:2] == (int(number), label)
            assert row[2:] == pytest.approx([float(share) for share in shares])
        assert {cell.data_type for cell in sheet["B"]} == {"s"}  # =1+1 is no formula
        assert isinstance(rows[1][2], float)
    again = cli("inspect", "a.xlsx")
    assert again.code == 0, again.err


def test_cells_of_a_workbook_hold_any_value(tmp_path: Path) -> None:
    values = np.array([1.5, np.nan, np.inf])
    texts = np.array(["a\x07b", "x" * 40_000, "\u00fc"], object)
    prediction = Prediction({"=a": values, "text": texts, "n": np.array([2**40, None, -1], object)})
    rows = cells(encode_prediction(prediction, "xlsx"), tmp_path / "a.xlsx")
    assert rows[0] == ("=a", "text", "n")
    assert rows[1:] == [(1.5, "a\ufffdb", 2**40), (None, "x" * 32_767, None), (None, "\u00fc", -1)]


def test_more_rows_than_a_sheet_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_formats, "MAX_ROWS", 3)
    encode_prediction(Prediction({"a": np.arange(2)}), "xlsx")
    with pytest.raises(DataError, match=r"3 rows of 1 columns, but a sheet .* ends in \.csv or"):
        encode_prediction(Prediction({"a": np.arange(3)}), "xlsx")


@pytest.mark.parametrize(("name", "package"), [("a.xlsx", "openpyxl"), ("a.pq", "pyarrow")])
def test_without_its_package_a_format_is_refused_before_any_work(
    name: str, package: str, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)
    words = f"requires {package}; install it with: {command(package)}"
    for options in (("--output", name), ("--output", "a", "--format", name.rpartition(".")[2])):
        if options[-1] != "pq":
            assert words in refuse(3, "predict", "no such run", *options)
