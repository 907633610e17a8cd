"""The tables of a report that need the data of its run: the forecast, and its scores by step."""

from typing import TYPE_CHECKING, Any

from hiddenstate.cli.output import note
from hiddenstate.cli.step_tables import cells_of, heading_of, title_of
from hiddenstate.errors import HiddenstateError, count

if TYPE_CHECKING:
    from hiddenstate.inference.fans import Fans
    from hiddenstate.inference.step_scores import StepScores
    from hiddenstate.report.forecast import Table
    from hiddenstate.runs import Run

LEVELS = [0.8, 0.95]
"""Levels of the intervals in a report."""

MOST_TARGETS, MOST_ROWS = 10, 200
"""Targets whose scores are listed, and rows of each table."""


def report_tables(run: "Run") -> "tuple[list[Table], Fans | None]":
    """Return the forecast of the series of a run, as far ahead as it was trained, with the scores
    of such forecasts of the test rows, and what draws it; nothing of other runs, and with a note if
    the data cannot be read or forecast."""
    data = run.config.data
    if not run.config.kind.has_targets or not data.horizon or run.results() is None:
        return [], None
    from hiddenstate.inference.fans import fans_of
    from hiddenstate.inference.inputs import read_new_data
    from hiddenstate.inference.outlook import outlook_of
    from hiddenstate.inference.overflow import checked_predictor
    from hiddenstate.inference.rolled import can_be_rolled, rolled_run
    from hiddenstate.report.forecast import forecast_table
    from hiddenstate.runs.run_data import kept_rows

    if not data.data or run.data_fact("source") != "file":
        return [], None
    tables = []
    try:
        model = run.model()
        if not can_be_rolled(model):
            return [], None
        predictor = checked_predictor(model, "cpu", run.config.training.threads)
        scores = rolled_run(model, predictor, run)
        tables = [] if scores is None else score_tables(scores.steps)
        name = str(kept_rows(run) or data.data)
        dataset = read_new_data(model, name, {}, require_targets=False)
        made = outlook_of(model, predictor, dataset, data.horizon, LEVELS, run, assume=True)
    except HiddenstateError as error:
        note(f"note: the report has no table of forecasts: {error}")
        return tables, None
    rows = made.prediction()
    first = forecast_table(list(rows.columns), rows.rows(), len(rows))
    return [first, *tables], fans_of(made)


def score_tables(scores: "StepScores") -> "list[Table]":
    """Return a table by step ahead and, of several series, one by series, of each target."""
    tables = []
    for target in scores.targets[:MOST_TARGETS]:
        steps = [each for each in scores.by_step() if each["target"] == target]
        tables.append(_table(scores, target, "ahead", steps))
        series = [each for each in scores.by_series() if each["target"] == target]
        if len(series) > 1:
            tables.append(_table(scores, target, "series", series))
    return tables


def _table(scores: "StepScores", target: str, first: str, rows: list[dict[str, Any]]) -> "Table":
    from hiddenstate.report.forecast import Table

    by = "steps ahead" if first == "ahead" else "series"
    title = title_of(target, by)
    if len(rows) > MOST_ROWS:
        title += f", the first {MOST_ROWS} of {count(len(rows), 'row')}"
    cells = tuple(tuple(cells_of(scores, first, row)) for row in rows[:MOST_ROWS])
    return Table(title, tuple(heading_of(scores, first)), cells, 1)
