"""Lays out rows in the shape a job reads, and checks its labels or targets."""

import contextlib
import shlex
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.config import Config
from hiddenstate.data.dataset import SequenceDataset, label_values
from hiddenstate.data.description import like_numbers
from hiddenstate.data.rows import Rows, as_rows, flat_rows, fractions
from hiddenstate.data.store import RowStore
from hiddenstate.errors import DataError, OptionError, printable
from hiddenstate.program.jobs import first_with
from hiddenstate.system.typing import Array

MAX_CLASSES = 5000
"""Largest number of classes: scores count every pair of classes."""


def with_features(dataset: SequenceDataset, where: str) -> SequenceDataset:
    """Return wide rows whose columns are features, for `--layout features`: one step each.

    Whole numbers of a table are then not pixels, but scaled by column.

    Raises
    ------
    OptionError
        If rows are series already.
    """
    if dataset.X.ndim != 2:
        raise OptionError(
            f"--layout: {where} has series of several steps, expected one row per example; leave "
            "out --layout features"
        )
    table = dataset.columns is not None

    def as_steps(rows: Rows) -> Rows:
        X = pixel_fractions(rows.X, False) if table and rows.X.dtype == np.uint8 else rows.X
        return replace(rows, X=as_rows(X, 1, where))

    return replace(dataset.map(as_steps), picture=None)


def with_pixels_as_trained(dataset: SequenceDataset) -> SequenceDataset:
    """Return the data of a table with test rows that are pixels only if the training rows are."""
    test, pixels = dataset.test, dataset.X.dtype == np.uint8
    if test is None or dataset.columns is None or pixels == (test.X.dtype == np.uint8):
        return dataset
    return replace(dataset, test=replace(test, X=pixel_fractions(test.X, pixels)))


def pixel_fractions(X: Any, pixels: bool) -> Any:
    """Return whole numbers of a table (N, F) as float64: fractions of 255 if they are `pixels`."""
    if isinstance(X, RowStore):
        change = partial(pixel_fractions, pixels=pixels)
        return X.mapped(change, X.shape[1:], np.float64)
    return X / 255 if pixels else X.astype(np.float64)


def own_part(rows: Rows, dataset: SequenceDataset, config: Config, where: str) -> tuple[str, str]:
    """Return which part rows that are not split yet are, and its name in messages."""
    if rows is dataset.train:
        return "train", where
    return "test", part_name("test", config, where)


def part_name(part: str, config: Config, where: str) -> str:
    """Name a part of the data in messages: by its file, if it has a file of its own."""
    own = config.data.test if part == "test" else None
    return printable(Path(own).name) if own else f"{where}: {part}"


def with_class_numbers(dataset: SequenceDataset, config: Config, where: str) -> SequenceDataset:
    """Return the data with labels replaced by class numbers, in the order of sorted labels."""
    if dataset.y is None or dataset.classes is not None:
        return dataset
    labels, y = np.unique(dataset.y, return_inverse=True)
    test = dataset.test
    if test is not None and test.y is not None:
        test = replace(test, y=class_numbers(test.y, labels, part_name("test", config, where)))
    train = replace(dataset.train, y=y.astype(np.int64))
    return replace(dataset, classes=label_values(labels), train=train, test=test)


def _truths(labels: Array, y: Array) -> tuple[Array, Array]:
    """Return both as 1 and 0 if all are true and false, or 1 and 0; else as they are."""
    sides = []
    for side in (labels, y):
        words = np.char.lower(side.astype(str))
        true, false = np.isin(words, ("true", "1")), np.isin(words, ("false", "0"))
        if not (true | false).all():
            return labels, y
        sides.append(true.astype(np.int64))
    return (sides[0], sides[1]) if len(set(sides[0].tolist())) == len(labels) else (labels, y)


def class_numbers(y: Array, labels: Any, where: str) -> Array:
    """Return the position of each label of `y` (N,) among the sorted `labels`.

    Raises
    ------
    DataError
        If a label is not among them.
    """
    labels = np.asarray(labels)
    if not np.isin(y, labels).all():
        labels, y = _truths(labels, y)
    if labels.dtype.kind in "if" and y.dtype.kind == "U":
        with contextlib.suppress(ValueError):  # classes 1 and 2 were written 01 and 02
            y = y.astype(np.float64)
    if labels.dtype.kind != y.dtype.kind and "U" in (labels.dtype.kind, y.dtype.kind):
        labels, y = labels.astype(str), y.astype(str)
    order = np.argsort(labels)  # numbers sort in another order once they are text
    numbers = order[np.minimum(np.searchsorted(labels, y, sorter=order), len(labels) - 1)]
    unknown = np.flatnonzero(labels[numbers] != y)
    if unknown.size:
        raise DataError(
            f"{where} row {unknown[0]} has label {printable(y[unknown[0]], 40)}, which no "
            "training row has"
        )
    return np.asarray(numbers, np.int64)


def laid_out(dataset: SequenceDataset, config: Config, where: str) -> SequenceDataset:
    """Return the data in the shape the job reads, its labels or targets checked."""

    def lay_out(rows: Rows) -> Rows:
        if rows.lengths is not None and config.data.steps is not None:
            raise OptionError(
                f"--steps: cuts rows of one length, but {where} has series of "
                f"{rows.lengths.min()} to {rows.lengths.max()} steps; leave it out"
            )
        if config.kind.has_series:
            return replace(rows, X=as_rows(rows.X, config.data.steps, where))
        if rows.lengths is not None:
            raise DataError(
                f"{where}: an autoencoder takes rows of one length, but these have "
                f"{rows.lengths.min()} to {rows.lengths.max()} steps; cut or resample them"
            )
        return replace(rows, X=flat_rows(rows.X))

    if dataset.encodings and dataset.X.ndim == 2 and config.kind.has_series:
        raise OptionError(
            f"--layout: columns of text or dates among the inputs of {where} are features, not "
            "steps of a series; use --layout features"
        )
    dataset = dataset.map(lay_out)
    if config.kind.has_targets and dataset.y is None and config.data.horizon:
        dataset = _forecasting_itself(dataset)
    if config.kind.has_classes:
        _check_labels(dataset, config, where)
    elif config.kind.has_targets:
        _check_targets(dataset, config, where)
    return dataset


def _forecasting_itself(dataset: SequenceDataset) -> SequenceDataset:
    """Return series without targets with their own features as targets."""
    width = dataset.X.shape[-1]
    names = dataset.columns
    if names is None or len(names) != width:
        names = ("value",) if width == 1 else tuple(f"value_{i}" for i in range(width))

    def with_targets(rows: Rows) -> Rows:
        X = rows.X[:]
        return replace(rows, X=X, y=fractions(X, np.float64))

    return replace(dataset.map(with_targets), columns=names, targets=names)


def _check_labels(dataset: SequenceDataset, config: Config, where: str) -> None:
    """Refuse data without labels, with one label only, or with a class of one row."""
    if dataset.y is None or dataset.classes is None:
        raise DataError(f"{where}: no labels; name their column with --label, or add them")
    counts = np.bincount(dataset.y.astype(np.intp, copy=False), minlength=len(dataset.classes))
    if counts.min() == 1 and dataset.source == "file" and _look_like_numbers(dataset):
        raise DataError(f"{where}: {_advice_to_regress(dataset, config)}")
    if len(dataset.classes) > MAX_CLASSES:
        raise DataError(
            f"{where}: {len(dataset.classes):,} classes, expected at most {MAX_CLASSES:,}; name "
            "another column with --label, or predict a number with regress --target COL"
        )
    if len(counts) < 2:
        name = printable(dataset.classes[0], 40)
        raise DataError(f"{where}: all rows have the label {name}; expected two or more classes")
    if counts.min() == 1 and dataset.source == "file":
        lone = printable(dataset.classes[int(counts.argmin())], 40)
        raise DataError(f"{where}: class {lone} has only 1 row; add rows, or drop the class")


def _look_like_numbers(dataset: SequenceDataset) -> bool:
    """Return whether labels, which are class numbers by now, were numbers to predict."""
    labels = np.asarray(dataset.classes)
    return dataset.y is not None and labels.dtype.kind in "if" and like_numbers(labels[dataset.y])


def _advice_to_regress(dataset: SequenceDataset, config: Config) -> str:
    """Say that labels are numbers, with the command that predicts them."""
    words = f"the {len(dataset.classes or [])} different labels look like numbers, not like classes"
    column, layout = dataset.read_as.get("label"), config.data.layout
    if column is None:
        return f"{words}; use regress"
    command = ["hiddenstate", first_with("targets"), printable(config.data.data)]
    command += ["--target", printable(column)]
    if dataset.read_as.get("layout") == "wide":
        command += ["--layout", layout if layout in ("wide", "features") else "features"]
    return f"{words}; use {shlex.join(command)}"


def _check_targets(dataset: SequenceDataset, config: Config, where: str) -> None:
    """Refuse data without targets, and options that its targets do not fit."""
    y = dataset.y
    if y is None:
        raise DataError(f"{where}: no targets; name their columns with --target")
    if y.ndim == 2 and config.data.horizon:
        raise OptionError(
            f"--horizon: requires a target at every step, but {where} has one per series; leave it "
            "out or, if a row is a step, add --layout long"
        )
    if y.ndim == 2 and config.data.output == "steps":
        raise OptionError(
            f"--output: steps requires a target at every step, but {where} has one per series; add "
            "--output last --no-stateful"
        )
    if y.ndim == 2 and config.data.stateful and dataset.source == "file":
        raise OptionError(
            f"--stateful: {where} has {len(dataset.train)} separate series with one target each, "
            "so no state is carried from one to the next; add --no-stateful"
        )
