"""The command that forecasts the steps after the end of series."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hiddenstate.cli.forecast_table import say_forecast
from hiddenstate.cli.options import FilePath, GroupedCommand, json_option
from hiddenstate.cli.output import note, say, say_json, table
from hiddenstate.cli.output_file import refuse_overwriting, resolved_format, write_prediction
from hiddenstate.cli.predict import (
    data_argument,
    model_options,
    note_remarks,
    opened_model,
    peers_option,
    skip_unknown_option,
)
from hiddenstate.cli.refused_options import refuse_options, refuse_unread
from hiddenstate.cli.run_argument import check_order, run_argument
from hiddenstate.cli.stdin import stdin_as_file
from hiddenstate.cli.step_tables import say_steps, step_rows
from hiddenstate.cli.sweep_models import forecast_groups, sweep_folder
from hiddenstate.errors import OptionError, count

if TYPE_CHECKING:
    from hiddenstate.inference.outlook import Outlook
    from hiddenstate.inference.rolled import Rolled
    from hiddenstate.models.fitted import FittedModel
    from hiddenstate.runs import Run

DRAWN = 6
"""Most series that a figure shows."""

FIGURES = (".png", ".svg", ".pdf", ".json")
"""Endings of the names of figures."""


@click.command(
    cls=GroupedCommand,
    help="Forecast the steps after the end of series, with intervals.\n\nRUN is a run trained with "
    "--horizon, its folder, or a model file. DATA is a file with series, in any supported format; "
    "without DATA, the series that the run was trained and tested on. Steps up to the trained "
    "horizon are direct: each is forecast from values known that many steps before. Later steps "
    "are recursive: earlier forecasts are read as values. Intervals are calibrated on forecasts of "
    "the held-out part of the run, or of DATA for a model file. With a sweep as RUN, each group is "
    "forecast by its own model.\n\n\b\nExample:\n"
    "  hiddenstate forecast regress-1 --horizon 12 --level 80,95 --figure forecast.png",
)
@run_argument
@data_argument
@click.option(
    "--horizon",
    type=click.IntRange(1, 10_000),
    help="Number of steps to forecast; if unset, as many as the model was trained for.",
)
@click.option(
    "--future",
    type=FilePath(path_type=Path),
    metavar="FILE",
    help="File with the columns known ahead (regress --future) at the steps to forecast, "
    "for each series; by default the rows of DATA after its last target.",
)
@click.option(
    "--level",
    default="80,95",
    show_default=True,
    metavar="PERCENT,...",
    help="Levels of the intervals, in percent; none draws no intervals.",
)
@click.option(
    "--backtest",
    type=click.IntRange(1, 10_000),
    metavar="N",
    help="Score forecasts from the last N origins instead, without training again, for each step "
    "ahead and each series, beside the last value, the last season, ridge regression and the "
    "linear path alone.",
)
@peers_option
@click.option(
    "--output",
    type=FilePath(path_type=Path),
    metavar="FILE",
    help="Write the forecasts to FILE instead of stdout.",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(("auto", "csv", "json", "parquet")),
    metavar="auto|csv|json|parquet",
    default="auto",
    help="Output format; auto follows the name of --output, otherwise CSV.  [default: auto]",
)
@click.option(
    "--figure",
    type=FilePath(path_type=Path),
    metavar="FILE",
    help="Draw the forecasts after the last steps of up to six series; a .json file has what is "
    "drawn, of up to ten.",
)
@skip_unknown_option
@json_option
@model_options
def forecast(
    run: str,
    data: str | None,
    horizon: int | None,
    future: Path | None,
    level: str,
    backtest: int | None,
    peers: bool,
    output: Path | None,
    file_format: str,
    figure: Path | None,
    skip_unknown: bool,
    as_json: bool,
    device: str,
    threads: int,
    runs_dir: Path,
    **reading: Any,
) -> None:
    """The command `forecast`."""
    from hiddenstate.inference.forecast import trained_steps
    from hiddenstate.inference.rolled import rolled

    is_read = file_format == "auto" and output is None and not as_json and sys.stdout.isatty()
    file_format, levels = resolved_format(file_format, output), _levels(level)
    _check_files(output, figure)
    if as_json:
        refuse_options("JSON")
        file_format = "json"
    if data is None and future is None:
        refuse_options("own data")
    if (groups := sweep_folder(run, runs_dir)) is not None:
        refuse_options("sweep", run)
        places = data, output, "" if is_read else file_format
        forecast_groups(
            groups, *places, skip_unknown, horizon, levels, future, device, threads, reading
        )
        return
    refuse_options("model")
    refuse_options("forecast" if backtest is None else "backtest")
    check_order(run, data, runs_dir)
    model, trained_run = opened_model(run, runs_dir)
    if output is not None:
        refuse_overwriting(output, run, data, trained_run)
    horizon = trained_steps(model) if horizon is None else horizon
    outlook, stdin = _outlook(
        model, trained_run, data, future, reading, horizon, levels, backtest, device, threads
    )
    if backtest is not None:
        _print_backtest(outlook, rolled(outlook, backtest, peers=peers, alone=True), as_json)
        return
    _write_forecast(outlook, stdin, figure, output, "" if is_read else file_format)


def _check_files(output: Path | None, figure: Path | None) -> None:
    """Refuse files that cannot be written, and figures of another format."""
    from hiddenstate.system.atomic_file import check_output

    if figure is not None and figure.suffix.lower() not in FIGURES:
        raise OptionError(f"--figure: expected a name that ends in {', '.join(FIGURES)}")
    for file in (output, figure):
        if file is not None:
            check_output(file)


def _outlook(
    model: "FittedModel",
    trained_run: "Run | None",
    data: str | None,
    future: Path | None,
    reading: dict[str, Any],
    horizon: int,
    levels: list[float],
    backtest: int | None,
    device: str,
    threads: int,
) -> "tuple[Outlook, Path | None]":
    """Read the series, and return what follows them, and the file with stdin if DATA is `-`."""
    from hiddenstate.inference.inputs import read_new_data
    from hiddenstate.inference.outlook import outlook_of
    from hiddenstate.inference.overflow import checked_predictor

    if data is None and trained_run is None:
        raise OptionError("a model file has no series; pass DATA after it")
    predictor = checked_predictor(model, device, threads)
    trained_on = trained_run.config.data.data if trained_run is not None else None
    if data is None and trained_on is None:
        raise OptionError("the run was trained on bundled data or arrays; pass DATA after it")
    with stdin_as_file(data or trained_on or "") as stdin:
        refuse_unread(reading, stdin or data, future)
        changes = {} if data is None else reading  # without DATA, they are those of --future
        name = str(stdin or data or trained_on)
        dataset = read_new_data(model, name, changes, require_targets=False)
    outlook = outlook_of(
        model,
        predictor,
        dataset,
        horizon,
        levels,
        trained_run if data is None else None,
        None if future is None else str(future),
        reading,
        backtest=backtest is not None,
    )
    if data is not None:
        note_remarks(dataset.remarks, stdin)
    return outlook, stdin


def _write_forecast(
    outlook: "Outlook", stdin: Path | None, figure: Path | None, output: Path | None, form: str
) -> None:
    """Draw the forecasts if a figure is named, then write them to a file, or print them: without a
    format as a reader of a terminal reads them."""
    from hiddenstate.inference.output_formats import with_empty_cells

    if calibration := outlook.calibration():
        note(calibration)
    if figure is not None:
        _draw(outlook, figure)
        note(f"figure: {figure}")
    prediction = outlook.prediction()
    note_remarks(prediction.remarks, stdin)
    if not form:
        say_forecast("", outlook)
        return
    write_prediction(with_empty_cells(prediction) if form == "csv" else prediction, output, form)


def _draw(outlook: "Outlook", path: Path) -> None:
    """Draw the forecasts of the first series, and write the figure."""
    import io
    import json

    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from hiddenstate.inference.fans import fans_of
    from hiddenstate.system.atomic_file import write_output
    from hiddenstate.views import style

    if path.suffix.lower() == ".json":
        write_output(path, json.dumps(fans_of(outlook), allow_nan=False).encode())
        return
    content = io.BytesIO()
    with style.theme():
        figure = figure_of(outlook)
        FigureCanvasAgg(figure)
        figure.savefig(content, format=path.suffix[1:].lower() or "png")
    write_output(path, content.getvalue())


def figure_of(outlook: "Outlook") -> Any:
    """Return the figure of the forecasts of the first series."""
    import numpy as np

    from hiddenstate.inference.fans import error_in_words, fans_of
    from hiddenstate.views.figures.forecast import Fan, forecasts

    made, fans = fans_of(outlook, DRAWN), list[Fan]()
    for each in made["series"]:
        for o, target in enumerate(made["targets"]):
            past, held = np.array(each["past"][o], float), np.array(each["held"][o], float)
            ahead = {name: np.array(values[o], float) for name, values in each["ahead"].items()}
            place = each["times"], each["seconds"], past, held, each["held_from"]
            words = error_in_words(each["errors"][o], made["units"][o])
            fans.append(Fan(each["name"], target, *place, ahead, words))
    note = outlook.calibration() or outlook.without_intervals() or ""
    return forecasts(fans[:DRAWN], made["levels"], note)


def _levels(text: str) -> list[float]:
    """Return levels between 0 and 1 from percents."""
    if text == "none":
        return []
    try:
        levels = sorted({float(part) / 100 for part in text.split(",")})
    except ValueError:
        levels = [0.0]
    if not all(0 < level < 1 for level in levels):
        raise OptionError(
            f"--level: expected percents between 0 and 100 separated by commas, or none, got {text}"
        )
    return levels


def _print_backtest(outlook: "Outlook", scores: "Rolled", as_json: bool) -> None:
    """Print a table with a line for each method, then the scores by step ahead and series."""
    horizon, n_series = outlook.forecaster.horizon, len(outlook.series)
    if as_json:
        facts: dict[str, Any] = {"horizon": horizon, "series": n_series, "paths": scores.n}
        facts |= {"held_out": outlook.held_out, "scores": scores.methods}
        say_json({**facts, "steps": step_rows(scores.steps), "notes": list(scores.remarks)})
        return
    note_remarks(scores.remarks, None)
    methods = scores.methods
    levels = list(dict.fromkeys(k for each in methods.values() for k in each["coverage"]))
    head = [
        "method",
        "MASE",
        "sMAPE",
        *(f"within {n} %" for n in levels),
        *(f"pinball {n} %" for n in levels),
    ]
    lines = []
    for name, each in methods.items():
        numbers = [each["mase"], each["smape"]]
        parts = [f"{100 * each['coverage'][n]:.1f} %" for n in levels if n in each["coverage"]]
        parts += [f"{each['pinball'][n]:.4g}" for n in levels if n in each["pinball"]]
        lines.append([name, *("" if n is None else f"{n:.4g}" for n in numbers), *parts])
    table(head, [line + [""] * (len(head) - len(line)) for line in lines])
    say(
        f"{count(scores.n, 'forecast')} of {count(horizon, 'step')} each, in "
        f"{n_series} series; the model was not trained again"
    )
    say_steps(scores.steps)
