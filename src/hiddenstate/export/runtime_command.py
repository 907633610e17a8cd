"""The command line of an exported Python file: its text follows that of `runtime.py`."""

import csv
import sys
from typing import Any

import numpy as np

from hiddenstate.export.runtime import Array, Model, Part


def read_csv(path: str, about: Part) -> tuple[Array, list[tuple[str, ...]]]:
    """Return the columns that the model reads of a file, as an array of lines, and other columns.

    Columns are found by name where model and file both have names.
    """
    with open(path, newline="", encoding="utf-8-sig") as file:
        lines = [line for line in csv.reader(file) if any(cell.strip() for cell in line)]
    if not lines:
        raise ValueError(f"{path}: no lines")
    named = not all(is_number(cell) for cell in lines[0])
    names = lines.pop(0) if named else None
    columns, chosen = about["columns"], list(range(len(lines[0]) if lines else 0))
    if columns and names:
        lacking = [name for name in columns if name not in names]
        if lacking:
            raise ValueError(f"{path}: no column {lacking[0]}; it has {', '.join(names)}")
        chosen = [names.index(name) for name in columns]
    rows = np.array([[number(line[j], path) for j in chosen] for line in lines])
    own = [] if names is None or not about["id"] else about["id"]
    places = [names.index(name) for name in own if names and name in names]
    ids = [tuple(line[place] for place in places) for line in lines]
    return rows, ids


def is_number(cell: str) -> bool:
    return cell.strip() == "" or _float(cell) is not None


def _float(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def number(cell: str, path: str) -> float:
    if cell.strip().lower() in ("", "na", "n/a", "null", "none", "nan"):
        return float("nan")
    value = _float(cell)
    if value is None:
        raise ValueError(f"{path}: expected a number, got {cell!r}")
    return value


def series_of(rows: Array, ids: list[tuple[str, ...]]) -> list[tuple[tuple[str, ...], Array]]:
    """Return the lines (T, I) of each series, in the order of their first lines."""
    groups: dict[tuple[str, ...], list[Array]] = {}
    for line, own in zip(rows, ids, strict=True):
        groups.setdefault(own, []).append(line)
    return [(own, np.array(lines)) for own, lines in groups.items()]


def answer_file(model: Model, path: str) -> tuple[list[str], list[list[Any]]]:
    """Return the header and the lines of answers to the rows of a CSV file."""
    program, about = model.program, model.about
    rows, ids = read_csv(path, about)
    if program["pixels"]:
        rows = rows.astype(np.uint8)
    if program["job"] == "autoencode":
        answers = model.predict(rows)
        header = [f"code_{i + 1}" for i in range(answers["code"].shape[1])] + ["error"]
        return ["row", *header], [
            [row, *code, error]
            for row, (code, error) in enumerate(zip(answers["code"], answers["error"], strict=True))
        ]
    flat = about["rows_are_series"]
    series: list[tuple[tuple[str, ...], Array]]
    if flat:
        n = program["n_features"]
        if rows.shape[1] % n:
            raise ValueError(f"{path}: lines of {rows.shape[1]} numbers, expected steps of {n}")
        series = [((str(i),), row.reshape(-1, n)) for i, row in enumerate(rows)]
    else:
        series = series_of(rows, ids)
    header, lines = (["row"] if flat else about["id"]), []
    if program["job"] == "classify":
        for own, x in series:
            answers = model.predict(x[None])
            label = about["classes"][int(answers["class"][0])]
            lines.append([*own, label, *answers["probabilities"][0]])
        return [*header, "label", *(f"p_{name}" for name in about["classes"])], lines
    for own, x in series:
        steps, y = model.series(x)
        lines += [[*own, t, *values] for t, values in zip(steps, y, strict=True)]
    return [*header, "step", *about["targets"]], lines


def main(model: Model) -> int:
    """Answer the rows of a CSV file, and print a CSV."""
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        sys.stderr.write(f"usage: python {sys.argv[0]} ROWS.csv\n\n{model.about['usage']}\n")
        return 0 if "-h" in sys.argv or "--help" in sys.argv else 2
    try:
        header, lines = answer_file(model, sys.argv[1])
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{sys.argv[0]}: {error}\n")
        return 2
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return 0
