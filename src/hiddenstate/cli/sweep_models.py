"""The commands predict and forecast with a sweep in the place of RUN: all groups at once."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hiddenstate.cli.forecast_table import say_forecast
from hiddenstate.cli.output import note, say
from hiddenstate.cli.output_file import write_prediction
from hiddenstate.cli.refused_options import refuse_options, refuse_unread
from hiddenstate.errors import OptionError, count, printable

REMARKS = 20
"""Most remarks that are printed: a table may have thousands of groups."""


def sweep_folder(name: str, runs_dir: Path) -> Path | None:
    """Return the folder of the sweep that RUN names, or None if it names none."""
    from hiddenstate.scale.sweep.store import is_sweep

    return next((path for path in (Path(name), runs_dir / name) if is_sweep(path)), None)


def predict_groups(
    folder: Path,
    data: str | None,
    output: Path | None,
    file_format: str,
    skip_unknown: bool,
    proba: bool,
    device: str,
    threads: int,
    reading: Mapping[str, Any],
) -> None:
    """Predict a table with the models of a sweep, and write one table."""
    from hiddenstate.scale.sweep.models import open_models
    from hiddenstate.scale.sweep.predict import predict_sweep, read_sweep_table

    if data is None:
        raise OptionError("a sweep keeps no test rows; pass DATA after it")
    models = open_models(folder)
    refuse_options(models.about["job"])
    refuse_unread(reading, data)
    _refuse_inputs(output, folder, data)
    given = read_sweep_table(models, data, reading, skip_unknown)
    prediction = predict_sweep(given, proba, device, threads or 1)
    write_prediction(prediction, output, file_format)
    _note_remarks(prediction.remarks)


def forecast_groups(
    folder: Path,
    data: str | None,
    output: Path | None,
    file_format: str,
    skip_unknown: bool,
    horizon: int | None,
    levels: list[float],
    future: Path | None,
    device: str,
    threads: int,
    reading: Mapping[str, Any],
) -> None:
    """Forecast the series of all groups of a sweep, and write one table; without a format, print
    the first groups as a reader of a terminal reads them."""
    from hiddenstate.inference.fans import MOST_SERIES
    from hiddenstate.inference.output_formats import with_empty_cells
    from hiddenstate.scale.sweep.models import open_models
    from hiddenstate.scale.sweep.predict import (
        forecast_sweep,
        own_table,
        read_new_groups,
        read_sweep_table,
    )

    models = open_models(folder)
    own = own_table(models) if data is None else None
    refuse_unread(reading, data, future)
    _refuse_inputs(output, folder, data or own or "")
    # Groups of its own table that failed are listed in its results already.
    changes = {} if own else reading  # without DATA, they are those of --future
    left_out = skip_unknown or own is not None
    given = read_sweep_table(models, own or str(data), changes, left_out, skip_unknown)
    rest = max(0, len(given.keys) - MOST_SERIES) if not file_format else 0
    given = replace(given, keys=given.keys[: len(given.keys) - rest])
    ahead = None if future is None else read_new_groups(models, str(future), reading)
    prediction = forecast_sweep(
        given,
        horizon,
        levels,
        own is not None,
        ahead,
        reading,
        device,
        threads or 1,
        skip_unknown or (own is not None and ahead is None),
        show=None if file_format else say_forecast,
    )
    if file_format:
        table = with_empty_cells(prediction) if file_format == "csv" else prediction
        write_prediction(table, output, file_format)
    elif rest:
        say(f"{count(rest, 'more group')}; --output FILE has all")
    _note_remarks(prediction.remarks)


def _refuse_inputs(output: Path | None, folder: Path, data: str) -> None:
    """Refuse to write over the table or a file of the sweep."""
    if output is None or not output.exists():
        return
    target = output.resolve()
    is_data = Path(data).exists() and Path(data).samefile(output)
    if is_data or folder.resolve() in target.parents:
        raise OptionError(
            f"--output: {printable(output)} exists and is an input, or belongs to the sweep; name "
            "another file"
        )


def _note_remarks(remarks: tuple[str, ...]) -> None:
    for remark in remarks[:REMARKS]:
        note(f"note: {remark}")
    if len(remarks) > REMARKS:
        note(f"note: and {len(remarks) - REMARKS:,} more notes on other groups")
