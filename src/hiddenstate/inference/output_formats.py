"""A prediction as text or bytes: CSV, JSON or Parquet."""

import csv
import io
import json
import math
from typing import Any

from hiddenstate.errors import MachineError
from hiddenstate.inference.predict import Prediction


def render(answer: Prediction, kind: str) -> bytes:
    """`answer` as `csv`, as `json` (a list of objects) or as `parquet`.

    Raises
    ------
    MachineError
        If Parquet is asked for and pyarrow is not there.
    """
    if kind == "csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(answer.columns)
        writer.writerows(answer.rows())
        return text.getvalue().encode()
    if kind == "json":
        names = list(answer.columns)
        rows = [dict(zip(names, map(_legal, row), strict=True)) for row in answer.rows()]
        lines = (json.dumps(row, allow_nan=False, ensure_ascii=False) for row in rows)
        return ("[\n" + ",\n".join(lines) + "\n]\n").encode()
    return _parquet(answer)


def _legal(value: Any) -> Any:
    """`value` as JSON has it: what is not finite is null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _parquet(answer: Prediction) -> bytes:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MachineError(
            "Parquet needs pyarrow; install it with: pip install 'hiddenstate[tables]'"
        ) from None
    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(dict(answer.columns)), stream)
    return stream.getvalue()
