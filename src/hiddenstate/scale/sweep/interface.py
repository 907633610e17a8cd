"""A sweep in Python: `sweep` trains one model a group of a table, and `load_sweep` reads them."""

import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hiddenstate.config.option import JOBS
from hiddenstate.config.parameters import errors_for_python
from hiddenstate.errors import DataError, OptionError, did_you_mean, printable
from hiddenstate.estimators.files import restored
from hiddenstate.models.fitted import model_of_bytes
from hiddenstate.scale.sweep.cluster import DaskCluster
from hiddenstate.scale.sweep.drive import Driver
from hiddenstate.scale.sweep.groups import Key, name_of
from hiddenstate.scale.sweep.models import SweepModels
from hiddenstate.scale.sweep.options import Shard, sweep_options
from hiddenstate.scale.sweep.pool import LocalPool, Trainers
from hiddenstate.scale.sweep.predict import (
    forecast_sweep,
    own_table,
    predict_sweep,
    read_new_groups,
    read_sweep_table,
)
from hiddenstate.scale.sweep.results import damage_lines, result_rows, write_results
from hiddenstate.scale.sweep.start import begin, open_sweep
from hiddenstate.scale.sweep.store import SweepFolder
from hiddenstate.system.typing import Array

Group = str | int | tuple[str | int, ...]
"""The value of a group's column, or those of several."""


class SweepResult(Mapping[Group, Any]):
    """The models of a sweep, by group: estimators that predict, forecast and export.

    Parameters
    ----------
    folder : path
        The folder of the sweep.

    Attributes
    ----------
    folder : Path
    by : tuple of str
        The columns whose values together name a group.
    results : list of dict
        One for each group that was trained or failed: its values, `status` (done, beaten, failed or
        damaged), `score` with `value` and `baseline`, `rows`, `updates`, `seconds` and `reason`.

    Raises
    ------
    DataError
        If the folder holds no sweep.
    UntrustedFileError
        If a file in it is damaged.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._models = SweepModels(SweepFolder(self.folder))
        self.by = self._models.by
        self.results: list[dict[str, Any]] = result_rows(self._models.records, self.by)

    def __len__(self) -> int:
        return sum(1 for _ in self._models)

    def __iter__(self) -> Iterator[Group]:
        return (key if len(key) > 1 else key[0] for key in self._models)

    def __getitem__(self, group: Group) -> Any:
        """Return the estimator of a group, as `load` returns it from a model file.

        Raises
        ------
        KeyError
            If there is no such group, or it failed; says why.
        """
        key = self._key(group)
        try:
            content = self._models.model_bytes(key)
        except DataError as error:
            raise KeyError(str(error)) from None
        where = f"{self.folder}: {name_of(key, self.by)}"
        return restored(*model_of_bytes(content, where), where)

    def __repr__(self) -> str:
        return f"SweepResult({str(self.folder)!r}, {len(self)} models)"

    def predict(
        self, table: str | os.PathLike[str], proba: bool = False, skip_unknown: bool = False
    ) -> dict[str, Array]:
        """Predict the rows of a table, those of each group with its own model.

        Parameters
        ----------
        table : path
        proba : bool, default False
            Add the probability of each class (classifiers).
        skip_unknown : bool, default False
            Leave out groups that have no model.

        Returns
        -------
        dict of ndarray
            Columns of equal length: the groups, the place of each row, and the predictions.

        Raises
        ------
        HiddenstateError
            If the table cannot be read, or does not fit the models.
        """
        with errors_for_python():
            given = read_sweep_table(self._models, _path_of(table), {}, skip_unknown)
            return predict_sweep(given, proba).columns

    def forecast(
        self,
        horizon: int = 12,
        table: str | os.PathLike[str] | None = None,
        level: tuple[float, ...] = (0.8, 0.95),
        skip_unknown: bool = False,
        future: str | os.PathLike[str] | None = None,
    ) -> dict[str, Array]:
        """Forecast the steps after the end of the series of each group.

        Parameters
        ----------
        horizon : int, default 12
            Number of steps.
        table : path, optional
            The series; by default, those that the models were trained on.
        level : tuple of float, default (0.8, 0.95)
            Levels of the intervals.
        skip_unknown : bool, default False
            Leave out groups of `table` that have no model.
        future : path, optional
            A table with the columns known ahead at the steps to forecast, and those of the groups;
            by default the rows after the last target.

        Returns
        -------
        dict of ndarray
            Columns of equal length, as `hiddenstate forecast` prints them.

        Raises
        ------
        HiddenstateError
            If a model does not forecast, or a series is too short; names the group.
        """
        with errors_for_python():
            is_own = table is None
            path = own_table(self._models) if table is None else _path_of(table)
            left_out = skip_unknown or is_own
            given = read_sweep_table(self._models, path, {}, left_out, skip_unknown)
            ahead = None
            if future is not None:
                ahead = read_new_groups(self._models, _path_of(future), {})
            skip = skip_unknown or (is_own and ahead is None)
            made = forecast_sweep(given, horizon, list(level), is_own, ahead, skip=skip)
        for remark in made.remarks:
            if remark not in given.remarks:
                warnings.warn(remark, stacklevel=2)
        return made.columns

    def _key(self, group: Group) -> Key:
        return tuple(map(str, group)) if isinstance(group, tuple) else (str(group),)


def sweep(
    table: str | os.PathLike[str],
    by: str | tuple[str, ...],
    job: str,
    folder: str | os.PathLike[str],
    n_jobs: int = 0,
    scheduler: str | None = None,
    retry_failed: bool = False,
    **options: Any,
) -> SweepResult:
    """Train one model for each group of a table; groups that are trained already are kept.

    Parameters
    ----------
    table : path
        A table in any supported format.
    by : str or tuple of str
        The columns whose values together name a group.
    job : {"classify", "regress", "autoencode"}
    folder : path
        The folder of the sweep, new or of the same sweep.
    n_jobs : int, default 0
        Processes on this machine; 0 or -1 is one for each core.
    scheduler : str, optional
        Address of a Dask scheduler, whose workers train instead.
    retry_failed : bool, default False
        Train groups again that failed before.
    **options
        Options of the job as on the command line: `target="units"`, `time="day"`, `horizon=1`, ...

    Returns
    -------
    SweepResult
        Its `results` list each group with its status; a group that fails raises nothing.

    Raises
    ------
    HiddenstateError
        If the table or the options do not fit, or the folder holds another sweep.
    TypeError
        If `table` is no path, such as a frame.
    """
    with errors_for_python():
        if job not in JOBS:
            raise OptionError(
                f"job: expected {', '.join(JOBS)}, got {printable(job, 40)}"
                f"{did_you_mean(str(job), JOBS)}"
            )
        for name in options:
            if name not in sweep_options(job):
                raise OptionError(
                    f"--{name.replace('_', '-')}: a sweep of {job} has no such option"
                    f"{did_you_mean(name, sweep_options(job))}"
                )
        columns = (by,) if isinstance(by, str) else tuple(by)
        made = open_sweep(Path(_path_of(table)).absolute(), columns, job, options, Path(folder))
        workers = _workers(n_jobs, scheduler)
        try:
            begin(made)
            with made.folder.lock(0, 1):
                records, unnamed = made.folder.contents(is_writer=True)
                for line in damage_lines(records, unnamed, Shard(), columns):
                    warnings.warn(line, RuntimeWarning, stacklevel=2)
                missing = made.missing(records, Shard(), retry_failed)
                Driver(made, workers, Shard()).train(missing)
                write_results(made.folder, columns)
        finally:
            workers.close()
        return SweepResult(folder)


def load_sweep(folder: str | os.PathLike[str]) -> SweepResult:
    """Return the models of a sweep that was trained before; see :class:`SweepResult`.

    Parameters
    ----------
    folder : path

    Raises
    ------
    DataError
        If it holds no sweep.
    """
    with errors_for_python():
        return SweepResult(folder)


def _path_of(table: Any) -> str:
    """Return the path of a table (`TypeError`)."""
    if isinstance(table, (str, os.PathLike)):
        return os.fspath(table)
    raise TypeError(
        f"table: expected the path of a table, got {type(table).__name__}; a frame is read from a "
        "file, so write it first, with to_csv or to_parquet"
    )


def _workers(n_jobs: int, scheduler: str | None) -> Trainers:
    if n_jobs < -1:
        raise OptionError(f"n_jobs: expected -1, 0 or a number of processes, got {n_jobs}")
    return LocalPool(max(n_jobs, 0)) if scheduler is None else DaskCluster(scheduler)
