"""The command line of an exported Python file: its text follows that of `runtime.py`."""

import csv
import os
import sys
from typing import Any

import numpy as np

from hiddenstate.export.runtime import Array, Model, Part

Series = list[tuple[tuple[str, ...], Array]]  # of each its ids, and its steps (T, I)


def read_csv(path: str, about: Part) -> tuple[Array, list[tuple[str, ...]]]:
    """Return the columns that the model reads, (lines, columns), and of each line its series.

    Columns are found by name where model and file both have names.
    """
    with open(path, newline="", encoding="utf-8-sig") as file:
        text = file.read()
    first = text.split("\n", 1)[0]
    delimiter = about["delimiter"] or max(",;\t|", key=first.count)
    table = csv.reader(text.splitlines(), delimiter=delimiter)
    lines = [(n, line) for n, line in enumerate(table, 1) if any(cell.strip() for cell in line)]
    if not lines:
        raise ValueError(f"{path}: no lines")
    named = not all(is_number(cell, about) for cell in lines[0][1])
    names = lines.pop(0)[1] if named else None
    chosen, own = list(range(len(lines[0][1]) if lines else 0)), []
    if names is not None and about["columns"]:
        wanted = [*about["columns"], *about["id"]]
        lacking = [name for name in wanted if name not in names]
        if lacking:
            raise ValueError(f"{path}: no column {lacking[0]}; it has {', '.join(names)}")
        places = [names.index(name) for name in wanted]
        n = len(about["columns"])
        chosen, own = places[:n], places[n:]
    rows, ids = [], []
    for n, line in lines:
        if len(line) <= max(chosen + own):
            raise ValueError(f"{path}: line {n} has {len(line)} cells, fewer than the others")
        rows.append([number(line[j], about, f"{path}: line {n}") for j in chosen])
        ids.append(tuple(line[j] for j in own))
    return np.array(rows, np.float64).reshape(len(rows), len(chosen)), ids


def is_number(cell: str, about: Part) -> bool:
    return cell.strip() == "" or value_of(cell, about) is not None


def value_of(cell: str, about: Part) -> float | None:
    try:
        return float(cell.replace(",", ".") if about["decimal"] == "," else cell)
    except ValueError:
        return None


def number(cell: str, about: Part, where: str) -> float:
    if cell.strip().lower() in ("", "na", "n/a", "null", "none", "nan"):
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
    if width % n if flat else width != n:
        raise ValueError(f"{path}: expected {'steps of ' * flat}{n} columns, got {width}")
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
