"""Applies `--future` and `--static` to the series that a job trains on."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hiddenstate.config import Config
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.prepare.encoding import OF_FLAGS, encoded_features, source_names, spans
from hiddenstate.data.prepare.known_ahead import (
    KnownAhead,
    check_static,
    known_ahead,
    without_ends,
)
from hiddenstate.data.prepare.layout import own_part
from hiddenstate.data.prepare.linear import Names, all_above_zero, path_of_rows
from hiddenstate.data.prepare.linear_path import LinearPath
from hiddenstate.data.prepare.transform import feature_indices
from hiddenstate.data.rows import Rows
from hiddenstate.data.store import RowStore
from hiddenstate.errors import OptionError, count, did_you_mean, listed, printable
from hiddenstate.system.notice import Remark
from hiddenstate.system.typing import Array


def added_inputs(dataset: SequenceDataset, config: Config, where: str) -> tuple[int, ...] | None:
    """Return the features that are added to the outputs of the net, one to each; None if none."""
    if config.data.change:
        return own_values("--change", dataset, where)
    if not config.data.input_skip:
        return None
    n_targets, n_inputs = dataset.train.require_targets().shape[-1], dataset.X.shape[-1]
    if n_targets > n_inputs:
        raise OptionError(
            f"--input-skip: {where} has {count(n_targets, 'target')}, which need an input each, "
            f"but {count(n_inputs, 'input')}; leave it out"
        )
    return tuple(range(n_targets))


def own_values(option: str, dataset: SequenceDataset, where: str) -> tuple[int, ...]:
    """Return the features that hold the current values of the targets, which `option` reads."""
    indices = feature_indices(dataset.targets, dataset.columns)
    if indices is None:
        raise OptionError(
            f"{option}: {where} has no named targets among its inputs; name them in --input too"
        )
    return indices


def known_features(dataset: SequenceDataset, config: Config) -> KnownAhead:
    """Return the features that `--future` and `--static` name (`OptionError` if there are none)."""
    data = config.data
    if not config.kind.has_targets or not (data.future or data.static):
        return KnownAhead([], [], dataset.columns or (), data.horizon or 0)
    try:
        return known_ahead(
            data.future, data.static, data.horizon, dataset.columns, dataset.encodings
        )
    except KeyError as error:
        name = str(error.args[0])
        flag = "--future" if name in (data.future or ()) else "--static"
        names = source_names(dataset.columns, dataset.encodings) or ()
        raise OptionError(
            f"{flag}: {printable(name, 40)} is not among the inputs of {printable(dataset.name)}"
            f"{did_you_mean(name, names)}; inputs: {listed(names) or 'without names'}"
        ) from None


def past_inputs(dataset: SequenceDataset, config: Config, own: Sequence[int]) -> list[int]:
    """Return the features whose past may say something of targets, the features `own`: numbers
    that change within a series and are not known ahead. `dataset` is that of `with_moved`."""
    known, columns = known_features(dataset, config), dataset.columns or ()
    columns = columns[: len(columns) - len(known.ahead)]
    encoded = encoded_features(columns, dataset.encodings, len(columns))
    left_out = {*own, *known.ahead, *known.static, *np.flatnonzero(encoded).tolist()}
    X = dataset.train.X
    return [k for k in range(len(columns)) if k not in left_out and _changes(X[..., k])]


def _changes(values: Array) -> bool:
    """Return whether the known values of one of series (N, T) differ; they may end in zeros."""
    known = np.isfinite(values[:, 1:]) & np.isfinite(values[:, :-1])
    return bool((known & (values[:, 1:] != values[:, :-1])).any())


def known_part(
    dataset: SequenceDataset, config: Config, where: str
) -> tuple[SequenceDataset, list[str]]:
    """With `--future`, leave out the steps after the last known target, which forecasts read."""
    known, remarks = known_features(dataset, config), list[str]()
    if not (known.ahead or known.static):
        return dataset, remarks
    if config.data.stateful:
        flag = "--future" if known.ahead else "--static"
        raise OptionError(f"{flag}: a carried state forecasts no later steps; add --no-stateful")
    own = own_values("--future" if known.ahead else "--static", dataset, where)
    if both := sorted({*own} & {*known.ahead, *known.static}):
        raise OptionError(
            f"--future: {printable(known.names[both[0]], 40)} is a target, which is not known ahead"
        )
    if isinstance(dataset.X, RowStore):
        raise OptionError(f"--future: {where} is read from disk; leave it out")

    def part(rows: Rows) -> Rows:
        each, name = own_part(rows, dataset, config, where)
        check_static(rows, known, name)
        rows, words = without_ends(rows, own, name) if known.ahead else (rows, [])
        remarks.extend(Remark(line, each) for line in words)
        return rows

    return dataset.map(part), remarks


def with_moved(dataset: SequenceDataset, config: Config) -> SequenceDataset:
    """With `--future`, add the values of columns known ahead at the time that is predicted."""
    known = known_features(dataset, config)
    if not known.ahead:
        return dataset
    moved = dataset.map(lambda rows: replace(rows, X=known.moved(rows.X, rows.lengths)))
    return replace(moved, columns=known.all_names)


def without_future_rows(
    dataset: SequenceDataset, future: tuple[str, ...] | None
) -> SequenceDataset:
    """Return training series without the steps after their last target, if columns are known
    ahead: training does not read them."""
    own, X = feature_indices(dataset.targets, dataset.columns), dataset.X
    if not future or own is None or isinstance(X, RowStore) or X.ndim < 3:
        return dataset
    train, remarks = without_ends(dataset.train, own, printable(dataset.name))
    return replace(dataset, train=train, remarks=(*dataset.remarks, *remarks))


def linear_path(
    train: Rows, dataset: SequenceDataset, config: Config, where: str
) -> LinearPath | None:
    """With `--linear`, fit a linear path on training series that are not cut into windows."""
    if not config.kind.has_targets or not config.data.linear:
        return None
    if isinstance(train.X, RowStore) or train.X.dtype == np.uint8:
        raise OptionError(f"--linear: {where} is read from disk or holds pixels; use --no-linear")
    own = own_values("--linear", dataset, where)
    read = [dataset.train, *([dataset.test] if dataset.test is not None else [])]
    log = all(all_above_zero(rows, own) for rows in read)
    ahead = known_features(dataset, config).ahead
    inputs = past_inputs(dataset, config, own) if config.data.linear_inputs else None
    horizon, window, seasons = config.data.horizon or 1, config.data.window, config.data.season
    names = None
    if config.data.linear_inputs:
        names = Names(_ahead_by_name(dataset, config), dataset.columns or (), len(own))
    from threadpoolctl import threadpool_limits  # late: it is not needed to start

    with threadpool_limits(1):  # many small products, for which threads wait longer than they work
        return path_of_rows(train, own, horizon, window, log, ahead, inputs, seasons, names)


def _ahead_by_name(dataset: SequenceDataset, config: Config) -> dict[str, list[int]]:
    """Return the features of each column known ahead, of all that are, by its name in words."""
    encodings = {e.column: e for e in dataset.encodings}
    parts = dict(spans(dataset.columns or (), dataset.encodings))
    named, first = {}, 0
    for column in config.data.future or ():
        encoding = encodings.get(column)
        periods = () if encoding is None else encoding.calendar
        words = " and ".join(OF_FLAGS.get(period, period) for period in periods) or column
        size = parts[column].stop - parts[column].start
        named[words] = list(range(first, first + size))
        first += size
    return named
