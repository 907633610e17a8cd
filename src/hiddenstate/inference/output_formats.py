"""Writes a prediction as CSV, JSON, Parquet or an Excel workbook."""

import csv
import io
import json
import math
import re
from dataclasses import replace
from typing import Any

import numpy as np

from hiddenstate.errors import DataError
from hiddenstate.inference.predict import Prediction
from hiddenstate.system.extras import require
from hiddenstate.system.strict_json import replace_nan

MAX_ROWS, MAX_COLUMNS, MAX_TEXT = 2**20, 2**14, 2**15 - 1
"""Largest number of rows and columns of a sheet, and of characters in its cells."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def check_format(file_format: str) -> None:
    """Refuse a format whose optional package is not installed (`MissingExtraError`)."""
    if file_format == "parquet":
        require("pyarrow", "writing Parquet")
    elif file_format == "xlsx":
        require("openpyxl", "writing a workbook")


def with_empty_cells(prediction: Prediction) -> Prediction:
    """Return a prediction whose numbers that are nan are None, which is an empty cell."""
    columns = dict(prediction.columns)
    for name, column in prediction.columns.items():
        if column.dtype.kind == "f" and np.isnan(column).any():
            columns[name] = column.astype(object)
            columns[name][np.isnan(column)] = None
    return replace(prediction, columns=columns)


def encode_prediction(prediction: Prediction, file_format: str) -> bytes:
    """Return the content of a file with `prediction`.

    Parameters
    ----------
    prediction : Prediction
    file_format : {"csv", "json", "parquet", "xlsx"}
        CSV has a header line and is UTF-8; JSON is a list of one object per row, with null for
        NaN and infinity; a workbook has one sheet, with empty cells for these.

    Raises
    ------
    MachineError
        If the package that writes the format is not installed.
    DataError
        If there are more rows or columns than a sheet has.
    """
    if file_format == "csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(prediction.columns)
        writer.writerows(prediction.rows())
        return text.getvalue().encode()
    if file_format == "json":
        names = list(prediction.columns)
        rows = [dict(zip(names, replace_nan(row), strict=True)) for row in prediction.rows()]
        lines = (json.dumps(row, allow_nan=False, ensure_ascii=False) for row in rows)
        return ("[\n" + ",\n".join(lines) + "\n]\n").encode()
    check_format(file_format)
    return _workbook(prediction) if file_format == "xlsx" else _parquet(prediction)


def _workbook(prediction: Prediction) -> bytes:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    if len(prediction) >= MAX_ROWS or len(prediction.columns) > MAX_COLUMNS:
        raise DataError(
            f"{len(prediction):,} rows of {len(prediction.columns):,} columns, but a sheet has at "
            f"most {MAX_ROWS:,} rows and {MAX_COLUMNS:,} columns; use a name that ends in .csv or "
            ".parquet"
        )
    book = Workbook(write_only=True)
    sheet = book.create_sheet("predictions")

    def cell(value: Any) -> Any:
        if isinstance(value, float) and not math.isfinite(value):
            return None
        if not isinstance(value, str):
            return value
        text = WriteOnlyCell(sheet, _CONTROL.sub("\N{REPLACEMENT CHARACTER}", value)[:MAX_TEXT])
        text.data_type = "s"  # text that begins with = is no formula
        return text

    sheet.append([cell(name) for name in prediction.columns])
    for row in prediction.rows():
        sheet.append([cell(value) for value in row])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _parquet(prediction: Prediction) -> bytes:
    import pyarrow
    import pyarrow.parquet

    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(dict(prediction.columns)), stream)
    return stream.getvalue()
