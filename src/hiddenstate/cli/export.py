"""The command that writes a model in another language."""

from dataclasses import asdict
from pathlib import Path

import click

from hiddenstate.cli.options import (
    FilePath,
    GroupedCommand,
    debug_option,
    json_option,
    runs_dir_option,
)
from hiddenstate.cli.output import note, say, say_json
from hiddenstate.cli.output_file import refuse_overwriting
from hiddenstate.cli.predict import opened_model
from hiddenstate.cli.quantize import lost_facts, say_lost
from hiddenstate.cli.run_argument import run_argument
from hiddenstate.config.exports import LAYOUTS, TARGETS, WEIGHTS


@click.command(
    cls=GroupedCommand,
    help="Write a model for another language or runtime.\n\nRUN is a run, its folder, or a model "
    "file. Inputs are as in the data: scaling and filling in are part of the export. It is tried "
    "on rows before it is kept, and not written if an answer differs from the model's by more than "
    "the limit that is printed. A JSON file with the names of classes and columns lies beside it."
    "\n\n\b\nExample:\n  hiddenstate export classify-1 --to python --output digits.py",
)
@run_argument
@click.option("--to", required=True, metavar="|".join(TARGETS), help="What to write.")
@click.option(
    "--output",
    type=FilePath(path_type=Path),
    metavar="FILE",
    help="The file to write, instead of one named after the run.",
)
@click.option(
    "--weights",
    metavar="|".join(WEIGHTS),
    help="How weights are stored.  [default: the target's choice]",
)
@click.option(
    "--arithmetic",
    metavar="float|integer",
    help="How it computes: integers need no unit for floats; the ranges of numbers are found on "
    "the training rows of the run.  [default: as the model]",
)
@click.option(
    "--layout",
    metavar="|".join(LAYOUTS),
    help="A folder around a C header: a library of the Arduino IDE, or a project of CMake.",
)
@click.option("--force", is_flag=True, help="Replace files that exist.")
@json_option
@debug_option
@runs_dir_option
def export(
    run: str,
    to: str,
    output: Path | None,
    weights: str | None,
    arithmetic: str | None,
    layout: str | None,
    force: bool,
    as_json: bool,
    runs_dir: Path,
) -> None:
    """The command `export`."""
    from hiddenstate.export import default_output, export_model
    from hiddenstate.export.arithmetic import with_arithmetic
    from hiddenstate.export.export import target_named
    from hiddenstate.export.rounding import rounding_cost

    target = target_named(to)
    model, trained_run = opened_model(run, runs_dir)
    name = trained_run.name if trained_run is not None else Path(run).stem
    path = output or default_output(name, to, layout)
    refuse_overwriting(path, run, None, trained_run)
    of_floats = model
    model, lost = with_arithmetic(model, target, arithmetic, trained_run)
    report = export_model(model, to, path, weights, force, trained_run, layout)
    cost = rounding_cost(model, target, report.weights, trained_run)
    if as_json:
        say_json(
            {
                "to": report.target,
                "files": report.files,
                "difference": report.difference,
                "limit": report.limit,
                "rows": report.n_rows,
                "computed_by": report.computed_by,
                "rounding": None if cost is None else asdict(cost),
                "change": report.change,
                "arithmetic": "float" if model.integer is None else "integer",
                "lost": None if lost is None else lost_facts(lost),
                "note": report.note or None,
            }
        )
        return
    for file, size in report.files.items():
        say(f"{file}: {size:,} bytes")
    note(
        f"largest difference from the model in {report.n_rows} rows, computed by "
        f"{report.computed_by}: {report.difference:.2g} (limit {report.limit:.2g})"
    )
    for line in report.note.splitlines():
        note(line)
    if report.change is not None:
        note(
            f"weights as {report.weights}: an answer changes by at most {report.change:.2g} of its "
            f"scale (limit {target.change_limit:g})"
        )
    if cost is not None:
        note(f"weights as {report.weights}: {cost}")
    if lost is not None:
        say_lost(of_floats, lost)
