"""Runs side by side: the options that differ, the scores, and the curves."""

import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hiddenstate.errors import HiddenstateError, printable
from hiddenstate.metrics.comparison import Scored, equal_to_best
from hiddenstate.report.commands import training_command
from hiddenstate.runs import Run
from hiddenstate.runs.question import question_of
from hiddenstate.studio.details import plain, scores
from hiddenstate.studio.index import Row, RunIndex, UnknownRunError
from hiddenstate.system.atomic_file import open_regular

MAX_POINTS = 400
"""Points of a curve of one run."""

WHOLE = 512 * 1024
"""Bytes of a history that is read as a whole; of longer ones, evenly spaced pieces."""

PIECE = 2048
"""Bytes of such a piece: some lines."""

CURVES = ("mean_loss", "valid_loss", "test_accuracy", "test_mse")
"""Figures of the history that are compared."""


def compared(index: RunIndex, ids: Sequence[str]) -> dict[str, Any]:
    """Return what differs between runs.

    Parameters
    ----------
    index : RunIndex
    ids : sequence of str
        Numbers of the runs.

    Returns
    -------
    dict
        `runs`: of each its row in the list, results, command and curves; `options`: those that
        differ, each with a value for each run; `same`: the others, each with its value; `equal`:
        the name of the `best` run and of the `others` that may equal it, if intervals say so;
        `alike`: whether all predict the same of the same data, so that scores can be compared.

    Raises
    ------
    UnknownRunError
        If there is no such run, or it cannot be read.
    """
    runs = {number: index.run(number) for number in ids}
    options = [{"job": run.config.job, **run.config.flat()} for run in runs.values()]
    differing, same = {}, {}
    for name in dict.fromkeys(name for each in options for name in each):
        values = [plain(each.get(name)) for each in options]
        own = {
            str(value): value for each, value in zip(options, values, strict=True) if name in each
        }
        if len(own) > 1:
            differing[name] = values
        else:  # in all runs whose job has it
            same[name] = next(iter(own.values()))
    return {
        "runs": [_described(run, index.row(number)) for number, run in runs.items()],
        "options": differing,
        "same": same,
        "equal": _equal(list(runs.values())),
        "alike": len({(run.config.job, question_of(run)) for run in runs.values()}) == 1,
    }


def _equal(runs: list[Run]) -> dict[str, Any] | None:
    ended = [Scored(r.config.job, question_of(r), _figures(r)[1]) for r in runs]
    equal = equal_to_best(ended)
    if equal is None:
        return None
    names = [printable(run.name, 100) for run in runs]
    return {"best": names[equal[0]], "others": [names[place] for place in equal[1]]}


def _figures(run: Run) -> tuple[bool, dict[str, float]]:
    """Return whether a run has results, and its last figures."""
    last = next(run.lines_from_end("history.jsonl"), {})
    figures = {k: v for k, v in last.items() if k != "step" and type(v) in (int, float)}
    return last.get("event") == "end", figures


def _described(run: Run, row: Row | None) -> dict[str, Any]:
    if row is None:
        raise UnknownRunError(f"{run.name}: its files cannot be read")
    ended, figures = _figures(run)
    about = asdict(row)
    del about["options"]
    return {
        **about,
        "results": scores(figures, row.job) if ended else [],
        "command": training_command(run),
        "curves": _curves(run.path / "history.jsonl"),
    }


def _curves(path: Path) -> dict[str, list[list[float]]]:
    """Return the points (updates, value) of each logged figure, thinned."""
    curves: dict[str, list[list[float]]] = {}
    for line in _lines(path):
        try:
            event = json.loads(line)
            if event["event"] == "end":
                continue
            step = int(event["step"]) + 1
        except (ValueError, KeyError, TypeError, RecursionError):  # damaged; its page says so
            continue
        for name in CURVES:
            if type(event.get(name)) in (int, float) and math.isfinite(event[name]):
                curves.setdefault(name, []).append([step, event[name]])
    return {name: _thinned(points) for name, points in curves.items()}


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a history, or, of a long one, some from all parts of it."""
    try:
        with open_regular(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            if size <= WHOLE:
                yield from stream.read(WHOLE).split(b"\n")[:-1]
                return
            for number in range(MAX_POINTS):
                stream.seek(number * (size - PIECE) // (MAX_POINTS - 1))
                piece = stream.read(PIECE).split(b"\n")
                yield from piece[0 if number == 0 else 1 : -1]
    except (OSError, HiddenstateError):  # not there yet
        return


def _thinned(points: list[list[float]]) -> list[list[float]]:
    if len(points) <= MAX_POINTS:
        return points
    spacing = -(-len(points) // MAX_POINTS)
    return [*points[::spacing], points[-1]]
