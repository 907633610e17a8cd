"""Trains one run for each of several seeds, and prints one table of them."""

import statistics
from collections.abc import Callable, Iterable
from typing import Any

from hiddenstate.cli.output import note, say, say_json, table
from hiddenstate.data.leaks import leaks_as_facts, leaks_from
from hiddenstate.errors import HiddenstateError
from hiddenstate.metrics.glossary import written
from hiddenstate.metrics.headline import headline

Result = dict[str, Any]
"""The results of a run by name, as its JSON has them."""


def train_seeds(trainings: Iterable[Callable[[], Result]], n: int, as_json: bool) -> None:
    """Train `n` runs one after another, then print the table of those that are done.

    The table is also printed if a run is interrupted or fails; its error is then raised.
    """
    results: list[Result] = []
    try:
        for train in trainings:
            results.append(train())
            _note_progress(results, n)
    except (HiddenstateError, KeyboardInterrupt):
        if results:
            _print_results(results, as_json)
            others = f"--seed {results[-1]['seed'] + 1} --seeds {n - len(results)}"
            note(f"{len(results)} of {n} runs are done; for the others: {others}")
        raise
    _print_results(results, as_json)


def _note_progress(results: list[Result], n: int) -> None:
    """Print a line about the run that was trained last."""
    last = results[-1]
    score = _score_of(results)
    reached = f"{score} {written(last[score])}, " if score in last else ""
    note(
        f"seed {last['seed']}: {reached}{last['steps']} steps in {last['seconds']:.1f} s "
        f"({len(results)} of {n} runs)"
    )


def _score_of(results: list[Result]) -> str:
    """The main score of the runs; without test rows, their training loss."""
    key = headline(results[0]["job"], results[0])
    return key if key in results[0] else "train_loss"


def _print_results(results: list[Result], as_json: bool) -> None:
    """Print a row for each run, and the mean and sample standard deviation of the scores."""
    score = _score_of(results)
    scores = [score, *(key for key in results[0] if key.startswith("baseline_"))]
    summary = {name: _mean_and_deviation([each[name] for each in results]) for name in scores}
    columns, leaks = ["epochs", "steps", "seconds"], leaks_from(results[0])
    if as_json:
        lists = {name: [each[name] for each in results] for name in (*scores, *columns)}
        say_json(
            {
                "job": results[0]["job"],
                "runs": [each["run"] for each in results],
                "seeds": [each["seed"] for each in results],
                "score": score,
                **leaks_as_facts(leaks),
                **lists,
                **{f"{name}_mean": mean for name, (mean, _) in summary.items()},
                **{f"{name}_deviation": deviation for name, (_, deviation) in summary.items()},
            }
        )
        return
    rows = []
    for each in results:
        numbers = (written(each[name]) for name in scores)
        counts = (str(each["epochs"]), str(each["steps"]), f"{each['seconds']:.1f}")
        rows.append([str(each["seed"]), each["run"], *numbers, *counts])
    for n, name in enumerate(("mean", "deviation")):
        values = [summary[key][n] for key in scores]
        rows.append([name, "", *("" if x is None else written(x) for x in values), "", "", ""])
    table(["seed", "run", *scores, *columns], rows)
    for leak in leaks:
        say(leak.in_words())


def _mean_and_deviation(values: list[float]) -> tuple[float, float | None]:
    """The mean, and the sample standard deviation if there are two values or more."""
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return statistics.fmean(values), deviation
