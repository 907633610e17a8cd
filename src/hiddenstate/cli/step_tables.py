"""Tables of the scores of forecasts by step ahead and by series."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hiddenstate.cli.output import say, table
from hiddenstate.errors import count, printable
from hiddenstate.metrics.units import unit_of

if TYPE_CHECKING:
    from hiddenstate.inference.step_scores import StepScores

STEPS_SHOWN, SERIES_SHOWN, TARGETS_SHOWN = 12, 10, 3
"""Most steps ahead and series of a target, and most targets, in a table that is printed."""


def say_steps(scores: "StepScores") -> None:
    """Print the errors of each step ahead and, of several, of each series: MASE, and in brackets
    the mean absolute error in the unit of the target."""
    for number, target in enumerate(scores.targets[:TARGETS_SHOWN]):
        steps = [each for each in scores.by_step() if each["target"] == target]
        say(title_of(target, "steps ahead"))
        shown = _some(steps)
        _say_rows(scores, "ahead", shown)
        _say_rest(len(steps) - len(shown), "more step")
        series = [each for each in scores.by_series() if each["target"] == target]
        if len(series) > 1:
            say(title_of(target, "series"))
            _say_rows(scores, "series", series[:SERIES_SHOWN])
            _say_rest(len(series) - SERIES_SHOWN, "more series")
        if number + 1 == TARGETS_SHOWN:
            _say_rest(len(scores.targets) - TARGETS_SHOWN, "more target")


def title_of(target: str, by: str) -> str:
    """Return what stands above the scores of a target, with its unit if the name gives one."""
    unit = unit_of(target)
    error = f"mean absolute error in {unit}" if unit else "mean absolute error"
    return f"{printable(target, 40)}: MASE ({error}) by {by}"


def step_rows(scores: "StepScores") -> list[dict[str, Any]]:
    """Return a row for each method, series, target and step ahead, as values for JSON."""
    columns = {name: each.tolist() for name, each in scores.rows().items()}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [{n: None if v != v else v for n, v in row.items()} for row in rows]


def _some(steps: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the first steps and the last, if there are many."""
    if len(steps) <= STEPS_SHOWN:
        return list(steps)
    return [*steps[: STEPS_SHOWN - 1], steps[-1]]


def _say_rest(n: int, noun: str) -> None:
    if n > 0:
        text = f"{n:,} {noun}" if noun.endswith("series") else count(n, noun)
        say(f"{text}; --json has all")


def _say_rows(scores: "StepScores", first: str, rows: Sequence[dict[str, Any]]) -> None:
    table(heading_of(scores, first), [cells_of(scores, first, row) for row in rows])


def heading_of(scores: "StepScores", first: str) -> list[str]:
    """Return the titles of the columns of a table by `first`: `ahead` or `series`."""
    levels = [f"within {level} %" for level in scores.within]
    return [first, "forecasts", *scores.methods, *levels]


def cells_of(scores: "StepScores", first: str, row: Mapping[str, Any]) -> list[str]:
    """Return a row of such a table."""
    cells = [_error(row["mase"][name], row["mae"][name]) for name in scores.methods]
    shares = ["" if share is None else f"{100 * share:.1f} %" for share in row["within"].values()]
    return [printable(str(row[first]), 40), str(row["forecasts"]), *cells, *shares]


def _error(mase: float | None, mae: float | None) -> str:
    text = "-" if mase is None else f"{mase:.3f}"
    return text if mae is None else f"{text} ({mae:.4g})"
