"""Prepares a data set for a job: lays it out, splits it, fills in missing values and scales it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hiddenstate.config import Config, DataConfig, section_options
from hiddenstate.data.dataset import PreparedDataset, RowAxes, SequenceDataset
from hiddenstate.data.origin import windows_of_one
from hiddenstate.data.prepare.axes import row_axes
from hiddenstate.data.prepare.fit import fitted_transform
from hiddenstate.data.prepare.known_columns import (
    added_inputs,
    known_part,
    linear_path,
    with_moved,
)
from hiddenstate.data.prepare.layout import (
    laid_out,
    own_part,
    part_name,
    with_class_numbers,
    with_features,
    with_pixels_as_trained,
)
from hiddenstate.data.prepare.linear_path import LinearPath
from hiddenstate.data.prepare.missing import (
    amount,
    check_finite,
    filled_forward,
    incomplete_dropped,
    infinite_as_missing,
    missing_error,
)
from hiddenstate.data.prepare.remarks import (
    reads_short,
    short_remarks,
    target_remarks,
    unseen_remarks,
)
from hiddenstate.data.prepare.split import (
    SPLIT_RULE,
    hold_out,
    moments,
    split_series,
    split_signal,
)
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.data.prepare.weights import weighed, with_scaled_weights
from hiddenstate.data.prepare.windows import cut_windows
from hiddenstate.data.rows import Rows, in_memory, is_copy, known_steps, overlapping, with_origin
from hiddenstate.data.store import RowStore
from hiddenstate.errors import DataError, OptionError, printable
from hiddenstate.system.notice import Remark


@dataclass(frozen=True)
class _Parts:
    """The rows of a data set, by what they are for."""

    train: Rows
    test: Rows | None = None
    valid: Rows | None = None

    def map(self, change: Callable[[str, Rows], Rows]) -> "_Parts":
        """Return the parts that are there, each replaced by `change(name, rows)`."""
        return _Parts(
            change("train", self.train),
            None if self.test is None else change("test", self.test),
            None if self.valid is None else change("valid", self.valid),
        )


def prepare(
    dataset: SequenceDataset,
    config: Config,
    transform: Transform | None = None,
    every_class: bool = True,
    split_rule: int = SPLIT_RULE,
    path: LinearPath | None = None,
) -> PreparedDataset:
    """Prepare `dataset` for the job of `config`.

    Parameters
    ----------
    dataset : SequenceDataset
    config : Config
    transform : Transform, optional
        Fitted on earlier rows, for a model that continues to learn; fitted here by default.
    every_class : bool, default True
        Whether each class must have a training row; not for rows that are only some of them.
    split_rule : int, optional
        How series are split in time: that of a run whose data is prepared again.
    path : LinearPath, optional
        That of a run whose data is prepared again; fitted here by default.

    Raises
    ------
    DataError, OptionError
        If the data or the options do not fit, with a hint.
    """
    where, options = printable(dataset.name), config.data
    dataset = with_scaled_weights(dataset)
    # Arrays in memory may change at any time, and nobody reads them again.
    fingerprint = None if dataset.source == "arrays" else dataset.fingerprint()
    dataset, axes, unknown = _laid_out(dataset, config, where)
    of_series = config.kind.has_targets and dataset.y is not None and dataset.y.ndim == 3
    columns = dataset.columns
    dataset = with_moved(dataset, config)
    if axes.channels is not None and columns != dataset.columns:
        axes = replace(axes, channels=dataset.columns)
    parts = _held_out(_Parts(dataset.train, dataset.test), config, where, split_rule)
    path = path if path or transform else linear_path(parts.train, dataset, config, where)
    short = short_remarks(parts.train, config, where)
    if config.kind.has_targets:
        parts = parts.map(lambda name, rows: _windows(name, rows, config, where))
    parts, remarks = _without_missing(parts, config, where)
    remarks = [*_order_remarks(dataset, config, where), *unknown, *remarks]
    remarks += unseen_remarks(parts.train, dataset, where) + short
    if config.kind.has_classes and every_class:
        _check_learnable(parts.train, dataset.classes or [], where)
    quantiles = _quantiles(config, transform)
    parts = parts.map(lambda name, rows: _for_quantiles(rows, len(quantiles)))
    change = added_inputs(dataset, config, where) if config.kind.has_targets else None
    if change is not None and quantiles:
        change = tuple(feature for feature in change for _ in quantiles)
    fitted = transform or fitted_transform(
        parts.train,
        options.missing,
        options.scale,
        scale_targets=config.kind.has_targets,
        change=change,
        columns=columns,
        targets=dataset.targets,
        reading=_reading(dataset, config),
        encodings=dataset.encodings,
        linear=path,
        quantiles=quantiles,
    )
    read = _Parts(dataset.train, dataset.test)
    parts = parts.map(lambda name, rows: _transformed(name, rows, fitted, config, where, read))
    return PreparedDataset(
        name=dataset.name,
        train=weighed(parts.train, config),
        test=_scored(parts.test, config),
        valid=parts.valid,
        kind=dataset.kind,
        classes=dataset.classes,
        columns=dataset.columns,
        targets=dataset.targets,
        picture=dataset.picture,
        source=dataset.source,
        remarks=(*dataset.remarks, *remarks),
        numbers_as_text=dataset.numbers_as_text,
        season_why=dataset.season_why,
        transform=fitted,
        fingerprint_as_read=fingerprint,
        axes=axes,
        split_rule=split_rule if dataset.source == "file" and of_series else 1,
    )


def _quantiles(config: Config, transform: Transform | None) -> tuple[float, ...]:
    """Return the quantiles that are answered of each target: those of a fitted transform, if there
    is one, which must be those of the options."""
    quantiles = config.training.quantile if transform is None else transform.quantiles
    if quantiles != config.training.quantile:
        raise OptionError(
            f"--quantile: the model answers {', '.join(map(str, quantiles)) or 'no quantiles'}; "
            "train a new one for others"
        )
    return quantiles


def _laid_out(
    dataset: SequenceDataset, config: Config, where: str
) -> tuple[SequenceDataset, RowAxes, list[str]]:
    """Return rows in the layout of the job, not split or scaled, their axes, and remarks on what is
    unknown: missing values are refused, filled in with the last one, or left as they are."""
    options = config.data
    separate = config.kind.has_targets and dataset.source == "file" and options.stateful
    dataset = dataset.map(lambda rows: with_origin(rows, separate))
    if options.missing != "error":
        dataset = dataset.map(infinite_as_missing)
    suitable = fills(dataset, config)
    if not config.kind.has_targets:
        dataset = with_class_numbers(dataset, config, where)
    dataset = with_features(dataset, where) if options.layout == "features" else dataset
    dataset = with_pixels_as_trained(dataset)
    axes = row_axes(dataset, config)
    dataset = laid_out(dataset, config, where)
    if options.missing == "forward" and config.kind.has_codes:
        raise OptionError("--missing: flat rows have no previous step; use mean or mask")
    dataset, remarks = known_part(dataset, config, where)
    if options.missing == "error":
        _check_complete(dataset, config, where, suitable)
    remarks += target_remarks(dataset, config, where)
    if options.missing == "forward":
        dataset, first = _filled_forward(dataset, config, where)
        remarks += first
    return dataset, axes, remarks


def _scored(test: Rows | None, config: Config) -> Rows | None:
    """Return the test rows; None if they are not to be scored."""
    return test if config.data.test_scores else None


def fills(dataset: SequenceDataset, config: Config) -> str:
    """Return the values of `--missing` that fill in gaps of this data as read, the best first."""
    if config.kind.has_codes:
        return "mean or mask"
    is_series = dataset.X.ndim == 3 or (dataset.y is not None and dataset.y.ndim == 3)
    return "forward, mask or mean" if is_series else "mean, forward or mask"


def _filled_forward(
    dataset: SequenceDataset, config: Config, where: str
) -> tuple[SequenceDataset, list[str]]:
    """Fill in series that will be split or cut into windows, as only the whole has all values.

    Other rows are filled in by the transform.
    """
    remarks = list[str]()
    cut = config.kind.has_targets and dataset.y is not None and dataset.y.ndim == 3

    def filled(rows: Rows) -> Rows:
        part, name = own_part(rows, dataset, config, where)
        if not cut and isinstance(rows.X, RowStore):
            return rows
        X, words = filled_forward(rows.X, rows.lengths, name)
        remarks.extend(Remark(line, part) for line in words)
        return replace(rows, X=X) if cut else rows

    return dataset.map(filled), remarks


def _for_quantiles(rows: Rows, n: int) -> Rows:
    """Return rows with each target `n` times; unchanged if there are no quantiles."""
    return rows if rows.y is None or not n else replace(rows, y=np.repeat(rows.y, n, axis=-1))


def _transformed(
    name: str, rows: Rows, transform: Transform, config: Config, where: str, read: _Parts
) -> Rows:
    """Return rows as kept, in the place of a copy; the arrays that were `read` stay as they are.

    Targets of test rows are in their own units again, as far as a net could answer them.
    """
    dtype, own = config.training.dtype, is_copy(rows.X, read.train, read.test)
    X = transform.apply(rows.X, rows.lengths, dtype, where, check=False, overwrite=own)
    y = rows.y
    if config.kind.has_targets and y is not None:
        y = _kept(transform.apply_targets(y, X, rows.lengths, dtype, name == "test"), y)
    return replace(rows, X=_kept(X, rows.X), y=y)


def _kept(values: Any, read: Any) -> Any:
    """Return values in memory; windows of another array than those that were `read` stay views."""
    is_own = overlapping(values) is not None and not np.may_share_memory(values, read)
    return values if is_own else in_memory(values)


def _reading(dataset: SequenceDataset, config: Config) -> dict[str, Any]:
    """Options to read the next file with, by name; only those the job has."""
    options = section_options(DataConfig, config.job)
    reading = {name: getattr(config.data, name) for name in options if options[name].kept}
    for name, value in dataset.read_as.items():
        if name in reading and reading[name] in (None, "auto"):
            reading[name] = value
    if "color" in reading and len(dataset.picture or ()) == 3:
        reading["color"] = True
    if config.kind.has_targets and dataset.y is not None and dataset.y.ndim < 3:
        reading["window"] = 0  # one target a series: series are read whole
    later = ("future", "static", "season", "every")  # old model files stay as they were
    reading = {n: v for n, v in reading.items() if v is not None or n not in later}
    return {n: v for n, v in reading.items() if v or n != "washout"}


def _check_learnable(train: Rows, classes: list[Any], where: str) -> None:
    """Refuse data in which no training row of a class is left (`DataError`)."""
    y = train.require_targets().astype(np.intp, copy=False)
    absent = np.flatnonzero(np.bincount(y, minlength=len(classes)) == 0)
    if absent.size:
        raise DataError(
            f"{where}: no training row of class {printable(classes[absent[0]], 40)} is left; use "
            "another --split or --seed, a smaller --test-fraction, or drop the class"
        )


def _held_out(parts: _Parts, config: Config, where: str, rule: int) -> _Parts:
    """Hold out test and validation rows unless the data brings them."""
    options = config.data
    train, test, valid = parts.train, parts.test, parts.valid
    if _is_signal(train, config) and isinstance(train.X, RowStore):
        train = _windows_on_disk(train, config, where)
    if test is None and options.test_fraction:
        train, test = _split(train, options.test_fraction, "split", config, where, rule)
    if valid is None and options.valid_fraction:
        own = is_copy(train.X, parts.train, parts.test)
        train, valid = _split(train, options.valid_fraction, "valid", config, where, rule, own)
    return _Parts(train, test, valid)


def _split(
    train: Rows,
    fraction: float,
    purpose: str,
    config: Config,
    where: str,
    rule: int,
    overwrite: bool = False,
) -> tuple[Rows, Rows]:
    """Split training rows into those kept and those held out; a signal is split in time.

    Test series begin with the window whose target is the first that is held out or, if the state is
    carried, where the training windows end.
    """
    way, carried = split_way(train, config), config.data.stateful
    window, ahead = max(config.data.window, 1), (config.data.horizon or 0) * (rule > 1)
    context = (0 if carried else window - 1) + ahead if purpose == "split" else 0
    if _is_signal(train, config):
        unit = window if carried or rule == 1 else 1
        return split_signal(train, fraction, window, context, where, ahead, unit)
    if way == "time" and are_split_in_time(train, config):
        unit, least = (window, window + ahead) if carried else (1, 1)
        return split_series(train, fraction, context, purpose, where, ahead * carried, unit, least)
    return hold_out(train, fraction, way, config.split_seed, purpose, where, overwrite)


def _windows(name: str, rows: Rows, config: Config, where: str) -> Rows:
    """Cut series with a target at every step into windows.

    Test series stay whole unless the state is carried: every step of theirs is predicted from the
    window that ends there.
    """
    if rows.y is not None and rows.y.ndim < 3:
        return rows
    options = config.data
    one_each = options.output == "last" and not options.window
    whole = name == "test" and not (options.stateful or one_each)
    rows = cut_windows(
        rows,
        0 if whole else options.window,
        options.stride,
        options.horizon,
        "steps" if whole else options.output,
        f"{where}: validation" if name == "valid" else where,
        reads_short(config),
    )
    if whole:
        _check_long_enough(rows, options.window, where)
    return rows


def _check_long_enough(rows: Rows, window: int, where: str) -> None:
    """Refuse test series that are all shorter than a window, before training."""
    longest = rows.longest
    if longest < window:
        raise DataError(
            f"{where}: a window has {window} steps, but the longest test series has {longest} with "
            "a target; use a shorter --window or --horizon, or a larger --test-fraction"
        )


def _windows_on_disk(rows: Rows, config: Config, where: str) -> Rows:
    """Return a signal too large for memory as windows that are read on demand."""
    options, W = config.data, config.data.window
    if options.horizon or options.output == "last" or options.stride not in (None, W) or not W:
        raise OptionError(
            f"--window: {where} is too large for memory, so windows cannot overlap; use --output "
            "steps, and leave out --horizon and --stride"
        )
    try:
        X = rows.X.windows(W)
    except TypeError:
        raise DataError(
            f"{where}: too large to be converted; save it as float32 or float64"
        ) from None
    n = len(X)
    if not n:
        raise DataError(f"{where}: a window has {W} steps, but the signal has {rows.X.shape[1]}")
    steps = np.arange(n * W, dtype=float).reshape(n, W)
    y = rows.require_targets()[0, : n * W].reshape(n, W, -1)
    return Rows(X, y, times=steps, origin=windows_of_one(n, W))


def _is_signal(rows: Rows, config: Config) -> bool:
    """Whether the data is one long series with a target at every step."""
    return config.kind.has_targets and len(rows) == 1 and rows.y is not None and rows.y.ndim == 3


def are_split_in_time(rows: Rows, config: Config) -> bool:
    """Whether `--split time` holds out the end of each row: of each of several series."""
    of_one = rows.origin is None or not rows.origin.separate
    in_windows = (config.data.stateful and of_one) or isinstance(rows.X, RowStore)
    at_every_step = config.kind.has_targets and rows.y is not None and rows.y.ndim == 3
    return at_every_step and len(rows) > 1 and not in_windows


def _order_remarks(dataset: SequenceDataset, config: Config, where: str) -> list[str]:
    """With `--split time`, say so if the order of the data counts as the order of time."""
    rows, options = dataset.train, config.data
    held_out = options.valid_fraction or (options.test_fraction and dataset.test is None)
    if options.split != "time" or not held_out or dataset.source == "bundled":
        return []
    if rows.times is not None or rows.clock is not None:
        alike = moments(rows) is None and len(rows) > 1 and not are_split_in_time(rows, config)
        return [f"{where}: all rows start at the same time; their order is that of time"] * alike
    hint = "; a time column is named by --time COL" if "layout" in dataset.read_as else ""
    return [f"{where}: no times; the order of the rows is that of time{hint}"]


def split_way(rows: Rows, config: Config) -> str:
    """Return how rows are held out: `--split`, or what `auto` chooses for them.

    Raises
    ------
    OptionError
        If rows are to be split by group and have no groups.
    """
    way = config.data.split
    if way == "group" and rows.groups is None:
        raise OptionError("--split: the rows have no groups; name their column with --group")
    if way != "auto":
        return way
    if rows.groups is not None:
        return "group"
    if config.kind.has_targets and isinstance(rows.X, RowStore):
        return "time"
    if config.kind.has_targets or rows.y is None:
        return "random"
    # An autoencoder's labels may be names that hardly repeat, which are not classes.
    return "stratified" if 2 * len(np.unique(rows.y)) <= len(rows) else "random"


def _without_missing(parts: _Parts, config: Config, where: str) -> tuple[_Parts, list[str]]:
    """Drop rows that `--missing` says to drop, and say how many.

    Test series of a regression keep all their steps, unless the state is carried: steps without a
    target, or with missing values in their window, are left out when the model is evaluated.
    """
    missing, remarks = config.data.missing, list[str]()

    def dropped(name: str, rows: Rows) -> Rows:
        whole = name == "test" and config.kind.has_targets and not config.data.stateful
        if missing != "error" and not whole:
            rows, words = incomplete_dropped(rows, config, part_name(name, config, where))
            remarks.extend(Remark(line, name) for line in words)
        return rows

    return parts.map(dropped), remarks


def _check_complete(dataset: SequenceDataset, config: Config, where: str, suitable: str) -> None:
    """Refuse missing values and targets, named by their row in the data as read."""
    for rows in (dataset.train, dataset.test):
        if rows is None:
            continue
        _, label = own_part(rows, dataset, config, where)
        check_finite(
            rows.X,
            rows.lengths,
            label,
            dataset.columns,
            ids=rows.ids,
            fills=suitable,
            encodings=dataset.encodings,
            origin=rows.origin,
        )
        if rows.y is not None and rows.y.dtype.kind == "f":
            if rows.y.ndim == 3 and known_steps(rows.y).all():
                continue
            bad = ~np.isfinite(rows.y)
            if bad.any():
                row, *step = np.argwhere(bad)[0][:-1].tolist()
                at = f"row {row}" + (f", step {step[0]}" if step else "")
                what = "windows with such steps" if step else "such rows"
                raise missing_error(
                    label,
                    f"{amount(int(bad.sum()), 'target')} missing or not finite, the first "
                    f"in {at}; drop {what} with --missing drop",
                    rows.origin.file_row(row, *step or [0]) if rows.origin else None,
                )
