"""Writes a prediction as CSV, JSON or Parquet."""

import csv
import io
import json

from hiddenstate.inference.predict import Prediction
from hiddenstate.system.extras import require
from hiddenstate.system.strict_json import replace_nan


def encode_prediction(prediction: Prediction, file_format: str) -> bytes:
    """Return the content of a file with `prediction`.

    Parameters
    ----------
    prediction : Prediction
    file_format : {"csv", "json", "parquet"}
        CSV has a header line and is UTF-8; JSON is a list of one object per row, with null for
        NaN and infinity.

    Raises
    ------
    MachineError
        If the format is parquet and pyarrow is not installed.
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
    return _parquet(prediction)


def _parquet(prediction: Prediction) -> bytes:
    require("pyarrow", "writing Parquet")
    import pyarrow
    import pyarrow.parquet

    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(dict(prediction.columns)), stream)
    return stream.getvalue()
