"""Trains and forecasts models of dated series: data frames, read as the commands read a table."""

from dataclasses import replace
from typing import Any

import numpy as np

from hiddenstate.config import Config
from hiddenstate.data import SequenceDataset
from hiddenstate.data.readers.dataframes import frame_columns, is_frame
from hiddenstate.data.readers.table import to_dataset
from hiddenstate.errors import DataError, printable
from hiddenstate.estimators.frames import TABLE_OPTIONS, FrameTable, as_frames, has_dates, table_of
from hiddenstate.estimators.options import features_of, option_values, plan_of_table
from hiddenstate.inference.inputs import read_new_data
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.weight_file import encodings_of


def reads_table(estimator: Any, X: Any) -> bool:
    """Return whether X is read as a table: if it holds dates, or a parameter says how.

    Raises
    ------
    DataError
        If a parameter does, and X is no data frame; or if X is one with text and without dates.
    """
    named = [name for name in TABLE_OPTIONS if getattr(estimator, name) is not None]
    if not named:
        dated = has_dates(X)
        if is_frame(X) and not dated:
            _refuse_text(X)
        return dated
    frames = as_frames(X)
    if frames and all(map(is_frame, frames)):
        return True
    other = next((each for each in frames if not is_frame(each)), X)
    raise DataError(
        f"{named[0]}: requires X to be a data frame, or a list of these, got {type(other).__name__}"
    )


def _refuse_text(X: Any) -> None:
    columns = frame_columns(X, "X")
    for name, kind in zip(columns.names, columns.kinds, strict=True):
        if kind == "text":
            raise DataError(
                f"X: column {printable(name, 40)} holds text; if it holds dates, name it with "
                "time, if it names the series, with id, or leave it out"
            )


def table_to_fit(estimator: Any, X: Any, y: Any) -> tuple[SequenceDataset, Config, FrameTable]:
    """Return the series of frames to forecast, the checked parameters, and the table of the frames.

    Parameters
    ----------
    estimator : RecurrentRegressor
    X : data frame, or list of these
    y : str, int, sequence of these, or None
        The columns to forecast; None for all columns of numbers without another role.

    Raises
    ------
    DataError, OptionError
        If the frames or the parameters do not fit.
    """
    ids = _each(estimator.id)
    table = table_of(X, "X", estimator.time, ids)
    columns = table.columns
    values = option_values(estimator, columns.names, is_table=True)
    only = tuple(table.dates) if len(table.dates) == 1 else (None,)
    values["time"] = values["time"] or table.time or only[0]
    values["id"] = values["id"] or table.id
    if y is None:
        taken = {values["time"], *(values["id"] or ()), *table.dates}
        taken |= {*(values["future"] or ()), *(values["static"] or ())}
        free = [j for j, name in enumerate(columns.names) if name not in taken]
        chosen = [j for j in free if columns.profile(j).holds_numbers]
    else:
        chosen = features_of(y, columns.names, "y")
    if not chosen:
        raise DataError("y: expected columns to forecast, or None for all columns of numbers")
    values["target"] = tuple(columns.names[j] for j in chosen)
    numbers = [a for a, kind in zip(columns.arrays, columns.kinds, strict=True) if kind == "number"]
    dtype = "float32" if all(a.dtype == np.float32 for a in numbers) else "float64"

    def read(config: Config) -> SequenceDataset:
        encodings = encodings_of(config.training.weights)
        return to_dataset(columns, config.data, config.job, True, "X", encodings)

    config, dataset = plan_of_table(estimator, values, dtype, read)
    return dataset, config, table


def used_columns(model: FittedModel, table: FrameTable) -> list[str]:
    """Return the columns of a table that its series are read from again."""
    reading = model.transform.reading
    used = {reading.get("time"), *(reading.get("id") or ()), *(model.transform.targets or ())}
    used |= {*(model.transform.names or ()), *(reading.get("static") or ())}
    used |= {*(reading.get("future") or ()), *table.dates}
    return [name for name in table.columns.names if name in used]


def table_to_read(model: FittedModel, X: Any, where: str) -> FrameTable | None:
    """Return new frames as a table; None if they are arrays, or frames without the dates and ids
    that the model reads."""
    reading = model.transform.reading
    time, ids = reading.get("time"), tuple(reading.get("id") or ())
    frames = as_frames(X) if time or ids else []
    if not frames or not all(map(is_frame, frames)):
        return None
    names = {str(name) for name in frames[0].columns}
    if not has_dates(X) and not names & {time, *ids}:
        return None
    return table_of(X, where, time, ids)


def series_of_table(model: FittedModel, table: FrameTable) -> SequenceDataset:
    """Return the series of a table, read as those that a model was trained on."""
    dataset = read_new_data(model, table.columns.where, {}, False, table.columns)
    zone, origin = table.zone(model.transform.reading.get("time")), dataset.train.origin
    if not zone or origin is None or origin.table is None or origin.table.dates is None:
        return dataset
    dates = replace(origin.table.dates, zone=zone)
    origin = replace(origin, table=replace(origin.table, dates=dates))
    return replace(dataset, train=replace(dataset.train, origin=origin))


def _each(names: Any) -> list[Any]:
    if names is None:
        return []
    return [names] if isinstance(names, str) else list(names)
