"""Reads the model and the rows of a prediction or an evaluation."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.config import Config, DataConfig
from hiddenstate.data import PreparedDataset, Rows, SequenceDataset, as_rows, read_like
from hiddenstate.data.column_names import ALL, are_names, match_columns, order_note
from hiddenstate.data.origin import whole
from hiddenstate.data.prepare.known_ahead import known_steps, with_known_ahead
from hiddenstate.data.prepare.layout import pixel_fractions
from hiddenstate.data.prepare.missing import infinite_as_missing
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.data.readers.columns import Columns
from hiddenstate.data.readers.formats import is_table
from hiddenstate.data.readers.open import (
    TEXT_OPTIONS,
    existing,
    sample_columns,
    with_trained_columns,
)
from hiddenstate.data.rows import Computed, at_steps, flat_rows
from hiddenstate.engines import Predictor
from hiddenstate.engines.signals import Carried, state_before
from hiddenstate.errors import DataError, OptionError, count, printable
from hiddenstate.inference.overflow import check_inputs
from hiddenstate.inference.target_times import LaterTimes, calendar_ahead
from hiddenstate.models.fitted import FittedModel, load_model
from hiddenstate.models.weight_file import refuse_code
from hiddenstate.runs import Run, find_run
from hiddenstate.runs.run_data import run_dataset, unchanged_dataset
from hiddenstate.system.typing import Array

WINDOWS_PER_CALL, NUMBERS_PER_CALL = 4096, 2**21
"""Most windows of a series that are predicted in one call, and most numbers in these."""


def open_model(name: str, runs_dir: Path) -> tuple[FittedModel, Run | None]:
    """The model of a run or of a model file, and the run if there is one.

    Raises
    ------
    DataError
        If there is no such run or file, or it cannot be read.
    UntrustedFileError
        If the model file is damaged or could run code.
    """
    path = Path(name)
    try:
        is_file = path.is_file()
    except OSError as error:
        raise DataError(f"{printable(path)}: cannot be read: {error.strerror}") from None
    if is_file:
        refuse_code(path)
        return load_model(path)[0], None
    run = find_run(name, runs_dir)
    return run.model(), run


def config_to_answer(run: Run) -> Config:
    """Return the options of a run with which its rows are prepared for its model: one in integers
    makes them of float64, as it does of other rows."""
    config = run.config
    if config.training.quantize is None:
        return config
    return replace(config, training=replace(config.training, dtype="float64"))


def run_test_data(run: Run | None) -> PreparedDataset:
    """The prepared data of a run, with its test rows.

    Raises
    ------
    OptionError
        If there is no run, or it has no test rows.
    DataError
        If the data changed since training.
    """
    if run is None:
        raise OptionError("a model file has no test rows; pass DATA after it")
    dataset = unchanged_dataset(run, config_to_answer(run))
    if dataset.test is None or not len(dataset.test):
        raise OptionError("the run has no test rows; name data with labels or targets after it")
    return dataset


def read_new_data(
    model: FittedModel,
    name: str,
    changes: Mapping[str, Any],
    require_targets: bool,
    columns: Columns | None = None,
) -> SequenceDataset:
    """Read rows for `model` with the reading options of its training data.

    Input columns are those of the model: :mod:`hiddenstate.data.column_names` has the rule.

    Parameters
    ----------
    model : FittedModel
    name : str
        A file or folder.
    changes : mapping
        Reading options that differ from training, by name.
    require_targets : bool
        Whether labels or targets must be present.
    columns : Columns, optional
        Some rows of the table, where it was read before, or those of a frame called `name`.

    Raises
    ------
    DataError
        If the data cannot be read, a column is missing, or its columns have names where those of
        the model have none.
    """
    reading, trained = dict(model.transform.reading), model.transform.names
    chosen = changes.get("input") is not None
    if trained is not None and (are_names(trained) or reading.get("input") in (None, ALL)):
        reading["input"] = trained
    if trained is not None and reading.get("target") is None and model.net.kind.has_targets:
        reading["target"] = model.transform.targets  # the only column, which nobody named
    try:
        encodings = model.transform.encodings
        classes = model.classes or ()
        dataset = read_like(
            name, model.net.job, reading, changes, require_targets, encodings, classes, columns
        )
    except DataError:
        if columns is None:
            _check_names(name, trained, {**reading, **changes}, chosen)
        raise
    where, given = printable(dataset.name), dataset.names
    dataset = with_trained_columns(dataset, trained, chosen)
    # Pictures and sounds have no columns to be named.
    plain = given is None and (dataset.picture is not None or "rate" in dataset.read_as)
    if not plain and (note := order_note(trained, given, where)):
        dataset = replace(dataset, remarks=(*dataset.remarks, note))
    _check_channels(model, dataset)
    X, pixels = dataset.X, model.transform.pixels
    if dataset.columns is not None and pixels != (X.dtype == np.uint8):
        # The training file decides whether integers of a table are pixels.
        dataset = replace(dataset, train=replace(dataset.train, X=pixel_fractions(X, pixels)))
    return dataset if model.transform.fill is None else dataset.map(infinite_as_missing)


def _check_channels(model: FittedModel, dataset: SequenceDataset) -> None:
    """Refuse sounds with more or fewer channels than those that the model was trained on."""
    width = dataset.read_as.get("bands") or dataset.read_as.get("frame")
    if "rate" not in dataset.read_as or not width or model.net.kind.has_codes:
        return
    own, trained = (n // width for n in (dataset.X.shape[-1], model.n_features))
    if own != trained:
        raise DataError(
            f"{printable(dataset.name)}: {count(own, 'channel')}; the model was trained on "
            f"{trained}; convert it: ffmpeg -i IN.wav -ac {trained} OUT.wav"
        )


def _check_names(
    name: str, trained: tuple[str, ...] | None, reading: Mapping[str, Any], chosen: bool
) -> None:
    """Refuse a table with a header for a model without names: other errors follow from that."""
    path = existing(name)
    if chosen or are_names(trained) or not is_table(path):
        return
    text = {n: reading[n] for n in TEXT_OPTIONS if reading.get(n) is not None}
    columns = sample_columns(path, DataConfig(**text))
    if columns.named:
        match_columns(trained, columns.names, printable(path.name), chosen)


def prepare_inputs(model: FittedModel, rows: Rows, where: str) -> Rows:
    """Shape, fill in and scale rows as the net of `model` reads them.

    Parameters
    ----------
    model : FittedModel
    rows : Rows
        As read: X (N, T, I), or flat (N, F); flat rows of the right width are cut into the
        model's own steps.
    where : str
        Names the data in errors.

    Raises
    ------
    DataError
        If there are no rows, the number of features differs from training, values are missing that
        the model does not fill in, or values are so large that the network overflows.
    """
    rows = shaped_inputs(model, rows, where)
    prep, lengths = model.transform, rows.lengths
    X = prep.apply(rows.X, lengths, model.dtype, where, origin=rows.origin, ids=rows.ids)
    check_inputs(model, X, where)
    return replace(rows, X=X)


def as_trained(model: FittedModel, X: Array) -> Array:
    """Return bytes as plain numbers where columns are features: there the training rows decide
    whether whole numbers are pixels."""
    transform = model.transform
    is_plain = transform.reading.get("layout") == "features" and not transform.pixels
    return X.astype(np.float64) if is_plain and X.dtype == np.uint8 else X


def shaped_inputs(model: FittedModel, rows: Rows, where: str) -> Rows:
    """Shape rows as the net of `model` reads them; see :func:`prepare_inputs`."""
    X = rows.X
    if X.ndim == 0 or 0 in X.shape:
        raise DataError(f"{where}: no rows; the shape is {X.shape}")
    X = as_trained(model, X)
    features = model.n_features
    n_ahead = len(model.transform.known.ahead)
    if model.net.kind.has_codes:
        if rows.lengths is not None:
            raise DataError(f"{where}: an autoencoder takes rows of one length")
        X = X[None] if X.ndim == 1 else X
        X = flat_rows(X) if X.ndim != 2 else X
        if X.shape[1] != features:
            raise DataError(
                f"{where}: rows have {X.shape[1]} numbers; the model was trained on {features}"
            )
    else:
        steps = model.row_shape[0]
        cut = X.ndim == 2 and features > 1 and X.shape[1] == steps * features
        X = as_rows(X, steps if cut else None, where)
        if n_ahead and X.shape[2] != features + n_ahead:
            raise DataError(f"{where}: no values known ahead, which the model reads; use forecast")
        if not n_ahead and X.shape[2] != features:
            raise DataError(
                f"{where}: steps have {X.shape[2]} features; the model was trained on {features}"
            )
    return replace(rows, X=X)


def read_ahead(model: FittedModel, rows: Rows, where: str) -> tuple[Rows, tuple[str, ...]]:
    """Add what the model reads of the time that it predicts, where that is known."""
    transform = model.transform
    if not transform.known.ahead:
        return rows, ()
    rows = replace(rows, origin=rows.origin or whole(len(rows)))  # series keep their numbers
    rows = _with_calendar(rows, transform)
    rows, remarks = with_known_ahead(rows, transform.known, transform.own_features, where)
    return rows, tuple(remarks)


def _with_calendar(rows: Rows, transform: Transform) -> Rows:
    """Add the steps after the last target of series (N, T, I) whose calendar alone is known ahead,
    if their times are regular."""
    periods, known, origin = calendar_ahead(transform), transform.known, rows.origin
    table = None if origin is None else origin.table
    if not periods or origin is None or table is None or table.dates is None or rows.X.ndim != 3:
        return rows
    ends, h = known_steps(rows, transform.own_features), known.horizon
    if table.starts is None or not ends.all():
        return rows
    X = np.full((len(rows), max(rows.X.shape[1], int(ends.max()) + h), rows.X.shape[2]), np.nan)
    X[:, : rows.X.shape[1]] = rows.X
    for i, end in enumerate(ends.tolist()):
        later = LaterTimes(table, int(origin.series[i]), int(origin.first[i]) + end - 1)
        values = later.features(np.arange(1, h + 1), periods)
        if values is None:
            return rows
        X[i, end : end + h, known.ahead] = values.T
        X[i, end + h :] = 0
    more = X.shape[1] - rows.X.shape[1]

    def wider(values: Any) -> Any:
        if values is None or values.ndim < 2:
            return values
        return np.pad(values, ((0, 0), (0, more), *((0, 0),) * (values.ndim - 2)))

    y = wider(rows.y) if rows.y is not None and rows.y.ndim == 3 else rows.y
    return replace(rows, X=X, y=y, times=wider(rows.times), lengths=ends + h)


def state_after_training(predictor: Predictor, model: FittedModel, run: Run | None) -> Carried:
    """The state of a stateful model after the training windows of each signal, which precede its
    test windows."""
    if not model.stateful or run is None:
        return {}
    dataset = run_dataset(run, config_to_answer(run))
    return state_before(predictor, model.net, dataset.train, dataset.require_test())


def values_now(prep: Transform, rows: Rows, row: Array, step: Array) -> Computed | None:
    """Return the values (n, O) of the targets at steps of prepared rows, computed when they are
    read; None if they are not among the features."""
    first = prep.current_targets(rows.X[:0])
    if first is None:
        return None

    def some(which: slice) -> Array:
        current = prep.current_targets(at_steps(rows.X, row[which], step[which]))
        assert current is not None
        return current

    return Computed(some, (len(row), first.shape[-1]))


def windows_per_call(X: Array, window: int) -> int:
    """Return how many windows of series X (..., I) are predicted in one call: as many times 64, so
    that the last bit of an answer does not depend on it."""
    n_blocks: int = NUMBERS_PER_CALL // (window * X.shape[-1] * 64)
    return min(WINDOWS_PER_CALL, 64 * max(1, n_blocks))
