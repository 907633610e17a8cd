"""Runs side by side: the options that differ, the scores, and the curves."""

from collections.abc import Mapping
from typing import Any

from hiddenstate.metrics.comparison import compare
from hiddenstate.runs import Run
from hiddenstate.studio.details import scores

MAX_POINTS = 400
"""Points of a curve of one run."""


def compared(runs: Mapping[str, Run]) -> dict[str, Any]:
    """Return what differs between runs.

    Parameters
    ----------
    runs : mapping of str to Run

    Returns
    -------
    dict
        `runs`: of each its name, job, data, status, results and curves; `options`: those that
        differ, each with a value for each run.
    """
    options = [{"job": run.config.job, **run.config.flat()} for run in runs.values()]
    differing = {}
    for name in dict.fromkeys(name for each in options for name in each):
        values = [each.get(name) for each in options]
        if len(set(map(str, values))) > 1:
            differing[name] = [
                ",".join(map(str, value)) if isinstance(value, tuple) else value for value in values
            ]
    return {
        "runs": [_described(number, run) for number, run in runs.items()],
        "options": differing,
    }


def _described(number: str, run: Run) -> dict[str, Any]:
    history = run.history()
    results = run.results() or {}
    found = compare(run.config.job, results, run.config.flat())
    return {
        "id": number,
        "name": run.name,
        "job": run.config.job,
        "data": run.data_fact("name"),
        "status": run.status(),
        "seconds": run.seconds(),
        "results": scores(results, run.config.job),
        "baseline": None if found is None else {"name": found.name, "value": found.other,
                                                "words": found.in_words()},
        "curves": _curves(history),
    }  # fmt: skip


def _curves(history: Any) -> dict[str, list[list[float]]]:
    """Return the points (updates, value) of each logged figure, thinned."""
    curves: dict[str, list[list[float]]] = {}
    for event in history:
        step = event["step"] + 1
        for name in ("mean_loss", "valid_loss", "test_accuracy", "test_mse"):
            if name in event and event["event"] != "end":
                curves.setdefault(name, []).append([step, event[name]])
    return {name: _thinned(points) for name, points in curves.items()}


def _thinned(points: list[list[float]]) -> list[list[float]]:
    if len(points) <= MAX_POINTS:
        return points
    spacing = -(-len(points) // MAX_POINTS)
    return [*points[::spacing], points[-1]]
