"""The commands that list and compare runs: runs, compare."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hiddenstate.cli.options import (
    DEFAULT_RUNS_DIR,
    GroupedCommand,
    debug_option,
    json_option,
    runs_dir_option,
)
from hiddenstate.cli.output import note, note_damage, say, say_json, table
from hiddenstate.cli.run_argument import complete_runs, named_run
from hiddenstate.errors import printable

if TYPE_CHECKING:
    from hiddenstate.runs import Run


MOST_SCORES = 3
"""Targets whose scores a line of the list has."""


@click.command(
    cls=GroupedCommand,
    help="List the runs: job, data, status, best score and start time.\n\n\b\nExample:\n"
    "  hiddenstate runs",
)
@json_option
@runs_dir_option
@debug_option
def runs(as_json: bool, runs_dir: Path) -> None:
    """The command `runs`."""
    from hiddenstate.errors import DataError, MachineError, UntrustedFileError
    from hiddenstate.runs import list_runs
    from hiddenstate.runs.listing import missing_folder

    if not runs_dir.is_dir() and runs_dir != DEFAULT_RUNS_DIR:
        raise DataError(missing_folder(runs_dir))

    rows = []
    for run in list_runs(runs_dir, lambda problem: note(f"warning: {problem}")):
        try:
            note_damage(run)
            rows.append(_summarize(run))
        except (MachineError, UntrustedFileError) as error:  # the other runs can still be read
            note(f"warning: {error}")
    if as_json:
        say_json({"runs": rows})
        return
    for row in rows:
        row["best"] = "; ".join(row.pop("scores")) or row["best"]
    others = _searches_and_sweeps(runs_dir)
    if rows:
        table(list(rows[0]), [[str(value) for value in row.values()] for row in rows])
    elif not others:
        note(f"no runs in {runs_dir}; start one with `hiddenstate classify`")
    for line in others:
        note(line)


def _searches_and_sweeps(runs_dir: Path) -> list[str]:
    """Name the folders that hold many runs or models, and what lists them."""
    lines = []
    for path in sorted(runs_dir.iterdir()) if runs_dir.is_dir() else ():
        name = shlex.quote(str(path))
        if (path / "study.json").is_file():
            lines.append(f"a search: hiddenstate runs --runs-dir {name}")
        elif (path / "sweep.json").is_file():
            lines.append(f"a sweep: hiddenstate sweep {name}")
    return lines


def _summarize(run: "Run") -> dict[str, Any]:
    """One row of the list of runs."""
    return {
        "run": run.name,
        "job": run.config.job,
        "data": run.data_fact("name"),
        "state": run.status(),
        "best": _best_score(run),
        "scores": _scores_of_targets(run),
        "when": run.started(),
    }


def _scores_of_targets(run: "Run") -> list[str]:
    """The main scores of the targets in their own units, of finished runs that have some."""
    from hiddenstate.metrics.target_scores import target_scores, with_targets

    options = with_targets(run.config.flat(), run.data_record())
    scores = target_scores(run.results() or {}, options)
    lines = [f"{score.name} {score.short}" for score in scores[:MOST_SCORES]]
    more = len(scores) - len(lines)
    return [*lines, f"{more} more"] if more > 0 else lines


def _best_score(run: "Run") -> str:
    """The headline score of a finished run, or the best logged score so far."""
    from hiddenstate.metrics.headline import headline
    from hiddenstate.metrics.units import in_digits
    from hiddenstate.runs.events import figures_of

    results = run.results() or {}
    key = headline(run.config.job, results)
    if key in results:
        return f"{key} {in_digits(results[key], 4)}"
    logged = [figures_of(event) for event in run.history() if event["event"] == "log"]
    scored = [event[key] for event in logged if key in event]
    if scored:
        best = max(scored) if key == "test_accuracy" else min(scored)
        return f"{key} {in_digits(best, 4)}"
    return f"loss {in_digits(min(event['mean_loss'] for event in logged), 4)}" if logged else ""


@click.command(
    cls=GroupedCommand,
    help="Compare runs: the options that differ, and the scores.\n\n\b\nExample:\n"
    "  hiddenstate compare classify-1 classify-2",
)
@click.argument(
    "names", nargs=-1, required=True, metavar="RUN RUN...", shell_complete=complete_runs
)
@json_option
@runs_dir_option
@debug_option
def compare(names: tuple[str, ...], as_json: bool, runs_dir: Path) -> None:
    """The command `compare`."""
    from hiddenstate.metrics.comparison import Scored, equal_to_best
    from hiddenstate.metrics.intervals import is_end
    from hiddenstate.metrics.target_scores import is_pooled
    from hiddenstate.runs.question import question_of

    compared = [named_run(name, runs_dir) for name in names]
    for run in compared:
        note_damage(run)
    lines, paths = _compare(compared), [str(run.path) for run in compared]
    equal = equal_to_best(
        [Scored(r.config.job, question_of(r), r.results() or {}) for r in compared]
    )
    if as_json:
        same: dict[str, Any] = {}
        if equal is not None:
            same = {"best_run": paths[equal[0]], "equal_to_best": [paths[n] for n in equal[1]]}
        say_json({"runs": paths, **lines, **same})
        return
    rows = [
        [name, *(_cell(name, column) for column in _columns(lines))]
        for name in lines
        if not is_end(name, lines) and not any(is_pooled(name, r.results() or {}) for r in compared)
    ]
    table(["", *(run.name for run in compared)], rows)
    if equal is not None:
        best, others = compared[equal[0]].name, [compared[n].name for n in equal[1]]
        say(f"best: {best}; equal to it within the 95 % intervals: {', '.join(others) or 'none'}")


def _columns(lines: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """The values of each run by name, those that it has."""
    return [
        {name: value for name, value in zip(lines, values, strict=True) if value is not None}
        for values in zip(*lines.values(), strict=True)
    ]


def _cell(name: str, of_run: dict[str, Any]) -> str:
    """A value of a run as text, a score with its interval."""
    from hiddenstate.metrics.glossary import written
    from hiddenstate.metrics.intervals import ends_of
    from hiddenstate.metrics.units import in_digits

    value = of_run.get(name, "")
    if isinstance(value, (list, tuple)):
        return printable(",".join(map(str, value)))
    if not isinstance(value, float):
        return printable(value)
    ends = ends_of(name, of_run)
    return in_digits(value, 6) + (f" ({written(ends[0])} to {written(ends[1])})" if ends else "")


def _compare(runs: "list[Run]") -> dict[str, list[Any]]:
    """A value per run, None if missing: for each option that differs, then for each score."""
    options = [{"job": run.config.job, "state": run.status(), **run.config.flat()} for run in runs]
    scores = [{**(run.results() or {}), "seconds": run.seconds()} for run in runs]
    lines = {}
    for name in dict.fromkeys(name for each in options for name in each):
        values = [each.get(name) for each in options]
        if len(set(map(str, values))) > 1:
            lines[name] = values
    for name in dict.fromkeys(name for each in scores for name in each):
        lines[name] = [each.get(name) for each in scores]
    return lines
