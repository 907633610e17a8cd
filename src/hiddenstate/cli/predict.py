"""The commands that use a trained model: predict, evaluate."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hiddenstate.cli.options import (
    FilePath,
    GroupedCommand,
    complete_files,
    config_option,
    debug_option,
    json_option,
    runs_dir_option,
)
from hiddenstate.cli.output import note, note_damage, say, say_json, table
from hiddenstate.cli.output_file import (
    SOUND,
    refuse_overwriting,
    resolved_format,
    write_prediction,
    write_sound,
)
from hiddenstate.cli.refused_options import refuse_options, refuse_unread
from hiddenstate.cli.run_argument import check_order, run_argument
from hiddenstate.cli.stdin import named, new_data, stdin_as_file
from hiddenstate.cli.step_tables import say_steps, step_rows
from hiddenstate.cli.sweep_models import predict_groups, sweep_folder
from hiddenstate.cli.why import asked_of, why_options, write_why
from hiddenstate.config import DataConfig, section_options
from hiddenstate.config.data_fields import STDIN
from hiddenstate.errors import OptionError
from hiddenstate.program.jobs import first_with

if TYPE_CHECKING:
    from hiddenstate.inference.rolled import Rolled
    from hiddenstate.models.fitted import FittedModel
    from hiddenstate.runs import Run

data_argument = click.argument("data", required=False, shell_complete=complete_files)


skip_unknown_option = click.option(
    "--skip-unknown",
    is_flag=True,
    help="Of a sweep: leave out groups of DATA that have no model, and list them.",
)


peers_option = click.option(
    "--peers",
    is_flag=True,
    help="Add AutoETS, AutoARIMA and Theta of statsforecast to the scores of forecasts, fitted "
    "once on the training part of each series.",
)


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a command with the options of reading data and of computing."""
    for option in (debug_option, runs_dir_option):
        command = option(command)
    series = first_with("targets")  # which have all options of reading
    for name in ("threads", "device"):
        command = config_option(series, name)(command)
    for known in reversed(section_options(DataConfig).values()):
        if known.new_data:
            command = config_option(series, known.name, default=None)(command)
    return command


@click.command(
    cls=GroupedCommand,
    help="Predict new rows.\n\nRUN is a run, its folder, or a model file. DATA is a file or "
    "folder in any supported format, with the columns of the training data; without DATA, the "
    "test rows of the run are used. With a sweep as RUN, each group of DATA has its own "
    "model. A classifier predicts labels and a regressor its targets; an "
    "autoencoder prints the code of each row and its reconstruction error.\n\n\b\nExample:\n"
    "  hiddenstate predict classify-1 digits.csv --proba --output labels.csv\n"
    "  hiddenstate predict classify-1 --why 3 --answer 7 --figure why.png --output why.csv\n"
    "  tail -f sensor.csv | hiddenstate predict regress-1 - --stream",
)
@run_argument
@data_argument
@click.option("--proba", is_flag=True, help="Add the probability of each class.")
@click.option(
    "--stream",
    is_flag=True,
    help="Read stdin line by line, each a step of a series, and answer each line at once.",
)
@click.option(
    "--output",
    type=FilePath(path_type=Path),
    metavar="FILE",
    help="Write the predictions to FILE instead of stdout.",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(("auto", "csv", "json", "parquet", "xlsx", "wav")),
    metavar="auto|csv|json|parquet|xlsx|wav",
    default="auto",
    help="Output format; auto follows the name of --output, otherwise CSV. wav is what a model "
    "makes of a sound, with its rate and width.  [default: auto]",
)
@why_options
@skip_unknown_option
@model_options
def predict(
    run: str,
    data: str | None,
    proba: bool,
    stream: bool,
    skip_unknown: bool,
    output: Path | None,
    file_format: str,
    device: str,
    threads: int,
    runs_dir: Path,
    **reading: Any,
) -> None:
    """The command `predict`."""
    from hiddenstate.cli.stream import predict_lines
    from hiddenstate.inference.overflow import checked_predictor
    from hiddenstate.inference.predict import predict_data, predict_run
    from hiddenstate.inference.sound import check_makes_sound
    from hiddenstate.inference.stream import Stream
    from hiddenstate.system.atomic_file import check_output

    file_format = resolved_format(file_format, output, sounds=True)
    asked = asked_of(reading)
    if stream:
        refuse_options("stream")
        if data != STDIN:
            raise OptionError("--stream: reads lines from stdin; pass - as DATA")
    if output is not None:
        check_output(output)
    if (groups := sweep_folder(run, runs_dir)) is not None:
        refuse_options("sweep", run)
        if file_format == SOUND:
            raise OptionError("--output: a sweep reads tables, which make no WAV file")
        predict_groups(
            groups, data, output, file_format, skip_unknown, proba, device, threads, reading
        )
        return None
    refuse_options("model")
    check_order(run, data, runs_dir)
    model, trained_run = opened_model(run, runs_dir)
    refuse_options(model.net.job)
    if stream:
        steps = Stream(model, 1, device, threads)
        return predict_lines(model, reading, proba, file_format == "json", steps)
    if output is not None:
        refuse_overwriting(output, run, data, trained_run)
    if file_format == SOUND and output is not None:
        check_makes_sound(model, data)
        with stdin_as_file(data) as stdin:
            refuse_unread(reading, stdin or data)
            write_sound(model, stdin or Path(data or ""), output, reading, device, threads)
        return None
    if asked is not None:
        return write_why(asked, model, trained_run, data, reading, output, file_format)
    predictor = checked_predictor(model, device, threads)
    if data is None:
        refuse_options("own data")
        prediction, stdin = predict_run(model, predictor, trained_run, proba), None
    else:
        with new_data(model, data, reading) as (dataset, stdin):
            prediction = predict_data(model, predictor, dataset, proba)
    write_prediction(prediction, output, file_format)
    note_remarks(prediction.remarks, stdin)


def note_remarks(remarks: Iterable[str], stdin: Path | None) -> None:
    """Print what a user should know about how data was read, and what was not predicted."""
    for remark in remarks:
        note(f"note: {named(remark, stdin)}")


def opened_model(name: str, runs_dir: Path) -> "tuple[FittedModel, Run | None]":
    """The model, with a note if its run was resumed since and is not done."""
    from hiddenstate.inference.inputs import open_model
    from hiddenstate.system.memory import return_freed_arrays

    return_freed_arrays()
    model, run = open_model(name, runs_dir)
    if run:
        note_damage(run)
        if run.results() is None:
            note(f"{run.path} is {run.status()}; using its model from before it was resumed")
    return model, run


@click.command(
    cls=GroupedCommand,
    help="Evaluate a model on the test rows of its run, or on other data with labels or targets."
    "\n\nRUN is a run, its folder, or a model file. DATA is a file or folder in any supported "
    "format. Scores come with a baseline: the score of a prediction that needs no model. Those of "
    "forecasts are also given for each step ahead and each series."
    "\n\n\b\nExample:\n  hiddenstate evaluate classify-1",
)
@run_argument
@data_argument
@peers_option
@click.option(
    "--output",
    type=FilePath(path_type=Path),
    metavar="FILE",
    help="Write the scores of forecasts by step ahead and series to FILE: CSV, JSON, Parquet or a "
    "workbook, by its name.",
)
@config_option(first_with("targets"), "answers", default=None)
@json_option
@model_options
def evaluate(
    run: str,
    data: str | None,
    peers: bool,
    output: Path | None,
    as_json: bool,
    device: str,
    threads: int,
    runs_dir: Path,
    **reading: Any,
) -> None:
    """The command `evaluate`."""
    from hiddenstate.data.leaks import leaks_as_facts, leaks_from
    from hiddenstate.inference.predict import Prediction
    from hiddenstate.inference.rolled import can_be_rolled
    from hiddenstate.metrics.comparison import compare_scores
    from hiddenstate.system.atomic_file import check_output

    if output is not None:
        check_output(output)
        resolved_format("auto", output)
    check_order(run, data, runs_dir)
    model, trained_run = opened_model(run, runs_dir)
    if not can_be_rolled(model):
        refuse_options("no forecast")
    if output is not None:
        refuse_overwriting(output, run, data, trained_run)
    scores, steps = _scores(model, trained_run, data, reading, peers, device, threads)
    if steps is not None:
        note_remarks(steps.remarks, None)
    elif output is not None:
        raise OptionError(
            "--output: series are too short, or have gaps, for scores by step ahead; leave it out"
        )
    leaks = leaks_from(trained_run.data_record()) if trained_run and data is None else ()
    if as_json:
        place = {"run": str(trained_run.path) if trained_run else run, "data": data}
        more = {} if steps is None else {"steps": step_rows(steps.steps)}
        say_json({"job": model.net.job, **place, **scores, **more, **leaks_as_facts(leaks)})
    else:
        _print_scores(scores, model.classes or [])
        compared = compare_scores(model.net.job, scores)
        if compared is not None and compared.warning():
            say(f"{compared.who} is {compared.warning()}")
        for leak in leaks:
            say(leak.in_words())
        if steps is not None:
            say_steps(steps.steps)
    if output is not None and steps is not None:
        made = Prediction(steps.steps.rows())
        write_prediction(made, output, resolved_format("auto", output))


def _scores(
    model: "FittedModel",
    run: "Run | None",
    data: str | None,
    reading: dict[str, Any],
    peers: bool,
    device: str,
    threads: int,
) -> "tuple[Mapping[str, Any], Rolled | None]":
    """Return the scores of a model on DATA, or on its test rows, and those of rolled forecasts."""
    from hiddenstate.inference.evaluate import evaluate_data, evaluate_run
    from hiddenstate.inference.inputs import run_test_data
    from hiddenstate.inference.overflow import checked_predictor
    from hiddenstate.inference.rolled import can_be_rolled, rolled_further, rolled_run

    rolls, steps = can_be_rolled(model), None
    predictor = checked_predictor(model, device, threads)
    if data is None:
        refuse_options("own data")
        prepared = run_test_data(run)
        scores = evaluate_run(model, predictor, run, prepared)
        if rolls and run is not None:
            steps = rolled_run(model, predictor, run, prepared, peers)
        return scores, steps
    with new_data(model, data, reading, model.net.kind.has_series) as (dataset, stdin):
        scores = evaluate_data(model, predictor, dataset, run)
        if rolls:
            steps = rolled_further(model, predictor, dataset, run, peers)
    note_remarks(dataset.remarks, stdin)
    return scores, steps


def _print_scores(scores: Mapping[str, Any], classes: list[Any]) -> None:
    """Print one score per line, with its interval, then a table of the classes."""
    from hiddenstate.metrics.glossary import is_shown
    from hiddenstate.metrics.intervals import interval_of

    for each in scores.get("targets", ()):
        say(each["words"])
    left_out = {"f1_by_class", "confusion", "targets"}
    if "baseline_mse" in scores and not is_shown("baseline_mse", scores):
        left_out.add("baseline")  # each target has its own
    for name, value in scores.items():
        if name not in left_out and is_shown(name, scores):
            text = f"{value:.6g}" if isinstance(value, float) else str(value)
            interval = interval_of(name, scores)
            if interval and (interval.ends or name in ("accuracy", "mse")):
                text += f", {interval.in_words(lambda end: f'{end:.4g}')}"
            say(f"{name}: {text}")
    if "confusion" not in scores:
        return
    n_columns = len(classes) if len(classes) <= 20 else 0
    head = ["class", "rows", "f1", *(f"as {name}" for name in classes[:n_columns])]
    rows = [
        [str(name), str(sum(row)), f"{scores['f1_by_class'][str(name)]:.4f}"]
        + [str(count) for count in row[:n_columns]]
        for name, row in zip(classes, scores["confusion"], strict=True)
    ]
    table(head, rows)
