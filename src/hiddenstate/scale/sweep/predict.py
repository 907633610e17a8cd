"""Predictions and forecasts of all groups of a sweep, as one table with the groups first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.config import DataConfig, make_config
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.data.readers.columns import Columns
from hiddenstate.errors import (
    DataError,
    HiddenstateError,
    UntrustedFileError,
    count,
    listed,
    printable,
)
from hiddenstate.inference.forecast import trained_steps
from hiddenstate.inference.inputs import read_new_data
from hiddenstate.inference.outlook import Outlook, outlook_of
from hiddenstate.inference.overflow import checked_predictor
from hiddenstate.inference.predict import Prediction, predict_data
from hiddenstate.models.fitted import FittedModel
from hiddenstate.scale.sweep.groups import GroupedTable, Key, fingerprint, name_of, read_groups
from hiddenstate.scale.sweep.models import REPAIR, SweepModels
from hiddenstate.scale.sweep.packets import group_columns
from hiddenstate.scale.sweep.work import as_values, group_dataset
from hiddenstate.system.typing import Array
from hiddenstate.training.start import plan

NAMED = 3
"""Most groups that an error names."""


@dataclass(frozen=True)
class SweepTable:
    """A table to predict with the models of a sweep, cut into groups.

    Parameters
    ----------
    models : SweepModels
    table : GroupedTable
    changes : dict
        Reading options that differ from training, by name.
    keys : list of tuple of str
        The groups to predict, in the order of the table.
    remarks : tuple of str
        Which groups are left out, and why.
    """

    models: SweepModels
    table: GroupedTable
    changes: dict[str, Any]
    keys: list[Key]
    remarks: tuple[str, ...]

    def columns(self, key: Key) -> Columns:
        """Return the rows of a group."""
        return group_columns(self.table, self.table.numbers[key])

    def remark(self, key: Key, text: str) -> str:
        """Return what is to be said of a group, with its name."""
        return f"{name_of(key, self.models.by)}: {text}"


def read_sweep_table(
    models: SweepModels,
    path: str,
    reading: Mapping[str, Any],
    skip_unknown: bool,
    skip_damaged: bool | None = None,
) -> SweepTable:
    """Read a table to predict with the models of a sweep.

    Parameters
    ----------
    models : SweepModels
    path : str
        A table with the columns of the groups.
    reading : mapping
        Reading options; None is as in training.
    skip_unknown : bool
        Whether groups without a model are left out, with a remark, instead of refused.
    skip_damaged : bool, optional
        Likewise for groups whose record is damaged; by default, as `skip_unknown`.

    Raises
    ------
    DataError
        If the table cannot be read, or has groups without a model.
    UntrustedFileError
        If it has groups whose record is damaged.
    """
    table = read_new_groups(models, path, reading)
    changes = {name: value for name, value in reading.items() if value is not None}
    unknown = {key: why for key in table.keys if (why := models.why_not(key))}
    remarks = tuple(f"{name_of(key, models.by)}: no model: {why}" for key, why in unknown.items())
    damaged = [key for key in unknown if models.is_damaged(key)]
    if damaged and not (skip_unknown if skip_damaged is None else skip_damaged):
        key = damaged[0]
        more = f", and {len(damaged) - 1:,} more" if len(damaged) > 1 else ""
        raise UntrustedFileError(
            f"{printable(models.folder.path)}: group {name_of(key, models.by)} {unknown[key]}{more}"
            f"; {REPAIR}, or leave it out with --skip-unknown"
        )
    if unknown and not skip_unknown:
        some = "; ".join(
            f"{name_of(key, models.by)} ({printable(why, 80)})"
            for key, why in list(unknown.items())[:NAMED]
        )
        more = f" and {len(unknown) - NAMED:,} more" if len(unknown) > NAMED else ""
        raise DataError(
            f"{printable(table.path.name)}: {len(unknown):,} of {count(len(table), 'group')} have "
            f"no model: {some}{more}; leave them out with --skip-unknown"
        )
    keys = [key for key in table.keys if key not in unknown]
    if not keys:
        raise DataError(f"{printable(table.path.name)}: none of its groups has a model")
    return SweepTable(models, table, changes, keys, remarks)


def read_new_groups(models: SweepModels, path: str, reading: Mapping[str, Any]) -> GroupedTable:
    """Read a table as that of a sweep was, but for options that are not None; find its groups."""
    about, changes = models.about, {n: value for n, value in reading.items() if value is not None}
    options = _options(about["job"], {**as_values(about["options"]), **changes})
    encodings = {e.column: e for key in models for e in _encodings(models, key)}
    texts = tuple(name for name, encoding in encodings.items() if encoding.values)
    by_text = tuple(about["by_text"])
    return read_groups(Path(path), options, models.by, about["job"], by_text, False, texts)


def _encodings(models: SweepModels, key: Key) -> Sequence[Any]:
    """Return how the model of a group encodes text, from its facts alone where there is none."""
    return models.model(key).transform.encodings


def _options(job: str, values: Mapping[str, Any]) -> DataConfig:
    return make_config(job, values, together=False).data


def predict_sweep(
    given: SweepTable,
    proba: bool = False,
    device: str = "auto",
    threads: int = 1,
    tell: Callable[[], None] = lambda: None,
) -> Prediction:
    """Predict the rows of each group with its own model.

    Parameters
    ----------
    given : SweepTable
    proba : bool, default False
        Add the probability of each class (classifiers).
    device : str, default "auto"
    threads : int, default 1
    tell : callable
        Called after each group.

    Raises
    ------
    HiddenstateError
        If the rows of a group do not fit its model; the message names the group.
    """

    def predicted(key: Key, model: FittedModel) -> Prediction:
        dataset = read_new_data(
            model, str(given.table.path), given.changes, False, given.columns(key)
        )
        predictor = checked_predictor(model, device, threads)
        return predict_data(model, predictor, dataset, proba)

    return _of_all(given, predicted, tell)


def forecast_sweep(
    given: SweepTable,
    horizon: int | None,
    levels: list[float],
    is_own: bool,
    future: GroupedTable | None = None,
    future_reading: Mapping[str, Any] | None = None,
    device: str = "auto",
    threads: int = 1,
    skip: bool = False,
    tell: Callable[[], None] = lambda: None,
    show: Callable[[str, Outlook], None] | None = None,
) -> Prediction:
    """Forecast the steps after the end of the series of each group.

    Parameters
    ----------
    given : SweepTable
    horizon : int, optional
        Number of steps; by default as many as the models were trained for.
    levels : list of float
        Levels of the intervals, between 0 and 1.
    is_own : bool
        Whether the table is the one that the models were trained on: their held-out parts then
        calibrate the intervals.
    future : GroupedTable, optional
        The columns known ahead at the steps to forecast, for each group; by default the rows of the
        table after its last target.
    future_reading : mapping, optional
        The reading options of `future` that differ from training, by name.
    device, threads, tell
        As for :func:`predict_sweep`.
    skip : bool, default False
        Whether groups that cannot be forecast, as their series are too short or have missing
        values, are left out with a remark.
    show : callable, optional
        Called with the name of each group and its forecast.

    Raises
    ------
    HiddenstateError
        If the model of a group does not forecast or, unless it is left out, its series cannot be
        forecast; names the group.
    """
    about = given.models.about
    values = {**as_values(about["options"]), "data": str(given.table.path)}
    name = given.table.path.name

    def forecasted(key: Key, model: FittedModel) -> Prediction:
        columns = given.columns(key)
        dataset = read_new_data(model, str(given.table.path), given.changes, False, columns)
        predictor, trained_on = checked_predictor(model, device, threads), None
        if is_own and levels:  # only where the held-out steps begin
            config, read = plan(
                about["job"], values, read=lambda config: group_dataset(columns, config, name)
            )
            if config.data.test_fraction:
                trained_on = prepare(read, config, model.transform)
        known = None if future is None else _rows_of_group(future, key)
        made = outlook_of(
            model,
            predictor,
            dataset,
            horizon or trained_steps(model),
            levels,
            None,
            None if future is None else str(future.path),
            future_reading,
            trained_on=trained_on,
            future_columns=known,
        )
        part = made.prediction()
        if show is not None:
            show(name_of(key, about["by"]), made)
        if why := made.without_intervals():
            few[key] = why
        return replace(part, remarks=tuple(each for each in part.remarks if each != why))

    few: dict[Key, str] = {}
    made = _of_all(given, forecasted, tell, skip)
    remarks = _summary(given, few, "without all intervals")
    return replace(made, remarks=(*remarks, *made.remarks))


def _summary(given: SweepTable, reasons: Mapping[Key, str], what: str) -> tuple[str, ...]:
    """Return one remark on groups that something is true of, with the first ones and why."""
    if not reasons:
        return ()
    each = [given.remark(key, f"{why}") for key, why in list(reasons.items())[:NAMED]]
    more = f"; and {len(reasons) - NAMED:,} more" if len(reasons) > NAMED else ""
    return (f"{count(len(reasons), 'group')} {what}: {'; '.join(each)}{more}",)


def _rows_of_group(table: GroupedTable, key: Key) -> Columns:
    """Return the rows of a group in a second table."""
    number = table.numbers.get(key)
    if number is None:
        raise DataError(
            f"{printable(table.path.name)}: no rows of group {name_of(key, table.by)}, which is to "
            f"be forecast; groups there: {listed([name_of(each, table.by) for each in table.keys])}"
        )
    return group_columns(table, number)


def own_table(models: SweepModels) -> str:
    """Return the path of the table that a sweep was trained on.

    Raises
    ------
    DataError
        If it is not there, or is not as it was.
    """
    stored = models.about["table"]
    path = Path(str(stored.get("path")))
    if not path.is_file():
        raise DataError(f"{printable(path)}: the table of the sweep is not there; pass DATA")
    if fingerprint(path) != stored.get("sha256"):
        raise DataError(
            f"{printable(path)}: changed since the sweep was trained; pass it as DATA to use it as "
            "it is now"
        )
    return str(path)


def _of_all(
    given: SweepTable,
    predict: Callable[[Key, FittedModel], Prediction],
    tell: Callable[[], None],
    skip: bool = False,
) -> Prediction:
    """Return the predictions of all groups as one table; with `skip`, without those whose rows
    cannot be predicted."""
    parts: list[dict[str, Array]] = []
    keys, left_out, remarks = [], dict[Key, str](), list(given.remarks)
    for key in given.keys:
        try:
            part = predict(key, given.models.model(key))
        except HiddenstateError as error:
            named = type(error)(given.remark(key, f"{error}"))
            is_last = key == given.keys[-1] and not parts
            if not skip or not isinstance(error, DataError) or is_last:
                raise named from None
            left_out[key] = f"{error}"
            tell()
            continue
        remarks += [given.remark(key, remark) for remark in part.remarks]
        parts.append(_placed(part, given.table.rows(given.table.numbers[key])))
        keys.append(key)
        tell()
    remarks = [*_summary(given, left_out, "left out"), *remarks]
    return Prediction(_joined(given.models.by, keys, parts), tuple(remarks))


def _placed(part: Prediction, rows: Array) -> dict[str, Array]:
    """Return the columns of a group's prediction, with the row of each in the whole table."""
    columns = dict(part.columns)
    if "row" in columns:
        own = columns["row"]
        known = np.array([row is not None for row in own.tolist()])  # others were missing steps
        columns["row"] = own.copy()
        columns["row"][known] = rows[own[known].astype(np.int64)]
    return columns


def _joined(
    by: Sequence[str], keys: Sequence[Key], parts: Sequence[Mapping[str, Array]]
) -> dict[str, Array]:
    """Return the columns of all groups, after those that name the group."""
    names = list(dict.fromkeys(name for part in parts for name in part))
    sizes = [len(next(iter(part.values()))) for part in parts]
    joined: dict[str, Array] = {}
    for k, name in enumerate(by):
        values = np.empty(len(parts), object)
        values[:] = [key[k] for key in keys]
        joined[f"group_{name}" if name in names else name] = np.repeat(values, sizes)
    for name in names:
        joined[name] = _column([part.get(name) for part in parts], sizes)
    return joined


def _column(parts: Sequence[Array | None], sizes: Sequence[int]) -> Array:
    """Return one column of all groups; where a group does not have it, it is nan or empty."""
    kinds = {part.dtype.kind for part in parts if part is not None}
    if kinds <= set("iufb"):
        numbers = [
            np.full(n, np.nan) if part is None else part
            for part, n in zip(parts, sizes, strict=True)
        ]
        return np.asarray(np.concatenate(numbers))
    texts = [
        np.full(n, "", object) if part is None else part.astype(object)
        for part, n in zip(parts, sizes, strict=True)
    ]
    column: Array = np.concatenate(texts)
    if len({type(value) for value in column.tolist()} - {type(None)}) > 1:
        column[:] = [value if value is None else str(value) for value in column.tolist()]
    return column
