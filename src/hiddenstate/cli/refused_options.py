"""Refuses options that a command has, but does not obey for the kind of thing that it is given."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from hiddenstate.config import DataConfig, section_options
from hiddenstate.errors import OptionError, printable
from hiddenstate.program.jobs import KINDS

NEW_DATA = tuple(option.name for option in section_options(DataConfig).values() if option.new_data)
"""Options that say how DATA of a trained model is read."""

EXTRACT = "not for a sweep; take a model out with `hiddenstate sweep {run} --extract GROUP FILE`"
ONLY_CLASSIFIERS = "only for classifiers; this is a {kind} model"
AS_TRAINED = "the data of the run is read as in training; name DATA to read it in another way"
LINES = "--stream reads lines of numbers; leave it out"
ONLY_MLFLOW = "only MLflow registers models; leave it out, or write --to mlflow"
SCORES = "--backtest prints scores alone; leave one of them out"

REFUSED: Mapping[str, Mapping[str, str]] = {
    "training of targets": {"label": "names the classes of classify; write --target COL"},
    "model": {"skip_unknown": "only for a sweep; RUN is none"},
    "sweep": dict.fromkeys(("stream", "backtest", "peers", "figure", "why"), EXTRACT),
    "forecast": {"peers": "scores earlier forecasts; add --backtest N"},
    "no forecast": dict.fromkeys(
        ("peers", "output"), "only for forecasts; RUN was not trained with --horizon on windows"
    ),
    "own data": dict.fromkeys((*NEW_DATA, "answers"), AS_TRAINED),
    **{job: {"proba": ONLY_CLASSIFIERS} for job, kind in KINDS.items() if not kind.has_classes},
    "stream": {
        "output": "--stream prints each answer at once; redirect stdout instead",
        "why": "--why reads whole rows; leave --stream out",
        **dict.fromkeys(
            ("layout", "every", "frame", "bands", "rate", "sheet", "max_unpacked"), LINES
        ),
    },
    "backtest": {
        **dict.fromkeys(("output", "file_format", "figure"), SCORES),
        "future": "--backtest forecasts steps that are known; leave one of them out",
    },
    "no why": dict.fromkeys(("moment", "answer", "figure"), "only with --why N"),
    "why": {"proba": "--why explains one answer; leave one of them out"},
    "JSON": {"file_format": "--json prints JSON; leave one of them out"},
    "sweep or study": {"steps": "only for a run; a sweep or a study is read, not trained again"},
    "files only": {"steps": "--files-only trains nothing; leave one of them out"},
    "tensorboard": {
        **dict.fromkeys(("url", "project"), "TensorBoard reads a folder; use --into DIR"),
        "register": ONLY_MLFLOW,
    },
    "mlflow": {"into": "MLflow has a server; use --url URL"},
    "wandb": {"register": ONLY_MLFLOW},
    "trackio": {
        "url": "Trackio writes a file on this machine; use --into DIR",
        "register": ONLY_MLFLOW,
    },
}
"""Why an option is refused, by its name, for each kind of thing or way of using it."""


def refuse_options(kind: str, run: str = "RUN") -> None:
    """Refuse the options of the current command that `kind` does not obey, if they are set.

    Parameters
    ----------
    kind : str
        A key of :data:`REFUSED`.
    run : str
        RUN, as given.

    Raises
    ------
    OptionError
        With the option, and why or what to use instead.
    """
    context = click.get_current_context()
    refused = REFUSED.get(kind, {})
    for param in context.command.params:
        source = context.get_parameter_source(param.name or "")
        is_set = source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT")
        if is_set and param.name in refused:
            why = refused[param.name].format(run=printable(run), kind=kind)
            raise OptionError(f"{param.opts[0]}: {why}")


def refuse_values(kind: str, values: Mapping[str, Any], where: str) -> None:
    """Refuse options of the file `where` that `kind` does not obey, as :func:`refuse_options`."""
    for name, why in REFUSED[kind].items():
        if values.get(name) is not None:
            raise OptionError(f"{where}: {name}: {why}")


def refuse_unread(reading: Mapping[str, Any], *names: "str | Path | None") -> None:
    """Refuse reading options that none of the named files or folders is read with.

    Raises
    ------
    OptionError
        With the option, and what it is for.
    """
    from hiddenstate.data.readers.formats import ONLY_FOR, READ_WITH, does_not_apply, holds

    paths = [Path(name).expanduser() for name in names if name is not None]
    if not all(path.exists() for path in paths):
        return  # which the reader reports
    for option, (endings, what) in {**READ_WITH, **ONLY_FOR}.items():
        if reading.get(option) is not None and not any(holds(path, endings) for path in paths):
            raise does_not_apply(option, what, paths[0])
