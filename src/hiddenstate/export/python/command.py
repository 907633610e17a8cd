"""The command line of an exported Python file: its text follows that of `runtime.py`."""

import csv
import io
import os
import re
import sys
from typing import Any

import numpy as np

from hiddenstate.export.python.runtime import Array, Model, Part

Line = tuple[int, list[str]]  # its number in the file, and its cells
MISSING = ("", "-", "?", "na", "n/a", "#n/a", "<na>", "null", "none", "nan")
Series = list[tuple[tuple[str, ...], Array]]  # of each its ids, and its steps (T, I)


def read_csv(path: str, about: Part) -> tuple[Array, list[tuple[str, ...]]]:
    """Return the columns that the model reads, (lines, columns), and of each line its series.

    Columns are found by name where model and file both have names, and by their places where
    neither has. Lines are put in the order of the time column.
    """
    with open(path, newline="", encoding=about["encoding"]) as file:
        text = file.read().removeprefix("\ufeff")
    lines = lines_of(text, about)
    if not lines:
        raise ValueError(f"{path}: no lines")
    names = None if all(is_number(cell, about) for cell in lines[0][1]) else lines.pop(0)[1]
    chosen, own, time = places(names, len(lines[0][1]) if lines else 0, about, path)
    for n, line in lines:
        if len(line) <= max([*chosen, *own, *time], default=-1):
            raise ValueError(f"{path}: line {n} has {len(line)} cells, fewer than the others")
    if time:
        lines = in_order(lines, time[0], about)
    rows = [[number(line[j], about, f"{path}: line {n}") for j in chosen] for n, line in lines]
    ids = [tuple(line[j] for j in own) for _, line in lines]
    return np.array(rows, np.float64).reshape(len(rows), len(chosen)), ids


def lines_of(text: str, about: Part) -> list[Line]:
    """Return the cells of each line that is not empty, with its number."""
    wanted, found = set(about["columns"] or ()), []
    for delimiter in [about["delimiter"]] if about["delimiter"] else ",;\t|":
        table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        lines = [(n, [cell.strip() for cell in line]) for n, line in enumerate(table, 1)]
        lines = [(n, line) for n, line in lines if any(line)]
        named = bool(wanted and lines and wanted <= set(lines[0][1]))
        found.append((named, len(lines[0][1]) if lines else 0, lines))
    return max(found, key=lambda each: each[:2])[2]


def places(
    names: list[str] | None, width: int, about: Part, path: str
) -> tuple[list[int], list[int], list[int]]:
    """Return where the inputs, the columns that name series and the time stand in a line."""
    columns, own, time = about["columns"], about["id"], about["time"]
    if columns and names is not None:
        lacking = [name for name in [*columns, *own, *time] if name not in names]
        if lacking:
            raise ValueError(f"{path}: no column {lacking[0]}; it has {', '.join(names)}")
        inputs, series, clock = ([names.index(n) for n in each] for each in (columns, own, time))
        return inputs, series, clock
    every = [*(columns or ()), *own, *time]
    if columns and all(name.isdigit() for name in every) and width > max(map(int, every)):
        inputs, series, clock = ([int(n) for n in each] for each in (columns, own, time))
        return inputs, series, clock
    if columns and width != len(columns):
        raise ValueError(f"{path}: expected {len(columns)} columns, or a header, got {width}")
    return list(range(width)), [], []


def in_order(lines: list[Line], time: int, about: Part) -> list[Line]:
    """Return lines in the order of a column of numbers, or of dates and times as in ISO 8601."""
    clock = [line[time] for _, line in lines]
    values = [value_of(cell, about) for cell in clock]
    if all(value is not None for value in values):
        order = sorted(range(len(lines)), key=lambda i: values[i])  # type: ignore[arg-type, return-value]
    elif all(re.match(r"\d{4}-\d\d-\d\d", cell) for cell in clock):
        order = sorted(range(len(lines)), key=clock.__getitem__)
    else:
        sys.stderr.write("note: the times are not as in ISO 8601; lines are read in their order\n")
        return lines
    return [lines[i] for i in order]


def is_number(cell: str, about: Part) -> bool:
    return cell.lower() in MISSING or value_of(cell, about) is not None


def value_of(cell: str, about: Part) -> float | None:
    try:
        return float(cell.replace(about["thousands"] or "\0", "").replace(about["decimal"], "."))
    except ValueError:
        return None


def number(cell: str, about: Part, where: str) -> float:
    if cell.lower() in MISSING:
        return float("nan")
    value = value_of(cell, about)
    if value is None:
        raise ValueError(f"{where}: expected a number, got {cell!r}")
    return value


def series_of(rows: Array, ids: list[tuple[str, ...]]) -> Series:
    """Return the lines (T, I) of each series, in the order of their first lines."""
    groups: dict[tuple[str, ...], list[Array]] = {}
    for line, own in zip(rows, ids, strict=True):
        groups.setdefault(own, []).append(line)
    return [(own, np.array(lines)) for own, lines in groups.items()]


def answer_file(model: Model, path: str) -> tuple[list[str], list[list[Any]]]:
    """Return the header and the lines of answers to the rows of a CSV file."""
    about = model.about
    rows, ids = read_csv(path, about)
    rows = checked(rows, model, path)
    if model.program["job"] == "autoencode":
        return coded(model, rows)
    series: Series
    if about["rows_are_series"]:
        n = model.program["n_features"]
        series = [((str(i),), row.reshape(-1, n)) for i, row in enumerate(rows)]
    else:
        series = series_of(rows, ids)
    head = ["row"] if about["rows_are_series"] else about["id"]
    names, lines = (classified if model.program["job"] == "classify" else predicted)(model, series)
    return [*head, *names], lines


def checked(rows: Array, model: Model, path: str) -> Array:
    """Return rows with as many columns as the model reads, uint8 if they are pixels."""
    flat, n, width = model.about["rows_are_series"], model.program["n_features"], rows.shape[1]
    n *= model.program["n_steps"] if flat else 1
    if width != n:
        raise ValueError(f"{path}: expected {n} columns, got {width}")
    if not model.program["pixels"]:
        return rows
    if not ((rows >= 0) & (rows <= 255) & (rows == np.round(rows))).all():
        raise ValueError(f"{path}: expected whole numbers from 0 to 255")
    return rows.astype(np.uint8)


def coded(model: Model, rows: Array) -> tuple[list[str], list[list[Any]]]:
    answers = model.predict(rows)
    codes, errors = answers["code"], answers["error"]
    names = [f"code_{i + 1}" for i in range(codes.shape[1])]
    lines = [[i, *code, error] for i, (code, error) in enumerate(zip(codes, errors, strict=True))]
    return ["row", *names, "error"], lines


def classified(model: Model, series: Series) -> tuple[list[str], list[list[Any]]]:
    classes, lines = model.about["classes"], []
    for own, x in series:
        answers = model.predict(x[None])
        label = classes[int(answers["class"][0])]
        lines.append([*own, label, *answers["probabilities"][0]])
    return ["label", *(f"p_{name}" for name in classes)], lines


def predicted(model: Model, series: Series) -> tuple[list[str], list[list[Any]]]:
    lines: list[list[Any]] = []
    for own, x in series:
        steps, y = model.series(x)
        lines += [[*own, t, *values] for t, values in zip(steps, y, strict=True)]
    return ["step", *model.about["targets"]], lines


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
    try:
        writer.writerows([header, *lines])
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0
