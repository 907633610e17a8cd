"""The command line of an exported Python file."""

import csv
import os
import sys
from typing import Any

import numpy as np

from hiddenstate.export.python.model import Model
from hiddenstate.export.python.table import read_csv
from hiddenstate.export.python.values import shown
from hiddenstate.program.rows import Array


def answer_file(model: Model, path: str) -> tuple[list[str], list[list[Any]]]:
    """Return the header and the lines of answers to the rows of a CSV file."""
    about = model.about
    rows, ids = read_csv(path, about)
    rows = checked(rows, model, shown(path, 200))
    if model.program.kind.has_codes:
        return coded(model, rows)
    series: list[Any]
    if about["rows_are_series"]:
        n = model.program.n_features
        series = [((str(i),), row.reshape(-1, n)) for i, row in enumerate(rows)]
    else:
        series = series_of(rows, ids)
    head = ["row"] if about["rows_are_series"] else about["id"]
    names, lines = (classified if model.program.kind.has_classes else predicted)(model, series)
    return [*head, *names], lines


def series_of(rows: Array, ids: list[tuple[str, ...]]) -> list[tuple[tuple[str, ...], Array]]:
    """Return the lines (T, I) of each series, in the order of their first lines."""
    groups: dict[tuple[str, ...], list[Array]] = {}
    for i, own in enumerate(ids):
        groups.setdefault(own, []).append(rows[i])
    return [(own, np.array(lines)) for own, lines in groups.items()]


def checked(rows: Array, model: Model, where: str) -> Array:
    """Return rows with as many columns as the model reads."""
    n, width = model.program.n_features, rows.shape[1]
    flat = model.about["rows_are_series"] and model.program.kind.has_series
    if flat and n == 1 and not model.about["columns"]:
        return rows  # of any number of steps
    n *= model.program.n_steps if flat else 1
    if width != n:
        raise ValueError(f"{where}: expected {n} columns, found {width}")
    return rows


def coded(model: Model, rows: Array) -> tuple[list[str], list[list[Any]]]:
    answers = model.predict(rows)
    codes, errors = answers["code"], answers["error"]
    names = [f"code_{i + 1}" for i in range(codes.shape[1])]
    lines = [[i, *codes[i], errors[i]] for i in range(len(codes))]
    return ["row", *names, "error"], lines


def classified(model: Model, series: list[Any]) -> tuple[list[str], list[list[Any]]]:
    classes, lines = model.about["classes"] or (), []
    for series_id, x in series:
        answers = model.predict(x[None])
        label = classes[int(answers["class"][0])]
        lines.append([*series_id, label, *answers["probabilities"][0]])
    return ["label", *(f"p_{name}" for name in classes)], lines


def predicted(model: Model, series: list[Any]) -> tuple[list[str], list[list[Any]]]:
    lines: list[list[Any]] = []
    for series_id, x in series:
        steps, y = model.series(x)
        lines += [[*series_id, steps[i], *y[i]] for i in range(len(steps))]
    return ["step", *(model.about["targets"] or ())], lines


def main(model: Model) -> int:
    """Answer the rows of a CSV file, and print a CSV."""
    program = shown(sys.argv[0], 200)
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        sys.stderr.write(f"usage: python {program} ROWS.csv\n\n{model.about['usage']}\n")
        return 0 if "-h" in sys.argv or "--help" in sys.argv else 2
    try:
        header, lines = answer_file(model, sys.argv[1])
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{program}: {error}\n")
        return 2
    writer = csv.writer(sys.stdout, lineterminator="\n")
    try:
        writer.writerows([header, *lines])
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0
