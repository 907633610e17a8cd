"""One list of tables for all that read tables for a model: equal rows, or all refuse.

The command, the lines of a stream, the exported Python program, and the script with which exported
pages and the studio read rows that are pasted.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.errors import DataError
from hiddenstate.export.python import command
from hiddenstate.export.python.table import read_csv
from hiddenstate.export.target import facts_of
from hiddenstate.inference.inputs import prepare_inputs, read_new_data
from hiddenstate.inference.step_lines import StepLines
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from hiddenstate.web import joining
from tests.export.scripts import answer_of_node

Series = list[list[list[float | None]]]
"""The values of each step of each series; None if missing."""

REFUSED: Series = []


@dataclass(frozen=True)
class Case:
    """A table, what a model reads of it, and how its training data was read."""

    text: str
    series: Series
    reading: dict[str, Any] = field(default_factory=dict)
    missing: str = "error"
    streams: bool = True
    """Whether the lines one by one say as much: not how they are ordered, or what follows."""
    pasted: Series | None = None
    """What lines of a stream, and those that are pasted, say where that is more than in a file."""

    filled: Series | None = None
    """What the command reads, with the steps that are missing; the others refuse such tables."""

    def expected(self, reader: str) -> Series:
        if self.filled is not None and reader == "command":
            return self.filled
        as_file = self.pasted is None or reader in ("command", "program")
        return self.series if as_file else self.pasted


def one(*steps: tuple[float | None, ...]) -> Series:
    """Return a single series."""
    return [[list(step) for step in steps]]


DAILY = {"time": "t", "every": "day"}
COMMA = {"delimiter": ";", "decimal": ",", "thousands": "."}  # as a training file settles
SPACED = {"thousands": "space"}
GAPS = "mean"
IDS = {"id": ("who",)}
TWO_IDS = {"id": ("a", "b")}
TIMES = {"time": "t"}
ROWS = {"layout": "features"}


def cell(text: str, value: float | None, missing: str = "error", **reading: Any) -> Case:
    """Return a table with one cell in question."""
    separator = reading.get("delimiter", ",")
    text = f"u{separator}v\n{text}{separator}2\n4{separator}5\n"
    series = REFUSED if value is None else one((value if value == value else None, 2), (4, 5))
    return Case(text, series, reading, missing)


def ordered(
    text: str, series: Series, reading: dict[str, Any] = TIMES, missing: str = "error", **more: Any
) -> Case:
    """Return a table whose lines one by one do not say as much."""
    return Case(text, series, reading, missing, streams=False, **more)


NONE = float("nan")
KEPT, TURNED = one((1, 2), (3, 4)), one((3, 4), (1, 2))
CASES = {
    # numbers
    "signs, points and exponents": Case("u,v\n+1,-.5\n2.,1E+2\n", one((1, -0.5), (2, 100))),
    "spaces around cells": Case(" u , v \n 1 ,\t2\n", one((1, 2))),
    "no-break spaces around a cell": cell("\u00a01\u202f", 1),
    "control characters around a cell": cell("\x1c12\x85", 12),
    "a control character alone": cell("\x1f", NONE, GAPS),
    "hexadecimal": cell("0x10", None),
    "binary": cell("0b11", None),
    "octal": cell("0o7", None),
    "underscores": cell("1_0", None),
    "Arabic digits": cell("\u0661\u0662", None),
    "full-width digits": cell("\uff11", None),
    "minus sign of typography": cell("\u22121", None),
    "a space inside": cell("1 234", None),
    "a letter": cell("1f", None),
    "percent": cell("5%", None),
    "a word": cell("x", None),
    "Fortran": cell("1d5", None),
    "two points": cell("1.2.3", None),
    "a byte order mark inside": cell("\ufeff1", None),
    "a decimal comma in quotes": cell('"1,5"', None),
    "thousands without marks": cell('"1,234"', None),
    # marks
    "decimal comma": cell("1,5", 1.5, **COMMA),
    "thousands points": cell("1.234,5", 1234.5, **COMMA),
    "thousands points alone": cell("1.234", 1234, **COMMA),
    "a decimal point where commas are": cell("1.5", None, **COMMA),
    "points in wrong places": cell("12.34,5", None, **COMMA),
    "commas in wrong places": cell("1,234,5", None, **COMMA),
    "thousands commas": cell('"1,234.5"', 1234.5, thousands=","),
    "a decimal comma where thousands are": cell('"1,5"', None, thousands=","),
    "thousands spaces": cell("1 234", 1234, **SPACED),
    "thousands no-break spaces": cell("1\u202f234\u00a0567.5", 1234567.5, **SPACED),
    "spaces in wrong places": cell("12 34", None, **SPACED),
    "thousands apostrophes": cell("1'234", 1234, thousands="'"),
    "apostrophes in wrong places": cell("1'23", None, thousands="'"),
    "Arabic digits between marks": cell("1.\u0662\u0663\u0664", None, **COMMA),
    # missing cells
    "an empty cell": cell("", None),
    "an empty cell that is filled in": cell("", NONE, GAPS),
    "words for missing": Case(
        "u,v\nNA,n/a\n#N/A,<na>\nNull,NONE\nnan,?\n-,+nan\n1,2\n",
        one(*[(None, None)] * 5, (1, 2)),
        missing=GAPS,
    ),
    "a word for missing where none may be": cell("?", None),
    "infinity where none may be": cell("inf", None),
    "another word": cell("missing", None, GAPS),
    "true and false": Case("u,v\ntrue,1\nFALSE,2\n", one((1, 1), (0, 2))),
    "true after a word for missing": Case("u,v\nnan,1\ntrue,2\n", one((None, 1), (1, 2)), {}, GAPS),
    "true among numbers": Case("u,v\n1,1\ntrue,2\n", REFUSED),
    # lines
    "a cell too many": Case("u,v\n1,2\n3,4,5\n", REFUSED),
    "a cell too few": Case("u,v,w\n1,2,3\n3,4\n", REFUSED),
    "an empty cell too many": Case("u,v\n1,2,\n", REFUSED),
    "blank lines": Case("\n \nu,v\n\n1,2\n   \n3,4\n\n", KEPT),
    "a line of commas": Case("u,v\n1,2\n,\n", one((1, 2), (None, None)), missing=GAPS),
    "a byte order mark": Case("\ufeffu,v\n1,2\n", one((1, 2))),
    "Windows": Case("u,v\r\n1,2\r\n", one((1, 2))),
    "an old Macintosh": ordered("u,v\r1,2\r", one((1, 2)), {}),
    "no end of line": Case("u,v\n1,2", one((1, 2))),
    "quotes": Case('"u","v"\n"1", "2"\n', one((1, 2))),
    "a separator in quotes": Case('u,"n,o",v\n1,"a,b",2\n', one((1, 2))),
    "a quote in quotes": Case('u,"n""o",v\n1,"a"",""b",2\n', one((1, 2))),
    "a quote in a cell": Case('u,n,v\n1,5" x,2\n3,6",4\n', KEPT),
    "text after quotes": Case('u,n,v\n1,"a" "b",2\n', one((1, 2))),
    "an end of line in quotes": ordered('u,n,v\n1,"a\n\nb",2\n', one((1, 2)), {}),
    "an open quote": Case('u,v\n1,"2\n3,4\n', REFUSED),
    "nothing": Case("\n\n", REFUSED),
    "a header alone": Case("u,v\n", REFUSED),
    # separators
    "tabs": Case("u\tv\n1\t2\n", one((1, 2)), {"delimiter": "tab"}),
    "a line of tabs": Case("u\tv\n1\t2\n\t\n", REFUSED, {"delimiter": "tab"}),
    "spaces": Case("u v\n1   2\n", one((1, 2)), {"delimiter": "space"}),
    "a no-break space between spaces": Case(
        "u v\n1  \u00a0\n", one((1, None)), {"delimiter": "space"}, GAPS
    ),
    "bars": Case("u|v\n1|2\n", one((1, 2)), {"delimiter": "|"}),
    "semicolons": Case("u;v\n1;2\n", REFUSED),
    "semicolons beside decimal commas": Case("u;v\n1,5;2\n", one((1.5, 2)), {"decimal": ","}),
    "commas for semicolons": Case("u,v\n1,2\n", REFUSED, {"delimiter": ";"}),
    # columns
    "another order, and more": Case("x,v,u\na,2,1\nb,4,3\n", KEPT),
    "a name twice": Case("u,v,u\n1,2,3\n", REFUSED),
    "a name twice beside": Case("u,v,w,w\n1,2,3,4\n", REFUSED),
    "a column without a name": Case(",u,v\n0,1,2\n1,3,4\n", KEPT),
    "two columns without a name": Case(",,u,v\n7,a,1,2\n8,b,3,4\n", KEPT),
    "a column too few": Case("u\n1\n", REFUSED),
    "another case": Case("U,v\n1,2\n", REFUSED),
    "no names": Case("1,2\n3,4\n", KEPT),
    "no names, and more columns": Case("1,2,3\n", REFUSED),
    "no names, and a word": Case("1,2\n3,x\n", REFUSED),
    "no names, and words": Case("x,2\ny,3\n", REFUSED),
    # series
    "series": Case("who,u,v\na,1,2\nb,3,4\na,5,6\n", [[[1, 2], [5, 6]], [[3, 4]]], IDS),
    "an id is missing": Case("who,u,v\na,1,2\n,3,4\n", REFUSED, IDS),
    "an id is missing among numbers": ordered("who,u,v\n1,1,2\nNA,3,4\n", REFUSED, IDS),
    "ids of two columns": Case(
        'a,b,u,v\nx,"y, z",1,2\n"x, y",z,3,4\n', [[[1, 2]], [[3, 4]]], TWO_IDS
    ),
    "one of two ids": Case("a,u,v\nx,1,2\ny,3,4\n", REFUSED, TWO_IDS),
    "no ids": Case("u,v\n1,2\n", REFUSED, IDS, pasted=one((1, 2))),
    "no names and no ids": Case("1,2\n", REFUSED, IDS, pasted=one((1, 2))),
    "numbers as times": ordered("t,u,v\n10,1,2\n9,3,4\n", TURNED),
    "series out of order": ordered(
        "who,t,u,v\na,2,1,2\nb,1,3,4\na,1,5,6\n", [[[5, 6], [1, 2]], [[3, 4]]], {**IDS, **TIMES}
    ),
    "a time twice": ordered("t,u,v\n1,1,2\n1,3,4\n", REFUSED),
    "a time is missing": ordered("t,u,v\n1,1,2\n,3,4\n", REFUSED),
    "no times": Case("u,v\n1,2\n3,4\n", REFUSED, TIMES, pasted=KEPT),
    "an infinite time": ordered("t,u,v\n1,1,2\ninf,3,4\n", REFUSED),
    "a time that is none": ordered("t,u,v\n1,1,2\nx,3,4\n", REFUSED),
    **{
        f"times like {later}": ordered(
            f"t,u,v\n{later},1,2\n{first},3,4\n", TURNED, {**TIMES, **order}
        )
        for later, first, order in [
            ("2024-02-01", "2024-01-31", {}),
            ("2024-02", "2023-12", {}),
            ("2024-02-01T10:00", "2024-02-01T09:59:59.5", {}),
            ("2024-02-01 10:00:00Z", "2024-02-01 10:30:00+01:00", {}),
            ("01.02.2024", "31.01.2024", {}),
            ("01.02.2024", "03.01.2024", {}),
            ("02/01/2024", "01/31/2024", {}),
            ("01/02/2024 1:00 pm", "01/02/2024 12:30 am", {"dates": "dmy"}),
            ("02/01/24", "01/03/24", {"dates": "mdy"}),
            ("01022024", "31012024", {"dates": "dmy"}),
            ("01022024", "31012024", {}),
            ("20240201", "20240131", {"dates": "dmy"}),
        ]
    },
    "dates that may be others": ordered("t,u,v\n01/02/2024,1,2\n03/01/2024,3,4\n", REFUSED),
    "dates of another order than in training": ordered(
        "t,u,v\n31012024,1,2\n", REFUSED, {**TIMES, "dates": "mdy"}
    ),
    "years of two digits in no settled order": ordered("t,u,v\n13/02/24,1,2\n", REFUSED),
    "times with and without a zone": ordered(
        "t,u,v\n2024-01-01T00:00Z,1,2\n2024-01-01T01:00,3,4\n", REFUSED
    ),
    "times of day": ordered("t,u,v\n9:30,1,2\n10:30,3,4\n", KEPT),
    "times of day that fall": ordered("t,u,v\n10:30,1,2\n9:30,3,4\n10:00,5,6\n", REFUSED),
    "times of day, the newest first": ordered("t,u,v\n10:30,1,2\n9:30,3,4\n", TURNED),
    "times of day over midnight": ordered("t,u,v\n23:30,1,2\n0:30,3,4\n", KEPT),
    "times of day with dates beside": ordered(
        "day,t,u,v\n2024-01-02,1:00,1,2\n2024-01-01,23:00,3,4\n", TURNED
    ),
    # steps of a calendar
    "every day": ordered("t,u,v\n2024-02-29,3,4\n2024-02-28,1,2\n", KEPT, DAILY, missing="mean"),
    "a missing day": ordered(
        "t,u,v\n2024-02-27,1,2\n2024-02-28,3,4\n2024-03-01,5,6\n",
        REFUSED,
        DAILY,
        missing="mean",
        filled=one((1, 2), (3, 4), (None, None), (5, 6)),
    ),
    "every working day": ordered(
        "t,u,v\n2024-03-01,1,2\n2024-03-04,3,4\n",
        KEPT,
        {**TIMES, "every": "weekday"},
        missing="mean",
    ),
    "month ends": ordered(
        "t,u,v\n2024-01-31,1,2\n2024-02-29,3,4\n", KEPT, {**TIMES, "every": "month"}, missing="mean"
    ),
    "a missing quarter": ordered(
        "t,u,v\n2023-10,1,2\n2024-01,3,4\n2024-07,5,6\n",
        REFUSED,
        {**TIMES, "every": "quarter"},
        missing="mean",
        filled=one((1, 2), (3, 4), (None, None), (5, 6)),
    ),
    # rows
    "rows are series": ordered("u,v\n1,2\n3,4\n", [[[1, 2]], [[3, 4]]], ROWS),
    "rows without an id and a time": ordered("u,v\n1,2\n", one((1, 2)), {**ROWS, **IDS, **TIMES}),
}


def model_of(case: Case) -> FittedModel:
    """Return a model with columns u and v whose data was read as a case says."""
    flat = case.reading.get("layout") is not None
    job = "classify" if flat else "regress"
    net = Net(job, make_config(job, {"hidden_size": 2}).model, 2, 2, "last" if flat else "steps")
    fill = None if case.missing == "error" else np.zeros(2)
    reading = {"layout": "long", **case.reading}
    transform = Transform(case.missing, fill, columns=("u", "v"), reading=reading)
    shape, classes = (1 if flat else 9, 2), ["up", "down"] if flat else None
    return FittedModel(net, net.initial(1, "float32"), classes, shape, False, transform)


def by_command(case: Case, model: FittedModel, path: Path) -> Series:
    dataset = read_new_data(model, str(path), {}, False)
    rows = dataset.train
    prepare_inputs(model, rows, path.name)
    X = rows.X if rows.X.ndim == 3 else rows.X[:, None]
    lengths = [X.shape[1]] * len(X) if rows.lengths is None else rows.lengths
    return [listed(x[:n]) for x, n in zip(X, lengths, strict=True)]


def by_program(case: Case, model: FittedModel, path: Path) -> Series:
    about = facts_of(model)
    rows, ids = read_csv(str(path), about)
    if about["rows_are_series"]:
        return [listed(row[None]) for row in rows]
    return [listed(steps) for _, steps in command.series_of(rows, ids)]


def by_stream(case: Case, model: FittedModel, path: Path) -> Series:
    lines = StepLines(model, {}, path.name)
    series: dict[str, list[Any]] = {}
    for line in path.read_bytes().splitlines(keepends=True):
        if (step := lines.parse(line)) is not None:
            series.setdefault(step[0], []).append(step[1])
    if not series:
        raise DataError("no rows")
    return [listed(np.array(steps)) for steps in series.values()]


def listed(steps: Any) -> list[list[float | None]]:
    return [[float(v) if np.isfinite(v) else None for v in step] for step in steps]


def answers_of_page() -> dict[str, Any]:
    """Return what the scripts of a page read of every table, or say."""
    asked = {name: [case.text, facts_of(model_of(case)), 2] for name, case in CASES.items()}
    script = (
        joining.joined(joining.ordered(["web/table.js"]))
        + f"\nconst asked = {json.dumps(asked)};\nconst found = {{}};\n"
        "for (const [name, one] of Object.entries(asked)) {\n"
        "try { found[name] = readSeries(...one).map(({ series }) => "
        "series.map((step) => [...step])); } catch (error) { found[name] = error.message; }\n}\n"
        "console.log(JSON.stringify(found));"
    )
    found: dict[str, Any] = answer_of_node(script)
    return found


READERS: dict[str, Callable[[Case, FittedModel, Path], Series]] = {
    "command": by_command,
    "program": by_program,
    "stream": by_stream,
}


@pytest.mark.parametrize("reader", READERS)
def test_tables_are_read_alike_or_refused(reader: str, tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    for name, case in CASES.items():
        if reader == "stream" and not case.streams:
            continue
        path.write_bytes(case.text.encode())
        try:
            found: Any = READERS[reader](case, model_of(case), path)
        except ValueError as error:
            assert str(error).isprintable(), name  # noqa: PT017
            found = None
        assert found == (case.expected(reader) or None), name


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_a_page_reads_them_too_or_refuses_them() -> None:
    for name, found in answers_of_page().items():
        if isinstance(found, str):
            assert found.isprintable(), name
            found = None
        assert found == (CASES[name].expected("page") or None), name
