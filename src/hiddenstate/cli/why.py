"""What an answer of `predict` rests on: a table, and a figure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hiddenstate.cli.options import FilePath
from hiddenstate.cli.output import note
from hiddenstate.cli.output_file import check_figure, write_figure, write_prediction
from hiddenstate.cli.refused_options import refuse_options
from hiddenstate.cli.stdin import new_data

if TYPE_CHECKING:
    from hiddenstate.metrics.reasons import Reason
    from hiddenstate.models.fitted import FittedModel
    from hiddenstate.runs import Run


@dataclass(frozen=True)
class Asked:
    """Which answer is explained: the class or target `answer` of row `why` after step `moment`."""

    why: int
    moment: int | None
    answer: str | None
    figure: Path | None


def why_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate `predict` with the options of what an answer rests on."""
    options = (
        click.option(
            "--why",
            type=click.IntRange(0),
            metavar="N",
            help="Write what the answer to row or series N, from 0, rests on, in place of "
            "predictions: what each value adds to it, compared with the mean of training.",
        ),
        click.option(
            "--moment",
            type=click.IntRange(0),
            metavar="STEP",
            help="With --why: the answer after this step, from 0; by default after the last.",
        ),
        click.option(
            "--answer",
            metavar="NAME",
            help="With --why: this class or target; by default the most probable class, or the "
            "first target.",
        ),
        click.option(
            "--figure",
            type=FilePath(path_type=Path),
            metavar="FILE",
            help="With --why: draw it; FILE is a .png, .svg or .pdf.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def asked_of(options: dict[str, Any]) -> Asked | None:
    """Take the options of :func:`why_options` out of all options of a command.

    Raises
    ------
    OptionError
        If one is given without --why, or the figure has another format.
    """
    number, *rest = (options.pop(name) for name in ("why", "moment", "answer", "figure"))
    if number is None:
        refuse_options("no why")
        return None
    refuse_options("why")
    asked = Asked(number, *rest)
    check_figure(asked.figure)
    return asked


def write_why(
    asked: Asked,
    model: "FittedModel",
    run: "Run | None",
    data: str | None,
    reading: Mapping[str, Any],
    output: Path | None,
    file_format: str,
) -> None:
    """Write what an answer rests on, draw it if a figure is named, and say it in a sentence."""
    from hiddenstate.inference.predict import Prediction

    reason = _reason(asked, model, run, data, reading)
    write_prediction(Prediction(reason.table()), output, file_format)
    reason = reason.by_column()
    if asked.figure is not None:
        _draw(reason, asked.figure)
        note(f"figure: {asked.figure}")
    note(reason.in_words())


def _reason(
    asked: Asked,
    model: "FittedModel",
    run: "Run | None",
    data: str | None,
    reading: Mapping[str, Any],
) -> "Reason":
    from hiddenstate.engines.signals import state_before
    from hiddenstate.errors import printable
    from hiddenstate.inference.inputs import run_test_data
    from hiddenstate.inference.overflow import checked_predictor
    from hiddenstate.inference.why import Explainer, training_mean
    from hiddenstate.inference.why_rows import carried_row, prepared_rows, reason

    number, moment, begin = asked.why, asked.moment, None
    if data is None:
        refuse_options("own data")
        dataset = run_test_data(run)
        explainer = Explainer(model, training_mean(model, run, dataset))
        rows, picture = dataset.require_test(), dataset.picture
        if model.stateful and number < len(rows):
            predictor = checked_predictor(model, "cpu")
            before = state_before(predictor, model.net, dataset.train, rows)
            T = rows.X.shape[1]
            rows, first, begin = carried_row(model, predictor, rows, number, before)
            moment = (T - 1 if moment is None else moment) + (number - first) * T
            number = 0
    else:
        with new_data(model, data, reading) as (new, _):
            explainer = Explainer(model, training_mean(model, run))
            rows, picture = prepared_rows(model, new.train, printable(new.name)), new.picture
    found = reason(explainer, rows, number, moment, asked.answer, picture, begin)
    sound = None if run is None else run.static_arrays[1].sound
    return replace(found, row=asked.why, sound=sound if sound and sound.bands else None)


def _draw(reason: "Reason", path: Path) -> None:
    from hiddenstate.views.figures.why import lit_of, why

    write_figure(path, lambda: why([lit_of(reason)]), reason.in_words())
