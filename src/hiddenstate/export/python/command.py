"""The command line of an exported Python file."""

import csv
import os
import sys
from typing import Any

import numpy as np

from hiddenstate.export.python.encoded import cells_after
from hiddenstate.export.python.model import REASONS, Model
from hiddenstate.export.python.table import Read, read_table
from hiddenstate.export.python.values import shown
from hiddenstate.program.order import step_of
from hiddenstate.program.rows import Array
from hiddenstate.program.steps import Logarithm

Times = Any  # the times of each series, by its names


def answer_file(model: Model, path: str, ahead: bool = False) -> tuple[list[str], list[list[Any]]]:
    """Return the header and the lines of answers to the rows of a CSV file or, with `ahead`, of
    forecasts of the next steps of its series."""
    about = model.about
    read = read_table(path, about)
    rows, ids = checked(read.rows, model, shown(path, 200)), read.ids
    if ahead and model.program.ahead is None:
        raise ValueError("--forecast: the model does not forecast all steps up to a horizon")
    if model.program.kind.has_codes:
        return coded(model, rows)
    series: list[Any]
    if about["rows_are_series"]:
        n = model.program.n_features
        series = [((str(i),), row.reshape(-1, n)) for i, row in enumerate(rows)]
    else:
        series = series_of(rows, [named(own, about["id"]) for own in ids])
        check_logarithms(model, series, ahead, shown(path, 200))
    head = ["row"] if about["rows_are_series"] else ["series"] * bool(about["id"])
    if model.program.kind.has_classes:
        names, lines = classified(model, series)
    else:
        times = {named(own, about["id"]): cells for own, cells in times_of(read, model).items()}
        names, lines = (forecasts if ahead else predicted)(model, series, times)
    return [*head, *names], lines


def named(series: tuple[str, ...], columns: list[str]) -> tuple[str, ...]:
    """Return a series with one name: `A` or, of two columns, `site=A, sensor=3`."""
    if len(series) < 2:
        return series
    return (", ".join(f"{name}={value}" for name, value in zip(columns, series)),)


def check_logarithms(model: Model, series: list[Any], ahead: bool, where: str) -> None:
    """Refuse values of 0 or less whose logarithms are read: of a forecast, in the last steps."""
    step = step_of(model.program.steps, Logarithm)
    if step is None:
        return
    for series_id, x in series:
        first = max(len(x) - model.program.least, 0) if ahead else 0
        low = (x[first:, list(step.features)] <= 0).any(axis=1)
        if low.any():
            name = f"series {shown(series_id[0], 40)}, " if series_id else ""
            at = first + int(np.argmax(low))
            raise ValueError(f"{where}: {name}step {at} has {REASONS['logarithm']}")


def times_of(read: Read, model: Model) -> Times:
    """Return the times of each series, as the table writes them, up to the horizon after its end;
    none without times."""
    about, n = model.about, model.about["horizon"] or 0
    times: Times = {}
    for series_id, cell in zip(read.ids, read.times):
        times.setdefault(series_id, []).append(cell)
    for series_id, own in times.items():
        later = read.later.get(series_id, [])[:n]
        after = cells_after([*own, *later], n - len(later), about["time"][0], about)
        own.extend([*later, *after])
    return times


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


def predicted(model: Model, series: list[Any], times: Times) -> tuple[list[str], list[list[Any]]]:
    lines: list[list[Any]] = []
    h = model.about["horizon"] or 0
    names = ["time", "target_time"] if times and h else []
    for series_id, x in series:
        steps, y = model.series(x)
        own = times.get(series_id, [])
        for i, step in enumerate(steps):
            at = [own[step], own[step + h]] if names else []
            lines.append([*series_id, step, *at, *y[i]])
    return ["step", *names, *(model.about["targets"] or ())], lines


def forecasts(model: Model, series: list[Any], times: Times) -> tuple[list[str], list[list[Any]]]:
    targets, ends, lines = model.about["targets"] or [], [], []
    for series_id, x in series:
        answers = model.forecast(x[None])
        y, own = answers.pop("y")[0], times.get(series_id, [])
        ends = list(answers)
        for j in range(len(y)):
            at = [len(x) + j, *([own[len(x) + j]] if own else []), j + 1]
            lines.append([*series_id, *at, *y[j], *(v for n in ends for v in answers[n][0, j])])
    names = ["step", *(["time"] if times else []), "ahead", *targets]
    return [*names, *(f"{target}_{end}" for end in ends for target in targets)], lines


def main(model: Model) -> int:
    """Answer the rows of a CSV file, and print a CSV."""
    program = shown(sys.argv[0], 200)
    words = [word for word in sys.argv[1:] if word != "--forecast"]
    if len(words) != 1 or words[0] in ("-h", "--help"):
        flag = " [--forecast]" if model.program.ahead is not None else ""
        sys.stderr.write(f"usage: python {program}{flag} ROWS.csv\n\n{model.about['usage']}\n")
        return 0 if "-h" in sys.argv or "--help" in sys.argv else 2
    try:
        header, lines = answer_file(model, words[0], len(words) < len(sys.argv) - 1)
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
