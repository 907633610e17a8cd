"""Settles what no option says of a table that is trained on: rows or steps, and columns of ids."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hiddenstate.config import Config, DataConfig
from hiddenstate.data.calendar import MOST_MISSING
from hiddenstate.data.column_names import ALL
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.prepare.examples import are_examples, examples_remark
from hiddenstate.data.prepare.known_columns import without_future_rows
from hiddenstate.data.prepare.transform import Transform, feature_indices
from hiddenstate.data.readers.profiles import is_whole
from hiddenstate.data.readers.role_guesses import says_id, says_number
from hiddenstate.data.store import RowStore
from hiddenstate.errors import listed, printable

MOST_FILLED = 0.1
"""Largest part of the steps of series that the automatic recipe fills in."""

FLAGS_OF = {"day": {"weekdays": 14}, "hour": {"hours": 48, "weekdays": 336}}
"""By the step of a calendar, what of it forecasts read, and the fewest steps for that."""


@dataclass(frozen=True)
class Settled:
    """Data, and the options that it should be read with from now on.

    Parameters
    ----------
    dataset : SequenceDataset
        Read with `options`, and with the layout `wide` if `layout` is set.
    options : dict
        Options by name that the data settled.
    layout : str, optional
        The layout of rows that are examples, unless their columns say more.
    remarks : tuple of str
        What was settled and how to choose otherwise, one line each.
    """

    dataset: SequenceDataset
    options: dict[str, Any] = field(default_factory=dict)
    layout: str | None = None
    remarks: tuple[str, ...] = ()


def settled(
    dataset: SequenceDataset,
    config: Config,
    given: Mapping[str, Any],
    read: Callable[[dict[str, Any]], SequenceDataset],
    trained: Transform | None = None,
) -> Settled:
    """Settle the layout of a table and the inputs that are ids.

    Models and runs hold the result, so this is for data that is about to be trained on.

    Parameters
    ----------
    dataset : SequenceDataset
        As read with the options that were set.
    config : Config
        That it was read with.
    given : mapping
        The options that were set, by name.
    read : callable
        Reads the data with further options.
    trained : Transform, optional
        That of the model whose weights training starts from: its layout and columns are kept.
    """
    where, options, remarks = printable(dataset.name), dict[str, Any](), []
    layout = None
    if filling := _filled_steps(dataset, config, given, trained):
        options |= filling
        dataset = read(options)
    of_model = None if trained is None else trained.reading.get("layout")
    if are_examples(dataset, config.job, given, of_model):
        layout = "wide" if given.get("steps") else "features"
        dataset = read({**options, "layout": "wide"})
        remarks.append(examples_remark(dataset))
    ids = numbered_ids(dataset, config.data)
    ids = tuple(name for name in ids if trained is None or name not in (trained.names or ()))
    if ids:
        options["drop"] = (*(config.data.drop or ()), *ids)
        dataset = read({**({"layout": "wide"} if layout else {}), **options})
        hold = "holds ids, by its name, and is" if len(ids) == 1 else "hold ids, by name, and are"
        remarks.append(
            f"{where}: column{'s' * (len(ids) > 1)} {listed(ids, each=40)} {hold} not used as "
            f"input{'s' * (len(ids) > 1)}; to use {'it' if len(ids) == 1 else 'them'}, name all "
            "inputs with --input COL,..."
        )
    if calendar := _known_calendar(dataset, {**given, **options}, trained):
        options |= calendar
        dataset = read({**({"layout": "wide"} if layout else {}), **options})
    return Settled(dataset, options, layout, tuple(remarks))


def _filled_steps(
    dataset: SequenceDataset,
    config: Config,
    given: Mapping[str, Any],
    trained: Transform | None,
) -> dict[str, Any]:
    """Return the options with which the automatic recipe fills in steps that are missing.

    It fills in at most a tenth of the steps, and only of forecasts. Values that are missing in the
    rows of the file are refused as before, unless `--missing` says what becomes of them.
    """
    found = dataset.missing_steps
    if found is None or not config.kind.has_targets or given.get("recipe") != "auto":
        return {}
    every = found.calendar.every if trained is None else trained.reading.get("every")
    if every is None or found.n > MOST_FILLED * found.n_steps or given.get("horizon") is None:
        return {}
    if found.largest_part > MOST_MISSING:  # a series with another step than the others
        return {}
    if given.get("every") is not None:
        return {}
    if given.get("missing") is not None:
        return {} if given["missing"] == "error" else {"every": every}
    rows = without_future_rows(dataset, given.get("future")).train
    inside = np.ones(rows.X.shape[:2], bool)
    if rows.lengths is not None:
        inside = np.arange(rows.X.shape[1]) < rows.lengths[:, None]
    complete = np.isfinite(rows.X[inside]).all()
    if rows.y is not None and rows.y.ndim == 3:
        complete &= np.isfinite(rows.y[inside]).all()
    return {"every": every, "missing": "forward"} if complete else {}


def _known_calendar(
    dataset: SequenceDataset, given: Mapping[str, Any], trained: Transform | None
) -> dict[str, Any]:
    """Return the options with which a forecast of daily or hourly data reads its calendar, which is
    known ahead: the automatic recipe adds weekdays to two weeks of days or hours, and hours to two
    days of hours."""
    calendar, time = dataset.calendar, given.get("time") or dataset.read_as.get("time")
    others = ("change", "stateful", "calendar")
    plain = given.get("horizon") and given.get("linear") is not False
    plain = plain and not any(given.get(name) for name in others)
    if not plain or given.get("recipe") != "auto" or trained is not None or time is None:
        return {}
    own = feature_indices(dataset.targets, dataset.columns)
    if calendar is None or calendar.every not in FLAGS_OF or own is None:
        return {}
    if calendar.form.per_second:  # numbers that count since 1970 are no dates for flags
        return {}
    rows = dataset.train
    steps = rows.longest
    flags = tuple(flag for flag, n in FLAGS_OF[calendar.every].items() if steps >= n)
    future = tuple(given.get("future") or ())
    return {"calendar": flags, "future": (*future, time)} if flags and time not in future else {}


def numbered_ids(d: SequenceDataset, options: DataConfig) -> tuple[str, ...]:
    """Return the inputs of a table that are numbers, but ids by their names, if others are left.

    Numbers of wide rows are ids too if their name says number, and none occurs twice. Those that
    `--input` names are meant to be inputs.
    """
    if options.input not in (None, ALL) or "layout" not in d.read_as:
        return ()
    names = d.names or ()
    ids = tuple(
        name
        for j, name in enumerate(names)
        if says_id(name) or (says_number(name) and _differ(d.X, j))
    )
    return ids if len(ids) < len(names) else ()


def _differ(X: Any, j: int) -> bool:
    """Return whether a column of wide rows (N, F) holds another whole number in each row."""
    if X.ndim > 2 or isinstance(X, RowStore) or j >= X.shape[1]:
        return False
    values = X[:, j].astype(np.float64)
    return is_whole(values) and len(np.unique(values)) == len(values)
