"""The commands that ask a trained model: predict, evaluate."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hiddenstate.cli.options import config_option, debug_option, json_option, runs_dir_option
from hiddenstate.cli.output import note, note_damage, say, say_json, table
from hiddenstate.errors import OptionError, printable

if TYPE_CHECKING:
    from hiddenstate.models.fitted import FittedModel
    from hiddenstate.runs import Run

_run_argument = click.argument("run")
_data_argument = click.argument("data", required=False)
_device_option = config_option("classify", "device")
_threads_option = config_option("classify", "threads")
_READ = ("input", "max_unpacked", "delimiter", "decimal", "encoding", "layout")


def _reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a command with how a file may be read otherwise than the training file was."""
    for name in reversed(_READ):
        command = config_option("classify", name, default=None)(command)
    return command


@click.command(
    help="Predict for new rows.\n\nRUN is a run, its folder, or a model file. DATA is a file or "
    "folder in any format the program reads, with the columns of the training data; without it, "
    "the run's own test rows. A classifier gives labels, a regressor its outputs, an autoencoder "
    "its codes and each row's error.\n\n\b\nExample:\n"
    "  hiddenstate predict classify-1 digits.csv --proba --output labels.csv"
)
@_run_argument
@_data_argument
@click.option("--proba", is_flag=True, help="Add the probability of each class.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Write here instead of stdout; .json and .parquet say the format.",
)
@click.option(
    "--format",
    "as_format",
    type=click.Choice(("auto", "csv", "json", "parquet")),
    metavar="auto|csv|json|parquet",
    default="auto",
    help="Format of the answer; auto is that of --output's name, else CSV.  [default: auto]",
)
@_reading_options
@_device_option
@_threads_option
@runs_dir_option
@debug_option
def predict(
    run: str,
    data: str | None,
    proba: bool,
    output: Path | None,
    as_format: str,
    device: str,
    threads: int,
    runs_dir: Path,
    **reading: Any,
) -> None:
    """The command `predict`."""
    from hiddenstate.engines import make_predictor
    from hiddenstate.inference.evaluate import new_rows, own_data, state_before
    from hiddenstate.inference.output_formats import render
    from hiddenstate.inference.predict import predict_own, predict_rows, predict_series

    model, found = _open(run, runs_dir)
    if proba and model.net.job != "classify":
        raise OptionError(f"--proba: is for classifiers; this is a {model.net.job} model")
    if as_format == "auto":
        as_format = {".json": "json", ".parquet": "parquet"}.get(
            output.suffix if output else "", "csv"
        )
    predictor = make_predictor(model, device, threads)
    if data is None:
        dataset = own_data(found)
        state = state_before(predictor, model, found)
        answer = predict_own(model, predictor, dataset.test or dataset.train, proba, state)
    else:
        rows = new_rows(model, data, reading, answered=False).train
        if model.net.job == "regress":
            answer = predict_series(model, predictor, rows, printable(data), {})
        else:
            answer = predict_rows(model, predictor, rows, printable(data), proba)
    if output is None:
        if as_format == "parquet":
            raise OptionError("--format: Parquet is written to a file; add --output FILE")
        text = render(answer, as_format).decode()
        if sys.stdout.isatty():  # labels and names of a file may hold escape codes
            text = "".join(f"{printable(line, 10**9)}\n" for line in text.splitlines())
        click.echo(text, nl=False)
        return
    from hiddenstate.system.atomic_file import write_output

    write_output(output, render(answer, as_format))
    note(f"{len(answer)} rows written to {output}")


def _open(name: str, runs_dir: Path) -> "tuple[FittedModel, Run | None]":
    """The model, with a word if its run has gone on since and not ended."""
    from hiddenstate.inference.evaluate import open_model

    model, run = open_model(name, runs_dir)
    if run:
        note_damage(run)
    if run and run.results() is None:
        note(f"{run.path} is {run.status()}: this is its model from before it went on")
    return model, run


@click.command(
    short_help="Measure a run on its test rows, or on other data.",
    help="Measure a run on its test rows, or on other data with known answers.\n\nRUN is a run, "
    "its folder, or a model file. DATA is a file or folder in any format the program reads, with "
    "labels or targets. Every figure stands beside what would be reached without a net."
    "\n\n\b\nExample:\n  hiddenstate evaluate classify-1",
)
@_run_argument
@_data_argument
@json_option
@_reading_options
@_device_option
@_threads_option
@runs_dir_option
@debug_option
def evaluate(
    run: str,
    data: str | None,
    as_json: bool,
    device: str,
    threads: int,
    runs_dir: Path,
    **reading: Any,
) -> None:
    """The command `evaluate`."""
    from hiddenstate.engines import make_predictor
    from hiddenstate.inference.evaluate import measure_new, measure_own

    model, found = _open(run, runs_dir)
    predictor = make_predictor(model, device, threads)
    if data is None:
        figures = measure_own(model, predictor, found)
    else:
        figures = measure_new(model, predictor, data, reading, found)
    if as_json:
        path = str(found.path) if found else run
        say_json({"job": model.net.job, "run": path, "data": data, **figures})
        return
    _say_figures(figures, model.classes)


def _say_figures(figures: dict[str, Any], classes: list[Any] | None) -> None:
    """The figures a line each, then the classes as a table."""
    by_class, matrix = figures.pop("f1_by_class", {}), figures.pop("confusion", [])
    for name, value in figures.items():
        say(f"{name}: {value:.6g}" if isinstance(value, float) else f"{name}: {value}")
    if not by_class:
        return
    shown = 20 if len(by_class) <= 20 else 0
    head = ["class", "rows", "f1", *(f"as {name}" for name in (classes or [])[:shown])]
    rows = [
        [str(name), str(sum(row)), f"{by_class[str(name)]:.4f}", *map(str, row[:shown])]
        for name, row in zip(classes or [], matrix, strict=True)
    ]
    table(head, rows)
