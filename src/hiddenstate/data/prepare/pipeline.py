"""A dataset as it was read -> the dataset a job trains on: laid out, held out, scaled."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.config import Config, DataConfig, section_options
from hiddenstate.data.dataset import Rows, SequenceDataset, as_rows, flat_rows, fractions
from hiddenstate.data.prepare.split import hold_out, split_signal
from hiddenstate.data.prepare.transform import (
    Preparation,
    check_finite,
    fit_preparation,
    lacking,
    places_of,
)
from hiddenstate.data.prepare.windows import cut_windows
from hiddenstate.data.store import RowStore
from hiddenstate.errors import DataError, OptionError, printable
from hiddenstate.system.typing import Array

READING = (
    "steps", "channels_first", "layout", "label", "input", "target", "horizon", "id", "time",
    "group", "weight", "delimiter", "decimal", "encoding", "image_size", "color", "window",
    "stride",
)  # fmt: skip
"""Options that say how a file is read; a model keeps them for the next one."""


HUGE = 1e100
"""Weights beyond this are divided by the largest."""


def prepare(
    dataset: SequenceDataset, config: Config, preparation: Preparation | None = None
) -> SequenceDataset:
    """Lay `dataset` out for the job of `config`, hold rows out, fill in, weigh and scale.

    `preparation` is what was fitted on other rows before, where a model learns on.

    Raises
    ------
    DataError
        For data that does not fit, naming it and the mend.
    """
    where, how, job = printable(dataset.name), config.data, config.job
    dataset = _with_sane_weights(dataset)
    seen = dataset.fingerprint_read or (dataset.fingerprint() if _counts(dataset) else None)
    dataset = _numbered(dataset, config, where) if job != "regress" else dataset
    dataset = _as_trained(dataset)
    dataset = _laid_out(dataset, config, where)
    if how.missing == "forward" and job == "autoencode":
        raise OptionError("--missing: flat rows have no step before; use mean or mask")
    if how.missing == "error":
        _check_whole(dataset, config, where)
    parts: dict[str, Any] = {n: getattr(dataset, n) for n in ("train", "test", "valid")}
    parts = _held_out(parts, config, where)
    remarks = list(dataset.remarks)
    for name, rows in parts.items():
        whole = name == "test" and job == "regress" and not how.stateful  # steps are left out
        if rows is not None and how.missing != "error" and not whole:
            parts[name], said = _dropped(rows, how.missing, _called(name, config, where))
            remarks += said
        elif rows is not None and how.missing == "drop" and isinstance(rows.X, np.ndarray):
            # A net may answer an infinite value with a finite one, a missing one never.
            parts[name] = replace(rows, X=np.where(np.isinf(rows.X), np.nan, rows.X))
    train: Rows = parts["train"]
    if job == "classify":
        _check_learnable(train, dataset.classes or [], where)
    prep = preparation or fit_preparation(
        train,
        how.missing,
        how.scale,
        scale_targets=job == "regress",
        change=_changing(dataset, config, where),
        columns=dataset.columns,
        targets=dataset.targets,
        reading=_reading(dataset, config),
    )
    dtype = config.training.dtype
    for name, rows in parts.items():
        if rows is not None:
            X = prep.apply(rows.X, rows.lengths, dtype, where, check=False)
            y = rows.y
            if job == "regress" and y is not None:
                y = prep.apply_targets(y, X, rows.lengths, dtype)
            parts[name] = replace(rows, X=X, y=y)
    parts["train"] = _weighed(parts["train"], config)
    return replace(
        dataset, **parts, preparation=prep, fingerprint_read=seen, remarks=tuple(remarks)
    )


def _changing(dataset: SequenceDataset, config: Config, where: str) -> tuple[int, ...] | None:
    """Which features are the targets now, with `--change`."""
    if config.job != "regress" or not config.data.change:
        return None
    places = places_of(dataset.targets, dataset.columns)
    if places is None:
        raise OptionError(
            f"--change: {where} has no named targets among its inputs; name them in --input too"
        )
    return places


def _reading(dataset: SequenceDataset, config: Config) -> dict[str, Any]:
    """How the data was read, for the next file: the options, only those the job has."""
    names = section_options(DataConfig, config.job)
    reading = {name: getattr(config.data, name) for name in READING if name in names}
    for name, value in dataset.read_as.items():
        if name in reading and reading[name] in (None, "auto"):
            reading[name] = value
    if config.job == "regress" and dataset.y is not None and dataset.y.ndim < 3:
        reading["window"] = 0  # one answer a series: it was read whole
    return reading


def _with_sane_weights(dataset: SequenceDataset) -> SequenceDataset:
    """Weights whose sums stay finite: only their ratio counts."""
    weights = dataset.train.weights
    if weights is None or not weights.max(initial=0) > HUGE or not np.isfinite(weights).all():
        return dataset
    return replace(dataset, train=replace(dataset.train, weights=weights / weights.max()))


def _counts(dataset: SequenceDataset) -> bool:
    """Whether anyone will ask for the data's fingerprint: arrays in memory may change at will."""
    return dataset.source != "arrays"


def _as_trained(dataset: SequenceDataset) -> SequenceDataset:
    """Test rows of a table that are pixels where the training rows are, and only there."""
    test, pixels = dataset.test, dataset.X.dtype == np.uint8
    if test is None or dataset.columns is None or pixels == (test.X.dtype == np.uint8):
        return dataset
    return replace(dataset, test=replace(test, X=as_pixels(test.X, pixels)))


def as_pixels(X: Any, pixels: bool) -> Any:
    """Numbers of a table (N, F) in the meaning another one's have: fractions of 255, or plain."""
    return X[:] / 255 if pixels else X[:].astype(np.float64)


def _numbered(dataset: SequenceDataset, config: Config, where: str) -> SequenceDataset:
    """Labels turned into class numbers, in the order of the sorted labels."""
    if dataset.y is None or dataset.classes is not None:
        return dataset
    labels, y = np.unique(dataset.y, return_inverse=True)
    parts: dict[str, Any] = {"train": replace(dataset.train, y=y.astype(np.int64))}
    for name, rows in (("test", dataset.test), ("valid", dataset.valid)):
        if rows is not None and rows.y is not None:
            parts[name] = replace(
                rows, y=class_numbers(rows.y, labels, _called(name, config, where))
            )
    return replace(dataset, classes=labels.tolist(), **parts)


def _called(part: str, config: Config, where: str) -> str:
    """What a part of the data is called in errors: its file, where it has one of its own."""
    own = config.data.test if part == "test" else None
    return printable(Path(own).name) if own else f"{where}: {part}"


def class_numbers(y: Array, labels: Any, where: str) -> Array:
    """The place of each label of `y` (N,) among the sorted `labels`.

    Raises
    ------
    DataError
        For a label that is none of them.
    """
    labels = np.asarray(labels)
    if labels.dtype.kind != y.dtype.kind and "U" in (labels.dtype.kind, y.dtype.kind):
        labels, y = labels.astype(str), y.astype(str)
    order = np.argsort(labels)  # numbers as text are in another order
    place = order[np.minimum(np.searchsorted(labels, y, sorter=order), len(labels) - 1)]
    strange = np.flatnonzero(labels[place] != y)
    if strange.size:
        raise DataError(
            f"{where} row {strange[0]} has label {printable(y[strange[0]], 40)}, which no "
            "training row has"
        )
    return np.asarray(place, np.int64)


def _laid_out(dataset: SequenceDataset, config: Config, where: str) -> SequenceDataset:
    """Every part in the shape the job reads."""
    parts = {}
    for name in ("train", "test", "valid"):
        rows = getattr(dataset, name)
        if rows is None:
            continue
        if rows.lengths is not None and config.data.steps is not None:
            raise OptionError(
                f"--steps: cuts rows of one length, {where} has series of "
                f"{rows.lengths.min()} to {rows.lengths.max()} steps; leave it out"
            )
        if config.job != "autoencode":
            parts[name] = replace(rows, X=as_rows(rows.X, config.data.steps, where))
        elif rows.lengths is not None:
            raise DataError(
                f"{where}: an autoencoder takes rows of one length, these have "
                f"{rows.lengths.min()} to {rows.lengths.max()} steps; cut or resample them"
            )
        else:
            parts[name] = replace(rows, X=flat_rows(rows.X))
    dataset = replace(dataset, **parts)
    if config.job == "regress" and dataset.y is None and config.data.horizon:
        dataset = _forecasting_itself(dataset)
    if config.job == "classify":
        if dataset.y is None:
            raise DataError(f"{where}: no labels; name their column with --label, or add them")
        _check_labels(dataset, where)
    elif config.job == "regress":
        _check_answers(dataset, config, where)
    return dataset


def _forecasting_itself(dataset: SequenceDataset) -> SequenceDataset:
    """Series without targets, with their own features for targets."""
    width = dataset.X.shape[-1]
    names = dataset.columns
    if names is None or len(names) != width:
        names = ("value",) if width == 1 else tuple(f"value_{i}" for i in range(width))
    parts = {}
    for name in ("train", "test", "valid"):
        rows = getattr(dataset, name)
        if rows is not None:
            X = rows.X[:]
            parts[name] = replace(rows, X=X, y=fractions(X, np.float64))
    return replace(dataset, columns=names, targets=names, **parts)


def _check_labels(dataset: SequenceDataset, where: str) -> None:
    """Refuse labels that are all one, or of a class with one row."""
    assert dataset.classes is not None
    assert dataset.y is not None
    counts = np.bincount(dataset.y, minlength=len(dataset.classes))
    if len(counts) < 2:
        name = printable(dataset.classes[0], 40)
        raise DataError(f"{where}: every label is {name}; two classes or more are needed")
    if counts.min() == 1 and dataset.source == "file":
        lone = printable(dataset.classes[int(counts.argmin())], 40)
        raise DataError(f"{where}: class {lone} has 1 row; add some or drop it")


def _check_learnable(train: Rows, classes: list[Any], where: str) -> None:
    """Refuse a class all of whose rows are held out or left out (`DataError`)."""
    assert train.y is not None
    gone = np.flatnonzero(np.bincount(train.y, minlength=len(classes)) == 0)
    if gone.size:
        raise DataError(
            f"{where}: no row of class {printable(classes[gone[0]], 40)} is left to learn from; "
            "use another --split or --seed, a smaller --test-fraction, or drop the class"
        )


def _check_answers(dataset: SequenceDataset, config: Config, where: str) -> None:
    """Refuse what `--output` cannot learn: one target a series has no steps, and the reverse."""
    y = dataset.y
    if y is None:
        raise DataError(f"{where}: no targets; name their columns with --target")
    if y.ndim == 2 and config.data.horizon:
        raise OptionError(
            f"--horizon: needs a target at every step, {where} has one a series; drop it or, "
            "where a row is a step, add --layout long"
        )
    if y.ndim == 2 and config.data.output == "steps":
        raise OptionError(
            f"--output: steps needs a target at every step, {where} has one a series; add "
            "--output last --no-stateful"
        )
    if len(dataset.train) > 1 and config.data.stateful and dataset.source == "file":
        raise OptionError(
            f"--stateful: {where} holds {len(dataset.train)} separate series, so no state can go "
            "from one to the next; add --no-stateful"
        )


def _held_out(parts: dict[str, Any], config: Config, where: str) -> dict[str, Any]:
    """Test and validation rows held out where the data does not bring them, windows cut."""
    how, seed = config.data, config.training.seed
    train: Rows = parts["train"]
    if _is_signal(train, config) and isinstance(train.X, RowStore):
        train = _cut_on_disk(train, config, where)
    for name, fraction, purpose in (
        ("test", how.test_fraction, "split"),
        ("valid", how.valid_fraction, "valid"),
    ):
        if parts[name] is None and fraction:
            way = split_way(train, config)
            if _is_signal(train, config):
                unit = max(how.window, 1)
                context = unit - 1 if name == "test" and not how.stateful else 0
                train, parts[name] = split_signal(train, fraction, unit, context, where)
            else:
                train, parts[name] = hold_out(train, fraction, way, seed, purpose, where)
    parts["train"] = train
    if config.job == "regress":
        for name, rows in parts.items():
            if rows is not None and (rows.y is None or rows.y.ndim == 3):
                # Test series stay whole where no state is carried: every step of theirs is
                # answered from the window that ends there.
                whole = name == "test" and not how.stateful
                parts[name] = cut_windows(
                    rows,
                    0 if whole else how.window,
                    how.stride,
                    how.horizon,
                    "steps" if whole else how.output,
                    where,
                )
                if whole:
                    _check_answerable(parts[name], how.window, where)
    return parts


def _check_answerable(rows: Rows, window: int, where: str) -> None:
    """Refuse test series that are all shorter than a window, before anything is learnt."""
    longest = rows.X.shape[1] if rows.lengths is None else int(rows.lengths.max(initial=0))
    if longest < window:
        raise DataError(
            f"{where}: a window has {window} steps, the longest test series {longest} with a "
            "target; use a shorter --window or --horizon, or a larger --test-fraction"
        )


def _cut_on_disk(rows: Rows, config: Config, where: str) -> Rows:
    """A signal too large for memory as windows that are read when asked for."""
    how = config.data
    W = how.window
    if how.horizon or how.output == "last" or how.stride not in (None, W) or not W:
        raise OptionError(
            f"--window: {where} is read in pieces, which takes windows one after another with "
            "--output steps, without --horizon and --stride"
        )
    try:
        X = rows.X.windows(W)
    except TypeError:
        raise DataError(f"{where}: save a signal this large as float32 or float64") from None
    assert rows.y is not None
    n = len(X)
    if not n:
        raise DataError(f"{where}: a window has {W} steps, the signal {rows.X.shape[1]}")
    steps = np.arange(n * W, dtype=float).reshape(n, W)
    return Rows(X, rows.y[0, : n * W].reshape(n, W, -1), times=steps)


def _is_signal(rows: Rows, config: Config) -> bool:
    """Whether the data is one long series with a target at every step."""
    return config.job == "regress" and len(rows) == 1 and rows.y is not None and rows.y.ndim == 3


def split_way(rows: Rows, config: Config) -> str:
    """How rows are held out: `--split`, or what it stands for where it is auto.

    Raises
    ------
    OptionError
        If the data has no groups to split by.
    """
    way = config.data.split
    if way == "group" and rows.groups is None:
        raise OptionError("--split: the rows have no groups; name their column with --group")
    if way != "auto":
        return way
    if rows.groups is not None:
        return "group"
    if config.job == "regress" and isinstance(rows.X, RowStore):
        return "time"
    if config.job == "regress" or rows.y is None:
        return "random"
    # Labels that hardly repeat, as names an autoencoder is given, are no classes.
    return "stratified" if 2 * len(np.unique(rows.y)) <= len(rows) else "random"


def _dropped(rows: Rows, missing: str, where: str) -> tuple[Rows, list[str]]:
    """Rows without a missing target, and with `drop` without any missing value."""
    gone = np.zeros(len(rows), bool)
    if rows.y is not None and rows.y.dtype.kind == "f":
        gone |= lacking(rows.y, rows.lengths if rows.y.ndim == 3 else None) > 0
    if missing == "drop":
        gone |= lacking(rows.X, rows.lengths) > 0
    if not gone.any():
        return rows, []
    if gone.all():
        raise DataError(
            f"{where}: all {len(rows)} rows have missing values; use --missing mean or mask"
        )
    said = f"{where}: {int(gone.sum())} of {len(rows)} rows left out for missing values"
    return rows.take(np.flatnonzero(~gone)), [said]


def _check_whole(dataset: SequenceDataset, config: Config, where: str) -> None:
    """Refuse missing values and targets, told by their row in the data as it was read."""
    for name in ("train", "test", "valid"):
        rows = getattr(dataset, name)
        if rows is None:
            continue
        label = where if name == "train" else _called(name, config, where)
        check_finite(rows.X, rows.lengths, label, dataset.columns, ids=rows.ids)
        if rows.y is not None and rows.y.dtype.kind == "f":
            bad = ~np.isfinite(rows.y)
            if bad.any():
                raise DataError(
                    f"{label}: {int(bad.sum())} targets are missing or not finite, the first in "
                    f"row {int(np.argwhere(bad)[0][0])}; leave such rows out with --missing drop"
                )


def _weighed(rows: Rows, config: Config) -> Rows:
    """Training rows with weights whose mean over what is counted is 1; those of 0 left out."""
    weights = rows.weights
    if config.data.class_weight == "balanced" and rows.y is not None:
        counts = np.bincount(rows.y, weights)
        each = counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1e-300))
        weights = each[rows.y] * (1.0 if weights is None else weights)
    if weights is None:
        return rows
    if not (weights >= 0).all() or not np.isfinite(weights).all() or not weights.any():
        raise DataError("weights: expected numbers from 0 on, not all of them 0")
    if not weights.all():
        kept = np.flatnonzero(weights)
        rows, weights = rows.take(kept), weights[kept]
    per_step = rows.lengths is not None and rows.y is not None and rows.y.ndim == 3
    share = rows.lengths if per_step and rows.lengths is not None else np.ones(len(rows))
    return replace(rows, weights=weights * (share.sum() / (weights * share).sum()))
